"""The paper's own loop (Ye & You 2015, Figure 2 left), kept for comparison.

One MILP_M per iteration, whose holding costs are linearized at the levels just simulated; no integer cuts, so a design
may return; it stops when the gap stops improving. Nothing tells the master what simulation costs beyond the
single-stage model, so the loop ends at the design that is best in that model and proves nothing about the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from time import monotonic

import numpy as np

from design.extensive import ExtensiveMaster
from design.network import Design
from simopt.optimization.outer_approximation import SolvesComponents
from simopt.optimization.search_state import SearchState, Termination


@dataclass(frozen=True)
class PaperParams:
    """When the loop ends; the paper's values.

    Parameters
    ----------
    max_iterations
        Iterations at most (the paper ended at its 20th).
    tolerance
        The loop stops when an iteration improves the gap by no more than this.
    time_limit
        Seconds.
    clock
        Tells them.
    """

    max_iterations: int = 20
    tolerance: float = 0.001
    time_limit: float = np.inf
    clock: Callable[[], float] = monotonic


def paper_loop(
    master: ExtensiveMaster,
    subproblem: SolvesComponents,
    first: Design,
    params: PaperParams | None = None,
    start: SearchState | None = None,
) -> Iterator[SearchState]:
    """Run the loop; yields the state after every iteration, the last one with its termination.

    Parameters
    ----------
    master
        The extensive form with scenarios of its own.
    subproblem
        Finds levels and cost of one component.
    first
        The design to start from.
    params
        When to end.
    start
        What to begin with; by default nothing is known, and designs share no costs.
    """
    params = params or PaperParams()
    deadline = params.clock() + params.time_limit
    state, design = start or SearchState(), first
    for _ in range(params.max_iterations):
        # Solve Sim_Opt at y_{k-1}: x_k, UB = min(UB, f(x_k, y_{k-1}))
        new = [component for component in design.components if component not in state.plans]
        found = list(subproblem.solve_all(new))
        before, state = state.gap, state.with_plans(found).with_candidate(design)
        # Add cuts at (x_k, y_{k-1}) and solve MILP_M: y_k, LB = max(LB, cost)
        master.add_tangents_at(design, state.levels_of(design))
        proposal = master.solve_once(deadline - params.clock())
        state = state.bounded(proposal)
        if proposal.design is None or params.clock() >= deadline:
            yield replace(state, termination=Termination.TIME_LIMIT)
            return
        # Stop when the gap no longer improves by more than the tolerance
        if before is not None and state.gap is not None and before - state.gap <= params.tolerance:
            yield replace(state, termination=Termination.GAP_STALLED)
            return
        design = proposal.design
        yield state
    yield replace(state, termination=Termination.ITERATION_LIMIT)
