"""How many search paths a decision serve each rival on the whole problem best.

pytest -m benchmark -s tests/benchmarks/test_rival_designs.py
"""

from __future__ import annotations

import numpy as np
import pytest

from design.generate import GenerateParams, generate_case
from simopt.apps.options import SolveOptions
from simopt.apps.rivals import paths_per_decision
from simopt.apps.solve import run_search, solve
from simopt.optimization.rival_designs import rival_search
from simopt.simulation.evaluate import EvaluationParams, evaluate
from simopt.simulation.ledger import Ledger
from simopt.simulation.simulator import TreeSimulator

NETWORKS = range(100, 104)
JUDGED = EvaluationParams(4096, max_replications=4096)
TRIALS = 1_500  # of Optuna's sampler, whose time grows with their square


def share_above_best(method: str, seed: int, budget: int, paths: int, best: float) -> float:
    case = generate_case(GenerateParams(5, 3, 5, seed=seed))
    ledger = Ledger(case, TreeSimulator(case), seed, budget=budget)
    state, _ = run_search_of(method, case, ledger, paths, seed)
    judge = Ledger(case, TreeSimulator(case), 999)
    found = state.incumbent
    return evaluate(case, judge, found.design, found.levels, JUDGED).estimate.mean / best - 1.0


def run_search_of(method, case, ledger, paths, seed):
    from simopt.apps.methods import Search

    return run_search(Search(rival_search(method, case, ledger, paths, seed), False, 0), ledger)


@pytest.mark.benchmark
@pytest.mark.parametrize("budget", [2_000, 20_000])
@pytest.mark.parametrize("method", ["cma", "pymoo", "optuna"])
def test_paths_of_a_decision(method: str, budget: int) -> None:
    best = {}
    for seed in NETWORKS:
        case = generate_case(GenerateParams(5, 3, 5, seed=seed))
        best[seed] = solve(case, SolveOptions(certify=False)).performance.cost.mean
    medians = {}
    for paths in (1, 2, 4, 8, 16, 32):
        if method == "optuna" and budget // paths > TRIALS:
            continue
        shares = [share_above_best(method, seed, budget, paths, best[seed]) for seed in NETWORKS]
        medians[paths] = float(np.median(shares))
    shown = ", ".join(f"{paths}: {share:.0%}" for paths, share in medians.items())
    print(f"\n{method}, {budget:,} replications, median above the best by paths a decision: {shown}")
    least = min(medians.values())
    assert medians[paths_per_decision(method, budget)] <= least + 0.1
