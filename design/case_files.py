"""Case files to a validated `Case` and back; the format is described in cases/README.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from importlib import resources
from math import inf
from pathlib import Path
from typing import Any

from design.case import Case, CaseError
from design.case_rules import check_coordinates, check_rules
from design.case_settings import Settings, format_settings, read_settings
from design.cells import (
    choice_parser,
    number_parser,
    parse_count,
    parse_open_share,
    parse_periods,
    parse_positive,
    parse_text,
)
from design.demand_files import DemandSources, demand_rows, read_correlation, save_demand_files
from design.distance import distance_between
from design.errors import CycleInNetworkError, expected_one_of
from design.network import Network
from design.node import Lane, Node
from design.planning.files import read_planning, save_planning
from design.products import Tables, spread_products, with_storage_rows
from design.records import lane_record, point_record
from design.season_files import MEAN, read_demand
from design.seasons import Season, in_season, with_seasons
from design.supply_files import read_supply, save_supply
from design.tables import Column, Problems, Record, read_table, write_table
from design.workbook import read_workbook

_PRODUCT = Column("product", parse_text, "")
_LAYER = {"product": "", "season": ""}
_RATE = number_parser(0.0, "money")
_EMISSION = number_parser(0.0, "units of emission")
NODE_COLUMNS = (
    Column("node", parse_text, "", required=True),
    _PRODUCT,
    Column("kind", parse_text, ""),
    Column("x", number_parser()),
    Column("y", number_parser()),
    Column("lead_time", parse_periods),
    Column("holding_cost", _RATE, 0.0),
    Column("holding_quadratic", number_parser(0.0, "money (a negative one is not convex)"), 0.0),
    Column("storage_capacity", number_parser(0.0, "units"), inf),
    Column("overflow_cost", number_parser(0.0, "money (a negative one is not convex)"), 0.0),
    Column("backorder_cost", _RATE, 0.0),
    Column("fixed_cost", _RATE, 0.0),
    Column("capacity", number_parser(0.0, "units per period"), inf),
    Column("status", choice_parser("open", "closed"), ""),
    Column("max_distance", number_parser(0.0, "units of distance"), inf),
    Column("max_lead_time", number_parser(0.0, "periods"), inf),
    Column("latitude", number_parser(-90.0, "degrees", 90.0)),
    Column("longitude", number_parser(-180.0, "degrees", 180.0)),
    Column("pack_size", number_parser(0.0, "units"), 0.0),
    Column("site_emission", _EMISSION, 0.0),
    Column("holding_emission", _EMISSION, 0.0),
    Column("service_target", parse_open_share),
    Column("production_capacity", parse_positive, inf),
    Column("review_period", parse_count, 1),
)
LANE_COLUMNS = (
    Column("from", parse_text, "", required=True),
    Column("to", parse_text, "", required=True),
    _PRODUCT,
    Column("lead_time", parse_periods, 0, required=True),
    Column("distance", number_parser(0.0, "units of distance")),
    Column("unit_cost", _RATE),
    Column("fixed_cost", _RATE, 0.0),
    Column("pipeline_holding_cost", _RATE, 0.0),
    Column("status", choice_parser("open", "closed"), ""),
    Column("emission", _EMISSION),
    Column("input", parse_text, ""),
    Column("quantity", parse_positive, 1.0),
    Column("input_holding_cost", _RATE),
)
DEMAND_COLUMNS = (
    Column("node", parse_text, "", required=True),
    _PRODUCT,
    Column("season", parse_text, ""),
    Column("distribution", parse_text, "", required=True),
    Column("mean", MEAN),
    Column("sd", number_parser(0.0, "units per period")),
    Column("probability", number_parser(0.0, "", 1.0)),
    Column("history", parse_text, ""),
    Column("block", parse_count),
    Column("autocorrelation", number_parser(-1.0, "", 1.0)),
    Column("profile", parse_text, ""),
)


def case_names() -> tuple[str, ...]:
    """Names of the shipped cases."""
    root = resources.files("cases")
    return tuple(sorted(entry.name for entry in root.iterdir() if (entry / "case.toml").is_file()))


def load_case(name_or_path: str | Path) -> Case:
    """Read and check a case.

    Parameters
    ----------
    name_or_path
        A shipped case's name, the path of a case folder, or that of a .xlsx workbook.

    Raises
    ------
    CaseError
        Listing every error found, one line each.
    """
    path = Path(name_or_path)
    if path.suffix.lower() == ".xlsx":
        if not path.is_file():
            raise CaseError((f"case {str(name_or_path)!r}: no such file",))
        return read_workbook(path, read_case)
    return read_case(_locate(str(name_or_path)))


def _locate(name: str) -> Path:
    if Path(name).is_dir():
        return Path(name)
    if name in case_names():
        with resources.as_file(resources.files("cases") / name) as folder:
            return folder
    raise CaseError((f"case {name!r}: no such folder or shipped case; {expected_one_of(name, case_names())}",))


def read_case(folder: Path) -> Case:
    """Read and check the case in a folder; raises `CaseError` with every error found."""
    problems = Problems()
    settings = read_settings(folder / "case.toml", problems)
    node_rows = read_table(folder / "nodes.csv", NODE_COLUMNS, problems)
    lane_rows = read_table(folder / "lanes.csv", LANE_COLUMNS, problems, may_be_empty=True)
    demand_rows = read_table(folder / "demand.csv", DEMAND_COLUMNS, problems)
    for row in node_rows:
        check_coordinates(row, problems)
    are_known = _are_known(node_rows, lane_rows, demand_rows, problems)
    if are_known:
        spread = spread_products(Tables(node_rows, lane_rows, demand_rows), settings.unit_sizes, problems)
        node_rows, lane_rows, demand_rows = spread.nodes, spread.lanes, spread.demand
    nodes = {row.text("node"): _node(row) for row in node_rows}
    if _names_are_sound(node_rows, lane_rows, demand_rows, problems) and are_known:
        _check_structure(node_rows, lane_rows, problems)
    lanes = [_lane(row, nodes, settings, problems) for row in lane_rows]
    sources = DemandSources.of(folder, demand_rows, problems)
    by_season = read_demand(demand_rows, settings.seasons, problems, sources)
    _refuse(folder, problems)
    correlation = read_correlation(folder, by_season, problems)
    _refuse(folder, problems)
    network = Network(tuple(nodes.values()), tuple(lanes), tuple(by_season))
    supply = read_supply(folder, settings.allocation, network, settings.horizon, problems)
    planning = read_planning(folder, settings.planning, network, settings.horizon, problems)
    check_rules(network, settings, node_rows, lane_rows, demand_rows, problems)
    _refuse(folder, problems)
    if settings.seasons:
        network = with_seasons(network, by_season, settings.seasons)
        demand = {in_season(name, s): d for name, demands in by_season.items() for s, d in demands.items()}
    else:
        demand = {name: demands[""] for name, demands in by_season.items()}
    return Case(
        settings.name,
        settings.title,
        network,
        demand,
        settings.horizon,
        settings.warm_up,
        settings.units,
        settings.site_limits,
        settings.periods_per_year,
        settings.sourcing,
        settings.emissions,
        settings.staged,
        correlation,
        supply,
        settings.tactical,
        planning,
    )


def _refuse(folder: Path, problems: Problems) -> None:
    if problems.messages:
        raise CaseError(tuple(f"{folder.name}/{message}" for message in problems.messages))


def _node(row: Record) -> Node:
    values = {key: value for key, value in row.values.items() if key != "node"}
    return Node(name=row.text("node"), **values)  # type: ignore[arg-type]


def _lane(row: Record, nodes: Mapping[str, Node], settings: Settings, problems: Problems) -> Lane:
    origin, destination = row.text("from"), row.text("to")
    distance, unit_cost = row.optional_number("distance"), row.optional_number("unit_cost")
    emission = row.optional_number("emission")
    if distance is None and origin in nodes and destination in nodes:
        distance = distance_between(nodes[origin], nodes[destination])
    rates = ((unit_cost, settings.rate), (emission, settings.emission_rate))
    unknown = distance is None and any(own is None and rate is not None for own, rate in rates)
    if unknown and not problems.in_row("lanes.csv", row) and not problems.in_file("nodes.csv"):
        problems.add(
            "lanes.csv",
            "blank, and no coordinates of both ends: expected a number, at least 0",
            row.line,
            "distance",
        )
    if unit_cost is None:
        unit_cost = (settings.rate or 0.0) * (distance or 0.0)
    if emission is None:
        emission = (settings.emission_rate or 0.0) * (distance or 0.0)
    return Lane(
        origin,
        destination,
        int(row.number("lead_time")),
        unit_cost,
        distance,
        row.number("fixed_cost"),
        row.number("pipeline_holding_cost"),
        row.text("status"),
        emission,
        row.text("input"),
        row.number("quantity"),
        row.optional_number("input_holding_cost"),
    )


def _names_are_sound(
    node_rows: Sequence[Record], lane_rows: Sequence[Record], demand_rows: Sequence[Record], problems: Problems
) -> bool:
    """Check that names are unique and known; False where the network's structure cannot be looked at."""
    before = len(problems.messages)
    known = {row.text("node") for row in node_rows}
    _check_unique("nodes.csv", [(row, _label(row, row.text("node"))) for row in node_rows], "node", problems)
    sound_lanes = [row for row in lane_rows if row.text("from") and row.text("to")]
    pairs = [(row, _label(row, f"{row.text('from')} -> {row.text('to')}")) for row in sound_lanes]
    _check_unique("lanes.csv", pairs, "lane", problems)
    _check_unique("demand.csv", [(row, _label(row, row.text("node"))) for row in demand_rows], "demand of", problems)
    complete = bool(lane_rows) or not problems.in_file("lanes.csv")
    named = all(known) and len(sound_lanes) == len(lane_rows)
    return bool(known) and complete and named and len(problems.messages) == before


def _label(row: Record, name: str) -> str:
    """What must be unique in a table: a name, with a product where the row has one."""
    parts = [("product", row.text("product")), ("season", str(row.values.get("season", "")))]
    return "".join((name, *(f", {what} {value}" for what, value in parts if name and value)))


def _are_known(
    node_rows: Sequence[Record], lane_rows: Sequence[Record], demand_rows: Sequence[Record], problems: Problems
) -> bool:
    """Check that lanes and demand name nodes that there are."""
    before = len(problems.messages)
    known = {row.text("node") for row in node_rows}
    if known:
        _check_known("lanes.csv", lane_rows, ("from", "to"), known, problems)
        _check_known("demand.csv", demand_rows, ("node",), known, problems)
    return len(problems.messages) == before


def _check_unique(file: str, keyed: list[tuple[Record, str]], what: str, problems: Problems) -> None:
    first: dict[str, int] = {}
    for row, key in keyed:
        if key and key in first:
            problems.add(file, f"duplicate {what} {key!r}: expected once, first in row {first[key]}", row.line)
        first.setdefault(key, row.line)


def _check_known(
    file: str, rows: Sequence[Record], columns: tuple[str, ...], known: set[str], problems: Problems
) -> None:
    for row in rows:
        for column in columns:
            name = row.text(column)
            if name and name not in known:
                what = f"unknown node {name!r}: {expected_one_of(name, sorted(known))}"
                problems.add(file, what, row.line, column)


def _check_structure(node_rows: Sequence[Record], lane_rows: Sequence[Record], problems: Problems) -> None:
    """Lead times of sources and of nothing else, and cycles."""
    supplied = {row.text("to") for row in lane_rows}
    for row in node_rows:
        name, lead_time = row.text("node"), row.values["lead_time"]
        if problems.in_row("nodes.csv", row):
            continue
        if name not in supplied and lead_time is None:
            what = f"blank, and no lane leads to {name!r}: expected a lane, or the lead time of an outside supply"
            problems.add("nodes.csv", what, row.line, "lead_time")
        if name in supplied and lead_time is not None:
            what = f"{lead_time} for {name!r}, which lanes supply: expected a blank (only sources have one)"
            problems.add("nodes.csv", what, row.line, "lead_time")
    names = tuple(Node(row.text("node"), lead_time=0) for row in node_rows)
    lanes = tuple(Lane(row.text("from"), row.text("to"), 0) for row in lane_rows)
    try:
        Network(names, lanes, ())
    except CycleInNetworkError as error:
        around = set(zip(error.cycle, error.cycle[1:], strict=False))
        lines = [row.line for row in lane_rows if (row.text("from"), row.text("to")) in around]
        problems.add("lanes.csv", f"{error}: expected none; lanes in rows {', '.join(map(str, lines))}", lines[0])


def save_case(case: Case, folder: Path) -> None:
    """Write a case so that `load_case` returns an equal one; columns that hold only defaults are left out.

    Parameters
    ----------
    case
        What to write.
    folder
        Made if need be; files of the same names are overwritten.
    """
    folder.mkdir(parents=True, exist_ok=True)
    settings = Settings(
        case.name,
        case.title,
        case.horizon,
        case.warm_up,
        units=case.units,
        site_limits=case.site_limits,
        periods_per_year=case.periods_per_year,
        sourcing=case.sourcing,
        unit_sizes={n.product: n.unit_size for n in case.network.nodes if n.unit_size != 1.0},
        emissions=case.emissions,
        seasons=_seasons(case),
        staged=case.staged,
        allocation=case.supply.allocation,
        tactical=case.tactical,
        planning=case.planning.settings,
    )
    (folder / "case.toml").write_text(format_settings(settings), encoding="utf-8")
    network, first = case.network, case.network.seasons[:1] or ("",)
    nodes = [{**_values(n), **point_record(network, n.name)} for n in network.nodes if n.season in first]
    lanes = [
        {**_values(k), "emission": k.emission or None, **lane_record(network, k.pair)}
        for k in network.lanes
        if network.node(k.destination).season in first
    ]
    demand = demand_rows(network, case.demand, save_demand_files(folder, network, case.demand, case.correlation))
    write_table(folder / "nodes.csv", NODE_COLUMNS, with_storage_rows(nodes, _values(Node(""))))
    write_table(folder / "lanes.csv", LANE_COLUMNS, lanes)
    write_table(folder / "demand.csv", DEMAND_COLUMNS, demand)
    save_supply(folder, case.supply)
    save_planning(folder, case.planning)


def _seasons(case: Case) -> tuple[Season, ...]:
    shares = {node.season: node.share for node in case.network.nodes if node.season}
    return tuple(Season(name, round(share * case.horizon)) for name, share in shares.items())


def _values(record: Node | Lane) -> dict[str, Any]:
    return {**_LAYER, **{f.name: getattr(record, f.name) for f in fields(record)}}
