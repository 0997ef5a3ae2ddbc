"""Demand of step networks on many paths: Poisson around means that may follow the customers' goodwill."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]

ENOUGH = 1e-9  # units: a smaller shortage is none


@dataclass(frozen=True)
class Goodwill:
    """How demand follows service: a factor of its mean.

    Parameters
    ----------
    growth, decay
        Factors after a step without and with a shortage; numbers, or one a path, shape (path,).
    least, most
        Bounds.
    """

    growth: float | Floats
    decay: float | Floats
    least: float
    most: float

    def after(self, before: Floats, owed: Floats) -> Floats:
        """Goodwill a step later, if so many units were owed or lost at the end of this one."""
        return np.clip(before * np.where(owed > ENOUGH, self.decay, self.growth), self.least, self.most)

    def references(self, steps: int) -> Floats:
        """Goodwill of every step if nobody ever waits, shape (step,)."""
        return np.minimum(np.asarray(self.growth) ** np.arange(steps), self.most)


class DemandPaths(Protocol):
    """Demand on many paths."""

    @property
    def means(self) -> Floats:
        """At goodwill 1, shape (path, step)."""

    @property
    def goodwill(self) -> Goodwill | None:
        """How they follow service; None: they do not."""

    def units(self, step: int, goodwill: Floats) -> Floats:
        """Of a step on every path, shape (path,)."""


@dataclass(frozen=True, eq=False)
class PoissonPaths:
    """Poisson demand whose distance from the mean is scaled.

    Parameters
    ----------
    means
        At goodwill 1, shape (path, step).
    uniforms
        By whose inversion it is drawn, shape (path, step).
    noise
        Factor of the distance, shape (path,), or the same on all; 0: the mean itself.
    goodwill
        How the mean follows service.
    """

    means: Floats
    uniforms: Floats
    noise: Floats | float = 1.0
    goodwill: Goodwill | None = None

    def units(self, step: int, goodwill: Floats) -> Floats:
        """Of a step on every path, shape (path,)."""
        mean = self.means[:, step] * goodwill
        if np.all(np.equal(self.noise, 0.0)):
            return mean
        drawn = np.asarray(stats.poisson.ppf(self.uniforms[:, step], mean), dtype=np.float64)
        return np.maximum(mean + self.noise * (drawn - mean), 0.0)


class DemandModel(Protocol):
    """What an agent takes demand to be."""

    def paths(self, rng: np.random.Generator, count: int) -> DemandPaths:
        """Fresh paths."""
