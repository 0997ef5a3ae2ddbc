"""Space-filling designs of experiments in a box."""

import numpy as np
from scipy.stats import qmc

from surrogates.dataset import Box, FloatArray

Seed = int | np.random.Generator


def latin_hypercube(box: Box, num_points: int, seed: Seed) -> FloatArray:
    """Sample a Latin hypercube: every coordinate's m equal slices hold one point each.

    Parameters
    ----------
    box
        Where to sample.
    num_points
        Number of points m >= 1.
    seed
        A generator, which advances, or an integer.

    Returns
    -------
    Points of shape (m, d).

    Raises
    ------
    ValueError
        If ``num_points`` is below 1.

    References
    ----------
    McKay, Beckman & Conover (1979), Technometrics 21(2), 239-245.
    """
    _require_points(num_points)
    engine = qmc.LatinHypercube(box.dimension, seed=np.random.default_rng(seed))
    return box.from_unit(engine.random(num_points))


def sobol(box: Box, num_points: int, seed: Seed) -> FloatArray:
    """Sample a scrambled Sobol sequence; balanced where ``num_points`` is a power of two.

    Parameters
    ----------
    box
        Where to sample.
    num_points
        Number of points m >= 1; the first m of the next power of two are returned.
    seed
        A generator, which advances, or an integer.

    Returns
    -------
    Points of shape (m, d).

    Raises
    ------
    ValueError
        If ``num_points`` is below 1.

    References
    ----------
    Owen (1998), Scrambling Sobol' and Niederreiter-Xing points, Journal of Complexity 14(4), 466-489.
    """
    _require_points(num_points)
    engine = qmc.Sobol(box.dimension, seed=np.random.default_rng(seed))
    exponent = (num_points - 1).bit_length()
    return box.from_unit(engine.random_base2(exponent)[:num_points])


def _require_points(num_points: int) -> None:
    if num_points < 1:
        raise ValueError(f"num_points: expected at least 1, got {num_points}")
