"""Demand histories: a table of period, node and demand read into one series a node, gaps refused or filled."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np

from design.cells import number_parser, parse_text
from design.demand import Floats, as_floats
from design.errors import BadInputError, expected_one_of
from design.products import SEPARATOR
from design.tables import Column, Problems, Record, read_table

MISSING = ("refuse", "zero")
STEPS = ("number", "day", "workday", "week", "month")
_EXPECTED_PERIOD = "expected a whole number or a date such as 2024-01-31 or 2024-01"
_SHOWN_GAPS = 4


class HistoryError(BadInputError):
    """A history that cannot be read; the message names row, column, value and what was expected."""


@dataclass(frozen=True, eq=False)
class Series:
    """Demand of one node in consecutive periods.

    Parameters
    ----------
    node, product
        Whose demand; the product is blank where the table has none.
    first
        Number of the first period, counted in steps of the history.
    demand
        Units in each period, shape (period,).
    filled
        Periods without a row (or with a blank) that count as no demand.
    """

    node: str
    product: str
    first: int
    demand: Floats
    filled: int = 0

    @property
    def label(self) -> str:
        """Node, and product where there is one, as messages name it."""
        return f"{self.node}{SEPARATOR}{self.product}" if self.product else self.node


@dataclass(frozen=True, eq=False)
class History:
    """A demand history.

    Parameters
    ----------
    file
        Its name.
    step
        One of `STEPS`: whole numbers, or the calendar step that its dates follow.
    series
        One for each node and product, in the order of their first rows.
    first_label, last_label
        The first and last period of the table.
    warnings
        What a reader should know: series shorter than the table, decimal commas.
    """

    file: str
    step: str
    series: tuple[Series, ...]
    first_label: str
    last_label: str
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Calendar:
    """Numbers the periods of a history."""

    step: str

    def number(self, text: str) -> int:
        """Consecutive whole numbers for consecutive periods."""
        if self.step == "number":
            return int(text)
        day = _day(text)
        if self.step == "month":
            return 12 * day.year + day.month - 1
        weeks, weekday = divmod(day.toordinal() - 1, 7)
        return {"week": weeks, "workday": 5 * weeks + weekday, "day": day.toordinal()}[self.step]

    def label(self, number: int) -> str:
        """The period of a number; of a week its Monday."""
        if self.step == "number":
            return str(number)
        if self.step == "month":
            return f"{number // 12:04d}-{number % 12 + 1:02d}"
        if self.step == "day":
            return date.fromordinal(number).isoformat()
        weeks, weekday = divmod(number, 5) if self.step == "workday" else (number, 0)
        monday = date.fromordinal(7 * weeks + 1).isoformat()
        return f"week of {monday}" if self.step == "week" else date.fromordinal(7 * weeks + weekday + 1).isoformat()


class _DemandParser:
    """Demand of a cell; between semicolons a decimal comma is one, but not beside decimal points."""

    def __init__(self, delimiter: str) -> None:
        self.sign = "" if delimiter == ";" else "."
        self._parse = number_parser(0.0, "units")

    def __call__(self, text: str) -> float:
        """The number; ValueError says what was expected."""
        if not text:
            raise ValueError("expected a number of units, at least 0 (or --missing zero)")
        if "," in text and self.sign != "." and re.fullmatch(r"\d*,\d*", text):
            self.sign = ","
            return self._parse(text.replace(",", "."))
        if "." in text and self.sign == ",":
            raise ValueError("expected a number with a decimal comma, as in rows above")
        if "." in text:
            self.sign = "."
        return self._parse(text)


def read_history(path: Path, missing: str = "refuse") -> History:
    """Read a demand history.

    Parameters
    ----------
    path
        CSV with the columns `period`, `node`, `demand` and perhaps `product`, separated by commas or semicolons.
    missing
        `refuse`: every period between a series' first and last row needs a row with a number; `zero`: whatever is
        missing between the table's first and last period counts as no demand.

    Raises
    ------
    HistoryError
        Listing everything wrong with the table, one line each.
    """
    if missing not in MISSING:
        raise HistoryError(f"--missing {missing!r}: {expected_one_of(missing, MISSING)}")
    if path.is_dir():
        raise HistoryError(f"{path}: a folder; expected a .csv file")
    problems = Problems()
    header = _header(path)
    delimiter = ";" if ";" in header and "," not in header else ","
    parser = _DemandParser(delimiter)
    rows = read_table(path, _columns(parser, missing), problems, delimiter=delimiter)
    if rows and "demand" not in [cell.strip() for cell in header.split(delimiter)]:
        problems.add(path.name, "column missing from the header: expected it there", 1, "demand")
    _check_kinds(path.name, rows, problems)
    _refuse(path, problems)
    history = _assemble(path, rows, missing, problems)
    _refuse(path, problems)
    if parser.sign == ",":
        note = "numbers are read with decimal commas: 1,234 is a little more than one"
        return replace(history, warnings=(note, *history.warnings))
    return history


def _columns(parser: Callable[[str], float], missing: str) -> tuple[Column, ...]:
    return (
        Column("period", _parse_period, "", required=True),
        Column("node", parse_text, "", required=True),
        Column("product", parse_text, ""),
        Column("demand", parser, required=missing == "refuse"),
    )


def _header(path: Path) -> str:
    """The first line; blank where `read_table` will say what is wrong with the file."""
    try:
        with path.open(encoding="utf-8-sig") as stream:
            return stream.readline().replace('"', "")
    except (UnicodeDecodeError, FileNotFoundError):
        return ""


def _refuse(path: Path, problems: Problems) -> None:
    if problems.messages:
        raise HistoryError("\n".join(f"{path}{line.removeprefix(path.name)}" for line in problems.messages))


def _parse_period(text: str) -> str:
    if _kind(text) == "number":
        hint = re.fullmatch(r"((?:19|20)\d\d)(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])?", text)
        if hint:
            shown = "-".join(part for part in hint.groups() if part)
            raise ValueError(f"expected a date written as {shown} (or periods numbered 1, 2, ...)")
    else:
        _day(text)
    return text


def _kind(text: str) -> str:
    if re.fullmatch(r"\d+", text, re.ASCII):
        return "number"
    return "month" if re.fullmatch(r"\d{4}-\d\d", text, re.ASCII) else "date"


def _day(text: str) -> date:
    try:
        return date.fromisoformat(f"{text}-01" if _kind(text) == "month" else text)
    except ValueError:
        raise ValueError(_EXPECTED_PERIOD) from None


def _check_kinds(file: str, rows: Sequence[Record], problems: Problems) -> None:
    """Numbers, months and days must not be mixed."""
    for row in rows:
        first, own = rows[0].text("period"), row.text("period")
        if first and own and _kind(own) != _kind(first):
            what = f"{own!r}: expected the same kind of period as in row {rows[0].line}, {first!r}"
            problems.add(file, what, row.line, "period")
            return


def _assemble(path: Path, rows: Sequence[Record], missing: str, problems: Problems) -> History:
    calendar = _Calendar(_step([row.text("period") for row in rows]))
    by_series: dict[tuple[str, str], dict[int, Record]] = {}
    for row in rows:
        own = by_series.setdefault((row.text("node"), row.text("product")), {})
        first = own.setdefault(calendar.number(row.text("period")), row)
        if first is not row:
            what = f"duplicate period {row.text('period')!r} of node {_label(row)!r}: expected once"
            same = "" if first.text("period") == row.text("period") else f" as {first.text('period')!r}"
            problems.add(path.name, f"{what}, first{same} in row {first.line}", row.line, "period")
    numbers = [number for own in by_series.values() for number in own]
    low, high = min(numbers), max(numbers)
    series, warnings = [], []
    for own in by_series.values():
        ends = (low, high) if missing == "zero" else (min(own), max(own))
        _check_gaps(path.name, own, calendar, missing, problems)
        made = _series(own, *ends)
        series.append(made)
        if ends != (low, high):
            shown = f"{calendar.label(ends[0])} to {calendar.label(ends[1])}"
            warnings.append(f"{made.label}: rows for {shown} only; the periods before and after are not counted")
        if made.filled:
            warnings.append(
                f"{made.label}: {made.filled} of {len(made.demand)} periods without a row count as no demand"
            )
    return History(path.name, calendar.step, tuple(series), calendar.label(low), calendar.label(high), tuple(warnings))


def _series(own: dict[int, Record], low: int, high: int) -> Series:
    demand = np.zeros(high - low + 1)
    given = {number: row.optional_number("demand") for number, row in own.items()}
    known = {number: value for number, value in given.items() if value is not None}
    demand[[number - low for number in known]] = list(known.values())
    row = next(iter(own.values()))
    return Series(row.text("node"), row.text("product"), low, as_floats(demand), len(demand) - len(known))


def _check_gaps(file: str, own: dict[int, Record], calendar: _Calendar, missing: str, problems: Problems) -> None:
    """One line for the periods without a row between a series' first and last."""
    numbers = sorted(own)
    jumps = [(before, after) for before, after in pairwise(numbers) if after > before + 1]
    if missing == "zero" or not jumps:
        return
    count = sum(after - before - 1 for before, after in jumps)
    shown = [_gap(calendar, before + 1, after - 1) for before, after in jumps[:_SHOWN_GAPS]]
    more = ", ..." if len(jumps) > _SHOWN_GAPS else ""
    row = own[jumps[0][1]]
    what = f"node {_label(row)!r} has no row for {count} period{'s' if count > 1 else ''}, {', '.join(shown)}{more}"
    step = "" if calendar.step == "number" else f" (step: {calendar.step})"
    expected = f"expected a row for every period{step}, or --missing zero to count them as no demand"
    problems.add(file, f"{what}: {expected}", row.line, "period")


def _gap(calendar: _Calendar, first: int, last: int) -> str:
    return calendar.label(first) + ("" if first == last else f" to {calendar.label(last)}")


def _label(row: Record) -> str:
    return Series(row.text("node"), row.text("product"), 0, np.zeros(0)).label


def _step(periods: Sequence[str]) -> str:
    """The coarsest calendar step that all dates follow."""
    kind = _kind(periods[0])
    if kind != "date":
        return kind
    days = sorted({_day(text) for text in periods})
    months = {(day.year, day.month) for day in days}
    at_end = all((day + timedelta(1)).month != day.month for day in days)
    if len(months) == len(days) and (at_end or len({day.day for day in days}) == 1):
        return "month"
    if len({day.weekday() for day in days}) == 1:
        return "week"
    return "workday" if all(day.weekday() < 5 for day in days) else "day"
