"""The compiled core equals explicit queues of orders, its gradient differences; units are conserved."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from design.case import Case
from design.demand import NormalDemand
from design.network import Component
from design.node import Lane, Node
from simopt.simulation.simulator import Allocation, Sample, TreeSimulator
from simopt.simulation.stage import Measure
from tests.networks import (
    RETAILERS,
    Trial,
    make_case,
    one_node,
    random_demand,
    random_levels,
    random_trial,
    two_stage_series,
    warehouse_with_retailers,
    whole,
    with_network,
)
from tests.simopt.slow_simulator import measures_of, simulate_slowly

FIXED_CASES = {
    "one node": one_node(),
    "two stages": two_stage_series(),
    "three retailers": warehouse_with_retailers(),
    "warehouse with own customers": warehouse_with_retailers(("south", "warehouse", "north", "east")),
    "source with own customers": warehouse_with_retailers(("plant", *RETAILERS)),
}
both_rules = pytest.mark.parametrize("allocation", [Allocation.FCFS, Allocation.PRIORITY], ids=["fcfs", "priority"])


def tree_of(seed: int, *, whole_units: bool = False) -> Trial:
    """A random tree of one to eight nodes."""
    rng = np.random.default_rng(seed)
    return random_trial(rng, int(rng.integers(1, 9)), whole_units=whole_units)


def trial_of(case: Case, seed: int, *, whole_units: bool = False) -> Trial:
    """A fixed case with random demand and levels."""
    rng = np.random.default_rng(seed)
    demand = random_demand(rng, case, 5, whole_units=whole_units)
    return Trial(case, random_levels(rng, case, demand, whole_units=whole_units), demand)


def off_the_kinks(trial: Trial) -> Trial:
    """The same with all levels above zero and none of them whole."""
    shift = np.random.default_rng(1).uniform(0.05, 0.95, len(trial.levels))
    return shifted(trial, shift)


def simulated(trial: Trial, allocation: Allocation, with_gradient: bool = False) -> Sample:
    simulator = TreeSimulator(trial.case, allocation)
    return simulator.simulate(trial.component, trial.levels, trial.demand, with_gradient=with_gradient)


def measures(trial: Trial, allocation: Allocation = Allocation.FCFS) -> np.ndarray:
    return simulated(trial, allocation).measures


def costs_of(trial: Trial, allocation: Allocation = Allocation.FCFS) -> np.ndarray:
    return simulated(trial, allocation).costs


def gradient_of(trial: Trial, allocation: Allocation = Allocation.FCFS) -> np.ndarray:
    return simulated(trial, allocation, with_gradient=True).gradient


def shifted(trial: Trial, shift: np.ndarray) -> Trial:
    return replace(trial, levels=trial.levels + shift)


def slow_measures(trial: Trial, allocation: Allocation, number: type) -> np.ndarray:
    runs = [simulate_slowly(trial.case, trial.levels, path, allocation, number) for path in trial.demand]
    return np.array([measures_of(run, trial.case) for run in runs])


@both_rules
@pytest.mark.parametrize("whole_units", [False, True], ids=["density", "whole units"])
@pytest.mark.parametrize("seed", range(100))
def test_every_measure_of_a_random_tree_equals_that_of_explicit_queues(seed, whole_units, allocation):
    trial = tree_of(seed, whole_units=whole_units)
    expected = slow_measures(trial, allocation, Fraction if whole_units else float)
    np.testing.assert_allclose(measures(trial, allocation), expected, rtol=1e-9, atol=1e-9)


@both_rules
@pytest.mark.parametrize("warm_up", [0, 5])
@pytest.mark.parametrize("case", FIXED_CASES.values(), ids=FIXED_CASES)
def test_every_measure_of_a_known_network_equals_that_of_explicit_queues(case, warm_up, allocation):
    trial = trial_of(replace(case, warm_up=warm_up), seed=3)
    np.testing.assert_allclose(
        measures(trial, allocation), slow_measures(trial, allocation, float), rtol=1e-9, atol=1e-9
    )


def central_differences(trial: Trial, allocation: Allocation, step: float) -> np.ndarray:
    """Shape (replication, node); every level is at least `step`."""
    rises = [
        costs_of(shifted(trial, shift), allocation) - costs_of(shifted(trial, -shift), allocation)
        for shift in step * np.eye(len(trial.levels))
    ]
    return np.array(rises).T / (2.0 * step)


def right_differences(trial: Trial, step: float) -> np.ndarray:
    """Three-point differences, exact for quadratics to the right of the levels, shape (replication, node)."""
    rises = [
        4.0 * costs_of(shifted(trial, shift)) - 3.0 * costs_of(trial) - costs_of(shifted(trial, 2.0 * shift))
        for shift in step * np.eye(len(trial.levels))
    ]
    return np.array(rises).T / (2.0 * step)


def assert_equal_where_smooth(gradient, differences, finer) -> None:
    """Equal to 1e-6 wherever no kink lies within the step, which is nearly everywhere.

    Costs are piecewise quadratic, so that differences of two steps agree exactly unless a kink lies between.
    """
    scale = 1.0 + np.abs(gradient)
    smooth = np.abs(differences - finer) <= 1e-6 * scale
    assert smooth.mean() >= 0.9
    assert np.max(np.abs(gradient - differences) / scale, where=smooth, initial=0.0) <= 1e-6


@both_rules
@pytest.mark.parametrize("whole_units", [False, True], ids=["density", "whole units"])
@pytest.mark.parametrize("seed", range(60))
def test_gradient_equals_central_differences(seed, whole_units, allocation):
    trial = off_the_kinks(tree_of(seed, whole_units=whole_units))
    differences, finer = (central_differences(trial, allocation, step) for step in (1e-4, 5e-5))
    assert_equal_where_smooth(gradient_of(trial, allocation), differences, finer)


@both_rules
@pytest.mark.parametrize("warm_up", [0, 5])
@pytest.mark.parametrize("case", FIXED_CASES.values(), ids=FIXED_CASES)
def test_gradient_of_a_known_network_equals_central_differences(case, warm_up, allocation):
    trial = off_the_kinks(trial_of(replace(case, warm_up=warm_up), seed=4))
    differences, finer = (central_differences(trial, allocation, step) for step in (1e-4, 5e-5))
    assert_equal_where_smooth(gradient_of(trial, allocation), differences, finer)


@pytest.mark.parametrize("whole_units", [False, True], ids=["zero levels", "zero levels and whole units"])
@pytest.mark.parametrize("seed", range(100))
def test_gradient_at_ties_equals_differences_to_the_right(seed, whole_units):
    trial = tree_of(seed, whole_units=whole_units)
    differences, finer = right_differences(trial, 2.0**-18), right_differences(trial, 2.0**-19)
    assert_equal_where_smooth(gradient_of(trial), differences, finer)


def pair_of_shops(lead_times: tuple[int, int], horizon: int) -> Case:
    """A warehouse without costs and two shops: holding 1, backorders 9."""
    shops = [Node(name, holding_cost=1.0, backorder_cost=9.0) for name in "ab"]
    lanes = [Lane("warehouse", name, lead_time) for name, lead_time in zip("ab", lead_times, strict=True)]
    demand = {"a": NormalDemand(5.0, 1.0), "b": NormalDemand(5.0, 1.0)}
    return make_case([Node("warehouse", lead_time=1), *shops], lanes, demand, horizon, warm_up=0)


def test_a_share_that_exactly_meets_an_order_leaves_no_backorder():
    # 14 of 21 units are there: a gets 10 and has 5, which is what its customers want
    trial = Trial(pair_of_shops((0, 0), 1), np.array([14.0, 5.0, 0.0]), np.array([[[15.0, 6.0]]]))
    assert measures(trial)[0, 1, Measure.PERIODS_WITHOUT_BACKORDERS] == 1.0
    np.testing.assert_allclose(gradient_of(trial), [[15.0 / 21.0 - 9.0 * 6.0 / 21.0, 1.0, -9.0]])


def test_a_shop_served_in_full_stays_served_when_a_preferred_one_runs_short():
    # b gets its 0.1 units at once and wants nothing in the second period, in which a wants more than there is
    demand = np.array([[[0.0, 0.1], [1.7, 0.0]]])
    trial = Trial(pair_of_shops((1, 0), 2), np.array([0.77827251, 0.0, 0.0]), demand)
    assert measures(trial, Allocation.PRIORITY)[0, 2, Measure.PERIODS_WITHOUT_BACKORDERS] == 2.0
    assert gradient_of(trial, Allocation.PRIORITY)[0, 2] == pytest.approx(2.0)


@pytest.mark.xfail(reason="at a tie under priority one sweep cannot take the right derivative in every level")
def test_gradient_at_a_tie_under_priority_is_the_derivative_to_the_right():
    case = make_case(
        [Node("n0", lead_time=1, holding_cost=1.0, backorder_cost=10.0)]
        + [Node(f"n{k}", holding_cost=1.0, backorder_cost=10.0) for k in (1, 2, 3)],
        [Lane("n0", "n1", 1), Lane("n1", "n2", 1), Lane("n1", "n3", 0)],
        {"n2": NormalDemand(1.0, 1.0), "n3": NormalDemand(1.0, 1.0)},
        horizon=3,
        warm_up=0,
    )
    demand = np.array([[[1.0, 1.0], [0.0, 1.0], [2.0, 1.0]]])
    trial = Trial(case, np.array([1.0, 0.0, 1.0, 0.0]), demand)
    more = shifted(trial, np.array([0.5, 0.0, 0.0, 0.0]))
    rise = costs_of(more, Allocation.PRIORITY) - costs_of(trial, Allocation.PRIORITY)
    assert gradient_of(trial, Allocation.PRIORITY)[0, 0] == pytest.approx(rise[0] / 0.5)


@pytest.mark.parametrize("seed", range(20))
def test_decoupled_nodes_cost_what_they_cost_alone(seed):
    trial = tree_of(seed)
    case, component = trial.case, trial.component
    through = component.customers_through(case.network.customers)
    expected = np.zeros(len(trial.demand))
    for name, level in zip(component.nodes, trial.levels, strict=True):
        columns = [case.network.customers.index(customer) for customer in through[name]]
        orders = trial.demand[:, :, columns].sum(axis=2)
        lane = case.network.lane((component.supplier[name], name)) if name in component.supplier else None
        lead_time = case.network.node(name).lead_time if lane is None else lane.lead_time
        alone = make_case(
            [replace(case.network.node(name), lead_time=lead_time)],
            [],
            {name: NormalDemand(5.0, 1.0)},
            case.horizon,
            case.warm_up,
        )
        expected += costs_of(Trial(alone, np.array([level]), orders[:, :, np.newaxis]))
        if lane is not None:
            expected += lane.unit_cost * orders[:, case.warm_up :].sum(axis=1)
            for t in range(case.warm_up, case.num_periods):
                in_transit = orders[:, max(t - lead_time + 1, 0) : t + 1].sum(axis=1)
                expected += lane.pipeline_holding_cost * in_transit
    decoupled = TreeSimulator(case).simulate_decoupled(component, trial.levels, trial.demand)
    np.testing.assert_allclose(decoupled, expected, rtol=1e-9)


@st.composite
def trials(draw) -> Trial:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return random_trial(rng, draw(st.integers(1, 8)), whole_units=draw(st.booleans()))


def repriced(case: Case, node: dict[str, float], lane: dict[str, float]) -> Case:
    """The case with some rates of every node and every lane replaced."""
    nodes = [replace(k, **node) for k in case.network.nodes]
    return with_network(case, nodes, [replace(k, **lane) for k in case.network.lanes])


def states(trial: Trial, allocation: Allocation, period: int) -> dict[str, np.ndarray]:
    """On hand, backorders, in transit, shipped so far: shape (replication, node), at a period's end.

    Read off the compiled core by charging 1 a unit in a horizon that holds only this period, or all up to it.
    """
    rates = dict.fromkeys(("holding_quadratic", "overflow_cost"), 0.0)
    rates |= dict.fromkeys(("holding_cost", "backorder_cost"), 1.0)
    counting = repriced(trial.case, rates, {"unit_cost": 1.0, "pipeline_holding_cost": 1.0})
    demand = trial.demand[:, : period + 1]
    now = measures(Trial(replace(counting, horizon=1, warm_up=period), trial.levels, demand), allocation)
    from_start = replace(counting, horizon=period + 1, warm_up=0)
    so_far = measures(Trial(from_start, trial.levels, demand), allocation)
    return {
        "on hand": now[:, :, Measure.HOLDING],
        "backorders": now[:, :, Measure.BACKORDER],
        "in transit": now[:, :, Measure.PIPELINE],
        "shipped": so_far[:, :, Measure.TRANSPORT],
    }


def demanded(trial: Trial, period: int) -> np.ndarray:
    """Cumulative demand on every node up to a period, shape (replication, node)."""
    customers, component = trial.case.network.customers, trial.component
    so_far = trial.demand[:, : period + 1].sum(axis=1)
    through = component.customers_through(customers)
    columns = [[customers.index(customer) for customer in through[name]] for name in component.nodes]
    return np.array([so_far[:, served].sum(axis=1) for served in columns]).T


def children_of(component: Component, name: str) -> list[int]:
    return [k for k, other in enumerate(component.nodes) if component.supplier.get(other) == name]


@given(trial=trials(), allocation=st.sampled_from(Allocation), data=st.data())
def test_units_demanded_are_shipped_or_backordered(trial, allocation, data):
    period = data.draw(st.integers(0, trial.case.num_periods - 1))
    state, total = states(trial, allocation, period), demanded(trial, period)
    customers = trial.case.network.customers
    for k, name in enumerate(trial.component.nodes):
        shipped = state["shipped"][:, children_of(trial.component, name)].sum(axis=1)
        to_own_customers = total[:, k] - state["backorders"][:, k] - shipped
        own = trial.demand[:, : period + 1, customers.index(name)].sum(axis=1) if name in customers else 0.0
        assert np.all(to_own_customers >= -1e-9)
        assert np.all(to_own_customers <= own + 1e-9)


@given(trial=trials(), allocation=st.sampled_from(Allocation), data=st.data())
def test_inventory_position_equals_the_base_stock_level(trial, allocation, data):
    period = data.draw(st.integers(0, trial.case.num_periods - 1))
    state, total = states(trial, allocation, period), demanded(trial, period)
    on_order = state["in transit"] + (total - state["shipped"])
    lead_time = trial.case.network.node(trial.component.source).lead_time
    on_order[:, 0] = total[:, 0] - (demanded(trial, period - lead_time)[:, 0] if period >= lead_time else 0.0)
    position = state["on hand"] + on_order - state["backorders"]
    np.testing.assert_allclose(position, np.broadcast_to(trial.levels, position.shape), atol=1e-9)


@given(seed=st.integers(0, 2**32 - 1), num_nodes=st.integers(1, 8), allocation=st.sampled_from(Allocation))
def test_inventory_position_of_explicit_queues_equals_the_base_stock_level(seed, num_nodes, allocation):
    trial = random_trial(np.random.default_rng(seed), num_nodes, 1)
    position = simulate_slowly(trial.case, trial.levels, trial.demand[0], allocation).inventory_position
    np.testing.assert_allclose(position, np.broadcast_to(trial.levels, position.shape), atol=1e-9)


@given(trial=trials(), factor=st.floats(1e-3, 1e3), allocation=st.sampled_from(Allocation))
def test_costs_scale_with_the_unit_of_money(trial, factor, allocation):
    money = ("holding_cost", "holding_quadratic", "overflow_cost", "backorder_cost")
    nodes = [replace(n, **{k: factor * getattr(n, k) for k in money}) for n in trial.case.network.nodes]
    lanes = [
        replace(k, unit_cost=factor * k.unit_cost, pipeline_holding_cost=factor * k.pipeline_holding_cost)
        for k in trial.case.network.lanes
    ]
    scaled = replace(trial, case=with_network(trial.case, nodes, lanes))
    np.testing.assert_allclose(
        costs_of(scaled, allocation), factor * costs_of(trial, allocation), rtol=1e-11, atol=1e-12
    )
    np.testing.assert_allclose(
        gradient_of(scaled, allocation), factor * gradient_of(trial, allocation), rtol=1e-9, atol=1e-9
    )


@given(trial=trials(), rise=st.floats(0.0, 20.0), data=st.data())
def test_a_higher_level_never_raises_backorders_anywhere_under_fcfs(trial, rise, data):
    node = data.draw(st.integers(0, len(trial.levels) - 1))
    counting = replace(trial, case=repriced(trial.case, {"backorder_cost": 1.0}, {}))
    raised = shifted(counting, rise * np.eye(len(trial.levels))[node])
    before, after = (measures(t)[:, :, Measure.BACKORDER] for t in (counting, raised))
    assert np.all(after <= before + 1e-9)


@given(trial=trials(), data=st.data())
def test_the_order_of_children_does_not_matter_under_fcfs(trial, data):
    network = trial.case.network
    shuffled = with_network(trial.case, network.nodes, data.draw(st.permutations(network.lanes)))
    names = trial.component.nodes
    place = [names.index(name) for name in whole(shuffled).nodes]
    other = Trial(shuffled, trial.levels[place], trial.demand)
    np.testing.assert_allclose(measures(other), measures(trial)[:, place], rtol=1e-9, atol=1e-9)


@given(trial=trials(), allocation=st.sampled_from(Allocation), data=st.data())
def test_names_do_not_matter(trial, allocation, data):
    network = trial.case.network
    old = [node.name for node in network.nodes]
    new = dict(zip(old, data.draw(st.permutations(old)), strict=True))
    renamed = make_case(
        [replace(node, name=new[node.name]) for node in network.nodes],
        [replace(k, origin=new[k.origin], destination=new[k.destination]) for k in network.lanes],
        {new[name]: distribution for name, distribution in trial.case.demand.items()},
        trial.case.horizon,
        trial.case.warm_up,
    )
    other = replace(trial, case=renamed)
    one, two = (simulated(t, allocation, with_gradient=True) for t in (trial, other))
    np.testing.assert_allclose(two.measures, one.measures, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(two.gradient, one.gradient, rtol=1e-9, atol=1e-9)
