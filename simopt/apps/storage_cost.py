"""What limited storage that products share costs at a design: against unlimited storage, levels optimized for it."""

from __future__ import annotations

import numpy as np

from design.single_stage import QuadratureSingleStage
from design.single_stage_plan import single_stage_plan
from simopt.optimization.pathwise import PathwiseParams, PathwiseSearch
from simopt.simulation.estimate import Estimate
from simopt.simulation.evaluate import Evaluation, EvaluationParams, evaluate
from simopt.simulation.ledger import Ledger

PATHS = 1024


def cost_of_storage(evaluation: Evaluation, own: Ledger, fresh: Ledger) -> Estimate:
    """Cost of an evaluated design above that with unlimited storage, on the same fresh replications.

    Parameters
    ----------
    evaluation
        Of a design of a case with storage that products share.
    own
        On whose search paths levels for unlimited storage are optimized.
    fresh
        The ledger of the evaluation.
    """
    free, design, levels = evaluation.case.with_free_storage, evaluation.design, dict(evaluation.levels)
    if not _overflows(evaluation):
        return Estimate.of(np.zeros(len(evaluation.costs)))
    search = PathwiseSearch(own.for_case(free), PathwiseParams(PATHS))
    single_stage = QuadratureSingleStage(free.demand)
    for component in design.components:
        found = search.best_levels(component, single_stage_plan(free, single_stage, component))
        levels |= dict(zip(component.nodes, map(float, found), strict=True))
    count = len(evaluation.costs)
    params = EvaluationParams(replications=count, max_replications=count)
    return Estimate.of(evaluation.costs - evaluate(free, fresh.for_case(free), design, levels, params).costs)


def _overflows(evaluation: Evaluation) -> bool:
    return evaluation.storage is not None and bool(np.any(evaluation.storage.costs > 0.0))
