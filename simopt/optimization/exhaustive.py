"""The exhaustive reference: every component optimized, the best combination found by dynamic programming.

With single sourcing a design costs the sum of its components, and the designs of a network share few distinct
ones (5,115 for the 21,015 designs of 5 plants, 3 warehouses, 5 distribution centers). No bound is used and nothing is
pruned, so the result is an oracle for every other method; `solve` gives it ten times the replications of the loop.
"""

from __future__ import annotations

from collections.abc import Iterator
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
    time_limit
        Seconds.
    """

    max_components: int = 20_000
    time_limit: float = np.inf


def exhaustive_search(
    case: Case, subproblem: SolvesComponents, params: ExhaustiveParams | None = None
) -> Iterator[SearchState]:
    """Optimize every component and combine them; yields the one state, without incumbent if time ran out.

    Parameters
    ----------
    case
        The problem.
    subproblem
        Finds levels and cost of one component.
    params
        Limits.

    Raises
    ------
    TooManyComponentsError
        Before anything is simulated.
    """
    params = params or ExhaustiveParams()
    deadline = monotonic() + params.time_limit
    components = all_components(case.network, params.max_components)
    plans: dict[Component, ComponentPlan] = {}
    for component in components:
        if monotonic() >= deadline:
            yield SearchState(termination=Termination.TIME_LIMIT)
            return
        plans[component] = subproblem.solve(component)
    best = cheapest_combination(case.network, {component: plan.cost.mean for component, plan in plans.items()})
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


def cheapest_combination(network: Network, costs: dict[Component, float]) -> Design:
    """The design of least total cost: one component a source, each customer and node in one at most.

    Parameters
    ----------
    network
        Candidates.
    costs
        Money over the horizon of every component.
    """
    number = {name: k for k, name in enumerate(network.order)}
    everyone = sum(1 << number[customer] for customer in network.customers)
    best: dict[int, tuple[float, tuple[Component, ...]]] = {0: (0.0, ())}
    for source in network.sources:
        following = dict(best) if source not in network.customers else {}
        for nodes, component in _cheapest_by_nodes(source, costs, number).items():
            for used, (cost, chosen) in best.items():
                total = cost + costs[component]
                if used & nodes == 0 and total < following.get(used | nodes, (np.inf,))[0]:
                    following[used | nodes] = (total, (*chosen, component))
        best = following
    complete = [entry for used, entry in best.items() if used & everyone == everyone]
    _, chosen = min(complete, key=lambda entry: entry[0])
    return network.design(pair for component in chosen for pair in component.lanes)


def _cheapest_by_nodes(source: str, costs: dict[Component, float], number: dict[str, int]) -> dict[int, Component]:
    """Of a source's components with the same nodes only the cheapest can be part of a best design."""
    cheapest: dict[int, Component] = {}
    for component, cost in costs.items():
        if component.source == source:
            nodes = sum(1 << number[name] for name in component.nodes)
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
