"""The loop over designs: when it ends and what it tells the master, with fakes; that it finds the best, for real."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from design.case import Case
from design.master import ProjectedMaster
from design.master_types import MasterSolution
from design.network import Component, Design, Network
from design.node import Lane, Node
from design.single_stage import QuadratureSingleStage
from design.solver import SolveStatus
from simopt.optimization.outer_approximation import LoopParams, outer_approximation
from simopt.optimization.pathwise import PathwiseParams, PathwiseSearch
from simopt.optimization.search_state import SearchState, Termination
from simopt.optimization.sequential import network_then_stock
from simopt.optimization.subproblem import ComponentPlan, PricingParams, Subproblem
from simopt.simulation.estimate import Estimate
from simopt.simulation.ledger import BudgetSpentError, Ledger
from simopt.simulation.simulator import TreeSimulator
from tests.networks import with_network
from tests.small_cases import Features, all_designs, echelon_case

NETWORK = Network(
    (Node("p", lead_time=1), Node("q", lead_time=1), Node("a"), Node("b")),
    tuple(Lane(origin, end, 1) for origin in "pq" for end in "ab"),
    ("a", "b"),
)
BOTH_BY_P, BOTH_BY_Q = (NETWORK.design([(source, "a"), (source, "b")]) for source in "pq")
A_BY_P = NETWORK.design([("p", "a"), ("q", "b")])
A_BY_Q = NETWORK.design([("q", "a"), ("p", "b")])


@dataclass
class FakeMaster:
    """Returns chosen proposals, the last one for ever, and notes what it is told."""

    proposals: list[MasterSolution]
    prices: list[tuple[Component, float]] = field(default_factory=list)
    time_limits: list[float] = field(default_factory=list)
    num_scenarios: int = 0

    def solve(self, time_limit: float = np.inf) -> MasterSolution:
        self.time_limits.append(time_limit)
        return self.proposals.pop(0) if len(self.proposals) > 1 else self.proposals[0]

    def price(self, component: Component, extra: float) -> None:
        self.prices.append((component, extra))

    def forbid(self, design: Design) -> None:
        raise AssertionError(f"the loop forbids nothing, yet it forbade {design}")


@dataclass
class FakeSubproblem:
    """Chosen simulated costs, 50 where none is chosen; the single-stage cost of every component is 40."""

    costs: dict[Component, float] = field(default_factory=dict)
    solved: list[Component] = field(default_factory=list)

    def solve_all(self, components: Sequence[Component]) -> Iterator[ComponentPlan]:
        return map(self.solve, components)

    def solve(self, component: Component) -> ComponentPlan:
        self.solved.append(component)
        cost = Estimate(self.costs.get(component, 50.0), 3.0, 10)
        return ComponentPlan(component, np.arange(float(len(component.nodes))), cost, 40.0)


def proposal(design: Design | None, bound: float, status: SolveStatus = SolveStatus.OPTIMAL) -> MasterSolution:
    return MasterSolution(status, design, bound, bound if design is not None else np.inf)


def run(proposals: Iterable[MasterSolution], subproblem: FakeSubproblem | None = None, **params) -> list[SearchState]:
    return list(outer_approximation(FakeMaster(list(proposals)), subproblem or FakeSubproblem(), LoopParams(**params)))


def test_the_loop_ends_when_the_bound_meets_the_incumbent():
    states = run([proposal(BOTH_BY_P, 40.0), proposal(BOTH_BY_Q, 50.0)])
    assert [state.termination for state in states] == [None, Termination.BOUND_MET]
    assert states[-1].incumbent.design == BOTH_BY_P
    assert states[-1].incumbent.cost == 50.0


def test_a_bound_within_the_tolerance_meets_the_incumbent():
    proposals = [proposal(BOTH_BY_P, 40.0), proposal(BOTH_BY_Q, 49.6), proposal(A_BY_P, 50.0)]
    assert [len(run(proposals, tolerance=share)) for share in (0.0, 0.005, 0.01)] == [3, 3, 2]


def test_a_bound_that_meets_the_incumbent_leaves_its_own_design_unsimulated():
    subproblem = FakeSubproblem()
    run([proposal(BOTH_BY_P, 40.0), proposal(BOTH_BY_Q, 50.0)], subproblem)
    assert subproblem.solved == list(BOTH_BY_P.components)


def test_the_first_design_is_simulated_whatever_its_bound():
    states = run([proposal(BOTH_BY_P, 1000.0)])
    assert states[0].incumbent.design == BOTH_BY_P


def test_a_design_whose_components_are_all_known_ends_the_loop():
    # p serving a and q serving b, then the other way round, then a design that returns with a bound below its cost
    states = run([proposal(A_BY_P, 80.0), proposal(A_BY_Q, 85.0), proposal(A_BY_P, 90.0)])
    assert [state.termination for state in states] == [None, None, Termination.BOUND_MET]


def test_components_seen_in_another_design_are_not_simulated_again():
    subproblem = FakeSubproblem()
    nodes = (Node("p", lead_time=1), Node("q", lead_time=1), Node("r", lead_time=1), Node("a"), Node("b"))
    network = Network(nodes, tuple(Lane(s, end, 1) for s in "pqr" for end in "ab"), ("a", "b"))
    first, second = network.design([("p", "a"), ("q", "b")]), network.design([("p", "a"), ("r", "b")])
    run([proposal(first, 80.0), proposal(second, 85.0), proposal(second, 100.0)], subproblem)
    assert [component.source for component in subproblem.solved] == ["p", "q", "r"]


def test_each_new_component_is_priced_once_with_its_excess_over_the_single_stage_cost():
    p, q = A_BY_P.components
    master = FakeMaster([proposal(A_BY_P, 80.0), proposal(BOTH_BY_P, 85.0), proposal(BOTH_BY_P, 85.0)])
    list(outer_approximation(master, FakeSubproblem({p: 47.0, q: 60.0, BOTH_BY_P.components[0]: 90.0})))
    assert master.prices == [(p, 7.0), (q, 20.0), (BOTH_BY_P.components[0], 50.0)]


def test_a_component_that_simulates_below_its_single_stage_cost_is_priced_at_zero():
    master = FakeMaster([proposal(BOTH_BY_P, 40.0)])
    list(outer_approximation(master, FakeSubproblem({BOTH_BY_P.components[0]: 39.0})))
    assert master.prices == [(BOTH_BY_P.components[0], 0.0)]


def test_the_incumbent_is_kept_when_a_later_design_costs_more_and_replaced_when_it_costs_less():
    costs = {BOTH_BY_P.components[0]: 60.0, BOTH_BY_Q.components[0]: 70.0, **dict.fromkeys(A_BY_P.components, 25.0)}
    proposals = [proposal(BOTH_BY_P, 40.0), proposal(BOTH_BY_Q, 41.0), proposal(A_BY_P, 42.0), proposal(A_BY_Q, 50.0)]
    states = run(proposals, FakeSubproblem(costs))
    assert [state.incumbent.design for state in states] == [BOTH_BY_P, BOTH_BY_P, A_BY_P, A_BY_P]
    assert [state.candidate for state in states[:3]] == [BOTH_BY_P, BOTH_BY_Q, A_BY_P]
    assert states[-1].incumbent.half_width == pytest.approx(np.hypot(3.0, 3.0))
    assert states[-1].incumbent.levels == {"p": 0.0, "a": 1.0, "q": 0.0, "b": 1.0}


def test_the_present_bound_never_falls_and_the_first_one_stays_apart():
    states = run([proposal(BOTH_BY_P, 40.0), proposal(BOTH_BY_Q, 39.0), proposal(A_BY_P, 45.0)], max_iterations=3)
    assert [state.priced_bound for state in states] == [40.0, 40.0, 45.0, 45.0]
    assert {state.unpriced_bound for state in states} == {40.0}
    assert states[-1].gap == pytest.approx((50.0 - 45.0) / 50.0)


def test_the_iteration_limit_ends_the_loop_with_its_incumbent():
    states = run([proposal(BOTH_BY_P, 40.0), proposal(BOTH_BY_Q, 41.0), proposal(A_BY_P, 42.0)], max_iterations=2)
    assert states[-1].termination is Termination.ITERATION_LIMIT
    assert states[-1].incumbent.design == BOTH_BY_P


def test_a_master_stopped_by_its_time_limit_has_its_design_simulated_and_ends_the_loop():
    states = run([proposal(BOTH_BY_P, 40.0, SolveStatus.TIME_LIMIT)])
    assert [state.termination for state in states] == [Termination.TIME_LIMIT]
    assert states[0].incumbent.design == BOTH_BY_P


def test_a_master_stopped_without_a_design_ends_the_loop_with_the_incumbent():
    states = run([proposal(BOTH_BY_P, 40.0), proposal(None, 42.0, SolveStatus.TIME_LIMIT)])
    assert states[-1].termination is Termination.TIME_LIMIT
    assert states[-1].incumbent.design == BOTH_BY_P
    assert states[-1].priced_bound == 42.0


def test_a_known_design_from_a_stopped_master_proves_nothing():
    states = run([proposal(BOTH_BY_P, 40.0), proposal(BOTH_BY_P, 41.0, SolveStatus.TIME_LIMIT)])
    assert states[-1].termination is Termination.TIME_LIMIT


def test_an_interrupted_master_ends_the_loop_as_interrupted():
    states = run([proposal(BOTH_BY_P, 40.0), proposal(None, 41.0, SolveStatus.INTERRUPTED)])
    assert states[-1].termination is Termination.INTERRUPTED
    assert states[-1].incumbent.design == BOTH_BY_P


@pytest.mark.parametrize("status", [SolveStatus.FAILED, SolveStatus.UNBOUNDED])
def test_a_master_that_fails_is_neither_success_nor_a_time_limit(status):
    states = run([proposal(BOTH_BY_P, 40.0), proposal(None, -np.inf, status)])
    assert states[-1].incumbent.design == BOTH_BY_P
    assert states[-1].termination not in (Termination.BOUND_MET, Termination.TIME_LIMIT)


def test_the_master_is_given_what_is_left_of_the_time():
    master = FakeMaster([proposal(BOTH_BY_P, 40.0), proposal(BOTH_BY_Q, 41.0), proposal(A_BY_P, 50.0)])
    list(outer_approximation(master, FakeSubproblem(), LoopParams(time_limit=100.0)))
    assert 100.0 >= master.time_limits[0] >= master.time_limits[1] >= master.time_limits[2] > 90.0


def test_the_time_limit_ends_the_loop_after_the_design_at_hand():
    states = run([proposal(BOTH_BY_P, 40.0), proposal(BOTH_BY_Q, 41.0)], time_limit=1e-9)
    assert [state.termination for state in states] == [Termination.TIME_LIMIT]
    assert states[0].incumbent.design == BOTH_BY_P


@pytest.mark.parametrize(
    "params",
    [{"tolerance": -0.1}, {"tolerance": 1.0}, {"tolerance": np.nan}, {"max_iterations": 0}, {"time_limit": 0.0}],
)
def test_limits_out_of_range_are_refused(params):
    with pytest.raises(ValueError, match="expected"):
        LoopParams(**params)


def test_network_first_then_stock_ends_after_its_one_design():
    (state,) = network_then_stock(A_BY_P, FakeSubproblem())
    assert state.termination is Termination.COMPLETED
    assert state.incumbent.cost == 100.0
    assert state.gap is None


def with_free_inner_backorders(case: Case) -> Case:
    """The case where only customers' backorders cost something, so that the single-stage bound is weak."""
    nodes = [n if n.name in case.demand else replace(n, backorder_cost=0.0) for n in case.network.nodes]
    return with_network(case, nodes, case.network.lanes)


def subproblem_of(case: Case, ledger: Ledger) -> Subproblem:
    costs = QuadratureSingleStage(case.demand)
    return Subproblem(case, costs, ledger, PathwiseSearch(ledger, PathwiseParams(60)), PricingParams(128))


def ledger_of(case: Case, **limits) -> Ledger:
    return Ledger(case, TreeSimulator(case), seed=0, **limits)


def searched(case: Case, tolerance: float = 0.0005) -> list[SearchState]:
    """The states of the real loop."""
    master = ProjectedMaster(case, QuadratureSingleStage(case.demand))
    subproblem = subproblem_of(case, ledger_of(case))
    return list(outer_approximation(master, subproblem, LoopParams(tolerance=tolerance)))


def cost_of_every_design(case: Case) -> dict[Design, float]:
    """Each design with levels optimized on the paths of the loop's own search."""
    subproblem, plans = subproblem_of(case, ledger_of(case)), {}
    costs = {}
    for design in map(case.network.design, all_designs(case.network)):
        for component in design.components:
            if component not in plans:
                plans[component] = subproblem.solve(component).cost.mean
        costs[design] = sum(plans[component] for component in design.components)
    return costs


RANDOM_CASES = {
    "plain": echelon_case(np.random.default_rng(0), (2, 2, 2)),
    "fixed costs": echelon_case(np.random.default_rng(1), (2, 2, 3), Features(fixed_costs=True)),
    "lead times by lane": echelon_case(np.random.default_rng(2), (2, 2, 2), Features(lane_lead_times=True)),
    "curved holding": echelon_case(np.random.default_rng(3), (2, 2, 2), Features(curved_holding=True)),
    "customers everywhere": echelon_case(np.random.default_rng(4), (2, 2, 2), Features(True, True, True, True)),
    "free inner backorders": with_free_inner_backorders(
        echelon_case(np.random.default_rng(5), (2, 2, 2), Features(lane_lead_times=True))
    ),
}


@pytest.mark.parametrize("case", RANDOM_CASES.values(), ids=RANDOM_CASES)
def test_the_loop_finds_the_best_of_all_designs(case):
    costs, last = cost_of_every_design(case), searched(case)[-1]
    assert last.termination is Termination.BOUND_MET
    assert costs[last.incumbent.design] == pytest.approx(last.incumbent.cost, rel=1e-6)
    assert last.incumbent.cost <= min(costs.values()) * 1.002
    assert last.unpriced_bound <= min(costs.values()) * 1.002


@pytest.mark.parametrize("seed", [8, 18, 34])
def test_prices_lead_past_a_first_design_that_is_not_the_best(seed):
    case = with_free_inner_backorders(
        echelon_case(np.random.default_rng(seed), (2, 2, 2), Features(lane_lead_times=True))
    )
    costs, states = cost_of_every_design(case), searched(case)
    best = min(costs, key=costs.get)
    assert costs[states[0].candidate] > 1.01 * costs[best]
    assert states[-1].incumbent.design == best


def test_a_budget_of_replications_ends_the_search_where_it_is_spent():
    case = RANDOM_CASES["plain"]
    ledger = ledger_of(case, budget=500)
    master = ProjectedMaster(case, QuadratureSingleStage(case.demand))
    with pytest.raises(BudgetSpentError):
        list(outer_approximation(master, subproblem_of(case, ledger)))
    assert ledger.replications <= 500
