"""What a search over designs knows: bounds, incumbent, the components simulated so far; a new state each step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Protocol

import numpy as np

from design.master_types import Bound, MasterSolution
from design.network import Component, Design
from design.shared_costs import SharedCosts
from simopt.optimization.subproblem import ComponentPlan
from simopt.simulation.estimate import relative_gap


class Termination(Enum):
    """Why a search ended."""

    BOUND_MET = "the bound, with simulated components priced, met the incumbent within the tolerance"
    GAP_STALLED = "the gap stopped improving by more than the tolerance"
    SEARCH_STALLED = "no better solution was found for the stall limit"
    COMPLETED = "all steps were done"
    TIME_LIMIT = "time limit: the incumbent is the best design simulated so far"
    MASTER_TOO_LARGE = "the master is too large for a search tree: the incumbent is the best design simulated so far"
    ITERATION_LIMIT = "iteration limit: the incumbent is the best design simulated so far"
    BUDGET_SPENT = "the budget of replications was spent: the incumbent is the best design simulated so far"
    SOLVER_FAILED = "the master's solver gave no usable answer: the incumbent is the best design simulated so far"
    INTERRUPTED = "interrupted: the incumbent is the best design simulated so far"


@dataclass(frozen=True)
class Incumbent:
    """The best design simulated so far.

    Parameters
    ----------
    design
        The design.
    levels
        Base-stock level of each used node, units.
    cost
        Its estimated cost on the search paths, money over the horizon.
    half_width
        Of the 95% interval of that estimate; designs share their paths, so differences are known better.
    multiplier
        Price of emissions beyond the case's own at which levels were found that keep a cap; 0 where the cheapest do.
    """

    design: Design
    levels: Mapping[str, float]
    cost: float
    half_width: float
    multiplier: float = 0.0


class ChargesDesigns(Protocol):
    """What designs pay on top of their components."""

    def of(self, design: Design) -> float:
        """Money over the horizon."""


@dataclass(frozen=True)
class SearchState:
    """What is known after a step.

    Parameters
    ----------
    unpriced_bound
        The first master's bound: where its model is a bound, no design with any levels costs less.
    bound_model
        Which stock costs that bound rests on.
    priced_bound
        The present master's bound: no design costs less if the simulated ones cost what was estimated.
    incumbent
        Best design so far.
    candidate
        The design of this step.
    plans
        Every component simulated so far.
    designs
        Every design all of whose components were simulated, in that order.
    termination
        Why the search ended, None while it goes on.
    shared_costs
        What a design pays on top of its components.
    """

    unpriced_bound: float = -np.inf
    bound_model: Bound = Bound.SINGLE_STAGE
    priced_bound: float = -np.inf
    incumbent: Incumbent | None = None
    candidate: Design | None = None
    plans: Mapping[Component, ComponentPlan] = field(default_factory=dict)
    designs: tuple[Design, ...] = ()
    termination: Termination | None = None
    shared_costs: ChargesDesigns = field(default_factory=SharedCosts)

    @property
    def gap(self) -> float | None:
        """Distance of the present bound from the incumbent as a share of the incumbent's cost."""
        if self.incumbent is None or not np.isfinite(self.priced_bound):
            return None
        return relative_gap(self.incumbent.cost, self.priced_bound)

    def bounded(self, proposal: MasterSolution) -> SearchState:
        """The state with a master's bound; cuts and prices only raise it."""
        state = replace(self, priced_bound=max(self.priced_bound, proposal.bound))
        if np.isfinite(self.unpriced_bound):
            return state
        return replace(state, unpriced_bound=proposal.bound, bound_model=proposal.model)

    def with_plans(self, plans: Sequence[ComponentPlan]) -> SearchState:
        """The state with more components simulated."""
        return replace(self, plans={**self.plans, **{plan.component: plan for plan in plans}})

    def with_candidate(self, design: Design) -> SearchState:
        """The state after a design all of whose components are simulated; the cheaper design is the incumbent."""
        designs = self.designs if design in self.designs else (*self.designs, design)
        state = replace(self, candidate=design, designs=designs)
        if self.incumbent is not None and self.cost_of(design) >= self.incumbent.cost:
            return state
        return state.with_incumbent(design)

    def with_incumbent(self, design: Design) -> SearchState:
        """The state with this design, all of whose components are simulated, as the incumbent."""
        plans = [self.plans[component] for component in design.components]
        half_width = float(np.sqrt(sum(plan.cost.half_width**2 for plan in plans)))
        return replace(self, incumbent=Incumbent(design, self.levels_of(design), self.cost_of(design), half_width))

    def cost_of(self, design: Design) -> float:
        """Cost of a design all of whose components are simulated, money over the horizon."""
        return sum(self.plans[c].cost.mean for c in design.components) + self.shared_costs.of(design)

    def levels_of(self, design: Design) -> dict[str, float]:
        """Base-stock level of each node of a design all of whose components are simulated, units."""
        plans = [self.plans[component] for component in design.components]
        return {n: float(s) for plan in plans for n, s in zip(plan.component.nodes, plan.levels, strict=True)}
