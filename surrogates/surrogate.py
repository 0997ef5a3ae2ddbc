"""What a search needs of a surrogate, and of whatever fits one."""

from collections.abc import Callable, Sequence
from typing import Protocol

from surrogates.dataset import Dataset, FloatArray


class Surrogate(Protocol):
    """A cheap, differentiable stand-in for an expensive function of d coordinates."""

    def predict(self, points: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Predict at points (k, d): means (k,) and variances (k,) of the function, observation noise left out."""

    def gradient(self, points: FloatArray) -> FloatArray:
        """Differentiate the predicted mean at points (k, d), shape (k, d)."""


Fitter = Callable[[Dataset, Surrogate | None], Surrogate]
"""Fits a data set; an earlier surrogate of nearly the same data, or None, tells where to start."""

FitAll = Callable[[Fitter, Sequence[Dataset], Sequence[Surrogate | None]], Sequence[Surrogate]]
"""Fits many data sets, each with its earlier surrogate; results in their order."""


def fit_in_turn(
    fitter: Fitter, datasets: Sequence[Dataset], earlier: Sequence[Surrogate | None]
) -> Sequence[Surrogate]:
    """One after the other; a `FitAll`."""
    return [fitter(dataset, before) for dataset, before in zip(datasets, earlier, strict=True)]
