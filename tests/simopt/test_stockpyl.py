"""Networks of stockpyl: sample paths recorded with stockpyl 1.0.2 come out again, and what cannot be read is named.

`tests/benchmarks/stockpyl_record.py` made the recorded files, from networks of our own.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from design.case_files import load_case
from design.demand import NormalDemand, PoissonDemand
from design.stockpyl_file import StockpylNetwork, read_stockpyl
from simopt.simulation.simulator import Allocation, Sample, TreeSimulator
from simopt.simulation.stage import Measure
from tests.networks import make_case, whole
from tests.simopt.command import Command, assert_refused, read_json

RECORDED = Path(__file__).parent / "recorded_stockpyl"
NAMES = ("series", "tree")
NUM_PERIODS = 60


def imported(name: str) -> StockpylNetwork:
    return read_stockpyl(RECORDED / f"{name}.json")


def path_of(name: str) -> dict:
    return json.loads((RECORDED / f"{name}.path.json").read_text(encoding="utf-8"))


def simulated(found: StockpylNetwork, path: dict, num_periods: int, allocation: Allocation | None = None) -> Sample:
    """The first periods of the recorded path, from the start on."""
    network = found.case.network
    case = make_case(network.nodes, network.lanes, found.case.demand, num_periods, warm_up=0)
    case = replace(case, supply=found.case.supply)
    demand = np.array([path["demand"][name][:num_periods] for name in network.customers], dtype=np.float64)
    component = whole(case)
    levels = np.array([found.levels[name] for name in component.nodes])
    simulator = TreeSimulator(case, allocation)
    return simulator.simulate(component, levels, demand.T[None], with_gradient=False)


@pytest.mark.parametrize("num_periods", [1, 2, 3, 10, 37, NUM_PERIODS])
@pytest.mark.parametrize("name", NAMES)
def test_a_recorded_path_costs_the_same_under_priority(name, num_periods):
    found, path = imported(name), path_of(name)
    measures = simulated(found, path, num_periods).measures[0]
    for k, node in enumerate(whole(found.case).nodes):
        for measure, kind in ((Measure.HOLDING, "holding"), (Measure.BACKORDER, "backorder")):
            assert measures[k, measure] == pytest.approx(sum(path[kind][node][:num_periods]), rel=1e-8, abs=1e-8)
    in_transit = sum(sum(costs[:num_periods]) for costs in path["in_transit"].values())
    assert measures[:, Measure.PIPELINE].sum() == pytest.approx(in_transit, rel=1e-8, abs=1e-8)


def test_the_recorded_tree_runs_short_so_that_the_rule_matters():
    found, path = imported("tree"), path_of("tree")
    recorded = sum(sum(costs) for kind in ("holding", "backorder", "in_transit") for costs in path[kind].values())
    fcfs = simulated(found, path, NUM_PERIODS, Allocation.FCFS).costs[0]
    assert abs(fcfs - recorded) > 0.001 * recorded


def test_the_tree_is_read_as_it_was_written():
    found = imported("tree")
    network, case = found.case.network, found.case
    assert [node.name for node in network.nodes] == ["plant", "depot", "4", "2", "3", "5"]
    assert [lane.pair for lane in network.lanes if lane.origin == "depot"] == [
        ("depot", "4"),
        ("depot", "2"),
        ("depot", "5"),
    ]
    assert network.lane(("plant", "3")).lead_time == 3
    assert network.lane(("plant", "3")).pipeline_holding_cost == 0.4
    assert network.lane(("depot", "2")).pipeline_holding_cost == 0.0
    assert network.node("plant").lead_time == 2
    assert network.node("4").backorder_cost == 15.0
    assert case.demand["depot"] == NormalDemand(6.0, 3.0)
    assert case.demand["4"] == PoissonDemand(4.0)
    assert case.demand["5"] == NormalDemand(5.0, 0.0)
    assert found.levels == {"plant": 90.0, "depot": 33.0, "4": 2.0, "2": 28.5, "3": 65.0, "5": 6.0}
    assert (case.horizon, case.warm_up) == (100, network.longest_path)
    assert found.notes == ()


def test_the_command_writes_a_case_and_its_levels(simopt: Command, tmp_path):
    done = simopt("import-stockpyl", RECORDED / "tree.json", "--out", tmp_path, "--horizon", 52, "--warm-up", 8)
    assert (done.code, done.err) == (0, "")
    assert "6 nodes, 5 lanes, 5 demand nodes" in done.out
    case, found = load_case(tmp_path), imported("tree")
    assert (case.network, dict(case.demand)) == (found.case.network, dict(found.case.demand))
    assert (case.horizon, case.warm_up) == (52, 8)
    solution, out = tmp_path / "solution.json", tmp_path / "run"
    done = simopt("simulate", tmp_path, "--solution", solution, "--replications", 64, "--out", out)
    assert done.code == 0
    levels = {row["node"]: row["level"] for row in read_json(out / "result.json")["base_stock_levels"]}
    assert levels == found.levels


def write_changed(folder: Path, change: Callable[[dict], None], name: str = "tree") -> Path:
    """The recorded file after a change of its instance's data."""
    content = json.loads((RECORDED / f"{name}.json").read_text(encoding="utf-8"))
    change(content["instances"][0]["data"])
    path = folder / "changed.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def set_in(index: int, **values: object) -> Callable[[dict], None]:
    """Sets attributes of a node; those of its policy or demand by a prefix."""

    def change(data: dict) -> None:
        (record,) = (record for record in data["_nodes"] if record["_index"] == index)
        for key, value in values.items():
            part, _, inner = key.partition("__")
            if inner:
                record[part][inner] = value
            else:
                record[part] = value

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (set_in(1, _inventory_policy__type="sS"), "node 1 'depot': inventory_policy 'sS' ((s, S)): expected 'BS'"),
        (set_in(1, _inventory_policy__type="EBS"), "echelon_to_local_base_stock_levels"),
        (set_in(1, _inventory_policy__base_stock_level=-2), "base_stock_level -2: expected a number, at least 0"),
        (set_in(1, _inventory_policy__base_stock_level=None), "base_stock_level None"),
        (set_in(2, demand_source__type="UD"), "node 2: demand_source 'UD' (discrete uniform): expected 'N'"),
        (set_in(2, demand_source__round_to_int=True), "demand_source 'N' (normal, rounded)"),
        (set_in(2, demand_source__standard_deviation=-1.0), "node 2: demand_source: sd -1"),
        (set_in(2, demand_source__mean="ten"), "node 2: demand_source: mean 'ten': expected a number"),
        (set_in(2, demand_source__standard_deviation=None), "standard_deviation None: expected a number"),
        (set_in(4, demand_source__mean=0), "node 4: demand_source: mean 0: expected a number above 0"),
        (set_in(5, demand_source__demand_list=[1, 2]), "node 5: demand_source: demand_list [1, 2]: expected a number"),
        (set_in(5, demand_source__type=None), "node 5: no successors and no demand_source"),
        (set_in(2, order_lead_time=1), "node 2: order_lead_time 1: expected none"),
        (set_in(2, order_capacity=30), "node 2: order_capacity 30: expected none"),
        (set_in(2, revenue=5.0), "node 2: revenue 5.0: expected none"),
        (set_in(2, shipment_lead_time=1.5), "node 2: shipment_lead_time 1.5: expected whole periods"),
        (set_in(2, local_holding_cost="x"), "node 2: local_holding_cost 'x': expected a number, at least 0"),
        (set_in(2, local_holding_cost=None, echelon_holding_cost=1.0), "echelon_holding_cost without"),
        (set_in(2, disruption_process__random_process_type="M"), "node 2: disruption_process: expected none"),
        (set_in(2, supply_type="U"), "node 2: a predecessor and supply_type 'U'"),
        (set_in(0, supply_type=None), "no predecessor and supply_type None"),
        (set_in(2, _predecessor_indices=[0, 1]), "node 2: 2 predecessors (assembly): expected one"),
        (set_in(3, _predecessor_indices=[]), "link 0 -> 3: expected as a successor and as a predecessor"),
        (set_in(0, _predecessor_indices=[5], supply_type=None), "link 5 -> 0: expected"),
        (set_in(2, name="depot"), "name 'depot' of several nodes"),
        (lambda data: data["_products"][0].update(is_dummy=False), "products: expected none of its own"),
        (lambda data: data["_nodes"][0].pop("_successor_indices"), "not as written by stockpyl 1.0"),
    ],
)
def test_what_a_case_cannot_say_is_named(simopt: Command, tmp_path, change, said):
    path, out = write_changed(tmp_path, change), tmp_path / "case"
    done = simopt("import-stockpyl", path, "--out", out)
    assert_refused(done, "changed.json: instance 'tree'", said)
    assert not out.exists()


def test_all_problems_are_named_at_once(simopt: Command, tmp_path):
    def change(data: dict) -> None:
        set_in(1, order_lead_time=1)(data)
        set_in(4, _inventory_policy__type="rQ")(data)

    done = simopt("import-stockpyl", write_changed(tmp_path, change), "--out", tmp_path / "case")
    assert_refused(done, "node 1 'depot': order_lead_time", "node 4: inventory_policy 'rQ'")
    assert len(done.err.splitlines()) == 2


def test_another_start_is_said_to_be_left_out(simopt: Command, tmp_path):
    path = write_changed(tmp_path, set_in(1, initial_inventory_level=12, initial_shipments=0))
    done = simopt("import-stockpyl", path, "--out", tmp_path / "case")
    assert done.code == 0
    assert "warning:" in done.err
    assert "node 1 'depot': initial_inventory_level 12 is left out" in done.err
    assert "initial_shipments" not in done.err


@pytest.mark.parametrize(
    ("content", "options", "said"),
    [
        ("[1", (), "not readable as JSON"),
        ("[]", (), "no instances: expected a file written by stockpyl's save_instance"),
        ('{"instances": []}', (), "0 instances: expected the name of one"),
        (
            '{"instances": [{"name": "a", "data": {}, "type": "dict"}]}',
            (),
            "instance 'a': type 'dict': expected 'network'",
        ),
        ('{"instances": [{"name": "abc", "data": {}}]}', ("--instance", "abd"), "no instance 'abd'"),
        ('{"instances": [{"name": "a", "data": {}}, {"name": "b", "data": {}}]}', (), "2 instances: expected the name"),
        (None, (), "no such file"),
        ("{}", ("--horizon", 0), "horizon 0"),
    ],
)
def test_files_that_are_no_such_files_are_refused(simopt: Command, tmp_path, content, options, said):
    path = tmp_path / "file.json"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    assert_refused(simopt("import-stockpyl", path, "--out", tmp_path / "case", *options), said)


def test_a_cycle_is_refused(simopt: Command, tmp_path):
    def change(data: dict) -> None:
        set_in(0, _predecessor_indices=[3], supply_type=None)(data)
        set_in(3, _successor_indices=[0])(data)

    done = simopt("import-stockpyl", write_changed(tmp_path, change), "--out", tmp_path / "case")
    assert_refused(done, "instance 'tree': the lanes form a cycle")
