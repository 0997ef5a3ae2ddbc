"""The decision log of adaptive control: one JSON object a line, whole or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from design.errors import BadInputError

FILE = "decisions.jsonl"


class LogError(BadInputError):
    """A decision log that is not what this program wrote; the message names file and line."""


class DecisionLog:
    """Appends decisions; a line that a crash cut short is dropped.

    Parameters
    ----------
    folder
        Where it is kept; None: nowhere, decisions are only told.
    """

    def __init__(self, folder: Path | None) -> None:
        self.path = None if folder is None else folder / FILE
        self.entries = [] if self.path is None or not self.path.exists() else list(self._read(self.path))

    def _read(self, path: Path) -> Iterator[dict[str, Any]]:
        whole = 0
        with path.open("rb") as stream:
            for number, line in enumerate(stream, start=1):
                if not line.endswith(b"\n"):
                    break
                try:
                    entry = json.loads(line)
                except ValueError:
                    raise LogError(f"{path} line {number}: expected a JSON object") from None
                if not isinstance(entry, dict) or not {"date", "data", "decision"} <= entry.keys():
                    raise LogError(f"{path} line {number}: expected an object with date, data and decision")
                whole += len(line)
                yield entry
        if whole < path.stat().st_size:
            os.truncate(path, whole)

    def add(self, entry: Mapping[str, Any]) -> None:
        """Write an entry; on disk when this returns."""
        self.entries.append(dict(entry))
        if self.path is None:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(entry, ensure_ascii=False) + "\n")
            stream.flush()
            os.fsync(stream.fileno())
