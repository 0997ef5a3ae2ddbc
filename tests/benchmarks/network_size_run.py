"""One network of a given size, planned once in a process of its own; prints what it took as a line of JSON.

    python -m tests.benchmarks.network_size_run PLANTS WAREHOUSES DCS NEAREST CAPACITY SEED SECONDS

NEAREST and CAPACITY 0: all lanes, no capacities. The master may take SECONDS.
"""

from __future__ import annotations

import json
import resource
import sys
import time

from design.generate import GenerateParams, generate_case
from design.master import ProjectedMaster
from simopt.apps.methods import ExactParts, priced_master
from simopt.apps.options import SolveOptions
from simopt.apps.own_simulator import evaluation_params, make_ledger
from simopt.simulation.compile_ahead import compile_ahead
from simopt.simulation.estimate import relative_gap
from simopt.simulation.evaluate import evaluate

TOLERANCE = 0.01


def run(plants: int, warehouses: int, dcs: int, nearest: int, capacity: float, seed: int, seconds: float) -> dict:
    case = generate_case(
        GenerateParams(plants, warehouses, dcs, seed, nearest=nearest or None, capacity=capacity or None)
    )
    compile_ahead()
    options = SolveOptions(tolerance=TOLERANCE, certify=False)
    started = time.perf_counter()
    master, _ = priced_master(case, options)
    assert isinstance(master, ProjectedMaster)
    found = master.solve(seconds)
    solved = time.perf_counter()
    assert found.design is not None
    ledger = make_ledger(case, options)
    plans = list(ExactParts(case, options, ledger).subproblem.solve_all(found.design.components))
    searched = time.perf_counter()
    replications = ledger.replications
    levels = {name: float(s) for plan in plans for name, s in zip(plan.component.nodes, plan.levels, strict=True)}
    cost = evaluate(case, ledger, found.design, levels, evaluation_params(case, options)).estimate
    rows, columns, cuts = master.size
    return {
        "nodes": len(case.network.nodes),
        "lanes": len(case.network.lanes),
        "used": len(found.design.nodes),
        "rows": rows,
        "columns": columns,
        "cuts": cuts,
        "master_seconds": solved - started,
        "level_seconds": searched - solved,
        "replications": replications,
        "final_seconds": time.perf_counter() - searched,
        "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "master_gap": relative_gap(found.objective, found.bound),
        "gap": relative_gap(cost.mean, found.bound),
        "gap_half_width": cost.half_width * found.bound / cost.mean**2,
        "status": found.status.name,
    }


if __name__ == "__main__":
    *sizes, capacity, seed, seconds = sys.argv[1:]
    print(json.dumps(run(*map(int, sizes), float(capacity), int(seed), float(seconds))))
