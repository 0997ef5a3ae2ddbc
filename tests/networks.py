"""Small networks that the tests share, every lane used, and demand arrays that hit the corner cases."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from math import inf

import numpy as np
from numpy.typing import NDArray

from design.case import Case
from design.demand import Demand, NormalDemand
from design.network import Component, Network
from design.node import Lane, Node

Floats = NDArray[np.float64]

RETAILERS = ("north", "east", "south")


@dataclass(frozen=True, eq=False)
class Trial:
    """Everything a simulation needs.

    Parameters
    ----------
    case
        A case whose lanes form one tree.
    levels
        Base-stock levels, shape (node,), as in the component's nodes.
    demand
        Shape (replication, period, customer).
    """

    case: Case
    levels: Floats
    demand: Floats

    @property
    def component(self) -> Component:
        """The one component that uses every lane."""
        return whole(self.case)


def make_case(
    nodes: Iterable[Node],
    lanes: Iterable[Lane],
    demand: Mapping[str, Demand],
    horizon: int = 20,
    warm_up: int = 5,
) -> Case:
    """A case without names and units."""
    network = Network(tuple(nodes), tuple(lanes), tuple(demand))
    return Case("test", "", network, dict(demand), horizon, warm_up)


def whole(case: Case) -> Component:
    """The component of a case whose lanes form one tree."""
    (component,) = case.network.design(lane.pair for lane in case.network.lanes).components
    return component


def one_node(lead_time: int = 2, demand: Demand | None = None) -> Case:
    """One shop under an outside supply: holding 1, backorder 9."""
    shop = Node("shop", lead_time=lead_time, holding_cost=1.0, backorder_cost=9.0)
    return make_case([shop], [], {"shop": demand or NormalDemand(20.0, 5.0)})


def two_stage_series() -> Case:
    """A warehouse, two periods from the outside supply, and a shop one period further."""
    nodes = [
        Node("warehouse", lead_time=2, holding_cost=1.0),
        Node("shop", holding_cost=2.0, backorder_cost=18.0),
    ]
    lane = Lane("warehouse", "shop", 1, unit_cost=0.5, pipeline_holding_cost=1.0)
    return make_case(nodes, [lane], {"shop": NormalDemand(20.0, 5.0)})


def warehouse_with_retailers(customers: tuple[str, ...] = RETAILERS) -> Case:
    """A plant, a warehouse, and three retailers 1, 0 and 2 periods from the warehouse.

    Parameters
    ----------
    customers
        Who faces customers; with "warehouse" or "plant" among them an inner node or the source does too.
    """
    nodes = [
        Node("plant", lead_time=1, holding_cost=0.5, backorder_cost=1.0),
        Node("warehouse", holding_cost=1.0, backorder_cost=2.0),
        *(Node(name, holding_cost=2.0, backorder_cost=18.0) for name in RETAILERS),
    ]
    lanes = [Lane("plant", "warehouse", 2, unit_cost=0.25, pipeline_holding_cost=0.5)]
    lanes += [
        Lane("warehouse", name, lead_time, unit_cost=0.5, pipeline_holding_cost=1.0)
        for name, lead_time in zip(RETAILERS, (1, 0, 2), strict=True)
    ]
    return make_case(nodes, lanes, {name: NormalDemand(10.0, 4.0) for name in customers})


def three_echelon_tree(horizon: int = 120, warm_up: int = 20) -> Case:
    """One plant, three warehouses, two retailers each: ten nodes."""
    warehouses = {f"W{k}": [f"R{2 * k - 1}", f"R{2 * k}"] for k in (1, 2, 3)}
    retailers = [name for names in warehouses.values() for name in names]
    nodes = [Node("P", lead_time=2, holding_cost=0.5)]
    nodes += [Node(name, holding_cost=1.0) for name in warehouses]
    nodes += [Node(name, holding_cost=2.0, backorder_cost=18.0) for name in retailers]
    lanes = [Lane("P", name, 2) for name in warehouses]
    lanes += [Lane(origin, name, 1) for origin, names in warehouses.items() for name in names]
    return make_case(nodes, lanes, {name: NormalDemand(20.0, 5.0) for name in retailers}, horizon, warm_up)


def random_tree(rng: np.random.Generator, num_nodes: int) -> Case:
    """A tree with lead times from 0, every kind of cost, inner customers and any warm-up from 0.

    Parameters
    ----------
    rng
        Where all choices come from.
    num_nodes
        Nodes of the tree, at least 1.
    """
    parents = [int(rng.integers(max(0, k - 4), k)) for k in range(1, num_nodes)]
    nodes = [_random_node(rng, k) for k in range(num_nodes)]
    lanes = [_random_lane(rng, parent, k) for k, parent in enumerate(parents, start=1)]
    leaves = set(range(num_nodes)) - set(parents)
    facing = [k for k in range(num_nodes) if k in leaves or rng.random() < 0.3]
    demand = {f"n{k}": NormalDemand(5.0, 2.0) for k in rng.permutation(facing)}
    return make_case(nodes, lanes, demand, int(rng.integers(1, 25)), int(rng.integers(0, 8)))


def _random_node(rng: np.random.Generator, number: int) -> Node:
    limited = rng.random() < 0.4
    return Node(
        f"n{number}",
        lead_time=int(rng.integers(0, 5)) if number == 0 else None,
        holding_cost=float(rng.uniform(0.1, 2.0)),
        holding_quadratic=float(rng.uniform(0.0, 0.1)) if rng.random() < 0.4 else 0.0,
        storage_capacity=float(rng.integers(0, 12)) if limited else inf,
        overflow_cost=float(rng.uniform(0.0, 3.0)) if limited else 0.0,
        backorder_cost=float(rng.uniform(0.0, 20.0)) if rng.random() < 0.7 else 0.0,
    )


def _random_lane(rng: np.random.Generator, origin: int, destination: int) -> Lane:
    return Lane(
        f"n{origin}",
        f"n{destination}",
        int(rng.integers(0, 4)),
        unit_cost=float(rng.uniform(0.0, 2.0)) if rng.random() < 0.6 else 0.0,
        pipeline_holding_cost=float(rng.uniform(0.0, 1.0)) if rng.random() < 0.6 else 0.0,
    )


def random_demand(
    rng: np.random.Generator,
    case: Case,
    num_replications: int,
    *,
    whole_units: bool,
) -> Floats:
    """Demand with zeros and periods in which nobody asks for anything, shape (replication, period, customer).

    Parameters
    ----------
    rng
        Where all choices come from.
    case
        Gives periods and customers.
    num_replications
        Number of paths.
    whole_units
        True: small whole numbers, so that ties occur; false: a density above zero.
    """
    shape = (num_replications, case.num_periods, len(case.demand))
    sizes = rng.poisson(2.0, shape).astype(np.float64) if whole_units else rng.gamma(2.0, 2.0, shape)
    asked = (rng.random(shape) < 0.75) & (rng.random((*shape[:2], 1)) < 0.85)
    return np.where(asked, sizes, 0.0)


def random_levels(rng: np.random.Generator, case: Case, demand: Floats, *, whole_units: bool) -> Floats:
    """From none to plenty for each node's lead-time demand, every fifth level 0, shape (node,)."""
    component = whole(case)
    multiples = case.network.multiples(component)
    lead_time = {name: case.network.node(name).lead_time or 0 for name in component.nodes}
    for lane in case.network.lanes:
        lead_time[lane.destination] = max(lane.lead_time, lead_time[lane.destination])
    rate = float(demand.mean())
    needed = [rate * sum(multiples[name].values()) * (lead_time[name] + 0.5) for name in component.nodes]
    levels = np.array(needed) * rng.uniform(0.0, 2.0, len(needed)) * (rng.random(len(needed)) < 0.8)
    return np.round(levels) if whole_units else levels


def random_assembly(rng: np.random.Generator, num_nodes: int) -> Case:
    """A network in which nodes assemble up to three inputs and supply several others, some with own customers.

    Parameters
    ----------
    rng
        Where all choices come from.
    num_nodes
        Nodes, at least 1.
    """
    suppliers: list[list[int]] = []
    for k in range(num_nodes - 1):
        count = min(int(rng.choice([0, 1, 1, 2, 3])), k)
        suppliers.append(sorted(int(j) for j in rng.choice(k, count, replace=False)) if count else [])
    unused = sorted(set(range(num_nodes - 1)) - {j for above in suppliers for j in above})
    suppliers.append(unused)  # the last node takes what is left, so that lanes connect all nodes
    lanes = [
        replace(
            _random_lane(rng, j, k),
            input=f"part {j}" if len(above) > 1 else "",
            quantity=float(rng.integers(1, 4)),
            input_holding_cost=float(rng.uniform(0.0, 1.0)) if len(above) > 1 and rng.random() < 0.5 else None,
        )
        for k, above in enumerate(suppliers)
        for j in above
    ]
    nodes = [
        replace(_random_node(rng, k), lead_time=None if above else int(rng.integers(0, 5)))
        for k, above in enumerate(suppliers)
    ]
    facing = [k for k in range(num_nodes) if k == num_nodes - 1 or rng.random() < 0.3]
    demand = {f"n{k}": NormalDemand(5.0, 2.0) for k in rng.permutation(facing)}
    order = rng.permutation(len(lanes))
    return make_case(nodes, [lanes[k] for k in order], demand, int(rng.integers(1, 25)), int(rng.integers(0, 8)))


def random_trial(
    rng: np.random.Generator,
    num_nodes: int,
    num_replications: int = 3,
    *,
    whole_units: bool = False,
    assembly: bool = False,
) -> Trial:
    """A random tree, or network with assembly, with random demand and levels."""
    case = random_assembly(rng, num_nodes) if assembly else random_tree(rng, num_nodes)
    demand = random_demand(rng, case, num_replications, whole_units=whole_units)
    return Trial(case, random_levels(rng, case, demand, whole_units=whole_units), demand)


def with_network(case: Case, nodes: Iterable[Node], lanes: Iterable[Lane]) -> Case:
    """The case with other nodes and lanes, customers and simulated time unchanged."""
    return replace(case, network=Network(tuple(nodes), tuple(lanes), case.network.customers))
