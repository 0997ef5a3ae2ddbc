"""The command line: what it writes and prints, its exit codes, and lines instead of tracebacks for bad input."""

import csv
import json
import math
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from design.case import Case
from design.case_files import case_names, load_case, save_case
from design.master import ProjectedMaster
from design.node import Node
from simopt.apps.options import SolveOptions
from simopt.apps.solve import solve
from simopt.optimization.subproblem import Subproblem
from simopt.simulation.ledger import Ledger
from tests.networks import with_network
from tests.simopt.command import Outcome, assert_refused, interrupt_call, read_json

CASE = "two-two-three"
ENTRY = [sys.executable, "-m", "simopt"]
KEYS = {
    "case", "method", "seed", "status", "termination", "warnings", "cost", "lower_bound", "gap", "gap_interval",
    "certified", "confidence", "certificate", "design", "base_stock_levels", "node_costs", "transport_cost",
    "pipeline_cost", "fixed_cost", "service", "replications_used", "scenarios_used", "wall_seconds", "iterations",
    "versions", "saving_against_network_first",
}  # fmt: skip


def in_a_process(*arguments: object) -> Outcome:
    """Runs a command as a user does."""
    done = subprocess.run([*ENTRY, *map(str, arguments)], capture_output=True, text=True, check=False)
    return Outcome(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory) -> Path:
    """What a solve of the small shipped case wrote."""
    folder = tmp_path_factory.mktemp("run") / "deeper" / "still"
    done = in_a_process("solve", CASE, "--out", folder)
    assert (done.code, done.err) == (0, "")
    assert "lower bound" in done.out
    return folder


@pytest.fixture(scope="module")
def single_stage_run(tmp_path_factory) -> Path:
    """The same with single-stage costs in the master."""
    folder = tmp_path_factory.mktemp("single-stage")
    done = in_a_process("solve", CASE, "--bound", "single-stage", "--no-certify", "--out", folder)
    assert done.code == 0
    return folder


@pytest.fixture(scope="module")
def result(run_folder) -> dict:
    return read_json(run_folder / "result.json")


def test_result_has_exactly_the_promised_keys(result):
    assert set(result) == KEYS
    assert set(result["cost"]) == {"mean", "half_width", "replications"}
    assert set(result["lower_bound"]) == {"value", "half_width", "kind", "model"}
    assert set(result["design"]) == {"lanes", "open"}
    assert all(set(lane) == {"from", "to"} for lane in result["design"]["lanes"])
    assert all(set(row) == {"node", "level"} for row in result["base_stock_levels"])
    assert all(set(row) == {"node", "holding", "backorder"} for row in result["node_costs"])
    assert all(set(row) == {"node", "fill_rate", "cycle_service_level"} for row in result["service"])
    assert result["iterations"]
    assert {"python", "numpy", "highspy"} <= set(result["versions"])


def test_result_says_what_was_run(result):
    assert (result["case"], result["method"], result["seed"]) == (CASE, "outer-approximation", 0)
    assert (result["status"], result["warnings"], result["certified"]) == ("solved", [], True)


def test_the_design_is_one_of_the_network_with_a_level_for_every_open_node(result):
    network = load_case(CASE).network
    design = network.design((lane["from"], lane["to"]) for lane in result["design"]["lanes"])
    assert set(result["design"]["open"]) == set(design.nodes)
    assert [row["node"] for row in result["base_stock_levels"]] == result["design"]["open"]
    assert [row["node"] for row in result["node_costs"]] == result["design"]["open"]
    assert [row["node"] for row in result["service"]] == [n for n in design.nodes if n in network.customers]


def test_the_cost_is_the_sum_of_its_parts(result):
    parts = sum(row["holding"] + row["backorder"] for row in result["node_costs"])
    parts += result["transport_cost"] + result["pipeline_cost"] + result["fixed_cost"]
    assert result["cost"]["mean"] == pytest.approx(parts, rel=1e-9)


def test_the_bound_lies_below_the_cost_and_gives_the_gap(result):
    cost, bound = result["cost"]["mean"], result["lower_bound"]
    assert bound["kind"] == "exact"
    assert bound["value"] < cost
    assert result["gap"] == pytest.approx((cost - bound["value"]) / cost)
    low, high = result["gap_interval"]
    half_width = result["cost"]["half_width"]
    assert low == pytest.approx((cost - half_width - bound["value"]) / (cost - half_width))
    assert high == pytest.approx((cost + half_width - bound["value"]) / (cost + half_width))


def test_iterations_are_numbered_and_never_lose_ground(result):
    steps = result["iterations"]
    assert [step["iteration"] for step in steps] == list(range(1, len(steps) + 1))
    for before, after in pairwise(steps):
        assert after["lower_bound"] >= before["lower_bound"]
        assert after["upper_bound"] <= before["upper_bound"]
        assert after["replications"] >= before["replications"]


def test_service_is_a_share(result):
    assert all(0.5 < row["fill_rate"] <= 1.0 for row in result["service"])
    assert all(0.5 < row["cycle_service_level"] <= 1.0 for row in result["service"])


def test_the_run_folder_holds_the_tables_and_a_copy_of_the_case(run_folder, result):
    tables = {}
    for name in ("history", "lanes", "nodes"):
        with (run_folder / f"{name}.csv").open(encoding="utf-8", newline="") as stream:
            tables[name] = list(csv.DictReader(stream))
    assert len(tables["history"]) == len(result["iterations"])
    used = {(row["from"], row["to"]) for row in tables["lanes"] if row["used"] == "1"}
    assert used == {(lane["from"], lane["to"]) for lane in result["design"]["lanes"]}
    assert [row["node"] for row in tables["nodes"]] == result["design"]["open"]
    assert load_case(run_folder / "case") == load_case(CASE)
    log = [json.loads(line) for line in (run_folder / "log.jsonl").read_text().splitlines()]
    assert [event["event"] for event in log] == ["start", *["iteration"] * len(result["iterations"]), "end"]
    assert log[-1]["termination"] == result["termination"]
    assert log[-1]["cost"] == result["cost"]["mean"]


def without_times(found: dict) -> dict:
    steps = [{key: value for key, value in step.items() if key != "seconds"} for step in found["iterations"]]
    return {**found, "wall_seconds": None, "iterations": steps}


def test_the_number_of_jobs_does_not_change_the_result(simopt, tmp_path, result):
    assert simopt("solve", CASE, "--jobs", 2, "--out", tmp_path).code == 0
    assert without_times(read_json(tmp_path / "result.json")) == without_times(result)


def test_another_seed_changes_the_paths_and_hardly_the_cost(simopt, tmp_path, result):
    assert simopt("solve", CASE, "--seed", 7, "--out", tmp_path).code == 0
    other = read_json(tmp_path / "result.json")
    assert other["seed"] == 7
    assert other["cost"]["mean"] != result["cost"]["mean"]
    assert other["cost"]["mean"] == pytest.approx(result["cost"]["mean"], rel=5e-3)


def test_a_path_gives_the_same_result_as_the_shipped_name(simopt, tmp_path, run_folder, result):
    assert simopt("solve", run_folder / "case", "--out", tmp_path).code == 0
    assert without_times(read_json(tmp_path / "result.json")) == without_times(result)


def test_simulating_the_solution_anew_agrees_within_the_half_widths(simopt, tmp_path, run_folder, result):
    done = simopt("simulate", CASE, "--solution", run_folder / "result.json", "--seed", 99, "--out", tmp_path)
    again = read_json(tmp_path / "result.json")
    assert done.code == 0
    assert set(again) == {
        "case", "seed", "warnings", "cost", "design", "base_stock_levels", "node_costs", "transport_cost",
        "pipeline_cost", "fixed_cost", "service", "measures", "versions",
    }  # fmt: skip
    difference = abs(again["cost"]["mean"] - result["cost"]["mean"])
    assert 0.0 < difference <= again["cost"]["half_width"] + result["cost"]["half_width"]
    assert again["design"] == result["design"]


def test_simulating_with_the_seed_of_the_solve_repeats_its_numbers(simopt, tmp_path, run_folder, result):
    simopt("simulate", CASE, "--solution", run_folder / "result.json", "--out", tmp_path)
    again = read_json(tmp_path / "result.json")
    assert {key: again[key] for key in ("cost", "node_costs", "service")} == {
        key: result[key] for key in ("cost", "node_costs", "service")
    }


@pytest.mark.parametrize("count", [1, 2, 100, 50_000])
def test_exactly_the_wanted_replications_are_simulated(simopt, tmp_path, run_folder, count):
    solution = run_folder / "result.json"
    done = simopt("simulate", CASE, "--solution", solution, "--replications", count, "--out", tmp_path)
    assert done.code == 0
    assert read_json(tmp_path / "result.json")["cost"]["replications"] == count


METHODS = {
    "extensive master": ["--master", "extensive"],
    "sampled master": ["--scenarios", "256"],
    "kriging": ["--subproblem", "kriging"],
    "the paper's loop": ["--method", "paper"],
    "sequential": ["--method", "sequential"],
    "genetic": ["--method", "genetic"],
}


@pytest.mark.parametrize("options", METHODS.values(), ids=METHODS)
def test_every_method_writes_a_result_that_respects_the_bound(simopt, tmp_path, result, single_stage_run, options):
    done = simopt("solve", CASE, *options, "--out", tmp_path)
    found = read_json(tmp_path / "result.json")
    assert (done.code, done.err) == (0, "")
    assert set(found) == KEYS
    assert found["cost"]["mean"] + found["cost"]["half_width"] > result["lower_bound"]["value"]
    bound = found["lower_bound"]
    assert (found["gap_interval"] is None) == (bound is None)
    if bound is not None:
        low, high = found["gap_interval"]
        assert low < found["gap"] < high
        assert re.search(r"gap -?[\d.]+% ± [\d.]+%\n", done.out)
        single_stage = read_json(single_stage_run / "result.json")["lower_bound"]
        assert bound["model"] == ("echelon" if "kriging" in options else "single-stage")
        same = {one["model"]: one["value"] for one in (single_stage, result["lower_bound"])}
        assert abs(bound["value"] - same[bound["model"]]) <= 2.0 * bound["half_width"]
        assert (bound["kind"] == "exact") == (bound["half_width"] == 0.0)


@pytest.mark.slow
def test_kriging_by_smt_finds_what_its_own_kriging_finds(simopt, tmp_path, result):
    assert simopt("solve", CASE, "--subproblem", "kriging", "--surrogate", "smt", "--out", tmp_path).code == 0
    assert read_json(tmp_path / "result.json")["cost"]["mean"] == pytest.approx(result["cost"]["mean"], rel=5e-3)


def test_compare_scores_every_method_with_every_seed(simopt, tmp_path):
    names = "sequential, genetic"
    done = simopt("compare", CASE, "--methods", names, "--num-seeds", 2, "--budget", 2000, "--out", tmp_path)
    found = read_json(tmp_path / "result.json")
    assert done.code == 0
    assert set(found["methods"]) == {"sequential", "genetic"}
    for row in found["methods"].values():
        assert {"costs", "mean", "half_width", "replications", "wall_seconds"} <= set(row)
        assert len(row["costs"]) == 2
        assert row["replications"] <= 2000
    with (tmp_path / "runs.csv").open(encoding="utf-8", newline="") as stream:
        assert [row["method"] for row in csv.DictReader(stream)] == ["sequential"] * 2 + ["genetic"] * 2
    assert (tmp_path / "cost_against_replications.png").read_bytes().startswith(b"\x89PNG")
    assert done.err.count("\n") == 4


def test_cases_lists_every_shipped_case_and_validate_accepts_each(simopt):
    listed = simopt("cases").out.splitlines()
    assert [line.split()[0] for line in listed] == list(case_names())
    for name in case_names():
        done = simopt("validate", name)
        assert done.code == 0
        assert done.out.endswith("valid\n")


def test_a_generated_network_is_valid_and_solved(simopt, tmp_path):
    folder = tmp_path / "deeper" / "case"
    made = simopt("generate", *SIZES, "--seed", 4, "--free-inner", "--nearest", 1, "--out", folder)
    assert (made.code, made.err) == (0, "")
    assert made.out == f"random-2-2-3-free-inner-nearest-1-seed-4: 7 nodes, 5 candidate lanes, written: {folder}\n"
    assert simopt("validate", folder).code == 0
    assert simopt("solve", folder, "--no-certify").code == 0


def test_networks_of_the_same_seed_are_the_same_to_the_byte(simopt, tmp_path):
    contents = []
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        assert simopt("generate", *SIZES, "--seed", seed, "--out", tmp_path / name).code == 0
        contents.append({file.name: file.read_bytes() for file in (tmp_path / name).iterdir()})
    assert contents[0] == contents[1]
    assert all(contents[0][name] != contents[2][name] for name in contents[0])


def test_a_network_is_not_written_over_a_file(simopt, tmp_path):
    (tmp_path / "file").write_text("in the way")
    assert_refused(simopt("generate", *SIZES, "--out", tmp_path / "file"), "file")


def solution_with(change: Callable[[dict], object]) -> str:
    """A sound solution of the small case after a change, as JSON."""
    lanes = [("North", "West"), ("West", "A"), ("West", "B"), ("West", "C")]
    content = {
        "design": {"lanes": [{"from": a, "to": b} for a, b in lanes]},
        "base_stock_levels": [{"node": name, "level": 100.0} for name in ("North", "West", "A", "B", "C")],
    }
    change(content)
    return json.dumps(content)


def test_a_solution_written_by_hand_is_simulated(simopt, tmp_path):
    (tmp_path / "solution.json").write_text(solution_with(lambda _: None))
    done = simopt("simulate", CASE, "--solution", tmp_path / "solution.json", "--replications", 64)
    assert (done.code, done.err) == (0, "")


BAD_SOLUTIONS = {
    "empty": ("", "not readable as JSON"),
    "text": ("levels: 3", "not readable as JSON"),
    "a list": ("[]", "expected design.lanes"),
    "a number": ("3", "expected design.lanes"),
    "null": ("null", "expected design.lanes"),
    "no levels": (solution_with(lambda c: c.pop("base_stock_levels")), "base_stock_levels"),
    "no design": (solution_with(lambda c: c.pop("design")), "design"),
    "lanes of text": (solution_with(lambda c: c["design"].update(lanes=["North -> West"])), "expected design.lanes"),
    "a level for W only": (solution_with(lambda c: c["base_stock_levels"].pop()), "expected a level for 'C'"),
    "a level of text": (solution_with(lambda c: c["base_stock_levels"][0].update(level="many")), "many"),
    "a negative level": (solution_with(lambda c: c["base_stock_levels"][0].update(level=-1)), "North: -1.0: expected"),
    "NaN": (solution_with(lambda c: c["base_stock_levels"][0].update(level=math.nan)), "North: nan: expected"),
    "infinity": (solution_with(lambda c: c["base_stock_levels"][0].update(level=math.inf)), "North: inf: expected"),
    "too large": (solution_with(lambda c: c["base_stock_levels"][0].update(level=10**400)), "expected"),
    "level of null": (solution_with(lambda c: c["base_stock_levels"][0].update(level=None)), "expected"),
    "a lane that is no candidate": (
        solution_with(lambda c: c["design"]["lanes"].append({"from": "North", "to": "A"})), "not a candidate lane",
    ),
    "two suppliers": (
        solution_with(lambda c: c["design"]["lanes"].append({"from": "East", "to": "A"})), "two suppliers",
    ),
    "an unserved shop": (solution_with(lambda c: c["design"]["lanes"].pop()), "'C' is used but has no supplier"),
    "of another case": ('{"design": {"lanes": [{"from": "P1", "to": "W1"}]}, "base_stock_levels": []}', "candidate"),
}  # fmt: skip


@pytest.mark.parametrize(("content", "said"), BAD_SOLUTIONS.values(), ids=BAD_SOLUTIONS)
def test_a_bad_solution_is_refused(simopt, tmp_path, content, said):
    (tmp_path / "solution.json").write_text(content)
    assert_refused(simopt("simulate", CASE, "--solution", tmp_path / "solution.json"), "error: ", said)


def test_a_solution_that_is_not_utf_8_is_refused(simopt, tmp_path):
    (tmp_path / "solution.json").write_bytes(solution_with(lambda _: None).encode("utf-16"))
    assert_refused(simopt("simulate", CASE, "--solution", tmp_path / "solution.json"), "not readable as JSON")


def test_a_missing_solution_is_refused(simopt, tmp_path):
    assert_refused(simopt("simulate", CASE, "--solution", tmp_path / "none.json"), "none.json: no such file")


def test_a_folder_in_place_of_a_solution_is_refused(simopt, tmp_path):
    assert_refused(simopt("simulate", CASE, "--solution", tmp_path), str(tmp_path))


SIZES = ["--plants", "2", "--warehouses", "2", "--dcs", "3"]
BAD_OPTIONS = {
    "unknown method": (["solve", CASE, "--method", "magic"], "method 'magic': expected one of outer-approximation"),
    "unknown master": (["solve", CASE, "--master", "small"], "master 'small': expected one of projected, extensive"),
    "unknown subproblem": (
        ["solve", CASE, "--subproblem", "x"],
        "subproblem 'x': expected one of auto, pathwise",
    ),
    "unknown surrogate": (["solve", CASE, "--surrogate", "x"], "surrogate 'x': expected one of own, smt"),
    "no scenarios": (["solve", CASE, "--scenarios", "0"], "scenarios 0: expected a whole number, at least 1"),
    "negative seed": (["solve", CASE, "--seed", "-1"], "seed -1: expected a whole number, at least 0"),
    "no jobs": (["solve", CASE, "--jobs", "0"], "jobs 0: expected a whole number, at least 1"),
    "no time": (["solve", CASE, "--time-limit", "0"], "time-limit 0.0: expected seconds above 0"),
    "time of nan": (["solve", CASE, "--time-limit", "nan"], "time-limit nan: expected seconds above 0"),
    "tolerance of one": (["solve", CASE, "--tolerance", "1"], "tolerance 1.0: expected a share"),
    "tolerance of nan": (["solve", CASE, "--tolerance", "nan"], "tolerance nan: expected a share"),
    "unknown case": (["solve", "two-two-thre"], "did you mean 'two-two-three'?"),
    "unknown case to validate": (["validate", "nowhere/at-all"], "no such folder or shipped case"),
    "unknown option": (["solve", CASE, "--methd", "paper"], "--method"),
    "text for a number": (["solve", CASE, "--seed", "one"], "--seed"),
    "unknown command": (["solv", CASE], "solv"),
    "no case": (["solve"], "case missing"),
    "methods twice": (["compare", CASE, "--methods", "genetic,genetic"], "occurs twice"),
    "unknown method to compare": (["compare", CASE, "--methods", "genetic,magic"], "unknown method 'magic'"),
    "no methods": (["compare", CASE, "--methods", ""], "unknown method ''"),
    "no seeds": (["compare", CASE, "--num-seeds", "0"], "num-seeds 0: expected at least 1"),
    "no budget": (["compare", CASE, "--budget", "0"], "budget 0: expected at least one replication"),
    "no jobs to compare": (["compare", CASE, "--jobs", "0"], "jobs 0: expected"),
    "no plants": (["generate", *SIZES, "--plants", "0", "--out", "x"], "plants 0: expected a whole number from 1 to"),
    "many warehouses": (["generate", *SIZES, "--warehouses", "1001", "--out", "x"], "warehouses 1001: expected"),
    "negative dcs": (["generate", *SIZES, "--dcs", "-3", "--out", "x"], "dcs -3: expected"),
    "a fraction of a plant": (["generate", *SIZES, "--plants", "2.5", "--out", "x"], "--plants"),
    "no nearest lanes": (["generate", *SIZES, "--nearest", "0", "--out", "x"], "nearest 0: expected"),
    "negative seed to generate": (["generate", *SIZES, "--seed", "-1", "--out", "x"], "seed -1: expected"),
    "a network without a folder": (["generate", *SIZES], "--out"),
    "negative seed to compare": (["compare", CASE, "--seed", "-1"], "seed -1: expected"),
}


@pytest.mark.parametrize(("arguments", "said"), BAD_OPTIONS.values(), ids=BAD_OPTIONS)
def test_a_bad_option_is_refused(simopt, arguments, said):
    assert_refused(simopt(*arguments), said)


@pytest.mark.parametrize(
    ("option", "value"), [("--jobs", 0), ("--jobs", -1), ("--seed", -1), ("--replications", 0), ("--replications", -5)]
)
def test_a_bad_option_of_simulate_is_refused(simopt, run_folder, option, value):
    done = simopt("simulate", CASE, "--solution", run_folder / "result.json", option, value)
    assert_refused(done, f"{option.removeprefix('--')} {value}: expected")


def test_an_out_folder_that_cannot_be_made_is_refused_before_the_search(simopt, tmp_path):
    (tmp_path / "file").write_text("in the way")
    assert_refused(simopt("solve", CASE, "--out", tmp_path / "file"), "file")
    assert_refused(simopt("solve", CASE, "--out", tmp_path / "file" / "below"), "file")


def test_every_error_of_a_case_is_a_line_on_stderr(simopt, tmp_path):
    save_case(load_case(CASE), tmp_path / "case")
    nodes = tmp_path / "case" / "nodes.csv"
    nodes.write_text(nodes.read_text().replace("0.03", "cheap"))
    (tmp_path / "case" / "case.toml").write_text("[simulation]\nwarm_up = 3\n")
    done = simopt("validate", tmp_path / "case")
    assert_refused(done, "case.toml column simulation.horizon: missing", "nodes.csv row 6 column holding_cost: 'cheap'")
    assert all(line.startswith("error: case/") for line in done.err.splitlines())


def test_a_short_warm_up_is_a_warning_and_the_bound_an_estimate(simopt, tmp_path):
    save_case(replace(load_case(CASE), warm_up=2), tmp_path / "case")
    done = simopt("solve", tmp_path / "case", "--out", tmp_path / "run")
    found = read_json(tmp_path / "run" / "result.json")
    assert done.code == 0
    assert done.err.startswith("warning: warm_up 2 is shorter than the longest path's lead time 11")
    assert done.err == "".join(f"warning: {line}\n" for line in found["warnings"])
    assert found["lower_bound"]["kind"] == "estimate"


def test_a_time_limit_before_the_first_design_is_a_failure(simopt):
    done = simopt("solve", CASE, "--time-limit", "1e-9")
    assert done.code == 1
    assert done.err.startswith("error: no design found: time limit")


def test_a_budget_below_a_first_design_is_a_failure(simopt):
    done = simopt("compare", CASE, "--methods", "sequential", "--budget", 3)
    assert done.code == 1
    assert done.err == "error: budget 3: too small for a first design by sequential\n"


def test_a_time_limit_ends_the_genetic_algorithm_with_its_incumbent():
    found = solve(load_case(CASE), SolveOptions("genetic", time_limit=1e-3))
    assert found.status == "limit"
    assert "time limit" in found.termination


def free_of_charge(case: Case) -> Case:
    nodes = [Node(n.name, n.kind, lead_time=n.lead_time) for n in case.network.nodes]
    return with_network(case, nodes, [replace(lane, unit_cost=0.0) for lane in case.network.lanes])


@pytest.mark.parametrize("method", ["outer-approximation", "sequential", "genetic"])
def test_a_case_in_which_nothing_costs_anything_is_solved(simopt, tmp_path, method):
    save_case(free_of_charge(load_case(CASE)), tmp_path / "case")
    done = simopt("solve", tmp_path / "case", "--method", method, "--out", tmp_path / "run")
    assert done.code == 0
    assert read_json(tmp_path / "run" / "result.json")["cost"]["mean"] == 0.0


def test_a_case_without_demand_is_solved(simopt, tmp_path):
    save_case(load_case(CASE), tmp_path / "case")
    (tmp_path / "case" / "demand.csv").write_text("node,distribution,mean,sd\nA,normal,0,0\nB,normal,0,0\n")
    done = simopt("solve", tmp_path / "case", "--out", tmp_path / "run")
    assert done.code == 0
    assert read_json(tmp_path / "run" / "result.json")["cost"]["mean"] == pytest.approx(0.0, abs=1e-6)


HEAVY = ("numba", "pyomo", "highspy", "scipy", "smt", "sklearn", "matplotlib", "joblib", "numpy")


def test_help_is_quick_because_nothing_heavy_is_imported():
    program = (
        "import sys, contextlib\nfrom simopt.cli import main\nsys.argv = ['simopt', '--help']\n"
        "with contextlib.suppress(SystemExit):\n    main()\n"
        f"print(sorted(set({HEAVY}) & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "solve" in done.stdout
    assert done.stderr == "[]\n"


def test_without_arguments_the_commands_are_listed(simopt):
    done = simopt()
    assert all(name in done.out + done.err for name in ("solve", "compare", "simulate", "generate", "validate"))


def interrupted(arguments: list[object]) -> Outcome:
    """A command that is sent Ctrl-C as soon as its table has two rows."""
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        [*ENTRY, *map(str, arguments)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
    ) as running:  # fmt: skip
        head = "".join(running.stdout.readline() for _ in range(3))
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=60)
    return Outcome(running.returncode, head + out, err)


def test_ctrl_c_keeps_the_incumbent_of_the_search(tmp_path):
    save_case(replace(load_case("thirteen-node"), horizon=3000), tmp_path / "case")
    done = interrupted(["solve", tmp_path / "case", "--method", "genetic", "--out", tmp_path / "run"])
    assert done.code == 130
    assert "Traceback" not in done.err
    found = read_json(tmp_path / "run" / "result.json")
    assert found["status"] == "interrupted"
    assert found["termination"].startswith("interrupted")
    assert len(found["iterations"]) >= 2


@pytest.mark.parametrize(
    ("where", "name", "number"),
    [(ProjectedMaster, "solve", 2), (Ledger, "fresh_together", 1), (Ledger, "fresh_together", 2)],
    ids=["in a later master", "in the evaluation", "late in the evaluation"],
)
def test_ctrl_c_after_a_first_design_writes_the_incumbent(simopt, monkeypatch, tmp_path, where, name, number):
    interrupt_call(monkeypatch, number, where, name)
    done = simopt("solve", "thirteen-node", "--out", tmp_path)
    assert done.code == 130
    found = read_json(tmp_path / "result.json")
    assert found["status"] == "interrupted"
    assert found["lower_bound"]["value"] < found["cost"]["mean"] + found["cost"]["half_width"]


def test_ctrl_c_before_a_first_design_leaves_with_130(simopt, monkeypatch):
    interrupt_call(monkeypatch, 1, Subproblem, "solve_all")
    done = simopt("solve", CASE)
    assert done.code == 130
    assert "Traceback" not in done.err
    assert "interrupted" in done.err


def test_ctrl_c_while_the_case_is_read_leaves_with_130(simopt, monkeypatch):
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("design.case_files.load_case", stop)
    done = simopt("validate", CASE)
    assert done.code == 130
    assert done.err == "interrupted before a first solution\n"
