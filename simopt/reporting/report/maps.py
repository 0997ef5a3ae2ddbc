"""The network as a picture: a map where nodes have coordinates, echelons from left to right where they have none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from design.case import Case
from design.network import Network
from design.node import LanePair
from simopt.reporting.report.style import FAINT, INK, PALETTE, figure_style, plain

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Point = tuple[float, float]
MARKERS = "s^oDvPX"
WIDEST = 4.0  # points, of the lane with the largest flow
MOST_LABELS = 60
MOST_CANDIDATES = 4_000


@dataclass(frozen=True, eq=False)
class NetworkPicture:
    """What a picture of a network shows, by place: products of a site stand at one.

    Parameters
    ----------
    places
        Where each is.
    kinds
        Of each.
    used
        Places in use.
    flows
        Mean units a period between places.
    candidates
        Pairs that could be used.
    is_map
        Whether positions are coordinates.
    """

    places: Mapping[str, Point]
    kinds: Mapping[str, str]
    used: Collection[str]
    flows: Mapping[LanePair, float]
    candidates: Collection[LanePair]
    is_map: bool

    @classmethod
    def of(cls, case: Case, flows: Mapping[LanePair, float]) -> NetworkPicture:
        """The picture of a design with these flows on its lanes."""
        network = case.network
        place = {node.name: node.place for node in network.nodes}
        positions = _coordinates(network)
        between: dict[LanePair, float] = {}
        for (origin, destination), units in flows.items():
            pair = (place[origin], place[destination])
            between[pair] = between.get(pair, 0.0) + units
        used = {name for pair in between for name in pair} | {place[c] for c in network.customers}
        return cls(
            positions or _echelons(network),
            {node.place: node.kind for node in network.nodes},
            used,
            between,
            {(place[lane.origin], place[lane.destination]) for lane in network.lanes},
            positions is not None,
        )


def draw_network(picture: NetworkPicture, title: str = "") -> Figure:
    """Used lanes as wide as their flow, candidates faint, places not in use hollow."""
    from matplotlib.figure import Figure

    with figure_style():
        size = (7.2, 5.0) if picture.is_map else (7.2, max(3.0, min(0.28 * _tallest(picture), 12.0)))
        figure = Figure(figsize=size, layout="constrained")
        axes = figure.add_subplot()
        _draw_lanes(axes, picture)
        _draw_places(axes, picture)
        axes.set_axis_off()
        axes.margins(0.08)
        if picture.is_map:
            axes.set_aspect("equal", adjustable="datalim")
        if title:
            axes.set_title(plain(title), loc="left")
        figure.legend(loc="outside lower left", ncols=3)
        return figure


def _draw_lanes(axes: Any, picture: NetworkPicture) -> None:
    from matplotlib.collections import LineCollection

    where, largest = picture.places, max(picture.flows.values(), default=1.0) or 1.0
    others = sorted(set(picture.candidates) - set(picture.flows))
    if 0 < len(others) <= MOST_CANDIDATES:
        faint = [(where[a], where[b]) for a, b in others]
        axes.add_collection(
            LineCollection(faint, colors=FAINT, linewidths=0.4, alpha=min(0.35, 60.0 / len(faint)), zorder=1)
        )
    used = sorted(picture.flows)
    widths = [0.6 + (WIDEST - 0.6) * picture.flows[pair] / largest for pair in used]
    lines = [(where[a], where[b]) for a, b in used]
    label = f"lane in use, widest {largest:,.4g} units a period"
    axes.add_collection(LineCollection(lines, colors=PALETTE[0], linewidths=widths, alpha=0.75, zorder=2, label=label))


def _draw_places(axes: Any, picture: NetworkPicture) -> None:
    kinds = list(dict.fromkeys(picture.kinds.values()))
    for number, kind in enumerate(kinds):
        color, marker = PALETTE[(number + 1) % len(PALETTE)], MARKERS[number % len(MARKERS)]
        members = [name for name, own in picture.kinds.items() if own == kind]
        for is_used in (True, False):
            shown = [picture.places[name] for name in members if (name in picture.used) is is_used]
            if shown:
                axes.scatter(
                    *zip(*shown, strict=True), marker=marker, s=42.0 if is_used else 26.0, zorder=3,
                    facecolors=color if is_used else "none", edgecolors=color, linewidths=1.0,
                    label=f"{kind or 'node'}{'' if is_used else ', not used'}",
                )  # fmt: skip
    named = [name for name in picture.places if name in picture.used]
    if len(picture.places) <= MOST_LABELS:
        named = list(picture.places)
    if len(named) > MOST_LABELS:
        named = [n for n in named if any(n == origin for origin, _ in picture.flows)][:MOST_LABELS]
    for name in named:
        axes.annotate(
            plain(name), picture.places[name], xytext=(5, 4), textcoords="offset points", fontsize=7.5,
            color=INK if name in picture.used else FAINT, zorder=4,
        )  # fmt: skip


def _coordinates(network: Network) -> dict[str, Point] | None:
    """Where every place is, or None if some has no coordinates."""
    found: dict[str, Point] = {}
    for node in network.nodes:
        if node.x is not None and node.y is not None:
            found[node.place] = (node.x, node.y)
        elif node.longitude is not None and node.latitude is not None:
            found[node.place] = (node.longitude, node.latitude)
        else:
            return None
    return found


def _echelons(network: Network) -> dict[str, Point]:
    """Columns by the longest path from a source; in a column the order of the tables."""
    depth: dict[str, int] = {}
    for name in network.order:
        depth[name] = max((depth[lane.origin] + 1 for lane in network.incoming[name]), default=0)
    column: dict[str, int] = {}
    for node in network.nodes:
        column[node.place] = max(column.get(node.place, 0), depth[node.name])
    members: dict[int, list[str]] = {}
    for name, level in column.items():
        members.setdefault(level, []).append(name)
    tallest = max(len(names) for names in members.values())
    found = {}
    for level, names in members.items():
        for row, name in enumerate(names):
            found[name] = (float(level), -(row + 0.5) * tallest / len(names))
    return found


def _tallest(picture: NetworkPicture) -> int:
    return max(Counter(x for x, _ in picture.places.values()).values()) + 4
