"""Price cuts against simulation: none may exceed what a component costs at its best levels, wherever it was made."""

from dataclasses import replace

import numpy as np
import pytest

from design.case import Case
from design.demand import GammaDemand, NormalDemand
from design.echelon import DemandTables, EchelonPrices
from design.echelon_view import paths_of
from design.network import Component
from design.node import Lane, Node
from design.single_stage import QuadratureSingleStage
from design.single_stage_plan import single_stage_plan
from design.stages import stage_tree
from simopt.optimization.pathwise import PathwiseParams, PathwiseSearch
from simopt.simulation.ledger import Ledger
from simopt.simulation.simulator import TreeSimulator
from tests.networks import make_case
from tests.small_cases import Features, all_designs, echelon_case

REPLICATIONS = 256


def with_inner_backorders(case: Case, factor: float) -> Case:
    """The case with the backorder costs of nodes that supply others multiplied."""
    inner = {lane.origin for lane in case.network.lanes}
    nodes = [replace(n, backorder_cost=factor * n.backorder_cost) if n.name in inner else n for n in case.network.nodes]
    return make_case(nodes, case.network.lanes, case.demand, horizon=60, warm_up=case.network.longest_path)


def components_of(case: Case, count: int, seed: int) -> list[Component]:
    """Some components of the case's designs that supply others, without repetition."""
    designs = sorted(all_designs(case.network), key=sorted)
    np.random.default_rng(seed).shuffle(designs)
    found = dict.fromkeys(c for lanes in designs[:count] for c in case.network.design(lanes).components if c.lanes)
    return list(found)


def best_stock_cost(case: Case, component: Component) -> tuple[float, float]:
    """Holding and backorders at the best of several searched levels, per period, and its standard error."""
    ledger = Ledger(case, TreeSimulator(case), seed=11)
    search = PathwiseSearch(ledger, PathwiseParams(REPLICATIONS))
    start = single_stage_plan(case, QuadratureSingleStage(case.demand), component)
    found = []
    for factor in (1.0, 1.3):
        levels = search.best_levels(component, replace(start, levels=factor * start.levels))
        costs = ledger.search(component, levels, REPLICATIONS).measures[:, :, :2].sum(axis=(1, 2)) / case.horizon
        found.append((float(costs.mean()), float(costs.std() / REPLICATIONS**0.5)))
    return min(found)


CASES = {
    "free": (Features(), 0.0, (1, 2, 3)),
    "cheap": (Features(), 0.05, (1, 2, 3)),
    "charged": (Features(), 1.0, (1, 2, 3)),
    "lane lead times": (Features(lane_lead_times=True), 0.0, (2, 2, 2)),
    "inner customers": (Features(inner_customers=True), 0.2, (1, 2, 3)),
    "source customers": (Features(source_customers=True), 0.2, (1, 2, 3)),
    "curved, free": (Features(curved_holding=True), 0.0, (1, 2, 3)),
    "curved, charged": (Features(curved_holding=True), 1.0, (1, 2, 3)),
    "four echelons, free": (Features(), 0.0, (1, 2, 2, 2)),
    "four echelons, charged": (Features(inner_customers=True, curved_holding=True), 0.3, (1, 2, 2, 2)),
    "two echelons": (Features(lane_lead_times=True), 0.0, (2, 3)),
}


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2))])
@pytest.mark.parametrize(("features", "factor", "sizes"), CASES.values(), ids=CASES)
def test_no_cut_exceeds_the_simulated_cost_of_any_component(features, factor, sizes, seed):
    case = with_inner_backorders(echelon_case(np.random.default_rng(seed), sizes, features), factor)
    components = components_of(case, 10, seed)
    costs = {component: best_stock_cost(case, component) for component in components}
    single_stage, bounds, singles = QuadratureSingleStage(case.demand), [], []
    for source in {component.source for component in components}:
        prices = EchelonPrices(DemandTables(case), stage_tree(case.network, source))
        own = {c: dict.fromkeys(paths_of(c, case.network.customers), 1.0) for c in components if c.source == source}
        for made_for, reference in own.items():
            cut = prices.cut(reference)
            halved = prices.cut(dict.fromkeys(prices.root.service_paths(), 0.5) | reference)
            for component, shares in own.items():
                cost, error = costs[component]
                assert max(cut.value(shares), halved.value(shares)) <= cost + 3.5 * error + 1e-9
            bounds.append(cut.value(reference))
            singles.append(single_stage_plan(case, single_stage, made_for).stock_cost / case.horizon)
            assert bounds[-1] >= singles[-1] - 0.03 * costs[made_for][0] - 1e-9
    assert sum(bounds) >= (0.99 if factor == 1.0 or len(sizes) == 2 else 0.999) * sum(singles)


@pytest.mark.parametrize("share", [1.0, 0.5, 1e-7])
def test_prices_of_very_different_size_leave_a_valid_bound(share):
    """Rounding of the dearest price must not count against the cheapest, nor end in no cut at all."""
    nodes = [
        Node("a", lead_time=1, holding_cost=4.2e9, storage_capacity=1e-6, overflow_cost=1e3),
        Node("b0", storage_capacity=5.0, overflow_cost=1e3),
        Node("b1", holding_cost=2.4e9),
        Node("c0", backorder_cost=1.1e8),
        Node("c1", holding_cost=4.0e9, overflow_cost=3e9, backorder_cost=1.5e10),
        Node("c2", holding_cost=3.6e9, overflow_cost=1e3, backorder_cost=1.3e12),
    ]
    lanes = [Lane("a", "b0", 0), Lane("a", "b1", 1)]
    lanes += [Lane(b, c, periods) for b in ("b0", "b1") for c, periods in (("c0", 2), ("c1", 1), ("c2", 2))]
    demand = {"c0": NormalDemand(5.6, 0.0056), "c1": GammaDemand(14.0, 14.0), "c2": NormalDemand(17.0, 34.0)}
    case = make_case(nodes, lanes, demand, horizon=60, warm_up=4)
    prices = EchelonPrices(DemandTables(case), stage_tree(case.network, "a"))
    for component in components_of(case, 8, 0):
        own = dict.fromkeys(paths_of(component, case.network.customers), 1.0)
        cut = prices.cut({path: share * own.get(path, share) for path in prices.root.service_paths()})
        cost, error = best_stock_cost(case, component)
        assert 0.0 <= cut.value(own) <= cost + 4.0 * error
    assert prices.cut(own).value(own) > 0.0
