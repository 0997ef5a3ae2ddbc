"""Tables of a case on disk: reading rows column by column, collecting every error with its place."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TextIO

from design.cells import CellType, Value
from design.errors import expected_one_of

LONGEST = 400  # characters of a message


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Parameters
    ----------
    name
        Header.
    parse
        Turns a cell's text into its value; raises ValueError saying what was expected.
    default
        Value of a blank cell or absent column; also stands in for a cell with an error, so that the row is still
        checked against other tables.
    required
        Whether column and cell must be there.
    """

    name: str
    parse: CellType[Any] | Callable[[str], Value]
    default: Value = None
    required: bool = False

    @property
    def schema(self) -> dict[str, Any]:
        """Its values as JSON schema; any text where a function reads them."""
        return dict(self.parse.schema) if isinstance(self.parse, CellType) else {"type": "string"}


@dataclass(frozen=True)
class Record:
    """One row: its line in the file, its values by column name, and the columns whose cell is not blank."""

    line: int
    values: Mapping[str, Value]
    given: frozenset[str] = frozenset()

    def text(self, column: str) -> str:
        """A text value."""
        return str(self.values[column])

    def number(self, column: str) -> float:
        """A number; only for columns whose default is one."""
        value = self.values[column]
        if not isinstance(value, int | float):
            raise TypeError(f"column {column} holds no number")
        return value

    def optional_number(self, column: str) -> float | None:
        """A number, or None where the cell is blank."""
        return None if self.values[column] is None else self.number(column)


@dataclass
class Problems:
    """Collects messages; every place has the same form."""

    messages: list[str] = field(default_factory=list)
    places: set[tuple[str, int | None]] = field(default_factory=set)

    def add(self, file: str, what: str, line: int | None = None, column: str | None = None) -> None:
        """Note one problem: file, row and column as far as they apply, then what was found and expected."""
        place = file + (f" row {line}" if line else "") + (f" column {_shortened(column)}" if column else "")
        self.messages.append(f"{place}: {_shortened(what)}")
        self.places.add((file, line))

    def in_file(self, file: str) -> bool:
        """Whether anything was wrong with a file."""
        return any(name == file for name, _ in self.places)

    def in_row(self, file: str, row: Record) -> bool:
        """Whether anything was wrong with a row, so that what follows from it need not be said."""
        return (file, row.line) in self.places


def _shortened(text: str) -> str:
    """On one line, and not longer than people read: what was found may be anything."""
    told = " ".join(text.splitlines())
    return told if len(told) <= LONGEST else f"{told[: LONGEST // 2]} ... {told[-LONGEST // 2 :]}"


def read_table(
    path: Path,
    columns: Iterable[Column],
    problems: Problems,
    *,
    may_be_empty: bool = False,
    delimiter: str | None = None,
) -> list[Record]:
    """Rows of a CSV file.

    Parameters
    ----------
    path
        UTF-8 with or without a byte-order mark, first row the header.
    columns
        The columns that may occur.
    problems
        Collects what is wrong; a cell with an error has its column's default in the result.
    may_be_empty
        Whether a header without rows is fine.
    delimiter
        What separates cells; None: commas, or semicolons where the header has them and no comma. Then numbers may have
        a decimal comma.
    """
    known = {column.name: column for column in columns}
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            found = delimiter or _delimiter(stream)
            reader = csv.reader(stream, delimiter=found)
            header = [cell.strip() for cell in next(reader, [])]
            lines = [(reader.line_num, [cell.strip() for cell in cells]) for cells in reader if "".join(cells).strip()]
    except FileNotFoundError:
        problems.add(path.name, "file missing: expected a table with the columns " + ", ".join(known))
        return []
    except OSError as error:
        problems.add(path.name, f"not readable ({error.strerror}): expected a table")
        return []
    except (UnicodeDecodeError, csv.Error) as error:
        problems.add(path.name, f"not readable as UTF-8 comma-separated text ({error})")
        return []
    if not _header_is_sound(path.name, header, known, problems):
        return []
    if not lines and not may_be_empty:
        problems.add(path.name, "no rows: expected at least one below the header")
    if delimiter is None and found == ";":
        known = {name: replace(column, parse=_with_decimal_comma(column.parse)) for name, column in known.items()}
    return [_read_row(path.name, line, header, cells, known, problems) for line, cells in lines]


def _delimiter(stream: TextIO) -> str:
    """What separates the cells of the header; the stream stands at its beginning again."""
    header = stream.readline()
    stream.seek(0)
    return ";" if ";" in header and "," not in header else ","


def _with_decimal_comma(parse: Callable[[str], Value]) -> Callable[[str], Value]:
    """The parser, tried with a point in the place of a number's comma where it refuses the text as it is."""

    def parsed(text: str) -> Value:
        try:
            return parse(text)
        except ValueError:
            if re.fullmatch(r"[+-]?\d+,\d+", text) is None:
                raise
            return parse(text.replace(",", "."))

    return parsed


def _header_is_sound(file: str, header: list[str], known: Mapping[str, Column], problems: Problems) -> bool:
    before = len(problems.messages)
    for name in header:
        if header.count(name) > 1 and name not in header[: header.index(name)]:
            problems.add(file, f"column {name!r} occurs {header.count(name)} times: expected once", 1)
            break
    for name in header:
        if name not in known:
            problems.add(file, f"unknown column {name!r}: {expected_one_of(name, known)}", 1, name or None)
    for column in known.values():
        if column.required and column.name not in header:
            problems.add(file, "column missing from the header: expected it there", 1, column.name)
    return len(problems.messages) == before


def _read_row(
    file: str, line: int, header: list[str], cells: list[str], known: Mapping[str, Column], problems: Problems
) -> Record:
    if any(cells[len(header) :]):
        problems.add(file, f"{len(cells)} cells: expected {len(header)}, one per column of the header", line)
    given = dict(zip(header, cells, strict=False))
    values: dict[str, Value] = {}
    for column in known.values():
        text = given.get(column.name, "")
        values[column.name] = column.default
        if not text and column.required:
            problems.add(file, "blank: " + _expected(column), line, column.name)
        elif text:
            try:
                values[column.name] = column.parse(text)
            except ValueError as error:
                problems.add(file, f"{text!r}: {error}", line, column.name)
    return Record(line, values, frozenset(name for name, text in given.items() if text))


def _expected(column: Column) -> str:
    try:
        column.parse("")
    except ValueError as error:
        return str(error)
    return "expected a value"


def write_table(path: Path, columns: Sequence[Column], rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows as CSV; optional columns that hold only defaults are left out."""
    used = [c for c in columns if c.required or any(row[c.name] != c.default for row in rows)]
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow([column.name for column in used])
        for row in rows:
            writer.writerow([_cell(row[column.name], column) for column in used])


def _cell(value: Any, column: Column) -> str:
    if value == column.default and not column.required:
        return ""
    return repr(float(value)) if isinstance(value, float) else str(value)
