"""Do the intervals hold what they promise? 200 seeds each, a quarter of an hour.

pytest -m benchmark -s tests/benchmarks/test_coverage.py
"""

from dataclasses import replace

import numpy as np
import pytest

from design.case import Case
from design.case_files import load_case
from design.master import ProjectedMaster
from design.network import Component, Design
from design.single_stage import QuadratureSingleStage
from design.single_stage_plan import single_stage_plan
from simopt.apps.answer import lower_bound
from simopt.apps.methods import start_search
from simopt.apps.options import SolveOptions
from simopt.apps.solve import solve
from simopt.optimization.search_state import SearchState
from simopt.simulation.estimate import Estimate
from simopt.simulation.evaluate import evaluate
from simopt.simulation.ledger import Ledger
from simopt.simulation.simulator import TreeSimulator

SEEDS = range(200)
CASE = "two-two-three"
LONG_BLOCKS = 16_384  # a million replications of 64 a block, in parts that fit into memory
PART = 256
JUDGE_PARTS, JUDGE_PATHS = 8, 16_384  # 131,072 replications; by control variate as good as a million and more


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


class Judge:
    """The true cost of solutions, all on the same paths, with the single-stage cost as control variate."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self._single_stage = QuadratureSingleStage(case.demand)

    def costs(self, solutions: list[tuple[Design, dict[str, float]]]) -> list[Estimate]:
        """True cost of each design with its levels."""
        parts = [self._costs_on(part, solutions) for part in range(JUDGE_PARTS)]
        return [Estimate.of(np.concatenate(found)) for found in zip(*parts, strict=True)]

    def _costs_on(self, part: int, solutions: list[tuple[Design, dict[str, float]]]) -> list[np.ndarray]:
        ledger = Ledger(self._case, TreeSimulator(self._case), 987_654 + part)
        controls: dict[Component, np.ndarray] = {}
        found = []
        for design, levels in solutions:
            total = np.zeros(JUDGE_PATHS)
            for one in design.components:
                if one not in controls:
                    controls[one] = self._control(ledger, one)
                values = np.array([levels[name] for name in one.nodes])
                total += ledger.search(one, values, JUDGE_PATHS).costs + controls[one]
            found.append(total)
        return found

    def _control(self, ledger: Ledger, component: Component) -> np.ndarray:
        """Known mean of the single-stage cost, fixed costs included, minus its value on each path."""
        plan = single_stage_plan(self._case, self._single_stage, component)
        return plan.cost - ledger.search_decoupled(component, plan.levels, JUDGE_PATHS)


@pytest.mark.benchmark
@pytest.mark.parametrize(
    "options",
    [SolveOptions(bound="single-stage"), SolveOptions(scenarios=256), SolveOptions(master="extensive")],
    ids=["exact", "sobol", "paths"],
)
def test_the_interval_of_a_gap_covers_the_true_gap_of_the_solution(options: SolveOptions) -> None:
    case = load_case(CASE)
    exact = ProjectedMaster(case, QuadratureSingleStage(case.demand)).solve().bound
    results = [solve(case, replace(options, seed=seed, certify=False)) for seed in SEEDS]
    solutions = [
        (case.network.design(result.lanes), {node.node: node.level for node in result.performance.nodes})
        for result in results
    ]
    true_costs = Judge(case).costs(solutions)
    true_gaps = np.array([(cost.mean - exact) / cost.mean for cost in true_costs])
    reported = np.array([result.gap for result in results])
    low, high = np.array([result.gap_interval for result in results]).T
    covered, held = float(np.mean((low <= true_gaps) & (true_gaps <= high))), float(np.mean(true_gaps <= high))
    print(
        f"\n{len({design for design, _ in solutions})} designs, {len(set(true_gaps))} solutions: true gap "
        f"{true_gaps.mean():.2%} ± {np.mean([cost.relative_half_width for cost in true_costs]):.3%}, reported "
        f"{reported.mean():.2%} ± {np.mean(high - low) / 2:.2%}: covered in {covered:.1%}, "
        f"upper end above it in {held:.1%}"
    )
    assert held >= 0.95
    assert covered >= 0.95 or options.samples_paths  # plain paths: the bound is too low on average, one end holds
