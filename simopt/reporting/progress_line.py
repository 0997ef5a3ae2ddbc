"""A line of progress in a terminal, with the time that is left where the work is known; it leaves no trace."""

from __future__ import annotations

from time import monotonic
from typing import TextIO

WIDTH = 24
EVERY = 0.1  # seconds between two drawings
_CLEAR = "\r\x1b[K"


class ProgressLine:
    """Draws itself over itself; does nothing where the stream is no terminal.

    Parameters
    ----------
    stream
        Where it is drawn.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream if stream.isatty() else None
        self._what, self._began, self._drawn = "", 0.0, 0.0
        self._is_shown = False

    def tell(self, what: str, done: int, total: int) -> None:
        """A `simulation.progress.Progress`."""
        if self._stream is None:
            return
        now = monotonic()
        if what != self._what or done == 0:
            self._what, self._began = what, now
        if now - self._drawn < EVERY and done < total:
            return
        self._drawn, self._is_shown = now, True
        self._stream.write(_CLEAR + progress_text(what, done, total, now - self._began))
        self._stream.flush()

    def clear(self) -> None:
        """Take the line away, before another one is printed."""
        if self._stream is not None and self._is_shown:
            self._stream.write(_CLEAR)
            self._stream.flush()
            self._is_shown = False


def progress_text(what: str, done: int, total: int, seconds: float) -> str:
    """The line: a bar, how much is done, and how long the rest takes at the same pace."""
    filled = round(WIDTH * done / max(total, 1))
    line = f"{what} [{'#' * filled}{'.' * (WIDTH - filled)}] {done}/{total}"
    if not 0 < done < total:
        return line
    left = round(seconds * (total - done) / done)
    hours, minutes = left // 3600, left // 60 % 60
    return line + (f", {hours}:{minutes:02}:{left % 60:02} left" if hours else f", {minutes}:{left % 60:02} left")
