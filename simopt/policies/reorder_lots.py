"""(R, Q): when the position falls below a reorder point, order as many lots as bring it back there.

ROP = μ·L + SS(L), Q = max(Q_min, EOQ); Q_min is the site's least order, a unit where units are whole, else one period's
demand.
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
class ReorderLotsRule(FixedTarget):
    """Of one site; it aims at the reorder point and a lot.

    Parameters
    ----------
    reorder_point, lot
        Units, shape (replication, product); lots above 0.
    """

    reorder_point: Floats
    lot: Floats

    def order(self, now: Situation) -> Floats:
        """Whole lots."""
        missing = self.reorder_point - now.position
        return np.where(missing > ROUNDING, np.ceil(missing / self.lot) * self.lot, 0.0)


@dataclass(frozen=True)
class ReorderLots:
    """See the module."""

    sizing: Sizing = field(default_factory=Sizing)
    name: str = "RQ"

    def rules(self, planners: Sequence[Planner]) -> list[ReorderLotsRule]:
        """See `Policy.rules`."""
        return [self._rule(s, planner) for s, planner in enumerate(planners)]

    def _rule(self, s: int, planner: Planner) -> ReorderLotsRule:
        whole = planner.world.settings.whole_units
        least = np.maximum(planner.site.min_order, 1.0 if whole else np.maximum(planner.mean, 1e-9))
        lot = np.maximum(least, self.sizing.lot(s) * economic_lot(planner))
        point = order_up_to(planner, self.sizing.factor(s, planner), planner.coverage)
        lot = np.rint(lot) if whole else lot
        return ReorderLotsRule(up_to=point + lot, reorder_point=point, lot=lot)
