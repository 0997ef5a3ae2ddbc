"""The outcome of `frontier`: what the cheapest design costs under each of a family of limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from design.network import Design
from simopt.differences import DesignChange, design_as_dict, interval_as_dict
from simopt.emission_outcome import EmissionOutcome
from simopt.simulation.estimate import Estimate


@dataclass(frozen=True, eq=False)
class FrontierPoint:
    """The cheapest design found under one limit; costs are money over the horizon.

    Parameters
    ----------
    limit
        Its value is at most this; None for the cheapest design of all.
    value
        What is limited: a number of sites, or emissions.
    value_half_width
        Of its 95% interval; 0 where the design alone decides it.
    design, levels
        The design and the base-stock level of each used node, units.
    change
        From the design of the point before.
    cost, difference
        On fresh replications common to all points; the paired difference to the first point.
    lower_bound
        No design within the limit with any levels costs less on average, unless the case has warnings; None if unknown.
    proven
        Whether the search ended with its bound, simulated components priced, at the cost within the tolerance.
    num_sites
        Used nodes that are no customers, of the kind asked for if one was.
    emissions
        None where nothing emits.
    """

    limit: float | None
    value: float
    value_half_width: float
    design: Design
    levels: Mapping[str, float]
    change: DesignChange
    cost: Estimate
    difference: Estimate
    lower_bound: float | None
    proven: bool
    num_sites: int
    emissions: EmissionOutcome | None

    def as_dict(self) -> dict[str, Any]:
        """One of `points` in `frontier.json`."""
        return {
            "limit": self.limit,
            "value": self.value,
            "value_half_width": self.value_half_width,
            "cost": asdict(self.cost),
            "difference": interval_as_dict(self.difference),
            "lower_bound": self.lower_bound,
            "proven": self.proven,
            "num_sites": self.num_sites,
            **self.change.as_dict(),
            **design_as_dict(self.design.lanes, {name: self.levels[name] for name in self.design.nodes}),
            **({} if self.emissions is None else {"emissions": self.emissions.as_dict()}),
        }


@dataclass(frozen=True, eq=False)
class Frontier:
    """All points, the cheapest design first, then under ever tighter limits.

    Parameters
    ----------
    case, seed, against
        What was run.
    label
        What is limited, with its unit, for people.
    warnings
        What makes the outcome less than it seems.
    points
        At least one.
    wanted
        How many were asked for, as far as there are that many.
    tolerance
        Share of the cost within which designs count as equally good.
    termination
        Why there are no more points, in words.
    is_interrupted
        Whether that was Ctrl-C.
    replications_used, wall_seconds
        Of the searches, and in all.
    versions
        Of the packages that determine the numbers.
    """

    case: str
    seed: int
    against: str
    label: str
    warnings: tuple[str, ...]
    points: tuple[FrontierPoint, ...]
    wanted: int
    tolerance: float
    termination: str
    is_interrupted: bool
    replications_used: int
    wall_seconds: float
    versions: Mapping[str, str]

    @property
    def non_dominated(self) -> tuple[bool, ...]:
        """Whether no other point has both a lower mean cost and no higher value, or the reverse."""
        return non_dominated([(point.value, point.cost.mean) for point in self.points])

    def as_dict(self) -> dict[str, Any]:
        """The content of `frontier.json`."""
        marks = self.non_dominated
        return {
            "case": self.case,
            "seed": self.seed,
            "against": self.against,
            "label": self.label,
            "warnings": list(self.warnings),
            "points": [
                {**point.as_dict(), "non_dominated": mark} for point, mark in zip(self.points, marks, strict=True)
            ],
            "wanted": self.wanted,
            "tolerance": self.tolerance,
            "termination": self.termination,
            "replications_used": self.replications_used,
            "wall_seconds": self.wall_seconds,
            "versions": dict(self.versions),
        }


def non_dominated(pairs: Sequence[tuple[float, float]]) -> tuple[bool, ...]:
    """Which pairs no other pair is as low as in both numbers and lower in one."""

    def beats(one: tuple[float, float], other: tuple[float, float]) -> bool:
        return one != other and one[0] <= other[0] and one[1] <= other[1]

    return tuple(not any(beats(other, pair) for other in pairs) for pair in pairs)
