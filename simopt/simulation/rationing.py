"""Who gets what when a node is short: what is shipped on each lane, and how a slope travels back from it (compiled).

All lanes out of one node are served together. What is ordered and shipped on a lane is counted in units of the receiver:
`quantity` of its supplier's units each. A node's own customers are not a lane: they get what the lanes do not.
"""

from __future__ import annotations

import numpy as np
from numba import njit

FCFS = 0
PRIORITY = 1
FAIR_SHARE = 2

_compiled = njit(cache=True, nogil=True, error_model="numpy")


@_compiled
def _ration_fcfs(first, last, rows, available, total, cumulative, shipped, share, periods):
    """Orders in turn, those of one period in proportion to their sizes."""
    for lane in range(first, last):
        ordered = cumulative[rows[lane]]
        for t in range(len(total)):
            shipped[lane, t] = ordered[t]
            share[lane, t] = 0.0
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
        for lane in range(first, last):
            ordered = cumulative[rows[lane]]
            own_before = ordered[tau - 1] if tau > 0 else 0.0
            own = ordered[tau] - own_before
            share[lane, t] = own * part
            shipped[lane, t] = own_before + served * own / asked


@_compiled
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


@_compiled
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


@_compiled
def ration(allocation, first, last, rows, quantity, available, total, cumulative, shipped, share, periods):
    """What a node that is short ships on its lanes first .. last - 1 up to each period, in units of the receivers.

    Parameters
    ----------
    allocation
        `FCFS`, `PRIORITY` or `FAIR_SHARE`.
    first, last
        The node's lanes.
    rows, quantity
        By lane: the row of `cumulative` that is ordered on it, and units of the node that one such unit takes.
    available, total
        A(t) and C(t) of the node, shape (period,).
    cumulative
        Cumulative orders, shape (row, period).
    shipped, share
        Filled, shape (lane, period): what is shipped, and what the sweeps below need to know of the rule.
    periods
        Scratch, shape (period + 1,), whole numbers.
    """
    if allocation == FCFS:
        _ration_fcfs(first, last, rows, available, total, cumulative, shipped, share, periods)
    elif allocation == PRIORITY:
        _ration_priority(first, last, rows, quantity, available, total, cumulative, shipped, share)
    else:
        _ration_fairly(first, last, rows, available, total, cumulative, shipped, share)


@_compiled
def sweep_lane_fcfs(slope, own, share, lead_time, warm_up, unit_cost, pipeline_cost):
    """Add to a node's slopes what the shipments on one lane do: on arrival a lead time later, in transport, in transit."""
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
def _sweep_priority(first, last, slope_row, quantity, available, total, share, lane_slope, own):
    """U_j(t), what the first j lanes get, hangs on U_j(t - 1), so time runs backward."""
    carried = np.zeros(last - first)
    for t in range(len(total) - 1, -1, -1):
        following = 0.0
        for lane in range(last - 1, first - 1, -1):
            direct = lane_slope[slope_row[lane], t] / quantity[lane]
            up_to_lane = direct - following + carried[lane - first]
            following = direct
            carried[lane - first] = 0.0
            if share[lane, t] > 0.0:
                carried[lane - first] = up_to_lane
                own[t] += up_to_lane
                if t > 0 and available[t - 1] < total[t - 1]:
                    own[t - 1] -= up_to_lane


@_compiled
def _sweep_fairly(first, last, rows, slope_row, available, total, cumulative, shipped, share, lane_slope, own):
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
            carried[lane - first] += lane_slope[slope_row[lane], t]
            before = shipped[lane, t - 1] if t > 0 else 0.0
            moved += carried[lane - first] * (cumulative[rows[lane], t] - before)
            carried[lane - first] *= 1.0 - part
        moved /= total[t] - gone
        own[t] += moved
        if was_short:
            own[t - 1] -= moved * (1.0 - part)


@_compiled
def sweep_lanes(allocation, first, last, rows, slope_row, quantity, state, lane_slope, own):
    """Add to a short node's slopes what its lanes' shipments do, where these slopes are rows of `lane_slope`.

    Parameters
    ----------
    allocation, first, last, rows, quantity
        As in `ration`.
    slope_row
        By lane: the row of `lane_slope`, the derivative of the cost in what is shipped on it up to each period.
    state
        (available, total, cumulative, shipped, share) as `ration` left them.
    own
        The node's slopes, shape (period,), added to.
    """
    available, total, cumulative, shipped, share = state
    if allocation == FCFS:
        for lane in range(first, last):
            for t in range(len(own)):
                own[t] += share[lane, t] * lane_slope[slope_row[lane], t]
    elif allocation == PRIORITY:
        _sweep_priority(first, last, slope_row, quantity, available, total, share, lane_slope, own)
    else:
        _sweep_fairly(first, last, rows, slope_row, available, total, cumulative, shipped, share, lane_slope, own)
