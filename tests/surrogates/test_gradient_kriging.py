"""Kriging with gradients: against differences, brute-force conditioning and plain kriging."""

import numpy as np
import pytest

from surrogates.additive_kriging import JointData, condition, prior_covariance
from surrogates.dataset import Box, Dataset
from surrogates.gradient_kriging import fit_gradient_kriging
from surrogates.hyperparameters import Hyperparameters
from surrogates.kernels import matern52_derivatives
from surrogates.kriging import fit_kriging
from surrogates.sampling import latin_hypercube
from tests.surrogates.problems import smooth

GROUPS = ((0,), (1, 0), (2, 1, 0))
PARTS = tuple(
    Hyperparameters(np.array(lengths), variance)
    for lengths, variance in (([0.7], 2.0), ([0.9, 0.5], 0.6), ([1.5, 0.8, 1.1], 1.3))
)


def differences(function, points, step=1e-6):
    shifts = step * np.eye(points.shape[1])
    return np.stack([(function(points + e) - function(points - e)) / (2.0 * step) for e in shifts], axis=-1)


def cube(dimension):
    return Box(np.zeros(dimension), np.ones(dimension))


def smooth_data(dimension, size, seed):
    points = latin_hypercube(cube(dimension), size, seed)
    return Dataset(points, smooth(points), np.zeros(size), differences(smooth, points))


def joint_data(size=6, seed=1):
    numbers = np.random.default_rng(seed)
    points = numbers.random((size, 3))
    return JointData(
        points,
        numbers.normal(size=(size, 3)),
        numbers.uniform(0.01, 0.1, (size, 3)),
        numbers.normal(size=(size, 3)),
        numbers.uniform(0.01, 0.5, (size, 3)),
    )


def test_derivatives_of_the_kernel_equal_differences():
    at, step = np.linspace(0.05, 6.0, 40), 1e-5
    found, above, below = (matern52_derivatives(u) for u in (at, at + step, at - step))
    for order in range(3):
        np.testing.assert_allclose(found[order + 1], (above[order] - below[order]) / (2.0 * step), atol=1e-6)


def test_the_prior_covariance_of_derivatives_is_the_limit_of_that_of_differences():
    points, step = np.random.default_rng(3).random((4, 3)), 1e-4
    near = np.concatenate([points, *(points + sign * step * e for e in np.eye(3) for sign in (1.0, -1.0))])
    values = prior_covariance(near, GROUPS, PARTS)[: 3 * len(near), : 3 * len(near)]
    count = len(near)
    observe = np.zeros((3 * 4 + 4 * 3, 3 * count))
    for group in range(3):
        for i in range(4):
            observe[group * 4 + i, group * count + i] = 1.0
            for j in range(3):
                up, down = 4 * (1 + 2 * j) + i, 4 * (2 + 2 * j) + i
                observe[12 + 3 * i + j, group * count + up] = 0.5 / step
                observe[12 + 3 * i + j, group * count + down] = -0.5 / step
    expected = observe @ values @ observe.T
    np.testing.assert_allclose(prior_covariance(points, GROUPS, PARTS), expected, atol=2e-3)


def test_the_posterior_is_that_of_brute_force_conditioning():
    data = joint_data()
    model, at = condition(data, GROUPS, PARTS), np.random.default_rng(5).random((7, 3))
    everything = np.concatenate([data.points, at])
    size, count = len(data.points), len(everything)
    prior = prior_covariance(everything, GROUPS, PARTS)
    observed = [k * count + i for k in range(3) for i in range(size)] + [3 * count + j for j in range(3 * size)]
    wanted = np.zeros((len(at), len(prior)))
    for row in range(len(at)):
        wanted[row, [k * count + size + row for k in range(3)]] = 1.0
    inverse = np.linalg.inv(prior[np.ix_(observed, observed)] + np.diag(data.noise))
    trends = np.zeros((len(observed), 3))
    for k in range(3):
        trends[k * size : (k + 1) * size, k] = 1.0
    gram = np.linalg.inv(trends.T @ inverse @ trends)
    trend = gram @ trends.T @ inverse @ data.observations
    cross = wanted @ prior[:, observed]
    mean = trend.sum() + cross @ inverse @ (data.observations - trends @ trend)
    lack = 1.0 - trends.T @ inverse @ cross.T
    variance = np.diag(wanted @ prior @ wanted.T - cross @ inverse @ cross.T + lack.T @ gram @ lack)

    found = model.predict(at)

    np.testing.assert_allclose(found[0], mean, rtol=1e-6)
    np.testing.assert_allclose(found[1], variance, rtol=1e-5)


def test_its_gradient_is_the_derivative_of_its_mean():
    model, at = condition(joint_data(), GROUPS, PARTS), np.random.default_rng(6).random((9, 3))
    np.testing.assert_allclose(model.gradient(at), differences(model.mean, at), atol=1e-6)


@pytest.mark.parametrize("dimension", [1, 2, 4])
def test_it_interpolates_values_and_derivatives(dimension):
    dataset = smooth_data(dimension, 7, 2)
    model = fit_gradient_kriging(dataset)
    mean, variance = model.predict(dataset.points)
    np.testing.assert_allclose(mean, dataset.values, atol=1e-5)
    np.testing.assert_allclose(model.gradient(dataset.points), dataset.gradients, atol=1e-4)
    assert variance.max() < 1e-6


@pytest.mark.parametrize(("dimension", "worth"), [(2, 10), (3, 12)])
def test_five_points_with_gradients_are_worth_a_dozen_without(dimension, worth):
    at = np.random.default_rng(9).random((300, dimension))

    def error(model):
        return np.sqrt(np.mean((model.predict(at)[0] - smooth(at)) ** 2)) / smooth(at).std()

    def plain(size, seed):
        points = latin_hypercube(cube(dimension), size, seed)
        return fit_kriging(Dataset(points, smooth(points), np.zeros(size)))

    enhanced = np.median([error(fit_gradient_kriging(smooth_data(dimension, 5, seed))) for seed in range(8)])
    assert enhanced < np.median([error(plain(worth, seed)) for seed in range(8)])
    assert enhanced < 0.5 * np.median([error(plain(5, seed)) for seed in range(8)])


def test_gradients_of_no_worth_leave_plain_kriging():
    points, at = latin_hypercube(cube(2), 8, 4), np.random.default_rng(2).random((50, 2))
    plain = fit_kriging(Dataset(points, smooth(points), np.full(8, 0.01)))
    wrong = np.random.default_rng(1).normal(0.0, 100.0, (8, 2))
    data = JointData(points, smooth(points)[:, None], np.full((8, 1), 0.01), wrong, np.full((8, 2), 1e14))
    model = condition(data, ((0, 1),), (plain.hyperparameters,))
    np.testing.assert_allclose(model.predict(at), plain.predict(at), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e6])
def test_units_do_not_matter(unit):
    dataset, at = smooth_data(2, 6, 3), np.random.default_rng(2).random((20, 2))
    scaled = Dataset(unit * dataset.points, dataset.values / unit, np.zeros(6), dataset.gradients / unit**2)
    plain, other = fit_gradient_kriging(dataset).predict(at)[0], fit_gradient_kriging(scaled).predict(unit * at)[0]
    np.testing.assert_allclose(unit * other, plain, rtol=1e-4, atol=1e-5)


def test_a_known_start_is_no_worse():
    dataset = smooth_data(3, 8, 1)
    first = fit_gradient_kriging(dataset)
    again = fit_gradient_kriging(dataset, start=first.hyperparameters[0])
    np.testing.assert_allclose(
        again.hyperparameters[0].length_scales, first.hyperparameters[0].length_scales, rtol=0.05
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"gradients": None}, "dataset: expected gradients, got none; fit_kriging needs values only"),
        ({"start": Hyperparameters(np.ones(3), 1.0)}, r"start: expected 2 length-scales, got \(3,\)"),
    ],
)
def test_what_does_not_fit_is_refused(change, message):
    dataset = smooth_data(2, 5, 1)
    if "gradients" in change:
        dataset = Dataset(dataset.points, dataset.values, dataset.noise_variance)
    with pytest.raises(ValueError, match=message):
        fit_gradient_kriging(dataset, start=change.get("start"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"gradients": np.zeros((3, 2))}, r"gradients: expected shape \(4, 2\), one per point, got \(3, 2\)"),
        ({"gradients": np.full((4, 2), np.nan)}, "gradients: expected finite numbers"),
        ({"gradient_noise_variance": np.ones((4, 2))}, "gradient_noise_variance: expected gradients too, got none"),
        (
            {"gradients": np.zeros((4, 2)), "gradient_noise_variance": np.full((4, 2), -1.0)},
            "gradient_noise_variance: expected nothing below 0",
        ),
    ],
)
def test_data_sets_check_their_gradients(arguments, message):
    with pytest.raises(ValueError, match=message):
        Dataset(np.random.default_rng(1).random((4, 2)), np.zeros(4), np.zeros(4), **arguments)


def test_joint_data_and_groups_must_fit():
    data = joint_data()
    with pytest.raises(ValueError, match=r"values: expected shape \(6, 3\), got \(5, 3\)"):
        JointData(data.points, data.values[:5], data.noise_variance, data.gradients, data.gradient_noise_variance)
    with pytest.raises(ValueError, match="noise_variance: expected nothing below 0"):
        JointData(data.points, data.values, -data.noise_variance, data.gradients, data.gradient_noise_variance)
    with pytest.raises(ValueError, match="groups: expected 3 with hyper-parameters, got 2, 3"):
        condition(data, GROUPS[:2], PARTS)
