"""Several products in a case's tables: rows for one product or for all, spread out to one row a product.

A row with a blank `product` holds for every product; a product's own row for the same node or lane goes before it, cell
by cell. The stocking point of product B at site W is called W/B. What a site or lane has once, whatever products use
it, is given once or the same every time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf

from design.tables import Problems, Record, Value, expected_one_of

SEPARATOR = "/"
_SITE_COLUMNS = ("kind", "x", "y", "latitude", "longitude", "fixed_cost", "capacity", "site_emission")
_LANE_COLUMNS = ("distance", "fixed_cost")
_OWN_COLUMNS = ("storage_capacity",)


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
    _check_own(tables.nodes, problems)
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


def _check_own(rows: Sequence[Record], problems: Problems) -> None:
    """What only a product can have."""
    for row in rows:
        for column in _OWN_COLUMNS:
            if not row.text("product") and row.values[column] != inf:
                what = f"{_shown(row.values[column])} for every product: expected it in the row of a product"
                problems.add("nodes.csv", f"{what} (a storage that products share is not known)", row.line, column)


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
