"""`simopt sensitivity`: a family of cases, changed in their tables, solved and set side by side."""

from __future__ import annotations

import csv
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from design.case import Case, CaseError
from design.case_files import read_case, save_case
from design.errors import BadInputError, expected_one_of
from simopt.apps.options import OptionError, SolveOptions
from simopt.apps.solve import solve, versions
from simopt.differences import DesignChange
from simopt.sensitivity_outcome import Sensitivity, Variant

POINTS = 5
MOST_POINTS = 101
TABLES = ("nodes", "lanes", "demand")
KEYS = {"nodes": ("node",), "lanes": ("from", "to"), "demand": ("node",)}
PATCH_COLUMNS = ("variant", "table", "node", "from", "to", "column", "value")
Rows = list[dict[str, str]]
OnVariant = Callable[[Variant], None]


@dataclass(frozen=True)
class Range:
    """A column of a table to be multiplied by equally spaced factors.

    Parameters
    ----------
    table, column
        Which.
    factors
        Each gives a variant.
    """

    table: str
    column: str
    factors: tuple[float, ...]

    @classmethod
    def parse(cls, text: str) -> Range:
        """From `table.column=LOW..HIGH` or `table.column=LOW..HIGH:POINTS`.

        Raises
        ------
        OptionError
            If the text has another form or names no table.
        """
        number = r"(\d+(?:\.\d+)?)"
        found = re.fullmatch(rf"(\w+)\.(\w+)={number}\.\.{number}(?::(\d+))?", text.strip())
        if found is None:
            raise OptionError(
                f"vary {text!r}: expected table.column=LOW..HIGH or LOW..HIGH:POINTS, as demand.mean=0.8..1.2"
            )
        table, column, low, high, points = found.groups()
        if table not in TABLES:
            raise OptionError(f"vary {text!r}: unknown table {table!r}: {expected_one_of(table, TABLES)}")
        count = POINTS if points is None else int(points)
        if not 2 <= count <= MOST_POINTS or not float(low) < float(high):
            raise OptionError(f"vary {text!r}: expected LOW below HIGH and 2 to {MOST_POINTS} points")
        spaced = np.linspace(float(low), float(high), count)
        return cls(table, column, tuple(float(f"{factor:.12g}") for factor in spaced))


@dataclass(frozen=True)
class Patch:
    """One cell of a table to be replaced.

    Parameters
    ----------
    variant
        All patches of a name make one variant.
    table, key, column, value
        Where, and what is written there.
    line
        Of patches.csv.
    """

    variant: str
    table: str
    key: tuple[str, ...]
    column: str
    value: str
    line: int


def read_patches(path: Path) -> tuple[Patch, ...]:
    """The rows of a patches.csv: variant, table, node (or from and to), column, value.

    Raises
    ------
    CaseError
        With every error found, one line each.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            header = [name.strip() for name in reader.fieldnames or []]
            rows = [(reader.line_num, {k.strip(): (v or "").strip() for k, v in row.items() if k}) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CaseError(
            (f"{path}: {error}: expected a CSV file with the columns {', '.join(PATCH_COLUMNS)}",)
        ) from None
    unknown = [name for name in header if name not in PATCH_COLUMNS]
    if unknown or not {"variant", "table", "column", "value"} <= set(header):
        what = f"unknown column {unknown[0]!r}" if unknown else f"columns {', '.join(header)}"
        raise CaseError((f"{path.name} row 1: {what}: expected {', '.join(PATCH_COLUMNS)}",))
    problems, found = list[str](), list[Patch]()
    for line, row in rows:
        if not any(row.values()):
            continue
        table = row["table"]
        if not row["variant"]:
            problems.append(f"{path.name} row {line} column variant: blank: expected a name")
        elif table not in TABLES:
            problems.append(f"{path.name} row {line} column table: {table!r}: {expected_one_of(table, TABLES)}")
        else:
            key = tuple(row.get(name, "") for name in KEYS[table])
            found.append(Patch(row["variant"], table, key, row["column"], row["value"], line))
    if problems or not found:
        raise CaseError(tuple(problems) or (f"{path.name}: no rows: expected at least one below the header",))
    return tuple(found)


def find_sensitivity(
    case: Case,
    ranges: Sequence[Range],
    patches: Sequence[Patch],
    options: SolveOptions,
    on_variant: OnVariant = lambda _: None,
) -> Sensitivity:
    """Solve a case and its variants with the same seed.

    Parameters
    ----------
    case
        The case as it is.
    ranges
        Columns to multiply, one after the other.
    patches
        Cells to replace.
    options
        Of every solve.
    on_variant
        Called after each, the case itself first.

    Raises
    ------
    BadInputError
        If a column, row or value is not as expected.
    """
    if not ranges and not patches:
        raise OptionError("sensitivity: expected --vary or --patches")
    changed = [*_varied(case, ranges), *_patched(case, patches)]  # all checked before the first is solved
    found = solve(case, options)
    base = Variant("as it is", "", None, found, DesignChange((), (), (), ()))
    on_variant(base)
    variants = []
    for name, parameter, factor, variant in changed:
        result = solve(variant, options)
        change = DesignChange.between(case.network.design(found.lanes), case.network.design(result.lanes))
        variants.append(Variant(name, parameter, factor, result, change))
        on_variant(variants[-1])
    return Sensitivity(case.name, options.seed, base, tuple(variants), versions())


def _varied(case: Case, ranges: Sequence[Range]) -> Iterator[tuple[str, str, float, Case]]:
    for one in ranges:
        parameter = f"{one.table}.{one.column}"
        for factor in one.factors:
            name = f"{parameter} x {factor:g}"
            yield name, parameter, factor, _with_tables(case, name, {one.table: _multiplied(one, factor)})


def _multiplied(one: Range, factor: float) -> Callable[[Rows], None]:
    def change(rows: Rows) -> None:
        if one.column not in rows[0]:
            known = [name for name in rows[0] if name not in KEYS[one.table]]
            raise OptionError(f"vary {one.table}.{one.column}: unknown column: {expected_one_of(one.column, known)}")
        for row in rows:
            text = row[one.column]
            if not text:
                continue
            try:
                row[one.column] = repr(factor * float(text))
            except ValueError:
                raise OptionError(f"vary {one.table}.{one.column}: {text!r}: expected numbers to multiply") from None

    return change


def _patched(case: Case, patches: Sequence[Patch]) -> Iterator[tuple[str, str, None, Case]]:
    for name in dict.fromkeys(patch.variant for patch in patches):
        own = [patch for patch in patches if patch.variant == name]
        tables = {table: _replaced([p for p in own if p.table == table]) for table in {p.table for p in own}}
        yield name, "", None, _with_tables(case, name, tables)


def _replaced(patches: Sequence[Patch]) -> Callable[[Rows], None]:
    def change(rows: Rows) -> None:
        for patch in patches:
            names = KEYS[patch.table]
            found = [row for row in rows if tuple(row[name] for name in names) == patch.key]
            if not found:
                key = " -> ".join(patch.key)
                raise CaseError((f"patches.csv row {patch.line}: {key!r}: expected a row of {patch.table}.csv",))
            for row in found:
                row[patch.column] = patch.value

    return change


def _with_tables(case: Case, name: str, changes: Mapping[str, Callable[[Rows], None]]) -> Case:
    """The case with changed tables, checked like any other."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made) / "case"
        save_case(case, folder)
        for table, change in changes.items():
            path = folder / f"{table}.csv"
            with path.open(encoding="utf-8", newline="") as stream:
                rows = list(csv.DictReader(stream))
            change(rows)
            header = list(dict.fromkeys(key for row in rows for key in row))
            with path.open("w", encoding="utf-8", newline="") as stream:
                writer = csv.DictWriter(stream, header, restval="", lineterminator="\n")
                writer.writeheader()
                writer.writerows(rows)
        try:
            return read_case(folder)
        except CaseError as error:
            lines = tuple(f"variant {name!r}: {message.removeprefix('case/')}" for message in error.messages)
            raise CaseError(lines) from None
        except BadInputError as error:
            raise OptionError(f"variant {name!r}: {error}") from None
