"""`new` and `convert`: a workbook holds what a folder holds, and messages name its sheets and rows."""

from __future__ import annotations

from pathlib import Path

import pytest
from openpyxl import load_workbook

from design.case import CaseError
from design.case_files import case_names, load_case, save_case
from design.workbook import CHOSEN_ROWS, column_notes
from simopt.apps.case_formats import convert_case
from tests.simopt.command import assert_refused


def files_of(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.iterdir())}


@pytest.mark.parametrize("name", case_names())
def test_every_shipped_case_survives_a_workbook(tmp_path, name):
    case = load_case(name)
    convert_case(case, "xlsx", tmp_path / f"{name}.xlsx")
    save_case(case, tmp_path / "plain")
    save_case(load_case(tmp_path / f"{name}.xlsx"), tmp_path / "back")
    assert files_of(tmp_path / "back") == files_of(tmp_path / "plain")


@pytest.fixture
def book(simopt, tmp_path) -> Path:
    assert simopt("new", "mine", "--format", "xlsx", "--folder", tmp_path).code == 0
    return tmp_path / "mine.xlsx"


def test_a_new_workbook_explains_its_columns_and_offers_choices(book):
    sheets = load_workbook(book)
    assert sheets.sheetnames == ["case", "nodes", "lanes", "demand"]
    notes = column_notes()
    for name in ("nodes", "lanes", "demand"):
        for cell in sheets[name][1]:
            assert cell.comment is not None
            assert cell.comment.text == notes[name][cell.value]
    offered = {v.formula1: str(v.sqref) for v in sheets["lanes"].data_validations.dataValidation}
    assert set(offered) == {f"nodes!$A$2:$A${CHOSEN_ROWS}"}
    (distribution,) = [v for v in sheets["demand"].data_validations.dataValidation if "normal" in v.formula1]
    assert "empirical" in distribution.formula1
    assert sheets["lanes"]["C2"].value == 2


def test_a_new_folder_is_a_case_that_solves(simopt, tmp_path):
    done = simopt("new", "my net", "--folder", tmp_path)
    assert done.code == 0
    assert "simopt validate" in done.out
    assert "holding_cost" in (tmp_path / "my net" / "COLUMNS.md").read_text(encoding="utf-8")
    assert load_case(tmp_path / "my net").name == "my net"
    assert simopt("solve", tmp_path / "my net", "--no-certify").code == 0


def test_what_people_change_in_a_workbook_is_read(simopt, book):
    sheets = load_workbook(book)
    sheets["demand"]["C2"] = 44.0
    sheets["nodes"]["A20"] = "  "
    sheets["case"].append(["simulation.periods_per_year", 250])
    sheets["nodes"].insert_rows(4)
    sheets.save(book)
    case = load_case(book)
    assert case.demand["A"].location == 44.0
    assert case.periods_per_year == 250.0
    assert len(case.network.nodes) == 7
    assert simopt("validate", book).code == 0


CHANGES = {
    "a word for a number": ("nodes", "F3", "abc", "sheet nodes row 3 column holding_cost: 'abc': expected a number"),
    "an unknown node": ("lanes", "B3", "Est", "sheet lanes row 3 column to: unknown node 'Est': did you mean 'East'?"),
    "an unknown column": ("demand", "C1", "meen", "sheet demand row 1 column meen: unknown column 'meen'"),
    "an unknown setting": ("case", "A4", "simulation.horizn", "sheet case"),
    "a setting that is no name": ("case", "A4", "a b", "sheet case row 4 column setting: 'a b': expected a name"),
    "a header of settings": ("case", "A1", "key", "sheet case row 1: key, value: expected setting, value"),
}  # fmt: skip


@pytest.mark.parametrize(("sheet", "cell", "value", "said"), CHANGES.values(), ids=CHANGES)
def test_a_mistake_is_named_with_sheet_and_row(simopt, book, sheet, cell, value, said):
    sheets = load_workbook(book)
    sheets[sheet][cell] = value
    sheets.save(book)
    assert_refused(simopt("validate", book), "error: mine.xlsx ", said)


def test_text_that_looks_like_a_formula_stays_text(tmp_path):
    case = load_case("two-two-three")
    save_case(case, tmp_path / "c")
    text = (tmp_path / "c" / "nodes.csv").read_text(encoding="utf-8").replace("plant", "=1+1")
    (tmp_path / "c" / "nodes.csv").write_text(text, encoding="utf-8")
    convert_case(load_case(tmp_path / "c"), "xlsx", tmp_path / "c.xlsx")
    assert {node.kind for node in load_case(tmp_path / "c.xlsx").network.nodes} == {"=1+1", "warehouse", "shop"}


def test_a_missing_sheet_is_a_missing_table(book):
    sheets = load_workbook(book)
    del sheets["demand"]
    sheets.save(book)
    with pytest.raises(CaseError, match=r"mine\.xlsx sheet demand: file missing: expected a table with the columns"):
        load_case(book)


def test_what_cannot_be_written_or_read_is_refused(simopt, book, tmp_path):
    assert_refused(simopt("new", "mine", "--format", "xlsx", "--folder", tmp_path), "exists; expected a new file")
    assert_refused(simopt("new", "a/b", "--folder", tmp_path), "name 'a/b': expected letters")
    assert_refused(simopt("new", "other", "--format", "ods"), "format 'ods': expected one of csv, xlsx")
    assert_refused(simopt("convert", book, "--to", "csv", "--out", tmp_path), "exists; expected a new folder")
    assert_refused(simopt("convert", book, "--to", "csv", "--out", tmp_path / "x.xlsx"), "expected a folder")
    assert_refused(
        simopt("convert", book, "--to", "xlsx", "--out", tmp_path / "x"), "expected a file that ends in .xlsx"
    )
    assert_refused(simopt("validate", tmp_path / "none.xlsx"), "no such file")
    (tmp_path / "text.xlsx").write_text("no workbook")
    assert_refused(simopt("validate", tmp_path / "text.xlsx"), "text.xlsx: not readable as an Excel workbook")
    sheets = load_workbook(book)
    del sheets["case"]
    sheets.save(book)
    assert_refused(simopt("validate", book), "no sheet 'case' with the columns setting and value")
