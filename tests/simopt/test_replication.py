"""Random numbers depend on seed, purpose and name alone; samples do not depend on jobs; intervals cover."""

from dataclasses import replace

import numpy as np
import pytest

from design.case import Case
from design.demand import NormalDemand, PoissonDemand
from design.node import Lane, Node
from design.streams import BLOCK, DemandStreams, Purpose
from simopt.simulation.estimate import Estimate
from simopt.simulation.evaluate import EvaluationParams, evaluate, evaluate_together
from simopt.simulation.ledger import BudgetSpentError, Ledger
from simopt.simulation.replicate import run_blocks
from simopt.simulation.simulator import TreeSimulator
from simopt.simulation.stage import Measure
from simopt.simulation.workers import Workers
from tests.networks import make_case, one_node, warehouse_with_retailers, whole

SEED = 7
LEVELS = np.array([60.0, 70.0, 22.0, 12.0, 33.0])


def ledger_of(case: Case, num_jobs: int = 1, seed: int = SEED, budget: float = np.inf) -> Ledger:
    return Ledger(case, TreeSimulator(case), seed, Workers(num_jobs), budget)


def two_sources(order: tuple[str, ...] = ("P1", "P2", "north", "south")) -> Case:
    """Two plants, either of which can serve either shop; nodes in the given order."""
    nodes = {name: Node(name, lead_time=2, holding_cost=1.0) for name in ("P1", "P2")}
    nodes |= {name: Node(name, holding_cost=2.0, backorder_cost=18.0) for name in ("north", "south")}
    lanes = [Lane(plant, shop, 1) for plant in ("P1", "P2") for shop in ("north", "south")]
    customers = [name for name in order if name in ("north", "south")]
    demand = {name: NormalDemand(10.0, 4.0) for name in customers}
    return make_case([nodes[name] for name in order], lanes, demand)


def node_costs(case: Case, lanes: list[tuple[str, str]]) -> dict[str, np.ndarray]:
    """Cost of each node on fresh paths; plants never run short, so that shops depend on demand alone."""
    design = case.network.design(lanes)
    levels = {name: 500.0 if name in case.network.sources else 12.0 for name in design.nodes}
    sample = ledger_of(case).fresh(design, levels, 0, 2)
    return dict(zip(design.nodes, sample.node_costs.T, strict=True))


def test_a_search_gives_the_same_numbers_with_one_job_and_with_two():
    case = warehouse_with_retailers()
    ledgers = [ledger_of(case, num_jobs) for num_jobs in (1, 2)]
    one, two = (ledger.search(whole(case), LEVELS, 700, with_gradient=True) for ledger in ledgers)
    np.testing.assert_array_equal(one.measures, two.measures)
    np.testing.assert_array_equal(one.gradient, two.gradient)


def test_fresh_paths_give_the_same_numbers_with_one_job_and_with_two():
    case = warehouse_with_retailers()
    design = case.network.design(lane.pair for lane in case.network.lanes)
    levels = dict(zip(whole(case).nodes, LEVELS, strict=True))
    one, two = (ledger_of(case, num_jobs).fresh(design, levels, 0, 9) for num_jobs in (1, 2))
    np.testing.assert_array_equal(one.measures, two.measures)


def test_blocks_come_back_in_their_order_whatever_the_number_of_jobs():
    blocks = range(20)
    assert run_blocks(str, blocks, 1) == run_blocks(str, blocks, 2) == [str(block) for block in blocks]


def test_a_shop_sees_the_same_demand_under_two_designs():
    case = two_sources()
    together = node_costs(case, [("P1", "north"), ("P1", "south")])
    apart = node_costs(case, [("P2", "north"), ("P1", "south")])
    np.testing.assert_array_equal(together["north"], apart["north"])
    np.testing.assert_array_equal(together["south"], apart["south"])


def test_the_order_of_rows_changes_no_cost():
    lanes = [("P1", "north"), ("P2", "south")]
    costs = node_costs(two_sources(), lanes)
    shuffled = node_costs(two_sources(("south", "P2", "north", "P1")), lanes)
    assert costs.keys() == shuffled.keys()
    for name, values in costs.items():
        np.testing.assert_array_equal(shuffled[name], values)


def test_another_customer_leaves_the_series_of_the_first_as_it_was():
    alone = DemandStreams({"a": NormalDemand(20.0, 5.0)}, SEED, Purpose.SEARCH)
    with_other = DemandStreams({"b": PoissonDemand(3.0), "a": NormalDemand(20.0, 5.0)}, SEED, Purpose.SEARCH)
    np.testing.assert_array_equal(with_other.block(3, 50)[:, :, 1], alone.block(3, 50)[:, :, 0])


def test_a_shorter_run_is_a_prefix_of_a_longer_one():
    case = warehouse_with_retailers()
    ledger, other = ledger_of(case), ledger_of(case)
    short = ledger.search(whole(case), LEVELS, 100, with_gradient=True)
    longer = ledger.search(whole(case), LEVELS, 450, with_gradient=True)
    at_once = other.search(whole(case), LEVELS, 450, with_gradient=True)
    np.testing.assert_array_equal(longer.measures[:100], short.measures)
    np.testing.assert_array_equal(longer.gradient[:100], short.gradient)
    np.testing.assert_array_equal(longer.measures, at_once.measures)


def test_later_blocks_continue_fresh_paths():
    case = one_node()
    design, levels = case.network.design([]), {"shop": 70.0}
    whole_run = ledger_of(case).fresh(design, levels, 0, 5)
    rest = ledger_of(case).fresh(design, levels, 2, 3)
    np.testing.assert_array_equal(whole_run.measures[2 * BLOCK :], rest.measures)


def test_searching_and_reporting_use_different_paths():
    case = one_node()
    ledger = ledger_of(case)
    searched = ledger.search(whole(case), np.array([70.0]), BLOCK)
    fresh = ledger.fresh(case.network.design([]), {"shop": 70.0}, 0, 1)
    asked_for = np.concatenate([sample.measures[:, 0, Measure.DEMANDED] for sample in (searched, fresh)])
    assert len(np.unique(asked_for)) == 2 * BLOCK


@pytest.mark.parametrize("purpose", list(Purpose))
def test_purposes_seeds_blocks_and_names_share_no_uniform(purpose):
    demand = {"a": NormalDemand(1.0, 1.0), "b": NormalDemand(1.0, 1.0)}
    drawn = [
        DemandStreams(demand, seed, other).uniforms(name, block, 10)
        for other in {purpose, Purpose.SEARCH}
        for seed in (1, 2)
        for name in demand
        for block in (0, 1)
    ]
    numbers = np.concatenate([uniforms.ravel() for uniforms in drawn])
    assert len(np.unique(numbers)) == len(numbers)


def test_a_design_of_one_component_costs_what_its_component_costs():
    case = warehouse_with_retailers()
    design = case.network.design(lane.pair for lane in case.network.lanes)
    component = ledger_of(case).search(whole(case), LEVELS, 300)
    levels = dict(zip(design.nodes, LEVELS, strict=True))
    sample = ledger_of(case).search_design(design, levels, 300)
    np.testing.assert_array_equal(sample.measures, component.measures)


def test_designs_evaluated_together_and_their_emissions_share_one_draw_of_demand(monkeypatch: pytest.MonkeyPatch):
    nodes = (replace(node, holding_emission=0.5) for node in warehouse_with_retailers().network.nodes)
    case = warehouse_with_retailers()
    case = replace(case, network=replace(case.network, nodes=tuple(nodes)))
    design = case.network.design(lane.pair for lane in case.network.lanes)
    low, high = ({name: factor * s for name, s in zip(design.nodes, LEVELS, strict=True)} for factor in (1.0, 1.2))
    alone = [
        evaluate(case, ledger_of(case), design, levels, EvaluationParams(200, 1e-9, 400)) for levels in (low, high)
    ]
    drawn = list[int]()
    block = DemandStreams.block
    monkeypatch.setattr(DemandStreams, "block", lambda self, k, n: (drawn.append(k), block(self, k, n))[1])
    together = evaluate_together(
        case, ledger_of(case), [(design, low), (design, high)], EvaluationParams(200, 1e-9, 400)
    )
    assert sorted(set(drawn)) == list(range(7))
    assert len(drawn) == 4 + 4  # 200 replications, then 200 more, which begin inside the fourth block
    emitted = ledger_of(case).for_case(case.as_emissions).fresh(design, high, 0, 7)
    for one, both in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one.costs, both.costs)
        np.testing.assert_array_equal(one.measures, both.measures)
    np.testing.assert_array_equal(together[1].emissions.totals, emitted.costs[:400])
    held = emitted.measures[:400, :, Measure.HOLDING].mean(axis=0)
    np.testing.assert_allclose(together[1].emissions.holding, held, rtol=1e-12)


def test_decoupled_costs_are_those_of_plentiful_supply():
    case = warehouse_with_retailers()
    plenty = np.array([500.0, 500.0, 22.0, 12.0, 33.0])
    coupled = ledger_of(case).search(whole(case), plenty, 100).costs
    decoupled = ledger_of(case).search_decoupled(whole(case), plenty, 100)
    np.testing.assert_allclose(decoupled, coupled, rtol=1e-12)


def test_the_ledger_counts_what_the_search_uses_and_stops_at_its_budget():
    case = one_node()
    ledger = ledger_of(case, budget=500)
    ledger.search(whole(case), np.array([70.0]), 300)
    ledger.fresh(case.network.design([]), {"shop": 70.0}, 0, 10)
    assert (ledger.replications, ledger.remaining) == (300, 200)
    with pytest.raises(BudgetSpentError, match="201 replications wanted, 200 left"):
        ledger.search(whole(case), np.array([70.0]), 201)
    assert ledger.replications == 300


def test_an_estimate_is_the_mean_with_students_half_width():
    estimate = Estimate.of(np.array([1.0, 2.0, 3.0, 4.0, 5.0]))
    assert (estimate.mean, estimate.replications) == (3.0, 5)
    assert estimate.half_width == pytest.approx(2.776445105 * np.sqrt(2.5 / 5.0))
    assert estimate.relative_half_width == pytest.approx(estimate.half_width / 3.0)


def test_a_higher_confidence_widens_the_interval():
    estimate = Estimate.of(np.array([1.0, 2.0, 3.0, 4.0, 5.0]), confidence=0.99)
    assert estimate.half_width == pytest.approx(4.604094871 * np.sqrt(2.5 / 5.0))


def test_intervals_cover_the_mean_as_often_as_they_say():
    samples = np.random.default_rng(SEED).normal(10.0, 3.0, (4000, 6))
    estimates = [Estimate.of(row) for row in samples]
    covered = np.mean([abs(estimate.mean - 10.0) <= estimate.half_width for estimate in estimates])
    assert covered == pytest.approx(0.95, abs=4.0 * np.sqrt(0.95 * 0.05 / 4000.0))


def test_one_replication_says_nothing_about_its_error():
    estimate = Estimate.of(np.array([4.0]))
    assert (estimate.mean, estimate.half_width, estimate.replications) == (4.0, np.inf, 1)


def test_a_mean_of_zero_has_no_relative_half_width():
    assert Estimate.of(np.array([-1.0, 1.0])).relative_half_width == np.inf


def test_no_replications_are_refused():
    with pytest.raises(ValueError, match="at least one replication, got none"):
        Estimate.of(np.array([]))
