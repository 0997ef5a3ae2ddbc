"""Robust plans: against closed forms, the full counterpart with its dual variables, vertices, and enumeration."""

from itertools import combinations, product

import numpy as np
import pytest
from scipy.optimize import linprog

from design.errors import BadInputError
from design.robust.budget import budget_for, budget_schedule, worst_sums
from design.robust.network import RobustArc, RobustNetwork, RobustNode, SharedCapacity
from design.robust.plan import RobustInfeasibleError, robust_plan


def random_node(rng, periods, **others):
    budget = np.minimum(np.cumsum(rng.uniform(0.0, 1.0, periods)), np.arange(1, periods + 1))
    parts = {"stock": 40.0, "holding_cost": 1.0, "backorder_cost": 4.0, **others}
    return RobustNode("shop", rng.uniform(50, 100, periods), rng.uniform(5, 30, periods), budget, **parts)


@pytest.mark.parametrize("seed", range(5))
def test_without_costs_of_orders_the_optimum_is_the_closed_form(seed):
    rng = np.random.default_rng(seed)
    node = random_node(rng, 8, stock=0.0)
    plan = robust_plan(RobustNetwork(8, (node,), (RobustArc("", "shop"),)))
    h, b, worst = 1.0, 4.0, worst_sums(node.half_range, node.budget)
    assert plan.cost == pytest.approx((2.0 * h * b / (h + b) * worst).sum())
    np.testing.assert_allclose(plan.orders[0], node.demand + (b - h) / (b + h) * np.diff(worst, prepend=0.0), atol=1e-6)


def full_counterpart(node, lead_time, unit_cost, capacity):
    """The linear program of the reference, with q and r for demand: columns u, y, q, r."""
    periods = len(node.demand)
    pairs = [(i, k) for k in range(periods) for i in range(k + 1)]
    at = {"u": 0, "y": periods, "q": 2 * periods, "r": 3 * periods}
    size = 3 * periods + len(pairs)
    cost = np.zeros(size)
    cost[:periods], cost[periods : 2 * periods] = unit_cost, 1.0
    rows, right = [], []
    for k in range(periods):
        for sign, rate in ((1.0, node.holding_cost), (-1.0, node.backorder_cost)):
            row = np.zeros(size)
            row[: max(k + 1 - lead_time, 0)] = sign * rate
            row[at["y"] + k] = -1.0
            row[at["q"] + k] = rate * node.budget[k]
            for n, (_, other) in enumerate(pairs):
                row[at["r"] + n] = rate * (other == k)
            rows.append(row)
            right.append(-sign * rate * (node.stock - node.demand[: k + 1].sum()))
    for n, (i, k) in enumerate(pairs):
        row = np.zeros(size)
        row[at["q"] + k] = row[at["r"] + n] = -1.0
        rows.append(row)
        right.append(-node.half_range[i])
    bounds = [(0.0, capacity)] * periods + [(None, None)] * periods + [(0.0, None)] * (size - 2 * periods)
    return linprog(cost, np.array(rows), right, bounds=bounds).fun


@pytest.mark.parametrize("seed", range(12))
def test_the_plan_is_that_of_the_counterpart_with_its_dual_variables(seed):
    rng = np.random.default_rng(seed)
    node, lead_time, capacity = random_node(rng, 9), int(rng.integers(0, 4)), float(rng.choice([80.0, 120.0, np.inf]))
    arc = RobustArc("", "shop", lead_time, unit_cost=2.0, capacity=capacity)
    expected = full_counterpart(node, lead_time, 2.0, capacity)
    assert robust_plan(RobustNetwork(9, (node,), (arc,))).cost == pytest.approx(expected, rel=1e-7)


def vertices(node):
    """Demands in which whole periods deviate fully, as many up to every period as the budget allows."""
    periods = len(node.demand)
    for signs in product((-1.0, 0.0, 1.0), repeat=periods):
        used = np.cumsum(np.abs(signs))
        if (used <= node.budget + 1e-9).all():
            yield node.demand + np.array(signs) * node.half_range


def test_the_cost_bounds_that_of_every_vertex():
    rng = np.random.default_rng(3)
    node = random_node(rng, 7)
    plan = robust_plan(RobustNetwork(7, (node,), (RobustArc("", "shop", 1, 2.0),)))
    arrivals, count, worst = np.concatenate([[0.0], plan.orders[0, :-1]]), 0, 0.0
    for demand in vertices(node):
        stock = node.stock + np.cumsum(arrivals - demand)
        cost = 2.0 * plan.orders.sum() + np.maximum(stock, -4.0 * stock).sum()
        worst, count = max(worst, cost), count + 1
        assert cost <= plan.cost + 1e-6
    assert count > 30
    assert worst > 0.7 * plan.cost


def test_where_nothing_may_be_owed_no_vertex_runs_short():
    rng = np.random.default_rng(4)
    node = random_node(rng, 7, backorder_cost=None, stock=150.0)
    plan = robust_plan(RobustNetwork(7, (node,), (RobustArc("", "shop", 1, 2.0),)))
    arrivals = np.concatenate([[0.0], plan.orders[0, :-1]])
    least = min((node.stock + np.cumsum(arrivals - demand)).min() for demand in vertices(node))
    assert -1e-6 <= least < 30.0


def losses(orders, budget, share):
    """Deliveries that fall short, whole ones, as many up to every period as the budget allows."""
    for lost in product((0.0, 1.0), repeat=len(orders)):
        if (np.cumsum(lost) <= budget + 1e-9).all():
            yield orders * (1.0 - share * np.array(lost))


def test_what_deliveries_may_lose_is_covered():
    periods, demand = 6, np.full(6, 100.0)
    node = RobustNode("shop", demand, np.zeros(6), np.zeros(6), 100.0, 1.0, None)
    budget = np.array([1.0, 1.0, 1.0, 2.0, 2.0, 2.0])
    plan = robust_plan(RobustNetwork(periods, (node,), (RobustArc("", "shop", 0, 1.0, loss=0.4, loss_budget=budget),)))
    stocks = [100.0 + np.cumsum(got - demand) for got in losses(plan.orders[0], budget, 0.4)]
    assert min(stock.min() for stock in stocks) == pytest.approx(0.0, abs=1e-6)
    assert plan.orders.sum() > 500.0


def test_a_dearer_supplier_is_used_when_the_cheap_one_may_fail():
    periods = 6
    node = RobustNode("shop", np.full(6, 100.0), np.zeros(6), np.zeros(6), 100.0, 5.0, None)

    def plan(loss):
        cheap = RobustArc("", "shop", 0, 1.0, loss=loss, loss_budget=np.minimum(np.arange(1.0, 7.0), 2.0))
        return robust_plan(RobustNetwork(periods, (node,), (cheap, RobustArc("", "shop", 0, 2.0))))

    assert plan(0.0).orders[1].sum() == pytest.approx(0.0, abs=1e-6)
    assert plan(1.0).orders[1].sum() > 50.0


def test_goods_go_through_the_network():
    """Two shops behind a warehouse with a supplier of limited capacity; every nominal stock adds up."""
    rng, periods = np.random.default_rng(5), 10
    shops = tuple(
        RobustNode(
            f"shop{k}",
            rng.uniform(20, 40, periods),
            np.full(periods, 8.0),
            budget_schedule(0.1, periods),
            60.0,
            2.0,
            9.0,
        )
        for k in range(2)
    )
    warehouse = RobustNode("warehouse", stock=50.0, holding_cost=1.0)
    arcs = (
        RobustArc("", "warehouse", 2, 1.0, capacity=80.0, pending=(60.0, 60.0)),
        RobustArc("warehouse", "shop0", 1, 0.5),
        RobustArc("warehouse", "shop1", 1, 0.5),
    )
    plan = robust_plan(RobustNetwork(periods, (warehouse, *shops), arcs))
    arrived = np.concatenate([[60.0, 60.0], plan.orders[0, :-2]])
    np.testing.assert_allclose(plan.stock[0], 50.0 + np.cumsum(arrived - plan.orders[1] - plan.orders[2]), atol=1e-6)
    assert plan.stock[0].min() >= -1e-6
    assert plan.orders[0].max() <= 80.0 + 1e-6
    for k in (1, 2):
        moved = np.concatenate([[0.0], plan.orders[k, :-1]]) - shops[k - 1].demand
        np.testing.assert_allclose(plan.stock[k], 60.0 + np.cumsum(moved), atol=1e-6)


@pytest.mark.parametrize("seed", range(6))
def test_fixed_costs_against_every_set_of_order_periods(seed):
    rng, periods = np.random.default_rng(seed), 6
    node = random_node(rng, periods)
    arc = RobustArc("", "shop", 1, 1.0, fixed_cost=150.0, capacity=260.0)
    found = robust_plan(RobustNetwork(periods, (node,), (arc,)), gap=1e-9)
    costs = []
    for count in range(periods + 1):
        for chosen in combinations(range(periods), count):
            capacity = np.where(np.isin(np.arange(periods), chosen), 260.0, 0.0)
            plain = RobustArc("", "shop", 1, 1.0, capacity=capacity)
            costs.append(robust_plan(RobustNetwork(periods, (node,), (plain,))).cost + 150.0 * count)
    assert found.cost == pytest.approx(min(costs), rel=1e-6)
    assert found.bound <= found.cost + 1e-6
    assert found.optimal


def test_more_protection_costs_more():
    rng = np.random.default_rng(6)
    node = random_node(rng, 8)
    costs = []
    for violation in (0.5, 0.2, 0.05, 0.001):
        protected = RobustNode("shop", node.demand, node.half_range, budget_schedule(violation, 8), 40.0, 1.0, 4.0)
        costs.append(robust_plan(RobustNetwork(8, (protected,), (RobustArc("", "shop", 1, 1.0),))).cost)
    assert costs == sorted(costs)
    assert costs[0] < costs[-1]


def test_budgets_grow_by_no_more_than_one_period_a_period():
    for violation in (0.4, 0.1, 0.01):
        found = budget_schedule(violation, 90)
        assert found[0] <= 1.0
        assert ((np.diff(found) >= 0.0) & (np.diff(found) <= 1.0)).all()
    assert budget_for(0.05, 25.0) == pytest.approx(1.0 + 1.6448536 * 5.0)
    assert budget_for(0.05, 1.0) == 1.0
    with pytest.raises(BadInputError, match="violation 1: expected a probability above 0 and below 1"):
        budget_for(1.0, 3.0)


def test_the_budget_keeps_its_promise():
    """Sums of bounded symmetric deviations leave the protected range no more often than promised."""
    rng, periods = np.random.default_rng(7), 30
    deviations = rng.uniform(-1.0, 1.0, (100_000, periods))
    for violation in (0.2, 0.05, 0.01):
        outside = np.abs(deviations.sum(axis=1)) > budget_for(violation, float(periods))
        assert outside.mean() <= 2.0 * violation


def test_infeasible_plans_say_what_to_relax_and_that_is_enough():
    node = RobustNode("shop", np.full(5, 100.0), np.full(5, 30.0), np.arange(1.0, 6.0), 180.0, 1.0, None)
    arc = RobustArc("", "shop", 2, 1.0, capacity=110.0)
    with pytest.raises(RobustInfeasibleError) as raised:
        robust_plan(RobustNetwork(5, (node,), (arc,)))
    assert "worst-case stock of shop falls 80.0 units below 0 in period 2" in str(raised.value)
    assert "expected a smaller budget, more stock at the start, more capacity" in str(raised.value)
    relaxed = RobustNode("shop", node.demand, node.half_range, node.budget, 260.0 + 3 * 20.0, 1.0, None)
    assert robust_plan(RobustNetwork(5, (relaxed,), (arc,))).cost > 0.0
    docks = SharedCapacity("dock", (0,), 10.0)
    with pytest.raises(RobustInfeasibleError, match=r"dock needs .* units more than its limit in period"):
        robust_plan(RobustNetwork(5, (RobustNode("shop", np.full(5, 100.0), np.zeros(5), np.zeros(5), 900.0, 1.0, 5.0),
                                      RobustNode("b", np.full(5, 100.0), np.zeros(5), np.zeros(5), 100.0, 1.0, None)),
                                  (RobustArc("", "b"),), (docks,)))  # fmt: skip


BAD = {
    "no periods": (lambda: RobustNetwork(0, (RobustNode("a"),), ()), "0 periods"),
    "length": (
        lambda: RobustNetwork(3, (RobustNode("a", np.ones(2), np.ones(2), np.ones(2)),), ()),
        "a: demand of 2 periods: expected 3",
    ),
    "negative": (
        lambda: RobustNetwork(2, (RobustNode("a", np.array([1.0, -2.0]), np.ones(2), np.ones(2)),), ()),
        "a: demand -2 in period 2: expected at least 0",
    ),
    "jump": (
        lambda: RobustNetwork(2, (RobustNode("a", np.ones(2), np.ones(2), np.array([1.0, 3.0])),), ()),
        "a: budget 3 in period 2 after 1: expected it not to fall and to grow by at most 1",
    ),
    "place": (
        lambda: RobustNetwork(2, (RobustNode("a"),), (RobustArc("", "b"),)),
        "outside -> b: expected nodes among a",
    ),
    "loss": (lambda: RobustNetwork(2, (RobustNode("a"),), (RobustArc("", "a", loss=1.5),)), "loss 1.5"),
}


@pytest.mark.parametrize(("make", "message"), BAD.values(), ids=BAD)
def test_bad_input_is_named(make, message):
    with pytest.raises(BadInputError, match=message):
        make()
