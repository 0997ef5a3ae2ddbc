"""Tests of a history against scipy and against what they are meant to find."""

import numpy as np
import pytest
from scipy import stats

from design.history import Series
from design.series_tests import average_ranks, correlated_pairs, run_tests


def series(demand, node="a", first=0) -> Series:
    return Series(node, "", first, np.asarray(demand, dtype=np.float64))


@pytest.mark.parametrize("seed", range(3))
def test_values_are_those_of_scipy(seed):
    demand = np.random.default_rng(seed).poisson(5.0, 60).astype(float)
    found = run_tests(series(demand), "month")
    spearman = stats.spearmanr(demand, np.arange(60))
    assert (found.trend, found.trend_p) == pytest.approx((spearman.statistic, spearman.pvalue))
    kruskal = stats.kruskal(*(demand[phase::12] for phase in range(12)))
    assert found.season == 12
    assert found.season_p == pytest.approx(kruskal.pvalue)
    centered = demand - demand.mean()
    lags = [sum(centered[k:] * centered[:-k]) / sum(centered**2) for k in range(1, 11)]
    box = 60 * 62 * sum(r * r / (60 - k) for k, r in enumerate(lags, 1))
    assert (found.lag_one, found.lags) == (pytest.approx(lags[0]), 10)
    assert found.ljung_box_p == pytest.approx(stats.chi2.sf(box, 10))
    assert average_ranks(demand) == pytest.approx(stats.rankdata(demand))


def test_independent_demand_raises_no_alarm_too_often():
    rng = np.random.default_rng(7)
    found = [run_tests(series(rng.gamma(2.0, 10.0, 104)), "number") for _ in range(300)]
    for share in (
        np.mean([one.lag_one_p < 0.05 for one in found]),
        np.mean([one.ljung_box_p < 0.05 for one in found]),
        np.mean([one.trend_p < 0.05 for one in found]),
        np.mean([one.season_p < 0.05 for one in found]),
    ):
        assert 0.005 < share < 0.09


def test_patterns_are_found():
    rng = np.random.default_rng(1)
    time = np.arange(104)
    rising = run_tests(series(rng.poisson(5 + 0.1 * time)), "week")
    assert rising.trend > 0.3
    assert rising.trend_p < 1e-3
    yearly = run_tests(series(rng.poisson(20 + 12 * np.sin(2 * np.pi * time / 52))), "week")
    assert yearly.season == 52
    assert yearly.season_p < 1e-3
    daily = run_tests(series(rng.poisson(10 + 8 * (time % 7 == 5))), "number")
    assert daily.season == 7
    assert daily.season_p < 1e-3
    steps = np.zeros(104)
    for k in range(1, 104):
        steps[k] = 0.6 * steps[k - 1] + rng.normal()
    correlated = run_tests(series(20 + steps), "week")
    assert correlated.lag_one == pytest.approx(0.6, abs=0.2)
    assert correlated.lag_one_p < 1e-3
    assert correlated.ljung_box_p < 1e-3


@pytest.mark.parametrize("demand", [[5.0] * 20, [1, 2, 3, 4, 5, 6, 7]])
def test_nothing_to_test(demand):
    assert run_tests(series(demand), "day") is None


def test_no_season_is_named_in_a_short_history():
    found = run_tests(series(np.arange(20) % 3), "month")
    assert (found.season, found.season_p) == (None, None)


def test_correlated_pairs():
    rng = np.random.default_rng(3)
    common = rng.normal(size=80)
    demands = [10 + common + rng.normal(size=80), 20 - common + rng.normal(size=80), rng.gamma(2.0, 5.0, 80)]
    found = correlated_pairs([series(demand, name) for demand, name in zip(demands, "abc", strict=True)])
    assert [(pair.first, pair.second) for pair in found] == [("a", "b")]
    expected = stats.spearmanr(demands[0], demands[1])
    assert found[0].value == pytest.approx(expected.statistic)
    assert found[0].p_value == pytest.approx(3 * expected.pvalue)


def test_pairs_are_compared_in_common_periods():
    """A shift by one period would hide the correlation."""
    values = np.random.default_rng(4).gamma(2.0, 5.0, 40)
    found = correlated_pairs([series(values, "a"), series(values[5:], "b", first=5), series(values[:4], "c")])
    assert [(pair.first, pair.second) for pair in found] == [("a", "b")]
    assert found[0].value > 0.95
    assert correlated_pairs([series(values, "a"), series(values[:5], "b", first=50)]) == []
