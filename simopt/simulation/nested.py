"""Costs over a grid of the inner nodes' base-stock levels, every leaf's level minimized exactly.

What a node costs depends on its own level and those upstream. So the least cost of a tree is nested (MODEL: local
minima exist),

    min over S_p [ f_p + Σ_w min over S_w ( f_w + Σ_c min over S_c f_c ) ],

the children of a node being separate once its shipments are known: the work is the product of the grid sizes along a
path, not over all inner nodes. A leaf's cost on given paths is convex in its level S (a newsvendor with the sample
C(t) - X(t - L) as its demand), piecewise quadratic with kinks where S equals a demand or exceeds one by the storage
capacity; its minimum is found exactly: the slope is bracketed until few kinks are left, which are then walked.

One table a node is filled, over the grid indices of the inner nodes on the path to it, itself included (row-major, the
source first); the minima over the tables are taken in `grid_costs`.
"""

from __future__ import annotations

import numpy as np

from design.cost import net_stock_cost
from simopt.simulation.compiled import compiled, compiled_within
from simopt.simulation.kernel import cumulate_orders
from simopt.simulation.rationing import ship_fcfs, shortages
from simopt.simulation.stage import NUM_MEASURES, Measure, measure_lane, stock, sum_of

_TRANSPORT, _PIPELINE = int(Measure.TRANSPORT), int(Measure.PIPELINE)
FEW_KINKS = 48
MAX_PROBES = 60


@compiled_within
def _slope(needed, level, rates, scratch):
    """Right derivative of a leaf's summed cost in its level, and how many kinks are at or below the level."""
    h, g, capacity, overflow, b = rates[0], rates[1], rates[2], rates[3], rates[4]
    num_met, num_over = 0, 0
    for k in range(len(needed)):
        num_met += 1 if needed[k] <= level else 0
    if overflow > 0.0:
        for k in range(len(needed)):
            num_over += 1 if needed[k] + capacity <= level else 0
    slope = h * num_met + overflow * num_over - b * (len(needed) - num_met)
    if g > 0.0:
        for k in range(len(needed)):
            scratch[k] = max(level - needed[k], 0.0)
        slope += 2.0 * g * sum_of(scratch)
    return slope, num_met, num_over


@compiled_within
def _sorted_within(needed, shift, low, high):
    """The points plus a shift that lie in (low, high], ascending; few, or nearly all equal."""
    count = 0
    for k in range(len(needed)):
        count += 1 if low < needed[k] + shift <= high else 0
    found, num_found = np.empty(count), 0
    for k in range(len(needed)):
        value = needed[k] + shift
        if low < value <= high:
            place = num_found
            while place > 0 and found[place - 1] > value:
                found[place] = found[place - 1]
                place -= 1
            found[place] = value
            num_found += 1
    return found


@compiled_within
def _walk(needed, low, high, slope, num_met, rates):
    """The level in (low, high] at which the slope, negative at `low`, reaches 0; kink by kink."""
    demands = _sorted_within(needed, 0.0, low, high)
    overflows = _sorted_within(needed, rates[2] if rates[3] > 0.0 else np.inf, low, high)
    first, second, level = 0, 0, low
    while first < len(demands) or second < len(overflows):
        met_next = second == len(overflows) or (first < len(demands) and demands[first] <= overflows[second])
        kink = demands[first] if met_next else overflows[second]
        curvature = 2.0 * rates[1] * num_met
        if slope + curvature * (kink - level) >= 0.0:
            break
        slope += curvature * (kink - level) + (rates[0] + rates[4] if met_next else rates[3])
        level = kink
        if slope >= 0.0:
            return level
        first += 1 if met_next else 0
        second += 0 if met_next else 1
        num_met += 1 if met_next else 0
    curvature = 2.0 * rates[1] * num_met
    return min(level - slope / curvature, high) if curvature > 0.0 else high


@compiled_within
def _next_level(low, slope_low, high, slope_high, step, halve):
    """Where to look next: further out while the bracket is open, then by the secant or in the middle of it."""
    if high == np.inf:
        return low + step
    if low < 0.0 and step < high:
        return high - step
    level = low - slope_low * (high - low) / (slope_high - slope_low)
    return 0.5 * (low + high) if halve or not low < level < high else level


@compiled
def newsvendor_level(needed, rates, hint, scratch):
    """The level at which the summed cost of a sample is least: convex, so its slope is bracketed, then walked.

    Parameters
    ----------
    needed
        Level at which each period would end without stock or backorders, at least 0, shape (point,), units.
    rates
        Cost rates in the order of `design.cost`.
    hint
        Where to look first, units.
    scratch
        Shape (point,).
    """
    if rates[4] == 0.0:
        return 0.0
    low, slope_low, met_low, passed_low = -1.0, -rates[4] * len(needed), 0, 0
    high, slope_high, passed_high = np.inf, 0.0, 2 * len(needed)
    level, step = hint, 0.01 * (1.0 + hint)
    for probe in range(MAX_PROBES):
        slope, num_met, num_over = _slope(needed, level, rates, scratch)
        if slope < 0.0:
            low, slope_low, met_low, passed_low = level, slope, num_met, num_met + num_over
        else:
            high, slope_high, passed_high = level, slope, num_met + num_over
        if high < np.inf and passed_high - passed_low <= FEW_KINKS:
            break
        level = _next_level(low, slope_low, high, slope_high, step, probe % 3 == 2)
        step *= 4.0
        if not low < level < high:
            break
    return _walk(needed, low, high, slope_low, met_low, rates)


@compiled_within
def _met(needed, asked, level):
    """Units met at once over all periods at a level."""
    total = 0.0
    for k in range(len(needed)):
        total += min(max(level - needed[k] + asked[k], 0.0), asked[k])
    return total


@compiled_within
def level_for_fill(needed, asked, wanted, lowest):
    """The least level, at least `lowest`, at which so many units are met at once; as `newsvendor_level` otherwise.

    What is met grows with the level, piecewise linearly: its crossing is bracketed by secants and halves in turn.
    """
    low, met_low = lowest, _met(needed, asked, lowest)
    if met_low >= wanted:
        return lowest
    high = 0.0
    for k in range(len(needed)):
        high = max(high, needed[k])
    met_high = _met(needed, asked, high)
    for probe in range(MAX_PROBES):
        if high - low <= 1e-10 * (1.0 + high) or met_high <= wanted * (1.0 + 1e-13):
            break
        level = low + (wanted - met_low) / (met_high - met_low) * (high - low)
        if probe % 2 == 1 or not low < level < high:
            level = 0.5 * (low + high)
        met = _met(needed, asked, level)
        if met >= wanted:
            high, met_high = level, met
        else:
            low, met_low = level, met
    return high


@compiled_within
def _measured_lane(i, tree, inflow, warm_up, row):
    """Transport and pipeline cost of the lane into a node over one replication."""
    if i == 0:
        return 0.0
    row[i] = 0.0
    measure_lane(i, tree[2][i], inflow, warm_up, tree[5][i], tree[6][i], row)
    return row[i, _TRANSPORT] + row[i, _PIPELINE]


@compiled_within
def _minimize_leaf(i, entry, tree, warm_up, targets, state, scratch, tables):
    """A leaf's best level against what its supplier ships, and its mean cost there, transport and pipeline included.

    Where it has a target, the best one at which that share of its demand is met at once.
    """
    parent, _, lead_times, _, rates, _, _ = tree
    cumulative, shipped, short = state
    needed, costs, row, hints = scratch[0], scratch[1], scratch[2], scratch[3]
    num_replications, _, num_periods = cumulative.shape
    horizon, lead_time, total_cost = num_periods - warm_up, lead_times[i], 0.0
    first = min(max(lead_time - warm_up, 0), horizon)  # nothing has arrived before
    for r in range(num_replications):
        inflow = shipped[r, i] if i > 0 and short[r, parent[i]] else cumulative[r, i]
        points, asked = needed[r * horizon : (r + 1) * horizon], cumulative[r, i, warm_up:]
        for k in range(first):
            points[k] = asked[k]
        for k in range(first, horizon):
            points[k] = max(asked[k] - inflow[warm_up + k - lead_time], 0.0)
        total_cost += _measured_lane(i, tree, inflow, warm_up, row)
    own = rates[i]
    hints[i] = newsvendor_level(needed, own, hints[i], costs)
    level = hints[i]
    if targets[i] > 0.0:
        wanted = 0.0
        for r in range(num_replications):
            total, asked = cumulative[r, i], costs[r * horizon : (r + 1) * horizon]
            for k in range(horizon):
                t = warm_up + k
                asked[k] = total[t] - (total[t - 1] if t > 0 else 0.0)
            wanted += targets[i] * (total[num_periods - 1] - (total[warm_up - 1] if warm_up > 0 else 0.0))
        level = level_for_fill(needed, costs, wanted, level)
    for k in range(len(needed)):
        costs[k] = net_stock_cost(level - needed[k], own[0], own[1], own[2], own[3], own[4])
    tables[0][entry] = (sum_of(costs) + total_cost) / num_replications
    tables[1][entry] = level


@compiled_within
def _run_inner(i, level, tree, warm_up, state, scratch):
    """Mean cost of an inner node at a level and whether it was ever short; fills what its children are shipped."""
    parent, children, lead_time, _, rates, _, _ = tree
    cumulative, shipped, short = state
    row, available, share, lines, periods = scratch[2], scratch[4], scratch[5], scratch[6], scratch[7]
    cost, num_short = 0.0, 0
    for r in range(len(cumulative)):
        total = cumulative[r, i]
        inflow = shipped[r, i] if i > 0 and short[r, parent[i]] else total
        holding, backorder, is_short = stock(level, lead_time[i], inflow, total, warm_up, rates[i], available, lines)
        cost += holding + backorder + _measured_lane(i, tree, inflow, warm_up, row)
        short[r, i] = is_short
        if is_short:
            num_short += 1
            count = shortages(available, total, periods[0], periods[1])
            for j in range(children[i], children[i + 1]):
                ordered, sent = cumulative[r, j], shipped[r, j]
                ship_fcfs(ordered, available, total, periods[0], periods[1], count, sent, share)
    return cost / len(cumulative), num_short > 0


@compiled_within
def _make_scratch(num_nodes, num_replications, num_periods, warm_up):
    """A leaf's points and costs, one replication's measures, where leaves' levels were last, and the kernel's lines."""
    count = num_replications * (num_periods - warm_up)
    return (
        np.empty(count),
        np.empty(count),
        np.zeros((num_nodes, NUM_MEASURES)),
        np.zeros(num_nodes),
        np.empty(num_periods),
        np.empty(num_periods),
        np.empty((2, num_periods)),
        np.empty((2, num_periods + 1), dtype=np.int64),
    )


@compiled_within
def _tree_of(network):
    """Of each node of a tree: supplier (-1 for the source), first child (and one more), lane into it, costs."""
    lanes = network.in_lane
    return (
        network.tail[lanes],
        network.out_start + 1,
        network.lead_time[lanes],
        network.customer,
        network.rates,
        network.unit_cost[lanes],
        network.pipeline_cost[lanes],
    )


@compiled
def fill_tables(network, grid, bounds, first_entry, turns, demand, warm_up, targets):
    """Costs of every node at every combination of grid levels on the path to it.

    Parameters
    ----------
    network
        A tree, `network_arrays.NetworkArrays`, each supplier's nodes numbered one after the other.
    grid, bounds
        Levels of the inner nodes, ascending, one node after the other, units; node i's are those from bounds[i] to
        bounds[i + 1] - 1, none for a leaf.
    first_entry
        Where each node's table begins; the last one ends at first_entry[-1].
    turns
        First child with children of its own and next sibling of that kind, else the parent, else -1, shape (2, node).
    demand
        Shape (replication, period, customer), units.
    warm_up
        Periods that do not count.
    targets
        Share of each leaf's own demand to be met at once, shape (node,), 0 for none.

    Returns
    -------
    tuple
        Mean cost of a node, infinite where an inner node has more than it can use, and a leaf's best level, one a
        table entry.
    """
    tree = _tree_of(network)
    parent, children = tree[0], tree[1]
    num_nodes, num_replications, num_periods = len(parent), demand.shape[0], demand.shape[1]
    tables = np.full(first_entry[-1], np.inf), np.zeros(first_entry[-1])
    cumulative = np.empty((num_replications, num_nodes, num_periods))
    for r in range(num_replications):
        cumulate_orders(network, demand[r], cumulative[r])
    state = cumulative, np.empty_like(cumulative), np.zeros((num_replications, num_nodes), dtype=np.bool_)
    scratch = _make_scratch(num_nodes, num_replications, num_periods, warm_up)
    position, index, i = np.full(num_nodes, -1), np.zeros(num_nodes, dtype=np.int64), 0
    if children[0] == children[1]:
        _minimize_leaf(index[0], index[0], tree, warm_up, targets, state, scratch, tables)
        i = -1
    while i >= 0:
        position[i] += 1
        if bounds[i] + position[i] == bounds[i + 1]:
            position[i] = -1
            i = turns[1, i]
            continue
        above = index[parent[i]] if i > 0 else 0
        index[i] = above * (bounds[i + 1] - bounds[i]) + position[i]
        level = grid[bounds[i] + position[i]]
        tables[0][first_entry[i] + index[i]], is_short = _run_inner(i, level, tree, warm_up, state, scratch)
        for j in range(children[i], children[i + 1]):
            if children[j] == children[j + 1]:
                _minimize_leaf(j, first_entry[j] + index[i], tree, warm_up, targets, state, scratch, tables)
        if not is_short:
            position[i] = bounds[i + 1] - bounds[i] - 1  # more stock helps nobody
        i = turns[0, i] if turns[0, i] >= 0 else i
    return tables
