import numpy as np
import pytest

from surrogates.dataset import Box
from surrogates.sampling import latin_hypercube, sobol

BOX = Box([0.0, -2.0, 10.0], [1.0, 2.0, 30.0])


def test_every_slice_of_every_coordinate_holds_one_point_of_a_latin_hypercube():
    slices = np.floor(BOX.to_unit(latin_hypercube(BOX, 12, 3)) * 12).astype(int)
    for coordinate in slices.T:
        assert sorted(coordinate) == list(range(12))


def test_a_sobol_design_of_a_power_of_two_is_balanced_in_every_coordinate():
    halves = BOX.to_unit(sobol(BOX, 16, 3)) < 0.5
    np.testing.assert_array_equal(halves.sum(axis=0), [8, 8, 8])


def test_sobol_gives_as_many_points_as_asked():
    assert sobol(BOX, 5, 0).shape == (5, 3)
    assert sobol(BOX, 1, 0).shape == (1, 3)


@pytest.mark.parametrize("design", [latin_hypercube, sobol])
def test_a_seed_fixes_the_design_and_a_generator_moves_on(design):
    np.testing.assert_array_equal(design(BOX, 8, 1), design(BOX, 8, 1))
    generator = np.random.default_rng(1)
    first = design(BOX, 8, generator)
    assert BOX.contains(first).all()
    assert not np.array_equal(first, design(BOX, 8, generator))


@pytest.mark.parametrize("design", [latin_hypercube, sobol])
def test_a_design_needs_a_point(design):
    with pytest.raises(ValueError, match="num_points: expected at least 1, got 0"):
        design(BOX, 0, 1)
