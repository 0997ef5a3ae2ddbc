"""JSON schemas: shipped cases and real results pass, wrong ones do not."""

from __future__ import annotations

import csv
import json
import tomllib
from copy import deepcopy
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from design.case_files import case_names, load_case, save_case
from design.case_schema import TABLES, case_schema
from design.workbook import TABLES as SHEETS
from simopt.reporting.result_schema import result_schema
from tests.simopt.command import assert_refused, read_json

CASES = Path(__file__).parents[2] / "cases"


def cell(text):
    """A cell as JSON: null, a number where it is one, else the text."""
    if not text:
        return None
    try:
        number = float(text)
    except ValueError:
        return text
    return int(number) if number.is_integer() else number


def as_json(folder: Path) -> dict:
    content = {"case": tomllib.loads((folder / "case.toml").read_text(encoding="utf-8"))}
    for path in folder.glob("*.csv"):
        if path.stem in TABLES:
            rows = csv.DictReader(path.read_text(encoding="utf-8").splitlines())
            content[path.stem] = [{name: cell(text) for name, text in row.items()} for row in rows]
    return content


@pytest.fixture(scope="module")
def cases():
    return Draft202012Validator(case_schema())


@pytest.fixture(scope="module")
def results():
    return Draft202012Validator(result_schema())


def test_the_schemas_are_schemas(cases, results):
    Draft202012Validator.check_schema(cases.schema)
    Draft202012Validator.check_schema(results.schema)
    assert tuple(TABLES) == SHEETS


@pytest.mark.parametrize("name", case_names())
def test_shipped_cases_pass(name, cases, tmp_path):
    assert list(cases.iter_errors(as_json(CASES / name))) == []
    save_case(load_case(name), tmp_path)
    assert list(cases.iter_errors(as_json(tmp_path))) == []


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("nodes", "holding_cost", -1.0),
        ("nodes", "holdingcost", 1.0),
        ("nodes", "service_target", 1.0),
        ("nodes", "node", None),
        ("lanes", "lead_time", 1.5),
        ("lanes", "status", "shut"),
        ("demand", "distribution", "gaussian"),
    ],
)
def test_a_wrong_cell_does_not_pass(table, column, value, cases):
    content = as_json(CASES / "thirteen-node")
    content[table][0][column] = value
    (error,) = cases.iter_errors(content)
    assert list(error.absolute_path)[:2] == [table, 0]


def test_columns_say_what_they_mean(cases):
    undescribed = [
        f"{name}.{column}"
        for name in ("nodes", "lanes", "demand")
        for column, schema in cases.schema["properties"][name]["items"]["properties"].items()
        if "description" not in schema and column not in ("product", "overflow_cost")
    ]
    assert undescribed == []


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--no-certify", "--method", "sequential"),
        ("--no-certify", "--master", "extensive", "--scenarios", "5", "--bound", "single-stage"),
    ],
)
def test_results_pass(options, results, simopt, tmp_path):
    simopt("solve", "two-two-three", "--no-report", *options, "--out", str(tmp_path))
    content = read_json(tmp_path / "result.json")
    assert list(results.iter_errors(content)) == []
    for key in content:
        less = deepcopy(content)
        del less[key]
        assert not results.is_valid(less)
    assert not results.is_valid({**content, "costs": 1.0})


def test_the_command_prints_them(cases, results, simopt):
    assert json.loads(simopt("schema", "case").out) == cases.schema
    assert json.loads(simopt("schema", "result").out) == results.schema
    assert_refused(simopt("schema", "results"), "schema of 'results': did you mean 'result'?")
