"""Tables of planning beside nodes.csv and lanes.csv: read, checked and written."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict
from pathlib import Path

from design.cells import choice_parser, number_parser, parse_count, parse_periods, parse_text, parse_whole
from design.errors import expected_one_of
from design.network import Network
from design.planning.data import (
    PATTERNS,
    SHAPES,
    Breakdown,
    DemandShock,
    FamilyCapacity,
    Operation,
    PlanningData,
    Sku,
)
from design.planning.settings import PlanningSettings
from design.supply_files import read_places
from design.tables import Column, Problems, Record, read_table, write_table

SKUS, OPERATIONS, CAPACITIES = "skus.csv", "operations.csv", "capacities.csv"
SHOCKS, BREAKDOWNS = "shocks.csv", "breakdowns.csv"
_MONEY = number_parser(0.0, "money")
_UNITS = number_parser(0.0, "units")
_PROBABILITY = number_parser(0.0, "", 1.0)
_MONEY_COLUMNS = ("order_cost", "lost_sale_cost", "cancellation_cost", "obsolescence_cost", "unit_cost")
_UNIT_COLUMNS = ("min_order", "lot_size")
_BOUND_COLUMNS = ("least_stock", "most_stock")
SKU_COLUMNS = (
    Column("product", parse_text, "", required=True),
    Column("family", parse_text, ""),
    Column("pattern", choice_parser(*PATTERNS), ""),
    Column("service_window", parse_periods),
)
OPERATION_COLUMNS = (
    Column("node", parse_text, "", required=True),
    Column("product", parse_text, ""),
    *(Column(name, _MONEY, 0.0) for name in _MONEY_COLUMNS),
    *(Column(name, _UNITS, 0.0) for name in _UNIT_COLUMNS),
    *(Column(name, parse_whole) for name in _BOUND_COLUMNS),
)
CAPACITY_COLUMNS = (
    Column("node", parse_text, "", required=True),
    Column("family", parse_text, ""),
    Column("capacity", number_parser(0.0, "units per period")),
    Column("load", number_parser(0.0)),
)
SHOCK_COLUMNS = (
    Column("family", parse_text, ""),
    Column("product", parse_text, ""),
    Column("start", parse_count, 1, required=True),
    Column("end", parse_count, 1, required=True),
    Column("size", number_parser(-1.0, "a share of demand"), 0.0, required=True),
    Column("shape", choice_parser(*SHAPES), SHAPES[0]),
)
BREAKDOWN_COLUMNS = (
    Column("node", parse_text, ""),
    Column("from", parse_text, ""),
    Column("to", parse_text, ""),
    Column("failure", _PROBABILITY, 0.0, required=True),
    Column("repair", _PROBABILITY, 1.0, required=True),
)


def read_planning(
    folder: Path, settings: PlanningSettings, network: Network, horizon: int, problems: Problems
) -> PlanningData:
    """The planning tables of a case folder, empty where there are no such files.

    Parameters
    ----------
    folder
        Of the case.
    settings
        As in case.toml.
    network
        Sites, products and lanes.
    horizon
        Periods.
    problems
        Collects what is wrong.
    """
    skus = _read_skus(folder / SKUS, network, problems)
    families = {sku.product: sku.family for sku in skus}
    return PlanningData(
        settings,
        skus,
        _read_operations(folder / OPERATIONS, network, problems),
        _read_capacities(folder / CAPACITIES, network, families, problems),
        _read_shocks(folder / SHOCKS, network, families, horizon, problems),
        _read_breakdowns(folder / BREAKDOWNS, network, problems),
    )


def _rows(path: Path, columns: Sequence[Column], problems: Problems) -> list[Record]:
    return read_table(path, columns, problems) if path.exists() else []


def _check_name(
    file: str, row: Record, column: str, known: Collection[str], problems: Problems, what: str = ""
) -> bool:
    """Whether a cell that is not blank names something there is."""
    name = row.text(column)
    if not name or name in known:
        return True
    expected = expected_one_of(name, sorted(known)) if known else "expected a blank, as there is none"
    problems.add(file, f"unknown {what or column} {name!r}: {expected}", row.line, column)
    return False


def _check_once(file: str, row: Record, key: str, first: dict[str, int], problems: Problems) -> None:
    if key in first:
        problems.add(file, f"duplicate {key}: expected once, first in row {first[key]}", row.line)
    first.setdefault(key, row.line)


def _read_skus(path: Path, network: Network, problems: Problems) -> tuple[Sku, ...]:
    found, first = [], dict[str, int]()
    for row in _rows(path, SKU_COLUMNS, problems):
        if row.text("product") and _check_name(SKUS, row, "product", network.products, problems):
            _check_once(SKUS, row, row.text("product"), first, problems)
        window = row.optional_number("service_window")
        found.append(
            Sku(
                row.text("product"),
                row.text("family"),
                row.text("pattern"),
                None if window is None else int(window),
            )
        )
    return tuple(found)


def _read_operations(path: Path, network: Network, problems: Problems) -> tuple[Operation, ...]:
    """One a site and product; a product's own cells go before those of the row for every product."""
    general: dict[str, Record] = {}
    own: dict[tuple[str, str], Record] = {}
    first: dict[str, int] = {}
    for row in _rows(path, OPERATION_COLUMNS, problems):
        known = _check_name(OPERATIONS, row, "node", network.sites, problems)
        known &= _check_name(OPERATIONS, row, "product", network.products, problems)
        if not known or problems.in_row(OPERATIONS, row):
            continue
        site, product = row.text("node"), row.text("product")
        _check_once(OPERATIONS, row, f"{site}, {product}" if product else site, first, problems)
        if product:
            own[site, product] = row
        else:
            general[site] = row
    handled = {(node.place, node.product): node for node in network.nodes}
    for (site, product), row in own.items():
        if (site, product) not in handled:
            what = f"{product!r}: expected a product that {site} has in nodes.csv"
            problems.add(OPERATIONS, what, row.line, "product")
    found = []
    for site, product in handled:
        rows = [row for row in (general.get(site), own.get((site, product))) if row is not None]
        if rows:
            numbers = (*_MONEY_COLUMNS, *_UNIT_COLUMNS, *_BOUND_COLUMNS)
            values = {k: row.values[k] for row in rows for k in numbers if row is rows[0] or k in row.given}
            found.append(Operation(site, product, **values))  # type: ignore[arg-type]
    return tuple(found)


def _read_capacities(
    path: Path, network: Network, families: dict[str, str], problems: Problems
) -> tuple[FamilyCapacity, ...]:
    found: list[FamilyCapacity] = []
    lines: dict[str, int] = {}
    first: dict[str, int] = {}
    for row in _rows(path, CAPACITY_COLUMNS, problems):
        known = _check_name(CAPACITIES, row, "node", network.sites, problems)
        known &= _check_name(CAPACITIES, row, "family", set(families.values()) - {""}, problems)
        if not known or problems.in_row(CAPACITIES, row):
            continue
        site, family = row.text("node"), row.text("family")
        _check_once(CAPACITIES, row, f"{site}, family {family}" if family else site, first, problems)
        capacity, load = row.optional_number("capacity"), row.optional_number("load")
        if (capacity is None) == (load is None):
            problems.add(CAPACITIES, "expected either capacity or load", row.line)
        lines.setdefault(site, row.line)
        found.append(FamilyCapacity(site, family, capacity, load))
    _check_families(found, lines, network, families, problems)
    return tuple(found)


def _check_families(
    capacities: Sequence[FamilyCapacity],
    lines: dict[str, int],
    network: Network,
    families: dict[str, str],
    problems: Problems,
) -> None:
    """A site with a capacity for one family needs one for each that it handles."""
    if problems.in_file(CAPACITIES) or problems.in_file(SKUS):
        return
    for site, line in lines.items():
        given = {one.family for one in capacities if one.site == site}
        handled = {families.get(network.node(name).product, "") for name in network.sites[site]}
        for family in sorted(handled - given):
            what = f"family {family!r}" if family else "products without a family"
            problems.add(CAPACITIES, f"no capacity of {site} for {what}: expected a row, as it has others", line)


def _read_shocks(
    path: Path, network: Network, families: dict[str, str], horizon: int, problems: Problems
) -> tuple[DemandShock, ...]:
    found = []
    for row in _rows(path, SHOCK_COLUMNS, problems):
        known = _check_name(SHOCKS, row, "family", set(families.values()) - {""}, problems)
        known &= _check_name(SHOCKS, row, "product", network.products, problems)
        if not known or problems.in_row(SHOCKS, row):
            continue
        if row.text("family") and row.text("product"):
            problems.add(SHOCKS, "family and product: expected one of them, or none for everybody", row.line)
        start, end = int(row.number("start")), int(row.number("end"))
        if not start <= end <= horizon:
            what = f"{end}: expected a period from start, {start}, to the end of the horizon, {horizon}"
            problems.add(SHOCKS, what, row.line, "end")
        found.append(
            DemandShock(row.text("family"), row.text("product"), start, end, row.number("size"), row.text("shape"))
        )
    return tuple(found)


def _read_breakdowns(path: Path, network: Network, problems: Problems) -> tuple[Breakdown, ...]:
    lanes = sorted({network.places(lane.pair) for lane in network.lanes})
    found, first = [], dict[str, int]()
    for row in _rows(path, BREAKDOWN_COLUMNS, problems):
        if problems.in_row(BREAKDOWNS, row):
            continue
        places = read_places(BREAKDOWNS, row, network.sites, lanes, problems)
        _check_once(BREAKDOWNS, row, " -> ".join(places), first, problems)
        failure, repair = row.number("failure"), row.number("repair")
        if failure > 0.0 and repair == 0.0:
            problems.add(BREAKDOWNS, "0: expected a probability above 0, or it is never up again", row.line, "repair")
        found.append(Breakdown(places, failure, repair))
    return tuple(found)


def save_planning(folder: Path, data: PlanningData) -> None:
    """Write the tables that `read_planning` reads, those that have rows, and remove those that have none."""
    tables = (
        (SKUS, SKU_COLUMNS, [asdict(one) for one in data.skus]),
        (OPERATIONS, OPERATION_COLUMNS, [{**asdict(one), "node": one.site} for one in data.operations]),
        (CAPACITIES, CAPACITY_COLUMNS, [{**asdict(one), "node": one.site} for one in data.capacities]),
        (SHOCKS, SHOCK_COLUMNS, [asdict(one) for one in data.shocks]),
        (BREAKDOWNS, BREAKDOWN_COLUMNS, [_breakdown_row(one) for one in data.breakdowns]),
    )
    for file, columns, rows in tables:
        if rows:
            write_table(folder / file, columns, rows)
        else:
            (folder / file).unlink(missing_ok=True)


def _breakdown_row(one: Breakdown) -> dict[str, str | float]:
    node, origin, destination = (one.places[0], "", "") if len(one.places) == 1 else ("", *one.places)
    return {"node": node, "from": origin, "to": destination, "failure": one.failure, "repair": one.repair}
