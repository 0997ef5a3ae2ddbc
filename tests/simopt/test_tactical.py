"""Tactical planning: the recursion, its derivatives, its minimum, and the command."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

import simopt as package
from design.case_files import load_case
from design.tactical.chain import Model, SerialChain, order_rule
from design.tactical.compact import solve_program
from design.tactical.scenarios import ScenarioSet, sampled, tree
from simopt.apps.tactical import TacticalOptions, plan_tactically
from simopt.apps.tactical_sweep import sweep_sizes
from simopt.optimization.cutting_planes import minimize_convex
from simopt.optimization.tactical_program import PLANES, PROGRAM, solve_tactical
from simopt.simulation.serial_chain import ChainSimulator
from tests.simopt.command import assert_refused, read_json

LEVELS = ("warehouse", "wholesaler", "retailer")


def random_set(num: int, periods: int, seed: int) -> ScenarioSet:
    return sampled(lambda shares: 10.0 + 80.0 * shares, num, periods, np.random.default_rng(seed))


def random_chain(periods: int, seed: int) -> SerialChain:
    """Holding below never costs more than holding and owing above."""
    random = np.random.default_rng(seed)
    holding = random.uniform(0.5, 1.0, (3, periods))
    initial = random.uniform(50.0, 150.0, 3)
    chain = SerialChain(LEVELS, (1, 0, 3), holding, random.uniform(1.0, 4.0, (3, periods)), initial)
    assert chain.ships_at_once
    return chain


def played(chain, model, decision, demand, lead_times=None) -> float:
    """One path, period by period, with goods on the way as a list: stock, debts and orders as the paper says."""
    count, periods = len(chain.levels), len(demand)
    target = np.broadcast_to(decision, (count,)) if model is not Model.REGULAR else None
    orders_given = decision.reshape(count, periods) if model is Model.REGULAR else None
    stock, owed, on_order = list(chain.initial), [0.0] * count, [0.0] * count
    underway: list[tuple[int, int, float]] = []
    cost = shipped_in_all = arrived_in_all = 0.0
    for t in range(periods):
        if target is not None:
            ordered = [target[k] - (stock[k] - owed[k] + on_order[k]) for k in range(count)]
        else:
            ordered = list(orders_given[:, t])
        asked = [*ordered[1:], demand[t]]
        supply = ordered[0]
        for k in range(count):
            takes = chain.lead_times[k] if lead_times is None else lead_times[k, t]
            underway.append((t + takes, k, supply))
            shipped_in_all += supply
            arriving = sum(units for due, level, units in underway if due == t and level == k)
            underway = [one for one in underway if (one[0], one[1]) != (t, k)]
            arrived_in_all += arriving
            stock[k] += arriving
            on_order[k] += ordered[k] - arriving
            owed[k] += asked[k]
            supply = min(stock[k], owed[k])
            stock[k] -= supply
            owed[k] -= supply
            cost += chain.holding[k, t] * stock[k] + chain.backlog[k, t] * owed[k]
    assert arrived_in_all + sum(units for _, _, units in underway) == pytest.approx(shipped_in_all)
    return cost


@pytest.mark.parametrize("varies", [False, True], ids=["fixed lead times", "orders cross"])
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("model", Model)
def test_the_recursion_is_what_happens_period_by_period(model, seed, varies):
    chain, scenarios = random_chain(7, seed), random_set(6, 7, seed)
    rule = order_rule(chain, model)
    decision = rule.lower + np.random.default_rng(seed).uniform(0.0, 80.0, len(rule.lower))
    times = np.random.default_rng(seed).integers(0, 5, (6, 3, 7)) if varies else None
    costs = ChainSimulator(chain, rule, scenarios.demand, times).costs(decision)
    for s, path in enumerate(scenarios.demand):
        expected = played(chain, model, decision, path, None if times is None else times[s])
        assert costs[s] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("varies", [False, True])
@pytest.mark.parametrize("model", Model)
def test_derivatives_equal_differences(model, varies):
    chain, scenarios = random_chain(7, 1), random_set(50, 7, 1)
    rule = order_rule(chain, model)
    times = np.random.default_rng(1).integers(0, 5, (50, 3, 7)) if varies else None
    simulator = ChainSimulator(chain, rule, scenarios.demand, times)
    decision = rule.lower + np.random.default_rng(2).uniform(0.0, 80.0, len(rule.lower))
    _, gradient = simulator.cost_and_gradient(decision, scenarios.probabilities)
    step = 1e-6
    for k in range(len(decision)):
        up, down = decision.copy(), decision.copy()
        up[k] += step
        down[k] -= step
        difference = scenarios.probabilities @ (simulator.costs(up) - simulator.costs(down)) / (2.0 * step)
        assert gradient[k] == pytest.approx(difference, abs=1e-5)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("model", Model)
def test_cutting_planes_find_the_optimum_of_the_linear_program(model, seed):
    chain, scenarios = random_chain(6, seed), random_set(60, 6, seed)
    rule = order_rule(chain, model)
    found, best = solve_tactical(chain, rule, scenarios), solve_program(chain, rule, scenarios).objective
    assert found.method == PLANES
    assert found.lower_bound <= best * (1.0 + 1e-9)
    assert best * (1.0 - 1e-9) <= found.objective <= best * (1.0 + 2e-6)


def test_goods_may_be_held_back_where_the_level_below_holds_dearer():
    chain = SerialChain.uniform(LEVELS, 6, holding=(0.1, 0.1, 3.0), backlog=(0.2, 0.2, 4.0))
    scenarios = random_set(40, 6, 1)
    rule = order_rule(chain, Model.SCR)
    assert not chain.ships_at_once
    found = solve_tactical(chain, rule, scenarios)
    assert found.method == PROGRAM
    simulated = scenarios.probabilities @ ChainSimulator(chain, rule, scenarios.demand).costs(found.decision)
    assert found.objective < simulated


def test_cutting_planes_minimize_a_function_with_kinks():
    center, slopes = np.array([1.0, -2.0, 0.5]), np.array([3.0, 1.0, 0.2])

    def oracle(point):
        return 7.0 + slopes @ np.abs(point - center), slopes * np.sign(point - center)

    found = minimize_convex(oracle, np.full(3, -5.0), np.full(3, 5.0), np.zeros(3))
    assert found.point == pytest.approx(center, abs=1e-4)
    assert found.lower_bound <= 7.0 + 1e-9
    assert found.value == pytest.approx(7.0, rel=1e-5)
    at_edge = minimize_convex(oracle, np.full(3, 2.0), np.full(3, 5.0), np.full(3, 4.0))
    assert at_edge.point == pytest.approx([2.0, 2.0, 2.0])
    assert minimize_convex(oracle, np.full(3, -5.0), np.full(3, 5.0), np.zeros(3), most=3).lower_bound <= 7.0


@pytest.fixture(scope="module")
def beer_game():
    return load_case("beer-game")


def test_the_papers_table(beer_game):
    assert plan_tactically(beer_game, TacticalOptions()).objective == pytest.approx(678.0592593, abs=1e-5)
    por = plan_tactically(beer_game, TacticalOptions(scenarios="random"))
    assert por.batches is not None
    assert pytest.approx(por.batches.mean, abs=4.0 * 14.0) == 807.2  # one draw of a distribution with sd 14
    assert por.batches.mean - por.batches.half_width < por.out_of_sample.mean + por.out_of_sample.half_width
    hybrid = plan_tactically(beer_game, TacticalOptions(scenarios="hybrid"))
    assert (hybrid.num_scenarios, hybrid.batches) == (81, None)


@pytest.mark.parametrize(("model", "value"), [("por", 0.0), ("scr", 20.267)])
def test_the_value_of_the_stochastic_solution_on_the_tree(model, value, beer_game):
    plan = plan_tactically(beer_game, TacticalOptions(model=model))
    assert plan.value_of_stochastic_solution == pytest.approx(value, abs=1e-2)
    assert plan.wait_and_see_cost <= plan.objective <= plan.mean_value_cost + 1e-9
    separate = solve_program(
        SerialChain.uniform(LEVELS, 6), order_rule(SerialChain.uniform(LEVELS, 6), Model(model)),
        tree((27.2, 50.0, 72.8), 6), separate=True,
    )  # fmt: skip
    assert plan.wait_and_see_cost == pytest.approx(separate.objective)


def test_lead_times_that_vary_and_reduction(beer_game):
    options = TacticalOptions(
        scenarios="random", num_scenarios=30, keep=5, periods=5, lead_times=(1, 3), num_lead_times=4, out_of_sample=500
    )
    plan = plan_tactically(beer_game, options)
    assert (plan.num_scenarios, plan.num_lead_times, plan.method) == (5, 4, PROGRAM)
    assert plan.reduction_distance > 0.0
    assert plan.objective <= plan.mean_value_cost + 1e-7
    assert any("lead times vary" in warning for warning in plan.warnings)
    again = plan_tactically(beer_game, options)
    assert (again.objective, again.out_of_sample) == (plan.objective, plan.out_of_sample)


def test_in_sample_optima_are_too_low_and_decisions_improve_with_scenarios(beer_game):
    options = TacticalOptions(model="scr", scenarios="random", periods=8, batches=20, out_of_sample=4_000)
    few, many = sweep_sizes(beer_game, options, [2, 200])
    assert few.in_sample.mean < few.out_of_sample.mean
    assert many.out_of_sample.mean < few.out_of_sample.mean
    assert many.in_sample.half_width < few.in_sample.half_width


def test_the_command_writes_its_result(simopt, tmp_path):
    done = simopt("tactical", "beer-game", "--model", "regular", "--out", tmp_path)
    content = read_json(tmp_path / "result.json")
    assert done.code == 0
    assert len(content["orders"]) == 18
    assert content["objective"] == pytest.approx(287.14074, abs=1e-3)
    for key in ("model", "scenarios", "num_scenarios", "periods", "out_of_sample", "value_of_stochastic_solution",
                "expected_value_of_perfect_information", "statistical_lower_bound", "versions"):  # fmt: skip
        assert key in content
    assert f"cost {content['out_of_sample']['mean']:.2f}" in done.out.splitlines()[-1]
    simopt("tactical", "beer-game", "--model", "scr", "--out", tmp_path)
    assert set(read_json(tmp_path / "result.json")["targets"]) == set(LEVELS)


def test_sweeps_over_what_is_kept_and_over_lead_times(beer_game):
    options = TacticalOptions(scenarios="random", num_scenarios=60, batches=4, out_of_sample=500, periods=5)
    few, all_ = sweep_sizes(beer_game, options, [3, 60], "kept")
    assert few.in_sample.mean < all_.in_sample.mean  # reduction takes variety away
    every = sweep_sizes(beer_game, options, [60])[0]
    assert (all_.in_sample, all_.out_of_sample) == (every.in_sample, every.out_of_sample)
    times = TacticalOptions(scenarios="random", batches=3, out_of_sample=500, lead_times=(1, 3), num_lead_times=1)
    small, large = sweep_sizes(beer_game, times, [2, 8], "lead-times")
    assert (small.size, large.size) == (2, 8)
    assert large.in_sample.half_width < small.in_sample.half_width


def test_from_python_with_costs_that_differ_by_period(beer_game):
    holding = np.ones((3, 6))
    holding[:, 3:] = 2.0
    chain = SerialChain(LEVELS, (2, 2, 2), holding, np.full((3, 6), 2.0), np.full(3, 100.0))
    plan = package.tactical("beer-game", chain=chain, model="scr")
    direct = solve_program(chain, order_rule(chain, Model.SCR), tree((27.2, 50.0, 72.8), 6))
    assert plan.objective == pytest.approx(direct.objective, rel=1e-6)
    assert "scr, 729 scenarios, 6 periods: warehouse" in str(plan)
    assert pickle.loads(pickle.dumps(plan)).as_dict() == plan.as_dict()
    with pytest.raises(package.BadInputError, match="option 'modle': did you mean 'model'"):
        package.tactical(beer_game, modle="scr")
    with pytest.raises(package.BadInputError, match="chain of 6 periods: expected 5"):
        package.tactical(beer_game, chain=chain, periods=5)


def test_the_command_sweeps(simopt, tmp_path):
    done = simopt(
        "tactical", "beer-game", "--scenarios", "random", "--sweep", "5,20", "--batches", 3, "--out", tmp_path
    )
    points = read_json(tmp_path / "sweep.json")["points"]
    assert [point["size"] for point in points] == [5, 20]
    assert len(done.out.splitlines()) == 3
    for name in ("sweep.csv", "sweep.png", "sweep.svg"):
        assert (tmp_path / name).stat().st_size > 100


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--model", "prr"), "model 'prr': did you mean 'por'?"),
        (("--scenarios", "tre"), "scenarios 'tre': did you mean 'tree'?"),
        (("--periods", "0"), "periods 0: expected a whole number, at least 1"),
        (("--periods", "20"), "a tree of 3^20"),
        (("--num-scenarios", "10"), "num_scenarios 10 with scenarios 'tree': these are 729; expected 'random'"),
        (("--demand-range", "90..10"), "demand_range 90..10: expected LOW..HIGH"),
        (("--demand-range", "a..b"), "demand-range 'a..b': expected LOW..HIGH, numbers"),
        (("--lead-times", "1..3"), "lead_times and num_lead_times: expected both or neither"),
        (("--terminal-value", "2"), "terminal value 2.0: expected 0 to 1"),
        (("--sweep", "5,x"), "sweep '5,x': expected whole numbers"),
        (("--sweep", "5"), "sweep with scenarios 'tree': expected 'random'"),
        (("--scenarios", "random", "--sweep", "5", "--sweep-over", "keep"), "sweep over 'keep': did you mean 'kept'?"),
        (("--scenarios", "random", "--sweep", "5", "--sweep-over", "lead-times"), "expected lead_times LOW..HIGH"),
        (("--keep", "1000"), "1000 scenarios to keep: expected 1 to 729"),
        (("--batches", "1"), "batches 1: expected 0 (none) or at least 2"),
    ],
)
def test_what_makes_no_sense_is_refused(options, said, simopt):
    assert_refused(simopt("tactical", "beer-game", *options), said)


def test_a_network_that_is_no_chain_is_refused(simopt):
    assert_refused(simopt("tactical", "two-two-three"), "expected one, levels in series")


def test_base_stock_levels_are_the_best_targets_over_a_long_horizon(simopt, tmp_path):
    done = simopt("tactical", "beer-game", "--compare", "--out", tmp_path)
    rows = {row["name"]: row for row in read_json(tmp_path / "comparison.json")["targets"]}
    assert len(done.out.splitlines()) == 1 + len(rows)
    best = rows["base stock (simopt solve)"]
    for name, row in rows.items():
        if name != "base stock (simopt solve)":
            assert row["difference"]["mean"] - best["difference"]["mean"] > -0.2
    assert rows["scr, random, 50 periods"]["difference"]["mean"] < rows["scr, tree, 6 periods"]["difference"]["mean"]
    assert_refused(simopt("tactical", "beer-game", "--compare", "--model", "regular"), "compare: expected targets")


def test_the_game_is_base_stock_control_with_a_period_more_of_lead_time(beer_game):
    from dataclasses import replace

    from design.network import Network
    from simopt.simulation.ledger import Ledger
    from simopt.simulation.simulator import TreeSimulator

    levels = np.array([170.0, 180.0, 160.0])
    network = beer_game.network
    later = replace(
        beer_game,
        network=Network(
            tuple(node if node.lead_time is None else replace(node, lead_time=3) for node in network.nodes),
            tuple(replace(lane, lead_time=3) for lane in network.lanes),
            network.customers,
        ),
    )
    design = later.network.design([lane.pair for lane in later.network.lanes])
    ledger = Ledger(later, TreeSimulator(later), 0)
    expected = ledger.fresh(design, dict(zip(LEVELS, levels, strict=True)), 0, 32).costs
    periods = later.num_periods
    counted = np.arange(periods) >= later.warm_up
    chain = SerialChain.uniform(LEVELS, periods, initial=levels)
    chain = replace(chain, holding=chain.holding * counted, backlog=chain.backlog * counted)
    demand = sampled(beer_game.demand["retailer"].quantile, 2000, periods, np.random.default_rng(1)).demand
    costs = ChainSimulator(chain, order_rule(chain, Model.SCR), demand).costs(levels)
    error = costs.std() / np.sqrt(len(costs)) + expected.std() / np.sqrt(len(expected))
    assert costs.mean() == pytest.approx(expected.mean(), abs=4.0 * error)
