"""Today's network from a file: a JSON like `result.json`, or a table of lanes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from design.cells import parse_text
from design.errors import expected_one_of
from design.network import Design, Network
from design.records import pair_of
from design.tables import Column, Problems, Record, read_table
from simopt.apps.options import refuse_assembly_for
from simopt.result_file import ResultError, design_of, read_design

_NOT_READ = ("lead_time", "distance", "unit_cost", "fixed_cost", "pipeline_holding_cost")


@dataclass(frozen=True, eq=False)
class Baseline:
    """Today's network.

    Parameters
    ----------
    design
        Its lanes.
    levels
        Today's base-stock level of each used node, units; None where they are not given.
    """

    design: Design
    levels: Mapping[str, float] | None = None


def read_baseline(path: Path, network: Network) -> Baseline:
    """Read today's network.

    Parameters
    ----------
    path
        A `.json` with `design.lanes` and perhaps `base_stock_levels`, as in `result.json`; or a `.csv` with the columns
        `from`, `to` and perhaps `product`, `season` and `used` (0 or 1), such as a run folder's `lanes.csv`.
    network
        The candidates.

    Raises
    ------
    ResultError
        Naming file, row and column of everything wrong, one line each.
    """
    refuse_assembly_for(network, "a comparison with a baseline")
    if path.is_dir():
        raise ResultError(f"{path}: a folder; expected a .json or .csv file, such as its result.json or lanes.csv")
    if path.suffix.lower() == ".csv":
        return Baseline(_design_of_table(path, network))
    if path.suffix.lower() != ".json":
        raise ResultError(f"{path}: expected the name of a .json or .csv file")
    return Baseline(*read_design(path, network))


def _design_of_table(path: Path, network: Network) -> Design:
    problems = Problems()
    rows = read_table(path, _COLUMNS, problems)
    if not problems.messages:
        rows = [row for row in rows if row.values["used"]]
        _check_lanes(path.name, rows, network, problems)
    if problems.messages:
        lines = [f"{path}{message.removeprefix(path.name)}" for message in problems.messages]
        raise ResultError("\n".join(lines))
    return design_of(path, network, tuple(pair_of(row.values) for row in rows))


def _check_lanes(file: str, rows: list[Record], network: Network, problems: Problems) -> None:
    """Check that every lane is a candidate, every node has one supplier, and no customer is left without."""
    known = [node.name for node in network.nodes]
    candidates = {lane.pair for lane in network.lanes}
    suppliers: dict[str, Record] = {}
    for row in rows:
        pair = origin, destination = pair_of(row.values)
        for column, name in (("from", origin), ("to", destination)):
            if name not in known:
                problems.add(file, f"unknown node {name!r}: {expected_one_of(name, sorted(known))}", row.line, column)
        if pair in candidates:
            _check_supplier(file, row, suppliers.setdefault(destination, row), problems)
        elif origin in known and destination in known:
            what = f"lane {origin} -> {destination} is not a candidate lane of the network"
            problems.add(file, f"{what}: {_expected_supplier(destination, network)}", row.line)
    for name in network.customers:
        if name not in suppliers and name not in network.sources and not problems.messages:
            problems.add(file, f"no lane leads to customer {name!r}: {_expected_supplier(name, network)}")


def _check_supplier(file: str, row: Record, first: Record, problems: Problems) -> None:
    """Check that a row is the first one that leads to its node."""
    (origin, destination), before = pair_of(row.values), pair_of(first.values)[0]
    if origin != before:
        what = f"node {destination!r} has another supplier, {before!r}, in row {first.line}"
        problems.add(file, f"{what}: expected one (single sourcing)", row.line, "from")
    elif first is not row:
        what = f"duplicate lane '{origin} -> {destination}'"
        problems.add(file, f"{what}: expected once, first in row {first.line}", row.line)


def _expected_supplier(name: str, network: Network) -> str:
    origins = [lane.origin for lane in network.incoming[name]]
    if not origins:
        return f"expected none, {name!r} is a source"
    return f"expected one from {' or '.join(origins)}"


def _parse_used(text: str) -> int:
    if text not in ("0", "1"):
        raise ValueError("expected 0 or 1")
    return int(text)


_COLUMNS = (
    Column("from", parse_text, "", required=True),
    Column("to", parse_text, "", required=True),
    Column("product", parse_text, ""),
    Column("season", parse_text, ""),
    Column("used", _parse_used, 1),
    *(Column(name, str) for name in _NOT_READ),
)
