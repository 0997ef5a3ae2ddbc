"""Storage that the products of a site share: what is on hand above its capacity pays an overflow cost."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import TYPE_CHECKING

from design.node import Lane, Node

if TYPE_CHECKING:
    from design.network import Component, Network


@dataclass(frozen=True)
class SharedStorage:
    """The storage of a site, in one season.

    Parameters
    ----------
    place, season
        The site and the season, "" where there is one.
    nodes
        Its stocking points, one a product.
    unit_sizes
        Room that a unit of each takes, in units of capacity.
    capacity
        Units of capacity.
    overflow_cost
        Money per unit of capacity on hand above it and period.
    """

    place: str
    season: str
    nodes: tuple[str, ...]
    unit_sizes: tuple[float, ...]
    capacity: float
    overflow_cost: float

    @classmethod
    def of_nodes(cls, nodes: Sequence[Node]) -> SharedStorage:
        """The storage of a site's stocking points, all of one season."""
        first = nodes[0]
        return cls(
            first.place,
            first.season,
            tuple(node.name for node in nodes),
            tuple(node.unit_size for node in nodes),
            first.site_storage,
            first.site_overflow,
        )

    @property
    def joins(self) -> bool:
        """Whether products meet in it."""
        return len(self.nodes) > 1

    def most_used(self, levels: Mapping[str, float]) -> float:
        """Room taken if all used stocking points held their base-stock levels, which is the most they ever hold."""
        pairs = zip(self.nodes, self.unit_sizes, strict=True)
        return sum(size * levels[name] for name, size in pairs if name in levels)


def free_storage(network: Network, places: Collection[str] | None = None) -> Network:
    """The network without overflow costs of shared storage, at all places or at given ones."""

    def node(given: Node) -> Node:
        return replace(given, site_overflow=0.0) if places is None or given.place in places else given

    return replace(network, nodes=tuple(map(node, network.nodes)))


def room_network(network: Network) -> Network:
    """The network with the room that a unit on hand takes of shared storage in the place of all costs."""

    def node(given: Node) -> Node:
        return replace(
            given,
            holding_cost=given.unit_size if given.site_storage < inf else 0.0,
            holding_quadratic=0.0,
            overflow_cost=0.0,
            site_overflow=0.0,
            backorder_cost=0.0,
            fixed_cost=0.0,
            site_emission=0.0,
            holding_emission=0.0,
        )

    def lane(given: Lane) -> Lane:
        return replace(
            given, unit_cost=0.0, fixed_cost=0.0, pipeline_holding_cost=0.0, emission=0.0, input_holding_cost=0.0
        )

    return replace(network, nodes=tuple(map(node, network.nodes)), lanes=tuple(map(lane, network.lanes)))


def has_room(storages: Sequence[SharedStorage], levels: Mapping[str, float]) -> bool:
    """Whether no storage can overflow at these base-stock levels of used nodes, units, whatever the demand."""
    return all(storage.most_used(levels) <= storage.capacity for storage in storages)


def join_by_storage(trees: Sequence[Component], storages: Sequence[SharedStorage]) -> tuple[Component, ...]:
    """Trees as components, those with nodes in a common storage as one; in the order of their first trees."""
    parts = [[tree] for tree in trees]
    for storage in storages:
        members = set(storage.nodes)
        shared = [part for part in parts if any(not members.isdisjoint(tree.nodes) for tree in part)]
        if len(shared) > 1:
            merged = [tree for tree in trees if any(tree in part for part in shared)]
            parts[parts.index(shared[0])] = merged
            for part in shared[1:]:
                parts.remove(part)
    return tuple(type(part[0]).joined(tuple(part)) for part in parts)
