"""How close the bounds come to the best design's cost, on 200 random networks; about fifteen minutes on one core.

pytest -m benchmark -s tests/benchmarks/test_echelon_bound.py
"""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from design.case import Case
from design.master import MasterParams, ProjectedMaster
from design.master_types import Bound
from design.single_stage import QuadratureSingleStage
from simopt.optimization.exhaustive import exhaustive_search
from simopt.optimization.pathwise import PathwiseParams, PathwiseSearch
from simopt.optimization.subproblem import PricingParams, Subproblem
from simopt.simulation.ledger import Ledger
from simopt.simulation.simulator import TreeSimulator
from tests.networks import make_case
from tests.small_cases import echelon_case

SEEDS = range(50)


@dataclass(frozen=True)
class Outcome:
    """One network: both bounds as shares of the best design's cost, and the 95% half-width of that cost."""

    single_stage: float
    echelon: float
    half_width: float


def random_network(seed: int, sizes: tuple[int, ...], *, charged: bool) -> Case:
    """Random holding costs, lead times and demand (`tests.small_cases`); inner backorders charged or free."""
    case = echelon_case(np.random.default_rng(10_000 + seed), sizes)
    free = set() if charged else {lane.origin for lane in case.network.lanes}
    nodes = [replace(n, backorder_cost=0.0) if n.name in free else n for n in case.network.nodes]
    return make_case(nodes, case.network.lanes, case.demand, horizon=100, warm_up=case.network.longest_path)


def measure(case: Case) -> Outcome:
    """Both bounds against the exhaustive search."""
    costs = QuadratureSingleStage(case.demand)
    ledger = Ledger(case, TreeSimulator(case), seed=3)
    efforts = [(PathwiseParams(100), PricingParams(256)), (PathwiseParams(400), PricingParams(1600))]
    first, again = (Subproblem(case, costs, ledger, PathwiseSearch(ledger, p), pricing) for p, pricing in efforts)
    *_, state = exhaustive_search(case, first, again)
    assert state.incumbent is not None
    best = state.incumbent.cost
    bounds = [
        ProjectedMaster(case, costs, MasterParams(bound=bound)).solve().bound
        for bound in (Bound.SINGLE_STAGE, Bound.ECHELON)
    ]
    return Outcome(bounds[0] / best, bounds[1] / best, state.incumbent.half_width / best)


@pytest.mark.benchmark
@pytest.mark.parametrize("charged", [False, True], ids=["free", "charged"])
@pytest.mark.parametrize("sizes", [(2, 2, 3), (3, 2, 4)], ids=str)
def test_the_echelon_bound_is_close_to_the_best_cost_and_never_above_it(sizes, charged) -> None:
    found = [measure(random_network(seed, sizes, charged=charged)) for seed in SEEDS]
    echelon = np.array([outcome.echelon for outcome in found])
    single = np.array([outcome.single_stage for outcome in found])
    above = max((outcome.echelon - 1.0) / outcome.half_width for outcome in found)
    print(
        f"\n{sizes}, {'charged' if charged else 'free'}: echelon median {np.median(echelon):.3f} "
        f"(least {echelon.min():.3f}, most {echelon.max():.4f}), single-stage {np.median(single):.3f}; "
        f"highest {above:.1f} half-widths above the best cost"
    )
    assert above <= 2.0
    assert np.median(echelon) >= (0.97 if charged else 0.95)
    assert np.median(echelon) > np.median(single)
