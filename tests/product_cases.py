"""Small cases with two products."""

from dataclasses import replace

import numpy as np

from design.case import Case
from design.network import Network
from design.node import Lane, Node
from design.products import SEPARATOR
from design.site_rules import SiteLimit, Sourcing
from tests.small_cases import Features, echelon_case

KINDS = {"a": "plant", "b": "warehouse", "c": "shop"}


def named(site: str, product: str) -> str:
    """A stocking point's name."""
    return f"{site}{SEPARATOR}{product}"


def two_products(seed: int, *, shared: bool = True, sourcing: Sourcing = Sourcing.PRODUCT, **limits: SiteLimit) -> Case:
    """Products A and B over the same sites, each with costs, lead times and demand of its own.

    Parameters
    ----------
    seed
        Of all numbers.
    shared
        Whether sites and lanes have fixed costs, and, without limits, warehouses a capacity.
    sourcing
        What has a single supplier.
    limits
        Numbers of sites by kind.
    """
    rng = np.random.default_rng(seed)
    nodes, lanes, demand = list[Node](), list[Lane](), {}
    sizes = {"A": 1.0, "B": 2.0}
    site_costs, lane_costs = {k: float(rng.uniform(100, 400)) for k in "ab"}, float(rng.uniform(10, 60))
    room = float(rng.uniform(0.6, 0.9))
    for product, size in sizes.items():
        one = echelon_case(rng, (2, 2, 2), Features(lane_lead_times=True))
        for node in one.network.nodes:
            own = replace(node, name=named(node.name, product), site=node.name, product=product, unit_size=size)
            fixed = site_costs.get(node.name[0], 0.0) if shared else 0.0
            nodes.append(replace(own, kind=KINDS[node.name[0]], fixed_cost=fixed))
        fixed = lane_costs if shared else 0.0
        lanes += [
            replace(k, origin=named(k.origin, product), destination=named(k.destination, product), fixed_cost=fixed)
            for k in one.network.lanes
        ]
        demand |= {named(name, product): distribution for name, distribution in one.demand.items()}
    if shared and not limits:  # a single warehouse must have room for all
        capacity = room * sum(sizes[name[-1]] * distribution.mean for name, distribution in demand.items())
        nodes = [replace(node, capacity=capacity) if node.kind == "warehouse" else node for node in nodes]
    network = Network(tuple(nodes), tuple(lanes), tuple(demand))
    return Case("two-products", "", network, demand, 20, 12, site_limits=limits, sourcing=sourcing)
