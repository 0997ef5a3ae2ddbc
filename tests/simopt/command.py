"""What tests of the command line share."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Outcome:
    """What a command left behind."""

    code: int
    out: str
    err: str


Command = Callable[..., Outcome]


def read_json(path: Path) -> dict:
    """A result without NaN and infinity."""

    def refuse(constant: str) -> None:
        raise AssertionError(f"{path} holds {constant}")

    return json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)


def assert_refused(done: Outcome, *said: str) -> None:
    """Exit code 2 and lines on stderr that say what is wrong."""
    assert done.code == 2
    assert "Traceback" not in done.err
    assert done.out == ""
    for part in said:
        assert part in done.err


def interrupt_call(monkeypatch: pytest.MonkeyPatch, number: int, where: type, name: str) -> None:
    """Makes one call of a method end as if Ctrl-C had been pressed in it."""
    method, calls = getattr(where, name), []

    def interrupted_once(*arguments: object, **options: object) -> object:
        calls.append(name)
        if len(calls) == number:
            raise KeyboardInterrupt
        return method(*arguments, **options)

    monkeypatch.setattr(where, name, interrupted_once)
