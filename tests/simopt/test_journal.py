"""The journal of a run: what is written is read back, what a crash cut short is made again."""

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from design.errors import NoSolutionError
from design.recorder import NUMBERS, Codec, packed, unpacked
from simopt.reporting.journal import Journal, JournalError

PLAIN: Codec[int] = Codec(int, int)
ENDED = 99


def never() -> int:
    raise AssertionError("the step was made again")


def begun(path: Path, warn: Callable[[str], None] = pytest.fail) -> Journal:
    journal = Journal(path, warn)
    journal.begin({"name": "test"})
    return journal


def reread(path: Path, warn: Callable[[str], None] = pytest.fail) -> Journal:
    journal = Journal(path, warn)
    assert journal.read()["name"] == "test"
    return journal


@pytest.mark.parametrize("shape", [(0,), (3,), (8,), (9,), (200,), (4, 5), (2, 3, 4)])
def test_an_array_is_packed_without_loss(shape):
    values = np.random.default_rng(0).normal(size=shape) * 10.0 ** np.random.default_rng(1).integers(-300, 300, shape)
    assert_array_equal(unpacked(json.loads(json.dumps(packed(values)))), values)


def test_steps_are_answered_from_the_file(tmp_path):
    journal = begun(tmp_path / "j")
    assert [journal.value("a", lambda k=k: k, PLAIN) for k in range(5)] == list(range(5))
    journal.close()
    journal = reread(tmp_path / "j")
    assert [journal.value("a", never, PLAIN) for _ in range(5)] == list(range(5))
    assert journal.value("a", lambda: 5, PLAIN) == 5
    journal.close()
    journal = reread(tmp_path / "j")
    assert [journal.value("a", never, PLAIN) for _ in range(6)] == list(range(6))


@pytest.mark.parametrize("tail", [b"x", b"0123abcd {", b"00000000 {}\n", b"\0\0\0\0", b'deadbeef {"k":"a"}\nmore'])
def test_a_line_that_a_crash_cut_short_is_dropped(tmp_path, tail):
    journal = begun(tmp_path / "j")
    journal.value("a", lambda: 1, PLAIN)
    journal.close()
    with (tmp_path / "j").open("ab") as stream:
        stream.write(tail)
    journal = reread(tmp_path / "j")
    assert journal.value("a", never, PLAIN) == 1
    assert journal.value("a", lambda: 2, PLAIN) == 2
    journal.close()
    journal = reread(tmp_path / "j")
    assert [journal.value("a", never, PLAIN) for _ in range(2)] == [1, 2]


def cut_in_the_step(path: Path, *, as_group: bool) -> None:
    """A journal whose outer step was left after two inner ones."""
    journal = begun(path)

    def outer() -> int:
        journal.value("inner", lambda: 1, PLAIN)
        journal.value("inner", lambda: 2, PLAIN)
        os._exit(ENDED)

    if os.fork() == 0:
        journal.group("outer", outer) if as_group else journal.value("outer", outer, PLAIN)
    os.wait()
    journal._file = -1  # the child's lines are the file's; this process writes none


def test_what_is_inside_an_unfinished_value_is_used(tmp_path, monkeypatch):
    monkeypatch.setattr("simopt.reporting.journal.WRITE_SECONDS", 0.0)
    cut_in_the_step(tmp_path / "j", as_group=False)
    (tmp_path / "copy").write_bytes((tmp_path / "j").read_bytes())
    journal = reread(tmp_path / "copy")

    def outer() -> int:
        return sum(journal.value("inner", never, PLAIN) for _ in range(2)) + journal.value("inner", lambda: 3, PLAIN)

    assert journal.value("outer", outer, PLAIN) == 6
    journal.close()
    assert reread(tmp_path / "copy").value("outer", never, PLAIN) == 6


def test_what_is_inside_an_unfinished_group_is_made_again(tmp_path, monkeypatch):
    monkeypatch.setattr("simopt.reporting.journal.WRITE_SECONDS", 0.0)
    cut_in_the_step(tmp_path / "j", as_group=True)
    (tmp_path / "copy").write_bytes((tmp_path / "j").read_bytes())
    journal, made = reread(tmp_path / "copy"), []

    def outer() -> int:
        for k in range(3):
            journal.value("inner", lambda k=k: made.append(k) or k, PLAIN)
        return 7

    assert journal.group("outer", outer) == 7
    assert made == [0, 1, 2]
    journal.close()
    journal = reread(tmp_path / "copy")
    assert journal.group("outer", lambda: [journal.value("inner", never, PLAIN) for _ in range(3)]) == [0, 1, 2]


def test_a_step_that_ends_in_no_solution_ends_so_again(tmp_path):
    def fails() -> int:
        raise NoSolutionError("none")

    journal = begun(tmp_path / "j")
    for _ in range(2):
        with pytest.raises(NoSolutionError):
            journal.group("a", fails)
        assert journal.value("b", lambda: 3, PLAIN) == 3
        journal.close()
        journal = reread(tmp_path / "j")


def test_nothing_is_kept_after_a_step_that_was_cut_short(tmp_path):
    journal = begun(tmp_path / "j")
    journal.value("a", lambda: 1, PLAIN)
    journal.value("a", lambda: 2, Codec(int, int, lambda answer: answer != 2))
    journal.value("a", lambda: 3, PLAIN)
    with pytest.raises(KeyboardInterrupt):
        journal.value("a", lambda: (_ for _ in ()).throw(KeyboardInterrupt), Codec(next, int))
    journal.close()
    journal = reread(tmp_path / "j")
    assert journal.value("a", never, PLAIN) == 1
    assert journal.value("a", lambda: 20, PLAIN) == 20


def test_a_journal_of_another_run_is_left_where_it_differs(tmp_path):
    journal = begun(tmp_path / "j")
    for k in range(3):
        journal.value("a", lambda k=k: k, PLAIN)
    journal.close()
    told: list[str] = []
    journal = reread(tmp_path / "j", told.append)
    assert journal.value("a", never, PLAIN) == 0
    assert journal.value("b", lambda: 10, PLAIN) == 10
    assert len(told) == 1
    assert "searched anew" in told[0]
    journal.close()
    journal = reread(tmp_path / "j")
    assert [journal.value("a", never, PLAIN), journal.value("b", never, PLAIN)] == [0, 10]


def test_the_clock_counts_work_and_stands_while_steps_are_answered(tmp_path, monkeypatch):
    now = [100.0]
    monkeypatch.setattr("simopt.reporting.journal.monotonic", lambda: now[0])

    def work(answer: int) -> int:
        now[0] += 10.0
        return answer

    journal = begun(tmp_path / "j")
    journal.value("a", lambda: work(1), PLAIN)
    journal.value("a", lambda: work(2), PLAIN)
    assert journal.clock() == 20.0
    journal.close()
    now[0] = 5000.0
    journal = reread(tmp_path / "j")
    now[0] += 7.0  # reading takes time, which is not work
    assert journal.clock() == 0.0
    journal.value("a", never, PLAIN)
    assert journal.clock() == 10.0
    journal.value("a", never, PLAIN)
    now[0] += 1.0
    assert journal.clock() == 21.0


def test_a_full_disk_is_told_once_and_nothing_is_lost_when_there_is_room_again(tmp_path, monkeypatch):
    told: list[str] = []
    journal = begun(tmp_path / "j", told.append)
    monkeypatch.setattr("simopt.reporting.journal.WRITE_SECONDS", 0.0)
    write, is_full = os.write, [True]

    def full(file: int, content: memoryview) -> int:
        if is_full[0]:
            write(file, content[:3])  # a part still fits
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(file, content)

    monkeypatch.setattr("simopt.reporting.journal.os.write", full)
    for k in range(3):
        journal.value("a", lambda k=k: k, PLAIN)
    assert len(told) == 1
    assert "No space left" in told[0]
    is_full[0] = False
    journal.value("a", lambda: 3, PLAIN)
    journal.close()
    journal = reread(tmp_path / "j")
    assert [journal.value("a", never, PLAIN) for _ in range(4)] == [0, 1, 2, 3]


def test_two_processes_do_not_share_a_journal(tmp_path):
    journal = begun(tmp_path / "j")
    with pytest.raises(JournalError, match="in use"):
        Journal(tmp_path / "j", pytest.fail)
    journal.close()
    Journal(tmp_path / "j", pytest.fail).close()


@pytest.mark.parametrize("content", [b"", b"something else\n", b"\xff\xfe", b"00000000 {}\n"])
def test_another_file_is_refused(tmp_path, content):
    (tmp_path / "j").write_bytes(content)
    with pytest.raises(JournalError, match="expected a journal"):
        Journal(tmp_path / "j", pytest.fail).read()


def test_numbers_are_kept_to_the_last_digit(tmp_path):
    numbers = [float(x) for x in np.random.default_rng(2).normal(size=20)]
    journal = begun(tmp_path / "j")
    journal.value("a", lambda: numbers, NUMBERS)
    journal.close()
    assert reread(tmp_path / "j").value("a", lambda: [], NUMBERS) == numbers
