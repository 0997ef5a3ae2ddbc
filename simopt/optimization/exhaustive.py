"""The exhaustive reference: every component optimized, the best combination found by dynamic programming.

With single sourcing a design costs the sum of its components, and the designs of a network share few distinct
ones (5,115 for the 21,015 designs of 5 plants, 3 warehouses, 5 distribution centers). First every component is
optimized on few sample paths; then those that belong to some design within 3% of the cheapest once more on many. No
bound is used: a component keeps its first estimate only if by these estimates every design with it is 3% dearer than
the cheapest, more than ten times their error (README of this package). So the result is an oracle for other methods.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from time import monotonic

import numpy as np

from design.case import Case
from design.errors import NoSolutionError
from design.network import Component, Design, LanePair, Network
from simopt.optimization.outer_approximation import SolvesComponents
from simopt.optimization.search_state import SearchState, Termination
from simopt.optimization.subproblem import ComponentPlan


class TooManyComponentsError(NoSolutionError):
    """The network has more distinct components than an exhaustive search may optimize."""


@dataclass(frozen=True)
class ExhaustiveParams:
    """Limits of the search.

    Parameters
    ----------
    max_components
        Distinct components optimized at most.
    margin
        Share of the cheapest design's cost; components of designs within it are optimized once more.
    time_limit
        Seconds.
    """

    max_components: int = 20_000
    margin: float = 0.03
    time_limit: float = np.inf


def exhaustive_search(
    case: Case, first: SolvesComponents, again: SolvesComponents, params: ExhaustiveParams | None = None
) -> Iterator[SearchState]:
    """Optimize every component and combine them; yields the one state, without incumbent if time ran out.

    Parameters
    ----------
    case
        The problem.
    first
        Finds levels and cost of a component on few paths.
    again
        The same on many, for the components of the best designs.
    params
        Limits.

    Raises
    ------
    TooManyComponentsError
        Before anything is simulated.
    """
    params = params or ExhaustiveParams()
    deadline = monotonic() + params.time_limit
    plans: dict[Component, ComponentPlan] = {}
    components = all_components(case.network, params.max_components)
    for subproblem in (first, again):
        for component in components:
            if monotonic() >= deadline:
                yield SearchState(termination=Termination.TIME_LIMIT)
                return
            plans[component] = subproblem.solve(component)
        costs = {component: plan.cost.mean for component, plan in plans.items()}
        components = near_best_components(case.network, costs, params.margin)
    best = cheapest_combination(case.network, costs)
    state = SearchState().with_plans(list(plans.values())).with_candidate(best)
    yield replace(state, termination=Termination.COMPLETED)


def all_components(network: Network, limit: int) -> list[Component]:
    """Every source with every set of customers it can serve over every tree of lanes.

    Parameters
    ----------
    network
        Candidates.
    limit
        How many at most.

    Raises
    ------
    TooManyComponentsError
        If there are more.
    """
    found: list[Component] = []
    for source in network.sources:
        suppliers: list[dict[str, str]] = [{}]
        for customer in network.reachable_customers[source]:
            paths = [] if customer == source else _paths(network, source, customer)
            suppliers += [merged for tree in suppliers for path in paths if (merged := _merged(tree, path)) is not None]
            if len(found) + len(suppliers) > limit:
                raise TooManyComponentsError(
                    f"more than {limit:,} components: expected a network small enough to search exhaustively"
                )
        serves_own = source in network.customers
        found += [_component(network, source, tree) for tree in suppliers if tree or serves_own]
    return found


@dataclass(frozen=True)
class _Combination:
    """Components of different sources that share no node.

    Parameters
    ----------
    components
        At most one a source.
    nodes
        All their nodes, one bit each.
    cost
        Their sum, money over the horizon.
    """

    components: tuple[Component, ...] = ()
    nodes: int = 0
    cost: float = 0.0

    def joined(self, component: Component, nodes: int, cost: float) -> _Combination:
        """The combination with one more component."""
        return _Combination((*self.components, component), self.nodes | nodes, self.cost + cost)


def cheapest_combination(network: Network, costs: Mapping[Component, float]) -> Design:
    """The design of least total cost: one component a source, each customer and node in one at most.

    Parameters
    ----------
    network
        Candidates.
    costs
        Money over the horizon of every component.
    """
    everyone = _bits(network, network.customers)
    complete = [one for one in _combinations(network, costs, network.sources) if one.nodes & everyone == everyone]
    best = min(complete, key=lambda one: one.cost)
    return network.design(pair for component in best.components for pair in component.lanes)


def near_best_components(network: Network, costs: Mapping[Component, float], margin: float) -> list[Component]:
    """The components that belong to some design of near the least total cost.

    Parameters
    ----------
    network
        Candidates.
    costs
        Money over the horizon of every component.
    margin
        Share of the least cost by which such a design may exceed it.
    """
    everyone = _bits(network, network.customers)
    total: dict[Component, float] = {}
    for source in network.sources:
        rest = _combinations(network, costs, [name for name in network.sources if name != source])
        own = {component: _bits(network, component.nodes) for component in costs if component.source == source}
        beside = {nodes: _cheapest_beside(nodes, rest, everyone) for nodes in set(own.values())}
        total |= {component: costs[component] + beside[nodes] for component, nodes in own.items()}
    best = min(total.values())
    return [component for component in costs if total[component] <= best + margin * abs(best)]


def _cheapest_beside(nodes: int, rest: Sequence[_Combination], everyone: int) -> float:
    """Least cost of a combination that leaves these nodes alone and serves all other customers."""
    left = everyone & ~nodes
    return min((one.cost for one in rest if one.nodes & nodes == 0 and one.nodes & left == left), default=np.inf)


def _combinations(network: Network, costs: Mapping[Component, float], sources: Sequence[str]) -> list[_Combination]:
    """Of the combinations of these sources' components with the same nodes the cheapest."""
    best = {0: _Combination()}
    for source in sources:
        following = dict(best) if source not in network.customers else {}
        for nodes, component in _cheapest_by_nodes(network, costs, source).items():
            for one in best.values():
                if one.nodes & nodes == 0:
                    joined = one.joined(component, nodes, costs[component])
                    if joined.nodes not in following or joined.cost < following[joined.nodes].cost:
                        following[joined.nodes] = joined
        best = following
    return list(best.values())


def _cheapest_by_nodes(network: Network, costs: Mapping[Component, float], source: str) -> dict[int, Component]:
    """Of a source's components with the same nodes only the cheapest can be part of a best design."""
    cheapest: dict[int, Component] = {}
    for component, cost in costs.items():
        if component.source == source:
            nodes = _bits(network, component.nodes)
            if nodes not in cheapest or cost < costs[cheapest[nodes]]:
                cheapest[nodes] = component
    return cheapest


def _bits(network: Network, names: Iterable[str]) -> int:
    """A set of nodes as a number, one bit each, without sources: a combination has each of them once at most."""
    number = {name: k for k, name in enumerate(name for name in network.order if network.incoming[name])}
    return sum(1 << number[name] for name in names if name in number)


def _paths(network: Network, source: str, name: str) -> list[tuple[LanePair, ...]]:
    """Every path of lanes from the source to a node."""
    if name == source:
        return [()]
    return [(*path, lane.pair) for lane in network.incoming[name] for path in _paths(network, source, lane.origin)]


def _merged(tree: dict[str, str], path: tuple[LanePair, ...]) -> dict[str, str] | None:
    """The tree with a path added, or None where a node would have two suppliers."""
    merged = dict(tree)
    for origin, destination in path:
        if merged.setdefault(destination, origin) != origin:
            return None
    return merged


def _component(network: Network, source: str, tree: dict[str, str]) -> Component:
    pairs = {(origin, destination) for destination, origin in tree.items()}
    return Component(source, tuple(lane.pair for lane in network.lanes if lane.pair in pairs))
