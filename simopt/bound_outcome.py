"""What the master says by itself: the result of `simopt solve --bound-only`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from design.network import Design
from simopt.differences import lanes_as_dicts
from simopt.result import LowerBound
from simopt.simulation.estimate import relative_gap

METHOD = "bound-only"


@dataclass(frozen=True)
class BoundOutcome:
    """A design that is good in the master's model, and what bounds all designs.

    Parameters
    ----------
    case, seed
        What was solved.
    status
        "solved" or "limit".
    termination
        Why it ended.
    warnings
        What makes the bound less than one.
    design
        The design.
    objective
        Its cost in the master's model: what it would cost at least, money over the horizon.
    lower_bound
        No design with any levels costs less.
    wall_seconds
        Time it took.
    versions
        Of what determines the numbers.
    """

    case: str
    seed: int
    status: str
    termination: str
    warnings: tuple[str, ...]
    design: Design
    objective: float
    lower_bound: LowerBound
    wall_seconds: float
    versions: Mapping[str, str]

    @property
    def gap(self) -> float:
        """Distance of the bound from the design's cost in the master's model, as a share of that cost."""
        return relative_gap(self.objective, self.lower_bound.value)

    def as_dict(self) -> dict[str, Any]:
        """The content of `result.json`."""
        return {
            "case": self.case,
            "method": METHOD,
            "seed": self.seed,
            "status": self.status,
            "termination": self.termination,
            "warnings": list(self.warnings),
            "master_objective": self.objective,
            "lower_bound": asdict(self.lower_bound),
            "gap": self.gap,
            "design": {"lanes": lanes_as_dicts(self.design.lanes), "open": list(self.design.nodes)},
            "wall_seconds": self.wall_seconds,
            "versions": dict(self.versions),
        }
