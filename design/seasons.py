"""Seasons: one design, or a design opened in stages, for demand that differs by season, with levels for each.

Every stocking point becomes one for each season, called node@season, with the season's demand. A season is planned as
stationary, as if it had always been there: what is left over from the one before is not followed. Its costs count by
its share of the horizon. Ties (`design.site_rules`) make the design the same in all seasons; where sites open in
stages, the seasons follow each other in time and a site once open stays open.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from design.demand import Demand
from design.network import Network
from design.node import Lane, Node

SEASON_SEPARATOR = "@"


@dataclass(frozen=True)
class Season:
    """Part of the horizon.

    Parameters
    ----------
    name
        Unique.
    periods
        How many of the horizon's.
    growth
        Factor on the demand of rows for every season.
    """

    name: str
    periods: int
    growth: float = 1.0


def with_seasons(network: Network, demand: Mapping[str, Mapping[str, Demand]], seasons: Sequence[Season]) -> Network:
    """The network with every node and lane once a season.

    Parameters
    ----------
    network
        Candidates of any season.
    demand
        By customer, then by season.
    seasons
        In the order of time.
    """
    horizon = sum(season.periods for season in seasons)

    def node(given: Node, season: Season) -> Node:
        name = in_season(given.name, season.name)
        return replace(given, name=name, site=given.place, season=season.name, share=season.periods / horizon)

    def lane(given: Lane, season: Season) -> Lane:
        origin, destination = (in_season(name, season.name) for name in given.pair)
        return replace(given, origin=origin, destination=destination)

    return Network(
        tuple(node(one, season) for one in network.nodes for season in seasons),
        tuple(lane(one, season) for one in network.lanes for season in seasons),
        tuple(in_season(name, season.name) for name in demand for season in seasons),
    )


def in_season(name: str, season: str) -> str:
    """The name of a node in a season."""
    return f"{name}{SEASON_SEPARATOR}{season}"


def weighted_network(network: Network, *, staged: bool) -> Network:
    """The network with costs by each node's share of the horizon; fixed costs too where sites open in stages."""
    if all(node.share == 1.0 for node in network.nodes):
        return network

    def node(given: Node) -> Node:
        return replace(
            given,
            holding_cost=given.share * given.holding_cost,
            holding_quadratic=given.share * given.holding_quadratic,
            overflow_cost=given.share * given.overflow_cost,
            site_overflow=given.share * given.site_overflow,
            backorder_cost=given.share * given.backorder_cost,
            fixed_cost=(given.share if staged else 1.0) * given.fixed_cost,
        )

    def lane(given: Lane) -> Lane:
        share = network.node(given.destination).share
        return replace(
            given,
            unit_cost=share * given.unit_cost,
            pipeline_holding_cost=share * given.pipeline_holding_cost,
            input_holding_cost=None if given.input_holding_cost is None else share * given.input_holding_cost,
            fixed_cost=(share if staged else 1.0) * given.fixed_cost,
        )

    return replace(network, nodes=tuple(map(node, network.nodes)), lanes=tuple(map(lane, network.lanes)))
