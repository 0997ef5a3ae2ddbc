"""What a demand history says against a model of independent, identically distributed periods and customers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy import special

from design.demand import Floats
from design.history import Series

LEAST_PERIODS = 8
_SEASONS = {
    "number": ((4, 4), (7, 7), (12, 12), (52, 13)),
    "day": ((7, 7),),
    "workday": ((5, 5),),
    "week": ((52, 13),),
    "month": ((12, 12),),
}


@dataclass(frozen=True)
class SeriesTests:
    """Tests of one series; p-values are two-sided.

    Parameters
    ----------
    lag_one, lag_one_p
        Autocorrelation from one period to the next.
    lags, ljung_box_p
        Ljung & Box's test of the first so many autocorrelations together.
    trend, trend_p
        Spearman's rank correlation of demand with time.
    season, season_p
        Length in periods of the likeliest seasonal pattern and Kruskal & Wallis's test of it, times the number of
        lengths tried; None where the series is shorter than two of the shortest.
    """

    lag_one: float
    lag_one_p: float
    lags: int
    ljung_box_p: float
    trend: float
    trend_p: float
    season: int | None
    season_p: float | None


@dataclass(frozen=True)
class Correlation:
    """Rank correlation of the demand of two series in the periods both have; p after Bonferroni over all pairs."""

    first: str
    second: str
    value: float
    p_value: float


def run_tests(series: Series, step: str) -> SeriesTests | None:
    """All tests of one series; None for constant demand or fewer than 8 periods.

    Parameters
    ----------
    series
        What to test.
    step
        Of the history: decides which lengths a season can have.
    """
    demand = series.demand
    if len(demand) < LEAST_PERIODS or np.ptp(demand) == 0.0:
        return None
    number = len(demand)
    deviation = demand - demand.mean()
    lags = max(1, min(10, number // 5))
    correlations = np.array([deviation[k:] @ deviation[:-k] for k in range(1, lags + 1)]) / (deviation @ deviation)
    box = number * (number + 2) * float((correlations**2 / (number - np.arange(1, lags + 1))).sum())
    ranks = average_ranks(demand)
    trend = float(np.corrcoef(ranks, np.arange(number))[0, 1])
    season, season_p = _season(ranks, _SEASONS[step])
    return SeriesTests(
        float(correlations[0]),
        float(2.0 * special.ndtr(-abs(correlations[0] + 1.0 / number) * np.sqrt(number))),
        lags,
        float(special.chdtrc(lags, box)),
        trend,
        _correlation_p(trend, number),
        season,
        season_p,
    )


def correlated_pairs(series: Sequence[Series], level: float = 0.01) -> list[Correlation]:
    """Pairs of series whose demands are correlated, the strongest first.

    Parameters
    ----------
    series
        At least 8 common periods of a pair are needed to test it.
    level
        Greatest p-value, after Bonferroni.
    """
    low = min(one.first for one in series)
    width = max(one.first + len(one.demand) for one in series) - low
    known, ranks = np.zeros((len(series), width)), np.zeros((len(series), width))
    for row, one in enumerate(series):
        own = average_ranks(one.demand)
        place = slice(one.first - low, one.first - low + len(own))
        known[row, place], ranks[row, place] = 1.0, own - own.mean()
    squares = ranks**2 @ known.T
    scale = np.sqrt(squares * squares.T)
    values = np.divide(ranks @ ranks.T, scale, out=np.zeros_like(scale), where=scale > 0.0)
    common = known @ known.T
    pairs = [(i, j) for i, j in combinations(range(len(series)), 2) if common[i, j] >= LEAST_PERIODS]
    found = []
    for i, j in pairs:
        p_value = min(1.0, len(pairs) * _correlation_p(float(values[i, j]), int(common[i, j])))
        if p_value < level:
            found.append(Correlation(series[i].label, series[j].label, float(values[i, j]), p_value))
    return sorted(found, key=lambda pair: -abs(pair.value))


def average_ranks(values: Floats) -> Floats:
    """Ranks from 1; ties share their mean rank."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - 0.5 * (counts - 1))[inverse]


def _correlation_p(value: float, number: int) -> float:
    """Two-sided, by Student's t."""
    statistic = abs(value) * np.sqrt((number - 2) / max(1.0 - value**2, 1e-12))
    return float(2.0 * special.stdtr(number - 2, -statistic))


def _season(ranks: Floats, lengths: Sequence[tuple[int, int]]) -> tuple[int | None, float | None]:
    number = len(ranks)
    tried = [(length, groups) for length, groups in lengths if number >= 2 * length]
    if not tried:
        return None, None
    tests = [(_kruskal_wallis(ranks, np.arange(number) % n * groups // n, groups), n) for n, groups in tried]
    least, length = min(tests)
    return length, min(1.0, len(tried) * least)


def _kruskal_wallis(ranks: Floats, phase: NDArray[np.int_], groups: int) -> float:
    number, counts = len(ranks), np.bincount(phase, minlength=groups)
    deviations = np.bincount(phase, ranks - ranks.mean(), groups)
    return float(special.chdtrc(groups - 1, (number - 1) * (deviations**2 / counts).sum() / (number * ranks.var())))
