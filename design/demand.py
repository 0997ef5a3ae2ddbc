"""Demand of one customer in one period: distributions and processes, and the table rows that stand for them.

Samples come from uniforms by the inverse distribution function, so that the same random numbers serve every parameter
value. `smooth_demand`, `whole_demand` and `demand_process` hold the distributions.
"""

from __future__ import annotations

from collections.abc import Mapping

from design.demand_base import Demand, Floats, as_floats
from design.demand_process import (
    AutocorrelatedDemand,
    BlockBootstrapDemand,
    ProfiledDemand,
)
from design.errors import expected_one_of
from design.smooth_demand import GammaDemand, IntermittentDemand, LogNormalDemand, NormalDemand
from design.whole_demand import EmpiricalDemand, NegativeBinomialDemand, PoissonDemand

__all__ = [
    "DISTRIBUTIONS",
    "AutocorrelatedDemand",
    "BlockBootstrapDemand",
    "Demand",
    "EmpiricalDemand",
    "Floats",
    "GammaDemand",
    "IntermittentDemand",
    "LogNormalDemand",
    "NegativeBinomialDemand",
    "NormalDemand",
    "PoissonDemand",
    "ProfiledDemand",
    "as_floats",
    "demand_parameters",
    "make_demand",
    "with_dependence",
]

_PARAMETERS: Mapping[str, tuple[str, ...]] = {
    "normal": ("mean", "sd"),
    "poisson": ("mean",),
    "gamma": ("mean", "sd"),
    "negative_binomial": ("mean", "sd"),
    "lognormal": ("mean", "sd"),
    "intermittent": ("mean", "sd", "probability"),
    "empirical": ("history",),
}
DISTRIBUTIONS = tuple(_PARAMETERS)


def make_demand(
    distribution: str,
    mean: float | None,
    sd: float | None,
    probability: float | None = None,
    observed: EmpiricalDemand | None = None,
) -> Demand:
    """The distribution of that name.

    Parameters
    ----------
    distribution
        A key of `DISTRIBUTIONS`.
    mean, sd
        Its parameters, units per period; for `intermittent` of the demand of a period with any. None where the
        distribution has none.
    probability
        Of a period with demand, for `intermittent`.
    observed
        Of the history, for `empirical`.

    Raises
    ------
    ValueError
        If the name is unknown or a parameter is missing, superfluous or out of range; the message says which.
    """
    if distribution not in DISTRIBUTIONS:
        raise ValueError(f"unknown distribution {distribution!r}: {expected_one_of(distribution, DISTRIBUTIONS)}")
    _check_given(distribution, {"mean": mean, "sd": sd, "probability": probability, "history": observed})
    if observed is not None:
        return observed
    mean, sd = mean or 0.0, sd or 0.0
    if distribution == "normal":
        if sd < 0.0:
            raise ValueError(f"sd {sd:g}: expected a number, at least 0")
        return NormalDemand(mean, sd)
    _positive("mean", mean)
    if distribution == "poisson":
        return PoissonDemand(mean)
    _positive("sd", sd)
    if distribution == "negative_binomial":
        return NegativeBinomialDemand(mean, sd)
    if distribution == "lognormal":
        return LogNormalDemand(mean, sd)
    return _with_gaps(GammaDemand(mean, sd), probability)


def _with_gaps(size: GammaDemand, probability: float | None) -> Demand:
    if probability is None:
        return size
    if not 0.0 < probability <= 1.0:
        raise ValueError(f"probability {probability:g}: expected a number above 0, at most 1")
    return IntermittentDemand(probability, size)


def _check_given(distribution: str, given: Mapping[str, float | EmpiricalDemand | None]) -> None:
    """Every parameter of the distribution, and no other."""
    for name, value in given.items():
        wanted = name in _PARAMETERS[distribution]
        if wanted and value is None:
            what = "the name of a file" if name == "history" else "a number"
            raise ValueError(f"{name} missing for {distribution}: expected {what}")
        if not wanted and value is not None:
            shown = f"{name} {value.history!r}" if isinstance(value, EmpiricalDemand) else f"{name} {value:g}"
            why = "whose sd follows from its mean" if (name, distribution) == ("sd", "poisson") else "which has none"
            raise ValueError(f"{shown} given for {distribution}, {why}: expected a blank")


def with_dependence(
    demand: Demand,
    profile: tuple[str, tuple[float, ...]] | None = None,
    block: int | None = None,
    autocorrelation: float | None = None,
) -> Demand:
    """A distribution made to depend on time.

    Parameters
    ----------
    demand
        Of a period.
    profile
        Name and factors.
    block
        Periods in a block of an empirical distribution; 1 for independent draws.
    autocorrelation
        Of the normal scores of consecutive periods; 0 for none.

    Raises
    ------
    ValueError
        If something is out of range or cannot be combined; the message says what.
    """
    if block is not None:
        if not isinstance(demand, EmpiricalDemand):
            raise ValueError(f"block {block} given for a distribution without a history: expected a blank")
        if profile is not None or autocorrelation is not None:
            other = "profile" if profile is not None else "autocorrelation"
            raise ValueError(f"block {block} given beside {other}: expected one of them (blocks keep what history has)")
        if not 1 <= block <= len(demand.observations):
            raise ValueError(f"block {block}: expected 1 to {len(demand.observations)}, the periods of the history")
        return BlockBootstrapDemand(demand, block) if block > 1 else demand
    if profile is not None:
        demand = ProfiledDemand(*profile, demand)
    if autocorrelation is not None:
        if not -1.0 < autocorrelation < 1.0:
            raise ValueError(f"autocorrelation {autocorrelation:g}: expected a number above -1 and below 1")
        demand = AutocorrelatedDemand(demand, autocorrelation) if autocorrelation != 0.0 else demand
    return demand


def demand_parameters(demand: Demand) -> dict[str, str | float | None]:
    """The row of a demand table that stands for this demand; TypeError where none does."""
    if isinstance(demand, AutocorrelatedDemand):
        return {**demand_parameters(demand.base), "autocorrelation": demand.autocorrelation}
    if isinstance(demand, ProfiledDemand):
        return {**demand_parameters(demand.base), "profile": demand.profile}
    if isinstance(demand, BlockBootstrapDemand):
        return {**demand_parameters(demand.base), "block": demand.block}
    row = {"mean": None, "sd": None, "probability": None, "history": ""}
    return {**row, **_parameters(demand), "block": None, "autocorrelation": None, "profile": ""}


def _parameters(demand: Demand) -> dict[str, str | float | None]:
    """Distribution and parameters."""
    if isinstance(demand, EmpiricalDemand):
        return {"distribution": "empirical", "history": demand.history}
    if isinstance(demand, PoissonDemand):
        return {"distribution": "poisson", "mean": demand.rate}
    if isinstance(demand, IntermittentDemand):
        return {"distribution": "intermittent", **_moments(demand.size), "probability": demand.probability}
    for name, kind in _BY_MOMENTS.items():
        if isinstance(demand, kind):
            return {"distribution": name, **_moments(demand)}
    raise TypeError(f"no demand table row for {type(demand).__name__}")


_ByMoments = NormalDemand | GammaDemand | LogNormalDemand | NegativeBinomialDemand
_BY_MOMENTS: Mapping[str, type[_ByMoments]] = {
    "normal": NormalDemand,
    "gamma": GammaDemand,
    "lognormal": LogNormalDemand,
    "negative_binomial": NegativeBinomialDemand,
}


def _moments(demand: _ByMoments) -> dict[str, float]:
    return {"mean": demand.location, "sd": demand.scale}


def _positive(name: str, value: float) -> None:
    if value <= 0.0:
        raise ValueError(f"{name} {value:g}: expected a number above 0")
