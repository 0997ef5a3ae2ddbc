"""Where data comes from: a folder of CSV files, an SQLite file, or any database by its SQLAlchemy URL (extra `sql`).

Tables and columns, one row an observation:

    demand_history       date, node, item, quantity
    inventory_snapshots  date, node, item, on_hand, on_order
    supplier_metrics     date, supplier, item, lead_time, fill_rate, capacity

The last two may be missing. Queries are fixed texts; what a user gives is always a parameter.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from design.errors import BadInputError

TABLES: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {  # keys, numbers
    "demand_history": (("date", "node", "item"), ("quantity",)),
    "inventory_snapshots": (("date", "node", "item"), ("on_hand", "on_order")),
    "supplier_metrics": (("date", "supplier", "item"), ("lead_time", "fill_rate", "capacity")),
}
NEEDED = "demand_history"
EARLIEST = "0000-00-00"
SQLITE = (".db", ".sqlite", ".sqlite3")


class SourceError(BadInputError):
    """Data that cannot be read; the message names file or table, row, column, value and what was expected."""


@dataclass(frozen=True, eq=False)
class RawTables:
    """As they were read: every cell a text, "" where blank; the index is the row of the file, or of the answer.

    Parameters
    ----------
    source
        For messages.
    tables
        By name; those that are missing are empty.
    files
        Name of each table for messages.
    """

    source: str
    tables: Mapping[str, pd.DataFrame]
    files: Mapping[str, str]


def read_source(source: str, since: str | None = None) -> RawTables:
    """Read all three tables.

    Parameters
    ----------
    source
        Folder with CSV files, path of an SQLite file, or a database URL.
    since
        First date, as YYYY-MM-DD; None: all.

    Raises
    ------
    SourceError
        If the demand history is missing or a table lacks a column.
    """
    if "://" in source:
        return _read_url(source, since or EARLIEST)
    path = Path(source)
    if path.is_dir():
        return _read_folder(path, since or EARLIEST)
    if path.suffix.lower() in SQLITE:
        return _read_sqlite(path, since or EARLIEST)
    raise SourceError(f"{source}: expected a folder with {NEEDED}.csv, an SQLite file ({', '.join(SQLITE)}), or a URL")


def _read_folder(folder: Path, since: str) -> RawTables:
    tables, files = {}, {name: f"{name}.csv" for name in TABLES}
    for name, file in files.items():
        path = folder / file
        if not path.exists():
            if name == NEEDED:
                raise SourceError(f"{path}: file missing: expected columns {', '.join(_columns(name))}")
            tables[name] = _empty(name)
            continue
        found = read_cells(path)
        _check_columns(file, name, found)
        found = found[list(_columns(name))]
        tables[name] = found[found["date"] >= since] if since != EARLIEST else found
    return RawTables(str(folder), tables, files)


def read_cells(path: Path) -> pd.DataFrame:
    """A CSV file as texts, indexed by row: the first below the header is 2.

    Raises
    ------
    SourceError
        If it is no table.
    """
    try:
        found = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig", skipinitialspace=True)
    except (UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        reason = str(error).strip().splitlines()[0]
        raise SourceError(f"{path.name}: expected UTF-8 comma-separated text with a header ({reason})") from None
    found.index = pd.RangeIndex(2, 2 + len(found))
    return found.rename(columns=str.strip)


def _read_sqlite(path: Path, since: str) -> RawTables:
    if not path.exists():
        raise SourceError(f"{path}: file missing: expected an SQLite database with the table {NEEDED}")
    try:
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
            known = {
                row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")
            }
            tables = {
                name: _from_rows(name, connection.execute(_query(name, "?"), (since,)).fetchall())
                if name in known
                else None
                for name in TABLES
            }
    except sqlite3.Error as error:
        raise SourceError(f"{path}: {error}: expected tables {', '.join(TABLES)} with their columns") from None
    return _of_database(str(path), tables)


def _read_url(url: str, since: str) -> RawTables:
    try:
        import sqlalchemy
    except ImportError:
        raise SourceError("database URL: expected SQLAlchemy to be installed, the extra `sql`") from None
    try:
        engine = sqlalchemy.create_engine(url)
        shown = engine.url.render_as_string(hide_password=True)
        known = sqlalchemy.inspect(engine)
        names = {*known.get_table_names(), *known.get_view_names()}
        with engine.connect() as connection:
            tables = {
                name: _from_rows(
                    name, connection.execute(sqlalchemy.text(_query(name, ":since")), {"since": since}).fetchall()
                )
                if name in names
                else None
                for name in TABLES
            }
    except (sqlalchemy.exc.SQLAlchemyError, ModuleNotFoundError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise SourceError(f"database: {reason}: expected a URL that answers, with {', '.join(TABLES)}") from None
    return _of_database(shown, tables)


def _of_database(source: str, tables: Mapping[str, pd.DataFrame | None]) -> RawTables:
    if tables[NEEDED] is None:
        raise SourceError(f"{source}: table {NEEDED} missing: expected columns {', '.join(_columns(NEEDED))}")
    return RawTables(
        source,
        {name: _empty(name) if found is None else found for name, found in tables.items()},
        {name: f"table {name}" for name in tables},
    )


def _query(name: str, parameter: str) -> str:
    """A fixed text: names are constants of this module."""
    columns = ", ".join(_columns(name))
    return f"SELECT {columns} FROM {name} WHERE date >= {parameter} ORDER BY date"


def _from_rows(name: str, rows: list[tuple[object, ...]]) -> pd.DataFrame:
    cells = [["" if value is None else str(value) for value in row] for row in rows]
    return pd.DataFrame(cells, columns=list(_columns(name)), index=pd.RangeIndex(1, 1 + len(cells)), dtype=str)


def _columns(name: str) -> tuple[str, ...]:
    keys, numbers = TABLES[name]
    return (*keys, *numbers)


def _empty(name: str) -> pd.DataFrame:
    return pd.DataFrame(columns=list(_columns(name)), dtype=str)


def _check_columns(file: str, name: str, found: pd.DataFrame) -> None:
    missing = [column for column in _columns(name) if column not in found.columns]
    if missing:
        raise SourceError(f"{file} row 1: column {missing[0]} missing: expected {', '.join(_columns(name))}")
