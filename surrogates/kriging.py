"""Kriging with known, unequal noise variances, fitted by maximum a posteriori with an analytic gradient.

The model: y_i = trend + z(x_i) + e_i, z a Gaussian process with variance s^2 and an anisotropic kernel R, e_i errors
with known variances, independent or with known covariances, so that the covariance is K = s^2 R + noise. The constant
trend is the generalized least squares estimate. Points are scaled to the unit cube of their own bounding box and values
by their standard deviation, so the priors mean the same for every data set. Gradients of a data set are left out:
`gradient_kriging` uses them.

References
----------
Ankenman, Nelson & Staum (2010), Stochastic kriging for simulation metamodeling, Operations Research 58(2), 371-382.
Chen, Ankenman & Nelson (2012), The effects of common random numbers on stochastic kriging metamodels, ACM TOMACS 22(2).
Rasmussen & Williams (2006), Gaussian Processes for Machine Learning, sections 2.7 and 5.4.1.
Hvarfner, Hellsten & Nardi (2024), Vanilla Bayesian optimization performs great in high dimensions, ICML.
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg.lapack import dpotrf, dtrtri
from scipy.optimize import minimize

from surrogates.dataset import Dataset, FloatArray, readonly
from surrogates.hyperparameters import Hyperparameters
from surrogates.kernels import Kernel, matern52
from surrogates.surrogate import Surrogate
from surrogates.threads import one_blas_thread

# Smallest squared pivot over process variance for which likelihood and gradient keep about five digits.
_SMALLEST_PIVOT = 1e-11
_NUGGETS = (0.0, 1e-10, 1e-8, 1e-6)


@dataclass(frozen=True)
class KrigingParams:
    """How to fit.

    Attributes
    ----------
    kernel
        Correlation as a function of the squared scaled distance. Matern 5/2: as good as Gaussian on smooth data and
        it cannot overshoot between exact points that lie close together.
    length_prior_mean, length_prior_sd
        Log-normal prior of the length-scales in the unit cube: log length ~ N(mean + log(d)/2, sd^2). Defaults
        sqrt(2) and sqrt(3) from Hvarfner et al. (2024); weak, it only stops length-scales from running away.
    variance_prior_sd
        Log-normal prior of the process variance over the variance of the values, centered at 1.
    max_iterations
        Limit of L-BFGS-B iterations.

    Raises
    ------
    ValueError
        If a standard deviation is not positive or no iteration is allowed.
    """

    kernel: Kernel = matern52
    length_prior_mean: float = 2.0**0.5
    length_prior_sd: float = 3.0**0.5
    variance_prior_sd: float = 3.0
    max_iterations: int = 50

    def __post_init__(self) -> None:
        for name in ("length_prior_sd", "variance_prior_sd", "max_iterations"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name}: expected more than 0, got {getattr(self, name)}")


DEFAULT_KRIGING = KrigingParams()


@dataclass(frozen=True, eq=False)
class Kriging:
    """A fitted model; a `surrogates.surrogate.Surrogate`.

    Attributes
    ----------
    dataset
        What it was fitted to.
    kernel
        Correlation function.
    hyperparameters
        Length-scales and process variance.
    trend
        Constant mean.
    nugget
        Share of the process variance added to the diagonal for numerical reasons; 0 unless needed.
    weights
        K^-1 (y - trend), shape (m,).
    whitening
        Inverse of the lower Cholesky factor of K, shape (m, m).
    log_posterior
        Of the hyper-parameters, up to a constant, values scaled to standard deviation 1.
    """

    dataset: Dataset
    kernel: Kernel
    hyperparameters: Hyperparameters
    trend: float
    nugget: float
    weights: FloatArray
    whitening: FloatArray
    log_posterior: float

    def predict(self, points: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Predict the function at points (k, d): means (k,) and variances (k,), trend uncertainty included."""
        correlation, _, _ = self._correlate(points)
        covariance = self.hyperparameters.variance * correlation
        mean = self.trend + covariance @ self.weights
        ones = self.whitening.sum(axis=1)
        known = self.whitening @ covariance.T
        lack = 1.0 - ones @ known
        variance = self.hyperparameters.variance - (known * known).sum(axis=0) + lack * lack / (ones @ ones)
        return mean, np.maximum(variance, 0.0)

    def gradient(self, points: FloatArray) -> FloatArray:
        """Differentiate the mean at points (k, d), shape (k, d)."""
        _, slope, difference = self._correlate(points)
        pull = (2.0 * self.hyperparameters.variance) * slope * self.weights
        return np.einsum("km,kmd->kd", pull, difference) / self.hyperparameters.length_scales**2

    def _correlate(self, points: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        difference = points[:, None, :] - self.dataset.points
        scaled = difference / self.hyperparameters.length_scales
        correlation, slope = self.kernel((scaled * scaled).sum(axis=2))
        return correlation, slope, difference


def fit_kriging(
    dataset: Dataset, params: KrigingParams = DEFAULT_KRIGING, start: Hyperparameters | None = None
) -> Kriging:
    """Fit by maximum a posteriori over log length-scales and log process variance.

    Parameters
    ----------
    dataset
        Points (m, d), values (m,), noise variances (m,).
    params
        Kernel, priors, limits.
    start
        Where to start the maximization, for instance the hyper-parameters of an earlier fit; without it the best
        of three isotropic length-scales.

    Returns
    -------
    The model with the most probable hyper-parameters found.

    Raises
    ------
    ValueError
        If ``start`` has another dimension than the data.
    """
    scaled = _scale(dataset)
    with one_blas_thread():
        result = minimize(
            lambda trial: _negative_log_posterior(trial, scaled, params),
            _start(scaled, params, start),
            jac=True,
            method="L-BFGS-B",
            bounds=[(-5.0, 7.0)] * dataset.dimension + [(-14.0, 14.0)],
            options={"maxiter": params.max_iterations, "ftol": 1e-7, "gtol": 1e-4},
        )
        return _assemble(dataset, scaled, params, result.x, -float(result.fun))


def refit_kriging(dataset: Dataset, earlier: Surrogate | None = None) -> Kriging:
    """`fit_kriging` with its default parameters, from the hyper-parameters of an earlier model if there is one."""
    return fit_kriging(dataset, start=earlier.hyperparameters if isinstance(earlier, Kriging) else None)


@dataclass(frozen=True, eq=False)
class _Scaled:
    """The data in unit coordinates; squared distances are kept per dimension, shape (d, m, m)."""

    squared: FloatArray
    values: FloatArray
    noise: FloatArray
    width: FloatArray
    spread: float


def _scale(dataset: Dataset) -> _Scaled:
    width = np.ptp(dataset.points, axis=0)
    width = np.where(width > 0.0, width, 1.0)
    spread = float(dataset.values.std()) or 1.0
    unit = (dataset.points / width).T
    difference = unit[:, :, None] - unit[:, None, :]
    return _Scaled(
        squared=difference * difference,
        values=dataset.values / spread,
        noise=dataset.noise_matrix / spread**2,
        width=width,
        spread=spread,
    )


def _start(scaled: _Scaled, params: KrigingParams, start: Hyperparameters | None) -> FloatArray:
    dimension = scaled.width.size
    if start is None:
        trials = [np.append(np.full(dimension, log_length), 0.0) for log_length in (-0.7, 0.3, 1.3)]
        return min(trials, key=lambda trial: _negative_log_posterior(trial, scaled, params)[0])
    if start.length_scales.shape != scaled.width.shape:
        raise ValueError(f"start: expected {dimension} length-scales, got shape {start.length_scales.shape}")
    return np.log(np.append(start.length_scales / scaled.width, start.variance / scaled.spread**2))


def _negative_log_posterior(theta: FloatArray, scaled: _Scaled, params: KrigingParams) -> tuple[float, FloatArray]:
    """Value and gradient at theta = (log length-scales, log variance); the trend is profiled out (GLS)."""
    dimension = scaled.width.size
    precision = np.exp(-2.0 * theta[:-1])
    variance = np.exp(theta[-1])
    correlation, slope = params.kernel(np.tensordot(precision, scaled.squared, 1))
    whitening, nugget = _whiten(variance * correlation, scaled.noise, variance)
    trend, weights = _generalized_least_squares(whitening, scaled.values)
    sensitivity = whitening.T @ whitening - np.outer(weights, weights)

    prior = theta.copy()
    prior[:-1] -= params.length_prior_mean + 0.5 * np.log(dimension)
    prior_sd = np.append(np.full(dimension, params.length_prior_sd), params.variance_prior_sd)
    value = 0.5 * (scaled.values - trend) @ weights - np.log(whitening.diagonal()).sum()
    value += 0.5 * ((prior / prior_sd) ** 2).sum()

    gradient = prior / prior_sd**2
    length_pull = scaled.squared.reshape(dimension, -1) @ (sensitivity * slope).ravel()
    gradient[:-1] -= variance * precision * length_pull
    gradient[-1] += 0.5 * variance * ((sensitivity * correlation).sum() + nugget * sensitivity.trace())
    return float(value), gradient


def _whiten(covariance: FloatArray, noise: FloatArray, variance: float) -> tuple[FloatArray, float]:
    """Inverse Cholesky factor of covariance + noise (m, m), and the smallest nugget that keeps it well conditioned.

    The inverse factor turns every later solve into one product, the cheapest form for a few dozen points.
    """
    for nugget in _NUGGETS:
        matrix = covariance + noise
        matrix.flat[:: len(noise) + 1] += nugget * variance
        factor, failed = dpotrf(matrix, lower=1, clean=1)
        if not failed and factor.diagonal().min() ** 2 > _SMALLEST_PIVOT * variance:
            return dtrtri(factor, lower=1)[0], nugget
    raise np.linalg.LinAlgError(f"covariance: not positive definite with a nugget of {_NUGGETS[-1]}")


def _generalized_least_squares(whitening: FloatArray, values: FloatArray) -> tuple[float, FloatArray]:
    """Trend and K^-1 (y - trend)."""
    ones, known = whitening.sum(axis=1), whitening @ values
    trend = float(ones @ known / (ones @ ones))
    return trend, whitening.T @ (known - trend * ones)


def _assemble(
    dataset: Dataset, scaled: _Scaled, params: KrigingParams, theta: FloatArray, log_posterior: float
) -> Kriging:
    hyperparameters = Hyperparameters(np.exp(theta[:-1]) * scaled.width, float(np.exp(theta[-1])) * scaled.spread**2)
    correlation, _ = params.kernel(np.tensordot(np.exp(-2.0 * theta[:-1]), scaled.squared, 1))
    covariance = hyperparameters.variance * correlation
    whitening, nugget = _whiten(covariance, dataset.noise_matrix, hyperparameters.variance)
    trend, weights = _generalized_least_squares(whitening, dataset.values)
    return Kriging(
        dataset=dataset,
        kernel=params.kernel,
        hyperparameters=hyperparameters,
        trend=trend,
        nugget=nugget,
        weights=readonly(weights),
        whitening=readonly(whitening),
        log_posterior=log_posterior,
    )
