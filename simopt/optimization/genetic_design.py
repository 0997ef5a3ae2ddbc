"""The genetic algorithm on the whole problem (the paper's rival): all candidate nodes' levels and suppliers at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from design.case import Case
from simopt.optimization.design_space import DesignSpace
from simopt.optimization.genetic import ask, start, tell
from simopt.optimization.genetic_types import GeneticParams, SearchSpace, StopReason
from simopt.optimization.search_state import SearchState, Termination
from simopt.simulation.ledger import Ledger


@dataclass(frozen=True)
class GeneticDesignParams:
    """Effort of the baseline.

    Parameters
    ----------
    genetic
        The algorithm's own parameters.
    replications
        Search paths per individual, common to all.
    """

    genetic: GeneticParams = field(default_factory=GeneticParams)
    replications: int = 5

    @classmethod
    def for_budget(cls, budget: float) -> GeneticDesignParams:
        """Paths per individual grow with the root of the budget: 1 up to 9,000 replications, 2 at 20,000, 5 at 100,000.

        Of 1, 2, 5, 10 and 20 these served the algorithm best (README of this package). Five if there is no budget.
        """
        if not np.isfinite(budget):
            return cls()
        return cls(replications=max(round(np.sqrt(budget) / 64.0), 1))


def genetic_search(case: Case, ledger: Ledger, params: GeneticDesignParams, seed: int) -> Iterator[SearchState]:
    """Run the genetic algorithm; yields the state after every generation.

    A design that breaks rules of the case pays a penalty (`DesignSpace.judge`) and never becomes the incumbent.

    Parameters
    ----------
    case
        The problem.
    ledger
        Runs and counts the simulations.
    params
        Effort.
    seed
        Of the algorithm's own random numbers.
    """
    space = DesignSpace(case, ledger, params.replications)
    bounds = SearchSpace(np.zeros(len(space.highest_levels)), space.highest_levels, space.num_suppliers)
    genetic = start(bounds, params.genetic, seed)
    state = SearchState(shared_costs=case.shared_costs)
    while not genetic.finished:
        population = ask(genetic)
        judged = space.judge(zip(population.reals, population.choices, strict=True))
        genetic = tell(genetic, population, np.array([cost for cost, _, _ in judged]))
        _, best, design = min(judged, key=lambda one: one[0])
        if best is not None and (state.incumbent is None or best.cost < state.incumbent.cost):
            state = replace(state, incumbent=best)
        yield replace(state, candidate=design, termination=_ENDS.get(genetic.reason))


_ENDS = {
    StopReason.STALL_LIMIT: Termination.SEARCH_STALLED,
    StopReason.GENERATION_LIMIT: Termination.ITERATION_LIMIT,
}
