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
from design.node import Lane
from simopt.simulation.simulator import Allocation
from simopt.simulation.stage import NUM_MEASURES, Measure

OWN = None
OUTSIDE = ""
QUANTITIES = (
    "demand_on_node",
    "on_hand",
    "backorders",
    "own_demand",
    "own_met_at_once",
    "own_backorders",
)
LANE_QUANTITIES = ("sent", "in_transit", "waiting", "owed")


@dataclass
class Order:
    """What a customer (a node's name, or `OWN`) asked for in a period and has not been sent yet."""

    period: int
    customer: str | None
    quantity: Real


@dataclass
class Stage:
    """A node during a simulation: its stock, the orders it has not filled, and what it gets from its suppliers.

    Parameters
    ----------
    on_hand
        Units.
    customers
        Who orders, in the order of the lanes, with the units of this node in one of theirs.
    inputs
        Suppliers, `OUTSIDE` for a source, with their units in one of this node.
    orders
        Not filled.
    waiting
        Units of each supplier that have arrived and wait for others.
    arrivals
        Units that will arrive, by supplier and period.
    """

    on_hand: Real
    customers: dict[str | None, Real]
    inputs: dict[str, Real]
    orders: list[Order] = field(default_factory=list)
    waiting: Counter = field(default_factory=Counter)
    arrivals: Counter = field(default_factory=Counter)

    def receive(self, period: int) -> None:
        """Take in what arrives and put together all complete sets."""
        for supplier in self.inputs:
            self.waiting[supplier] += self.arrivals.pop((supplier, period), 0)
        sets = min(self.waiting[supplier] / quantity for supplier, quantity in self.inputs.items())
        for supplier, quantity in self.inputs.items():
            self.waiting[supplier] -= sets * quantity
        self.on_hand += sets

    def in_transit(self, supplier: str) -> Real:
        return sum(units for (origin, _), units in self.arrivals.items() if origin == supplier)

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
        Units that a supplier sent to a node, by both.
    """

    own: dict[str, Real]
    ordered: Counter = field(default_factory=Counter)
    at_once: Counter = field(default_factory=Counter)
    sent: Counter = field(default_factory=Counter)

    def record(self, name: str, shipments: list[Order], customers: dict[str | None, Real], period: int) -> None:
        """Add what a node shipped."""
        self.at_once[name] = sum(s.quantity for s in shipments if s.customer is OWN and s.period == period)
        for customer in customers:
            if customer is not OWN:
                self.sent[name, customer] = sum(s.quantity for s in shipments if s.customer == customer)


@dataclass(frozen=True, eq=False)
class History:
    """What happened to every node in every period of one replication.

    Parameters
    ----------
    component
        What was simulated.
    values
        For each of `QUANTITIES` an array of shape (period, node), nodes as in `Component.nodes`. All are
        end-of-period states but "demand_on_node", "own_demand" and "own_met_at_once", which are what happened in the
        period.
    lanes
        Supplier, `OUTSIDE` for the outside supply, and receiver, node after node.
    quantities
        Units of the supplier in one of the receiver, shape (lane,).
    flows
        For each of `LANE_QUANTITIES` an array of shape (period, lane), units of the supplier. All are end-of-period
        states but "sent". "owed" is what the supplier still owes.
    """

    component: Component
    values: dict[str, NDArray[np.generic]]
    lanes: tuple[tuple[str, str], ...]
    quantities: NDArray[np.generic]
    flows: dict[str, NDArray[np.generic]]

    def __getitem__(self, quantity: str) -> NDArray[np.generic]:
        return self.values[quantity]

    @property
    def inventory_position(self) -> NDArray[np.generic]:
        """On hand + in transit, waiting and owed by a supplier - backorders, shape (period, lane)."""
        nodes = [self.component.nodes.index(name) for _, name in self.lanes]
        coming = self.flows["in_transit"] + self.flows["waiting"] + self.flows["owed"]
        return self["on_hand"][:, nodes] + coming / self.quantities - self["backorders"][:, nodes]


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
        name: Stage(
            number(level),
            {**{k.destination: number(k.quantity) for k in network.outgoing[name]}, OWN: number(1)},
            {k.origin: number(k.quantity) for k in network.incoming[name]} or {OUTSIDE: number(1)},
        )
        for name, level in zip(component.nodes, levels, strict=True)
    }
    lanes = tuple((supplier, name) for name in component.nodes for supplier in stages[name].inputs)
    fill = _fill_by_age if allocation is Allocation.FCFS else _fill_by_rank
    rows, lane_rows = [], []
    for period, row in enumerate(path):
        flows = Flows(dict(zip(network.customers, map(number, row), strict=True)))
        _pass_orders_up(component, stages, flows, period)
        for name in component.nodes:
            stage = stages[name]
            if OUTSIDE in stage.inputs:
                stage.arrivals[OUTSIDE, period + network.node(name).lead_time] += flows.ordered[name]
            stage.receive(period)
            shipments = fill(stage)
            flows.record(name, shipments, stage.customers, period)
            for lane in network.outgoing[name]:
                stages[lane.destination].arrivals[name, period + lane.lead_time] += flows.sent[lane.pair]
        rows.append([_observe(name, stages[name], flows) for name in component.nodes])
        lane_rows.append([_observe_lane(pair, stages, flows) for pair in lanes])
    values, along = np.moveaxis(np.array(rows), -1, 0), np.moveaxis(np.array(lane_rows), -1, 0)
    return History(
        component,
        dict(zip(QUANTITIES, values, strict=True)),
        lanes,
        np.array([stages[name].inputs[supplier] for supplier, name in lanes]),
        dict(zip(LANE_QUANTITIES, along, strict=True)),
    )


def _pass_orders_up(component: Component, stages: dict[str, Stage], flows: Flows, period: int) -> None:
    """Put one order of every customer into every queue; a node orders what was ordered from it."""
    for name in reversed(component.nodes):
        for customer, units in stages[name].customers.items():
            quantity = flows.own.get(name, 0) if customer is OWN else units * flows.ordered[customer]
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
    rank = {customer: place for place, customer in enumerate(stage.customers)}
    queue = sorted(stage.orders, key=lambda order: (rank[order.customer], order.period))
    shipments = [stage.send(order, min(order.quantity, stage.on_hand)) for order in queue]
    stage.orders = [order for order in stage.orders if order.quantity > 0]
    return shipments


def _observe(name: str, stage: Stage, flows: Flows) -> list[Real]:
    """One row of `QUANTITIES`."""
    return [
        flows.ordered[name],
        stage.on_hand,
        sum(order.quantity for order in stage.orders),
        flows.own.get(name, 0),
        flows.at_once[name],
        stage.backorders(OWN),
    ]


def _observe_lane(pair: tuple[str, str], stages: dict[str, Stage], flows: Flows) -> list[Real]:
    """One row of `LANE_QUANTITIES`."""
    supplier, name = pair
    return [
        flows.sent[pair],
        stages[name].in_transit(supplier),
        stages[name].waiting[supplier],
        0 if supplier == OUTSIDE else stages[supplier].backorders(name),
    ]


def _waiting_cost(case: Case, lane: Lane) -> float:
    if lane.input_holding_cost is not None:
        return lane.input_holding_cost
    return case.network.node(lane.origin).holding_cost


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
        if name in case.network.customers:
            totals[k, Measure.MET_AT_ONCE] = seen["own_met_at_once"].sum()
            totals[k, Measure.DEMANDED] = seen["own_demand"].sum()
            totals[k, Measure.PERIODS_WITHOUT_BACKORDERS] = (seen["own_backorders"] <= 1e-9).sum()
    for column, (supplier, name) in enumerate(history.lanes):
        if supplier == OUTSIDE:
            continue
        lane, k = case.network.lane((supplier, name)), history.component.nodes.index(name)
        moved = {quantity: history.flows[quantity][start:, column].astype(float).sum() for quantity in LANE_QUANTITIES}
        totals[k, Measure.TRANSPORT] += lane.unit_cost * moved["sent"]
        totals[k, Measure.PIPELINE] += lane.pipeline_holding_cost * moved["in_transit"]
        totals[k, Measure.HOLDING] += _waiting_cost(case, lane) * moved["waiting"]
    return totals
