"""Random large networks with assembly and distribution, for scale: any number of nodes, straight as tables.

Nodes come in the order of a depth-first walk, each after its suppliers and next to what it supplies: the rows that the
compiled core reads together then lie together in memory, where breadth-first numbers scatter them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from design.streams import Purpose, generator
from simopt.simulation.network_arrays import LaneTable, NodeTable

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_DEEPER = 0.55  # share of nodes whose number is followed by a node they supply
_NEW_SOURCE = 0.02
_WINDOW = 100  # further inputs come from at most this many numbers before
_LEAD_TIMES = (1, 3)  # periods, both included
_VALUE_ADDED = (0.1, 0.5)  # holding cost that a node adds to that of its inputs
_DOUBLE = 0.25  # share of further inputs of which two units go into one
_BACKORDER = (9.0, 19.0)  # in terms of the holding cost
_MEAN = (5.0, 20.0)  # units per period
_VARIATION = (0.2, 0.4)  # standard deviation as a share of the mean


@dataclass(frozen=True)
class RandomNetworkParams:
    """What network to make.

    Parameters
    ----------
    num_nodes
        At least 1.
    seed
        Equal ones give equal networks.
    assembly
        Share of the nodes that take two or three inputs, from 0 to 1; a node that has no other to take keeps one.
    max_echelons
        Nodes on the longest path, at least 1.
    """

    num_nodes: int
    seed: int = 0
    assembly: float = 0.2
    max_echelons: int = 8

    def __post_init__(self) -> None:
        if self.num_nodes < 1 or self.max_echelons < 1:
            raise ValueError(f"random network: expected at least one node and one echelon, got {self}")
        if self.seed < 0 or not 0.0 <= self.assembly <= 1.0:
            raise ValueError(f"random network: expected a seed of at least 0 and a share from 0 to 1, got {self}")


@dataclass(frozen=True, eq=False)
class RandomNetwork:
    """A network and its customers' demand.

    Parameters
    ----------
    nodes, lanes
        For `network_arrays`.
    demand_mean, demand_sd
        Of each customer's normal demand before it is cut at 0, units per period, shape (customer,).
    """

    nodes: NodeTable
    lanes: LaneTable
    demand_mean: Floats
    demand_sd: Floats


def random_network(params: RandomNetworkParams) -> RandomNetwork:
    """A network of trees that assembly ties together.

    The trees come from a random walk over depths. A node that assembles takes one or two further inputs, one or two
    units each, from nodes shortly before it; inputs that wait are charged their own holding cost. The holding cost of
    a node is that of its inputs and what it adds, so that it grows downstream. Nodes that supply nobody face customers,
    and only their backorders cost anything. Lead times, outside ones too, are 1 to 3 periods.

    Parameters
    ----------
    params
        Size, seed and kind.
    """
    numbers = generator(params.seed, Purpose.NETWORKS, params.num_nodes)
    tail, head, place = _lanes(params, numbers)
    quantity = np.where((place > 0) & (numbers.random(len(tail)) < _DOUBLE), 2.0, 1.0)
    holding = _holding_costs(numbers.uniform(*_VALUE_ADDED, params.num_nodes), tail, head, quantity)
    serves_customers = np.ones(params.num_nodes, dtype=np.bool_)
    serves_customers[tail] = False
    num_customers = np.count_nonzero(serves_customers)
    customer = np.full(params.num_nodes, -1, dtype=np.int64)
    customer[serves_customers] = np.arange(num_customers)
    rates = np.zeros((params.num_nodes, 5))
    rates[:, 0], rates[:, 2] = holding, np.inf
    rates[serves_customers, 4] = holding[serves_customers] * numbers.uniform(*_BACKORDER, num_customers)
    first, last = _LEAD_TIMES
    mean = numbers.uniform(*_MEAN, num_customers)
    return RandomNetwork(
        NodeTable(customer, rates, lead_time=numbers.integers(first, last + 1, params.num_nodes)),
        LaneTable(
            tail,
            head,
            lead_time=numbers.integers(first, last + 1, len(tail)),
            quantity=quantity,
            waiting_cost=holding[tail],
        ),
        demand_mean=mean,
        demand_sd=mean * numbers.uniform(*_VARIATION, num_customers),
    )


def _lanes(params: RandomNetworkParams, numbers: np.random.Generator) -> tuple[Integers, Integers, Integers]:
    """Supplier and receiver of each lane, by receiver, and the lane's place among the receiver's."""
    lanes: list[tuple[int, int, int]] = []
    last_at_depth = np.zeros(params.max_echelons, dtype=np.int64)
    echelon = np.zeros(params.num_nodes, dtype=np.int64)
    assembles = numbers.random(params.num_nodes) < params.assembly
    depth = 0
    for k in range(params.num_nodes):
        depth = _next_depth(depth, numbers) if k > 0 else 0
        while depth > 0 and echelon[last_at_depth[depth - 1]] + 1 >= params.max_echelons:
            depth -= 1
        last_at_depth[depth] = k
        if depth == 0:
            continue
        inputs = [int(last_at_depth[depth - 1])]
        if assembles[k]:
            inputs += _further_inputs(k, inputs[0], echelon, params.max_echelons, numbers)
        echelon[k] = 1 + max(echelon[supplier] for supplier in inputs)
        lanes += [(supplier, k, place) for place, supplier in enumerate(inputs)]
    table = np.array(lanes, dtype=np.int64).reshape(-1, 3)
    return table[:, 0], table[:, 1], table[:, 2]


def _next_depth(depth: int, numbers: np.random.Generator) -> int:
    """Where the walk goes: one deeper, back to some node on the path, or to a new source."""
    draw = numbers.random()
    if draw < _NEW_SOURCE:
        return 0
    return depth + 1 if draw < _NEW_SOURCE + _DEEPER else int(numbers.integers(1, max(depth, 1) + 1))


def _further_inputs(
    k: int, supplier: int, echelon: Integers, max_echelons: int, numbers: np.random.Generator
) -> list[int]:
    """One or two nodes besides the supplier, among those before k that are not too deep; none where there are none."""
    candidates = np.arange(max(k - _WINDOW, 0), k)
    candidates = candidates[(candidates != supplier) & (echelon[candidates] + 1 < max_echelons)]
    count = min(int(numbers.integers(1, 3)), len(candidates))
    return sorted(int(other) for other in numbers.choice(candidates, count, replace=False))


def _holding_costs(added: Floats, tail: Integers, head: Integers, quantity: Floats) -> Floats:
    """What a node adds and the holding costs of what goes into it, shape (node,); lanes are sorted by receiver."""
    costs = added.copy()
    for supplier, receiver, units in zip(tail, head, quantity, strict=True):
        costs[receiver] += units * costs[supplier]
    return costs
