"""A second simulator of disturbed supply: stock moved period by period, nothing shared with the compiled core.

Trees whose nodes make at most so much a period, review every few periods, allocate by three rules, and whose deliveries
arrive when a calendar says. Goods that have arrived and wait to be made are charged at the supplier's holding cost.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from design.case import Case
from design.node import LanePair
from simopt.simulation.simulator import Allocation
from simopt.simulation.stage import NUM_MEASURES, Measure

Floats = NDArray[np.float64]
OWN = ""


@dataclass
class Place:
    """A node: stock, goods waiting to be made, orders as [period, customer, quantity], what it has not ordered yet."""

    on_hand: float
    raw: float = 0.0
    unordered: float = 0.0
    orders: list[list] = field(default_factory=list)


def serve(orders: list[list], stock: float, customers: list[str], allocation: Allocation) -> list[list]:
    """Shipments as [period of the order, customer, quantity]; what is met is taken off the orders."""
    if allocation is Allocation.FCFS:
        groups = [[o for o in orders if o[0] == period] for period in sorted({o[0] for o in orders})]
    elif allocation is Allocation.PRIORITY:
        groups = [[o] for name in customers for o in orders if o[1] == name]
    else:
        return serve_fairly(orders, stock, customers)
    sent = []
    for group in groups:
        asked = sum(order[2] for order in group)
        part = min(stock / asked, 1.0) if asked > 0.0 else 1.0
        for order in group:
            sent.append([order[0], order[1], order[2] * part])
            order[2] *= 1.0 - part
        stock -= asked * part
    return sent


def serve_fairly(orders: list[list], stock: float, customers: list[str]) -> list[list]:
    """Every customer gets the same part of all it is owed, its oldest orders first."""
    owed = sum(order[2] for order in orders)
    part = min(stock / owed, 1.0) if owed > 0.0 else 1.0
    sent = []
    for name in customers:
        own = [order for order in orders if order[1] == name]
        left = part * sum(order[2] for order in own)
        for order in own:
            quantity = order[2] if part == 1.0 else min(order[2], left)
            sent.append([order[0], name, quantity])
            order[2] -= quantity
            left -= quantity
    return sent


@dataclass
class SupplyRun:
    """One replication of the only component of a case.

    Parameters
    ----------
    case
        Network, with review periods.
    levels
        Base-stock levels, shape (node,).
    path
        Demand, shape (period, customer).
    allocation
        Rule for a short node.
    capacity
        Units each node can make, shape (node, period), infinite where nothing limits it.
    dates
        By lane (origin "" outside): last period whose shipments have arrived by each period; lead times otherwise.
    """

    case: Case
    levels: Floats
    path: Floats
    allocation: Allocation
    capacity: Floats
    dates: dict[LanePair, NDArray[np.int64]]

    def measures(self) -> Floats:
        """Totals over the horizon, shape (node, measure)."""
        network = self.case.network
        (component,) = network.design(lane.pair for lane in network.lanes).components
        self.names, self.supplier = component.nodes, component.supplier
        self.below = {name: [lane.destination for lane in network.outgoing[name]] for name in self.names}
        self.places = {name: Place(float(level)) for name, level in zip(self.names, self.levels, strict=True)}
        self.column = {name: k for k, name in enumerate(network.customers)}
        self.road: dict[str, list[list[float]]] = {name: [] for name in self.names}
        self.totals = np.zeros((len(self.names), NUM_MEASURES))
        for t in range(self.case.num_periods):
            self._order(t)
            for k, name in enumerate(self.names):
                self._receive(t, k, name)
                sent = self._ship(t, name)
                if t >= self.case.warm_up:
                    self._charge(k, name)
                    self._serve(t, k, name, sent)
            if t >= self.case.warm_up:
                self._charge_road()
        return self.totals

    def _order(self, t: int) -> None:
        placed: dict[str, float] = {}
        for name in reversed(self.names):
            place = self.places[name]
            asked = [(end, placed[end]) for end in self.below[name]]
            asked += [(OWN, self.path[t, self.column[name]])] if name in self.column else []
            place.orders += [[t, customer, quantity] for customer, quantity in asked if quantity > 0.0]
            place.unordered += sum(quantity for _, quantity in asked)
            placed[name] = 0.0
            if t % self.case.network.node(name).review_period == 0:
                placed[name], place.unordered = place.unordered, 0.0
        self.road[self.names[0]].append([t, placed[self.names[0]]])

    def _receive(self, t: int, k: int, name: str) -> None:
        network, place, above = self.case.network, self.places[name], self.supplier.get(name, OWN)
        lead_time = network.node(name).lead_time if above == OWN else network.lane((above, name)).lead_time
        by = self.dates.get((above, name))
        last = t - lead_time if by is None else by[t]
        place.raw += sum(quantity for period, quantity in self.road[name] if period <= last)
        self.road[name] = [one for one in self.road[name] if one[0] > last]
        made = min(place.raw, self.capacity[k, t])
        place.raw -= made
        place.on_hand += made

    def _ship(self, t: int, name: str) -> list[list]:
        place = self.places[name]
        sent = serve(place.orders, place.on_hand, [*self.below[name], OWN], self.allocation)
        place.orders = [order for order in place.orders if order[2] > 1e-12]
        place.on_hand = max(place.on_hand - sum(one[2] for one in sent), 0.0)
        for end in self.below[name]:
            quantity = sum(one[2] for one in sent if one[1] == end)
            self.road[end].append([t, quantity])
            if t >= self.case.warm_up:
                unit_cost = self.case.network.lane((name, end)).unit_cost
                self.totals[self.names.index(end), Measure.TRANSPORT] += unit_cost * quantity
        return sent

    def _charge(self, k: int, name: str) -> None:
        place, node, above = self.places[name], self.case.network.node(name), self.supplier.get(name)
        over = max(place.on_hand - node.storage_capacity, 0.0)
        held = node.holding_cost * place.on_hand + node.holding_quadratic * place.on_hand**2
        waits = np.isfinite(self.capacity[k]).any() and above is not None
        waiting = self.case.network.node(above).holding_cost * place.raw if waits else 0.0
        self.totals[k, Measure.HOLDING] += held + node.overflow_cost * over + waiting
        self.totals[k, Measure.BACKORDER] += node.backorder_cost * sum(order[2] for order in place.orders)

    def _serve(self, t: int, k: int, name: str, sent: list[list]) -> None:
        if name in self.column:
            met = sum(one[2] for one in sent if one[1] == OWN and one[0] == t)
            owed = sum(order[2] for order in self.places[name].orders if order[1] == OWN)
            self.totals[k, Measure.MET_AT_ONCE] += met
            self.totals[k, Measure.DEMANDED] += self.path[t, self.column[name]]
            self.totals[k, Measure.PERIODS_WITHOUT_BACKORDERS] += owed <= 1e-9

    def _charge_road(self) -> None:
        for k, name in enumerate(self.names):
            if name in self.supplier:
                rate = self.case.network.lane((self.supplier[name], name)).pipeline_holding_cost
                self.totals[k, Measure.PIPELINE] += rate * sum(quantity for _, quantity in self.road[name])
