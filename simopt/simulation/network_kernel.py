"""The compiled core for any acyclic network: one pass over nodes and periods gives costs, service and the exact gradient.

As in `kernel`, everything is computed in cumulative quantities; `production` states what assembly, production capacity and
calendars of lanes add, `rationing` the rules for a short node, `network_arrays` the arrays. Gradients are pathwise
derivatives by a reverse sweep (adjoint): with λ_i(t) the derivative of the cost in A_i(t),

    λ_i(t) = w_i(t) + Σ_j ∂X_ij(t)/∂A_i(t) · (what X_ij does on arrival, in transport, in transit),   ∂cost/∂S_i = Σ_t λ_i(t)

so that the derivatives in all levels cost about as much as one more simulation, at any size and depth.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from simopt.simulation.kernel import NUM_MEASURES, Measure, _serve_leaf, measure_lane, stock, sum_of
from simopt.simulation.production import (
    charge_storage,
    inflow_of,
    measure_transit,
    produce,
    sweep_production,
    value_shipments,
)
from simopt.simulation.rationing import FCFS, ration, sweep_lane_fcfs, sweep_lanes

_HOLDING, _BACKORDER, _PIPELINE = int(Measure.HOLDING), int(Measure.BACKORDER), int(Measure.PIPELINE)
_MET, _DEMANDED, _CLEAR = int(Measure.MET_AT_ONCE), int(Measure.DEMANDED), int(Measure.PERIODS_WITHOUT_BACKORDERS)

_compiled = njit(cache=True, nogil=True, error_model="numpy")


@_compiled
def cumulate_orders(network, demand, cumulative):
    """C_i(t) of every node from one replication's demand (period, customer), and what nodes order at their reviews."""
    num_periods = cumulative.shape[1]
    for i in range(len(network.customer) - 1, -1, -1):
        own, total = cumulative[i], 0.0
        if network.customer[i] >= 0:
            for t in range(num_periods):
                total += demand[t, network.customer[i]]
                own[t] = total
        else:
            own[:] = 0.0
        for lane in range(network.out_start[i + 1] - 1, network.out_start[i] - 1, -1):
            below, quantity = cumulative[network.orders_of[lane]], network.quantity[lane]
            for t in range(num_periods):
                own[t] += quantity * below[t]
        if network.review[i] > 1:
            ordered, last = cumulative[network.order_row[i]], 0.0
            for t in range(num_periods):
                last = own[t] if t % network.review[i] == 0 else last
                ordered[t] = last


@_compiled
def _serve_own(i, network, demand, available, total, shipped, short, warm_up, measures):
    """Service of the own customers of a node that supplies others too: they get what the others do not."""
    asked_before, asked = 0.0, 0.0
    for t in range(len(total)):
        asked_before = asked
        asked += demand[t]
        if t < warm_up:
            continue
        measures[i, _DEMANDED] += demand[t]
        got = asked
        if short and available[t] < total[t]:
            got = available[t]
            for lane in range(network.out_start[i], network.out_start[i + 1]):
                got -= network.quantity[lane] * shipped[lane, t]
        measures[i, _MET] += min(max(got - asked_before, 0.0), demand[t])
        if got >= asked - 1e-9 * (1.0 + asked):
            measures[i, _CLEAR] += 1.0


@_compiled
def _serve(i, network, demand, available, total, shipped, short, warm_up, measures, scratch):
    """Service of i's own customers, if it has any."""
    if network.customer[i] < 0:
        return
    if network.out_start[i] == network.out_start[i + 1]:
        _serve_leaf(i, available, total, warm_up, measures, scratch)
    else:
        own = demand[:, network.customer[i]]
        _serve_own(i, network, own, available, total, shipped, short, warm_up, measures)


@_compiled
def _credit(i, multiplier, available, total, warm_up, measures, slope, scratch):
    """Service of a leaf with a multiplier; that many times the slope of what is met at once is taken off its slope."""
    _serve_leaf(i, available, total, warm_up, measures, scratch)
    before = total[warm_up - 1] if warm_up > 0 else 0.0
    for t in range(warm_up, len(total)):
        if before <= available[t] < total[t]:
            slope[t] -= multiplier
        before = total[t]


@_compiled
def _measure_lanes(i, network, r, cumulative, shipped, short, warm_up, measures):
    """Transport and goods in transit on the lanes into a node."""
    for k in range(network.in_start[i], network.in_start[i + 1]):
        lane = network.in_lane[k]
        if network.tail[lane] < 0:
            continue
        inflow = inflow_of(i, lane, network, cumulative, shipped, short)
        if network.calendar[lane] < 0:
            before = measures[i, 2], measures[i, _PIPELINE]
            measure_lane(
                i, network.lead_time[lane], inflow, warm_up, network.unit_cost[lane], network.pipeline_cost[lane], measures
            )
            measures[i, 2] += before[0]
            measures[i, _PIPELINE] += before[1]
        else:
            sent = inflow[len(inflow) - 1] - (inflow[warm_up - 1] if warm_up > 0 else 0.0)
            measures[i, 2] += network.unit_cost[lane] * sent
            if network.pipeline_cost[lane] > 0.0:
                measures[i, _PIPELINE] += network.pipeline_cost[lane] * measure_transit(lane, network, r, inflow, warm_up)


@_compiled
def _forward(network, levels, r, demand, warm_up, allocation, multipliers, with_gradient, work, measures):
    """One replication from the sources down; `work` as made by `make_work`."""
    cumulative, available, slope, shipped, share, short, made, binding, _, periods, scratch = work
    cumulate_orders(network, demand, cumulative)
    for i in range(len(levels)):
        total, supply = cumulative[i], available[i]
        first, last = network.out_start[i], network.out_start[i + 1]
        if network.made_row[i] < 0:
            lane = network.in_lane[network.in_start[i]]
            inflow, lead_time = inflow_of(i, lane, network, cumulative, shipped, short), network.lead_time[lane]
            waiting = 0.0
        else:
            waiting = produce(
                i, network, r, cumulative, shipped, short, warm_up, made, binding[network.made_row[i]]
            )
            inflow, lead_time = made, 0
        measures[i, _HOLDING], measures[i, _BACKORDER], short[i] = stock(
            levels[i], lead_time, inflow, total, warm_up, network.rates[i], supply, slope[i], scratch
        )
        measures[i, _HOLDING] += waiting
        _measure_lanes(i, network, r, cumulative, shipped, short, warm_up, measures)
        if short[i] and first < last:
            ration(
                allocation,
                first,
                last,
                network.orders_of,
                network.quantity,
                supply,
                total,
                cumulative,
                shipped,
                share,
                periods,
            )
        if not with_gradient:
            _serve(i, network, demand, supply, total, shipped, short[i], warm_up, measures, scratch)
        elif len(multipliers) > 0 and multipliers[i] != 0.0:
            _credit(i, multipliers[i], supply, total, warm_up, measures, slope[i], scratch)
    if len(network.group_capacity) > 0:
        charge_storage(network, available, cumulative, warm_up, measures[:, _HOLDING], slope, scratch[0])


@_compiled
def _pull(i, network, warm_up, allocation, work):
    """Add to node i's slopes what its shipments do."""
    cumulative, available, slope, shipped, share, _, _, _, lane_slope, _, _ = work
    first, last = network.out_start[i], network.out_start[i + 1]
    if allocation != FCFS:
        state = available[i], cumulative[i], cumulative, shipped, share
        sweep_lanes(
            allocation,
            first,
            last,
            network.orders_of,
            network.slope_row,
            network.quantity,
            state,
            lane_slope,
            slope[i],
        )
        return
    own = slope[i]
    for lane in range(first, last):
        if network.slope_row[lane] < 0:
            sweep_lane_fcfs(
                slope[network.head[lane]],
                own,
                share[lane],
                network.lead_time[lane],
                warm_up,
                network.unit_cost[lane],
                network.pipeline_cost[lane],
            )
        else:
            row, parts = lane_slope[network.slope_row[lane]], share[lane]
            for t in range(len(own)):
                own[t] += parts[t] * row[t]


@_compiled
def _backward(network, r, warm_up, allocation, work, gradient):
    """λ_i(t) of every node from the slopes of its own cost, receivers before suppliers."""
    _, _, slope, _, _, short, _, binding, lane_slope, _, _ = work
    for i in range(len(gradient) - 1, -1, -1):
        if short[i] and network.out_start[i] < network.out_start[i + 1]:
            _pull(i, network, warm_up, allocation, work)
        gradient[i] = sum_of(slope[i])
        valued = False
        for k in range(network.in_start[i], network.in_start[i + 1]):
            lane = network.in_lane[k]
            if network.tail[lane] >= 0 and short[network.tail[lane]] and network.slope_row[lane] >= 0:
                value_shipments(lane, network, r, warm_up, lane_slope[network.slope_row[lane]])
                valued = True
        if not valued:
            continue
        if network.made_row[i] >= 0:
            sweep_production(i, network, r, short, binding[network.made_row[i]], warm_up, slope[i], lane_slope)
        else:
            lane = network.in_lane[network.in_start[i]]
            row, lead_time = lane_slope[network.slope_row[lane]], network.lead_time[lane]
            for t in range(len(row) - lead_time):
                row[t] += slope[i, t + lead_time]


@_compiled
def make_work(network, num_periods, with_gradient):
    """What one replication needs, overwritten by the next: see `_forward`."""
    num_nodes, num_lanes = len(network.customer), network.out_start[-1]
    num_rows = max(num_nodes, network.order_row.max() + 1)
    num_made, num_sloped = network.made_row.max() + 1, (network.slope_row.max() + 1 if with_gradient else 0)
    return (
        np.empty((num_rows, num_periods)),
        np.empty((num_nodes, num_periods)),
        np.empty((num_nodes, num_periods)),
        np.empty((num_lanes, num_periods)),
        np.zeros((num_lanes, num_periods)),
        np.zeros(num_nodes, dtype=np.bool_),
        np.empty(num_periods),
        np.empty((num_made, num_periods), dtype=np.int16),
        np.empty((num_sloped, num_periods)),
        np.empty(num_periods + 1, dtype=np.int64),
        np.empty((2, num_periods)),
    )


@_compiled
def simulate_network(network, levels, demand, warm_up, allocation, with_gradient, multipliers):
    """Simulate an acyclic network over many replications.

    Parameters
    ----------
    network
        `network_arrays.NetworkArrays`.
    levels
        Base-stock levels, shape (node,), units, at least 0.
    demand
        Shape (replication, period, customer), units.
    warm_up
        Periods that do not count.
    allocation
        `FCFS`, `PRIORITY` or `FAIR_SHARE` of `rationing`.
    with_gradient
        Whether the reverse sweep runs; service is measured only where it does not.
    multipliers
        Worth of a unit met at once at each leaf, shape (node,) or empty: with a gradient, service is measured at leaves
        where it is not 0, and the gradient is that of the cost less what is met at once times this.

    Returns
    -------
    tuple
        Measures, shape (replication, node, measure), and derivatives of each replication's total cost in every level,
        shape (replication, node), empty without `with_gradient`.
    """
    num_replications, num_nodes = demand.shape[0], len(levels)
    measures = np.zeros((num_replications, num_nodes, NUM_MEASURES))
    gradient = np.zeros((num_replications if with_gradient else 0, num_nodes))
    work = make_work(network, demand.shape[1], with_gradient)
    for r in range(num_replications):
        _forward(network, levels, r, demand[r], warm_up, allocation, multipliers, with_gradient, work, measures[r])
        if with_gradient:
            _backward(network, r, warm_up, allocation, work, gradient[r])
    return measures, gradient
