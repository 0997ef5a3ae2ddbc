"""What two designs differ in and by how much they differ in cost: the outcome of `alternatives` and of a baseline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from design.network import Design
from design.node import LanePair
from simopt.simulation.estimate import Estimate


@dataclass(frozen=True)
class DesignChange:
    """What has to be done to turn one design into another.

    Parameters
    ----------
    lanes_added, lanes_dropped
        Lanes that only the new design uses, only the old one.
    opened, closed
        Nodes that only the new design uses, only the old one.
    """

    lanes_added: tuple[LanePair, ...]
    lanes_dropped: tuple[LanePair, ...]
    opened: tuple[str, ...]
    closed: tuple[str, ...]

    @classmethod
    def between(cls, old: Design, new: Design) -> DesignChange:
        """The change from an old to a new design."""
        return cls(
            tuple(pair for pair in new.lanes if pair not in old.lanes),
            tuple(pair for pair in old.lanes if pair not in new.lanes),
            tuple(name for name in new.nodes if name not in old.nodes),
            tuple(name for name in old.nodes if name not in new.nodes),
        )

    @property
    def moves(self) -> int:
        """Lanes that the old design does not use."""
        return len(self.lanes_added)

    def as_dict(self) -> dict[str, Any]:
        """The keys of `result.json` that describe a change."""
        return {
            "lanes_added": lanes_as_dicts(self.lanes_added),
            "lanes_dropped": lanes_as_dicts(self.lanes_dropped),
            "opened": list(self.opened),
            "closed": list(self.closed),
        }


@dataclass(frozen=True, eq=False)
class ComparedDesign:
    """A design with its levels and cost, next to the one it is compared with.

    Parameters
    ----------
    design, levels
        The design and the base-stock level of each used node, units.
    change
        From the design it is compared with.
    cost
        On fresh replications.
    difference
        Mean paired difference on the same replications: its cost less the other's for an alternative, the other's
        less its own, a saving, for a change of the baseline.
    """

    design: Design
    levels: Mapping[str, float]
    change: DesignChange
    cost: Estimate
    difference: Estimate

    def as_dict(self, difference: str) -> dict[str, Any]:
        """The keys of `result.json`; `difference` names the paired difference."""
        return {
            **design_as_dict(self.design.lanes, {name: self.levels[name] for name in self.design.nodes}),
            **self.change.as_dict(),
            "cost": asdict(self.cost),
            difference: interval_as_dict(self.difference),
        }


@dataclass(frozen=True, eq=False)
class Alternatives:
    """Outcome of `alternatives`.

    Parameters
    ----------
    case, seed
        What was run.
    warnings
        What makes the outcome less than it seems.
    design, levels, cost
        The run's own design, its stored levels, units, and its cost on the fresh replications of all.
    alternatives
        The next-best designs, cheapest first.
    wanted
        How many were asked for.
    tolerance
        Share of the cost within which designs count as equally good.
    complete
        Whether the bound shows that no other design costs less than the last one by more than the tolerance.
    termination
        Why the search ended, in words.
    is_interrupted
        Whether that was Ctrl-C.
    bound_of_others
        What every design not simulated costs at least, if those simulated cost what was estimated; infinite where every
        design was simulated, None where nothing is known.
    num_designs, replications_used
        Designs and replications that the search simulated.
    wall_seconds
        In all.
    versions
        Of the packages that determine the numbers.
    """

    case: str
    seed: int
    warnings: tuple[str, ...]
    design: Design
    levels: Mapping[str, float]
    cost: Estimate
    alternatives: tuple[ComparedDesign, ...]
    wanted: int
    tolerance: float
    complete: bool
    termination: str
    is_interrupted: bool
    bound_of_others: float | None
    num_designs: int
    replications_used: int
    wall_seconds: float
    versions: Mapping[str, str]

    def share(self, difference: Estimate) -> float:
        """A difference as a share of the cost of the run's design; 0 where that is 0."""
        return difference.mean / self.cost.mean if self.cost.mean else 0.0

    def as_dict(self) -> dict[str, Any]:
        """The content of `result.json`."""
        return {
            "case": self.case,
            "seed": self.seed,
            "warnings": list(self.warnings),
            "cost": asdict(self.cost),
            **design_as_dict(self.design.lanes, {name: self.levels[name] for name in self.design.nodes}),
            "alternatives": [
                {**row.as_dict("difference"), "difference_share": self.share(row.difference)}
                for row in self.alternatives
            ],
            "tolerance": self.tolerance,
            "complete": self.complete,
            "termination": self.termination,
            "bound_of_others": self.bound_of_others,
            "designs_simulated": self.num_designs,
            "replications_used": self.replications_used,
            "wall_seconds": self.wall_seconds,
            "versions": dict(self.versions),
        }


@dataclass(frozen=True, eq=False)
class LimitedChange:
    """The best change found of the baseline by a limited number of moved lanes.

    Parameters
    ----------
    moves
        Lanes that the changed design may use and the baseline does not.
    changed
        The design found, with its saving against the baseline.
    is_best
        Whether the bound shows that no other change with as many moves saves more by more than the tolerance.
    """

    moves: int
    changed: ComparedDesign
    is_best: bool


@dataclass(frozen=True, eq=False)
class BaselineComparison:
    """A new design next to the baseline, today's network; all costs on the same fresh replications.

    Parameters
    ----------
    design
        The baseline.
    todays_cost
        Its cost with today's levels; None where they are not given.
    optimized_cost
        Its cost with optimized levels; None where an interrupt came first.
    change
        From the baseline to the new design.
    saving
        Mean paired difference of the baseline's cost, with today's levels if given, and the new design's; None where
        the baseline's cost is unknown.
    saving_by_levels
        What optimized levels alone save; None where either cost of the baseline is unknown.
    changes
        The best changes found by at most 1, 2, ... moved lanes.
    termination
        Why there are no more changes, in words.
    is_interrupted
        Whether that was Ctrl-C.
    broken_rules
        Rules of the case that the baseline breaks, one line each.
    """

    design: Design
    todays_cost: Estimate | None
    optimized_cost: Estimate | None
    change: DesignChange
    saving: Estimate | None
    saving_by_levels: Estimate | None
    changes: tuple[LimitedChange, ...]
    termination: str
    is_interrupted: bool
    broken_rules: tuple[str, ...] = ()

    def share(self, saving: Estimate) -> float:
        """A saving as a share of the baseline's cost, with today's levels if given; 0 where that is 0."""
        cost = self.todays_cost or self.optimized_cost
        return saving.mean / cost.mean if cost is not None and cost.mean else 0.0

    def as_dict(self) -> dict[str, Any]:
        """The key `baseline` of `result.json`."""
        return {
            "lanes": lanes_as_dicts(self.design.lanes),
            "broken_rules": list(self.broken_rules),
            "cost_with_todays_levels": None if self.todays_cost is None else asdict(self.todays_cost),
            "cost_with_optimized_levels": None if self.optimized_cost is None else asdict(self.optimized_cost),
            "saving": None if self.saving is None else interval_as_dict(self.saving),
            "saving_share": None if self.saving is None else self.share(self.saving),
            "saving_by_levels": None if self.saving_by_levels is None else interval_as_dict(self.saving_by_levels),
            **self.change.as_dict(),
            "changes": [
                {"moves": row.moves, **row.changed.as_dict("saving"), "best": row.is_best} for row in self.changes
            ],
            "termination": self.termination,
        }


def lanes_as_dicts(lanes: tuple[LanePair, ...]) -> list[dict[str, str]]:
    """Lanes as `result.json` holds them."""
    return [{"from": origin, "to": destination} for origin, destination in lanes]


def design_as_dict(lanes: tuple[LanePair, ...], levels: Mapping[str, float]) -> dict[str, Any]:
    """The keys `design` and `base_stock_levels` of `result.json`."""
    return {
        "design": {"lanes": lanes_as_dicts(lanes), "open": list(levels)},
        "base_stock_levels": [{"node": name, "level": level} for name, level in levels.items()],
    }


def interval_as_dict(difference: Estimate) -> dict[str, float]:
    """A paired difference as `result.json` holds it."""
    return {"mean": difference.mean, "half_width": difference.half_width}
