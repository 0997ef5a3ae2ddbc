"""A serial chain over a few periods, simulated for all scenarios at once, with derivatives in the decision.

Goods are shipped at once. In cumulative quantities (`design.tactical.chain`), with X_l(t) shipped by level l up to t,
R_l(t) arrived at it and C_l(t) ordered by it,

    X_l(t) = min(C_{l+1}(t), I_l(0) + R_l(t)),    on hand I_l(0) + R_l - X_l,    owed C_{l+1} - X_l,

from the plant down, where X_0 = C_1. Derivatives by a reverse sweep over the same recursion. Where no level gains by
holding back (`SerialChain.ships_at_once`) the cost is that of an optimal solution of the program, convex in the
decision, and the derivative is a subgradient, also at ties.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from design.tactical.chain import OrderRule, SerialChain

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]


class ChainSimulator:
    """Costs of decisions on fixed scenarios.

    Parameters
    ----------
    chain, rule
        What is simulated, and how orders follow from the decision.
    demand
        Units, shape (scenario, period).
    lead_times
        Periods that what is shipped to a level in a period takes, shape (scenario, level, period); the chain's without.
    """

    def __init__(self, chain: SerialChain, rule: OrderRule, demand: Floats, lead_times: Whole | None = None) -> None:
        self._chain, self._rule = chain, rule
        self._fixed = rule.fixed_orders(demand)
        self._lead_times = lead_times

    def costs(self, decision: Floats) -> Floats:
        """Cost of every scenario, shape (scenario,)."""
        return self._forward(decision)[0]

    def cost_and_gradient(self, decision: Floats, weights: Floats) -> tuple[float, Floats]:
        """Weighted cost and its derivative, shape (decision,), for weights of shape (scenario,)."""
        costs, ordered, available = self._forward(decision)
        by_orders = np.einsum("lst,s->lt", self._adjoints(ordered, available), weights)
        return float(weights @ costs), np.einsum("lt,ltn->n", by_orders, self._rule.share)

    def _ordered(self, decision: Floats) -> Floats:
        """C, shape (level + 1, scenario, period)."""
        ordered = self._fixed.copy()
        ordered[:-1] += (self._rule.share @ decision)[:, None, :]
        return ordered

    def _forward(self, decision: Floats) -> tuple[Floats, Floats, Floats]:
        ordered = self._ordered(decision)
        available = np.empty_like(ordered[:-1])
        costs = np.zeros(ordered.shape[1])
        sent = ordered[0]
        for level, holding in enumerate(self._chain.holding):
            available[level] = self._chain.initial[level] + self._arrived(level, sent)
            sent = np.minimum(ordered[level + 1], available[level])
            costs += (available[level] - sent) @ holding + (ordered[level + 1] - sent) @ self._chain.backlog[level]
        return costs, ordered, available

    def _arrived(self, level: int, sent: Floats) -> Floats:
        """R from X of the level above, shape (scenario, period)."""
        periods = sent.shape[1]
        arrived = np.zeros_like(sent)
        if self._lead_times is None:
            lead_time = self._chain.lead_times[level]
            arrived[:, lead_time:] = sent[:, : max(periods - lead_time, 0)]
            return arrived
        everyone = np.arange(len(sent))
        for t in range(periods):
            at = t + self._lead_times[:, level, t]
            here = at < periods
            shipped = sent[:, t] - (sent[:, t - 1] if t > 0 else 0.0)
            arrived[everyone[here], at[here]] += shipped[here]
        return np.cumsum(arrived, axis=1)

    def _worth_sent(self, level: int, worth: Floats) -> Floats:
        """The adjoint of `_arrived`: derivative in X of the level above from that in R, shape (scenario, period)."""
        periods = worth.shape[1]
        found = np.zeros_like(worth)
        if self._lead_times is None:
            lead_time = self._chain.lead_times[level]
            found[:, : max(periods - lead_time, 0)] = worth[:, lead_time:]
            return found
        later = np.zeros((len(worth), periods + 1))
        later[:, :periods] = np.cumsum(worth[:, ::-1], axis=1)[:, ::-1]
        everyone = np.arange(len(worth))
        for t in range(periods):
            unit = later[everyone, np.minimum(t + self._lead_times[:, level, t], periods)]
            found[:, t] += unit
            if t > 0:
                found[:, t - 1] -= unit
        return found

    def _adjoints(self, ordered: Floats, available: Floats) -> Floats:
        """Derivative of every scenario's cost in C_l(t), shape (level, scenario, period)."""
        count = len(available)
        by_orders = np.zeros_like(ordered)
        of_sent = np.zeros_like(ordered[0])
        for level in range(count - 1, -1, -1):
            holding, backlog = self._chain.holding[level], self._chain.backlog[level]
            of_sent = of_sent - holding - backlog
            is_short = available[level] < ordered[level + 1]
            by_orders[level + 1] += backlog + np.where(is_short, 0.0, of_sent)
            of_sent = self._worth_sent(level, holding + np.where(is_short, of_sent, 0.0))
        by_orders[0] += of_sent
        return by_orders[:-1]
