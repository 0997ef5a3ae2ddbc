"""What a node has received and made up to each period, where that is more than one lane's shipments (compiled).

With X_ki(t) what supplier k has shipped to node i, in sets of what one unit of i takes, and m_ki(t) the last period whose
shipments have arrived by t (t - L_ki, or a row of a calendar: lead times that vary, outages),

    Z_i(t) = min_k X_ki(m_ki(t))                 complete sets of inputs (assembly)
    P_i(t) = min( Z_i(t), P_i(t - 1) + c_i(t) )   made with production capacity c_i per period

and A_i(t) = S_i + P_i(t). Inputs that have arrived and wait, X_ki(m_ki(t)) - P_i(t), are charged at node i. Because the
arrival of an order and the start of its production differ by a lead time only, this is the modified base-stock policy of
Glasserman & Tayur (1995): their stages make at most c a period of what the stage above has.
"""

from __future__ import annotations

import numpy as np
from numba import njit

BY_CAPACITY = -1

_compiled = njit(cache=True, nogil=True, error_model="numpy")


@_compiled
def inflow_of(i, lane, network, cumulative, shipped, short):
    """What has been sent on a lane into node i up to each period: what i ordered unless its supplier was ever short."""
    supplier = network.tail[lane]
    return shipped[lane] if supplier >= 0 and short[supplier] else cumulative[network.order_row[i]]


@_compiled
def _arrived(t, lead_time, calendar):
    """Last period whose shipments have arrived by t; below 0 if none."""
    return calendar[t] if len(calendar) > 0 else t - lead_time


@_compiled
def _limit(made, binding, capacity):
    """P(t) from Z(t), in place: at most `capacity[t]` a period."""
    before = 0.0
    for t in range(len(made)):
        if before + capacity[t] < made[t]:
            made[t] = before + capacity[t]
            binding[t] = BY_CAPACITY
        before = made[t]


@_compiled
def produce(i, network, r, cumulative, shipped, short, warm_up, made, binding):
    """P_i(t) and what limits it, and the cost of inputs that wait.

    Parameters
    ----------
    i, network, r
        Node, `network_arrays.NetworkArrays`, and replication (the calendars' second axis).
    cumulative, shipped, short
        Cumulative orders (row, period), shipments (lane, period), whether a node was ever short.
    warm_up
        Periods that do not count.
    made
        Filled with P_i(t), shape (period,), units.
    binding
        Filled with the place among the node's lanes of the one that limits, or `BY_CAPACITY`, shape (period,).
    """
    first, last = network.in_start[i], network.in_start[i + 1]
    num_periods, cost, rate = len(made), 0.0, 0.0
    for k in range(first, last):
        lane = network.in_lane[k]
        inflow = inflow_of(i, lane, network, cumulative, shipped, short)
        calendar = network.calendars[network.calendar[lane], r] if network.calendar[lane] >= 0 else network.no_calendar
        waiting_cost, arrived_units = network.waiting_cost[lane], 0.0
        for t in range(num_periods):
            at = _arrived(t, network.lead_time[lane], calendar)
            units = inflow[at] if at >= 0 else 0.0
            if k == first or units < made[t]:
                made[t], binding[t] = units, k - first
            arrived_units += units if t >= warm_up else 0.0
        cost += waiting_cost * arrived_units
        rate += waiting_cost
    if network.capacity_row[i] >= 0:
        _limit(made, binding, network.capacities[network.capacity_row[i]])
    if rate > 0.0:
        total = 0.0
        for t in range(warm_up, num_periods):
            total += made[t]
        cost -= rate * total
    return cost


@_compiled
def sweep_production(i, network, r, short, binding, warm_up, slope, lane_slope):
    """Carry node i's slopes back to its lanes: adds to the rows of `lane_slope` that belong to short suppliers.

    Parameters
    ----------
    i, network, r, short, warm_up
        As in `produce`.
    binding
        As `produce` left it.
    slope
        λ_i(t), derivative of the cost in A_i(t), shape (period,); not changed.
    lane_slope
        Shape (row, period).
    """
    first, last = network.in_start[i], network.in_start[i + 1]
    rate = 0.0
    for k in range(first, last):
        rate += network.waiting_cost[network.in_lane[k]]
    carried = 0.0
    for t in range(len(slope) - 1, -1, -1):
        carried += slope[t] - (rate if t >= warm_up else 0.0)
        if binding[t] == BY_CAPACITY:
            continue
        lane = network.in_lane[first + binding[t]]
        if network.tail[lane] >= 0 and short[network.tail[lane]]:
            calendar = network.calendars[network.calendar[lane], r] if network.calendar[lane] >= 0 else network.no_calendar
            at = _arrived(t, network.lead_time[lane], calendar)
            if at >= 0:
                lane_slope[network.slope_row[lane], at] += carried
        carried = 0.0


@_compiled
def value_shipments(lane, network, r, warm_up, value):
    """Derivative of transport, goods in transit and waiting inputs in what is shipped on a lane up to each period."""
    num_periods = len(value)
    calendar = network.calendars[network.calendar[lane], r] if network.calendar[lane] >= 0 else network.no_calendar
    pipeline_cost, waiting_cost = network.pipeline_cost[lane], network.waiting_cost[lane]
    for t in range(num_periods):
        value[t] = pipeline_cost if t >= warm_up else 0.0
    value[num_periods - 1] += network.unit_cost[lane]
    if warm_up > 0:
        value[warm_up - 1] -= network.unit_cost[lane]
    if pipeline_cost != waiting_cost:
        for t in range(warm_up, num_periods):
            at = _arrived(t, network.lead_time[lane], calendar)
            if at >= 0:
                value[at] += waiting_cost - pipeline_cost


@_compiled
def measure_transit(lane, network, r, inflow, warm_up):
    """Units in transit on a lane, summed over the periods of the horizon."""
    calendar = network.calendars[network.calendar[lane], r] if network.calendar[lane] >= 0 else network.no_calendar
    total = 0.0
    for t in range(warm_up, len(inflow)):
        at = _arrived(t, network.lead_time[lane], calendar)
        total += inflow[t] - (inflow[at] if at >= 0 else 0.0)
    return total


@_compiled
def charge_storage(network, available, cumulative, warm_up, measures_holding, slope, used):
    """Overflow of storage that several nodes share, split over them by the space they take; their slopes grow with it.

    Parameters
    ----------
    network
        `NetworkArrays`.
    available, cumulative
        A(t), shape (node, period), and C(t), shape (row, period), units.
    warm_up
        Periods that do not count.
    measures_holding
        Holding cost of each node, shape (node,), added to.
    slope
        Slope of each node's own cost, shape (node, period), added to.
    used
        Scratch, shape (period,).
    """
    for g in range(len(network.group_capacity)):
        members = network.group_node[network.group_start[g] : network.group_start[g + 1]]
        used[:] = 0.0
        for i in members:
            for t in range(warm_up, len(used)):
                used[t] += network.unit_size[i] * max(available[i, t] - cumulative[i, t], 0.0)
        capacity, overflow = network.group_capacity[g], network.group_overflow[g]
        for i in members:
            for t in range(warm_up, len(used)):
                if used[t] < capacity:
                    continue
                net = available[i, t] - cumulative[i, t]
                if net >= 0.0:
                    slope[i, t] += overflow * network.unit_size[i]
                if used[t] > 0.0:
                    part = network.unit_size[i] * max(net, 0.0) / used[t]
                    measures_holding[i] += overflow * (used[t] - capacity) * part
