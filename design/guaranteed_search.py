"""Better guaranteed service times of a chain that is no tree, by exact programmes of random forests in it.

Leave out links until no undirected cycle is left, and replace each link i -> j that is left out by S_i <= v <= SI_j for
a v between S_i and SI_j of the present plan. That plan satisfies it, and the dynamic programme finds the best plan that
does: never a worse one. Repeated with other forests until many in a row find nothing.
"""

from __future__ import annotations

from time import monotonic

import numpy as np

from design.guaranteed_tree import Forest, TreeProgramme
from design.service_chain import ServicePlan, kept_times

NEGLIGIBLE = 1e-9


def improve_on_forests(plan: ServicePlan, rng: np.random.Generator, patience: int, end: float) -> ServicePlan:
    """A plan that costs at most as much.

    Parameters
    ----------
    plan
        Where to start.
    rng
        Chooses the forests.
    patience
        Forests in a row without a better plan after which the search ends.
    end
        Time (`monotonic`) after which no further forest is tried.
    """
    failures = 0
    while failures < patience and monotonic() < end:
        forest = _random_forest(plan, rng)
        times = TreeProgramme(plan.chain, forest).solve()
        found = ServicePlan(plan.chain, kept_times(plan.chain, times), plan.lower_bound)
        failures = 0 if found.cost < plan.cost * (1.0 - NEGLIGIBLE) else failures + 1
        plan = found if found.cost <= plan.cost else plan
    return plan


def _random_forest(plan: ServicePlan, rng: np.random.Generator) -> Forest:
    chain, inbound = plan.chain, plan.inbound_times
    root = list(range(len(chain.stages)))

    def find(k: int) -> int:
        while root[k] != k:
            root[k] = root[root[k]]
            k = root[k]
        return k

    kept = []
    largest, least = chain.largest_service_times.copy(), np.zeros(len(root), dtype=np.int64)
    for number, at_customer in zip(rng.permutation(len(chain.arcs)), rng.random(len(chain.arcs)) < 0.5, strict=True):
        supplier, customer, _ = chain.arcs[number]
        one, other = find(supplier), find(customer)
        if one != other:
            root[one] = other
            kept.append((supplier, customer))
            continue
        between = inbound[customer] if at_customer else plan.service_times[supplier]
        largest[supplier] = min(largest[supplier], between)
        least[customer] = max(least[customer], between)
    return Forest(tuple(kept), largest, least)
