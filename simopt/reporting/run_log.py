"""What happens in a run, an event a line: appended to log.jsonl, and printed where `--log-json` asks for it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from simopt.reporting.run_folder import finite
from simopt.result import Iteration


class RunLog:
    """The log of a run.

    Parameters
    ----------
    path
        The file, appended to; None: there is none.
    prints
        Whether events are printed too.
    warn
        Told once if the file cannot be written; the run goes on.
    """

    def __init__(self, path: Path | None, *, prints: bool, warn: Callable[[str], None]) -> None:
        self._path, self._prints, self._warn = path, prints, warn
        self._known = 0  # iterations that an earlier process has logged

    def begin(self, **content: Any) -> None:
        """A new run: the log starts anew."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)
        self.add("start", **content)

    def resume(self, **content: Any) -> None:
        """An old run goes on: a line that a crash cut short is dropped, iterations known are not logged again."""
        if self._path is not None and self._path.exists():
            text = self._path.read_bytes()
            whole = text[: text.rfind(b"\n") + 1]
            if len(whole) < len(text):
                with self._path.open("r+b") as file:
                    file.truncate(len(whole))
            self._known = whole.count(b'"event": "iteration"')
        self.add("resume", **content)

    def iteration(self, step: Iteration) -> None:
        """A step of the search."""
        if step.iteration > self._known:
            self.add("iteration", **asdict(step))

    def add(self, event: str, **content: Any) -> None:
        """Any event, with the time of day."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        line = json.dumps({"event": event, "time": now, **finite(content)}) + "\n"
        if self._prints:
            with suppress(BrokenPipeError):
                sys.stdout.write(line)
                sys.stdout.flush()
        if self._path is None:
            return
        try:
            with self._path.open("a", encoding="utf-8") as stream:
                stream.write(line)
        except OSError as error:
            self._warn(f"{self._path}: {error.strerror}; what happens from here on is not logged")
            self._path = None
