import numpy as np
import pytest
from scipy.linalg import cho_factor, cho_solve

from surrogates.dataset import Box, Dataset
from surrogates.kernels import gaussian, matern52
from surrogates.kriging import Hyperparameters, KrigingParams, _negative_log_posterior, _scale, fit_kriging
from surrogates.sampling import latin_hypercube
from tests.surrogates.problems import smooth


def sample(dimension, size, noise_sd=0.1, seed=1):
    generator = np.random.default_rng(seed)
    points = latin_hypercube(Box(np.zeros(dimension), np.ones(dimension)), size, generator)
    sd = noise_sd * generator.uniform(0.3, 1.5, size)
    return Dataset(points, smooth(points) + sd * generator.standard_normal(size), sd**2)


@pytest.mark.parametrize("kernel", [gaussian, matern52])
@pytest.mark.parametrize("dimension", [1, 3])
def test_the_gradient_of_the_posterior_equals_finite_differences(kernel, dimension):
    scaled, params = _scale(sample(dimension, 15)), KrigingParams(kernel=kernel)
    for theta in np.random.default_rng(2).uniform(-1.0, 1.0, (5, dimension + 1)):
        difference = [
            (
                _negative_log_posterior(theta + e, scaled, params)[0]
                - _negative_log_posterior(theta - e, scaled, params)[0]
            )
            / 2e-5
            for e in 1e-5 * np.eye(dimension + 1)
        ]
        np.testing.assert_allclose(_negative_log_posterior(theta, scaled, params)[1], difference, rtol=1e-5, atol=1e-6)


def test_predictions_equal_the_textbook_formula_of_universal_kriging():
    dataset = sample(2, 12)
    model = fit_kriging(dataset)
    lengths, variance = model.hyperparameters.length_scales, model.hyperparameters.variance
    new = np.random.default_rng(3).random((6, 2))

    def covariance(left, right):
        squared = (((left[:, None] - right) / lengths) ** 2).sum(axis=2)
        return variance * model.kernel(squared)[0]

    factor = cho_factor(covariance(dataset.points, dataset.points) + np.diag(dataset.noise_variance))
    ones, cross = np.ones(12), covariance(new, dataset.points)
    precision = ones @ cho_solve(factor, ones)
    trend = ones @ cho_solve(factor, dataset.values) / precision
    lack = 1.0 - cross @ cho_solve(factor, ones)
    mean, spread = model.predict(new)

    assert model.nugget == 0.0
    assert model.trend == pytest.approx(trend)
    np.testing.assert_allclose(mean, trend + cross @ cho_solve(factor, dataset.values - trend))
    explained = np.einsum("km,mk->k", cross, cho_solve(factor, cross.T))
    np.testing.assert_allclose(spread, variance - explained + lack**2 / precision, rtol=1e-8)


def test_the_fit_does_not_depend_on_the_units_of_points_and_values():
    dataset = sample(2, 20)
    units = np.array([100.0, 0.01])
    scaled = Dataset(dataset.points * units, dataset.values * 50.0, dataset.noise_variance * 2500.0)
    model, other = fit_kriging(dataset), fit_kriging(scaled)
    new = np.random.default_rng(3).random((6, 2))

    np.testing.assert_allclose(
        other.hyperparameters.length_scales, model.hyperparameters.length_scales * units, rtol=1e-4
    )
    np.testing.assert_allclose(other.predict(new * units)[0], 50.0 * model.predict(new)[0], rtol=1e-5)


def test_a_useless_coordinate_gets_a_long_length_scale():
    points = latin_hypercube(Box(np.zeros(2), np.ones(2)), 25, 1)
    model = fit_kriging(Dataset(points, np.sin(6.0 * points[:, 0]), np.zeros(25)))
    used, useless = model.hyperparameters.length_scales
    assert useless > 5.0 * used


def test_a_warm_start_at_the_optimum_stays_there():
    dataset = sample(2, 20)
    model = fit_kriging(dataset)
    again = fit_kriging(dataset, start=model.hyperparameters)
    assert again.log_posterior >= model.log_posterior - 1e-6
    np.testing.assert_allclose(again.hyperparameters.length_scales, model.hyperparameters.length_scales, rtol=0.02)


def test_a_fit_is_more_probable_than_its_neighbors():
    dataset = sample(2, 20)
    model = fit_kriging(dataset)
    scaled, params = _scale(dataset), KrigingParams()
    best = np.log(
        np.append(model.hyperparameters.length_scales / scaled.width, model.hyperparameters.variance / scaled.spread**2)
    )
    for move in 0.2 * np.vstack([np.eye(3), -np.eye(3)]):
        assert -_negative_log_posterior(best + move, scaled, params)[0] < model.log_posterior


def test_a_nugget_appears_only_where_the_matrix_needs_one():
    points = np.linspace(0.0, 1.0, 30)[:, None]
    crowded = fit_kriging(Dataset(points, points[:, 0], np.zeros(30)), KrigingParams(kernel=gaussian))
    assert 0.0 < crowded.nugget <= 1e-8
    assert fit_kriging(sample(2, 20)).nugget == 0.0


def test_one_point_gives_a_flat_model():
    model = fit_kriging(Dataset([[1.0, 2.0]], [5.0], [0.1]))
    mean, variance = model.predict(np.array([[1.0, 2.0], [3.0, 4.0]]))
    np.testing.assert_allclose(mean, [5.0, 5.0])
    assert (variance > 0.0).all()


@pytest.mark.parametrize("name", ["length_prior_sd", "variance_prior_sd", "max_iterations"])
def test_parameters_must_be_positive(name):
    with pytest.raises(ValueError, match=f"{name}: expected more than 0, got 0"):
        KrigingParams(**{name: 0})


def test_a_start_of_another_dimension_is_refused():
    with pytest.raises(ValueError, match=r"start: expected 2 length-scales, got shape \(1,\)"):
        fit_kriging(sample(2, 5), start=Hyperparameters(np.array([1.0]), 1.0))


def test_hyperparameters_must_be_positive():
    with pytest.raises(ValueError, match="hyper-parameters: expected positive numbers"):
        Hyperparameters(np.array([1.0, 0.0]), 1.0)


def test_dependent_errors_are_told_apart_from_the_function():
    numbers = np.random.default_rng(5)
    points = latin_hypercube(Box([0.0], [1.0]), 15, 3)
    covariance = np.full((15, 15), 4.0) + 1e-4 * np.eye(15)
    at = np.linspace(0.1, 0.9, 9)[:, None]

    def slope_error(known):
        found = []
        for _ in range(20):
            values = smooth(points) + numbers.multivariate_normal(np.zeros(15), covariance)
            model = fit_kriging(Dataset(points, values, covariance.diagonal(), noise_covariance=known))
            step = 1e-4
            truth = (smooth(at + step) - smooth(at - step)) / (2.0 * step)
            found.append(np.abs(model.gradient(at)[:, 0] - truth).mean())
        return np.median(found)

    assert slope_error(covariance) < 0.3 * slope_error(None)


@pytest.mark.parametrize(
    ("covariance", "message"),
    [
        (np.array([[1.0, 0.5], [0.2, 1.0]]), "noise_covariance: expected a symmetric matrix"),
        (np.array([[2.0, 0.5], [0.5, 1.0]]), "noise_covariance: expected noise_variance on its diagonal"),
        (np.eye(3), r"noise_covariance: expected shape \(2, 2\)"),
    ],
)
def test_a_covariance_of_errors_must_fit(covariance, message):
    with pytest.raises(ValueError, match=message):
        Dataset([[0.0], [1.0]], [1.0, 2.0], [1.0, 1.0], noise_covariance=covariance)
