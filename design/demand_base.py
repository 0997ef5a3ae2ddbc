"""What simulator and master need to know of a demand distribution."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

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


def as_floats(values: ArrayLike) -> Floats:
    """A read-only float copy of `values`."""
    copy = np.array(values, dtype=np.float64)
    copy.setflags(write=False)
    return copy
