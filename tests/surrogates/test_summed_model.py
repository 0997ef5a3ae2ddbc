import numpy as np

from surrogates.dataset import Box
from surrogates.summed_model import SummedModel, minimize_in_box
from tests.surrogates.fakes import Bowl, Plane

BOX = Box(np.full(3, -1.0), np.full(3, 1.0))
# (x0 - 0.2)^2 + (x1 + 0.4)^2 + (x1 - 0.2)^2 + (x2 - 3)^2 is smallest in the box at (0.2, -0.1, 1).
MODEL = SummedModel((Bowl([0.2, -0.4]), Bowl([0.2, 3.0])), ((0, 1), (1, 2)))


def test_the_sum_adds_means_and_gradients_over_shared_coordinates():
    points = np.array([[0.0, 0.0, 0.0], [0.2, -0.4, 1.0]])
    np.testing.assert_allclose(MODEL.mean(points), [0.04 + 0.16 + 0.04 + 9.0, 0.36 + 4.0])
    np.testing.assert_allclose(MODEL.gradient(points)[0], [-0.4, 0.8 - 0.4, -6.0])


def test_the_minimizer_of_a_sum_of_bowls_is_found_at_the_edge_too():
    point, mean = minimize_in_box(MODEL, BOX, np.zeros(3), 1)
    np.testing.assert_allclose(point, [0.2, -0.1, 1.0], atol=1e-4)
    assert mean < MODEL.mean(np.array([[0.2, -0.1, 0.99]]))[0]
    assert BOX.contains(point)


def test_a_start_that_cannot_be_improved_is_returned():
    flat = SummedModel((Plane(0.0),), ((0, 1, 2),))
    start = np.array([0.3, 0.3, 0.3])
    point, mean = minimize_in_box(flat, BOX, start, 1)
    np.testing.assert_array_equal(point, start)
    assert mean == 0.0
