"""Base stock: order what is missing to a level (MODEL: base-stock policy with review every period)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from simopt.planning.policy import Planner, Situation
from simopt.planning.world import Floats


@dataclass(frozen=True, eq=False)
class BaseStockRule:
    """Order up to a level.

    Parameters
    ----------
    level
        Units, shape (replication, product) or (product,).
    """

    level: Floats
    needs_signal: bool = False
    needs_echelon: bool = False

    def order(self, now: Situation) -> Floats:
        """What is missing."""
        return self.level - now.position

    def aim(self, now: Situation) -> Floats:
        """The level."""
        return np.broadcast_to(self.level, now.on_hand.shape)

    def start(self) -> Floats:
        """The level."""
        return self.level


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
            found.append(BaseStockRule(np.rint(level) if world.settings.whole_units else level))
        return found
