from dataclasses import replace

import numpy as np
import pytest

from surrogates.dataset import Box
from surrogates.search import Request, SearchParams, SearchProblem, StopReason, ask, run, start, tell
from surrogates.smt_adapter import fit_smt_kriging
from surrogates.trust_region import TrustRegionParams
from tests.surrogates.fakes import Bowl, Plane
from tests.surrogates.problems import DEEP, SHALLOW, BaseStockTree, NoisyBowls, true_gap

BOWLS = NoisyBowls()
ORIGIN = np.zeros(3)


def bowl_fitter(dataset, earlier=None):
    """Know the true bowl of a group, told apart by its coordinates in the center: a perfect surrogate."""
    target = BOWLS.target[[int(np.argmin(np.abs(MARKED - c))) for c in dataset.points[0]]]
    return Bowl(target)


MARKED = np.array([0.1, 0.2, 0.4])


def answered(state):
    request = ask(state)
    return tell(state, request, BOWLS.evaluate(request.points, request.replications))


def test_the_first_request_is_the_center_and_one_latin_hypercube_in_the_trust_region():
    params = SearchParams(base_points=4, points_per_dimension=2, initial_replications=6)
    state = start(BOWLS.problem, ORIGIN, params)
    request = ask(state)
    assert request.points.shape == (1 + 4 + 2 * 2, 3)
    assert request.replications == 6
    np.testing.assert_array_equal(request.points[0], ORIGIN)
    assert state.region.local_box.contains(request.points).all()


def test_a_perfect_surrogate_proposes_the_minimizer_and_the_center_moves_there():
    state = start(BOWLS.problem, MARKED, SearchParams(initial_radius=0.5), fitter=bowl_fitter)
    state = answered(state)
    np.testing.assert_allclose(ask(state).points, BOWLS.target[None], atol=1e-4)

    state = answered(state)
    np.testing.assert_allclose(state.incumbent, BOWLS.target, atol=1e-4)
    assert state.log[0].accepted
    assert state.log[0].actual_reduction == pytest.approx(state.log[0].predicted_reduction, abs=0.5)


def test_a_misleading_surrogate_is_refused_and_the_region_shrinks():
    state = start(BOWLS.problem, BOWLS.target, fitter=lambda *_: Plane(1.0))
    radius = state.region.radius
    state = answered(answered(state))
    np.testing.assert_array_equal(state.incumbent, BOWLS.target)
    assert state.region.radius == 0.5 * radius
    assert not state.log[0].accepted


def test_a_surrogate_without_slope_proposes_nothing_and_costs_no_candidate():
    state = answered(start(BOWLS.problem, ORIGIN, fitter=lambda *_: Plane(0.0)))
    assert len(state.log) == 1
    assert state.log[0].predicted_reduction == 0.0
    assert state.proposal is None


def test_replications_grow_as_the_region_shrinks():
    params = SearchParams(initial_radius=0.4, initial_replications=4, replication_growth=2.0, tolerance=0.0)
    state = start(BOWLS.problem, BOWLS.target, params, fitter=lambda *_: Plane(1.0))
    for expected in (4, 16, 64):
        assert state.replications == expected
        state = answered(answered(state))


def test_the_center_is_asked_again_only_for_more_replications():
    params = SearchParams(replication_growth=0.0)
    state = answered(answered(start(BOWLS.problem, BOWLS.target, params, fitter=lambda *_: Plane(1.0))))
    assert not (ask(state).points == state.incumbent).all(axis=1).any()


def test_it_stops_at_the_minimum_radius():
    params = SearchParams(minimum_radius=0.2, initial_radius=0.25)
    state = run(start(BOWLS.problem, BOWLS.target, params, fitter=lambda *_: Plane(1.0)), BOWLS.evaluate)
    assert state.reason is StopReason.MINIMUM_RADIUS


def test_it_stops_when_nothing_is_left_to_gain():
    params = SearchParams(patience=2, tolerance=0.01)
    state = run(start(BOWLS.problem, BOWLS.target, params, fitter=lambda *_: Plane(0.0)), BOWLS.evaluate)
    assert state.reason is StopReason.NO_IMPROVEMENT_LEFT
    assert len(state.log) == 2


@pytest.mark.parametrize("budget", [100, 333, 1000, 2500])
def test_it_spends_no_more_than_its_budget_and_nearly_all_of_it(budget):
    spent = []

    def evaluate(points, replications):
        spent.append(points.shape[0] * replications)
        return BOWLS.evaluate(points, replications)

    params = SearchParams(budget=budget, tolerance=0.0, minimum_radius=1e-6)
    state = run(start(BOWLS.problem, ORIGIN, params), evaluate)
    assert state.reason is StopReason.BUDGET_SPENT
    assert 0.6 * budget <= state.spent == sum(spent) <= budget


def test_asking_twice_and_searching_twice_gives_the_same():
    state = start(BOWLS.problem, ORIGIN, SearchParams(budget=500), seed=4)
    np.testing.assert_array_equal(ask(state).points, ask(state).points)
    one, two = run(state, BOWLS.evaluate), run(state, BOWLS.evaluate)
    np.testing.assert_array_equal(one.incumbent, two.incumbent)
    assert one.log == two.log
    assert not np.array_equal(ask(state).points, ask(replace(state, seed=5)).points)


def test_a_request_of_another_state_is_refused():
    state = start(BOWLS.problem, ORIGIN)
    request = ask(state)
    values = BOWLS.evaluate(request.points, request.replications)
    with pytest.raises(ValueError, match=r"request: expected the one that ask\(state\) returns"):
        tell(state, Request(request.points + 0.1, request.replications), values)


def test_values_of_another_shape_are_refused():
    state = start(BOWLS.problem, ORIGIN)
    with pytest.raises(ValueError, match=r"values: expected shape \(point, replication, group\) = \(9, 8, 3\)"):
        tell(state, ask(state), np.zeros((9, 8, 2)))


def test_values_that_are_not_finite_are_refused():
    state = start(BOWLS.problem, ORIGIN)
    with pytest.raises(ValueError, match="values: expected finite numbers, got 216 that are not"):
        tell(state, ask(state), np.full((9, 8, 3), np.nan))


def test_a_finished_search_has_nothing_to_ask():
    state = run(start(BOWLS.problem, ORIGIN, SearchParams(budget=100)), BOWLS.evaluate)
    with pytest.raises(ValueError, match="expected a running search, got one that stopped: the replication budget"):
        ask(state)


def test_a_budget_below_one_iteration_is_refused():
    with pytest.raises(ValueError, match="budget: expected at least 80 for one iteration, got 79"):
        start(BOWLS.problem, ORIGIN, SearchParams(budget=79))
    start(BOWLS.problem, ORIGIN, SearchParams(budget=80))


def test_a_start_outside_the_box_is_refused():
    with pytest.raises(ValueError, match="center: expected a point of the box"):
        start(BOWLS.problem, np.full(3, 5.0))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"initial_replications": 1}, "initial_replications: expected at least 2, got 1"),
        ({"maximum_replications": 7}, "maximum_replications: expected at least 8, got 7"),
        ({"minimum_radius": 0.5}, "minimum_radius: expected in"),
        ({"patience": 0}, "patience: expected at least 1, got 0"),
    ],
)
def test_search_parameters_outside_their_range_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        SearchParams(**change)


@pytest.mark.parametrize(
    ("groups", "scale", "message"),
    [
        (((0,), ()), [1.0, 1.0], r"groups\[1\]: expected distinct coordinates below 2, got \(\)"),
        (((0, 2),), [1.0, 1.0], r"groups\[0\]: expected distinct coordinates below 2, got \(0, 2\)"),
        (((0, 0),), [1.0, 1.0], r"groups\[0\]: expected distinct coordinates"),
        (((0,),), [1.0, 1.0], r"groups: expected every coordinate in one at least, got none with \[1\]"),
        (((0, 1),), [1.0, 0.0], "scale: expected 2 positive numbers"),
    ],
)
def test_a_problem_says_what_is_wrong_with_it(groups, scale, message):
    with pytest.raises(ValueError, match=message):
        SearchProblem(Box([0.0, 0.0], [1.0, 1.0]), groups, np.array(scale))


def test_noisy_bowls_are_solved_to_a_hundredth_of_the_box():
    state = run(start(BOWLS.problem, np.full(3, 1.5), SearchParams(budget=4000)), BOWLS.evaluate)
    np.testing.assert_allclose(state.incumbent, BOWLS.target, atol=0.15)


def test_the_same_search_runs_with_smt():
    params = SearchParams(budget=250, trust_region=TrustRegionParams(largest_radius=0.5))
    state = run(start(BOWLS.problem, ORIGIN, params, fitter=fit_smt_kriging), BOWLS.evaluate)
    assert ((state.incumbent - BOWLS.target) ** 2).sum() < 0.2 * (BOWLS.target**2).sum()


@pytest.mark.parametrize("spec", [pytest.param(SHALLOW, id="three-echelons"), pytest.param(DEEP, id="five-echelons")])
def test_eleven_base_stock_levels_come_within_two_percent_after_2000_replications(spec):
    tree = BaseStockTree(**spec)
    first = 1.3 * tree.scale
    state = run(start(tree.problem, first, SearchParams(budget=2000)), tree.evaluate)
    assert state.spent <= 2000
    assert true_gap(tree, first) > 0.1
    assert true_gap(tree, state.incumbent) < 0.02
