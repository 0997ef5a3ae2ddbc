"""Base stock: order what is missing to a level (MODEL: base-stock policy with review every period)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from simopt.planning.policy import Planner, Situation
from simopt.planning.world import Floats
from simopt.policies.fixed_target import FixedTarget


class BaseStockRule(FixedTarget):
    """Order up to the level."""

    def order(self, now: Situation) -> Floats:
        """What is missing."""
        return self.up_to - now.position


@dataclass(frozen=True, eq=False)
class BaseStock:
    """Given levels, as those that `simopt solve` finds.

    Parameters
    ----------
    name
        As users write it.
    levels
        Base-stock level of every node of the case, units.
    """

    name: str
    levels: Mapping[str, float]

    def rules(self, planners: Sequence[Planner]) -> list[BaseStockRule]:
        """See `Policy.rules`."""
        world, found = planners[0].world, []
        for s in range(len(planners)):
            level = np.zeros(world.num_products)
            for k in range(world.num_products):
                if (s, k) in world.node_names:
                    level[k] = self.levels[world.node_names[s, k]]
            found.append(BaseStockRule(up_to=np.rint(level) if world.settings.whole_units else level))
        return found
