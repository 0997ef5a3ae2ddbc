"""The exhaustive reference: every component optimized, the best combination found by dynamic programming.

With single sourcing a design costs the sum of its components, and the designs of a network share few distinct
ones (5,115 for the 21,015 designs of 5 plants, 3 warehouses, 5 distribution centers). First every component is
optimized on few sample paths; then those that belong to some design within 3% of the cheapest once more on many. No
bound is used: a component keeps its first estimate only if by these estimates every design with it is 3% dearer than
the cheapest, more than ten times their error (README of this package). So the result is an oracle for other methods.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from time import monotonic

import numpy as np

from design.case import Case
from design.errors import BadInputError, NoSolutionError
from design.infeasibility import explain_infeasibility
from design.network import Component, Design, Network
from design.node import LanePair
from design.separate import independent_parts
from simopt.optimization.outer_approximation import SolvesComponents
from simopt.optimization.search_state import SearchState, Termination
from simopt.optimization.subproblem import ComponentPlan
from simopt.simulation.progress import Progress, silent


class TooManyComponentsError(NoSolutionError):
    """The network has more distinct components than an exhaustive search may optimize."""


class NotAdditiveError(BadInputError):
    """The cost or the rules of a design are not those of its components; the message says what joins them."""


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
    clock
        Tells them.
    progress
        Told how many components are optimized.
    """

    max_components: int = 20_000
    margin: float = 0.03
    time_limit: float = np.inf
    clock: Callable[[], float] = monotonic
    progress: Progress = silent


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
    NotAdditiveError, TooManyComponentsError
        Before anything is simulated.
    """
    params = params or ExhaustiveParams()
    deadline = params.clock() + params.time_limit
    plans: dict[Component, ComponentPlan] = {}
    _refuse_joint(case)
    parts = independent_parts(case)
    components = [component for part in parts for component in all_components(part, params.max_components)]
    for subproblem in (first, again):
        found = iter(subproblem.solve_all(components))
        for done, component in enumerate(components):
            params.progress("components", done, len(components))
            if params.clock() >= deadline:
                yield SearchState(termination=Termination.TIME_LIMIT)
                return
            plans[component] = next(found)
        costs = {component: plan.cost.mean for component, plan in plans.items()}
        components = [c for part in parts for c in near_best_components(part, _of_part(part, costs), params.margin)]
    best = case.network.design(p for part in parts for p in cheapest_combination(part, _of_part(part, costs)).lanes)
    state = SearchState(shared_costs=case.shared_costs).with_plans(list(plans.values())).with_candidate(best)
    yield replace(state, termination=Termination.COMPLETED)


def _refuse_joint(case: Case) -> None:
    """Refuse what a set of components and nodes does not tell."""
    joint = [f"the fixed cost of lanes {' and '.join(map(str, c.lanes))}" for c in case.shared_costs.costs if c.lanes]
    joint += [rule.label for rule in case.site_rules.capacities if len(rule.nodes) > 1]
    joint += [rule.label for rule in case.site_rules.ties]
    joint += [f"the storage of {storage.place}" for storage in case.network.storages if storage.joins]
    if joint:
        raise NotAdditiveError(f"method 'exhaustive': several products share {joint[0]}; expected another method")


def _of_part(part: Case, costs: Mapping[Component, float]) -> dict[Component, float]:
    sources = set(part.network.sources)
    return {component: cost for component, cost in costs.items() if component.source in sources}


def all_components(case: Case, limit: int) -> list[Component]:
    """Every source with every set of customers it can serve over every tree of lanes, as far as the rules allow.

    Parameters
    ----------
    case
        Candidates and rules.
    limit
        How many trees at most.

    Raises
    ------
    TooManyComponentsError
        If there are more.
    """
    network, found = case.network, list[Component]()
    trees_before = 0
    for source in network.sources:
        suppliers: list[dict[str, str]] = [{}]
        for customer in network.reachable_customers[source]:
            paths = [] if customer == source else _paths(network, source, customer)
            suppliers += [merged for tree in suppliers for path in paths if (merged := _merged(tree, path)) is not None]
            if trees_before + len(suppliers) > limit:
                raise TooManyComponentsError(
                    f"more than {limit:,} components: expected a network small enough to search exhaustively"
                )
        serves_own = source in network.customers
        found += [_component(network, source, tree) for tree in suppliers if tree or serves_own]
        trees_before += len(suppliers)
    return [component for component in found if case.site_rules.allows_component(component)]


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


def cheapest_combination(case: Case, costs: Mapping[Component, float]) -> Design:
    """The design of least total cost: one component a source, each customer and node in one at most.

    Parameters
    ----------
    case
        Candidates and rules.
    costs
        Money over the horizon of every component.

    Raises
    ------
    InfeasibleError
        If no combination keeps all rules.
    """
    network, numbers = case.network, _Numbers(case)
    complete = [one for one in _combinations(numbers, costs, network.sources) if numbers.allows(one.nodes)]
    if not complete:
        explain_infeasibility(case)
    best = min(complete, key=lambda one: one.cost + numbers.shared_cost(one.nodes))
    return network.design(pair for component in best.components for pair in component.lanes)


def near_best_components(case: Case, costs: Mapping[Component, float], margin: float) -> list[Component]:
    """The components that belong to some design of near the least total cost.

    Parameters
    ----------
    case
        Candidates and rules.
    costs
        Money over the horizon of every component.
    margin
        Share of the least cost by which such a design may exceed it.
    """
    numbers, total = _Numbers(case), dict[Component, float]()
    for source in case.network.sources:
        others = [name for name in case.network.sources if name != source]
        rest = sorted(_combinations(numbers, costs, others), key=lambda one: one.cost)
        own = {component: numbers.bits(component.nodes) for component in costs if component.source == source}
        beside = {nodes: _cheapest_beside(numbers, nodes, rest) for nodes in set(own.values())}
        total |= {component: costs[component] + beside[nodes] for component, nodes in own.items()}
    best = min(total.values(), default=np.inf)
    return [component for component in costs if total[component] <= best + margin * abs(best) < np.inf]


class _Numbers:
    """Sets of nodes as numbers, one bit each.

    Sources are left out, a combination has each of them once at most, unless rules say which nodes may be used or nodes
    share costs.
    """

    def __init__(self, case: Case) -> None:
        self._rules = case.site_rules
        self._network = case.network
        self._shared = case.shared_costs
        every = bool(self._rules.sites or self._shared.costs)
        kept = case.network.order if every else [n for n in case.network.order if n not in self.sources]
        self._number = {name: k for k, name in enumerate(kept)}
        self._everyone = self.bits(case.network.customers)

    @property
    def sources(self) -> tuple[str, ...]:
        """Of the network."""
        return self._network.sources

    @property
    def customers(self) -> tuple[str, ...]:
        """Of the network."""
        return self._network.customers

    def bits(self, names: Iterable[str]) -> int:
        """The number of a set."""
        return sum(1 << self._number[name] for name in names if name in self._number)

    def shared_cost(self, nodes: int) -> float:
        """What a combination with these nodes pays on top of its components."""
        return self._shared.of_parts(self._names(nodes), ()) if self._shared.costs else 0.0

    def allows(self, nodes: int) -> bool:
        """Whether a combination with these nodes serves everyone and keeps the rules."""
        if nodes & self._everyone != self._everyone:
            return False
        return self._rules.allows_nodes(self._names(nodes))

    def _names(self, nodes: int) -> list[str]:
        return [name for name, k in self._number.items() if nodes >> k & 1]


def _cheapest_beside(numbers: _Numbers, nodes: int, rest: Sequence[_Combination]) -> float:
    """Least cost of a combination, of these by ascending cost, that makes a design with a component of these nodes."""
    best = np.inf
    for one in rest:
        if one.cost >= best:
            break
        if one.nodes & nodes == 0 and numbers.allows(one.nodes | nodes):
            best = min(best, one.cost + numbers.shared_cost(one.nodes | nodes))
    return float(best)


def _combinations(numbers: _Numbers, costs: Mapping[Component, float], sources: Sequence[str]) -> list[_Combination]:
    """Of the combinations of these sources' components with the same nodes the cheapest."""
    best = {0: _Combination()}
    for source in sources:
        following = dict(best) if source not in numbers.customers else {}
        for nodes, component in _cheapest_by_nodes(numbers, costs, source).items():
            for one in best.values():
                if one.nodes & nodes == 0:
                    joined = one.joined(component, nodes, costs[component])
                    if joined.nodes not in following or joined.cost < following[joined.nodes].cost:
                        following[joined.nodes] = joined
        best = following
    return list(best.values())


def _cheapest_by_nodes(numbers: _Numbers, costs: Mapping[Component, float], source: str) -> dict[int, Component]:
    """Of a source's components with the same nodes only the cheapest can be part of a best design."""
    cheapest: dict[int, Component] = {}
    for component, cost in costs.items():
        if component.source == source:
            nodes = numbers.bits(component.nodes)
            if nodes not in cheapest or cost < costs[cheapest[nodes]]:
                cheapest[nodes] = component
    return cheapest


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
