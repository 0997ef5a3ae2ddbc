"""Large networks: the generator, their simulation in blocks, and the search for base-stock levels."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtri

from design.streams import Purpose
from simopt.optimization.base_stock import BaseStockParams, first_levels, optimize_levels
from simopt.optimization.pathwise import PathwiseParams, descend
from simopt.simulation import network_simulation
from simopt.simulation.network_arrays import LaneTable, NodeTable, network_arrays
from simopt.simulation.network_simulation import NetworkSimulation, NormalPaths
from simopt.simulation.random_networks import RandomNetwork, RandomNetworkParams, random_network

WARM_UP = 20


def inputs_of(network: RandomNetwork) -> np.ndarray:
    return np.bincount(network.lanes.head, minlength=len(network.nodes.customer))


def echelons(network: RandomNetwork) -> np.ndarray:
    """Nodes on the longest path that ends with each."""
    longest = np.ones(len(network.nodes.customer), dtype=int)
    for tail, head in sorted(zip(network.lanes.tail, network.lanes.head, strict=True), key=lambda lane: lane[1]):
        longest[head] = max(longest[head], longest[tail] + 1)
    return longest


def simulation_of(network: RandomNetwork, num_periods: int = 60, **options) -> NetworkSimulation:
    arrays = network_arrays(network.nodes, network.lanes, num_periods)
    paths = NormalPaths(network.demand_mean, network.demand_sd, num_periods, seed=5)
    return NetworkSimulation(arrays, paths, WARM_UP, **options)


def chain(holding: list[float], backorder: float, lead_times: list[int], mean: float, sd: float) -> RandomNetwork:
    """A series system, the customers behind the last node."""
    count = len(holding)
    rates = np.zeros((count, 5))
    rates[:, 0], rates[:, 2], rates[-1, 4] = holding, np.inf, backorder
    customer = np.full(count, -1)
    customer[-1] = 0
    lanes = LaneTable(np.arange(count - 1), np.arange(1, count), np.array(lead_times[1:], dtype=np.int64))
    nodes = NodeTable(customer, rates, np.array(lead_times))
    return RandomNetwork(nodes, lanes, np.array([mean]), np.array([sd]))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("num_nodes", [1, 2, 10, 300, 5_000])
def test_every_random_network_is_valid(num_nodes, seed):
    network = random_network(RandomNetworkParams(num_nodes, seed))
    nodes, lanes = network.nodes, network.lanes
    assert np.all(lanes.tail < lanes.head)
    pairs = set(zip(lanes.tail.tolist(), lanes.head.tolist(), strict=True))
    assert len(pairs) == len(lanes.tail)
    assert inputs_of(network).max() <= 3
    assert echelons(network).max() <= 8
    supplies = np.isin(np.arange(num_nodes), lanes.tail)
    assert np.array_equal(nodes.customer >= 0, ~supplies)
    assert np.array_equal(np.sort(nodes.customer[~supplies]), np.arange(len(network.demand_mean)))
    assert np.array_equal(nodes.rates[:, 4] > 0.0, ~supplies)
    for times in (lanes.lead_time, nodes.lead_time):
        assert set(times.tolist()) <= {1, 2, 3}
    assert np.all(nodes.rates[lanes.head, 0] > lanes.quantity * nodes.rates[lanes.tail, 0])
    arrays = network_arrays(nodes, lanes, 40)
    assert arrays.out_start[-1] == len(lanes.tail)


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5])
def test_the_share_of_assembly_is_the_one_asked_for(share):
    inputs = inputs_of(random_network(RandomNetworkParams(5_000, assembly=share)))
    assert np.mean(inputs > 1) == pytest.approx(share, abs=0.03)


def test_a_node_lies_next_to_its_first_supplier():
    network = random_network(RandomNetworkParams(2_000, assembly=0.0))
    children = [network.lanes.head[network.lanes.tail == k] for k in range(2_000)]
    last = np.arange(2_000)  # of each subtree
    for k in range(1_999, -1, -1):
        last[k] = max([k, *(last[child] for child in children[k])])
    size = np.ones(2_000, dtype=int)
    for k in range(1_999, -1, -1):
        size[k] += sum(size[child] for child in children[k])
    assert np.array_equal(last - np.arange(2_000) + 1, size)


def test_equal_seeds_give_equal_networks():
    one, same, other = (random_network(RandomNetworkParams(500, seed)) for seed in (7, 7, 8))
    assert np.array_equal(one.lanes.tail, same.lanes.tail)
    assert np.array_equal(one.nodes.rates, same.nodes.rates)
    assert np.array_equal(one.demand_sd, same.demand_sd)
    assert not np.array_equal(one.demand_mean[:50], other.demand_mean[:50])


@pytest.mark.parametrize("wrong", [{"num_nodes": 0}, {"num_nodes": 5, "assembly": 1.5}, {"num_nodes": 5, "seed": -1}])
def test_a_network_that_cannot_be_made_is_refused(wrong):
    with pytest.raises(ValueError, match="random network: expected"):
        RandomNetworkParams(**wrong)


def test_gradient_of_a_random_network_equals_central_differences():
    simulation = simulation_of(random_network(RandomNetworkParams(200)))
    # levels in proportion would let the inputs of an assembly run short together, which is a kink
    levels = np.random.default_rng(1).uniform(0.7, 1.1, 200) * first_levels(simulation)
    gradient = simulation.cost_and_gradient(levels, 8)[1]

    def difference(node: int, step: float) -> float:
        shift = step * np.eye(1, 200, node)[0]
        rise = simulation.cost_and_gradient(levels + shift, 8)[0] - simulation.cost_and_gradient(levels - shift, 8)[0]
        return rise / (2.0 * step)

    differences, finer = (np.array([difference(node, step) for node in range(200)]) for step in (1e-4, 5e-5))
    scale = 1.0 + np.abs(gradient)
    smooth = np.abs(differences - finer) <= 1e-6 * scale
    assert smooth.mean() >= 0.9
    assert np.max(np.abs(gradient - differences)[smooth] / scale[smooth]) <= 1e-6


def test_results_hang_neither_on_threads_nor_on_what_is_kept(monkeypatch):
    network = random_network(RandomNetworkParams(300))
    levels = first_levels(simulation_of(network))
    expected = simulation_of(network).cost_and_gradient(levels, 150)
    threaded = simulation_of(network, num_jobs=3).cost_and_gradient(levels, 150)
    monkeypatch.setattr(network_simulation, "KEPT_BYTES", 0)
    forgetful = simulation_of(network)
    forgotten = forgetful.cost_and_gradient(levels, 150)
    for cost, gradient in (threaded, forgotten, forgetful.cost_and_gradient(levels, 150)):
        assert cost == expected[0]
        assert np.array_equal(gradient, expected[1])


def test_a_block_of_replications_fits_into_its_share_of_memory(monkeypatch):
    monkeypatch.setattr(network_simulation, "BLOCK_BYTES", 2**20)
    network = random_network(RandomNetworkParams(300))
    simulation = simulation_of(network)
    demand_bytes = 8 * 60 * len(network.demand_mean)
    assert 2**20 / 2 <= simulation.block * (demand_bytes + 8 * 8 * 300) <= 2**20


def test_a_replication_of_the_paths_does_not_hang_on_the_others():
    paths = NormalPaths(np.array([5.0, 9.0]), np.array([4.0, 1.0]), 30)
    drawn = paths.draw(Purpose.SEARCH, range(10))
    assert np.array_equal(drawn[4:7], paths.draw(Purpose.SEARCH, range(4, 7)))
    assert not np.array_equal(drawn, paths.draw(Purpose.EVALUATION, range(10)))
    assert drawn.min() == 0.0


def test_a_single_node_ends_at_the_newsvendor_level():
    simulation = simulation_of(chain([1.0], 9.0, [4], 50.0, 8.0), 220)
    found = optimize_levels(simulation, BaseStockParams((50, 400), fresh_replications=400))
    exact_level = 200.0 + ndtri(0.9) * 16.0  # four periods at risk
    exact_cost = 200 * (1.0 + 9.0) * 16.0 * np.exp(-0.5 * ndtri(0.9) ** 2) / np.sqrt(2.0 * np.pi)
    assert found.levels[0] == pytest.approx(exact_level, abs=0.4)
    assert abs(found.estimate.mean - exact_cost) <= 1.5 * found.estimate.half_width
    assert found.estimate.half_width < 0.01 * exact_cost


def test_a_two_stage_series_ends_at_the_published_optimum():
    # Snyder & Shen, Fundamentals of Supply Chain Theory, problem 6.1: cost 166.25 with 100 in transit, 66.25 without
    simulation = simulation_of(chain([1.0, 2.0], 15.0, [1, 1], 100.0, 15.0), 220)
    found = optimize_levels(simulation, BaseStockParams((50, 400), fresh_replications=400))
    np.testing.assert_allclose(found.levels, [104.93, 123.49], atol=1.0)
    assert found.estimate.mean / 200 == pytest.approx(66.25, rel=0.01)


def test_the_search_comes_down_and_says_how():
    simulation = simulation_of(random_network(RandomNetworkParams(100)))
    params = BaseStockParams((4, 16), fresh_replications=50)
    seen = []
    found = optimize_levels(simulation, params, progress=seen.append)
    assert tuple(seen) == found.trajectory
    iterations = [step.iteration for step in found.trajectory]
    assert iterations[0] == 0
    assert set(np.diff(iterations)) <= {0, 1}
    for size in (4, 16):
        costs = [step.cost for step in found.trajectory if step.replications == size]
        assert np.all(np.diff(costs) <= 0.0)
    assert np.all(np.diff([step.seconds for step in found.trajectory]) >= 0.0)
    assert found.sample_cost == simulation.cost_and_gradient(found.levels, 16)[0]
    start = simulation.estimate(first_levels(simulation), 50)
    assert found.estimate.mean + found.estimate.half_width < start.mean - start.half_width


def test_where_the_search_starts_does_not_matter():
    simulation = simulation_of(random_network(RandomNetworkParams(30, 4)))
    params = BaseStockParams((16,), tolerance=1e-9, max_evaluations=2_000, fresh_replications=2)
    costs = [
        optimize_levels(simulation, params, first=factor * first_levels(simulation)).sample_cost
        for factor in (1.0, 1.5)
    ]
    assert costs[0] == pytest.approx(costs[1], rel=1e-3)


@pytest.mark.parametrize("first", [np.zeros(3), np.full(10, -1.0), np.full(10, np.nan)])
def test_a_start_that_is_no_set_of_levels_is_refused(first):
    simulation = simulation_of(random_network(RandomNetworkParams(10)))
    with pytest.raises(ValueError, match="first levels: expected 10 numbers of at least 0"):
        optimize_levels(simulation, first=first)


@pytest.mark.parametrize(
    "wrong", [{"replications": ()}, {"replications": (8, 4)}, {"tolerance": 0.0}, {"fresh_replications": 1}]
)
def test_effort_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(ValueError, match="base-stock search: expected"):
        BaseStockParams(**wrong)


def test_a_warm_up_as_long_as_the_paths_is_refused():
    with pytest.raises(ValueError, match="warm-up 20: expected less than the 20 periods"):
        simulation_of(random_network(RandomNetworkParams(10)), num_periods=20)


def test_the_descent_reports_every_iteration():
    values = []
    descend(
        lambda x: (float(((x - 3.0) ** 2).sum()), 2.0 * (x - 3.0)),
        np.ones(2),
        np.ones(2),
        PathwiseParams(),
        values.append,
    )
    assert values
    assert values[-1] == pytest.approx(0.0, abs=1e-9)
