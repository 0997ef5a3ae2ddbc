"""Trees with Poisson demand: simulated costs against their exact values, and those against textbook results.

The exact values hold for orders of one period in random order, unit by unit; the simulator shares in proportion to the
orders' sizes. At one order a period there is no difference, so a period is cut into many; what is left of the
difference is below the stated tolerance.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from design.case import Case
from design.demand import PoissonDemand
from design.node import Lane, Node
from simopt.simulation.estimate import Estimate
from simopt.simulation.ledger import Ledger
from simopt.simulation.simulator import Sample, TreeSimulator
from simopt.simulation.workers import Workers
from tests.networks import make_case, whole
from tests.simopt.exact_poisson import exact_states

SUBPERIODS = 16
SHARING = 0.002  # what sharing in proportion changes at so many subperiods, as a share of the cost
LONG_RUN = 200_000  # periods
NUM_BATCHES = 100


def random_tree(rng: np.random.Generator, num_echelons: int) -> Case:
    """One source, two or three nodes below it and, with three echelons, one to three below each of these."""
    nodes = [_node(rng, "s", int(rng.integers(1, 3)))]
    lanes, leaves = [], ["s"]
    for _ in range(num_echelons - 1):
        below = []
        for origin in leaves:
            for k in range(int(rng.integers(2 if origin == "s" else 1, 4))):
                name = f"{origin}{k}"
                below.append(name)
                nodes.append(_node(rng, name))
                costs = rng.uniform(0.0, 0.5, 2)
                lanes.append(Lane(origin, name, int(rng.integers(0, 4)), float(costs[0]), None, 0.0, float(costs[1])))
        leaves = below
    customers = [*leaves, "s"] if rng.random() < 0.5 else leaves
    demand = {name: PoissonDemand(float(rng.uniform(0.3, 2.5))) for name in customers}
    return make_case(nodes, lanes, demand, horizon=40, warm_up=10)


def _node(rng: np.random.Generator, name: str, lead_time: int | None = None) -> Node:
    holding, backorder = rng.uniform([0.2, 2.0], [1.0, 9.0])
    return Node(name, lead_time=lead_time, holding_cost=float(holding), backorder_cost=float(backorder))


def random_levels(rng: np.random.Generator, case: Case) -> dict[str, int]:
    """From too little to plenty for each node's lead-time demand."""
    component = whole(case)
    served = component.customers_through(case.network.customers)
    times = lead_times(case)
    means = {name: times[name] * sum(case.demand[c].rate for c in served[name]) for name in component.nodes}
    return {name: int(rng.uniform(0.6, 1.5) * mean + rng.integers(0, 3)) for name, mean in means.items()}


def lead_times(case: Case) -> dict[str, int]:
    times = {lane.destination: lane.lead_time for lane in case.network.lanes}
    return times | {"s": case.network.node("s").lead_time}


def in_subperiods(case: Case, num: int) -> Case:
    """The same system in time units shorter by this factor; costs per unit of time stay."""

    def shorter(rate: float) -> float:
        return rate / num

    nodes = [
        replace(
            node,
            lead_time=None if node.lead_time is None else num * node.lead_time,
            holding_cost=shorter(node.holding_cost),
            backorder_cost=shorter(node.backorder_cost),
        )
        for node in case.network.nodes
    ]
    lanes = [
        replace(lane, lead_time=num * lane.lead_time, pipeline_holding_cost=shorter(lane.pipeline_holding_cost))
        for lane in case.network.lanes
    ]
    demand = {name: PoissonDemand(shorter(d.rate)) for name, d in case.demand.items()}
    return make_case(nodes, lanes, demand, num * case.horizon, num * case.warm_up)


def simulated(case: Case, levels: Mapping[str, int], num_subperiods: int, num_blocks: int) -> Sample:
    fine = in_subperiods(case, num_subperiods)
    design = fine.network.design(lane.pair for lane in fine.network.lanes)
    return Ledger(fine, TreeSimulator(fine), seed=3, workers=Workers(2)).fresh(design, levels, 0, num_blocks)


def per_period(case: Case, sample: Sample, totals: np.ndarray) -> Estimate:
    """Mean per period with a half-width that chance exceeds once in a thousand; demands are control variates."""
    names = whole(case).nodes
    own = [k for k, name in enumerate(names) if name in case.demand]
    means = np.array([case.horizon * case.demand[names[k]].rate for k in own])
    above = sample.demanded[:, own] - means
    centered = above - above.mean(axis=0)
    factors, *_ = np.linalg.lstsq(centered, totals - totals.mean(), rcond=None)
    return Estimate.of((totals - above @ factors) / case.horizon, confidence=0.999)


def unit_by_unit(case: Case, levels: Mapping[str, int], rng: np.random.Generator) -> dict[str, Estimate]:
    """Cost of each node per period in one long run: every unit has its place in one random order of its period."""
    component, customers, times = whole(case), case.network.customers, lead_times(case)
    counts = rng.poisson([case.demand[c].rate for c in customers], (LONG_RUN, len(customers)))
    period = np.repeat(np.arange(LONG_RUN), counts.sum(axis=1))
    owner = np.repeat(np.tile(np.arange(len(customers)), LONG_RUN), counts.ravel())
    owner = owner[np.lexsort((rng.random(len(owner)), period))]
    served = component.customers_through(customers)
    received: dict[str, np.ndarray] = {}
    costs = {}
    for name in component.nodes:
        node, time = case.network.node(name), times[name]
        asked = counts[:, [customers.index(c) for c in served[name]]].sum(axis=1).cumsum()
        inflow = received.get(name, asked)
        arrived = np.concatenate((np.zeros(time, dtype=int), inflow[: len(inflow) - time]))
        available = levels[name] + arrived
        shipped = np.minimum(available, asked)
        through = owner[np.isin(owner, [customers.index(c) for c in served[name]])]
        for below in (end for end, origin in component.supplier.items() if origin == name):
            belongs = np.isin(through, [customers.index(c) for c in served[below]])
            received[below] = np.concatenate(([0], belongs.cumsum()))[shipped]
        per_period = node.holding_cost * (available - shipped) + node.backorder_cost * (asked - shipped)
        if name != "s":
            lane = case.network.lane((component.supplier[name], name))
            per_period = per_period + lane.unit_cost * np.diff(inflow, prepend=0)
            per_period = per_period + lane.pipeline_holding_cost * (inflow - arrived)
        costs[name] = Estimate.of(per_period.reshape(NUM_BATCHES, -1)[1:].mean(axis=1), confidence=0.999)
    return costs


@pytest.mark.parametrize("num_echelons", [2, 3])
@pytest.mark.parametrize("seed", range(3))
def test_exact_costs_are_those_of_units_in_random_order(num_echelons, seed):
    rng = np.random.default_rng([num_echelons, seed])
    case = random_tree(rng, num_echelons)
    levels = random_levels(rng, case)
    long_run = unit_by_unit(case, levels, rng)
    for name, state in exact_states(case, levels).items():
        assert long_run[name].half_width < 0.025 * state.cost + 0.025
        assert state.cost == pytest.approx(long_run[name].mean, abs=1.3 * long_run[name].half_width), name


@pytest.mark.parametrize("num_echelons", [2, 3])
@pytest.mark.parametrize("seed", range(3))
def test_simulated_costs_are_exact(num_echelons, seed):
    rng = np.random.default_rng([num_echelons, seed])
    case = random_tree(rng, num_echelons)
    levels = random_levels(rng, case)
    states = exact_states(case, levels)
    sample = simulated(case, levels, SUBPERIODS, num_blocks=80)
    exact = sum(state.cost for state in states.values())
    cost = per_period(case, sample, sample.costs)
    assert cost.half_width < 0.01 * exact
    assert cost.mean == pytest.approx(exact, abs=cost.half_width + SHARING * exact)
    for k, name in enumerate(whole(case).nodes):
        of_node = per_period(case, sample, sample.node_costs[:, k])
        assert of_node.mean == pytest.approx(states[name].cost, abs=1.3 * of_node.half_width + SHARING * exact), name


def test_sharing_in_proportion_matters_at_one_period_and_less_in_subperiods():
    rng = np.random.default_rng([3, 2])
    case = random_tree(rng, 3)
    levels = random_levels(rng, case)
    exact = sum(state.cost for state in exact_states(case, levels).values())
    whole_periods, cut = (simulated(case, levels, num, blocks) for num, blocks in ((1, 512), (4, 256)))
    coarse, fine = (per_period(case, sample, sample.costs) for sample in (whole_periods, cut))
    assert abs(coarse.mean - exact) > coarse.half_width + 0.002 * exact
    assert abs(fine.mean - exact) < fine.half_width + SHARING * exact


def test_a_single_node_is_a_newsvendor_with_poisson_demand():
    node = Node("shop", lead_time=3, holding_cost=1.0, backorder_cost=4.0)
    case = make_case([node], [], {"shop": PoissonDemand(2.0)})
    state = exact_states(case, {"shop": 7})["shop"]
    missing = np.arange(60)
    probability = stats.poisson.pmf(missing, 6.0)
    assert state.on_hand == pytest.approx(float(probability @ np.maximum(7 - missing, 0)), rel=1e-10)
    assert state.backorders == pytest.approx(state.on_hand - 7 + 6.0, rel=1e-10)
    assert state.cost == pytest.approx(state.on_hand + 4.0 * state.backorders, rel=1e-12)


def test_simon_1971_a_depot_without_stock_passes_its_lead_time_on():
    # without stock at the depot its bases wait for both lead times: Poisson with the sum of their means
    nodes = [Node("s", lead_time=2), Node("a", holding_cost=1.0, backorder_cost=5.0)]
    nodes.append(replace(nodes[1], name="b"))
    lanes = [Lane("s", "a", 1), Lane("s", "b", 3)]
    case = make_case(nodes, lanes, {"a": PoissonDemand(1.5), "b": PoissonDemand(0.5)})
    states = exact_states(case, {"s": 0, "a": 5, "b": 2})
    for name, mean, level in (("a", 4.5, 5), ("b", 2.5, 2)):
        missing = np.arange(80)
        backorders = stats.poisson.pmf(missing, mean) @ np.maximum(missing - level, 0)
        assert states[name].backorders == pytest.approx(backorders, rel=1e-10)
