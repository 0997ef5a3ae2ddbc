"""Convex functions of a few variables by cutting planes within a trust region (Linderoth & Wright 2003).

Every evaluation gives a plane that lies below the function; the greatest of them, minimized over the whole box, is a
lower bound of the minimum. Steps are taken within a box around the best point, without which the first hundreds of
planes send the search from corner to corner.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog

Floats = NDArray[np.float64]
Oracle = Callable[[Floats], tuple[float, Floats]]


@dataclass(frozen=True, eq=False)
class ConvexMinimum:
    """The best point found.

    Parameters
    ----------
    point
        Shape (variable,).
    value, lower_bound
        There, and what the function is nowhere below.
    evaluations
        How many.
    """

    point: Floats
    value: float
    lower_bound: float
    evaluations: int


def minimize_convex(
    oracle: Oracle, lower: Floats, upper: Floats, start: Floats, tolerance: float = 1e-6, most: int = 2_000
) -> ConvexMinimum:
    """Minimize a convex function over a box.

    Parameters
    ----------
    oracle
        Value and a subgradient at a point.
    lower, upper, start
        Shape (variable,).
    tolerance
        Of the distance between value and lower bound, as a share of the value.
    most
        Evaluations.
    """
    best = np.clip(start, lower, upper)
    value, slope = oracle(best)
    planes = _Planes(lower, upper)
    planes.add(best, value, slope)
    radius, bound, count = float((upper - lower).max()) / 8.0, -np.inf, 1
    while count < most:
        enough = tolerance * max(abs(value), 1.0)
        trial, model = planes.minimize(best, radius)
        if value - model <= enough:
            trial, bound = planes.minimize(best, np.inf)
            if value - bound <= enough:
                break
            model = bound
            radius *= 4.0
        found, slope = oracle(trial)
        planes.add(trial, found, slope)
        count += 1
        if value - found >= 0.1 * (value - model):
            radius *= 2.0 if value - found >= 0.5 * (value - model) else 1.0
            best, value = trial, found
        else:
            radius /= 2.0 if found > value + (value - model) else 1.25
    else:
        bound = planes.minimize(best, np.inf)[1]
    return ConvexMinimum(best, value, min(bound, value), count)


class _Planes:
    def __init__(self, lower: Floats, upper: Floats) -> None:
        self._lower, self._upper = lower, upper
        self._slopes: list[Floats] = []
        self._limits: list[float] = []

    def add(self, point: Floats, value: float, slope: Floats) -> None:
        self._slopes.append(np.append(slope, -1.0))
        self._limits.append(float(slope @ point) - value)

    def minimize(self, center: Floats, radius: float) -> tuple[Floats, float]:
        """The least of the greatest plane within a distance of the center, in every variable."""
        low, high = np.maximum(self._lower, center - radius), np.minimum(self._upper, center + radius)
        bounds = np.column_stack([np.append(low, -np.inf), np.append(high, np.inf)])
        cost = np.append(np.zeros(len(low)), 1.0)
        solved = linprog(cost, A_ub=np.array(self._slopes), b_ub=self._limits, bounds=bounds, method="highs")
        return np.clip(solved.x[:-1], low, high), float(solved.fun)
