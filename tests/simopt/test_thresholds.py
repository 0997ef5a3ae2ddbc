"""`simopt thresholds`: policies on networks, the scenarios of the paper, goods conserved over the bill of materials."""

import json
from dataclasses import replace

import numpy as np
import pytest

from design.case_files import load_case
from design.errors import BadInputError
from design.only_design import only_design
from simopt.apps.options import OptionError
from simopt.apps.threshold_scenarios import scenarios_of
from simopt.apps.thresholds import ThresholdOptions, network_thresholds, plan_thresholds
from simopt.planning.engine import run
from simopt.planning.measures import Series
from simopt.planning.paths import Chance
from simopt.planning.world_of_case import world_of
from simopt.policies.threshold import ThresholdPolicy
from tests.simopt.command import Command


@pytest.fixture(scope="module")
def camera():
    return load_case("camera-15")


@pytest.fixture(scope="module")
def plan(camera):
    return plan_thresholds(camera, ThresholdOptions(replications=40))


def test_hard_thresholds_are_the_bound_and_the_most_demand(plan):
    for firm in plan.firms:
        lower = 40 if firm.node.startswith("distributor") else 80
        np.testing.assert_array_equal(firm.thresholds, lower + firm.most_demand)
        assert firm.cost_to_go["backlog"] < firm.cost_to_go["chance"] < firm.cost_to_go["hard"]


def test_demand_on_suppliers_is_the_sum_of_what_their_customers_sell(plan):
    means = {firm.node: (firm.mean_demand, firm.most_demand) for firm in plan.firms}
    assert means["distributor-1"] == (pytest.approx(40.0), 60)
    assert means["build"] == (pytest.approx(80.0), 120)
    assert means["raw-material"] == (pytest.approx(80.0), 120)


def test_monte_carlo_finds_the_same_thresholds_as_convolution(camera):
    design = only_design(camera.network)
    exact = network_thresholds(camera, design, ThresholdOptions(), 12)
    drawn = network_thresholds(camera, design, ThresholdOptions(propagation="monte-carlo"), 12)
    for name, own in exact.items():
        assert np.abs(own.free - drawn[name].free).max() <= 2.0
        assert np.abs(own.thresholds - drawn[name].thresholds).max() <= 6.0  # the most demand of a sample is less


def test_in_the_ideal_scenario_stock_keeps_its_bound_and_nothing_is_lost(plan):
    ideal = plan.scenarios[0]
    assert ideal.name == "ideal"
    assert ideal.fill_rate.mean == pytest.approx(1.0)
    for s, name in enumerate(ideal.nodes):
        assert ideal.stock[1, :, s].min() >= (40.0 if name.startswith("distributor") else 80.0)


def test_an_outage_travels_down_and_is_over_a_step_later_every_echelon_up(plan):
    """The paper's statements; its goods are there in the same step, ours in the next, an echelon later each."""
    outage = plan.scenarios[1]
    assert (outage.name, outage.start, outage.end) == ("outage", 30, 44)
    path = ["raw-material", "wafers", "package-test", "imager", "ship", "build", "distributor-1"]
    delays = [outage.delay[name].mean for name in path]
    assert delays == sorted(delays)
    assert 0.5 <= delays[-1] - delays[-2] <= 4.0
    deepest = max(firm.echelon for firm in plan.firms)
    for firm in plan.firms:
        if firm.node in path:
            paper = outage.recovery[firm.node].mean - deepest + firm.echelon
            assert paper == pytest.approx(firm.echelon, abs=0.5)
    assert outage.cost.mean > 2.0 * plan.scenarios[0].cost.mean


def test_demand_beyond_the_plan_is_met_up_to_the_threshold_and_felt_upstream_no_more_than_that(plan, camera):
    shock = plan.scenarios[2]
    assert shock.fill_rate.mean < 0.99
    scenario, start, end = scenarios_of(camera)["demand-shock"]
    world = world_of(scenario, only_design(camera.network))
    policy = ThresholdPolicy({firm.node: firm.thresholds for firm in plan.firms})
    found = run(world, policy, Chance(world, 0).paths(range(16)), with_series=True)
    sites = {site.name: s for s, site in enumerate(world.sites)}
    sold = found.series[:, camera.warm_up :, sites["distributor-1"], Series.SHIPPED]
    assert sold.max() <= 100.0
    after = found.series[:, camera.warm_up + end + 1 :, sites["distributor-1"], Series.ON_HAND]
    assert after.min() >= 40.0
    assert start == 30


def test_goods_are_conserved_over_the_bill_of_materials(camera):
    """What a firm has made is what its scarcest input has brought, in every step: nothing lost, nothing made of air."""
    for scenario, _, _ in scenarios_of(camera).values():
        world = world_of(scenario, only_design(camera.network))
        levels = {node.name: np.array([150.0]) for node in camera.network.nodes}
        found = run(world, ThresholdPolicy(levels), Chance(world, 1).paths(range(8)), with_series=True)
        made = found.series[..., Series.MADE].cumsum(axis=1)
        shipped = found.series[..., Series.SHIPPED].cumsum(axis=1)
        checked = 0
        for s, site in enumerate(world.sites):
            above = [world.links[n].origin for n in site.inbound]
            if min(above) < 0 or any(len(world.sites[k].outbound) > 1 for k in above):
                continue
            scarcest = np.min([shipped[:, :-1, k] for k in above], axis=0)
            np.testing.assert_array_equal(made[:, 1:, s], scarcest)
            checked += 1
        assert checked == 7
        stock = found.series[..., Series.ON_HAND]
        np.testing.assert_allclose(stock, 150.0 + made - shipped)


@pytest.mark.slow
def test_thresholds_that_expect_shocks_cost_more_without_and_serve_better_with_them(camera):
    options = ThresholdOptions(bound="backlog", replications=40, shock_probabilities=(0.0, 0.2))
    calm, wary = plan_thresholds(camera, options).trade_off
    assert wary.cost["ideal"].mean > calm.cost["ideal"].mean
    assert wary.fill_rate["demand-shock"].mean > calm.fill_rate["demand-shock"].mean


def test_the_command_prints_and_writes(simopt: Command, tmp_path):
    outcome = simopt("thresholds", "camera-15", "--simulate", 10, "--out", tmp_path)
    assert outcome.code == 0
    for text in ("distributor-1", "cost-to-go, sum over firms", "ideal: penalties", "outage: penalties"):
        assert text in outcome.out
    content = json.loads((tmp_path / "result.json").read_text())
    assert len(content["thresholds"]) == 15 * 120
    assert content["thresholds"][0]["threshold"] == 100.0
    assert set(content["cost_to_go"]) == {node.name for node in load_case("camera-15").network.nodes}
    assert set(content["scenarios"]) == {"ideal", "outage", "demand-shock"}
    for picture in ("penalties", "stock-ideal", "stock-outage", "stock-demand-shock"):
        assert (tmp_path / "figures" / f"{picture}.png").stat().st_size > 10_000
    assert "Cumulative penalties" in (tmp_path / "report.html").read_text()


def test_a_single_node_needs_no_network(simopt: Command, tmp_path):
    folder = tmp_path / "one"
    folder.mkdir()
    (folder / "case.toml").write_text('name = "one"\n[simulation]\nhorizon = 8\nwarm_up = 0\n')
    (folder / "nodes.csv").write_text("node,lead_time,holding_cost,backorder_cost\nshop,1,1,9\n")
    (folder / "lanes.csv").write_text("from,to,lead_time\n")
    (folder / "demand.csv").write_text("node,distribution,history\nshop,empirical,history.csv\n")
    rows = "".join(f"{value - 19},shop,{value}\n" for value in range(20, 61))
    (folder / "history.csv").write_text(f"period,node,demand\n{rows}")
    (folder / "operations.csv").write_text("node,unit_cost,least_stock\nshop,2,40\n")
    for bound, expected in (("backlog", [56.0] * 7 + [48.0]), ("hard", [100.0] * 8)):
        assert simopt("thresholds", folder, "--bound", bound, "--out", tmp_path / bound).code == 0
        content = json.loads((tmp_path / bound / "result.json").read_text())
        assert [row["threshold"] for row in content["thresholds"]] == expected


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"bound": "hrad"}, "bound 'hrad': did you mean 'hard'"),
        ({"propagation": "convolve"}, "propagation 'convolve': did you mean 'convolution'"),
        ({"miss": 1.0}, "miss 1: expected above 0 and below 1"),
        ({"steps": 0}, "steps 0: expected a whole number, at least 1"),
        ({"replications": 1}, "replications 1: expected 0"),
        ({"shock_probabilities": (1.2,)}, "shock_probabilities: 1.2: expected shares"),
    ],
)
def test_options_out_of_range_are_named(changes, message):
    with pytest.raises(OptionError) as found:
        ThresholdOptions(**changes)
    assert str(found.value).startswith(message)


def test_what_does_not_fit_is_refused_in_one_line(camera):
    rows = tuple(replace(one, most_stock=100.0) if one.site == "build" else one for one in camera.planning.operations)
    narrow = replace(camera, planning=replace(camera.planning, operations=rows))
    with pytest.raises(BadInputError, match="build: step 1: at least 200 and at most 140 units would have to be there"):
        plan_thresholds(narrow)
    slow = replace(
        camera,
        network=replace(
            camera.network,
            lanes=tuple(
                replace(lane, lead_time=2) if lane.destination == "ship" else lane for lane in camera.network.lanes
            ),
        ),
    )
    with pytest.raises(BadInputError, match="thresholds of ship: lead time 2: expected 1 everywhere"):
        plan_thresholds(slow, ThresholdOptions(replications=4))
    with pytest.raises(BadInputError, match="expected a case of one product"):
        plan_thresholds(load_case("planning-engine"))


def test_a_bill_of_materials_in_a_circle_is_refused(simopt: Command, tmp_path):
    assert simopt("convert", "camera-15", "--to", "csv", "--out", tmp_path / "circle").code == 0
    lanes = tmp_path / "circle" / "lanes.csv"
    lines = lanes.read_text().splitlines()
    loop = {"from": "build", "to": "raw-material", "lead_time": "1"}
    lines.append(",".join(loop.get(name, "") for name in lines[0].split(",")))
    lanes.write_text("\n".join(lines) + "\n")
    outcome = simopt("thresholds", tmp_path / "circle")
    assert outcome.code == 2
    assert "cycle" in outcome.err
