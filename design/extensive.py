"""The master problem in its extensive form: Ye & You's MILP_M with every scenario written out (their eq. 1-5).

On top of the routing of `design.flow_model`, for each stocking point k (a lane into a node, or a source), each scenario
n of N and its window of the last L_k periods:

    bs_k - Σ_c r_kc·D_cn(L_k) = ih_kn - bo_kn                base-stock level, on hand, backorders        (eq. 2, 3)
    f_kn ≥ (holding(x⁰) - holding'(x⁰)·x⁰)·y_k + holding'(x⁰)·ih_kn    tangent of the convex holding cost at any x⁰
    min  flow cost + H/N·Σ_kn ( f_kn + b_k·bo_kn )           (eq. 1, 4); H and the unit of money are part of f_kn

The paper's tangents lack the factor y_k (whether the lane or source is used); it is valid since an unused node stocks
nothing, and raises the LP relaxation of thirteen-node from 0.96 to 0.99 of the optimum. The scenarios are plain demand
paths, D_cn(L) the sum over a path's last L periods. Kept as the reference that the projected form must agree with, and
for the paper's own loop; it grows with the number of scenarios.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Any

import numpy as np
import pyomo.environ as pyo
from numpy.typing import NDArray

from design.case import Case
from design.demand import Floats
from design.flow_model import (
    build_flow_model,
    chosen_design,
    forbid_row,
    money_scale,
    price_row,
    useful_lanes,
)
from design.infeasibility import explain_infeasibility
from design.master_types import MasterSolution
from design.network import Component, Design
from design.node import Node
from design.recorder import UNRECORDED, Recorder
from design.scenario import PathScenarios
from design.solver import HighsSession, Row, SolveStatus

Key = tuple[str, str]
OUTSIDE = ""


@dataclass(frozen=True)
class ExtensiveParams:
    """Limits of the tangent loop.

    Parameters
    ----------
    tolerance
        Share of the holding costs by which their linearization may fall short of them.
    max_rounds
        Solves at most.
    recorder
        Keeps what HiGHS answers.
    """

    tolerance: float = 1e-5
    max_rounds: int = 60
    recorder: Recorder = UNRECORDED


class ExtensiveMaster:
    """The extensive master: built once, tangents added, re-solved.

    Parameters
    ----------
    case
        Network, demand and horizon.
    scenarios
        Demand paths, at least as long as the longest lead time.
    params
        Limits of the tangent loop.
    """

    def __init__(self, case: Case, scenarios: PathScenarios, params: ExtensiveParams | None = None) -> None:
        self._case = case
        self._scenarios = scenarios
        self._params = params or ExtensiveParams()
        self._scale = money_scale(case)
        self._per_horizon = case.horizon / self._scale
        self._points = [*useful_lanes(case.network), *((OUTSIDE, s) for s in _used_sources(case))]
        self._model = _build_model(case, scenarios, self._points)
        self._session = HighsSession(self._model, 1e-5, self._params.recorder)
        self._columns = self._stock_columns()
        self._start: Floats | None = None
        self._relaxation_done = False

    @property
    def num_scenarios(self) -> int:
        """Number of scenarios."""
        return self._scenarios.num_scenarios

    def solve(self, time_limit: float = np.inf) -> MasterSolution:
        """Design of least cost, tangents added until the holding costs are met; see `design.master.Master.solve`."""
        return self._params.recorder.group("master", lambda: self._solve(monotonic() + time_limit))

    def _solve(self, deadline: float) -> MasterSolution:
        if not self._relaxation_done:
            for _ in range(self._params.max_rounds):
                solution = self._session.solve(relaxed=True, time_limit=deadline - monotonic())
                if solution.values is None or not self._refine(solution.values):
                    break
            self._relaxation_done = True
        bound = -np.inf
        for _ in range(self._params.max_rounds):
            proposal = self.solve_once(deadline - monotonic())
            bound = max(bound, proposal.bound)
            if proposal.status is not SolveStatus.OPTIMAL or self._start is None:
                break
            if not self._refine(self._start):
                break
        return MasterSolution(proposal.status, proposal.design, bound, proposal.objective)

    def solve_once(self, time_limit: float = np.inf) -> MasterSolution:
        """Design of least cost with the tangents as they are: one MILP_M of the paper's loop."""
        solution = self._session.solve(relaxed=False, time_limit=time_limit, start=self._start)
        if solution.status is SolveStatus.INFEASIBLE:
            explain_infeasibility(self._case)
        bound, objective = self._scale * solution.dual_bound, self._scale * solution.objective
        if solution.values is None:
            return MasterSolution(solution.status, None, bound, np.inf)
        self._start = solution.values
        design = chosen_design(self._case.network, self._model, self._session, solution.values)
        return MasterSolution(solution.status, design, bound, objective)

    def add_tangents_at(self, design: Design, levels: Mapping[str, float]) -> None:
        """Linearize the holding costs of a design at the stock its levels leave in each scenario (x_k, y_k).

        Parameters
        ----------
        design, levels
            A simulated design and its base-stock levels, units.
        """
        rows = []
        for component in design.components:
            served = component.customers_through(self._case.network.customers)
            for name in component.nodes:
                point = (component.supplier.get(name, OUTSIDE), name)
                demand = self._lead_time_demand(point, served[name]).sum(axis=1)
                rows.extend(self._tangents(point, np.maximum(levels[name] - demand, 0.0)))
        self._session.add_rows(rows)

    def price(self, component: Component, extra: float) -> None:
        """Charge exactly this component `extra` money over the horizon on top (an integer L-shaped cut)."""
        customers = self._case.network.customers
        row = price_row(self._model, self._session, component, customers, extra / self._scale)
        self._session.add_rows([row])

    def forbid(self, design: Design) -> None:
        """Exclude exactly this design from later solves."""
        self._session.add_rows([forbid_row(self._model, self._session, design)])

    def _lead_time_demand(self, point: Key, customers: tuple[str, ...]) -> Floats:
        return self._scenarios.lead_time_demand(customers, _lead_time(self._case, point))

    def _stock_columns(self) -> dict[Key, tuple[list[int], list[int], int]]:
        scenarios = range(self.num_scenarios)
        return {
            point: (
                self._session.columns(self._model.on_hand[*point, n] for n in scenarios),
                self._session.columns(self._model.holding[*point, n] for n in scenarios),
                self._session.columns([self._used(point)])[0],
            )
            for point in self._points
        }

    def _used(self, point: Key) -> Any:
        return self._model.source_used[point[1]] if point[0] == OUTSIDE else self._model.lane_used[point]

    def _refine(self, values: Floats) -> bool:
        """Add tangents where the holding cost is underestimated; returns whether any mattered."""
        rows, shortfall, total = [], 0.0, 0.0
        for point, (on_hand, holding, _) in self._columns.items():
            stock = values[on_hand]
            cost = self._per_horizon * _holding(self._case.charged.node(point[1]), stock)[0]
            missing = cost - values[holding]
            shortfall += missing.clip(0.0).sum()
            total += cost.sum()
            rows.extend(self._tangents(point, stock, missing > 1e-2 * self._params.tolerance * max(cost.max(), 1e-9)))
        self._session.add_rows(rows)
        return bool(rows) and shortfall > self._params.tolerance * total

    def _tangents(self, point: Key, stock: Floats, where: NDArray[np.bool_] | None = None) -> list[Row]:
        cost, slope = _holding(self._case.charged.node(point[1]), stock)
        on_hand, holding, used = self._columns[point]
        chosen = range(len(stock)) if where is None else np.flatnonzero(where)
        cost, slope = self._per_horizon * cost, self._per_horizon * slope
        return [
            Row(0.0, (holding[n], on_hand[n], used), (1.0, -slope[n], slope[n] * stock[n] - cost[n])) for n in chosen
        ]


def _used_sources(case: Case) -> list[str]:
    return [s for s in case.network.sources if case.network.reachable_customers[s]]


def _lead_time(case: Case, point: Key) -> int:
    if point[0] == OUTSIDE:
        return case.network.node(point[1]).lead_time or 0
    return case.network.lane(point).lead_time


def _holding(node: Node, stock: Floats) -> tuple[Floats, Floats]:
    """Holding cost per period and its slope, written out anew so that nothing is shared with the projected form."""
    holding, quadratic, capacity, overflow, _ = node.cost_rates
    over = np.maximum(stock - capacity, 0.0)
    cost = holding * stock + quadratic * stock**2 + overflow * over
    slope = holding + 2.0 * quadratic * stock + overflow * (over > 0.0)
    return cost, slope


def _build_model(case: Case, scenarios: PathScenarios, points: list[Key]) -> pyo.ConcreteModel:
    """Routing, stock balance in every scenario, and holding costs with their tangent at zero."""
    network, per_horizon = case.charged, case.horizon / money_scale(case)
    model = build_flow_model(case)
    numbers = range(scenarios.num_scenarios)
    model.level = pyo.Var(points, domain=pyo.NonNegativeReals)
    indices = [(*point, n) for point in points for n in numbers]
    model.on_hand = pyo.Var(indices, domain=pyo.NonNegativeReals)
    model.backorders = pyo.Var(indices, domain=pyo.NonNegativeReals)
    model.holding = pyo.Var(indices, domain=pyo.NonNegativeReals)
    demand = {p: scenarios.lead_time_demand(network.reachable_customers[p[1]], _lead_time(case, p)) for p in points}
    reach = {p: [_reach(model, case, p, c) for c in network.reachable_customers[p[1]]] for p in points}

    @model.Constraint(indices)
    def stock_balance(model: pyo.ConcreteModel, origin: str, name: str, n: int) -> pyo.Expression:
        point = (origin, name)
        window = pyo.quicksum(float(d) * r for d, r in zip(demand[point][n], reach[point], strict=True))
        net = model.on_hand[origin, name, n] - model.backorders[origin, name, n]
        return model.level[point] - window == net

    @model.Constraint(indices)
    def tangent_at_zero(model: pyo.ConcreteModel, origin: str, name: str, n: int) -> pyo.Expression:
        rate = per_horizon * network.node(name).holding_cost
        return model.holding[origin, name, n] >= rate * model.on_hand[origin, name, n]

    costs = (
        model.holding[o, name, n] + per_horizon * network.node(name).backorder_cost * model.backorders[o, name, n]
        for o, name, n in indices
    )
    stock = pyo.quicksum(costs) / scenarios.num_scenarios
    model.objective = pyo.Objective(expr=model.flow_cost + pyo.quicksum(model.extra.values()) + stock)
    return model


def _reach(model: pyo.ConcreteModel, case: Case, point: Key, customer: str) -> pyo.Expression:
    """Share of a customer served through a stocking point: a variable, or the sum over a source's lanes."""
    if point[0] != OUTSIDE:
        return model.reach[customer, *point]
    if point[1] == customer:
        return 1.0
    outgoing = [lane.pair for lane in case.network.outgoing[point[1]]]
    return pyo.quicksum(model.reach[customer, *pair] for pair in outgoing if (customer, *pair) in model.reach)
