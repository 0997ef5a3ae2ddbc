"""Families of demand distributions as `fit` sees them: probabilities of whole multiples of the data's resolution.

A demand is recorded in whole multiples of a resolution (1 for whole units, 0.01 for two decimals). Observing the value
y means that the demand fell into (y - 1/2, y + 1/2], measured in multiples; for y = 0 into everything up to 1/2. So
every family, discrete or continuous, with an atom at 0 or without, gives each recorded value a *probability*, and
likelihoods of all of them are comparable. Sizes of intermittent demand round up to at least one multiple: then a period
with demand never looks like one without.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy import special

from design.demand import Floats

Tails = tuple[Floats, Floats]
_LEAST, _MOST = -16.0, 40.0


@dataclass(frozen=True)
class Family:
    """One family.

    Parameters
    ----------
    name
        As in demand.csv.
    num_parameters
        Length of a parameter vector.
    tails
        Probabilities of at most and of more than a recorded value; parameter vectors, shape (..., parameter), and
        values broadcast.
    start
        Parameter vector with the moments of recorded values.
    columns
        Parameters as columns of demand.csv, in multiples of the resolution.
    mean
        Expected demand, in multiples.
    whole
        Whether it takes whole units only.
    needs
        What values it cannot be fitted to, or blank.
    start_is_best
        Whether that start has the greatest likelihood.
    lower, upper
        Bounds of a parameter vector's entries.
    """

    name: str
    num_parameters: int
    tails: Callable[[Floats, Floats], Tails]
    start: Callable[[Floats], Floats]
    columns: Callable[[Floats], dict[str, float]]
    mean: Callable[[Floats], float]
    whole: bool = False
    needs: Callable[[Floats], str] = lambda _: ""
    start_is_best: bool = False
    lower: tuple[float, ...] = (_LEAST, _LEAST)
    upper: tuple[float, ...] = (_MOST, _MOST)

    def probabilities(self, theta: Floats, upper: Floats) -> Floats:
        """Of the cells between increasing recorded values, the first from 0 and the last to infinity.

        Parameters
        ----------
        theta
            Parameter vectors, shape (..., parameter).
        upper
            Largest value of every cell but the last, shape (cell - 1,).
        """
        below, above = self.tails(theta[..., None, :], upper)
        ends = np.zeros((*below.shape[:-1], 1))
        below, above = np.concatenate((ends, below, ends + 1.0), -1), np.concatenate((ends + 1.0, above, ends), -1)
        mass = np.where(below[..., :-1] < 0.5, np.diff(below), -np.diff(above))
        return np.maximum(mass, 1e-300)


def _normal_tails(theta: Floats, value: Floats) -> Tails:
    z = (value + 0.5 - np.exp(theta[..., 0])) / np.exp(theta[..., 1])
    return special.ndtr(z), special.ndtr(-z)


def _gamma_tails(theta: Floats, value: Floats) -> Tails:
    shape = np.exp(theta[..., 1])
    x = (value + 0.5) * shape / np.exp(theta[..., 0])
    return special.gammainc(shape, x), special.gammaincc(shape, x)


def _lognormal_tails(theta: Floats, value: Floats) -> Tails:
    z = (np.log(value + 0.5) - theta[..., 0]) / np.exp(theta[..., 1])
    return special.ndtr(z), special.ndtr(-z)


def _poisson_tails(theta: Floats, value: Floats) -> Tails:
    rate = np.exp(theta[..., 0])
    return special.pdtr(value, rate), special.pdtrc(value, rate)


def _negative_binomial_tails(theta: Floats, value: Floats) -> Tails:
    size = np.exp(theta[..., 0] + theta[..., 1])
    success = special.expit(theta[..., 1])
    return special.betainc(size, value + 1.0, success), special.betaincc(size, value + 1.0, success)


def _intermittent_tails(theta: Floats, value: Floats) -> Tails:
    below, above = _gamma_tails(theta[..., 1:], value)
    none, some = special.expit(-theta[..., 0]), special.expit(theta[..., 0])
    empty = value < 1.0
    return np.where(empty, none, none + some * below), np.where(empty, some, some * above)


def _moments(values: Floats) -> tuple[float, float]:
    return float(values.mean()), float(max(values.var(ddof=1) if len(values) > 1 else 0.0, 1e-2))


def _normal_start(values: Floats) -> Floats:
    mean, variance = _moments(values)
    return np.array([np.log(mean), 0.5 * np.log(variance)])


def _gamma_start(values: Floats) -> Floats:
    mean, variance = _moments(values)
    return np.array([np.log(mean), np.log(mean**2 / variance)])


def _lognormal_start(values: Floats) -> Floats:
    logs = np.log(np.maximum(values, 0.5))
    return np.array([logs.mean(), 0.5 * np.log(max(logs.var(), 1e-4))])


def _negative_binomial_start(values: Floats) -> Floats:
    mean, variance = _moments(values)
    return np.array([np.log(mean), -np.log(max(variance / mean - 1.0, 1e-3))])


def _intermittent_start(values: Floats) -> Floats:
    sizes = values[values > 0.0]
    return np.array([special.logit(len(sizes) / len(values)), *_gamma_start(sizes)])


def _gamma_columns(theta: Floats) -> dict[str, float]:
    mean = float(np.exp(theta[0]))
    return {"mean": mean, "sd": mean * float(np.exp(-0.5 * theta[1]))}


def _lognormal_columns(theta: Floats) -> dict[str, float]:
    variance = float(np.exp(2.0 * theta[1]))
    mean = float(np.exp(theta[0] + 0.5 * variance))
    return {"mean": mean, "sd": mean * float(np.sqrt(np.expm1(variance)))}


def _negative_binomial_columns(theta: Floats) -> dict[str, float]:
    mean = float(np.exp(theta[0]))
    return {"mean": mean, "sd": float(np.sqrt(mean + mean * np.exp(-theta[1])))}


def _normal_mean(theta: Floats) -> float:
    z = float(np.exp(theta[0] - theta[1]))
    density = np.exp(-0.5 * z * z) / np.sqrt(2.0 * np.pi)
    return float(np.exp(theta[1]) * (z * special.ndtr(z) + density))


def _needs_spread(values: Floats) -> str:
    return "" if values.var(ddof=1) > values.mean() else "variance not above the mean"


def _needs_gaps(values: Floats) -> str:
    if values.all():
        return "no period without demand"
    return "" if np.count_nonzero(values) > 2 else "fewer than 3 periods with demand"


FAMILIES: Mapping[str, Family] = {
    family.name: family
    for family in (
        Family(
            "normal",
            2,
            _normal_tails,
            _normal_start,
            lambda t: {"mean": float(np.exp(t[0])), "sd": float(np.exp(t[1]))},
            _normal_mean,
        ),
        Family(
            "poisson",
            1,
            _poisson_tails,
            lambda v: np.array([np.log(v.mean())]),
            lambda t: {"mean": float(np.exp(t[0]))},
            lambda t: float(np.exp(t[0])),
            whole=True,
            start_is_best=True,
            lower=(_LEAST,),
            upper=(_MOST,),
        ),
        Family(
            "gamma", 2, _gamma_tails, _gamma_start, _gamma_columns, lambda t: float(np.exp(t[0])), upper=(_MOST, 16.0)
        ),
        Family(
            "negative_binomial",
            2,
            _negative_binomial_tails,
            _negative_binomial_start,
            _negative_binomial_columns,
            lambda t: float(np.exp(t[0])),
            whole=True,
            needs=_needs_spread,
            upper=(_MOST, 9.0),
        ),
        Family(
            "lognormal",
            2,
            _lognormal_tails,
            _lognormal_start,
            _lognormal_columns,
            lambda t: _lognormal_columns(t)["mean"],
            lower=(_LEAST, -9.0),
            upper=(_MOST, 2.0),
        ),
        Family(
            "intermittent",
            3,
            _intermittent_tails,
            _intermittent_start,
            lambda t: {**_gamma_columns(t[1:]), "probability": float(special.expit(t[0]))},
            lambda t: float(special.expit(t[0]) * np.exp(t[1])),
            needs=_needs_gaps,
            lower=(_LEAST, _LEAST, _LEAST),
            upper=(16.0, _MOST, 12.0),
        ),
    )
}
