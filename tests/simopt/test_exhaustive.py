"""The exhaustive reference: counts of components, the best combination, and an oracle for the loop."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
import pytest

from design.case import Case
from design.case_files import load_case
from design.network import Component
from simopt.apps.methods import start_search
from simopt.apps.options import SolveOptions
from simopt.optimization.exhaustive import (
    ExhaustiveParams,
    TooManyComponentsError,
    all_components,
    cheapest_combination,
    exhaustive_search,
    near_best_components,
)
from simopt.optimization.search_state import SearchState, Termination
from simopt.optimization.subproblem import ComponentPlan
from simopt.simulation.estimate import Estimate
from simopt.simulation.ledger import Ledger
from simopt.simulation.simulator import TreeSimulator
from tests.small_cases import Features, all_designs, echelon_case


def run(case: Case, method: str, seed: int = 0) -> SearchState:
    ledger = Ledger(case, TreeSimulator(case), seed)
    *_, state = start_search(case, SolveOptions(method), ledger).states
    return state


def test_thirteen_node_has_5115_distinct_components() -> None:
    assert len(all_components(load_case("thirteen-node"), 20_000)) == 5115


@pytest.mark.parametrize(
    ("sizes", "features"),
    [((2, 2, 3), Features()), ((2, 2, 2, 2), Features()), ((2, 2, 2), Features(inner_customers=True))],
)
def test_components_are_those_of_all_designs(sizes: tuple[int, ...], features: Features) -> None:
    case = echelon_case(np.random.default_rng(0), sizes, features)
    network = case.network
    of_designs = {c for design in map(network.design, all_designs(network)) for c in design.components}
    assert of_designs <= set(all_components(case, 20_000))


@pytest.mark.parametrize("features", [Features(), Features(source_customers=True), Features(inner_customers=True)])
@pytest.mark.parametrize("seed", range(4))
def test_the_cheapest_combination_is_that_of_all_designs(features: Features, seed: int) -> None:
    rng = np.random.default_rng(seed)
    case = echelon_case(rng, (2, 2, 2), features)
    network = case.network
    costs: dict[Component, float] = {c: float(rng.uniform(1, 10)) for c in all_components(case, 20_000)}
    designs = list(map(network.design, all_designs(network)))
    best = min(designs, key=lambda design: sum(costs[c] for c in design.components))
    assert cheapest_combination(case, costs) == best


@pytest.mark.parametrize("features", [Features(), Features(source_customers=True), Features(inner_customers=True)])
@pytest.mark.parametrize("seed", range(4))
def test_components_near_the_best_are_those_of_all_designs_near_it(features: Features, seed: int) -> None:
    rng = np.random.default_rng(seed)
    case = echelon_case(rng, (2, 2, 2), features)
    network = case.network
    costs: dict[Component, float] = {c: float(rng.uniform(1, 10)) for c in all_components(case, 20_000)}
    totals = {d: sum(costs[c] for c in d.components) for d in map(network.design, all_designs(network))}
    for margin in (0.0, 0.5, 2.0):
        limit = (1.0 + margin) * min(totals.values()) + 1e-9
        near = {c for design, total in totals.items() if total <= limit for c in design.components}
        assert set(near_best_components(case, costs, margin + 1e-12)) == near


class Guesses:
    """A subproblem that says what it is told and remembers what it was asked."""

    def __init__(self, costs: dict[Component, float]) -> None:
        self._costs = costs
        self.asked: list[Component] = []

    def solve_all(self, components: Sequence[Component]) -> Iterator[ComponentPlan]:
        return map(self.solve, components)

    def solve(self, component: Component) -> ComponentPlan:
        self.asked.append(component)
        cost = Estimate(self._costs[component], 0.0, 2)
        return ComponentPlan(component, np.ones(len(component.nodes)), cost, 0.0)


def test_the_second_pass_looks_at_the_best_components_alone_and_has_the_last_word() -> None:
    case = echelon_case(np.random.default_rng(2), (2, 2, 2))
    rng = np.random.default_rng(3)
    rough = {c: float(rng.uniform(9.0, 10.0)) for c in all_components(case, 20_000)}
    exact = {c: cost * float(rng.uniform(0.99, 1.01)) for c, cost in rough.items()}
    first, again = Guesses(rough), Guesses(exact)
    (state,) = exhaustive_search(case, first, again)
    near = near_best_components(case, rough, 0.03)
    assert first.asked == list(rough)
    assert again.asked == near
    assert 1 < len(near) < len(rough)
    assert state.candidate == cheapest_combination(case, exact)


def test_the_loop_finds_what_the_exhaustive_search_finds() -> None:
    case = load_case("two-two-three")
    exhaustive, found = run(case, "exhaustive", seed=1), run(case, "outer-approximation")
    assert exhaustive.termination is Termination.COMPLETED
    assert exhaustive.incumbent is not None
    assert found.incumbent is not None
    assert found.incumbent.design == exhaustive.incumbent.design
    assert len(exhaustive.plans) == len(all_components(case, 20_000))


def test_costs_of_components_are_never_below_their_single_stage_costs() -> None:
    state = run(load_case("two-two-three"), "exhaustive")
    for plan in state.plans.values():
        assert plan.cost.mean + plan.cost.half_width >= plan.single_stage_cost


def test_too_many_components_are_refused_before_any_simulation() -> None:
    case = load_case("thirteen-node")
    with pytest.raises(TooManyComponentsError, match="more than 5,000 components"):
        next(exhaustive_search(case, None, None, ExhaustiveParams(max_components=5000)))


def test_a_time_limit_leaves_no_incumbent() -> None:
    states = list(
        exhaustive_search(load_case("two-two-three"), Guesses({}), Guesses({}), ExhaustiveParams(time_limit=0.0))
    )
    assert [state.termination for state in states] == [Termination.TIME_LIMIT]
    assert states[0].incumbent is None


def test_trees_of_a_component_supply_every_node_once() -> None:
    for component in all_components(load_case("two-two-three"), 20_000):
        destinations = sorted(destination for _, destination in component.lanes)
        assert all(one != other for one, other in pairwise(destinations))
