"""The outcome of `tactical`: a plan for a serial chain and what is known of its cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simopt.simulation.estimate import Estimate

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class TacticalPlan:
    """Costs are money over the horizon of the program.

    Parameters
    ----------
    case, model, scenarios, seed
        What was run.
    warnings
        What makes the outcome less than it seems.
    levels
        Names, upstream first.
    num_scenarios, num_lead_times, periods
        Size of the program; 0 lead-time scenarios where lead times are fixed.
    decision
        Targets, shape (1,) or (level,), or orders, shape (level, period), units.
    objective, lower_bound
        Expected cost on the scenarios of the program, and what no decision costs less than on them.
    method
        How it was solved.
    out_of_sample
        Cost of the decision on fresh demand, goods shipped at once.
    mean_value_cost
        On the scenarios, of the decision that is best for mean demand.
    wait_and_see_cost
        If demand were known before deciding.
    batches
        Optimal values on independent sets of scenarios of the same size; None where scenarios are no random sample.
    reduction_distance
        Transport distance to the scenarios before reduction, units; None without.
    seconds
        Wall-clock time of the program's solution.
    versions
        Of the packages used.
    """

    case: str
    model: str
    scenarios: str
    seed: int
    warnings: tuple[str, ...]
    levels: tuple[str, ...]
    num_scenarios: int
    num_lead_times: int
    periods: int
    decision: Floats
    objective: float
    lower_bound: float
    method: str
    out_of_sample: Estimate
    mean_value_cost: float
    wait_and_see_cost: float
    batches: Estimate | None
    reduction_distance: float | None
    seconds: float
    versions: Mapping[str, str]

    def __str__(self) -> str:
        decided = ", ".join(f"{name} {target:.2f}" for name, target in self.targets.items()) or "orders"
        cost = self.out_of_sample
        return (
            f"{self.case}: {self.model}, {self.num_scenarios:,} scenarios, {self.periods} periods: {decided}; "
            f"expected cost {self.objective:,.2f}, on fresh demand {cost.mean:,.2f} ± {cost.half_width:,.2f}"
        )

    @property
    def value_of_stochastic_solution(self) -> float:
        """What deciding for mean demand would cost more."""
        return self.mean_value_cost - self.objective

    @property
    def value_of_perfect_information(self) -> float:
        """What knowing demand before deciding would save."""
        return self.objective - self.wait_and_see_cost

    @property
    def targets(self) -> dict[str, float]:
        """Target of every level, units; empty for the regular model."""
        if self.decision.ndim == 2:
            return {}
        values = np.broadcast_to(self.decision, (len(self.levels),))
        return {name: float(value) for name, value in zip(self.levels, values, strict=True)}

    @property
    def orders(self) -> Sequence[dict[str, Any]]:
        """Orders by level and period, units; empty where they follow from targets."""
        if self.decision.ndim == 1:
            return []
        return [
            {"node": name, "period": t + 1, "order": float(units)}
            for name, row in zip(self.levels, self.decision, strict=True)
            for t, units in enumerate(row)
        ]

    def as_dict(self) -> dict[str, Any]:
        """The content of `result.json`."""
        decision = {"targets": self.targets} if self.targets else {"orders": list(self.orders)}
        bounds = None if self.batches is None else asdict(self.batches)
        return {
            "case": self.case,
            "model": self.model,
            "scenarios": self.scenarios,
            "seed": self.seed,
            "warnings": list(self.warnings),
            "num_scenarios": self.num_scenarios,
            "num_lead_time_scenarios": self.num_lead_times,
            "periods": self.periods,
            "objective": self.objective,
            "lower_bound": self.lower_bound,
            "solved_by": self.method,
            **decision,
            "out_of_sample": asdict(self.out_of_sample),
            "mean_value_cost": self.mean_value_cost,
            "value_of_stochastic_solution": self.value_of_stochastic_solution,
            "wait_and_see_cost": self.wait_and_see_cost,
            "expected_value_of_perfect_information": self.value_of_perfect_information,
            "statistical_lower_bound": bounds,
            "statistical_upper_bound": None if bounds is None else asdict(self.out_of_sample),
            "reduction_distance": self.reduction_distance,
            "wall_seconds": self.seconds,
            "versions": dict(self.versions),
        }


@dataclass(frozen=True)
class SweepPoint:
    """What programs of one size give.

    Parameters
    ----------
    size
        Number of scenarios, of those kept, or of both demand and lead-time scenarios.
    in_sample
        Optimal values on independent sets of scenarios.
    out_of_sample
        Cost of their decisions on the same fresh demand, a value a set.
    """

    size: int
    in_sample: Estimate
    out_of_sample: Estimate


@dataclass(frozen=True, eq=False)
class ComparedTargets:
    """Targets and what they cost.

    Parameters
    ----------
    name
        Where they come from.
    levels
        Upstream first.
    targets
        Of each level, units, shape (level,).
    cost
        A period, on fresh demand, after the warm-up of the case.
    difference
        To the cheapest in the list, on the same paths.
    """

    name: str
    levels: tuple[str, ...]
    targets: Floats
    cost: Estimate
    difference: Estimate
