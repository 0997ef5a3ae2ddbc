"""`simopt operate`: policies, files, promises, tuning and what it refuses."""

import json
from dataclasses import replace

import numpy as np
import pytest

import simopt as simopt_package
from design.case_files import load_case, save_case
from design.only_design import only_design
from design.supply import Supply
from simopt.apps.operate import OperateOptions, operate
from simopt.apps.options import OptionError, SolveOptions
from simopt.apps.planning_simulator import PARTS, PlanningModel, PlanningSimulator
from simopt.apps.solve import solve
from simopt.planning.measures import COSTS
from simopt.policies.dynamic import DynamicBaseStock
from simopt.policies.parameters import Sizing
from simopt.policies.registry import PolicyError
from simopt.simulation.ledger import Ledger
from simopt.simulation.simulator import TreeSimulator
from simopt.simulation.stage import NUM_COSTS
from simopt.simulation.user_simulator import ComponentSimulator
from tests.simopt.command import Command

MEASURES = {"cost", "fill_rate", "backlog", "inventory_exposure", "cost_to_serve", "bullwhip:Retailer"}


def small():
    """planning-engine with half a year and the first two products of every family."""
    case = load_case("planning-engine")
    network, planning = case.network, case.planning

    def is_kept(product):
        return product[-1] in "12"

    nodes = tuple(node for node in network.nodes if is_kept(node.product))
    lanes = tuple(lane for lane in network.lanes if is_kept(lane.origin))
    demand = {name: own for name, own in case.demand.items() if is_kept(name)}
    planning = replace(
        planning,
        skus=tuple(sku for sku in planning.skus if is_kept(sku.product)),
        operations=tuple(one for one in planning.operations if is_kept(one.product)),
        shocks=(replace(planning.shocks[0], start=8, end=10),),
    )
    network = replace(network, nodes=nodes, lanes=lanes, customers=tuple(demand))
    return replace(case, network=network, demand=demand, horizon=26, warm_up=10, planning=planning)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The same as a folder."""
    path = tmp_path_factory.mktemp("cases") / "planning-small"
    save_case(small(), path)
    return path


def test_the_command_writes_what_it_prints(simopt: Command, tmp_path, folder):
    options = ("--policies", "sS,RQ:lots=2,levels", "--replications", 8, "--out", tmp_path, "--trace", 2)
    outcome = simopt("operate", folder, *options)
    assert outcome.code == 0
    assert "levels: solving the case first" in outcome.err
    result = json.loads((tmp_path / "result.json").read_text())
    assert list(result["policies"]) == ["sS", "RQ:lots=2", "levels"]
    for measures in result["policies"].values():
        assert set(measures) >= MEASURES
        assert all(np.isfinite([one["mean"], one["half_width"]]).all() for one in measures.values())
    assert list(result["differences"]) == ["RQ:lots=2", "levels"]
    difference = result["differences"]["levels"]["cost"]["mean"]
    costs = {name: own["cost"]["mean"] for name, own in result["policies"].items()}
    assert difference == pytest.approx(costs["levels"] - costs["sS"])
    assert result["variance_reduction"]["levels"]["common_random_numbers"] > 1.0
    assert set(result["recovery"]) == set(result["policies"])
    trace = (tmp_path / "trace.csv").read_text().splitlines()
    assert len(trace) == 1 + 3 * 36 * 4 * 8
    page = (tmp_path / "report.html").read_text()
    for title in ("Policies", "Difference to sS", "Bullwhip", "Over time", "Recovery after shocks"):
        assert f"<h2>{title}</h2>" in page
    assert (tmp_path / "figures" / "fan-Retailer.png").stat().st_size > 10_000
    for name in ("sS", "RQ:lots=2", "levels", "Retailer", "Supplier", "95% intervals"):
        assert name in outcome.out


def test_a_run_keeps_its_promise_in_the_plain_world(simopt: Command, tmp_path):
    run = tmp_path / "run"
    assert simopt("solve", "two-two-three", "--out", run, "--no-report").code == 0
    outcome = simopt(
        "operate", "two-two-three", "--from", run, "--policies", "levels", "--replications", 2000, "--out",
        tmp_path / "out", "--no-report",
    )  # fmt: skip
    assert outcome.code == 0
    promise = json.loads((tmp_path / "out" / "result.json").read_text())["promise"]
    solved = json.loads((run / "result.json").read_text())
    assert promise["cost"]["mean"] == solved["cost"]["mean"]
    gap = promise["cost_difference"]
    assert abs(gap["mean"]) <= gap["half_width"]
    assert abs(promise["fill_rate_difference"]["mean"]) < 0.002
    assert "promised" in outcome.out


@pytest.mark.slow
def test_a_richer_world_breaks_it():
    case = small()
    found = operate(case, OperateOptions(("levels",), 16))
    plain = solve(case, SolveOptions(certify=False))
    assert found.policies[0].measures["cost"].mean > 1.2 * plain.performance.cost.mean


@pytest.mark.slow
def test_tuning_lowers_the_cost_and_says_what_it_found():
    found = operate(small(), OperateOptions(("dynamic", "tuned-dynamic"), 64, tune_budget=1000))
    tuned = found.policies[1]
    assert tuned.differences["cost"].mean + tuned.differences["cost"].half_width < 0.0
    assert set(tuned.tuned["safety_factors"]) == set(found.sites)
    assert tuned.tuned["cost_after"] < tuned.tuned["cost_before"]
    assert tuned.tuned["replications"] <= 1000


def test_tactical_targets_run_where_lanes_are_serial_chains():
    found = operate(load_case("beer-game"), OperateOptions(("por", "scr", "levels"), 32))
    assert [one.name for one in found.policies] == ["por", "scr", "levels"]
    with pytest.raises(Exception, match=r"policies por and scr: lanes at .*: expected a serial chain"):
        operate(load_case("two-two-three"), OperateOptions(("por",), 32))


def test_opposite_pairs_and_control_variates_narrow_the_interval_of_the_cost():
    case = load_case("beer-game")
    plain = operate(case, OperateOptions(("levels",), 400)).policies[0]
    pairs = operate(case, OperateOptions(("levels",), 400, antithetic=True)).policies[0]
    control = operate(case, OperateOptions(("levels",), 400, control=True)).policies[0]
    assert control.variance_reduction["control"] >= 1.0
    assert control.measures["cost"].half_width <= plain.measures["cost"].half_width
    means = [one.measures["cost"] for one in (plain, pairs, control)]
    for one in means[1:]:
        assert abs(one.mean - means[0].mean) < 1.5 * (one.half_width + means[0].half_width)
    assert pairs.variance_reduction["antithetic"] > 0.5
    assert pairs.measures["cost"].replications == 200


@pytest.mark.parametrize(
    ("policies", "message"),
    [
        (("ss",), "policy 'ss': did you mean 'sS'?"),
        (("sS:service=1.2",), "policy sS:service=1.2: service 1.2: expected above 0 and below 1"),
        (("RS:review=0",), "policy RS:review=0: review 0: expected a whole number of periods, at least 1"),
        (("RS:review=1.5",), "policy RS:review=1.5: review 1.5: expected a whole number of periods, at least 1"),
        (("RQ:lots=0",), "policy RQ:lots=0: lots 0: expected a factor above 0"),
        (("RQ:lots=x",), "policy RQ:lots=x: 'lots=x': expected key=number, e.g. service=0.95"),
        (("dynamic:lots=2",), "policy dynamic:lots=2: unknown parameter 'lots': expected one of service"),
        (("levels:service=0.9",), "policy levels:service=0.9: expected levels without parameters"),
        (("sS", "sS"), "policies sS,sS: expected each once"),
    ],
)
def test_policies_that_are_not_what_they_should_be_are_named(policies, message):
    with pytest.raises((PolicyError, OptionError)) as found:
        OperateOptions(policies)
    assert str(found.value).startswith(message)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"replications": 1}, "replications 1: expected at least 2"),
        ({"replications": 33, "antithetic": True}, "replications 33: expected an even number"),
        ({"tune_budget": 10}, "tune_budget 10: expected at least 500"),
        ({"trace": 300}, "trace 300: expected the number of a replication, 1 to 200"),
        ({"seed": -1}, "seed -1"),
    ],
)
def test_options_out_of_range_are_named(changes, message):
    with pytest.raises(OptionError, match=message):
        OperateOptions(**changes)


def test_a_policy_of_ones_own_runs_beside_others_from_python():
    class Twice(DynamicBaseStock):
        """Twice the safety."""

    own = Twice(Sizing(service_level=0.999), "careful")
    found = simopt_package.operate(small(), policies=("dynamic", own), replications=16)
    assert [one.name for one in found.policies] == ["dynamic", "careful"]
    assert found.policies[1].differences["fill_rate"].mean > 0.0
    assert str(found).splitlines()[2].startswith("careful: cost ")
    with pytest.raises(OptionError, match="option 'polices': did you mean 'policies'"):
        simopt_package.operate("beer-game", polices=("sS",))


def test_bad_input_leaves_the_command_with_one_line(simopt: Command, tmp_path):
    for arguments in (
        ("--policies", "sQ"),
        ("--from", tmp_path / "nowhere"),
        ("--trace", 1),
    ):
        outcome = simopt("operate", "planning-engine", *arguments)
        assert outcome.code == 2
        assert outcome.err.count("\n") == 1
        assert outcome.err.startswith("error: ")


def test_an_economic_lot_needs_a_holding_cost():
    case = small()
    free = [replace(node, holding_cost=0.0) if node.place == "Supplier" else node for node in case.network.nodes]
    network = replace(case.network, nodes=tuple(free))
    with pytest.raises(Exception, match="holding_cost of Supplier, product BE1: expected above 0 for an economic lot"):
        operate(replace(case, network=network), OperateOptions(("sS",), 4))


def test_the_planning_simulator_is_the_built_in_one_where_the_world_is_plain():
    case = load_case("two-two-three")
    result = solve(case)
    design = case.network.design((k["from"], k["to"]) for k in result.as_dict()["design"]["lanes"])
    levels = {node.node: node.level for node in result.performance.nodes}
    own = Ledger(case, PlanningSimulator(case), 0)
    paths = own.fresh_paths(0)
    for component in design.components:
        point = np.array([levels[name] for name in component.nodes])
        planned = PlanningSimulator(case).simulate(component, point, paths, with_gradient=False)
        single = ComponentSimulator(case, PlanningModel()).simulate(component, point, paths[:3], with_gradient=False)
        expected = TreeSimulator(case).simulate(component, point, paths[:, :, :-1], with_gradient=False)
        np.testing.assert_allclose(planned.measures, expected.measures, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(single.measures, expected.measures[:3], rtol=1e-9, atol=1e-9)


def test_no_cost_of_the_planning_world_is_left_out_by_the_simulator():
    assert sorted(part for parts in list(PARTS.values())[:NUM_COSTS] for part in parts) == sorted(COSTS)


@pytest.mark.slow
def test_a_single_replication_draws_calendars_of_its_own():
    case = load_case("beer-game")
    first, then = case.network.lanes[0].pair, case.network.lanes[0].lead_time
    late = Supply("fcfs", (), {first: ((then, 0.5), (then + 2, 0.5))})
    late_case = replace(case, supply=late)
    costs = []
    for one in (case, late_case):
        (component,) = only_design(one.network).components
        paths = Ledger(one, PlanningSimulator(one), 0).fresh_paths(0)
        levels = np.full(len(component.nodes), 60.0)
        found = ComponentSimulator(one, PlanningModel()).simulate(component, levels, paths[:32], with_gradient=False)
        whole = PlanningSimulator(one).simulate(component, levels, paths[:32], with_gradient=False)
        costs.append((found.costs.mean(), whole.costs.mean()))
    assert costs[0][0] == pytest.approx(costs[0][1])
    assert costs[1][0] == pytest.approx(costs[1][1], rel=0.1)  # calendars differ, their distribution does not
    assert costs[1][0] > costs[0][0]


@pytest.mark.slow
def test_levels_are_found_in_the_planning_simulator():
    case = load_case("two-two-three")
    best, found = solve(case), solve(case, SolveOptions(simulator=PlanningModel(), fresh_replications=128))
    assert found.as_dict()["simulator"] == "planning"
    assert {k["from"] + k["to"] for k in found.as_dict()["design"]["lanes"]} == {
        k["from"] + k["to"] for k in best.as_dict()["design"]["lanes"]
    }
    assert found.performance.cost.mean < 1.02 * best.performance.cost.mean


def test_capacity_that_products_share_is_refused_there():
    with pytest.raises(Exception, match="capacity of Manufacturer that products share: expected none"):
        solve(small(), SolveOptions(simulator=PlanningModel()))
