"""Distributions on whole units with bounded support: demand of a step, exact, cut from a distribution, or sampled."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from design.demand_base import Demand, as_floats
from design.errors import BadInputError

Floats = NDArray[np.float64]

TAIL = 1e-6  # of an unbounded distribution that is cut off on either side
TOLERANCE = 1e-9


class PmfError(BadInputError):
    """Probabilities that are none; the message names value and what was expected."""


@dataclass(frozen=True, eq=False)
class Pmf:
    """Probabilities of consecutive whole numbers of units.

    Parameters
    ----------
    first
        The least value, units, at least 0.
    probabilities
        Of `first`, `first` + 1, ...; at least 0, summing to 1, shape (value,).

    Raises
    ------
    PmfError
        If they do not.
    """

    first: int
    probabilities: Floats

    def __post_init__(self) -> None:
        probabilities = as_floats(self.probabilities)
        if self.first < 0:
            raise PmfError(f"least value {self.first}: expected at least 0 units")
        if probabilities.ndim != 1 or not len(probabilities) or not (probabilities >= 0.0).all():
            raise PmfError(f"probabilities {probabilities}: expected numbers of at least 0, one or more")
        total = float(probabilities.sum())
        if not abs(total - 1.0) <= TOLERANCE * len(probabilities):
            raise PmfError(f"probabilities add up to {total:g}: expected 1")
        object.__setattr__(self, "probabilities", as_floats(probabilities / total))

    @classmethod
    def uniform(cls, low: int, high: int) -> Pmf:
        """All whole numbers from low to high alike."""
        return cls(low, np.full(high - low + 1, 1.0 / (high - low + 1)))

    @classmethod
    def of_demand(cls, demand: Demand) -> Pmf:
        """Of a distribution's demand rounded to whole units, without tails of 1e-6 on either side."""
        ends = demand.quantile(np.array([TAIL, 1.0 - TAIL]))
        low, high = int(np.floor(ends[0])), int(np.ceil(ends[1]))
        edges = np.arange(low, high + 2, dtype=np.float64) - 0.5
        cumulative = _cumulative(demand, edges)
        cumulative[0], cumulative[-1] = 0.0, 1.0
        return cls(low, np.diff(cumulative)).trimmed()

    @classmethod
    def of_samples(cls, samples: ArrayLike) -> Pmf:
        """Shares of samples, rounded to whole units; any shape."""
        values = np.rint(np.asarray(samples, dtype=np.float64)).astype(np.int64).ravel()
        low = int(values.min())
        counts = np.bincount(values - low)
        return cls(low, np.asarray(counts / counts.sum(), dtype=np.float64))

    @property
    def last(self) -> int:
        """The greatest value."""
        return self.first + len(self.probabilities) - 1

    @property
    def values(self) -> NDArray[np.int64]:
        """All values."""
        return np.arange(self.first, self.last + 1)

    @property
    def mean(self) -> float:
        """Expected units."""
        return float(self.values @ self.probabilities)

    @property
    def standard_deviation(self) -> float:
        """Of the units."""
        return float(np.sqrt(np.square(self.values - self.mean) @ self.probabilities))

    def cumulative(self, units: ArrayLike) -> Floats:
        """P(w ≤ units), any shape."""
        steps = np.concatenate([[0.0], np.cumsum(self.probabilities)])
        place = np.floor(np.asarray(units, dtype=np.float64)).astype(np.int64) - self.first + 1
        return np.asarray(steps[np.clip(place, 0, len(steps) - 1)])

    def quantile(self, probability: float) -> int:
        """Least value with at least this cumulative probability."""
        place = int(np.searchsorted(np.cumsum(self.probabilities), probability - 1e-12))
        return self.first + min(place, len(self.probabilities) - 1)

    def mapped(self, values: NDArray[np.int64]) -> Pmf:
        """Of other whole numbers, at least 0, in the place of its values, shape (value,)."""
        low = int(values.min())
        return Pmf(low, np.bincount(values - low, weights=self.probabilities).astype(np.float64))

    def times(self, multiple: int) -> Pmf:
        """Of so many times the units."""
        return self.mapped(multiple * self.values)

    def plus(self, other: Pmf) -> Pmf:
        """Of the sum of two independent ones (convolution)."""
        joint = np.convolve(self.probabilities, other.probabilities)
        return Pmf(self.first + other.first, joint / joint.sum()).trimmed()

    def shifted(self, units: int) -> Pmf:
        """Of max(0, w + units)."""
        return self.mapped(np.maximum(self.values + units, 0))

    def mixed(self, other: Pmf, weight: float) -> Pmf:
        """Of this one with probability 1 - weight, of the other with probability weight."""
        low, high = min(self.first, other.first), max(self.last, other.last)
        found = np.zeros(high - low + 1)
        found[self.first - low : self.last - low + 1] += (1.0 - weight) * self.probabilities
        found[other.first - low : other.last - low + 1] += weight * other.probabilities
        return Pmf(low, found)

    def trimmed(self) -> Pmf:
        """Without values of probability 0 at the ends."""
        some = np.flatnonzero(self.probabilities > 0.0)
        return Pmf(self.first + int(some[0]), self.probabilities[some[0] : some[-1] + 1])

    def sample(self, uniforms: Floats) -> Floats:
        """Values by inversion, any shape."""
        steps = np.cumsum(self.probabilities)
        place = np.minimum(np.searchsorted(steps, uniforms, side="right"), len(steps) - 1)
        return np.asarray(self.first + place, dtype=np.float64)


def _cumulative(demand: Demand, edges: Floats) -> Floats:
    """P(d ≤ edge), from the quantile function by bisection: edges lie between whole units, never at an atom."""
    low, high = np.zeros(len(edges)), np.ones(len(edges))
    for _ in range(60):
        middle = 0.5 * (low + high)
        below = demand.quantile(middle) <= edges
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return 0.5 * (low + high)
