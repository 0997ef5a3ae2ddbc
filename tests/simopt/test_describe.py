"""Stock, orders and goods in transit of every node: against explicit queues, known ratios, files of `simulate`."""

import csv
from dataclasses import replace

import numpy as np
import pytest

from design.case_files import load_case, save_case
from design.demand import NormalDemand
from design.node import Node
from design.streams import Purpose
from simopt.simulation.describe import describe_design, trace_component
from simopt.simulation.sample_paths import SamplePaths
from simopt.simulation.trace import Series
from tests.networks import make_case, random_trial, whole, with_network
from tests.simopt.command import Command, assert_refused, read_json
from tests.simopt.slow_simulator import simulate_slowly

SAME = {
    Series.ASKED: "demand_on_node",
    Series.ON_HAND: "on_hand",
    Series.BACKORDERS: "backorders",
    Series.OWN_BACKORDERS: "own_backorders",
}


@pytest.mark.parametrize("seed", range(40))
def test_every_period_equals_that_of_explicit_queues(seed):
    rng = np.random.default_rng(seed)
    trial = random_trial(rng, int(rng.integers(1, 9)))
    found = trace_component(trial.case, trial.component, trial.levels, trial.demand)
    for r, path in enumerate(trial.demand):
        history = simulate_slowly(trial.case, trial.levels, path)
        moving = history.flows["in_transit"].astype(float)
        for k, name in enumerate(trial.component.nodes):
            into = [j for j, (_, receiver) in enumerate(history.lanes) if receiver == name]
            expected = moving[:, into].sum(axis=1)
            np.testing.assert_allclose(found[r, k, :, Series.IN_TRANSIT], expected, rtol=1e-9, atol=1e-9)
        customers = [k for k, name in enumerate(trial.component.nodes) if name in trial.case.demand]
        for series, quantity in SAME.items():
            nodes = customers if series is Series.OWN_BACKORDERS else range(len(trial.levels))
            for k in nodes:
                expected = history[quantity][:, k].astype(float)
                np.testing.assert_allclose(found[r, k, :, series], expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("seed", range(10))
def test_units_are_conserved_and_orders_follow_reviews(seed):
    rng = np.random.default_rng(seed)
    trial = random_trial(rng, 5)
    nodes = [replace(node, review_period=3) for node in trial.case.network.nodes]
    case = with_network(trial.case, nodes, trial.case.network.lanes)
    found = trace_component(case, trial.component, trial.levels, trial.demand)
    stock = trial.levels[:, None] + np.cumsum(found[..., Series.RECEIVED] - found[..., Series.SHIPPED], axis=2)
    np.testing.assert_allclose(stock, found[..., Series.ON_HAND], atol=1e-9)
    no_review = [t for t in range(case.num_periods) if t % 3]
    assert np.all(found[:, :, no_review, Series.ORDERED] == 0.0)
    assert found[:, :, ::3, Series.ORDERED].sum() > 0.0


def described(case, levels, num_blocks=16):
    design = case.network.design(lane.pair for lane in case.network.lanes)
    paths = SamplePaths(case, 5, Purpose.EVALUATION)
    blocks = [paths.block(k, case.num_periods) for k in range(num_blocks)]
    return describe_design(case, design, dict(zip(whole(case).nodes, levels, strict=True)), blocks)


def test_goods_in_transit_follow_from_mean_demand_and_lead_time():
    node = Node("shop", lead_time=3, holding_cost=1.0, backorder_cost=9.0)
    case = make_case([node], [], {"shop": NormalDemand(100.0, 10.0)}, horizon=60, warm_up=10)
    (shop,) = described(case, [430.0])
    assert abs(shop.in_transit.mean - 300.0) <= 3.0 * shop.in_transit.half_width
    assert abs(shop.on_hand.mean - shop.backorders.mean - 130.0) <= 3.0 * shop.on_hand.half_width
    assert shop.order_variance_ratio.mean == pytest.approx(1.0)
    assert shop.gamma_service_level.mean == pytest.approx(1.0 - shop.backorders.mean / 100.0, abs=1e-3)
    assert shop.turns.mean == pytest.approx(100.0 * 60 / shop.on_hand.mean, rel=1e-2)


def test_what_is_no_number_is_left_out():
    node = Node("shop", lead_time=1, holding_cost=1.0, backorder_cost=9.0)
    case = make_case([node], [], {"shop": NormalDemand(10.0, 0.0)}, horizon=20, warm_up=2)
    (shop,) = described(case, [0.0], num_blocks=1)
    assert shop.turns is None
    assert shop.order_variance_ratio is None
    assert shop.gamma_service_level.mean == pytest.approx(0.0)
    assert set(shop.as_dict()) == {"node", "on_hand", "backorders", "in_transit", "gamma_service_level"}


def test_orders_at_every_second_review_vary_as_theory_says():
    # Two periods' demand, then nothing: variance 2·sd²/2 + mean² within a cycle, over sd².
    node = Node("shop", lead_time=1, holding_cost=1.0, backorder_cost=9.0, review_period=2)
    case = make_case([node], [], {"shop": NormalDemand(100.0, 20.0)}, horizon=400, warm_up=10)
    (shop,) = described(case, [430.0])
    assert shop.order_variance_ratio.mean == pytest.approx((20.0**2 + 100.0**2) / 20.0**2, rel=0.02)


def test_simulate_writes_measures_and_a_traced_replication(simopt: Command, tmp_path):
    assert simopt("solve", "two-stage-series", "--no-certify", "--out", tmp_path / "run").code == 0
    solution, out = tmp_path / "run" / "result.json", tmp_path / "sim"
    arguments = ("simulate", "two-stage-series", "--solution", solution, "--replications", "70", "--trace", "66")
    ran = simopt(*arguments, "--out", out)
    assert ran.code == 0
    assert "in transit" in ran.out
    content, case = read_json(out / "result.json"), load_case("two-stage-series")
    with (out / "trace.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["node"] for row in content["measures"]] == [node["node"] for node in content["base_stock_levels"]]
    assert len(rows) == case.num_periods * len(content["measures"])
    assert {int(row["period"]) for row in rows} == set(range(1 - case.warm_up, case.horizon + 1))
    assert (out / "trace.png").stat().st_size > 10_000
    first = (out / "trace.csv").read_bytes(), (out / "trace.svg").read_bytes()
    assert simopt(*arguments, "--out", out).code == 0
    assert ((out / "trace.csv").read_bytes(), (out / "trace.svg").read_bytes()) == first


@pytest.mark.parametrize(
    ("options", "message"),
    [(("--trace", "1"), "trace without --out"), (("--trace", "0", "--out", "sim"), "trace 0: expected the number")],
)
def test_a_trace_that_cannot_be_written_is_refused(simopt: Command, tmp_path, monkeypatch, options, message):
    monkeypatch.chdir(tmp_path)
    assert simopt("solve", "two-stage-series", "--no-certify", "--out", "run").code == 0
    ran = simopt("simulate", "two-stage-series", "--solution", "run/result.json", *options)
    assert_refused(ran, message)


def test_a_case_with_disturbed_supply_keeps_its_tables(simopt: Command, tmp_path):
    case = load_case("two-two-three")
    save_case(replace(case, supply=replace(case.supply, allocation="priority")), tmp_path / "case")
    assert 'allocation = "priority"' in (tmp_path / "case" / "case.toml").read_text(encoding="utf-8")
    assert simopt("validate", tmp_path / "case").code == 0
