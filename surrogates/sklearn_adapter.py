"""scikit-learn's Gaussian process behind this package's contract.

Values are centered on their mean and divided by their standard deviation, which stands for the constant trend; points
are scaled to the unit cube of their bounding box; ``alpha`` holds the known noise variances. Gradients of a data set
are left out.

References
----------
Pedregosa et al. (2011), Scikit-learn: machine learning in Python, Journal of Machine Learning Research 12, 2825-2830.
"""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from surrogates.dataset import Dataset, FloatArray
from surrogates.kernels import matern52
from surrogates.surrogate import Surrogate
from surrogates.threads import one_blas_thread

_NUGGET = 1e-10
_LENGTHS = (1e-2, 1e3)
_VARIANCES = (1e-6, 1e6)


@dataclass(frozen=True, eq=False)
class SklearnKriging:
    """A fitted scikit-learn model; a `surrogates.surrogate.Surrogate`.

    Attributes
    ----------
    model
        The fitted ``sklearn.gaussian_process.GaussianProcessRegressor``.
    lower, width
        Bounding box of the points, shape (d,): what the model's coordinates are in.
    center, spread
        Mean and standard deviation of the values: what its values are in.
    """

    model: Any
    lower: FloatArray
    width: FloatArray
    center: float
    spread: float

    def predict(self, points: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Predict the function at points (k, d): means (k,) and variances (k,)."""
        with warnings.catch_warnings():  # variances below 0 by rounding are set to 0, with a warning
            warnings.filterwarnings("ignore", message="Predicted variances smaller than 0")
            mean, deviation = self.model.predict((points - self.lower) / self.width, return_std=True)
        return self.center + self.spread * mean, (self.spread * deviation) ** 2

    def gradient(self, points: FloatArray) -> FloatArray:
        """Differentiate the mean at points (k, d), shape (k, d); scikit-learn gives no derivatives."""
        parameters = self.model.kernel_.get_params()
        variance, lengths = parameters["k1__constant_value"], np.atleast_1d(parameters["k2__length_scale"])
        difference = (points - self.lower) / self.width
        difference = difference[:, None, :] - self.model.X_train_
        _, slope = matern52(((difference / lengths) ** 2).sum(axis=2))
        pull = 2.0 * variance * slope * self.model.alpha_
        return np.einsum("km,kmd->kd", pull, difference) / lengths**2 * (self.spread / self.width)


def fit_sklearn_kriging(dataset: Dataset, earlier: Surrogate | None = None) -> SklearnKriging:
    """Fit ``GaussianProcessRegressor`` (maximum likelihood, Matern 5/2, one length-scale per coordinate).

    Parameters
    ----------
    dataset
        Points, values, noise variances; a covariance of the noise counts with its diagonal only.
    earlier
        A model of nearly the same data, whose length-scales and variance the fit starts from.
    """
    from sklearn.exceptions import ConvergenceWarning  # importing scikit-learn takes a second: only who asks pays
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import ConstantKernel, Matern

    lower, width = dataset.points.min(axis=0), np.ptp(dataset.points, axis=0)
    width = np.where(width > 0.0, width, 1.0)
    center, spread = float(dataset.values.mean()), float(dataset.values.std()) or 1.0
    variance, lengths = 1.0, np.ones(dataset.dimension)
    if isinstance(earlier, SklearnKriging):
        before = earlier.model.kernel_.get_params()
        variance = before["k1__constant_value"] * (earlier.spread / spread) ** 2
        lengths = np.atleast_1d(before["k2__length_scale"]) * earlier.width / width
    kernel = ConstantKernel(np.clip(variance, *_VARIANCES), _VARIANCES) * Matern(
        np.clip(lengths, *_LENGTHS), _LENGTHS, nu=2.5
    )
    model = GaussianProcessRegressor(kernel, alpha=dataset.noise_variance / spread**2 + _NUGGET)
    with one_blas_thread(), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # length-scales at their bounds where a coordinate is idle
        model.fit((dataset.points - lower) / width, (dataset.values - center) / spread)
    return SklearnKriging(model, lower, width, center, spread)
