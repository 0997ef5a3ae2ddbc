"""Quantiles of the standard gamma distribution from a table: 30-60 ns each, their inversion takes 250-950.

With u = Φ(z), log x(z) is smooth: its slope is φ(z)/(x·g(x)), g the gamma density. Cubic Hermite interpolation between
8,192 exact values agrees with the inversion to 2e-12 of x (shapes from 0.1 to 1e6; others are inverted).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy import special

from design.demand_base import Floats

POINTS = 8192
LAST = 8.5  # Φ(-8.5) is below every positive uniform
LEAST_SHAPE, MOST_SHAPE = 0.1, 1e6


def gamma_quantile(shape: float, uniform: Floats) -> Floats:
    """The x with P(shape, x) = u, P the regularized lower incomplete gamma function.

    Parameters
    ----------
    shape
        Above 0.
    uniform
        In [0, 1), any shape.
    """
    uniform = np.asarray(uniform, dtype=np.float64)
    table = _table(shape)
    if table is None:
        return np.asarray(special.gammaincinv(shape, uniform))
    place = (np.clip(special.ndtri(uniform), -LAST, LAST) + LAST) * ((POINTS - 1) / (2.0 * LAST))
    cell = np.minimum(place.astype(np.int64), POINTS - 2)
    part = place - cell
    constant, linear, square, cube = (row[cell] for row in table)
    found = np.exp(constant + part * (linear + part * (square + part * cube)))
    return np.where(uniform > 0.0, found, 0.0)


@lru_cache(maxsize=1024)
def _table(shape: float) -> Floats | None:
    """Coefficients of the cubic in every cell, shape (4, cell); None for shapes that are inverted."""
    if not LEAST_SHAPE <= shape <= MOST_SHAPE:
        return None
    z = np.linspace(-LAST, LAST, POINTS)
    x = np.where(z < 0.0, special.gammaincinv(shape, special.ndtr(z)), special.gammainccinv(shape, special.ndtr(-z)))
    value = np.log(x)
    log_density = shape * value - x - special.gammaln(shape)  # of log x
    slope = np.exp(-0.5 * z * z - 0.5 * np.log(2.0 * np.pi) - log_density) * (z[1] - z[0])
    rise, start, end = np.diff(value), slope[:-1], slope[1:]
    return np.stack((value[:-1], start, 3.0 * rise - 2.0 * start - end, start + end - 2.0 * rise))
