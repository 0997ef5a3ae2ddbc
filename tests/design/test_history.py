"""Reading demand histories: what is tolerated, what is refused and how it is said."""

from pathlib import Path

import pytest

from design.history import History, HistoryError, read_history

DAYS = ["2024-01-01", "2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05", "2024-01-08"]


def written(folder: Path, text: str, name: str = "h.csv") -> Path:
    path = folder / name
    path.write_bytes(text.encode())
    return path


def read(folder: Path, *rows: str, header: str = "period,node,demand", missing: str = "refuse") -> History:
    return read_history(written(folder, "\n".join([header, *rows]) + "\n"), missing)


def demand_of(history: History) -> dict[str, list[float]]:
    return {series.label: list(series.demand) for series in history.series}


def test_reads_what_spreadsheets_write(tmp_path):
    """Byte-order mark, semicolons, decimal commas, blank rows, numeric names, rows in any order."""
    text = "\ufeffperiod;node;demand;product\r\n2;101;1,5;A\r\n;;;\r\n\r\n1;101;4;A\r\n1;102; 7 ;A\r\n2;102;0;A\r\n"
    history = read_history(written(tmp_path, text))
    assert demand_of(history) == {"101/A": [4.0, 1.5], "102/A": [7.0, 0.0]}
    assert [line for line in history.warnings if "decimal commas" in line]


@pytest.mark.parametrize(
    ("periods", "step"),
    [
        (["3", "4", "5"], "number"),
        (DAYS, "workday"),
        ([*DAYS[:5], "2024-01-06", "2024-01-07"], "day"),
        (["2024-01-01", "2024-01-08", "2024-01-15"], "week"),
        (["2024-W01", "2024-W02", "2024-W03"], "week"),
        (["2023-12-15", "2024-01-15", "2024-02-15"], "month"),
        (["2023-12-31", "2024-01-31", "2024-02-29"], "month"),
        (["2023-12", "2024-01", "2024-02"], "month"),
    ],
)
def test_step_of_periods(tmp_path, periods, step):
    history = read(tmp_path, *(f"{period},a,{k}" for k, period in enumerate(periods)))
    assert history.step == step
    assert demand_of(history)["a"] == list(range(len(periods)))


@pytest.mark.parametrize(
    ("periods", "said"),
    [
        (["1", "2", "4", "7"], "no row for 3 periods, 3, 5 to 6: expected a row for every period, or --missing zero"),
        (["2024-01-01", "2024-01-08", "2024-01-22"], "no row for 1 period, week of 2024-01-15"),
        (["2023-11-30", "2023-12-31", "2024-02-29"], "no row for 1 period, 2024-01"),
        ([*DAYS[:5], "2024-01-09"], "no row for 1 period, 2024-01-08"),
        (["2024-01-05", "2024-01-06", "2024-01-08"], "no row for 1 period, 2024-01-07"),
    ],
)
def test_gaps_are_refused_or_filled_on_request(tmp_path, periods, said):
    rows = [f"{period},a,{k + 1}" for k, period in enumerate(periods)]
    with pytest.raises(HistoryError, match="column period: node 'a' has") as refused:
        read(tmp_path, *rows)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)
    filled = read(tmp_path, *rows, missing="zero")
    given = [value for value in demand_of(filled)["a"] if value]
    assert given == [k + 1 for k in range(len(periods))]
    assert filled.series[0].filled == len(filled.series[0].demand) - len(periods) > 0
    assert any("count as no demand" in line for line in filled.warnings)


def test_a_series_that_starts_late_is_said_and_filled_on_request(tmp_path):
    rows = ["1,a,5", "2,a,5", "3,a,5", "2,b,7", "3,b,8"]
    history = read(tmp_path, *rows)
    assert demand_of(history)["b"] == [7.0, 8.0]
    assert history.series[1].first - history.series[0].first == 1
    assert history.warnings == ("b: rows for 2 to 3 only; the periods before and after are not counted",)
    assert demand_of(read(tmp_path, *rows, missing="zero"))["b"] == [0.0, 7.0, 8.0]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (["1,a,-3"], "row 2 column demand: '-3': expected a number of units, at least 0"),
        (["1,a,many"], "row 2 column demand: 'many': expected a number of units, at least 0"),
        (["1,a,nan"], "row 2 column demand: 'nan': expected a number of units, at least 0"),
        (["1,a,"], "row 2 column demand: blank: expected a number of units, at least 0 (or --missing zero)"),
        (["1,,3"], "row 2 column node: blank: expected a name"),
        ([",a,3"], "row 2 column period: blank: expected a whole number or a date such as 2024-01-31 or 2024-01"),
        (["1.5,a,3"], "row 2 column period: '1.5': expected a whole number or a date such as"),
        (["2024-02-30,a,3"], "row 2 column period: '2024-02-30': expected a whole number or a date such as"),
        (["31.12.2024,a,3"], "row 2 column period: '31.12.2024': expected a whole number or a date such as"),
        (["20240131,a,3"], "'20240131': expected a date written as 2024-01-31 (or periods numbered 1, 2, ...)"),
        (["202401,a,3"], "'202401': expected a date written as 2024-01 (or periods numbered 1, 2, ...)"),
        (
            ["1,a,3", "2024-01-01,a,3"],
            "row 3 column period: '2024-01-01': expected the same kind of period as in row 2",
        ),
        (
            ["1,a,3", "1,b,3", "1,a,3"],
            "row 4 column period: duplicate period '1' of node 'a': expected once, first in row 2",
        ),
        (["1,a,3", "01,a,3"], "duplicate period '01' of node 'a': expected once, first as '1' in row 2"),
        (["2024-01-01,a,3", "2024-01-08,a,3", "2024-W01,a,3"], "first as '2024-01-01' in row 2"),
        (["1,a,3,4"], "row 2: 4 cells: expected 3, one per column of the header"),
        ([], "no rows: expected at least one below the header"),
    ],
)
def test_bad_rows_are_named(tmp_path, rows, said):
    with pytest.raises(HistoryError) as refused:
        read(tmp_path, *rows)
    assert said in str(refused.value)
    assert str(refused.value).startswith(str(tmp_path / "h.csv"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("period,node\n1,a\n", "row 1 column demand: column missing from the header"),
        ("period,node,demand,price\n1,a,3,4\n", "row 1 column price: unknown column 'price'"),
        (
            "period;node;demand\n1;a;1,5\n2;a;2.5\n",
            "row 3 column demand: '2.5': expected a number with a decimal comma",
        ),
        (
            "period;node;demand\n1;a;1.5\n2;a;2,5\n",
            "row 3 column demand: '2,5': expected a number of units, at least 0",
        ),
        ("period;node;demand\n1;a;1.234,5\n", "row 2 column demand: '1.234,5': expected a number of units, at least 0"),
    ],
)
def test_bad_tables_are_named(tmp_path, text, said):
    with pytest.raises(HistoryError) as refused:
        read_history(written(tmp_path, text))
    assert said in str(refused.value)


def test_a_blank_cell_counts_as_none_on_request(tmp_path):
    assert demand_of(read(tmp_path, "1,a,3", "2,a,", "3,a,4", missing="zero"))["a"] == [3.0, 0.0, 4.0]


@pytest.mark.parametrize("content", [b"\xff\xfe1", None])
def test_unreadable_files(tmp_path, content):
    path = tmp_path / "h.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(HistoryError, match=r"h\.csv: (file missing|not readable)"):
        read_history(path)
    with pytest.raises(HistoryError, match=r"a folder; expected a \.csv file"):
        read_history(tmp_path)


def test_a_missing_column_is_not_taken_for_no_demand(tmp_path):
    with pytest.raises(HistoryError, match="column demand: column missing"):
        read(tmp_path, "1,a", header="period,node", missing="zero")
