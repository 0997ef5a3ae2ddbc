"""Thresholds by backward recursion: against value iteration, the paper's example, and what must hold."""

from math import inf

import numpy as np
import pytest

from design.demand import NormalDemand, PoissonDemand
from design.smooth_demand import GammaDemand, IntermittentDemand
from design.threshold.pmf import Pmf, PmfError
from design.threshold.recursion import Firm, Lower, ThresholdError, propagated, thresholds

LOW, HIGH = -70, 70


def random_firm(seed):
    """Stationary or not, both signs of the lower bound, every kind of it."""
    rng = np.random.default_rng(seed)
    steps = int(rng.integers(1, 7))
    is_stationary = seed % 2 == 0

    def rates(low, high):
        return rng.uniform(low, high) if is_stationary else rng.uniform(low, high, steps)

    def demand():
        first, count = int(rng.integers(0, 3)), int(rng.integers(1, 6))
        weights = rng.random(count)
        return Pmf(first, weights / weights.sum())

    pmfs = (demand(),) * steps if is_stationary else tuple(demand() for _ in range(steps))
    kind = list(Lower)[seed % 4]
    lower = float(rng.integers(-6, 7)) if kind is not Lower.BACKLOG else -inf
    widest = max(pmf.last for pmf in pmfs) - min(pmf.first for pmf in pmfs)
    upper = lower + widest + float(rng.integers(0, 8)) if np.isfinite(lower) and rng.random() < 0.4 else inf
    return Firm(
        pmfs,
        rates(0.0, 3.0),
        rates(0.0, 2.0),
        rates(0.5, 9.0),
        lower,
        upper,
        kind,
        0.2,
        float(rng.uniform(0, 5)),
        "firm",
    )


def value_iteration(firm):
    """Cost-to-go by minimising over every order on a grid; costs of every position in every step."""
    stocks = np.arange(LOW, HIGH + 1)
    value = np.zeros(len(stocks))
    positions = []
    for t in reversed(range(firm.num_steps)):
        pmf = firm.demand[t]
        cost = np.full(len(stocks), inf)
        for k, z in enumerate(stocks):
            if z - pmf.last < LOW or not firm.least_threshold(t) <= z <= firm.most_threshold(t):
                continue
            after = z - pmf.values
            cost[k] = pmf.probabilities @ (firm.cost(t, after.astype(float)) + value[after - LOW])
        unit = np.asarray(firm.unit_cost)[t]
        total = cost + unit * stocks
        value = np.minimum.accumulate(total[::-1])[::-1] - unit * stocks
        positions.append(total)
    return value, positions[::-1]


@pytest.mark.parametrize("seed", range(240))
def test_the_recursion_is_value_iteration(seed):
    firm = random_firm(seed)
    found = thresholds(firm, 20)
    value, positions = value_iteration(firm)
    for t, total in enumerate(positions):
        if not np.isfinite(found.thresholds[t]):
            continue
        place = int(found.thresholds[t]) - LOW
        assert total[place] == pytest.approx(total.min(), abs=1e-9)
    middle = max(int(firm.lower), -5) if np.isfinite(firm.lower) else -5
    for stock in range(middle, middle + 8):
        if stock <= firm.most_threshold(0):
            assert found.cost_to_go(stock) == pytest.approx(value[stock - LOW], abs=1e-8)


def test_the_example_of_the_reference():
    firm = Firm((Pmf.uniform(20, 60),) * 8, 2.0, 1.0, 9.0)
    np.testing.assert_array_equal(thresholds(firm).thresholds, [56.0] * 7 + [48.0])
    hard = Firm((Pmf.uniform(20, 60),) * 8, 2.0, 1.0, 9.0, lower=40.0, kind=Lower.HARD)
    np.testing.assert_array_equal(thresholds(hard).thresholds, [100.0] * 8)


@pytest.mark.parametrize("seed", range(30))
def test_with_constant_unit_cost_the_hard_bound_always_binds_where_stock_must_not_run_out(seed):
    rng = np.random.default_rng(seed)
    low, spread, lower = int(rng.integers(0, 20)), int(rng.integers(0, 30)), float(rng.integers(0, 40))
    shortage = float(rng.uniform(1.0, 20.0))
    unit = float(rng.uniform(0.0, shortage))
    firm = Firm(
        (Pmf.uniform(low, low + spread),) * 6, unit, float(rng.uniform(0, 5)), shortage, lower=lower, kind=Lower.HARD
    )
    np.testing.assert_array_equal(thresholds(firm).thresholds, [lower + low + spread] * 6)


def test_looser_bounds_cost_less():
    firm = Firm((Pmf.uniform(20, 60),) * 8, 2.0, 1.0, 9.0, 40.0, inf, Lower.HARD, 0.1, 4.0)
    costs = {kind: thresholds(firm.with_kind(kind)).cost_to_go(0) for kind in Lower}
    assert costs[Lower.BACKLOG] < costs[Lower.CHANCE] < costs[Lower.HARD]
    assert costs[Lower.BACKLOG] < costs[Lower.SOFT]


def test_it_is_never_worth_waiting_unless_the_price_falls():
    falling = Firm((Pmf.uniform(0, 4),) * 2, [9.0, 1.0], 1.0, 2.0)
    assert thresholds(falling).thresholds[0] == -inf
    assert thresholds(falling).thresholds[1] >= 0.0


@pytest.mark.parametrize(
    "demand",
    [NormalDemand(40.0, 10.0), PoissonDemand(7.0), GammaDemand(12.0, 8.0), IntermittentDemand(0.3, GammaDemand(20, 5))],
    ids=["normal", "poisson", "gamma", "intermittent"],
)
def test_a_pmf_of_a_distribution_has_its_rounded_moments(demand):
    pmf = Pmf.of_demand(demand)
    uniforms = (np.arange(200_000) + 0.5) / 200_000
    rounded = np.rint(demand.quantile(uniforms))
    assert pmf.probabilities.sum() == pytest.approx(1.0)
    assert pmf.mean == pytest.approx(rounded.mean(), abs=2e-3)
    assert pmf.standard_deviation == pytest.approx(rounded.std(), rel=2e-3)
    assert pmf.cumulative(pmf.quantile(0.9)) >= 0.9 > pmf.cumulative(pmf.quantile(0.9) - 1)


def test_convolution_is_monte_carlo():
    """Two customers at constant thresholds ask their supplier for what they have sold."""
    rng = np.random.default_rng(0)
    one = Firm((Pmf.uniform(20, 60),) * 5, 1.0, 1.0, 9.0, 10.0, inf, Lower.HARD)
    other = Firm((Pmf.uniform(3, 9),) * 5, 1.0, 1.0, 9.0, 0.0, inf, Lower.HARD)
    exact = propagated([thresholds(one), thresholds(other)], [1, 2])
    assert len(exact) == 4
    draws = one.demand[0].sample(rng.random(400_000)) + 2 * other.demand[0].sample(rng.random(400_000))
    sampled = Pmf.of_samples(draws)
    for pmf in exact:
        assert (pmf.first, pmf.last) == (26, 78)
        inner = pmf.probabilities[sampled.first - pmf.first : sampled.last - pmf.first + 1]
        np.testing.assert_allclose(sampled.probabilities, inner, atol=6 * np.sqrt(0.02 / 400_000))


def test_thresholds_that_change_shift_what_is_asked():
    firm = Firm((Pmf.uniform(2, 4), Pmf.uniform(3, 7), Pmf.uniform(1, 5)), 1.0, 1.0, 9.0, 0.0, inf, Lower.HARD)
    policy = thresholds(firm)
    np.testing.assert_array_equal(policy.thresholds, [4.0, 7.0, 5.0])
    second, third = propagated([policy], [1])
    np.testing.assert_array_equal(second.values, [5, 6, 7])
    np.testing.assert_array_equal(third.values, [1, 2, 3, 4, 5])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Pmf(0, np.array([0.5, 0.4])), "probabilities add up to 0.9: expected 1"),
        (lambda: Pmf(-1, np.array([1.0])), "least value -1: expected at least 0 units"),
        (lambda: Pmf(0, np.array([1.5, -0.5])), "expected numbers of at least 0"),
        (
            lambda: Firm((Pmf.uniform(2, 3), Pmf.uniform(0, 9)), 1.0, 1.0, 2.0, 0.0, 5.0, Lower.HARD, name="works"),
            "works: step 2: at least 9 and at most 5 units would have to be there after the order; expected bounds 0 "
            "and 5 further apart than demand varies, 0 to 9",
        ),
        (lambda: Firm((Pmf.uniform(0, 1),), [-1.0], 1.0, 2.0), "unit_cost in step 1: -1.0: expected at least 0"),
        (lambda: Firm((Pmf.uniform(0, 1),), 1.0, 1.0, 2.0, 0.5), "bound 0.5: expected a whole number of units"),
    ],
)
def test_what_is_no_problem_is_refused_in_one_line(make, message):
    with pytest.raises((PmfError, ThresholdError)) as found:
        make()
    assert message in str(found.value)
    assert "\n" not in str(found.value)
