"""What capacities imply for used lanes and sites: rows that designs keep anyway, and that raise the relaxation.

    Σ_c size·m_c·r_cl ≤ K_i·y_l         all of a node's throughput comes over its one used lane      lane l into i
    Σ_l,c size·m_c·r_cl ≤ K_s·z_s       lanes l out of the source                                    source s
    Σ_{i in A} K_i·used_i ≥ Σ_c m_c     every customer is served through one node of A               A sources, or all
                                                                                                     last suppliers

A capacity that several nodes share bounds each of them; the last row needs capacities in units of demand, of one node
each. With a budget of protected demand they hold all the more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf
from typing import Any

import pyomo.environ as pyo

from design.case import Case
from design.site_rules import Rule


def throughput_limits(rules: Sequence[Rule]) -> dict[str, float]:
    """Most mean throughput of each node that capacities bound, units per period."""
    limits: dict[str, float] = {}
    for rule in rules:
        if rule.is_capacity:
            for name, size in zip(rule.nodes, rule.sizes, strict=True):
                if size > 0.0:
                    limits[name] = min(rule.most / size, limits.get(name, inf))
    return limits


def add_capacity_rows(
    model: pyo.ConcreteModel, case: Case, rules: Sequence[Rule], used: Mapping[str, Sequence[Any]]
) -> None:
    """Add the rows to a flow model.

    Parameters
    ----------
    model
        With `lane_used`, `source_used` and `reach`.
    case, rules
        The case and the rules imposed.
    used
        Terms whose sum says whether a node is used.
    """
    limits = throughput_limits(rules)
    model.capacity_rows = pyo.ConstraintList()
    flows: dict[tuple[str, str], list[Any]] = {}
    for (customer, origin, end), reach in model.reach.items():
        flows.setdefault((origin, end), []).append(case.mean_demand[customer] * reach)
    for pair, terms in flows.items():
        if pair[1] in limits:
            model.capacity_rows.add(pyo.quicksum(terms) <= limits[pair[1]] * model.lane_used[pair])
    for source in model.source_used:
        terms = [term for pair, of_lane in flows.items() if pair[0] == source for term in of_lane]
        if source in limits and terms and source not in case.demand:
            model.capacity_rows.add(pyo.quicksum(terms) <= limits[source] * model.source_used[source])
    own = throughput_limits([rule for rule in rules if len(rule.nodes) == 1])
    customers = [name for name in case.network.customers if name not in case.network.sources]
    last = {pair[0] for pair in model.lane_used if pair[1] in customers}
    for through in (set(model.source_used), last):
        if all(own.get(name, inf) < inf for name in through) and not through.intersection(case.demand):
            room = [own[name] * term for name in sorted(through) for term in used[name]]
            model.capacity_rows.add(pyo.quicksum(room) >= sum(case.mean_demand[name] for name in customers))
