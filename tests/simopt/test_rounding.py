"""Levels in whole packs: multiples, no better neighbor, and what it costs."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from design.case import Case
from design.case_files import load_case, save_case
from design.network import Network
from design.single_stage import QuadratureSingleStage
from simopt.apps.options import SolveOptions
from simopt.apps.solve import solve
from simopt.optimization.pathwise import PathwiseSearch
from simopt.optimization.polish import Polisher
from simopt.optimization.rounding import REPLICATIONS, Rounder
from simopt.optimization.search_state import SearchState
from simopt.optimization.subproblem import Subproblem
from simopt.simulation.ledger import Ledger
from simopt.simulation.simulator import TreeSimulator
from tests.networks import warehouse_with_retailers, whole
from tests.simopt.command import Command, read_json


def packed(case: Case, **packs: float) -> Case:
    """The case with pack sizes of nodes by name."""
    nodes = tuple(replace(node, pack_size=packs.get(node.name, 0.0)) for node in case.network.nodes)
    return replace(case, network=Network(nodes, case.network.lanes, case.network.customers))


LEVELS = {"plant": 27.0, "warehouse": 61.0, "north": 19.4, "east": 3.0, "south": 33.3}


def cost(case: Case, levels: dict[str, float]) -> float:
    """Mean cost on the paths that levels are rounded on."""
    values = np.array([levels[name] for name in whole(case).nodes])
    return float(Ledger(case, TreeSimulator(case), 3).search(whole(case), values, REPLICATIONS).costs.mean())


def test_levels_become_multiples_and_no_single_step_is_better() -> None:
    packs = {"plant": 12.0, "warehouse": 25.0, "north": 8.0, "south": 10.0}
    case = packed(warehouse_with_retailers(), **packs)
    design = case.network.design(lane.pair for lane in case.network.lanes)
    rounded = Rounder(case, Ledger(case, TreeSimulator(case), 3)).levels(design, LEVELS)
    assert rounded["east"] == LEVELS["east"]
    for name, pack in packs.items():
        assert rounded[name] / pack == pytest.approx(round(rounded[name] / pack), abs=1e-12)
        for step in (-pack, pack):
            stepped = rounded | {name: rounded[name] + step}
            assert stepped[name] < 0.0 or cost(case, stepped) >= cost(case, rounded)
    nearest = Rounder(case, None).levels(design, LEVELS)
    assert nearest == {"plant": 24.0, "warehouse": 50.0, "north": 16.0, "east": 3.0, "south": 30.0}
    assert cost(case, rounded) < cost(case, nearest)


def test_rounding_is_as_good_as_enumeration_here() -> None:
    case = packed(warehouse_with_retailers(), warehouse=30.0, south=15.0)
    design = case.network.design(lane.pair for lane in case.network.lanes)
    rounded = Rounder(case, Ledger(case, TreeSimulator(case), 3)).levels(design, LEVELS)
    every = [LEVELS | {"warehouse": 30.0 * w, "south": 15.0 * s} for w, s in product(range(8), range(8))]
    assert cost(case, rounded) == pytest.approx(min(cost(case, levels) for levels in every), rel=1e-12)


def test_nothing_changes_without_packs() -> None:
    case = warehouse_with_retailers()
    design = case.network.design(lane.pair for lane in case.network.lanes)
    ledger = Ledger(case, TreeSimulator(case), 3)
    assert Rounder(case, ledger).levels(design, LEVELS) == LEVELS
    assert ledger.replications == 0


def test_the_result_states_the_cost_of_packs(simopt: Command, tmp_path) -> None:
    case = load_case("two-two-three")
    in_packs = packed(case, **{node.name: 40.0 for node in case.network.nodes})
    save_case(in_packs, tmp_path / "case")
    done = simopt("solve", tmp_path / "case", "--out", tmp_path / "run")
    found = read_json(tmp_path / "run" / "result.json")
    assert done.code == 0
    assert all(row["level"] % 40.0 == 0.0 for row in found["base_stock_levels"])
    free = solve(case, SolveOptions(certify=False)).performance.cost
    added = found["cost"]["mean"] - free.mean
    assert found["rounding_cost"]["mean"] == pytest.approx(added, abs=2.0 * free.half_width)
    assert found["rounding_cost"]["mean"] > found["rounding_cost"]["half_width"] > 0.0
    assert "of which for levels in whole packs" in done.out
    assert "before they were rounded to whole packs" in found["certificate"]


def test_an_interrupt_still_leaves_whole_packs() -> None:
    case = packed(warehouse_with_retailers(), warehouse=30.0, south=15.0)
    single_stage = QuadratureSingleStage(case.demand)
    ledger = Ledger(case, TreeSimulator(case), 0)
    design = case.network.design(lane.pair for lane in case.network.lanes)
    plan = Subproblem(case, single_stage, ledger, PathwiseSearch(ledger)).solve(whole(case))
    state = SearchState().with_plans([plan]).with_candidate(design)
    brief = Polisher(case, single_stage, ledger).briefly(state, design)
    assert [brief["warehouse"] % 30.0, brief["south"] % 15.0] == [0.0, 0.0]
    assert brief["north"] == state.levels_of(design)["north"]
