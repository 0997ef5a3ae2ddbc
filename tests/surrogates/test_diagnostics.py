import numpy as np
import pytest

from surrogates.dataset import Box, Dataset
from surrogates.diagnostics import leave_one_out, leave_one_out_by_refitting
from surrogates.kriging import Kriging, _generalized_least_squares, _whiten, fit_kriging
from surrogates.sampling import latin_hypercube
from surrogates.sklearn_adapter import fit_sklearn_kriging
from tests.surrogates.problems import smooth


def data(noise_sd, size=18, seed=1):
    points = latin_hypercube(Box([0.0, 0.0], [1.0, 1.0]), size, seed)
    noise = noise_sd * np.random.default_rng(seed).standard_normal(size)
    return Dataset(points, smooth(points) + noise, np.full(size, noise_sd**2))


def with_hyperparameters_of(model):
    """Fits that keep the hyper-parameters of a model, trend and weights computed from the rest of the data."""

    def fit(dataset):
        scaled = (dataset.points[:, None, :] - dataset.points) / model.hyperparameters.length_scales
        variance = model.hyperparameters.variance
        covariance = variance * model.kernel((scaled**2).sum(axis=2))[0]
        whitening, nugget = _whiten(covariance, dataset.noise_matrix, variance)
        trend, weights = _generalized_least_squares(whitening, dataset.values)
        return Kriging(dataset, model.kernel, model.hyperparameters, trend, nugget, weights, whitening, 0.0)

    return fit


@pytest.mark.parametrize("noise_sd", [0.1, 0.5])
def test_the_closed_form_equals_leaving_each_point_out(noise_sd):
    dataset = data(noise_sd)
    model = fit_kriging(dataset)
    fast, slow = leave_one_out(model), leave_one_out_by_refitting(with_hyperparameters_of(model), dataset)
    np.testing.assert_allclose(fast.residuals, slow.residuals, rtol=1e-8)
    np.testing.assert_allclose(fast.variances, slow.variances, rtol=1e-8)
    assert fast.explained == pytest.approx(slow.explained)


def test_without_noise_the_closed_form_equals_leaving_each_point_out():
    dataset = data(0.0)
    model = fit_kriging(dataset)
    fast, slow = leave_one_out(model), leave_one_out_by_refitting(with_hyperparameters_of(model), dataset)
    np.testing.assert_allclose(fast.residuals, slow.residuals, atol=1e-6)


def test_a_good_model_explains_and_its_variances_are_right():
    found = [leave_one_out(fit_kriging(data(0.2, 40, seed))) for seed in range(10)]
    assert np.median([one.explained for one in found]) > 0.7
    assert 0.005 < np.mean([one.share_outside() for one in found]) < 0.12
    assert np.mean([one.standardized.std() for one in found]) == pytest.approx(1.0, abs=0.15)


def test_values_without_structure_are_not_explained():
    points = latin_hypercube(Box([0.0], [1.0]), 40, 2)
    values = np.random.default_rng(3).standard_normal(40)
    assert leave_one_out(fit_kriging(Dataset(points, values, np.ones(40)))).explained < 0.2


def test_equal_values_leave_nothing_to_explain():
    found = leave_one_out(fit_kriging(Dataset([[0.0], [0.5], [1.0]], [2.0, 2.0, 2.0], np.zeros(3))))
    assert found.explained == 1.0
    np.testing.assert_allclose(found.residuals, 0.0, atol=1e-9)


def test_any_fitter_can_be_refitted():
    found = leave_one_out_by_refitting(fit_sklearn_kriging, data(0.1))
    assert found.explained > 0.8


def test_one_point_is_too_few():
    one = Dataset([[0.0]], [1.0], [0.1])
    with pytest.raises(ValueError, match="model: expected at least 2 points, got 1"):
        leave_one_out(fit_kriging(one))
    with pytest.raises(ValueError, match="dataset: expected at least 2 points, got 1"):
        leave_one_out_by_refitting(fit_kriging, one)
