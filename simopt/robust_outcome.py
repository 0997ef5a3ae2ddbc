"""The outcome of `robust`: a design for every budget of demand, and what protection costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from design.node import LanePair
from simopt.simulation.estimate import Estimate


@dataclass(frozen=True)
class ProtectedDesign:
    """The design for one budget.

    Parameters
    ----------
    budget
        Γ: of how many customers demand may be higher.
    lanes, levels
        The design, and its base-stock levels, units.
    cost
        At the demand that the case states, on the same fresh replications as all others, money over the horizon.
    premium
        That less the cost of the design for the first budget, paired.
    protection
        What the dearest demand within the budget adds to transport, money over the horizon.
    unprotected
        What it would add to the transport of the design for the first budget.
    unprotected_breaks
        Capacities that the design for the first budget would break then.
    gap
        Of the search: how far the robust cost may be above the least, as a share; the bound takes simulated components
        for what was estimated on search paths. None where a limit ended it without a bound.
    """

    budget: float
    lanes: tuple[LanePair, ...]
    levels: Mapping[str, float]
    cost: Estimate
    premium: Estimate
    protection: float
    unprotected: float
    unprotected_breaks: tuple[str, ...]
    gap: float | None


@dataclass(frozen=True)
class RobustDesigns:
    """All of them.

    Parameters
    ----------
    case, seed
        What was run.
    deviation
        Share by which demand may be higher.
    designs
        One a budget.
    seconds
        Wall-clock time.
    versions
        Of the packages used.
    """

    case: str
    seed: int
    deviation: float
    designs: tuple[ProtectedDesign, ...]
    seconds: float
    versions: Mapping[str, str]

    def as_dict(self) -> dict[str, Any]:
        """The content of `result.json`."""
        return {
            "case": self.case,
            "seed": self.seed,
            "deviation": self.deviation,
            "confidence": 0.95,
            "budgets": [
                {
                    "budget": one.budget,
                    "design": {"lanes": [{"from": a, "to": b} for a, b in one.lanes]},
                    "base_stock_levels": [{"node": node, "level": level} for node, level in one.levels.items()],
                    "cost": {"mean": one.cost.mean, "half_width": one.cost.half_width},
                    "premium": {"mean": one.premium.mean, "half_width": one.premium.half_width},
                    "protection": one.protection,
                    "unprotected": one.unprotected,
                    "unprotected_breaks": list(one.unprotected_breaks),
                    "gap": one.gap,
                }
                for one in self.designs
            ],
            "wall_seconds": self.seconds,
            "versions": dict(self.versions),
        }
