"""Columns and tables of demand: what is read, refused in one line, and written again."""

from dataclasses import replace
from pathlib import Path

import pytest

from design.case import Case, CaseError
from design.case_files import load_case, read_case, save_case
from design.correlation import Correlation
from design.demand import (
    AutocorrelatedDemand,
    BlockBootstrapDemand,
    EmpiricalDemand,
    GammaDemand,
    IntermittentDemand,
    LogNormalDemand,
    NegativeBinomialDemand,
    NormalDemand,
    PoissonDemand,
    ProfiledDemand,
)

TOML = "[simulation]\nhorizon = 30\nwarm_up = 6\n"
NODES = "node,lead_time,holding_cost,backorder_cost\nplant,2,0.1,\nnorth,,0.5,9\nsouth,,0.5,9\n"
LANES = "from,to,lead_time\nplant,north,1\nplant,south,2\n"
HISTORY = "period,node,demand\n3,north,5\n2,north,0\n4,north,2\n1,south,2.5\n2,south,4\n"
PROFILES = "profile,period,factor\nweek,2,1.5\nweek,1,0.5\n"
CORRELATIONS = "node,with,correlation\nnorth,south,0.5\n"
TWO = "node,distribution,mean,sd\nnorth,normal,20,5\nsouth,normal,10,3\n"


def folder(root: Path, demand: str, **tables: str) -> Path:
    made = root / "small"
    made.mkdir()
    files = {"case.toml": 'name = "small"\n' + TOML, "nodes.csv": NODES, "lanes.csv": LANES, "demand.csv": demand}
    for name, content in {**files, **{f"{stem}.csv": text for stem, text in tables.items()}}.items():
        (made / name).write_text(content)
    return made


def errors(made: Path) -> list[str]:
    with pytest.raises(CaseError) as refused:
        read_case(made)
    return [line.removeprefix("small/") for line in refused.value.messages]


def assert_survives(case: Case, root: Path) -> None:
    """Written, read and written again it is the same."""
    save_case(case, root / "once")
    again = load_case(root / "once")
    assert again == case
    save_case(again, root / "twice")
    texts = [{p.name: p.read_text() for p in (root / name).iterdir()} for name in ("once", "twice")]
    assert texts[0] == texts[1]


ROWS = {
    "negative binomial": ("mean,sd", "negative_binomial,6,4", NegativeBinomialDemand(6.0, 4.0)),
    "log-normal": ("mean,sd", "lognormal,6,4", LogNormalDemand(6.0, 4.0)),
    "intermittent": ("mean,sd,probability", "intermittent,6,4,.25", IntermittentDemand(0.25, GammaDemand(6.0, 4.0))),
    "empirical": ("history", "empirical,past.csv", EmpiricalDemand((0.0, 5.0, 2.0))),
    "blocks": ("history,block", "empirical,past.csv,2", BlockBootstrapDemand(EmpiricalDemand((0.0, 5.0, 2.0)), 2)),
    "autocorrelated": ("mean,autocorrelation", "poisson,6,-0.5", AutocorrelatedDemand(PoissonDemand(6.0), -0.5)),
    "profile": (
        "mean,sd,profile",
        "gamma,6,4,week",
        ProfiledDemand("week", (0.5, 1.5), GammaDemand(6.0, 4.0)),
    ),
    "profile of a history": (
        "history,profile,autocorrelation",
        "empirical,past.csv,week,.5",
        AutocorrelatedDemand(ProfiledDemand("week", (0.5, 1.5), EmpiricalDemand((0.0, 5.0, 2.0))), 0.5),
    ),
}


@pytest.mark.parametrize(("columns", "row", "demand"), ROWS.values(), ids=ROWS)
def test_a_row_is_its_demand_and_survives_writing(tmp_path, columns, row, demand):
    text = f"node,distribution,{columns}\nnorth,{row}\nsouth,{row}\n"
    tables = {"past": HISTORY} if "history" in columns else {}
    tables |= {"profiles": PROFILES} if "profile" in columns else {}
    case = read_case(folder(tmp_path, text, **tables))
    assert case.demand["north"] == demand
    assert_survives(case, tmp_path)


def test_correlations_survive_writing_and_are_removed_where_there_are_none(tmp_path):
    case = read_case(folder(tmp_path, TWO, correlations=CORRELATIONS))
    assert case.correlation.pairs == (("north", "south", 0.5),)
    assert_survives(case, tmp_path)
    save_case(replace(case, correlation=Correlation()), tmp_path / "once")
    assert not (tmp_path / "once" / "correlations.csv").exists()


def test_products_share_rows_and_correlate_one_by_one(tmp_path):
    header = "node,product,distribution,mean,sd,autocorrelation\n"
    demand = header + "north,,gamma,6,4,.5\nnorth,B,gamma,8,4,\nsouth,,gamma,5,2,.5\n"
    nodes = NODES.replace("node,", "node,product,").replace(",2,", ",,2,").replace(",,0.5", ",,,0.5")
    links = "node,product,with,with_product,correlation\nnorth,,south,,0.5\nnorth,A,north,B,-0.25\n"
    made = folder(tmp_path, demand, correlations=links)
    (made / "nodes.csv").write_text(nodes + "north,A,,0.7,9\n")
    case = read_case(made)
    assert case.demand["north/B"] == AutocorrelatedDemand(GammaDemand(8.0, 4.0), 0.5)
    assert case.correlation.pairs == (
        ("north/B", "south/B", 0.5),
        ("north/A", "south/A", 0.5),
        ("north/A", "north/B", -0.25),
    )
    assert_survives(case, tmp_path)


def test_seasons_scale_histories_and_correlate_within_themselves(tmp_path):
    demand = "node,season,distribution,mean,sd,history,profile\nnorth,,empirical,,,past.csv,\nsouth,,normal,9,3,,week\n"
    tables = {"past": HISTORY, "profiles": PROFILES, "correlations": CORRELATIONS}
    made = folder(tmp_path, demand, **tables)
    seasons = "[seasons.low]\nperiods = 20\n[seasons.high]\nperiods = 10\ngrowth = 2\n"
    (made / "case.toml").write_text('name = "small"\n' + TOML + seasons)
    case = read_case(made)
    assert case.demand["north@high"] == EmpiricalDemand((0.0, 10.0, 4.0))
    assert case.demand["south@high"] == ProfiledDemand("week", (0.5, 1.5), NormalDemand(18.0, 6.0))
    assert case.correlation.pairs == (("north@low", "south@low", 0.5), ("north@high", "south@high", 0.5))
    assert_survives(case, tmp_path)
    assert (tmp_path / "once" / "past-high.csv").exists()


BAD = {
    "an unknown profile": (
        "node,distribution,mean,sd,profile\nnorth,normal,20,5,weak\nsouth,normal,10,3,week\n",
        {"profiles": PROFILES},
        "demand.csv row 2: unknown profile 'weak': did you mean 'week'?",
    ),
    "no profiles": (
        "node,distribution,mean,sd,profile\nnorth,normal,20,5,week\nsouth,normal,10,3,\n",
        {},
        "demand.csv row 2: unknown profile 'week': expected one that profiles.csv gives",
    ),
    "a profile of nobody": (TWO, {"profiles": PROFILES}, "profiles.csv: profile 'week': expected one that a row"),
    "a gap in a profile": (
        "node,distribution,mean,sd,profile\nnorth,normal,20,5,week\nsouth,normal,10,3,\n",
        {"profiles": "profile,period,factor\nweek,1,1\nweek,3,1\n"},
        "profiles.csv: profile 'week' has no row for period 2: expected one for every period",
    ),
    "a negative factor": (
        "node,distribution,mean,sd,profile\nnorth,normal,20,5,week\nsouth,normal,10,3,\n",
        {"profiles": "profile,period,factor\nweek,1,-1\n"},
        "profiles.csv row 2 column factor: '-1': expected a number, at least 0",
    ),
    "a missing history": (
        "node,distribution,history\nnorth,empirical,past.csv\nsouth,empirical,past.csv\n",
        {},
        "past.csv: file missing: expected a table with the columns period, node, product, demand",
    ),
    "a history elsewhere": (
        "node,distribution,history\nnorth,empirical,../past.csv\nsouth,empirical,past.csv\n",
        {"past": HISTORY},
        "demand.csv row 2: history '../past.csv': expected the name of a .csv file in the case folder",
    ),
    "no rows in the history": (
        "node,distribution,history\nnorth,empirical,past.csv\nsouth,empirical,past.csv\n",
        {"past": "period,node,demand\n1,north,3\n"},
        "demand.csv row 3: history 'past.csv' has no rows for 'south': expected its demand of past periods",
    ),
    "a gap in the history": (
        "node,distribution,history\nnorth,empirical,past.csv\nsouth,empirical,past.csv\n",
        {"past": HISTORY.replace("3,north,5\n", "")},
        "past.csv: 'north' has no row for period 3: expected one for every period",
    ),
    "a period twice": (
        "node,distribution,history\nnorth,empirical,past.csv\nsouth,empirical,past.csv\n",
        {"past": HISTORY + "2,south,4\n"},
        "past.csv row 7 column period: duplicate period 2 of 'south': expected once",
    ),
    "a long block": (
        "node,distribution,history,block\nnorth,empirical,past.csv,9\nsouth,empirical,past.csv,\n",
        {"past": HISTORY},
        "demand.csv row 2: block 9: expected 1 to 3, the periods of the history",
    ),
    "an impossible block": (
        "node,distribution,history,block\nnorth,empirical,past.csv,0\nsouth,empirical,past.csv,\n",
        {"past": HISTORY},
        "demand.csv row 2 column block: '0': expected a whole number, at least 1",
    ),
    "a mean beside a history": (
        "node,distribution,mean,history\nnorth,empirical,5,past.csv\nsouth,empirical,,past.csv\n",
        {"past": HISTORY},
        "demand.csv row 2: mean 5 given for empirical, which has none: expected a blank",
    ),
    "an autocorrelation out of range": (
        "node,distribution,mean,sd,autocorrelation\nnorth,normal,20,5,1.5\nsouth,normal,10,3,\n",
        {},
        "demand.csv row 2 column autocorrelation: '1.5': expected a number, at least -1, at most 1",
    ),
    "a stranger's correlation": (
        TWO,
        {"correlations": "node,with,correlation\nnorth,plant,0.5\n"},
        "correlations.csv row 2 column with: no demand of 'plant': expected one of north, south",
    ),
    "a correlation twice": (
        TWO,
        {"correlations": CORRELATIONS + "south,north,0.5\n"},
        "correlations.csv row 3: duplicate correlation of 'south' with 'north': expected once, first in row 2",
    ),
    "a correlation with itself": (
        TWO,
        {"correlations": "node,with,correlation\nnorth,north,0.5\n"},
        "correlations.csv row 2 column with: 'north' with itself: expected another customer",
    ),
    "a correlation above 1": (
        TWO,
        {"correlations": "node,with,correlation\nnorth,south,1.5\n"},
        "correlations.csv row 2 column correlation: '1.5': expected a number, at least -1, at most 1",
    ),
    "correlated blocks": (
        "node,distribution,mean,sd,history,block\nnorth,empirical,,,past.csv,2\nsouth,normal,10,3,,\n",
        {"past": HISTORY, "correlations": CORRELATIONS},
        "correlations.csv: 'north' is drawn in blocks: expected no correlation with others",
    ),
    "different autocorrelations": (
        "node,distribution,mean,sd,autocorrelation\nnorth,normal,20,5,0.5\nsouth,normal,10,3,\n",
        {"correlations": CORRELATIONS},
        "correlations.csv: autocorrelation 0 of 'south' beside 0.5 of 'north': expected the same",
    ),
}


@pytest.mark.parametrize(("demand", "tables", "said"), BAD.values(), ids=BAD)
def test_bad_demand_is_refused_in_a_line(tmp_path, demand, tables, said):
    found = errors(folder(tmp_path, demand, **tables))
    assert any(line.startswith(said) for line in found), found
    assert len(found) <= 3


def test_contradicting_correlations_are_refused(tmp_path):
    made = folder(
        tmp_path,
        TWO + "plant,normal,5,1\n",
        correlations="node,with,correlation\nnorth,south,.9\nnorth,plant,.9\nsouth,plant,-.9\n",
    )
    (line,) = errors(made)
    assert line.startswith("correlations.csv: correlations of north, plant, south contradict each other")
    assert "positive semidefinite" in line


def test_what_makes_the_bound_an_estimate_is_a_warning(tmp_path):
    demand = "node,distribution,mean,sd,autocorrelation,profile\nnorth,normal,20,5,.5,\nsouth,normal,10,3,,week\n"
    seven = "profile,period,factor\n" + "".join(f"week,{day},{1 + day % 2}\n" for day in range(1, 8))
    case = read_case(folder(tmp_path, demand, profiles=seven))
    assert case.warnings == (
        "demand of north is autocorrelated: the lower bound is an estimate",
        "horizon 30 is no multiple of 7, the periods of a demand cycle: the lower bound is an estimate",
    )
