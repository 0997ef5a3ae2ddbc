"""The two families of errors that a user can cause; everything else is a defect of the program."""

from __future__ import annotations


class BadInputError(ValueError):
    """Something given is wrong; the message names it and says what was expected, one line a problem."""


class NoSolutionError(RuntimeError):
    """The input is sound but no solution came of it; the message says why."""
