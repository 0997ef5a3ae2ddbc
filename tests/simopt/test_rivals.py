"""Rivals from other packages: equal replications, repeatable, no rule broken; the profile that compares methods."""

from __future__ import annotations

import csv
from dataclasses import replace

import numpy as np
import pytest

from design.case import Case
from design.case_files import load_case
from simopt.api import solve_case as solve
from simopt.apps import rivals
from simopt.apps.options import OptionError
from simopt.comparison import Comparison, Profile, Run
from simopt.optimization.cobyqa_search import CobyqaParams, CobyqaSearch
from simopt.optimization.design_space import DesignSpace
from simopt.optimization.pathwise import PathwiseParams, PathwiseSearch
from simopt.simulation.estimate import Estimate
from simopt.simulation.ledger import Ledger
from simopt.simulation.simulator import TreeSimulator
from tests.simopt.command import assert_refused, read_json
from tests.small_cases import all_designs, echelon_case

CASE = "two-two-three"
WHOLE_PROBLEM = ("cma", "pymoo", "optuna")


@pytest.fixture(scope="module")
def tiny() -> Case:
    """Two plants, two shops: four designs."""
    return echelon_case(np.random.default_rng(5), (2, 2))


@pytest.fixture(scope="module")
def best(tiny: Case) -> float:
    return solve(tiny, method="exhaustive", fresh_replications=512).performance.cost.mean


@pytest.mark.parametrize("method", WHOLE_PROBLEM)
def test_a_rival_keeps_to_its_budget_and_repeats_itself(tiny, best, method):
    found = [solve(tiny, method=method, budget=150, seed=3, fresh_replications=512) for _ in range(2)]
    first, second = (replace(one, wall_seconds=0.0, iterations=()) for one in found)
    assert first == second
    assert 0 < first.replications_used <= 150
    assert first.status == "limit"
    assert first.lower_bound is None
    assert best * 0.99 <= first.performance.cost.mean <= 4.0 * best
    other = solve(tiny, method=method, budget=150, seed=4, fresh_replications=512)
    assert other.performance.cost.mean != first.performance.cost.mean


@pytest.mark.parametrize("method", ["cma", "pymoo"])
def test_a_rival_comes_close_with_many_replications(tiny, best, method):
    found = solve(tiny, method=method, budget=3000, seed=1, fresh_replications=512)
    assert found.performance.cost.mean <= 1.25 * best


@pytest.mark.parametrize("method", WHOLE_PROBLEM)
def test_a_design_that_breaks_a_rule_is_never_the_result(tiny, method):
    (first, *_) = tiny.network.nodes
    closed = tuple(replace(node, status="closed") if node is first else node for node in tiny.network.nodes)
    found = solve(replace(tiny, network=replace(tiny.network, nodes=closed)), method=method, budget=120)
    assert first.name not in {row.node for row in found.performance.nodes}


def test_every_choice_of_suppliers_is_a_design_and_every_design_a_choice(tiny):
    space = DesignSpace(tiny, Ledger(tiny, TreeSimulator(tiny), 0), 2)
    levels = np.arange(1.0, 1.0 + len(tiny.network.nodes))
    found = set()
    for choice in np.ndindex(*space.num_suppliers):
        design, named = space.decode(levels, np.array(choice))
        assert named == {n.name: s for n, s in zip(tiny.network.nodes, levels, strict=True) if n.name in design.nodes}
        found.add(frozenset(design.lanes))
    assert found == {frozenset(lanes) for lanes in all_designs(tiny.network)}


def test_cobyqa_finds_levels_close_to_those_along_gradients():
    case = load_case(CASE)
    design = case.network.design(solve(CASE, certify=False, fresh_replications=64).lanes)
    judge = Ledger(case, TreeSimulator(case), 99)
    for component in design.components:
        from design.single_stage_plan import single_stage_plan
        from design.stage_models import exact_costs

        plan = single_stage_plan(case, exact_costs(case), component)
        ledger = Ledger(case, TreeSimulator(case), 1, budget=600 * len(component.nodes))
        found = CobyqaSearch(ledger, CobyqaParams(budget_per_node=600)).best_levels(component, plan)
        assert ledger.replications <= 600 * len(component.nodes)
        known = PathwiseSearch(Ledger(case, TreeSimulator(case), 2), PathwiseParams(1000)).best_levels(component, plan)
        costs = [judge.search(component, levels, 2048).costs.mean() for levels in (found, known)]
        assert costs[0] <= 1.003 * costs[1]


def test_cobyqa_takes_the_design_of_least_transport_cost():
    sequential, rival = (
        solve(CASE, method=method, budget=3000, fresh_replications=512) for method in ("sequential", "cobyqa")
    )
    assert rival.lanes == sequential.lanes
    assert rival.replications_used <= 3000
    assert rival.performance.cost.mean == pytest.approx(sequential.performance.cost.mean, rel=0.02)


@pytest.mark.parametrize("method", WHOLE_PROBLEM)
def test_a_package_that_is_missing_is_named_with_its_extra(simopt, monkeypatch, method):
    monkeypatch.setattr(rivals, "find_spec", lambda _: None)
    said = f"method {method!r}: needs the package {method}; install it with: pip install 'simopt-supply[rivals]'"
    assert_refused(simopt("compare", CASE, "--methods", f"sequential,{method}"), said)
    with pytest.raises(OptionError, match="needs the package"):
        solve(CASE, method=method, budget=100)


def test_a_rival_without_an_end_is_refused():
    with pytest.raises(OptionError, match="never ends by itself; expected a budget or a time-limit"):
        solve(CASE, method="cma")


def run_of(cost: float) -> Run:
    return Run(0, Estimate(cost, 0.0, 10), 1, 0.0, ())


def test_a_profile_counts_problems_within_a_factor_of_the_best():
    first = Comparison("a", 1, {"x": (run_of(10.0), run_of(30.0)), "y": (run_of(20.0), run_of(15.0))}, {})
    second = Comparison("b", 1, {"x": (run_of(5.0), run_of(4.0)), "y": (run_of(5.0), run_of(4.4))}, {})
    profile = Profile.of([first, second])
    assert profile.ratios == {"x": (1.0, 1.0, 1.0, 2.0), "y": pytest.approx((1.0, 1.0, 1.1, 2.0))}
    assert profile.num_problems == 4
    assert [profile.share_within("y", factor) for factor in (0.9, 1.0, 1.2, 2.0)] == [0.0, 0.5, 0.75, 1.0]
    assert profile.methods == ("x", "y")


def test_compare_over_cases_writes_a_profile(simopt, tmp_path):
    arguments = ["--methods", "sequential,cobyqa", "--num-seeds", 2, "--budget", 3000, "--out", tmp_path]
    done = simopt("compare", CASE, "two-stage-series", *arguments)
    assert done.code == 0
    found = read_json(tmp_path / "result.json")
    assert [one["case"] for one in found["cases"]] == [CASE, "two-stage-series"]
    assert set(found["profile"]) == {"sequential", "cobyqa"}
    for ratios in found["profile"].values():
        assert len(ratios) == 4
        assert ratios == sorted(ratios)
        assert min(ratios) >= 1.0
    assert min(min(ratios) for ratios in found["profile"].values()) == 1.0
    with (tmp_path / "profile.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert {row["method"]: float(row["share"]) for row in rows} == {"sequential": 1.0, "cobyqa": 1.0}
    assert (tmp_path / "profile.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "profile.svg").read_text(encoding="utf-8").count("cobyqa") >= 1
    for case in (CASE, "two-stage-series"):
        assert (tmp_path / case / "runs.csv").exists()
    assert "share of 4 cases and seeds" in done.out
    assert_refused(simopt("compare", CASE, CASE), f"case '{CASE}' occurs twice")
