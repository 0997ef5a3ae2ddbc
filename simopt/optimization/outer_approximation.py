"""The outer-approximation loop (Ye & You 2015, Figure 2; Duran & Grossmann 1986) with priced components.

A master problem proposes a design and bounds every design's cost from below; the simulation subproblem finds the levels
of each component it has not seen; the master is then told by how much simulation exceeds the single-stage cost of
exactly this component. Without these prices a converged master would propose its first design for ever. The loop ends
by itself when the bound, with every simulated component priced, meets the incumbent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from time import monotonic
from typing import Protocol

import numpy as np

from design.master_types import MasterSolution, PricedMaster
from design.network import Component
from design.solver import SolveStatus
from simopt.optimization.search_state import SearchState, Termination
from simopt.optimization.subproblem import ComponentPlan
from simopt.simulation.progress import Progress, silent


class SolvesComponents(Protocol):
    """The subproblem as the loop sees it."""

    def solve(self, component: Component) -> ComponentPlan:
        """Levels and simulated cost of a component."""

    def solve_all(self, components: Sequence[Component]) -> Iterator[ComponentPlan]:
        """Levels and simulated cost of each of some components, in their order."""


@dataclass(frozen=True)
class LoopParams:
    """When the loop ends.

    Parameters
    ----------
    tolerance
        Share of the incumbent's cost by which the bound may fall short of it (the indifference between designs).
    max_iterations
        Master problems solved at most.
    time_limit
        Seconds.
    clock
        Tells them.
    progress
        Told how many components of a design are done.
    """

    tolerance: float = 0.001
    max_iterations: int = 500
    time_limit: float = np.inf
    clock: Callable[[], float] = monotonic
    progress: Progress = silent

    def __post_init__(self) -> None:
        if not 0.0 <= self.tolerance < 1.0:
            raise ValueError(f"tolerance: expected a share from 0 to below 1, got {self.tolerance}")
        if self.max_iterations < 1 or self.time_limit <= 0.0:
            raise ValueError("max_iterations and time_limit: expected at least one iteration and a positive time")


def outer_approximation(
    master: PricedMaster,
    subproblem: SolvesComponents,
    params: LoopParams | None = None,
    start: SearchState | None = None,
) -> Iterator[SearchState]:
    """Run the loop; yields the state after every master problem, the last one with its termination.

    Parameters
    ----------
    master
        Proposes designs and bounds their cost; is priced.
    subproblem
        Finds levels and cost of one component of a design.
    params
        When to end.
    start
        Components and designs simulated before, without bounds; its components are priced before the first master.
    """
    params = params or LoopParams()
    deadline = params.clock() + params.time_limit
    state = start or SearchState()
    for plan in state.plans.values():
        tell_price(master, plan)
    for _ in range(params.max_iterations):
        # MILP_M: the next design y_k and a lower bound
        proposal = master.solve(deadline - params.clock())
        state = state.bounded(proposal)
        end = _end_after_master(state, proposal, params)
        if end is not None or proposal.design is None:
            yield replace(state, termination=end)
            return
        # Sim_Opt at y_k: levels x_k and simulated cost of every component not seen before
        new = [component for component in proposal.design.components if component not in state.plans]
        found = list[ComponentPlan]()
        params.progress("levels of components", 0, len(new))
        for plan in subproblem.solve_all(new):
            found.append(plan)
            params.progress("levels of components", len(found), len(new))
        state = state.with_plans(found).with_candidate(proposal.design)
        # Add cuts: simulation's excess over the single-stage cost, charged to exactly these components
        for plan in found:
            tell_price(master, plan)
        end = _end_after_levels(state, proposal, params, deadline)
        yield replace(state, termination=end)
        if end is not None:
            return
    yield replace(state, termination=Termination.ITERATION_LIMIT)


def tell_price(master: PricedMaster, plan: ComponentPlan) -> None:
    """Tell a master what a simulated component costs beyond its stock costs, and what its trees cost by themselves."""
    for one in plan.priced:
        master.price(one.component, one.extra)


def _end_after_master(state: SearchState, proposal: MasterSolution, params: LoopParams) -> Termination | None:
    """Whether the bound has met the incumbent, or the master came to no design worth simulating."""
    if proposal.status in _MASTER_ENDS:
        return _MASTER_ENDS[proposal.status]
    if proposal.design is None:
        return Termination.TIME_LIMIT if proposal.status is SolveStatus.TIME_LIMIT else Termination.SOLVER_FAILED
    if state.incumbent is None:
        return None
    met = _is_met(state, params)
    known = all(component in state.plans for component in proposal.design.components)
    if met or (known and proposal.status is SolveStatus.OPTIMAL):
        return Termination.BOUND_MET
    return None


def _end_after_levels(
    state: SearchState, proposal: MasterSolution, params: LoopParams, deadline: float
) -> Termination | None:
    """Whether the bound met the new incumbent already, or there is no time or no master for another design."""
    if _is_met(state, params):
        return Termination.BOUND_MET
    if proposal.status is SolveStatus.TOO_LARGE:
        return Termination.MASTER_TOO_LARGE
    if params.clock() >= deadline or proposal.status is not SolveStatus.OPTIMAL:
        return Termination.TIME_LIMIT
    return None


def _is_met(state: SearchState, params: LoopParams) -> bool:
    return state.incumbent is not None and state.priced_bound >= (1.0 - params.tolerance) * state.incumbent.cost


_MASTER_ENDS = {
    SolveStatus.INTERRUPTED: Termination.INTERRUPTED,
    SolveStatus.FAILED: Termination.SOLVER_FAILED,
    SolveStatus.UNBOUNDED: Termination.SOLVER_FAILED,
}
