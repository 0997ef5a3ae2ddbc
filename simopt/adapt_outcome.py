"""The outcome of `adapt`: policies that learn, protect or know, side by side on the same seeds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from simopt.operate_outcome import Recovery
from simopt.simulation.estimate import Estimate

# What Shahnawaz & Safder (arXiv 2511.06479) report of their adaptive policy against their static one.
PUBLISHED = {
    "stable": {"cost": -0.074, "service_points": 2.0},
    "disruption": {"cost": -0.057},
    "shock": {},
}


@dataclass(frozen=True)
class Adapted:
    """One policy in one world.

    Parameters
    ----------
    name
        Of the policy.
    measures
        By name: `cost` and its parts, money; `cycle_service_level` (α), `fill_rate` (β), `backlog_service` (γ), shares.
    to_static, to_known
        Differences to these policies on the same seeds; of `cost` as shares of their mean cost.
    recovery
        From the world's disturbance; None in the stable world and for the clairvoyant.
    """

    name: str
    measures: Mapping[str, Estimate]
    to_static: Mapping[str, Estimate]
    to_known: Mapping[str, Estimate]
    recovery: Recovery | None = None


@dataclass(frozen=True)
class Detection:
    """Of the change-point filter on customers' demand.

    Parameters
    ----------
    detected
        Share of seeds with an alarm within the window after the shock; None: there is none.
    window
        Periods.
    delay
        Mean periods from the shock to the first alarm after it, over seeds with one; None: there is none.
    false_alarms
        Alarms a year of 365 periods before the shock, mean over customers and seeds.
    """

    detected: float | None
    window: int
    delay: float | None
    false_alarms: Estimate


@dataclass(frozen=True)
class AdaptOutcome:
    """All of them.

    Parameters
    ----------
    case, world, seeds, seed
        What was run: every seed is one replication of the whole horizon.
    day, length, size
        Of the disturbance: first period, periods, share of demand added; 0 in the stable world.
    warnings
        What makes the outcome less than it seems.
    levels
        Base-stock levels at the demand that the case states, whose safety factors the policies use.
    policies
        In the order of the table.
    detection
        Of changes.
    seconds
        Wall-clock time.
    versions
        Of the packages used.
    """

    case: str
    world: str
    seeds: int
    seed: int
    day: int
    length: int
    size: float
    warnings: tuple[str, ...]
    levels: Mapping[str, float]
    policies: tuple[Adapted, ...]
    detection: Detection
    seconds: float
    versions: Mapping[str, str]

    def __str__(self) -> str:
        lines = [f"{self.case}, {self.world} world: {self.seeds:,} seeds, 95% intervals"]
        lines += [f"{one.name}: cost {one.measures['cost'].mean:,.0f}" for one in self.policies]
        return "\n".join(lines)

    def policy(self, name: str) -> Adapted:
        """One by its name.

        Raises
        ------
        KeyError
            If there is none.
        """
        found = [one for one in self.policies if one.name == name]
        if not found:
            raise KeyError(f"policy {name!r}: expected one of {', '.join(one.name for one in self.policies)}")
        return found[0]

    def as_dict(self) -> dict[str, Any]:
        """The content of `result.json`."""
        return {
            "case": self.case,
            "world": self.world,
            "seed": self.seed,
            "num_seeds": self.seeds,
            "disturbance": {"day": self.day, "length": self.length, "size": self.size},
            "warnings": list(self.warnings),
            "confidence": 0.95,
            "base_stock_levels": [{"node": node, "level": level} for node, level in self.levels.items()],
            "policies": {one.name: _pairs(one.measures) for one in self.policies},
            "differences_to_static": {one.name: _pairs(one.to_static) for one in self.policies if one.to_static},
            "differences_to_known": {one.name: _pairs(one.to_known) for one in self.policies if one.to_known},
            "recovery": {
                one.name: {
                    **_pairs({"peak": one.recovery.peak, "periods": one.recovery.periods}),
                    "recovered": one.recovery.recovered,
                }
                for one in self.policies
                if one.recovery is not None
            },
            "detection": {
                "detected": self.detection.detected,
                "window": self.detection.window,
                "delay": self.detection.delay,
                "false_alarms_per_year": _pairs({"": self.detection.false_alarms})[""],
            },
            "published": PUBLISHED[self.world],
            "wall_seconds": self.seconds,
            "versions": dict(self.versions),
        }


def _pairs(measures: Mapping[str, Estimate]) -> dict[str, dict[str, float]]:
    return {name: {"mean": one.mean, "half_width": one.half_width} for name, one in measures.items()}
