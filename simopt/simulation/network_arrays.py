"""A network as the compiled core takes it: arrays over nodes and lanes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class NetworkArrays(NamedTuple):
    """Any acyclic network, nodes numbered so that every node comes after its suppliers.

    Lanes are numbered by supplier, those out of one node next to each other; after them one lane from the outside supply
    for each source. Money on lanes is per unit of the receiver (`quantity` units of the supplier).

    Parameters
    ----------
    customer
        Column of the demand array, -1 for none, shape (node,).
    rates
        Cost rates in the order of `design.cost`, shape (node, 5).
    review
        Periods from one review to the next, shape (node,), at least 1; the first is period 0.
    order_row
        Row of the cumulative orders that holds what the node orders: its own number where it reviews every period, a row
        after the nodes' otherwise.
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
    calendar, calendars, no_calendar
        Row of each lane's calendar, -1 for none; last period whose shipments have arrived by the end of each period, -1
        for none, never falling, shape (row, replication, period); an empty one.
    value_row
        Row in which the core keeps the derivative in what is shipped; -1 where the receiver's slopes serve.
    in_start, in_lane, place
        Lanes into node i are in_lane[in_start[i]] .. in_lane[in_start[i + 1] - 1]; each lane's place among them.
    waiting_rate
        Sum of the waiting costs of the lanes into each node, shape (node,).
    no_limits
        Empty.
    group_start, group_node, group, group_capacity, group_overflow, unit_size
        Storage that several nodes share: the nodes of group g, its capacity in units of space, money per unit of space
        above it and period; space that a unit of each node takes.
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
    calendars: Integers
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
