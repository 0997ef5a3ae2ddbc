"""The journal of a run: an append-only file of the answers of its steps, from which the run can be taken up again.

A line is a checksum and a JSON record; one that a crash cut short is dropped. Records of steps within a step come
before its own, one level deeper. A process that takes the run up again gives the answers it finds in place of making
the steps, and appends from where they end. What belongs to a step that was not finished is used where each answer
stands for itself, and dropped where it does not (`Recorder.group`).

Lines are written within a fifth of a second and forced to the disk every second. Where the disk is full they wait in
memory, and whoever watches the run is told.
"""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any, TypeVar
from zlib import crc32

from design.errors import BadInputError, NoSolutionError
from design.recorder import Codec
from simopt.reporting.file_lock import FileLockedError, lock

T = TypeVar("T")
FORMAT = 1
WRITE_SECONDS = 0.2
FORCE_SECONDS = 1.0
_SUM = 8  # digits of a checksum


class JournalError(BadInputError):
    """A journal that cannot be used; the message names the file and what was expected."""


@dataclass(frozen=True)
class _Entry:
    """A record: what was answered, at which depth, after how many seconds of work, and where its line begins.

    `answer` has no element for a group, or for a step that ended in an error that it will end in again.
    """

    kind: str
    depth: int
    seconds: float
    answer: tuple[Any, ...]
    start: int


class Journal:
    """A `design.recorder.Recorder` on a file; then `begin` a run or `read` one.

    Parameters
    ----------
    path
        The file, locked until `close`.
    warn
        Told what a user should know: that the disk is full, or that the rest of a journal does not fit the run.
    """

    def __init__(self, path: Path, warn: Callable[[str], None]) -> None:
        self._path, self._warn = path, warn
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666)
        try:
            lock(self._file)
        except FileLockedError:
            os.close(self._file)
            raise JournalError(f"{path}: in use: expected a run folder that no other process works on") from None
        self._entries: deque[_Entry] = deque()
        self._pending: list[bytes] = []
        self._end = 0  # of what is safely written
        self._written = self._forced = monotonic()
        self._depth = 0
        self._is_stopped = self._is_told = False
        self._seconds, self._live_since = 0.0, monotonic()

    def value(self, kind: str, compute: Callable[[], T], codec: Codec[T]) -> T:
        """See `Recorder.value`."""
        entry = self._closing(kind)
        if entry is not None and entry.answer:
            self._drop_through(entry)
            return codec.decode(entry.answer[0])
        answer = self._make(kind, entry, compute)
        if not codec.is_whole(answer):
            self.stop()
        self._finish(kind, entry, lambda: codec.encode(answer))
        return answer

    def group(self, kind: str, compute: Callable[[], T]) -> T:
        """See `Recorder.group`."""
        entry = self._closing(kind)
        if entry is None:
            self._forget()
        answer = self._make(kind, entry, compute)
        self._finish(kind, entry)
        return answer

    def clock(self) -> float:
        """See `Recorder.clock`."""
        return self._seconds if self._entries else self._seconds + monotonic() - self._live_since

    def stop(self) -> None:
        """See `Recorder.stop`."""
        self._is_stopped = True

    def close(self) -> None:
        """Write what waits and unlock the file."""
        if self._file < 0:
            return
        self._write()
        with suppress(OSError):
            os.fsync(self._file)
        os.close(self._file)
        self._file = -1

    def remove(self) -> None:
        """Close and remove the file: the run needs it no more."""
        self._pending.clear()
        self.close()
        with suppress(OSError):
            self._path.unlink()

    def begin(self, header: dict[str, Any]) -> None:
        """Empty the file and write what the run is; OSError if that fails."""
        text = _line({"format": FORMAT, **header})
        os.ftruncate(self._file, 0)
        _write_at(self._file, 0, text)
        self._end = len(text)

    def read(self) -> dict[str, Any]:
        """Read the file, drop what a crash cut short, and return what the run is; JournalError if it is no journal."""
        header: dict[str, Any] = {}
        for record, start, end in _records(self._path.read_bytes()):
            if start == 0:
                header = record
            else:
                answer = (record["v"],) if "v" in record else ()
                self._entries.append(_Entry(record["k"], record["d"], record["t"], answer, start))
            self._end = end
        if header.get("format") != FORMAT:
            raise JournalError(f"{self._path}: expected a journal that `simopt solve --out` of this version has begun")
        os.ftruncate(self._file, self._end)
        return header

    def _closing(self, kind: str) -> _Entry | None:
        """The record of the step about to be made, None where it was not finished."""
        found = next((entry for entry in self._entries if entry.depth <= self._depth), None)
        if found is None or (found.depth == self._depth and found.kind == kind):
            return found
        self._warn(f"{self._path}: does not fit the run from here on: the rest is searched anew")
        self._forget()
        return None

    def _drop_through(self, last: _Entry) -> None:
        """Leave the records up to this one behind; the clock goes to where it stood."""
        while self._entries:
            entry = self._entries.popleft()
            if entry is last:
                break
        self._seconds, self._live_since = last.seconds, monotonic()

    def _forget(self) -> None:
        """Drop all records not asked for, also from the file."""
        if not self._entries:
            return
        self._end = self._entries[0].start
        self._entries.clear()
        os.ftruncate(self._file, self._end)
        self._live_since = monotonic()

    def _make(self, kind: str, known: _Entry | None, compute: Callable[[], T]) -> T:
        """Make a step; the steps inside it are one deeper."""
        self._depth += 1
        try:
            return compute()
        except NoSolutionError:
            self._depth -= 1
            self._finish(kind, known)
            self._depth += 1
            raise
        except BaseException:
            self.stop()
            raise
        finally:
            self._depth -= 1

    def _finish(self, kind: str, known: _Entry | None, answer: Callable[[], Any] | None = None) -> None:
        """Leave the record of a step behind, or write a new one."""
        if known is not None and self._entries:
            self._drop_through(known)
            return
        self._forget()
        if self._is_stopped:
            return
        record = {"k": kind, "d": self._depth, "t": self.clock()}
        self._pending.append(_line(record if answer is None else record | {"v": answer()}))
        if monotonic() - self._written >= WRITE_SECONDS:
            self._write()

    def _write(self) -> None:
        """Append what waits; where that fails it waits on."""
        self._written = monotonic()
        if not self._pending:
            return
        text = b"".join(self._pending)
        try:
            _write_at(self._file, self._end, text)
            if self._written - self._forced >= FORCE_SECONDS:
                os.fsync(self._file)
                self._forced = monotonic()
        except OSError as error:
            with suppress(OSError):
                os.ftruncate(self._file, self._end)
            if not self._is_told:
                self._warn(f"{self._path}: {error.strerror}; the run goes on and tries to write again")
            self._is_told = True
            return
        self._end += len(text)
        self._pending.clear()


def _line(record: dict[str, Any]) -> bytes:
    text = json.dumps(record, separators=(",", ":")).encode("ascii")
    return b"%08x " % crc32(text) + text + b"\n"


def _records(content: bytes) -> Iterator[tuple[dict[str, Any], int, int]]:
    """Records with where their lines begin and end, up to the first line that is not whole."""
    start = 0
    while (end := content.find(b"\n", start) + 1) > 0:
        check, text = content[start : start + _SUM], content[start + _SUM + 1 : end - 1]
        if check != b"%08x" % crc32(text):
            return
        yield json.loads(text), start, end
        start = end


def _write_at(file: int, position: int, text: bytes) -> None:
    os.lseek(file, position, os.SEEK_SET)
    left = memoryview(text)
    while left:
        left = left[os.write(file, left) :]
