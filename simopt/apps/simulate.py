"""`simopt simulate`: what a given solution costs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from design.case import Case
from design.records import as_records
from design.streams import BLOCK
from simopt.apps.options import SolveOptions
from simopt.apps.solve import versions
from simopt.differences import design_as_dict
from simopt.result import Performance, performance_as_dict, performance_of
from simopt.result_file import ResultError, read_decision
from simopt.simulation.describe import NodeMeasures, Trace, describe_design, trace_design
from simopt.simulation.evaluate import EvaluationParams, evaluate
from simopt.simulation.ledger import Ledger
from simopt.simulation.simulator import TreeSimulator
from simopt.simulation.workers import Workers

DESCRIBED = 1024  # replications that measures of the nodes rest on at most


@dataclass(frozen=True, eq=False)
class Simulated:
    """A solution simulated.

    Parameters
    ----------
    content
        Of a `result.json`.
    performance, measures
        What it says: costs and service; stock, orders and goods in transit of every node.
    trace
        One replication, or None.
    """

    content: dict[str, Any]
    performance: Performance
    measures: tuple[NodeMeasures, ...]
    trace: Trace | None


def simulate_solution(
    case: Case, solution: Path, replications: int | None, seed: int, jobs: int, trace: int | None = None
) -> Simulated:
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
    trace
        Number of the replication, from 1, of which every period is wanted; None: of none.
    """
    SolveOptions(seed=seed, jobs=jobs)  # refuses what is out of range
    design, levels = read_decision(solution, case.network)
    if replications is not None and replications < 1:
        raise ResultError(f"replications {replications}: expected at least 1")
    params = EvaluationParams()
    if replications is not None:
        params = EvaluationParams(replications, max_replications=replications)
    ledger = Ledger(case, TreeSimulator(case), seed, Workers(jobs))
    if trace is not None and trace < 1:
        raise ResultError(f"trace {trace}: expected the number of a replication, from 1")
    performance = performance_of(evaluate(case, ledger, design, levels, params))
    count = min(performance.cost.replications, DESCRIBED)
    blocks = (ledger.fresh_paths(k)[: count - k * BLOCK] for k in range(-(-count // BLOCK)))
    measures = describe_design(case, design, levels, blocks)
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
        "measures": [row.as_dict() for row in measures],
        "versions": versions(),
    }
    traced = None
    if trace is not None:
        block, row = divmod(trace - 1, BLOCK)
        series = trace_design(case, design, levels, ledger.fresh_paths(block)[[row]])[0]
        traced = Trace(trace, case.warm_up, design.nodes, series)
    return Simulated(as_records(content, case.network), performance, measures, traced)
