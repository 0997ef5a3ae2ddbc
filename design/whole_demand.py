"""Demand from tables: counts (Poisson, negative binomial) and observed values."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from scipy import special

from design.demand_base import Floats, as_floats

LONGEST_TABLE = 1 << 20


@dataclass(frozen=True)
class PoissonDemand:
    """Poisson demand.

    Parameters
    ----------
    rate
        Expected units per period, above 0.
    """

    rate: float
    whole_units: bool = True

    @property
    def mean(self) -> float:
        """The rate."""
        return self.rate

    @property
    def standard_deviation(self) -> float:
        """Square root of the rate."""
        return float(np.sqrt(self.rate))

    def quantile(self, uniform: Floats) -> Floats:
        """Smallest count whose cumulative probability reaches each uniform, by table."""
        top = int(self.rate + 12.0 * np.sqrt(self.rate) + 40.0)
        table = special.pdtr(np.arange(top), self.rate)
        return np.searchsorted(table, uniform).astype(np.float64)

    def expected_excess(self, threshold: Floats) -> Floats:
        """Linear between whole numbers; rate·P(d >= k) - k·P(d >= k + 1) at a whole number k."""
        floor = np.floor(np.asarray(threshold, dtype=np.float64))
        at_floor = self.rate * self._above(floor - 2.0) - floor * self._above(floor - 1.0)
        return at_floor - (threshold - floor) * self._above(floor)

    def _above(self, count: Floats) -> Floats:
        return np.where(count < 0.0, 1.0, special.pdtrc(np.maximum(count, 0.0), self.rate))


@dataclass(frozen=True)
class NegativeBinomialDemand:
    """Negative binomial demand given by its first two moments (r = mean²/(sd² - mean), success probability mean/sd²).

    Parameters
    ----------
    location
        Mean, units per period, above 0.
    scale
        Standard deviation, above the square root of the mean; ValueError otherwise.
    """

    location: float
    scale: float
    whole_units: bool = True

    def __post_init__(self) -> None:
        if self.scale**2 <= self.location:
            least = f"expected one above {np.sqrt(self.location):g}, the square root of the mean"
            raise ValueError(f"sd {self.scale:g} of negative_binomial with mean {self.location:g}: {least}")

    @property
    def mean(self) -> float:
        """Mean demand."""
        return self.location

    @property
    def standard_deviation(self) -> float:
        """Standard deviation of the demand."""
        return self.scale

    @property
    def _parameters(self) -> tuple[float, float]:
        """Number of successes r and success probability."""
        return self.location**2 / (self.scale**2 - self.location), self.location / self.scale**2

    @cached_property
    def _cumulative(self) -> Floats | None:
        """P(d <= k) for k = 0, 1, ... up to the last that a uniform can ask for; None where that takes too many."""
        r, p = self._parameters
        top = 64
        while special.betainc(top, r, 1.0 - p) > 2.0**-54:
            top *= 2
            if top > LONGEST_TABLE:
                return None
        return as_floats(special.betainc(r, np.arange(top) + 1.0, p))

    def quantile(self, uniform: Floats) -> Floats:
        """Smallest count whose cumulative probability reaches each uniform, by table unless that would be huge."""
        if self._cumulative is not None:
            return np.searchsorted(self._cumulative, uniform).astype(np.float64)
        from scipy.stats import nbinom  # takes longer to import than all else here

        return np.maximum(nbinom(*self._parameters).ppf(uniform), 0.0)

    def expected_excess(self, threshold: Floats) -> Floats:
        """Linear between whole numbers; mean·P(d' >= k) - k·P(d > k) at a whole number k, d' with r + 1 for r."""
        level = np.asarray(threshold, dtype=np.float64)
        floor, (r, p) = np.floor(level), self._parameters
        above = special.betainc(floor + 1.0, r, 1.0 - p)
        shifted = np.where(floor > 0.0, special.betainc(np.maximum(floor, 1.0), r + 1.0, 1.0 - p), 1.0)
        return np.asarray(self.location * shifted - level * above)


@dataclass(frozen=True)
class EmpiricalDemand:
    """Independent draws with replacement from observed values (the bootstrap).

    Parameters
    ----------
    observations
        Demand of past periods in the order of time, units, at least one.
    history
        Name of the file that they come from.
    """

    observations: tuple[float, ...]
    history: str = field(default="history.csv", compare=False)

    @cached_property
    def _sorted(self) -> Floats:
        return as_floats(np.sort(self.observations))

    @cached_property
    def _sums_above(self) -> Floats:
        """Sum of the observations from each rank up, shape (observation + 1,)."""
        return np.append(np.cumsum(self._sorted[::-1])[::-1], 0.0)

    @cached_property
    def whole_units(self) -> bool:
        """Whether all observations are whole."""
        return bool(np.all(self._sorted == np.round(self._sorted)))

    @cached_property
    def mean(self) -> float:
        """Mean of the observations."""
        return float(self._sorted.mean())

    @cached_property
    def standard_deviation(self) -> float:
        """Their standard deviation (divided by their number)."""
        return float(self._sorted.std())

    def quantile(self, uniform: Floats) -> Floats:
        """Smallest observation such that the share of those not above it reaches each uniform."""
        rank = np.ceil(np.asarray(uniform) * len(self._sorted)).astype(np.int64) - 1
        return self._sorted[np.maximum(rank, 0)]

    def expected_excess(self, threshold: Floats) -> Floats:
        """Mean of max(0, observation - threshold)."""
        level = np.asarray(threshold, dtype=np.float64)
        first = np.searchsorted(self._sorted, level, side="right")
        return np.asarray((self._sums_above[first] - (len(self._sorted) - first) * level) / len(self._sorted))
