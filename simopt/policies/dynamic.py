"""Dynamic base stock: a target that follows the demand signal, as a planner would in a weekly cycle.

T = S·W + SS, q = max(0, T - IP), IP = on hand + on order - ω·backlog; W the periods that an order covers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from simopt.planning.policy import Planner, Situation
from simopt.planning.world import Floats
from simopt.policies.parameters import Sizing
from simopt.policies.sizing import safety_stock


@dataclass(frozen=True, eq=False)
class DynamicRule:
    """Of one site.

    Parameters
    ----------
    planner
        Whose.
    safety
        Units, shape (replication, product).
    """

    planner: Planner
    safety: Floats
    needs_signal: bool = True
    needs_echelon: bool = False

    def order(self, now: Situation) -> Floats:
        """What is missing to the target."""
        weight = self.planner.world.settings.backlog_weight
        return self.aim(now) - (now.on_hand + now.on_order - weight * now.backlog)

    def aim(self, now: Situation) -> Floats:
        """The target."""
        assert now.signal is not None
        return now.signal * self.planner.coverage + self.safety

    def start(self) -> Floats:
        """The target at expected demand, at least 0."""
        return np.maximum(self.planner.mean * self.planner.coverage + self.safety, 0.0)


@dataclass(frozen=True)
class DynamicBaseStock:
    """See the module."""

    sizing: Sizing = field(default_factory=Sizing)
    name: str = "dynamic"

    def rules(self, planners: Sequence[Planner]) -> list[DynamicRule]:
        """See `Policy.rules`."""
        return [
            DynamicRule(planner, safety_stock(planner, self.sizing.factor(s, planner), planner.coverage))
            for s, planner in enumerate(planners)
        ]
