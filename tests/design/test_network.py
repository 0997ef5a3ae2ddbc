"""Networks know their order and paths, and accept exactly the single-sourcing designs."""

from itertools import chain, combinations, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from design.errors import CycleInNetworkError, NetworkError
from design.network import Component, Network
from design.node import Lane, Node
from tests.networks import random_tree, warehouse_with_retailers, whole
from tests.small_cases import Features, all_designs, echelon_case


def two_two_three() -> Network:
    """Plants P, Q; warehouses V, W; shops a, b, c; every lane between neighbors, and plant P serves W only late."""
    nodes = [Node("a"), Node("b"), Node("c"), Node("V"), Node("W"), Node("P", lead_time=4), Node("Q", lead_time=1)]
    lanes = [Lane("P", "V", 1), Lane("Q", "V", 2), Lane("P", "W", 9), Lane("Q", "W", 2)]
    lanes += [Lane(origin, end, 3) for end in "abc" for origin in "VW"]
    return Network(tuple(nodes), tuple(lanes), ("c", "a", "b"))


NETWORK = two_two_three()
GOOD = [("P", "V"), ("Q", "W"), ("V", "a"), ("V", "c"), ("W", "b")]


def test_every_node_comes_after_all_that_can_supply_it():
    place = {name: k for k, name in enumerate(NETWORK.order)}
    assert sorted(place) == sorted(node.name for node in NETWORK.nodes)
    assert all(place[lane.origin] < place[lane.destination] for lane in NETWORK.lanes)


def test_sources_are_the_nodes_without_an_incoming_lane():
    assert NETWORK.sources == ("P", "Q")


def test_reachable_customers_come_in_the_order_of_the_demand_table():
    assert NETWORK.reachable_customers["P"] == ("c", "a", "b")
    assert NETWORK.reachable_customers["a"] == ("a",)


def test_an_inner_customer_reaches_itself_and_what_lies_below():
    network = warehouse_with_retailers(("south", "warehouse")).network
    assert network.reachable_customers["warehouse"] == ("south", "warehouse")
    assert network.reachable_customers["north"] == ()


def test_the_longest_path_counts_the_outside_supply_and_every_lane():
    assert NETWORK.longest_path == 4 + 9 + 3


def test_the_longest_path_of_a_single_source_is_its_own_lead_time():
    assert Network((Node("shop", lead_time=7),), (), ("shop",)).longest_path == 7


def test_lanes_are_grouped_by_where_they_lead_and_where_they_start():
    assert [lane.pair for lane in NETWORK.incoming["V"]] == [("P", "V"), ("Q", "V")]
    assert [lane.destination for lane in NETWORK.outgoing["W"]] == ["a", "b", "c"]
    assert NETWORK.incoming["P"] == ()


def test_a_cycle_is_refused_and_named_in_the_direction_of_its_lanes():
    nodes = [Node("s", lead_time=1), Node("x"), Node("y"), Node("z")]
    lanes = [Lane("s", "x", 1), Lane("x", "y", 1), Lane("y", "z", 1), Lane("z", "x", 1)]
    with pytest.raises(CycleInNetworkError) as refused:
        Network(tuple(nodes), tuple(lanes), ("z",))
    cycle = refused.value.cycle
    assert cycle[0] == cycle[-1]
    assert set(pairwise(cycle)) == {("x", "y"), ("y", "z"), ("z", "x")}


@pytest.mark.parametrize(
    ("nodes", "lanes", "customers", "message"),
    [
        ([Node("a", lead_time=0), Node("a", lead_time=0)], [], ["a"], "duplicate node 'a'"),
        ([Node("a", lead_time=0), Node("b")], [Lane("a", "b", 1)] * 2, ["b"], "duplicate lane 'a -> b'"),
        ([Node("a", lead_time=0)], [], ["a", "a"], "duplicate customer 'a'"),
        ([Node("a", lead_time=0)], [Lane("a", "b", 1)], ["a"], "unknown node 'b'"),
        ([Node("a", lead_time=0)], [], ["b"], "unknown node 'b'"),
        ([Node("a", lead_time=0), Node("b")], [], ["a"], "node 'b' has no incoming lane, so it needs a lead_time"),
    ],
    ids=["node twice", "lane twice", "customer twice", "lane to nowhere", "unknown customer", "nothing supplies b"],
)
def test_a_contradictory_network_is_refused(nodes, lanes, customers, message):
    with pytest.raises(NetworkError, match=message):
        Network(tuple(nodes), tuple(lanes), tuple(customers))


def test_a_design_is_accepted_in_any_order_of_its_lanes():
    assert NETWORK.design(GOOD) == NETWORK.design(reversed(GOOD))
    assert set(NETWORK.design(GOOD).lanes) == set(GOOD)


@pytest.mark.parametrize(
    ("lanes", "message"),
    [
        ([*GOOD, ("W", "a")], "node 'a' has two suppliers, 'V' and 'W'"),
        ([*GOOD[:-1], ("P", "b")], "lane P -> b is not a candidate"),
        ([lane for lane in GOOD if lane[1] != "b"], "node 'b' is used but has no supplier"),
        (GOOD[1:], "'[acV]' is used but has no supplier"),
        ([("P", "V"), ("V", "a"), ("V", "b"), ("V", "c"), ("Q", "W")], "lane Q -> W serves no customer"),
        ([], "is used but has no supplier"),
    ],
    ids=["two suppliers", "unknown lane", "unserved customer", "warehouse without supplier", "stray lane", "no lanes"],
)
def test_a_design_that_is_not_single_sourcing_is_refused(lanes, message):
    with pytest.raises(NetworkError, match=message):
        NETWORK.design(lanes)


def test_exactly_the_enumerated_designs_are_accepted_among_all_sets_of_lanes():
    network = echelon_case(np.random.default_rng(0), (2, 2, 2), Features(inner_customers=True)).network
    pairs = [lane.pair for lane in network.lanes]
    accepted = set()
    for chosen in chain.from_iterable(combinations(pairs, count) for count in range(len(pairs) + 1)):
        try:
            accepted.add(frozenset(network.design(chosen).lanes))
        except NetworkError:
            continue
    assert accepted == all_designs(network)


def test_components_partition_the_lanes_and_nodes_of_a_design():
    design = NETWORK.design(GOOD)
    assert [component.source for component in design.components] == ["P", "Q"]
    assert sorted(design.lanes) == sorted(GOOD)
    assert sorted(design.nodes) == sorted(["P", "Q", "V", "W", "a", "b", "c"])
    assert len(set(design.nodes)) == len(design.nodes)


def test_an_unused_source_has_no_component():
    design = NETWORK.design([("Q", "V"), ("V", "a"), ("V", "b"), ("V", "c")])
    assert [component.source for component in design.components] == ["Q"]
    assert "P" not in design.nodes


def test_a_source_that_serves_only_its_own_customers_is_a_component_without_lanes():
    nodes = [Node("plant", lead_time=1), Node("kiosk", lead_time=0), Node("shop")]
    network = Network(tuple(nodes), (Lane("plant", "shop", 1),), ("kiosk", "shop"))
    assert network.design([("plant", "shop")]).components == (
        Component("plant", (("plant", "shop"),)),
        Component("kiosk", ()),
    )


def test_the_same_component_of_two_designs_is_one_key():
    one = NETWORK.design(GOOD)
    other = NETWORK.design([*GOOD[:1], ("V", "c"), ("V", "a"), ("P", "W"), ("W", "b")])
    again = NETWORK.design([("Q", "W"), ("W", "b"), ("V", "c"), ("V", "a"), ("P", "V")])
    assert hash(one.components[0]) == hash(again.components[0])
    assert one.components[0] == again.components[0]
    assert one.components[0] not in other.components


@given(seed=st.integers(0, 2**32 - 1), num_nodes=st.integers(1, 12))
def test_suppliers_come_before_whom_they_supply(seed, num_nodes):
    component = whole(random_tree(np.random.default_rng(seed), num_nodes))
    place = {name: k for k, name in enumerate(component.nodes)}
    assert component.nodes[0] == component.source
    assert len(place) == num_nodes
    assert all(place[component.supplier[name]] < place[name] for name in component.nodes[1:])


def test_customers_through_a_node_are_those_below_it_and_its_own():
    component = whole(warehouse_with_retailers())
    through = component.customers_through(("south", "warehouse", "north"))
    assert through["plant"] == through["warehouse"] == ("south", "warehouse", "north")
    assert through["north"] == ("north",)
    assert through["east"] == ()


@given(seed=st.integers(0, 2**32 - 1), num_nodes=st.integers(1, 12))
def test_every_customer_passes_through_all_nodes_up_to_the_source_and_no_other(seed, num_nodes):
    case = random_tree(np.random.default_rng(seed), num_nodes)
    component, customers = whole(case), case.network.customers
    through = component.customers_through(customers)
    for customer in customers:
        path, name = {customer}, customer
        while name in component.supplier:
            name = component.supplier[name]
            path.add(name)
        assert {name for name in component.nodes if customer in through[name]} == path
