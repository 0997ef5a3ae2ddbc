"""What one node does with one replication: stock against demand, costs, slopes, service (compiled).

A node's A(t), what is available to it up to t, and C(t), what is asked of it, say everything (MODEL: one period t): it
has max(A - C, 0) on hand and max(C - A, 0) backordered at the end of period t, and has shipped min(A, C).
"""

from __future__ import annotations

from enum import IntEnum

from design.cost import holding_cost, holding_slope
from simopt.simulation.compiled import compiled_within


class Measure(IntEnum):
    """What is measured per node and replication, totals over the horizon; the last axis of the kernel's result."""

    HOLDING = 0
    BACKORDER = 1
    TRANSPORT = 2
    PIPELINE = 3
    MET_AT_ONCE = 4
    DEMANDED = 5
    PERIODS_WITHOUT_BACKORDERS = 6


_TRANSPORT, _PIPELINE = int(Measure.TRANSPORT), int(Measure.PIPELINE)
_MET, _DEMANDED, _CLEAR = int(Measure.MET_AT_ONCE), int(Measure.DEMANDED), int(Measure.PERIODS_WITHOUT_BACKORDERS)
NUM_MEASURES = len(Measure)
NUM_COSTS = 4


@compiled_within
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


@compiled_within
def stock(level, lead_time, inflow, total, warm_up, rates, available, scratch):
    """A(t), holding and backorder cost over the horizon, and whether the node was ever short.

    The loops run over slices from 0, without branches, so that they compile to vector instructions.
    """
    h, g, capacity, overflow, b = rates[0], rates[1], rates[2], rates[3], rates[4]
    num_periods = len(total)
    for t in range(min(lead_time, num_periods)):
        available[t] = level
    arriving = available[lead_time:]
    for t in range(len(arriving)):
        arriving[t] = level + inflow[t]
    supply, demanded = available[:warm_up], total[:warm_up]
    num_short = 0
    for t in range(len(demanded)):
        num_short += 1 if supply[t] < demanded[t] else 0
    supply, demanded = available[warm_up:], total[warm_up:]
    costs, backlogs = scratch[0, warm_up:], scratch[1, warm_up:]
    for t in range(len(demanded)):
        net = supply[t] - demanded[t]
        on_hand = max(net, 0.0)
        num_short += 1 if net < 0.0 else 0
        backlogs[t] = on_hand - net
        costs[t] = holding_cost(on_hand, h, g, capacity, overflow)
    return sum_of(costs), b * sum_of(backlogs), num_short > 0


@compiled_within
def slopes_of_stock(available, total, warm_up, rates, slope):
    """Right derivative of what `stock` charges in A(t), each period; 0 in the warm-up."""
    h, g, capacity, overflow, b = rates[0], rates[1], rates[2], rates[3], rates[4]
    slope[:warm_up] = 0.0
    supply, demanded, slopes = available[warm_up:], total[warm_up:], slope[warm_up:]
    for t in range(len(demanded)):
        net = supply[t] - demanded[t]
        on_hand = max(net, 0.0)
        slopes[t] = holding_slope(on_hand, h, g, capacity, overflow) if net >= 0.0 else -b


@compiled_within
def measure_lane(i, lead_time, inflow, warm_up, unit_cost, pipeline_cost, measures):
    """Add transport cost of what was shipped in the horizon and holding cost of what was in transit."""
    num_periods = len(inflow)
    sent = inflow[num_periods - 1] - (inflow[warm_up - 1] if warm_up > 0 else 0.0)
    measures[i, _TRANSPORT] += unit_cost * sent
    if pipeline_cost > 0.0:
        in_transit = 0.0
        for t in range(warm_up, num_periods):
            in_transit += inflow[t] - (inflow[t - lead_time] if t >= lead_time else 0.0)
        measures[i, _PIPELINE] += pipeline_cost * in_transit


@compiled_within
def serve_leaf(i, available, total, warm_up, measures, scratch):
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


@compiled_within
def serve_own(i, demand, got, warm_up, measures):
    """The same for the own customers of a node that supplies others too.

    Parameters
    ----------
    i
        Node.
    demand
        Of its own customers in each period, shape (period,).
    got
        What they have been sent up to each period, shape (period,).
    warm_up
        Periods that do not count.
    measures
        Shape (node, measure), added to.
    """
    asked_before, asked = 0.0, 0.0
    for t in range(len(got)):
        asked_before = asked
        asked += demand[t]
        if t < warm_up:
            continue
        measures[i, _DEMANDED] += demand[t]
        measures[i, _MET] += min(max(got[t] - asked_before, 0.0), demand[t])
        if got[t] >= asked - 1e-9 * (1.0 + asked):
            measures[i, _CLEAR] += 1.0


@compiled_within
def credit_leaf(i, multiplier, available, total, warm_up, measures, slope, scratch):
    """Service of a leaf with a multiplier; that many times the slope of what is met at once is taken off its slope."""
    serve_leaf(i, available, total, warm_up, measures, scratch)
    before = total[warm_up - 1] if warm_up > 0 else 0.0
    for t in range(warm_up, len(total)):
        if before <= available[t] < total[t]:
            slope[t] -= multiplier
        before = total[t]
