"""A simulator of one's own, written with SimPy: `simopt solve CASE --simulator cases.simpy_tree:SimpyTree`.

It runs base-stock control of one source and the nodes it serves as the built-in simulator does, so both give the same
costs. Copy it and change what differs in your supply chain. A period is one unit of SimPy's time: goods arrive at its
start, orders and shipments are made in its middle, and stock is counted right after them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator
from dataclasses import dataclass

import simpy

from design.cost import holding_cost
from simopt.simulation.user_simulator import NodeCosts, Outcome, Replication

OWN = ""  # a node's own customers, next to the nodes that it serves
ROUNDING = 1e-9  # units


@dataclass
class Batch:
    """What was asked of a node in one period and has not been sent, units by customer."""

    period: int
    units: dict[str, float]


class Stage:
    """A node: its stock, what it owes, what is on its way to it, and what that has cost so far."""

    def __init__(self, replication: Replication, name: str) -> None:
        node, lane = replication.node(name), replication.lane_into(name)
        self.name = name
        self.supplier = replication.supplier.get(name)
        self.customers = replication.customers_of(name)
        self.lead_time = int(node.lead_time or 0) if lane is None else lane.lead_time
        self.unit_cost = 0.0 if lane is None else lane.unit_cost
        self.pipeline_cost = 0.0 if lane is None else lane.pipeline_holding_cost
        *self.holding_rates, self.backorder_cost = node.cost_rates
        self.on_hand = replication.levels[name]
        self.in_transit = 0.0
        self.batches: deque[Batch] = deque()
        self.met_now = 0.0
        self.costs = {"holding": 0.0, "backorder": 0.0, "transport": 0.0, "pipeline": 0.0}
        self.service = {"met_at_once": 0.0, "demanded": 0.0, "periods_without_backorders": 0.0}

    def ship(self, period: int) -> dict[str, float]:
        """What is sent to each customer: the oldest orders first; those of one period share in proportion."""
        sent = dict.fromkeys((*self.customers, OWN), 0.0)
        self.met_now = 0.0
        while self.batches:
            batch = self.batches[0]
            asked = sum(batch.units.values())
            share = 1.0 if asked <= self.on_hand else self.on_hand / asked
            if batch.period == period:
                self.met_now = share * batch.units.get(OWN, 0.0)
            for customer, units in batch.units.items():
                sent[customer] += share * units
                batch.units[customer] -= share * units
            self.on_hand -= share * asked
            if share < 1.0:
                break
            self.batches.popleft()
        return sent

    def count(self, demand: float, received: float) -> None:
        """Add what the period that ends costs, and how it served the node's own customers."""
        owed = sum(sum(batch.units.values()) for batch in self.batches)
        owed_own = sum(batch.units.get(OWN, 0.0) for batch in self.batches)
        self.costs["holding"] += holding_cost(self.on_hand, *self.holding_rates)
        self.costs["backorder"] += self.backorder_cost * owed
        self.costs["transport"] += self.unit_cost * received
        self.costs["pipeline"] += self.pipeline_cost * self.in_transit
        self.service["met_at_once"] += self.met_now
        self.service["demanded"] += demand
        self.service["periods_without_backorders"] += owed_own <= ROUNDING


class Run:
    """One replication in a SimPy environment."""

    def __init__(self, replication: Replication) -> None:
        self.replication = replication
        self.environment = simpy.Environment()
        self.stages = {name: Stage(replication, name) for name in replication.nodes}
        self.environment.process(self.periods())
        self.environment.run()

    def periods(self) -> Generator[simpy.Event]:
        """Orders, shipments and costs, period after period."""
        case = self.replication.case
        for period in range(case.num_periods):
            yield self.environment.timeout(0.5)
            demand = {name: float(path[period]) for name, path in self.replication.demand.items()}
            orders, received = self.order(period, demand), dict[str, float]()
            for stage in self.stages.values():  # suppliers come before those they serve
                if stage.supplier is None:
                    self.send(stage, orders[stage.name])  # outside supply is never short
                sent = stage.ship(period)
                for customer in stage.customers:
                    received[customer] = sent[customer]
                    self.send(self.stages[customer], sent[customer])
            if period >= case.warm_up:
                for name, stage in self.stages.items():
                    stage.count(demand.get(name, 0.0), received.get(name, 0.0))
            yield self.environment.timeout(0.5)

    def order(self, period: int, demand: dict[str, float]) -> dict[str, float]:
        """Every node orders from its supplier what was asked of itself; returns units by node."""
        orders = {}
        for name, stage in reversed(self.stages.items()):
            units = {customer: orders[customer] for customer in stage.customers}
            if name in demand:
                units[OWN] = demand[name]
            stage.batches.append(Batch(period, units))
            orders[name] = sum(units.values())
        return orders

    def send(self, stage: Stage, units: float) -> None:
        """Put goods on their way to a node; without a lead time they arrive at once."""
        if stage.lead_time == 0:
            stage.on_hand += units
        else:
            stage.in_transit += units
            self.environment.process(self.deliver(stage, units))

    def deliver(self, stage: Stage, units: float) -> Generator[simpy.Event]:
        """Goods in transit, which arrive at the start of a period."""
        yield self.environment.timeout(stage.lead_time - 0.5)
        stage.in_transit -= units
        stage.on_hand += units


class SimpyTree:
    """The simulator: `simulate` runs one replication."""

    has_gradient = False

    def simulate(self, replication: Replication) -> Outcome:
        """Costs of every node of a tree with steady supply, see `UserSimulator.simulate`."""
        if not replication.case.has_simple_supply:
            raise ValueError("expected a case without outages, capacities per period, reviews or varying lead times")
        stages = Run(replication).stages
        return Outcome({name: NodeCosts(**stage.costs, **stage.service) for name, stage in stages.items()})
