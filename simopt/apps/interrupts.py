"""Ctrl-C that cannot get lost."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def remembered_interrupt() -> Iterator[Callable[[], bool]]:
    """Yield a function that says whether Ctrl-C was pressed inside the `with` block.

    Ctrl-C still raises KeyboardInterrupt. But Python drops an exception that is raised in a finalizer or callback: then
    only this memory is left. And one raised while a compiled function takes its arguments surfaces as a SystemError,
    one in a compiled module's import as an ImportError: both are
    turned back here. Outside the main thread signals do not arrive, and the function always says no.
    """
    pressed: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        pressed.append(number)
        if callable(before):
            before(number, frame)  # whoever counts the presses
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    before = signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, note)
    try:
        yield lambda: bool(pressed)
    except (SystemError, ImportError) as error:
        if pressed:
            raise KeyboardInterrupt from error
        raise
    finally:
        signal.signal(signal.SIGINT, before)
