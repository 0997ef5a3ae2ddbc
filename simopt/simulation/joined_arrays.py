"""Trees that share storage as arrays for the compiled core of any network."""

from __future__ import annotations

import numpy as np

from design.case import Case
from design.network import Component
from simopt.simulation.network_arrays import Floats, Integers, LaneTable, NetworkArrays, NodeTable, network_arrays


def joined_arrays(case: Case, component: Component, allocation: int) -> NetworkArrays:
    """A component of several trees, nodes numbered as in `Component.nodes`, with the storage that they share.

    Parameters
    ----------
    case
        Network with its costs, and the order of customers.
    component
        Trees that share storage.
    allocation
        Rule for a short node (`rationing`).
    """
    network, names = case.charged, component.nodes
    number = {name: k for k, name in enumerate(names)}
    nodes, lanes = [network.node(name) for name in names], [network.lane(pair) for pair in component.lanes]
    column = {name: k for k, name in enumerate(network.customers)}
    storages = [storage for storage in network.storages if not number.keys().isdisjoint(storage.nodes)]
    group = {name: g for g, storage in enumerate(storages) for name in storage.nodes}
    return network_arrays(
        NodeTable(
            customer=_whole([column.get(name, -1) for name in names]),
            rates=np.array([node.own_rates for node in nodes], dtype=np.float64),
            lead_time=_whole([node.lead_time or 0 for node in nodes]),
            group=_whole([group.get(name, -1) for name in names]),
            unit_size=_numbers([node.unit_size for node in nodes]),
            group_capacity=_numbers([storage.capacity for storage in storages]),
            group_overflow=_numbers([storage.overflow_cost for storage in storages]),
        ),
        LaneTable(
            tail=_whole([number[lane.origin] for lane in lanes]),
            head=_whole([number[lane.destination] for lane in lanes]),
            lead_time=_whole([lane.lead_time for lane in lanes]),
            unit_cost=_numbers([lane.unit_cost for lane in lanes]),
            pipeline_cost=_numbers([lane.pipeline_holding_cost for lane in lanes]),
        ),
        case.num_periods,
        allocation,
    )


def _whole(values: list[int]) -> Integers:
    return np.array(values, dtype=np.int64)


def _numbers(values: list[float]) -> Floats:
    return np.array(values, dtype=np.float64)
