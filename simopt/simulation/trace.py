"""Every node by period: what is asked, ordered, received and shipped, and what is there at the end (compiled)."""

from __future__ import annotations

from enum import IntEnum

import numpy as np

from simopt.simulation.compiled import compiled, compiled_within
from simopt.simulation.kernel import run_forward, shipped_on
from simopt.simulation.production import goods_in_transit
from simopt.simulation.stage import NUM_MEASURES


class Series(IntEnum):
    """What is recorded of every node and period, units; the last axis of what `trace_network` returns."""

    ASKED = 0
    ORDERED = 1
    RECEIVED = 2
    SHIPPED = 3
    ON_HAND = 4
    BACKORDERS = 5
    OWN_BACKORDERS = 6
    IN_TRANSIT = 7


NUM_SERIES = len(Series)
_ASKED, _ORDERED, _RECEIVED, _SHIPPED = (int(Series(k)) for k in range(4))
_ON_HAND, _BACKORDERS, _OWN, _IN_TRANSIT = (int(Series(k)) for k in range(4, 8))


@compiled_within
def _rise(values, t):
    return values[t] - (values[t - 1] if t > 0 else 0.0)


@compiled_within
def _fill_stock(total, supply, ordered, level, found):
    for t in range(len(total)):
        net = supply[t] - total[t]
        found[t, _ASKED] = _rise(total, t)
        found[t, _ORDERED] = _rise(ordered, t)
        found[t, _RECEIVED] = supply[t] - (supply[t - 1] if t > 0 else level)
        found[t, _SHIPPED] = min(supply[t], total[t]) - (min(supply[t - 1], total[t - 1]) if t > 0 else 0.0)
        found[t, _ON_HAND] = max(net, 0.0)
        found[t, _BACKORDERS] = max(-net, 0.0)
        found[t, _OWN] = max(-net, 0.0)
        found[t, _IN_TRANSIT] = 0.0


@compiled
def trace_network(network, levels, demand, warm_up, allocation, extras, work):
    """Series of some replications, shape (replication, node, period, series)."""
    num_replications, num_periods, num_nodes = demand.shape[0], demand.shape[1], len(levels)
    found = np.empty((num_replications, num_nodes, num_periods, NUM_SERIES))
    measures, cumulative = np.zeros((num_nodes, NUM_MEASURES)), work[0]
    lacking, dates = np.empty(num_periods), np.empty(num_periods, dtype=np.int64)
    for r in range(num_replications):
        run_forward(network, levels, demand[r], warm_up, allocation, True, False, extras, work, measures)
        for i in range(num_nodes):
            _fill_stock(cumulative[i], work[1][i], cumulative[network.order_row[i]], levels[i], found[r, i])
        for lane in range(len(network.tail)):
            i, supplier, calendar = network.head[lane], network.tail[lane], network.no_calendar
            sent, quantity = shipped_on(lane, allocation, network, work), network.quantity[lane]
            if network.calendar[lane] >= 0:
                for t in range(num_periods):
                    dates[t] = int(demand[r, t, network.calendar[lane]])
                calendar = dates
            goods_in_transit(sent, network.lead_time[lane], calendar, lacking)
            ordered = cumulative[network.orders_of[lane]]
            for t in range(num_periods):
                found[r, i, t, _IN_TRANSIT] += quantity * lacking[t]
                if supplier >= 0:
                    found[r, supplier, t, _OWN] -= quantity * (ordered[t] - sent[t])
    return found
