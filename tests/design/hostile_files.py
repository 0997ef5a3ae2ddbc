"""Case files made wrong in every way that one edit can: what `test_hostile_files.py` feeds the reader."""

from __future__ import annotations

import csv
import io
import random
import shutil
from pathlib import Path

CELLS = (
    "",
    " ",
    "0",
    "-0",
    "-1",
    "1",
    "2.5",
    "1e308",
    "-1e308",
    "1e309",
    "1e-320",
    "1e999",
    "nan",
    "NaN",
    "inf",
    "-inf",
    "Infinity",
    "0x10",
    "1_000",
    "1,5",
    "1.5.2",
    "--1",
    "+3",
    "1e",
    "٣",
    "½",
    "１２",
    "²",
    "true",
    "None",
    "null",
    "=1+1",
    '=HYPERLINK("x")',
    "'; DROP TABLE nodes; --",
    "../../etc/passwd",
    "\u202e21",
    "\u200b",
    "é" * 40,
    "🏭",
    "x" * 10_000,
    "9" * 400,
    "\x00",
    "\x1b[31m",
    "a\nb",
    'a"b',
    "West",
    "normal",
    "poisson",
    "open",
    "closed",
    "1e15",
    "999999999999",
    "0.1",
    "3",
    "1000000",
)
LINES = (
    "horizon = -1",
    "horizon = 1e999",
    "horizon = nan",
    "horizon = 10000000000000",
    "warm_up = 2.5",
    'warm_up = "x"',
    "[planning]\nsmoothing = inf",
    "[planning]\nsmoothing = 2",
    "[units]\nmoney = 3",
    "x = " + "[" * 3000,
    "[[[",
    "name = 5",
    'name = "\\u0000"',
    "[sites.factory]\nmin_open = -3",
    "[transport]\nrate = -inf",
    "[emissions]\nprice = nan",
    "a.b.c = 1",
    "= 1",
    '"" = 1',
    "[simulation]",
    "[seasons.a]\nperiods = 3\ngrowth = nan",
    "periods_per_year = 0",
    'allocation = "fsfc"',
)


def mutated(source: Path, target: Path, rng: random.Random) -> str:
    """Copy a case folder and spoil one of its files; says how."""
    shutil.copytree(source, target)
    path = rng.choice(sorted(one for one in target.iterdir() if one.suffix in (".csv", ".toml")))
    how = rng.choice(KINDS if path.suffix == ".csv" else TOML_KINDS)
    return f"{path.name}: {how.__name__}: {how(path, rng)}"


def _rows(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.reader(stream))


def _write(path: Path, rows: list[list[str]]) -> None:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    path.write_text(text.getvalue(), encoding="utf-8")


def cell(path: Path, rng: random.Random) -> str:
    """One cell is something else."""
    rows = _rows(path)
    r = rng.randrange(len(rows))
    c = rng.randrange(max(len(rows[r]), 1))
    value = rng.choice(CELLS)
    if rng.random() < 0.15:
        value = rng.choice(rng.choice([row for row in rows if row]))
    if rows[r]:
        rows[r][c] = value
    _write(path, rows)
    return f"row {r + 1} column {c + 1} = {value[:40]!r}"


def row_gone(path: Path, rng: random.Random) -> str:
    """A row is missing."""
    rows = _rows(path)
    del rows[rng.randrange(len(rows))]
    _write(path, rows)
    return ""


def row_again(path: Path, rng: random.Random) -> str:
    """A row is there twice."""
    rows = _rows(path)
    rows.insert(rng.randrange(len(rows)), list(rng.choice(rows)))
    _write(path, rows)
    return ""


def short_row(path: Path, rng: random.Random) -> str:
    """A row has too few or too many cells."""
    rows = _rows(path)
    row = rng.choice(rows)
    if rng.random() < 0.5 and row:
        row.pop(rng.randrange(len(row)))
    else:
        row.insert(rng.randrange(len(row) + 1), rng.choice(CELLS))
    _write(path, rows)
    return ""


def column_gone(path: Path, rng: random.Random) -> str:
    """A column is missing."""
    rows = _rows(path)
    c = rng.randrange(len(rows[0]))
    _write(path, [row[:c] + row[c + 1 :] for row in rows])
    return rows[0][c]


def column_again(path: Path, rng: random.Random) -> str:
    """A column is there twice."""
    rows = _rows(path)
    c = rng.randrange(len(rows[0]))
    _write(path, [[*row, row[c] if c < len(row) else ""] for row in rows])
    return rows[0][c]


def columns_swapped(path: Path, rng: random.Random) -> str:
    """Two headers are exchanged."""
    rows = _rows(path)
    a, b = rng.randrange(len(rows[0])), rng.randrange(len(rows[0]))
    rows[0][a], rows[0][b] = rows[0][b], rows[0][a]
    _write(path, rows)
    return ""


def cut(path: Path, rng: random.Random) -> str:
    """The file ends in the middle."""
    content = path.read_bytes()
    path.write_bytes(content[: rng.randrange(len(content))])
    return ""


def flipped(path: Path, rng: random.Random) -> str:
    """Some bytes are wrong."""
    content = bytearray(path.read_bytes())
    for _ in range(rng.randrange(1, 6)):
        content[rng.randrange(len(content))] = rng.randrange(256)
    path.write_bytes(bytes(content))
    return ""


def inserted(path: Path, rng: random.Random) -> str:
    """Something is in between."""
    content = path.read_text(encoding="utf-8")
    at = rng.randrange(len(content) + 1)
    what = rng.choice((*CELLS, '"', ",", ",,,,", "\n", "\r", "\r\n\r\n", "\ufeff", ";", "\t", "'"))
    path.write_text(content[:at] + what + content[at:], encoding="utf-8", newline="")
    return repr(what[:40])


def encoded(path: Path, rng: random.Random) -> str:
    """The same text in another encoding, or with other line ends."""
    text = path.read_text(encoding="utf-8")
    name = rng.choice(["utf-16", "latin-1", "utf-8-sig", "cp037"])
    path.write_bytes(
        (text + rng.choice(["", "é"])).replace("\n", rng.choice(["\n", "\r\n", "\r"])).encode(name, "replace")
    )
    return name


def semicolons(path: Path, rng: random.Random) -> str:
    """As a spreadsheet in another country writes it."""
    text = path.read_text(encoding="utf-8").replace(",", ";")
    path.write_text(text.replace(".", ",") if rng.random() < 0.5 else text, encoding="utf-8")
    return ""


def gone(path: Path, rng: random.Random) -> str:
    """The file is missing, empty, or a folder."""
    path.unlink()
    kind = rng.randrange(3)
    if kind == 1:
        path.write_bytes(b"")
    if kind == 2:
        path.mkdir()
    return str(kind)


def line(path: Path, rng: random.Random) -> str:
    """A line of settings more, or in the place of another."""
    lines = path.read_text(encoding="utf-8").splitlines()
    new = rng.choice(LINES)
    if rng.random() < 0.5:
        lines[rng.randrange(len(lines))] = new
    else:
        lines.insert(rng.randrange(len(lines) + 1), new)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return repr(new[:40])


def value(path: Path, rng: random.Random) -> str:
    """A setting has another value."""
    lines = path.read_text(encoding="utf-8").splitlines()
    settings = [k for k, one in enumerate(lines) if "=" in one]
    k = rng.choice(settings)
    new = rng.choice(
        [
            "-1",
            "0",
            "1e999",
            "nan",
            "inf",
            '"text"',
            "[]",
            "[1, -2]",
            "{}",
            "true",
            "2.5",
            "10000000000000000",
            "1979-05-27",
        ]
    )
    lines[k] = lines[k].split("=")[0] + "= " + new
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return lines[k]


KINDS = (
    cell,
    cell,
    cell,
    cell,
    cell,
    row_gone,
    row_again,
    short_row,
    column_gone,
    column_again,
    columns_swapped,
    cut,
    flipped,
    inserted,
    encoded,
    semicolons,
    gone,
)
TOML_KINDS = (line, line, value, value, cut, flipped, inserted, encoded, gone)
