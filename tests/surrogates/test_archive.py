import numpy as np
import pytest

from surrogates.archive import Archive, PairingParams, group_dataset, paired_difference
from surrogates.dataset import Box
from surrogates.trust_region import TrustRegion

CENTER = np.array([0.5, 0.5])
REGION = TrustRegion(CENTER, 0.1, np.ones(2), Box(np.zeros(2), np.ones(2)))


def noisy(points, replications, seed=1):
    """Values (point, replication, group) whose noise is common to all points but for a small share."""
    common = np.random.default_rng(seed).standard_normal((replications, 2))
    own = np.array(
        [np.random.default_rng([seed, int(1e6 * p.sum())]).standard_normal((replications, 2)) for p in points]
    )
    return points[:, None, :] ** 2 + common + 0.1 * own


def archive_of(points, replications):
    points = np.array(points)
    return Archive().add(points, noisy(points, replications))


def test_a_longer_run_replaces_a_shorter_one_and_never_the_other_way():
    point = CENTER[None]
    archive = Archive().add(point, noisy(point, 8)).add(point, noisy(point, 16)).add(point, noisy(point, 4))
    assert len(archive.observations) == 1
    assert archive.replications(CENTER) == 16
    assert archive.replications(np.zeros(2)) == 0


def test_a_point_never_evaluated_is_missed():
    with pytest.raises(ValueError, match="archive: expected an observation at"):
        Archive().at(CENTER)


def test_differences_are_paired_over_the_common_replications():
    archive = archive_of([CENTER], 16).add(np.array([[0.6, 0.6]]), noisy(np.array([[0.6, 0.6]]), 8))
    center, other = archive.observations
    np.testing.assert_array_equal(paired_difference(other, center), other.values - center.values[:8])


def test_common_random_numbers_cancel_in_the_dataset():
    archive = archive_of([CENTER, [0.55, 0.5]], 64)
    dataset = group_dataset(archive, REGION, 0, (0,), PairingParams(independent_noise=1.0))
    marginal = archive.observations[1].values[:, 0].var(ddof=1) / 64
    assert dataset.values[1] == pytest.approx(0.55**2 - 0.5**2, abs=0.05)
    assert dataset.noise_variance[1] < 0.05 * marginal


def test_the_center_comes_first_with_value_and_noise_zero():
    dataset = group_dataset(archive_of([[0.55, 0.5], CENTER], 8), REGION, 1, (0, 1), PairingParams())
    np.testing.assert_array_equal(dataset.points[0], CENTER)
    assert (dataset.values[0], dataset.noise_variance[0]) == (0.0, 0.0)


def test_equally_replicated_points_share_the_sample_and_carry_no_noise_against_it():
    archive = archive_of([CENTER, [0.55, 0.5]], 16)
    assert group_dataset(archive, REGION, 0, (0,), PairingParams()).noise_variance[1] == 0.0


def test_fewer_replications_carry_the_noise_of_the_missing_ones():
    short = np.array([[0.55, 0.5]])
    archive = archive_of([CENTER], 16).add(short, noisy(short, 8))
    variance = paired_difference(archive.observations[1], archive.observations[0])[:, 0].var(ddof=1)
    dataset = group_dataset(archive, REGION, 0, (0,), PairingParams())
    assert dataset.noise_variance[1] == pytest.approx(variance * (1 / 8 - 1 / 16))


def test_a_point_is_reused_where_its_own_coordinates_are_near():
    archive = archive_of([CENTER, [0.55, 0.95]], 8)
    assert group_dataset(archive, REGION, 0, (0,), PairingParams()).size == 2
    assert group_dataset(archive, REGION, 1, (1,), PairingParams()).size == 1


def test_crowded_points_are_thinned_and_the_best_replicated_kept():
    archive = archive_of([CENTER], 16).add(np.array([[0.55, 0.1]]), noisy(np.array([[0.55, 0.1]]), 8))
    archive = archive.add(np.array([[0.551, 0.9]]), noisy(np.array([[0.551, 0.9]]), 16))
    dataset = group_dataset(archive, REGION, 0, (0,), PairingParams(separation=0.1))
    np.testing.assert_array_equal(dataset.points[:, 0], [0.5, 0.551])


def test_a_dataset_never_exceeds_its_limit():
    points = np.vstack([CENTER, np.random.default_rng(1).uniform(0.4, 0.6, (30, 2))])
    dataset = group_dataset(archive_of(points, 4), REGION, 0, (0, 1), PairingParams(largest_dataset=9, separation=0.0))
    assert dataset.size == 9


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"reuse_reach": 0.5}, "reuse_reach: expected at least 1, got 0.5"),
        ({"largest_dataset": 2}, "largest_dataset: expected at least 3 points, got 2"),
        ({"separation": -0.1}, r"separation: expected in \[0, 1\], got -0.1"),
        ({"independent_noise": 1.5}, r"independent_noise: expected a share in \[0, 1\], got 1.5"),
    ],
)
def test_parameters_outside_their_range_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        PairingParams(**change)


def test_by_covariance_means_come_with_the_covariance_of_their_errors():
    numbers = np.random.default_rng(8)
    common = numbers.normal(size=(40, 1))
    points = np.array([[0.0, 0.0], [0.1, 0.2], [-0.2, 0.1]])
    values = [numbers.normal(size=(count, 2)) + 5.0 * common[:count] for count in (40, 10, 20)]
    archive = Archive()
    for point, found in zip(points, values, strict=True):
        archive = archive.add(point[None], found[None])
    region = TrustRegion(points[0], 0.5, np.ones(2), Box([-1.0, -1.0], [1.0, 1.0]))

    dataset = group_dataset(archive, region, 1, (0, 1), PairingParams(by_covariance=True))

    order = [int(np.flatnonzero((points == point).all(axis=1))[0]) for point in dataset.points]
    expected = np.cov(np.array([values[k][:10, 1] for k in order]))
    longer = np.array([[max(len(values[a]), len(values[b])) for b in order] for a in order])
    np.testing.assert_allclose(dataset.values, [values[k][:, 1].mean() for k in order])
    np.testing.assert_allclose(dataset.noise_covariance, expected / longer)
    assert order[0] == 0
