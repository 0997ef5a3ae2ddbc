"""Which subproblem and which reach: true gap of the levels of one design after a number of replications.

pytest -m benchmark -s tests/benchmarks/test_level_search.py
"""

from collections.abc import Callable

import numpy as np
import pytest

from design.case import Case
from design.case_files import load_case
from design.master import ProjectedMaster
from design.network import Design
from design.single_stage import QuadratureSingleStage
from design.single_stage_plan import single_stage_plan
from simopt.optimization.kriging_search import KrigingParams, KrigingSearch
from simopt.optimization.pathwise import PathwiseParams, PathwiseSearch
from simopt.optimization.subproblem import LevelSearch
from simopt.simulation.ledger import Ledger
from simopt.simulation.simulator import TreeSimulator
from surrogates.kriging import refit_kriging
from surrogates.search_types import SearchParams

SEEDS = range(5)
FRESH_BLOCKS = 512
MakeSearch = Callable[[Ledger, int, int], LevelSearch]


def pathwise(ledger: Ledger, budget: int, _: int) -> LevelSearch:
    return PathwiseSearch(ledger, PathwiseParams(replications=max(budget // 10, 2)))


def kriging(reach: int | None) -> MakeSearch:
    def make(ledger: Ledger, budget: int, seed: int) -> LevelSearch:
        return KrigingSearch(ledger, KrigingParams(SearchParams(budget=budget), reach, refit_kriging), seed)

    return make


METHODS: dict[str, MakeSearch] = {
    "pathwise": pathwise,
    "kriging, whole path": kriging(None),
    "kriging, reach 1": kriging(1),
}


def levels_found(case: Case, design: Design, make: MakeSearch, budget: int, seed: int) -> tuple[dict[str, float], int]:
    """Levels of a design by one search a component, half the budget each, and the replications used."""
    ledger = Ledger(case, TreeSimulator(case), seed)
    single_stage = QuadratureSingleStage(case.demand)
    levels: dict[str, float] = {}
    for component in design.components:
        search = make(ledger, budget // len(design.components), seed)
        found = search.best_levels(component, single_stage_plan(case, single_stage, component))
        levels |= dict(zip(component.nodes, map(float, found), strict=True))
    return levels, ledger.replications


@pytest.mark.benchmark
def test_true_gap_of_the_level_searches() -> None:
    case = load_case("thirteen-node")
    design = ProjectedMaster(case, QuadratureSingleStage(case.demand)).solve().design
    assert design is not None
    judge = Ledger(case, TreeSimulator(case), 12345)
    best, _ = levels_found(case, design, pathwise, 200_000, 777)
    reference = judge.fresh(design, best, 0, FRESH_BLOCKS).costs
    print(f"\n{'search':22}{'budget':>8}{'used':>8}{'median gap':>12}{'worst gap':>11}")
    medians = {}
    for budget in (1_000, 2_000, 20_000):
        for name, make in METHODS.items():
            gaps, used = [], []
            for seed in SEEDS:
                levels, replications = levels_found(case, design, make, budget, seed)
                difference = judge.fresh(design, levels, 0, FRESH_BLOCKS).costs - reference
                gaps.append(difference.mean() / reference.mean())
                used.append(replications)
            medians[name, budget] = float(np.median(gaps))
            print(f"{name:22}{budget:>8,}{int(np.median(used)):>8,}{np.median(gaps):>12.3%}{max(gaps):>11.3%}")
    assert medians["pathwise", 2_000] <= medians["kriging, whole path", 2_000]
    assert medians["kriging, whole path", 20_000] <= medians["kriging, reach 1", 20_000]
