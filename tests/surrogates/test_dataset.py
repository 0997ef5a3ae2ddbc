import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from surrogates.dataset import Box, Dataset

coordinates = st.floats(-1e6, 1e6)
fractions = st.floats(0.0, 1.0)


@given(arrays(float, 3, elements=coordinates), arrays(float, 3, elements=st.floats(1e-3, 1e6)), st.data())
def test_a_point_survives_the_way_to_the_unit_cube_and_back(lower, width, data):
    box = Box(lower, lower + width)
    points = box.from_unit(data.draw(arrays(float, (4, 3), elements=fractions)))

    again = box.from_unit(box.to_unit(points))

    assert box.contains(points).all()
    np.testing.assert_allclose(again, points, atol=1e-9 * (1.0 + np.abs(lower).max()), rtol=1e-9)


@given(arrays(float, (5, 2), elements=coordinates))
def test_clipped_points_lie_in_the_box(points):
    box = Box([0.0, -1.0], [2.0, 3.0])
    assert box.contains(box.clip(points)).all()


def test_intersection_keeps_the_common_part():
    common = Box([0.0, 0.0], [2.0, 2.0]).intersect(Box([1.0, -1.0], [3.0, 1.0]))
    np.testing.assert_array_equal(common.lower, [1.0, 0.0])
    np.testing.assert_array_equal(common.upper, [2.0, 1.0])


def test_boxes_without_a_common_part_do_not_intersect():
    with pytest.raises(ValueError, match=r"upper\[0\]: expected more than lower\[0\]"):
        Box([0.0], [1.0]).intersect(Box([2.0], [3.0]))


@pytest.mark.parametrize(
    ("lower", "upper", "message"),
    [
        ([0.0, 0.0], [1.0], r"upper: expected shape \(2,\) as lower has, got \(1,\)"),
        ([0.0, 2.0], [1.0, 2.0], r"upper\[1\]: expected more than lower\[1\] = 2.0, got 2.0"),
        ([np.nan], [1.0], "lower: expected finite numbers, got 1 that are not"),
        ([[0.0]], [[1.0]], r"lower: expected 1 axes, got shape \(1, 1\)"),
    ],
)
def test_a_box_says_what_is_wrong_with_its_corners(lower, upper, message):
    with pytest.raises(ValueError, match=message):
        Box(lower, upper)


@pytest.mark.parametrize(
    ("points", "values", "noise", "message"),
    [
        ([[0.0], [1.0]], [1.0], [0.0, 0.0], r"values: expected shape \(2,\), one per point, got \(1,\)"),
        ([[0.0], [1.0]], [1.0, 2.0], [0.0], r"noise_variance: expected shape \(2,\), one per point, got \(1,\)"),
        ([[0.0]], [1.0], [-1.0], "noise_variance: expected nothing below 0, got -1.0"),
        ([[0.0]], [np.inf], [0.0], "values: expected finite numbers, got 1 that are not"),
        (np.zeros((0, 2)), [], [], "points: expected at least one point and one coordinate"),
        ([0.0], [1.0], [0.0], r"points: expected 2 axes, got shape \(1,\)"),
    ],
)
def test_a_dataset_says_what_is_wrong_with_its_arrays(points, values, noise, message):
    with pytest.raises(ValueError, match=message):
        Dataset(points, values, noise)


def test_a_dataset_keeps_read_only_copies():
    values = np.array([1.0, 2.0])
    dataset = Dataset([[0.0], [1.0]], values, [0.0, 0.0])
    values[0] = 7.0

    assert dataset.values[0] == 1.0
    with pytest.raises(ValueError, match="read-only"):
        dataset.values[0] = 3.0


def test_a_dataset_travels_between_processes():
    dataset = pickle.loads(pickle.dumps(Dataset([[0.0]], [1.0], [0.5]), protocol=5))
    assert not dataset.values.flags.writeable
    assert (dataset.size, dataset.dimension) == (1, 1)
