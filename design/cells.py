"""What a cell of a table may hold: how its text is read, and the same as JSON schema (draft 2020-12)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from design.errors import expected_one_of

Value = str | float | int | None
T = TypeVar("T", str, float, int)


@dataclass(frozen=True)
class CellType(Generic[T]):
    """The values of one kind.

    Parameters
    ----------
    read
        Turns a cell's text into its value; raises ValueError saying what was expected.
    schema
        The values, as JSON schema.
    """

    read: Callable[[str], T]
    schema: Mapping[str, Any] = field(hash=False)

    def __call__(self, text: str) -> T:
        """The value of a text."""
        return self.read(text)


def is_number(value: object) -> bool:
    """Whether a value of a settings file is a finite number."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def choice_parser(*allowed: str) -> CellType[str]:
    """Some words; a blank cell is the column's default."""

    def read(text: str) -> str:
        if text not in allowed:
            raise ValueError(expected_one_of(text, allowed))
        return text

    return CellType(read, {"enum": list(allowed)})


def number_parser(least: float | None = None, unit: str = "", most: float | None = None) -> CellType[float]:
    """Finite numbers not below `least` nor above `most`."""
    limit = "" if least is None else f", at least {least:g}"
    limit += "" if most is None else f", at most {most:g}"
    expected = f"expected a number{' of ' + unit if unit else ''}{limit}"

    def is_within(value: float) -> bool:
        return math.isfinite(value) and (least is None or value >= least) and (most is None or value <= most)

    bounds = {"minimum": least, "maximum": most}
    schema = {"type": "number", **{key: bound for key, bound in bounds.items() if bound is not None}}
    return CellType(_number_reader(is_within, expected), schema)


def _number_reader(is_allowed: Callable[[float], bool], expected: str) -> Callable[[str], float]:
    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            raise ValueError(expected) from None
        if not is_allowed(value):
            raise ValueError(expected)
        return value

    return read


def _whole_reader(least: int, expected: str) -> Callable[[str], int]:
    """A reader of whole numbers, also as a column of numbers and blanks is exported (3.0)."""

    def read(text: str) -> int:
        digits, point, rest = text.partition(".")
        if not digits.isascii() or not digits.isdigit() or (point and rest.strip("0")) or int(digits) < least:
            raise ValueError(expected)
        return int(digits)

    return read


def _read_whole(text: str) -> float:
    """A whole number, also below 0, also as a column of numbers and blanks is exported (3.0)."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or value != int(value):
        raise ValueError("expected a whole number of units")
    return value


def _read_text(text: str) -> str:
    if not text:
        raise ValueError("expected a name")
    return text


parse_text = CellType(_read_text, {"type": "string", "minLength": 1})
parse_positive = CellType(
    _number_reader(lambda value: 0.0 < value < math.inf, "expected a number above 0"),
    {"type": "number", "exclusiveMinimum": 0},
)
parse_open_share = CellType(
    _number_reader(lambda value: 0.0 < value < 1.0, "expected a share above 0 and below 1, e.g. 0.95"),
    {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
)
parse_periods = CellType(
    _whole_reader(0, "expected a whole number of periods, at least 0"), {"type": "integer", "minimum": 0}
)
parse_whole = CellType(_read_whole, {"type": "integer"})
parse_count = CellType(_whole_reader(1, "expected a whole number, at least 1"), {"type": "integer", "minimum": 1})
