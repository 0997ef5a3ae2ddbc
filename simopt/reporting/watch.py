"""A run while it works: a table, a line of progress in terminals, events, and what Ctrl-C does."""

from __future__ import annotations

import os
import shlex
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from simopt.reporting.live import LiveTable
from simopt.reporting.progress_line import ProgressLine
from simopt.reporting.run_log import RunLog
from simopt.result import Iteration, Result


class Watch:
    """Shows and logs a run.

    Parameters
    ----------
    table
        Whether a table is printed while it works.
    events
        Whether every event is printed as a line of JSON.
    """

    def __init__(self, *, table: bool, events: bool) -> None:
        self._table = LiveTable() if table else None
        self._line = ProgressLine(sys.stderr) if table else None
        self._events = events
        self._log = RunLog(None, prints=False, warn=self.warn)

    def warn(self, message: str) -> None:
        """A line on stderr."""
        self._clear()
        print(f"warning: {message}", file=sys.stderr)

    @contextmanager
    def open(self, log: Path | None, *, resumed: bool, **content: Any) -> Iterator[None]:
        """Watch a run; a second Ctrl-C leaves it at once.

        Parameters
        ----------
        log
            File of the events, if there is one.
        resumed
            Whether the run was begun by an earlier process.
        **content
            Of the first event.
        """
        self._log = RunLog(log, prints=self._events, warn=self.warn)
        (self._log.resume if resumed else self._log.begin)(**content)
        try:
            with second_interrupt_leaves():
                yield
        except KeyboardInterrupt:
            self._log.add("interrupted")
            raise
        finally:
            self._clear()
            if self._table is not None:
                self._table.close()

    def iteration(self, step: Iteration) -> None:
        """A step of the search."""
        self._log.iteration(step)
        self._clear()
        if self._table is not None:
            self._table.add(step)

    def progress(self, what: str, done: int, total: int) -> None:
        """A `simulation.progress.Progress`."""
        if self._line is not None:
            self._line.tell(what, done, total)

    def _clear(self) -> None:
        if self._line is not None:
            self._line.clear()

    def end(self, result: Result) -> None:
        """What came of it."""
        cost = result.performance.cost
        self._log.add(
            "end",
            status=result.status,
            termination=result.termination,
            cost=cost.mean,
            half_width=cost.half_width,
            lower_bound=None if result.lower_bound is None else result.lower_bound.value,
            certified=result.certified,
            seconds=result.wall_seconds,
        )


def how_to_resume(folder: Path) -> str:
    """The command that takes a run up again."""
    return f"simopt solve --resume {shlex.quote(str(folder))}"


@contextmanager
def second_interrupt_leaves() -> Iterator[None]:
    """Ctrl-C raises KeyboardInterrupt once; pressed again the process ends at once, its files as they are."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    pressed: list[int] = []

    def press(number: int, _frame: object) -> None:
        pressed.append(number)
        if len(pressed) > 1:
            os.write(2, b"interrupted twice: left at once\n")
            os._exit(128 + number)
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, press)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
