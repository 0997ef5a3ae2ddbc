"""(s, S): when the position falls below a reorder point, order up to a level.

ROP = μ·L + SS(L), S = ROP + max(EOQ, μ).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from simopt.planning.policy import Planner, Situation
from simopt.planning.world import Floats
from simopt.policies.fixed_target import FixedTarget
from simopt.policies.parameters import Sizing
from simopt.policies.sizing import ROUNDING, economic_lot, order_up_to


@dataclass(frozen=True, eq=False, kw_only=True)
class ReorderUpToRule(FixedTarget):
    """Of one site.

    Parameters
    ----------
    reorder_point
        Units, shape (replication, product).
    """

    reorder_point: Floats

    def order(self, now: Situation) -> Floats:
        """All that is missing, where the position is below the reorder point."""
        return np.where(now.position < self.reorder_point - ROUNDING, self.up_to - now.position, 0.0)


@dataclass(frozen=True)
class ReorderUpTo:
    """See the module."""

    sizing: Sizing = field(default_factory=Sizing)
    name: str = "sS"

    def rules(self, planners: Sequence[Planner]) -> list[ReorderUpToRule]:
        """See `Policy.rules`."""
        return [self._rule(s, planner) for s, planner in enumerate(planners)]

    def _rule(self, s: int, planner: Planner) -> ReorderUpToRule:
        point = order_up_to(planner, self.sizing.factor(s, planner), planner.coverage)
        lot = np.maximum(self.sizing.lot(s) * economic_lot(planner), planner.mean)
        return ReorderUpToRule(up_to=point + lot, reorder_point=point)
