"""What every surrogate must do, whoever fitted it."""

import numpy as np
import pytest

from surrogates.dataset import Box, Dataset
from surrogates.gradient_kriging import fit_gradient_kriging
from surrogates.kriging import fit_kriging
from surrogates.sampling import latin_hypercube
from surrogates.sklearn_adapter import fit_sklearn_kriging
from surrogates.smt_adapter import fit_smt_gekpls, fit_smt_kriging
from tests.surrogates.problems import smooth

FITTERS = [
    pytest.param(fit_kriging, id="own"),
    pytest.param(fit_smt_kriging, id="smt"),
    pytest.param(fit_sklearn_kriging, id="sklearn"),
]
GRADIENT_FITTERS = [
    pytest.param(fit_gradient_kriging, id="own"),
    pytest.param(fit_smt_gekpls, id="smt", marks=pytest.mark.filterwarnings("ignore::UserWarning")),
]
every_fitter = pytest.mark.parametrize("fit", FITTERS)
every_fitter_of_gradients = pytest.mark.parametrize("fit", GRADIENT_FITTERS)


def cube(dimension):
    return Box(np.zeros(dimension), np.ones(dimension))


def noise_free(dimension, size=20):
    points = latin_hypercube(cube(dimension), size, 1)
    return Dataset(points, smooth(points), np.zeros(size))


@every_fitter
@pytest.mark.parametrize("dimension", [1, 2, 4])
def test_it_interpolates_noise_free_data(fit, dimension):
    dataset = noise_free(dimension)
    mean, variance = fit(dataset).predict(dataset.points)
    np.testing.assert_allclose(mean, dataset.values, atol=1e-5)
    assert variance.max() < 1e-5


@every_fitter
@pytest.mark.parametrize("dimension", [1, 3])
def test_its_gradient_is_the_derivative_of_its_mean(fit, dimension):
    model = fit(noise_free(dimension, 12))
    points = np.random.default_rng(2).random((10, dimension))
    step = 1e-5 * np.eye(dimension)
    difference = [(model.predict(points + e)[0] - model.predict(points - e)[0]) / 2e-5 for e in step]
    np.testing.assert_allclose(model.gradient(points), np.column_stack(difference), atol=1e-5)


@every_fitter
def test_it_smooths_noisy_data_towards_the_truth(fit):
    generator = np.random.default_rng(3)
    points = latin_hypercube(cube(2), 40, generator)
    noise_sd = generator.uniform(0.05, 0.4, 40)
    dataset = Dataset(points, smooth(points) + noise_sd * generator.standard_normal(40), noise_sd**2)

    mean, _ = fit(dataset).predict(points)

    error_of_model = np.sqrt(np.mean((mean - smooth(points)) ** 2))
    error_of_data = np.sqrt(np.mean((dataset.values - smooth(points)) ** 2))
    assert error_of_model < 0.6 * error_of_data


@every_fitter
def test_it_trusts_precise_points_more_than_noisy_ones(fit):
    generator = np.random.default_rng(4)
    points = latin_hypercube(cube(1), 30, generator)
    noise_sd = np.where(np.arange(30) % 2 == 0, 0.01, 0.5)
    dataset = Dataset(points, smooth(points) + noise_sd * generator.standard_normal(30), noise_sd**2)

    residual = np.abs(fit(dataset).predict(points)[0] - dataset.values)

    assert residual[::2].mean() < 0.1 * residual[1::2].mean()


@every_fitter
def test_its_variance_is_nowhere_negative_and_grows_away_from_the_data(fit):
    model = fit(noise_free(2))
    _, variance = model.predict(np.random.default_rng(5).uniform(-0.5, 1.5, (200, 2)))
    _, inside = model.predict(np.array([[0.5, 0.5]]))
    _, outside = model.predict(np.array([[3.0, 3.0]]))
    assert variance.min() >= 0.0
    assert outside[0] > 10.0 * inside[0]


@every_fitter
def test_it_stands_values_that_are_all_equal(fit):
    dataset = Dataset([[0.0], [0.5], [1.0]], [2.0, 2.0, 2.0], np.zeros(3))
    model = fit(dataset)
    assert model.predict(np.array([[0.3]]))[0][0] == pytest.approx(2.0, abs=1e-6)


@every_fitter
def test_it_stands_points_that_come_twice(fit):
    dataset = Dataset([[0.0], [0.5], [0.5], [1.0]], [0.0, 1.0, 1.0, 0.5], np.zeros(4))
    assert fit(dataset).predict(np.array([[0.5]]))[0][0] == pytest.approx(1.0, abs=1e-3)


def with_gradients(dimension, size=7, seed=1):
    points, step = latin_hypercube(cube(dimension), size, seed), 1e-6
    slopes = [(smooth(points + step * e) - smooth(points - step * e)) / (2.0 * step) for e in np.eye(dimension)]
    return Dataset(points, smooth(points), np.zeros(size), np.column_stack(slopes))


@every_fitter_of_gradients
@pytest.mark.parametrize("dimension", [2, 4])
def test_with_gradients_it_interpolates_values_and_nearly_slopes(fit, dimension):
    dataset = with_gradients(dimension)
    model = fit(dataset)
    np.testing.assert_allclose(model.predict(dataset.points)[0], dataset.values, atol=1e-5)
    np.testing.assert_allclose(model.gradient(dataset.points), dataset.gradients, atol=0.15)


@every_fitter_of_gradients
@pytest.mark.parametrize("dimension", [2, 3])
def test_with_gradients_its_gradient_is_the_derivative_of_its_mean(fit, dimension):
    model = fit(with_gradients(dimension))
    points = np.random.default_rng(2).random((10, dimension))
    step = 1e-4 * np.eye(dimension)
    difference = [(model.predict(points + e)[0] - model.predict(points - e)[0]) / 2e-4 for e in step]
    np.testing.assert_allclose(model.gradient(points), np.column_stack(difference), atol=2e-3)


@every_fitter_of_gradients
@pytest.mark.parametrize("dimension", [2, 3])
def test_five_points_with_gradients_beat_five_without(fit, dimension):
    at = np.random.default_rng(9).random((200, dimension))

    def error(model):
        return np.sqrt(np.mean((model.predict(at)[0] - smooth(at)) ** 2))

    found = [with_gradients(dimension, 5, seed) for seed in range(6)]
    plain = np.median([error(fit_kriging(dataset)) for dataset in found])
    assert np.median([error(fit(dataset)) for dataset in found]) < 0.7 * plain
