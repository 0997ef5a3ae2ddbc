"""Today's network from a file: what is read, and one clear line for every mistake."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from design.case import Case
from design.case_files import load_case
from simopt.apps.baseline_file import Baseline, read_baseline
from simopt.result_file import ResultError
from tests.simopt.command import Command, assert_refused

CASE = "two-two-three"
TODAY = (("South", "West"), ("West", "A"), ("West", "C"), ("South", "East"), ("East", "B"))
SOUND = "from,to,used\n" + "".join(f"{a},{b},1\n" for a, b in TODAY)


@pytest.fixture(scope="module")
def case() -> Case:
    return load_case(CASE)


@pytest.fixture(scope="module")
def today(case: Case) -> Baseline:
    design = case.network.design(TODAY)
    return Baseline(design, dict.fromkeys(design.nodes, 60.0))


def as_json(baseline: Baseline) -> str:
    content: dict = {"design": {"lanes": [{"from": a, "to": b} for a, b in baseline.design.lanes]}}
    if baseline.levels is not None:
        content["base_stock_levels"] = [{"node": name, "level": level} for name, level in baseline.levels.items()]
    return json.dumps(content)


def test_levels_are_read_and_bad_ones_are_not(tmp_path: Path, case: Case, today: Baseline) -> None:
    file = tmp_path / "today.json"
    file.write_text(as_json(today))
    assert read_baseline(file, case.network).levels == today.levels
    file.write_text(as_json(replace(today, levels=None)))
    assert read_baseline(file, case.network).levels is None
    file.write_text(as_json(replace(today, levels={"South": 1.0})))
    with pytest.raises(ResultError, match=r"today\.json: base_stock_levels: expected a level for 'West'"):
        read_baseline(file, case.network)


def test_a_table_without_the_column_used_uses_every_row(tmp_path: Path, case: Case) -> None:
    file = tmp_path / "today.CSV"
    file.write_bytes("\ufefffrom,to\n".encode() + "".join(f"{a}, {b}\r\n" for a, b in TODAY).encode())
    assert read_baseline(file, case.network).design == case.network.design(TODAY)


def table(*rows: str) -> Callable[[str], str]:
    """Today's lanes after a change: the text with these rows in place of the last."""
    return lambda text: "\n".join([*text.splitlines()[:-1], *rows, ""])


BAD_TABLES = {
    "unknown node": (table("East,Bb,1"), "today.csv row 6 column to: unknown node 'Bb': did you mean 'B'?"),
    "no candidate": (
        table("North,B,1"),
        "today.csv row 6: lane North -> B is not a candidate lane of the network: expected one from West or East",
    ),
    "into a source": (
        table("West,North,1"),
        "row 6: lane West -> North is not a candidate lane of the network: expected none, 'North' is a source",
    ),
    "not served": (table(), "today.csv: no lane leads to customer 'B': expected one from West or East"),
    "not used": (table("East,B,0"), "today.csv: no lane leads to customer 'B': expected one from West or East"),
    "two suppliers": (
        table("East,B,1", "West,B,1"),
        "today.csv row 7 column from: node 'B' has another supplier, 'East', in row 6: expected one (single sourcing)",
    ),
    "twice": (
        table("East,B,1", "East,B,1"), "today.csv row 7: duplicate lane 'East -> B': expected once, first in row 6",
    ),
    "serves nobody": (
        lambda text: text.replace("East,B", "West,B"), "today.csv: lane South -> East serves no customer",
    ),
    "no supplier": (
        lambda text: text.replace("South,East,1", "South,East,0"), "today.csv: node 'East' is used but has no supplier",
    ),
    "not 0 or 1": (table("East,B,yes"), "today.csv row 6 column used: 'yes': expected 0 or 1"),
    "blank": (table(",B,1"), "today.csv row 6 column from: blank: expected a name"),
    "missing column": (
        lambda text: text.replace("from,to", "from,use").replace("used", "used"),
        "today.csv row 1 column to: column missing from the header",
    ),
    "unknown column": (lambda text: text.replace("used", "usd"), "unknown column 'usd': did you mean 'used'?"),
    "empty": (lambda _: "", "today.csv row 1 column from: column missing from the header"),
    "no rows": (lambda text: text.splitlines()[0] + "\n", "today.csv: no rows"),
}  # fmt: skip


@pytest.mark.parametrize(("change", "said"), BAD_TABLES.values(), ids=BAD_TABLES)
def test_a_bad_table_is_refused(simopt: Command, tmp_path: Path, change: Callable[[str], str], said: str) -> None:
    file = tmp_path / "today.csv"
    file.write_text(SOUND)
    assert read_baseline(file, load_case(CASE).network).design.lanes
    file.write_text(change(SOUND))
    done = simopt("solve", CASE, "--baseline", file)
    assert_refused(done, said)
    assert all(line.startswith(f"error: {file}") for line in done.err.splitlines())


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("today.json", "{}", "expected design.lanes"),
        ("today.json", "from,to\n", "not readable as JSON"),
        ("today.json", '{"design": {"lanes": [{"from": "North", "to": "A"}]}}', "today.json: lane North -> A is not a"),
        ("today.json", '{"design": {"lanes": []}}', "today.json: node 'A' is used but has no supplier"),
        ("today.txt", SOUND, "today.txt: expected the name of a .json or .csv file"),
        ("other.csv", SOUND, "today.csv: file missing"),
    ],
)
def test_another_bad_file_is_refused(simopt: Command, tmp_path: Path, name: str, content: str, said: str) -> None:
    (tmp_path / name).write_text(content)
    asked = tmp_path / ("today.csv" if name == "other.csv" else name)
    done = simopt("solve", CASE, "--baseline", asked)
    assert_refused(done, said)
    assert done.err.count("\n") == 1


def test_bad_options_of_a_baseline_are_refused(simopt: Command, tmp_path: Path) -> None:
    (tmp_path / "today.csv").write_text(SOUND)
    assert_refused(simopt("solve", CASE, "--baseline", tmp_path), "a folder; expected a .json or .csv file")
    done = simopt("solve", CASE, "--baseline", tmp_path / "today.csv", "--moves", -1)
    assert_refused(done, "moves -1: expected a whole number, at least 0")
    assert_refused(simopt("solve", CASE, "--moves", 2), "moves 2: expected only together with --baseline")
