"""What a node's stock costs per period: one definition of value and slope, used by simulator and master.

A node's five rates come in one order everywhere: linear holding h, quadratic holding g, storage capacity K, overflow
cost w, backorder cost b. With net stock u = on hand - backorders the cost of a period is

    h·u⁺ + g·(u⁺)² + w·(u⁺ - K)⁺ + b·u⁻                    (MODEL: one period, costs)

which is convex in u and 0 at u = 0. All functions are compiled; rates are floats per unit and period.
"""

from __future__ import annotations

from numba import njit


@njit(cache=True, inline="always", error_model="numpy")
def holding_cost(on_hand, h, g, capacity, overflow):
    """Money per period for `on_hand` units, convex and 0 at 0."""
    cost = (h + g * on_hand) * on_hand
    if on_hand > capacity:
        cost += overflow * (on_hand - capacity)
    return cost


@njit(cache=True, inline="always", error_model="numpy")
def holding_slope(on_hand, h, g, capacity, overflow):
    """Right derivative of `holding_cost` in the stock on hand, money per unit and period."""
    slope = h + 2.0 * g * on_hand
    if on_hand >= capacity:
        slope += overflow
    return slope


@njit(cache=True, inline="always", error_model="numpy")
def net_stock_cost(net, h, g, capacity, overflow, backorder):
    """Money per period at net stock `net`: holding above zero, backorders below."""
    if net >= 0.0:
        return holding_cost(net, h, g, capacity, overflow)
    return -backorder * net


@njit(cache=True, inline="always", error_model="numpy")
def net_stock_slope(net, h, g, capacity, overflow, backorder):
    """Right derivative of `net_stock_cost`: the slope of holding at 0 and above, -backorder below."""
    if net >= 0.0:
        return holding_slope(net, h, g, capacity, overflow)
    return -backorder
