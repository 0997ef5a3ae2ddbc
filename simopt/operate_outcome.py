"""The outcome of `operate`: policies side by side on the same demand, each measure with its interval."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simopt.simulation.estimate import Estimate

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Recovery:
    """How a policy gets over a case's planned shocks: what customers are owed or lose with them less that without.

    Parameters
    ----------
    extra_backlog
        Mean units owed to customers at the end of each period, or lost in it, because of the shocks, shape (period,).
    half_width
        Of its 95% interval, shape (period,).
    peak
        Greatest extra backlog of a replication, units.
    periods
        Until the extra backlog of a replication, once past its peak, is at most 5% of it; counted from the end of the
        last shock (`operate`) or the beginning of the disturbance (`adapt`); of a replication that does not recover
        within the horizon, to its end.
    recovered
        Share of replications that recover within the horizon.
    """

    extra_backlog: Floats
    half_width: Floats
    peak: Estimate
    periods: Estimate
    recovered: float


@dataclass(frozen=True, eq=False)
class PolicyOutcome:
    """One policy.

    Parameters
    ----------
    name
        As the user wrote it.
    measures
        By name, see `simopt.planning.kpis.samples_of`.
    differences
        To the first policy on the same paths, by measure; empty for the first.
    variance_reduction
        By what: variance of the estimated cost without it over that with it.
    series
        Weekly series of some replications, shape (replication, period, site, series).
    recovery
        From the case's planned shocks; None without any.
    tuned
        What was tuned, and how; empty otherwise.
    trace
        Every product of one replication, shape (period, site, series, product); None: not asked for.
    """

    name: str
    measures: Mapping[str, Estimate]
    differences: Mapping[str, Estimate]
    variance_reduction: Mapping[str, float]
    series: Floats
    recovery: Recovery | None = None
    tuned: Mapping[str, Any] = field(default_factory=dict)
    trace: Floats | None = None


@dataclass(frozen=True)
class Promise:
    """What a solve promised for the levels that were run here.

    Parameters
    ----------
    cost, fill_rate
        Of the run; None where nothing was promised.
    cost_difference, fill_rate_difference
        What came out here less what was promised; as if independent, so that intervals are rather too wide.
    """

    cost: Estimate
    fill_rate: Estimate | None
    cost_difference: Estimate
    fill_rate_difference: Estimate | None


@dataclass(frozen=True, eq=False)
class Operated:
    """All of them.

    Parameters
    ----------
    case, seed, replications
        What was run.
    warm_up
        Periods of the series before the horizon.
    warnings
        What makes the outcome less than it seems.
    sites, products
        Names, every site after its suppliers.
    policies
        In the order asked for.
    promise
        Of the policy `levels`; None without a run.
    lanes, levels
        The design, and the levels of the policy `levels`; empty without it.
    seconds
        Wall-clock time.
    versions
        Of the packages used.
    """

    case: str
    seed: int
    replications: int
    warm_up: int
    warnings: tuple[str, ...]
    sites: tuple[str, ...]
    products: tuple[str, ...]
    policies: tuple[PolicyOutcome, ...]
    promise: Promise | None
    lanes: tuple[tuple[str, str], ...]
    levels: Mapping[str, float]
    seconds: float
    versions: Mapping[str, str]

    def __str__(self) -> str:
        lines = [f"{self.case}: {self.replications:,} replications of the planning simulator, 95% intervals"]
        for one in self.policies:
            cost, filled = one.measures["cost"], one.measures["fill_rate"]
            lines.append(
                f"{one.name}: cost {cost.mean:,.2f} ± {cost.half_width:,.2f}, "
                f"fill rate {filled.mean:.2%} ± {filled.half_width:.2%}"
            )
        return "\n".join(lines)

    def as_dict(self) -> dict[str, Any]:
        """The content of `result.json`."""
        content: dict[str, Any] = {
            "case": self.case,
            "seed": self.seed,
            "replications": self.replications,
            "warnings": list(self.warnings),
            "confidence": 0.95,
            "design": {"lanes": [{"from": a, "to": b} for a, b in self.lanes]},
            "policies": {one.name: _measures(one.measures) for one in self.policies},
            "reference": self.policies[0].name,
            "differences": {one.name: _measures(one.differences) for one in self.policies[1:]},
            "variance_reduction": {one.name: dict(one.variance_reduction) for one in self.policies},
            "tuned": {one.name: dict(one.tuned) for one in self.policies if one.tuned},
            "wall_seconds": self.seconds,
            "versions": dict(self.versions),
        }
        if self.levels:
            content["base_stock_levels"] = [{"node": node, "level": level} for node, level in self.levels.items()]
        recoveries = {one.name: one.recovery for one in self.policies if one.recovery is not None}
        if recoveries:
            content["recovery"] = {
                name: {"peak": _pair(own.peak), "periods": _pair(own.periods), "recovered": own.recovered}
                for name, own in recoveries.items()
            }
        if self.promise is not None:
            promise = {name: value for name, value in vars(self.promise).items() if value is not None}
            content["promise"] = {name: _pair(value) for name, value in promise.items()}
        return content


def _measures(measures: Mapping[str, Estimate]) -> dict[str, dict[str, float]]:
    return {name: _pair(value) for name, value in measures.items()}


def _pair(value: Estimate) -> dict[str, float]:
    return {"mean": value.mean, "half_width": value.half_width}
