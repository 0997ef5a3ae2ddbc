"""Distributions on a grid: of one period's demand, of sums of independent ones, of weighted values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import sqrt

import numpy as np

from design.demand import Demand, Floats, as_floats

STEPS_PER_DEVIATION = 512
MAX_POINTS = 1 << 17
TAIL = 1e-13
LOG_TAIL = 30.0  # -log(TAIL)


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


def trimmed(start: float, step: float, mass: Floats) -> GridDistribution:
    """A distribution without its negligible upper end; rounding errors below 0 are cut off."""
    total = np.maximum(mass, 0.0)
    kept = total[: int(np.flatnonzero(np.cumsum(total[::-1])[::-1] > TAIL)[-1]) + 1]
    return GridDistribution(start, step, kept / kept.sum())


def of_values(values: Floats, weights: Floats, step: float) -> GridDistribution:
    """Weighted values on multiples of the step, each moved to its two neighbors in the proportion that keeps its mean.

    Parameters
    ----------
    values, weights
        Units and probabilities, shape (value,).
    step
        Of the grid, units.
    """
    position = values / step
    lower = np.floor(position)
    part, first = position - lower, lower.min()
    cell = (lower - first).astype(np.int64)
    mass = np.bincount(np.concatenate((cell, cell + 1)), np.concatenate(((1.0 - part) * weights, part * weights)))
    return trimmed(float(first) * step, step, mass.astype(np.float64))


def sum_of(parts: Sequence[GridDistribution], step: float) -> GridDistribution:
    """The sum of independent variables, all on grids of this step; constants may lie off them."""
    varying = [part for part in parts if not part.is_constant]
    shift = sum(part.mean for part in parts if part.is_constant)
    if not varying:
        return GridDistribution(shift, step, np.ones(1))
    size = sum(len(part.probability) - 1 for part in varying) + 1
    padded = 1 << (size - 1).bit_length()
    spectrum = np.prod([np.fft.rfft(part.probability, padded) for part in varying], axis=0)
    mass = np.fft.irfft(spectrum, padded)[:size] if size > 1 else np.ones(1)
    return trimmed(shift + sum(part.start for part in varying), step, mass)


def mixture(parts: Sequence[GridDistribution], step: float) -> GridDistribution:
    """Each of these with the same probability."""
    if len(parts) == 1:
        return parts[0]
    values = np.concatenate([part.points for part in parts])
    return of_values(values, np.concatenate([part.probability for part in parts]) / len(parts), step)


def spread_of_sum(varying: Sequence[tuple[GridDistribution, float]]) -> tuple[float, float]:
    """How far below and above its mean a sum of independent scaled variables may lie, but for a negligible probability.

    Where every tail reaches its end gradually, ends add in quadrature. Where one does not, as with few observed values,
    Bernstein's inequality tells, and no sum lies beyond the sum of the ends.

    Parameters
    ----------
    varying
        Distributions that are not constant, and their factors.
    """
    ends = [(share * (grid.points[-1] - grid.mean), share * grid.standard_deviation) for grid, share in varying]
    gradual = all(end >= 7.0 * deviation for end, deviation in ends)
    if gradual and all(grid.probability[-1] < 1e-8 for grid, _ in varying):
        reach = float(np.sqrt(sum(end**2 for end, _ in ends)))
        return reach, reach
    variance = sum(deviation**2 for _, deviation in ends)
    lows = [share * (grid.mean - grid.start) for grid, share in varying]
    below, above = (_bernstein(found, variance) for found in (lows, [end for end, _ in ends]))
    return below, above


def _bernstein(ends: Sequence[float], variance: float) -> float:
    part = max(ends) * LOG_TAIL / 3.0
    return min(sum(ends), part + sqrt(part**2 + 2.0 * LOG_TAIL * variance))


def one_period(demand: Demand, step: float) -> GridDistribution:
    """One period's demand on multiples of a step, unless it never varies."""
    if demand.standard_deviation <= 1e-9 * demand.mean or demand.mean == 0.0:
        return GridDistribution(demand.mean, step, np.ones(1))
    start, mass = single_period(demand, *value_range(demand), step)
    return GridDistribution(start, step, mass)


def value_range(demand: Demand) -> tuple[float, float]:
    """Values outside of which next to nothing of one period's demand lies."""
    mean, deviation = demand.mean, demand.standard_deviation
    high = mean + 10.0 * deviation
    while demand.expected_excess(np.array([high]))[0] > TAIL * mean and high < mean + 1e3 * deviation:
        high += deviation + 0.3 * (high - mean)
    low = mean - 10.0 * deviation
    while low > 0.0 and low - mean + demand.expected_excess(np.array([low]))[0] > TAIL * mean:
        low -= deviation + 0.3 * (mean - low)
    return max(low, 0.0), high


def single_period(demand: Demand, low: float, high: float, step: float) -> tuple[float, Floats]:
    """First grid point and the mass at all: second differences of the expected excess (hat-function weights)."""
    start = step * np.floor(low / step)
    excess = demand.expected_excess(start + step * np.arange(np.ceil((high - start) / step) + 2.0))
    inner = np.diff(excess, 2) / step
    first = 1.0 + (excess[1] - excess[0]) / step
    mass = np.maximum(np.concatenate(([first], inner)), 0.0)
    return float(start), mass / mass.sum()
