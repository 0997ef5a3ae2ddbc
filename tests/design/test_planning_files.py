"""[planning] and its tables: read, refused line by line, written back."""

from pathlib import Path
from shutil import copytree

import pytest

import cases
from design.case import CaseError
from design.case_files import load_case, save_case
from design.planning.data import PlanningData
from design.planning.settings import PlanningSettings

ENGINE = Path(cases.__file__).parent / "planning-engine"


def changed(tmp_path, **files) -> str:
    """A copy of planning-engine with other contents of files; None removes one, a function changes its text."""
    folder = tmp_path / "planning-engine"
    copytree(ENGINE, folder)
    for name, content in files.items():
        path = folder / name.replace("_toml", ".toml").replace("_csv", ".csv")
        path.write_text(content(path.read_text()) if callable(content) else content)
    return str(folder)


def test_planning_survives_a_round_trip(tmp_path):
    case = load_case("planning-engine")
    save_case(case, tmp_path / "again")
    again = load_case(tmp_path / "again")
    assert again.planning == case.planning
    assert again == case
    assert len(case.planning.skus) == 20
    assert len(case.planning.operations) == 80
    assert case.planning.settings.publication == ((1, 0.1), (4, 0.3))


def test_a_case_without_planning_is_a_plain_base_stock_world():
    assert load_case("thirteen-node").planning == PlanningData(PlanningSettings())


def setting(line):
    return lambda text: text.replace("whole_units = true", f"whole_units = true\n{line}")


def row(line):
    return lambda text: text + line + "\n"


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (
            {"lead_times_csv": lambda text: text.replace("0.75", "0.7", 1)},
            "lead_times.csv row 2 column probability: probabilities of Supplier add up to 0.95: expected 1",
        ),
        (
            {"skus_csv": lambda text: text.replace("BE1,Beverages,smooth,2", "BE1,Beverages,smooth,-1")},
            "skus.csv row 2 column service_window: '-1': expected a whole number of periods, at least 0",
        ),
        (
            {"capacities_csv": lambda text: text.replace("Supplier,Spares,1.2\n", "")},
            "capacities.csv row 6: no capacity of Supplier for family 'Spares': expected a row, as it has others",
        ),
        (
            {"capacities_csv": row("Supplier,Sparse,1.0")},
            "capacities.csv row 10 column family: unknown family 'Sparse': did you mean 'Spares'? "
            "(expected one of Beverages, Hardware, Seasonals, Spares)",
        ),
        (
            {"capacities_csv": "node,family,capacity,load\nSupplier,Beverages,100,1.0\n"},
            "capacities.csv row 2: expected either capacity or load",
        ),
        (
            {"skus_csv": lambda text: text.replace("BE1,Beverages,smooth", "BE1,Beverages,smoth")},
            "skus.csv row 2 column pattern: 'smoth': did you mean 'smooth'? (expected one of smooth, seasonal, "
            "erratic, intermittent)",
        ),
        (
            {"operations_csv": row("Retailer,BE1,1,0,0,0,,")},
            "operations.csv row 86: duplicate Retailer, BE1: expected once, first in row 9",
        ),
        (
            {"operations_csv": row("Warehouse,,1,,,,,")},
            "operations.csv row 86 column node: unknown node 'Warehouse': expected one of Distributor, Manufacturer, "
            "Retailer, Supplier",
        ),
        (
            {"shocks_csv": row("Beverages,90,105,0.5")},
            "shocks.csv row 3 column end: 105: expected a period from start, 90, to the end of the horizon, 104",
        ),
        (
            {"shocks_csv": row("Beverages,9,10,-1.5")},
            "shocks.csv row 3 column size: '-1.5': expected a number of a share of demand, at least -1",
        ),
        (
            {"breakdowns_csv": "node,from,to,failure,repair\nSupplier,,,0.1,0\n"},
            "breakdowns.csv row 2 column repair: 0: expected a probability above 0, or it is never up again",
        ),
        (
            {"breakdowns_csv": "node,from,to,failure,repair\nSupplier,,,1.1,0.5\n"},
            "breakdowns.csv row 2 column failure: '1.1': expected a number, at least 0, at most 1",
        ),
        (
            {"breakdowns_csv": "node,from,to,failure,repair\n,Supplier,Retailer,0.1,0.5\n"},
            "breakdowns.csv row 2: unknown lane 'Supplier -> Retailer': did you mean 'Supplier -> Manufacturer'? "
            "(expected one of Distributor -> Retailer, Manufacturer -> Distributor, Supplier -> Manufacturer)",
        ),
        (
            {"case_toml": setting("smoothing = 1.5")},
            "case.toml column planning.smoothing: 1.5: expected a share above 0, at most 1",
        ),
        (
            {"case_toml": setting("mean_bias = [1.1, 0.9]")},
            "case.toml column planning.mean_bias: [1.1, 0.9]: expected the least and the greatest factor, "
            "e.g. [0.9, 1.1]",
        ),
        (
            {"case_toml": setting("service_window = -2")},
            "case.toml column planning.service_window: -2: expected a whole number of periods, at least 0",
        ),
        (
            {"case_toml": setting("smothing = 0.5")},
            "case.toml: unknown setting planning.smothing: did you mean 'smoothing'?",
        ),
    ],
)
def test_what_is_wrong_is_one_line_that_says_where(tmp_path, files, message):
    with pytest.raises(CaseError) as found:
        load_case(changed(tmp_path, **files))
    assert len(found.value.messages) == 1
    assert message in found.value.messages[0]
