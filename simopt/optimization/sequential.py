"""The baseline of practice: network first, then stock.

The lanes are chosen for the least transport and fixed cost at mean demand, with no thought of inventory; then the
base-stock levels of this one design are optimized by simulation.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from design.network import Design
from simopt.optimization.outer_approximation import SolvesComponents
from simopt.optimization.search_state import SearchState, Termination


def network_then_stock(
    design: Design, subproblem: SolvesComponents, start: SearchState | None = None
) -> Iterator[SearchState]:
    """Optimize the levels of one design; yields the one state.

    Parameters
    ----------
    design
        The network chosen beforehand (`design.transport`).
    subproblem
        Finds levels and cost of one component.
    start
        What to begin with; by default nothing is known, and designs share no costs.
    """
    plans = list(subproblem.solve_all(design.components))
    state = (start or SearchState()).with_plans(plans).with_candidate(design)
    yield replace(state, termination=Termination.COMPLETED)
