"""A sum of surrogates, each over its own few coordinates, and its minimizer in a box."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.optimize import minimize

from surrogates.dataset import Box, FloatArray
from surrogates.sampling import Seed, latin_hypercube
from surrogates.surrogate import Surrogate
from surrogates.threads import one_blas_thread

_NUM_SCREENED = 200


class SumModel(Protocol):
    """A differentiable model of the whole objective."""

    def mean(self, points: FloatArray) -> FloatArray:
        """Predict at points (k, d), shape (k,)."""

    def gradient(self, points: FloatArray) -> FloatArray:
        """Differentiate the mean at points (k, d), shape (k, d)."""


@dataclass(frozen=True, eq=False)
class SummedModel:
    """f(x) = sum over k of surrogate_k(x[groups[k]]).

    Attributes
    ----------
    surrogates
        One per group.
    groups
        The coordinates each of them sees.
    """

    surrogates: tuple[Surrogate, ...]
    groups: tuple[tuple[int, ...], ...]

    def mean(self, points: FloatArray) -> FloatArray:
        """Sum the predicted means at points (k, d), shape (k,)."""
        total = np.zeros(points.shape[0])
        for surrogate, group in zip(self.surrogates, self.groups, strict=True):
            total += surrogate.predict(points[:, group])[0]
        return total

    def gradient(self, points: FloatArray) -> FloatArray:
        """Differentiate the sum at points (k, d), shape (k, d)."""
        total = np.zeros(points.shape)
        for surrogate, group in zip(self.surrogates, self.groups, strict=True):
            total[:, group] += surrogate.gradient(points[:, group])
        return total


def minimize_in_box(model: SumModel, box: Box, start: FloatArray, seed: Seed) -> tuple[FloatArray, float]:
    """Minimize by L-BFGS-B from two starts: the given one and the best of a Latin hypercube.

    Parameters
    ----------
    model
        What to minimize.
    box
        Where.
    start
        A point of the box, shape (d,).
    seed
        Of the Latin hypercube.

    Returns
    -------
    The best point found, shape (d,), and its predicted mean; never worse than ``start``.
    """
    with one_blas_thread():
        screened = latin_hypercube(box, _NUM_SCREENED, seed)
        means = model.mean(screened)
        size = float(np.abs(means).max()) or 1.0

        def scaled(unit: FloatArray) -> tuple[float, FloatArray]:
            point = box.from_unit(unit)[None]
            return float(model.mean(point)[0]) / size, model.gradient(point)[0] * box.width / size

        best, lowest = start, float(model.mean(start[None])[0])
        bounds = [(0.0, 1.0)] * box.dimension
        for first in (start, screened[means.argmin()]):
            result = minimize(scaled, box.to_unit(first), jac=True, method="L-BFGS-B", bounds=bounds)
            if result.fun * size < lowest:
                best, lowest = box.from_unit(result.x), float(result.fun) * size
    return best, lowest
