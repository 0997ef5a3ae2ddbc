"""A second simulator to compare with: explicit queues of orders, period after period (MODEL: one period t).

Nothing is shared with the compiled core: no cumulative quantities, no shortcuts, and any kind of number. With
`fractions.Fraction` the arithmetic is exact, so that ties are ties.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from numbers import Real

import numpy as np
from numpy.typing import NDArray

from design.case import Case
from design.network import Component
from simopt.simulation.simulator import Allocation
from simopt.simulation.stage import NUM_MEASURES, Measure

OWN = None
QUANTITIES = (
    "demand_on_node",
    "on_hand",
    "backorders",
    "own_demand",
    "own_met_at_once",
    "own_backorders",
    "sent_to_node",
    "in_transit",
    "owed",
)


@dataclass
class Order:
    """What a customer (a node's name, or `OWN`) asked for in a period and has not been sent yet."""

    period: int
    customer: str | None
    quantity: Real


@dataclass
class Stage:
    """A node during a simulation: its stock, the orders it has not filled, and arrivals by period."""

    on_hand: Real
    customers: list[str | None]
    orders: list[Order] = field(default_factory=list)
    arrivals: Counter = field(default_factory=Counter)

    def backorders(self, customer: str | None) -> Real:
        return sum(order.quantity for order in self.orders if order.customer == customer)

    def send(self, order: Order, quantity: Real) -> Order:
        self.on_hand -= quantity
        order.quantity -= quantity
        return Order(order.period, order.customer, quantity)


@dataclass
class Flows:
    """What moves in one period, by node.

    Parameters
    ----------
    own, ordered
        Demand of the node's own customers, and of all its customers.
    at_once
        Units of `own` that were met in the period.
    sent
        Units that its supplier sent to it.
    """

    own: dict[str, Real]
    ordered: Counter = field(default_factory=Counter)
    at_once: Counter = field(default_factory=Counter)
    sent: Counter = field(default_factory=Counter)

    def record(self, name: str, shipments: list[Order], customers: list[str | None], period: int) -> None:
        """Add what a node shipped."""
        self.at_once[name] = sum(s.quantity for s in shipments if s.customer is OWN and s.period == period)
        for customer in customers:
            if customer is not OWN:
                self.sent[customer] = sum(s.quantity for s in shipments if s.customer == customer)


@dataclass(frozen=True, eq=False)
class History:
    """What happened to every node in every period of one replication.

    Parameters
    ----------
    component
        What was simulated.
    values
        For each of `QUANTITIES` an array of shape (period, node), nodes as in `Component.nodes`. All are
        end-of-period states but "demand_on_node", "own_demand", "own_met_at_once" and "sent_to_node" (by its
        supplier), which are what happened in the period. "owed" is what the supplier still owes it.
    """

    component: Component
    values: dict[str, NDArray[np.generic]]

    def __getitem__(self, quantity: str) -> NDArray[np.generic]:
        return self.values[quantity]

    @property
    def inventory_position(self) -> NDArray[np.generic]:
        """On hand + in transit + owed by the supplier - backorders, shape (period, node)."""
        return self["on_hand"] + self["in_transit"] + self["owed"] - self["backorders"]


def simulate_slowly(
    case: Case,
    levels: NDArray[np.float64],
    path: NDArray[np.float64],
    allocation: Allocation = Allocation.FCFS,
    number: Callable[[float], Real] = float,
) -> History:
    """One replication of the component that uses every lane of a case.

    Parameters
    ----------
    case
        Gives network and simulated time.
    levels
        Base-stock levels, shape (node,).
    path
        Demand, shape (period, customer).
    allocation
        Rule for a short node.
    number
        What to compute with: `float` or `fractions.Fraction`.
    """
    network = case.network
    (component,) = network.design(lane.pair for lane in network.lanes).components
    stages = {
        name: Stage(number(level), [*(k.destination for k in network.outgoing[name]), OWN])
        for name, level in zip(component.nodes, levels, strict=True)
    }
    fill = _fill_by_age if allocation is Allocation.FCFS else _fill_by_rank
    rows = []
    for period, row in enumerate(path):
        flows = Flows(dict(zip(network.customers, map(number, row), strict=True)))
        _pass_orders_up(component, stages, flows, period)
        source = network.node(component.source)
        stages[source.name].arrivals[period + source.lead_time] += flows.ordered[source.name]
        for name in component.nodes:
            stages[name].on_hand += stages[name].arrivals.pop(period, 0)
            shipments = fill(stages[name])
            flows.record(name, shipments, stages[name].customers, period)
            for lane in network.outgoing[name]:
                sent = flows.sent[lane.destination]
                stages[lane.destination].arrivals[period + lane.lead_time] += sent
        rows.append([_observe(name, component, stages, flows) for name in component.nodes])
    values = np.moveaxis(np.array(rows), -1, 0)
    return History(component, dict(zip(QUANTITIES, values, strict=True)))


def _pass_orders_up(component: Component, stages: dict[str, Stage], flows: Flows, period: int) -> None:
    """Put one order of every customer into every queue; a node orders what was ordered from it."""
    for name in reversed(component.nodes):
        for customer in stages[name].customers:
            quantity = flows.own.get(name, 0) if customer is OWN else flows.ordered[customer]
            if quantity > 0:
                stages[name].orders.append(Order(period, customer, quantity))
            flows.ordered[name] += quantity


def _fill_by_age(stage: Stage) -> list[Order]:
    """First come first served; orders of one period that cannot all be met get the same share of the rest."""
    shipments = []
    for period in sorted({order.period for order in stage.orders}):
        orders = [order for order in stage.orders if order.period == period]
        asked = sum(order.quantity for order in orders)
        if asked <= stage.on_hand:
            shipments += [stage.send(order, order.quantity) for order in orders]
            continue
        left = stage.on_hand
        shipments += [stage.send(order, left * order.quantity / asked) for order in orders]
        stage.on_hand *= 0  # rounding leaves a rest
        break
    stage.orders = [order for order in stage.orders if order.quantity > 0]
    return shipments


def _fill_by_rank(stage: Stage) -> list[Order]:
    """All orders of the first customer before any of the second; each one's orders in turn."""
    queue = sorted(stage.orders, key=lambda order: (stage.customers.index(order.customer), order.period))
    shipments = [stage.send(order, min(order.quantity, stage.on_hand)) for order in queue]
    stage.orders = [order for order in stage.orders if order.quantity > 0]
    return shipments


def _observe(name: str, component: Component, stages: dict[str, Stage], flows: Flows) -> list[Real]:
    """One row of `QUANTITIES`."""
    stage, supplier = stages[name], component.supplier.get(name)
    return [
        flows.ordered[name],
        stage.on_hand,
        sum(order.quantity for order in stage.orders),
        flows.own.get(name, 0),
        flows.at_once[name],
        stage.backorders(OWN),
        flows.sent[name],
        sum(stage.arrivals.values()),
        0 if supplier is None else stages[supplier].backorders(name),
    ]


def measures_of(history: History, case: Case) -> NDArray[np.float64]:
    """Totals over the horizon, shape (node, measure), as `simopt.simulation.kernel.Measure` names them."""
    start = case.warm_up
    totals = np.zeros((len(history.component.nodes), NUM_MEASURES))
    for k, name in enumerate(history.component.nodes):
        node = case.network.node(name)
        seen = {quantity: history[quantity][start:, k].astype(float) for quantity in QUANTITIES}
        over = np.maximum(seen["on_hand"] - node.storage_capacity, 0.0)
        totals[k, Measure.HOLDING] = (
            node.holding_cost * seen["on_hand"].sum()
            + node.holding_quadratic * (seen["on_hand"] ** 2).sum()
            + node.overflow_cost * over.sum()
        )
        totals[k, Measure.BACKORDER] = node.backorder_cost * seen["backorders"].sum()
        if name in history.component.supplier:
            lane = case.network.lane((history.component.supplier[name], name))
            totals[k, Measure.TRANSPORT] = lane.unit_cost * seen["sent_to_node"].sum()
            totals[k, Measure.PIPELINE] = lane.pipeline_holding_cost * seen["in_transit"].sum()
        if name in case.network.customers:
            totals[k, Measure.MET_AT_ONCE] = seen["own_met_at_once"].sum()
            totals[k, Measure.DEMANDED] = seen["own_demand"].sum()
            totals[k, Measure.PERIODS_WITHOUT_BACKORDERS] = (seen["own_backorders"] <= 1e-9).sum()
    return totals
