"""The compiled core: one pass over periods and nodes gives costs, service and the exact pathwise gradient.

Everything is computed in cumulative quantities (MODEL: one period t). With C_i(t) the orders on node i up to t, X_ki(t)
what its supplier k has shipped to it (in sets of what one unit of i takes) and P_i(t) what i has made of it,

    C_i(t) = own demand + Σ_j q_ij·C_j(t)     orders of its customers (at their last review)
    A_i(t) = S_i + P_i(t)                     available; P_i(t) = X_ki(t - L_ki), or see `production`
    Σ_j X_ij(t) = min(C_i(t), A_i(t))         shipped; on hand A - Σ X, backorders C - Σ X; who gets what: `rationing`

Gradients are pathwise derivatives (Glasserman & Tayur 1995) by a reverse sweep (adjoint): with w_i(t) the slope of the
cost of i's net stock,

    λ_i(t) = w_i(t) + Σ_j ∂X_ij(t)/∂A_i(t) · (derivative of the cost in X_ij(t)),      ∂cost/∂S_i = Σ_t λ_i(t)

so that the derivatives in all levels cost about one more simulation at any size and depth. Ties count as not short, so
it is the right derivative of every path on trees under first come, first served; under another rule, or where inputs of
an assembly arrive in the same period, it is the gradient wherever there is one, but at exact ties (whole demand and
whole levels) it may be neither side's.

`network_arrays.NetworkArrays` says how a network is given.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simopt.simulation.compiled import compiled, compiled_within
from simopt.simulation.network_arrays import NetworkArrays
from simopt.simulation.production import (
    limit,
    receive,
    slopes_of_sets,
    units_arrived,
    units_in_transit,
    value_arrivals,
    value_shipments,
)
from simopt.simulation.rationing import (
    FCFS,
    ration,
    ship_fcfs,
    shortages,
    sweep,
    sweep_assembly_fcfs,
    sweep_costs_fcfs,
    sweep_fcfs,
    sweep_valued_fcfs,
)
from simopt.simulation.shared_storage import add_slopes_of_overflow, add_space, overflow_of
from simopt.simulation.stage import (
    NUM_MEASURES,
    Measure,
    credit_leaf,
    measure_lane,
    serve_leaf,
    serve_own,
    slopes_of_stock,
    stock,
    sum_of,
)

_HOLDING, _BACKORDER = int(Measure.HOLDING), int(Measure.BACKORDER)
_TRANSPORT, _PIPELINE = int(Measure.TRANSPORT), int(Measure.PIPELINE)


@compiled_within
def cumulate_own(demand, column, cumulative):
    """A node's own demand up to each period from one replication's demand (period, customer); column -1: none."""
    if column < 0:
        for t in range(len(cumulative)):
            cumulative[t] = 0.0
        return
    total = 0.0
    for t in range(len(cumulative)):
        total += demand[t, column]
        cumulative[t] = total


@compiled_within
def _hold_until_review(total, review, ordered):
    """What a node has ordered up to each period: what was asked of it by its last review, the first in period 0."""
    last = 0.0
    for t in range(len(total)):
        last = total[t] if t % review == 0 else last
        ordered[t] = last


@compiled
def cumulate_orders(network, demand, cumulative):
    """C_i(t) of every node, receivers before suppliers, and after them the rows of what is ordered at reviews."""
    out_start, orders_of, quantities, order_row = (
        network.out_start,
        network.orders_of,
        network.quantity,
        network.order_row,
    )
    review, customer = network.review, network.customer
    num_periods = cumulative.shape[1]
    for i in range(len(customer) - 1, -1, -1):
        own = cumulative[i]
        cumulate_own(demand, customer[i], own)
        for lane in range(out_start[i + 1] - 1, out_start[i] - 1, -1):
            below, quantity = cumulative[orders_of[lane]], quantities[lane]
            for t in range(num_periods):
                own[t] += quantity * below[t]
        if review[i] > 1:
            _hold_until_review(own, review[i], cumulative[order_row[i]])


@compiled_within
def _inflow(lane, supplier, allocation, ordered, state, buffer):
    """What has been shipped on a lane up to each period; `buffer` holds it where it is not kept elsewhere."""
    cumulative, available, when, head, num_short, shipped, share = state
    if supplier < 0 or num_short[supplier] == 0:
        return ordered
    if allocation != FCFS:
        return shipped[lane]
    s = supplier
    ship_fcfs(ordered, available[s], cumulative[s], when[s], head[s], num_short[s], buffer, share[lane])
    return buffer


@compiled_within
def shipped_on(lane, allocation, network, work):
    """What has been shipped on a lane up to each period in the replication that `work` holds; one at a time."""
    cumulative, available, when, head, num_short, shipped, share, _, _, buffers, _, _, _ = work
    state = cumulative, available, when, head, num_short, shipped, share
    ordered = cumulative[network.orders_of[lane]]
    return _inflow(lane, network.tail[lane], allocation, ordered, state, buffers[0])


@compiled_within
def _read_calendar(path, column, dates):
    """The last period whose shipments have arrived by each period, from a column of the sample path."""
    for t in range(len(dates)):
        dates[t] = int(path[t, column])
    return dates


@compiled_within
def _make(i, path, network, coupled, allocation, state, warm_up, buffers, binding, measures):
    """P_i(t) into `made` and what limits it, with the costs of the lanes into i and of inputs that wait."""
    first, last = network.in_start[i], network.in_start[i + 1]
    buffer, made, dates = buffers
    cumulative, rate, cost = state[0], 0.0, 0.0
    ordered = cumulative[network.order_row[i]]
    for k in range(first, last):
        lane = network.in_lane[k]
        supplier = network.tail[lane] if coupled else -1
        inflow = _inflow(lane, supplier, allocation, ordered, state, buffer)
        lead_time, calendar = network.lead_time[lane], network.no_calendar
        if network.calendar[lane] >= 0 and coupled:
            calendar = _read_calendar(path, network.calendar[lane], dates)
        receive(inflow, lead_time, calendar, k - first, made, binding)
        if network.waiting_cost[lane] > 0.0:
            cost += network.waiting_cost[lane] * units_arrived(inflow, lead_time, calendar, warm_up)
            rate += network.waiting_cost[lane]
        if network.tail[lane] >= 0:
            measure_lane(i, lead_time, inflow, warm_up, network.unit_cost[lane], 0.0, measures)
        if network.pipeline_cost[lane] > 0.0:
            transit = units_in_transit(inflow, lead_time, calendar, warm_up)
            measures[i, _PIPELINE] += network.pipeline_cost[lane] * transit
    if network.capacity_row[i] >= 0 and coupled:
        limit(made, binding, network.capacities[network.capacity_row[i]])
    return cost - rate * sum_of(made[warm_up:]) if rate > 0.0 else 0.0


@compiled_within
def _serve_besides(i, network, demand, allocation, state, warm_up, measures, buffers):
    """Service of the own customers of a node that supplies others too."""
    cumulative, available = state[0], state[1]
    got, buffer = buffers[0], buffers[1]
    for t in range(len(got)):
        got[t] = min(available[i, t], cumulative[i, t])
    for lane in range(network.out_start[i], network.out_start[i + 1]):
        sent = _inflow(lane, i, allocation, cumulative[network.orders_of[lane]], state, buffer)
        for t in range(len(got)):
            got[t] -= network.quantity[lane] * sent[t]
    serve_own(i, demand[:, network.customer[i]], got, warm_up, measures)


@compiled_within
def _share_storage(network, available, cumulative, warm_up, measures, used):
    """Overflow of shared storage, split over the nodes by the space they take; `used` is kept for the slopes."""
    for g in range(len(network.group_capacity)):
        members = network.group_node[network.group_start[g] : network.group_start[g + 1]]
        space, capacity, rate = used[g], network.group_capacity[g], network.group_overflow[g]
        space[:] = 0.0
        for i in members:
            add_space(network.unit_size[i], available[i], cumulative[i], warm_up, space)
        for i in members:
            measures[i, _HOLDING] += overflow_of(
                network.unit_size[i], available[i], cumulative[i], warm_up, space, capacity, rate
            )


@compiled_within
def run_forward(network, levels, demand, warm_up, allocation, coupled, serving, extras, work, measures):
    """One replication from the sources down; `work` as made by `make_work`."""
    cumulative, available, when, head, num_short, shipped, share, binding, used, buffers, dates, _, _ = work
    in_start, in_lane, out_start, tail = network.in_start, network.in_lane, network.out_start, network.tail
    customer = network.customer
    lead_times, order_row, made_row, rates = network.lead_time, network.order_row, network.made_row, network.rates
    unit_cost, pipeline_cost, group_count = network.unit_cost, network.pipeline_cost, len(network.group_capacity)
    state = cumulative, available, when, head, num_short, shipped, share
    buffer, made, scratch = buffers[0], buffers[1], buffers[2:4]
    lines = buffer, made, dates
    cumulate_orders(network, demand, cumulative)
    for i in range(len(levels)):
        total, supply, waiting, is_made = cumulative[i], available[i], 0.0, False
        lead_time, inflow = 0, made
        if extras is not None:
            is_made = made_row[i] >= 0
            if is_made:
                row = binding[made_row[i]]
                waiting = _make(i, demand, network, coupled, allocation, state, warm_up, lines, row, measures)
        if not is_made:
            lane = in_lane[in_start[i]]
            lead_time, supplier, inflow = lead_times[lane], tail[lane], cumulative[order_row[i]]
            if supplier >= 0 and coupled and num_short[supplier] > 0:
                if allocation == FCFS:
                    above, asked, count = available[supplier], cumulative[supplier], num_short[supplier]
                    ship_fcfs(inflow, above, asked, when[supplier], head[supplier], count, buffer, share[lane])
                    inflow = buffer
                else:
                    inflow = shipped[lane]
            if supplier >= 0:
                measure_lane(i, lead_time, inflow, warm_up, unit_cost[lane], pipeline_cost[lane], measures)
        holding, measures[i, _BACKORDER], is_short = stock(
            levels[i], lead_time, inflow, total, warm_up, rates[i], supply, scratch
        )
        measures[i, _HOLDING] = holding + waiting
        first, last = out_start[i], out_start[i + 1]
        num_short[i] = 1 if is_short else 0
        if is_short and first < last:
            if allocation == FCFS:
                num_short[i] = shortages(supply, total, when[i], head[i])
            elif extras is not None:
                rows, quantity = network.orders_of, network.quantity
                ration(allocation, first, last, rows, quantity, supply, total, cumulative, shipped, share)
        if serving and customer[i] >= 0:
            if first == last:
                serve_leaf(i, supply, total, warm_up, measures, scratch)
            elif extras is not None:
                _serve_besides(i, network, demand, allocation, state, warm_up, measures, scratch)
    if extras is not None and group_count > 0:
        _share_storage(network, available, cumulative, warm_up, measures, used)


@compiled_within
def _value_lanes(i, path, network, warm_up, num_short, limits, slope, value, dates):
    """Derivative of the cost in what short suppliers ship to i on lanes that have a row of `value`."""
    first, last = network.in_start[i], network.in_start[i + 1]
    for k in range(first, last):
        lane = network.in_lane[k]
        if network.value_row[lane] < 0 or num_short[network.tail[lane]] == 0:
            continue
        lead_time, calendar = network.lead_time[lane], network.no_calendar
        if network.calendar[lane] >= 0:
            calendar = _read_calendar(path, network.calendar[lane], dates)
        worth = value[network.value_row[lane]]
        unit_cost, pipeline_cost = network.unit_cost[lane], network.pipeline_cost[lane]
        value_shipments(lead_time, calendar, warm_up, unit_cost, pipeline_cost, network.waiting_cost[lane], worth)
        value_arrivals(k - first, slope, limits, lead_time, calendar, worth)


@compiled_within
def _backward(network, path, warm_up, allocation, multipliers, extras, work, measures, gradient):
    """λ_i(t) of every node, receivers before suppliers, and their sums.

    Once summed, the slopes of a node that `production` describes become those in Z_i(t), which its suppliers need.
    """
    cumulative, available, when, _, num_short, shipped, share, binding, used, buffers, dates, slope, value = work
    out_start, made_row, rates, waiting_rate = network.out_start, network.made_row, network.rates, network.waiting_rate
    value_row, receiver, lead_times = network.value_row, network.head, network.lead_time
    unit_cost, pipeline_cost, waiting_cost = network.unit_cost, network.pipeline_cost, network.waiting_cost
    group, unit_size, places = network.group, network.unit_size, network.place
    has_groups, has_multipliers, has_values = len(network.group_capacity) > 0, len(multipliers) > 0, len(value) > 0
    for i in range(len(gradient) - 1, -1, -1):
        own, total, supply, first, last = slope[i], cumulative[i], available[i], out_start[i], out_start[i + 1]
        slopes_of_stock(supply, total, warm_up, rates[i], own)
        if has_multipliers and multipliers[i] != 0.0:
            credit_leaf(i, multipliers[i], supply, total, warm_up, measures, own, buffers[2:4])
        count, periods = num_short[i], when[i]
        if extras is not None:
            if has_groups and group[i] >= 0:
                capacity, rate = network.group_capacity[group[i]], network.group_overflow[group[i]]
                add_slopes_of_overflow(unit_size[i], supply, total, warm_up, used[group[i]], capacity, rate, own)
            if count > 0 and first < last and allocation != FCFS:
                rows, quantity = network.orders_of, network.quantity
                sweep(allocation, first, last, rows, quantity, supply, total, cumulative, shipped, share, value, own)
                count = 0
        if count > 0:
            for lane in range(first, last):
                j, lead_time, is_made = receiver[lane], lead_times[lane], False
                costs = unit_cost[lane], pipeline_cost[lane], waiting_cost[lane]
                parts = share[lane]
                if extras is not None:
                    if value_row[lane] >= 0:
                        sweep_valued_fcfs(value[value_row[lane]], own, periods, parts, count)
                        continue
                    is_made = made_row[j] >= 0
                    if is_made:
                        limits = binding[made_row[j]]
                        sweep_assembly_fcfs(slope[j], limits, places[lane], own, periods, parts, count, lead_time)
                if not is_made:
                    sweep_fcfs(slope[j], own, periods, parts, count, lead_time)
                if costs[0] != 0.0 or costs[1] != 0.0 or costs[2] != 0.0:
                    sweep_costs_fcfs(own, periods, parts, count, lead_time, warm_up, costs[0], costs[1], costs[2])
        gradient[i] = sum_of(own)
        if extras is not None:
            if made_row[i] >= 0:
                slopes_of_sets(own, binding[made_row[i]], waiting_rate[i], warm_up)
            if has_values:
                limits = binding[made_row[i]] if made_row[i] >= 0 else network.no_limits
                _value_lanes(i, path, network, warm_up, num_short, limits, own, value, dates)


def make_work(
    network: NetworkArrays, num_periods: int, allocation: int, with_gradient: bool
) -> tuple[NDArray[np.generic], ...]:
    """What one replication leaves behind, overwritten by the next (see `run_forward`, `_backward`).

    Made outside the compiled code: numpy asks the system for large pages, which halves the time of large networks.
    """
    num_nodes, num_lanes = len(network.customer), network.out_start[-1]
    num_rows, num_made = max(num_nodes, network.order_row.max() + 1), network.made_row.max() + 1
    period = np.int16 if num_periods < np.iinfo(np.int16).max else np.int32
    num_sloped, num_valued = (num_nodes, network.value_row.max() + 1) if with_gradient else (0, 0)
    return (
        np.empty((num_rows, num_periods)),
        np.empty((num_nodes, num_periods)),
        np.empty((num_nodes, num_periods + 1), dtype=period),
        np.empty((num_nodes, num_periods), dtype=period),
        np.zeros(num_nodes, dtype=np.int64),
        np.empty((0 if allocation == FCFS else num_lanes, num_periods)),
        np.empty((num_lanes, num_periods)),
        np.empty((num_made, num_periods), dtype=np.int16),
        np.empty((len(network.group_capacity), num_periods)),
        np.empty((4, num_periods)),
        np.empty(num_periods, dtype=np.int64),
        np.empty((num_sloped, num_periods)),
        np.empty((num_valued, num_periods)),
    )


@compiled
def simulate_network(network, levels, demand, warm_up, allocation, coupled, with_gradient, multipliers, extras, work):
    """Simulate an acyclic network over many replications.

    Parameters
    ----------
    network
        `network_arrays.NetworkArrays`.
    levels
        Base-stock levels, shape (node,), units, at least 0.
    demand
        Sample paths, shape (replication, period, column): customers' demand, units, and after it what calendars say.
    warm_up
        Periods that do not count.
    allocation
        `FCFS`, `PRIORITY` or `FAIR_SHARE` of `rationing`.
    coupled
        False: every node is supplied as if its suppliers never ran short, nothing limited production and no lead time
        varied (the single-stage view of the master).
    with_gradient
        Whether the reverse sweep runs, for coupled nodes; service is measured only where it does not.
    multipliers
        Worth of a unit met at once at each leaf, shape (node,), or empty: with a gradient, service is measured at
        leaves where it is not 0, and the gradient is that of the cost less what is met at once times this.
    extras
        As `network_arrays.extras_of` says.
    work
        As made by `make_work`, of one thread.

    Returns
    -------
    tuple
        Measures, shape (replication, node, measure), and derivatives of each replication's total cost in every level,
        shape (replication, node), empty without `with_gradient`.
    """
    num_replications, num_nodes = demand.shape[0], len(levels)
    measures = np.zeros((num_replications, num_nodes, NUM_MEASURES))
    gradient = np.zeros((num_replications if with_gradient else 0, num_nodes))
    for r in range(num_replications):
        path, row = demand[r], measures[r]
        run_forward(network, levels, path, warm_up, allocation, coupled, not with_gradient, extras, work, row)
        if with_gradient:
            _backward(network, path, warm_up, allocation, multipliers, extras, work, row, gradient[r])
    return measures, gradient
