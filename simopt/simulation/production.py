"""What a node has received and made up to each period, where that is more than one lane's shipments (compiled).

With X_ki(t) what supplier k has shipped to node i, in sets of what one unit of i takes, and m_ki(t) the last period
whose shipments have arrived by t (t - L_ki, or given by a calendar: lead times that vary, outages),

    Z_i(t) = min_k X_ki(m_ki(t))                  complete sets of inputs (assembly)
    P_i(t) = min( Z_i(t), P_i(t - 1) + c_i(t) )   made with production capacity c_i(t)

and A_i(t) = S_i + P_i(t). Inputs that have arrived and wait, X_ki(m_ki(t)) - P_i(t), are charged at node i. This is the
modified base-stock policy of Glasserman & Tayur (1995), whose stages start at most c a period of what the stage above
has, seen a lead time later.
"""

from __future__ import annotations

from simopt.simulation.compiled import compiled_within
from simopt.simulation.stage import sum_of

BY_CAPACITY = -1


@compiled_within
def _receive_first(inflow, lead_time, calendar, made, binding):
    binding[:] = 0
    if len(calendar) > 0:
        for t in range(len(made)):
            made[t] = inflow[calendar[t]] if calendar[t] >= 0 else 0.0
        return
    for t in range(len(made)):
        made[t] = inflow[t - lead_time] if t >= lead_time else 0.0


@compiled_within
def receive(inflow, lead_time, calendar, k, made, binding):
    """Lower Z(t) to what lane k has brought and remember where it is the one that limits.

    Parameters
    ----------
    inflow
        X_ki(t), shape (period,).
    lead_time, calendar
        Lead time in periods, or m_ki(t) where the calendar is not empty; below 0 where nothing has arrived.
    k
        The lane's place among the node's; 0 starts afresh.
    made, binding
        Z(t) of the lanes before and the lane that limits it, shape (period,), changed.
    """
    if k == 0:
        _receive_first(inflow, lead_time, calendar, made, binding)
        return
    num_periods = len(made)
    if len(calendar) > 0:
        for t in range(num_periods):
            units = inflow[calendar[t]] if calendar[t] >= 0 else 0.0
            if units < made[t]:
                made[t], binding[t] = units, k
        return
    for t in range(min(lead_time, num_periods)):
        binding[t] = k if made[t] > 0.0 else binding[t]
        made[t] = 0.0
    later, limits = made[lead_time:], binding[lead_time:]
    for t in range(len(later)):
        limits[t] = k if inflow[t] < later[t] else limits[t]
        later[t] = min(inflow[t], later[t])


@compiled_within
def units_arrived(inflow, lead_time, calendar, warm_up):
    """What a lane has brought up to each period, summed over the horizon."""
    if len(calendar) == 0:
        return sum_of(inflow[max(warm_up - lead_time, 0) : max(len(inflow) - lead_time, 0)])
    total = 0.0
    for t in range(warm_up, len(inflow)):
        total += inflow[calendar[t]] if calendar[t] >= 0 else 0.0
    return total


@compiled_within
def limit(made, binding, capacity):
    """P(t) from Z(t), in place: at most capacity[t] more than in the period before."""
    before = 0.0
    for t in range(len(made)):
        if before + capacity[t] < made[t]:
            made[t] = before + capacity[t]
            binding[t] = BY_CAPACITY
        before = made[t]


@compiled_within
def slopes_of_sets(slope, binding, waiting_rate, warm_up):
    """From the derivative of the cost in A(t) to that in Z(t), in place: capacity hands it on to earlier periods."""
    carried = 0.0
    for t in range(len(slope) - 1, -1, -1):
        carried += slope[t] - (waiting_rate if t >= warm_up else 0.0)
        slope[t] = 0.0
        if binding[t] != BY_CAPACITY:
            slope[t] = carried
            carried = 0.0


@compiled_within
def value_arrivals(k, slope, limits, lead_time, calendar, value):
    """Add to the derivative in what is shipped on lane k what it does where it limits the node (always: no limits)."""
    for t in range(len(slope)):
        at = calendar[t] if len(calendar) > 0 else t - lead_time
        if at >= 0 and (len(limits) == 0 or limits[t] == k):
            value[at] += slope[t]


@compiled_within
def value_shipments(lead_time, calendar, warm_up, unit_cost, pipeline_cost, waiting_cost, value):
    """Derivative of transport, goods in transit and waiting inputs in what is shipped on a lane up to each period."""
    num_periods = len(value)
    for t in range(num_periods):
        value[t] = pipeline_cost if t >= warm_up else 0.0
    value[num_periods - 1] += unit_cost
    if warm_up > 0:
        value[warm_up - 1] -= unit_cost
    if pipeline_cost != waiting_cost:
        for t in range(warm_up, num_periods):
            at = calendar[t] if len(calendar) > 0 else t - lead_time
            if at >= 0:
                value[at] += waiting_cost - pipeline_cost


@compiled_within
def goods_in_transit(inflow, lead_time, calendar, found):
    """Units shipped and not arrived at the end of each period."""
    for t in range(len(inflow)):
        at = calendar[t] if len(calendar) > 0 else t - lead_time
        found[t] = inflow[t] - (inflow[at] if at >= 0 else 0.0)


@compiled_within
def units_in_transit(inflow, lead_time, calendar, warm_up):
    """Units shipped and not arrived, summed over the periods of the horizon."""
    return sum_of(inflow[warm_up:]) - units_arrived(inflow, lead_time, calendar, warm_up)
