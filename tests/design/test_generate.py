"""Random networks: valid, repeatable, of the size and kind asked for, with magnitudes that are stated."""

import hashlib
from math import hypot

import pytest

from design.case_files import load_case, save_case
from design.generate import MAX_LANES, GenerateError, GenerateParams, generate_case
from simopt.apps.options import SolveOptions
from simopt.apps.solve import solve

SIZES = [(1, 1, 1), (5, 3, 5), (2, 4, 1), (1, 6, 9), (12, 20, 60)]
SEEDS = range(25)
FILES = ("case.toml", "demand.csv", "lanes.csv", "nodes.csv")
DIGEST_OF_5_3_5 = "14f4ef222b02f2eb8ee0604a892f78630421305131af0f0fd3f491df4759b38e"


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("nearest", [None, 1, 3])
def test_networks_have_three_echelons_and_no_warnings(size, nearest):
    case = generate_case(GenerateParams(*size, seed=3, nearest=nearest))
    plants, warehouses, dcs = size
    network = case.network
    kept = max(size) if nearest is None else nearest
    assert [node.name for node in network.nodes] == [
        *(f"P{k + 1}" for k in range(plants)),
        *(f"W{k + 1}" for k in range(warehouses)),
        *(f"C{k + 1}" for k in range(dcs)),
    ]
    assert network.sources == tuple(f"P{k + 1}" for k in range(plants))
    assert network.customers == tuple(f"C{k + 1}" for k in range(dcs))
    for node in network.nodes:
        suppliers = {"P": 0, "W": min(plants, kept), "C": min(warehouses, kept)}
        assert len(network.incoming[node.name]) == suppliers[node.name[0]]
    assert {customer for name in network.sources for customer in network.reachable_customers[name]} == set(
        network.customers
    )
    assert case.warnings == ()
    assert (case.horizon, case.warm_up) == (100, 20)


@pytest.mark.parametrize("seed", SEEDS)
def test_costs_and_lead_times_are_those_that_are_stated(seed):
    case = generate_case(GenerateParams(4, 3, 6, seed))
    network = case.network
    for node in network.nodes:
        low, high, least, most = {
            "P": (0.005, 0.010, 10, 10), "W": (0.011, 0.0145, 10, 10), "C": (0.021, 0.029, 10, 25),
        }[node.name[0]]  # fmt: skip
        assert low <= node.holding_cost <= high
        assert least - 1e-2 <= node.backorder_cost / node.holding_cost <= most + 1e-2
        assert 0.0 <= node.x <= 100.0
        assert 0.0 <= node.y <= 100.0
        assert node.lead_time in ((2, 3, 4, 5) if node.name in network.sources else (None,))
    for lane in network.lanes:
        origin, end = network.node(lane.origin), network.node(lane.destination)
        assert lane.distance == pytest.approx(hypot(origin.x - end.x, origin.y - end.y), abs=0.051)
        assert lane.unit_cost == pytest.approx(0.0002 * lane.distance)
        assert 25 * (lane.lead_time - 1) <= lane.distance < 25 * lane.lead_time
    for demand in case.demand.values():
        assert 20.0 <= demand.location <= 45.0
        assert 0.19 <= demand.scale / demand.location <= 0.51


def test_the_longest_path_is_never_longer_than_the_warm_up():
    paths = [generate_case(GenerateParams(30, 30, 30, seed)).network.longest_path for seed in SEEDS]
    assert 12 < max(paths) <= 20


def test_nearest_keeps_the_shortest_lanes():
    full = generate_case(GenerateParams(6, 5, 8, 2)).network
    pruned = generate_case(GenerateParams(6, 5, 8, 2, nearest=2)).network
    assert pruned.nodes == full.nodes
    for name in full.order:
        lanes = sorted(full.incoming[name], key=lambda lane: lane.distance)[:2]
        assert set(pruned.incoming[name]) == set(lanes)


def test_free_inner_nodes_differ_in_their_backorder_cost_alone():
    charged = generate_case(GenerateParams(3, 3, 4, 5))
    free = generate_case(GenerateParams(3, 3, 4, 5, free_inner=True))
    assert free.network.lanes == charged.network.lanes
    assert free.demand == charged.demand
    for one, other in zip(free.network.nodes, charged.network.nodes, strict=True):
        if one.name in charged.network.customers:
            assert one == other
        else:
            assert one.backorder_cost == 0.0
            assert one.holding_cost == other.holding_cost


def test_a_node_is_the_same_in_a_network_of_any_size():
    small, large = (generate_case(GenerateParams(n, n, n, 9)) for n in (3, 7))
    assert set(small.network.nodes) <= set(large.network.nodes)
    assert set(small.network.lanes) <= set(large.network.lanes)
    assert small.demand.items() <= large.demand.items()


def test_networks_differ_by_seed_and_are_named_after_what_makes_them():
    names = {
        generate_case(GenerateParams(2, 2, 2, seed, free, nearest)).name
        for seed in (0, 1)
        for free in (False, True)
        for nearest in (None, 1, 2)
    }
    assert len(names) == 12
    assert len({generate_case(GenerateParams(2, 2, 2, seed)).network for seed in SEEDS}) == len(SEEDS)


def test_the_files_are_read_as_they_were_meant_and_the_same_to_the_byte_for_ever(tmp_path):
    case = generate_case(GenerateParams(5, 3, 5, 0))
    save_case(case, tmp_path)
    assert load_case(tmp_path) == case
    digest = hashlib.sha256(b"".join((tmp_path / name).read_bytes() for name in FILES))
    assert digest.hexdigest() == DIGEST_OF_5_3_5


def test_sites_that_lose_all_their_lanes_do_no_harm():
    case = generate_case(GenerateParams(6, 5, 3, 1, nearest=1))
    idle = [name for name, lanes in case.network.outgoing.items() if not lanes and name not in case.demand]
    assert {name[0] for name in idle} == {"P", "W"}
    result = solve(case, SolveOptions(certify=False))
    assert not set(idle) & {name for pair in result.lanes for name in pair}


BAD = {
    "no plants": ((0, 1, 1), {}, "plants 0: expected a whole number from 1 to 1,000"),
    "negative warehouses": ((1, -1, 1), {}, "warehouses -1: expected"),
    "too many dcs": ((1, 1, 1001), {}, "dcs 1001: expected"),
    "negative seed": ((1, 1, 1, -1), {}, "seed -1: expected a whole number, at least 0"),
    "no lanes": ((1, 1, 1), {"nearest": 0}, "nearest 0: expected a whole number, at least 1"),
    "too many lanes": ((10, 1000, 1000), {}, f"expected at most {MAX_LANES:,}; --nearest K"),
}


@pytest.mark.parametrize(("size", "options", "said"), BAD.values(), ids=BAD)
def test_nonsense_is_refused_in_one_line(size, options, said):
    with pytest.raises(GenerateError, match=said) as refused:
        GenerateParams(*size, **options)
    assert "\n" not in str(refused.value)


def test_a_thousand_nodes_an_echelon_are_no_matter():
    case = generate_case(GenerateParams(1000, 1000, 1000, nearest=3))
    assert len(case.network.lanes) == 6000


def test_products_share_places_and_site_costs_but_no_cost_of_stock():
    one, two = (generate_case(GenerateParams(2, 3, 4, seed=5, products=k)) for k in (1, 2))
    network = two.network
    assert network.products == ("item1", "item2")
    assert len(network.nodes) == 2 * len(one.network.nodes)
    assert len(network.lanes) == 2 * len(one.network.lanes)
    for place, names in network.sites.items():
        first, second = map(network.node, names)
        alone = one.network.node(place)
        assert {(node.x, node.y, node.lead_time) for node in (first, second)} == {(alone.x, alone.y, alone.lead_time)}
        assert first.fixed_cost == second.fixed_cost
        assert first.fixed_cost > 0.0 or place.startswith("C")
        assert first.backorder_cost != second.backorder_cost
    assert two.demand["C1/item1"] != two.demand["C1/item2"]
    assert two.name == "random-2-3-4-products-2-seed-5"


@pytest.mark.parametrize("products", [0, 101])
def test_an_odd_number_of_products_is_refused(products):
    with pytest.raises(GenerateError, match=f"products {products}: expected a whole number from 1 to 100"):
        GenerateParams(1, 1, 1, products=products)
