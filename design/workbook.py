"""A case as an Excel workbook: a sheet for each table of its folder, and a sheet `case` for the settings.

CSV stays canonical: a workbook is turned into the files of a folder, row by row, and these are read; messages name the
sheet and the row.
"""

from __future__ import annotations

import csv
import re
import tempfile
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import ParseError
from zipfile import BadZipFile, ZipFile
from zlib import error as ZlibError  # noqa: N812

from design.case import Case, CaseError
from design.errors import expected_one_of
from design.planning.data import PATTERNS, SHAPES

if TYPE_CHECKING:
    from openpyxl.worksheet.worksheet import Worksheet

SETTINGS = "case"
TABLES = (
    "nodes", "lanes", "demand", "profiles", "correlations", "outages", "lead_times",
    "skus", "operations", "capacities", "shocks", "breakdowns",
)  # fmt: skip
CHOICES = {
    ("nodes", "status"): ("open", "closed"),
    ("lanes", "status"): ("open", "closed"),
    ("skus", "pattern"): PATTERNS,
    ("shocks", "shape"): SHAPES,
    ("demand", "distribution"): (
        "normal", "poisson", "gamma", "negative_binomial", "lognormal", "intermittent", "empirical",
    ),
}  # fmt: skip
NAMES = {("lanes", "from"), ("lanes", "to"), ("demand", "node")}
CHOSEN_ROWS = 2_000  # with a drop-down
LARGEST, MOST_CELLS = 200_000_000, 5_000_000  # bytes that a workbook unpacks to, cells of a sheet
_WIDTH = 16
_BROKEN = (  # what parsers of broken files raise
    OSError, ValueError, LookupError, TypeError, AttributeError, EOFError, ArithmeticError, RuntimeError,
    AssertionError, NotImplementedError, BadZipFile, ParseError, ZlibError,
)  # fmt: skip


def read_workbook(path: Path, read: Any) -> Case:
    """The case in a workbook.

    Parameters
    ----------
    path
        A .xlsx file.
    read
        Reads the case of a folder.

    Raises
    ------
    CaseError
        With every error found; places are sheets and their rows.
    """
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made) / path.stem
        folder.mkdir()
        _unpack(path, folder)
        try:
            found: Case = read(folder)
        except CaseError as error:
            raise CaseError(tuple(_placed(message, path, folder) for message in error.messages)) from None
        return found


def write_workbook(folder: Path, path: Path) -> None:
    """Write the files of a case folder as a workbook with notes on columns and drop-downs.

    Parameters
    ----------
    folder
        Holds case.toml and the tables; other CSV files, histories, become sheets too.
    path
        The .xlsx file.
    """
    from openpyxl import Workbook

    book = Workbook()
    book.remove(book.active)
    settings = tomllib.loads((folder / "case.toml").read_text(encoding="utf-8"))
    _fill(book.create_sheet(SETTINGS), [["setting", "value"], *_flat(settings)])
    files = sorted(folder.glob("*.csv"), key=lambda file: (_rank(file.stem), file.stem))
    notes = column_notes()
    for file in files:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            rows = list(csv.reader(stream))
        sheet = book.create_sheet(file.stem)
        _fill(sheet, rows)
        _annotate(sheet, file.stem, rows[0], notes.get(file.stem, {}))
    book.save(path)


def column_notes() -> dict[str, dict[str, str]]:
    """What each column of each table means, as cases/README.md says: by table and column."""
    text = (resources.files("cases") / "README.md").read_text(encoding="utf-8")
    found: dict[str, dict[str, str]] = {}
    table = ""
    for line in text.splitlines():
        if heading := re.match(r"`(\w+)\.csv`", line):
            table = heading.group(1)
        if table and line.startswith("| `"):
            first, *others = [cell.strip() for cell in line.strip("|").split(" | ")]
            note = "; ".join(cell for cell in others if cell).replace("`", "")
            for name in re.findall(r"`(\w+)`", first):
                found.setdefault(table, {}).setdefault(name, note)
    return found


def _rank(stem: str) -> int:
    return TABLES.index(stem) if stem in TABLES else len(TABLES)


def _flat(settings: Mapping[str, Any], prefix: str = "") -> Iterator[list[str]]:
    """Settings as dotted names with their values."""
    for key, value in settings.items():
        name = f"{prefix}{_key(key)}"
        if isinstance(value, Mapping):
            yield from _flat(value, f"{name}.")
        else:
            yield [name, str(value).lower() if isinstance(value, bool) else str(value)]


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else _toml(key)


def _is_number(cell: str) -> bool:
    """Whether a table's text is a number that would be written the same."""
    try:
        return str(int(cell)) == cell
    except ValueError:
        pass
    try:
        return repr(float(cell)) == cell and isfinite(float(cell))
    except ValueError:
        return False


def _fill(sheet: Worksheet, rows: Sequence[Sequence[str]]) -> None:
    from openpyxl.styles import Font
    from openpyxl.utils import get_column_letter

    for row, cells in enumerate(rows, start=1):
        for column, text in enumerate(cells, start=1):
            if text:
                cell = sheet.cell(row=row, column=column, value=text)
                cell.data_type = "n" if _is_number(text) else "s"  # all digits of a number; never a formula
    for column, title in enumerate(rows[0], start=1):
        sheet.cell(row=1, column=column).font = Font(bold=True)
        sheet.column_dimensions[get_column_letter(column)].width = max(_WIDTH, len(str(title)) + 2)
    sheet.freeze_panes = "A2"


def _annotate(sheet: Worksheet, table: str, header: Sequence[str], notes: Mapping[str, str]) -> None:
    """Notes on the header's cells; drop-downs for words and names of nodes."""
    from openpyxl.comments import Comment
    from openpyxl.utils import get_column_letter
    from openpyxl.worksheet.datavalidation import DataValidation

    for column, name in enumerate(header, start=1):
        if note := notes.get(name):
            sheet.cell(row=1, column=column).comment = Comment(note, "simopt", width=320, height=120)
        formula = None
        if (table, name) in CHOICES:
            formula = f'"{",".join(CHOICES[table, name])}"'
        elif (table, name) in NAMES:
            formula = f"nodes!$A$2:$A${CHOSEN_ROWS}"
        if formula is not None:
            chosen = DataValidation(type="list", formula1=formula, allow_blank=True, showErrorMessage=False)
            letter = get_column_letter(column)
            chosen.add(f"{letter}2:{letter}{CHOSEN_ROWS}")
            sheet.add_data_validation(chosen)


def _unpack(path: Path, folder: Path) -> None:
    """Write every sheet as a file of the folder; empty rows stay, so that lines are rows of the sheet."""
    from openpyxl import load_workbook

    try:
        _refuse_bomb(path)
        book = load_workbook(path, read_only=True, data_only=True)
    except CaseError:
        raise
    except _BROKEN as error:
        raise _unreadable(path, error) from None
    try:
        if SETTINGS not in book.sheetnames:
            near = expected_one_of(SETTINGS, book.sheetnames)
            raise CaseError((f"{path.name}: no sheet {SETTINGS!r} with the columns setting and value; {near}",))
        for sheet in book.worksheets:
            try:
                rows = _sheet_rows(path, sheet)
            except CaseError:
                raise
            except _BROKEN as error:
                raise _unreadable(path, error) from None
            if sheet.title == SETTINGS:
                (folder / "case.toml").write_text(_settings(path, rows), encoding="utf-8")
                continue
            with (folder / f"{sheet.title}.csv").open("w", encoding="utf-8", newline="") as stream:
                csv.writer(stream, lineterminator="\n").writerows(_trimmed(rows))
    finally:
        book.close()


def _unreadable(path: Path, error: Exception) -> CaseError:
    reason = " ".join(str(error).split())[:200] or type(error).__name__
    return CaseError((f"{path.name}: not readable as an Excel workbook ({reason})",))


def _refuse_bomb(path: Path) -> None:
    """A small file may unpack to more than a machine holds."""
    with ZipFile(path) as archive:
        size = sum(part.file_size for part in archive.infolist())
    if size > LARGEST:
        raise CaseError((f"{path.name}: unpacks to {size / 1e6:,.0f} MB: expected at most {LARGEST / 1e6:,.0f}",))


def _sheet_rows(path: Path, sheet: Any) -> list[list[str]]:
    """Cells of a sheet as texts; its title becomes the name of a file."""
    if not re.fullmatch(r"[^\W_][\w .()-]{0,99}", sheet.title):
        raise CaseError(
            (f"{path.name} sheet {sheet.title[:40]!r}: expected a name of letters, digits, -, _ and spaces",)
        )
    sheet.reset_dimensions()  # what the file says of its size may be wrong
    rows, cells = list[list[str]](), 0
    for row in sheet.iter_rows(values_only=True):
        cells += max(len(row), 1)
        if cells > MOST_CELLS:
            raise CaseError((f"{path.name} sheet {sheet.title!r}: expected at most {MOST_CELLS:,} cells",))
        rows.append([_text(value) for value in row])
    return rows


def _text(value: object) -> str:
    """A cell as the text that a table has; whole numbers without a point."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return " ".join(str(value).split("\n"))


def _trimmed(rows: Sequence[Sequence[str]]) -> list[list[str]]:
    """Rows without the empty columns to their right that spreadsheets keep."""
    width = max((k + 1 for row in rows for k, cell in enumerate(row) if cell.strip()), default=0)
    return [list(row[:width]) for row in rows]


def _settings(path: Path, rows: Sequence[Sequence[str]]) -> str:
    """The sheet of settings as TOML."""
    header = [cell.strip() for cell in rows[0][:2]] if rows else []
    if header != ["setting", "value"]:
        raise CaseError((f"{path.name} sheet {SETTINGS} row 1: {', '.join(header)}: expected setting, value",))
    lines = []
    for number, (name, value, *_) in enumerate(rows[1:], start=2):
        if not name.strip():
            continue
        try:
            tomllib.loads(f"{name.strip()} = 0")
        except tomllib.TOMLDecodeError:
            place = f"{path.name} sheet {SETTINGS} row {number} column setting"
            raise CaseError((f"{place}: {name!r}: expected a name such as simulation.horizon",)) from None
        lines.append(f"{name.strip()} = {_toml_value(name.strip(), value.strip())}")
    return "\n".join(lines) + "\n"


def _toml_value(name: str, value: str) -> str:
    """Numbers, lists of them (nested once), true and false as such; names, titles and units are always text."""
    is_text = name in ("name", "title") or name.startswith("units.")
    number = r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?"
    numbers = rf"\[\s*({number}\s*(,\s*{number}\s*)*)?\]"
    lists = rf"\[\s*{numbers}\s*(,\s*{numbers}\s*)*\]"
    if not is_text and (value in ("true", "false") or re.fullmatch(f"{number}|{numbers}|{lists}", value)):
        return value
    return _toml(value)


def _toml(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _placed(message: str, path: Path, folder: Path) -> str:
    """A message about a file of the unpacked folder as one about a sheet of the workbook."""
    told = message.removeprefix(f"{folder.name}/")
    return f"{path.name} " + re.sub(r"^(\w+)\.(csv|toml)", r"sheet \1", told)
