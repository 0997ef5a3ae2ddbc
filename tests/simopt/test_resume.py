"""Runs taken up again: cut at their records, killed as processes, interrupted; in the end the same answer."""

import json
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from design.case import Case
from design.case_files import load_case, save_case
from design.emissions import EmissionSettings
from design.generate import GenerateParams, generate_case
from simopt.apps.options import SolveOptions
from simopt.apps.run import JOURNAL, OLD_JOURNAL, begin_run, resume_run
from simopt.apps.solve import solve
from simopt.apps.solve_request import SolveRequest
from tests.emitting import emitting
from tests.simopt.command import Outcome, assert_refused, read_json
from tests.small_cases import Features, echelon_case

CASE = "two-two-three"
ENTRY = [sys.executable, "-m", "simopt"]
TIMES = ("seconds", "wall_seconds")


def without_times(content: Any) -> Any:
    """A result but for what the clock says."""
    if isinstance(content, dict):
        return {key: without_times(value) for key, value in content.items() if key not in TIMES}
    return [without_times(value) for value in content] if isinstance(content, list) else content


def solved(run) -> dict:
    """What a run comes to."""
    result = without_times(solve(run.case, run.request.options(run.journal)).as_dict())
    run.end(is_finished=False)
    return json.loads(json.dumps(result))


def under_a_cap() -> Case:
    """A case whose cap on emissions counts held stock and binds."""
    case = emitting(echelon_case(np.random.default_rng(3), (2, 2, 2), Features(True, True)), 3)
    free = solve(case, SolveOptions(certify=False)).performance.emissions
    assert free is not None
    return replace(case, emissions=EmissionSettings(None, 0.97 * free.total.mean))


def of_two_products() -> Case:
    """A case with fixed costs that products share."""
    return generate_case(GenerateParams(2, 2, 3, seed=1, products=2))


CASES = {"standard": lambda: load_case(CASE), "cap": under_a_cap, "products": of_two_products}


@pytest.mark.parametrize(
    ("case", "told"),
    [
        pytest.param("cap", {}, marks=pytest.mark.slow),
        pytest.param("products", {}, marks=pytest.mark.slow),
        ("standard", {}),
        ("standard", {"master": "extensive", "scenarios": 20}),
        pytest.param("standard", {"method": "paper", "scenarios": 10}, marks=pytest.mark.slow),
        ("standard", {"method": "genetic", "budget": 1500}),
        pytest.param("standard", {"method": "cma", "budget": 600}, marks=pytest.mark.slow),
        ("standard", {"method": "sequential", "subproblem": "kriging", "budget": 4000}),
        ("standard", {"simulator": "tests.simopt.own_simulators:BuiltIn", "budget": 1500, "fresh_replications": 64}),
    ],
    ids=["cap", "products", "standard", "extensive", "paper", "genetic", "cma", "kriging", "own"],
)
def test_a_run_cut_at_any_of_its_records_comes_to_the_same_result(tmp_path, case, told):
    request = SolveRequest(**told)
    whole = begin_run(made(tmp_path / "whole"), CASES[case](), request, pytest.fail)
    expected = solved(whole)
    lines = (tmp_path / "whole" / JOURNAL).read_bytes().splitlines(keepends=True)
    assert len(lines) > 2
    for cut in sorted({1, 2, len(lines) // 3, 2 * len(lines) // 3, len(lines) - 1, len(lines)}):
        folder = shutil.copytree(tmp_path / "whole", tmp_path / f"cut{cut}")
        half = lines[cut][: len(lines[cut]) // 2] if cut < len(lines) else b""
        (folder / JOURNAL).write_bytes(b"".join(lines[:cut]) + half)
        again = resume_run(folder, {}, None, pytest.fail)
        assert again is not None
        assert solved(again) == expected, f"cut after {cut} of {len(lines)} records"


def made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def command(*arguments: object) -> list[str]:
    return [*ENTRY, "solve", *map(str, arguments), "--no-report"]


def run(arguments: Sequence[str], **options: Any) -> Outcome:
    """A process as a user starts it."""
    done = subprocess.run(arguments, capture_output=True, text=True, check=False, timeout=120, **options)
    return Outcome(done.returncode, done.stdout, done.stderr)


@dataclass
class Kills:
    """Processes killed so far, how many are wanted, and how long those took that were asked to end."""

    wanted: int
    chance: random.Random
    count: int = 0
    slowest: float = 0.0

    def seconds(self, longest: float) -> float:
        """Until the next kill; for ever where there were enough."""
        return self.chance.uniform(0.5, longest) if self.count < self.wanted else 120.0

    def interrupt(self, arguments: Sequence[str], seconds: float, number: signal.Signals) -> bool:
        """Start a process and kill it after so many seconds; whether it was still there."""
        with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            try:
                process.communicate(timeout=seconds)
            except subprocess.TimeoutExpired:
                began = time.monotonic()
                process.send_signal(number)
                _, said = process.communicate(timeout=60)
                self.count += 1
                if number is signal.SIGINT:
                    self.slowest = max(self.slowest, time.monotonic() - began)
                    assert "Traceback" not in said
                return True
        assert process.returncode == 0
        return False


def killed_until_done(told: tuple[object, ...], folder: Path, longest: float, kills: Kills) -> dict:
    """What a run comes to that is killed, and taken up again, until it is done."""
    number = signal.SIGKILL
    while True:
        has_begun = (folder / JOURNAL).exists() and b"\n" in (folder / JOURNAL).read_bytes()
        again = ("--resume", folder) if has_begun else (*told, "--out", folder)
        was_killed = kills.interrupt(command(*again), kills.seconds(longest), number)
        number = kills.chance.choice([signal.SIGKILL, signal.SIGINT])
        if not was_killed or ((folder / "result.json").exists() and not (folder / JOURNAL).exists()):
            return read_json(folder / "result.json")


def seconds_of(arguments: Sequence[str]) -> float:
    began = time.monotonic()
    assert run(arguments).code == 0
    return time.monotonic() - began


@pytest.mark.parametrize("wanted", [3, pytest.param(60, marks=pytest.mark.slow)])
def test_killed_processes_come_to_the_result_of_one_that_was_not(tmp_path, wanted):
    kills = Kills(wanted, random.Random(wanted))
    save_case(load_case("thirteen-node" if wanted > 3 else CASE), case := tmp_path / "case")
    told = () if wanted > 3 else ("--no-certify", "--method", "genetic", "--budget", 3000)
    longest = seconds_of(command(case, *told, "--out", tmp_path / "whole"))
    expected, trial = without_times(read_json(tmp_path / "whole" / "result.json")), 0
    while kills.count < wanted:
        trial += 1
        assert trial <= 3 * wanted
        found = killed_until_done((case, *told), tmp_path / f"killed{trial}", longest, kills)
        assert without_times(found) == expected
    assert kills.slowest < 2.0
    print(f"{kills.count} kills in {trial} runs; the slowest end after Ctrl-C took {kills.slowest:.2f} s")


def interrupted_in_the_search(folder: Path, *told: object) -> Outcome:
    """A long search that is sent Ctrl-C once its log has two steps."""
    case = folder.with_name("long-case")
    save_case(replace(load_case("thirteen-node"), horizon=2000), case)
    arguments = command(case, "--method", "genetic", "--out", folder, *told)
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        while not (folder / "log.jsonl").exists() or (folder / "log.jsonl").read_text().count("iteration") < 2:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    return Outcome(process.returncode, out, err)


def events(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def test_ctrl_c_says_how_to_go_on_and_what_was_found(tmp_path):
    folder = tmp_path / "run"
    done = interrupted_in_the_search(folder, "--budget", 2500)
    assert done.code == 130
    assert f"simopt solve --resume {folder}" in done.err
    assert "cost" in done.out
    assert read_json(folder / "result.json")["status"] == "interrupted"
    whole = run(command("--resume", folder))
    assert whole.code == 0
    assert read_json(folder / "result.json")["status"] == "limit"
    numbers = [event["iteration"] for event in events(folder) if event["event"] == "iteration"]
    assert numbers == list(range(1, len(numbers) + 1))
    assert [event["event"] for event in events(folder) if event["event"] != "iteration"] == [
        "start", "end", "resume", "end",
    ]  # fmt: skip


def test_a_second_ctrl_c_leaves_at_once_and_the_run_goes_on_later(tmp_path, monkeypatch):
    program = (
        "import os, signal, sys, time\n"
        "from simopt.apps.answer import Answer\n"
        "def slow(self):\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "    time.sleep(30)\n"
        "Answer.evaluate = lambda self: os.kill(os.getpid(), signal.SIGINT)\n"
        "Answer.evaluate_briefly = slow\n"
        "from simopt.cli import main\n"
        "main()"
    )
    began = time.monotonic()
    arguments = [sys.executable, "-c", program, "solve", CASE, "--out", tmp_path, "--no-certify"]
    done = run([str(argument) for argument in arguments])
    assert time.monotonic() - began < 25.0
    assert done.code == 130
    assert "interrupted twice" in done.err
    assert not (tmp_path / "result.json").exists()
    assert run(command("--resume", tmp_path)).code == 0
    assert read_json(tmp_path / "result.json")["status"] == "solved"


@pytest.mark.slow
def test_a_full_disk_does_not_end_the_search(tmp_path):
    def few_bytes() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))

    folder = tmp_path / "run"
    arguments = command(CASE, "--method", "genetic", "--budget", 3_000, "--out", folder)
    done = run(arguments, preexec_fn=few_bytes)
    assert done.code in (0, 2)
    assert "Traceback" not in done.err
    assert "the run goes on" in done.err
    assert f"{folder / JOURNAL}: File too large" in done.err
    again = run(command("--resume", folder))
    assert again.code == 0
    run(command(CASE, "--method", "genetic", "--budget", 3_000, "--out", tmp_path / "whole"))
    ours, whole = (read_json(one / "result.json") for one in (folder, tmp_path / "whole"))
    assert without_times(ours) == without_times(whole)


def test_a_longer_time_limit_goes_on_where_a_shorter_one_ended(simopt, tmp_path):
    told = (CASE, "--method", "genetic", "--no-report")
    assert simopt("solve", *told, "--time-limit", 0.3, "--out", tmp_path).code == 0
    first = read_json(tmp_path / "result.json")
    assert first["termination"].startswith("time limit")
    assert simopt("solve", "--resume", tmp_path, "--no-report", "--time-limit", 1.5).code == 0
    second = read_json(tmp_path / "result.json")
    assert len(second["iterations"]) > len(first["iterations"])
    assert without_times(second["iterations"])[: len(first["iterations"])] == without_times(first["iterations"])
    assert second["wall_seconds"] > 1.5


def test_a_finished_run_is_left_as_it_is(simopt, tmp_path):
    assert simopt("solve", CASE, "--no-certify", "--no-report", "--out", tmp_path).code == 0
    before = (tmp_path / "result.json").read_bytes()
    done = simopt("solve", "--resume", tmp_path)
    assert (done.code, done.out) == (0, "")
    assert "finished before" in done.err
    assert (tmp_path / "result.json").read_bytes() == before


@pytest.fixture
def unfinished(tmp_path) -> Path:
    """A run that ended before its first step."""
    folder = made(tmp_path / "unfinished")
    begin_run(folder, load_case(CASE), SolveRequest(certify=False), pytest.fail).end(is_finished=False)
    return folder


def test_what_the_run_was_begun_with_may_be_said_again(simopt, unfinished):
    done = simopt("solve", CASE, "--resume", unfinished, "--out", unfinished, "--seed", 0, "--no-certify", "--jobs", 2)
    assert done.code == 0


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (("--seed", 3), "seed 3 with --resume"),
        (("--method", "genetic"), "begun with outer-approximation"),
        (("--certify",), "certify True"),
        (("two-stage-series",), "not the case that"),
        (("--out", "elsewhere"), "expected the same folder"),
    ],
)
def test_what_contradicts_the_run_is_refused(simopt, unfinished, told, said):
    assert_refused(simopt("solve", *told, "--resume", unfinished), said)


def test_a_folder_without_a_run_is_refused(simopt, tmp_path):
    assert_refused(simopt("solve", "--resume", tmp_path), "no run to resume")
    assert_refused(simopt("solve"), "case missing")


def test_a_case_changed_since_is_refused(simopt, unfinished):
    table = unfinished / "case" / "demand.csv"
    table.write_text(table.read_text().replace("normal", "gamma"))
    assert_refused(simopt("solve", "--resume", unfinished), "changed since the run began")


def test_a_damaged_journal_is_refused(simopt, unfinished):
    (unfinished / JOURNAL).write_bytes(b"nothing\n")
    assert_refused(simopt("solve", "--resume", unfinished), "expected a journal")


def test_beginning_anew_keeps_the_journal_of_an_unfinished_run(simopt, unfinished):
    kept = (unfinished / JOURNAL).read_bytes()
    done = simopt("solve", CASE, "--no-certify", "--no-report", "--out", unfinished)
    assert done.code == 0
    assert "not finished" in done.err
    assert (unfinished / OLD_JOURNAL).read_bytes() == kept


def test_a_new_run_leaves_no_tables_of_another_case_behind(tmp_path):
    for name in ("planning-engine", CASE):
        begin_run(tmp_path, load_case(name), SolveRequest(), pytest.fail).end(is_finished=True)
    assert load_case(str(tmp_path / "case")) == load_case(CASE)


def test_events_are_printed_as_json_and_nothing_else(simopt, tmp_path):
    done = simopt("solve", CASE, "--no-certify", "--log-json", "--no-report", "--out", tmp_path)
    printed = [json.loads(line) for line in done.out.splitlines()]
    assert printed == events(tmp_path)
    assert [printed[0]["event"], printed[1]["event"], printed[-1]["event"]] == ["start", "iteration", "end"]
    assert printed[-1]["cost"] == read_json(tmp_path / "result.json")["cost"]["mean"]


def test_quiet_prints_the_summary_alone(simopt):
    loud, quiet = simopt("solve", CASE, "--no-certify"), simopt("solve", CASE, "--no-certify", "--quiet")
    assert "base stock" in loud.out
    assert quiet.out.strip("\n") in loud.out
    assert quiet.out.lstrip().startswith("open:")
    assert len(quiet.out.splitlines()) < 12
