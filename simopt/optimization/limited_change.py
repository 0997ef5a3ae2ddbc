"""The best change of a given design by at most k moved lanes: outer approximation with one more row in the master.

A changed design may use at most k lanes that the given one does not use. Everything simulated before is priced from
the start, and the cheapest design simulated so far that keeps to the limit is the first incumbent.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from design.master_types import Master
from design.network import Design
from simopt.optimization.outer_approximation import LoopParams, SolvesComponents, outer_approximation
from simopt.optimization.search_state import SearchState


class LimitsMoves(Master, Protocol):
    """A master that can be kept near a design."""

    def limit_moves(self, design: Design, moves: int) -> None:
        """Allow later designs at most so many lanes that this one does not use."""


def best_limited_change(
    master: LimitsMoves,
    subproblem: SolvesComponents,
    known: SearchState,
    given: Design,
    moves: int,
    params: LoopParams | None = None,
) -> Iterator[SearchState]:
    """Run the loop over the designs within a number of moves; yields its states, see `outer_approximation`.

    Parameters
    ----------
    master
        A new one, without prices.
    subproblem
        Finds levels and cost of one component of a design.
    known
        Components and designs simulated so far.
    given
        The design to change.
    moves
        How many lanes beside its own a changed design may use.
    params
        When to end.
    """
    master.limit_moves(given, moves)
    start = SearchState(shared_costs=known.shared_costs).with_plans(list(known.plans.values()))
    for design in known.designs:
        if moved_lanes(given, design) <= moves:
            start = start.with_candidate(design)
    return outer_approximation(master, subproblem, params, start)


def moved_lanes(given: Design, changed: Design) -> int:
    """Lanes that the changed design uses and the given one does not."""
    return len(set(changed.lanes) - set(given.lanes))
