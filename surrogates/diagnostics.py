"""How well a kriging model predicts what it was not told: leave-one-out.

References
----------
Dubrule (1983), Cross validation of kriging in a unique neighborhood, Mathematical Geology 15(6), 687-699.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from surrogates.dataset import Dataset, FloatArray
from surrogates.kriging import Kriging
from surrogates.surrogate import Surrogate


@dataclass(frozen=True, eq=False)
class LeaveOneOut:
    """Every observation predicted from all others.

    Attributes
    ----------
    residuals
        Observed minus predicted, shape (m,).
    variances
        Of the residuals: of the prediction and of the observation's own noise, shape (m,).
    values
        What was observed, shape (m,).
    """

    residuals: FloatArray
    variances: FloatArray
    values: FloatArray

    @property
    def standardized(self) -> FloatArray:
        """Residuals in units of their standard deviations, shape (m,); 0 where residual and variance are 0."""
        deviations = np.sqrt(self.variances)
        return np.divide(self.residuals, deviations, out=np.zeros_like(deviations), where=deviations > 0.0)

    @property
    def explained(self) -> float:
        """Share of the values' variance that the other points explain, at most 1; below 0: worse than their mean."""
        total = float(self.values.var())
        return 1.0 - float(np.mean(self.residuals**2)) / total if total > 0.0 else 1.0

    def share_outside(self, quantile: float = 1.96) -> float:
        """Share of residuals beyond so many standard deviations; about 5% at 1.96 where the variances are right."""
        return float(np.mean(np.abs(self.standardized) > quantile))


def leave_one_out(model: Kriging) -> LeaveOneOut:
    """Leave-one-out of the own kriging, hyper-parameters kept, trend estimated again: closed form, no refitting.

    With Q = K^-1 - K^-1 1 1' K^-1 / (1' K^-1 1), residual i is (Q y)_i / Q_ii and has variance 1 / Q_ii.

    Parameters
    ----------
    model
        Fitted to at least two points.

    Raises
    ------
    ValueError
        If there is only one point.
    """
    dataset = model.dataset
    if dataset.size < 2:
        raise ValueError(f"model: expected at least 2 points, got {dataset.size}")
    inverse = model.whitening.T @ model.whitening
    ones = inverse.sum(axis=1)
    diagonal = np.diagonal(inverse) - ones**2 / ones.sum()
    return LeaveOneOut(model.weights / diagonal, 1.0 / diagonal, dataset.values)


def leave_one_out_by_refitting(fit: Callable[[Dataset], Surrogate], dataset: Dataset) -> LeaveOneOut:
    """The same for any fitter, which is run once per point.

    Parameters
    ----------
    fit
        Turns a data set into a surrogate.
    dataset
        At least two points; gradients and covariances of noise are left out.
    """
    if dataset.size < 2:
        raise ValueError(f"dataset: expected at least 2 points, got {dataset.size}")
    means, variances = np.zeros(dataset.size), np.zeros(dataset.size)
    for i in range(dataset.size):
        kept = np.arange(dataset.size) != i
        model = fit(Dataset(dataset.points[kept], dataset.values[kept], dataset.noise_variance[kept]))
        mean, variance = model.predict(dataset.points[[i]])
        means[i], variances[i] = mean[0], variance[0]
    return LeaveOneOut(dataset.values - means, variances + dataset.noise_variance, dataset.values)
