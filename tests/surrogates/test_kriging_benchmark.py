"""Time and accuracy of the kriging fit beside SMT and scikit-learn: pytest -m benchmark -s tests/surrogates."""

import time

import numpy as np
import pytest
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern

from surrogates.dataset import Box, Dataset
from surrogates.kernels import gaussian, matern52
from surrogates.kriging import KrigingParams, fit_kriging
from surrogates.sampling import latin_hypercube
from surrogates.smt_adapter import fit_smt_kriging
from surrogates.threads import one_blas_thread
from tests.surrogates.problems import smooth

INSIDE = np.random.default_rng(9).random((400, 2))


def noisy(seed, size=20):
    generator = np.random.default_rng(seed)
    points = latin_hypercube(Box(np.zeros(2), np.ones(2)), size, generator)
    noise_sd = 0.05 * generator.uniform(0.3, 1.5, size)
    return Dataset(points, smooth(points) + noise_sd * generator.standard_normal(size), noise_sd**2)


class SklearnKriging:
    """scikit-learn's Gaussian process with the same kernel and noise; it wants a scaled target."""

    def __init__(self, dataset):
        self.mean, self.spread = dataset.values.mean(), dataset.values.std()
        kernel = ConstantKernel(1.0, (1e-3, 1e4)) * Matern([1.0, 1.0], (1e-2, 1e3), nu=2.5)
        self.model = GaussianProcessRegressor(kernel, alpha=dataset.noise_variance / self.spread**2)
        with one_blas_thread():
            self.model.fit(dataset.points, (dataset.values - self.mean) / self.spread)

    def predict(self, points):
        mean, sd = self.model.predict(points, return_std=True)
        return self.mean + self.spread * mean, (self.spread * sd) ** 2


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
    rivals = {"own": fit_kriging, "smt": fit_smt_kriging, "scikit-learn": SklearnKriging}
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
