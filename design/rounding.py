"""Designs from solutions of a relaxed master, and the master's integer columns from designs."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from math import inf

import numpy as np
import pyomo.environ as pyo

from design.case import Case
from design.echelon_view import paths_of
from design.flow_model import GROUP_SEPARATOR, group_key
from design.network import Design
from design.node import LanePair
from design.solver import Floats, HighsSession


def rounded_design(
    case: Case, model: pyo.ConcreteModel, session: HighsSession, values: Floats, limits: Mapping[str, float]
) -> Design:
    """Every customer over the lane that carries most of it, every node from where most of its customers come.

    Suppliers without room for it are passed over, the largest customers first, while there is another. The design
    serves every customer, but need not keep all rules.

    Parameters
    ----------
    case, model, session
        The case, its flow model and the solver that holds it.
    values
        A relaxed solution, shape (column,).
    limits
        Most mean throughput of nodes, units per period; none where blank.
    """
    network, carried = case.network, dict[tuple[str, LanePair], float]()
    keys = list(model.reach)
    columns = session.columns(model.reach[key] for key in keys)
    for (customer, origin, end), column in zip(keys, columns, strict=True):
        carried[customer, (origin, end)] = float(values[column])
    candidates: dict[str, list[LanePair]] = {}
    for pair in model.lane_used:
        candidates.setdefault(pair[1], []).append(pair)
    served: dict[str, list[str]] = {name: [] for name in network.order}
    chosen, room = [], dict(limits)
    last = sorted((c for c in case.demand if not network.outgoing[c]), key=lambda c: -case.mean_demand[c])
    for name in [*last, *(name for name in reversed(network.order) if name not in set(last))]:
        if name in case.demand:
            served[name].append(name)
        if served[name] and name in candidates:
            weights = [sum(carried[customer, pair] for customer in served[name]) for pair in candidates[name]]
            load = sum(case.mean_demand[customer] for customer in served[name])
            fits = [room.get(pair[0], inf) >= load * (1.0 - 1e-9) for pair in candidates[name]]
            best = max(range(len(weights)), key=lambda k: (fits[k], weights[k]))
            pair = candidates[name][best]
            chosen.append(pair)
            served[pair[0]].extend(served[name])
            room[pair[0]] = room.get(pair[0], inf) - load
    return network.design(chosen)


def integer_values(case: Case, model: pyo.ConcreteModel, session: HighsSession, design: Design) -> Floats:
    """Columns of a solution that uses a design, 0 where they can only be fractions, shape (column,)."""
    used, lanes = set(design.nodes), set(design.lanes)
    paths = {
        (path[-1], *lane) for c in design.components for path in paths_of(c, case.demand) for lane in pairwise(path)
    }
    variables = [model.lane_used[pair] for pair in model.lane_used if pair in lanes]
    variables += [model.source_used[source] for source in model.source_used if source in used]
    variables += [model.site_used[key] for key in model.site_used if used.intersection(key.split(GROUP_SEPARATOR))]
    for cost in case.shared_costs.costs:
        if cost.lanes and lanes.intersection(cost.lanes):
            variables.append(model.link_used[group_key(cost.lanes[0])])
    variables += [variable for key, variable in model.reach.items() if key in paths]
    values = np.zeros(len(session.names))
    values[session.columns(variables)] = 1.0
    return values
