"""Bad case files are refused with one line an error, all at once; good ones survive writing and reading."""

import tempfile
from dataclasses import replace
from math import inf
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from design.case import Case, CaseError
from design.case_files import case_names, load_case, read_case, save_case
from design.demand import GammaDemand, NormalDemand, PoissonDemand
from design.node import Lane, Node
from design.site_rules import SiteLimit
from tests.networks import make_case, one_node, random_tree

GOOD = {
    "case.toml": """\
name = "small"
title = "A plant, a depot and two shops"

[simulation]
horizon = 30
warm_up = 6

[transport]
rate = 0.5
""",
    "nodes.csv": """\
node,x,y,lead_time,holding_cost,holding_quadratic,storage_capacity,overflow_cost,backorder_cost
plant,0,0,2,1,,,,
depot,3,4,,1.5,0.1,50,2,
north,3,8,,2,,,,18
south,6,4,,2,,,,18
""",
    "lanes.csv": """\
from,to,lead_time
plant,depot,1
depot,north,1
depot,south,2
""",
    "demand.csv": """\
node,distribution,mean,sd
north,normal,20,5
south,normal,10,3
""",
}


def written(folder: Path, **changes: str | bytes | None) -> Path:
    """A folder with the good files but those given by stem: `nodes="..."`; None leaves the file out."""
    folder = folder / "small"
    folder.mkdir()
    for name, content in GOOD.items():
        chosen = changes.get(name.split(".", maxsplit=1)[0], content)
        if chosen is not None:
            (folder / name).write_bytes(chosen.encode() if isinstance(chosen, str) else chosen)
    return folder


def errors_in(folder: Path) -> tuple[str, ...]:
    """The lines that refuse the case in a folder."""
    with pytest.raises(CaseError) as refused:
        read_case(folder)
    assert "Traceback" not in str(refused.value)
    assert str(refused.value).splitlines() == list(refused.value.messages)
    return refused.value.messages


def altered(file: str, old: str, new: str) -> str:
    """A good file with one passage replaced."""
    assert GOOD[file].count(old) == 1, f"{old!r} occurs {GOOD[file].count(old)} times in {file}"
    return GOOD[file].replace(old, new)


def test_the_good_files_are_read(tmp_path):
    case = read_case(written(tmp_path))
    assert (case.name, case.horizon, case.warm_up) == ("small", 30, 6)
    assert case.network.node("depot") == Node(
        "depot", "", 3.0, 4.0, None, 1.5, holding_quadratic=0.1, storage_capacity=50.0, overflow_cost=2.0
    )
    assert case.network.lane(("plant", "depot")) == Lane("plant", "depot", 1, unit_cost=2.5, distance=5.0)
    assert dict(case.demand) == {"north": NormalDemand(20.0, 5.0), "south": NormalDemand(10.0, 3.0)}


def test_whole_numbers_may_be_written_as_exported_from_a_column_with_blanks(tmp_path):
    changed = altered("nodes.csv", "plant,0,0,2", "plant,0,0,2.0")
    assert read_case(written(tmp_path, nodes=changed)).network.node("plant").lead_time == 2


# file, what is replaced, by what, where the one error is, and what its line says of value and expectation
BAD_CELLS = [
    ("nodes.csv", "plant,0,0,2,1", "plant,0,0,2,one", "row 2 column holding_cost", "'one': expected a number of money"),
    ("nodes.csv", "plant,0,0,2,1", "plant,0,0,2,-1", "row 2 column holding_cost", "'-1': expected a number of money"),
    ("nodes.csv", "plant,0,0,2,1", "plant,0,0,2,NaN", "row 2 column holding_cost", "'NaN': expected a number of money"),
    ("nodes.csv", "plant,0,0,2,1", "plant,0,0,2,inf", "row 2 column holding_cost", "'inf': expected a number of money"),
    ("nodes.csv", "plant,0,0,2,1", "plant,0,0,2,1e999", "row 2 column holding_cost", "'1e999': expected a number"),
    ("nodes.csv", "plant,0,0,2,1", "plant,east,0,2,1", "row 2 column x", "'east': expected a number"),
    ("nodes.csv", "1.5,0.1", '"1,5",0.1', "row 3 column holding_cost", "'1,5': expected a number of money"),
    ("nodes.csv", ",0.1,", ",-0.1,", "row 3 column holding_quadratic", "'-0.1': expected", "not convex"),
    ("nodes.csv", ",50,2,", ",50,-2,", "row 3 column overflow_cost", "'-2': expected", "not convex"),
    ("nodes.csv", ",50,2,", ",-50,2,", "row 3 column storage_capacity", "'-50': expected a number of units, at least"),
    ("nodes.csv", "3,8,,2,,,,18", "3,8,,2,,,,-18", "row 4 column backorder_cost", "'-18': expected a number of money"),
    ("nodes.csv", "plant,0,0,2", "plant,0,0,2.5", "row 2 column lead_time", "'2.5': expected a whole number"),
    ("nodes.csv", "plant,0,0,2", "plant,0,0,-2", "row 2 column lead_time", "'-2': expected a whole number"),
    ("nodes.csv", "depot,3", ",3", "row 3 column node", "blank: expected a name"),
    ("lanes.csv", "depot,north,1", "depot,north,", "row 3 column lead_time", "blank: expected a whole number"),
    ("lanes.csv", "depot,north,1", "depot,north,0.5", "row 3 column lead_time", "'0.5': expected a whole number"),
    ("lanes.csv", "depot,north,1", "depot,north,-1", "row 3 column lead_time", "'-1': expected a whole number"),
    ("lanes.csv", "depot,north,1", "depot,north,1,5", "row 3", "4 cells: expected 3"),
    ("lanes.csv", "depot,north,1", ",north,1", "row 3 column from", "blank: expected a name"),
    ("lanes.csv", "depot,north,1", "depo,north,1", "row 3 column from", "unknown node 'depo': did you mean 'depot'?"),
    ("lanes.csv", "depot,north,1", "depot,xyzzy,1", "row 3 column to", "unknown node 'xyzzy': expected one of depot, "),
    ("lanes.csv", "south,2", "south,2\ndepot,north,3", "row 5", "duplicate lane 'depot -> north'", "row 3"),
    ("nodes.csv", "south,6", "north,6,4,,,,,,\nsouth,6", "row 5", "duplicate node 'north'", "expected once", "row 4"),
    ("demand.csv", "south,normal", "south,normal,1,1\nsouth,normal", "row 4", "duplicate demand of 'south'", "row 3"),
    ("demand.csv", "south,normal", "suoth,normal", "row 3 column node", "unknown node 'suoth': did you mean 'south'?"),
    ("demand.csv", "south,normal", "south,norml", "row 3 column distribution", "'norml': did you mean 'normal'?"),
    ("demand.csv", "10,3", "-10,3", "row 3 column mean", "'-10': expected a number of units per period, at least 0"),
    ("demand.csv", "10,3", ",3", "row 3 column mean", "blank: expected a number of units per period"),
    ("demand.csv", "10,3", "10,-3", "row 3 column sd", "'-3': expected a number of units per period, at least 0"),
    ("demand.csv", "10,3", "10,", "row 3", "sd missing for normal: expected a number"),
    ("demand.csv", "10,3", "10,5,3", "row 3", "5 cells: expected 4"),
    ("demand.csv", "normal,10,3", "gamma,0,3", "row 3", "mean 0: expected a number above 0"),
    ("demand.csv", "normal,10,3", "gamma,10,0", "row 3", "sd 0: expected a number above 0"),
    ("demand.csv", "normal,10,3", "poisson,10,3", "row 3", "sd 3 given for poisson", "expected a blank"),
    ("nodes.csv", "depot,3,4,,", "depot,3,4,7,", "row 3 column lead_time", "7 for 'depot'", "expected a blank"),
    ("nodes.csv", "plant,0,0,2,", "plant,0,0,,", "row 2 column lead_time", "no lane leads to 'plant': expected"),
    ("nodes.csv", "south,6,4", "south,,", "lanes.csv row 4 column distance", "no coordinates of both ends: expected"),
]  # fmt: skip


@pytest.mark.parametrize(("file", "old", "new", "place", "said"), [(*row[:4], row[4:]) for row in BAD_CELLS])
def test_a_bad_cell_is_one_line_with_its_place_and_what_was_expected(tmp_path, file, old, new, place, said):
    folder = written(tmp_path, **{file.removesuffix(".csv"): altered(file, old, new)})
    place = place if ".csv" in place else f"{file} {place}"
    (message,) = [m for m in errors_in(folder) if m.startswith(f"small/{place.split()[0]}")]
    assert message.startswith(f"small/{place}: ")
    assert [part for part in said if part not in message] == []


BAD_SETTINGS = [
    ("horizon = 30\n", "", "column simulation.horizon: missing: expected a whole number of periods, at least 1"),
    ("horizon = 30", "horizon = 0", "column simulation.horizon: 0: expected a whole number"),
    ("horizon = 30", "horizon = 30.5", "column simulation.horizon: 30.5: expected a whole number"),
    ("horizon = 30", "horizon = true", "column simulation.horizon: True: expected a whole number"),
    ("horizon = 30", 'horizon = "30"', "column simulation.horizon: '30': expected a whole number"),
    ("warm_up = 6", "warm_up = -1", "column simulation.warm_up: -1: expected a whole number of periods, at least 0"),
    ("warm_up = 6", "warm_up = 6\nwarmup = 6", "unknown setting simulation.warmup: did you mean 'warm_up'?"),
    ("title =", "titel =", "unknown setting 'titel': did you mean 'title'?"),
    ("rate = 0.5", "rate = -1", "column transport.rate: -1: expected a number of money"),
    ("rate = 0.5", "rate = nan", "column transport.rate: nan: expected a number of money"),
    ("rate = 0.5", 'rate = "cheap"', "column transport.rate: 'cheap': expected a number of money"),
    ("horizon = 30", "horizon = = 30", "not readable as TOML: "),
    ("[simulation]\n", "[simulation\n", "not readable as TOML: "),
    ("[transport]\nrate = 0.5", "[transport]\nrate = 0.5\n[transport]", "not readable as TOML: "),
]


@pytest.mark.parametrize(("old", "new", "said"), BAD_SETTINGS)
def test_a_bad_setting_is_one_line(tmp_path, old, new, said):
    (message,) = errors_in(written(tmp_path, case=altered("case.toml", old, new)))
    assert message.startswith("small/case.toml")
    assert said in message


@pytest.mark.parametrize("setting", ["simulation = 30", "transport = 0.5", 'units = "day"', "units = 3"])
def test_a_setting_in_place_of_a_table_of_settings_is_refused(tmp_path, setting):
    time = "" if setting.startswith("simulation") else "[simulation]\nhorizon = 30\nwarm_up = 6\n"
    messages = errors_in(written(tmp_path, case=f"{setting}\n{time}"))
    assert all(message.startswith("small/case.toml") for message in messages)


@pytest.mark.parametrize("file", GOOD)
def test_a_missing_file_is_named_with_what_it_should_hold(tmp_path, file):
    messages = errors_in(written(tmp_path, **{file.split(".", maxsplit=1)[0]: None}))
    assert [message for message in messages if message.startswith(f"small/{file}: file missing: expected ")]


@pytest.mark.parametrize("file", [name for name in GOOD if name.endswith(".csv")])
def test_an_empty_file_lacks_its_columns(tmp_path, file):
    messages = errors_in(written(tmp_path, **{file.removesuffix(".csv"): ""}))
    first_column = GOOD[file].split(",", maxsplit=1)[0]
    assert f"small/{file} row 1 column {first_column}: column missing from the header: expected it there" in messages


@pytest.mark.parametrize("file", ["nodes.csv", "demand.csv"])
def test_a_table_with_a_header_alone_has_no_rows(tmp_path, file):
    messages = errors_in(written(tmp_path, **{file.removesuffix(".csv"): GOOD[file].splitlines()[0] + "\n"}))
    assert f"small/{file}: no rows: expected at least one below the header" in messages


@pytest.mark.parametrize("file", [name for name in GOOD if name.endswith(".csv")])
@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_a_table_that_is_not_utf_8_is_refused(tmp_path, file, encoding):
    content = GOOD[file].replace("north", "nörd").encode(encoding)
    messages = errors_in(written(tmp_path, **{file.removesuffix(".csv"): content}))
    assert messages[0].startswith(f"small/{file}: not readable as UTF-8")


def test_settings_that_are_not_utf_8_are_refused(tmp_path):
    messages = errors_in(written(tmp_path, case=GOOD["case.toml"].replace("depot", "dépôt").encode("latin-1")))
    assert messages[0].startswith("small/case.toml: not readable as TOML")


def test_a_missing_column_is_named(tmp_path):
    (message,) = errors_in(written(tmp_path, lanes="from,to\nplant,depot\n"))
    assert message == "small/lanes.csv row 1 column lead_time: column missing from the header: expected it there"


def test_an_unknown_column_is_named_with_the_one_meant(tmp_path):
    (message,) = errors_in(written(tmp_path, lanes="from,to,leadtime,lead_time\nplant,depot,1,1\n"))
    assert message == "small/lanes.csv row 1 column leadtime: unknown column 'leadtime': did you mean 'lead_time'?"


def test_a_column_that_occurs_twice_is_named(tmp_path):
    (message,) = errors_in(written(tmp_path, lanes="from,to,lead_time,to\nplant,depot,1,north\n"))
    assert message == "small/lanes.csv row 1: column 'to' occurs 2 times: expected once"


@pytest.mark.parametrize("mark", [".", ","])
def test_tables_separated_by_semicolons_may_have_decimal_commas(tmp_path, mark):
    changed = {stem: GOOD[f"{stem}.csv"].replace(",", ";").replace(".", mark) for stem in ("nodes", "lanes", "demand")}
    (tmp_path / "plain").mkdir()
    assert read_case(written(tmp_path, **changed)) == read_case(written(tmp_path / "plain"))


def test_a_comma_among_thousands_is_no_decimal_comma(tmp_path):
    table = GOOD["demand.csv"].replace(",", ";").replace(";20;", ";1,000,000;")
    (message,) = errors_in(written(tmp_path, demand=table))
    assert "demand.csv row 2 column mean: '1,000,000': expected a number" in message


def test_a_customer_that_nothing_supplies_is_named(tmp_path):
    folder = written(
        tmp_path,
        nodes=GOOD["nodes.csv"] + "west,0,4,,2,,,,18\n",
        demand=GOOD["demand.csv"] + "west,normal,10,3\n",
    )
    (message,) = errors_in(folder)
    assert message.startswith("small/nodes.csv row 6 column lead_time: blank, and no lane leads to 'west': expected")


@pytest.mark.parametrize(
    ("added", "around", "rows"),
    [
        ("depot,depot,1\n", {"depot"}, "5"),
        ("south,depot,1\n", {"depot", "south"}, "4, 5"),
        ("south,north,1\nnorth,depot,1\n", {"depot", "south", "north"}, None),
        ("north,south,1\nsouth,depot,1\n", {"depot", "south", "north"}, None),
        ("north,west,1\nwest,south,0\nsouth,depot,1\n", {"depot", "south", "north", "west"}, None),
    ],
    ids=["to itself", "of two", "of two or three", "of two or three, the other way", "of two or four"],
)
def test_a_cycle_is_named_with_the_rows_of_its_lanes(tmp_path, added, around, rows):
    nodes = GOOD["nodes.csv"] + "west,0,4,,2,,,,18\n" if "west" in added else GOOD["nodes.csv"]
    (message,) = errors_in(written(tmp_path, lanes=GOOD["lanes.csv"] + added, nodes=nodes))
    assert message.startswith("small/lanes.csv row ")
    named = set(message.split("cycle ")[1].split(":")[0].split(" -> "))
    assert "depot" in named <= around
    assert rows is None or message.endswith(f"lanes in rows {rows}")


def test_a_cycle_of_three_is_named_in_the_direction_of_its_lanes(tmp_path):
    lanes = "from,to,lead_time\nplant,depot,1\ndepot,north,1\nnorth,south,1\nsouth,depot,1\n"
    (message,) = errors_in(written(tmp_path, lanes=lanes))
    assert "lanes in rows 3, 4, 5" in message
    assert "depot -> north -> south -> depot" in message or "north -> south -> depot -> north" in message


def test_all_errors_of_all_files_come_at_once_with_the_lines_of_the_files(tmp_path):
    folder = written(
        tmp_path,
        case=altered("case.toml", "horizon = 30", "horizon = 0"),
        nodes=altered("nodes.csv", "south,6,4,,2", "\n\nsouth,6,4,,two"),
        lanes="from,to,lead_time\n\nplant,depot,soon\n,,\n\nplant,depot,-1\nplant,depot,1,1\ndepot,nowhere,1\n",
        demand="node,distribution,mean,sd\n\nnorth,uniform,20,5\n\n\nsouth,normal,x,y\n",
    )
    places = [message.split(": ")[0] for message in errors_in(folder)]
    for place in [
        "case.toml column simulation.horizon",
        "nodes.csv row 7 column holding_cost",
        "lanes.csv row 3 column lead_time",
        "lanes.csv row 6 column lead_time",
        "lanes.csv row 7",
        "lanes.csv row 8 column to",
        "demand.csv row 3 column distribution",
        "demand.csv row 6 column mean",
        "demand.csv row 6 column sd",
    ]:
        assert f"small/{place}" in places


def test_rows_are_lines_of_the_file_also_below_a_cell_with_a_line_break(tmp_path):
    nodes = GOOD["nodes.csv"].replace("node,x", "node,kind,x").replace("plant,0", 'plant,"big\nplant",0')
    nodes = nodes.replace("depot,3", "depot,,3").replace("north,3", "north,,three").replace("south,6", "south,,6")
    messages = errors_in(written(tmp_path, nodes=nodes))
    assert messages[0].startswith("small/nodes.csv row 5 column x: 'three'")


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("depot,3,4,,1.5", "depot,3,4,,cheap", "row 3 column holding_cost"),
        ("depot,3,4,", "depot,3,west,", "row 3 column y"),
        ("overflow_cost", "overflow_costs", "row 1 column overflow_costs"),
    ],
    ids=["cost", "coordinate", "header"],
)
def test_one_error_among_the_nodes_does_not_count_against_the_other_tables(tmp_path, old, new, place):
    messages = errors_in(written(tmp_path, nodes=altered("nodes.csv", old, new)))
    assert [message.split(": ")[0] for message in messages] == [f"small/nodes.csv {place}"]


@pytest.mark.parametrize(
    "change",
    [
        lambda text: "\ufeff" + text,
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.removesuffix("\n"),
        lambda text: text + "\n\n",
        lambda text: text.replace("\n", "\n\n"),
    ],
    ids=["byte-order mark", "CRLF", "no line break at the end", "blank lines at the end", "blank lines between"],
)
def test_what_spreadsheets_do_to_a_file_is_accepted(tmp_path, change):
    changed = {name.split(".", maxsplit=1)[0]: change(text) for name, text in GOOD.items()}
    (tmp_path / "plain").mkdir()
    assert read_case(written(tmp_path, **changed)) == read_case(written(tmp_path / "plain"))


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace(",", " , "),
        lambda text: text.replace("\n", ",,\n"),
        lambda text: text.replace("\n", "\n,,,\n"),
        lambda text: text.replace("\n", "\n   \n"),
        lambda text: text.replace("\n", "\n , ,\t\n"),
    ],
    ids=["blanks around cells", "empty cells beyond the header", "empty rows", "lines of blanks", "rows of blanks"],
)
def test_what_spreadsheets_do_to_a_table_is_accepted(tmp_path, change):
    header, _, rows = GOOD["lanes.csv"].partition("\n")
    (tmp_path / "plain").mkdir()
    assert read_case(written(tmp_path, lanes=f"{header}\n{change(rows)}")) == read_case(written(tmp_path / "plain"))


def test_names_keep_inner_blanks_and_lose_outer_ones(tmp_path):
    files = {
        name.removesuffix(".csv"): text.replace("depot", "  main  depot ")
        for name, text in GOOD.items()
        if name.endswith(".csv")
    }
    assert "main  depot" in read_case(written(tmp_path, **files)).network.order


def test_a_case_that_does_not_exist_is_named_with_the_one_meant():
    with pytest.raises(CaseError, match=r"case 'thirteen-nodes': no such folder .* did you mean 'thirteen-node'\?"):
        load_case("thirteen-nodes")


def test_a_file_in_place_of_a_folder_is_refused(tmp_path):
    with pytest.raises(CaseError, match="no such folder"):
        load_case(written(tmp_path) / "case.toml")


EDITS = st.lists(
    st.tuples(
        st.sampled_from(sorted(GOOD)),
        st.integers(0, 400),
        st.integers(0, 12),
        st.text(st.sampled_from(list(",;\n\r\"'-.=[]{}#0159eninfaxy \t\0\ufeffé")), max_size=6),
    ),
    min_size=1,
    max_size=4,
)


@settings(max_examples=300)
@given(edits=EDITS)
def test_no_typing_error_ends_in_anything_but_a_case_or_a_case_error(edits):
    files = dict(GOOD)
    for name, place, dropped, inserted in edits:
        files[name] = files[name][:place] + inserted + files[name][place + dropped :]
    by_stem = {name.split(".", maxsplit=1)[0]: text for name, text in files.items()}
    with tempfile.TemporaryDirectory() as folder:
        try:
            outcome = read_case(written(Path(folder), **by_stem))
        except CaseError as refused:
            outcome = refused
    assert isinstance(outcome, Case) or all(message.startswith("small/") for message in outcome.messages)


NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=8).filter(
    lambda name: name == name.strip()
)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
AMOUNTS = st.floats(0.0, 1e9)
COORDINATES = dict.fromkeys(("x", "y"), st.floats(-1e6, 1e6))
DEGREES = {"latitude": st.floats(-90.0, 90.0), "longitude": st.floats(-180.0, 180.0)}
DEMANDS = st.one_of(
    st.builds(NormalDemand, AMOUNTS, AMOUNTS),
    st.builds(PoissonDemand, st.floats(1e-3, 1e6)),
    st.builds(GammaDemand, st.floats(1e-3, 1e6), st.floats(1e-3, 1e6)),
)


@st.composite
def cases(draw) -> Case:
    """A random tree with any names, texts, amounts and coordinates that a case may have."""
    tree = random_tree(np.random.default_rng(draw(st.integers(0, 2**32 - 1))), draw(st.integers(2, 6)))
    old = [node.name for node in tree.network.nodes]
    new = dict(zip(old, draw(st.lists(NAMES, min_size=len(old), max_size=len(old), unique=True)), strict=True))
    nodes = [
        replace(
            node,
            name=new[node.name],
            kind=draw(NAMES | st.just("")),
            **draw(st.sampled_from([{}, COORDINATES, DEGREES]).flatmap(st.fixed_dictionaries)),
            capacity=draw(AMOUNTS | st.just(inf)),
            max_lead_time=draw(st.just(inf) | st.floats(10.0, 99.0)),
            holding_quadratic=draw(AMOUNTS),
            fixed_cost=draw(AMOUNTS),
        )
        for node in tree.network.nodes
    ]
    lanes = [
        replace(
            lane,
            origin=new[lane.origin],
            destination=new[lane.destination],
            distance=draw(AMOUNTS),
            fixed_cost=draw(AMOUNTS),
            status=draw(st.sampled_from(["", "open"])),
        )
        for lane in tree.network.lanes
    ]
    made = make_case(nodes, lanes, {new[name]: draw(DEMANDS) for name in tree.demand}, tree.horizon, tree.warm_up)
    units = draw(st.dictionaries(TEXTS, TEXTS, max_size=3))
    kinds = sorted({node.kind for node in nodes if node.kind})
    limits = {kind: SiteLimit(draw(st.integers(0, 1)), draw(st.integers(1, 9) | st.just(inf))) for kind in kinds}
    years = draw(st.none() | st.floats(1e-3, 1e4))
    return replace(made, name=draw(NAMES), title=draw(TEXTS), units=units, site_limits=limits, periods_per_year=years)


@given(case=cases())
def test_a_case_survives_writing_and_reading(case):
    with tempfile.TemporaryDirectory() as folder:
        save_case(case, Path(folder))
        assert load_case(folder) == case


@pytest.mark.parametrize("name", case_names())
def test_a_shipped_case_survives_writing_and_reading(name, tmp_path):
    case = load_case(name)
    save_case(case, tmp_path / "once")
    again = load_case(tmp_path / "once")
    save_case(again, tmp_path / "twice")
    assert again == case
    for file in GOOD:
        assert (tmp_path / "once" / file).read_bytes() == (tmp_path / "twice" / file).read_bytes()


@pytest.mark.parametrize(
    "name", ['a,b', 'say "a"', "'a'", "a;b", "Zürich", "東京", "𝄞", "a b", "#a", "1e5", "nan", "=A1", "-"]
)  # fmt: skip
def test_any_name_of_a_node_survives(name, tmp_path):
    case = make_case(
        [Node("plant", lead_time=1), Node(name, holding_cost=1.0)],
        [Lane("plant", name, 0, unit_cost=0.25)],
        {name: NormalDemand(1.0, 0.5)},
    )
    save_case(case, tmp_path)
    assert load_case(tmp_path) == case


def test_numbers_of_numpy_survive(tmp_path):
    nodes = [Node("plant", lead_time=1, holding_cost=np.float64(0.1)), Node("shop", backorder_cost=np.float64(2.5))]
    lanes = [Lane("plant", "shop", int(np.int64(1)), unit_cost=np.float64(0.3))]
    case = make_case(nodes, lanes, {"shop": NormalDemand(np.float64(1.1), np.float64(0.5))})
    save_case(case, tmp_path)
    assert load_case(tmp_path) == case


def test_a_case_without_lanes_survives(tmp_path):
    save_case(one_node(), tmp_path)
    assert load_case(tmp_path) == one_node()


def test_columns_that_hold_only_defaults_are_left_out(tmp_path):
    save_case(one_node(), tmp_path)
    assert (tmp_path / "nodes.csv").read_text() == "node,lead_time,holding_cost,backorder_cost\nshop,2,1.0,9.0\n"


RULES = {
    "case": GOOD["case.toml"].replace("warm_up = 6", "warm_up = 6\nperiods_per_year = 52")
    + "\n[sites.depot]\nmin_open = 1\nmax_open = 1\n",
    "nodes": """\
node,kind,latitude,longitude,lead_time,holding_cost,backorder_cost,capacity,status,max_distance,max_lead_time
plant,plant,52.52,13.405,2,1,,,open,,
depot,depot,48.137,11.575,,1.5,,35.5,,600,3
other,depot,50.11,8.68,,1.5,,,closed,,
north,,53.55,9.993,,2,18,,,,
south,,47.378,8.54,,2,18,,,500,
""",
    "lanes": """\
from,to,lead_time,status
plant,depot,1,open
plant,other,1,
depot,north,1,
depot,south,2,
other,south,2,
""",
}


def test_rules_are_read_and_survive_writing(tmp_path):
    case = read_case(written(tmp_path, **RULES))
    assert case.periods_per_year == 52.0
    assert case.site_limits == {"depot": SiteLimit(1, 1)}
    depot = case.network.node("depot")
    assert (depot.capacity, depot.max_distance, depot.max_lead_time) == (35.5, 600.0, 3.0)
    assert case.network.node("plant").status == "open"
    assert case.network.lane(("plant", "depot")).status == "open"
    assert {lane.pair for lane in case.network.lanes} - {lane.pair for lane in case.network.usable_lanes} == {
        ("plant", "other"),
        ("other", "south"),
    }
    save_case(case, tmp_path / "again")
    assert read_case(tmp_path / "again") == case


def test_distances_follow_the_great_circle(tmp_path):
    case = read_case(written(tmp_path, **RULES))
    assert case.network.lane(("plant", "depot")).distance == pytest.approx(504.0, abs=1.5)  # Berlin to Munich, km
    assert case.network.lane(("plant", "depot")).unit_cost == pytest.approx(0.5 * 504.0, abs=1.0)


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("nodes", ",open,,", ",opened,,", "nodes.csv row 2 column status: 'opened': did you mean 'open'?"),
        (
            "nodes",
            "35.5",
            "-1",
            "nodes.csv row 3 column capacity: '-1': expected a number of units",
        ),
        ("nodes", "52.52", "152", "nodes.csv row 2 column latitude: '152': expected a number of degrees, at least -90"),
        ("nodes", "52.52", "", "nodes.csv row 2 column latitude: blank: expected a number beside longitude"),
        (
            "nodes",
            "north,,53.55,9.993,,2,18,,,",
            "north,,53.55,9.993,,2,18,,closed,",
            "nodes.csv row 5 column status: 'closed' for 'north', which has demand",
        ),
        (
            "lanes",
            "depot,south,2,",
            "depot,south,2,closed",
            "demand.csv row 3 column node: no path of usable lanes leads to 'south'",
        ),
        (
            "lanes",
            "plant,other,1,",
            "plant,other,1,open",
            "lanes.csv row 3 column status: 'open' for plant -> other, closed at an end or too long",
        ),
        (
            "case",
            "min_open = 1\nmax_open = 1",
            "min_open = 3",
            "column sites.depot.min_open: 3: expected at most",
        ),
        (
            "case",
            "max_open = 1",
            "max_open = 0",
            "column sites.depot.max_open: 0: expected at least min_open",
        ),
        (
            "case",
            "[sites.depot]",
            "[sites.depots]",
            "column sites.depots: unknown kind 'depots': did you mean",
        ),
        (
            "case",
            "min_open",
            "min_opened",
            "unknown setting sites.depot.min_opened: did you mean",
        ),
        ("case", "max_open = 1", "max_open = 1.5", "sites.depot.max_open: 1.5: expected a whole number of nodes"),
        ("case", "periods_per_year = 52", "periods_per_year = 0", "simulation.periods_per_year: 0: expected a number"),
    ],
)
def test_a_rule_that_contradicts_itself_or_the_network_is_one_line(tmp_path, file, old, new, said):
    assert old in RULES[file]
    with pytest.raises(CaseError) as caught:
        read_case(written(tmp_path, **{**RULES, file: RULES[file].replace(old, new, 1)}))
    assert len(caught.value.messages) == 1
    assert said in caught.value.messages[0]


def test_a_limit_of_distance_needs_distances(tmp_path):
    nodes = GOOD["nodes.csv"].replace("backorder_cost\n", "backorder_cost,max_distance\n").replace("18\n", "18,5\n")
    nodes = nodes.replace("3,8", ",")
    lanes = "from,to,lead_time,unit_cost\nplant,depot,1,1\ndepot,north,1,1\ndepot,south,2,1\n"
    with pytest.raises(CaseError, match=r"lanes.csv row 3 column distance: blank, and 'north' has a max_distance"):
        read_case(written(tmp_path, nodes=nodes, lanes=lanes))
