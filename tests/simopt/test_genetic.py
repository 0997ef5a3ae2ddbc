"""The genetic algorithm finds known optima, keeps its elites, its bounds and its seeds."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simopt.optimization.genetic import State, ask, start, tell
from simopt.optimization.genetic_types import GeneticParams, Population, SearchSpace, StopReason

SPACE = SearchSpace(np.array([-5.0, 0.0, 10.0]), np.array([5.0, 1.0, 30.0]), np.array([3, 2]))
TARGET = np.array([1.5, 0.25, 22.0])
OFFSETS = np.array([[4.0, 0.0, 2.0], [1.0, 0.0, np.inf]])  # best choices: 1 and 1


def shifted_sphere(population: Population) -> np.ndarray:
    """Least at TARGET with the choices (1, 1), where it is 10."""
    scaled = (population.reals - TARGET) / (SPACE.upper - SPACE.lower)
    return 10.0 + 100.0 * (scaled**2).sum(axis=1) + OFFSETS[[0, 1], population.choices].sum(axis=1)


def run(params: GeneticParams, seed: int = 1, space: SearchSpace = SPACE, cost=shifted_sphere) -> list[State]:
    states = [start(space, params, seed)]
    while not states[-1].finished:
        population = ask(states[-1])
        states.append(tell(states[-1], population, cost(population)))
    return states


@st.composite
def spaces(draw) -> SearchSpace:
    num_reals = draw(st.integers(0, 4))
    lower = np.array(draw(st.lists(st.floats(-1e6, 1e6), min_size=num_reals, max_size=num_reals)))
    width = np.array(draw(st.lists(st.floats(0, 1e6), min_size=num_reals, max_size=num_reals)))
    counts = draw(st.lists(st.integers(1, 6), min_size=0 if num_reals else 1, max_size=4))
    return SearchSpace(lower, lower + width, np.array(counts, dtype=int))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("gene_exchange", [0.0, 0.5])
def test_finds_the_optimum_of_a_shifted_sphere_with_choices(seed, gene_exchange):
    best = run(GeneticParams(gene_exchange=gene_exchange), seed)[-1].incumbent
    assert best.cost == pytest.approx(10.0, abs=1e-2)
    assert best.choices.tolist() == [1, 1]
    np.testing.assert_allclose(best.reals, TARGET, atol=0.01 * (SPACE.upper - SPACE.lower).max())


def test_finds_the_optimum_when_all_variables_are_real():
    space = SearchSpace(np.full(2, -3.0), np.full(2, 3.0), np.array([], dtype=int))
    best = run(GeneticParams(), space=space, cost=lambda p: 1 + ((p.reals - 1) ** 2).sum(axis=1))[-1].incumbent
    assert best.cost == pytest.approx(1.0, abs=1e-3)


def test_finds_the_optimum_when_all_variables_are_categorical():
    space = SearchSpace([], [], np.full(12, 2))
    best = run(GeneticParams(), space=space, cost=lambda p: 1.0 + (p.choices != 1).sum(axis=1))[-1].incumbent
    assert best.cost == 1.0


def test_mutation_alone_can_change_a_choice_between_two():
    space, params = SearchSpace([], [], [2]), GeneticParams(population_size=100, crossover_fraction=0.0)
    all_first = Population(np.empty((100, 0)), np.zeros((100, 1), dtype=int))
    state = tell(start(space, params, seed=1), all_first, np.ones(100))
    assert set(ask(state).choices.ravel()) == {0, 1}


def test_equal_parents_have_equal_children_by_crossover():
    params = GeneticParams(population_size=20, crossover_fraction=1.0)
    clones = Population(np.tile(TARGET, (20, 1)), np.tile([2, 0], (20, 1)))
    children = ask(tell(start(SPACE, params, seed=1), clones, np.ones(20)))
    np.testing.assert_array_equal(children.reals, clones.reals[1:])
    np.testing.assert_array_equal(children.choices, clones.choices[1:])


def test_power_mutation_keeps_the_mean_of_a_real_variable():
    space = SearchSpace([0.0], [1.0], np.array([], dtype=int))
    params = GeneticParams(population_size=20_000, crossover_fraction=0.0)
    clones = Population(np.full((20_000, 1), 0.2), np.empty((20_000, 0), dtype=int))
    children = ask(tell(start(space, params, seed=1), clones, np.ones(20_000))).reals
    assert children.mean() == pytest.approx(0.2, abs=0.005)
    assert np.median(np.abs(children - 0.2)) < 0.01


@given(spaces(), st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_individuals_stay_in_bounds_and_choices_stay_whole(space, seed):
    rng = np.random.default_rng(seed)
    params = GeneticParams(population_size=12, max_generations=6)
    state = start(space, params, seed)
    while not state.finished:
        population = ask(state)
        assert np.all((population.reals >= space.lower) & (population.reals <= space.upper))
        assert np.all((population.choices >= 0) & (population.choices < space.num_choices))
        assert np.issubdtype(population.choices.dtype, np.integer)
        state = tell(state, population, rng.random(len(population.reals)))


@given(st.integers(0, 2**32), st.sampled_from([0.01, 0.05, 0.3, 0.5]))
@settings(max_examples=20, deadline=None)
def test_elites_survive_and_never_get_worse(seed, elite_fraction):
    params = GeneticParams(population_size=20, elite_fraction=elite_fraction, max_generations=10)
    num_elites = params.num_elites(SPACE.num_variables)
    states = run(params, seed)[1:]
    for before, after in pairwise(states):
        assert np.all(after.costs[:num_elites] <= before.costs[:num_elites])
        assert np.isin(before.costs[:num_elites], after.costs).all()
    assert states[-1].incumbent.cost == states[-1].best_costs.min()


@given(st.integers(0, 2**32), st.integers(-20, 20))
@settings(max_examples=20, deadline=None)
def test_the_unit_of_cost_does_not_matter(seed, exponent):
    params = GeneticParams(population_size=20, max_stall_generations=3, function_tolerance=1e-2)
    plain = run(params, seed)[-1]
    scaled = run(params, seed, cost=lambda p: 2.0**exponent * shifted_sphere(p))[-1]
    np.testing.assert_array_equal(scaled.best_costs, 2.0**exponent * plain.best_costs)
    assert scaled.reason is plain.reason


def test_the_same_seed_gives_the_same_run_and_another_seed_another():
    params = GeneticParams(max_generations=8)
    first, again, other = (run(params, seed)[-1] for seed in (3, 3, 4))
    np.testing.assert_array_equal(first.members.reals, again.members.reals)
    np.testing.assert_array_equal(first.best_costs, again.best_costs)
    assert not np.array_equal(first.best_costs, other.best_costs)


def test_asking_twice_gives_the_same_population():
    state = run(GeneticParams(max_generations=4))[2]
    np.testing.assert_array_equal(ask(state).reals, ask(state).reals)


def test_elites_are_not_evaluated_again():
    states = run(GeneticParams(max_generations=3))
    assert [ask(state).reals.shape[0] for state in states[:3]] == [50, 47, 47]


@pytest.mark.parametrize(("num_variables", "size", "elites"), [(1, 40, 2), (5, 50, 3), (21, 100, 5)])
def test_default_sizes_are_those_of_matlab(num_variables, size, elites):
    params = GeneticParams()
    assert params.num_individuals(num_variables) == size
    assert params.num_elites(num_variables) == elites
    assert params.generation_limit(num_variables) == 100 * num_variables


def test_stops_by_the_stall_limit_when_nothing_improves():
    last = run(GeneticParams(), cost=lambda p: np.full(len(p.reals), 7.0))[-1]
    assert last.reason is StopReason.STALL_LIMIT
    assert last.generation == 51


def test_stops_by_the_generation_limit_while_improving():
    last = run(GeneticParams(max_generations=5))[-1]
    assert last.reason is StopReason.GENERATION_LIMIT
    assert last.generation == 5


def test_an_infeasible_population_never_counts_as_stalled():
    params = GeneticParams(max_stall_generations=2, max_generations=6)
    last = run(params, cost=lambda p: np.full(len(p.reals), np.inf))[-1]
    assert last.reason is StopReason.GENERATION_LIMIT
    assert last.incumbent.cost == np.inf


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("population_size", 1, "population_size: expected an integer of at least 2, got 1"),
        ("population_size", 20.5, "population_size: expected an integer"),
        ("tournament_size", 0, "tournament_size: expected an integer of at least 1"),
        ("max_stall_generations", 0, "max_stall_generations: expected"),
        ("max_generations", 0, "max_generations: expected"),
        ("elite_fraction", 0.0, r"elite_fraction: expected a value in \(0, 0.5\], got 0.0"),
        ("elite_fraction", 0.6, "elite_fraction: expected"),
        ("crossover_fraction", 1.1, "crossover_fraction: expected"),
        ("laplace_scale_real", 0.0, "laplace_scale_real: expected a value positive"),
        ("laplace_scale_integer", np.nan, "laplace_scale_integer: expected"),
        ("power_real", -1.0, "power_real: expected"),
        ("power_integer", np.inf, "power_integer: expected"),
        ("gene_exchange", 0.7, "gene_exchange: expected"),
        ("function_tolerance", -1e-9, "function_tolerance: expected"),
    ],
)
def test_parameters_out_of_range_are_refused(name, value, message):
    with pytest.raises(ValueError, match=message):
        replace(GeneticParams(), **{name: value})


@pytest.mark.parametrize(
    ("lower", "upper", "num_choices", "message"),
    [
        ([0.0], [1.0, 2.0], [2], "lower, upper: expected one shape"),
        ([[0.0]], [[1.0]], [2], "lower, upper: expected one shape"),
        ([2.0], [1.0], [2], "lower, upper: expected finite lower <= upper"),
        ([0.0], [np.inf], [2], "lower, upper: expected finite"),
        ([0.0], [1.0], [0], "num_choices: expected values of at least 1"),
        ([0.0], [1.0], [2.0], "num_choices: expected integers, got float64"),
        ([], [], [], "expected at least one variable"),
    ],
)
def test_impossible_search_spaces_are_refused(lower, upper, num_choices, message):
    with pytest.raises(ValueError, match=message):
        SearchSpace(lower, upper, num_choices)


@pytest.mark.parametrize("seed", [-1, 0.5])
def test_a_seed_that_is_no_natural_number_is_refused(seed):
    with pytest.raises(ValueError, match="seed: expected an integer of at least 0"):
        start(SPACE, GeneticParams(), seed)


def test_wrong_costs_are_refused():
    state = start(SPACE, GeneticParams(), seed=1)
    population = ask(state)
    with pytest.raises(ValueError, match=r"costs: expected shape \(50,\), got \(49,\)"):
        tell(state, population, np.ones(49))
    for bad in (np.nan, -np.inf):
        with pytest.raises(ValueError, match="costs: expected finite values"):
            tell(state, population, np.append(np.ones(49), bad))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda p: Population(p.reals[:-1], p.choices[:-1]),
            "population: expected reals and choices of shapes",
        ),
        (lambda p: Population(p.reals + 100.0, p.choices), "population: expected reals from lower to upper"),
        (lambda p: Population(p.reals, p.choices + 3), "population: expected choices from 0"),
        (lambda p: Population(p.reals, p.choices + 0.5), "choices: expected integers"),
    ],
)
def test_populations_that_were_not_asked_for_are_refused(change, message):
    state = start(SPACE, GeneticParams(), seed=1)
    with pytest.raises(ValueError, match=message):
        tell(state, change(ask(state)), np.ones(50))


def test_a_run_has_no_incumbent_before_it_begins_and_no_questions_after_its_end():
    states = run(GeneticParams(max_generations=2))
    with pytest.raises(ValueError, match="incumbent: expected a population"):
        _ = states[0].incumbent
    with pytest.raises(ValueError, match=r"ask: expected a running state.*raise max_generations"):
        ask(states[-1])
    with pytest.raises(ValueError, match="tell: expected a running state"):
        tell(states[-1], ask(states[0]), np.ones(50))


def test_arrays_are_read_only_copies():
    lower = np.zeros(1)
    space = SearchSpace(lower, np.ones(1), np.array([2]))
    lower[0] = 5.0
    assert space.lower[0] == 0.0
    for array in (space.lower, ask(start(space, GeneticParams(), seed=1)).reals):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1.0
