"""`simopt robust`: designs that are protected against a budget of demand, one a budget, and what that costs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf
from time import monotonic

from design.case import Case
from design.errors import NoSolutionError
from design.network import Design
from design.robust.demand_budget import DemandBudget, ProtectedCosts, broken_capacities, protection
from simopt.apps.methods import ExactParts, Search, refuse_unknown
from simopt.apps.options import OptionError, SolveOptions, refuse_assembly_for, refuse_held_cap
from simopt.apps.solve import run_search, versions
from simopt.optimization.outer_approximation import LoopParams, outer_approximation
from simopt.optimization.search_state import SearchState
from simopt.robust_outcome import ProtectedDesign, RobustDesigns
from simopt.simulation.estimate import Estimate
from simopt.simulation.evaluate import evaluate_together
from simopt.simulation.ledger import Ledger
from simopt.simulation.simulator import TreeSimulator
from simopt.simulation.workers import Workers


@dataclass(frozen=True)
class RobustOptions:
    """What `robust` may be told.

    Parameters
    ----------
    deviation
        Share by which any customer's mean demand may be higher, at least 0.
    budgets
        Γ, rising: of how many customers; with the first the others are compared.
    seed, jobs
        Of all random numbers; threads.
    time_limit
        Seconds of every search.
    """

    deviation: float = 0.2
    budgets: tuple[float, ...] = (0.0, 1.0, 2.0, 5.0)
    seed: int = 0
    jobs: int = 1
    time_limit: float = inf

    def __post_init__(self) -> None:
        SolveOptions(seed=self.seed, jobs=self.jobs, time_limit=self.time_limit)  # refuses what is out of range
        for budget in self.budgets:
            DemandBudget(self.deviation, budget)
        if not self.budgets or list(self.budgets) != sorted(set(self.budgets)):
            raise OptionError(f"budgets {','.join(f'{one:g}' for one in self.budgets)}: expected numbers that rise")


def robust_designs(case: Case, options: RobustOptions | None = None) -> RobustDesigns:
    """Search a design for every budget, then simulate all of them on the same fresh replications.

    The search is the outer-approximation loop with the protection in the master's objective and in the cost of every
    simulated design; components and designs simulated for one budget are known to the next.

    Raises
    ------
    BadInputError
        If nodes assemble inputs, or the case has a cap on emissions.
    NoSolutionError
        If no design keeps the capacities within a budget, or a time limit came before the first design.
    """
    options, started = options or RobustOptions(), monotonic()
    told = SolveOptions(seed=options.seed, jobs=options.jobs)
    refuse_unknown(case, told)
    refuse_assembly_for(case.network, "a budget of demand")
    refuse_held_cap(case, "a budget of demand")
    ledger = Ledger(case, TreeSimulator(case), options.seed, Workers(options.jobs))
    parts = ExactParts(case, told, ledger)
    known, found = SearchState(), list[tuple[DemandBudget, Design, float | None]]()
    for gamma in options.budgets:
        budget = DemandBudget(options.deviation, gamma)
        known = _known_to(case, budget, known)
        states = outer_approximation(
            parts.master(budget=budget), parts.subproblem, LoopParams(time_limit=options.time_limit), known
        )
        known, _ = run_search(Search(states, has_bound=True, scenarios=0), ledger, time_limit=options.time_limit)
        if known.incumbent is None:
            raise NoSolutionError(f"robust: no design within {options.time_limit:g} s: expected more time")
        found.append((budget, known.incumbent.design, known.gap))
    return RobustDesigns(
        case.name,
        options.seed,
        options.deviation,
        _compared(case, parts, known, found),
        monotonic() - started,
        versions(),
    )


def _known_to(case: Case, budget: DemandBudget, before: SearchState) -> SearchState:
    """What the search for a budget knows from the one before: components, and designs that keep its capacities."""
    known = replace(SearchState(shared_costs=ProtectedCosts(case, budget)), plans=before.plans)
    for design in before.designs:
        if not broken_capacities(case, design, budget):
            known = known.with_candidate(design)
    return known


def _compared(
    case: Case, parts: ExactParts, known: SearchState, found: list[tuple[DemandBudget, Design, float | None]]
) -> tuple[ProtectedDesign, ...]:
    designs = list(dict.fromkeys(design for _, design, _ in found))
    levels = {design: parts.polisher.levels(known, design) for design in designs}
    tried = evaluate_together(case, parts.ledger, [(design, levels[design]) for design in designs])
    costs = {one.design: one.costs for one in tried}
    plain = found[0][1]
    return tuple(
        ProtectedDesign(
            budget.budget,
            design.lanes,
            levels[design],
            Estimate.of(costs[design]),
            Estimate.of(costs[design] - costs[plain]),
            protection(case, design, budget),
            protection(case, plain, budget),
            tuple(broken_capacities(case, plain, budget)),
            gap,
        )
        for budget, design, gap in found
    )
