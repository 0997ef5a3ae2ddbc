"""A network as the compiled core takes it: arrays over nodes and lanes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simopt.simulation.rationing import FCFS

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class NetworkArrays(NamedTuple):
    """Any acyclic network, nodes numbered so that every node comes after its suppliers; made by `network_arrays`.

    Lanes are numbered by supplier, those out of one node next to each other; after them one lane from the outside
    supply for each source. Money on lanes is per unit of the receiver (`quantity` units of the supplier).

    Parameters
    ----------
    customer
        Column of the sample path that holds the node's own demand, -1 for none, shape (node,).
    rates
        Cost rates in the order of `design.cost`, shape (node, 5).
    review
        Periods from one review to the next, shape (node,), at least 1; the first is period 0.
    order_row
        Row of the cumulative orders that holds what the node orders: its own number where it reviews every period, a
        row after the nodes' otherwise.
    capacity_row, capacities
        Row of each node's production capacity, -1 for none; units per period, shape (row, period).
    made_row
        Row in which the core keeps what limits a node's production; -1 where one lane does, always.
    out_start
        Lanes out of node i are out_start[i] .. out_start[i + 1] - 1.
    tail, head
        Supplier, -1 for the outside, and receiver of each lane.
    lead_time
        Periods, shape (lane,).
    quantity
        Units of the supplier in one unit of the receiver.
    unit_cost, pipeline_cost, waiting_cost
        Money per unit shipped; per unit and period in transit; per unit and period arrived and waiting.
    orders_of
        Row of the cumulative orders that are placed on the lane.
    calendar
        Column of the sample path that holds the last period whose shipments have arrived by the end of each period (-1:
        none yet; never falling), -1 where the lead time says it.
    no_calendar
        Empty.
    value_row
        Row in which the core keeps the derivative in what is shipped; -1 where the receiver's slopes serve.
    in_start, in_lane, place
        Lanes into node i are in_lane[in_start[i]] .. in_lane[in_start[i + 1] - 1]; each lane's place among them.
    waiting_rate
        Sum of the waiting costs of the lanes into each node, shape (node,).
    no_limits
        Empty.
    group_start, group_node, group, group_capacity, group_overflow, unit_size
        Storage that several nodes share: the nodes of each group, each node's group or -1, its capacity in units of
        space, money per unit of space above it and period; space that a unit of each node takes.
    """

    customer: Integers
    rates: Floats
    review: Integers
    order_row: Integers
    capacity_row: Integers
    capacities: Floats
    made_row: Integers
    out_start: Integers
    tail: Integers
    head: Integers
    lead_time: Integers
    quantity: Floats
    unit_cost: Floats
    pipeline_cost: Floats
    waiting_cost: Floats
    orders_of: Integers
    calendar: Integers
    no_calendar: Integers
    value_row: Integers
    in_start: Integers
    in_lane: Integers
    place: Integers
    waiting_rate: Floats
    no_limits: NDArray[np.int16]
    group_start: Integers
    group_node: Integers
    group: Integers
    group_capacity: Floats
    group_overflow: Floats
    unit_size: Floats


@dataclass(frozen=True, eq=False)
class NodeTable:
    """Nodes of a network, each after its suppliers; arrays of shape (node,).

    Parameters
    ----------
    customer, rates
        As in `NetworkArrays`.
    lead_time
        Of the outside supply, periods; used at sources.
    review
        Periods between reviews; None: every period.
    capacity
        Production capacity, units, shape (node,) or (node, period), infinite for none; None: none at all.
    calendar
        Column of the sample path with the calendar of the outside supply, -1 for none; None: none at all.
    group, unit_size, group_capacity, group_overflow
        Shared storage of each node, -1 for none, and what it holds; None: none at all.
    """

    customer: Integers
    rates: Floats
    lead_time: Integers
    review: Integers | None = None
    capacity: Floats | None = None
    calendar: Integers | None = None
    group: Integers | None = None
    unit_size: Floats | None = None
    group_capacity: Floats = field(default_factory=lambda: np.empty(0))
    group_overflow: Floats = field(default_factory=lambda: np.empty(0))


@dataclass(frozen=True, eq=False)
class LaneTable:
    """Lanes of a network, in any order; arrays of shape (lane,), None for zeros (ones for quantities).

    Those out of one node keep their order, which says who comes first under priority.

    Parameters
    ----------
    tail, head
        Numbers of the supplying and the receiving node.
    lead_time
        Periods.
    quantity
        Units of the supplier in one unit of the receiver.
    unit_cost, pipeline_cost, waiting_cost
        Money per unit of the supplier: shipped; in transit, per period; waiting at the receiver, per period.
    calendar
        As in `NetworkArrays`; None: none at all.
    """

    tail: Integers
    head: Integers
    lead_time: Integers
    quantity: Floats | None = None
    unit_cost: Floats | None = None
    pipeline_cost: Floats | None = None
    waiting_cost: Floats | None = None
    calendar: Integers | None = None


def network_arrays(nodes: NodeTable, lanes: LaneTable, num_periods: int, allocation: int = FCFS) -> NetworkArrays:
    """A network for the compiled core.

    Parameters
    ----------
    nodes, lanes
        The network.
    num_periods
        Periods of a replication.
    allocation
        Rule for a short node (`rationing`).

    Raises
    ------
    ValueError
        If a lane does not lead from a node to one with a larger number.
    """
    if np.any(lanes.tail >= lanes.head):
        raise ValueError("lanes: expected every node to have a larger number than its suppliers")
    num_nodes, order = len(nodes.customer), np.argsort(lanes.tail, kind="stable")
    sources = np.setdiff1d(np.arange(num_nodes), lanes.head)
    tail = np.concatenate([lanes.tail[order], np.full(len(sources), -1)]).astype(np.int64)
    head = np.concatenate([lanes.head[order], sources]).astype(np.int64)
    outside_calendar = _or_full(nodes.calendar, num_nodes, -1)[sources]
    calendar = np.concatenate([_or_full(lanes.calendar, len(order), -1)[order], outside_calendar])
    in_lane = np.argsort(head, kind="stable").astype(np.int64)
    in_start = np.searchsorted(head[in_lane], np.arange(num_nodes + 1)).astype(np.int64)
    place = np.empty(len(head), dtype=np.int64)
    place[in_lane] = np.arange(len(head)) - in_start[head[in_lane]]
    review = _or_full(nodes.review, num_nodes, 1)
    capacity_row, capacities = _capacities(nodes.capacity, num_nodes, num_periods)
    has_calendar = np.zeros(num_nodes, dtype=np.bool_)
    has_calendar[head[calendar >= 0]] = True
    is_made = (np.diff(in_start) > 1) | (capacity_row >= 0) | has_calendar
    waits = (np.diff(in_start) > 1) | (capacity_row >= 0)
    quantity = _extended(lanes.quantity, order, len(sources), 1.0)
    waiting_cost = quantity * _extended(lanes.waiting_cost, order, len(sources), 0.0) * waits[head]
    order_row = np.arange(num_nodes, dtype=np.int64)
    order_row[review > 1] = num_nodes + np.arange(np.count_nonzero(review > 1))
    valued = (tail >= 0) & ((allocation != FCFS) | (calendar >= 0))
    group = _or_full(nodes.group, num_nodes, -1)
    group_node = np.argsort(group, kind="stable")
    group_node = group_node[group[group_node] >= 0].astype(np.int64)
    return NetworkArrays(
        customer=nodes.customer.astype(np.int64),
        rates=np.ascontiguousarray(nodes.rates, dtype=np.float64),
        review=review,
        order_row=order_row,
        capacity_row=capacity_row,
        capacities=capacities,
        made_row=_rows(is_made),
        out_start=np.searchsorted(lanes.tail[order], np.arange(num_nodes + 1)).astype(np.int64),
        tail=tail,
        head=head,
        lead_time=np.concatenate([lanes.lead_time[order], nodes.lead_time[sources]]).astype(np.int64),
        quantity=quantity,
        unit_cost=quantity * _extended(lanes.unit_cost, order, len(sources), 0.0),
        pipeline_cost=quantity * _extended(lanes.pipeline_cost, order, len(sources), 0.0),
        waiting_cost=waiting_cost,
        orders_of=order_row[head],
        calendar=calendar,
        no_calendar=np.empty(0, dtype=np.int64),
        value_row=_rows(valued),
        in_start=in_start,
        in_lane=in_lane,
        place=place,
        waiting_rate=np.bincount(head, weights=waiting_cost, minlength=num_nodes).astype(np.float64),
        no_limits=np.empty(0, dtype=np.int16),
        group_start=np.searchsorted(group[group_node], np.arange(len(nodes.group_capacity) + 1)).astype(np.int64),
        group_node=group_node,
        group=group,
        group_capacity=nodes.group_capacity,
        group_overflow=nodes.group_overflow,
        unit_size=np.ones(num_nodes) if nodes.unit_size is None else nodes.unit_size,
    )


def _or_full(values: Integers | None, size: int, default: int) -> Integers:
    return np.full(size, default, dtype=np.int64) if values is None else values.astype(np.int64)


def _extended(values: Floats | None, order: Integers, num_outside: int, default: float) -> Floats:
    """A column of the lanes in the core's order, with the lanes from outside."""
    inside = np.full(len(order), default) if values is None else np.asarray(values, dtype=np.float64)[order]
    return np.concatenate([inside, np.full(num_outside, default)])


def _rows(chosen: NDArray[np.bool_]) -> Integers:
    """0, 1, 2, ... where chosen, else -1."""
    rows = np.full(len(chosen), -1, dtype=np.int64)
    rows[chosen] = np.arange(np.count_nonzero(chosen))
    return rows


def _capacities(capacity: Floats | None, num_nodes: int, num_periods: int) -> tuple[Integers, Floats]:
    if capacity is None:
        return np.full(num_nodes, -1, dtype=np.int64), np.empty((0, num_periods))
    by_period = np.broadcast_to(capacity if capacity.ndim == 2 else capacity[:, np.newaxis], (num_nodes, num_periods))
    limited = np.asarray(np.isfinite(by_period).any(axis=1))
    return _rows(limited), np.ascontiguousarray(by_period[limited])


def extras_of(network: NetworkArrays, allocation: int) -> bool | None:
    """True where a network is more than lanes with fixed lead times, one into each node, first come, first served.

    Else None: code compiled for None leaves out production, assembly, calendars, other allocations, shared storage and
    customers of suppliers, nearly half of what there is to compile before a first result.
    """
    supplies = np.diff(network.out_start) > 0
    is_plain = (
        allocation == FCFS
        and network.made_row.max() < 0
        and network.value_row.max() < 0
        and len(network.group_capacity) == 0
        and not (supplies & (network.customer >= 0)).any()
    )
    return None if is_plain else True
