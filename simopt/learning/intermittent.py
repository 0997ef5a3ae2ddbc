"""Intermittent demand of many series at once.

Size and interval apart (Croston 1972), unbiased (Syntetos & Boylan 2005), or size and probability apart, so that items
that die are noticed (Teunter, Syntetos & Babai 2011).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Method = Literal["croston", "sba", "tsb"]


@dataclass(frozen=True, eq=False)
class IntermittentForecast:
    """Smoothed demand a period, arrays of one shape.

    Parameters
    ----------
    size
        Of a demand, units.
    interval
        Between demands, periods (Croston, SBA).
    probability
        Of a demand in a period (TSB).
    since
        Periods since the last demand, the coming one included.
    smoothing
        α of sizes and intervals, above 0, at most 1.
    fading
        β of the probability.
    method
        "croston", "sba" or "tsb".
    """

    size: Floats
    interval: Floats
    probability: Floats
    since: Floats
    smoothing: float = 0.1
    fading: float = 0.1
    method: Method = "sba"

    @classmethod
    def start(
        cls, mean: Floats, smoothing: float = 0.1, method: Method = "sba", interval: Floats | float = 1.0
    ) -> IntermittentForecast:
        """Before anything is seen: this mean a period, in demands so many periods apart."""
        mean = np.asarray(mean, dtype=np.float64)
        gap = np.broadcast_to(np.asarray(interval, dtype=np.float64), mean.shape).copy()
        return cls(mean * gap, gap, 1.0 / gap, np.ones_like(mean), smoothing, smoothing, method)

    def updated(self, demand: Floats) -> IntermittentForecast:
        """After a period's demand."""
        alpha, some = self.smoothing, demand > 0.0
        return replace(
            self,
            size=np.where(some, alpha * demand + (1.0 - alpha) * self.size, self.size),
            interval=np.where(some, alpha * self.since + (1.0 - alpha) * self.interval, self.interval),
            probability=self.probability + self.fading * (some - self.probability),
            since=np.where(some, 1.0, self.since + 1.0),
        )

    @property
    def level(self) -> Floats:
        """Demand a period."""
        if self.method == "tsb":
            return self.probability * self.size
        unbiased = 1.0 - 0.5 * self.smoothing if self.method == "sba" else 1.0
        return unbiased * self.size / self.interval
