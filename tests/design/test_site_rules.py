"""Capacities, numbers of sites, forced and closed sites and lanes: against all designs of small networks."""

from dataclasses import replace
from itertools import chain
from math import inf

import numpy as np
import pytest

from design.case import Case
from design.demand import NormalDemand
from design.extensive import ExtensiveMaster
from design.flow_model import InfeasibleError
from design.infeasibility import explain_infeasibility
from design.master import MasterParams, ProjectedMaster
from design.master_types import Bound
from design.network import Network
from design.node import Lane, Node
from design.scenario import path_scenarios
from design.single_stage import QuadratureSingleStage, SampledSingleStage
from design.single_stage_plan import single_stage_plan
from design.site_rules import Rule, SiteLimit
from design.transport import cheapest_transport_design
from simopt.optimization.exhaustive import all_components, cheapest_combination
from tests.networks import make_case
from tests.small_cases import Features, all_designs, echelon_case

KINDS = {"a": "plant", "b": "warehouse", "c": "shop"}


def random_rules(seed: int, features: Features = Features(fixed_costs=True)) -> Case:  # noqa: B008
    """A small random case with random rules, some of which bind."""
    rng = np.random.default_rng(seed)
    case = echelon_case(rng, (2, 3, 3), features)
    total = sum(case.mean_demand.values())
    nodes = [replace(node, kind=KINDS[node.name[0]]) for node in case.network.nodes]
    lanes = list(case.network.lanes)
    for k, node in enumerate(nodes):
        if node.kind != "shop" and rng.random() < 0.5:
            nodes[k] = replace(node, capacity=float(rng.uniform(0.3, 1.1)) * total)
    if rng.random() < 0.5:
        k = int(rng.integers(2, 5))
        nodes[k] = replace(nodes[k], status=str(rng.choice(["open", "closed"])))
    if rng.random() < 0.5:
        k = int(rng.integers(len(lanes)))
        lanes[k] = replace(lanes[k], status=str(rng.choice(["open", "closed"])))
    limits = {}
    if rng.random() < 0.7:
        least = int(rng.integers(0, 3))
        limits["warehouse"] = SiteLimit(least, int(rng.integers(max(least, 1), 4)))
    if rng.random() < 0.4:
        limits["plant"] = SiteLimit(1, 1)
    changed = make_case(nodes, lanes, case.demand, case.horizon, case.warm_up)
    return replace(changed, site_limits=limits)


def allowed_designs(case: Case):
    """Every design of the bare network that breaks no rule."""
    bare = Network(
        tuple(replace(node, status="") for node in case.network.nodes),
        tuple(replace(lane, status="") for lane in case.network.lanes),
        case.network.customers,
    )
    designs = [case.network.design(lanes) for lanes in all_designs(bare)]
    return [design for design in designs if not case.site_rules.violations(design)]


def plan_cost(case: Case, design, costs) -> float:
    return sum(single_stage_plan(case, costs, component).cost for component in design.components)


@pytest.mark.parametrize("seed", range(24))
def test_masters_find_the_cheapest_of_the_designs_that_break_no_rule(seed):
    case = random_rules(seed)
    costs = QuadratureSingleStage(case.demand)
    designs = allowed_designs(case)
    if not designs:
        with pytest.raises(InfeasibleError):
            ProjectedMaster(case, costs).solve()
        return
    best = min(plan_cost(case, design, costs) for design in designs)
    solution = ProjectedMaster(case, costs).solve()
    assert not case.site_rules.violations(solution.design)
    assert solution.bound == pytest.approx(best, rel=1e-5)
    assert plan_cost(case, solution.design, costs) == pytest.approx(best, rel=1e-5)
    assert not case.site_rules.violations(cheapest_transport_design(case))


@pytest.mark.parametrize("seed", range(4))
def test_both_masters_keep_the_same_rules(seed):
    case = random_rules(seed, Features())
    if not allowed_designs(case):
        pytest.skip("no design")
    scenarios = path_scenarios(case.demand, 12, 4, seed=1)
    extensive = ExtensiveMaster(case, scenarios).solve()
    projected = ProjectedMaster(case, SampledSingleStage(scenarios)).solve()
    assert extensive.bound == pytest.approx(projected.bound, rel=1e-4)
    assert not case.site_rules.violations(extensive.design)


@pytest.mark.parametrize("seed", range(24))
def test_the_exhaustive_search_combines_what_the_rules_allow(seed):
    case = random_rules(seed)
    rng = np.random.default_rng(seed)
    costs = {component: float(rng.uniform(1, 10)) for component in all_components(case, 20_000)}
    designs = allowed_designs(case)
    if not designs:
        with pytest.raises(InfeasibleError):
            cheapest_combination(case, costs)
        return
    best = min(designs, key=lambda design: sum(costs[c] for c in design.components))
    assert cheapest_combination(case, costs) == best


@pytest.mark.parametrize("seed", range(6))
def test_the_echelon_bound_keeps_the_rules_too(seed):
    case = random_rules(seed)
    if not allowed_designs(case):
        pytest.skip("no design")
    costs = QuadratureSingleStage(case.demand)
    echelon = ProjectedMaster(case, costs, MasterParams(bound=Bound.ECHELON)).solve()
    single = ProjectedMaster(case, costs).solve()
    assert not case.site_rules.violations(echelon.design)
    assert echelon.bound >= single.bound * (1.0 - 1e-6)


def three_warehouses(**changes: dict[str, object]) -> Case:
    """Two plants, three warehouses, three shops that ask for 10 each; `changes` go to nodes by name."""
    nodes = [Node(f"P{k}", "plant", lead_time=1, holding_cost=0.5, backorder_cost=1.0) for k in (1, 2)]
    nodes += [Node(f"W{k}", "warehouse", holding_cost=1.0, backorder_cost=2.0) for k in (1, 2, 3)]
    nodes += [Node(f"C{k}", "shop", holding_cost=2.0, backorder_cost=9.0) for k in (1, 2, 3)]
    nodes = [replace(node, **changes.get(node.name, {})) for node in nodes]
    lanes = [Lane(f"P{p}", f"W{w}", 1, 0.1 * p * w, 10.0 * p * w) for p in (1, 2) for w in (1, 2, 3)]
    lanes += [Lane(f"W{w}", f"C{c}", 1, 0.1 * abs(w - c), 30.0 * abs(w - c)) for w in (1, 2, 3) for c in (1, 2, 3)]
    return make_case(nodes, lanes, {f"C{k}": NormalDemand(10.0, 1.0) for k in (1, 2, 3)}, 20, 5)


def best_design(case: Case):
    return ProjectedMaster(case, QuadratureSingleStage(case.demand)).solve().design


def test_capacity_counts_the_mean_throughput_of_everything_served():
    case = three_warehouses(W1={"capacity": 20.0}, W2={"capacity": 9.0}, W3={"capacity": 10.0})
    served = {}
    for component in best_design(case).components:
        served |= case.site_rules.throughput(component)
    assert "W2" not in served
    assert served["W1"] == pytest.approx(20.0, abs=1e-6)
    assert served["W3"] == pytest.approx(10.0, abs=1e-6)


def test_a_source_that_faces_customers_counts_them_in_its_throughput():
    nodes = [
        Node("plant", lead_time=1, holding_cost=1.0, backorder_cost=9.0, capacity=12.0),
        Node("other", lead_time=1),
    ]
    nodes.append(Node("shop", holding_cost=1.0, backorder_cost=9.0))
    lanes = [Lane("plant", "shop", 1), Lane("other", "shop", 1, unit_cost=100.0)]
    demand = {"plant": NormalDemand(5.0, 1.0), "shop": NormalDemand(10.0, 1.0)}
    assert ("other", "shop") in best_design(make_case(nodes, lanes, demand)).lanes
    nodes[0] = replace(nodes[0], capacity=16.0)
    assert ("plant", "shop") in best_design(make_case(nodes, lanes, demand)).lanes


def test_limits_on_numbers_of_sites_hold():
    case = three_warehouses()
    for count in (1, 2, 3):
        limited = replace(case, site_limits={"warehouse": SiteLimit(count, count)})
        used = [name for name in best_design(limited).nodes if name.startswith("W")]
        assert len(used) == count


def test_open_sites_and_lanes_are_used_and_closed_ones_are_not():
    free = best_design(three_warehouses())
    closed = next(name for name in free.nodes if name.startswith("W"))
    assert closed not in best_design(three_warehouses(**{closed: {"status": "closed"}})).nodes
    assert "P2" in best_design(three_warehouses(P2={"status": "open"})).nodes
    case = three_warehouses()
    lanes = [replace(lane, status="open") if lane.pair == ("W1", "C3") else lane for lane in case.network.lanes]
    forced = make_case(case.network.nodes, lanes, case.demand, 20, 5)
    assert ("W1", "C3") in best_design(forced).lanes


def test_lanes_longer_than_a_node_allows_are_no_candidates():
    case = three_warehouses(C1={"max_distance": 20.0}, C2={"max_lead_time": 0.0})
    usable = {lane.pair for lane in case.network.usable_lanes}
    assert {pair for pair in usable if pair[1] == "C1"} == {("W1", "C1")}
    assert not {pair for pair in usable if pair[1] == "C2"}
    with pytest.raises(InfeasibleError, match="C2: no path of usable lanes"):
        best_design(case)
    assert "W1" not in case.network.sources


def test_rules_in_conflict_are_named_and_no_others():
    case = three_warehouses(
        W1={"capacity": 12.0},
        W2={"capacity": 12.0},
        W3={"capacity": 12.0},
        P1={"capacity": 500.0},
        P2={"status": "open"},
    )
    limited = replace(case, site_limits={"warehouse": SiteLimit(1, 2)})
    with pytest.raises(InfeasibleError) as caught:
        ProjectedMaster(limited, QuadratureSingleStage(case.demand)).solve()
    message = str(caught.value)
    assert all(part in message for part in ("capacity 12 of W1", "of W2", "of W3", "at most 2 of kind warehouse"))
    assert not any(part in message for part in ("P1", "P2", "at least"))


def test_a_conflict_that_took_too_long_to_narrow_down_says_so():
    case = replace(three_warehouses(W1={"status": "open"}), site_limits={"warehouse": SiteLimit(4, 5)})
    with pytest.raises(InfeasibleError, match="some of these may not matter"):
        explain_infeasibility(case, time_limit=0.0)


def test_a_limit_for_a_kind_that_no_node_has_is_refused():
    case = replace(three_warehouses(), site_limits={"depot": SiteLimit(1, 2)})
    with pytest.raises(InfeasibleError, match="at least 1 of kind depot"):
        best_design(case)


def test_violations_name_rule_and_value():
    case = replace(
        three_warehouses(W1={"capacity": 5.0}, W3={"status": "closed"}), site_limits={"plant": SiteLimit(2, 2)}
    )
    design = case.network.design([("P1", "W1"), ("P1", "W3"), ("W1", "C1"), ("W1", "C2"), ("W3", "C3")])
    lines = "\n".join(case.site_rules.violations(design))
    assert "capacity 5 of W1: 20, expected 0 to 5" in lines
    assert "at least 2 of kind plant: 1" in lines
    assert "lane W3 -> C3: closed" in lines


@pytest.mark.parametrize("limits", [(2, 1), (-1, 3)])
def test_a_site_limit_that_cannot_hold_is_refused(limits):
    with pytest.raises(ValueError, match="expected 0 <= least <= most"):
        SiteLimit(*limits)


def test_a_rule_holds_up_to_rounding():
    rule = Rule("capacity", (("W",),), most=0.3, is_capacity=True)
    assert rule.holds(0.1 + 0.2)
    assert not rule.holds(0.31)
    assert Rule("free").holds(inf) is True
    assert list(chain.from_iterable(three_warehouses().site_rules.values(best_design(three_warehouses())))) == []
