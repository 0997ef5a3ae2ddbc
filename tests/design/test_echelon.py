"""The echelon bound against textbook recursions, brute force over its tables, and its limits."""

import itertools
from dataclasses import replace
from math import inf

import numpy as np
import pytest
from pyomo.contrib.appsi.solvers.highs import Highs
from scipy.optimize import minimize_scalar

from design.case import Case
from design.demand import GammaDemand, NormalDemand, PoissonDemand
from design.demand_cells import DemandCells
from design.echelon import DemandTables, EchelonPrices, _least_price
from design.echelon_tables import LeafCost, StockTable, lowest_stock_price, price_grid
from design.echelon_view import service_paths
from design.lead_time_demand import GridDistribution, lead_time_demand
from design.master import MasterParams, ProjectedMaster
from design.master_types import Bound
from design.node import Lane, Node
from design.single_stage import QuadratureSingleStage
from design.single_stage_plan import single_stage_plan
from design.stages import stage_tree
from tests.networks import make_case, three_echelon_tree, two_stage_series, warehouse_with_retailers, whole
from tests.small_cases import Features, all_designs, echelon_case, net_stock_costs

ECHELON = MasterParams(bound=Bound.ECHELON)


def bound_of(case: Case) -> float:
    """The echelon bound of a case whose lanes form one tree, money per period."""
    component = whole(case)
    root = stage_tree(case.network, component.source)
    shares = dict.fromkeys(root.service_paths(), 1.0)
    return EchelonPrices(DemandTables(case), root).cut(shares).value(shares)


def expected(function, points: np.ndarray, demand: GridDistribution) -> np.ndarray:
    """E function(point - W) at each point."""
    return np.array([function(x - demand.points) @ demand.probability for x in points])


def clark_scarf(case: Case) -> float:
    """Cost per period of the best echelon base-stock policy of warehouse -> shop, by recursion on a grid."""
    warehouse, shop = case.network.nodes
    (lane,) = case.network.lanes
    demand = case.demand["shop"]
    upstream, downstream = (lead_time_demand(demand, n) for n in (warehouse.lead_time, lane.lead_time))
    grid = np.linspace(-10.0 * demand.mean, 20.0 * demand.mean, 2401)
    at_shop = expected(lambda net: net_stock_costs(shop, net), grid, downstream)
    # V(x) = min over y <= x of h·(x - y) + J(y)
    less_holding = at_shop - warehouse.holding_cost * grid
    value = warehouse.holding_cost * grid + np.minimum.accumulate(less_holding)
    return float(expected(lambda x: np.interp(x, grid, value), grid[800:-800:4], upstream).min())


@pytest.mark.parametrize(
    "demand",
    [NormalDemand(20.0, 5.0), GammaDemand(20.0, 8.0), PoissonDemand(20.0)],
    ids=["normal", "gamma", "poisson"],
)
@pytest.mark.parametrize("holding", [0.1, 1.0, 1.9])
def test_it_is_exact_for_two_stages_in_series(demand, holding):
    case = two_stage_series()
    nodes = [replace(case.network.nodes[0], holding_cost=holding), case.network.nodes[1]]
    case = make_case(nodes, case.network.lanes, {"shop": demand})
    exact = clark_scarf(case)
    assert 0.995 * exact <= bound_of(case) <= (1.0 + 1e-4) * exact


def with_inner_backorders(case: Case, factor: float) -> Case:
    """The case with inner backorder costs of `factor` times the holding cost."""
    inner = {lane.origin for lane in case.network.lanes}
    nodes = [replace(n, backorder_cost=factor * n.holding_cost) if n.name in inner else n for n in case.network.nodes]
    return make_case(nodes, case.network.lanes, case.demand, case.horizon, case.warm_up)


@pytest.mark.parametrize("make", [two_stage_series, warehouse_with_retailers, three_echelon_tree])
def test_it_falls_to_the_single_stage_cost_as_inner_backorders_get_dear(make):
    dear = with_inner_backorders(make(), 300.0)
    single = single_stage_plan(dear, QuadratureSingleStage(dear.demand), whole(dear)).stock_cost / dear.horizon
    assert 0.99 * single <= bound_of(dear) <= 1.03 * single


@pytest.mark.parametrize("make", [two_stage_series, warehouse_with_retailers, three_echelon_tree])
def test_it_rises_with_the_backorder_cost_and_is_never_far_below_the_single_stage_cost(make):
    bounds = []
    for factor in (0.0, 0.3, 1.0, 3.0, 10.0):
        case = with_inner_backorders(make(), factor)
        single = single_stage_plan(case, QuadratureSingleStage(case.demand), whole(case)).stock_cost / case.horizon
        bounds.append(bound_of(case))
        assert bounds[-1] >= 0.99 * single
    assert all(after >= 0.998 * before for before, after in itertools.pairwise(bounds))
    assert bounds[-1] > 1.01 * bounds[0]


def test_a_network_that_costs_nothing_is_bounded_by_nothing():
    nodes = [Node("warehouse", lead_time=2), Node("shop")]
    case = make_case(nodes, [Lane("warehouse", "shop", 1)], {"shop": NormalDemand(20.0, 5.0)})
    assert bound_of(case) == pytest.approx(0.0, abs=1e-9)


def test_a_leaf_with_a_large_and_steady_demand_loses_no_digits():
    """A cost that is a difference of large levels is computed from net stock alone."""
    rates = (1.0, 0.01, inf, 0.0, 9.0)
    small, large = (LeafCost.of(rates, lead_time_demand(NormalDemand(m, 1.0), 1)) for m in (50.0, 50.0e6))
    prices = np.linspace(-0.5, 8.0, 7)
    net = [one.tabulate(prices).costs - prices * m for one, m in ((small, 50.0), (large, 50.0e6))]
    assert net[1] == pytest.approx(net[0], rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("unit", [1e-6, 1e6])
def test_it_does_not_depend_on_the_units_of_money_and_quantity(unit):
    case = warehouse_with_retailers()
    nodes = [
        replace(n, holding_cost=n.holding_cost / unit, backorder_cost=n.backorder_cost / unit)
        for n in case.network.nodes
    ]
    demand = {name: NormalDemand(unit * d.location, unit * d.scale) for name, d in case.demand.items()}
    in_units = make_case(nodes, case.network.lanes, demand)
    assert bound_of(in_units) == pytest.approx(bound_of(case), rel=1e-4)
    dearer = [
        replace(n, holding_cost=unit * n.holding_cost, backorder_cost=unit * n.backorder_cost)
        for n in case.network.nodes
    ]
    assert bound_of(make_case(dearer, case.network.lanes, case.demand)) == pytest.approx(
        unit * bound_of(case), rel=1e-4
    )


RATES = {
    "linear": (1.0, 0.0, inf, 0.0, 9.0),
    "quadratic": (0.5, 0.05, inf, 0.0, 9.0),
    "overflow": (0.5, 0.0, 6.0, 2.0, 9.0),
    "all": (0.5, 0.02, 6.0, 2.0, 9.0),
}


def as_node(rates) -> Node:
    """A node with these cost rates."""
    h, g, capacity, overflow, b = rates
    return Node(
        "n",
        holding_cost=h,
        holding_quadratic=g,
        storage_capacity=capacity,
        overflow_cost=overflow,
        backorder_cost=b,
    )


@pytest.mark.parametrize("rates", RATES.values(), ids=RATES)
@pytest.mark.parametrize("demand", [NormalDemand(20.0, 5.0), PoissonDemand(7.0)], ids=["normal", "poisson"])
def test_a_leafs_table_is_the_least_cost_at_each_price(rates, demand):
    leaf_demand = lead_time_demand(demand, 2)
    cost = LeafCost.of(rates, leaf_demand)
    prices = np.linspace(0.999 * cost.prices.lowest, 0.999 * cost.prices.highest, 9)
    table = cost.tabulate(prices)
    node = as_node(rates)
    for price, level, least in zip(prices, table.levels, table.costs, strict=True):

        def total(y: float, price: float = price) -> float:
            return float(net_stock_costs(node, y - leaf_demand.points) @ leaf_demand.probability + price * y)

        found = minimize_scalar(total, bounds=(0.0, leaf_demand.points[-1]), method="bounded", options={"xatol": 1e-7})
        assert least == pytest.approx(total(level), rel=1e-3)
        assert least == pytest.approx(found.fun, rel=1e-3)
        assert least <= found.fun + 1e-9 * abs(found.fun)


@pytest.mark.parametrize("rates", RATES.values(), ids=RATES)
def test_a_stocks_table_is_the_conjugate_of_its_holding_cost(rates):
    lowest = max(lowest_stock_price(rates), -8.0)
    prices = np.linspace(lowest, 4.0, 25)
    table = StockTable.of(rates, prices)
    stock = np.linspace(0.0, 400.0, 400_001)
    holding = net_stock_costs(as_node(rates), stock)
    brute = [(-price * stock - holding).max() for price in prices]
    assert table.credit == pytest.approx(brute, abs=1e-4)
    worth = -prices * table.on_hand - net_stock_costs(as_node(rates), table.on_hand)
    assert worth == pytest.approx(table.credit, abs=1e-9)


def test_the_price_grid_holds_zero_and_all_finite_ends():
    grid = price_grid([-1.5, 7.0, inf, -inf, -0.2], 50)
    assert np.all(np.diff(grid) > 0)
    assert {-1.5, -0.2, 0.0, 7.0} <= set(grid)
    assert (grid[0], grid[-1]) == (-1.5, 7.0)
    assert 0.0 in price_grid([0.0, inf], 50)


def test_the_least_price_balances_the_mean():
    rng = np.random.default_rng(1)
    for _ in range(200):
        prices = np.sort(rng.normal(size=12))
        weights = rng.random(12) * (rng.random(12) < 0.7) + 1e-12
        weights /= weights.sum()
        least = _least_price(prices, weights)
        if weights @ prices > 1e-9:
            assert least == -inf
        else:
            assert np.maximum(prices, least) @ weights == pytest.approx(0.0, abs=1e-9)
    noise = np.array([1e-20, 0.5, 0.5 - 1e-20])
    assert _least_price(np.array([-3.0, -1.0, 1.0]), noise) <= -1.0
    assert _least_price(np.array([-3.0, -1.0]), np.array([0.5, 0.5])) == 0.0


def test_cells_hold_all_probability_and_every_customers_demand():
    demands = {"a": lead_time_demand(NormalDemand(20.0, 5.0), 3), "b": lead_time_demand(PoissonDemand(4.0), 3)}
    cells = DemandCells.of(demands, {"a": 0.4, "b": 1.0})
    assert cells.probability.sum() == pytest.approx(1.0, abs=1e-12)
    assert np.all(cells.probability >= 0.0)
    assert cells.moment["a"].sum() == pytest.approx(demands["a"].mean, rel=1e-9)
    assert cells.moment["b"].sum() == pytest.approx(demands["b"].mean, rel=1e-9)
    together = 0.4 * cells.moment["a"] + cells.moment["b"]
    assert together == pytest.approx(cells.mean * cells.probability, abs=0.05)
    rng = np.random.default_rng(0)
    sample = {c: rng.choice(d.points, 200_000, p=d.probability) for c, d in demands.items()}
    total = 0.4 * sample["a"] + sample["b"]
    upper_half = total > 36.0
    above = cells.mean > 36.0
    assert cells.moment["b"][above].sum() == pytest.approx((sample["b"] * upper_half).mean(), rel=0.05)


def test_demand_that_never_varies_is_one_cell():
    cells = DemandCells.of({"a": lead_time_demand(NormalDemand(5.0, 0.0), 2)}, {"a": 0.5})
    assert (cells.probability.tolist(), cells.mean.tolist()) == ([1.0], [5.0])
    assert cells.moment["a"].tolist() == [10.0]


def shortcut_case(customers: tuple[str, ...] = ("east", "west")) -> Case:
    """A plant that reaches a shop directly, over a warehouse, and over a depot behind the warehouse."""
    nodes = [
        Node("plant", lead_time=2, holding_cost=0.5),
        Node("warehouse", holding_cost=1.0, backorder_cost=0.5),
        Node("depot", holding_cost=1.2, fixed_cost=3.0),
        Node("east", holding_cost=2.0, backorder_cost=18.0),
        Node("west", holding_cost=2.5, backorder_cost=20.0),
    ]
    lanes = [
        Lane("plant", "warehouse", 2, unit_cost=0.1),
        Lane("plant", "east", 4, unit_cost=0.4),
        Lane("warehouse", "east", 1, unit_cost=0.2),
        Lane("warehouse", "depot", 1, unit_cost=0.1),
        Lane("plant", "depot", 3, unit_cost=0.2),
        Lane("depot", "east", 0, unit_cost=0.05),
        Lane("depot", "west", 1, unit_cost=0.1),
        Lane("warehouse", "west", 2, unit_cost=0.3),
    ]
    return make_case(nodes, lanes, {name: NormalDemand(10.0, 4.0) for name in customers}, 50, 12)


def test_every_path_to_a_customer_is_listed():
    paths = service_paths(shortcut_case())
    assert set(paths["plant"]) == {
        ("plant", "east"),
        ("plant", "warehouse", "east"),
        ("plant", "warehouse", "depot", "east"),
        ("plant", "depot", "east"),
        ("plant", "warehouse", "depot", "west"),
        ("plant", "depot", "west"),
        ("plant", "warehouse", "west"),
    }
    assert sorted(service_paths(shortcut_case(("west", "depot", "plant")))["plant"])[0] == ("plant",)


@pytest.mark.parametrize("customers", [("east", "west"), ("west", "depot"), ("plant", "east"), ("warehouse", "west")])
def test_nodes_reached_over_several_paths_are_told_apart(customers):
    case = shortcut_case(customers)
    master = ProjectedMaster(case, QuadratureSingleStage(case.demand), ECHELON)
    seen = set()
    for _ in range(len(all_designs(case.network))):
        solution = master.solve()
        seen.add(frozenset(solution.design.lanes))
        stock = solution.objective - fixed_and_flow(case, solution.design.components)
        separate = sum(own_bound(case, component) for component in solution.design.components)
        assert stock >= (1.0 - 1e-6) * case.horizon * separate
        master.forbid(solution.design)
    assert seen == all_designs(case.network)


def fixed_and_flow(case: Case, components) -> float:
    """What a design costs beside its stock, money over the horizon."""
    costs = QuadratureSingleStage(case.demand)
    plans = [single_stage_plan(case, costs, component) for component in components]
    return sum(plan.cost - plan.stock_cost for plan in plans)


def own_bound(case: Case, component) -> float:
    """The price cut of exactly this component, money per period."""
    root = stage_tree(case.network, component.source)
    served = component.customers_through(case.network.customers)[component.source]
    shares = {}
    for customer in served:
        path = (customer,)
        while path[0] in component.supplier:
            path = (component.supplier[path[0]], *path)
        shares[path] = 1.0
    return EchelonPrices(DemandTables(case), root).cut(shares).value(shares) if len(component.nodes) > 1 else 0.0


@pytest.mark.parametrize(
    "features", [Features(), Features(True, True, True, True, True)], ids=["plain", "all features"]
)
def test_prices_and_the_pyomo_twin_agree_with_the_solver(features):
    case = with_inner_backorders(echelon_case(np.random.default_rng(4), (2, 2, 2), features), 0.2)
    master = ProjectedMaster(case, QuadratureSingleStage(case.demand), ECHELON)
    before = master.solve()
    assert before.model is Bound.ECHELON
    master.price(before.design.components[0], 0.3 * before.objective)
    after = master.solve()
    assert after.bound >= before.bound - 1e-6
    assert Highs().solve(master.as_pyomo()).best_feasible_objective == pytest.approx(after.objective, rel=1e-5)


def test_a_price_charges_exactly_the_component_it_names():
    case = with_inner_backorders(echelon_case(np.random.default_rng(3), (2, 2, 2)), 0.0)
    master = ProjectedMaster(case, QuadratureSingleStage(case.demand), ECHELON)
    reference = ProjectedMaster(case, QuadratureSingleStage(case.demand), ECHELON)
    cheapest = reference.solve()
    component = cheapest.design.components[0]
    costs = QuadratureSingleStage(case.demand)
    charged = sum(single_stage_plan(case, costs, c).cost for c in cheapest.design.components)
    master.solve()
    master.price(component, 100.0 * charged)
    for _ in range(3):
        following = master.solve()
        assert component not in following.design.components
        master.forbid(following.design)
    alone = {frozenset(d) for d in all_designs(case.network) if set(component.lanes) <= set(d)}
    assert alone


def test_prices_given_before_the_first_solve_hold_in_the_echelon_view_too():
    case = with_inner_backorders(echelon_case(np.random.default_rng(3), (2, 2, 2)), 0.0)
    early, late = (ProjectedMaster(case, QuadratureSingleStage(case.demand), ECHELON) for _ in range(2))
    component = late.solve().design.components[0]
    for master in (early, late):
        master.price(component, 0.5 * late.solve().objective)
    assert early.solve().objective == pytest.approx(late.solve().objective, rel=2e-3)


def test_auto_uses_the_echelon_bound_where_it_is_worth_it():
    free = with_inner_backorders(echelon_case(np.random.default_rng(5)), 0.0)
    dear = with_inner_backorders(free, 1000.0)
    models = [
        ProjectedMaster(c, QuadratureSingleStage(c.demand), MasterParams(bound=Bound.AUTO)).solve()
        for c in (free, dear)
    ]
    assert [solution.model for solution in models] == [Bound.ECHELON, Bound.SINGLE_STAGE]
    single = ProjectedMaster(free, QuadratureSingleStage(free.demand)).solve()
    assert single.model is Bound.SINGLE_STAGE
    assert models[0].bound > 1.05 * single.bound
