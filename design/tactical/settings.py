"""What a case says about tactical planning: [tactical] of case.toml."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from design.cells import is_number
from design.tables import Problems

KEYS = ("values", "range", "initial")


@dataclass(frozen=True)
class TacticalSettings:
    """Defaults of `simopt tactical`.

    Parameters
    ----------
    values
        Demand of a period in the branches of a scenario tree, units; empty: three that have the mean and standard
        deviation of the demand.
    range
        Least and greatest demand of random scenarios, all between equally likely; None: the distribution of the demand.
    initial
        Units on hand at the start; None: the mean demand of the lead time.
    """

    values: tuple[float, ...] = ()
    range: tuple[float, float] | None = None
    initial: float | None = None


def read_tactical(file: str, table: Mapping[str, Any], problems: Problems) -> TacticalSettings:
    """Read it; what is wrong is added to `problems`."""
    values = _numbers(file, table, "values", "numbers of units, at least 0, e.g. [27.2, 50, 72.8]", problems)
    between = _numbers(file, table, "range", "two numbers of units, at least 0, e.g. [10, 90]", problems)
    if between and (len(between) != 2 or between[0] > between[1]):
        expected = "expected the least and the greatest demand, e.g. [10, 90]"
        problems.add(file, f"{list(between)}: {expected}", column="tactical.range")
        between = ()
    initial = table.get("initial")
    if initial is not None and not _is_amount(initial):
        problems.add(file, f"{initial!r}: expected a number of units, at least 0", column="tactical.initial")
        initial = None
    start = None if initial is None else float(initial)
    return TacticalSettings(values, (between[0], between[1]) if between else None, start)


def format_tactical(settings: TacticalSettings) -> list[str]:
    """The lines of case.toml that `read_tactical` turns into the same settings."""
    given = {
        "values": list(settings.values) or None,
        "range": None if settings.range is None else list(settings.range),
        "initial": settings.initial,
    }
    lines = [f"{key} = {value!r}" for key, value in given.items() if value is not None]
    return ["", "[tactical]", *lines] if lines else []


def _numbers(file: str, table: Mapping[str, Any], key: str, expected: str, problems: Problems) -> tuple[float, ...]:
    given = table.get(key, [])
    if isinstance(given, list) and all(map(_is_amount, given)):
        return tuple(float(value) for value in given)
    problems.add(file, f"{given!r}: expected {expected}", column=f"tactical.{key}")
    return ()


def _is_amount(value: Any) -> bool:
    return is_number(value) and value >= 0
