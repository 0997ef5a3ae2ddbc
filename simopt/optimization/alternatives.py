"""The next-best designs: outer approximation in which every design that was simulated is forbidden afterwards.

The components simulated stay priced, so the master's optimum bounds from below what every design not simulated would
cost if the simulated components cost what was estimated. The loop ends by itself when this bound reaches the cost of
the last design of the list, or when no design is left.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import Enum
from time import monotonic

import numpy as np

from design.flow_model import InfeasibleError
from design.master_types import Master, MasterSolution
from design.network import Design
from design.solver import SolveStatus
from simopt.optimization.outer_approximation import LoopParams, SolvesComponents, tell_price
from simopt.optimization.search_state import SearchState


class ListEnd(Enum):
    """Why a search for alternatives ended."""

    BOUND_MET = "the bound of all designs not simulated reached the cost of the last alternative within the tolerance"
    EXHAUSTED = "every design of the network was simulated"
    TIME_LIMIT = "time limit: the alternatives are the best simulated so far"
    ITERATION_LIMIT = "iteration limit: the alternatives are the best simulated so far"
    SOLVER_FAILED = "the master's solver gave no usable answer: the alternatives are the best simulated so far"
    INTERRUPTED = "interrupted: the alternatives are the best simulated so far"


@dataclass(frozen=True)
class ShortList:
    """What is known of the next-best designs after a step.

    Parameters
    ----------
    own
        The design whose alternatives are sought.
    count
        How many are sought.
    search
        Components and designs simulated so far, the own one among them.
    bound
        No design that was not simulated costs less if the components simulated cost what was estimated; money over the
        horizon.
    termination
        Why the search ended, None while it goes on.
    """

    own: Design
    count: int
    search: SearchState = field(default_factory=SearchState)
    bound: float = -np.inf
    termination: ListEnd | None = None

    @property
    def alternatives(self) -> tuple[Design, ...]:
        """The cheapest designs simulated so far but the own one, cheapest first, at most `count`."""
        others = [design for design in self.search.designs if design != self.own]
        return tuple(sorted(others, key=self.search.cost_of)[: self.count])

    @property
    def last_cost(self) -> float:
        """Cost of the last alternative, money over the horizon; infinite while there are too few."""
        found = self.alternatives
        return self.search.cost_of(found[-1]) if len(found) == self.count else np.inf

    @property
    def is_complete(self) -> bool:
        """Whether no design outside the list costs less than its last one by more than the tolerance."""
        return self.termination in (ListEnd.BOUND_MET, ListEnd.EXHAUSTED)


def next_best_designs(
    master: Master,
    subproblem: SolvesComponents,
    own: Design,
    count: int,
    params: LoopParams | None = None,
    start: SearchState | None = None,
) -> Iterator[ShortList]:
    """Find the next-best designs; yields the list after every master problem, the last one with its termination.

    Parameters
    ----------
    master
        Proposes designs and bounds their cost; is priced, and what was simulated is forbidden in it.
    subproblem
        Finds levels and cost of one component of a design.
    own
        The design whose alternatives are sought.
    count
        How many, at least 1.
    params
        When to end; the tolerance is a share of the last alternative's cost.
    start
        What to begin with; by default nothing is known, and designs share no costs.
    """
    params = params or LoopParams()
    deadline = monotonic() + params.time_limit
    found = _with_design(ShortList(own, count, start or SearchState()), own, master, subproblem)
    for _ in range(params.max_iterations):
        try:
            proposal = master.solve(deadline - monotonic())
        except InfeasibleError:
            yield replace(found, bound=np.inf, termination=ListEnd.EXHAUSTED)
            return
        found = replace(found, bound=max(found.bound, proposal.bound))
        end = _end_after_master(found, proposal, params)
        if end is not None or proposal.design is None:
            yield replace(found, termination=end)
            return
        found = _with_design(found, proposal.design, master, subproblem)
        if monotonic() >= deadline or proposal.status is not SolveStatus.OPTIMAL:
            yield replace(found, termination=ListEnd.TIME_LIMIT)
            return
        yield found
    yield replace(found, termination=ListEnd.ITERATION_LIMIT)


def _with_design(found: ShortList, design: Design, master: Master, subproblem: SolvesComponents) -> ShortList:
    """Simulate what is new of a design, price it, and forbid the design."""
    new = [component for component in design.components if component not in found.search.plans]
    plans = list(subproblem.solve_all(new))
    for plan in plans:
        tell_price(master, plan)
    master.forbid(design)
    return replace(found, search=found.search.with_plans(plans).with_candidate(design))


def _end_after_master(found: ShortList, proposal: MasterSolution, params: LoopParams) -> ListEnd | None:
    """Whether the bound has reached the last alternative, or the master came to no design worth simulating."""
    if proposal.status is SolveStatus.INTERRUPTED:
        return ListEnd.INTERRUPTED
    if proposal.status in (SolveStatus.FAILED, SolveStatus.UNBOUNDED):
        return ListEnd.SOLVER_FAILED
    if found.bound >= (1.0 - params.tolerance) * found.last_cost:
        return ListEnd.BOUND_MET
    if proposal.design is None:
        return ListEnd.TIME_LIMIT if proposal.status is SolveStatus.TIME_LIMIT else ListEnd.SOLVER_FAILED
    return None
