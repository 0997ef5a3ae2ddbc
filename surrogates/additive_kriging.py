"""Kriging of a sum of functions from values of each and gradients of the sum, at common points.

The model: F(x) = sum_k f_k(x[groups[k]]), the f_k independent Gaussian processes with constant trends and Matern 5/2
kernels. Observed are the values of every f_k and the derivatives of F, all with known noise; the joint posterior of the
f_k follows by conditioning, because derivatives of Gaussian processes are jointly Gaussian with them:

    cov(f(x), f(x'))            = s^2 k(u),  u = sum_j r_j^2 / l_j^2,  r = x - x'
    cov(f(x), df/dx'_j)         = -2 s^2 k'(u) r_j / l_j^2
    cov(df/dx_i, df/dx'_j)      = -4 s^2 k''(u) r_i r_j / (l_i^2 l_j^2) - 2 s^2 k'(u) [i = j] / l_i^2

With one group this is gradient-enhanced kriging.

References
----------
Morris, Mitchell & Ylvisaker (1993), Bayesian design and analysis of computer experiments: use of derivatives in surface
prediction, Technometrics 35(3), 243-255.
Duvenaud, Nickisch & Rasmussen (2011), Additive Gaussian processes, NeurIPS 24.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_solve, solve_triangular
from scipy.linalg.lapack import dpotrf

from surrogates.dataset import FloatArray, readonly, require_finite
from surrogates.hyperparameters import Hyperparameters
from surrogates.kernels import matern52_derivatives

_NUGGETS = (1e-10, 1e-8, 1e-6, 1e-4)
_SMALLEST_PIVOT = 1e-11

Groups = tuple[tuple[int, ...], ...]


@dataclass(frozen=True, eq=False)
class JointData:
    """Observations of every group and of the gradient of their sum.

    Attributes
    ----------
    points
        Shape (m, d).
    values, noise_variance
        Of every group, shape (m, group).
    gradients, gradient_noise_variance
        Of the sum, shape (m, d).

    Raises
    ------
    ValueError
        If shapes disagree, a number is not finite or a variance is negative.
    """

    points: FloatArray
    values: FloatArray
    noise_variance: FloatArray
    gradients: FloatArray
    gradient_noise_variance: FloatArray

    def __post_init__(self) -> None:
        for name in ("points", "values", "noise_variance", "gradients", "gradient_noise_variance"):
            object.__setattr__(self, name, readonly(getattr(self, name)))
            require_finite(name, getattr(self, name), 2)
        shapes = {
            "values": (len(self.points), self.values.shape[1]),
            "noise_variance": self.values.shape,
            "gradients": self.points.shape,
            "gradient_noise_variance": self.points.shape,
        }
        for name, expected in shapes.items():
            if getattr(self, name).shape != expected:
                raise ValueError(f"{name}: expected shape {expected}, got {getattr(self, name).shape}")
        for name in ("noise_variance", "gradient_noise_variance"):
            if getattr(self, name).min(initial=0.0) < 0.0:
                raise ValueError(f"{name}: expected nothing below 0, got {getattr(self, name).min()}")

    @property
    def observations(self) -> FloatArray:
        """Values group by group, then gradients point by point, shape (m·group + m·d,)."""
        return np.concatenate([self.values.T.ravel(), self.gradients.ravel()])

    @property
    def noise(self) -> FloatArray:
        """Their variances, in the same order."""
        return np.concatenate([self.noise_variance.T.ravel(), self.gradient_noise_variance.ravel()])


@dataclass(frozen=True, eq=False)
class AdditiveKriging:
    """The posterior of the sum; what `summed_model.minimize_in_box` needs of a model.

    Attributes
    ----------
    points
        Where it was observed, shape (m, d).
    groups, hyperparameters
        Coordinates, length-scales and process variance of every group.
    trends
        Constant mean of every group, shape (group,).
    value_weights
        Shape (group, m).
    gradient_weights
        Shape (m, d); with the former K^-1 (observations - trend).
    factor
        Lower Cholesky factor of K in units of ``deviations``, shape (n, n).
    deviations
        Square roots of the prior variances of the n observations.
    """

    points: FloatArray
    groups: Groups
    hyperparameters: tuple[Hyperparameters, ...]
    trends: FloatArray
    value_weights: FloatArray
    gradient_weights: FloatArray
    factor: FloatArray
    deviations: FloatArray

    def mean(self, points: FloatArray) -> FloatArray:
        """Predict the sum at points (k, d), shape (k,)."""
        total = np.full(len(points), self.trends.sum())
        for k, group in enumerate(self.groups):
            at = Pairs(points, self.points, group, self.hyperparameters[k])
            pull = np.einsum("kmg,mg->km", at.scaled, self.gradient_weights[:, group])
            total += at.variance * (at.correlation @ self.value_weights[k] - 2.0 * (at.slope * pull).sum(axis=1))
        return total

    def gradient(self, points: FloatArray) -> FloatArray:
        """Differentiate the mean at points (k, d), shape (k, d)."""
        total = np.zeros(points.shape)
        for k, group in enumerate(self.groups):
            at = Pairs(points, self.points, group, self.hyperparameters[k])
            pull = np.einsum("kmg,mg->km", at.scaled, self.gradient_weights[:, group])
            along = at.slope * self.value_weights[k] - 2.0 * at.curvature * pull
            part = np.einsum("km,kmg->kg", along, at.scaled) - at.slope @ self.gradient_weights[:, group] * at.precision
            total[:, group] += 2.0 * at.variance * part
        return total

    def predict(self, points: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Predict the sum at points (k, d): means (k,) and variances (k,), trend uncertainty included."""
        values, slopes = [], np.zeros((len(points), *self.points.shape))
        for k, group in enumerate(self.groups):
            at = Pairs(points, self.points, group, self.hyperparameters[k])
            values.append(at.variance * at.correlation)
            slopes[:, :, group] += at.value_and_slope
        covariance = np.hstack([*values, slopes.reshape(len(points), -1)]) / self.deviations
        trends = trend_columns(len(self.groups), len(self.points), self.deviations)
        known = solve_triangular(self.factor, covariance.T, lower=True)
        explained = solve_triangular(self.factor, trends, lower=True)
        lack = 1.0 - explained.T @ known
        prior = sum(one.variance for one in self.hyperparameters)
        unsure = (lack * np.linalg.solve(explained.T @ explained, lack)).sum(axis=0)
        return self.mean(points), np.maximum(prior - (known * known).sum(axis=0) + unsure, 0.0)


def condition(data: JointData, groups: Sequence[Sequence[int]], parts: Sequence[Hyperparameters]) -> AdditiveKriging:
    """Condition the sum on observations, with given hyper-parameters; trends by generalized least squares.

    Parameters
    ----------
    data
        Values of every group and gradients of the sum.
    groups
        The coordinates each group depends on.
    parts
        Hyper-parameters of every group.

    Raises
    ------
    ValueError
        If there are not as many groups as columns of values and as hyper-parameters.
    """
    if not len(groups) == len(parts) == data.values.shape[1]:
        raise ValueError(
            f"groups: expected {data.values.shape[1]} with hyper-parameters, got {len(groups)}, {len(parts)}"
        )
    frozen = tuple(tuple(group) for group in groups)
    covariance = prior_covariance(data.points, frozen, parts)
    factor, deviations = factorize(covariance, data.noise)
    trends = trend_columns(len(frozen), len(data.points), deviations)
    trend, weights = least_squares(factor, data.observations / deviations, trends)
    weights /= deviations
    num_values = data.values.size
    return AdditiveKriging(
        points=data.points,
        groups=frozen,
        hyperparameters=tuple(parts),
        trends=readonly(trend),
        value_weights=readonly(weights[:num_values].reshape(len(frozen), -1)),
        gradient_weights=readonly(weights[num_values:].reshape(data.points.shape)),
        factor=factor,
        deviations=deviations,
    )


def prior_covariance(points: FloatArray, groups: Groups, parts: Sequence[Hyperparameters]) -> FloatArray:
    """Covariance of the observations without noise, in the order of `JointData.observations`, shape (n, n)."""
    size, dimension = points.shape
    num_values = len(groups) * size
    covariance = np.zeros((num_values + points.size, num_values + points.size))
    between = np.zeros((size, dimension, size, dimension))
    for k, group in enumerate(groups):
        at, rows = Pairs(points, points, group, parts[k]), slice(k * size, (k + 1) * size)
        covariance[rows, rows] = at.variance * at.correlation
        slopes = np.zeros((size, size, dimension))
        slopes[:, :, group] = at.value_and_slope
        covariance[rows, num_values:] = slopes.reshape(size, -1)
        columns = list(group)
        between[np.ix_(range(size), columns, range(size), columns)] += at.slope_and_slope.transpose(0, 2, 1, 3)
    covariance[num_values:, num_values:] = between.reshape(points.size, -1)
    covariance[num_values:, :num_values] = covariance[:num_values, num_values:].T
    return covariance


def factorize(covariance: FloatArray, noise: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Lower Cholesky factor of covariance + diag(noise) in units of the prior deviations, and these.

    The smallest nugget that keeps it well conditioned is added.
    """
    deviations = np.sqrt(np.diagonal(covariance))
    scaled = covariance / deviations / deviations[:, None]
    for nugget in _NUGGETS:
        matrix = scaled.copy()
        matrix.flat[:: noise.size + 1] += noise / deviations**2 + nugget
        factor, failed = dpotrf(matrix, lower=1, clean=1, overwrite_a=1)
        if not failed and factor.diagonal().min() ** 2 > _SMALLEST_PIVOT:
            return readonly(factor), readonly(deviations)
    raise np.linalg.LinAlgError(f"covariance: not positive definite with a nugget of {_NUGGETS[-1]}")


def least_squares(factor: FloatArray, observations: FloatArray, trends: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Trends and K^-1 (observations - trend), all in units of the prior deviations."""
    solved = cho_solve((factor, True), np.column_stack([trends, observations]))
    trend = np.linalg.solve(trends.T @ solved[:, :-1], trends.T @ solved[:, -1])
    return trend, solved[:, -1] - solved[:, :-1] @ trend


def trend_columns(num_groups: int, size: int, deviations: FloatArray) -> FloatArray:
    """What each group's trend adds to the observations: 1 to its values, nothing to gradients."""
    columns = np.zeros((deviations.size, num_groups))
    for k in range(num_groups):
        columns[k * size : (k + 1) * size, k] = 1.0
    return columns / deviations[:, None]


class Pairs:
    """One group's kernel between points (k, d) and others (m, d)."""

    def __init__(self, points: FloatArray, others: FloatArray, group: tuple[int, ...], part: Hyperparameters) -> None:
        columns = list(group)
        difference = points[:, None, columns] - others[None, :, columns]
        self.precision = part.length_scales**-2.0
        self.variance = part.variance
        self.scaled = difference * self.precision
        derivatives = matern52_derivatives((difference * self.scaled).sum(axis=2))
        self.correlation, self.slope, self.curvature, self.third = derivatives

    @property
    def value_and_slope(self) -> FloatArray:
        """cov(f(x), df/dx'_j), shape (k, m, g)."""
        return (-2.0 * self.variance) * self.slope[:, :, None] * self.scaled

    @property
    def slope_and_slope(self) -> FloatArray:
        """cov(df/dx_i, df/dx'_j), shape (k, m, g, g)."""
        found = (-4.0 * self.variance) * np.einsum("km,kmi,kmj->kmij", self.curvature, self.scaled, self.scaled)
        index = np.arange(self.precision.size)
        found[:, :, index, index] -= (2.0 * self.variance) * self.slope[:, :, None] * self.precision
        return found
