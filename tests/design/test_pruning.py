"""Fewer candidate lanes."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import pairwise

import pytest

from design.case_files import load_case
from design.generate import GenerateParams, generate_case
from design.master import ProjectedMaster
from design.network import Network
from design.pruning import PruningError, keep_cheapest_lanes
from design.stage_models import exact_costs


def test_the_cheapest_into_every_node_are_kept():
    case = generate_case(GenerateParams(4, 6, 9, seed=2))
    pruned = keep_cheapest_lanes(case, 2)
    assert set(Counter(lane.destination for lane in pruned.network.lanes).values()) == {2}
    for lane in case.network.lanes:
        others = [k.unit_cost for k in pruned.network.incoming[lane.destination]]
        assert lane in pruned.network.lanes or lane.unit_cost >= max(others)
    assert pruned.network.nodes == case.network.nodes


def test_all_lanes_are_the_case_itself():
    case = load_case("thirteen-node")
    assert keep_cheapest_lanes(case, 100).network == case.network


def test_lanes_that_must_be_used_stay():
    case = generate_case(GenerateParams(3, 4, 5, seed=1))
    dearest = max(case.network.incoming["C1"], key=lambda lane: lane.unit_cost)
    lanes = tuple(replace(k, status="open") if k == dearest else k for k in case.network.lanes)
    forced = replace(case, network=Network(case.network.nodes, lanes, case.network.customers))
    kept = keep_cheapest_lanes(forced, 1).network
    assert dearest.pair in {lane.pair for lane in kept.lanes}


def test_products_keep_the_same_links():
    case = generate_case(GenerateParams(3, 4, 5, seed=1, products=3))
    kept = keep_cheapest_lanes(case, 2).network
    assert set(Counter(kept.places(lane.pair) for lane in kept.lanes).values()) == {3}


def test_fewer_lanes_never_cost_less():
    case = generate_case(GenerateParams(4, 5, 8, seed=3))
    costs = []
    for count in (1, 2, 3, 5):
        pruned = keep_cheapest_lanes(case, count)
        costs.append(ProjectedMaster(pruned, exact_costs(pruned)).solve().objective)
    assert all(more <= fewer * (1.0 + 1e-6) for fewer, more in pairwise(costs))
    assert costs[0] > 1.01 * costs[-1]


def test_at_least_one_lane():
    with pytest.raises(PruningError, match="keep-lanes 0: expected a whole number, at least 1"):
        keep_cheapest_lanes(load_case("thirteen-node"), 0)
