"""Correlation functions of kriging, written in the squared scaled distance.

A kernel turns u = sum_j (x_j - x'_j)^2 / length_j^2 into the correlation and its derivative in u: all that
likelihood, prediction and their gradients need.
"""

from collections.abc import Callable

import numpy as np

from surrogates.dataset import FloatArray

Kernel = Callable[[FloatArray], tuple[FloatArray, FloatArray]]


def gaussian(squared_distance: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Correlate as exp(-u/2); sample paths have all derivatives.

    Parameters
    ----------
    squared_distance
        u >= 0, any shape.

    Returns
    -------
    Correlation and its derivative in u, both in the shape of u.
    """
    correlation = np.exp(-0.5 * squared_distance)
    return correlation, -0.5 * correlation


def matern52(squared_distance: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Correlate as (1 + a + a^2/3) exp(-a), a = sqrt(5 u); sample paths are twice differentiable.

    Parameters
    ----------
    squared_distance
        u >= 0, any shape.

    Returns
    -------
    Correlation and its derivative in u, both in the shape of u.

    References
    ----------
    Rasmussen & Williams (2006), Gaussian Processes for Machine Learning, equation 4.17.
    """
    root = np.sqrt(5.0 * squared_distance)
    decay = np.exp(-root)
    linear = 1.0 + root
    return (linear + root * root / 3.0) * decay, (-5.0 / 6.0) * linear * decay


def matern52_derivatives(squared_distance: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Matern 5/2 and its first three derivatives in u; the third, infinite at 0, is given as 0 there.

    It only ever occurs times the square of a difference that is 0 there too.

    Parameters
    ----------
    squared_distance
        u >= 0, any shape.
    """
    correlation, slope = matern52(squared_distance)
    root = np.sqrt(5.0 * squared_distance)
    curvature = 25.0 / 12.0 * np.exp(-root)
    third = np.divide(-2.5 * curvature, root, out=np.zeros_like(root), where=root > 0.0)
    return correlation, slope, curvature, third
