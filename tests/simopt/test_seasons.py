"""Seasons from case files to results: against every design, and each season by itself."""

from dataclasses import replace
from pathlib import Path

import pytest

from design.case_files import save_case
from simopt.apps.methods import ExactParts
from simopt.apps.options import SolveOptions
from simopt.apps.solve import solve
from simopt.simulation.ledger import Ledger
from simopt.simulation.simulator import TreeSimulator
from tests.design.test_seasons import SEASONS, in_seasons, seasonal, seasonal_designs
from tests.simopt.command import Command, read_json

TOLERANCE = 0.01


@pytest.mark.parametrize("staged", [False, True])
def test_the_certified_design_is_the_best_of_all(staged: bool) -> None:
    one, case = seasonal(1, staged=staged)
    parts = ExactParts(case, SolveOptions(), Ledger(case, TreeSimulator(case), seed=99))
    state = parts.start
    for lanes in seasonal_designs(one, staged=staged):
        design = in_seasons(case, lanes)
        new = [parts.subproblem.solve(c) for c in design.components if c not in state.plans]
        state = state.with_plans(new).with_candidate(design)
    assert state.incumbent is not None
    result = solve(case, SolveOptions(tolerance=TOLERANCE))
    assert result.certified is True
    assert result.lower_bound is not None
    assert result.lower_bound.value <= state.incumbent.cost + state.incumbent.half_width
    found = case.network.design(result.lanes)
    assert state.cost_of(found) <= (1.0 + 1.2 * TOLERANCE) * state.incumbent.cost
    assert not case.site_rules.violations(found)


def test_a_seasons_part_of_the_cost_is_its_share_of_what_it_costs_alone() -> None:
    one, case = seasonal(0)
    result = solve(case, SolveOptions(tolerance=TOLERANCE, certify=False))
    for season in SEASONS:
        names = {name: name.split("@")[0] for name in case.demand if name.endswith(season.name)}
        alone = replace(one, demand={plain: case.demand[name] for name, plain in names.items()})
        lanes = [(a.split("@")[0], b.split("@")[0]) for a, b in result.lanes if a.endswith(season.name)]
        levels = {n.node.split("@")[0]: n.level for n in result.performance.nodes if n.node.endswith(season.name)}
        ledger = Ledger(alone, TreeSimulator(alone), seed=5)
        measures = ledger.fresh(alone.network.design(lanes), levels, 0, 64).measures.mean(axis=0)
        stock = sum(n.holding + n.backorder for n in result.performance.nodes if n.node.endswith(season.name))
        assert stock == pytest.approx(season.periods / 20 * measures[:, :2].sum(), rel=0.02)


def test_results_name_seasons_and_are_read_back(simopt: Command, tmp_path: Path) -> None:
    _, case = seasonal(0)
    save_case(case, tmp_path / "case")
    run = tmp_path / "run"
    assert simopt("solve", tmp_path / "case", "--out", run, "--tolerance", "0.01", "--no-certify").code == 0
    result = read_json(run / "result.json")
    assert {row["season"] for row in result["base_stock_levels"]} == {"low", "high"}
    assert {row["season"] for row in result["design"]["lanes"]} == {"low", "high"}
    assert all("@" not in name for name in result["design"]["open"])
    again = simopt("simulate", tmp_path / "case", "--solution", run / "result.json", "--out", tmp_path / "again")
    assert again.code == 0
    cost = read_json(tmp_path / "again" / "result.json")["cost"]["mean"]
    assert cost == pytest.approx(result["cost"]["mean"], rel=0.01)
    assert (run / "lanes.csv").read_text().startswith("from,to,season,used")
    same = simopt(
        "solve", tmp_path / "case", "--baseline", run / "lanes.csv", "--out", tmp_path / "new", "--no-certify"
    )
    assert same.code == 0
    assert read_json(tmp_path / "new" / "result.json")["baseline"]["lanes_added"] == []
