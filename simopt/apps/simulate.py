"""`simopt simulate`: what a given solution costs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from design.case import Case
from design.records import as_records
from simopt.apps.options import SolveOptions
from simopt.apps.solve import versions
from simopt.differences import design_as_dict
from simopt.result import Performance, performance_as_dict, performance_of
from simopt.result_file import ResultError, read_decision
from simopt.simulation.evaluate import EvaluationParams, evaluate
from simopt.simulation.ledger import Ledger
from simopt.simulation.simulator import TreeSimulator


def simulate_solution(
    case: Case, solution: Path, replications: int | None, seed: int, jobs: int
) -> tuple[dict[str, Any], Performance]:
    """Simulate the design and levels of a `result.json`.

    Parameters
    ----------
    case
        The problem.
    solution
        Path of the file.
    replications
        How many; None: until the half-width is 0.1% of the cost.
    seed, jobs
        Of the random numbers; threads.

    Returns
    -------
    tuple
        The content of a `result.json` and the performance it carries.
    """
    SolveOptions(seed=seed, jobs=jobs)  # refuses what is out of range
    design, levels = read_decision(solution, case.network)
    if replications is not None and replications < 1:
        raise ResultError(f"replications {replications}: expected at least 1")
    params = EvaluationParams()
    if replications is not None:
        params = EvaluationParams(replications, max_replications=replications)
    ledger = Ledger(case, TreeSimulator(case), seed, jobs)
    performance = performance_of(evaluate(case, ledger, design, levels, params))
    broken = [f"the solution breaks a rule: {line}" for line in case.site_rules.violations(design)]
    if performance.emissions is not None:
        broken += performance.emissions.cap_warning
    content = {
        "case": case.name,
        "seed": seed,
        "warnings": [*case.warnings, *broken],
        "cost": {
            "mean": performance.cost.mean,
            "half_width": performance.cost.half_width,
            "replications": performance.cost.replications,
        },
        **design_as_dict(design.lanes, levels),
        **performance_as_dict(performance),
        "versions": versions(),
    }
    return as_records(content, case.network), performance
