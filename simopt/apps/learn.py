"""`simopt learn`: clean a demand history, learn every item at every node, judge the predictions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from design.errors import BadInputError
from simopt.learn_outcome import Learnt, LearntSeries
from simopt.learning.calibration import calibration
from simopt.learning.change_point import ChangePointFilter
from simopt.learning.conjugate import Belief, NormalBelief, PoissonBelief
from simopt.learning.conjugate import learn as learn_in_order
from simopt.learning.intermittent import IntermittentForecast
from simopt.learning.quality import Rules, tidy
from simopt.learning.sources import read_source

Floats = NDArray[np.float64]

FIRST = 7  # observations that make the prior
FEW = 0.5  # share of days with demand below which an item is intermittent
TAIL = 0.001  # of winsorising


@dataclass(frozen=True)
class LearnOptions:
    """What `learn` may be told.

    Parameters
    ----------
    lead_time
        Days that the level covers, at least 1.
    service
        Probability that it suffices, as predicted.
    since
        First date; None: all.
    gaps, spread
        See `Rules`.
    """

    lead_time: int = 7
    service: float = 0.95
    since: str | None = None
    gaps: str = "missing"
    spread: float = 6.0

    def __post_init__(self) -> None:
        if self.lead_time < 1:
            raise BadInputError(f"lead_time {self.lead_time}: expected at least 1 day")
        if not 0.0 < self.service < 1.0:
            raise BadInputError(f"service {self.service:g}: expected above 0 and below 1")


def learn(source: str, options: LearnOptions | None = None) -> Learnt:
    """Learn from a source.

    The first seven observations of a series make its prior, worth as many; the others update it one by one. Items with
    demand on fewer than half of the days are intermittent: gamma-Poisson, and a TSB forecast beside it; all others are
    normal, winsorised at the predictive quantiles 0.1% and 99.9%.

    Raises
    ------
    BadInputError
        If the source cannot be read.
    """
    options = options or LearnOptions()
    tables = tidy(read_source(source, options.since), Rules(options.gaps, options.spread))
    values = tables.demand.to_numpy(dtype=np.float64)
    observed = ~np.isnan(values)
    count = observed.sum(axis=0)
    with np.errstate(invalid="ignore"):
        is_intermittent = (values > 0.0).sum(axis=0) < FEW * np.maximum(count, 1)
    transforms: list[Floats] = []
    rows: dict[int, LearntSeries] = {}
    for sparse in (False, True):
        chosen = np.flatnonzero(is_intermittent == sparse)
        if not chosen.size:
            continue
        first, later = _split(values[:, chosen])
        belief = _learnt(first, later, sparse=sparse, transforms=transforms)
        alarms = [()] * len(chosen) if sparse else _alarms(first, later, list(tables.demand.index.strftime("%Y-%m-%d")))
        forecast = _tsb(first, later) if sparse else None
        levels = belief.quantile(options.service, options.lead_time)
        sds = np.sqrt(belief.variance())
        for i, column in enumerate(chosen):
            node, item = tables.demand.columns[column]
            rows[int(column)] = LearntSeries(
                str(node), str(item), int(count[column]), "intermittent" if sparse else "regular",
                float(belief.mean[i]), float(sds[i]), None if forecast is None else float(forecast[i]),
                float(levels[i]), tuple(alarms[i]),
            )  # fmt: skip
    seen = np.concatenate([part.ravel() for part in transforms]) if transforms else np.empty(0)
    judged = calibration(seen) if (~np.isnan(seen)).any() else None
    dates = tables.demand.index
    return Learnt(
        "database" if "://" in source else source, f"{dates[0]:%Y-%m-%d}", f"{dates[-1]:%Y-%m-%d}",
        options.lead_time, options.service, tuple(rows[k] for k in sorted(rows)), judged, tables.findings,
        len(tables.inventory), len(tables.suppliers),
    )  # fmt: skip


def _split(values: Floats) -> tuple[Floats, Floats]:
    """The first observations of every series, and the rest; nan elsewhere."""
    number = np.cumsum(~np.isnan(values), axis=0)
    return np.where(number <= FIRST, values, np.nan), np.where(number > FIRST, values, np.nan)


def _prior(first: Floats) -> tuple[Floats, Floats, Floats]:
    count = (~np.isnan(first)).sum(axis=0)
    mean = np.where(count > 0, np.nansum(first, axis=0) / np.maximum(count, 1), 0.0)
    squares = np.nansum((first - mean) ** 2, axis=0)
    sd = np.where(count > 1, np.sqrt(squares / np.maximum(count - 1, 1)), mean)
    return mean, np.maximum(sd, 0.05 * mean), np.maximum(count, 1).astype(np.float64)


def _learnt(first: Floats, later: Floats, *, sparse: bool, transforms: list[Floats]) -> Belief:
    mean, sd, worth = _prior(first)
    belief: Belief = PoissonBelief.around(mean, worth) if sparse else NormalBelief.around(mean, sd, worth)
    if sparse:
        return belief.updated_with(later)
    days = iter(later)
    return learn_in_order(belief, later, tail=TAIL, each=lambda now: transforms.append(now.cdf(next(days))))


def _tsb(first: Floats, later: Floats) -> Floats:
    mean, _, _ = _prior(first)
    forecast = IntermittentForecast.start(mean, method="tsb")
    for day in later:
        after = forecast.updated(np.nan_to_num(day))
        forecast = after
    return forecast.level


def _alarms(first: Floats, later: Floats, dates: list[str]) -> list[tuple[str, ...]]:
    mean, sd, worth = _prior(first)
    filtering = ChangePointFilter(NormalBelief.around(mean, sd, worth))
    found: list[list[str]] = [[] for _ in mean]
    for date, day in zip(dates, later, strict=True):
        for i in np.flatnonzero(filtering.see(day)):
            found[i].append(date)
    return [tuple(one) for one in found]
