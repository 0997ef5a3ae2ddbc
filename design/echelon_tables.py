"""What leaves and stocks do at a price: tables over a grid of prices for `design.echelon`.

A price l is charged for one more unit brought to a node; below 0, its supplier would pay to be rid of the unit.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from math import inf, isfinite

import numpy as np

from design.demand import Floats
from design.lead_time_demand import GridDistribution

CostRates = tuple[float, float, float, float, float]
MIN_POSITIONS = 8192


def is_linear(rates: CostRates) -> bool:
    """Whether holding cost is linear in the stock."""
    _, g, capacity, overflow, _ = rates
    return g == 0.0 and not (overflow > 0.0 and capacity < inf)


def expected_cost(rates: CostRates, demand: GridDistribution, above: Floats) -> tuple[Floats, float]:
    """E c(y - W) at positions y, and its slope beyond the last of them.

    Parameters
    ----------
    rates
        Cost rates of the node, in the order of `design.cost`.
    demand
        Distribution of W.
    above
        Positions less the first point of that distribution, ascending, units.
    """
    h, g, capacity, overflow, b = rates
    limited = overflow > 0.0 and capacity < inf
    points = demand.points - demand.start
    mean = float(points @ demand.probability)
    y = above
    weighted = np.stack((np.ones_like(points), points, points**2)) * demand.probability
    sums = np.concatenate((np.zeros((3, 1)), np.cumsum(weighted, axis=1)), axis=1)
    below, first, second = sums[:, np.searchsorted(points, y, side="right")]
    costs = h * (y * below - first) + g * (y * y * below - 2.0 * y * first + second)
    costs += b * (mean - first - y * (1.0 - below))
    steepest = h + 2.0 * g * (y[-1] - mean)
    if limited:
        below, first, _ = sums[:, np.searchsorted(points, y - capacity, side="right")]
        costs += overflow * ((y - capacity) * below - first)
        steepest += overflow * below[-1]
    return costs, float(steepest)


@dataclass(frozen=True)
class PriceRange:
    """Prices at which a stage wants a finite amount, money per unit and period."""

    lowest: float
    highest: float


@dataclass(frozen=True, eq=False)
class LeafCost:
    """E c(y - W) of a leaf at closely spaced positions y.

    Parameters
    ----------
    levels, costs
        Positions, ascending, units, and expected money per period, both of shape (point,).
    prices
        At which a position within `levels` is best.
    is_piecewise_linear
        Whether the cost is linear between two neighboring positions.
    """

    levels: Floats
    costs: Floats
    prices: PriceRange
    is_piecewise_linear: bool

    @classmethod
    def of(cls, rates: CostRates, demand: GridDistribution) -> LeafCost:
        """The curve of a node with these cost rates against a lead-time demand."""
        points = demand.points - demand.start  # of net stock alone: large levels would cancel
        linear = is_linear(rates)
        y = points if linear else _refined(points)
        costs, steepest = expected_cost(rates, demand, y)
        return cls(demand.start + y, costs, PriceRange(-steepest, rates[4]), linear)

    def tabulate(self, prices: Floats) -> LeafTable:
        """Best position and φ(l) = min_y E c(y - W) + l·y at each price.

        Where the cost is curved, what a minimum between two positions could be lower is taken off: the distance times
        the change of the slope around it.
        """
        slopes = np.maximum.accumulate(np.diff(self.costs) / np.diff(self.levels))
        best = np.searchsorted(slopes, -prices)
        costs = self.costs[best] + prices * self.levels[best]
        if not self.is_piecewise_linear and len(slopes) > 0:
            last = len(slopes) - 1
            change = slopes[np.minimum(best + 1, last)] - slopes[np.clip(best - 2, 0, last)]
            costs -= (self.levels[1] - self.levels[0]) * change
        return LeafTable(self.levels[best], costs)


@dataclass(frozen=True, eq=False)
class LeafTable:
    """A leaf at each grid price.

    Parameters
    ----------
    levels
        Best position, units, falling, shape (price,).
    costs
        φ(l), money per period, shape (price,).
    """

    levels: Floats
    costs: Floats


@dataclass(frozen=True, eq=False)
class StockTable:
    """Stock kept at an inner node at each grid price.

    Parameters
    ----------
    on_hand
        Best stock, units, falling, shape (price,).
    credit
        H*(-l) = max_o -l·o - H(o), money per period, at least 0, shape (price,).
    """

    on_hand: Floats
    credit: Floats

    @classmethod
    def of(cls, rates: CostRates, prices: Floats) -> StockTable:
        """The table of a node with these cost rates; lower prices than it can bear count as the lowest it can."""
        h, g, capacity, overflow, _ = rates
        worth = np.minimum(-prices, -lowest_stock_price(rates))
        if g > 0.0:
            within = np.clip((worth - h) / (2.0 * g), 0.0, capacity)
            on_hand = np.maximum(within, (worth - h - overflow) / (2.0 * g))
        else:
            on_hand = np.where((worth > h) & (capacity < inf), capacity, 0.0)
        over = np.maximum(on_hand - capacity, 0.0)
        credit = worth * on_hand - h * on_hand - g * on_hand**2 - overflow * over
        return cls(on_hand, np.maximum(credit, 0.0))


def _refined(points: Floats) -> Floats:
    """Evenly spaced positions that include the given ones, at least `MIN_POSITIONS`."""
    if len(points) == 1:
        return points
    parts = -(-MIN_POSITIONS // (len(points) - 1))
    return np.linspace(points[0], points[-1], parts * (len(points) - 1) + 1)


def lowest_stock_price(rates: CostRates) -> float:
    """Lowest price at which an inner node wants a finite stock, money per unit and period."""
    h, g, capacity, overflow, _ = rates
    if g > 0.0:
        return -inf
    return -(h + overflow) if capacity < inf else -h


def price_grid(ends: Collection[float], size: int) -> Floats:
    """Ascending prices that include 0 and the ends of all ranges, dense around 0, where the prices' mean lies.

    Spaced evenly in asinh(price/s) with s a twentieth of the end nearest to 0.
    """
    finite = np.unique([0.0, *(end for end in ends if isfinite(end))])
    if len(finite) == 1:
        return np.array([-1.0, 0.0, 1.0])
    scale = 0.05 * float(np.abs(finite[finite != 0.0]).min())
    spaced = np.linspace(np.arcsinh(finite[0] / scale), np.arcsinh(finite[-1] / scale), size)
    return np.unique(np.concatenate((finite, scale * np.sinh(spaced[1:-1]))))
