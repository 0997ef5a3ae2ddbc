"""Networks played step by step, as inventory environments play them, and the best that hindsight could have done.

In a step every link's order is filled from its origin's stock and capacity as they stand, in the order of the links;
what was ordered a lead time ago arrives; customers ask one retailer and are served; profit is what they paid less what
raw material, production, stock, goods in transit and shortages cost. With the demand of all steps known the best plan
is a linear program: an upper bound on the profit of any policy on that demand.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import inf

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import linprog

from design.errors import BadInputError

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class StepNode:
    """A stocking point.

    Parameters
    ----------
    name
        Identifier.
    stock
        Units on hand at the start.
    holding_cost
        Money per unit on hand at the end of a step.
    capacity, unit_cost
        Units sent out in a step at most, and money for each.
    """

    name: int
    stock: float
    holding_cost: float
    capacity: float = inf
    unit_cost: float = 0.0


@dataclass(frozen=True)
class StepLink:
    """Where goods come from.

    Parameters
    ----------
    origin, destination
        Names; the origin -1 is raw material without limit.
    lead_time
        Steps.
    price
        Money per unit of raw material, 0 between nodes.
    transit_cost
        Money per unit in transit and step.
    """

    origin: int
    destination: int
    lead_time: int
    price: float
    transit_cost: float


@dataclass(frozen=True)
class StepNetwork:
    """Nodes and links with one retailer.

    Parameters
    ----------
    nodes, links
        Links in the order in which orders are filled.
    retailer
        Name of the node that customers ask.
    sale_price, shortage_cost
        Money per unit sold, and owed (or lost) at the end of a step.
    backlog
        Whether customers wait.
    steps
        Of an episode.
    """

    nodes: tuple[StepNode, ...]
    links: tuple[StepLink, ...]
    retailer: int
    sale_price: float
    shortage_cost: float
    backlog: bool
    steps: int

    @cached_property
    def place(self) -> dict[int, int]:
        """Number of each node."""
        return {node.name: k for k, node in enumerate(self.nodes)}

    @cached_property
    def inbound(self) -> dict[int, tuple[int, ...]]:
        """Numbers of the links into each node."""
        return {n.name: tuple(i for i, k in enumerate(self.links) if k.destination == n.name) for n in self.nodes}

    @cached_property
    def outbound(self) -> dict[int, tuple[int, ...]]:
        """Numbers of the links out of each node."""
        return {n.name: tuple(i for i, k in enumerate(self.links) if k.origin == n.name) for n in self.nodes}


@dataclass(frozen=True, eq=False)
class Hindsight:
    """The best plan for a known demand.

    Parameters
    ----------
    profit
        Money.
    orders
        Of every link, shape (step, link), units.
    stock
        On hand at the end of every step, shape (step, node), units.
    """

    profit: float
    orders: Floats
    stock: Floats


def best_in_hindsight(network: StepNetwork, demand: Floats) -> Hindsight:
    """Solve the linear program of a known demand, shape (step,), units.

    Raises
    ------
    BadInputError
        If the demand does not have a number for every step.
    """
    if len(demand) != network.steps:
        raise BadInputError(f"demand of {len(demand)} steps: expected {network.steps}")
    program = _Program(network)
    for t in range(network.steps):
        program.add_step(t, float(demand[t]))
    solved = linprog(
        program.cost, *program.upper(), *program.equal(), bounds=(0.0, None), method="highs"
    )  # always feasible: order nothing
    links, nodes, steps = len(network.links), len(network.nodes), network.steps
    orders = solved.x[: steps * links].reshape(steps, links)
    return Hindsight(-float(solved.fun), orders, solved.x[-steps * nodes :].reshape(steps, nodes))


class _Program:
    """Orders, sales, shortages and stocks of all steps, in this order."""

    def __init__(self, network: StepNetwork) -> None:
        self.net = network
        steps, links = network.steps, len(network.links)
        self.sale, self.short = steps * links, steps * (links + 1)
        self.stocks = steps * (links + 2)
        self.cost = np.zeros(self.stocks + steps * len(network.nodes))
        self._rows: dict[str, list[tuple[dict[int, float], float]]] = {"equal": [], "upper": []}

    def add_step(self, t: int, demand: float) -> None:
        net, links = self.net, len(self.net.links)
        for k, node in enumerate(net.nodes):
            self._add_node(t, k, node)
        owed = {self.short + t: 1.0, self.sale + t: 1.0}
        if t > 0 and net.backlog:
            owed[self.short + t - 1] = -1.0
        self._rows["equal"].append((owed, demand))
        self.cost[self.sale + t] = -net.sale_price
        self.cost[self.short + t] = net.shortage_cost
        for i, link in enumerate(net.links):
            made = net.nodes[net.place[link.origin]].unit_cost if link.origin in net.place else 0.0
            held = min(link.lead_time, net.steps - t)
            self.cost[t * links + i] = link.price + made + link.transit_cost * held

    def _add_node(self, t: int, k: int, node: StepNode) -> None:
        net, links, nodes = self.net, len(self.net.links), len(self.net.nodes)
        stock = self.stocks + t * nodes + k
        balance, before = {stock: 1.0}, node.stock
        if t > 0:
            balance[stock - nodes], before = -1.0, 0.0
        for i in net.inbound[node.name]:
            if t >= net.links[i].lead_time:
                balance[(t - net.links[i].lead_time) * links + i] = -1.0
        sent = {t * links + i: 1.0 for i in net.outbound[node.name]}
        if node.name == net.retailer:
            sent = {self.sale + t: 1.0}
        else:
            shipped = {**sent, stock - nodes: -1.0} if t > 0 else sent
            self._rows["upper"].append((shipped, before))
            if node.capacity < inf:
                self._rows["upper"].append((sent, node.capacity))
        self._rows["equal"].append(({**balance, **sent}, before))
        self.cost[stock] = node.holding_cost

    def upper(self) -> tuple[sparse.csr_matrix, Floats]:
        """Rows at most their right-hand side."""
        return self._matrix("upper")

    def equal(self) -> tuple[sparse.csr_matrix, Floats]:
        """Rows equal to it."""
        return self._matrix("equal")

    def _matrix(self, kind: str) -> tuple[sparse.csr_matrix, Floats]:
        rows = self._rows[kind]
        at = [(r, column, value) for r, (row, _) in enumerate(rows) for column, value in row.items()]
        number, column, value = zip(*at, strict=True)
        shape = (len(rows), len(self.cost))
        return sparse.csr_matrix((value, (number, column)), shape), np.array([right for _, right in rows])
