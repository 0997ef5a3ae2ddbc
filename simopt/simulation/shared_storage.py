"""Storage that several nodes share: overflow by the space that all of them take together (compiled)."""

from __future__ import annotations

from simopt.simulation.compiled import compiled_within


@compiled_within
def add_space(unit_size, available, total, warm_up, used):
    """Add the space of a node's stock on hand to what is used in each period of the horizon."""
    for t in range(warm_up, len(used)):
        used[t] += unit_size * max(available[t] - total[t], 0.0)


@compiled_within
def overflow_of(unit_size, available, total, warm_up, used, capacity, overflow_cost):
    """A node's part, by the space it takes, of overflow_cost·(used - capacity)⁺ over the horizon."""
    cost = 0.0
    for t in range(warm_up, len(used)):
        if used[t] > capacity:
            part = unit_size * max(available[t] - total[t], 0.0) / used[t]
            cost += overflow_cost * (used[t] - capacity) * part
    return cost


@compiled_within
def add_slopes_of_overflow(unit_size, available, total, warm_up, used, capacity, overflow_cost, slope):
    """Add the right derivative of all nodes' overflow cost in this node's A(t)."""
    for t in range(warm_up, len(used)):
        if used[t] >= capacity and available[t] >= total[t]:
            slope[t] += overflow_cost * unit_size
