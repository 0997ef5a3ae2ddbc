"""Today's network next to the new design: changes against enumeration, savings, the file, and what is printed."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from design.case import Case
from design.case_files import load_case
from design.master import ProjectedMaster
from design.network import Component, Design
from design.single_stage import QuadratureSingleStage
from design.single_stage_plan import single_stage_plan
from simopt.apps.baseline import solve_with_baseline
from simopt.apps.baseline_file import Baseline
from simopt.apps.methods import ExactParts
from simopt.apps.options import SolveOptions
from simopt.apps.solve import solve
from simopt.optimization.limited_change import best_limited_change, moved_lanes
from simopt.optimization.outer_approximation import LoopParams
from simopt.optimization.polish import Polisher
from simopt.optimization.search_state import SearchState, Termination
from simopt.simulation.evaluate import EvaluationParams
from simopt.simulation.ledger import Ledger
from simopt.simulation.simulator import TreeSimulator
from tests.simopt.command import Command, interrupt_call, read_json
from tests.small_cases import Features, all_designs, echelon_case

CASE = "two-two-three"
TODAY = (("South", "West"), ("West", "A"), ("West", "C"), ("South", "East"), ("East", "B"))
TOLERANCE = 0.001


@pytest.fixture(autouse=True)
def _short_evaluations(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few fresh replications: no test here needs narrow intervals."""
    few = partial(EvaluationParams, replications=512, max_replications=512)
    monkeypatch.setattr("simopt.simulation.evaluate.EvaluationParams", few)


def in_order(case: Case) -> list[Design]:
    return [case.network.design(lanes) for lanes in sorted(all_designs(case.network), key=sorted)]


def searched(case: Case) -> tuple[ExactParts, dict[Design, float], SearchState]:
    """The parts of a search, what every design costs by the same subproblem, and all that in a search state."""
    parts = ExactParts(case, SolveOptions(), Ledger(case, TreeSimulator(case), seed=0))
    designs = in_order(case)
    components: dict[Component, None] = {component: None for design in designs for component in design.components}
    state = SearchState().with_plans([parts.subproblem.solve(component) for component in components])
    return parts, {design: state.cost_of(design) for design in designs}, state


def known_of(state: SearchState, *designs: Design) -> SearchState:
    """What a search that simulated only these designs knows."""
    found = SearchState()
    for design in designs:
        found = found.with_plans([state.plans[component] for component in design.components]).with_candidate(design)
    return found


@pytest.mark.parametrize(
    ("sizes", "features", "seed"),
    [
        ((2, 2, 3), Features(lane_lead_times=True), 0),
        ((2, 2, 3), Features(fixed_costs=True, lane_lead_times=True), 1),
        ((2, 2, 2), Features(inner_customers=True, lane_lead_times=True), 2),
        ((3, 4), Features(lane_lead_times=True), 4),
    ],
)
def test_the_best_change_is_that_of_enumeration(sizes: tuple[int, ...], features: Features, seed: int) -> None:
    case = echelon_case(np.random.default_rng(seed), sizes, features)
    parts, costs, state = searched(case)
    for given in (max(costs, key=costs.__getitem__), sorted(costs, key=costs.__getitem__)[len(costs) // 2]):
        least = []
        for moves in range(4):
            within = {design: cost for design, cost in costs.items() if moved_lanes(given, design) <= moves}
            least.append(min(within.values()))
            known = known_of(state, given)
            *_, last = best_limited_change(parts.master(), parts.subproblem, known, given, moves, LoopParams())
            assert last.termination is Termination.BOUND_MET
            assert last.incumbent.design in within
            assert min(within.values()) <= last.incumbent.cost <= min(within.values()) / (1.0 - TOLERANCE)
        assert least[0] == costs[given]
        assert least[3] < least[1] < least[0]  # the limit matters


def test_what_was_simulated_before_is_used_and_not_simulated_again() -> None:
    case = echelon_case(np.random.default_rng(0), (2, 2, 3), Features(lane_lead_times=True))
    parts, costs, state = searched(case)
    given = max(costs, key=costs.__getitem__)
    best = min((design for design in costs if moved_lanes(given, design) <= 2), key=costs.__getitem__)
    everything = known_of(state, *costs)

    class Refuses:
        def solve_all(self, components: Sequence[Component]) -> Iterator[None]:
            return map(self.solve, components)

        def solve(self, component: Component) -> None:
            raise AssertionError(f"{component} is known")

    states = list(best_limited_change(parts.master(), Refuses(), everything, given, 2, LoopParams()))
    assert states[-1].incumbent.design == best
    assert states[-1].termination is Termination.BOUND_MET
    assert states[-1].priced_bound >= (1.0 - TOLERANCE) * costs[best]  # so all that is known is priced


def test_moved_lanes_are_those_that_the_given_design_does_not_use() -> None:
    network = load_case(CASE).network
    today = network.design(TODAY)
    by_one = network.design([("South", "West"), ("West", "A"), ("West", "B"), ("West", "C")])
    assert (moved_lanes(today, today), moved_lanes(today, by_one), moved_lanes(by_one, today)) == (0, 1, 2)


@pytest.fixture(scope="module")
def case() -> Case:
    return load_case(CASE)


@pytest.fixture(scope="module")
def today(case: Case) -> Baseline:
    """A poor network with poor levels."""
    design = case.network.design(TODAY)
    return Baseline(design, dict.fromkeys(design.nodes, 60.0))


def as_json(baseline: Baseline) -> str:
    content: dict = {"design": {"lanes": [{"from": a, "to": b} for a, b in baseline.design.lanes]}}
    if baseline.levels is not None:
        content["base_stock_levels"] = [{"node": name, "level": level} for name, level in baseline.levels.items()]
    return json.dumps(content)


def as_csv(case: Case, lanes: tuple[tuple[str, str], ...]) -> str:
    rows = [f"{lane.origin},{lane.destination},{int(lane.pair in lanes)}" for lane in case.network.lanes]
    return "\n".join(["from,to,used", *rows, ""])


def test_the_command_compares_with_todays_network(simopt: Command, tmp_path: Path, today: Baseline) -> None:
    (tmp_path / "today.json").write_text(as_json(today))
    done = simopt("solve", CASE, "--no-certify", "--baseline", tmp_path / "today.json", "--out", tmp_path / "run")
    found = read_json(tmp_path / "run" / "result.json")
    baseline = found["baseline"]
    assert done.code == 0
    assert set(baseline) == {
        "lanes", "cost_with_todays_levels", "cost_with_optimized_levels", "saving", "saving_share", "saving_by_levels",
        "lanes_added", "lanes_dropped", "opened", "closed", "changes", "termination", "broken_rules",
    }  # fmt: skip
    assert {(lane["from"], lane["to"]) for lane in baseline["lanes"]} == set(TODAY)
    todays, optimized = (baseline[f"cost_with_{kind}_levels"]["mean"] for kind in ("todays", "optimized"))
    assert found["cost"]["mean"] < optimized < todays
    assert baseline["saving"]["mean"] == pytest.approx(todays - found["cost"]["mean"])
    assert baseline["saving_by_levels"]["mean"] == pytest.approx(todays - optimized)
    assert baseline["saving_share"] == pytest.approx(baseline["saving"]["mean"] / todays)
    assert baseline["saving"]["half_width"] > 0.0
    changes = baseline["changes"]
    assert [row["moves"] for row in changes] == list(range(1, len(changes) + 1))
    for row in changes:
        lanes = {(lane["from"], lane["to"]) for lane in row["design"]["lanes"]}
        assert {(lane["from"], lane["to"]) for lane in row["lanes_added"]} == lanes - set(TODAY)
        assert {(lane["from"], lane["to"]) for lane in row["lanes_dropped"]} == set(TODAY) - lanes
        assert len(row["lanes_added"]) <= row["moves"]
        assert set(row["opened"]) == set(row["design"]["open"]) - set(today.design.nodes)
        assert set(row["closed"]) == set(today.design.nodes) - set(row["design"]["open"])
        assert row["best"] is True
        assert row["saving"]["mean"] == pytest.approx(todays - row["cost"]["mean"])
        assert row["cost"]["replications"] == found["cost"]["replications"]
        assert f"saves {row['saving']['mean']:.2f} ± {row['saving']['half_width']:.2f}" in done.out
    assert all(one["saving"]["mean"] < more["saving"]["mean"] for one, more in pairwise(changes))
    assert changes[-1]["design"] == found["design"]
    assert changes[-1]["cost"] == found["cost"]
    assert len(changes) < 4
    assert f"today's network with today's levels costs {todays:.2f}" in done.out
    assert f"the new design saves {baseline['saving']['mean']:.2f}" in done.out
    assert "optimized levels alone, no lane moved: saves" in done.out
    assert f"the new design is reached with {len(changes)} moved lane" in done.out


def test_the_rest_of_the_result_is_that_without_a_baseline(case: Case, today: Baseline) -> None:
    options = SolveOptions(certify=False)
    alone, compared = solve(case, options).as_dict(), solve_with_baseline(case, options, today, 1).as_dict()
    assert compared.pop("baseline")["changes"]
    assert "baseline" not in alone
    for content in (alone, compared):
        content.pop("wall_seconds")
        content.pop("iterations")
    assert alone == compared


def test_the_comparison_does_not_depend_on_jobs_but_on_the_seed(case: Case, today: Baseline) -> None:
    def outcome(**options: int) -> dict:
        found = solve_with_baseline(case, SolveOptions(certify=False, **options), today, 1).baseline
        return found.as_dict()

    assert outcome(jobs=1) == outcome(jobs=2)
    assert outcome(seed=1) != outcome(seed=2)


def test_without_levels_savings_are_against_optimized_ones(simopt: Command, tmp_path: Path, case: Case) -> None:
    (tmp_path / "today.csv").write_text(as_csv(case, TODAY))
    arguments = ["--no-certify", "--baseline", tmp_path / "today.csv", "--moves", 1, "--out", tmp_path / "run"]
    done = simopt("solve", CASE, *arguments)
    found = read_json(tmp_path / "run" / "result.json")
    baseline = found["baseline"]
    assert done.code == 0
    assert (baseline["cost_with_todays_levels"], baseline["saving_by_levels"]) == (None, None)
    optimized = baseline["cost_with_optimized_levels"]["mean"]
    assert baseline["saving"]["mean"] == pytest.approx(optimized - found["cost"]["mean"])
    assert baseline["saving_share"] == pytest.approx(baseline["saving"]["mean"] / optimized)
    assert [row["moves"] for row in baseline["changes"]] == [1]
    assert "today's levels" not in done.out


def test_a_run_folders_lanes_are_a_baseline_that_needs_no_move(simopt: Command, tmp_path: Path) -> None:
    simopt("solve", CASE, "--no-certify", "--out", tmp_path / "first")
    lanes = tmp_path / "first" / "lanes.csv"
    done = simopt("solve", CASE, "--no-certify", "--baseline", lanes, "--out", tmp_path / "run")
    baseline = read_json(tmp_path / "run" / "result.json")["baseline"]
    assert done.code == 0
    assert (baseline["changes"], baseline["lanes_added"], baseline["lanes_dropped"]) == ([], [], [])
    assert baseline["saving"] == {"mean": 0.0, "half_width": 0.0}
    assert "the new design is today's network: no lane needs to move" in done.out
    assert "saves" not in done.out


def test_no_moves_search_no_change(case: Case, today: Baseline) -> None:
    found = solve_with_baseline(case, SolveOptions(certify=False), today, 0).baseline
    assert found.changes == ()
    assert found.saving.mean > 0.0


@pytest.mark.parametrize(("scenarios", "searched_moves"), [(None, [1, 2]), (1, [1, 2, 3])])
def test_prices_and_bound_of_a_sampled_search_are_not_used(
    monkeypatch: pytest.MonkeyPatch, case: Case, today: Baseline, scenarios: int | None, searched_moves: list[int]
) -> None:
    exact, asked = QuadratureSingleStage(case.demand), []

    def noted(master: object, subproblem: object, known: SearchState, given: Design, moves: int, params: object):
        asked.append(moves)
        for plan in known.plans.values():
            charged = single_stage_plan(case, exact, plan.component).cost
            assert plan.single_stage_cost == pytest.approx(charged)
        return best_limited_change(master, subproblem, known, given, moves, params)

    monkeypatch.setattr("simopt.apps.baseline.best_limited_change", noted)
    found = solve_with_baseline(case, SolveOptions(certify=False, scenarios=scenarios), today, 3).baseline
    assert asked == searched_moves
    assert [row.moves for row in found.changes] == [1, 2, 3]


@pytest.mark.parametrize("options", [{"method": "sequential"}, {"master": "extensive"}])
def test_changes_after_a_search_with_another_bound_are_the_same(case: Case, today: Baseline, options: dict) -> None:
    exact = solve_with_baseline(case, SolveOptions(certify=False), today, 2).baseline
    other = solve_with_baseline(case, SolveOptions(certify=False, **options), today, 2).baseline
    assert len(exact.changes) == 2
    assert [row.changed.design for row in other.changes] == [row.changed.design for row in exact.changes]
    assert all(row.is_best for row in other.changes)


def test_a_bound_that_is_an_estimate_proves_no_change_best(case: Case, today: Baseline) -> None:
    short = replace(case, warm_up=2)
    found = solve_with_baseline(short, SolveOptions(), today, 2).baseline
    assert found.changes
    assert not any(row.is_best for row in found.changes)


def test_a_spent_time_limit_leaves_costs_without_changes(case: Case, today: Baseline) -> None:
    found = solve_with_baseline(case, SolveOptions("genetic", time_limit=1e-3), today).baseline
    assert found.changes == ()
    assert found.termination.startswith("time limit")
    assert found.saving is not None
    assert found.optimized_cost is not None


@pytest.mark.parametrize(
    ("call", "left"),
    [
        ((2, ProjectedMaster, "solve"), (False, 0)),
        ((3, ProjectedMaster, "solve"), (True, 0)),
        ((1, Ledger, "fresh_together"), (False, 0)),
        ((2, Ledger, "fresh_together"), (True, 3)),
        ((1, ProjectedMaster, "limit_moves"), (True, 0)),
        ((2, ProjectedMaster, "limit_moves"), (True, 1)),
        ((1, Polisher, "levels"), (True, 3)),
    ],
)
def test_ctrl_c_leaves_what_is_there(simopt, monkeypatch, tmp_path, today, call, left):
    (tmp_path / "today.json").write_text(as_json(today))
    interrupt_call(monkeypatch, *call)
    arguments = ["--no-certify", "--baseline", tmp_path / "today.json", "--out", tmp_path / "run"]
    done = simopt("solve", CASE, *arguments)
    assert done.code == 130
    assert "Traceback" not in done.err
    found = read_json(tmp_path / "run" / "result.json")
    assert found["status"] == "interrupted"
    assert found["termination"].startswith("interrupted")
    baseline = found["baseline"]
    assert (baseline["cost_with_optimized_levels"] is not None, len(baseline["changes"])) == left
    assert baseline["saving"]["mean"] > 0.0
    assert "interrupted: the comparison with the baseline is not finished" in done.out


def test_nothing_but_todays_lanes_and_an_interrupt_compares_nothing(simopt, monkeypatch, tmp_path):
    (tmp_path / "today.csv").write_text(as_csv(load_case(CASE), TODAY))
    interrupt_call(monkeypatch, 2, ProjectedMaster, "solve")
    done = simopt("solve", CASE, "--baseline", tmp_path / "today.csv", "--out", tmp_path / "run")
    assert done.code == 130
    baseline = read_json(tmp_path / "run" / "result.json")["baseline"]
    assert (baseline["saving"], baseline["saving_share"]) == (None, None)
    assert "no comparison with today's network: interrupted" in done.out
