"""Gradient-enhanced kriging: a function from values and derivatives, both with known noise.

The model is that of `additive_kriging` with one group; length-scales and process variance are fitted by maximum a
posteriori over values and derivatives together, with the analytic gradient and the priors of `kriging`.

References
----------
Morris, Mitchell & Ylvisaker (1993), Bayesian design and analysis of computer experiments: use of derivatives in surface
prediction, Technometrics 35(3), 243-255.
Laurent, Le Riche, Soulier & Boucard (2019), An overview of gradient-enhanced metamodels with applications, Archives of
Computational Methods in Engineering 26, 61-106.
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_solve
from scipy.optimize import minimize

from surrogates.additive_kriging import (
    AdditiveKriging,
    JointData,
    Pairs,
    condition,
    factorize,
    least_squares,
    prior_covariance,
    trend_columns,
)
from surrogates.dataset import Dataset, FloatArray
from surrogates.hyperparameters import Hyperparameters
from surrogates.kriging import DEFAULT_KRIGING, KrigingParams
from surrogates.threads import one_blas_thread

_START_LENGTHS = (0.3, 1.0, 3.0)


def fit_gradient_kriging(
    dataset: Dataset, params: KrigingParams = DEFAULT_KRIGING, start: Hyperparameters | None = None
) -> AdditiveKriging:
    """Fit by maximum a posteriori over log length-scales and log process variance, Matern 5/2.

    Parameters
    ----------
    dataset
        With gradients.
    params
        Priors and limits; its kernel is not used.
    start
        Where to start the maximization; without it the best of three isotropic length-scales.

    Raises
    ------
    ValueError
        If the data set has no gradients, or ``start`` another dimension.
    """
    if dataset.gradients is None:
        raise ValueError("dataset: expected gradients, got none; fit_kriging needs values only")
    if start is not None and start.length_scales.shape != (dataset.dimension,):
        raise ValueError(f"start: expected {dataset.dimension} length-scales, got {start.length_scales.shape}")
    scaled = _Scaled.of(dataset)
    with one_blas_thread():
        result = minimize(
            lambda theta: _negative_log_posterior(theta, scaled, params),
            _start(scaled, params, start),
            jac=True,
            method="L-BFGS-B",
            bounds=[(-5.0, 7.0)] * dataset.dimension + [(-14.0, 14.0)],
            options={"maxiter": params.max_iterations, "ftol": 1e-7, "gtol": 1e-4},
        )
    found = Hyperparameters(np.exp(result.x[:-1]) * scaled.width, float(np.exp(result.x[-1])) * scaled.spread**2)
    return condition(_joint(dataset), (tuple(range(dataset.dimension)),), (found,))


@dataclass(frozen=True, eq=False)
class _Scaled:
    """The data in units of the points' bounding box and of the values' spread."""

    data: JointData
    width: FloatArray
    spread: float

    @classmethod
    def of(cls, dataset: Dataset) -> "_Scaled":
        width = np.ptp(dataset.points, axis=0)
        width = np.where(width > 0.0, width, 1.0)
        data = _joint(dataset)
        spread = float(np.concatenate([dataset.values - dataset.values.mean(), (data.gradients * width).ravel()]).std())
        spread = spread or 1.0
        scaled = JointData(
            data.points / width,
            data.values / spread,
            data.noise_variance / spread**2,
            data.gradients * width / spread,
            data.gradient_noise_variance * (width / spread) ** 2,
        )
        return cls(scaled, width, spread)


def _joint(dataset: Dataset) -> JointData:
    assert dataset.gradients is not None
    assert dataset.gradient_noise_variance is not None
    return JointData(
        dataset.points,
        dataset.values[:, None],
        dataset.noise_variance[:, None],
        dataset.gradients,
        dataset.gradient_noise_variance,
    )


def _start(scaled: _Scaled, params: KrigingParams, start: Hyperparameters | None) -> FloatArray:
    if start is not None:
        return np.log(np.append(start.length_scales / scaled.width, start.variance / scaled.spread**2))
    trials = [np.log(np.append(np.full(scaled.width.size, length), 1.0)) for length in _START_LENGTHS]
    return min(trials, key=lambda theta: _negative_log_posterior(theta, scaled, params)[0])


def _negative_log_posterior(theta: FloatArray, scaled: _Scaled, params: KrigingParams) -> tuple[float, FloatArray]:
    """Value and gradient at theta = (log length-scales, log variance); the trend is profiled out (GLS)."""
    data, dimension = scaled.data, theta.size - 1
    group = tuple(range(dimension))
    part = Hyperparameters(np.exp(theta[:-1]), float(np.exp(theta[-1])))
    covariance = prior_covariance(data.points, (group,), (part,))
    factor, deviations = factorize(covariance, data.noise)
    trends, observed = trend_columns(1, len(data.points), deviations), data.observations / deviations
    trend, weights = least_squares(factor, observed, trends)
    inverse = cho_solve((factor, True), np.eye(observed.size))
    sensitivity = (inverse - np.outer(weights, weights)) / deviations / deviations[:, None]

    prior = theta.copy()
    prior[:-1] -= params.length_prior_mean + 0.5 * np.log(dimension)
    prior_sd = np.append(np.full(dimension, params.length_prior_sd), params.variance_prior_sd)
    value = 0.5 * (observed - trends @ trend) @ weights + np.log(factor.diagonal()).sum() + np.log(deviations).sum()
    value += 0.5 * ((prior / prior_sd) ** 2).sum()

    gradient = prior / prior_sd**2
    gradient[:-1] += 0.5 * _length_slopes(sensitivity, Pairs(data.points, data.points, group, part))
    gradient[-1] += 0.5 * (sensitivity * covariance).sum()
    return float(value), gradient


def _length_slopes(sensitivity: FloatArray, at: Pairs) -> FloatArray:
    """Sum of sensitivity times the derivative of the covariance in every log length-scale, shape (d,).

    With p_j = r_j^2 / l_j^2, du/dlog l_j = -2 p_j and d(r_i / l_i^2)/dlog l_j = -2 [i = j] r_i / l_i^2.
    """
    size, dimension = at.correlation.shape[0], at.precision.size
    values, slopes = sensitivity[:size, :size], sensitivity[:size, size:].reshape(size, size, dimension)
    pairs = sensitivity[size:, size:].reshape(size, dimension, size, dimension)
    pulled = np.einsum("aibj,abj->abi", pairs, at.scaled)
    twice = np.einsum("abi,abi->ab", pulled, at.scaled)
    own = np.einsum("aibi->abi", pairs)
    along = np.einsum("abi,abi->ab", slopes, at.scaled)
    common = -2.0 * at.slope * values + 8.0 * at.curvature * along
    common += 8.0 * at.third * twice + 4.0 * at.curvature * (own @ at.precision)
    found = np.einsum("ab,abj->j", common, at.scaled**2) / at.precision
    found += 8.0 * np.einsum("ab,abj,abj->j", at.slope, slopes, at.scaled)
    found += 16.0 * np.einsum("ab,abj,abj->j", at.curvature, at.scaled, pulled)
    found += 4.0 * np.einsum("ab,abj->j", at.slope, own) * at.precision
    return np.asarray(at.variance * found)
