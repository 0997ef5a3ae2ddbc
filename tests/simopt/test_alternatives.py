"""The next-best designs: when the loop ends, that it finds what enumeration finds, and the command around it."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from design.case import Case
from design.case_files import load_case, save_case
from design.flow_model import InfeasibleError
from design.master import ProjectedMaster
from design.master_types import MasterSolution
from design.network import Component, Design, Network
from design.node import Lane, Node
from design.solver import SolveStatus
from simopt.apps.alternatives import AlternativesOptions, find_alternatives
from simopt.apps.methods import ExactParts
from simopt.apps.options import SolveOptions
from simopt.apps.solve import NothingFoundError, solve
from simopt.differences import DesignChange
from simopt.optimization.alternatives import ListEnd, ShortList, next_best_designs
from simopt.optimization.outer_approximation import LoopParams
from simopt.optimization.polish import Polisher
from simopt.optimization.subproblem import ComponentPlan, Subproblem
from simopt.reporting.run_folder import write_run
from simopt.simulation.estimate import Estimate
from simopt.simulation.ledger import Ledger
from simopt.simulation.simulator import TreeSimulator
from tests.networks import make_case
from tests.simopt.command import Command, assert_refused, interrupt_call, read_json
from tests.small_cases import Features, all_designs, echelon_case

NETWORK = Network(
    (Node("p", lead_time=1), Node("q", lead_time=1), Node("r", lead_time=1), Node("a"), Node("b")),
    tuple(Lane(origin, end, 1) for origin in "pqr" for end in "ab"),
    ("a", "b"),
)
BOTH_BY_P, BOTH_BY_Q = (NETWORK.design([(source, "a"), (source, "b")]) for source in "pq")
A_BY_P = NETWORK.design([("p", "a"), ("q", "b")])
A_BY_Q = NETWORK.design([("q", "a"), ("p", "b")])
A_BY_P_B_BY_R = NETWORK.design([("p", "a"), ("r", "b")])
CASE = "two-two-three"


@dataclass
class FakeMaster:
    """Returns chosen proposals, infeasible when none is left, and notes what it is told."""

    proposals: list[MasterSolution]
    prices: list[Component] = field(default_factory=list)
    forbidden: list[Design] = field(default_factory=list)
    num_scenarios: int = 0

    def solve(self, _: float = np.inf) -> MasterSolution:
        if not self.proposals:
            raise InfeasibleError("none left")
        return self.proposals.pop(0)

    def price(self, component: Component, extra: float) -> None:
        assert extra == 10.0
        self.prices.append(component)

    def forbid(self, design: Design) -> None:
        self.forbidden.append(design)


@dataclass
class FakeSubproblem:
    """Every component costs 50, of which the master knows 40."""

    solved: list[Component] = field(default_factory=list)

    def solve_all(self, components: Sequence[Component]) -> Iterator[ComponentPlan]:
        return map(self.solve, components)

    def solve(self, component: Component) -> ComponentPlan:
        self.solved.append(component)
        return ComponentPlan(component, np.zeros(len(component.nodes)), Estimate(50.0, 1.0, 10), 40.0)


def proposal(design: Design | None, bound: float, status: SolveStatus = SolveStatus.OPTIMAL) -> MasterSolution:
    return MasterSolution(status, design, bound, bound)


def run(proposals: list[MasterSolution], count: int = 1, **params: float) -> list[ShortList]:
    master = FakeMaster(proposals)
    return list(next_best_designs(master, FakeSubproblem(), BOTH_BY_P, count, LoopParams(**params)))


def test_the_loop_ends_when_the_bound_of_the_others_reaches_the_last_alternative() -> None:
    *_, before, last = run([proposal(BOTH_BY_Q, 40.0), proposal(A_BY_P, 49.0), proposal(A_BY_Q, 99.96)], count=2)
    assert before.termination is None
    assert last.termination is ListEnd.BOUND_MET
    assert last.is_complete
    assert last.alternatives == (BOTH_BY_Q, A_BY_P)
    assert (last.last_cost, last.bound) == (100.0, 99.96)


def test_a_bound_below_the_tolerance_does_not_end_it() -> None:
    *_, last = run([proposal(BOTH_BY_Q, 40.0), proposal(A_BY_P, 49.9), proposal(A_BY_Q, 60.0)])
    assert [design.lanes for design in last.search.designs] == [BOTH_BY_P.lanes, BOTH_BY_Q.lanes, A_BY_P.lanes]
    assert last.alternatives == (BOTH_BY_Q,)


def test_all_designs_simulated_is_complete_though_fewer_than_wanted() -> None:
    *_, last = run([proposal(BOTH_BY_Q, 40.0), proposal(A_BY_P, 41.0)], count=5)
    assert last.termination is ListEnd.EXHAUSTED
    assert last.is_complete
    assert len(last.alternatives) == 2
    assert last.bound == np.inf


def test_every_design_simulated_is_forbidden_and_every_component_simulated_and_priced_once() -> None:
    master, subproblem = FakeMaster([proposal(A_BY_P, 40.0), proposal(A_BY_P_B_BY_R, 41.0)]), FakeSubproblem()
    list(next_best_designs(master, subproblem, BOTH_BY_P, 5))
    assert master.forbidden == [BOTH_BY_P, A_BY_P, A_BY_P_B_BY_R]
    expected = [*BOTH_BY_P.components, *A_BY_P.components, A_BY_P_B_BY_R.components[1]]
    assert subproblem.solved == master.prices == expected


@pytest.mark.parametrize(
    ("proposals", "end", "number"),
    [
        ([proposal(None, 40.0, SolveStatus.TIME_LIMIT)], ListEnd.TIME_LIMIT, 0),
        ([proposal(BOTH_BY_Q, 40.0, SolveStatus.TIME_LIMIT)], ListEnd.TIME_LIMIT, 1),
        ([proposal(BOTH_BY_Q, 40.0, SolveStatus.INTERRUPTED)], ListEnd.INTERRUPTED, 0),
        ([proposal(BOTH_BY_Q, 40.0), proposal(None, -np.inf, SolveStatus.FAILED)], ListEnd.SOLVER_FAILED, 1),
        ([proposal(None, 40.0)], ListEnd.SOLVER_FAILED, 0),
    ],
)
def test_an_end_without_proof_is_not_complete(proposals: list[MasterSolution], end: ListEnd, number: int) -> None:
    *_, last = run(proposals, count=2)
    assert (last.termination, last.is_complete, len(last.alternatives)) == (end, False, number)


def test_limits_of_iterations_and_time_end_the_loop() -> None:
    *_, last = run([proposal(BOTH_BY_Q, 40.0), proposal(A_BY_P, 41.0)], count=3, max_iterations=1)
    assert last.termination is ListEnd.ITERATION_LIMIT
    *_, last = run([proposal(BOTH_BY_Q, 40.0), proposal(A_BY_P, 41.0)], count=3, time_limit=1e-9)
    assert last.termination is ListEnd.TIME_LIMIT
    assert not last.is_complete


def searched(case: Case) -> tuple[ExactParts, dict[Design, float]]:
    """The parts of a search, and what every design costs by the same subproblem."""
    parts = ExactParts(case, SolveOptions(), Ledger(case, TreeSimulator(case), seed=0))
    designs = [case.network.design(lanes) for lanes in sorted(all_designs(case.network), key=sorted)]
    costs: dict[Component, float] = {}
    for component in {component: None for design in designs for component in design.components}:
        costs[component] = parts.subproblem.solve(component).cost.mean
    return parts, {design: sum(costs[c] for c in design.components) for design in designs}


CASES = [
    ((2, 2, 3), Features(lane_lead_times=True), 0),
    ((2, 2, 3), Features(fixed_costs=True, lane_lead_times=True), 1),
    ((2, 2, 2), Features(inner_customers=True, lane_lead_times=True), 2),
    ((2, 2, 2), Features(source_customers=True, curved_holding=True), 3),
    ((3, 3), Features(lane_lead_times=True), 4),
]


@pytest.mark.parametrize(("sizes", "features", "seed"), CASES)
def test_the_list_is_that_of_enumeration(sizes: tuple[int, ...], features: Features, seed: int) -> None:
    case = echelon_case(np.random.default_rng(seed), sizes, features)
    parts, costs = searched(case)
    own, *others = sorted(costs, key=costs.__getitem__)
    *_, last = next_best_designs(parts.master(), parts.subproblem, own, 5, LoopParams())
    assert last.termination is ListEnd.BOUND_MET
    assert len(set(last.alternatives)) == 5
    assert own not in last.alternatives
    for found, expected in zip(last.alternatives, others, strict=False):
        assert costs[expected] <= costs[found] <= (1.0 + 2e-3) * costs[expected]
    assert len(last.search.designs) < len(costs)


def test_a_cheaper_design_than_the_own_one_leads_the_list() -> None:
    parts, costs = searched(echelon_case(np.random.default_rng(0), (2, 2, 2), Features(lane_lead_times=True)))
    best, _, third, *_ = sorted(costs, key=costs.__getitem__)
    *_, last = next_best_designs(parts.master(), parts.subproblem, third, 2, LoopParams())
    assert last.alternatives[0] == best
    assert third not in last.alternatives


def test_a_change_names_lanes_and_sites() -> None:
    change = DesignChange.between(BOTH_BY_P, A_BY_P)
    assert change == DesignChange((("q", "b"),), (("p", "b"),), ("q",), ())
    assert DesignChange.between(A_BY_P, BOTH_BY_P) == DesignChange((("p", "b"),), (("q", "b"),), (), ("q",))
    assert change.moves == 1
    assert DesignChange.between(A_BY_P, A_BY_Q).moves == 2


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the small shipped case."""
    folder = tmp_path_factory.mktemp("run")
    case = load_case(CASE)
    write_run(folder, case, solve(case, SolveOptions(seed=3, certify=False)).as_dict())
    return folder


def test_the_command_lists_five_designs_and_writes_them(simopt: Command, run_folder: Path, tmp_path: Path) -> None:
    done = simopt("alternatives", run_folder, "--out", tmp_path)
    of_run, found = read_json(run_folder / "result.json"), read_json(tmp_path / "result.json")
    assert done.code == 0
    assert set(found) == {
        "case", "seed", "warnings", "cost", "design", "base_stock_levels", "alternatives", "tolerance", "complete",
        "termination", "bound_of_others", "designs_simulated", "replications_used", "wall_seconds", "versions",
    }  # fmt: skip
    assert (found["case"], found["seed"], found["complete"]) == (CASE, 3, True)
    assert found["design"] == of_run["design"]
    assert found["base_stock_levels"] == of_run["base_stock_levels"]
    assert found["cost"] == of_run["cost"]  # the run's seed: the same fresh replications
    rows = found["alternatives"]
    assert len(rows) == 5
    assert [row["cost"]["mean"] for row in rows] == sorted(row["cost"]["mean"] for row in rows)
    lines = done.out.splitlines()
    assert "complete: no other design costs less than the last one by more than 0.1%" in done.out
    assert "rank" not in "".join(lines[8:])  # none is as good as the run's
    assert lines[-1] == f"written: {tmp_path / 'result.json'}"
    assert done.err.count("bound of all others") >= 5
    used = {(lane["from"], lane["to"]) for lane in of_run["design"]["lanes"]}
    for rank, row in enumerate(rows, 1):
        assert set(row) == {
            "design", "base_stock_levels", "lanes_added", "lanes_dropped", "opened", "closed", "cost", "difference",
            "difference_share",
        }  # fmt: skip
        lanes, added, dropped = (
            {(lane["from"], lane["to"]) for lane in part}
            for part in (row["design"]["lanes"], row["lanes_added"], row["lanes_dropped"])
        )
        assert (added, dropped) == (lanes - used, used - lanes)
        assert set(row["opened"]) == set(row["design"]["open"]) - set(of_run["design"]["open"])
        assert set(row["closed"]) == set(of_run["design"]["open"]) - set(row["design"]["open"])
        assert row["difference"]["mean"] == pytest.approx(row["cost"]["mean"] - found["cost"]["mean"])
        assert row["difference_share"] == pytest.approx(row["difference"]["mean"] / found["cost"]["mean"])
        assert 0.0 < row["difference"]["half_width"] < row["cost"]["half_width"] + found["cost"]["half_width"]
        assert row["cost"]["replications"] == found["cost"]["replications"]
        assert any(line.split()[:1] == [str(rank)] and f"{row['cost']['mean']:.2f}" in line for line in lines)


def test_the_list_does_not_depend_on_jobs_but_on_the_seed(run_folder: Path) -> None:
    def outcome(**options: int) -> dict:
        found = find_alternatives(load_case(CASE), run_folder, AlternativesOptions(count=2, **options)).as_dict()
        return {key: value for key, value in found.items() if key not in ("wall_seconds", "seed")}

    assert outcome(jobs=1, seed=1) == outcome(jobs=2, seed=1)
    assert outcome(seed=1) != outcome(seed=2)


def test_a_network_of_one_design_has_no_alternative(simopt: Command, tmp_path: Path) -> None:
    case = load_case("two-stage-series")
    write_run(tmp_path / "run", case, solve(case, SolveOptions(certify=False)).as_dict())
    done = simopt("alternatives", tmp_path / "run")
    assert done.code == 0
    assert "complete: the network has no other design\n" in done.out


def tied_case() -> Case:
    """Two equal sources: a customer served by either costs the same, on the very same paths."""
    whole = load_case(CASE)
    nodes = [Node(name, lead_time=2, holding_cost=1.0, backorder_cost=9.0) for name in ("p", "q")]
    nodes.append(Node("c", holding_cost=2.0, backorder_cost=9.0))
    lanes = [Lane(origin, "c", 1, unit_cost=0.5) for origin in ("p", "q")]
    return make_case(nodes, lanes, {"c": next(iter(whole.demand.values()))}, horizon=50, warm_up=10)


def test_a_tie_is_called_one_and_fewer_designs_than_asked_for_are_said_so(simopt: Command, tmp_path: Path) -> None:
    case = tied_case()
    write_run(tmp_path / "run", case, solve(case, SolveOptions(certify=False)).as_dict())
    done = simopt("alternatives", tmp_path / "run", "--out", tmp_path)
    assert done.code == 0
    assert "rank 1 may be as good as the run's design: within 0.1% of its cost" in done.out
    assert "complete: the network has only 1 other design\n" in done.out
    found = read_json(tmp_path / "result.json")
    assert (len(found["alternatives"]), found["bound_of_others"], found["complete"]) == (1, None, True)


def test_a_better_design_than_the_runs_is_called_better(simopt: Command, run_folder: Path, tmp_path: Path) -> None:
    content = read_json(run_folder / "result.json")
    for row in content["base_stock_levels"]:
        row["level"] *= 3.0
    (tmp_path / "result.json").write_text(json.dumps(content))
    save_case(load_case(CASE), tmp_path / "case")
    done = simopt("alternatives", tmp_path, "--count", 2)
    assert "rank 1 costs less than the run's design with its levels" in done.out


def test_a_bound_that_is_an_estimate_completes_nothing(simopt: Command, run_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "result.json").write_text((run_folder / "result.json").read_text())
    save_case(load_case(CASE), tmp_path / "case")
    toml = tmp_path / "case" / "case.toml"
    before = toml.read_text()
    warm_up = next(line for line in before.splitlines() if line.startswith("warm_up"))
    toml.write_text(before.replace(warm_up, "warm_up = 2"))
    done = simopt("alternatives", tmp_path, "--count", 1, "--out", tmp_path / "out")
    assert done.code == 0
    assert "not shown to be complete" in done.out
    assert read_json(tmp_path / "out" / "result.json")["complete"] is False


def bad_runs(folder: Path, run_folder: Path) -> Iterator[tuple[list[object], str]]:
    """Arguments and what is said of them."""
    yield [folder / "none"], f"error: {folder / 'none'}: no such folder; expected the folder that a solve wrote"
    yield [run_folder / "result.json"], "no such folder"
    (folder / "empty").mkdir()
    yield [folder / "empty"], "holds no result.json"
    (folder / "half").mkdir()
    (folder / "half" / "result.json").write_text("{}")
    yield [folder / "half"], "holds no case"
    save_case(load_case(CASE), folder / "half" / "case")
    yield [folder / "half"], "expected design.lanes"
    (folder / "half" / "case" / "nodes.csv").unlink()
    yield [folder / "half"], "error: case/nodes.csv: file missing"
    yield [run_folder, "--count", 0], "count 0: expected a whole number, at least 1"
    yield [run_folder, "--seed", -1], "seed -1: expected"
    yield [run_folder, "--jobs", 0], "jobs 0: expected"
    yield [run_folder, "--time-limit", 0], "time-limit 0.0: expected"
    yield [run_folder, "--out", run_folder], "the run's own folder; expected another one"


def test_bad_input_is_one_line_and_code_2(simopt: Command, run_folder: Path, tmp_path: Path) -> None:
    before = (run_folder / "result.json").read_text()
    for arguments, said in bad_runs(tmp_path, run_folder):
        done = simopt("alternatives", *arguments)
        assert_refused(done, said)
        assert done.err.startswith("error: ")
        assert done.err.count("\n") == 1
    assert (run_folder / "result.json").read_text() == before


def test_a_time_limit_before_the_first_alternative_is_a_failure(simopt: Command, run_folder: Path) -> None:
    done = simopt("alternatives", run_folder, "--time-limit", "1e-9")
    assert done.code == 1
    assert "error: no alternative found: time limit" in done.err
    with pytest.raises(NothingFoundError):
        find_alternatives(load_case(CASE), run_folder, AlternativesOptions(time_limit=1e-9))


@pytest.mark.parametrize(
    ("call", "is_complete"),
    [
        ((3, ProjectedMaster, "solve"), False),
        ((3, Subproblem, "solve_all"), False),
        ((2, Polisher, "levels"), True),
        ((2, Ledger, "fresh_together"), True),
    ],
)
def test_ctrl_c_leaves_what_is_there(simopt, monkeypatch, run_folder, tmp_path, call, is_complete):
    interrupt_call(monkeypatch, *call)
    done = simopt("alternatives", run_folder, "--out", tmp_path)
    assert done.code == 130
    assert "Traceback" not in done.err
    written = read_json(tmp_path / "result.json")
    assert written["termination"].startswith("interrupted")
    assert written["termination"] in done.out
    assert written["complete"] is is_complete
    assert written["cost"]["replications"] == 256
    assert 1 <= len(written["alternatives"]) <= 5
    assert (len(written["alternatives"]) == 5) is is_complete


def test_ctrl_c_before_a_first_alternative_leaves_with_130(simopt, monkeypatch, run_folder):
    interrupt_call(monkeypatch, 1, ProjectedMaster, "solve")
    done = simopt("alternatives", run_folder)
    assert (done.code, done.out, done.err) == (130, "", "interrupted before a first solution\n")
