"""Demand distributions against closed forms and integrals, their sums, and the random numbers behind them."""

import numpy as np
import pytest
from scipy import integrate, stats

from design.demand import (
    Demand,
    GammaDemand,
    NormalDemand,
    PoissonDemand,
    demand_parameters,
    make_demand,
)
from design.lead_time_demand import GridDistribution, lead_time_demand
from design.streams import BLOCK, DemandStreams, Purpose

UNIFORMS = np.linspace(0.0005, 0.9995, 1000)
THRESHOLDS = np.array([0.0, 0.3, 1.0, 2.5, 7.0, 19.0, 20.0, 33.3, 60.0])

NORMAL = {
    "normal": NormalDemand(20.0, 5.0),
    "normal cut off at zero": NormalDemand(4.0, 5.0),
    "normal mostly zero": NormalDemand(-3.0, 5.0),
}
GAMMA = {"gamma": GammaDemand(20.0, 5.0), "gamma with a pole at zero": GammaDemand(6.0, 9.0)}
POISSON = {
    "poisson": PoissonDemand(20.0),
    "sparse poisson": PoissonDemand(0.05),
    "large poisson": PoissonDemand(900.0),
}
EVERY = {**NORMAL, **GAMMA, **POISSON}

every_demand = pytest.mark.parametrize("demand", EVERY.values(), ids=EVERY)


def expectation(demand: Demand, value) -> float:
    """E value(d): a sum over whole units, or an integral over the density plus the atom at zero."""
    if isinstance(demand, PoissonDemand):
        units = np.arange(int(demand.rate + 20.0 * np.sqrt(demand.rate) + 50.0))
        return float(stats.poisson(demand.rate).pmf(units) @ value(units))
    whole = frozen(demand)
    top = whole.isf(1e-18)
    smooth = integrate.quad(lambda d: value(d) * whole.pdf(d), 0.0, top, limit=400, epsabs=1e-12)[0]
    return smooth + float(value(0.0) * whole.cdf(0.0))


def frozen(demand: NormalDemand | GammaDemand):
    """The distribution before negative values are cut off."""
    if isinstance(demand, NormalDemand):
        return stats.norm(demand.location, demand.scale)
    shape = (demand.location / demand.scale) ** 2
    return stats.gamma(shape, scale=demand.location / shape)


@every_demand
def test_mean_and_standard_deviation_equal_their_integrals(demand):
    mean = expectation(demand, lambda d: d)
    assert demand.mean == pytest.approx(mean, rel=1e-8)
    variance = expectation(demand, lambda d: (d - mean) ** 2)
    assert demand.standard_deviation == pytest.approx(np.sqrt(variance), rel=1e-8)


@every_demand
def test_expected_excess_equals_its_integral(demand):
    for threshold in THRESHOLDS:
        expected = expectation(demand, lambda d, k=threshold: np.maximum(d - k, 0.0))
        assert demand.expected_excess(np.array([threshold]))[0] == pytest.approx(expected, rel=1e-7, abs=1e-9)


@every_demand
def test_expected_excess_over_zero_is_the_mean(demand):
    assert demand.expected_excess(np.zeros(1))[0] == pytest.approx(demand.mean, rel=1e-12)


@pytest.mark.parametrize("demand", NORMAL.values(), ids=NORMAL)
def test_quantiles_of_normal_demand_are_cut_off_at_zero(demand):
    np.testing.assert_allclose(demand.quantile(UNIFORMS), np.maximum(frozen(demand).ppf(UNIFORMS), 0.0))


@pytest.mark.parametrize("demand", GAMMA.values(), ids=GAMMA)
def test_quantiles_of_gamma_demand_invert_its_distribution_function(demand):
    np.testing.assert_allclose(frozen(demand).cdf(demand.quantile(UNIFORMS)), UNIFORMS, rtol=1e-9)


@pytest.mark.parametrize("demand", POISSON.values(), ids=POISSON)
def test_quantiles_of_poisson_demand_are_the_smallest_counts_that_reach_the_probability(demand):
    np.testing.assert_array_equal(demand.quantile(UNIFORMS), stats.poisson(demand.rate).ppf(UNIFORMS))


@every_demand
def test_quantiles_keep_the_shape_and_are_finite_over_all_uniforms(demand):
    ends = np.array([[0.0, 2.0**-53], [0.5, 1.0 - 2.0**-53]])
    found = demand.quantile(ends)
    assert found.shape == ends.shape
    assert np.all(np.isfinite(found))
    assert np.all(np.diff(found.ravel()) >= 0.0)


def test_demand_without_spread_is_the_same_at_every_probability():
    np.testing.assert_array_equal(NormalDemand(5.0, 0.0).quantile(np.array([0.0, 0.2, 0.9])), 5.0)


def test_demand_without_spread_has_its_moments_and_its_excess():
    constant = NormalDemand(5.0, 0.0)
    assert (constant.mean, constant.standard_deviation) == (5.0, 0.0)
    np.testing.assert_array_equal(constant.expected_excess(np.array([0.0, 3.0, 8.0])), [5.0, 2.0, 0.0])


def moments(grid: GridDistribution) -> tuple[float, float]:
    return grid.mean, float((grid.points - grid.mean) ** 2 @ grid.probability)


@every_demand
@pytest.mark.parametrize("num_periods", [1, 3, 12])
def test_lead_time_demand_has_the_moments_of_a_sum(demand, num_periods):
    grid = lead_time_demand(demand, num_periods)
    mean, variance = moments(grid)
    assert grid.probability.sum() == pytest.approx(1.0, abs=1e-12)
    assert mean == pytest.approx(num_periods * demand.mean, rel=1e-9)
    expected = num_periods * demand.standard_deviation**2
    added = 0.0 if demand.whole_units else num_periods * grid.step**2 / 6.0
    assert expected * (1.0 - 1e-8) <= variance <= (expected + added) * (1.0 + 1e-8)


def test_lead_time_demand_over_no_period_is_zero():
    grid = lead_time_demand(NormalDemand(20.0, 5.0), 0)
    assert moments(grid) == (0.0, 0.0)
    np.testing.assert_array_equal(grid.quantile(UNIFORMS, whole_units=False), 0.0)


@pytest.mark.parametrize(("rate", "num_periods"), [(4.0, 1), (4.0, 5), (0.2, 7), (150.0, 3)])
def test_lead_time_demand_of_poisson_customers_is_poisson(rate, num_periods):
    grid = lead_time_demand(PoissonDemand(rate), num_periods)
    total = stats.poisson(rate * num_periods)
    np.testing.assert_allclose(grid.probability, total.pmf(grid.points), rtol=0.0, atol=1e-11)
    np.testing.assert_array_equal(grid.quantile(UNIFORMS, whole_units=True), total.ppf(UNIFORMS))


@pytest.mark.parametrize("num_periods", [1, 4, 9])
def test_lead_time_demand_of_gamma_customers_is_gamma(num_periods):
    demand = GammaDemand(20.0, 10.0)
    grid = lead_time_demand(demand, num_periods)
    total = stats.gamma(4.0 * num_periods, scale=5.0)
    np.testing.assert_allclose(grid.quantile(UNIFORMS, whole_units=False), total.ppf(UNIFORMS), rtol=1e-4)


@pytest.mark.parametrize("num_periods", [1, 4, 9])
def test_lead_time_demand_of_normal_customers_far_from_zero_is_normal(num_periods):
    grid = lead_time_demand(NormalDemand(100.0, 10.0), num_periods)
    total = stats.norm(100.0 * num_periods, 10.0 * np.sqrt(num_periods))
    np.testing.assert_allclose(grid.quantile(UNIFORMS, whole_units=False), total.ppf(UNIFORMS), rtol=1e-5)


@pytest.mark.parametrize("demand", [*NORMAL.values(), *GAMMA.values()], ids=[*NORMAL, *GAMMA])
def test_lead_time_demand_agrees_with_sampled_sums(demand):
    num_periods, num_samples = 3, 200_000
    uniforms = np.random.default_rng(11).random((num_samples, num_periods))
    sums = demand.quantile(uniforms).sum(axis=1)
    grid = lead_time_demand(demand, num_periods)
    for probability in (0.3, 0.5, 0.8, 0.95, 0.99):
        at = grid.quantile(np.array([probability]), whole_units=False)[0]
        noise = 4.0 * np.sqrt(0.25 / num_samples)
        assert np.mean(sums < at - grid.step) <= probability + noise
        assert np.mean(sums <= at + grid.step) >= probability - noise


@pytest.mark.parametrize("num_periods", [1, 4])
def test_lead_time_demand_without_spread_is_the_same_at_every_probability(num_periods):
    grid = lead_time_demand(NormalDemand(5.0, 0.0), num_periods)
    np.testing.assert_allclose(grid.quantile(np.array([0.1, 0.5, 0.9]), whole_units=False), 5.0 * num_periods)


def test_uniforms_of_a_seed_purpose_name_and_block_never_change():
    search = DemandStreams({"shop": PoissonDemand(3.0)}, 2024, Purpose.SEARCH)
    np.testing.assert_array_equal(
        search.uniforms("shop", 0, 3)[:2],
        [
            [0.39842536107478455, 0.7259537306936912, 0.9309304653240803],
            [0.3445266096918226, 0.07117359365949316, 0.6775159840210652],
        ],
    )
    assert search.uniforms("shop", 1, 3)[63, 2] == 0.0178672803394877
    evaluation = DemandStreams({}, 2024, Purpose.EVALUATION)
    assert evaluation.uniforms("Zürich", 0, 3)[0, 0] == 0.7147019969426256


def test_a_block_of_paths_takes_each_customers_uniforms_through_its_quantiles():
    streams = DemandStreams({"a": PoissonDemand(3.0), "b": GammaDemand(4.0, 2.0)}, 5, Purpose.SEARCH)
    paths = streams.block(2, 7)
    assert paths.shape == (BLOCK, 7, 2)
    for column, (name, demand) in enumerate(streams.demand.items()):
        np.testing.assert_array_equal(paths[:, :, column], demand.quantile(streams.uniforms(name, 2, 7)))


@pytest.mark.parametrize("demand", [NormalDemand(20.0, 5.0), GammaDemand(6.0, 9.0), PoissonDemand(3.0)])
def test_the_row_of_a_demand_table_makes_the_same_distribution(demand):
    row = demand_parameters(demand)
    assert make_demand(row["distribution"], row["mean"], row["sd"]) == demand


@pytest.mark.parametrize(
    ("distribution", "mean", "sd", "message"),
    [
        ("uniform", 5.0, 1.0, r"unknown distribution 'uniform': .*expected one of normal, poisson, gamma"),
        ("poisson", 5.0, 1.0, r"sd 1 given for poisson, .* expected a blank"),
        ("poisson", 0.0, None, r"mean 0: expected a number above 0"),
        ("normal", 5.0, None, r"sd missing for normal: expected a number"),
        ("gamma", 5.0, None, r"sd missing for gamma: expected a number"),
        ("gamma", -5.0, 1.0, r"mean -5: expected a number above 0"),
        ("gamma", 5.0, 0.0, r"sd 0: expected a number above 0"),
        ("normal", 5.0, -1.0, r"sd -1: expected a number"),
    ],
)
def test_impossible_parameters_are_refused_by_name(distribution, mean, sd, message):
    with pytest.raises(ValueError, match=message):
        make_demand(distribution, mean, sd)


def test_a_foreign_distribution_has_no_row_in_a_demand_table():
    with pytest.raises(TypeError, match="no demand table row for str"):
        demand_parameters("poisson")
