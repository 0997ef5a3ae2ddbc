"""Negative binomial, log-normal, intermittent and empirical demand against scipy.stats, integrals and sums."""

from itertools import pairwise

import numpy as np
import pytest
from scipy import integrate, special, stats

from design.demand import (
    Demand,
    EmpiricalDemand,
    GammaDemand,
    IntermittentDemand,
    LogNormalDemand,
    NegativeBinomialDemand,
    demand_parameters,
    make_demand,
)
from design.gamma_quantile import gamma_quantile
from design.grid_distribution import of_values, spread_of_sum, sum_of
from design.lead_time_demand import lead_time_demand

UNIFORMS = np.linspace(0.0005, 0.9995, 1000)
THRESHOLDS = np.array([0.0, 0.3, 1.0, 2.5, 7.0, 19.0, 20.0, 33.3, 90.0])
OBSERVED = (3.0, 0.0, 7.0, 7.0, 12.0, 1.0, 0.0, 5.0)

NEGATIVE_BINOMIAL = {
    "negative binomial": NegativeBinomialDemand(6.0, 4.0),
    "lumpy": NegativeBinomialDemand(2.0, 9.0),
    "nearly poisson": NegativeBinomialDemand(20.0, 4.5),
}
LOG_NORMAL = {"log-normal": LogNormalDemand(20.0, 5.0), "skewed": LogNormalDemand(10.0, 14.0)}
INTERMITTENT = {
    "intermittent": IntermittentDemand(0.3, GammaDemand(30.0, 10.0)),
    "in every period": IntermittentDemand(1.0, GammaDemand(12.0, 9.0)),
}
EMPIRICAL = {"whole": EmpiricalDemand(OBSERVED), "parts": EmpiricalDemand((2.5, 19.0, 11.25, 2.5, 33.3))}
EVERY = {**NEGATIVE_BINOMIAL, **LOG_NORMAL, **INTERMITTENT, **EMPIRICAL}

every_demand = pytest.mark.parametrize("demand", EVERY.values(), ids=EVERY)


def negative_binomial(demand: NegativeBinomialDemand):
    ratio = demand.mean / demand.standard_deviation**2
    return stats.nbinom(demand.mean * ratio / (1.0 - ratio), ratio)


def log_normal(demand: LogNormalDemand):
    spread = np.sqrt(np.log(1.0 + (demand.scale / demand.location) ** 2))
    return stats.lognorm(spread, scale=demand.location / np.exp(0.5 * spread**2))


def expectation(demand: Demand, value, kink: float = 0.0) -> float:
    """E value(d) by a sum or an integral of scipy's own densities."""
    if isinstance(demand, EmpiricalDemand):
        return float(np.mean([value(d) for d in demand.observations]))
    if isinstance(demand, NegativeBinomialDemand):
        units = np.arange(40_000)
        return float(negative_binomial(demand).pmf(units) @ value(units))
    if isinstance(demand, IntermittentDemand):
        return demand.probability * expectation(demand.size, value, kink) + (1 - demand.probability) * value(0.0)
    if isinstance(demand, GammaDemand):
        shape = (demand.location / demand.scale) ** 2
        whole = stats.gamma(shape, scale=demand.location / shape)
    else:
        whole = log_normal(demand)
    top = whole.isf(1e-18)
    knots = sorted({0.0, min(kink, top), float(whole.median()), float(whole.isf(1e-6)), top})
    parts = [integrate.quad(lambda d: value(d) * whole.pdf(d), a, b, limit=200)[0] for a, b in pairwise(knots)]
    return float(sum(parts))


@every_demand
def test_mean_and_standard_deviation_are_those_of_the_distribution(demand):
    mean = expectation(demand, lambda d: d)
    assert demand.mean == pytest.approx(mean, rel=1e-8)
    assert demand.standard_deviation == pytest.approx(np.sqrt(expectation(demand, lambda d: (d - mean) ** 2)), rel=1e-7)


@every_demand
def test_expected_excess_is_that_of_the_distribution(demand):
    for threshold in THRESHOLDS:
        expected = expectation(demand, lambda d, k=threshold: np.maximum(d - k, 0.0), threshold)
        assert demand.expected_excess(np.array([threshold]))[0] == pytest.approx(expected, rel=1e-7, abs=1e-9)


@pytest.mark.parametrize("demand", NEGATIVE_BINOMIAL.values(), ids=NEGATIVE_BINOMIAL)
def test_quantiles_of_negative_binomial_demand_are_the_smallest_counts_that_reach_the_probability(demand):
    np.testing.assert_array_equal(demand.quantile(UNIFORMS), negative_binomial(demand).ppf(UNIFORMS))


def test_a_negative_binomial_too_long_for_a_table_has_the_same_quantiles():
    demand = NegativeBinomialDemand(2e4, 3e5)
    np.testing.assert_allclose(demand.quantile(UNIFORMS[::100]), negative_binomial(demand).ppf(UNIFORMS[::100]))


@pytest.mark.parametrize("demand", LOG_NORMAL.values(), ids=LOG_NORMAL)
def test_quantiles_of_log_normal_demand_invert_its_distribution_function(demand):
    np.testing.assert_allclose(demand.quantile(UNIFORMS), log_normal(demand).ppf(UNIFORMS), rtol=1e-12)


def test_quantiles_of_intermittent_demand_invert_its_distribution_function():
    demand = INTERMITTENT["intermittent"]
    found = demand.quantile(UNIFORMS)
    np.testing.assert_array_equal(found[UNIFORMS <= 0.7], 0.0)
    above = UNIFORMS > 0.7
    np.testing.assert_allclose(0.7 + 0.3 * special.gammainc(9.0, found[above] / (10.0 / 3.0)), UNIFORMS[above])


def test_quantiles_of_empirical_demand_are_the_smallest_observations_that_reach_the_probability():
    demand, ordered = EMPIRICAL["whole"], np.sort(OBSERVED)
    for uniform in (0.0, 0.01, 0.125, 0.126, 0.5, 0.51, 0.875, 0.9999):
        wanted = next(value for k, value in enumerate(ordered, 1) if k / len(ordered) >= uniform)
        assert demand.quantile(np.array([uniform]))[0] == wanted


@every_demand
def test_quantiles_keep_the_shape_and_are_finite_over_all_uniforms(demand):
    ends = np.array([[0.0, 2.0**-53], [0.5, 1.0 - 2.0**-53]])
    found = demand.quantile(ends)
    assert found.shape == ends.shape
    assert np.all(np.isfinite(found))
    assert np.all(np.diff(found.ravel()) >= 0.0)


@pytest.mark.parametrize("shape", [0.03, 0.1, 0.44, 1.0, 16.0, 1e4])
def test_gamma_quantiles_by_table_equal_their_inversion(shape):
    uniforms = np.concatenate((np.random.default_rng(0).random(2000), [0.0, 2.0**-53, 1e-9, 1 - 1e-12, 1 - 2.0**-53]))
    np.testing.assert_allclose(gamma_quantile(shape, uniforms), special.gammaincinv(shape, uniforms), rtol=1e-11)


@every_demand
@pytest.mark.parametrize("num_periods", [1, 5])
def test_lead_time_demand_has_the_moments_of_a_sum(demand, num_periods):
    grid = lead_time_demand(demand, num_periods)
    added = 0.0 if demand.whole_units else grid.step**2 / 4.0
    variance = demand.standard_deviation**2
    assert grid.mean == pytest.approx(num_periods * demand.mean, rel=1e-8)
    assert (
        num_periods * variance * (1 - 1e-6)
        <= grid.standard_deviation**2
        <= num_periods * (variance + added) * (1 + 1e-9)
    )


def test_lead_time_demand_of_negative_binomial_customers_is_negative_binomial():
    grid = lead_time_demand(NegativeBinomialDemand(6.0, 4.0), 3)
    total = negative_binomial(NegativeBinomialDemand(18.0, 4.0 * np.sqrt(3.0)))
    np.testing.assert_allclose(grid.probability, total.pmf(grid.points), rtol=0.0, atol=1e-11)


def test_a_sum_of_few_observed_values_never_lies_outside_of_its_range():
    rng = np.random.default_rng(3)
    for _ in range(20):
        grids = [of_values(rng.random(3) * 10, np.array([0.1, 0.2, 0.7]), 0.5) for _ in range(3)]
        shares = rng.random(3) + 0.1
        low, high = spread_of_sum(list(zip(grids, shares, strict=True)))
        mean = sum(share * grid.mean for grid, share in zip(grids, shares, strict=True))
        lowest = sum(share * grid.points[0] for grid, share in zip(grids, shares, strict=True))
        highest = sum(share * grid.points[-1] for grid, share in zip(grids, shares, strict=True))
        assert mean - low <= lowest + 1e-9
        assert mean + high >= highest - 1e-9


def test_a_sum_of_two_values_each_is_listed():
    one, other = (
        of_values(np.array([0.0, 2.0]), np.array([0.25, 0.75]), 1.0),
        of_values(np.array([1.0, 1.5]), np.array([0.5, 0.5]), 1.0),
    )
    total = sum_of([one, other], 1.0)
    np.testing.assert_allclose(total.points, [1.0, 2.0, 3.0, 4.0])
    np.testing.assert_allclose(total.probability, [0.1875, 0.0625, 0.5625, 0.1875])


@pytest.mark.parametrize("demand", [d for d in EVERY.values() if not isinstance(d, EmpiricalDemand)])
def test_the_row_of_a_demand_table_makes_the_same_distribution(demand):
    row = demand_parameters(demand)
    assert make_demand(row["distribution"], row["mean"], row["sd"], row["probability"]) == demand


@pytest.mark.parametrize(
    ("distribution", "parameters", "message"),
    [
        ("negative_binomial", {"mean": 9.0, "sd": 3.0}, r"sd 3 .* mean 9: expected one above 3"),
        ("negative_binomial", {"mean": 9.0}, r"sd missing for negative_binomial"),
        ("lognormal", {"mean": 0.0, "sd": 3.0}, r"mean 0: expected a number above 0"),
        ("lognormal", {"mean": 5.0, "sd": 3.0, "probability": 0.5}, r"probability 0.5 given for lognormal, which has"),
        ("intermittent", {"mean": 5.0, "sd": 3.0}, r"probability missing for intermittent: expected a number"),
        ("intermittent", {"mean": 5.0, "sd": 3.0, "probability": 0.0}, r"probability 0: expected a number above 0"),
        ("empirical", {}, r"history missing for empirical: expected the name of a file"),
        ("empirical", {"mean": 5.0, "observed": EMPIRICAL["whole"]}, r"mean 5 given for empirical, which has none"),
        ("gamma", {"mean": 5.0, "sd": 1.0, "observed": EMPIRICAL["whole"]}, r"history 'history.csv' given for gamma"),
    ],
)
def test_impossible_parameters_are_refused_by_name(distribution, parameters, message):
    with pytest.raises(ValueError, match=message):
        make_demand(distribution, **{"mean": None, "sd": None, **parameters})
