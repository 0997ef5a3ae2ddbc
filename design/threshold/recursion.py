"""Thresholds of a firm over a finite horizon by backward recursion, without an optimiser.

A firm with stock x_t orders u_t ≥ 0 at the beginning of a step, gets it at once and serves the demand w_t:

    min E Σ_{t<T} [ c_t·u_t + g_t(x_{t+1}) ],   x_{t+1} = x_t + u_t − w_t,   x_lo ≤ x_{t+1} ≤ x_hi
    g_t(x) = h_t·max(x, 0) + b_t·max(−x, 0) + p_t·max(x_lo − x, 0)

Equations (3), (8)-(10) of Caiza, Walter, Panchal, Qin & Paré (arXiv 2209.04789), in whole units with forward
differences:

    m_t(z) = (c_t − c_{t+1}) + E Δg_t(z − w_t) + E[ m_{t+1}(z − w_t)·1{z − w_t ≥ s̄_{t+1}} ],   c_T = 0, m_T = 0
    s_t = min{ z : m_t(z) ≥ 0 },   s̄_t = clip(s_t, x_lo + most demand, x_hi + least demand),   u_t = max(s̄_t − x, 0)

How the lower bound is meant (`Lower`): *hard*, in every case, as in the paper; *chance*, with a probability of at least
1 − ε a step, the most demand being replaced by its quantile; *soft*, for a penalty p per unit below; or not at all
(*backlog*). Sources of the proofs: convexity of the cost-to-go, ibid., Proposition 1 and Theorem 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from math import inf, isfinite

import numpy as np
from numpy.typing import ArrayLike, NDArray

from design.demand_base import as_floats
from design.errors import BadInputError
from design.threshold.pmf import Pmf

Floats = NDArray[np.float64]
NEVER = -inf
ROUNDING = 1e-9


class ThresholdError(BadInputError):
    """Costs or bounds that make no problem; the message names the step, the value and what was expected."""


class Lower(Enum):
    """How the lower bound on stock is meant."""

    HARD = "hard"
    CHANCE = "chance"
    SOFT = "soft"
    BACKLOG = "backlog"


@dataclass(frozen=True, eq=False)
class Firm:
    """One firm's problem.

    Parameters
    ----------
    demand
        Of every step, on whole units.
    unit_cost, holding, shortage
        c, h and b: money per unit ordered; on hand, and missing, at the end of a step; numbers or shape (step,).
    lower, upper
        x_lo and x_hi, units at the end of a step; -inf and inf: none.
    kind
        How the lower bound is meant.
    miss
        ε, the probability a step of falling below it; for `Lower.CHANCE`.
    penalty
        p, money per unit below it; for `Lower.SOFT`.
    name
        In messages.

    Raises
    ------
    ThresholdError
        If a cost is negative, or no policy keeps the bounds in a step.
    """

    demand: tuple[Pmf, ...]
    unit_cost: ArrayLike
    holding: ArrayLike
    shortage: ArrayLike
    lower: float = NEVER
    upper: float = inf
    kind: Lower = Lower.BACKLOG
    miss: float = 0.05
    penalty: float = 0.0
    name: str = ""

    def __post_init__(self) -> None:
        for what in ("unit_cost", "holding", "shortage"):
            values = np.broadcast_to(np.asarray(getattr(self, what), dtype=np.float64), (self.num_steps,))
            wrong = np.flatnonzero(~(np.isfinite(values) & (values >= 0.0)))
            if len(wrong):
                raise ThresholdError(
                    f"{self._of}{what} in step {wrong[0] + 1}: {values[wrong[0]]}: expected at least 0"
                )
            object.__setattr__(self, what, as_floats(values))
        if not 0.0 < self.miss < 1.0 or not 0.0 <= self.penalty < inf:
            raise ThresholdError(f"{self._of}miss {self.miss}, penalty {self.penalty}: expected in (0, 1), at least 0")
        for bound in (self.lower, self.upper):
            if isfinite(bound) and bound != int(bound):
                raise ThresholdError(f"{self._of}bound {bound:g}: expected a whole number of units")
        self._check_bounds()

    def _check_bounds(self) -> None:
        for t in range(self.num_steps):
            low, high = self.least_threshold(t), self.most_threshold(t)
            if low > high:
                raise ThresholdError(
                    f"{self._of}step {t + 1}: at least {low:g} and at most {high:g} units would have to be there after "
                    f"the order; expected bounds {self.lower:g} and {self.upper:g} further apart than demand varies, "
                    f"{self.demand[t].first} to {self.demand[t].last}"
                )

    @property
    def _of(self) -> str:
        return f"{self.name}: " if self.name else ""

    @property
    def num_steps(self) -> int:
        """T."""
        return len(self.demand)

    def least_threshold(self, step: int) -> float:
        """What must be there after the order for the lower bound; -inf where nothing must."""
        if self.kind is Lower.HARD:
            return self.lower + self.demand[step].last
        if self.kind is Lower.CHANCE:
            return self.lower + self.demand[step].quantile(1.0 - self.miss)
        return NEVER

    def most_threshold(self, step: int) -> float:
        """What may be there at most."""
        return self.upper + self.demand[step].first

    def with_kind(self, kind: Lower) -> Firm:
        """The same firm with its lower bound meant in another way."""
        return Firm(
            self.demand, self.unit_cost, self.holding, self.shortage, self.lower, self.upper, kind, self.miss,
            self.penalty, self.name,
        )  # fmt: skip

    def cost(self, step: int, stock: Floats) -> Floats:
        """What a step costs at stocks in its end, money, any shape."""
        holding, shortage = np.asarray(self.holding)[step], np.asarray(self.shortage)[step]
        found = holding * np.maximum(stock, 0.0) + shortage * np.maximum(-stock, 0.0)
        if self.kind is Lower.SOFT and isfinite(self.lower):
            found = found + self.penalty * np.maximum(self.lower - stock, 0.0)
        return np.asarray(found)


@dataclass(frozen=True, eq=False)
class Thresholds:
    """An optimal policy.

    Parameters
    ----------
    firm
        Whose.
    free, thresholds
        s_t and s̄_t, units, shape (step,); -inf: never order.
    values
        Cost-to-go E of the policy from step 0, money, at the stocks `stocks`.
    stocks
        Whole numbers, shape (stock,).
    """

    firm: Firm
    free: Floats
    thresholds: Floats
    values: Floats
    stocks: NDArray[np.int64]

    def cost_to_go(self, stock: int) -> float:
        """Expected cost of the horizon from a stock before the first order, money."""
        if not self.stocks[0] <= stock <= self.stocks[-1]:
            raise ThresholdError(f"stock {stock}: expected {self.stocks[0]} to {self.stocks[-1]}")
        return float(self.values[stock - self.stocks[0]])


def thresholds(firm: Firm, beyond: int = 0) -> Thresholds:
    """The policy by the recursion; steps times units times support of demand operations.

    Parameters
    ----------
    firm
        The problem.
    beyond
        Units beyond the stocks that matter for which the cost-to-go is wanted too, on either side.
    """
    periods = 2
    while True:
        grid = _grid(firm, beyond, min(periods, firm.num_steps))
        found = _on_grid(firm, grid)
        is_inside = np.isfinite(found.free).all() and (found.free < grid[-1]).all()
        if is_inside or periods >= firm.num_steps:
            return found
        periods *= 4


def _on_grid(firm: Firm, grid: NDArray[np.int64]) -> Thresholds:
    """The recursion on stocks that hold all thresholds; below them nothing changes but along straight lines."""
    count, margin = firm.num_steps, len(grid)
    free, bounded = np.full(count, NEVER), np.full(count, NEVER)
    difference, value = np.zeros(margin), np.zeros(margin)  # m_{t+1} where x ≥ s̄_{t+1}, else 0; V_{t+1} + c_{t+1}·x
    unit = np.append(np.asarray(firm.unit_cost), 0.0)
    for t in reversed(range(count)):
        cost = firm.cost(t, grid.astype(np.float64))
        step = np.append(np.diff(cost), cost[-1] - cost[-2])
        m = (
            unit[t]
            - unit[t + 1]
            + _expected(firm.demand[t], step, step[0])
            + _expected(firm.demand[t], difference, difference[0])
        )
        ordered = np.flatnonzero(m >= -ROUNDING)
        free[t] = grid[ordered[0]] if len(ordered) and ordered[0] > 0 else NEVER if len(ordered) else grid[-1]
        bounded[t] = np.clip(free[t], firm.least_threshold(t), firm.most_threshold(t))
        place = 0 if bounded[t] == NEVER else int(bounded[t]) - int(grid[0])
        after = _expected_value(firm, t, grid, cost, value, unit[t + 1]) + unit[t] * grid
        value = after.copy()
        value[:place] = after[place]
        difference = np.where(np.arange(margin) >= place, m, 0.0)
    return Thresholds(firm, free, bounded, value - unit[0] * grid, grid)


def _grid(firm: Firm, beyond: int, periods: int) -> NDArray[np.int64]:
    """Stocks from as low as the demand of some periods can bring it to as high as it may be wanted for them.

    With all periods no threshold lies outside; with fewer, those that were found inside are the same.
    """
    total = periods * max(pmf.last for pmf in firm.demand)
    lower = firm.lower if isfinite(firm.lower) else 0.0
    low = int(min(lower, 0.0)) - total - 1 - beyond
    high = int(max(lower, 0.0)) + total + max(pmf.last for pmf in firm.demand) + 1 + beyond
    return np.arange(low, high + 1)


def _expected(pmf: Pmf, values: Floats, below: float) -> Floats:
    """E f(z - w) on the grid; f is constant below it."""
    padded = np.concatenate([np.full(pmf.last, below), values])
    return np.convolve(padded, pmf.probabilities, mode="valid")[: len(values)]


def _expected_value(firm: Firm, t: int, grid: NDArray[np.int64], cost: Floats, value: Floats, unit: float) -> Floats:
    """E[ g(z - w) + V_{t+1}(z - w) ] on the grid; below it both are continued along straight lines."""
    pmf = firm.demand[t]
    reach = np.arange(grid[0] - pmf.last, grid[0])
    more_cost = firm.cost(t, reach.astype(np.float64))
    more_value = value[0] + (value[1] - value[0]) * (reach - grid[0])
    everywhere = np.concatenate([more_cost + more_value - unit * reach, cost + value - unit * grid])
    return np.convolve(everywhere, pmf.probabilities, mode="valid")[: len(grid)]


def orders_of(policy: Thresholds, uniforms: Floats) -> Floats:
    """What a firm that starts empty orders in every step, on sampled demand, its supplier never short.

    Parameters
    ----------
    policy
        Of the firm.
    uniforms
        That demand is drawn with, shape (sample, step).
    """
    stock, found = np.zeros(len(uniforms)), np.empty(uniforms.shape)
    for t, pmf in enumerate(policy.firm.demand):
        found[:, t] = np.maximum(policy.thresholds[t] - stock, 0.0)
        stock = stock + found[:, t] - pmf.sample(uniforms[:, t])
    return found


def propagated(policies: Sequence[Thresholds], multiples: Sequence[int]) -> tuple[Pmf, ...]:
    """Demand on a supplier in every step but the first, from those it supplies (equation (2)), by convolution.

    A customer that stands at its threshold after every order asks in step t for what it sold in the step before, plus
    the change of its threshold. Exact while thresholds never fall by more than the least demand and its supplier is not
    short.

    Parameters
    ----------
    policies
        Of the customers, over the same steps.
    multiples
        Units of the supplier in one of theirs.

    Returns
    -------
    tuple
        Steps 1 .. T - 1; step 0 fills the pipeline and depends on where stocks start.
    """
    steps = range(1, policies[0].firm.num_steps)
    found = []
    for t in steps:
        total = Pmf(0, np.ones(1))
        for policy, multiple in zip(policies, multiples, strict=True):
            change = int(policy.thresholds[t] - policy.thresholds[t - 1])
            total = total.plus(policy.firm.demand[t - 1].shifted(change).times(multiple))
        found.append(total)
    return tuple(found)
