"""Fixed costs that several products pay once: of sites and lanes used by any of them.

A cost shared by nodes or lanes is no part of a component's cost, as other components may share it too.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from design.network import Design, Network
from design.node import LanePair


@dataclass(frozen=True)
class SharedCost:
    """Paid once if any of these nodes or lanes is used.

    Parameters
    ----------
    amount
        Money over the horizon, above 0.
    nodes, lanes
        At least two in all.
    """

    amount: float
    nodes: tuple[str, ...] = ()
    lanes: tuple[LanePair, ...] = ()


@dataclass(frozen=True)
class SharedCosts:
    """All shared costs of a case.

    Parameters
    ----------
    costs
        In the order of the case's tables.
    """

    costs: tuple[SharedCost, ...] = ()

    @classmethod
    def of_network(cls, network: Network, *, staged: bool = False) -> SharedCosts:
        """Fixed costs of sites with several nodes, and of lanes with several products or seasons.

        Where sites open in stages, they are paid once a season.
        """
        sites = network.seasonal_sites.values() if staged else network.sites.values()
        found = [SharedCost(network.node(names[0]).fixed_cost, names) for names in sites]
        found += [SharedCost(network.lane(pairs[0]).fixed_cost, lanes=pairs) for pairs in _links(network, staged)]
        return cls(tuple(one for one in found if one.amount > 0.0 and len(one.nodes) + len(one.lanes) > 1))

    @cached_property
    def nodes(self) -> frozenset[str]:
        """Nodes whose fixed cost is shared."""
        return frozenset(name for one in self.costs for name in one.nodes)

    @cached_property
    def lanes(self) -> frozenset[LanePair]:
        """Lanes whose fixed cost is shared."""
        return frozenset(pair for one in self.costs for pair in one.lanes)

    def of(self, design: Design) -> float:
        """Shared costs that a design pays, money over the horizon."""
        return self.of_parts(design.nodes, design.lanes)

    def of_parts(self, nodes: Iterable[str], lanes: Iterable[LanePair]) -> float:
        """Shared costs that these used nodes and lanes pay, money over the horizon."""
        if not self.costs:
            return 0.0
        used, links = set(nodes), set(lanes)
        return sum(c.amount for c in self.costs if used.intersection(c.nodes) or links.intersection(c.lanes))


def _links(network: Network, staged: bool) -> Iterable[tuple[LanePair, ...]]:
    """Lanes between the same two sites, in the same season where sites open in stages."""
    found: dict[tuple[str, ...], list[LanePair]] = {}
    for lane in network.lanes:
        season = network.node(lane.destination).season if staged else ""
        found.setdefault((*network.places(lane.pair), season), []).append(lane.pair)
    return (tuple(pairs) for pairs in found.values())
