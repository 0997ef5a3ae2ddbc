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


@dataclass(frozen=True)
class PriceRange:
    """Prices at which a stage wants a finite amount, money per unit and period."""

    lowest: float
    highest: float


@dataclass(frozen=True, eq=False)
class LeafCost:
    """E c(y - W) of a leaf at every value of its lead-time demand.

    Parameters
    ----------
    levels, costs
        Positions y, ascending, units, and expected money per period, both of shape (point,).
    prices
        At which a position within `levels` is best.
    """

    levels: Floats
    costs: Floats
    prices: PriceRange

    @classmethod
    def of(cls, rates: CostRates, demand: GridDistribution) -> LeafCost:
        """The curve of a node with these cost rates against a lead-time demand."""
        h, g, capacity, overflow, b = rates
        y = demand.points
        sums = np.cumsum(np.stack((np.ones_like(y), y, y * y)) * demand.probability, axis=1)
        below, first, second = sums
        costs = h * (y * below - first) + g * (y * y * below - 2.0 * y * first + second)
        costs += b * (demand.mean - first - y * (1.0 - below))
        if overflow > 0.0 and capacity < inf:
            number = np.searchsorted(y, y - capacity, side="right")
            below, first = (np.concatenate(([0.0], part))[number] for part in sums[:2])
            costs += overflow * ((y - capacity) * below - first)
        steepest = h if len(y) == 1 else max((costs[-1] - costs[-2]) / demand.step, 0.0)
        return cls(y, costs, PriceRange(-steepest, b))

    def tabulate(self, prices: Floats) -> LeafTable:
        """Best position and φ(l) = min_y E c(y - W) + l·y at each price."""
        slopes = np.maximum.accumulate(np.diff(self.costs) / np.diff(self.levels))
        levels = self.levels[np.searchsorted(slopes, -prices)]
        return LeafTable(levels, self.costs[np.searchsorted(slopes, -prices)] + prices * levels)


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
    scale = 0.05 * float(np.abs(finite[finite != 0.0]).min(initial=1.0))
    spaced = np.linspace(np.arcsinh(finite[0] / scale), np.arcsinh(finite[-1] / scale), size)
    return np.unique(np.concatenate((finite, scale * np.sinh(spaced[1:-1]))))
