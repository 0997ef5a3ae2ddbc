"""Demand that depends on time: paths, their moments, and the demand over a lead time."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import special

from design.demand import (
    AutocorrelatedDemand,
    BlockBootstrapDemand,
    Demand,
    EmpiricalDemand,
    GammaDemand,
    IntermittentDemand,
    LogNormalDemand,
    NegativeBinomialDemand,
    NormalDemand,
    PoissonDemand,
    ProfiledDemand,
    demand_parameters,
    with_dependence,
)
from design.demand_process import cycle_length, sample_paths, scaled, variance_rate
from design.lead_time_demand import lead_time_demand, phase_demand
from design.streams import DemandStreams, Purpose

OBSERVED = tuple(np.round(10.0 + 6.0 * np.sin(np.arange(30) / 3.0)).tolist())
BLOCKS = BlockBootstrapDemand(EmpiricalDemand(OBSERVED), 4)
SERIAL = AutocorrelatedDemand(NormalDemand(100.0, 10.0), 0.6)
WEEK = ProfiledDemand("week", (0.5, 1.0, 1.5), GammaDemand(20.0, 10.0))


def paths_of(demand: Demand, count: int = 40_000, periods: int = 12) -> np.ndarray:
    return sample_paths(demand, np.random.default_rng(5).random((count, periods)))


def exact_variance(variance: float, rho: float, num_periods: int) -> float:
    """Of the sum of so many periods of an autoregression of order 1."""
    lags = np.arange(1, num_periods)
    return variance * (num_periods + 2.0 * float(((num_periods - lags) * rho**lags).sum()))


@pytest.mark.parametrize("rho", [0.6, -0.5])
def test_scores_follow_their_recursion_from_a_stationary_start(rho):
    demand = AutocorrelatedDemand(NormalDemand(100.0, 10.0), rho)
    uniforms = np.random.default_rng(1).random((20, 6))
    e = special.ndtri(uniforms)
    z = e[:, 0]
    for period in range(1, 6):
        z = rho * z + np.sqrt(1 - rho**2) * e[:, period]
    np.testing.assert_allclose(sample_paths(demand, uniforms)[:, 5], 100.0 + 10.0 * z)
    paths = paths_of(demand)
    np.testing.assert_allclose(paths.mean(axis=0), 100.0, atol=0.25)
    np.testing.assert_allclose(paths.std(axis=0), 10.0, rtol=0.02)
    assert np.corrcoef(paths[:, 3], paths[:, 5])[0, 1] == pytest.approx(rho**2, abs=0.02)


@pytest.mark.parametrize("rho", [0.9, 0.6, -0.5])
@pytest.mark.parametrize("num_periods", [1, 2, 6, 11])
def test_lead_time_demand_of_autocorrelated_normal_demand_has_its_exact_variance(rho, num_periods):
    demand = AutocorrelatedDemand(NormalDemand(1000.0, 10.0), rho)
    grid = lead_time_demand(demand, num_periods)
    exact = np.sqrt(exact_variance(100.0, rho, num_periods))
    assert grid.mean == pytest.approx(1000.0 * num_periods, rel=1e-5)
    assert grid.standard_deviation == pytest.approx(exact, rel=1e-3)
    at = np.array([0.05, 0.5, 0.9, 0.99])
    expected = 1000.0 * num_periods + exact * special.ndtri(at)
    np.testing.assert_allclose(grid.quantile(at, whole_units=False), expected, atol=0.015 * exact)


@pytest.mark.parametrize(
    "demand",
    [
        AutocorrelatedDemand(GammaDemand(20.0, 15.0), 0.5),
        AutocorrelatedDemand(PoissonDemand(4.0), -0.4),
        AutocorrelatedDemand(WEEK, 0.5),
        BLOCKS,
        WEEK,
        ProfiledDemand("week", (0.0, 1.0, 2.0), PoissonDemand(5.0)),
    ],
)
@pytest.mark.parametrize("num_periods", [3, 7])
def test_lead_time_demand_agrees_with_sampled_sums(demand, num_periods):
    paths = paths_of(demand)
    ends = range(num_periods, num_periods + 3)  # a cycle
    sums = np.concatenate([paths[:, end - num_periods : end].sum(axis=1) for end in ends])
    grid = lead_time_demand(demand, num_periods)
    assert grid.mean == pytest.approx(sums.mean(), rel=0.01)
    assert grid.standard_deviation == pytest.approx(sums.std(), rel=0.02)
    noise = 4.0 * np.sqrt(0.25 / len(paths))
    for probability in (0.2, 0.5, 0.9, 0.99):
        at = grid.quantile(np.array([probability]), demand.whole_units)[0]
        assert np.mean(sums < at - grid.step) <= probability + noise
        assert np.mean(sums <= at + grid.step) >= probability - noise


def test_every_observation_has_the_same_probability_in_every_period_of_blocks():
    values = EmpiricalDemand(tuple(float(k) for k in range(6)))
    paths = paths_of(BlockBootstrapDemand(values, 4), count=60_000, periods=7)
    for period in range(7):
        shares = np.bincount(paths[:, period].astype(int), minlength=6) / len(paths)
        np.testing.assert_allclose(shares, 1.0 / 6.0, atol=0.007)


def test_blocks_run_through_consecutive_observations_around_the_end():
    values = EmpiricalDemand(tuple(float(k) for k in range(50)))
    steps = np.diff(paths_of(BlockBootstrapDemand(values, 5), count=4000, periods=41), axis=1) % 50
    goes_on = steps == 1
    assert np.mean(goes_on) == pytest.approx(0.8 + 0.2 / 50, abs=0.005)
    breaks = [np.flatnonzero(~row) for row in goes_on]
    assert all(np.all(np.diff(row) % 5 == 0) for row in breaks)
    assert {int(row[0]) % 5 for row in breaks} == {0, 1, 2, 3, 4}


def test_lead_time_demand_of_blocks_is_the_sum_over_all_runs():
    values = (1.0, 5.0, 2.0)
    grid = lead_time_demand(BlockBootstrapDemand(EmpiricalDemand(values), 2), 2)
    within = [values[k] + values[(k + 1) % 3] for k in range(3)]
    across = [one + other for one in values for other in values]
    expected = np.zeros(12)
    for total in within:
        expected[int(total)] += 0.5 / 3
    for total in across:
        expected[int(total)] += 0.5 / 9
    found = np.zeros(12)
    found[np.round(grid.points).astype(int)] = grid.probability
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_independent_draws_reproduce_the_observed_distribution():
    observed = EmpiricalDemand((0.0, 0.0, 3.0, 8.0))
    block = DemandStreams({"shop": observed}, 1, Purpose.SEARCH).block(0, 400)
    np.testing.assert_allclose([np.mean(block == value) for value in (0.0, 3.0, 8.0)], [0.5, 0.25, 0.25], atol=0.012)
    lag = np.corrcoef(block[:, :-1, 0].ravel(), block[:, 1:, 0].ravel())[0, 1]
    assert abs(lag) < 0.02


def test_a_profile_scales_mean_and_deviation_of_each_period():
    paths = paths_of(WEEK, periods=7)
    for period, factor in enumerate((0.5, 1.0, 1.5, 0.5, 1.0, 1.5, 0.5)):
        assert paths[:, period].mean() == pytest.approx(20.0 * factor, rel=0.02)
        assert paths[:, period].std() == pytest.approx(10.0 * factor, rel=0.03)
    assert WEEK.mean == pytest.approx(20.0)
    assert WEEK.standard_deviation == pytest.approx(paths[:, :6].std(), rel=0.01)


def test_lead_time_demand_of_a_phase_adds_up_the_periods_before_it():
    demand = ProfiledDemand("week", (0.0, 1.0, 2.0), PoissonDemand(5.0))
    for phase, rate in ((0, 15.0), (1, 5.0), (2, 15.0)):
        grid = phase_demand(demand, 2, phase)
        expected = 5.0 * sum((0.0, 1.0, 2.0)[(phase - k) % 3] for k in range(2))
        assert expected == {0: 10.0, 1: 5.0, 2: 15.0}[phase]
        poisson = lead_time_demand(PoissonDemand(expected), 1)
        size = min(len(grid.probability), len(poisson.probability))
        np.testing.assert_allclose(grid.probability[:size], poisson.probability[:size], atol=1e-11)
        assert rate >= expected


def test_expected_excess_of_a_profile_is_the_mean_over_its_periods():
    thresholds = np.array([0.0, 5.0, 40.0])
    expected = np.mean([GammaDemand(20.0 * f, 10.0 * f).expected_excess(thresholds) for f in (0.5, 1.0, 1.5)], axis=0)
    np.testing.assert_allclose(WEEK.expected_excess(thresholds), expected)


@pytest.mark.parametrize(
    "demand",
    [
        NormalDemand(8.0, 2.0),
        GammaDemand(8.0, 2.0),
        LogNormalDemand(8.0, 2.0),
        NegativeBinomialDemand(8.0, 6.0),
        IntermittentDemand(0.4, GammaDemand(8.0, 2.0)),
        EmpiricalDemand((1.0, 4.0)),
    ],
)
def test_a_multiple_has_a_multiple_of_both_moments(demand):
    twice = scaled(demand, 2.0)
    assert type(twice) is type(demand)
    assert twice.mean == pytest.approx(2.0 * demand.mean, rel=1e-3)
    assert twice.standard_deviation == pytest.approx(2.0 * demand.standard_deviation, rel=1e-3)
    assert scaled(demand, 0.0).mean == 0.0


@pytest.mark.parametrize("demand", [SERIAL, BLOCKS, WEEK, AutocorrelatedDemand(WEEK, 0.5)])
@pytest.mark.parametrize("num_periods", [2, 5, 12])
def test_the_variance_of_a_lead_time_never_exceeds_its_rate(demand, num_periods):
    grid = lead_time_demand(demand, num_periods)
    assert grid.standard_deviation**2 <= num_periods * variance_rate(demand) * 1.001


def test_cycles_of_different_length_meet_after_their_least_common_multiple():
    assert cycle_length([WEEK, replace(WEEK, factors=(1.0, 2.0)), SERIAL]) == 6
    assert cycle_length([]) == 1


@pytest.mark.parametrize(
    ("demand", "dependence", "message"),
    [
        (NormalDemand(5.0, 1.0), {"block": 3}, "block 3 given for a distribution without a history"),
        (EmpiricalDemand((1.0, 2.0)), {"block": 3}, "block 3: expected 1 to 2, the periods of the history"),
        (EmpiricalDemand((1.0, 2.0)), {"block": 2, "autocorrelation": 0.5}, "block 2 given beside autocorrelation"),
        (EmpiricalDemand((1.0, 2.0)), {"block": 2, "profile": ("w", (1.0,))}, "block 2 given beside profile"),
        (NormalDemand(5.0, 1.0), {"autocorrelation": 1.0}, "autocorrelation 1: expected a number above -1 and below 1"),
        (NegativeBinomialDemand(9.0, 3.1), {"profile": ("w", (0.1, 1.0))}, "sd 0.31 of negative_binomial with mean"),
    ],
)
def test_impossible_dependence_is_refused(demand, dependence, message):
    with pytest.raises(ValueError, match=message):
        with_dependence(demand, **dependence)


def test_no_dependence_is_the_distribution_itself():
    demand = EmpiricalDemand((1.0, 2.0))
    assert with_dependence(demand, block=1) == demand
    assert with_dependence(demand, autocorrelation=0.0) == demand


def test_the_row_of_a_process_names_what_it_depends_on():
    assert demand_parameters(BLOCKS)["block"] == 4
    row = demand_parameters(AutocorrelatedDemand(WEEK, 0.5))
    assert (row["distribution"], row["mean"], row["profile"], row["autocorrelation"]) == ("gamma", 20.0, "week", 0.5)
