"""The loop through a slow simulator of one's own: thirteen-node by the SimPy example.

Run: pytest -m benchmark -s tests/benchmarks/test_own_simulator.py
"""

from __future__ import annotations

from time import perf_counter

import pytest

from cases.simpy_tree import SimpyTree
from design.case_files import load_case
from simopt.api import solve_case as solve
from simopt.simulation.evaluate import EvaluationParams, evaluate
from simopt.simulation.ledger import Ledger
from simopt.simulation.simulator import TreeSimulator

CERTIFIED_BEST = 777.19
SHARE = 0.01
JUDGED = EvaluationParams(32768)


@pytest.mark.benchmark
@pytest.mark.parametrize("budget", [None, 1500, 800])
def test_thirteen_node_through_simpy_comes_within_one_percent(budget):
    case = load_case("thirteen-node")
    judge, gaps, used, seconds = Ledger(case, TreeSimulator(case), 999), [], [], []
    for seed in range(5):
        started = perf_counter()
        limits = {} if budget is None else {"budget": budget}
        found = solve(case, simulator=SimpyTree(), seed=seed, fresh_replications=128, jobs=2, **limits)
        seconds.append(perf_counter() - started)
        levels = {row.node: row.level for row in found.performance.nodes}
        cost = evaluate(case, judge, case.network.design(found.lanes), levels, JUDGED).estimate
        gaps.append(cost.mean / CERTIFIED_BEST - 1.0)
        used.append(found.replications_used)
    shown = ", ".join(f"{100 * gap:.2f}%" for gap in gaps)
    took = f"{min(seconds):.0f}-{max(seconds):.0f}"
    print(f"\nbudget {budget}: above the certified best {shown}; replications {used}; seconds {took}")
    assert max(gaps) <= SHARE
