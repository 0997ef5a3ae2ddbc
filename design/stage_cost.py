"""The cost of one stocking point by itself in the projected master: its θ and the columns it hangs on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyomo.environ as pyo

from design.case import Case
from design.solver import Floats, HighsSession, Row


@dataclass(frozen=True, eq=False)
class StageCost:
    """One θ with what it prices and its solver columns."""

    node: str
    lead_time: int
    customers: tuple[str, ...]
    theta: int
    used: int
    reach: tuple[tuple[int, ...], ...]

    def reach_values(self, values: Floats) -> Floats:
        """Reach of each customer in a solution; a customer with no column is the source's own, always served."""
        shares = [values[list(columns)].sum() if columns else 1.0 for columns in self.reach]
        return np.clip(np.array(shares), 0.0, 1.0)

    def shortfall(self, cost: float, gradient: Floats, reach: Floats, values: Floats) -> float:
        """By how much a solution breaks the cut."""
        shares = [values[list(columns)].sum() if columns else values[self.used] for columns in self.reach]
        charged = (cost - float(gradient @ reach)) * values[self.used] + float(gradient @ np.array(shares))
        return float(charged - values[self.theta])

    def cut(self, cost: float, gradient: Floats, reach: Floats) -> Row:
        """θ >= intercept·used + gradient·reach."""
        own = sum(g for g, columns in zip(gradient, self.reach, strict=True) if not columns)
        intercept = cost - float(gradient @ reach) + own
        columns = [self.theta, self.used]
        factors = [1.0, -intercept]
        for slope, into in zip(gradient, self.reach, strict=True):
            columns.extend(into)
            factors.extend([-slope] * len(into))
        return Row(0.0, tuple(columns), tuple(factors))


def stage_costs(case: Case, model: pyo.ConcreteModel, session: HighsSession) -> list[StageCost]:
    """θ of every lane, then of every source."""
    return [*_of_lanes(case, model, session), *_of_sources(case, model, session)]


def _of_lanes(case: Case, model: pyo.ConcreteModel, session: HighsSession) -> list[StageCost]:
    costs = []
    for pair in model.lane_used:
        customers = case.network.reachable_customers[pair[1]]
        theta, used = session.columns([model.lane_stock_cost[pair], model.lane_used[pair]])
        reach = session.columns(model.reach[c, *pair] for c in customers)
        lead_time = case.network.lane(pair).lead_time
        costs.append(StageCost(pair[1], lead_time, customers, theta, used, tuple((k,) for k in reach)))
    return costs


def _of_sources(case: Case, model: pyo.ConcreteModel, session: HighsSession) -> list[StageCost]:
    costs = []
    for source in model.source_used:
        customers = case.network.reachable_customers[source]
        theta, used = session.columns([model.source_stock_cost[source], model.source_used[source]])
        into: dict[str, list[int]] = {c: [] for c in customers}
        for c, origin, end in model.reach:
            if origin == source:
                into[c].extend(session.columns([model.reach[c, origin, end]]))
        lead_time = case.network.node(source).lead_time or 0
        reach = tuple(tuple(into[c]) for c in customers)
        costs.append(StageCost(source, lead_time, customers, theta, used, reach))
    return costs
