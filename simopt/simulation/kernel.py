"""The compiled core: one pass over periods and nodes gives costs, service and the exact pathwise gradient.

Everything is computed in cumulative quantities (MODEL: one period t). With C_i(t) the demand on node i up to t and
X_ki(t) what its supplier k has shipped to it,

    A_i(t) = S_i + X_ki(t - L_i)      available to i up to t (outside supply: S_i + C_i(t - L_i))
    X_i(t) = min(C_i(t), A_i(t))      shipped by i, on hand A_i - X_i, backorders C_i - X_i

Gradients are pathwise derivatives (Glasserman & Tayur 1995) by a reverse sweep: with w_i(t) the slope of the cost of
i's net stock and s_ij(t) = ∂X_ij(t)/∂X_i(t) the share of a short node's next unit that goes to j (0 while not short),

    λ_i(t) = w_i(t) + Σ_j s_ij(t)·λ_j(t + L_j),      ∂cost/∂S_i = Σ_t λ_i(t)

which costs one number per node and period at any depth. Ties count as not short, so it is the right derivative under
first come, first served; under priority it is the gradient wherever there is one, but at exact ties (whole demand and
whole levels) it may be neither side's.

A tree is given by arrays over its nodes, numbered so that every node comes after its supplier: `parent` (-1 for the
source), `lead_time` of the lane into the node or of the outside supply, `customer` (column of the demand array, -1 for
none), `rates` (design.cost), `unit_cost` and `pipeline_cost` of the lane into the node. Children of a node are served
in the order of their numbers, its own customers last (this matters under priority allocation only).
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np
from numba import njit

from design.cost import holding_cost, holding_slope


class Measure(IntEnum):
    """What is measured per node and replication, totals over the horizon; the last axis of the kernel's result."""

    HOLDING = 0
    BACKORDER = 1
    TRANSPORT = 2
    PIPELINE = 3
    MET_AT_ONCE = 4
    DEMANDED = 5
    PERIODS_WITHOUT_BACKORDERS = 6


_HOLDING, _BACKORDER, _TRANSPORT, _PIPELINE, _MET, _DEMANDED, _CLEAR = (int(measure) for measure in Measure)
NUM_MEASURES = len(Measure)
NUM_COSTS = 4
FCFS = 0
PRIORITY = 1


_compiled = njit(cache=True, nogil=True, error_model="numpy")


@_compiled
def cumulate(demand, parent, customer, cumulative):
    """C_i(t) of every node from one replication's demand (period, customer)."""
    num_nodes, num_periods = cumulative.shape
    for i in range(num_nodes):
        if customer[i] >= 0:
            total = 0.0
            for t in range(num_periods):
                total += demand[t, customer[i]]
                cumulative[i, t] = total
        else:
            for t in range(num_periods):
                cumulative[i, t] = 0.0
    for i in range(num_nodes - 1, 0, -1):
        above, own = cumulative[parent[i]], cumulative[i]
        for t in range(num_periods):
            above[t] += own[t]


@_compiled
def sum_of(values):
    """Sum in a fixed order: eight running sums, which the processor adds side by side, then those.

    The order must not be left to the compiler (fast-math): code from the cache would differ in the last bit.
    """
    a, b, c, d, e, f, g, h = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    whole = len(values) - len(values) % 8
    for t in range(0, whole, 8):
        a += values[t]
        b += values[t + 1]
        c += values[t + 2]
        d += values[t + 3]
        e += values[t + 4]
        f += values[t + 5]
        g += values[t + 6]
        h += values[t + 7]
    for t in range(whole, len(values)):
        a += values[t]
    return ((a + b) + (c + d)) + ((e + f) + (g + h))


@_compiled
def stock(level, lead_time, inflow, total, warm_up, rates, available, slope, scratch):
    """A_i(t), holding and backorder cost over the horizon, each period's slope, and whether it was ever short.

    The loops run over slices from 0, without branches, so that they compile to vector instructions.
    """
    h, g, capacity, overflow, b = rates[0], rates[1], rates[2], rates[3], rates[4]
    num_periods = len(total)
    for t in range(min(lead_time, num_periods)):
        available[t] = level
    arriving = available[lead_time:]
    for t in range(len(arriving)):
        arriving[t] = level + inflow[t]
    supply, demanded, slopes = available[:warm_up], total[:warm_up], slope[:warm_up]
    num_short = 0
    for t in range(len(demanded)):
        slopes[t] = 0.0
        num_short += 1 if supply[t] < demanded[t] else 0
    supply, demanded, slopes = available[warm_up:], total[warm_up:], slope[warm_up:]
    costs, backlogs = scratch[0, warm_up:], scratch[1, warm_up:]
    for t in range(len(demanded)):
        net = supply[t] - demanded[t]
        on_hand = max(net, 0.0)
        num_short += 1 if net < 0.0 else 0
        backlogs[t] = on_hand - net
        costs[t] = holding_cost(on_hand, h, g, capacity, overflow)
        slopes[t] = holding_slope(on_hand, h, g, capacity, overflow) if net >= 0.0 else -b
    return sum_of(costs), b * sum_of(backlogs), num_short > 0


@_compiled
def _ration_fcfs(i, first, last, available, cumulative, shipped, share, periods):
    """X_ij and s_ij of children first..last-1: orders in turn, those of one period in proportion."""
    total = cumulative[i]
    for j in range(first, last):
        for t in range(len(total)):
            shipped[j, t] = cumulative[j, t]
            share[j, t] = 0.0
    num_short = 0
    for t in range(len(total)):
        periods[num_short] = t
        num_short += 1 if available[t] < total[t] else 0
    tau = 0
    for k in range(num_short):
        t = periods[k]
        while total[tau] <= available[t]:
            tau += 1
        before = total[tau - 1] if tau > 0 else 0.0
        served = available[t] - before
        asked = total[tau] - before
        part = 1.0 / asked
        for j in range(first, last):
            own_before = cumulative[j, tau - 1] if tau > 0 else 0.0
            own = cumulative[j, tau] - own_before
            share[j, t] = own * part
            shipped[j, t] = own_before + served * own / asked


@_compiled
def _ration_priority(i, first, last, available, cumulative, shipped, share):
    """X_ij of children first..last-1, the first one always first; share[j, t] = 1 where U_j is limited by supply."""
    total = cumulative[i]
    for t in range(len(total)):
        left = available[t] - (min(total[t - 1], available[t - 1]) if t > 0 else 0.0)
        enough, limited = available[t] >= total[t], False
        for j in range(first, last):
            before = shipped[j, t - 1] if t > 0 else 0.0
            owed = cumulative[j, t] - before
            limited = not enough and (limited or left < owed)
            share[j, t] = 1.0 if limited else 0.0
            shipped[j, t] = before + min(left, owed) if limited else cumulative[j, t]
            left -= min(left, owed)


@_compiled
def _shipment_slope(t, lead_time, num_periods, warm_up, arrival_slope, unit_cost, pipeline_cost):
    """Derivative of the cost in X_ij(t): what it does to j on arrival, to transport and to goods in transit."""
    arrival = t + lead_time
    slope = arrival_slope[arrival] if arrival < num_periods else 0.0
    if t == num_periods - 1:
        slope += unit_cost
    if t == warm_up - 1:
        slope -= unit_cost
    if t >= warm_up:
        slope += pipeline_cost
    if warm_up <= arrival < num_periods:
        slope -= pipeline_cost
    return slope


@_compiled
def _sweep_fcfs(slope, own, share, lead_time, warm_up, unit_cost, pipeline_cost):
    """Add to the supplier's slopes what one child's shipments do."""
    num_periods = len(own)
    for t in range(num_periods - lead_time):
        own[t] += share[t] * slope[t + lead_time]
    own[num_periods - 1] += share[num_periods - 1] * unit_cost
    if warm_up > 0:
        own[warm_up - 1] -= share[warm_up - 1] * unit_cost
    if pipeline_cost > 0.0:
        for t in range(warm_up, num_periods):
            own[t] += share[t] * pipeline_cost
        for t in range(max(warm_up - lead_time, 0), num_periods - lead_time):
            own[t] -= share[t] * pipeline_cost


@_compiled
def _sweep_priority(i, first, last, available, total, slope, share, lead_time, warm_up, unit_cost, pipeline_cost):
    """The same for all children of a node under priority; U_j(t) hangs on U_j(t - 1), so time runs backward."""
    num_periods = len(total)
    carried = np.zeros(last - first)
    for t in range(num_periods - 1, -1, -1):
        following = 0.0
        for j in range(last - 1, first - 1, -1):
            direct = _shipment_slope(t, lead_time[j], num_periods, warm_up, slope[j], unit_cost[j], pipeline_cost[j])
            up_to_j = direct - following + carried[j - first]
            following = direct
            carried[j - first] = 0.0
            if share[j, t] > 0.0:
                carried[j - first] = up_to_j
                slope[i, t] += up_to_j
                if t > 0 and available[t - 1] < total[t - 1]:
                    slope[i, t - 1] -= up_to_j


@_compiled
def _serve_leaf(i, available, total, warm_up, measures, scratch):
    """Units met in the period they are asked for, units asked for, and periods without backorders."""
    num_clear = 0
    supply, asked, met = available[warm_up:], total[warm_up:], scratch[0, warm_up:]
    for t in range(len(asked)):
        met[t] = min(supply[t], asked[t])
        num_clear += 1 if supply[t] >= asked[t] else 0
    asked_before, met_next = total[warm_up:], met[1:]
    before = total[warm_up - 1] if warm_up > 0 else 0.0
    met[0] = max(met[0] - before, 0.0)
    for t in range(len(met_next)):
        met_next[t] = max(met_next[t] - asked_before[t], 0.0)
    measures[i, _MET] = sum_of(met)
    measures[i, _DEMANDED] = total[len(total) - 1] - before
    measures[i, _CLEAR] = num_clear


@_compiled
def _serve_own(i, first, last, demand, available, total, shipped, warm_up, measures):
    """The same for the own customers of a node that supplies others too: they get what the others do not."""
    asked_before, asked = 0.0, 0.0
    for t in range(len(total)):
        asked_before = asked
        asked += demand[t]
        if t < warm_up:
            continue
        measures[i, _DEMANDED] += demand[t]
        got = asked
        if available[t] < total[t]:
            got = available[t]
            for j in range(first, last):
                got -= shipped[j, t]
        measures[i, _MET] += min(max(got - asked_before, 0.0), demand[t])
        if got >= asked - 1e-9 * (1.0 + asked):
            measures[i, _CLEAR] += 1.0


@_compiled
def _serve(i, children, demand, customer, available, total, shipped, warm_up, measures, scratch):
    """Service of i's own customers, if it has any; `demand` is one replication's (period, customer)."""
    if customer[i] >= 0 and children[i] == children[i + 1]:
        _serve_leaf(i, available, total, warm_up, measures, scratch)
    elif customer[i] >= 0:
        own = demand[:, customer[i]]
        _serve_own(i, children[i], children[i + 1], own, available, total, shipped, warm_up, measures)


@_compiled
def measure_lane(i, lead_time, inflow, warm_up, unit_cost, pipeline_cost, measures):
    """Transport cost of what was shipped in the horizon and holding cost of what was in transit."""
    num_periods = len(inflow)
    sent = inflow[num_periods - 1] - (inflow[warm_up - 1] if warm_up > 0 else 0.0)
    measures[i, _TRANSPORT] = unit_cost * sent
    if pipeline_cost > 0.0:
        in_transit = 0.0
        for t in range(warm_up, num_periods):
            in_transit += inflow[t] - (inflow[t - lead_time] if t >= lead_time else 0.0)
        measures[i, _PIPELINE] = pipeline_cost * in_transit


@_compiled
def ration(allocation, i, first, last, available, cumulative, shipped, share, periods):
    """X_ij and s_ij of children first..last-1 under either rule."""
    if allocation == FCFS:
        _ration_fcfs(i, first, last, available, cumulative, shipped, share, periods)
    else:
        _ration_priority(i, first, last, available, cumulative, shipped, share)


@_compiled
def _sweep(tree, warm_up, allocation, short, available, cumulative, share, slope):
    """λ_i(t) of every node from the slopes of its own cost, children first."""
    _, children, lead_time, _, _, unit_cost, pipeline_cost = tree
    for i in range(len(children) - 2, -1, -1):
        first, last = children[i], children[i + 1]
        if first == last or not short[i]:
            continue
        if allocation == FCFS:
            for j in range(first, last):
                _sweep_fcfs(slope[j], slope[i], share[j], lead_time[j], warm_up, unit_cost[j], pipeline_cost[j])
        else:
            _sweep_priority(
                i,
                first,
                last,
                available[i],
                cumulative[i],
                slope,
                share,
                lead_time,
                warm_up,
                unit_cost,
                pipeline_cost,
            )


@_compiled
def _credit(i, multipliers, available, total, warm_up, measures, slope, scratch):
    """Service of a leaf with a multiplier; that many times the slope of what is met at once is taken off its slope."""
    if multipliers is None or multipliers[i] == 0.0:
        return
    _serve_leaf(i, available, total, warm_up, measures, scratch)
    before = total[warm_up - 1] if warm_up > 0 else 0.0
    for t in range(warm_up, len(total)):
        if before <= available[t] < total[t]:
            slope[t] -= multipliers[i]
        before = total[t]


@_compiled
def simulate_tree(tree, levels, demand, warm_up, allocation, coupled, with_gradient, multipliers=None):
    """Simulate a divergent tree over many replications.

    Parameters
    ----------
    tree
        (parent, children, lead_time, customer, rates, unit_cost, pipeline_cost): arrays over nodes, see the module;
        `children` has shape (node + 1,): node i's children are children[i] .. children[i + 1] - 1.
    levels
        Base-stock levels, shape (node,), units, at least 0.
    demand
        Shape (replication, period, customer), units.
    warm_up
        Periods that do not count.
    allocation
        `FCFS` or `PRIORITY`.
    coupled
        False: every node is supplied as if its supplier never ran short (the single-stage view of the master).
    with_gradient
        Whether the reverse sweep runs, for coupled nodes; service is measured only where it does not.
    multipliers
        Worth of a unit met at once at each leaf, shape (node,), or None: with a gradient, service is measured at leaves
        where it is above 0, and the gradient is that of the cost less what is met at once times this.

    Returns
    -------
    tuple
        Measures, shape (replication, node, measure), and derivatives of each replication's total cost in every level,
        shape (replication, node), zero without `with_gradient`.
    """
    parent, children, lead_time, customer, rates, unit_cost, pipeline_cost = tree
    num_replications, num_periods = demand.shape[0], demand.shape[1]
    num_nodes = len(parent)
    measures = np.zeros((num_replications, num_nodes, NUM_MEASURES))
    gradient = np.zeros((num_replications, num_nodes))
    cumulative = np.empty((num_nodes, num_periods))
    available = np.empty((num_nodes, num_periods))
    slope = np.empty((num_nodes, num_periods))
    shipped = np.empty((num_nodes, num_periods))
    share = np.zeros((num_nodes, num_periods))
    short = np.zeros(num_nodes, dtype=np.bool_)
    periods = np.empty(num_periods + 1, dtype=np.int64)
    scratch = np.empty((2, num_periods))
    for r in range(num_replications):
        path, row = demand[r], measures[r]
        cumulate(path, parent, customer, cumulative)
        for i in range(num_nodes):
            on_time = not coupled or parent[i] < 0 or not short[parent[i]]
            inflow = cumulative[i] if on_time else shipped[i]
            supply, total = available[i], cumulative[i]
            row[i, _HOLDING], row[i, _BACKORDER], short[i] = stock(
                levels[i], lead_time[i], inflow, total, warm_up, rates[i], supply, slope[i], scratch
            )
            if parent[i] >= 0:
                measure_lane(i, lead_time[i], inflow, warm_up, unit_cost[i], pipeline_cost[i], row)
            if short[i] and children[i] < children[i + 1]:
                ration(allocation, i, children[i], children[i + 1], supply, cumulative, shipped, share, periods)
            if not with_gradient:
                _serve(i, children, path, customer, supply, total, shipped, warm_up, row, scratch)
            else:
                _credit(i, multipliers, supply, total, warm_up, row, slope[i], scratch)
        if with_gradient:
            _sweep(tree, warm_up, allocation, short, available, cumulative, share, slope)
            for i in range(num_nodes):
                gradient[r, i] = sum_of(slope[i])
    return measures, gradient
