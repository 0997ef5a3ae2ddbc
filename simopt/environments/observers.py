"""What agents make of the demand and the shortages they have seen: the features their orders depend on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from simopt.environments.step_demand import Goodwill

Floats = NDArray[np.float64]


class Watch(Protocol):
    """An observer at work, on many paths."""

    def features(self) -> Floats:
        """Of what was seen so far, shape (path, feature)."""

    def see(self, demand: Floats, owed: Floats) -> None:
        """Demand and shortage of one more step, shape (path,), units."""


class Observer(Protocol):
    """Whoever looks at demand."""

    def start(self, count: int) -> Watch:
        """Before the first step of that many paths."""


@dataclass(frozen=True)
class Clock:
    """Sees nothing: orders depend on the step alone. One feature, 1."""

    def start(self, count: int) -> Watch:
        """Before the first step."""
        return _Ones(np.ones((count, 1)))


@dataclass(frozen=True)
class _Ones:
    ones: Floats

    def features(self) -> Floats:
        return self.ones

    def see(self, demand: Floats, owed: Floats) -> None:
        """Nothing changes."""


@dataclass(frozen=True)
class GoodwillObserver:
    """Follows goodwill from the shortages: 1, and goodwill less what it would be if nobody had ever waited.

    Parameters
    ----------
    rule
        Known.
    """

    rule: Goodwill

    def start(self, count: int) -> Watch:
        """Before the first step."""
        return _GoodwillWatch(self.rule, np.ones(count), np.ones(count))


@dataclass
class _GoodwillWatch:
    rule: Goodwill
    now: Floats
    unhurt: Floats

    def features(self) -> Floats:
        return np.stack([np.ones_like(self.now), self.now - self.unhurt], axis=1)

    def see(self, demand: Floats, owed: Floats) -> None:  # noqa: ARG002
        self.now = self.rule.after(self.now, owed)
        self.unhurt = self.rule.after(self.unhurt, np.zeros_like(owed))


@dataclass(frozen=True)
class SmoothedDemand:
    """Knows nothing of demand but a first guess: 1, and how far averages of what it sees are from the guess.

    Parameters
    ----------
    guess
        Of mean demand, units.
    rates
        Weights of the newest observation, one average each.
    """

    guess: float
    rates: tuple[float, ...] = (0.15, 0.5)

    def start(self, count: int) -> Watch:
        """Before the first step."""
        return _SmoothingWatch(np.array(self.rates), self.guess, np.zeros((count, len(self.rates))))


@dataclass
class _SmoothingWatch:
    rates: Floats
    guess: float
    distances: Floats = field(repr=False)

    def features(self) -> Floats:
        return np.column_stack([np.ones(len(self.distances)), self.distances])

    def see(self, demand: Floats, owed: Floats) -> None:  # noqa: ARG002
        now = (demand / self.guess - 1.0)[:, None]
        self.distances = self.distances + self.rates * (now - self.distances)
