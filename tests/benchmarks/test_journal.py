"""What the journal of a run costs: the seconds that its own code takes, as a share of the run."""

from time import perf_counter

import pytest

from design.case_files import load_case
from simopt.apps.run import begin_run
from simopt.apps.solve import solve
from simopt.apps.solve_request import SolveRequest
from simopt.reporting.journal import Journal

MOST = 0.02
OWN = ("__init__", "begin", "close", "_closing", "_finish")  # none calls another, nor a step of the run


@pytest.mark.benchmark
@pytest.mark.parametrize(
    ("case", "told"),
    [
        ("thirteen-node", {}),
        ("thirteen-node", {"method": "genetic", "budget": 40_000}),
        ("thirteen-node", {"simulator": "planning"}),
        ("regional-30", {"certify": False}),
    ],
    ids=["certified", "genetic", "own simulator", "regional-30"],
)
def test_a_journal_costs_next_to_nothing(tmp_path, monkeypatch, case, told):
    loaded, request, spent = load_case(case), SolveRequest(**told), [0.0]
    solve(loaded, request.options())

    def timed(method):
        def call(*arguments):
            began = perf_counter()
            try:
                return method(*arguments)
            finally:
                spent[0] += perf_counter() - began

        return call

    for name in OWN:
        monkeypatch.setattr(Journal, name, timed(getattr(Journal, name)))
    began = perf_counter()
    run = begin_run(tmp_path, loaded, request, pytest.fail)
    solve(loaded, request.options(run.journal))
    run.end(is_finished=False)
    seconds = perf_counter() - began
    size = (tmp_path / "checkpoint.journal").stat().st_size
    print(f"{case} {told}: {seconds:.2f} s, {100 * spent[0] / seconds:.2f}% for a journal of {size / 1024:.0f} KB")
    assert 0.0 < spent[0] <= MOST * seconds
