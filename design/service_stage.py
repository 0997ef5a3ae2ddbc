"""A customer with a fill-rate target in the single-stage and the echelon bound.

Let y be the position of a leaf with lead time L: its base-stock level less the backlog owed to it L periods ago, which
is independent of what follows. Of the demand of a period it meets at once

    met(y) = E[(y - W_(L-1))⁺ - (y - W_L)⁺]     W_k its demand over k periods; L ≥ 1; everything if L = 0 and y ≥ 0

as W_(L-1) was asked for before. With a target β, mean demand m and c̄(y) = E c(y - W_L), it costs per period at least

    max over μ ≥ 0 of  min over y of  c̄(y) + μ·(β·m - met(y)),

whatever the distribution of y: every policy that meets the target on average is charged nothing by the second term. Any
μ will do; for the single-stage bound the best one is the slope at β·m of the lower convex hull of the points (met(y),
c̄(y)). In the echelon bound the same term, with the same μ, is added to the leaf's cost curve, whose convex hull is all
that its prices see. A leaf with L = 0 is left as it is: its position may depend on the demand that it is to meet.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import inf
from typing import Any

import numpy as np
from numba import njit

from design.demand import Demand, Floats
from design.echelon_tables import MIN_POSITIONS, CostRates, LeafCost, PriceRange, expected_cost, is_linear
from design.lead_time_demand import GridDistribution, lead_time_demand

ON_HAND: CostRates = (1.0, 0.0, inf, 0.0, 0.0)
MAX_STEPS = 200


@dataclass(frozen=True)
class ServiceStage:
    """The single-stage cost of a customer under its target, money per period.

    Parameters
    ----------
    bound
        What no distribution of positions that meets the target costs less than.
    multiplier
        μ there, money per unit met at once; 0 where the target does not bind.
    level
        Least position that meets the target by itself, or the cheapest one where that does.
    cost
        Expected cost at that level, at least the bound.
    """

    bound: float
    multiplier: float
    level: float
    cost: float


@dataclass(frozen=True, eq=False)
class LeafCurve:
    """What a leaf costs and meets at its positions; between two of them met(y) is linear and the cost convex.

    Parameters
    ----------
    rates, demand
        Cost rates, and the demand over the lead time.
    levels, met
        Positions, ascending, and the units met at once per period there, shape (point,).
    costs
        Money per period, shape (point,), lowered so that no position in between costs less than the line.
    """

    rates: CostRates
    demand: GridDistribution
    levels: Floats
    costs: Floats
    met: Floats

    @classmethod
    def of(cls, rates: CostRates, demand: Demand, periods: int) -> LeafCurve:
        """The curve of a customer with this demand per period and lead time, at least 1."""
        total = lead_time_demand(demand, periods)
        before = lead_time_demand(demand, periods - 1, total.step)
        levels = _positions(before, total)
        if not is_linear(rates) and len(levels) < MIN_POSITIONS:
            parts = -(-MIN_POSITIONS // (len(levels) - 1))
            numbers = np.arange(parts * (len(levels) - 1) + 1) / parts
            levels = np.interp(numbers, np.arange(len(levels)), levels)
        costs, _ = expected_cost(rates, total, levels - total.start)
        met = expected_cost(ON_HAND, before, levels - before.start)[0]
        met -= expected_cost(ON_HAND, total, levels - total.start)[0]
        if not is_linear(rates):
            costs = costs - _below_the_line(levels, costs)
        return cls(rates, total, levels, costs, np.maximum.accumulate(np.maximum(met, 0.0)))

    def cost_at(self, level: float) -> float:
        """Expected money per period at one position."""
        return float(expected_cost(self.rates, self.demand, np.array([level - self.demand.start]))[0][0])

    def level_for(self, wanted: float) -> float:
        """Least position at which so many units are met at once."""
        above = min(int(np.searchsorted(self.met, wanted)), len(self.met) - 1)
        if above == 0:
            return float(self.levels[0])
        rise = self.met[above] - self.met[above - 1]
        part = 1.0 if rise <= 0.0 else min((wanted - self.met[above - 1]) / rise, 1.0)
        return float(self.levels[above - 1] + part * (self.levels[above] - self.levels[above - 1]))

    def bound(self, wanted: float) -> tuple[float, float]:
        """Least mean cost of positions that meet so many units on average, and μ.

        The hull's edge over `wanted` is found from a point on either side: the point furthest below their line
        replaces the one on its side until there is none.
        """
        low, high = int(np.argmin(self.costs)), len(self.met) - 1
        if self.met[low] >= wanted or self.met[high] <= self.met[low]:
            return float(self.costs[low]), 0.0
        slope = 0.0
        for _ in range(MAX_STEPS):
            slope = max((self.costs[high] - self.costs[low]) / (self.met[high] - self.met[low]), 0.0)
            lowest = int(np.argmin(self.costs - slope * self.met))
            gain = self.costs[low] - slope * self.met[low] - (self.costs[lowest] - slope * self.met[lowest])
            if gain <= 1e-12 * abs(self.costs[high]) or lowest in (low, high):
                break
            low, high = (lowest, high) if self.met[lowest] < wanted else (low, lowest)
        return float(np.min(self.costs + slope * (wanted - self.met))), float(slope)

    def charged(self, multiplier: float, wanted: float) -> LeafCost:
        """The lower convex hull of c̄(y) + μ·(wanted - met(y))."""
        costs = self.costs + multiplier * (wanted - self.met)
        hull = lower_hull(self.levels, costs)
        steepest = expected_cost(self.rates, self.demand, np.array([self.levels[-1] - self.demand.start]))[1]
        return LeafCost(self.levels[hull], costs[hull], PriceRange(-steepest, self.rates[4]), True)


def service_stage(rates: CostRates, demand: Demand, periods: int, target: float) -> ServiceStage | None:
    """The single-stage cost of a customer under its target; None where the target changes nothing.

    Parameters
    ----------
    rates
        Cost rates of the node, in the order of `design.cost`.
    demand
        Of one period.
    periods
        Lead time.
    target
        Share of its demand to be met from stock at once.
    """
    hashable: Any = demand
    return _service_stage(rates, hashable, periods, target)


@lru_cache(maxsize=4096)
def _service_stage(rates: CostRates, demand: Any, periods: int, target: float) -> ServiceStage | None:
    if periods == 0 or demand.mean == 0.0:
        return None
    curve = LeafCurve.of(rates, demand, periods)
    wanted = target * float(curve.met[-1])
    if curve.met[int(np.argmin(curve.costs))] >= wanted:
        return None
    bound, multiplier = curve.bound(wanted)
    level = curve.level_for(wanted)
    return ServiceStage(bound, multiplier, level, curve.cost_at(level))


def charged_leaf(rates: CostRates, demand: Demand, periods: int, target: float) -> LeafCost | None:
    """Cost curve of a customer with a target for the echelon bound; None where the target changes nothing."""
    stage = service_stage(rates, demand, periods, target)
    if stage is None:
        return None
    curve = LeafCurve.of(rates, demand, periods)
    return curve.charged(stage.multiplier, target * float(curve.met[-1]))


def _positions(before: GridDistribution, total: GridDistribution) -> Floats:
    """Every position where a cost or what is met at once has a kink, ascending."""
    first, last = before.points, total.points
    if total.is_constant or first[-1] < last[0]:
        return np.unique(np.concatenate((first, last)))
    return first[0] + total.step * np.arange(round((last[-1] - first[0]) / total.step) + 1.0)


def _below_the_line(levels: Floats, costs: Floats) -> Floats:
    """By how much a convex cost may lie below the line between neighboring positions, at both of them."""
    slopes = np.diff(costs) / np.diff(levels)
    padded = np.concatenate((slopes[:1], slopes, slopes[-1:]))
    sag = 0.25 * np.diff(levels) * np.maximum(padded[2:] - padded[:-2], 0.0)
    return np.maximum(np.append(sag, 0.0), np.insert(sag, 0, 0.0))


@njit(cache=True, error_model="numpy")
def lower_hull(x, y):  # type: ignore[no-untyped-def]
    """Indices of the points on the lower convex hull, for ascending x (Andrew's monotone chain)."""
    kept = np.empty(len(x), dtype=np.int64)
    count = 0
    for k in range(len(x)):
        while count > 1:
            i, j = kept[count - 2], kept[count - 1]
            if (y[j] - y[i]) * (x[k] - x[i]) < (y[k] - y[i]) * (x[j] - x[i]):
                break
            count -= 1
        kept[count] = k
        count += 1
    return kept[:count]
