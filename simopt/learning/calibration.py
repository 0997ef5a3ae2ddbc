"""Whether predictions mean what they say: probability integral transforms and coverage of intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Calibration:
    """Of one-step predictions.

    Parameters
    ----------
    observations
        How many were predicted.
    coverage
        Share of observations inside the central interval of each nominal probability.
    histogram
        Share of transforms in each tenth; all 0.1 where predictions are calibrated.
    distance
        Greatest distance of the transforms' distribution from the uniform one (Kolmogorov).
    probability
        Of as great a distance if predictions were calibrated and observations independent.
    """

    observations: int
    coverage: dict[float, float]
    histogram: tuple[float, ...]
    distance: float
    probability: float


def calibration(transforms: Floats, nominal: Sequence[float] = (0.5, 0.8, 0.9, 0.95)) -> Calibration:
    """Judge predictions by their probability integral transforms F(x), any shape; nan is left out.

    Parameters
    ----------
    transforms
        F_t(x_t) of the prediction made before each observation; of counts drawn between F(x - 1) and F(x).
    nominal
        Probabilities of central intervals.

    Raises
    ------
    ValueError
        If there is none.
    """
    values = transforms[~np.isnan(transforms)]
    if not values.size:
        raise ValueError("calibration: expected at least one observation")
    inside = {p: float((np.abs(values - 0.5) <= 0.5 * p).mean()) for p in nominal}
    counts = np.histogram(values, bins=10, range=(0.0, 1.0))[0] / values.size
    test = stats.kstest(values, "uniform")
    return Calibration(
        values.size, inside, tuple(map(float, counts)), float(test.statistic), float(test.pvalue)
    )  # fmt: skip
