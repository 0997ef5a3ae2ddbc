"""The two families of errors that a user can cause; everything else is a defect of the program."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class BadInputError(ValueError):
    """Something given is wrong; the message names it and says what was expected, one line a problem."""


class NoSolutionError(RuntimeError):
    """The input is sound but no solution came of it; the message says why."""


class NetworkError(BadInputError):
    """A network or design that contradicts itself; the message names the offending node or lane."""


class CycleInNetworkError(NetworkError):
    """Lanes that lead back to where they start.

    Parameters
    ----------
    cycle
        Node names around the cycle, the first one again at the end.
    """

    def __init__(self, cycle: tuple[str, ...]) -> None:
        super().__init__(f"the lanes form a cycle {' -> '.join(cycle)}")
        self.cycle = cycle


def expected_one_of(name: str, known: Iterable[str]) -> str:
    """What an unknown name could have been."""
    options = list(known)
    lower = {option.lower(): option for option in reversed(options)}
    close = get_close_matches(name, options, n=1) or [lower[one] for one in get_close_matches(name.lower(), lower, n=1)]
    listed = "expected one of " + ", ".join(options[:12]) + (", ..." if len(options) > 12 else "")
    if not close:
        return listed
    return f"did you mean {close[0]!r}?" + (f" ({listed})" if len(options) <= 12 else "")
