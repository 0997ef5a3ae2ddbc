"""Fewer candidate lanes: the cheapest into every site, for networks with far more of them than any good design uses."""

from __future__ import annotations

from dataclasses import replace

from design.case import Case
from design.errors import BadInputError
from design.network import Network
from design.node import Lane

Link = tuple[str, str, str]


class PruningError(BadInputError):
    """Lanes that cannot be left out; the message says what was expected."""


def keep_cheapest_lanes(case: Case, count: int) -> Case:
    """The case with only the cheapest links into every site, and those that must be used.

    A link is all lanes between two sites for one input: those of all products and seasons stay or go together, so that
    rules that tie them can still be kept. Its cost is what transport and goods in transit cost for a unit, on average
    over its lanes. Bounds and certificates of the new case say nothing about designs that use a lane left out.

    Parameters
    ----------
    case
        The problem.
    count
        Links into a site for each input, at least 1.

    Raises
    ------
    PruningError
        If `count` is below 1.
    """
    if count < 1:
        raise PruningError(f"keep-lanes {count}: expected a whole number, at least 1")
    network, links = case.network, dict[Link, list[Lane]]()
    for lane in network.usable_lanes:
        links.setdefault((*network.places(lane.pair), lane.input), []).append(lane)
    into: dict[tuple[str, str], list[Link]] = {}
    for link in links:
        into.setdefault(link[1:], []).append(link)
    kept = {link for link, lanes in links.items() if any(lane.status == "open" for lane in lanes)}
    for candidates in into.values():
        kept.update(sorted(candidates, key=lambda link: _unit_cost(case, links[link]))[:count])
    lanes = tuple(k for k in network.lanes if (*network.places(k.pair), k.input) in kept)
    return replace(case, network=Network(network.nodes, lanes, network.customers))


def _unit_cost(case: Case, lanes: list[Lane]) -> float:
    charged = [case.charged.lane(lane.pair) for lane in lanes]
    return sum(lane.unit_cost + lane.pipeline_holding_cost * lane.lead_time for lane in charged) / len(charged)
