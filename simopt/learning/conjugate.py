"""Conjugate beliefs about demand, of any number of series at once: exact, one observation at a time or in batches.

Normal demand with unknown mean and variance, normal-inverse-gamma belief (μ, κ, α, β):

    κ' = κ + n    μ' = (κμ + n x̄)/κ'    α' = α + n/2    β' = β + SS/2 + κ n (x̄ - μ)²/(2κ')

Poisson demand with unknown rate, gamma belief (a, b):  a' = a + Σx, b' = b + n.

Demand over several periods shares the unknown parameters, so that its predictive variance grows faster than with the
number of periods: Student t with 2α degrees of freedom, location nμ, scale² (β/α)(n + n²/κ); negative binomial with
size a and probability b/(b + n). (Murphy 2007; Gelman et al. 2013, chapters 2 and 3.)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

Floats = NDArray[np.float64]
Periods = int | NDArray[np.int64]

LEAST_SCALE = 1e-9  # share of the mean below which a standard deviation counts as none


@dataclass(frozen=True, eq=False)
class NormalBelief:
    """Normal-inverse-gamma, arrays of one shape.

    Parameters
    ----------
    mean, weight
        μ and κ: the expected mean, and how many observations it is worth.
    shape, scale
        α and β of the variance.
    """

    mean: Floats
    weight: Floats
    shape: Floats
    scale: Floats

    @classmethod
    def around(cls, mean: Floats, sd: Floats, worth: Floats | float) -> NormalBelief:
        """What so many observations of that mean and standard deviation would have left.

        Parameters
        ----------
        mean, sd
            Expected, units; sd above 0 or no larger than rounding.
        worth
            Observations, above 0.
        """
        mean, sd, worth = np.broadcast_arrays(*(np.asarray(part, dtype=np.float64) for part in (mean, sd, worth)))
        sd = np.maximum(sd, LEAST_SCALE * np.maximum(np.abs(mean), 1.0))
        shape = 1.0 + 0.5 * worth
        return cls(mean, worth, shape, shape * sd**2)

    def updated(self, seen: Floats, where: NDArray[np.bool_] | bool = True) -> NormalBelief:
        """After one more observation of every series; of those in `where` only."""
        n = np.asarray(where, dtype=np.float64)
        weight = self.weight + n
        off = np.where(where, seen, self.mean) - self.mean
        return NormalBelief(
            self.mean + n * off / weight,
            weight,
            self.shape + 0.5 * n,
            self.scale + 0.5 * n * self.weight * off**2 / weight,
        )

    def updated_with(self, observations: Floats) -> NormalBelief:
        """After a batch, the first axis of the array; nan where nothing was observed."""
        seen = ~np.isnan(observations)
        n = seen.sum(axis=0).astype(np.float64)
        center = np.where(seen, observations, 0.0).sum(axis=0) / np.maximum(n, 1.0)
        squares = (np.where(seen, observations - center, 0.0) ** 2).sum(axis=0)
        weight, off = self.weight + n, np.where(n > 0.0, center - self.mean, 0.0)
        return NormalBelief(
            self.mean + n * off / weight,
            weight,
            self.shape + 0.5 * n,
            self.scale + 0.5 * squares + 0.5 * self.weight * n * off**2 / weight,
        )

    def forgetting(self, keep: float, floor: NormalBelief | None = None) -> NormalBelief:
        """With κ, α and β times a factor, so that old observations count ever less; never below a floor's κ and α."""
        least_weight = 0.0 if floor is None else floor.weight
        least_shape = 1.0 if floor is None else floor.shape
        shape = np.maximum(self.shape * keep, least_shape)
        return NormalBelief(self.mean, np.maximum(self.weight * keep, least_weight), shape, self.sd2 * shape)

    @property
    def sd2(self) -> Floats:
        """β/α: the variance of a period, about."""
        return self.scale / self.shape

    def variance(self, periods: Periods = 1) -> Floats:
        """Predictive, of demand over so many periods; inf where α ≤ 1."""
        n = np.asarray(periods, dtype=np.float64)
        spread = np.where(self.shape > 1.0, self.scale / np.maximum(self.shape - 1.0, 1e-300), np.inf)
        return np.asarray(spread * (n + n**2 / self.weight))

    def quantile(self, probability: Floats | float, periods: Periods = 1) -> Floats:
        """Predictive, of demand over so many periods."""
        n = np.asarray(periods, dtype=np.float64)
        spread = np.sqrt(self.sd2 * (n + n**2 / self.weight))
        return np.asarray(n * self.mean + spread * special.stdtrit(2.0 * self.shape, probability))

    def cdf(self, demand: Floats, periods: Periods = 1) -> Floats:
        """Predictive, of demand over so many periods."""
        n = np.asarray(periods, dtype=np.float64)
        spread = np.sqrt(self.sd2 * (n + n**2 / self.weight))
        return np.asarray(special.stdtr(2.0 * self.shape, (demand - n * self.mean) / spread))

    def sample(self, rng: np.random.Generator, count: int, periods: int = 1) -> Floats:
        """Demand of single periods whose parameters are shared, shape (draw, period, ...)."""
        variance = self.scale / rng.standard_gamma(self.shape, (count, *self.mean.shape))
        mean = self.mean + np.sqrt(variance / self.weight) * rng.standard_normal(variance.shape)
        noise = rng.standard_normal((count, periods, *self.mean.shape))
        return np.asarray(mean[:, None] + np.sqrt(variance)[:, None] * noise)


@dataclass(frozen=True, eq=False)
class PoissonBelief:
    """Gamma belief about the rate of Poisson demand, arrays of one shape.

    Parameters
    ----------
    shape, rate
        a and b.
    """

    shape: Floats
    rate: Floats

    @classmethod
    def around(cls, mean: Floats, worth: Floats | float) -> PoissonBelief:
        """What so many observations of that mean would have left; a mean of 0 counts as half a unit in all."""
        mean, worth = np.broadcast_arrays(np.asarray(mean, dtype=np.float64), np.asarray(worth, dtype=np.float64))
        return cls(np.maximum(mean * worth, 0.5), worth)

    def updated(self, seen: Floats, where: NDArray[np.bool_] | bool = True) -> PoissonBelief:
        """After one more observation of every series; of those in `where` only."""
        return PoissonBelief(self.shape + np.where(where, seen, 0.0), self.rate + np.asarray(where, dtype=np.float64))

    def updated_with(self, observations: Floats) -> PoissonBelief:
        """After a batch, the first axis of the array; nan where nothing was observed."""
        n = (~np.isnan(observations)).sum(axis=0).astype(np.float64)
        return PoissonBelief(self.shape + np.nansum(observations, axis=0), self.rate + n)

    def forgetting(self, keep: float, floor: PoissonBelief | None = None) -> PoissonBelief:
        """With a and b times a factor; never below a floor's b."""
        rate = np.maximum(self.rate * keep, 0.0 if floor is None else floor.rate)
        return PoissonBelief(self.mean * rate, rate)

    @property
    def mean(self) -> Floats:
        """Expected demand a period."""
        return self.shape / self.rate

    def variance(self, periods: Periods = 1) -> Floats:
        """Predictive, of demand over so many periods."""
        n = np.asarray(periods, dtype=np.float64)
        return np.asarray(n * self.mean + n**2 * self.shape / self.rate**2)

    def quantile(self, probability: Floats | float, periods: Periods = 1) -> Floats:
        """Predictive, whole units, of demand over so many periods."""
        return np.asarray(stats.nbinom.ppf(probability, self.shape, self.rate / (self.rate + periods)))

    def cdf(self, demand: Floats, periods: Periods = 1) -> Floats:
        """Predictive, of demand over so many periods."""
        return np.asarray(stats.nbinom.cdf(demand, self.shape, self.rate / (self.rate + periods)))

    def sample(self, rng: np.random.Generator, count: int, periods: int = 1) -> Floats:
        """Demand of single periods that share the rate, shape (draw, period, ...)."""
        rate = rng.standard_gamma(self.shape, (count, *self.shape.shape)) / self.rate
        return rng.poisson(rate[:, None], (count, periods, *self.shape.shape)).astype(np.float64)


Belief = NormalBelief | PoissonBelief


def winsorised(belief: Belief, seen: Floats, tail: float) -> Floats:
    """Observations clipped to the predictive quantiles `tail` and 1 - `tail`: one wild number moves a belief little."""
    return np.clip(seen, belief.quantile(tail), belief.quantile(1.0 - tail))


def learn(
    belief: Belief,
    observations: Floats,
    keep: float = 1.0,
    tail: float = 0.0,
    each: Callable[[Belief], None] | None = None,
) -> Belief:
    """Update with observations in order, the first axis of the array; nan where nothing was observed.

    Parameters
    ----------
    belief
        To begin with; with `keep` below 1 its weight is never gone below.
    observations
        Shape (period, ...), units.
    keep
        Factor of forgetting a period.
    tail
        Of winsorising; 0: none.
    each
        Called with the belief before each observation.
    """
    first = belief
    for seen in observations:
        if each is not None:
            each(belief)
        there = ~np.isnan(seen)
        value = winsorised(belief, np.where(there, seen, 0.0), tail) if tail > 0.0 else seen
        if keep < 1.0:
            belief = belief.forgetting(keep, first)  # type: ignore[arg-type]
        belief = belief.updated(np.where(there, value, 0.0), there)
    return belief
