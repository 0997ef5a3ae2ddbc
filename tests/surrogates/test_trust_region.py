import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from surrogates.dataset import Box
from surrogates.trust_region import TrustRegion, TrustRegionParams, step

BOX = Box([0.0, 0.0], [10.0, 100.0])
SCALE = np.array([1.0, 10.0])


def region(center=(5.0, 50.0), radius=1.0):
    return TrustRegion(np.array(center), radius, SCALE, BOX)


def test_the_radius_is_measured_in_units_of_the_scale():
    local = region(radius=0.5).local_box
    np.testing.assert_array_equal(local.lower, [4.5, 45.0])
    np.testing.assert_array_equal(local.upper, [5.5, 55.0])


def test_the_region_is_cut_off_at_the_box():
    np.testing.assert_array_equal(region(center=(0.2, 99.0)).local_box.lower, [0.0, 89.0])
    np.testing.assert_array_equal(region(center=(0.2, 99.0)).local_box.upper, [1.2, 100.0])


def test_a_good_step_to_the_edge_moves_and_expands():
    after = step(region(), 0.9, np.array([5.95, 50.0]))
    np.testing.assert_array_equal(after.center, [5.95, 50.0])
    assert after.radius == 2.0


def test_a_good_step_inside_moves_and_keeps_the_radius():
    assert step(region(), 0.9, np.array([5.3, 50.0])).radius == 1.0


def test_a_fair_step_to_the_edge_moves_and_keeps_the_radius():
    after = step(region(), 0.3, np.array([6.0, 50.0]))
    assert (after.center[0], after.radius) == (6.0, 1.0)


@pytest.mark.parametrize("ratio", [0.05, -3.0, -np.inf])
def test_a_bad_step_stays_and_shrinks(ratio):
    after = step(region(), ratio, np.array([6.0, 50.0]))
    np.testing.assert_array_equal(after.center, [5.0, 50.0])
    assert after.radius == 0.5


def test_the_radius_never_exceeds_its_limit():
    assert step(region(), 1.0, np.array([6.0, 50.0]), TrustRegionParams(largest_radius=1.5)).radius == 1.5


@given(
    arrays(float, (12, 2), elements=st.floats(0.0, 1.0)),
    st.lists(st.floats(-5.0, 5.0), min_size=12, max_size=12),
)
def test_the_region_never_leaves_the_box(candidates, ratios):
    present = region()
    for unit, ratio in zip(candidates, ratios, strict=True):
        present = step(present, ratio, present.local_box.from_unit(unit))
        assert BOX.contains(present.center)
        assert BOX.contains(present.local_box.lower)
        assert BOX.contains(present.local_box.upper)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"accept": 0.9}, r"accept: expected a positive number in \[0.0, 0.75\], got 0.9"),
        ({"expansion": 0.5}, "expansion: expected a positive number"),
        ({"shrinkage": 0.0}, "shrinkage: expected a positive number"),
        ({"edge": np.nan}, "edge: expected a positive number"),
    ],
)
def test_parameters_outside_their_range_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        TrustRegionParams(**change)


@pytest.mark.parametrize(
    ("center", "radius", "scale", "message"),
    [
        ([11.0, 0.0], 1.0, [1.0, 1.0], "center: expected a point of the box"),
        ([1.0, 0.0], 0.0, [1.0, 1.0], "radius, scale: expected positive numbers"),
        ([1.0, 0.0], 1.0, [1.0, 0.0], "radius, scale: expected positive numbers"),
        ([1.0], 1.0, [1.0, 1.0], r"center: expected shape \(2,\) as the box has, got \(1,\)"),
    ],
)
def test_a_region_says_what_is_wrong_with_it(center, radius, scale, message):
    with pytest.raises(ValueError, match=message):
        TrustRegion(np.array(center), radius, np.array(scale), BOX)


def test_a_ratio_that_is_not_a_number_is_refused():
    with pytest.raises(ValueError, match="ratio: expected a number or an infinity, got nan"):
        step(region(), float("nan"), np.array([5.0, 50.0]))
