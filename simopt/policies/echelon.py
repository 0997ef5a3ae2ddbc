"""Echelon base stock: order what is missing to a level of one's own stock and all stock below (Clark & Scarf 1960).

The level covers the demand from the site's order to the last customer's shelf. The planner sees stock, transit and
customers' backlog of all sites below, more than other policies know.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from simopt.planning.policy import Planner, Situation
from simopt.planning.world import Floats, World
from simopt.policies.parameters import Sizing
from simopt.policies.sizing import order_up_to


@dataclass(frozen=True, eq=False)
class EchelonRule:
    """Of one site.

    Parameters
    ----------
    level
        Echelon base-stock level, units, shape (replication, product).
    local
        What is left of it above the sites below, at least 0.
    """

    level: Floats
    local: Floats
    needs_signal: bool = False
    needs_echelon: bool = True

    def order(self, now: Situation) -> Floats:
        """What the echelon misses."""
        assert now.echelon is not None
        return self.level - now.echelon

    def aim(self, now: Situation) -> Floats:
        """The own position that fills the echelon."""
        return now.position + self.order(now)

    def start(self) -> Floats:
        """The local part."""
        return self.local


@dataclass(frozen=True)
class EchelonBaseStock:
    """See the module."""

    sizing: Sizing = field(default_factory=Sizing)
    name: str = "echelon"

    def rules(self, planners: Sequence[Planner]) -> list[EchelonRule]:
        """See `Policy.rules`."""
        world = planners[0].world
        levels = [
            order_up_to(planner, self.sizing.factor(s, planner), planner.echelon_coverage)
            for s, planner in enumerate(planners)
        ]
        return [EchelonRule(level, _local(world, s, levels)) for s, level in enumerate(levels)]


def _local(world: World, s: int, levels: Sequence[Floats]) -> Floats:
    """A site's level less those of the sites that it supplies."""
    found = levels[s].copy()
    for n in world.sites[s].outbound:
        link = world.links[n]
        found -= np.where(link.used, link.quantity * levels[link.destination], 0.0)
    return np.maximum(found, 0.0)
