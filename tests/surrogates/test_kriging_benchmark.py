"""Time and accuracy of the kriging fit beside SMT and scikit-learn: pytest -m benchmark -s tests/surrogates."""

import time

import numpy as np
import pytest

from surrogates.dataset import Box, Dataset
from surrogates.gradient_kriging import fit_gradient_kriging
from surrogates.kernels import gaussian, matern52
from surrogates.kriging import KrigingParams, fit_kriging
from surrogates.sampling import latin_hypercube
from surrogates.sklearn_adapter import fit_sklearn_kriging
from surrogates.smt_adapter import fit_smt_gekpls, fit_smt_kriging
from tests.surrogates.problems import smooth

INSIDE = np.random.default_rng(9).random((400, 2))


def noisy(seed, size=20):
    generator = np.random.default_rng(seed)
    points = latin_hypercube(Box(np.zeros(2), np.ones(2)), size, generator)
    noise_sd = 0.05 * generator.uniform(0.3, 1.5, size)
    return Dataset(points, smooth(points) + noise_sd * generator.standard_normal(size), noise_sd**2)


def measure(fit, datasets):
    """Median seconds of a fit, and root mean square error over the truth's standard deviation."""
    fit(datasets[0])
    seconds, errors = [], []
    for dataset in datasets:
        begin = time.perf_counter()
        model = fit(dataset)
        seconds.append(time.perf_counter() - begin)
        errors.append(np.mean((model.predict(INSIDE)[0] - smooth(INSIDE)) ** 2))
    return np.median(seconds), np.sqrt(np.mean(errors)) / smooth(INSIDE).std()


@pytest.mark.benchmark
def test_a_fit_of_20_points_in_2_dimensions_takes_less_than_4_ms_and_is_as_accurate_as_smt_and_sklearn():
    datasets = [noisy(seed) for seed in range(15)]
    rivals = {"own": fit_kriging, "smt": fit_smt_kriging, "scikit-learn": fit_sklearn_kriging}
    results = {name: measure(fit, datasets) for name, fit in rivals.items()}

    own_seconds, own_error = results["own"]
    for name, (seconds, error) in results.items():
        print(f"\n{name:13s} {1e3 * seconds:7.2f} ms  x{seconds / own_seconds:6.1f}  error {100 * error:.1f}%", end="")
    assert own_seconds < 0.004
    assert own_error < 1.1 * min(error for _, error in results.values())


@pytest.mark.benchmark
def test_kernels_side_by_side():
    datasets = [noisy(seed) for seed in range(30)]
    exact = [Dataset(d.points, smooth(d.points), np.zeros(d.size)) for d in datasets]
    for kernel in (gaussian, matern52):
        for name, chosen in (("noisy", datasets), ("exact", exact)):
            seconds, error = measure(lambda data, k=kernel: fit_kriging(data, KrigingParams(kernel=k)), chosen)
            print(f"\n{kernel.__name__:9s} {name} {1e3 * seconds:6.2f} ms  error {100 * error:.2f}%", end="")
            assert error < 0.15


def hilly(points):
    """A smooth function of any number of coordinates, and its gradient."""
    return np.sin(3.0 * points).sum(axis=1) + points.prod(axis=1), 3.0 * np.cos(3.0 * points) + np.stack(
        [np.delete(points, j, axis=1).prod(axis=1) for j in range(points.shape[1])], axis=1
    )


def error_of(fit, size, dimension, *, with_gradients):
    """Median root mean square error over 20 Latin hypercubes, as a share of the truth's standard deviation."""
    inside = np.random.default_rng(9).random((400, dimension))
    truth, errors = hilly(inside)[0], []
    for seed in range(20):
        points = latin_hypercube(Box(np.zeros(dimension), np.ones(dimension)), size, np.random.default_rng(seed))
        values, slopes = hilly(points)
        gradients = {"gradients": slopes, "gradient_noise_variance": np.zeros_like(slopes)} if with_gradients else {}
        model = fit(Dataset(points, values, np.zeros(size), **gradients))
        errors.append(np.sqrt(np.mean((model.predict(inside)[0] - truth) ** 2)))
    return np.median(errors) / truth.std()


@pytest.mark.benchmark
@pytest.mark.parametrize("dimension", [2, 3])
def test_five_points_with_gradients_are_worth_ten_without(dimension):
    own = error_of(fit_gradient_kriging, 5, dimension, with_gradients=True)
    gekpls = error_of(fit_smt_gekpls, 5, dimension, with_gradients=True)
    without = {size: error_of(fit_kriging, size, dimension, with_gradients=False) for size in range(5, 25)}
    worth = next((size for size, error in without.items() if error <= own), 25)
    print(f"\n{dimension} dimensions, 5 points: error with gradients {own:.1%}, GEKPLS {gekpls:.1%}, ", end="")
    print(f"without {without[5]:.1%}; as good as {worth} points without", end="")
    assert worth >= 10
