"""The report of a `solve`: which sections it has, and what each says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from simopt.reporting.report.charts import (
    MOST_BARS,
    draw_bounds,
    draw_cost,
    draw_frontier,
    draw_levels,
    draw_service,
    draw_slice,
    draw_trajectory,
)
from simopt.reporting.report.data import ReportData, flows_of, throughputs
from simopt.reporting.report.maps import NetworkPicture, draw_network
from simopt.reporting.report.page import Card, Cell, Column, Page, Picture, Section, Table, write_page


def write_run_report(folder: Path, data: ReportData) -> None:
    """Write report.html and its figures into a run folder, see `page.write_page`."""
    write_page(folder, run_page(data))


def run_page(data: ReportData) -> Page:
    """What the report of a run says."""
    content, case = data.content, data.case
    subtitle = f"{content['method']}, seed {content['seed']}: {content['status']}, {content['termination']}"
    sections = (_network, _today, _bounds, _cost, _levels, _inventory, _service, _slices, _frontier, _run)
    found = [section for make in sections for section in make(data)]
    return Page(case.title or case.name, subtitle, tuple(content["warnings"]), tuple(_cards(data)), tuple(found))


def _cards(data: ReportData) -> Iterator[Card]:
    content, cost = data.content, data.content["cost"]
    half_width = f" ± {cost['half_width']:,.2f}" if cost["half_width"] is not None else ""
    yield Card(
        "expected cost", f"{cost['mean']:,.2f}{half_width}{data.money}", f"95%, {cost['replications']:,} replications"
    )
    bound = content["lower_bound"]
    if bound is not None:
        note = f"no design costs less ({bound['kind']})" if bound["kind"] != "estimate" else "an estimate"
        yield Card("lower bound", f"{bound['value']:,.2f}{data.money}", note)
        yield Card("gap", f"{content['gap']:.2%}", "between cost and bound, as a share of the cost")
    claims = {True: "yes", False: "no"}
    certified = content["certified"]
    yield Card("certified best", claims.get(certified, "yes"), "" if isinstance(certified, bool) else str(certified))
    sites = {data.case.network.node(name).place for name in data.design.nodes}
    yield Card("network", f"{len(sites)} sites", f"{len(data.design.lanes)} lanes in use")


def _network(data: ReportData) -> Iterator[Section]:
    kind = "map" if NetworkPicture.of(data.case, data.flows).is_map else "echelons from left to right"
    caption = f"The network as a {kind}. Lanes in use are as wide as the mean flow on them."
    figure = draw_network(NetworkPicture.of(data.case, data.flows))
    columns = (
        Column("from", True),
        Column("to", True),
        Column("units a period"),
        Column("lead time"),
        Column("unit cost"),
    )
    rows = []
    for pair, units in data.flows.items():
        lane = data.case.network.lane(pair)
        cells = Cell.number(units), Cell.number(lane.lead_time, 0), Cell.number(lane.unit_cost, 4)
        rows.append((Cell.text(pair[0]), Cell.text(pair[1]), *cells))
    pictures = (Picture("network", figure, caption),)
    yield Section("network", "Network", pictures=pictures, tables=(Table(columns, tuple(rows)),))


def _today(data: ReportData) -> Iterator[Section]:
    baseline = data.content.get("baseline")
    if baseline is None:
        return
    design = data.case.network.design([(lane["from"], lane["to"]) for lane in baseline["lanes"]])
    todays = flows_of(data.case, design.lanes, throughputs(data.case, design))
    pictures = (
        Picture("today", draw_network(NetworkPicture.of(data.case, todays), "today"), "Today's network."),
        Picture("best", draw_network(NetworkPicture.of(data.case, data.flows), "new"), "The new network."),
    )
    text = ""
    if baseline["saving"] is not None:
        saving = baseline["saving"]
        text = (
            f"The new network saves {saving['mean']:,.2f} ± {saving['half_width']:,.2f}{data.money} "
            f"({baseline['saving_share']:.2%}) against today's, on common fresh replications."
        )
    rows = tuple(
        (
            Cell.number(change["moves"], 0), Cell.number(change["cost"]["mean"]), Cell.number(change["saving"]["mean"]),
            Cell.number(change["saving"]["half_width"]), Cell.text(_lanes(change["lanes_dropped"])),
            Cell.text(_lanes(change["lanes_added"])),
        )
        for change in baseline["changes"]
    )  # fmt: skip
    columns = ("moved lanes", "cost", "saves", "±")
    heads = (*(Column(title) for title in columns), Column("drop", True), Column("add", True))
    tables = (Table(heads, rows),) if rows else ()
    yield Section("today", "Today's network", text, pictures, tables, side_by_side=True)


def _lanes(lanes: list[Mapping[str, Any]]) -> str:
    return ", ".join(f"{lane['from']} → {lane['to']}" for lane in lanes)


def _bounds(data: ReportData) -> Iterator[Section]:
    figure = draw_bounds(data)
    if figure is not None:
        caption = "Cost of the best design so far and what any other design costs at least, step by step of the search."
        yield Section("bounds", "Bounds", pictures=(Picture("bounds", figure, caption),))


def _cost(data: ReportData) -> Iterator[Section]:
    caption = "What the expected cost is made of."
    yield Section("cost", "Cost", pictures=(Picture("cost", draw_cost(data), caption),))


def _levels(data: ReportData) -> Iterator[Section]:
    numbers = ("base stock", "safety stock", "units a period", "holding", "backorders", "fill rate")
    columns = (Column("node", True), Column("kind", True), Column("supplier", True), *map(Column, numbers))
    rows = tuple(
        (
            Cell.text(row.name), Cell.text(row.kind), Cell.text(row.supplier or "(outside)"), Cell.number(row.level),
            Cell.number(row.safety_stock), Cell.number(row.throughput), Cell.number(row.holding),
            Cell.number(row.backorder), Cell.number(row.fill_rate, percent=True),
        )
        for row in data.nodes
    )  # fmt: skip
    caption = "Base-stock level of every node: mean demand on it over its lead time, and the safety stock above."
    if len(data.nodes) > MOST_BARS:
        caption += f" The {MOST_BARS} nodes whose stock costs most; all are in the table."
    pictures = (Picture("levels", draw_levels(data), caption),)
    yield Section("levels", "Base-stock levels", pictures=pictures, tables=(Table(columns, rows),))


def _inventory(data: ReportData) -> Iterator[Section]:
    pictures = tuple(
        Picture(f"inventory-{k + 1}", draw_trajectory(one, data), f"Net stock of {one.node}.")
        for k, one in enumerate(data.trajectories)
    )
    if pictures:
        text = "On hand less backorders on fresh replications; simopt report RUN --node NAME shows other nodes."
        yield Section("inventory", "Inventory over time", text, pictures)


def _service(data: ReportData) -> Iterator[Section]:
    figure = draw_service(data)
    if figure is not None:
        caption = "Share of each demand node's demand met from stock at once."
        yield Section("service", "Service", pictures=(Picture("service", figure, caption),))


def _slices(data: ReportData) -> Iterator[Section]:
    caption = "Kriging fitted to simulated costs of stock and backorders at {}, other levels of its region as decided."
    pictures = tuple(
        Picture(f"surrogate-{k + 1}", draw_slice(one, data), caption.format(one.node))
        for k, one in enumerate(data.slices)
    )
    if pictures:
        yield Section("surrogates", "Stock cost against one level", pictures=pictures)


def _frontier(data: ReportData) -> Iterator[Section]:
    figure = draw_frontier(data)
    if figure is not None and data.frontier is not None:
        caption = f"The cheapest design under ever stricter limits: cost against {data.frontier['label']}."
        yield Section("frontier", "Frontier", pictures=(Picture("frontier", figure, caption),))


def _run(data: ReportData) -> Iterator[Section]:
    content = data.content
    facts = {
        "case": content["case"],
        "method": content["method"],
        "seed": content["seed"],
        "status": content["status"],
        "replications of the search": f"{content['replications_used']:,}",
        "scenarios": f"{content['scenarios_used']:,}",
        "seconds": f"{content['wall_seconds']:.1f}",
        **({"simulator": content["simulator"]} if "simulator" in content else {}),
        **content["versions"],
    }
    rows = tuple((Cell.text(name), Cell.text(str(value))) for name, value in facts.items())
    table = Table((Column("what", True), Column("value", True)), rows)
    statement = content["certificate"] or ""
    if content["certified"]:
        statement = f"Certified best: {statement}"
    yield Section("run", "The run", statement, tables=(table,))
