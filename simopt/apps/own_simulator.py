"""What differs for a run with another simulator, one's own or the planning one: ledgers, effort, what is refused."""

from __future__ import annotations

import numpy as np

from design.case import Case
from design.streams import BLOCK
from simopt.apps.options import OptionError, SolveOptions
from simopt.apps.planning_simulator import PlanningModel, PlanningSimulator
from simopt.optimization.pathwise import PathwiseParams
from simopt.optimization.subproblem import PricingParams
from simopt.simulation.evaluate import EvaluationParams
from simopt.simulation.ledger import Ledger
from simopt.simulation.simulator import TreeSimulator
from simopt.simulation.user_simulator import ComponentSimulator
from surrogates.search_types import SearchParams

NOT_CERTIFIED = "not certified: costs come from another simulator, the lower bound from the built-in model"
SEARCH_LIMIT = 1_000  # replications for the levels of one component, where no budget is given
PRICING = 100
TARGET_REPLICATIONS = 16384
AFTER_INTERRUPT = EvaluationParams(replications=256, max_replications=256)
FRESH = EvaluationParams(replications=256, relative_half_width=0.005, max_replications=1024)


def make_ledger(case: Case, options: SolveOptions, *, seed: int | None = None, budget: float = np.inf) -> Ledger:
    """A ledger on the options' simulator.

    Parameters
    ----------
    case, options
        What is solved, and with which simulator, seed and jobs.
    seed
        In the place of the options'.
    budget
        Replications that the search may use.
    """
    seed = options.seed if seed is None else seed
    if options.simulator is None:
        return Ledger(case, TreeSimulator(case), seed, options.workers, budget, options.recorder)
    if isinstance(options.simulator, PlanningModel):  # all replications at once, not one by one
        return Ledger(case, PlanningSimulator(case), seed, budget=budget, recorder=options.recorder)
    simulator = ComponentSimulator(case, options.simulator, options.workers)
    return Ledger(case, simulator, seed, budget=budget, recorder=options.recorder)


def pathwise_params(options: SolveOptions) -> PathwiseParams:
    """Sample paths of the pathwise search that fit the budget."""
    return PathwiseParams(int(np.clip(options.budget / 40, 10, PathwiseParams.replications)))


def kriging_limit(options: SolveOptions) -> int:
    """Replications for one component by the search on surrogates."""
    most = SearchParams.budget if options.simulator is None else SEARCH_LIMIT
    return int(np.clip(options.budget / 6, 200, most if options.budget == np.inf else SearchParams.budget))


def pricing_params(options: SolveOptions) -> PricingParams:
    """Replications that price a component."""
    most = PricingParams.replications if options.simulator is None else PRICING
    return PricingParams(int(np.clip(options.budget / 15, 10, most)))


def evaluation_params(case: Case, options: SolveOptions) -> EvaluationParams | None:
    """How long the result is simulated on fresh replications; None: as long as `evaluate` does by itself."""
    if options.fresh_replications is not None:
        return EvaluationParams(options.fresh_replications, max_replications=options.fresh_replications)
    if case.service_targets:
        return EvaluationParams(TARGET_REPLICATIONS)
    return None if options.simulator is None else FRESH


def brief_params(options: SolveOptions) -> EvaluationParams:
    """How long it is simulated after an interrupt."""
    most = AFTER_INTERRUPT.replications if options.simulator is None else BLOCK
    count = min(most, options.fresh_replications or most)
    return EvaluationParams(count, max_replications=count)


def refuse_own_simulator(case: Case, options: SolveOptions) -> None:
    """Refuse what only the built-in simulator knows."""
    if options.simulator is None:
        return
    refused = {
        "service_target": bool(case.service_targets),
        "storage that products share": bool(case.network.all_storages),
        "emissions": case.has_emissions,
        "assembly": case.network.has_assembly,
    }
    for what, is_refused in refused.items():
        if is_refused:
            raise OptionError(f"{what} in a case with a simulator of one's own: expected a case without")
