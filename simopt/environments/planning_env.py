"""The planning engine as a Gymnasium environment: an agent orders for every site and product, period by period.

Needs the extra `gym`. An episode is one replication, the warm-up included; the reward of a period is its cost with its
sign turned, in the warm-up without that of stock, backlog and transit. What is observed once a period's demand has
appeared: stock on hand, on order, owed (this period's customers not counted) and customers' demand, each by site and
product, and the period.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import gymnasium
import numpy as np
from numpy.typing import NDArray

from design.case import Case
from design.network import Design
from simopt.planning.engine import Engine, planners_of
from simopt.planning.measures import Recorder
from simopt.planning.paths import Chance
from simopt.planning.policy import Planner, Situation
from simopt.planning.world_of_case import world_of

Floats = NDArray[np.float64]

OBSERVED = ("on_hand", "on_order", "backlog", "demand")


@dataclass(eq=False)
class OrderedRule:
    """A site that orders what it is told.

    Parameters
    ----------
    planner
        Gives the stock at the start: expected demand of the lead time and one period.
    orders
        Of this period, shape (1, product), units.
    """

    planner: Planner
    orders: Floats
    needs_signal: bool = False
    needs_echelon: bool = False

    def order(self, now: Situation) -> Floats:  # noqa: ARG002
        """What was told."""
        return self.orders

    def aim(self, now: Situation) -> Floats:
        """Its position after the order: nothing counts as excess that was asked for."""
        return now.position + self.orders

    def start(self) -> Floats:
        """Units on hand."""
        return self.planner.mean * (self.planner.coverage + 1)


class PlanningEnv(gymnasium.Env):  # type: ignore[misc]
    """See the module.

    Parameters
    ----------
    case, design
        The world.
    most
        Units that a site may order of a product at most.
    """

    metadata: ClassVar[dict[str, Any]] = {"render_modes": []}

    def __init__(self, case: Case, design: Design, most: float = 1e6) -> None:
        self.world = world_of(case, design)
        self._shape = (len(self.world.sites), self.world.num_products)
        size = int(np.prod(self._shape))
        self.action_space = gymnasium.spaces.Box(0.0, most, (size,), np.float64)
        self.observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (len(OBSERVED) * size + 1,), np.float64)
        self._engine: Engine | None = None
        self._rules: Sequence[OrderedRule] = ()
        self._periods: Iterator[int] = iter(())
        self._period = -1

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Floats, dict[str, Any]]:
        """Begin an episode; equal seeds give equal demand, delays and disturbances."""
        super().reset(seed=seed, options=options)
        drawn = int(self.np_random.integers(2**31)) if seed is None else seed
        paths = Chance(self.world, drawn).paths(range(1))
        planners = planners_of(self.world, paths)
        self._rules = [OrderedRule(planner, np.zeros((1, self._shape[1]))) for planner in planners]
        recorder = Recorder(self.world, 1, with_series=True, traced=None)
        self._engine = Engine(self.world, self._rules, planners, paths, recorder)
        self._periods = self._engine.periods_to_plan()
        self._period = next(self._periods)
        return self._observation(), {}

    def step(self, action: Floats) -> tuple[Floats, float, bool, bool, dict[str, Any]]:
        """Order for every site and product, flat as in `action_space`; run to the next decision."""
        if self._engine is None:
            raise ValueError("step before reset: expected reset first")
        for rule, orders in zip(self._rules, np.asarray(action, dtype=np.float64).reshape(self._shape), strict=True):
            rule.orders = orders[None]
        done = self._period
        self._period = next(self._periods, self.world.case.num_periods)
        cost = float(self._engine.recorder.cost_of(done)[0])
        return self._observation(), -cost, False, self._period >= self.world.case.num_periods, {"period": done}

    def _observation(self) -> Floats:
        engine = self._engine
        assert engine is not None
        parts = np.zeros((len(OBSERVED), *self._shape))
        for s, state in enumerate(engine.states):
            parts[:3, s] = state.on_hand[0], state.on_order[0], state.owed[0]
            if state.site.has_customers:
                parts[3, s] = state.asked[-1][0]
        return np.concatenate([parts.ravel(), [float(self._period)]])
