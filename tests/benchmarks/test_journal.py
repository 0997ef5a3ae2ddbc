"""What the journal of a run costs: seconds with one and without, taken in turn; the least of several runs each."""

from pathlib import Path
from time import process_time

import pytest

from design.case_files import load_case
from design.recorder import UNRECORDED
from simopt.apps.run import begin_run
from simopt.apps.solve import solve
from simopt.apps.solve_request import SolveRequest

TURNS = 7
MOST = 0.02


@pytest.mark.benchmark
@pytest.mark.parametrize(
    ("case", "told"),
    [
        ("thirteen-node", {}),
        ("thirteen-node", {"method": "genetic", "budget": 40_000}),
        ("regional-30", {"certify": False}),
    ],
    ids=["certified", "genetic", "regional-30"],
)
def test_a_journal_costs_next_to_nothing(tmp_path, case, told):
    loaded, request = load_case(case), SolveRequest(**told)
    solve(loaded, request.options())
    without, with_journal, size = [], [], 0
    for turn in range(TURNS if case == "thirteen-node" else 2):
        began = process_time()
        solve(loaded, request.options(UNRECORDED))
        without.append(process_time() - began)
        (folder := Path(tmp_path / str(turn))).mkdir()
        began = process_time()
        run = begin_run(folder, loaded, request, pytest.fail)
        solve(loaded, request.options(run.journal))
        run.end(is_finished=False)
        with_journal.append(process_time() - began)
        size = (folder / "checkpoint.journal").stat().st_size
    overhead = min(with_journal) / min(without) - 1.0
    print(f"{case} {told}: {min(without):.2f} s, {100 * overhead:+.2f}% with a journal of {size / 1024:.0f} KB")
    assert overhead <= MOST
