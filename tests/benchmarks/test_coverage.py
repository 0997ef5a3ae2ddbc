"""Do the intervals hold what they promise? 200 seeds each, a few minutes.

pytest -m benchmark -s tests/benchmarks/test_coverage.py
"""

from dataclasses import replace

import numpy as np
import pytest

from design.case_files import load_case
from design.master import ProjectedMaster
from design.single_stage import QuadratureSingleStage
from simopt.apps.methods import SolveOptions, start_search
from simopt.apps.solve import lower_bound
from simopt.optimization.search_state import SearchState
from simopt.simulation.evaluate import evaluate
from simopt.simulation.ledger import Ledger
from simopt.simulation.simulator import TreeSimulator

SEEDS = range(200)
CASE = "two-two-three"
LONG_BLOCKS = 16_384  # a million replications of 64 a block, in parts that fit into memory
PART = 256


@pytest.mark.benchmark
def test_the_interval_of_a_cost_covers_the_cost_over_a_million_replications() -> None:
    case = load_case(CASE)
    ledger = Ledger(case, TreeSimulator(case), seed=0)
    *_, state = start_search(case, SolveOptions(), ledger).states
    assert state.incumbent is not None
    design, levels = state.incumbent.design, state.incumbent.levels
    judge = Ledger(case, TreeSimulator(case), seed=987_654)
    parts = [judge.fresh(design, levels, first, PART).costs.mean() for first in range(0, LONG_BLOCKS, PART)]
    true_cost = float(np.mean(parts))
    covered = []
    for seed in SEEDS:
        estimate = evaluate(case, Ledger(case, TreeSimulator(case), seed + 1), design, levels).estimate
        covered.append(abs(estimate.mean - true_cost) <= estimate.half_width)
    share = float(np.mean(covered))
    half_width = 1.96 * np.std(parts) / len(parts) ** 0.5
    print(f"\ncost {true_cost:.3f} ± {half_width:.3f}, covered in {share:.1%} of {len(SEEDS)}")
    assert 0.92 <= share <= 0.98


@pytest.mark.benchmark
@pytest.mark.parametrize(
    "options", [SolveOptions(scenarios=256), SolveOptions(master="extensive")], ids=["sobol", "paths"]
)
def test_the_interval_of_a_statistical_bound_covers_the_exact_one(options: SolveOptions) -> None:
    case = load_case(CASE)
    exact = ProjectedMaster(case, QuadratureSingleStage(case.demand)).solve().bound
    state = SearchState(unpriced_bound=exact)
    bounds = [lower_bound(case, replace(options, seed=seed), state)[0] for seed in SEEDS]
    found = [bound for bound in bounds if bound is not None]
    covered = float(np.mean([abs(bound.value - exact) <= bound.half_width for bound in found]))
    valid = float(np.mean([bound.value - bound.half_width <= exact for bound in found]))
    print(
        f"\nexact {exact:.2f}, mean {np.mean([b.value for b in found]):.2f}, half-width "
        f"{np.mean([b.half_width for b in found]):.2f}: covered in {covered:.1%}, lower end below it in {valid:.1%}"
    )
    assert valid >= 0.95
