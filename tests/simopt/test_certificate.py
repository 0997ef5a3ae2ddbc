"""The certificate holds where it should, and refuses where a better design was missed."""

from dataclasses import replace

import numpy as np
import pytest

from design.case import Case
from design.master import MasterSolution, ProjectedMaster
from design.network import Component, Design
from design.single_stage import QuadratureSingleStage
from design.solver import SolveStatus
from simopt.apps.methods import SolveOptions, make_certifier, start_search
from simopt.optimization.certificate import CertificateParams, Certifier, fresh_seed
from simopt.optimization.pathwise import PathwiseSearch
from simopt.optimization.search_state import SearchState
from simopt.optimization.subproblem import ComponentPlan, Subproblem
from simopt.simulation.ledger import Ledger
from simopt.simulation.simulator import TreeSimulator
from tests.small_cases import Features, all_designs, echelon_case

SEEDS = (0, 3, 8)
INDIFFERENCE = 0.01  # a horizon of 20 periods is noisy


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
    params = CertificateParams(indifference=INDIFFERENCE, max_rounds=2, batches=10, replications=128)
    certificate = certifier(case, solves, params).certify(state)
    assert not certificate.holds


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
