"""Inputs and quantities of lanes: designs, components, files, throughput, products and seasons."""

from dataclasses import replace
from pathlib import Path

import pytest

from design.case import Case, CaseError
from design.case_files import load_case, read_case, save_case
from design.errors import NetworkError
from design.flow_model import InfeasibleError
from design.network import Component, Network
from design.node import Lane, Node
from design.only_design import OnlyDesignMaster, only_design
from design.stage_models import exact_costs
from tests.networks import whole, with_network

NODES = (
    Node("late", lead_time=9),
    Node("a", lead_time=1),
    Node("b", lead_time=2),
    Node("b2", lead_time=2),
    Node("mill"),
    Node("plant"),
    Node("shop"),
    Node("kiosk"),
)
LANES = (
    Lane("mill", "plant", 1, input="wood", quantity=3.0),
    Lane("b", "plant", 4, input="nails", quantity=0.5),
    Lane("b2", "plant", 4, input="nails"),
    Lane("a", "mill", 2, quantity=2.0),
    Lane("plant", "shop", 1, input="table"),
    Lane("a", "shop", 5, input="spare"),
    Lane("plant", "kiosk", 0),
    Lane("late", "kiosk", 0),
)
NETWORK = Network(NODES, LANES, ("shop", "mill", "kiosk"))
USED = [k.pair for k in LANES if k.origin not in ("b2", "late")]


def test_a_design_connects_all_that_meets_in_assembly():
    (component,) = NETWORK.design(reversed(USED)).components
    assert component.source == "a"
    assert component.lanes == tuple(USED)
    assert component.nodes == ("a", "b", "mill", "plant", "shop", "kiosk")
    assert component.suppliers["plant"] == ("mill", "b")
    assert component.customers_through(NETWORK.customers)["b"] == ("shop", "kiosk")
    with pytest.raises(ValueError, match="expected a tree"):
        _ = component.supplier


def test_parts_that_nothing_connects_are_components_of_their_own():
    pairs = [pair for pair in USED if pair != ("plant", "kiosk")] + [("late", "kiosk")]
    assert [c.nodes for c in NETWORK.design(pairs).components] == [
        ("late", "kiosk"),
        ("a", "b", "mill", "plant", "shop"),
    ]


def test_units_of_a_node_add_up_over_all_paths():
    (component,) = NETWORK.design(USED).components
    assert NETWORK.multiples(component) == {
        "a": {"shop": 7.0, "mill": 2.0, "kiosk": 6.0},
        "b": {"shop": 0.5, "kiosk": 0.5},
        "mill": {"shop": 3.0, "mill": 1.0, "kiosk": 3.0},
        "plant": {"shop": 1.0, "kiosk": 1.0},
        "shop": {"shop": 1.0},
        "kiosk": {"kiosk": 1.0},
    }


@pytest.mark.parametrize(
    ("pairs", "said"),
    [
        ([*USED, ("b2", "plant")], "node 'plant' has two suppliers of input 'nails', 'b' and 'b2': expected one"),
        ([p for p in USED if p != ("b", "plant")], "node 'plant' is used but has no supplier of input 'nails'"),
        ([p for p in USED if p != ("a", "mill")], "node 'mill' is used but has no supplier"),
    ],
    ids=["two of an input", "none of an input", "none at all"],
)
def test_a_design_has_one_supplier_for_each_input(pairs, said):
    with pytest.raises(NetworkError, match=said):
        NETWORK.design(pairs)


@pytest.mark.parametrize("quantity", [0.0, -1.0, float("nan")])
def test_a_quantity_is_above_zero(quantity):
    with pytest.raises(NetworkError, match="lane a -> b: quantity"):
        Network((Node("a", lead_time=1), Node("b")), (Lane("a", "b", 1, quantity=quantity),), ("b",))


def test_a_component_with_several_sources_can_be_made_of_its_lanes_alone():
    crossed = Component("y", (("x", "z"), ("y", "z"), ("z", "end"), ("y", "end")))
    assert crossed.nodes == ("y", "x", "z", "end")


def test_no_usable_supplier_of_an_input_is_said():
    nodes = [replace(node, status="closed") if node.name == "b" else node for node in NODES]
    network = Network(tuple(nodes), tuple(k for k in LANES if k.origin not in ("b2", "late")), NETWORK.customers)
    with pytest.raises(InfeasibleError, match="node 'plant', input 'nails': no usable lane"):
        only_design(network)


def test_throughput_and_emissions_count_units_of_each_node():
    case = load_case("assembly-five")
    city, coast = case.mean_demand.values()
    made = city + coast
    expected = {"Frames": made, "Wheels": 2.0 * made, "Assembly": made, "City": city, "Coast": coast}
    assert case.site_rules.throughput(whole(case)) == pytest.approx(expected, rel=1e-12)
    lanes = [replace(k, emission=2.0 if k.origin == "Wheels" else 0.0) for k in case.network.lanes]
    capped = replace(with_network(case, case.network.nodes, lanes), emissions=replace(case.emissions, cap=1e6))
    (value,) = capped.site_rules.values(only_design(case.network)).values()
    assert value == pytest.approx(100 * 2.0 * 2.0 * made)


FILES = {
    "case.toml": 'name = "toys"\n[simulation]\nhorizon = 100\nwarm_up = 15\n',
    "nodes.csv": "node,lead_time,holding_cost,backorder_cost\nwood,4,0.2,1\npaint,1,0.1,0.4\ntoy,,1,9\n",
    "lanes.csv": "from,to,lead_time,unit_cost,input,quantity,input_holding_cost\n"
    "wood,toy,1,0.5,body,1.5,\npaint,toy,2,0.1,colour,0.25,0.3\n",
    "demand.csv": "node,distribution,mean,sd\ntoy,normal,40,8\n",
}


def toys(folder: Path, **changes: str) -> Case:
    folder.mkdir(exist_ok=True)
    for name, content in FILES.items():
        (folder / name).write_text(changes.get(name.split(".", maxsplit=1)[0], content), encoding="utf-8")
    return read_case(folder)


def test_inputs_and_quantities_are_read_and_survive_writing(tmp_path):
    case = toys(tmp_path / "one")
    assert [(k.input, k.quantity, k.input_holding_cost) for k in case.network.lanes] == [
        ("body", 1.5, None),
        ("colour", 0.25, 0.3),
    ]
    assert [case.network.waiting_cost(k) for k in case.network.lanes] == [0.2, 0.3]
    save_case(case, tmp_path / "two")
    assert replace(read_case(tmp_path / "two"), name="toys") == case


BAD_LANES = {
    "quantity": ("wood,toy,1,body,0,\npaint,toy,2,colour,,\n", "row 2 column quantity: '0': expected a number above 0"),
    "blank": ("wood,toy,1,,,\npaint,toy,2,colour,,\n", "row 2 column input: blank, and another lane supplies 'colour'"),
    "waiting": ("wood,paint,1,,,0.5\npaint,toy,2,,,\n", "row 2 column input_holding_cost: 0.5 at 'paint', which has a"),
    "negative": ("wood,toy,1,a,,-1\npaint,toy,2,b,,\n", "row 2 column input_holding_cost: '-1': expected a number of"),
}


@pytest.mark.parametrize(("rows", "said"), BAD_LANES.values(), ids=BAD_LANES)
def test_what_is_wrong_with_inputs_is_one_line(tmp_path, rows, said):
    header = "from,to,lead_time,input,quantity,input_holding_cost\n"
    nodes = FILES["nodes.csv"].replace("paint,1,", "paint,,") if rows.startswith("wood,paint") else FILES["nodes.csv"]
    with pytest.raises(CaseError) as refused:
        toys(tmp_path / "one", lanes=header + rows, nodes=nodes)
    (message,) = refused.value.messages
    assert message.startswith("one/lanes.csv " + said.replace("supplies 'colour'", "supplies input 'colour' of 'toy'"))


def test_a_single_input_that_waits_for_capacity_may_have_a_cost_of_its_own(tmp_path):
    lanes = "from,to,lead_time,input_holding_cost\nwood,toy,1,0.7\npaint,wood,1,\n"
    nodes = (
        "node,lead_time,holding_cost,backorder_cost,production_capacity\nwood,,0.2,1,\npaint,1,0.1,0.4,\ntoy,,1,9,50\n"
    )
    case = toys(tmp_path / "one", lanes=lanes, nodes=nodes)
    assert [case.network.waiting_cost(lane) for lane in case.network.lanes] == [0.7, 0.1]


def bound(case: Case) -> float:
    return OnlyDesignMaster(case, exact_costs(case)).solve().bound


def test_products_assemble_each_for_itself(tmp_path):
    demand = "node,product,distribution,mean,sd\ntoy,red,normal,40,8\ntoy,blue,normal,25,6\n"
    lanes = (
        FILES["lanes.csv"].replace("quantity,", "quantity,product,").replace("1.5,", "1.5,,").replace("0.25,", "0.25,,")
    )
    both = toys(tmp_path / "both", demand=demand, lanes=lanes + "wood,toy,1,0.5,body,3,red,\n")
    assert both.network.lane(("wood/red", "toy/red")).quantity == 3.0
    assert both.network.lane(("wood/blue", "toy/blue")).quantity == 1.5
    red = toys(tmp_path / "red", lanes=FILES["lanes.csv"].replace("1.5", "3"))
    blue = toys(tmp_path / "blue", demand=FILES["demand.csv"].replace("40,8", "25,6"))
    assert bound(both) == pytest.approx(bound(red) + bound(blue), rel=1e-9)


def test_seasons_with_equal_demand_cost_what_one_does(tmp_path):
    toml = FILES["case.toml"] + "[seasons.low]\nperiods = 70\n[seasons.high]\nperiods = 30\n"
    seasons, one = toys(tmp_path / "seasons", case=toml), toys(tmp_path / "one")
    assert bound(seasons) == pytest.approx(bound(one), rel=1e-9)
    waiting = [seasons.charged.waiting_cost(k) for k in seasons.charged.lanes if k.origin == "paint@high"]
    assert waiting == [pytest.approx(0.3 * 0.3)]
