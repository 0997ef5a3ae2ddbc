"""`simopt new` and `simopt convert`: cases as folders of CSV files and as Excel workbooks."""

from __future__ import annotations

import re
import tempfile
from dataclasses import replace
from importlib import resources
from pathlib import Path

from design.case import Case
from design.case_files import load_case, save_case
from design.errors import expected_one_of
from design.location_files import LOCATION_FORMATS, read_location
from design.workbook import write_workbook
from simopt.apps.options import OptionError

FORMATS = ("csv", "xlsx")
CASE = "case"
EXAMPLE = "two-two-three"
NOTES = "COLUMNS.md"


def new_case(name: str, kind: str, folder: Path) -> Path:
    """Write a small complete case to start from, with what every column means.

    Parameters
    ----------
    name
        Of the case and of its folder or workbook.
    kind
        "csv": a folder with COLUMNS.md beside the tables; "xlsx": a workbook with notes on its columns.
    folder
        Where it goes.

    Returns
    -------
    Path
        What was written.

    Raises
    ------
    OptionError
        If the name cannot be that of a file, or there is one already.
    """
    _check_kind(kind)
    if not re.fullmatch(r"[\w][\w .-]*", name):
        raise OptionError(f"name {name!r}: expected letters, digits, spaces, - and _, as in my-network")
    case = replace(load_case(EXAMPLE), name=name, title=f"{name}: two plants, two warehouses, three shops to replace")
    made = convert_case(case, kind, folder / (name if kind == "csv" else f"{name}.xlsx"))
    if kind == "csv":
        text = (resources.files("cases") / "README.md").read_text(encoding="utf-8")
        (made / NOTES).write_text("# What the files hold\n\n" + text[text.index("## Files") :], encoding="utf-8")
    return made


def convert_case(case: Case, kind: str, out: Path) -> Path:
    """Write a case as a folder of CSV files or as a workbook.

    Parameters
    ----------
    case
        What to write.
    kind
        One of `FORMATS`.
    out
        Folder, or file that ends in .xlsx; must not exist, an empty folder may.

    Returns
    -------
    Path
        What was written.
    """
    _check_kind(kind)
    if (kind == "xlsx") is not (out.suffix.lower() == ".xlsx"):
        raise OptionError(f"out {out}: expected {'a file that ends in .xlsx' if kind == 'xlsx' else 'a folder'}")
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise OptionError(f"{out}: exists; expected a new {'folder' if kind == 'csv' else 'file'}")
    if kind == "csv":
        save_case(case, out)
        return out
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as made:
        save_case(case, Path(made))
        write_workbook(Path(made), out)
    return out


def location_case(path: Path, kind: str) -> Case:
    """A published location problem as a case without costs of stock, see `design.location_files`.

    Raises
    ------
    BadInputError
        For an unknown format, or naming line and value of the file.
    """
    if kind not in LOCATION_FORMATS:
        raise OptionError(f"format {kind!r}: {expected_one_of(kind, (CASE, *LOCATION_FORMATS))}")
    name = re.sub(r"[^\w .-]", "-", path.stem)
    return read_location(path, kind).as_case(name, f"Location problem {path.name}, {kind}: no costs of stock")


def _check_kind(kind: str) -> None:
    if kind not in FORMATS:
        raise OptionError(f"format {kind!r}: {expected_one_of(kind, FORMATS)}")
