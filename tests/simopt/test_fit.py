"""`simopt fit`: from a history to a demand.csv that a case can use."""

import csv
from pathlib import Path

import numpy as np
import pytest

from design.case_files import load_case, save_case
from design.families import FAMILIES
from simopt.apps.fit import FitOptions, fit_history
from simopt.reporting.fit_plot import bins
from tests.simopt.command import Command, assert_refused, read_json


def history(folder: Path, columns: dict[str, object], name: str = "history.csv") -> Path:
    """A table of numbered periods, from one sequence of demands a node."""
    path = folder / name
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["period", "node", "demand"])
        for node, demand in columns.items():
            writer.writerows([period, node, value] for period, value in enumerate(demand, 1))
    return path


def smooth(seed: int = 1, number: int = 60) -> dict[str, object]:
    """Histories of the customers of a shipped case that smooth distributions describe."""
    rng = np.random.default_rng(seed)
    return {
        "S1": np.round(rng.normal(50.0, 9.0, number), 1),
        "S2": rng.poisson(4.0, number),
        "S3": np.round(rng.gamma(2.0, 10.0, number), 2),
    }


@pytest.fixture
def case_folder(tmp_path) -> Path:
    """The small shipped case, to be changed."""
    folder = tmp_path / "case"
    save_case(load_case("two-two-three"), folder)
    return folder


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_fit_then_validate(simopt: Command, tmp_path, case_folder):
    names = [row["node"] for row in rows_of(case_folder / "demand.csv")]
    table = history(tmp_path, dict(zip(names, smooth().values(), strict=True)))
    done = simopt("fit", table, "--out", case_folder / "demand.csv", "--force")
    assert (done.code, done.err) == (0, "")
    assert "written" in done.out
    assert simopt("validate", case_folder).code == 0
    written = {row["node"]: row for row in rows_of(case_folder / "demand.csv")}
    loaded = load_case(case_folder)
    for name, demand in zip(names, smooth().values(), strict=True):
        assert written[name]["distribution"] in done.out
        assert loaded.demand[name].mean == pytest.approx(np.mean(demand), rel=0.01)
        assert loaded.demand[name].standard_deviation == pytest.approx(np.std(demand), rel=0.15)


@pytest.mark.parametrize("name", [*FAMILIES, "empirical"])
def test_every_distribution_can_be_used_by_a_case(simopt: Command, tmp_path, case_folder, name):
    rng = np.random.default_rng(6)
    demand = np.where(rng.random(100) < 0.8, rng.negative_binomial(2, 0.2, 100) + 1, 0)
    table = history(tmp_path, dict.fromkeys("ABC", demand))
    done = simopt("fit", table, "--distribution", name, "--out", case_folder, "--force")
    assert done.code == 0
    assert simopt("validate", case_folder).code == 0
    loaded = load_case(case_folder)
    fits = fit_history(table, FitOptions(name)).nodes
    for node in fits:
        own = loaded.demand[node.label]
        if name == "empirical":
            assert (own.mean, own.standard_deviation) == pytest.approx((demand.mean(), demand.std()))
            assert list(own.observations) == list(demand)
        else:
            assert own.mean == pytest.approx(node.fit.chosen.mean, rel=1e-6)
    assert {row["distribution"] for row in rows_of(case_folder / "demand.csv")} == {name}


def test_the_history_itself_is_never_replaced(simopt: Command, tmp_path):
    table = history(tmp_path, smooth(), "demand-history.csv")
    before = table.read_bytes()
    for options in (["--out", table], ["--out", tmp_path, "--distribution", "empirical"]):
        assert_refused(simopt("fit", table, "--force", *options), "is the history itself: expected another --out")
    assert table.read_bytes() == before


def test_an_empirical_history_keeps_its_periods(simopt: Command, tmp_path):
    table = tmp_path / "history.csv"
    rows = [f"2024-{k:02d};A;{k},5" for k in range(1, 9)] + [f"2024-{k:02d};B;{k}" for k in range(3, 9)]
    table.write_text("\n".join(["period;node;demand", *rows]), encoding="utf-8")
    assert simopt("fit", table, "--distribution", "empirical", "--out", tmp_path / "out.csv").code == 0
    written = rows_of(tmp_path / "out-history.csv")
    assert [(row["period"], row["node"], float(row["demand"])) for row in written] == [
        *((str(k), "A", k + 0.5) for k in range(1, 9)),
        *((str(k), "B", k) for k in range(3, 9)),
    ]
    assert {row["history"] for row in rows_of(tmp_path / "out.csv")} == {"out-history.csv"}


def test_files_and_what_they_hold(simopt: Command, tmp_path):
    table = history(tmp_path, smooth())
    out, picture = tmp_path / "deep" / "fits", tmp_path / "pictures" / "fits.png"
    done = simopt("fit", table, "--out", out, "--plot", picture, "--seed", 3)
    assert done.code == 0
    content = read_json(out / "fit.json")
    assert (content["history"], content["seed"], content["step"]) == ("history.csv", 3, "number")
    assert (content["first_period"], content["last_period"]) == ("1", "60")
    for record, row in zip(content["nodes"], rows_of(out / "demand.csv"), strict=True):
        assert (record["node"], record["distribution"]) == (row["node"], row["distribution"])
        for key in ("mean", "sd", "probability"):
            if key in record["parameters"]:
                assert float(row[key]) == pytest.approx(record["parameters"][key], rel=1e-7)
            else:
                assert not row.get(key)
        assert record["candidates"][0]["distribution"] == record["distribution"]
        assert 0.0 < record["p_value"] <= 1.0
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_existing_files_are_kept(simopt: Command, tmp_path, monkeypatch):
    table = history(tmp_path, smooth())
    monkeypatch.chdir(tmp_path)
    assert simopt("fit", table).code == 0
    before = (tmp_path / "demand.csv").read_bytes()
    assert_refused(
        simopt("fit", table, "--distribution", "gamma"), "demand.csv exists: expected a new name, or --force"
    )
    assert (tmp_path / "demand.csv").read_bytes() == before
    assert simopt("fit", table, "--distribution", "normal", "--force").code == 0
    assert {row["distribution"] for row in rows_of(tmp_path / "demand.csv")} == {"normal"}


def test_the_same_seed_gives_the_same_files(simopt: Command, tmp_path):
    table = history(tmp_path, smooth())
    for name in ("one", "two"):
        assert simopt("fit", table, "--out", tmp_path / name, "--plot", tmp_path / f"{name}.svg").code == 0
    for name in ("demand.csv", "fit.json"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()


def test_a_node_is_fitted_alike_whatever_else_the_table_holds(tmp_path):
    columns = smooth()
    together = fit_history(history(tmp_path, columns), FitOptions())
    alone = fit_history(history(tmp_path, {"S3": columns["S3"]}, "alone.csv"), FitOptions())
    assert alone.nodes[0].as_dict() == together.nodes[2].as_dict()


def test_warnings_say_what_speaks_against_the_model(simopt: Command, tmp_path):
    rng = np.random.default_rng(2)
    common = rng.normal(0.0, 10.0, 80)
    columns = {
        "rising": rng.poisson(np.linspace(5.0, 25.0, 80)),
        "humps": np.where(rng.random(80) < 0.5, rng.poisson(5.0, 80), rng.poisson(60.0, 80)),
        "left": np.round(60 + common + rng.normal(0.0, 3.0, 80), 1),
        "right": np.round(60 + common + rng.normal(0.0, 3.0, 80), 1),
        "flat": np.full(80, 7),
        "new": rng.poisson(5.0, 9),
    }
    done = simopt("fit", history(tmp_path, columns), "--out", tmp_path / "demand.csv")
    assert done.code == 0
    for said in (
        "rising: autocorrelation +0.",
        "rising: rising over the history (rank correlation with time +0.",
        "humps: even the best fit, ",
        "is rejected (p < 0.001); --distribution empirical takes the history itself",
        "demand is correlated between nodes (left and right +0.",
        "flat: demand is 7 in every period: normal with sd 0",
        "new: 9 periods are few",
        "new: rows for 1 to 9 only",
    ):
        assert said in done.err
    assert all(line.startswith("warning: ") for line in done.err.splitlines())


def test_an_unsuitable_distribution_is_warned_of(simopt: Command, tmp_path):
    demand = np.round(np.random.default_rng(3).lognormal(3.0, 1.2, 100), 1)
    done = simopt("fit", history(tmp_path, {"a": demand}), "--distribution", "normal", "--out", tmp_path / "d.csv")
    assert done.code == 0
    assert "a: the fit, normal, is rejected (p < 0.001)" in done.err
    assert float(done.out.splitlines()[3].split()[-3]) < -10.0


def test_a_tail_far_beyond_the_data_is_set_aside(simopt: Command, tmp_path):
    demand = np.round(np.random.default_rng(0).lognormal(2.0, 3.0, 60), 2)
    table = history(tmp_path, {"a": demand})
    done = simopt("fit", table, "--out", tmp_path / "auto")
    record = read_json(tmp_path / "auto" / "fit.json")["nodes"][0]
    far = 3.0 * demand.std(ddof=1) / np.sqrt(60)
    assert record["candidates"][0]["distribution"] == "lognormal"
    assert record["candidates"][0]["mean"] > demand.mean() + far
    assert record["distribution"] == "gamma"
    assert abs(record["parameters"]["mean"] - demand.mean()) <= far
    assert record["criterion_margin"] < 0.0
    assert "a: lognormal has a lower criterion, but its mean 323.8 is far from the history's 148.3" in done.err
    asked = simopt("fit", table, "--out", tmp_path / "asked", "--distribution", "lognormal")
    assert "a: the fit's mean 323.8 is far from the history's 148.3" in asked.err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--distribution", "weibul"], "--distribution 'weibul': expected one of auto, normal, poisson, gamma"),
        (["--distribution", "gama"], "--distribution 'gama': did you mean 'gamma'?"),
        (["--missing", "mean"], "--missing 'mean': expected one of refuse, zero"),
        (["--out", "x.xlsx"], "--out x.xlsx: expected the name of a .csv file or a folder"),
        (["--plot", "x.txt"], "--plot x.txt: expected the name of a .png, .svg, .pdf file"),
        (["--seed", "-1"], "--seed -1: expected a whole number, at least 0"),
        (["--distribution", "poisson"], "node 'S3': poisson cannot be fitted, demand is not in whole units"),
    ],
)
def test_bad_options(simopt: Command, tmp_path, monkeypatch, options, said):
    table = history(tmp_path, smooth())
    monkeypatch.chdir(tmp_path)
    assert_refused(simopt("fit", table, *options), said)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["history.csv"]


def test_every_bad_row_and_node_is_named(simopt: Command, tmp_path):
    table = history(tmp_path, {"a": [1, -2, "x"], "b": [1, 2, ""]})
    done = simopt("fit", table, "--out", tmp_path / "demand.csv")
    assert_refused(done, "row 3 column demand: '-2'", "row 4 column demand: 'x'", "row 7 column demand: blank")
    short = simopt("fit", history(tmp_path, {"a": [1, 2], "b": [1, 2, 3]}), "--out", tmp_path / "demand.csv")
    assert_refused(short, "node 'a' has 2 periods: expected at least 6", "node 'b' has 3 periods")
    assert not (tmp_path / "demand.csv").exists()


def test_products(simopt: Command, tmp_path):
    table = tmp_path / "history.csv"
    rng = np.random.default_rng(5)
    lines = [f"2024-{k % 12 + 1:02d},C,{p},{rng.poisson(6)}" for p in ("A", "B") for k in range(12)]
    table.write_text("\n".join(["period,node,product,demand", *lines]), encoding="utf-8")
    done = simopt("fit", table, "--out", tmp_path / "demand.csv")
    assert done.code == 0
    assert [(row["node"], row["product"]) for row in rows_of(tmp_path / "demand.csv")] == [("C", "A"), ("C", "B")]
    assert "periods 2024-01 to 2024-12, step month" in done.out
    assert "C/A: 12 periods are few" in done.err


@pytest.mark.parametrize(
    "demand",
    [
        np.arange(10),
        np.arange(0, 1000, 37),
        np.random.default_rng(1).gamma(2.0, 10.0, 50),
        np.r_[np.zeros(20), np.random.default_rng(1).gamma(2.0, 10.0, 50)],
        np.full(9, 4.0),
    ],
)
def test_bins_of_the_picture_hold_every_demand_once(tmp_path, demand):
    node = fit_history(history(tmp_path, {"a": demand}), FitOptions()).nodes[0]
    edges = bins(node)
    assert (np.diff(edges) > 0.0).all()
    assert np.histogram(node.fit.series.demand, edges)[0].sum() == len(demand)
    assert (np.abs(edges[:, None] - node.fit.series.demand).min() > 1e-12).all()
