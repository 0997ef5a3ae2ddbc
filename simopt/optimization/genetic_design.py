"""The genetic algorithm on the whole problem (the paper's rival): all candidate nodes' levels and suppliers at once.

On thirteen-node these are the paper's 13 base-stock levels and 8 choices of a supplier. A node that serves nobody is
left out of the design, so its level and its supplier cost nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from design.case import Case
from design.demand import Floats
from design.network import Design
from design.node import LanePair
from simopt.optimization.genetic import ask, start, tell
from simopt.optimization.genetic_types import GeneticParams, Population, SearchSpace, StopReason
from simopt.optimization.search_state import Incumbent, SearchState, Termination
from simopt.simulation.estimate import Estimate
from simopt.simulation.ledger import Ledger

LEVEL_DEVIATIONS = 4.0
PENALTY = 10.0


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

    A design that breaks rules of the case pays ten times its cost for each of them and never becomes the incumbent.

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
    suppliers = {n: case.network.incoming[n] for n in case.network.order if case.network.incoming[n]}
    space = SearchSpace(
        np.zeros(len(case.network.nodes)),
        highest_levels(case),
        np.array([len(lanes) for lanes in suppliers.values()]),
    )
    pairs = [[lane.pair for lane in lanes] for lanes in suppliers.values()]
    genetic = start(space, params.genetic, seed)
    state = SearchState(shared_costs=case.shared_costs)
    while not genetic.finished:
        population = ask(genetic)
        found = [_simulate(case, ledger, params.replications, *one) for one in _decoded(case, population, pairs)]
        broken = [len(case.site_rules.violations(incumbent.design)) for incumbent in found]
        costs = [(1.0 + PENALTY * k) * one.cost + PENALTY * k for k, one in zip(broken, found, strict=True)]
        genetic = tell(genetic, population, np.array(costs))
        best = found[int(np.argmin(costs))]
        allowed = broken[int(np.argmin(costs))] == 0
        if allowed and (state.incumbent is None or best.cost < state.incumbent.cost):
            state = replace(state, incumbent=best)
        yield replace(state, candidate=best.design, termination=_ENDS.get(genetic.reason))


def highest_levels(case: Case) -> Floats:
    """Upper end of each candidate node's level: four deviations above its mean lead-time demand if it served all.

    Shape (node,), units, nodes as in the network.
    """
    levels = []
    for node in case.network.nodes:
        customers = case.network.reachable_customers[node.name]
        lead_time = max([node.lead_time or 0, *(lane.lead_time for lane in case.network.incoming[node.name])])
        mean = sum(case.mean_demand[c] for c in customers)
        variance = sum(case.variance_rates[c] for c in customers)
        levels.append(lead_time * mean + LEVEL_DEVIATIONS * np.sqrt(lead_time * variance) + 1e-9)
    return np.array(levels)


def _decoded(
    case: Case, population: Population, pairs: list[list[LanePair]]
) -> Iterator[tuple[Design, dict[str, float]]]:
    names = [node.name for node in case.network.nodes]
    for reals, choices in zip(population.reals, population.choices, strict=True):
        supplier = {pair[1]: pair for pair in (lanes[k] for lanes, k in zip(pairs, choices, strict=True))}
        used = set()
        for customer in case.network.customers:
            name = customer
            while name in supplier and supplier[name] not in used:
                used.add(supplier[name])
                name = supplier[name][0]
        design = case.network.design(used)
        levels = dict(zip(names, reals, strict=True))
        yield design, {name: float(levels[name]) for name in design.nodes}


def _simulate(case: Case, ledger: Ledger, replications: int, design: Design, levels: dict[str, float]) -> Incumbent:
    costs = ledger.search_design(design, levels, replications).costs
    estimate = Estimate.of(costs + case.design_fixed_cost(design))
    return Incumbent(design, levels, estimate.mean, estimate.half_width)


_ENDS = {
    StopReason.STALL_LIMIT: Termination.SEARCH_STALLED,
    StopReason.GENERATION_LIMIT: Termination.ITERATION_LIMIT,
}
