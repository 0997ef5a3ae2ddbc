"""Choosing and fitting the demand distribution of one node: greatest likelihoods, corrected Akaike criterion, fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import floor, inf, log10

import numpy as np

from design.demand import Floats
from design.errors import BadInputError
from design.families import FAMILIES, Family
from design.history import Series
from design.likelihood import fit_family, goodness_of_fit

AUTO, EMPIRICAL = "auto", "empirical"
LEAST_PERIODS = 6
ENOUGH_PERIODS = 30
REJECTED = 0.01


class FitError(BadInputError):
    """A series that the distribution asked for cannot describe; the message says why."""


@dataclass(frozen=True)
class Candidate:
    """One family fitted to a series.

    Parameters
    ----------
    distribution
        Name as in demand.csv.
    parameters
        Its columns there, in units (`probability` is a share).
    mean
        Expected demand, units per period.
    log_likelihood
        Of the recorded values (see `families`).
    criterion
        Akaike's, corrected for short series; the least is best.
    """

    distribution: str
    parameters: Mapping[str, float]
    mean: float
    log_likelihood: float
    criterion: float


@dataclass(frozen=True, eq=False)
class NodeFit:
    """The distribution of one node.

    Parameters
    ----------
    series
        The history.
    resolution
        Units that recorded demand is taken to be a multiple of.
    distribution, parameters
        The choice, as in demand.csv.
    candidates
        All families that could be fitted, the best first.
    vector
        The choice as a parameter vector of its family; None for constant demand and for `empirical`.
    statistic, p_value
        Anderson and Darling's A² and its p-value; None likewise.
    """

    series: Series
    resolution: float
    distribution: str
    parameters: Mapping[str, float]
    candidates: tuple[Candidate, ...]
    vector: Floats | None = None
    statistic: float | None = None
    p_value: float | None = None

    @property
    def margin(self) -> float | None:
        """By how much the best other candidate's criterion is above the chosen one's; negative if it is better."""
        own = [one.criterion for one in self.candidates if one.distribution == self.distribution]
        others = [one.criterion for one in self.candidates if one.distribution != self.distribution]
        return min(others) - own[0] if own and others else None

    @property
    def chosen(self) -> Candidate | None:
        """The choice among the candidates; None for constant demand and for `empirical`."""
        return next((one for one in self.candidates if one.distribution == self.distribution), None)

    def bin_probabilities(self, upper: Floats) -> Floats | None:
        """Of bins of recorded demand under the fit, shape (bin,); None where nothing was fitted.

        Parameters
        ----------
        upper
            Largest demand in every bin but the last, units, shape (bin - 1,).
        """
        if self.vector is None:
            return None
        return FAMILIES[self.distribution].probabilities(self.vector, np.floor(upper / self.resolution + 1e-9))


def fit_series(series: Series, distribution: str, rng: np.random.Generator) -> NodeFit:
    """Fit the best family whose mean is not far from the history's, or the one asked for.

    Parameters
    ----------
    series
        At least 6 periods.
    distribution
        `auto`, a key of `FAMILIES` or `empirical`.
    rng
        For the bootstrap.

    Raises
    ------
    FitError
        If the series is too short, or the distribution asked for cannot describe it.
    """
    demand = series.demand
    if len(demand) < LEAST_PERIODS:
        raise FitError(f"node {series.label!r} has {len(demand)} periods: expected at least {LEAST_PERIODS}")
    size = resolution_of(demand)
    if np.ptp(demand) == 0.0:
        return _constant(series, size, distribution)
    values = recorded(demand, size)
    reasons = {name: _unsuitable(family, values, size) for name, family in FAMILIES.items()}
    if reasons.get(distribution):
        raise FitError(_refusal(series, distribution, reasons[distribution]))
    vectors = {name: fit_family(FAMILIES[name], values) for name, reason in reasons.items() if not reason}
    made = [_candidate(FAMILIES[name], *found, len(values), size) for name, found in vectors.items()]
    candidates = tuple(sorted(made, key=lambda one: one.criterion))
    if distribution == EMPIRICAL:
        return NodeFit(series, size, EMPIRICAL, {}, candidates)
    if distribution == AUTO:
        best = next((one for one in candidates if not mean_is_far(one, demand)), candidates[0])
    else:
        best = next(one for one in candidates if one.distribution == distribution)
    theta = vectors[best.distribution][0]
    statistic, p_value = goodness_of_fit(FAMILIES[best.distribution], theta, values, rng)
    return NodeFit(series, size, best.distribution, best.parameters, candidates, theta, statistic, p_value)


def mean_is_far(candidate: Candidate, demand: Floats) -> bool:
    """Whether a candidate's mean is more than three standard errors from the data's, as with a tail far beyond them."""
    return abs(candidate.mean - float(demand.mean())) > 3.0 * float(demand.std(ddof=1)) / np.sqrt(len(demand))


def resolution_of(demand: Floats) -> float:
    """1 for whole units; else the largest power of ten that all are multiples of, at least a thousandth of their sd."""
    if (demand == np.round(demand)).all():
        return 1.0
    finest = floor(log10(max(float(demand.std()), 1e-300))) - 3
    for digits in range(-1, min(finest, -1), -1):
        scaled = demand * 10.0**-digits
        if np.allclose(scaled, np.round(scaled), rtol=1e-9, atol=0.0):
            return 10.0**digits
    return 10.0 ** min(finest, -1)


def recorded(demand: Floats, resolution: float) -> Floats:
    """Demand in whole multiples of its resolution."""
    return np.round(demand / resolution)


def _candidate(family: Family, theta: Floats, log_likelihood: float, number: int, size: float) -> Candidate:
    count = family.num_parameters
    spare = number - count - 1
    criterion = 2.0 * (count - log_likelihood) + (2.0 * count * (count + 1) / spare if spare > 0 else inf)
    columns = {key: value if key == "probability" else size * value for key, value in family.columns(theta).items()}
    return Candidate(family.name, columns, size * family.mean(theta), log_likelihood, criterion)


def _unsuitable(family: Family, values: Floats, size: float) -> str:
    if family.whole and size != 1.0:
        return "demand is not in whole units"
    return family.needs(values)


def _constant(series: Series, size: float, distribution: str) -> NodeFit:
    value = float(series.demand[0])
    if distribution == EMPIRICAL:
        return NodeFit(series, size, EMPIRICAL, {}, ())
    if distribution not in (AUTO, "normal"):
        raise FitError(_refusal(series, distribution, f"demand is {value:g} in every period"))
    return NodeFit(series, size, "normal", {"mean": value, "sd": 0.0}, ())


def _refusal(series: Series, distribution: str, reason: str) -> str:
    return f"node {series.label!r}: {distribution} cannot be fitted, {reason}; expected another --distribution, or auto"
