"""Demand of any amount: normal, gamma, log-normal, and gamma in some periods only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from design.demand_base import Floats
from design.gamma_quantile import gamma_quantile


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
        found = np.asarray(special.ndtri(uniform))
        found *= self.scale
        found += self.location
        return np.maximum(found, 0.0, out=found)

    def expected_excess(self, threshold: Floats) -> Floats:
        """sd·(φ(z) - z·(1 - Φ(z))) with z = (threshold - mean)/sd: FoSCT appendix C, standard loss function."""
        if self.scale == 0.0:
            return np.maximum(max(self.location, 0.0) - threshold, 0.0)
        z = (np.asarray(threshold) - self.location) / self.scale
        return self.scale * (np.exp(-0.5 * z * z) / np.sqrt(2.0 * np.pi) - z * special.ndtr(-z))


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
        return gamma_quantile(self._shape, uniform) * (self.location / self._shape)

    def expected_excess(self, threshold: Floats) -> Floats:
        """mean·Q(a + 1, x) - threshold·Q(a, x) with the regularized upper incomplete gamma function Q."""
        x = np.asarray(threshold) * self._shape / self.location
        return self.location * special.gammaincc(self._shape + 1.0, x) - np.asarray(threshold) * special.gammaincc(
            self._shape, x
        )


@dataclass(frozen=True)
class LogNormalDemand:
    """Log-normal demand given by its first two moments: its logarithm is N(log mean - v/2, v), v = log(1 + (sd/mean)²).

    Parameters
    ----------
    location
        Mean of the demand itself, units per period, above 0.
    scale
        Its standard deviation, above 0.
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
    def _log_moments(self) -> tuple[float, float]:
        """Mean and standard deviation of the logarithm."""
        variance = float(np.log1p((self.scale / self.location) ** 2))
        return float(np.log(self.location)) - 0.5 * variance, float(np.sqrt(variance))

    def quantile(self, uniform: Floats) -> Floats:
        """Demand at each cumulative probability."""
        center, spread = self._log_moments
        return np.asarray(np.exp(center + spread * special.ndtri(uniform)))

    def expected_excess(self, threshold: Floats) -> Floats:
        """mean·Φ(z + s) - threshold·Φ(z) with z = (E log d - log threshold)/s, s the deviation of log d."""
        center, spread = self._log_moments
        level = np.asarray(threshold, dtype=np.float64)
        with np.errstate(divide="ignore"):
            z = (center - np.log(level)) / spread
        return np.asarray(self.location * special.ndtr(z + spread) - level * special.ndtr(z))


@dataclass(frozen=True)
class IntermittentDemand:
    """Demand in some periods only (compound Bernoulli): with a probability of a gamma-distributed size, else none.

    Parameters
    ----------
    probability
        Of a period with demand, in (0, 1].
    size
        Demand of such a period.
    """

    probability: float
    size: GammaDemand
    whole_units: bool = False

    @property
    def mean(self) -> float:
        """p·m: probability times mean size."""
        return self.probability * self.size.mean

    @property
    def standard_deviation(self) -> float:
        """sqrt(p·s² + p·(1 - p)·m²)."""
        p, m, s = self.probability, self.size.mean, self.size.standard_deviation
        return float(np.sqrt(p * s * s + p * (1.0 - p) * m * m))

    def quantile(self, uniform: Floats) -> Floats:
        """0 up to the probability of no demand, then the quantile of the size at what is left of it."""
        within = (np.asarray(uniform, dtype=np.float64) - (1.0 - self.probability)) / self.probability
        return np.where(within > 0.0, self.size.quantile(np.maximum(within, 0.0)), 0.0)

    def expected_excess(self, threshold: Floats) -> Floats:
        """The probability times the expected excess of the size."""
        return self.probability * self.size.expected_excess(threshold)
