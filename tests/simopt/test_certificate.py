"""The certificate holds where it should, and refuses where a better design was missed."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pytest

from design.case import Case
from design.demand import PoissonDemand
from design.master import ProjectedMaster
from design.master_types import MasterSolution
from design.network import Component, Design
from design.node import Lane, Node
from design.single_stage import QuadratureSingleStage
from design.single_stage_plan import single_stage_plan
from design.solver import SolveStatus
from simopt.apps.methods import make_certifier, start_search
from simopt.apps.options import SolveOptions
from simopt.apps.solve import solve
from simopt.optimization.certificate import CertificateParams, Certifier
from simopt.optimization.certificate_batches import fresh_seed
from simopt.optimization.global_levels import NestedSearch
from simopt.optimization.global_levels_types import NestedParams
from simopt.optimization.pathwise import PathwiseParams, PathwiseSearch
from simopt.optimization.search_state import SearchState
from simopt.optimization.subproblem import ComponentPlan, Subproblem
from simopt.simulation.ledger import Ledger
from simopt.simulation.simulator import TreeSimulator
from tests.networks import make_case
from tests.small_cases import Features, all_designs, echelon_case

SEEDS = (0, 3, 8)
INDIFFERENCE = 0.01  # a horizon of 20 periods is noisy
NO_CHECK = NestedParams(node_periods=1.0)  # every tree is too deep


def searched(case: Case) -> tuple[SearchState, Ledger]:
    ledger = Ledger(case, TreeSimulator(case), seed=0)
    *_, state = start_search(case, SolveOptions(tolerance=INDIFFERENCE), ledger).states
    return state, ledger


def subproblem(case: Case) -> Subproblem:
    ledger = Ledger(case, TreeSimulator(case), seed=0)
    return Subproblem(case, QuadratureSingleStage(case.demand), ledger, PathwiseSearch(ledger))


def certifier(case: Case, solves: object, params: CertificateParams) -> Certifier:
    master = ProjectedMaster(case, QuadratureSingleStage(case.demand))
    return Certifier(case, master, solves, lambda n: Ledger(case, TreeSimulator(case), fresh_seed(0, n)), params)


def starting_from(case: Case, design: Design, solves: Subproblem) -> SearchState:
    plans = [solves.solve(component) for component in design.components]
    return SearchState().with_plans(plans).with_candidate(design)


def descended(case: Case) -> tuple[SearchState, Ledger]:
    """A search that trusts the descent from one start and checks nothing, for a case with a single design."""
    (assignment,) = all_designs(case.network)
    ledger = Ledger(case, TreeSimulator(case), seed=0)
    return starting_from(case, case.network.design(assignment), subproblem(case)), ledger


def true_costs(case: Case) -> dict[Design, float]:
    """Every design with levels optimized on many paths, by cost on those paths."""
    ledger = Ledger(case, TreeSimulator(case), seed=99)
    solves = Subproblem(case, QuadratureSingleStage(case.demand), ledger, PathwiseSearch(ledger))
    plans: dict[Component, ComponentPlan] = {}
    costs = {}
    for design in map(case.network.design, all_designs(case.network)):
        for component in design.components:
            if component not in plans:
                plans[component] = solves.solve(component)
        costs[design] = sum(plans[component].cost.mean for component in design.components)
    return costs


@pytest.mark.parametrize("seed", SEEDS)
def test_a_certified_design_is_the_best_of_all(seed: int) -> None:
    case = echelon_case(np.random.default_rng(seed), (2, 2, 2), Features(lane_lead_times=True))
    state, ledger = searched(case)
    certificate = make_certifier(case, SolveOptions(tolerance=INDIFFERENCE), ledger, np.inf).certify(state)
    assert certificate.holds
    assert certificate.confidence == 0.95
    costs = true_costs(case)
    assert costs[certificate.incumbent.design] <= (1.0 + 1.2 * INDIFFERENCE) * min(costs.values())


@pytest.mark.parametrize("seed", SEEDS)
def test_a_search_that_missed_the_best_design_is_put_right(seed: int) -> None:
    case = echelon_case(np.random.default_rng(seed), (2, 2, 2), Features(lane_lead_times=True))
    costs = true_costs(case)
    worse = sorted(costs, key=costs.__getitem__)[2]
    certificate = certifier(case, subproblem(case), CertificateParams(indifference=INDIFFERENCE)).certify(
        starting_from(case, worse, subproblem(case))
    )
    assert certificate.holds
    assert certificate.incumbent.design != worse
    assert costs[certificate.incumbent.design] <= (1.0 + 1.2 * INDIFFERENCE) * min(costs.values())


def test_a_planted_better_design_out_of_reach_is_not_certified_away() -> None:
    case = echelon_case(np.random.default_rng(0), (2, 2, 2), Features(lane_lead_times=True))
    costs = true_costs(case)
    worse = sorted(costs, key=costs.__getitem__)[2]
    assert costs[worse] > (1.0 + 1.2 * INDIFFERENCE) * min(costs.values())
    params = CertificateParams(indifference=INDIFFERENCE, max_designs=1)
    certificate = certifier(case, subproblem(case), params).certify(starting_from(case, worse, subproblem(case)))
    assert not certificate.holds
    assert certificate.confidence is None
    assert certificate.statement.startswith("not certified")


class PoorLevels:
    """A subproblem that stocks one component far too low, so that the search takes its design for a bad one."""

    def __init__(self, solves: Subproblem, victim: Component) -> None:
        self._solves = solves
        self._victim = victim

    def solve_all(self, components: Sequence[Component]) -> Iterator[ComponentPlan]:
        return map(self.solve, components)

    def solve(self, component: Component) -> ComponentPlan:
        plan = self._solves.solve(component)
        if component != self._victim:
            return plan
        dear = replace(plan.cost, mean=3.0 * plan.cost.mean)
        return ComponentPlan(component, 0.5 * plan.levels, dear, plan.single_stage_cost)


def test_a_better_design_hidden_by_poor_levels_is_not_certified_away() -> None:
    case = echelon_case(np.random.default_rng(0), (2, 2, 2), Features(lane_lead_times=True))
    costs = true_costs(case)
    best, *others = sorted(costs, key=costs.__getitem__)
    victim = next(component for component in best.components if component not in others[0].components)
    solves = PoorLevels(subproblem(case), victim)
    wrong = next(
        design
        for design in others
        if victim not in design.components and costs[design] > (1.0 + 1.2 * INDIFFERENCE) * costs[best]
    )
    state = starting_from(case, wrong, subproblem(case))
    state = state.with_plans([solves.solve(c) for c in best.components if c not in state.plans]).with_candidate(best)
    assert state.incumbent is not None
    assert state.incumbent.design == wrong
    params = CertificateParams(indifference=INDIFFERENCE, batches=10, replications=128)
    unchecked = certifier(case, solves, replace(params, max_rounds=2, nested=NO_CHECK)).certify(state)
    assert not unchecked.holds
    certificate = certifier(case, solves, params).certify(state)
    assert certificate.holds
    assert costs[certificate.incumbent.design] <= (1.0 + 1.2 * INDIFFERENCE) * costs[best]


def test_levels_that_a_descent_left_too_dear_are_replaced() -> None:
    case = stalling_case()
    state, ledger = descended(case)
    assert state.incumbent is not None
    certificate = make_certifier(case, SolveOptions(tolerance=INDIFFERENCE), ledger, np.inf).certify(state)
    judge = Ledger(case, TreeSimulator(case), 77)
    old, new = (judge.fresh(i.design, i.levels, 0, 32).costs.mean() for i in (state.incumbent, certificate.incumbent))
    assert certificate.global_levels
    assert new < 0.95 * old


def stalling_case() -> Case:
    """One plant, one warehouse, one shop; free inner backorders and Poisson demand, so that descents stall."""
    nodes = [
        Node("plant", lead_time=3, holding_cost=0.5),
        Node("warehouse", holding_cost=1.0),
        Node("shop", holding_cost=2.0, backorder_cost=18.0),
    ]
    lanes = [Lane("plant", "warehouse", 1), Lane("warehouse", "shop", 1)]
    return make_case(nodes, lanes, {"shop": PoissonDemand(1.0)}, 80, 12)


def test_a_batch_is_minimized_from_every_start_of_the_check() -> None:
    case = stalling_case()
    state, ledger = descended(case)
    (plan,) = state.plans.values()
    start = single_stage_plan(case, QuadratureSingleStage(case.demand), plan.component)
    check = NestedSearch(case, ledger).check(plan.component, plan.levels, start)
    assert check is not None
    certify = certifier(case, subproblem(case), CertificateParams(nested=NO_CHECK))  # descents without strides stall
    batch, params = Ledger(case, TreeSimulator(case), 5), PathwiseParams(64)
    at_start = float(batch.search(plan.component, check.starts[0], 64).costs.mean())
    _, alone = certify._costs.minimize(batch, plan.component, plan.levels, params, {})
    _, both = certify._costs.minimize(batch, plan.component, plan.levels, params, {plan.component: check})
    assert both <= at_start < 0.99 * alone


@pytest.mark.parametrize(
    ("nested", "certified", "words"),
    [
        (NestedParams(), True, "globally on a grid of at least 20 values per upper level"),
        (NO_CHECK, False, "from one start on every batch, assumed global"),
    ],
    ids=["checked", "too deep"],
)
def test_the_certificate_says_how_levels_were_minimized(nested: NestedParams, certified: bool, words: str) -> None:
    case = echelon_case(np.random.default_rng(0), (2, 2, 2), Features(lane_lead_times=True))
    state, _ = searched(case)
    params = CertificateParams(indifference=INDIFFERENCE, nested=nested)
    certificate = certifier(case, subproblem(case), params).certify(state)
    assert certificate.holds
    assert certificate.global_levels == certified
    assert words in certificate.statement


@pytest.mark.parametrize(("echelons", "certified"), [(2, True), (6, "assuming global levels")])
def test_a_result_is_certified_outright_unless_its_tree_is_too_deep(echelons: int, certified: bool | str) -> None:
    case = echelon_case(np.random.default_rng(4), (1,) * echelons)
    assert not case.warnings
    assert solve(case, SolveOptions(tolerance=INDIFFERENCE)).certified == certified


def test_a_case_of_one_design_is_certified() -> None:
    case = echelon_case(np.random.default_rng(1), (1, 1, 2))
    state, ledger = searched(case)
    certificate = make_certifier(case, SolveOptions(tolerance=INDIFFERENCE), ledger, np.inf).certify(state)
    assert certificate.holds
    assert certificate.num_designs == 1
    assert certificate.excluded_above == np.inf


def test_no_time_proves_nothing() -> None:
    case = echelon_case(np.random.default_rng(1), (1, 1, 2))
    state, ledger = searched(case)
    assert not make_certifier(case, SolveOptions(tolerance=INDIFFERENCE), ledger, 0.0).certify(state).holds


def test_ctrl_c_inside_the_solver_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    case = echelon_case(np.random.default_rng(1), (2, 2, 2))
    state, ledger = searched(case)
    stopped = MasterSolution(SolveStatus.INTERRUPTED, None, -np.inf, np.inf)
    monkeypatch.setattr(ProjectedMaster, "solve", lambda *_: stopped)
    with pytest.raises(KeyboardInterrupt):
        make_certifier(case, SolveOptions(tolerance=INDIFFERENCE), ledger, np.inf).certify(state)


@pytest.mark.parametrize("wrong", [{"confidence": 1.0}, {"batches": 1}, {"indifference": -0.1}, {"max_rounds": 0}])
def test_impossible_parameters_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="expected"):
        CertificateParams(**wrong)


def test_batches_have_seeds_of_their_own() -> None:
    seeds = {fresh_seed(seed, number) for seed in range(5) for number in range(20)}
    assert len(seeds) == 100
    assert fresh_seed(3, 7) == fresh_seed(3, 7)
