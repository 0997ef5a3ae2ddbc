"""Distribution of one customer's demand over several periods, on a grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from design.demand import Demand, Floats, as_floats

STEPS_PER_DEVIATION = 512
TAIL = 1e-13


@dataclass(frozen=True, eq=False)
class GridDistribution:
    """A distribution on the grid 0, step, 2·step, ...

    Parameters
    ----------
    step
        Grid step, units.
    probability
        Probability of each grid point, shape (point,).
    """

    step: float
    probability: Floats

    def __post_init__(self) -> None:
        object.__setattr__(self, "probability", as_floats(self.probability))

    @property
    def points(self) -> Floats:
        """Grid points, units, shape (point,)."""
        return self.step * np.arange(len(self.probability), dtype=np.float64)

    @property
    def mean(self) -> float:
        """Expected value, units."""
        return float(self.points @ self.probability)

    @property
    def is_constant(self) -> bool:
        """Whether only one value has a probability."""
        return bool(np.count_nonzero(self.probability) == 1)

    def quantile(self, uniform: Floats, whole_units: bool) -> Floats:
        """Inverse distribution function, interpolated within a step unless the demand is in whole units."""
        cumulative = np.cumsum(self.probability)
        above = np.minimum(np.searchsorted(cumulative, uniform), len(cumulative) - 1)
        if whole_units or self.is_constant:
            return self.step * above
        mass = np.maximum(self.probability[above], 1e-300)
        within = np.clip(1.0 - (cumulative[above] - uniform) / mass, 0.0, 1.0)
        return self.step * np.where(above == 0, 0.0, above - 0.5 + within)


def lead_time_demand(demand: Demand, num_periods: int) -> GridDistribution:
    """Demand over `num_periods` independent periods, by convolution on a grid.

    One period's demand is moved to its two neighboring grid points in the proportion that keeps the mean, so the mean
    is exact, whole-unit demand is exact, and the variance of other demand is too large by about step²/6 a period.

    Parameters
    ----------
    demand
        Distribution of one period.
    num_periods
        Periods at risk, at least 0.
    """
    deviation = demand.standard_deviation
    if num_periods == 0 or demand.mean == 0.0:
        return GridDistribution(1.0, np.ones(1))
    if deviation == 0.0:
        return GridDistribution(demand.mean, np.eye(num_periods + 1)[num_periods])
    step = 1.0 if demand.whole_units else deviation * np.sqrt(num_periods) / STEPS_PER_DEVIATION
    single = _single_period(demand, step)
    size = (len(single) - 1) * num_periods + 1
    padded = 1 << (size - 1).bit_length()
    spectrum = np.fft.rfft(single, padded) ** num_periods
    total = np.maximum(np.fft.irfft(spectrum, padded)[:size], 0.0)
    kept = total[: int(np.flatnonzero(np.cumsum(total[::-1])[::-1] > TAIL)[-1]) + 1]
    return GridDistribution(step, kept / kept.sum())


def _single_period(demand: Demand, step: float) -> Floats:
    """Mass at the grid points: second differences of the expected excess (hat-function weights)."""
    reach = demand.mean + 10.0 * demand.standard_deviation + step
    while demand.expected_excess(np.array([reach]))[0] > TAIL * max(demand.mean, step):
        reach *= 1.3
    excess = demand.expected_excess(step * np.arange(np.ceil(reach / step) + 2.0))
    inner = np.diff(excess, 2) / step
    first = 1.0 + (excess[1] - excess[0]) / step
    mass = np.maximum(np.concatenate(([first], inner)), 0.0)
    return mass / mass.sum()
