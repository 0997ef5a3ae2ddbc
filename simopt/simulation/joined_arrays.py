"""Trees that share storage as arrays for the compiled core of any network."""

from __future__ import annotations

from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from design.case import Case
from design.network import Component
from simopt.simulation.network_arrays import NetworkArrays

Whole = NDArray[np.int64]


def joined_arrays(case: Case, component: Component) -> NetworkArrays:
    """A component of several trees, nodes numbered as in `Component.nodes`, with the storage that they share.

    Parameters
    ----------
    case
        Network with its costs, and the order of customers.
    component
        Trees that share storage.
    """
    network, names, supplier = case.charged, component.nodes, component.supplier
    number = {name: k for k, name in enumerate(names)}
    below = {name: [end for end in names if supplier.get(end) == name] for name in names}
    lanes = [network.lane((name, end)) for name in names for end in below[name]]
    sources = [name for name in names if name not in supplier]
    heads = [number[lane.destination] for lane in lanes] + [number[name] for name in sources]
    times = [lane.lead_time for lane in lanes] + [network.node(name).lead_time or 0 for name in sources]
    column = {name: k for k, name in enumerate(network.customers)}
    storages = [(s, [name for name in s.nodes if name in number]) for s in network.storages]
    storages = [(storage, used) for storage, used in storages if used]
    num_nodes, outside = len(names), [0.0] * len(sources)
    return NetworkArrays(
        customer=_whole([column.get(name, -1) for name in names]),
        rates=np.array([network.node(name).own_rates for name in names], dtype=np.float64),
        review=np.ones(num_nodes, dtype=np.int64),
        order_row=np.arange(num_nodes),
        capacity_row=np.full(num_nodes, -1),
        capacities=np.empty((0, case.num_periods)),
        made_row=np.full(num_nodes, -1),
        out_start=_starts([len(below[name]) for name in names]),
        tail=_whole([number[lane.origin] for lane in lanes] + [-1] * len(sources)),
        head=_whole(heads),
        lead_time=_whole(times),
        quantity=np.ones(len(heads)),
        unit_cost=np.array([lane.unit_cost for lane in lanes] + outside),
        pipeline_cost=np.array([lane.pipeline_holding_cost for lane in lanes] + outside),
        waiting_cost=np.zeros(len(heads)),
        orders_of=_whole(heads),
        calendar=np.full(len(heads), -1),
        calendars=np.empty((0, 0, 0), dtype=np.int64),
        no_calendar=np.empty(0, dtype=np.int64),
        value_row=np.full(len(heads), -1),
        in_start=np.arange(num_nodes + 1),
        in_lane=np.argsort(heads),
        place=np.zeros(len(heads), dtype=np.int64),
        waiting_rate=np.zeros(num_nodes),
        no_limits=np.empty(0, dtype=np.int16),
        group_start=_starts([len(used) for _, used in storages]),
        group_node=_whole([number[name] for _, used in storages for name in used]),
        group=_whole([next((g for g, (_, used) in enumerate(storages) if name in used), -1) for name in names]),
        group_capacity=np.array([storage.capacity for storage, _ in storages], dtype=np.float64),
        group_overflow=np.array([storage.overflow_cost for storage, _ in storages], dtype=np.float64),
        unit_size=np.array([network.node(name).unit_size for name in names], dtype=np.float64),
    )


def _starts(counts: list[int]) -> Whole:
    """Where each part begins, and the end of the last."""
    return _whole([0, *accumulate(counts)])


def _whole(values: list[int]) -> Whole:
    return np.array(values, dtype=np.int64)
