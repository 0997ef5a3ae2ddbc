"""Distribution of one customer's demand over several periods, on a grid."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import sqrt

import numpy as np

from design.demand import Demand, Floats, as_floats

STEPS_PER_DEVIATION = 512
MAX_POINTS = 1 << 17
TAIL = 1e-13


@dataclass(frozen=True, eq=False)
class GridDistribution:
    """A distribution on the grid start, start + step, start + 2·step, ...

    Parameters
    ----------
    start, step
        First point and grid step, units.
    probability
        Probability of each grid point, shape (point,).
    """

    start: float
    step: float
    probability: Floats

    def __post_init__(self) -> None:
        object.__setattr__(self, "probability", as_floats(self.probability))

    @cached_property
    def points(self) -> Floats:
        """Grid points, units, shape (point,)."""
        return self.start + self.step * np.arange(len(self.probability), dtype=np.float64)

    @cached_property
    def mean(self) -> float:
        """Expected value, units."""
        return float(self.points @ self.probability)

    @cached_property
    def standard_deviation(self) -> float:
        """Standard deviation, units."""
        return sqrt(float((self.points - self.mean) ** 2 @ self.probability))

    @cached_property
    def is_constant(self) -> bool:
        """Whether only one value has a probability."""
        return bool(np.count_nonzero(self.probability) == 1)

    def quantile(self, uniform: Floats, whole_units: bool) -> Floats:
        """Inverse distribution function, interpolated within a step unless the demand is in whole units."""
        cumulative = np.cumsum(self.probability)
        above = np.minimum(np.searchsorted(cumulative, uniform), len(cumulative) - 1)
        if whole_units or self.is_constant:
            return self.points[above]
        mass = np.maximum(self.probability[above], 1e-300)
        within = np.clip(1.0 - (cumulative[above] - uniform) / mass, 0.0, 1.0)
        return self.points[above] + self.step * np.where(above == 0, 0.0, within - 0.5)


def lead_time_demand(demand: Demand, num_periods: int, step: float | None = None) -> GridDistribution:
    """Demand over `num_periods` independent periods, by convolution on a grid.

    One period's demand is moved to its two neighboring grid points in the proportion that keeps the mean, so the mean
    is exact, whole-unit demand is exact, and the variance of other demand is too large by about step²/6 a period. The
    grid covers all but 1e-13 of the mean; its step is 1 for whole units, else the deviation over 512, coarser only
    where more than 131,072 points would be needed.

    Parameters
    ----------
    demand
        Distribution of one period.
    num_periods
        Periods at risk, at least 0.
    step
        Of the grid, units; None: chosen as above.
    """
    deviation = demand.standard_deviation
    if num_periods == 0 or demand.mean == 0.0:
        return GridDistribution(0.0, 1.0, np.ones(1))
    if deviation <= 1e-9 * demand.mean:
        return GridDistribution(num_periods * demand.mean, 1.0, np.ones(1))
    low, high = _range(demand)
    coarsest = num_periods * (high - low) / MAX_POINTS
    if step is None and demand.whole_units:
        step = max(float(np.ceil(coarsest)), 1.0)
    elif step is None:
        step = max(coarsest, deviation * np.sqrt(num_periods) / STEPS_PER_DEVIATION)
    start, single = _single_period(demand, low, high, step)
    size = (len(single) - 1) * num_periods + 1
    padded = 1 << (size - 1).bit_length()
    spectrum = np.fft.rfft(single, padded) ** num_periods
    total = np.maximum(np.fft.irfft(spectrum, padded)[:size], 0.0)
    kept = total[: int(np.flatnonzero(np.cumsum(total[::-1])[::-1] > TAIL)[-1]) + 1]
    return GridDistribution(num_periods * start, step, kept / kept.sum())


def _range(demand: Demand) -> tuple[float, float]:
    """Values outside of which next to nothing of one period's demand lies."""
    mean, deviation = demand.mean, demand.standard_deviation
    high = mean + 10.0 * deviation
    while demand.expected_excess(np.array([high]))[0] > TAIL * mean and high < mean + 1e3 * deviation:
        high += deviation + 0.3 * (high - mean)
    low = mean - 10.0 * deviation
    while low > 0.0 and low - mean + demand.expected_excess(np.array([low]))[0] > TAIL * mean:
        low -= deviation + 0.3 * (mean - low)
    return max(low, 0.0), high


def _single_period(demand: Demand, low: float, high: float, step: float) -> tuple[float, Floats]:
    """First grid point and the mass at all: second differences of the expected excess (hat-function weights)."""
    start = step * np.floor(low / step)
    excess = demand.expected_excess(start + step * np.arange(np.ceil((high - start) / step) + 2.0))
    inner = np.diff(excess, 2) / step
    first = 1.0 + (excess[1] - excess[0]) / step
    mass = np.maximum(np.concatenate(([first], inner)), 0.0)
    return float(start), mass / mass.sum()
