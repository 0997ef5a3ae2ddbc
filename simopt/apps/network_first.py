"""What is saved against planning one after the other: first the cheapest network, then its stock."""

from __future__ import annotations

import numpy as np

from design.case import Case
from design.transport import cheapest_transport_design
from simopt.apps.methods import ExactParts
from simopt.apps.options import SolveOptions
from simopt.optimization.search_state import SearchState
from simopt.simulation.estimate import Estimate
from simopt.simulation.evaluate import Evaluation, EvaluationParams, evaluate
from simopt.simulation.ledger import Ledger

THE_SAME = ("sequential", "cobyqa")  # methods that plan one after the other themselves


def has_network_first(case: Case, options: SolveOptions) -> bool:
    """Whether the comparison says something: levels of the other network must be found for the same rules."""
    if options.simulator is not None or options.method in THE_SAME:
        return False
    return not (case.network.has_assembly or case.has_held_cap or case.network.all_storages)


def saving_against_network_first(
    case: Case, options: SolveOptions, state: SearchState, evaluation: Evaluation, ledgers: tuple[Ledger, Ledger]
) -> Estimate:
    """Cost of the network of least transport and fixed costs, its levels optimized as carefully, less this one.

    Parameters
    ----------
    case, options
        What was solved.
    state
        What the search knew in the end: components that both networks have are not searched again.
    evaluation
        Of the design found.
    ledgers
        On whose search paths levels are found, and on whose fresh replications both are compared.
    """
    own, fresh = ledgers
    design = cheapest_transport_design(case)
    if design == evaluation.design:
        return Estimate.of(np.zeros(len(evaluation.costs)))
    parts = ExactParts(case, options, own)
    new = list(parts.subproblem.solve_all([c for c in design.components if c not in state.plans]))
    levels = parts.polisher.levels(state.with_plans(new), design)
    count = len(evaluation.costs)
    params = EvaluationParams(replications=count, max_replications=count)
    return Estimate.of(evaluate(case, fresh, design, levels, params).costs - evaluation.costs)
