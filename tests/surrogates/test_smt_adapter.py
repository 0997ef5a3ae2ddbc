import numpy as np
import pytest

from surrogates.dataset import Box, Dataset
from surrogates.kriging import fit_kriging
from surrogates.sampling import latin_hypercube
from surrogates.smt_adapter import fit_smt_gekpls, fit_smt_kriging
from tests.surrogates.problems import smooth


@pytest.mark.parametrize("dimension", [1, 2])
def test_own_kriging_and_smt_agree_on_a_noise_free_function(dimension):
    box = Box(np.zeros(dimension), np.ones(dimension))
    points = latin_hypercube(box, 25, 1)
    dataset = Dataset(points, smooth(points), np.zeros(25))
    inside = np.random.default_rng(2).uniform(0.1, 0.9, (100, dimension))

    own, _ = fit_kriging(dataset).predict(inside)
    smt, _ = fit_smt_kriging(dataset).predict(inside)

    np.testing.assert_allclose(own, smt, atol=0.05 * smooth(inside).std())


def test_noise_is_handed_over_as_a_variance_not_as_a_ratio():
    generator = np.random.default_rng(3)
    points = latin_hypercube(Box([0.0], [1.0]), 25, generator)
    draws = generator.standard_normal(25)
    inside = np.linspace(0.1, 0.9, 20)[:, None]

    def predict(unit):
        values = unit * (smooth(points) + 0.1 * draws)
        return fit_smt_kriging(Dataset(points, values, np.full(25, (0.1 * unit) ** 2))).predict(inside)[0] / unit

    np.testing.assert_allclose(predict(1000.0), predict(1.0), rtol=1e-4)


def test_smt_prints_nothing(capfd):
    points = np.linspace(0.0, 1.0, 12)[:, None]
    fit_smt_kriging(Dataset(points, smooth(points), np.full(12, 0.01))).predict(points)
    assert capfd.readouterr() == ("", "")


def test_one_point_is_too_few_for_smt():
    with pytest.raises(ValueError, match="dataset: expected at least 2 points for SMT, got 1"):
        fit_smt_kriging(Dataset([[0.0]], [1.0], [0.0]))


@pytest.mark.parametrize(
    ("dataset", "got"),
    [
        (Dataset([[0.0], [1.0]], [1.0, 2.0], [0.0, 0.0], [[1.0], [1.0]]), "got gradients, 1, 2; fit_gradient_kriging"),
        (Dataset([[0.0, 1.0], [1.0, 0.0]], [1.0, 2.0], [0.0, 0.0]), "got no gradients, 2, 2; fit_gradient_kriging"),
        (Dataset([[0.0, 1.0]], [1.0], [0.0], [[1.0, 2.0]]), "got gradients, 2, 1; fit_gradient_kriging"),
    ],
)
def test_gekpls_needs_gradients_in_two_dimensions(dataset, got):
    with pytest.raises(ValueError, match=got):
        fit_smt_gekpls(dataset)
