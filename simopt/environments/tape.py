"""Reverse-mode derivatives of what is computed with vectors over sample paths: a tape of local slopes."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Slope = Floats | float


@dataclass(eq=False)
class Tape:
    """What was computed, in order; run backward once."""

    entries: list[Traced] = field(default_factory=list)

    def start(self, value: float, count: int) -> Traced:
        """A number that is the same on all paths, shape (path,)."""
        return Traced(self, np.full(count, float(value)))

    def run_back(self, result: Traced) -> None:
        """Fill the slopes of the sum of a result over paths in everything it was computed from."""
        result.slope = np.ones_like(result.value)
        for entry in reversed(self.entries):
            if entry.slope is None:
                continue
            for parent, local in entry.parents:
                part = entry.slope * local
                parent.slope = part if parent.slope is None else parent.slope + part


@dataclass(eq=False)
class Traced:
    """A value on every path with what it was computed from.

    Parameters
    ----------
    tape
        Where it is written.
    value
        Shape (path,).
    parents
        With the local slope in each.
    slope
        Of the result in this value, once the tape has run back; None: it does not matter.
    """

    tape: Tape
    value: Floats
    parents: tuple[tuple[Traced, Slope], ...] = ()
    slope: Floats | None = None

    def derived(self, value: Floats, *parents: tuple[Traced, Slope]) -> Traced:
        """A value computed from others."""
        found = Traced(self.tape, value, parents)
        self.tape.entries.append(found)
        return found

    def plus(self, other: Traced, times: float = 1.0) -> Traced:
        """The sum with a multiple of another."""
        return self.derived(self.value + times * other.value, (self, 1.0), (other, times))

    def scaled(self, factor: Slope) -> Traced:
        """A multiple."""
        return self.derived(self.value * factor, (self, factor))

    def above(self) -> Traced:
        """What lies above 0."""
        some = self.value > 0.0
        return self.derived(np.where(some, self.value, 0.0), (self, some.astype(np.float64)))

    def at_most(self, other: Traced) -> Traced:
        """The smaller one."""
        own = self.value <= other.value
        share = own.astype(np.float64)
        return self.derived(np.where(own, self.value, other.value), (self, share), (other, 1.0 - share))

    def mean_slope(self) -> float:
        """Mean over paths; 0 where it does not matter."""
        return 0.0 if self.slope is None else float(self.slope.mean())
