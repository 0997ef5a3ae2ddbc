"""The robust counterpart (Bertsimas & Sim 2004; Bertsimas & Thiele 2006) of ordering on a network, as one MILP.

    min Σ c·u + K·v + p·(in transit) + Σ_k y_k        subject to, for every node and period k,
    x̄_k = x_0 + Σ_(i≤k) (pending + arrivals_i - sent_i - d̄_i)                    nominal stock
    y_k ≥ h(x̄_k + A_k),   y_k ≥ b(-x̄_k + A_k + L_k),   or  x̄_k - A_k - L_k ≥ 0 where nothing may be owed
    L_k = Σ_arcs (q_k Γ_k + Σ_(i≤k) r_ik),   q_k + r_ik ≥ ρ u_i,   q, r, u ≥ 0,   u ≤ M v

A_k, the worst sum of demand deviations, does not depend on decisions and is computed (`worst_sums`); what a delivery
may fall short of is a share of what was ordered and needs the dual variables q and r. Orders are decided now for all
periods. A node that only supplies others holds at least 0 whatever is delivered to it.

Where nothing falls short, x' = x̄ - (b - h)/(b + h)·A turns both lines for y into y = h·x'⁺ + b·x'⁻ + 2hb/(h + b)·A
(Bertsimas & Thiele, theorem 3.1). Orders with fixed costs then get the cuts of lot sizing with backlogs: over any
window in which nothing is ordered, what was there before and what is owed after it cover its demand (Pochet & Wolsey
1988).
"""

from __future__ import annotations

from functools import cached_property
from itertools import combinations_with_replacement
from math import inf

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, OptimizeResult, milp

from design.robust.network import RobustArc, RobustNetwork, RobustNode, over_time

Floats = NDArray[np.float64]
Terms = dict[int, float]

WINDOW = 10  # periods of the longest cut


class RobustProgram:
    """Columns: orders, order flags, nominal stocks, costs of states, duals of deliveries; rows as in the module.

    Parameters
    ----------
    network
        What is planned.
    with_slack
        Whether limits and worst-case stocks may be violated, at a unit a unit, and nothing else costs anything.
    """

    def __init__(self, network: RobustNetwork, *, with_slack: bool = False) -> None:
        self.net, self.with_slack, self.periods = network, with_slack, range(network.periods)
        self.cost: list[float] = []
        self.bounds: list[tuple[float, float]] = []
        self.integer: list[bool] = []
        self.rows: list[tuple[Terms, float, float]] = []  # low ≤ terms ≤ high
        self.short: dict[int, tuple[str, int]] = {}
        self.over: dict[int, tuple[str, int]] = {}
        self.flag: dict[tuple[int, int], int] = {}
        self.constant = 0.0
        shape = (len(network.arcs), network.periods)
        self.order = np.array([self._order_columns(arc) for arc in network.arcs], dtype=np.int64).reshape(shape)
        for a, arc in enumerate(network.arcs):
            self._add_flags(a, arc)
        uncertain = [a for a, arc in enumerate(network.arcs) if arc.loss > 0.0 and arc.loss_budget.size]
        self.losses = {a: self._add_losses(a, network.arcs[a]) for a in uncertain}
        self.stock = [self._add_node(node) for node in network.nodes]
        for shared in network.shared:
            for t in self.periods:
                self._add_limit({int(self.order[a, t]): 1.0 for a in shared.arcs}, shared.limit, shared.name, t)

    def _column(self, cost: float = 0.0, low: float = 0.0, high: float = inf, *, integer: bool = False) -> int:
        self.cost.append(0.0 if self.with_slack else cost)
        self.bounds.append((low, high))
        self.integer.append(integer and not self.with_slack)
        return len(self.cost) - 1

    def _slack(self, kind: dict[int, tuple[str, int]], name: str, t: int) -> int:
        column = self._column()
        self.cost[column] = 1.0
        kind[column] = (name, t)
        return column

    def _add_limit(self, terms: Terms, limit: float, name: str, t: int) -> None:
        if self.with_slack:
            terms[self._slack(self.over, name, t)] = -1.0
        self.rows.append((terms, -inf, limit))

    def _order_columns(self, arc: RobustArc) -> list[int]:
        unit, pipeline = over_time(arc.unit_cost, len(self.periods)), over_time(arc.pipeline_cost, len(self.periods))
        found = []
        for t, limit in zip(self.periods, over_time(arc.capacity, len(self.periods)), strict=True):
            cost = float(unit[t] + pipeline[t : t + arc.lead_time].sum())
            found.append(self._column(cost, 0.0, inf if self.with_slack else float(limit)))
            if self.with_slack and limit < inf:
                self._add_limit({found[-1]: 1.0}, float(limit), arc.name, t)
        return found

    def _add_flags(self, a: int, arc: RobustArc) -> None:
        if arc.fixed_cost <= 0.0 or self.with_slack:
            return
        for t, limit in zip(self.periods, over_time(arc.capacity, len(self.periods)), strict=True):
            self.flag[a, t] = flag = self._column(arc.fixed_cost, 0.0, 1.0, integer=True)
            self.rows.append(({int(self.order[a, t]): 1.0, flag: -min(float(limit), self._most)}, -inf, 0.0))

    @cached_property
    def _most(self) -> float:
        """No order is larger: everything that may be asked for, and made good if deliveries fall short."""
        found = sum(node.demand.sum() + self.net.worst(node)[-1] + max(-node.stock, 0.0) for node in self.net.nodes)
        loss = max((arc.loss for arc in self.net.arcs if arc.loss_budget.size), default=0.0)
        return max(float(found), 1.0) / max(1.0 - loss, 0.1)

    def _add_losses(self, a: int, arc: RobustArc) -> list[Terms]:
        """What may be missing of all that has arrived up to each period."""
        found: list[Terms] = []
        for k in self.periods:
            terms: Terms = {}
            ordered = range(0, k - arc.lead_time + 1)
            if arc.loss_budget[k] > 0.0 and ordered:
                q = self._column()
                terms[q] = float(arc.loss_budget[k])
                for i in ordered:
                    r = self._column()
                    terms[r] = 1.0
                    self.rows.append(({int(self.order[a, i]): arc.loss, q: -1.0, r: -1.0}, -inf, 0.0))
            found.append(terms)
        return found

    def _add_node(self, node: RobustNode) -> list[int]:
        stock = self._add_balance(node)
        losses = [own for a, own in self.losses.items() if self.net.arcs[a].destination == node.name]
        if node.backorder_cost is not None and not losses and np.all(over_time(node.backorder_cost, 1) >= 0.0):
            self._add_shifted(node, stock)
        else:
            self._add_states(node, stock, losses)
        return stock

    def _add_balance(self, node: RobustNode) -> list[int]:
        """Nominal stock of every period."""
        stock: list[int] = []
        for k in self.periods:
            constant = (node.stock if k == 0 else 0.0) - (float(node.demand[k]) if node.demand.size else 0.0)
            terms: Terms = {self._column(low=-inf): 1.0}
            stock.append(next(iter(terms)))
            if k > 0:
                terms[stock[k - 1]] = -1.0
            for a, arc in enumerate(self.net.arcs):
                if arc.destination == node.name:
                    constant += arc.pending[k] if k < len(arc.pending) else 0.0
                    if k >= arc.lead_time:
                        terms[int(self.order[a, k - arc.lead_time])] = -1.0
                if arc.origin == node.name:
                    terms[int(self.order[a, k])] = 1.0
            self.rows.append((terms, constant, constant))
        return stock

    def _add_shifted(self, node: RobustNode, stock: list[int]) -> None:
        """A node at which no delivery falls short, in terms of x'."""
        assert node.backorder_cost is not None
        h, b = over_time(node.holding_cost, len(self.periods)), over_time(node.backorder_cost, len(self.periods))
        worst, total = self.net.worst(node), np.where(h + b > 0.0, h + b, 1.0)
        shift = (b - h) / total * worst
        held = [self._column(float(h[k])) for k in self.periods]
        owed = [self._column(float(b[k])) for k in self.periods]
        for k in self.periods:
            self.rows.append(({stock[k]: 1.0, held[k]: -1.0, owed[k]: 1.0}, shift[k], shift[k]))
        if not self.with_slack:
            self.constant += float((2.0 * h * b / total * worst).sum())
        if not any(arc.origin == node.name for arc in self.net.arcs):
            self._add_window_cuts(node, np.diff(shift, prepend=0.0), held, owed)

    def _add_window_cuts(self, node: RobustNode, more: Floats, held: list[int], owed: list[int]) -> None:
        arcs = [(a, arc) for a, arc in enumerate(self.net.arcs) if arc.destination == node.name]
        if not all((a, 0) in self.flag for a, _ in arcs):
            return
        needed = node.demand + more if node.demand.size else more.copy()
        for _, arc in arcs:
            needed[: len(arc.pending)] -= arc.pending
        for t, k in combinations_with_replacement(self.periods, 2):
            total = float(needed[t : k + 1].sum())
            if k - t < WINDOW and total > 0.0:
                arrivals = [(a, i - arc.lead_time) for a, arc in arcs for i in range(max(t, arc.lead_time), k + 1)]
                cut = {owed[k]: 1.0, **dict.fromkeys((self.flag[one] for one in arrivals), total)}
                if t > 0:
                    cut[held[t - 1]] = 1.0
                self.rows.append((cut, total - (max(node.stock, 0.0) if t == 0 else 0.0), inf))

    def _add_states(self, node: RobustNode, stock: list[int], losses: list[list[Terms]]) -> None:
        """A node in general."""
        h, worst = over_time(node.holding_cost, len(self.periods)), self.net.worst(node)
        for k in self.periods:
            y = self._column(1.0)
            short = {stock[k]: -1.0}
            for own in losses:
                short |= own[k]
            if h[k] > 0.0:
                self.rows.append(({stock[k]: float(h[k]), y: -1.0}, -inf, -h[k] * worst[k]))
            if node.backorder_cost is None:
                if self.with_slack:
                    short[self._slack(self.short, node.name, k)] = -1.0
                self.rows.append((short, -inf, -worst[k]))
            else:
                b = float(over_time(node.backorder_cost, len(self.periods))[k])
                owed = {column: b * value for column, value in short.items()}
                self.rows.append(({**owed, y: -1.0}, -inf, -b * worst[k]))

    def run(self, time_limit: float, gap: float) -> OptimizeResult:
        """HiGHS' answer."""
        entries = [(r, column, value) for r, (terms, _, _) in enumerate(self.rows) for column, value in terms.items()]
        row, column, value = zip(*entries, strict=True)
        matrix = sparse.csr_array((value, (row, column)), shape=(len(self.rows), len(self.cost)))
        _, low, high = zip(*self.rows, strict=True)
        options = {"mip_rel_gap": gap} | ({"time_limit": time_limit} if time_limit < inf else {})
        return milp(
            np.array(self.cost),
            integrality=np.array(self.integer, dtype=np.int64),
            bounds=Bounds(*np.array(self.bounds).T),
            constraints=LinearConstraint(matrix, np.array(low), np.array(high)),
            options=options,
        )
