"""A component of a design as arrays for the compiled core."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from design.case import Case
from design.network import Component
from design.node import LanePair, Node
from design.supply import OUTSIDE
from simopt.simulation.network_arrays import LaneTable, NetworkArrays, NodeTable, network_arrays

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]


def component_arrays(case: Case, component: Component, allocation: int) -> NetworkArrays:
    """A component, nodes numbered as in `Component.nodes`, with the storage that its trees share.

    Parameters
    ----------
    case
        Network with its costs, and the order of customers.
    component
        A tree, trees that share storage, or a network with assembly.
    allocation
        Rule for a short node (`rationing`).
    """
    network, names = case.charged, component.nodes
    number = {name: k for k, name in enumerate(names)}
    lanes = [network.lane(pair) for pair in component.lanes]
    column = {name: k for k, name in enumerate(network.customers)}
    nodes = [network.node(name) for name in names]
    storages = [s for s in network.storages if any(name in number for name in s.nodes)] if component.trees else []
    group = {name: g for g, storage in enumerate(storages) for name in storage.nodes}
    node_table = NodeTable(
        customer=_whole([column.get(name, -1) for name in names]),
        rates=np.array([node.own_rates if component.trees else node.cost_rates for node in nodes], dtype=np.float64),
        lead_time=_whole([node.lead_time or 0 for node in nodes]),
        review=_whole([node.review_period for node in nodes]),
        capacity=_capacities(case, nodes),
        calendar=_whole([_calendar(case, (OUTSIDE, node.place)) for node in nodes]),
        group=_whole([group.get(name, -1) for name in names]),
        unit_size=_floats([node.unit_size for node in nodes]),
        group_capacity=_floats([storage.capacity for storage in storages]),
        group_overflow=_floats([storage.overflow_cost for storage in storages]),
    )
    lane_table = LaneTable(
        tail=_whole([number[lane.origin] for lane in lanes]),
        head=_whole([number[lane.destination] for lane in lanes]),
        lead_time=_whole([lane.lead_time for lane in lanes]),
        unit_cost=_floats([lane.unit_cost for lane in lanes]),
        pipeline_cost=_floats([lane.pipeline_holding_cost for lane in lanes]),
        quantity=_floats([lane.quantity for lane in lanes]),
        waiting_cost=_floats([network.waiting_cost(lane) for lane in lanes]),
        calendar=_whole([_calendar(case, network.places(lane.pair)) for lane in lanes]),
    )
    return network_arrays(node_table, lane_table, case.num_periods, allocation)


def _calendar(case: Case, places: LanePair) -> int:
    """Column of the sample path that says when deliveries arrive, after demand's; -1 where the lead time does."""
    row = case.supply.calendars.get(places, -1)
    return row if row < 0 else len(case.demand) + row


def _capacities(case: Case, nodes: Sequence[Node]) -> Floats:
    """What each node makes at most in each period, shape (node, period), units; nothing during an outage."""
    most = np.tile(np.array([[node.production_capacity] for node in nodes]), case.num_periods)
    for outage in case.supply.outages:
        for k, node in enumerate(nodes):
            if outage.places == (node.place,):
                most[k, outage.within(case.warm_up)] = 0.0
    return most


def _whole(values: list[int]) -> Integers:
    return np.array(values, dtype=np.int64)


def _floats(values: list[float]) -> Floats:
    return np.array(values, dtype=np.float64)
