"""Fixtures of the tests of `simopt`."""

import sys

import pytest

from simopt.cli import main
from tests.simopt.command import Command, Outcome


@pytest.fixture
def simopt(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> Command:
    """Runs a command in this process, through the real entry point."""

    def run(*arguments: object) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["simopt", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            main()
        printed = capsys.readouterr()
        return Outcome(left.value.code or 0, printed.out, printed.err)

    return run
