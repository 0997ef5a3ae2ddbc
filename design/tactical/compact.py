"""The program of `design.tactical.program` in cumulative shipments alone, for many scenarios.

With C_l(t) the orders of level l up to t (`chain.OrderRule`, C_{L+1} = D), X_l(t) what l has shipped and X_0 = C_1,

    X_l(t) <= C_{l+1}(t)                       backlog C_{l+1} - X_l is not negative
    X_l(t) <= I_l(0) + R_l(t)                  stock I_l(0) + R_l - X_l is not negative
    X_l(t) >= X_l(t - 1)

where R_l(t) = Σ over τ with τ + N_l(τ) <= t of X_{l-1}(τ) - X_{l-1}(τ - 1) has arrived. A third of the variables, no
equalities, and the decision enters through C only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog
from scipy.sparse import coo_array, csr_array

from design.errors import NoSolutionError
from design.tactical.chain import OrderRule, SerialChain
from design.tactical.scenarios import ScenarioSet

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class ProgramSolution:
    """An optimal solution.

    Parameters
    ----------
    objective
        Expected cost.
    decision
        Shape (decision,), or (scenario, decision) where every scenario decides for itself.
    """

    objective: float
    decision: Floats


def solve_program(
    chain: SerialChain,
    rule: OrderRule,
    scenarios: ScenarioSet,
    lead_times: Whole | None = None,
    *,
    separate: bool = False,
) -> ProgramSolution:
    """Solve it with HiGHS.

    Parameters
    ----------
    lead_times
        As for `program.build_program`.
    separate
        Whether every scenario has a decision of its own (perfect information).

    Raises
    ------
    NoSolutionError
        If HiGHS finds none.
    """
    program = _Program(chain, rule, scenarios, lead_times, separate)
    for level in range(len(chain.levels)):
        for t in range(chain.num_periods):
            program.add_cost(level, t)
            program.add_limits(level, t)
    return program.solve()


@dataclass(frozen=True, eq=False)
class _Amount:
    """An amount in each scenario: Σ factor·column + constant."""

    terms: tuple[tuple[NDArray[np.int64], float], ...]
    constant: Floats


class _Program:
    """Collects costs and rows; a row is Σ factor·column <= limit in each scenario."""

    def __init__(
        self, chain: SerialChain, rule: OrderRule, scenarios: ScenarioSet, lead_times: Whole | None, separate: bool
    ) -> None:
        self._chain, self._rule = chain, rule
        self._weight = scenarios.probabilities
        num, count, periods = scenarios.num_scenarios, len(chain.levels), chain.num_periods
        self._shape = num, count, periods
        self._fixed = rule.fixed_orders(scenarios.demand)
        self._copies = num if separate else 1
        size = len(rule.lower)
        self._first_of = np.arange(num) * size if separate else np.zeros(num, dtype=np.int64)
        self._num_decisions = self._copies * size
        self._shipped = self._num_decisions + np.arange(num * count * periods).reshape(self._shape)
        self._takes = chain.lead_times_of(num) if lead_times is None else lead_times
        self._cost = np.zeros(self._num_decisions + self._shipped.size)
        self._constant = 0.0
        self._rows: list[NDArray[np.int64]] = []
        self._columns: list[NDArray[np.int64]] = []
        self._factors: list[Floats] = []
        self._limits: list[Floats] = []

    def _ordered(self, level: int, t: int) -> _Amount:
        """C: what a level, or in the end the market, has ordered."""
        if level == len(self._chain.levels):
            return _Amount((), self._fixed[level, :, t])
        share = self._rule.share[level, t]
        terms = tuple((self._first_of + n, float(share[n])) for n in np.flatnonzero(share))
        return _Amount(terms, self._fixed[level, :, t])

    def _sent(self, level: int, t: int) -> _Amount:
        """What has been shipped to a level."""
        if level == 0:
            return self._ordered(0, t)
        return _Amount(((self._shipped[:, level - 1, t], 1.0),), np.zeros(len(self._weight)))

    def _arrived(self, level: int, t: int) -> list[tuple[NDArray[np.int64], float, _Amount]]:
        """R as a sum: in which scenarios, with which sign, which amounts sent."""
        found = []
        for tau in range(t + 1):
            where = np.flatnonzero(tau + self._takes[:, level, tau] <= t)
            if len(where):
                found.append((where, 1.0, self._sent(level, tau)))
            if len(where) and tau > 0:
                found.append((where, -1.0, self._sent(level, tau - 1)))
        return found

    def _charge(self, rate: float, amount: _Amount, where: NDArray[np.int64] | slice = slice(None)) -> None:
        weight = rate * self._weight[where]
        self._constant += float(weight @ amount.constant[where])
        for columns, factor in amount.terms:
            np.add.at(self._cost, columns[where], factor * weight)

    def add_cost(self, level: int, t: int) -> None:
        """Holding on I(0) + R - X, backlog on C - X."""
        holding, backlog = self._chain.holding[level, t], self._chain.backlog[level, t]
        self._constant += holding * float(self._chain.initial[level])
        for where, sign, amount in self._arrived(level, t):
            self._charge(sign * holding, amount, where)
        self._charge(backlog, self._ordered(level + 1, t))
        self._charge(-(holding + backlog), _Amount(((self._shipped[:, level, t], 1.0),), np.zeros(len(self._weight))))

    def _add_row(self, positive: NDArray[np.int64], limit: Floats) -> NDArray[np.int64]:
        rows = len(self._limits) * len(self._weight) + np.arange(len(self._weight))
        self._limits.append(limit)
        self._add_terms(rows, positive, 1.0)
        return rows

    def _add_terms(self, rows: NDArray[np.int64], columns: NDArray[np.int64], factor: float) -> None:
        self._rows.append(rows)
        self._columns.append(columns)
        self._factors.append(np.full(len(rows), factor))

    def add_limits(self, level: int, t: int) -> None:
        """What may have been shipped: what was ordered, what there was, and no less than before."""
        shipped, asked = self._shipped[:, level, t], self._ordered(level + 1, t)
        rows = self._add_row(shipped, asked.constant)
        for columns, factor in asked.terms:
            self._add_terms(rows, columns, -factor)
        limit = np.full(len(self._weight), self._chain.initial[level])
        rows = self._add_row(shipped, limit)
        for where, sign, amount in self._arrived(level, t):
            limit[where] += sign * amount.constant[where]
            for columns, factor in amount.terms:
                self._add_terms(rows[where], columns[where], -sign * factor)
        if t > 0:
            rows = self._add_row(self._shipped[:, level, t - 1], np.zeros(len(self._weight)))
            self._add_terms(rows, shipped, -1.0)

    def solve(self) -> ProgramSolution:
        entries = np.concatenate(self._rows), np.concatenate(self._columns)
        limits = np.concatenate(self._limits)
        matrix = csr_array(coo_array((np.concatenate(self._factors), entries), shape=(len(limits), len(self._cost))))
        low = np.concatenate([np.tile(self._rule.lower, self._copies), np.zeros(self._shipped.size)])
        high = np.full(len(low), np.inf)
        if self._rule.upper is not None:
            high[: self._num_decisions] = np.tile(self._rule.upper, self._copies)
        bounds = np.column_stack([low, high])
        solved = linprog(self._cost, A_ub=matrix, b_ub=limits, bounds=bounds, method="highs")
        if solved.status != 0:
            raise NoSolutionError(f"the linear program of {len(self._weight):,} scenarios: {solved.message}")
        decision = solved.x[: self._num_decisions]
        shaped = decision if self._copies == 1 else decision.reshape(self._copies, -1)
        return ProgramSolution(float(solved.fun) + self._constant, shaped)
