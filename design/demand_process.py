"""Demand that depends on time: autocorrelated, in blocks of a history, or with a profile over a cycle of periods.

A process has the marginal distribution of a period like any other demand (of a random period of the cycle where there
is a profile); `sample_paths` turns independent uniforms into its paths.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from math import lcm, sqrt

import numpy as np
from scipy import special

from design.demand_base import Demand, Floats
from design.smooth_demand import GammaDemand, IntermittentDemand, LogNormalDemand, NormalDemand
from design.whole_demand import EmpiricalDemand, NegativeBinomialDemand, PoissonDemand

LEAST_UNIFORM = 2.0**-54
MOST_UNIFORM = 1.0 - 2.0**-53


@dataclass(frozen=True)
class ProfiledDemand:
    """Independent demand whose mean and standard deviation follow a cycle of factors.

    Parameters
    ----------
    profile
        Its name.
    factors
        Of each period of the cycle, at least 0; the first is that of a simulation's first period.
    base
        The demand of a period with factor 1.

    Raises
    ------
    ValueError
        If a factor leads to parameters out of range.
    """

    profile: str
    factors: tuple[float, ...]
    base: Demand

    def __post_init__(self) -> None:
        object.__setattr__(self, "_phases", tuple(scaled(self.base, factor) for factor in self.factors))

    @property
    def phases(self) -> tuple[Demand, ...]:
        """Distribution in each period of the cycle."""
        phases: tuple[Demand, ...] = self._phases  # type: ignore[attr-defined]
        return phases

    @cached_property
    def mean(self) -> float:
        """Mean over the cycle."""
        return sum(phase.mean for phase in self.phases) / len(self.phases)

    @cached_property
    def standard_deviation(self) -> float:
        """Standard deviation of a random period's demand."""
        second = sum(phase.mean**2 + phase.standard_deviation**2 for phase in self.phases) / len(self.phases)
        return sqrt(max(second - self.mean**2, 0.0))

    @cached_property
    def whole_units(self) -> bool:
        """Whether the demand of every period is in whole units."""
        return all(phase.whole_units for phase in self.phases)

    def expected_excess(self, threshold: Floats) -> Floats:
        """Mean over the cycle."""
        return np.asarray(np.mean([phase.expected_excess(threshold) for phase in self.phases], axis=0))

    def quantile(self, uniform: Floats) -> Floats:
        """Demand of a path: the last axis runs over consecutive periods, the first of them the cycle's first."""
        uniform = np.asarray(uniform, dtype=np.float64)
        paths, length = np.empty_like(uniform), len(self.phases)
        for first, phase in enumerate(self.phases[: uniform.shape[-1]]):
            paths[..., first::length] = phase.quantile(uniform[..., first::length])
        return paths


@dataclass(frozen=True)
class AutocorrelatedDemand:
    """Gaussian copula of order 1: z_t = ρ·z_(t-1) + sqrt(1 - ρ²)·e_t, stationary, demand = quantile(Φ(z_t)).

    Parameters
    ----------
    base
        Distribution of a period, perhaps with a profile.
    autocorrelation
        ρ, of the normal scores, in (-1, 1), not 0.
    """

    base: Demand
    autocorrelation: float

    @property
    def mean(self) -> float:
        """Mean of a period's demand."""
        return self.base.mean

    @property
    def standard_deviation(self) -> float:
        """Standard deviation of a period's demand."""
        return self.base.standard_deviation

    @property
    def whole_units(self) -> bool:
        """As its distribution."""
        return self.base.whole_units

    def expected_excess(self, threshold: Floats) -> Floats:
        """Of a period's demand."""
        return self.base.expected_excess(threshold)

    def quantile(self, uniform: Floats) -> Floats:
        """Of a period's demand."""
        return self.base.quantile(uniform)

    def scores(self, innovations: Floats) -> Floats:
        """Normal scores from independent standard normals, shape (..., period)."""
        rho, scores = self.autocorrelation, np.array(innovations, dtype=np.float64)
        for period in range(1, scores.shape[-1]):
            scores[..., period] = rho * scores[..., period - 1] + sqrt(1.0 - rho * rho) * innovations[..., period]
        return scores


@dataclass(frozen=True)
class BlockBootstrapDemand:
    """Blocks of consecutive observations, drawn with replacement (circular block bootstrap, Politis & Romano 1992).

    Every block starts at a random observation and goes on from the last observation to the first; the first period lies
    anywhere in its block, so that paths are stationary and every observation has the same probability in every period.

    Parameters
    ----------
    base
        The observations and their distribution.
    block
        Periods in a block, at least 2 and at most the number of observations.
    """

    base: EmpiricalDemand
    block: int

    @property
    def mean(self) -> float:
        """Mean of a period's demand."""
        return self.base.mean

    @property
    def standard_deviation(self) -> float:
        """Standard deviation of a period's demand."""
        return self.base.standard_deviation

    @property
    def whole_units(self) -> bool:
        """As its observations."""
        return self.base.whole_units

    def expected_excess(self, threshold: Floats) -> Floats:
        """Of a period's demand."""
        return self.base.expected_excess(threshold)

    def quantile(self, uniform: Floats) -> Floats:
        """Of a period's demand."""
        return self.base.quantile(uniform)

    def paths(self, uniforms: Floats) -> Floats:
        """Paths from independent uniforms, shape (replication, period); the first uniform also tells where to begin."""
        observed = np.array(self.base.observations)
        count, num_periods = len(observed), uniforms.shape[1]
        place, rest = np.divmod(uniforms[:, 0] * self.block, 1.0)
        passed = place.astype(np.int64)[:, None] + np.arange(num_periods)
        starts = np.minimum((uniforms * count).astype(np.int64), count - 1)
        starts[:, 0] = np.minimum((rest * count).astype(np.int64), count - 1)
        began = np.maximum(np.arange(num_periods) - passed % self.block, 0)
        return observed[(np.take_along_axis(starts, began, axis=1) + passed % self.block) % count]


def sample_paths(demand: Demand, uniforms: Floats) -> Floats:
    """Demand of consecutive periods from independent uniforms, shape (replication, period), units."""
    if isinstance(demand, BlockBootstrapDemand):
        return demand.paths(uniforms)
    if isinstance(demand, AutocorrelatedDemand):
        innovations = special.ndtri(np.maximum(uniforms, LEAST_UNIFORM))
        return demand.base.quantile(np.minimum(special.ndtr(demand.scores(innovations)), MOST_UNIFORM))
    return demand.quantile(uniforms)


def is_autocorrelated(demand: Demand) -> bool:
    """Whether a period's demand tells something of the next one's."""
    return isinstance(demand, AutocorrelatedDemand | BlockBootstrapDemand)


def phases_of(demand: Demand) -> tuple[Demand, ...]:
    """Distribution of a period's demand in each period of its cycle; one where it has no profile."""
    if isinstance(demand, AutocorrelatedDemand):
        return phases_of(demand.base)
    return demand.phases if isinstance(demand, ProfiledDemand) else (demand,)


def cycle_length(demands: Iterable[Demand]) -> int:
    """Periods after which the profiles of all these demands repeat; 1 without profiles."""
    return lcm(*(len(phases_of(demand)) for demand in demands))


def variance_rate(demand: Demand) -> float:
    """What the variance of the demand over many periods grows by a period, or more; for ranges of levels."""
    variance = demand.standard_deviation**2
    if isinstance(demand, BlockBootstrapDemand):
        return variance * demand.block
    if isinstance(demand, AutocorrelatedDemand):
        rho = max(demand.autocorrelation, 0.0)
        return variance_rate(demand.base) * (1.0 + rho) / (1.0 - rho)
    return variance * len(demand.phases) if isinstance(demand, ProfiledDemand) else variance


def scaled(demand: Demand, factor: float) -> Demand:
    """The demand with a multiple of its mean, and of its standard deviation unless that follows from the mean.

    Observed values are multiplied themselves. Raises ValueError if that leads to parameters out of range.
    """
    if factor in (0.0, 1.0):
        nothing = PoissonDemand(0.0) if demand.whole_units else NormalDemand(0.0, 0.0)
        return demand if factor == 1.0 else nothing
    if isinstance(demand, EmpiricalDemand):
        return replace(demand, observations=tuple(factor * value for value in demand.observations))
    if isinstance(demand, IntermittentDemand):
        size = GammaDemand(factor * demand.size.location, factor * demand.size.scale)
        return replace(demand, size=size)
    if isinstance(demand, PoissonDemand):
        return PoissonDemand(factor * demand.rate)
    if isinstance(demand, NormalDemand | GammaDemand | LogNormalDemand | NegativeBinomialDemand):
        return replace(demand, location=factor * demand.location, scale=factor * demand.scale)
    raise TypeError(f"no multiple of {type(demand).__name__}")
