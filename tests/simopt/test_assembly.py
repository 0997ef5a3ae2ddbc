"""Networks with assembly: explicit queues, differences, a published optimum, a case from its files to its result."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import norm

from design.case import Case
from design.case_files import load_case, save_case
from design.demand import NormalDemand
from design.node import Lane, Node
from design.only_design import OnlyDesignMaster, SupplierChoiceError, only_design
from design.single_stage_plan import single_stage_plan
from design.stage_models import exact_costs
from simopt.apps.options import OptionError, SolveOptions
from simopt.apps.solve import solve
from simopt.optimization.pathwise import PathwiseSearch
from simopt.result import Result
from simopt.simulation.estimate import Estimate
from simopt.simulation.ledger import Ledger
from simopt.simulation.simulator import Allocation, Sample, TreeSimulator
from simopt.simulation.stage import Measure
from tests.networks import Trial, make_case, random_trial, whole, with_network
from tests.simopt.command import assert_refused, read_json
from tests.simopt.slow_simulator import LANE_QUANTITIES, measures_of, simulate_slowly

CASE = "assembly-five"
both_rules = pytest.mark.parametrize("allocation", [Allocation.FCFS, Allocation.PRIORITY], ids=["fcfs", "priority"])


def network_of(seed: int, *, whole_units: bool = False) -> Trial:
    """A random network of two to nine nodes."""
    rng = np.random.default_rng(seed)
    return random_trial(rng, int(rng.integers(2, 10)), whole_units=whole_units, assembly=True)


def simulated(trial: Trial, allocation: Allocation = Allocation.FCFS, *, with_gradient: bool = False) -> Sample:
    simulator = TreeSimulator(trial.case, allocation)
    return simulator.simulate(trial.component, trial.levels, trial.demand, with_gradient=with_gradient)


@both_rules
@pytest.mark.parametrize("whole_units", [False, True], ids=["density", "whole units"])
@pytest.mark.parametrize("seed", range(40))
def test_every_measure_equals_that_of_explicit_queues(seed, whole_units, allocation):
    trial, number = network_of(seed, whole_units=whole_units), Fraction if whole_units else float
    runs = [simulate_slowly(trial.case, trial.levels, path, allocation, number) for path in trial.demand]
    expected = np.array([measures_of(run, trial.case) for run in runs])
    np.testing.assert_allclose(simulated(trial, allocation).measures, expected, rtol=1e-9, atol=1e-9)


@both_rules
@pytest.mark.parametrize("seed", range(20))
def test_explicit_queues_keep_the_inventory_position_of_every_input(seed, allocation):
    trial = network_of(seed, whole_units=True)
    run = simulate_slowly(trial.case, trial.levels, trial.demand[0], allocation, Fraction)
    levels = dict(zip(trial.component.nodes, trial.levels, strict=True))
    expected = [levels[name] for _, name in run.lanes]
    assert np.all(run.inventory_position == np.array(expected))


def test_random_networks_have_what_they_are_to_test():
    trials = [network_of(seed) for seed in range(40)]
    inputs = [len(names) for trial in trials for names in trial.component.suppliers.values()]
    assert inputs.count(2) > 20
    assert inputs.count(3) > 10
    runs = [simulate_slowly(trial.case, trial.levels, trial.demand[0]) for trial in trials]
    assert sum(run.flows[LANE_QUANTITIES[2]].max(initial=0) > 1.0 for run in runs) > 20  # something waits


@both_rules
@pytest.mark.parametrize("seed", range(40))
def test_gradient_equals_central_differences(seed, allocation):
    trial = network_of(seed)
    levels = trial.levels + np.random.default_rng(1).uniform(0.05, 0.95, len(trial.levels))
    gradient = simulated(replace(trial, levels=levels), allocation, with_gradient=True).gradient

    def differences(step: float) -> np.ndarray:
        ends = [
            [simulated(replace(trial, levels=levels + side * shift), allocation).costs for side in (-1.0, 1.0)]
            for shift in step * np.eye(len(levels))
        ]
        return np.array([(above - below) / (2.0 * step) for below, above in ends]).T

    rough, fine, scale = differences(1e-4), differences(5e-5), 1.0 + np.abs(gradient)
    smooth = np.abs(rough - fine) <= 1e-6 * scale  # piecewise quadratic: they agree unless a kink lies between
    assert smooth.mean() >= 0.9
    assert np.max(np.abs(gradient - rough) / scale, where=smooth, initial=0.0) <= 1e-6


def test_the_worked_example_of_the_readme():
    nodes = [
        Node("frames", lead_time=0, holding_cost=5.0),
        Node("wheels", lead_time=0, holding_cost=3.0),
        Node("bicycles", backorder_cost=1.0),
    ]
    lanes = [
        Lane("frames", "bicycles", 2, input="frame"),
        Lane("wheels", "bicycles", 1, input="wheel", quantity=2.0),
    ]
    case = make_case(nodes, lanes, {"bicycles": NormalDemand(3.0, 1.0)}, horizon=3, warm_up=0)
    trial = Trial(case, np.array([0.0, 0.0, 2.0]), np.array([[[3.0], [4.0], [3.0]]]))
    measured = simulated(trial).measures[0, whole(case).nodes.index("bicycles")]
    assert measured[Measure.HOLDING] == pytest.approx(3.0 * (0 + 6 + 8))
    assert measured[Measure.BACKORDER] == pytest.approx(1.0 + 5.0 + 5.0)


def two_stages(parts: dict[str, tuple[float, float]], lead_times: tuple[int, ...] = (1, 1)) -> Case:
    """FoSCT Problem 6.1 with its upper stage made of parts: holding cost of a unit and units of each."""
    nodes = [Node(name, lead_time=lead_times[0], holding_cost=cost) for name, (cost, _) in parts.items()]
    nodes.append(Node("last", holding_cost=2.0, backorder_cost=15.0))
    lanes = [
        Lane(name, "last", lead_times[1], pipeline_holding_cost=cost, input=name, quantity=units)
        for name, (cost, units) in parts.items()
    ]
    return make_case(nodes, lanes, {"last": NormalDemand(100.0, 15.0)}, horizon=100, warm_up=10)


SERIES, ASSEMBLED = {"first": (1.0, 1.0)}, {"frame": (0.4, 1.0), "wheel": (0.3, 2.0)}


def test_parts_with_equal_lead_times_behave_like_one_on_every_path():
    """Rosling (1989): an assembly system is a series system; exactly so, path by path, where lead times are equal."""
    demand = np.random.default_rng(5).normal(100.0, 30.0, (20, 110, 1)).clip(0.0)
    one = simulated(Trial(two_stages(SERIES), np.array([104.0, 123.0]), demand))
    both = simulated(Trial(two_stages(ASSEMBLED), np.array([104.0, 208.0, 123.0]), demand))
    np.testing.assert_allclose(both.measures[:, -1], one.measures[:, -1], rtol=1e-12)
    np.testing.assert_allclose(both.measures[:, :-1].sum(axis=1), one.measures[:, 0], rtol=1e-12)


def test_parts_with_equal_lead_times_are_optimized_to_the_published_cost_of_the_series():
    """FoSCT Problem 6.1: 166.25 per period at 104.93 and 123.49; Rosling (1989) carries it over to assembly."""
    found = solve(two_stages(ASSEMBLED), SolveOptions(certify=False))
    cost = found.performance.cost
    assert cost.half_width < 0.002 * cost.mean
    assert cost.mean / 100.0 == pytest.approx(166.25, abs=cost.half_width / 100.0 + 0.1)
    levels = {node.node: node.level for node in found.performance.nodes}
    assert levels["wheel"] == pytest.approx(2.0 * levels["frame"], rel=1e-3)
    assert (levels["frame"], levels["last"]) == pytest.approx((104.93, 123.49), rel=0.01)


def test_single_stage_costs_follow_from_units_of_each_node_and_the_longest_lead_time():
    nodes = [
        Node("slow", lead_time=4, holding_cost=0.4, backorder_cost=2.0),
        Node("fast", lead_time=2, holding_cost=0.1, backorder_cost=0.9),
        Node("plant", holding_cost=1.0, backorder_cost=6.0, fixed_cost=70.0),
        Node("shop", holding_cost=2.0, backorder_cost=18.0),
        Node("store", holding_cost=2.0, backorder_cost=18.0),
    ]
    lanes = [
        Lane("slow", "plant", 3, unit_cost=0.5, input="s", quantity=0.5),
        Lane("fast", "plant", 1, pipeline_holding_cost=0.1, input="f", quantity=2.0),
        Lane("plant", "shop", 1),
        Lane("plant", "store", 2, input="a"),
        Lane("fast", "store", 3, input="b", quantity=4.0),
    ]
    case = make_case(nodes, lanes, {"shop": NormalDemand(100.0, 15.0), "store": NormalDemand(60.0, 9.0)}, 20, 20)
    plan = single_stage_plan(case, exact_costs(case), whole(case))

    def newsvendor(holding: float, backorder: float, deviation: float) -> float:
        return (holding + backorder) * deviation * norm.pdf(norm.ppf(backorder / (holding + backorder)))

    units = {"slow": (0.5, 0.5), "fast": (2.0, 6.0), "plant": (1.0, 1.0), "shop": (1.0, 0.0), "store": (0.0, 1.0)}
    lead_times = {"slow": 4, "fast": 2, "plant": 3, "shop": 1, "store": 3}
    expected = 0.0
    for node in nodes:
        a, b = units[node.name]
        deviation = (lead_times[node.name] * ((15.0 * a) ** 2 + (9.0 * b) ** 2)) ** 0.5
        expected += newsvendor(node.holding_cost, node.backorder_cost, deviation)
    assert plan.stock_cost == pytest.approx(20.0 * expected, rel=1e-4)
    assert plan.cost - plan.stock_cost == pytest.approx(70.0 + 20.0 * (0.5 * 0.5 * 160.0 + 0.1 * 2.0 * 160.0), rel=1e-6)
    # at the plant 2·160 units of fast a period wait two periods, at the store 60 of plant one period
    assert plan.expected_cost - plan.cost == pytest.approx(20.0 * (0.1 * 2.0 * 320.0 + 1.0 * 60.0), rel=1e-6)


def optimized(trial: Trial) -> tuple[Case, Sample, Ledger]:
    """Backorders cost something everywhere and the warm-up is long; levels from the search."""
    nodes = [
        replace(n, storage_capacity=np.inf, overflow_cost=0.0, backorder_cost=n.backorder_cost + n.holding_cost)
        for n in trial.case.network.nodes
    ]
    case = replace(with_network(trial.case, nodes, trial.case.network.lanes), horizon=100, warm_up=40)
    ledger, component = Ledger(case, TreeSimulator(case), 3), whole(case)
    levels = PathwiseSearch(ledger).best_levels(component, single_stage_plan(case, exact_costs(case), component))
    return case, ledger.search(component, levels, 256), ledger


@pytest.mark.parametrize("seed", range(12))
def test_the_bound_lies_below_the_optimized_cost_and_the_control_variate_is_exact(seed):
    case, sample, ledger = optimized(network_of(seed))
    component = whole(case)
    plan, cost = single_stage_plan(case, exact_costs(case), component), Estimate.of(sample.costs)
    fixed = case.fixed_cost(component)
    assert OnlyDesignMaster(case, exact_costs(case)).solve().bound == pytest.approx(plan.cost)
    assert plan.cost - fixed <= cost.mean + 1.5 * cost.half_width
    alone = Estimate.of(ledger.search_decoupled(component, plan.levels, 256))
    assert plan.expected_cost - fixed == pytest.approx(alone.mean, abs=1.7 * alone.half_width + 1e-6 * alone.mean)


@pytest.mark.parametrize("seed", [0, 3])
def test_levels_of_nodes_without_a_lead_time_are_searched_too(seed):
    case, sample, ledger = optimized(network_of(seed))
    component, cost = whole(case), sample.costs.mean()
    plan = single_stage_plan(case, exact_costs(case), component)
    levels = PathwiseSearch(ledger).best_levels(component, plan)
    rng = np.random.default_rng(seed)
    for _ in range(40):
        other = np.maximum(levels + rng.normal(0.0, 3.0, len(levels)) * np.maximum(plan.least_step, 0.1), 0.0)
        assert ledger.search(component, other, 256).costs.mean() >= 0.999 * cost


@pytest.fixture(scope="module")
def found() -> Result:
    return solve(load_case(CASE))


def test_the_only_design_is_bounded_and_certified(found):
    assert found.status == "solved"
    assert set(found.lanes) == {lane.pair for lane in load_case(CASE).network.lanes}
    assert 0.9 < found.lower_bound.value / found.performance.cost.mean < 1.0
    assert (found.lower_bound.kind, found.certified, found.confidence) == ("exact", "assuming global levels", 0.95)
    assert "no base-stock levels of this design, the only one that the lanes allow" in found.certificate
    assert [len(found.iterations), found.iterations[-1].gap] == [2, pytest.approx(0.0, abs=1e-9)]


def test_another_allocation_leaves_an_estimate_of_the_bound(found):
    case = load_case(CASE)
    other = solve(replace(case, supply=replace(case.supply, allocation="priority")))
    assert (other.lower_bound.kind, other.certified) == ("estimate", False)
    assert "allocation priority in a network with assembly: the lower bound is an estimate" in other.warnings
    assert other.lower_bound.value == pytest.approx(found.lower_bound.value)


def test_no_levels_nearby_cost_less(found):
    case, component = load_case(CASE), whole(load_case(CASE))
    by_name = {node.node: node.level for node in found.performance.nodes}
    levels, ledger = np.array([by_name[name] for name in component.nodes]), Ledger(case, TreeSimulator(case), 17)
    cost = ledger.search(component, levels, 1024).costs.mean()
    for node in range(len(levels)):
        for factor in (0.9, 0.95, 1.05, 1.1):
            other = levels * np.where(np.arange(len(levels)) == node, factor, 1.0)
            assert ledger.search(component, other, 1024).costs.mean() > cost


@pytest.mark.slow
def test_the_case_runs_from_its_files_to_its_result(simopt, tmp_path):
    assert simopt("validate", CASE).code == 0
    done = simopt("solve", CASE, "--no-certify", "--out", tmp_path)
    assert (done.code, done.err) == (0, "")
    assert "Frames, Wheels" in done.out
    solved = read_json(tmp_path / "result.json")
    assert solved["certified"] is False
    assert {"from": "Wheels", "to": "Assembly"} in solved["design"]["lanes"]
    again = simopt("simulate", CASE, "--solution", tmp_path / "result.json", "--seed", 4, "--out", tmp_path / "again")
    assert again.code == 0
    cost = read_json(tmp_path / "again" / "result.json")["cost"]
    assert cost["mean"] == pytest.approx(solved["cost"]["mean"], abs=2.0 * cost["half_width"])


REFUSED = {
    "method": (["solve", CASE, "--method", "genetic"], "method 'genetic' in a network with assembly"),
    "kriging": (["solve", CASE, "--subproblem", "kriging"], "expected pathwise"),
    "extensive": (["solve", CASE, "--master", "extensive"], "expected projected"),
    "echelon": (["solve", CASE, "--bound", "echelon"], "expected auto or single-stage"),
    "compare": (["compare", CASE], "compare in a network with assembly"),
    "frontier": (["frontier", CASE, "--against", "num-sites"], "a frontier in a network with assembly"),
    "baseline": (["solve", CASE, "--baseline", "x.csv"], "a comparison with a baseline in a network with assembly"),
}


@pytest.mark.parametrize(("arguments", "said"), REFUSED.values(), ids=REFUSED)
def test_what_knows_trees_only_is_refused(simopt, arguments, said):
    done = simopt(*arguments)
    assert_refused(done, said)
    assert len(done.err.splitlines()) == 1


def changed(folder: Path, **nodes: dict[str, object]) -> Case:
    """The shipped case with some fields of nodes changed, through its files."""
    case = load_case(CASE)
    changes = [replace(node, **nodes.get(node.name, {})) for node in case.network.nodes]
    save_case(with_network(case, changes, case.network.lanes), folder)
    return load_case(folder)


@pytest.mark.parametrize("scenarios", [None, 64], ids=["exact", "sampled"])
def test_targets_are_refused(tmp_path, scenarios):
    case = changed(tmp_path, City={"service_target": 0.95})
    with pytest.raises(OptionError, match="service_target in a network with assembly"):
        solve(case, SolveOptions(scenarios=scenarios))


def test_a_choice_of_suppliers_is_refused_but_any_design_is_simulated(simopt, tmp_path):
    case = load_case(CASE)
    more = Node("Cheap", "supplier", lead_time=6, holding_cost=0.2, backorder_cost=1.0)
    lane = Lane("Cheap", "Assembly", 4, input="frame")
    wider = with_network(case, [*case.network.nodes, more], [*case.network.lanes, lane])
    save_case(wider, tmp_path / "wider")
    with pytest.raises(
        SupplierChoiceError, match=r"node 'Assembly', input 'frame': 2 candidate suppliers \(Frames, Che"
    ):
        only_design(wider.network)
    done = simopt("solve", tmp_path / "wider")
    assert_refused(done, "node 'Assembly', input 'frame'", "choosing among suppliers is not supported")
    assert len(done.err.splitlines()) == 1
    simopt("solve", CASE, "--no-certify", "--out", tmp_path / "run")
    assert simopt("simulate", tmp_path / "wider", "--solution", tmp_path / "run" / "result.json").code == 0


def test_a_rule_that_the_only_design_breaks_makes_the_case_infeasible(simopt, tmp_path):
    changed(tmp_path, Wheels={"capacity": 95.0})  # two for each of 48 bicycles
    done = simopt("solve", tmp_path)
    assert done.code == 1
    assert "the only design breaks capacity 95 of Wheels: 96" in done.err


def test_waiting_inputs_emit_like_those_on_hand_at_their_supplier(tmp_path):
    case = changed(tmp_path, Wheels={"holding_emission": 0.5}, Frames={"holding_emission": 0.0})
    trial = Trial(case, np.full(5, 0.0), np.full((1, case.num_periods, 2), 10.0))
    emitted = simulated(replace(trial, case=case.as_emissions)).measures[0, :, Measure.HOLDING]
    frames, wheels = 5 + 3, 2 + 1  # periods from the outside supply
    expected = 100 * 0.5 * 2.0 * 20.0 * (frames - wheels)
    assert emitted[whole(case).nodes.index("Assembly")] == pytest.approx(expected)
    priced = replace(case, emissions=replace(case.emissions, price=2.0))
    costs = [simulated(replace(trial, case=one)).costs[0] for one in (case, priced)]
    assert costs[1] - costs[0] == pytest.approx(2.0 * emitted.sum())
