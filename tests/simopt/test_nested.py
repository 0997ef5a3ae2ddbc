"""Levels minimized over a grid, leaves exactly, equal brute force; the global check finds what a descent misses."""

from dataclasses import replace
from functools import partial
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from design.case import Case
from design.demand import NormalDemand, PoissonDemand
from design.node import Lane, Node
from design.single_stage import QuadratureSingleStage
from design.single_stage_plan import SingleStagePlan, single_stage_plan
from simopt.optimization.global_levels import CheckedSearch, NestedSearch
from simopt.optimization.global_levels_types import NestedParams
from simopt.optimization.pathwise import PathwiseParams, PathwiseSearch
from simopt.simulation.grid_costs import GridCosts, grid_costs
from simopt.simulation.ledger import Ledger
from simopt.simulation.nested import newsvendor_level
from simopt.simulation.simulator import TreeSimulator
from tests.networks import (
    Floats,
    Trial,
    make_case,
    one_node,
    random_trial,
    three_echelon_tree,
    two_stage_series,
    warehouse_with_retailers,
    whole,
)
from tests.small_cases import net_stock_costs

units = pytest.mark.parametrize("whole_units", [False, True], ids=["density", "whole units"])
LOCAL = {
    "plant": Node("plant", lead_time=3, holding_cost=0.5),
    "warehouse": Node("warehouse", holding_cost=1.0),
    "shop": Node("shop", holding_cost=2.0, backorder_cost=18.0),
}


def inner_nodes(case: Case) -> list[int]:
    component = whole(case)
    return [k for k, name in enumerate(component.nodes) if name in component.supplier.values()]


def random_grids(rng: np.random.Generator, trial: Trial, most: int) -> list[Floats]:
    """Levels for every inner node from none to far too many, the trial's own among them."""
    inner = inner_nodes(trial.case)
    top = 2.0 * trial.levels.max() + 1.0
    return [
        np.union1d(np.round(rng.uniform(0.0, top, int(rng.integers(0, most)))), [level]) if k in inner else np.empty(0)
        for k, level in enumerate(trial.levels)
    ]


def mean_cost(trial: Trial, levels: Floats) -> float:
    sample = TreeSimulator(trial.case).simulate(trial.component, levels, trial.demand, with_gradient=False)
    return float(sample.costs.mean())


def cost_with_leaf_at(trial: Trial, levels: Floats, leaf: int, level: float) -> float:
    changed = levels.copy()
    changed[leaf] = level
    return mean_cost(trial, changed)


def brute_force(trial: Trial, grids: list[Floats]) -> float:
    """Least cost over the whole product grid, each leaf's level by a search of its own."""
    inner = inner_nodes(trial.case)
    most = float(trial.demand.sum(axis=(1, 2)).max()) + 1.0
    least = np.inf
    for combination in product(*(grids[k] for k in inner)):
        levels = np.zeros(len(grids))
        levels[inner] = combination
        for leaf in set(range(len(grids))) - set(inner):
            cost = partial(cost_with_leaf_at, trial, levels, leaf)
            found = minimize_scalar(cost, bounds=(0.0, most), method="bounded", options={"xatol": 1e-10})
            levels[leaf] = min((0.0, found.x), key=cost)
        least = min(least, mean_cost(trial, levels))
    return least


@units
@pytest.mark.parametrize("seed", range(40))
def test_the_nested_minimum_equals_brute_force(seed, whole_units):
    rng = np.random.default_rng(seed)
    trial = random_trial(rng, int(rng.integers(1, 7)), whole_units=whole_units)
    grids = random_grids(rng, trial, 3)
    found = grid_costs(trial.case, trial.component, grids, trial.demand)
    assert found.cost == pytest.approx(brute_force(trial, grids), rel=1e-7, abs=1e-7)


def assert_costs_are_those_simulated(trial: Trial, found: GridCosts) -> None:
    """At the best levels, and with each inner node held at each of its levels."""
    assert mean_cost(trial, found.levels()) == pytest.approx(found.cost, rel=1e-9, abs=1e-9)
    for node in inner_nodes(trial.case):
        profile = found.profile(node)
        assert profile.min() == pytest.approx(found.cost, rel=1e-9, abs=1e-9)
        for at in np.flatnonzero(np.isfinite(profile)):
            levels = found.levels(node, int(at))
            assert levels[node] == found.grids[node][at]
            assert mean_cost(trial, levels) == pytest.approx(profile[at], rel=1e-9, abs=1e-9)


@given(seed=st.integers(0, 2**32 - 1), num_nodes=st.integers(1, 8), whole_units=st.booleans())
def test_costs_are_those_that_the_simulator_finds_at_the_levels(seed, num_nodes, whole_units):
    rng = np.random.default_rng(seed)
    trial = random_trial(rng, num_nodes, whole_units=whole_units)
    grids = random_grids(rng, trial, 4)
    assert_costs_are_those_simulated(trial, grid_costs(trial.case, trial.component, grids, trial.demand))


@pytest.mark.parametrize("customers", [("north", "east", "south"), ("south", "warehouse", "north", "east", "plant")])
def test_a_level_left_out_has_more_stock_than_any_path_can_use(customers):
    case = warehouse_with_retailers(customers)
    demand = Ledger(case, TreeSimulator(case), 0).search_paths(20)
    grids = [np.linspace(0.0, 400.0, 21) if k < 2 else np.empty(0) for k in range(5)]
    found = grid_costs(case, whole(case), grids, demand)
    trial = Trial(case, found.levels(), demand)
    assert np.isinf(found.profile(0)[-1])
    for node in range(2):
        profile = found.profile(node)
        levels = found.levels(node, int(np.flatnonzero(np.isfinite(profile))[-1]))
        more = levels + np.eye(5)[node] * 50.0
        assert mean_cost(trial, more) > mean_cost(trial, levels)


@given(
    seed=st.integers(0, 2**32 - 1),
    count=st.integers(1, 300),
    whole_units=st.booleans(),
    curved=st.booleans(),
    limited=st.booleans(),
    hint=st.floats(0.0, 200.0),
)
def test_a_leaf_gets_the_best_level_against_its_sample(seed, count, whole_units, curved, limited, hint):
    rng = np.random.default_rng(seed)
    demand = rng.poisson(6.0, count).astype(float) if whole_units else rng.gamma(2.0, 5.0, count)
    node = Node(
        "n",
        holding_cost=float(rng.uniform(0.0, 2.0)),
        holding_quadratic=float(rng.uniform(0.0, 0.2)) if curved else 0.0,
        storage_capacity=float(rng.integers(0, 12)) if limited else np.inf,
        overflow_cost=float(rng.uniform(0.0, 3.0)) if limited else 0.0,
        backorder_cost=float(rng.uniform(0.0, 20.0)) * (rng.random() < 0.9),
    )
    level = newsvendor_level(demand, np.array(node.cost_rates), hint, np.empty(count))

    def cost(at: float) -> float:
        return float(net_stock_costs(node, at - demand).sum())

    near = [max(level + step, 0.0) for step in (-1.0, -1e-3, -1e-6, 1e-6, 1e-3, 1.0)]
    assert level >= 0.0
    assert all(cost(level) <= cost(other) * (1.0 + 1e-12) + 1e-12 for other in near)


def test_levels_for_a_leaf_are_refused():
    case = two_stage_series()
    with pytest.raises(ValueError, match="expected levels for each node that supplies others"):
        grid_costs(case, whole(case), [np.ones(2), np.ones(2)], np.ones((1, case.num_periods, 1)))


def plan_of(case: Case) -> SingleStagePlan:
    return single_stage_plan(case, QuadratureSingleStage(case.demand), whole(case))


def ledger_of(case: Case, seed: int = 1) -> Ledger:
    return Ledger(case, TreeSimulator(case), seed)


def free_backorders(rate: float = 1.0) -> Case:
    """A series whose inner backorders cost nothing, Poisson demand: a descent stalls at a kink."""
    lanes = [Lane("plant", "warehouse", 1), Lane("warehouse", "shop", 1)]
    return make_case(LOCAL.values(), lanes, {"shop": PoissonDemand(rate)}, 80, 12)


def test_the_check_finds_the_better_levels_where_a_descent_stalls():
    case = free_backorders()
    ledger, plan = ledger_of(case), plan_of(case)
    stalled = PathwiseSearch(ledger).best_levels(whole(case), plan)
    found = NestedSearch(case, ledger).check(whole(case), stalled, plan)
    assert found is not None
    assert found.is_better
    assert found.gain.mean > 0.05 * found.cost.mean
    fresh = ledger_of(case, 2)
    costs = [fresh.search(whole(case), at, 1000).costs for at in (stalled, found.starts[0])]
    assert abs(costs[1].mean() - found.cost.mean) < 2.0 * found.cost.half_width
    assert abs((costs[0] - costs[1]).mean() - found.gain.mean) < 2.0 * found.gain.half_width


def test_a_checked_search_takes_the_better_levels_and_counts_what_it_simulated():
    case = free_backorders()
    component, start = whole(case), plan_of(case)
    costs, replications = {}, {}
    for is_checked in (False, True):
        ledger = ledger_of(case)
        pathwise = PathwiseSearch(ledger, PathwiseParams(100))
        search = CheckedSearch(pathwise, NestedSearch(case, ledger)) if is_checked else pathwise
        levels = search.best_levels(component, start)
        replications[is_checked] = ledger.replications
        costs[is_checked] = float(ledger_of(case, 5).search(component, levels, 2000).costs.mean())
    assert costs[True] < 0.98 * costs[False]
    assert replications[True] > replications[False] + 1000


def test_the_check_lets_the_best_levels_stand():
    case = three_echelon_tree()
    levels = PathwiseSearch(ledger_of(case, 2), PathwiseParams(400)).best_levels(whole(case), plan_of(case))
    found = NestedSearch(case, ledger_of(case)).check(whole(case), levels, plan_of(case))
    assert found is not None
    assert abs(found.gain.mean) < 1e-3 * found.cost.mean
    assert len(found.starts) == 1
    assert found.points == NestedParams.points + 1
    assert 0.0 < found.relative_step < 0.2
    assert len(found.starts_from(levels)) == 1
    assert len(found.starts_from(levels + 2.0 * found.spread)) == 2


def test_levels_far_too_low_are_found_out():
    case = three_echelon_tree()
    best = PathwiseSearch(ledger_of(case, 2), PathwiseParams(400)).best_levels(whole(case), plan_of(case))
    found = NestedSearch(case, ledger_of(case)).check(whole(case), 0.5 * best, plan_of(case))
    assert found is not None
    assert found.is_better
    np.testing.assert_allclose(found.starts[0], best, atol=0.25 * found.spread.max())


@pytest.mark.parametrize("seed", range(4))
def test_with_whole_units_a_descent_ends_as_low_as_every_whole_level_allows(seed):
    case, count = free_backorders(), 64
    found = NestedSearch(case, ledger_of(case)).check(whole(case), plan_of(case).levels, plan_of(case))
    assert found is not None
    batch = ledger_of(case, 100 + seed)
    nearby = np.maximum(found.starts[0] + np.random.default_rng(seed).integers(-1, 2, 3), 0.0)
    end = NestedSearch(case, batch).descend(whole(case), nearby, plan_of(case), PathwiseParams(count, tolerance=1e-9))
    everything = [np.arange(15.0), np.arange(20.0), np.empty(0)]
    exact = grid_costs(case, whole(case), everything, batch.search_paths(count)).cost
    assert batch.search(whole(case), end, count).costs.mean() <= exact * (1.0 + 1e-9)


@pytest.mark.parametrize("rounds", [0, 1])
def test_grids_are_whole_with_whole_units(rounds):
    case = make_case([LOCAL["plant"], LOCAL["shop"]], [Lane("plant", "shop", 1)], {"shop": PoissonDemand(40.0)}, 80, 12)
    found = NestedSearch(case, ledger_of(case), NestedParams(rounds=rounds)).check(
        whole(case), plan_of(case).levels, plan_of(case)
    )
    assert found is not None
    step = found.relative_step * found.spread[0]
    assert step == pytest.approx(np.round(step))
    assert (step > 1.5) == (rounds == 0)


def test_a_component_of_one_node_needs_no_grid():
    case = one_node()
    found = NestedSearch(case, ledger_of(case)).check(whole(case), np.array([10.0]), plan_of(case))
    assert found is not None
    assert (found.points, found.relative_step) == (None, 0.0)
    assert found.is_better


def chain(length: int) -> Case:
    """Nodes in series, a period apart."""
    nodes = [Node("n0", lead_time=1, holding_cost=0.5)]
    nodes += [Node(f"n{k}", holding_cost=1.0 + k, backorder_cost=9.0) for k in range(1, length)]
    lanes = [Lane(f"n{k}", f"n{k + 1}", 1) for k in range(length - 1)]
    return make_case(nodes, lanes, {f"n{length - 1}": NormalDemand(20.0, 5.0)}, 20, 12)


@pytest.mark.parametrize(("length", "is_checked"), [(4, True), (6, False)])
def test_a_tree_too_deep_for_a_grid_is_refused(length, is_checked):
    case = chain(length)
    found = NestedSearch(case, ledger_of(case)).check(whole(case), plan_of(case).levels, plan_of(case))
    assert (found is not None) == is_checked


def test_fewer_levels_are_tried_where_the_limit_is_tight():
    case = chain(3)
    tight = NestedParams(node_periods=2e6)
    found = NestedSearch(case, ledger_of(case), tight).check(whole(case), plan_of(case).levels, plan_of(case))
    assert found is not None
    assert found.points is not None
    assert tight.least_points <= found.points < tight.points


@pytest.mark.parametrize("wrong", [{"points": 4}, {"least_points": 1}, {"max_starts": 0}, {"periods": 0}])
def test_impossible_parameters_are_refused(wrong):
    with pytest.raises(ValueError, match="expected"):
        replace(NestedParams(), **wrong)
