"""Checks of a case's rules: limits, statuses and coordinates that contradict each other or the network."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

from design.case_settings import Settings
from design.emissions import has_factors
from design.errors import expected_one_of
from design.network import Network
from design.tables import Problems, Record


def check_rules(
    network: Network,
    settings: Settings,
    node_rows: Sequence[Record],
    lane_rows: Sequence[Record],
    demand_rows: Sequence[Record],
    problems: Problems,
) -> None:
    """Add what is wrong with rules to `problems`; the tables must be sound otherwise."""
    _check_kinds(network, settings, problems)
    _check_emissions(network, settings, problems)
    for row in node_rows:
        _check_closed_customer(network, row, problems)
        _check_target(network, row, problems)
    for row in lane_rows:
        _check_lane(network, row, problems)
        _check_input(network, row, problems)
    if not problems.messages:
        _check_service(network, demand_rows, problems)


def _check_kinds(network: Network, settings: Settings, problems: Problems) -> None:
    kinds = sorted({node.kind for node in network.nodes if node.kind})
    for kind, limit in settings.site_limits.items():
        if kind not in kinds:
            expected = expected_one_of(kind, kinds) if kinds else "expected a kind that nodes.csv gives"
            problems.add("case.toml", f"unknown kind {kind!r}: {expected}", column=f"sites.{kind}")
            continue
        count = sum(node.kind == kind for node in network.nodes)
        if limit.least > count:
            what = f"{limit.least}: expected at most {count}, the number of such nodes"
            problems.add("case.toml", what, column=f"sites.{kind}.min_open")


def _check_emissions(network: Network, settings: Settings, problems: Problems) -> None:
    if has_factors(network):
        return
    for key, value in (("price", settings.emissions.price), ("cap", settings.emissions.cap)):
        if value is not None:
            what = (
                f"{value:g}, and nothing emits: expected emission in lanes.csv, site_emission or holding_emission in "
                "nodes.csv, or a rate"
            )
            problems.add("case.toml", what, column=f"emissions.{key}")


def check_coordinates(row: Record, problems: Problems) -> None:
    """Add what is wrong with a node's coordinates to `problems`; a row with other errors is left alone."""
    if problems.in_row("nodes.csv", row):
        return
    for one, other in (("x", "y"), ("latitude", "longitude")):
        if (row.values[one] is None) != (row.values[other] is None):
            blank = one if row.values[one] is None else other
            given = other if blank == one else one
            problems.add("nodes.csv", f"blank: expected a number beside {given}", row.line, blank)
    if row.values["x"] is not None and row.values["latitude"] is not None:
        what = "given beside x and y: expected one kind of coordinates"
        problems.add("nodes.csv", what, row.line, "latitude")


def _check_closed_customer(network: Network, row: Record, problems: Problems) -> None:
    if row.values["status"] == "closed" and row.text("node") in network.customers:
        what = f"'closed' for {row.text('node')!r}, which has demand: expected a blank, or no row in demand.csv"
        problems.add("nodes.csv", what, row.line, "status")


def _check_target(network: Network, row: Record, problems: Problems) -> None:
    name, target = row.text("node"), row.optional_number("service_target")
    if target is None:
        return
    if name not in network.customers:
        what = f"{target:g} for {name!r}, which has no row in demand.csv: expected a blank"
        problems.add("nodes.csv", what, row.line, "service_target")
    elif network.outgoing[name]:
        what = f"{target:g} for {name!r}, which may supply {network.outgoing[name][0].destination!r} too: expected a "
        what += "blank (only nodes that supply no other can have a target)"
        problems.add("nodes.csv", what, row.line, "service_target")


def _check_lane(network: Network, row: Record, problems: Problems) -> None:
    lane = network.lane((row.text("from"), row.text("to")))
    end = network.node(lane.destination)
    if lane.distance is None and end.max_distance < inf:
        what = f"blank, and {end.name!r} has a max_distance: expected a number, or coordinates of both ends"
        problems.add("lanes.csv", what, row.line, "distance")
    if lane.status == "open" and lane not in network.usable_lanes:
        what = f"'open' for {lane.origin} -> {lane.destination}, closed at an end or too long: expected a blank"
        problems.add("lanes.csv", what, row.line, "status")


def _check_input(network: Network, row: Record, problems: Problems) -> None:
    """Inputs have a name each where there are several; a single one waits for production capacity at most."""
    end, waiting = row.text("to"), row.optional_number("input_holding_cost")
    labels = network.inputs[end]
    if len(labels) > 1 and not row.text("input"):
        other = next(label for label in labels if label)
        what = f"blank, and another lane supplies input {other!r} of {end!r}: expected the name of an input"
        problems.add("lanes.csv", what, row.line, "input")
    if len(labels) == 1 and waiting is not None and not network.node(end).has_production_capacity:
        what = f"{waiting:g} at {end!r}, which has a single input and no production_capacity, so that nothing waits "
        what += "there: expected a blank"
        problems.add("lanes.csv", what, row.line, "input_holding_cost")


def _check_service(network: Network, rows: Sequence[Record], problems: Problems) -> None:
    reached = {c for source in network.sources for c in network.reachable_customers[source]}
    for row in rows:
        if row.text("node") not in reached:
            what = f"no path of usable lanes leads to {row.text('node')!r}: expected one that is not closed or too long"
            problems.add("demand.csv", what, row.line, "node")
