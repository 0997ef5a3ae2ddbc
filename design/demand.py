"""Demand distributions of one period: sampling by inverse distribution function, moments and expected excess.

Every distribution is that of a demand d >= 0 of one customer in one period, independent over periods and customers.
Samples come from uniforms, so that the same random numbers serve every parameter value.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

Floats = NDArray[np.float64]


class Demand(Protocol):
    """What simulator and master need to know of a demand distribution."""

    @property
    def mean(self) -> float:
        """Expected demand per period, units."""

    @property
    def standard_deviation(self) -> float:
        """Standard deviation of the demand of a period, units."""

    @property
    def whole_units(self) -> bool:
        """Whether the demand takes whole numbers only."""

    def quantile(self, uniform: Floats) -> Floats:
        """Demand at each cumulative probability, any shape."""

    def expected_excess(self, threshold: Floats) -> Floats:
        """E max(0, d - threshold) at each threshold >= 0, any shape (the loss function)."""


@dataclass(frozen=True)
class NormalDemand:
    """max(0, N(location, scale)): the parameters are those of the untruncated normal.

    Parameters
    ----------
    location
        Mean of the untruncated normal, units per period.
    scale
        Its standard deviation, at least 0.
    """

    location: float
    scale: float
    whole_units: bool = False

    @property
    def mean(self) -> float:
        """Mean of the truncated demand, above `location` where negative values are cut off."""
        return float(self.expected_excess(np.zeros(1))[0])

    @property
    def standard_deviation(self) -> float:
        """Standard deviation of the truncated demand."""
        if self.scale == 0.0:
            return 0.0
        z = self.location / self.scale
        density, below = np.exp(-0.5 * z * z) / np.sqrt(2.0 * np.pi), special.ndtr(z)
        second = (self.location**2 + self.scale**2) * below + self.location * self.scale * density
        return float(np.sqrt(max(second - self.mean**2, 0.0)))

    def quantile(self, uniform: Floats) -> Floats:
        """Demand at each cumulative probability."""
        if self.scale == 0.0:
            return np.full_like(np.asarray(uniform, dtype=np.float64), max(self.location, 0.0))
        return np.maximum(self.location + self.scale * special.ndtri(uniform), 0.0)

    def expected_excess(self, threshold: Floats) -> Floats:
        """sd·(φ(z) - z·(1 - Φ(z))) with z = (threshold - mean)/sd: FoSCT appendix C, standard loss function."""
        if self.scale == 0.0:
            return np.maximum(max(self.location, 0.0) - threshold, 0.0)
        z = (np.asarray(threshold) - self.location) / self.scale
        return self.scale * (np.exp(-0.5 * z * z) / np.sqrt(2.0 * np.pi) - z * special.ndtr(-z))


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
class GammaDemand:
    """Gamma demand given by its first two moments.

    Parameters
    ----------
    location
        Mean, units per period, above 0.
    scale
        Standard deviation, above 0.
    """

    location: float
    scale: float
    whole_units: bool = False

    @property
    def mean(self) -> float:
        """Mean demand."""
        return self.location

    @property
    def standard_deviation(self) -> float:
        """Standard deviation of the demand."""
        return self.scale

    @property
    def _shape(self) -> float:
        return (self.location / self.scale) ** 2

    def quantile(self, uniform: Floats) -> Floats:
        """Demand at each cumulative probability."""
        return special.gammaincinv(self._shape, uniform) * (self.location / self._shape)

    def expected_excess(self, threshold: Floats) -> Floats:
        """mean·Q(a + 1, x) - threshold·Q(a, x) with the regularized upper incomplete gamma function Q."""
        x = np.asarray(threshold) * self._shape / self.location
        return self.location * special.gammaincc(self._shape + 1.0, x) - np.asarray(threshold) * special.gammaincc(
            self._shape, x
        )


def make_demand(distribution: str, mean: float, sd: float | None) -> Demand:
    """The distribution of that name.

    Parameters
    ----------
    distribution
        A key of `DISTRIBUTIONS`.
    mean, sd
        Its parameters, units per period; `sd` is None where the distribution has none.

    Raises
    ------
    ValueError
        If the name is unknown or a parameter is missing, superfluous or out of range; the message says which.
    """
    if distribution not in DISTRIBUTIONS:
        raise ValueError(f"unknown distribution {distribution!r}: expected one of {', '.join(DISTRIBUTIONS)}")
    if distribution == "poisson":
        if sd is not None:
            raise ValueError(f"sd {sd:g} given for poisson, whose sd follows from its mean: expected a blank")
        return PoissonDemand(_positive("mean", mean))
    if sd is None:
        raise ValueError(f"sd missing for {distribution}: expected a number")
    if distribution == "gamma":
        return GammaDemand(_positive("mean", mean), _positive("sd", sd))
    if sd < 0.0:
        raise ValueError(f"sd {sd:g}: expected a number, at least 0")
    return NormalDemand(mean, sd)


def demand_parameters(demand: Demand) -> dict[str, str | float | None]:
    """The row of a demand table that `make_demand` turns into this distribution."""
    if isinstance(demand, PoissonDemand):
        return {"distribution": "poisson", "mean": demand.rate, "sd": None}
    if isinstance(demand, GammaDemand):
        return {"distribution": "gamma", "mean": demand.location, "sd": demand.scale}
    if isinstance(demand, NormalDemand):
        return {"distribution": "normal", "mean": demand.location, "sd": demand.scale}
    raise TypeError(f"no demand table row for {type(demand).__name__}")


DISTRIBUTIONS = ("normal", "poisson", "gamma")


def _positive(name: str, value: float) -> float:
    if value <= 0.0:
        raise ValueError(f"{name} {value:g}: expected a number above 0")
    return value


def as_floats(values: ArrayLike) -> Floats:
    """A read-only float copy of `values`."""
    copy = np.array(values, dtype=np.float64)
    copy.setflags(write=False)
    return copy
