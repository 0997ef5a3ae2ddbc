"""Tables of outages and of lead times that vary, beside nodes.csv and lanes.csv: read, checked and written."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from math import isclose
from pathlib import Path

from design.cells import number_parser, parse_count, parse_periods, parse_text
from design.errors import expected_one_of
from design.network import Network
from design.node import LanePair
from design.supply import OUTSIDE, Outage, Supply
from design.tables import Column, Problems, Record, read_table, write_table

OUTAGES = "outages.csv"
LEAD_TIMES = "lead_times.csv"
OUTAGE_COLUMNS = (
    Column("node", parse_text, ""),
    Column("from", parse_text, ""),
    Column("to", parse_text, ""),
    Column("start", parse_count, 1, required=True),
    Column("end", parse_count, 1, required=True),
)
LEAD_TIME_COLUMNS = (
    Column("from", parse_text, ""),
    Column("to", parse_text, "", required=True),
    Column("lead_time", parse_periods, 0, required=True),
    Column("probability", number_parser(0.0, "", 1.0), 0.0, required=True),
)


def read_supply(folder: Path, allocation: str, network: Network, horizon: int, problems: Problems) -> Supply:
    """Outages and lead times of a case folder, none where there are no such files.

    Parameters
    ----------
    folder
        Of the case.
    allocation
        As in case.toml.
    network
        Sites, lanes and their lead times.
    horizon
        Periods.
    problems
        Collects what is wrong.
    """
    lanes = {network.places(lane.pair): lane.lead_time for lane in network.lanes}
    lanes |= {(OUTSIDE, network.node(name).place): network.node(name).lead_time or 0 for name in network.sources}
    for file in (OUTAGES, LEAD_TIMES):
        if network.seasons and (folder / file).exists():
            problems.add(file, "given together with [seasons]: expected one of both")
    return Supply(
        allocation,
        _read_outages(folder / OUTAGES, lanes, network.sites, horizon, problems),
        _read_lead_times(folder / LEAD_TIMES, lanes, problems),
    )


def _read_outages(
    path: Path, lanes: Collection[LanePair], sites: Collection[str], horizon: int, problems: Problems
) -> tuple[Outage, ...]:
    if not path.exists():
        return ()
    found = []
    for row in read_table(path, OUTAGE_COLUMNS, problems):
        places = read_places(OUTAGES, row, sites, lanes, problems)
        start, end = int(row.number("start")), int(row.number("end"))
        if not start <= end <= horizon:
            what = f"{end}: expected a period from start, {start}, to the end of the horizon, {horizon}"
            problems.add(OUTAGES, what, row.line, "end")
        found.append(Outage(places, start, end))
    return tuple(found)


def read_places(
    file: str, row: Record, sites: Collection[str], lanes: Collection[LanePair], problems: Problems
) -> tuple[str, ...]:
    """The site, or origin and destination, that a row with the columns node, from and to is about.

    Parameters
    ----------
    file, row
        Where it stands.
    sites, lanes
        There are; lanes in the order in which messages list them.
    problems
        Collects what is neither.
    """
    node, pair = row.text("node"), (row.text("from"), row.text("to"))
    if bool(node) == any(pair):
        problems.add(file, "expected either node, or from and to", row.line)
    elif node and node not in sites:
        problems.add(file, f"unknown node {node!r}: {expected_one_of(node, sorted(sites))}", row.line, "node")
    elif not node:
        _check_lane(file, row, pair, lanes, problems)
    return (node,) if node else pair


def _check_lane(file: str, row: Record, pair: LanePair, lanes: Collection[LanePair], problems: Problems) -> None:
    if pair in lanes:
        return
    if not pair[0]:
        what = f"blank for {pair[1]!r}: expected the origin of a lane (blank only for the outside supply of a source)"
        problems.add(file, what, row.line, "from")
        return
    known = [" -> ".join(known) for known in lanes if known[0]]
    shown = " -> ".join(pair)
    problems.add(file, f"unknown lane {shown!r}: {expected_one_of(shown, known)}", row.line)


def _read_lead_times(
    path: Path, lanes: Mapping[LanePair, int], problems: Problems
) -> dict[LanePair, tuple[tuple[int, float], ...]]:
    if not path.exists():
        return {}
    found: dict[LanePair, dict[int, float]] = {}
    rows: dict[LanePair, Record] = {}
    for row in read_table(path, LEAD_TIME_COLUMNS, problems):
        pair, periods = (row.text("from"), row.text("to")), int(row.number("lead_time"))
        _check_lane(LEAD_TIMES, row, pair, lanes, problems)
        if periods in found.setdefault(pair, {}):
            problems.add(LEAD_TIMES, f"duplicate lead time {periods}: expected once a lane", row.line, "lead_time")
        found[pair][periods] = row.number("probability")
        rows.setdefault(pair, row)
    for pair, shares in found.items():
        of, row = " -> ".join(filter(None, pair)), rows[pair]
        if problems.in_file(LEAD_TIMES):
            break
        if not isclose(sum(shares.values()), 1.0, abs_tol=1e-9):
            what = f"probabilities of {of} add up to {sum(shares.values()):g}: expected 1"
            problems.add(LEAD_TIMES, what, row.line, "probability")
            continue
        least = min(periods for periods, share in shares.items() if share > 0.0)
        if least != lanes[pair]:
            file = "lanes.csv" if pair[0] else "nodes.csv"
            what = f"{least} is the shortest of {of}: expected {lanes[pair]}, its lead_time in {file}"
            problems.add(LEAD_TIMES, what, row.line, "lead_time")
    return {pair: tuple(sorted(shares.items())) for pair, shares in found.items()}


def save_supply(folder: Path, supply: Supply) -> None:
    """Write the tables that `read_supply` reads, those that have rows, and remove those that have none."""
    outages = [
        {"node": one.places[0] if len(one.places) == 1 else "", "start": one.start, "end": one.end}
        | ({"from": one.places[0], "to": one.places[1]} if len(one.places) == 2 else {"from": "", "to": ""})
        for one in supply.outages
    ]
    lead_times = [
        {"from": pair[0], "to": pair[1], "lead_time": periods, "probability": share}
        for pair, shares in supply.lead_times.items()
        for periods, share in shares
    ]
    for file, columns, rows in (OUTAGES, OUTAGE_COLUMNS, outages), (LEAD_TIMES, LEAD_TIME_COLUMNS, lead_times):
        if rows:
            write_table(folder / file, columns, rows)
        else:
            (folder / file).unlink(missing_ok=True)
