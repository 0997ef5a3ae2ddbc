"""The global check of levels: its effort, what it found, and how that is written down."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import Any

import numpy as np

from design.demand import Floats
from design.recorder import Codec, packed, unpacked
from simopt.simulation.estimate import Estimate

CLEARLY_APART = 0.25


@dataclass(frozen=True)
class NestedParams:
    """Effort of the check.

    Parameters
    ----------
    points, least_points
        Levels of each inner node on the first grid: at most, and the fewest that count as a check.
    rounds
        Refinements of the grid; three times as many with demand in whole units, whose grids are whole.
    tolerance
        Share of the least cost within which a level is refined, or a start kept; a tenth of it in the next round.
    periods
        Simulated periods of the grids' sample, warm-up included.
    node_periods
        Periods at most that all nodes together are simulated for the first grid, about 5 ns each.
    max_starts
        Descents at most.
    descent_replications
        Sample paths of a descent, the most that the grids take; as many more tell what was gained.
    """

    points: int = 20
    least_points: int = 8
    rounds: int = 1
    tolerance: float = 0.005
    periods: int = 4096
    node_periods: float = 4e7
    max_starts: int = 4
    descent_replications: int = 100

    def __post_init__(self) -> None:
        if not 2 <= self.least_points <= self.points or min(self.periods, self.max_starts) < 1 or self.rounds < 0:
            raise ValueError(f"nested search: expected at least two points and positive limits, got {self}")


@dataclass(frozen=True, eq=False)
class GlobalLevels:
    """What the check of one component found.

    Parameters
    ----------
    starts
        Levels where descents ended, clearly apart from each other, the cheapest first, each of shape (node,), units.
    cost
        Of the first, on paths that it was not fitted to, fixed costs included, money over the horizon.
    gain
        By how much it is cheaper there than the incumbent's levels.
    points
        Fewest levels of an inner node on the first grid; None where no node supplies another.
    relative_step
        Largest step next to the best levels of the last grid, as a share of `spread`.
    spread
        Standard deviation of the demand over the lead times down to each node, shape (node,), units.
    """

    starts: tuple[Floats, ...]
    cost: Estimate
    gain: Estimate
    points: int | None
    relative_step: float
    spread: Floats

    @property
    def is_better(self) -> bool:
        """Whether the incumbent's levels are beaten by more than noise."""
        return self.gain.mean > max(self.gain.half_width, 1e-6 * abs(self.cost.mean))

    def starts_from(self, levels: Floats) -> list[Floats]:
        """These levels, and the starts that are clearly apart from them."""
        return apart([levels, *self.starts], self.spread)


def _encoded(found: GlobalLevels | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "starts": [packed(levels) for levels in found.starts],
        "cost": astuple(found.cost),
        "gain": astuple(found.gain),
        "points": found.points,
        "relative_step": found.relative_step,
        "spread": packed(found.spread),
    }


def _decoded(content: dict[str, Any] | None) -> GlobalLevels | None:
    if content is None:
        return None
    return GlobalLevels(
        tuple(unpacked(levels) for levels in content["starts"]),
        Estimate(*content["cost"]),
        Estimate(*content["gain"]),
        content["points"],
        content["relative_step"],
        unpacked(content["spread"]),
    )


CHECK: Codec[GlobalLevels | None] = Codec(_encoded, _decoded)


def apart(candidates: list[Floats], spread: Floats) -> list[Floats]:
    """Those of which some level differs clearly from that of each one kept before."""
    kept: list[Floats] = []
    for levels in candidates:
        if all(np.any(np.abs(levels - other) > CLEARLY_APART * spread) for other in kept):
            kept.append(levels)
    return kept
