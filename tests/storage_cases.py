"""Small cases whose products share storage, and what it costs by a second simulator."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from design.case import Case
from design.network import Component, Design, Network
from simopt.simulation.stage import Measure
from tests.product_cases import two_products
from tests.simopt.slow_simulator import measures_of, simulate_slowly
from tests.small_cases import all_designs


def with_storage(case: Case, capacity: float, overflow_cost: float, kind: str = "warehouse") -> Case:
    """The case with storage that the products of every site of a kind share."""
    nodes = (
        replace(node, site_storage=capacity, site_overflow=overflow_cost) if node.kind == kind else node
        for node in case.network.nodes
    )
    return replace(case, network=replace(case.network, nodes=tuple(nodes)))


def stored(seed: int, capacity: float, overflow_cost: float, *, shared: bool = False) -> Case:
    """Products A and B, of sizes 1 and 2, over two plants, two warehouses with storage and two shops."""
    return with_storage(two_products(seed, shared=shared), capacity, overflow_cost)


def slow_costs(case: Case, component: Component, levels: NDArray[np.float64], demand: NDArray[np.float64]) -> float:
    """Mean cost of trees that share storage, by explicit queues."""
    total = 0.0
    for path in demand:
        room = {storage.place: np.zeros(case.horizon) for storage in case.network.storages}
        position = 0
        for tree in component.each:
            own = levels[position : position + len(tree.nodes)]
            position += len(tree.nodes)
            alone = _alone(case, tree)
            columns = [case.network.customers.index(name) for name in alone.network.customers]
            history = simulate_slowly(alone, own, path[:, columns])
            total += float(measures_of(history, alone)[:, : Measure.PIPELINE + 1].sum())
            for k, name in enumerate(tree.nodes):
                node = case.network.node(name)
                if node.shares_storage:
                    room[node.place] += node.unit_size * history["on_hand"][case.warm_up :, k].astype(float)
        for storage in case.network.storages:
            total += storage.overflow_cost * float(np.maximum(room[storage.place] - storage.capacity, 0.0).sum())
    return total / len(demand)


def _alone(case: Case, tree: Component) -> Case:
    """A case with one tree as its only lanes."""
    customers = tuple(name for name in case.network.customers if name in tree.nodes)
    network = Network(
        tuple(case.network.node(name) for name in tree.nodes),
        tuple(case.network.lane(pair) for pair in tree.lanes),
        customers,
    )
    return replace(case, network=network, demand={name: case.demand[name] for name in customers})


def every_design(case: Case) -> list[Design]:
    """Every design that breaks no rule."""
    designs = map(case.network.design, sorted(all_designs(case.network), key=sorted))
    return [design for design in designs if not case.site_rules.violations(design)]
