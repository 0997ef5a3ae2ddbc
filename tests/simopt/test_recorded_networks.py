"""Five recorded 5-3-5 networks on which the master's first design is not the best: the loop has to earn its keep."""

from pathlib import Path

import numpy as np
import pytest

from design.case_files import read_case
from design.network import Design
from design.streams import BLOCK
from simopt.apps.methods import start_search
from simopt.apps.options import SolveOptions
from simopt.optimization.search_state import Termination
from simopt.simulation.estimate import Estimate
from simopt.simulation.ledger import Ledger
from simopt.simulation.simulator import TreeSimulator

RECORDED = Path(__file__).parent / "recorded"
FRESH_BLOCKS = 8192 // BLOCK
QUICK = ("network-3", "network-72")
NETWORKS = [
    name if name in QUICK else pytest.param(name, marks=pytest.mark.slow)
    for name in sorted(folder.name for folder in RECORDED.iterdir())
]


@pytest.mark.parametrize("name", NETWORKS)
def test_the_loop_leaves_its_first_design_for_a_better_one(name: str) -> None:
    case = read_case(RECORDED / name)
    ledger = Ledger(case, TreeSimulator(case), seed=0)
    states = list(start_search(case, SolveOptions(bound="single-stage"), ledger).states)
    first, last = states[0].incumbent, states[-1].incumbent
    assert first is not None
    assert last is not None
    assert states[-1].termination is Termination.BOUND_MET
    assert last.design != first.design

    def fresh_costs(design: Design, levels: dict[str, float]) -> np.ndarray:
        return ledger.fresh(design, levels, 0, FRESH_BLOCKS).costs

    saving = Estimate.of(fresh_costs(first.design, dict(first.levels)) - fresh_costs(last.design, dict(last.levels)))
    assert saving.mean - saving.half_width > 0.0015 * last.cost


@pytest.mark.parametrize("bound", ["single-stage", "echelon"])
@pytest.mark.parametrize("name", NETWORKS)
def test_the_bound_stays_below_the_cost_of_every_design_simulated(name: str, bound: str) -> None:
    case = read_case(RECORDED / name)
    ledger = Ledger(case, TreeSimulator(case), seed=1)
    *_, state = start_search(case, SolveOptions(bound=bound), ledger).states
    for plan in state.plans.values():
        assert plan.cost.mean + plan.cost.half_width > plan.single_stage_cost
    assert state.incumbent is not None
    assert state.unpriced_bound < state.incumbent.cost


@pytest.mark.parametrize("name", NETWORKS)
def test_with_the_echelon_bound_fewer_designs_lead_to_the_same_one(name: str) -> None:
    case = read_case(RECORDED / name)
    found = {}
    for bound in ("single-stage", "echelon"):
        ledger = Ledger(case, TreeSimulator(case), seed=0)
        found[bound] = list(start_search(case, SolveOptions(bound=bound), ledger).states)
    assert len(found["echelon"]) < len(found["single-stage"])
    cheapest = {bound: states[-1].incumbent for bound, states in found.items()}
    assert cheapest["echelon"].cost <= 1.001 * cheapest["single-stage"].cost
    assert found["echelon"][-1].unpriced_bound > found["single-stage"][-1].unpriced_bound
