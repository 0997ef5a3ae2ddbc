"""Data in: flaws found, reported and treated; one table from files and databases; what cannot be read is refused."""

import sqlite3

import numpy as np
import pandas as pd
import pytest

from simopt.learning.quality import Rules, tidy
from simopt.learning.sources import SourceError, read_source

ROWS = [(f"2026-01-{day:02}", node, "A", str(100 + day)) for node in ("plant", "shop") for day in range(1, 29)]


def write(folder, rows, name="demand_history", columns=("date", "node", "item", "quantity")):
    folder.mkdir(exist_ok=True)
    pd.DataFrame(rows, columns=list(columns)).to_csv(folder / f"{name}.csv", index=False)
    return str(folder)


def flawed():
    rows = list(ROWS)
    rows[3] = (*rows[3][:3], "9000")
    rows[5] = (*rows[5][:3], "-4")
    rows[7] = (*rows[7][:3], "")
    rows += [rows[10], (*rows[12][:3], "55")]
    del rows[20]
    return rows


def test_every_flaw_is_found_and_treated(tmp_path):
    found = tidy(read_source(write(tmp_path, flawed())))
    kinds = {one.kind: (one.count, one.treatment, one.examples[0]) for one in found.findings}
    assert kinds == {
        "blank quantities": (1, "missing", "row 9"),
        "negative values of quantity": (1, "missing", "row 7: -4"),
        "repeated rows": (1, "dropped", "row 57: 2026-01-11"),
        "rows that a later one contradicts": (1, "the last one counts", "row 14: 2026-01-13"),
        "dates without a row": (1, "taken as not observed", "plant/A on 2026-01-21"),
        "outliers": (1, "clipped to the bound", "plant/A on 2026-01-04: 9000"),
    }
    plant = found.demand["plant", "A"]
    assert plant["2026-01-13"] == 55.0
    assert np.isnan(plant[["2026-01-06", "2026-01-08", "2026-01-21"]]).all()
    assert 130.0 < plant["2026-01-04"] < 300.0
    assert found.demand["shop", "A"].tolist() == [100.0 + day for day in range(1, 29)]


def test_gaps_may_count_as_no_demand_and_outliers_as_demand(tmp_path):
    found = tidy(read_source(write(tmp_path, flawed())), Rules(gaps="zero", spread=0.0))
    assert found.demand["plant", "A"]["2026-01-21"] == 0.0
    assert found.demand["plant", "A"]["2026-01-04"] == 9000.0


def test_before_its_first_and_after_its_last_row_a_series_has_no_gap(tmp_path):
    rows = [*ROWS, ("2026-02-05", "late", "A", "5"), ("2026-02-07", "late", "A", "5")]
    found = tidy(read_source(write(tmp_path, rows)), Rules(gaps="zero"))
    assert found.demand["late", "A"].notna().sum() == 3
    assert found.demand.index.is_unique
    assert len(found.demand) == 38


def test_clean_data_has_no_findings(tmp_path):
    assert tidy(read_source(write(tmp_path, ROWS))).findings == ()


@pytest.mark.parametrize("form", ["{path}", "sqlite:///{path}"])
def test_databases_give_the_same_table_as_files(tmp_path, form):
    path = tmp_path / "data.db"
    with sqlite3.connect(path) as connection:
        frame = pd.DataFrame(flawed(), columns=["date", "node", "item", "quantity"])
        frame.to_sql("demand_history", connection, index=False)
    connection.close()
    from_files = tidy(read_source(write(tmp_path / "csv", sorted(flawed(), key=lambda row: row[0]))))
    from_database = tidy(read_source(form.format(path=path)))
    pd.testing.assert_frame_equal(from_files.demand, from_database.demand)
    assert {one.kind: one.count for one in from_files.findings} == {
        one.kind: one.count for one in from_database.findings
    }


@pytest.mark.parametrize("form", ["{path}", "sqlite:///{path}"])
def test_what_a_user_gives_is_a_parameter_of_the_query(tmp_path, form):
    path = tmp_path / "data.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE demand_history (date TEXT, node TEXT, item TEXT, quantity REAL)")
        connection.executemany("INSERT INTO demand_history VALUES (?, ?, ?, ?)", ROWS)
    connection.close()
    source = form.format(path=path)
    assert len(read_source(source, "2026-01-20").tables["demand_history"]) == 18
    assert len(read_source(source, "'; DROP TABLE demand_history; --").tables["demand_history"]) in (0, 56)
    assert len(read_source(source).tables["demand_history"]) == 56


def test_other_tables_are_read_too(tmp_path):
    write(tmp_path, ROWS)
    write(
        tmp_path,
        [("2026-01-05", "plant", "A", "7", "")],
        "inventory_snapshots",
        ("date", "node", "item", "on_hand", "on_order"),
    )
    source = write(
        tmp_path, [("2026-01-05", "mill", "A", "3", "0.9", "-5")], "supplier_metrics",
        ("date", "supplier", "item", "lead_time", "fill_rate", "capacity"),
    )  # fmt: skip
    found = tidy(read_source(source))
    assert found.inventory["on_hand"].tolist() == [7.0]
    assert found.inventory["on_order"].isna().all()
    assert found.suppliers["lead_time"].tolist() == [3.0]
    assert found.suppliers["capacity"].isna().all()
    assert [str(one) for one in found.findings] == [
        "supplier_metrics.csv: 1 negative values of capacity, missing (e.g. row 2: -5)"
    ]


REFUSED = {
    "text": (
        [("2026-01-01", "plant", "A", "many")],
        "demand_history.csv row 2 column quantity: 'many': expected a number",
    ),
    "infinite": ([("2026-01-01", "plant", "A", "inf")], "row 2 column quantity: 'inf': expected a number"),
    "date": ([*ROWS, ("2026-02-30", "plant", "A", "1")], "row 58 column date: '2026-02-30': expected a date such as"),
    "no name": ([("2026-01-01", " ", "A", "1")], "row 2 column node: '': expected a name"),
    "no rows": ([], "demand_history.csv: no rows: expected at least one"),
}


@pytest.mark.parametrize(("rows", "message"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_read_is_refused(tmp_path, rows, message):
    with pytest.raises(SourceError, match=message):
        tidy(read_source(write(tmp_path, rows)))


def test_sources_that_are_none_are_refused(tmp_path):
    with pytest.raises(SourceError, match="file missing"):
        read_source(str(tmp_path))
    with pytest.raises(SourceError, match="expected a folder"):
        read_source(str(tmp_path / "nowhere"))
    with pytest.raises(SourceError, match="file missing"):
        read_source(str(tmp_path / "no.db"))
    (tmp_path / "demand_history.csv").write_text("date,node,quantity\n2026-01-01,a,1\n")
    with pytest.raises(SourceError, match="column item missing: expected date, node, item, quantity"):
        read_source(str(tmp_path))
    (tmp_path / "bad.db").write_bytes(b"no database" * 100)
    with pytest.raises(SourceError, match="expected tables demand_history"):
        read_source(str(tmp_path / "bad.db"))
    with pytest.raises(SourceError, match=r"database: .*expected a URL that answers"):
        read_source("nonsense://host/data")
    with sqlite3.connect(tmp_path / "empty.db") as connection:
        connection.execute("CREATE TABLE other (x)")
    connection.close()
    with pytest.raises(SourceError, match="table demand_history missing"):
        read_source(str(tmp_path / "empty.db"))
