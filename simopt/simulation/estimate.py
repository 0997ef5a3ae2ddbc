"""A simulated mean with its half-width."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Estimate:
    """Mean of independent replications.

    Parameters
    ----------
    mean
        Sample mean.
    half_width
        Half-width of the two-sided 95% interval by Student's t; infinite for fewer than two replications.
    replications
        Sample size.
    """

    mean: float
    half_width: float
    replications: int

    @classmethod
    def of(cls, samples: NDArray[np.float64], confidence: float = CONFIDENCE) -> Estimate:
        """Estimate from one value a replication, shape (replication,)."""
        count = len(samples)
        if count == 0:
            raise ValueError("an estimate needs at least one replication, got none")
        if count == 1:
            return cls(float(samples[0]), float("inf"), 1)
        quantile = float(stdtrit(count - 1, 0.5 * (1.0 + confidence)))
        return cls(float(samples.mean()), quantile * float(samples.std(ddof=1)) / count**0.5, count)

    @property
    def relative_half_width(self) -> float:
        """Half-width as a share of the mean."""
        if self.mean == 0.0:
            return 0.0 if self.half_width == 0.0 else float("inf")
        return self.half_width / abs(self.mean)


def linearized_ratio(over: NDArray[np.float64], under: NDArray[np.float64], empty: float = 1.0) -> NDArray[np.float64]:
    """Values r + (x - r·y)/mean(y), r = mean(x)/mean(y), of two totals; `empty` where the second is 0 on average.

    Their mean is r and their variance, over their number, that of the ratio (delta method); those of two policies on
    common random numbers can be subtracted pair by pair.

    Parameters
    ----------
    over, under
        x and y of each replication, shape (replication, ...).
    """
    mean = under.mean(axis=0)
    some = mean > 0.0
    means = np.where(some, mean, 1.0)
    ratios = over.mean(axis=0) / means
    return np.where(some, ratios + (over - ratios * under) / means, empty)


def means_and_half_widths(samples: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of every column, shape (2, column), from one row a replication."""
    found = [Estimate.of(column) for column in samples.T]
    return np.array([[one.mean for one in found], [one.half_width for one in found]])


def ratio_estimates(over: NDArray[np.float64], under: NDArray[np.float64]) -> list[Estimate]:
    """Ratio of the means of two totals, 1 where the second is 0 (interval by linearization).

    Parameters
    ----------
    over, under
        Totals of each replication, shape (replication, item).
    """
    return [Estimate.of(column) for column in linearized_ratio(over, under).T]


def relative_gap(upper: float, lower: float) -> float:
    """(upper - lower) / upper; 0 where both are 0."""
    return (upper - lower) / upper if upper else 0.0 if lower >= 0.0 else float("inf")


def gap_interval(upper: Estimate, lower: float, lower_half_width: float) -> tuple[float, float] | None:
    """The 95% interval of the relative gap, or None where the half-widths leave it open.

    Both ends take both estimates at the ends of their intervals. The estimates are independent, so this covers at least
    as often as either of them. A lower bound from sampled scenarios lies too low on average, so that of such a gap only
    the upper end holds (Mak, Morton & Wood 1999).

    Parameters
    ----------
    upper
        The cost.
    lower, lower_half_width
        The bound; half-width 0 where it is exact.
    """
    least, most = upper.mean - upper.half_width, upper.mean + upper.half_width
    if not isfinite(most) or least <= 0.0 < most:
        return None
    low, high = relative_gap(least, lower + lower_half_width), relative_gap(most, lower - lower_half_width)
    return (low, high) if isfinite(low) and isfinite(high) else None
