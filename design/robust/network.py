"""What a robust plan is made for: stocking points, where their goods come from, and what is uncertain."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf

import numpy as np
from numpy.typing import NDArray

from design.errors import BadInputError
from design.robust.budget import check_schedule, worst_sums

Floats = NDArray[np.float64]
OUTSIDE = ""


@dataclass(frozen=True, eq=False)
class RobustNode:
    """A stocking point of one item. Costs are numbers, or of every period, shape (period,).

    Parameters
    ----------
    name
        Unique.
    demand, half_range
        Nominal demand of every period, units, shape (period,), and by how much it may differ; empty: none.
    budget
        Γ_k: how many periods up to k may differ by all of it, shape (period,); not falling, by at most 1 a period.
    stock
        On hand at the start, units; negative: owed.
    holding_cost
        Money per unit on hand at the end of a period.
    backorder_cost
        Money per unit owed at the end of a period; None: nothing may be owed, whatever happens.
    """

    name: str
    demand: Floats = field(default_factory=lambda: np.empty(0))
    half_range: Floats = field(default_factory=lambda: np.empty(0))
    budget: Floats = field(default_factory=lambda: np.empty(0))
    stock: float = 0.0
    holding_cost: float | Floats = 0.0
    backorder_cost: float | Floats | None = None


@dataclass(frozen=True, eq=False)
class RobustArc:
    """A way for goods to come. Costs but the fixed one are numbers, or of every period, shape (period,).

    Parameters
    ----------
    origin, destination
        Names; origin "": bought outside.
    lead_time
        Periods.
    unit_cost, fixed_cost
        Money per unit and per order.
    pipeline_cost
        Money per unit and period in transit.
    capacity
        Units of an order at most; a number, or of every period, shape (period,).
    pending
        Ordered before and still to arrive: units by period, from the first.
    loss
        Share of a delivery that may not come.
    loss_budget
        How many deliveries up to each period may fall short by all of it, shape (period,); empty: none.
    """

    origin: str
    destination: str
    lead_time: int = 0
    unit_cost: float | Floats = 0.0
    fixed_cost: float = 0.0
    pipeline_cost: float | Floats = 0.0
    capacity: float | Floats = inf
    pending: tuple[float, ...] = ()
    loss: float = 0.0
    loss_budget: Floats = field(default_factory=lambda: np.empty(0))

    @property
    def name(self) -> str:
        """For messages."""
        return f"{self.origin or 'outside'} -> {self.destination}"


@dataclass(frozen=True)
class SharedCapacity:
    """Units that some arcs may order together in a period.

    Parameters
    ----------
    name
        For messages.
    arcs
        Their numbers.
    limit
        Units a period.
    """

    name: str
    arcs: tuple[int, ...]
    limit: float


@dataclass(frozen=True, eq=False)
class RobustNetwork:
    """All of it; independent items are parts that share a capacity at most.

    Parameters
    ----------
    periods
        To plan.
    nodes, arcs, shared
        Its parts.

    Raises
    ------
    BadInputError
        If names do not match, arrays are not of the horizon's length, or a number is out of range.
    """

    periods: int
    nodes: tuple[RobustNode, ...]
    arcs: tuple[RobustArc, ...]
    shared: tuple[SharedCapacity, ...] = ()

    def __post_init__(self) -> None:
        names = [node.name for node in self.nodes]
        if self.periods < 1 or not names or len(set(names)) < len(names):
            raise BadInputError(f"robust plan of {self.periods} periods and nodes {names}: expected some, each once")
        for node in self.nodes:
            self._check_node(node)
        for arc in self.arcs:
            self._check_arc(arc, names)

    def _check_node(self, node: RobustNode) -> None:
        if not node.demand.size:
            return
        for what, values in (("demand", node.demand), ("half_range", node.half_range), ("budget", node.budget)):
            if len(values) != self.periods:
                raise BadInputError(f"{node.name}: {what} of {len(values)} periods: expected {self.periods}")
            bad = np.flatnonzero(~np.isfinite(values) | (values < 0.0))
            if bad.size:
                at = int(bad[0])
                raise BadInputError(f"{node.name}: {what} {values[at]:g} in period {at + 1}: expected at least 0")
        check_schedule(node.budget, node.name)

    def _check_arc(self, arc: RobustArc, names: list[str]) -> None:
        if arc.destination not in names or arc.origin not in (OUTSIDE, *names):
            raise BadInputError(f"arc {arc.name}: expected nodes among {', '.join(names)}")
        if arc.lead_time < 0 or not 0.0 <= arc.loss <= 1.0 or len(arc.pending) > self.periods:
            raise BadInputError(
                f"arc {arc.name}: lead time {arc.lead_time}, loss {arc.loss:g}, {len(arc.pending)} pending: "
                f"expected at least 0, 0 to 1, at most {self.periods}"
            )
        if arc.loss_budget.size:
            if len(arc.loss_budget) != self.periods:
                raise BadInputError(
                    f"arc {arc.name}: budget of {len(arc.loss_budget)} periods: expected {self.periods}"
                )
            check_schedule(arc.loss_budget, arc.name)

    def worst(self, node: RobustNode) -> Floats:
        """A_k of a node's demand, shape (period,)."""
        return worst_sums(node.half_range, node.budget) if node.demand.size else np.zeros(self.periods)


def over_time(value: float | Floats, periods: int) -> Floats:
    """A number, or one of every period, as one of every period, shape (period,)."""
    found = np.asarray(value, dtype=np.float64)
    return found if found.ndim else np.full(periods, float(found))
