"""Both master problems find what an exhaustive search over all designs finds, and prove it."""

import numpy as np
import pyomo.environ as pyo
import pytest
from pyomo.contrib.appsi.solvers.highs import Highs

from design.case import Case
from design.case_files import load_case
from design.demand import NormalDemand
from design.errors import NetworkError
from design.extensive import ExtensiveMaster
from design.flow_model import InfeasibleError, build_flow_model
from design.master import ProjectedMaster
from design.master_types import MasterSolution
from design.network import Component, Network
from design.node import Lane, Node
from design.scenario import PathScenarios, path_scenarios, sobol_scenarios
from design.single_stage import QuadratureSingleStage, SampledSingleStage
from design.single_stage_plan import single_stage_plan
from design.solver import HighsSession, Row, SolverError, SolveStatus
from tests.networks import make_case, one_node, two_stage_series, warehouse_with_retailers
from tests.small_cases import Features, LaneSet, all_designs, echelon_case, single_stage_cost

SHAPES = {
    "linear costs": ((2, 2, 3), Features()),
    "fixed costs of nodes and lanes": ((2, 2, 3), Features(fixed_costs=True)),
    "lead times of their own on every lane": ((2, 2, 3), Features(lane_lead_times=True)),
    "an inner node that faces customers": ((2, 2, 2), Features(inner_customers=True, fixed_costs=True)),
    "a source that faces customers": ((2, 2, 2), Features(source_customers=True, fixed_costs=True)),
    "curved holding costs": ((2, 2, 2), Features(curved_holding=True)),
    "three sources": ((3, 2, 4), Features(fixed_costs=True)),
    "four echelons": ((2, 2, 2, 2), Features(fixed_costs=True)),
    "all of it in four echelons": ((2, 2, 2, 2), Features(True, True, True, True, True)),
}
every_shape = pytest.mark.parametrize(("sizes", "features"), SHAPES.values(), ids=SHAPES)


def sampled_paths(case: Case, count: int = 24) -> PathScenarios:
    return path_scenarios(case.demand, count, num_periods=4, seed=5)


def master_on(case: Case, scenarios: PathScenarios) -> ProjectedMaster:
    return ProjectedMaster(case, SampledSingleStage(scenarios))


def enumerated(case: Case, scenarios: PathScenarios) -> dict[LaneSet, float]:
    """Cost of every design on the scenarios, cheapest first."""
    paths = {name: scenarios.paths[:, :, k] for k, name in enumerate(scenarios.customers)}
    costs = {lanes: single_stage_cost(case, lanes, paths) for lanes in all_designs(case.network)}
    return dict(sorted(costs.items(), key=lambda item: item[1]))


def lanes_of(solution: MasterSolution) -> LaneSet:
    assert solution.design is not None
    return frozenset(solution.design.lanes)


def assert_cheapest(solution: MasterSolution, costs: dict[LaneSet, float]) -> None:
    """Proven optimal, at the least cost, by a design that has it."""
    least = min(costs.values())
    assert solution.status is SolveStatus.OPTIMAL
    assert solution.bound <= solution.objective
    assert solution.bound == pytest.approx(least, rel=1e-5)
    assert solution.objective == pytest.approx(least, rel=1e-5)
    assert costs[lanes_of(solution)] == pytest.approx(least, rel=1e-5)


@every_shape
@pytest.mark.parametrize("seed", range(3))
def test_the_projected_master_finds_the_cheapest_of_all_designs(sizes, features, seed):
    case = echelon_case(np.random.default_rng(seed), sizes, features)
    scenarios = sampled_paths(case)
    assert_cheapest(master_on(case, scenarios).solve(), enumerated(case, scenarios))


@every_shape
def test_forbidding_excludes_exactly_one_design_after_another(sizes, features):
    case = echelon_case(np.random.default_rng(11), sizes, features)
    scenarios = sampled_paths(case, 8)
    costs, master = enumerated(case, scenarios), master_on(case, scenarios)
    for _ in range(4):
        found = master.solve()
        assert_cheapest(found, costs)
        master.forbid(found.design)
        del costs[lanes_of(found)]


@every_shape
def test_prices_charge_exactly_the_component_they_name(sizes, features):
    case = echelon_case(np.random.default_rng(12), sizes, features)
    scenarios = sampled_paths(case, 8)
    costs, master = enumerated(case, scenarios), master_on(case, scenarios)
    priced: set[Component] = set()
    for step in range(6):
        found = master.solve()
        assert_cheapest(found, costs)
        new = [component for component in found.design.components if component not in priced]
        for component in new:
            priced.add(component)
            extra = (0.2 - 0.02 * step) * found.objective
            master.price(component, extra)
            for lanes in costs:
                if component in case.network.design(lanes).components:
                    costs[lanes] += extra
    assert len(priced) >= 2


def test_every_design_can_be_excluded_and_then_none_is_left():
    case = echelon_case(np.random.default_rng(0), (2, 1, 2))
    scenarios = sampled_paths(case, 8)
    costs, master = enumerated(case, scenarios), master_on(case, scenarios)
    found = []
    for _ in costs:
        found.append(lanes_of(solution := master.solve()))
        master.forbid(solution.design)
    assert set(found) == set(costs)
    assert sorted(costs.values()) == pytest.approx([costs[lanes] for lanes in found], rel=1e-6)
    with pytest.raises(InfeasibleError, match="every design that serves all customers has been excluded"):
        master.solve()


@pytest.mark.parametrize("case", [one_node(), two_stage_series(), warehouse_with_retailers()])
def test_a_case_with_a_single_design_costs_its_single_stage_plan(case):
    costs = QuadratureSingleStage(case.demand)
    design = case.network.design(lane.pair for lane in case.network.lanes)
    solution = ProjectedMaster(case, costs).solve()
    plan = sum(single_stage_plan(case, costs, component).cost for component in design.components)
    assert solution.design == design
    assert solution.bound == pytest.approx(plan, rel=1e-6)


@pytest.mark.parametrize("case", [one_node(), two_stage_series()])
def test_the_only_design_can_be_excluded(case):
    master = ProjectedMaster(case, QuadratureSingleStage(case.demand))
    master.forbid(master.solve().design)
    with pytest.raises(InfeasibleError):
        master.solve()


@pytest.mark.parametrize("case", [one_node(), two_stage_series()])
def test_the_only_design_can_be_priced(case):
    master = ProjectedMaster(case, QuadratureSingleStage(case.demand))
    before = master.solve()
    master.price(before.design.components[0], 1000.0)
    assert master.solve().bound == pytest.approx(before.bound + 1000.0, rel=1e-6)


@pytest.mark.parametrize("features", [Features(), Features(fixed_costs=True), Features(lane_lead_times=True)])
def test_sobol_scenarios_and_quadrature_bound_alike(features):
    case = echelon_case(np.random.default_rng(3), (2, 2, 3), features)
    exact = ProjectedMaster(case, QuadratureSingleStage(case.demand))
    sobol = ProjectedMaster(case, SampledSingleStage(sobol_scenarios(case.demand, 4096, seed=0)))
    assert sobol.solve().bound == pytest.approx(exact.solve().bound, rel=1e-3)
    assert (exact.num_scenarios, sobol.num_scenarios) == (0, 4096)


@pytest.mark.parametrize("features", [Features(fixed_costs=True), Features(True, True, True, True, True)])
def test_the_pyomo_twin_has_the_same_optimum(features):
    case = echelon_case(np.random.default_rng(4), (2, 2, 2), features)
    master = master_on(case, sampled_paths(case))
    before = master.solve()
    master.price(before.design.components[0], 0.01 * before.objective)
    master.forbid(before.design)
    after = master.solve()
    twin = master.as_pyomo()
    twin_value = Highs().solve(twin).best_feasible_objective
    assert twin_value == pytest.approx(after.objective, rel=1e-5)
    assert twin_value >= before.objective


def test_the_pyomo_twin_tells_names_with_commas_apart():
    nodes = [
        Node("a", lead_time=1, holding_cost=1.0, backorder_cost=9.0),
        Node("a,b", lead_time=8, holding_cost=1.0, backorder_cost=9.0),
        Node("b,c", holding_cost=1.0, backorder_cost=9.0),
        Node("c", holding_cost=1.0, backorder_cost=9.0),
    ]
    lanes = [Lane(origin, end, 1, unit_cost=0.5) for origin in ("a", "a,b") for end in ("b,c", "c")]
    case = make_case(nodes, lanes, {"b,c": NormalDemand(5.0, 1.0), "c": NormalDemand(9.0, 3.0)})
    master = ProjectedMaster(case, QuadratureSingleStage(case.demand))
    assert Highs().solve(master.as_pyomo()).best_feasible_objective <= master.solve().objective
    assert Highs().solve(master.as_pyomo()).best_feasible_objective == pytest.approx(master.solve().objective, rel=1e-5)


FORMS = {
    "two echelons of lanes": echelon_case(np.random.default_rng(6), (2, 2, 3), Features(fixed_costs=True)),
    "overflow and quadratic holding": echelon_case(np.random.default_rng(7), (2, 2, 2), Features(curved_holding=True)),
    "customers everywhere": echelon_case(np.random.default_rng(8), (2, 2, 2), Features(True, True, True, True)),
}


@pytest.mark.parametrize("case", FORMS.values(), ids=FORMS)
def test_both_forms_bound_alike_on_the_same_scenarios(case):
    scenarios = sampled_paths(case, 20)
    extensive = ExtensiveMaster(case, scenarios).solve()
    assert extensive.status is SolveStatus.OPTIMAL
    assert extensive.bound <= extensive.objective * (1.0 + 1e-9)
    assert extensive.bound == pytest.approx(master_on(case, scenarios).solve().bound, rel=1e-4)
    assert_cheapest_of(extensive, case, scenarios)


def assert_cheapest_of(solution: MasterSolution, case: Case, scenarios: PathScenarios) -> None:
    costs = enumerated(case, scenarios)
    assert costs[lanes_of(solution)] == pytest.approx(min(costs.values()), rel=1e-4)


def test_both_forms_agree_when_priced_and_forbidden():
    case = FORMS["two echelons of lanes"]
    scenarios = sampled_paths(case, 20)
    extensive, projected = ExtensiveMaster(case, scenarios), master_on(case, scenarios)
    for _ in range(3):
        one, other = extensive.solve(), projected.solve()
        assert one.bound == pytest.approx(other.bound, rel=1e-4)
        for master in (extensive, projected):
            master.price(other.design.components[0], 0.02 * other.objective)
            master.forbid(other.design)


def test_both_forms_bound_thirteen_node_alike():
    case = load_case("thirteen-node")
    scenarios = path_scenarios(case.demand, 50, num_periods=6, seed=0)
    projected = master_on(case, scenarios).solve()
    extensive = ExtensiveMaster(case, scenarios).solve()
    assert extensive.bound == pytest.approx(projected.bound, rel=1e-4)


def test_a_customer_that_nothing_supplies_is_refused_by_name():
    with pytest.raises(NetworkError, match="node 'island' has no incoming lane"):
        Network((Node("plant", lead_time=1), Node("shop"), Node("island")), (Lane("plant", "shop", 1),), ("island",))


def with_objective(model: pyo.ConcreteModel) -> pyo.ConcreteModel:
    model.objective = pyo.Objective(expr=model.flow_cost)
    return model


def test_without_a_lane_to_a_customer_no_flow_is_feasible():
    model = with_objective(build_flow_model(two_stage_series()))
    model.lane_used["warehouse", "shop"].setub(0)
    assert HighsSession(model).solve(relaxed=False).status is SolveStatus.INFEASIBLE


@pytest.mark.parametrize("make", [
    lambda case: ProjectedMaster(case, QuadratureSingleStage(case.demand)),
    lambda case: ExtensiveMaster(case, path_scenarios(case.demand, 50, num_periods=6, seed=0)),
], ids=["projected", "extensive"])  # fmt: skip
@pytest.mark.parametrize("seconds", [0.0, -1.0, 1e-3])
def test_a_time_limit_is_reported_and_never_taken_for_optimality(make, seconds):
    solution = make(load_case("thirteen-node")).solve(seconds)
    assert solution.status is SolveStatus.TIME_LIMIT
    assert solution.bound <= solution.objective


def test_a_master_stopped_by_its_time_limit_can_go_on():
    case = load_case("thirteen-node")
    stopped = ProjectedMaster(case, QuadratureSingleStage(case.demand))
    assert stopped.solve(1e-3).status is SolveStatus.TIME_LIMIT
    fresh = ProjectedMaster(case, QuadratureSingleStage(case.demand)).solve()
    assert stopped.solve().bound == pytest.approx(fresh.bound, rel=1e-5)


def test_a_lane_that_leads_to_no_customer_is_never_used():
    nodes = [Node("plant", lead_time=1), Node("shop", holding_cost=1.0, backorder_cost=9.0), Node("dead end")]
    case = make_case(nodes, [Lane("plant", "shop", 1), Lane("plant", "dead end", 1)], {"shop": NormalDemand(5.0, 1.0)})
    solution = ProjectedMaster(case, QuadratureSingleStage(case.demand)).solve()
    assert lanes_of(solution) == {("plant", "shop")}


def test_two_sources_for_one_shop_compare_their_own_stock():
    nodes = [
        Node("near", lead_time=1, holding_cost=1.0, backorder_cost=9.0),
        Node("far", lead_time=9, holding_cost=1.0, backorder_cost=9.0),
        Node("shop", holding_cost=1.0, backorder_cost=9.0),
    ]
    lanes = [Lane("near", "shop", 1), Lane("far", "shop", 1)]
    case = make_case(nodes, lanes, {"shop": NormalDemand(50.0, 5.0)})
    first = ProjectedMaster(case, QuadratureSingleStage(case.demand)).solve()
    assert lanes_of(first) == {("near", "shop")}


def session() -> HighsSession:
    return HighsSession(with_objective(build_flow_model(two_stage_series())))


def test_a_session_refuses_options_that_the_solver_does_not_know():
    with pytest.raises(SolverError, match="option no_such_option=1"):
        session()._set("no_such_option", 1)


def test_a_session_refuses_a_value_out_of_range():
    with pytest.raises(SolverError, match="option mip_rel_gap=-1"):
        HighsSession(with_objective(build_flow_model(two_stage_series())), relative_gap=-1.0)


def test_a_session_refuses_a_row_over_columns_that_do_not_exist():
    with pytest.raises(SolverError, match="a row"):
        session().add_rows([Row(0.0, (10_000,), (1.0,))])


def test_added_rows_bind_relaxed_and_integer_solves_alike():
    held = session()
    column = held.names.index("lane_used[warehouse,shop]")
    held.add_rows([Row(2.0, (column,), (1.0,))])
    for relaxed in (True, False):
        solution = held.solve(relaxed=relaxed)
        assert solution.status is SolveStatus.INFEASIBLE
        assert solution.values is None
        assert solution.objective == np.inf
