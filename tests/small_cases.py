"""Small cases with a choice of lanes, and what an exhaustive search says of them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise, product
from math import inf

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from design.case import Case
from design.demand import NormalDemand
from design.network import Network
from design.node import Lane, LanePair, Node
from tests.networks import make_case

Floats = NDArray[np.float64]
LaneSet = frozenset[LanePair]


@dataclass(frozen=True)
class Features:
    """What a random case has beside linear costs.

    Parameters
    ----------
    fixed_costs
        Nodes and lanes cost something once used.
    lane_lead_times
        The lead time depends on the lane, not on the node it leads to alone.
    inner_customers, source_customers
        The first inner node, the first source, faces customers too.
    curved_holding
        Quadratic holding and an overflow cost.
    """

    fixed_costs: bool = False
    lane_lead_times: bool = False
    inner_customers: bool = False
    source_customers: bool = False
    curved_holding: bool = False


PLAIN = Features()


def echelon_case(rng: np.random.Generator, sizes: tuple[int, ...] = (2, 2, 3), features: Features = PLAIN) -> Case:
    """Echelons from sources to customers, every lane between neighbors a candidate, normal demand.

    Parameters
    ----------
    rng
        Where all numbers come from.
    sizes
        Nodes in each echelon.
    features
        What the costs are like.
    """
    echelons = [[f"{'abcdef'[level]}{k}" for k in range(size)] for level, size in enumerate(sizes)]
    nodes = [_node(rng, name, level, features) for level, names in enumerate(echelons) for name in names]
    lanes = [
        lane
        for origins, ends in pairwise(echelons)
        for end in ends
        for lane in _lanes_into(rng, origins, end, features)
    ]
    customers = list(echelons[-1])
    customers += [echelons[1][0]] if features.inner_customers else []
    customers += [echelons[0][0]] if features.source_customers else []
    demand = {name: NormalDemand(float(rng.uniform(5, 20)), float(rng.uniform(1, 5))) for name in customers}
    return make_case(nodes, lanes, demand, horizon=20, warm_up=12)


def _node(rng: np.random.Generator, name: str, level: int, features: Features) -> Node:
    holding = float(rng.uniform(0.5, 1.5)) * (1 + level)
    curved = features.curved_holding
    return Node(
        name,
        lead_time=int(rng.integers(1, 4)) if level == 0 else None,
        holding_cost=holding,
        holding_quadratic=float(rng.uniform(0.0, 0.05)) if curved else 0.0,
        storage_capacity=float(rng.uniform(0, 10)) if curved else inf,
        overflow_cost=float(rng.uniform(0, 2)) if curved else 0.0,
        backorder_cost=float(rng.uniform(3, 9)) * holding,
        fixed_cost=float(rng.uniform(0, 400)) if features.fixed_costs else 0.0,
    )


def _lanes_into(rng: np.random.Generator, origins: list[str], end: str, features: Features) -> Iterator[Lane]:
    common = int(rng.integers(0, 3))
    for origin in origins:
        yield Lane(
            origin,
            end,
            int(rng.integers(0, 3)) if features.lane_lead_times else common,
            unit_cost=float(rng.uniform(0.0, 1.0)),
            fixed_cost=float(rng.uniform(0, 200)) if features.fixed_costs else 0.0,
            pipeline_holding_cost=float(rng.uniform(0.0, 0.3)),
        )


def all_designs(network: Network) -> set[LaneSet]:
    """Lanes of every single-sourcing design, each once, by trying every supplier of every node."""
    supplied = [name for name in network.order if network.incoming[name]]
    found = set()
    for choice in product(*([lane.pair for lane in network.incoming[name]] for name in supplied)):
        into = {pair[1]: pair for pair in choice}
        used = set()
        for customer in network.customers:
            name = customer
            while name in into:
                used.add(into[name])
                name = into[name][0]
        found.add(frozenset(used))
    return found


def single_stage_cost(case: Case, lanes: LaneSet, paths: Mapping[str, Floats]) -> float:
    """What the master's model charges a design on given scenarios, node by node and by search over each level.

    Parameters
    ----------
    case
        Costs and lead times.
    lanes
        The design.
    paths
        Demand paths of each customer, shape (scenario, period); a lead time is the last periods of a path.
    """
    supplier = {end: origin for origin, end in lanes}
    served: dict[str, list[str]] = {}
    for customer in case.network.customers:
        name: str | None = customer
        while name is not None:
            served.setdefault(name, []).append(customer)
            name = supplier.get(name)
    total = 0.0
    for name, customers in served.items():
        node = case.network.node(name)
        lane = case.network.lane((supplier[name], name)) if name in supplier else None
        lead_time = node.lead_time if lane is None else lane.lead_time
        total += node.fixed_cost + case.horizon * best_single_stage_cost(
            node, sum(paths[c][:, paths[c].shape[1] - lead_time :].sum(axis=1) for c in customers)
        )
        if lane is not None:
            per_unit = lane.unit_cost + lane.pipeline_holding_cost * lead_time
            total += lane.fixed_cost + case.horizon * per_unit * sum(case.demand[c].mean for c in customers)
    return total


def net_stock_costs(node: Node, net: Floats) -> Floats:
    """Cost of a period at each net stock, written out anew."""
    on_hand, backorders = np.maximum(net, 0.0), np.maximum(-net, 0.0)
    over = np.maximum(on_hand - node.storage_capacity, 0.0)
    holding = node.holding_cost * on_hand + node.holding_quadratic * on_hand**2
    return holding + node.overflow_cost * over + node.backorder_cost * backorders


def best_single_stage_cost(node: Node, demand: Floats) -> float:
    """Least mean cost of a period over all base-stock levels against equally likely lead-time demands."""
    if not demand.any():
        return 0.0
    found = minimize_scalar(
        lambda level: float(net_stock_costs(node, level - demand).mean()),
        bounds=(0.0, float(demand.max()) + 1.0),
        method="bounded",
        options={"xatol": 1e-10, "maxiter": 300},
    )
    return float(found.fun)
