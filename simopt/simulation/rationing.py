"""Who gets what when a node is short: what is shipped on each lane, and how a slope travels back from it (compiled).

All lanes out of one node are served together. What is ordered and shipped on a lane is counted in units of the
receiver: `quantity` of its supplier's units each. A node's own customers are not a lane: they get what is left.
"""

from __future__ import annotations

import numpy as np

from simopt.simulation.compiled import compiled_within

FCFS = 0
PRIORITY = 1
FAIR_SHARE = 2


@compiled_within
def shortages(available, total, when, head):
    """Under first come, first served: the periods in which a node is short, and the order that is partly met in each.

    Fills when[k], ascending, and head[k], the period of the oldest orders not wholly met; returns how many k.
    """
    num_short = 0
    for t in range(len(total)):
        when[num_short] = t
        num_short += 1 if available[t] < total[t] else 0
    tau = 0
    for k in range(num_short):
        while total[tau] <= available[when[k]]:
            tau += 1
        head[k] = tau
    return num_short


@compiled_within
def ship_fcfs(ordered, available, total, when, head, num_short, shipped, share):
    """Orders in turn, those of one period in proportion to their sizes.

    Fills what is shipped on one lane up to each period, and share[k], the lane's part of the supplier's next unit in
    the k-th period in which it is short.
    """
    for t in range(len(total)):
        shipped[t] = ordered[t]
    for k in range(num_short):
        t, tau = when[k], head[k]
        before = total[tau - 1] if tau > 0 else 0.0
        own_before = ordered[tau - 1] if tau > 0 else 0.0
        share[k] = (ordered[tau] - own_before) / (total[tau] - before)
        shipped[t] = own_before + (available[t] - before) * share[k]


@compiled_within
def sweep_fcfs(slope, own, when, share, num_short, lead_time):
    """Add to a node's slopes what its shipments on one lane do on arrival, a lead time later."""
    for k in range(num_short):
        if when[k] + lead_time >= len(own):
            break
        own[when[k]] += share[k] * slope[when[k] + lead_time]


@compiled_within
def sweep_assembly_fcfs(slope, limits, place, own, when, share, num_short, lead_time):
    """The same where the receiver needs other inputs too: only where this lane is the one that limits it."""
    for k in range(num_short):
        arrival = when[k] + lead_time
        if arrival >= len(own):
            break
        if limits[arrival] == place:
            own[when[k]] += share[k] * slope[arrival]


@compiled_within
def sweep_costs_fcfs(own, when, share, num_short, lead_time, warm_up, unit_cost, pipeline_cost, waiting_cost):
    """Add what shipments on one lane do to transport, to goods in transit and to inputs that wait at the receiver."""
    num_periods = len(own)
    for k in range(num_short):
        t, part = when[k], share[k]
        if t == num_periods - 1:
            own[t] += part * unit_cost
        if t == warm_up - 1:
            own[t] -= part * unit_cost
        if t >= warm_up:
            own[t] += part * pipeline_cost
        if warm_up <= t + lead_time < num_periods:
            own[t] += part * (waiting_cost - pipeline_cost)


@compiled_within
def sweep_valued_fcfs(value, own, when, share, num_short):
    """The same where the derivative of the cost in what is shipped up to each period is known, value[t]."""
    for k in range(num_short):
        own[when[k]] += share[k] * value[when[k]]


@compiled_within
def _ration_priority(first, last, rows, quantity, available, total, cumulative, shipped, share):
    """The first lane always first, new orders before old ones of the next; share = 1 where the first lanes get all."""
    for t in range(len(total)):
        left = available[t] - (min(total[t - 1], available[t - 1]) if t > 0 else 0.0)
        enough, limited = available[t] >= total[t], False
        for lane in range(first, last):
            before = shipped[lane, t - 1] if t > 0 else 0.0
            owed = quantity[lane] * (cumulative[rows[lane], t] - before)
            limited = not enough and (limited or left < owed)
            share[lane, t] = 1.0 if limited else 0.0
            shipped[lane, t] = before + min(left, owed) / quantity[lane] if limited else cumulative[rows[lane], t]
            left -= min(left, owed)


@compiled_within
def _ration_fairly(first, last, rows, available, total, cumulative, shipped, share):
    """Everybody gets the same share of what is owed to them, old orders and new; `share` is that share, 1 if enough."""
    for t in range(len(total)):
        part = 1.0
        if available[t] < total[t]:
            gone = min(total[t - 1], available[t - 1]) if t > 0 else 0.0
            part = max(available[t] - gone, 0.0) / (total[t] - gone)
        for lane in range(first, last):
            before = shipped[lane, t - 1] if t > 0 else 0.0
            ordered = cumulative[rows[lane], t]
            share[lane, t] = part
            shipped[lane, t] = before + part * (ordered - before) if part < 1.0 else ordered


@compiled_within
def ration(allocation, first, last, rows, quantity, available, total, cumulative, shipped, share):
    """What a short node ships on its lanes first .. last - 1 up to each period, under priority or in fair shares.

    Parameters
    ----------
    allocation
        `PRIORITY` or `FAIR_SHARE`.
    first, last
        The node's lanes.
    rows, quantity
        By lane: the row of `cumulative` that is ordered on it, and units of the node that one such unit takes.
    available, total
        A(t) and C(t) of the node, shape (period,).
    cumulative
        Cumulative orders, shape (row, period).
    shipped, share
        Filled, shape (lane, period): what is shipped, and what `sweep` needs to know of the rule.
    """
    if allocation == PRIORITY:
        _ration_priority(first, last, rows, quantity, available, total, cumulative, shipped, share)
    else:
        _ration_fairly(first, last, rows, available, total, cumulative, shipped, share)


@compiled_within
def _sweep_priority(first, last, quantity, available, total, share, value, own):
    """U_j(t), what the first j lanes get, hangs on U_j(t - 1), so time runs backward."""
    carried = np.zeros(last - first)
    for t in range(len(total) - 1, -1, -1):
        following = 0.0
        for lane in range(last - 1, first - 1, -1):
            direct = value[lane, t] / quantity[lane]
            up_to_lane = direct - following + carried[lane - first]
            following = direct
            carried[lane - first] = 0.0
            if share[lane, t] > 0.0:
                carried[lane - first] = up_to_lane
                own[t] += up_to_lane
                if t > 0 and available[t - 1] < total[t - 1]:
                    own[t - 1] -= up_to_lane


@compiled_within
def _sweep_fairly(first, last, rows, available, total, cumulative, shipped, share, value, own):
    """X_j(t) = X_j(t - 1) + φ(t)·(C_j(t) - X_j(t - 1)), φ = (A(t) - X(t - 1))/(C(t) - X(t - 1)), backward in time."""
    carried = np.zeros(last - first)
    for t in range(len(total) - 1, -1, -1):
        part = share[first, t]
        if part >= 1.0:
            carried[:] = 0.0
            continue
        was_short = t > 0 and available[t - 1] < total[t - 1]
        gone = min(total[t - 1], available[t - 1]) if t > 0 else 0.0
        moved = 0.0
        for lane in range(first, last):
            carried[lane - first] += value[lane, t]
            before = shipped[lane, t - 1] if t > 0 else 0.0
            moved += carried[lane - first] * (cumulative[rows[lane], t] - before)
            carried[lane - first] *= 1.0 - part
        moved /= total[t] - gone
        own[t] += moved
        if was_short:
            own[t - 1] -= moved * (1.0 - part)


@compiled_within
def sweep(allocation, first, last, rows, quantity, available, total, cumulative, shipped, share, value, own):
    """Add to a short node's slopes what its shipments do.

    Parameters
    ----------
    allocation, first, last, rows, quantity, available, total, cumulative, shipped, share
        As in `ration`.
    value
        Derivative of the cost in what is shipped on each lane up to each period, shape (lane, period).
    own
        The node's slopes, shape (period,), added to.
    """
    if allocation == PRIORITY:
        _sweep_priority(first, last, quantity, available, total, share, value, own)
    else:
        _sweep_fairly(first, last, rows, available, total, cumulative, shipped, share, value, own)
