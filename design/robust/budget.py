"""Budgets of uncertainty: how many periods at once may be as bad as they get.

Γ = 1 + Φ⁻¹(1 - ε)·sqrt(n) bounds the probability by about ε that the sum of n independent, symmetric deviations leaves
the set (Bertsimas & Sim 2004, theorem 3, approximated). A constant Γ protects ever less as periods pass; it
must grow, but by no more than 1 a period, or the new period counts more than once.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from design.errors import BadInputError

Floats = NDArray[np.float64]


def budget_for(violation: float, terms: Floats | float) -> Floats:
    """Γ of sums of so many terms.

    Parameters
    ----------
    violation
        ε, above 0 and below 1.
    terms
        n, at least 0.

    Raises
    ------
    BadInputError
        If the probability is out of range.
    """
    if not 0.0 < violation < 1.0:
        raise BadInputError(f"violation {violation:g}: expected a probability above 0 and below 1")
    n = np.asarray(terms, dtype=np.float64)
    return np.asarray(np.clip(1.0 + ndtri(1.0 - violation) * np.sqrt(n), 0.0, n))


def budget_schedule(violation: float, periods: int) -> Floats:
    """Γ_k of every period, shape (period,): for so many terms as have passed, not falling, by at most 1 a period."""
    wanted = np.maximum.accumulate(budget_for(violation, np.arange(1.0, periods + 1.0)))
    found = np.empty(periods)
    last = 0.0
    for k in range(periods):
        last = min(wanted[k], last + 1.0)
        found[k] = last
    return found


def check_schedule(budget: Floats, name: str) -> None:
    """Refuse what is no schedule.

    Raises
    ------
    BadInputError
        If it is negative, falls, or rises by more than 1; the message names the period.
    """
    steps = np.diff(budget, prepend=0.0)
    bad = np.flatnonzero((steps < -1e-9) | (steps > 1.0 + 1e-9) | ~np.isfinite(budget))
    if bad.size:
        k = int(bad[0])
        raise BadInputError(
            f"{name}: budget {budget[k]:g} in period {k + 1} after {budget[k - 1] if k else 0.0:g}: "
            "expected it not to fall and to grow by at most 1 a period"
        )


def worst_sums(half_ranges: Floats, budget: Floats) -> Floats:
    """A_k: greatest sum of deviations up to each period, shape (period,).

    The ⌊Γ_k⌋ largest half-ranges up to k and the fraction of the next: the inner maximum solved in closed form, as its
    data do not depend on decisions.
    """
    found = np.zeros(len(half_ranges))
    for k in range(len(half_ranges)):
        largest = np.sort(half_ranges[: k + 1])[::-1]
        whole = int(np.floor(budget[k] + 1e-12))
        found[k] = largest[:whole].sum()
        if whole < len(largest):
            found[k] += (budget[k] - whole) * largest[whole]
    return found
