"""Guaranteed service times against enumeration of all of them, textbook examples and published solutions.

Sources: Graves & Willems, "Optimizing strategic safety stock placement in supply chains", M&SOM 2 (2000) and the
erratum M&SOM 5 (2003); Snyder & Shen, Fundamentals of Supply Chain Theory (FoSCT), section 6.3.
"""

from itertools import pairwise, product
from time import monotonic

import numpy as np
import pytest

from design.errors import CycleInNetworkError, NetworkError
from design.guaranteed_milp import RefinedProgramme
from design.guaranteed_search import improve_on_forests
from design.guaranteed_service import guaranteed_service
from design.service_chain import ChainLink, ChainStage, ServiceChain, ServicePlan, inbound_times, kept_times
from tests.benchmarks.willems import data_folder, graves_willems_chain


def chain_of(stages, links, holding_rate: float = 0.5) -> ServiceChain:
    return ServiceChain(tuple(stages), tuple(ChainLink(*link) for link in links), holding_rate)


def random_chain(rng: np.random.Generator, num_stages: int, num_extra_links: int = 0) -> ServiceChain:
    """A random tree, links in either direction, and more links beside it; every stage that serves nobody has demand."""
    pairs = set()
    for k in range(1, num_stages):
        pairs.add((int(rng.integers(k)), k) if rng.random() < 0.5 else (k, int(rng.integers(k))))
    place = rng.permutation(num_stages) if num_extra_links else topological_places(pairs, num_stages)
    pairs = {tuple(sorted(pair, key=lambda k: place[k])) for pair in pairs}
    while len(pairs) < num_stages - 1 + num_extra_links:
        pair = rng.choice(num_stages, 2, replace=False)
        pairs.add(tuple(sorted(map(int, pair), key=lambda k: place[k])))
    suppliers = {supplier for supplier, _ in pairs}
    stages = [random_stage(rng, k, is_last=k not in suppliers) for k in range(num_stages)]
    links = [(f"s{i}", f"s{j}", float(rng.integers(1, 4))) for i, j in sorted(pairs)]
    return chain_of(stages, links)


def topological_places(pairs, num_stages: int) -> list[int]:
    """An order in which every pair keeps its direction."""
    places, left = {}, set(range(num_stages))
    while left:
        for k in sorted(left):
            if all(i not in left for i, j in pairs if j == k):
                places[k] = len(places)
                left.remove(k)
                break
    return [places[k] for k in range(num_stages)]


def random_stage(rng: np.random.Generator, number: int, *, is_last: bool) -> ChainStage:
    added, time = float(rng.uniform(0.5, 10.0) * (rng.random() < 0.8)), int(rng.integers(0, 4))
    if not is_last and rng.random() < 0.8:
        return ChainStage(f"s{number}", added, time)
    mean, sd, factor = rng.uniform([5.0, 1.0, 1.0], [20.0, 5.0, 2.5])
    return ChainStage(f"s{number}", added, time, float(mean), float(sd), float(factor), int(rng.integers(0, 3)))


def least_cost(chain: ServiceChain) -> float:
    """By trying all whole service times, with the cost of each written out anew."""
    ranges = [range(int(limit) + 1) for limit in chain.largest_service_times]
    demanded = [k for k, stage in enumerate(chain.stages) if stage.demand_sd > 0.0]
    units = path_units(chain)
    rate = chain.holding_rate
    best = np.inf
    for times in product(*ranges):
        inbound = [max((times[i] for i, j, _ in chain.arcs if j == k), default=0) for k in range(len(times))]
        nets = [s + stage.processing_time - t for s, stage, t in zip(inbound, chain.stages, times, strict=True)]
        if min(nets) < 0:
            continue
        total = 0.0
        for k, net in enumerate(nets):
            value = sum(units[i, k] * chain.stages[i].cost_added for i in range(len(times)))
            spread = [units[k, c] * chain.stages[c].safety_factor * chain.stages[c].demand_sd for c in demanded]
            total += rate * value * float(np.linalg.norm(spread)) * net**0.5
        best = min(best, total)
    return best


def path_units(chain: ServiceChain) -> np.ndarray:
    """Units of each stage's item in one of each other's: the sum over all paths, (I - Q)^-1."""
    direct = np.zeros((len(chain.stages), len(chain.stages)))
    for i, j, quantity in chain.arcs:
        direct[i, j] = quantity
    return np.linalg.inv(np.eye(len(direct)) - direct)


@pytest.mark.parametrize("seed", range(25))
def test_trees_are_solved_as_by_enumeration(seed):
    chain = random_chain(np.random.default_rng(seed), 2 + seed % 4)
    assert chain.is_forest
    plan = guaranteed_service(chain)
    assert plan.cost == pytest.approx(least_cost(chain), rel=1e-12)
    assert plan.lower_bound == plan.cost


@pytest.mark.parametrize("seed", range(6))
def test_chains_that_are_no_trees_are_solved_as_by_enumeration(seed):
    chain = random_chain(np.random.default_rng(100 + seed), 4 + seed % 2, num_extra_links=2)
    assert not chain.is_forest
    plan = guaranteed_service(chain, tolerance=1e-7)
    least = least_cost(chain)
    assert plan.cost == pytest.approx(least, rel=1e-9, abs=1e-9)
    assert plan.lower_bound <= least * (1.0 + 1e-9)
    assert plan.gap <= 1e-7


@pytest.mark.parametrize("seed", range(3))
def test_both_methods_agree_on_larger_trees(seed):
    chain = random_chain(np.random.default_rng(200 + seed), 25)
    exact = guaranteed_service(chain).cost
    plan = RefinedProgramme(chain, 1e-6).solve(60.0)
    assert plan.cost == pytest.approx(exact, rel=2e-6)
    assert plan.lower_bound <= exact * (1.0 + 1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_forests_never_make_a_plan_dearer(seed):
    chain = random_chain(np.random.default_rng(300 + seed), 16, num_extra_links=8)
    plan = ServicePlan(chain, np.zeros(16, dtype=np.int64), 0.0)
    costs = [plan.cost]
    for k in range(40):
        plan = improve_on_forests(plan, np.random.default_rng(k), 1, monotonic() + 60.0)
        costs.append(plan.cost)
    assert all(after <= before for before, after in pairwise(costs))
    assert guaranteed_service(chain, tolerance=1e-6).lower_bound <= plan.cost < 0.99 * costs[0]


def test_times_that_cannot_be_kept_are_lowered():
    stages = [ChainStage("a", 1.0, 2), ChainStage("b", 0.0, 1), ChainStage("c", 1.0, 1, 5.0, 1.0, 2.0, 4)]
    chain = chain_of(stages, [("a", "b"), ("b", "c")])
    assert kept_times(chain, [1, 5, 4]).tolist() == [1, 2, 3]
    assert kept_times(chain, [2, 1, 0]).tolist() == [2, 1, 0]


def test_a_search_without_time_still_gives_a_plan_and_a_bound():
    chain = random_chain(np.random.default_rng(7), 14, num_extra_links=14)
    hurried, solved = guaranteed_service(chain, time_limit=0.0), guaranteed_service(chain, tolerance=1e-6)
    assert hurried.lower_bound <= solved.cost <= hurried.cost
    assert hurried.lower_bound > 0.0
    assert solved.gap <= 1e-6


def test_snyder_shen_example_6_5():
    # two customers behind one stage; the outside supplier of stage 1 takes a period, part of its time here
    stages = [
        ChainStage("1", 1.0, 3),
        ChainStage("2", 1.0, 1, demand_sd=1.0, safety_factor=1.0, max_service_time=0),
        ChainStage("3", 1.0, 1),
        ChainStage("4", 1.0, 1, demand_sd=1.0, safety_factor=1.0, max_service_time=1),
    ]
    plan = guaranteed_service(chain_of(stages, [("1", "3"), ("3", "2"), ("3", "4")], holding_rate=1.0))
    assert plan.chain.holding_costs.tolist() == [1.0, 3.0, 2.0, 3.0]
    assert plan.service_times.tolist() == [0, 0, 0, 1]
    assert plan.cost == pytest.approx(8.2779, abs=5e-5)


def test_a_plan_states_what_follows_from_its_service_times():
    stages = [
        ChainStage("part", 4.0, 6),
        ChainStage("product", 2.0, 3, 10.0, 3.0, 2.0, 0),
    ]
    chain = chain_of(stages, [("part", "product", 2.0)], holding_rate=0.1)
    plan = ServicePlan(chain, np.array([2, 0]), 0.0)
    assert plan.inbound_times.tolist() == [0, 2]
    assert plan.net_replenishment_times.tolist() == [4, 5]
    assert chain.mean_demand.tolist() == [20.0, 10.0]
    assert plan.safety_stocks == pytest.approx([2 * 6 * 2.0, 6 * 5**0.5])
    assert plan.base_stock_levels == pytest.approx([80.0 + 24.0, 50.0 + 6 * 5**0.5])
    assert plan.stage_costs == pytest.approx([0.4 * 24.0, 1.0 * 6 * 5**0.5])
    assert plan.cost == pytest.approx(plan.stage_costs.sum())
    with pytest.raises(ValueError, match="service times"):
        ServicePlan(chain, np.array([7, 0]), 0.0)


def test_service_times_of_the_plan_keep_all_limits():
    chain = random_chain(np.random.default_rng(3), 30)
    plan = guaranteed_service(chain)
    assert np.all(plan.service_times <= chain.largest_service_times)
    assert np.all(plan.net_replenishment_times >= 0)
    assert np.array_equal(plan.inbound_times, inbound_times(chain, plan.service_times))


LAST = ChainStage("b", 1.0, 1, 5.0, 1.0, 2.0, 0)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: ChainStage("a", -1.0, 1), "stage 'a': cost_added -1.0"),
        (lambda: ChainStage("a", 1.0, 1.5), "stage 'a': processing_time 1.5: expected whole periods"),
        (lambda: ChainStage("a", 1.0, 1, 5.0, 1.0, 2.0), "stage 'a' has demand: expected a max_service_time"),
        (lambda: chain_of([LAST, LAST], []), "expected each once"),
        (lambda: chain_of([LAST], [("a", "b")]), "link a -> b: unknown stage 'a'"),
        (lambda: chain_of([ChainStage("a", 1.0, 1), LAST], [("a", "b", 0.0)]), "quantity 0.0"),
        (lambda: chain_of([ChainStage("a", 1.0, 1), LAST], []), "stage 'a' supplies no stage"),
        (lambda: chain_of([LAST], [], float("nan")), "holding_rate nan"),
    ],
)
def test_what_is_wrong_is_named(make, said):
    with pytest.raises(NetworkError, match=said):
        make()


def test_a_cycle_is_named():
    with pytest.raises(CycleInNetworkError, match="a -> b"):
        chain_of([ChainStage("a", 1.0, 1), LAST], [("a", "b"), ("b", "a")])


@pytest.mark.parametrize(("name", "rate", "published"), [("bulldozer", 0.30, 632_720), ("battery", 0.25, 852_992)])
def test_graves_willems_published_cost(name, rate, published):
    # the published total is a sum of rounded stage costs, one of the battery's 6 too low
    plan = guaranteed_service(graves_willems_chain(data_folder(), name, rate))
    assert plan.cost == pytest.approx(published, rel=1.5e-5)
