"""A serial chain over a few periods: what it costs, where it starts, and how orders follow from decisions.

Levels hold stock, upstream first; above them a plant that is never short, below them the market. With C_l(t) what level
l has ordered up to period t and D(t) what the market has,

    POR, SCR   C_l(t) = Σ_{k >= l} (ζ_k - I_k(0))·[t > k - l] + D(t - (L - l))     one target ζ, or one a level
    regular    C_l(t) = Σ_{τ <= t} O_l(τ)                                         orders decided up front

which is what (8), (9) and (12) of the paper say once inventory positions are added up: a target raises the position
once, in the first period, and after that every level orders what the one below has ordered a period before.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from design.demand_base import as_floats
from design.errors import BadInputError

Floats = NDArray[np.float64]


class ChainError(BadInputError):
    """A chain that contradicts itself; the message names level, period, value and what was expected."""


class Model(Enum):
    """What is decided before demand is known."""

    POR = "por"
    SCR = "scr"
    REGULAR = "regular"


@dataclass(frozen=True, eq=False)
class SerialChain:
    """Levels in series.

    Parameters
    ----------
    levels
        Names, upstream first.
    lead_times
        Periods from the supplier to each level, whole, at least 0, shape (level,).
    holding, backlog
        Money per unit at the end of a period, at least 0, shape (level, period).
    initial
        Units on hand at the start, at least 0, shape (level,).
    """

    levels: tuple[str, ...]
    lead_times: tuple[int, ...]
    holding: Floats
    backlog: Floats
    initial: Floats

    def __post_init__(self) -> None:
        count = len(self.levels)
        if count < 1 or len(self.lead_times) != count:
            raise ChainError(f"{len(self.lead_times)} lead times: expected one for each of {count} levels, at least 1")
        for name, lead_time in zip(self.levels, self.lead_times, strict=True):
            if lead_time != int(lead_time) or lead_time < 0:
                raise ChainError(f"lead time of {name}: {lead_time}: expected whole periods, at least 0")
        shape = (count, self.num_periods)
        for what, expected in (("holding", shape), ("backlog", shape), ("initial", shape[:1])):
            object.__setattr__(self, what, self._checked(what, expected))

    def _checked(self, what: str, shape: tuple[int, ...]) -> Floats:
        values = as_floats(getattr(self, what))
        if values.shape != shape or values.size == 0:
            raise ChainError(f"{what} of shape {values.shape}: expected {shape}, levels and periods")
        wrong = np.argwhere(~(np.isfinite(values) & (values >= 0.0)))
        if len(wrong):
            raise ChainError(f"{what} of {self.levels[wrong[0][0]]}: {values[tuple(wrong[0])]}: expected at least 0")
        return values

    @classmethod
    def uniform(
        cls, levels: tuple[str, ...], periods: int, *, lead_time: int = 2, holding: ArrayLike = 1.0,
        backlog: ArrayLike = 2.0, initial: ArrayLike = 100.0,
    ) -> SerialChain:  # fmt: skip
        """A chain whose costs are the same in all periods, given as a number or one a level; the paper's by default."""
        if periods < 1:
            raise ChainError(f"periods {periods}: expected at least 1")
        count = len(levels)

        def by_level(values: ArrayLike) -> Floats:
            return np.broadcast_to(np.asarray(values, dtype=np.float64), (count,))

        rates = [np.repeat(by_level(values)[:, None], periods, axis=1) for values in (holding, backlog)]
        return cls(levels, (lead_time,) * count, rates[0], rates[1], by_level(initial))

    def with_terminal_value(self, value: float) -> SerialChain:
        """The chain with a worth of what is on hand in the end, and a price of what is owed then, money per unit.

        It lowers the last period's holding cost and raises its backlog cost, so that plans do not run down stock
        because the horizon ends.

        Raises
        ------
        ChainError
            If it is negative or above a holding cost of the last period: goods would be ordered to be left over.
        """
        most = float(self.holding[:, -1].min())
        if not 0.0 <= value <= most:
            raise ChainError(f"terminal value {value}: expected 0 to {most:g}, the last period's least holding cost")
        holding, backlog = self.holding.copy(), self.backlog.copy()
        holding[:, -1] -= value
        backlog[:, -1] += value
        return replace(self, holding=holding, backlog=backlog)

    @property
    def num_periods(self) -> int:
        """Of the horizon."""
        return int(np.shape(self.holding)[-1])

    def lead_times_of(self, num_scenarios: int) -> NDArray[np.int64]:
        """The same lead times in all scenarios and periods, shape (scenario, level, period)."""
        shape = (num_scenarios, len(self.levels), self.num_periods)
        return np.broadcast_to(np.asarray(self.lead_times, dtype=np.int64)[:, None], shape)

    @property
    def ships_at_once(self) -> bool:
        """Whether no level gains by holding back what the one below has ordered, with fixed lead times.

        It gains nothing if holding a unit below in any period costs at most what holding it and owing it here does when
        it would be shipped: then the recursion that ships at once is an optimal solution of the program.
        """
        for upper, lead_time in enumerate(self.lead_times[1:]):
            saved = self.holding[upper] + self.backlog[upper]
            shifted = self.holding[upper + 1, lead_time:]
            if (shifted > saved[: len(shifted)] + 1e-12).any():
                return False
        return True


@dataclass(frozen=True, eq=False)
class OrderRule:
    """How much every level has ordered up to each period, from the decision and demand.

    C_l(t) = Σ_n share[l, t, n]·decision[n] + start[l, t] + D(t - delay[l])

    Parameters
    ----------
    share
        Shape (level, period, decision).
    start
        Units, shape (level, period).
    delay
        Periods after which a level orders what the market has asked for, shape (level,); None: never.
    lower
        Least decision, units, shape (decision,): orders are not negative.
    upper
        Greatest decision, shape (decision,); None: any.
    """

    share: Floats
    start: Floats
    delay: tuple[int, ...] | None
    lower: Floats
    upper: Floats | None = None

    def fixed_at(self, decision: Floats) -> OrderRule:
        """The rule with one decision only."""
        return replace(self, lower=decision, upper=decision)

    def fixed_orders(self, demand: Floats) -> Floats:
        """The part of C_l(t) that no decision changes, D in the last row, shape (level + 1, scenario, period).

        Parameters
        ----------
        demand
            Units, shape (scenario, period).
        """
        cumulative = np.cumsum(demand, axis=1)
        count, periods = self.start.shape
        fixed = np.empty((count + 1, *demand.shape))
        fixed[count] = cumulative
        for level, start in enumerate(self.start):
            fixed[level] = start
            if self.delay is not None and self.delay[level] < periods:
                fixed[level, :, self.delay[level] :] += cumulative[:, : periods - self.delay[level]]
        return fixed


def order_rule(chain: SerialChain, model: Model) -> OrderRule:
    """Orders under a model."""
    count, periods = len(chain.levels), chain.num_periods
    if model is Model.REGULAR:
        share = np.zeros((count, periods, count, periods))
        for level in range(count):
            share[level, :, level, :] = np.tri(periods)
        return OrderRule(share.reshape(count, periods, -1), np.zeros((count, periods)), None, np.zeros(count * periods))
    raised = np.zeros((count, periods, count))
    for level in range(count):
        for below in range(level, count):
            raised[level, below - level :, below] = 1.0
    start = -raised @ chain.initial
    delay = tuple(count - level for level in range(count))
    if model is Model.POR:
        return OrderRule(raised.sum(axis=2, keepdims=True), start, delay, chain.initial.max(keepdims=True))
    return OrderRule(raised, start, delay, chain.initial.copy())
