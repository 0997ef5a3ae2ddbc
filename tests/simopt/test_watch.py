"""What is shown while a run works and after it: table, line of progress, sentences."""

import io
import re
from dataclasses import replace

import pytest

from design.case_files import load_case
from simopt.apps.options import SolveOptions
from simopt.apps.solve import solve
from simopt.reporting.live import HEADER_EVERY, LiveTable
from simopt.reporting.progress_line import ProgressLine, progress_text
from simopt.reporting.summary import summary_lines
from simopt.result import Iteration, LowerBound, Result
from simopt.simulation.estimate import Estimate

CASE = "thirteen-node"


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def step(number: int, upper: float) -> Iteration:
    return Iteration(number, 0, None, upper, 1.0, None, 100, 1.0)


def test_the_table_repeats_its_header_and_stars_better_designs(capsys):
    table, costs = LiveTable(), [9.0, 9.0, 8.0, *[8.0] * HEADER_EVERY]
    for k, cost in enumerate(costs):
        table.add(step(k + 1, cost))
    table.close()
    rows = capsys.readouterr().out.splitlines()
    assert [k for k, row in enumerate(rows) if "iter" in row] == [0, HEADER_EVERY + 1]
    assert [int(row[1:5]) for row in rows if row.startswith("*")] == [1, 3]
    assert len({len(row) for row in rows if row}) == 1


@pytest.mark.parametrize(
    ("done", "total", "seconds", "said"),
    [
        (0, 20, 0.0, "0/20"),
        (5, 20, 10.0, "5/20, 0:30 left"),
        (1, 100, 100.0, "1/100, 2:45:00 left"),
        (20, 20, 9.0, "20/20"),
        (0, 0, 0.0, "0/0"),
    ],
)
def test_what_is_left_is_told_at_the_pace_so_far(done, total, seconds, said):
    line = progress_text("batches", done, total, seconds)
    assert line.endswith(said)
    bar = re.search(r"\[(#*)(\.*)\]", line)
    assert bar is not None
    assert len(bar[1]) == round(len(bar[0][1:-1]) * done / max(total, 1))


def test_the_line_of_progress_is_drawn_in_terminals_alone_and_leaves_no_trace():
    terminal, file = Terminal(), io.StringIO()
    for stream in (terminal, file):
        line = ProgressLine(stream)
        line.tell("batches", 0, 2)
        line.tell("batches", 2, 2)
        line.clear()
        line.clear()
    assert file.getvalue() == ""
    assert terminal.getvalue().count("batches [") == 2
    assert terminal.getvalue().endswith("2/2\r\x1b[K")


@pytest.fixture(scope="module")
def result() -> Result:
    return solve(load_case(CASE), SolveOptions(certify=False))


def test_the_sentences_say_what_opens_who_serves_what_it_costs_and_saves(result):
    case = load_case(CASE)
    lines = summary_lines(result, case)
    used = {node.node for node in result.performance.nodes}
    opened, closed = (part.split(": ")[1].split(", ") for part in lines[0].split("; "))
    assert set(opened) == used - set(case.network.customers)
    assert set(opened) | set(closed) == {node.name for node in case.network.nodes} - set(case.network.customers)
    told = {
        (a, b)
        for row in lines
        if " supplies " in row
        for a, _, bs in [row.partition(" supplies ")]
        for b in bs.split(", ")
    }
    assert told == set(result.lanes)
    assert f"{result.performance.cost.mean:,.2f}" in lines[-3]
    assert "not proven best" in lines[-2]
    saving = result.saving_against_network_first
    assert saving is not None
    assert saving.mean > -saving.half_width


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"certified": True, "confidence": 0.95}, "best up to the tolerance, with 95% confidence"),
        ({"certified": "assuming global levels", "confidence": 0.95}, "if the levels found are globally best"),
        ({"lower_bound": None}, "does not say how much"),
        ({"lower_bound": LowerBound(300.0, 0.0, "estimate")}, "by an estimate"),
        ({"saving_against_network_first": Estimate(0.0, 0.0, 10)}, "it is the same network"),
    ],
)
def test_how_sure_and_what_is_saved_follow_the_result(result, changes, said):
    assert said in "\n".join(summary_lines(replace(result, **changes), load_case(CASE)))


def test_the_saving_is_that_of_planning_one_after_the_other(result):
    case = load_case(CASE)
    sequential = solve(case, SolveOptions("sequential"))
    saving = result.saving_against_network_first
    assert saving is not None
    assert sequential.saving_against_network_first is None
    difference = sequential.performance.cost.mean - result.performance.cost.mean
    assert saving.mean == pytest.approx(difference, abs=saving.half_width + 0.002 * result.performance.cost.mean)
