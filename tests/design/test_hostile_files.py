"""Whatever is in a case's files: it is read, or refused with lines that name the place; never a traceback.

2,000 single edits of shipped cases in the usual run, 20,000 with `-m slow`; workbooks that are bombs or name files
outside.
"""

import csv
import io
import random
import re
import shutil
import tracemalloc
import zipfile
from pathlib import Path
from time import perf_counter

import pytest

from design.case import CaseError
from design.case_files import load_case, save_case
from design.workbook import write_workbook
from tests.design.hostile_files import mutated

CASES = Path(__file__).parents[2] / "cases"
NAMES = (
    "two-two-three",
    "thirteen-node",
    "assembly-five",
    "planning-engine",
    "camera-15",
    "two-tier-year",
    "beer-game",
)
SECONDS = 5.0


def read(path):
    """The case, or what is wrong with it: at least one line."""
    try:
        return load_case(path), ()
    except CaseError as error:
        found = error.messages
    assert found
    return None, found


def assert_immaterial(original, edited, how):
    """A single other cell that changes nothing says the same as before: the same number, or what a blank means."""
    for path in original.glob("*.csv"):
        try:
            texts = [(folder / path.name).read_text(encoding="utf-8-sig") for folder in (original, edited)]
            rows = [list(csv.reader(io.StringIO(text, newline=""))) for text in texts]
        except (OSError, UnicodeDecodeError, csv.Error):
            continue
        if list(map(len, rows[0])) != list(map(len, rows[1])):
            continue
        pairs = [(a, b) for one, other in zip(*rows, strict=True) for a, b in zip(one, other, strict=True) if a != b]
        if len(pairs) == 1:
            before, after = (text.strip() for text in pairs[0])
            assert before == after or not before or not after or float(before) == float(after), how


def check(name, number, folder):
    """One edit: what happened, for the tally."""
    rng = random.Random(f"{name} {number}")
    target = folder / "case"
    how = mutated(CASES / name, target, rng)
    started = perf_counter()
    case, messages = read(target)
    for message in messages:
        assert message.strip(), how
        assert "\n" not in message, (how, message)
        assert len(message) < 1000, (how, message)
    if case is not None:
        save_case(case, folder / "again")
        assert load_case(folder / "again") == case, how
        if case == load_case(CASES / name):
            assert_immaterial(CASES / name, target, how)
    assert perf_counter() - started < SECONDS, how
    return "refused" if case is None else "read"


def edit(numbers, tmp_path):
    tally = {"refused": 0, "read": 0}
    for number in numbers:
        folder = tmp_path / str(number)
        folder.mkdir()
        tally[check(NAMES[number % len(NAMES)], number, folder)] += 1
        shutil.rmtree(folder)
    return tally


@pytest.mark.parametrize("part", range(4))
def test_edited_files_are_read_or_refused(part, tmp_path):
    tally = edit(range(500 * part, 500 * part + 500), tmp_path)
    assert min(tally.values()) > 25


@pytest.mark.slow
def test_twenty_thousand_edits(tmp_path):
    tally = edit(range(2000, 22_000), tmp_path)
    print(tally)
    assert sum(tally.values()) == 20_000


@pytest.fixture(scope="module")
def workbook(tmp_path_factory):
    path = tmp_path_factory.mktemp("workbook") / "case.xlsx"
    write_workbook(CASES / "two-two-three", path)
    return path


def rewritten(workbook, path, change):
    """A workbook with parts of its archive changed: name -> content, or None to leave it out."""
    with zipfile.ZipFile(workbook) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.infolist():
            content = change(part.filename, old.read(part.filename))
            if content is not None:
                new.writestr(part.filename, content)
    return path


def refuses(path, message):
    tracemalloc.start()
    started = perf_counter()
    with pytest.raises(CaseError, match=message):
        load_case(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert perf_counter() - started < 20.0
    assert peak < 600e6


def test_a_workbook_that_is_a_bomb_is_refused_before_it_is_unpacked(workbook, tmp_path):
    bomb = rewritten(workbook, tmp_path / "bomb.xlsx", lambda _, content: content)
    with zipfile.ZipFile(bomb, "a", zipfile.ZIP_DEFLATED) as archive, archive.open("xl/media/a.bin", "w") as part:
        for _ in range(300):
            part.write(bytes(1_000_000))
    assert bomb.stat().st_size < 1e6
    refuses(bomb, r"bomb.xlsx: unpacks to 300 MB: expected at most 200")


def test_a_sheet_that_says_it_is_huge_is_read_as_it_is(workbook, tmp_path):
    def claim(name, content):
        return (
            re.sub(rb'<dimension ref="[^"]*"', b'<dimension ref="A1:XFD1048576"', content)
            if "sheet" in name
            else content
        )

    assert load_case(rewritten(workbook, tmp_path / "case.xlsx", claim)) == load_case(workbook)


def test_a_cell_far_away_is_refused(workbook, tmp_path):
    def far(name, content):
        row = b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>'
        return content.replace(b"</sheetData>", row) if name.endswith("sheet2.xml") else content

    path = rewritten(workbook, tmp_path / "far.xlsx", far)
    with pytest.raises(CaseError):
        load_case(path)


def test_a_sheet_does_not_write_where_its_name_says(workbook, tmp_path):
    def renamed(name, content):
        return content.replace(b'name="nodes"', b'name="../../nodes"') if name == "xl/workbook.xml" else content

    refuses(rewritten(workbook, tmp_path / "case.xlsx", renamed), r"sheet '../../nodes': expected a name of letters")


@pytest.mark.parametrize("part", range(2))
def test_broken_workbooks_are_read_or_refused(part, workbook, tmp_path):
    """Bytes flipped in the archive or in one of its parts, parts missing, the file cut."""
    content, tally = workbook.read_bytes(), {"refused": 0, "read": 0}
    for number in range(60 * part, 60 * part + 60):
        rng, path = random.Random(number), tmp_path / f"{number}.xlsx"
        kind = number % 4
        if kind == 0:
            path.write_bytes(content[: rng.randrange(len(content))])
        elif kind == 1:
            spoilt = bytearray(content)
            for _ in range(5):
                spoilt[rng.randrange(len(spoilt))] = rng.randrange(256)
            path.write_bytes(bytes(spoilt))
        else:
            names = sorted(zipfile.ZipFile(workbook).namelist())
            chosen = rng.choice(names)

            def change(name, data, chosen=chosen, kind=kind, rng=rng):
                if name != chosen:
                    return data
                at = rng.randrange(len(data))
                return None if kind == 2 else data[:at] + bytes([rng.randrange(32, 127)]) + data[at + 1 :]

            rewritten(workbook, path, change)
        case, messages = read(path)
        assert all(len(message) < 1000 for message in messages)
        tally["refused" if case is None else "read"] += 1
    assert min(tally.values()) > 5
