"""Several products in a case's tables: rows for one product or for all, spread out to one row a product.

A row with a blank `product` holds for every product; a product's own row for the same node or lane goes before it, cell
by cell. The stocking point of product B at site W is called W/B. What a site or lane has once, whatever products use
it, is given once or the same every time. A `storage_capacity` for every product is the site's, shared by them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any

from design.cells import Value
from design.errors import expected_one_of
from design.tables import Problems, Record

SEPARATOR = "/"
_SITE_COLUMNS = ("kind", "x", "y", "latitude", "longitude", "fixed_cost", "capacity", "site_emission")
_LANE_COLUMNS = ("distance", "fixed_cost")


@dataclass(frozen=True)
class Tables:
    """Rows of the three tables."""

    nodes: list[Record]
    lanes: list[Record]
    demand: list[Record]


def spread_products(tables: Tables, unit_sizes: Mapping[str, float], problems: Problems) -> Tables:
    """One row a product, nodes named site/product; the same rows where no table names a product.

    Parameters
    ----------
    tables
        As read.
    unit_sizes
        What a unit of a product takes of a site's capacity; 1 where not given.
    problems
        Collects what contradicts itself.
    """
    products = _products(tables)
    for name in unit_sizes:
        if name not in products:
            expected = expected_one_of(name, products) if products else "expected a product that a table names"
            problems.add("case.toml", f"unknown product {name!r}: {expected}", column=f"products.{name}")
    if not products:
        return tables
    _check_names(tables.nodes, problems)
    nodes = _spread("nodes.csv", tables.nodes, ("node",), products, problems)
    lanes = _spread("lanes.csv", tables.lanes, ("from", "to"), products, problems)
    demand = _spread("demand.csv", tables.demand, ("node", "season"), products, problems)
    _check_same("nodes.csv", nodes, ("node",), _SITE_COLUMNS, problems)
    _check_same("lanes.csv", lanes, ("from", "to"), _LANE_COLUMNS, problems)
    for row in tables.nodes:
        if not row.text("product") and "production_capacity" in row.given:
            what = f"{_shown(row.values['production_capacity'])} for every product: expected one in each product's row"
            problems.add("nodes.csv", what, row.line, "production_capacity")
    nodes = _with_site_storage(nodes, tables.nodes, problems)
    handled = {_point(row, "node") for row in nodes}
    lanes = _handled("lanes.csv", lanes, tables.lanes, ("from", "to"), handled, problems)
    demand = _handled("demand.csv", demand, tables.demand, ("node",), handled, problems)
    served = {_point(row, end) for row in lanes for end in ("from", "to")} | {_point(row, "node") for row in demand}
    places = {place for place, _ in served}
    nodes = [row for row in nodes if _point(row, "node") in served or row.text("node") not in places]
    return Tables(
        [_named(row, ("node",), unit_sizes) for row in nodes],
        [_named(row, ("from", "to"), unit_sizes) for row in lanes],
        [_named(row, ("node",), unit_sizes) for row in demand],
    )


def _products(tables: Tables) -> tuple[str, ...]:
    """In the order in which demand, nodes and lanes name them."""
    rows = [*tables.demand, *tables.nodes, *tables.lanes]
    return tuple(dict.fromkeys(row.text("product") for row in rows if row.text("product")))


def _check_names(rows: Sequence[Record], problems: Problems) -> None:
    for row in rows:
        for column in ("node", "product"):
            if SEPARATOR in row.text(column):
                what = f"{row.text(column)!r}: expected a name without {SEPARATOR!r}, as several products are given"
                problems.add("nodes.csv", what, row.line, column)


def _keys(row: Record, columns: tuple[str, ...], products: Sequence[str]) -> list[tuple[str, ...]]:
    """What a row is about, with every product it holds for."""
    own = row.text("product")
    return [(*(row.text(column) for column in columns), product) for product in ([own] if own else products)]


def _spread(
    file: str, rows: Sequence[Record], columns: tuple[str, ...], products: Sequence[str], problems: Problems
) -> list[Record]:
    """One row for every key, the product's own cells before those for every product; each in the place of its first."""
    general: dict[tuple[str, ...], Record] = {}
    own: dict[tuple[str, ...], Record] = {}
    order: dict[tuple[str, ...], None] = {}
    for row in rows:
        target = own if row.text("product") else general
        for key in _keys(row, columns, products):
            if key in target:
                of = f" for product {key[-1]!r}" if row.text("product") else " for every product"
                name = " -> ".join(filter(None, key[:-1]))
                what = f"duplicate {name!r}{of}: expected once, first in row {target[key].line}"
                problems.add(file, what, row.line)
                break
            target[key] = row
            order.setdefault(key)
    return [_merged(general.get(key), own.get(key), key[-1]) for key in order]


def _merged(general: Record | None, own: Record | None, product: str) -> Record:
    base = own or general
    if base is None:
        raise ValueError("expected a row for every product or for this one")
    values: dict[str, Value] = dict(base.values)
    if own is not None and general is not None:
        values = {**general.values, **{name: own.values[name] for name in own.given}}
    given = base.given | (general.given if general is not None else frozenset())
    return Record(base.line, {**values, "product": product}, given)


def _check_same(
    file: str, rows: Sequence[Record], key: tuple[str, ...], columns: tuple[str, ...], problems: Problems
) -> None:
    """What a site or lane has once must be the same for all its products."""
    first: dict[tuple[str, ...], Record] = {}
    for row in rows:
        name = tuple(row.text(column) for column in key)
        other = first.setdefault(name, row)
        for column in columns:
            if row.values[column] != other.values[column] and not problems.in_row(file, row):
                found, before = _shown(row.values[column]), _shown(other.values[column])
                what = (
                    f"{found}, but {before} for {' -> '.join(name)} in row {other.line}: expected one for all products"
                )
                problems.add(file, what, row.line, column)


def _with_site_storage(rows: Sequence[Record], given: Sequence[Record], problems: Problems) -> list[Record]:
    """Storage of the row for every product is the site's, shared by the products that have none of their own.

    Parameters
    ----------
    rows
        One a node and product.
    given
        As read.
    problems
        Collects overflow costs without a storage of their own.
    """
    general = {row.text("node"): row for row in given if not row.text("product")}
    own = {_point(row, "node"): row for row in given if row.text("product")}
    found = []
    for row in rows:
        site, mine = general.get(row.text("node")), own.get(_point(row, "node"))
        has_own = mine is not None and "storage_capacity" in mine.given
        if site is None or "storage_capacity" not in site.given or has_own:
            found.append(row)
            continue
        if mine is not None and "overflow_cost" in mine.given:
            what = (
                f"{_shown(mine.values['overflow_cost'])} for {row.text('product')!r} in storage that products share "
                f"(row {site.line}): expected a blank, or a storage_capacity of its own beside it"
            )
            problems.add("nodes.csv", what, mine.line, "overflow_cost")
        shared: dict[str, Value] = {
            "site_storage": site.values["storage_capacity"],
            "site_overflow": site.values["overflow_cost"],
            "storage_capacity": inf,
            "overflow_cost": 0.0,
        }
        found.append(Record(row.line, {**row.values, **shared}, row.given))
    return found


def _point(row: Record, column: str) -> tuple[str, str]:
    """Site and product."""
    return (row.text(column), row.text("product"))


def _handled(
    file: str,
    rows: Sequence[Record],
    given: Sequence[Record],
    columns: tuple[str, ...],
    handled: set[tuple[str, str]],
    problems: Problems,
) -> list[Record]:
    """The rows whose sites handle their product; a product's own row must be one."""
    kept = [row for row in rows if all(_point(row, column) in handled for column in columns)]
    lines = {row.line for row in kept}
    for row in given:
        sites = " and ".join(row.text(column) for column in columns)
        if row.line in lines or problems.in_row(file, row):
            continue
        if row.text("product"):
            what = f"{row.text('product')!r}: expected a product that {sites} have in nodes.csv"
            problems.add(file, what, row.line, "product")
        elif not any(_point(other, columns[0])[0] == row.text(columns[0]) for other in kept):
            problems.add(file, f"no product is handled by {sites}: expected one in nodes.csv", row.line)
    return kept


def _named(row: Record, columns: tuple[str, ...], unit_sizes: Mapping[str, float]) -> Record:
    product = row.text("product")
    names: dict[str, Value] = {column: f"{row.text(column)}{SEPARATOR}{product}" for column in columns}
    if columns == ("node",):
        names |= {"site": row.text("node"), "unit_size": unit_sizes.get(product, 1.0)}
    return Record(row.line, {**row.values, **names}, row.given)


def _shown(value: Value) -> str:
    return "blank" if value in (None, inf, "") else str(value)


def with_storage_rows(rows: Sequence[Mapping[str, Any]], blank: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Rows of nodes to be written, and after them one for every site whose products share a storage.

    Parameters
    ----------
    rows
        One a node, with its fields and the names of its columns.
    blank
        A row with defaults only.
    """
    sites = {row["node"]: row for row in rows if row["site_storage"] < inf}
    found = [
        {**row, "overflow_cost": "0.0"}  # a blank would take that of the site
        if row["node"] in sites and row["site_storage"] == inf and row["overflow_cost"] == 0.0
        else row
        for row in rows
    ]
    shared = [
        {**blank, "node": name, "storage_capacity": row["site_storage"], "overflow_cost": row["site_overflow"]}
        for name, row in sites.items()
    ]
    return [*found, *shared]
