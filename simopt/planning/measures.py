"""What is measured while a planning world runs: running totals, no history.

Totals are over the periods of the horizon and over products, one of each a replication; weekly series and the flows of
single products are kept only where they are asked for.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np

from simopt.planning.world import Floats, World

LEAST_VARIANCE = 1e-9


class Total(IntEnum):
    """Totals of a site over the horizon: units, orders placed, periods, money."""

    INFLOW = 0
    SHIPPED = 1
    DEMANDED = 2
    MET_AT_ONCE = 3
    DELIVERED = 4
    LOST = 5
    CANCELLED = 6
    OBSOLETE = 7
    ON_HAND = 8
    IN_TRANSIT = 9
    BACKLOG = 10
    CUSTOMER_BACKLOG = 11
    CLEAR = 12
    ORDERED = 13
    ORDERS = 14
    HOLDING_COST = 15
    BACKLOG_COST = 16
    LOST_SALE_COST = 17
    CANCELLATION_COST = 18
    OBSOLESCENCE_COST = 19
    ORDER_COST = 20
    TRANSPORT_COST = 21
    PIPELINE_COST = 22
    PRODUCTION_COST = 23


COSTS = tuple(one for one in Total if one >= Total.HOLDING_COST)


class Series(IntEnum):
    """Weekly series of a site: units of all products, and money."""

    INFLOW = 0
    ORDERED = 1
    ON_HAND = 2
    BACKLOG = 3
    SHIPPED = 4
    MET_AT_ONCE = 5
    GONE = 6
    COST = 7
    MADE = 8


@dataclass(eq=False)
class Variance:
    """Running mean and sum of squared deviations (Welford 1962)."""

    count: int = 0
    mean: Floats = field(default_factory=lambda: np.zeros(()))
    squares: Floats = field(default_factory=lambda: np.zeros(()))

    def add(self, values: Floats) -> None:
        """Take the values of a period."""
        self.count += 1
        before = values - self.mean
        self.mean = self.mean + before / self.count
        self.squares = self.squares + before * (values - self.mean)

    @property
    def population(self) -> Floats:
        """Population variance."""
        return self.squares / max(self.count, 1)


@dataclass(eq=False)
class Measured:
    """What a run of some replications has given.

    Parameters
    ----------
    totals
        Shape (replication, site, total), the last axis as in `Total`.
    inflow_variance, order_variance
        Of the weekly sums of a family, population variances, shape (replication, site, family).
    series
        Shape (replication, period, site, series) of the whole run, or None.
    trace
        Of one replication, shape (period, site, series, product), or None.
    flows
        Units in, shipped, gone (lost and cancelled) and owed in the end over the whole run, shape (4, replication,
        site, product).
    """

    totals: Floats
    inflow_variance: Floats
    order_variance: Floats
    series: Floats | None
    trace: Floats | None
    flows: Floats

    def bullwhip(self) -> Floats:
        """Variance of orders over that of inflow, mean over families with any, shape (replication, site)."""
        varies = self.inflow_variance >= LEAST_VARIANCE
        ratios = np.where(varies, self.order_variance / np.where(varies, self.inflow_variance, 1.0), 0.0)
        return ratios.sum(axis=2) / np.maximum(varies.sum(axis=2), 1)


class Recorder:
    """Collects them while the engine runs.

    Parameters
    ----------
    world, count
        What is run, in how many replications.
    with_series
        Whether weekly series are kept.
    traced
        Replication of which every product is kept; None: of none.
    """

    def __init__(self, world: World, count: int, *, with_series: bool, traced: int | None) -> None:
        size, periods = len(world.sites), world.case.num_periods
        self._warm_up = world.case.warm_up
        self.totals = np.zeros((count, size, len(Total)))
        self._members = (world.family[:, None] == np.arange(len(world.families))).astype(np.float64)
        self._inflow = [Variance() for _ in range(size)]
        self._orders = [Variance() for _ in range(size)]
        self._series = np.zeros((count, periods, size, len(Series))) if with_series else None
        shape = (periods, size, len(Series), world.num_products)
        self._trace = None if traced is None else np.zeros(shape)
        self._traced = traced
        self._cost = [np.zeros((1, 1)) for _ in range(size)]
        self._flows = np.zeros((4, count, size, world.num_products))

    def cost_of(self, period: int) -> Floats:
        """Of a period, every replication, money, shape (replication,); where weekly series are kept."""
        if self._series is None:
            raise ValueError("cost of a period: expected a recorder with series")
        return np.asarray(self._series[:, period, :, Series.COST].sum(axis=1))

    def add(self, period: int, site: int, total: Total, units: Floats) -> None:
        """Add what happened in a period, shape (replication, product); totals count it from the horizon on."""
        if total >= Total.HOLDING_COST and (self._series is not None or self._trace is not None):
            self._cost[site] = self._cost[site] + units
        if period >= self._warm_up:
            self.totals[:, site, total] += units.sum(axis=1)

    def close(self, period: int, site: int, week: dict[Series, Floats], owed: Floats) -> None:
        """Take the week of a site, each of shape (replication, product), and what it still owes."""
        if period >= self._warm_up:
            self._inflow[site].add(week[Series.INFLOW] @ self._members)
            self._orders[site].add(week[Series.ORDERED] @ self._members)
        for flow, series in enumerate((Series.INFLOW, Series.SHIPPED, Series.GONE)):
            self._flows[flow, :, site] += week[series]
        self._flows[3, :, site] = owed
        week = {**week, Series.COST: self._cost[site]}
        self._cost[site] = np.zeros((1, 1))
        if self._series is not None:
            for series, units in week.items():
                self._series[:, period, site, series] = units.sum(axis=1)
        if self._trace is not None:
            for series, units in week.items():
                self._trace[period, site, series] = units[self._traced if len(units) > 1 else 0]

    def measured(self) -> Measured:
        """The result."""
        return Measured(
            self.totals,
            np.stack([one.population for one in self._inflow], axis=1),
            np.stack([one.population for one in self._orders], axis=1),
            self._series,
            self._trace,
            self._flows,
        )
