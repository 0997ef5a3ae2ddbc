"""The search where gradients of the sum come with the values."""

from dataclasses import replace

import numpy as np
import pytest

from surrogates.archive import Archive
from surrogates.dataset import Box
from surrogates.joint_data import LEAST_POINTS, MOST_OBSERVATIONS, joint_data
from surrogates.search import ask, run, start, tell
from surrogates.search_types import DEFAULT_SEARCH, GRADIENT_SEARCH
from surrogates.smt_adapter import fit_smt_kriging
from surrogates.trust_region import TrustRegion
from tests.surrogates.problems import NoisyBowls

BOWLS = NoisyBowls()
ORIGIN = np.zeros(3)


def with_gradients(points, replications):
    """Values of the bowls and exact derivatives of their sum, replication by replication."""
    step = 1e-5
    slopes = [
        (BOWLS.evaluate(points + step * e, replications) - BOWLS.evaluate(points - step * e, replications)).sum(axis=2)
        / (2.0 * step)
        for e in np.eye(3)
    ]
    return BOWLS.evaluate(points, replications), np.stack(slopes, axis=2)


def test_it_asks_for_gradients_and_for_few_points():
    state = start(BOWLS.problem, ORIGIN, with_gradients=True)
    request = ask(state)
    assert request.with_gradients
    assert len(request.points) == 1 + GRADIENT_SEARCH.base_points
    state = tell(state, request, *with_gradients(request.points, request.replications))
    candidate = ask(state)
    assert candidate.with_gradients
    assert len(candidate.points) == 1
    state = tell(state, candidate, *with_gradients(candidate.points, candidate.replications))
    assert len(ask(state).points) in (GRADIENT_SEARCH.later_points, 1 + GRADIENT_SEARCH.later_points)


def test_it_finds_the_optimum_better_than_values_alone_at_the_same_budget():
    def error(gradients):
        found = []
        for seed in range(6):
            params = replace(GRADIENT_SEARCH if gradients else DEFAULT_SEARCH, budget=400)
            state = start(BOWLS.problem, ORIGIN, params, seed, with_gradients=gradients)
            state = run(state, with_gradients if gradients else BOWLS.evaluate)
            assert state.spent <= 400
            found.append(np.abs(state.incumbent - BOWLS.target).max())
        return np.median(found)

    assert error(gradients=True) < error(gradients=False) < 0.5


def test_it_is_pure_and_repeatable():
    runs = [run(start(BOWLS.problem, ORIGIN, seed=3, with_gradients=True), with_gradients) for _ in range(2)]
    np.testing.assert_array_equal(runs[0].incumbent, runs[1].incumbent)
    assert runs[0].log == runs[1].log


def test_missing_or_misshapen_gradients_are_refused():
    state = start(BOWLS.problem, ORIGIN, with_gradients=True)
    request = ask(state)
    values, gradients = with_gradients(request.points, request.replications)
    with pytest.raises(
        ValueError, match=r"gradients: expected shape \(point, replication, d\) = \(7, 8, 3\), got none"
    ):
        tell(state, request, values)
    with pytest.raises(ValueError, match=r"gradients: .* got \(7, 8, 2\)"):
        tell(state, request, values, gradients[:, :, :2])
    with pytest.raises(ValueError, match="gradients: expected finite numbers"):
        tell(state, request, values, np.full_like(gradients, np.nan))


def test_a_fitter_without_hyper_parameters_is_refused():
    with pytest.raises(ValueError, match=r"fitter: expected one that fits `kriging\.Kriging`"):
        run(start(BOWLS.problem, ORIGIN, fitter=fit_smt_kriging, with_gradients=True), with_gradients)


def region_and_archive(num_points, replications, scale=1.0):
    points = np.vstack([ORIGIN, scale * np.random.default_rng(2).uniform(-0.5, 0.5, (num_points, 3))])
    archive = Archive().add(points, *with_gradients(points, replications))
    return TrustRegion(ORIGIN, 0.5, np.ones(3), Box(np.full(3, -2.0), np.full(3, 2.0))), archive


def test_with_equal_replications_differences_and_gradients_are_exact():
    region, archive = region_and_archive(8, 10)
    data = joint_data(archive, region, GRADIENT_SEARCH.pairing)
    values, gradients = with_gradients(data.points, 10)
    np.testing.assert_allclose(data.values, (values - values[0]).mean(axis=1), atol=1e-12)
    np.testing.assert_allclose(data.gradients, gradients.mean(axis=1), atol=1e-12)
    assert data.noise_variance.max() == data.gradient_noise_variance.max() == 0.0
    np.testing.assert_array_equal(data.points[0], ORIGIN)


def test_earlier_points_with_fewer_replications_are_noisy_and_corrected_by_the_center():
    region, archive = region_and_archive(8, 10)
    archive = archive.add(ORIGIN[None], *with_gradients(ORIGIN[None], 40))
    data = joint_data(archive, region, GRADIENT_SEARCH.pairing)
    few, many = (with_gradients(data.points, n)[1] for n in (10, 40))
    corrected = (few - few[0]).mean(axis=1) + many[0].mean(axis=0)
    np.testing.assert_allclose(data.gradients, corrected, atol=1e-12)
    spread = (few[3] - few[0]).var(axis=0, ddof=1) * (1.0 / 10 - 1.0 / 40)
    np.testing.assert_allclose(data.gradient_noise_variance[3], spread, atol=1e-12)
    assert (data.noise_variance[1:] > 0.0).all()
    assert data.noise_variance[0].max() == 0.0


def test_far_points_enter_only_where_there_are_few():
    region, archive = region_and_archive(3, 4, scale=50.0)
    assert len(joint_data(archive, region, GRADIENT_SEARCH.pairing).points) == 4
    region, archive = region_and_archive(20, 4, scale=50.0)
    assert len(joint_data(archive, region, GRADIENT_SEARCH.pairing).points) == LEAST_POINTS
    region, archive = region_and_archive(300, 4)
    pairing = replace(GRADIENT_SEARCH.pairing, largest_dataset=1_000)
    assert len(joint_data(archive, region, pairing).points) == MOST_OBSERVATIONS // 6


def test_observations_without_gradients_are_refused():
    region, archive = region_and_archive(3, 4)
    bare = archive.add(np.full((1, 3), 0.1), BOWLS.evaluate(np.full((1, 3), 0.1), 4))
    with pytest.raises(ValueError, match="archive: expected gradients with every observation, got none"):
        joint_data(bare, region, GRADIENT_SEARCH.pairing)
