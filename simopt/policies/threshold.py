"""Thresholds that change from step to step: order what is missing to the next step's (Caiza et al., equation (8)).

Goods ordered after the demand of a period are there before that of the next one: links have a lead time of 1. What is
short is lost at once, so that stock never starts a step below 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from design.errors import BadInputError
from simopt.planning.policy import Planner, Situation
from simopt.planning.world import Floats


@dataclass(frozen=True, eq=False)
class ThresholdRule:
    """Of one site.

    Parameters
    ----------
    thresholds
        Of every step, shape (step, product), units; the last one holds for later steps; -inf: no order.
    """

    thresholds: Floats
    needs_signal: bool = False
    needs_echelon: bool = False

    def order(self, now: Situation) -> Floats:
        """What is missing to the threshold of the next step."""
        return self._next(now.period) - np.maximum(now.position, 0.0)

    def aim(self, now: Situation) -> Floats:
        """The threshold."""
        return np.broadcast_to(np.maximum(self._next(now.period), 0.0), now.on_hand.shape)

    def start(self) -> Floats:
        """The first threshold."""
        return np.maximum(self.thresholds[0], 0.0)

    def _next(self, period: int) -> Floats:
        return np.asarray(self.thresholds[min(period + 1, len(self.thresholds) - 1)])


@dataclass(frozen=True, eq=False)
class ThresholdPolicy:
    """Given thresholds.

    Parameters
    ----------
    thresholds
        Of every node of the case by name, shape (step,), units.
    name
        As users write it.
    """

    thresholds: Mapping[str, Floats]
    name: str = "thresholds"

    def rules(self, planners: Sequence[Planner]) -> list[ThresholdRule]:
        """See `Policy.rules`.

        Raises
        ------
        BadInputError
            If a site's lead times are not 1.
        """
        world = planners[0].world
        steps = max(len(own) for own in self.thresholds.values())
        found = []
        for s, planner in enumerate(planners):
            levels = np.full((steps, world.num_products), -np.inf)
            for k in range(world.num_products):
                if (s, k) not in world.node_names:
                    continue
                name = world.node_names[s, k]
                if planner.site.coverage[k] != 1:
                    raise BadInputError(
                        f"thresholds of {name}: lead time {planner.site.coverage[k]}: expected 1 everywhere, from an "
                        "order to the next period"
                    )
                levels[:, k] = self.thresholds[name]
            found.append(ThresholdRule(levels))
        return found
