import numpy as np
import pytest

from surrogates.kernels import gaussian, matern52

KERNELS = [gaussian, matern52]


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_point_correlates_fully_with_itself_and_less_with_farther_ones(kernel):
    correlation, _ = kernel(np.linspace(0.0, 50.0, 200))
    assert correlation[0] == 1.0
    assert (np.diff(correlation) < 0.0).all()
    assert correlation[-1] > 0.0


@pytest.mark.parametrize("kernel", KERNELS)
def test_the_slope_is_the_derivative_in_the_squared_distance(kernel):
    squared = np.linspace(0.1, 8.0, 30)
    difference = (kernel(squared + 1e-6)[0] - kernel(squared - 1e-6)[0]) / 2e-6
    np.testing.assert_allclose(kernel(squared)[1], difference, rtol=1e-6)


def test_matern_52_at_distance_one_as_in_rasmussen_and_williams_4_17():
    root = np.sqrt(5.0)
    assert matern52(np.array([1.0]))[0][0] == pytest.approx((1.0 + root + 5.0 / 3.0) * np.exp(-root))
