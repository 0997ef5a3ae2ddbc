"""Levels that change from step to step on a `StepNetwork`, on many paths of demand, with pathwise gradients.

A link orders r_it = max(0, a_it + c_it·(s_t − reference) − w_i·IP_j), IP_j the inventory position of its destination,
w_i the link's share of it, s_t the customers' goodwill. Demand may depend on goodwill, which falls after a step with a
shortage and rises after one without: a jump. Its derivative is a density, that of being just short, which is estimated
by a kernel of some units' width around it; everything else is piecewise linear and its pathwise derivative exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from design.step_network import StepNetwork
from simopt.environments.tape import Tape, Traced

Floats = NDArray[np.float64]

WIDTH = 6.0  # of the kernel, units
ENOUGH = 1e-9  # units: a smaller shortage is none


@dataclass(frozen=True)
class Goodwill:
    """How demand follows service: a factor of its mean.

    Parameters
    ----------
    growth, decay
        Factors after a step without and with a shortage.
    least, most
        Bounds.
    """

    growth: float
    decay: float
    least: float
    most: float

    def references(self, steps: int) -> Floats:
        """Goodwill of every step if nobody ever waits, shape (step,)."""
        return np.minimum(self.growth ** np.maximum(np.arange(steps) - 1.0, 0.0), self.most)


class DemandModel(Protocol):
    """Where demand comes from."""

    @property
    def goodwill(self) -> Goodwill | None:
        """How it follows service; None: it does not."""

    def means(self) -> Floats:
        """Of every step at goodwill 1, shape (step,)."""

    def units(self, step: int, goodwill: Floats, uniforms: Floats) -> Floats:
        """Demand on every path, shape (path,)."""


@dataclass(frozen=True, eq=False)
class StepLevels:
    """A policy.

    Parameters
    ----------
    levels, responses
        a and c, shape (step, link), units.
    shares
        w, shape (link,).
    """

    levels: Floats
    responses: Floats
    shares: Floats

    def orders(self, network: StepNetwork, step: int, positions: Floats, goodwill: float, reference: float) -> Floats:
        """Of every link, shape (link,), at inventory positions of all nodes, shape (node,)."""
        at = np.array([positions[network.place[link.destination]] for link in network.links])
        wanted = self.levels[step] + self.responses[step] * (goodwill - reference) - self.shares * at
        return np.maximum(wanted, 0.0)


def simulate_levels(
    network: StepNetwork, demand: DemandModel, policy: StepLevels, uniforms: Floats
) -> tuple[Floats, Floats, Floats]:
    """Profit of every path, money, shape (path,), and the mean's derivatives in levels and responses.

    Parameters
    ----------
    network, demand, policy
        What is simulated.
    uniforms
        That demand is drawn with, shape (path, step).
    """
    return _Run(network, demand, policy, uniforms).run()


class _Run:
    def __init__(self, network: StepNetwork, demand: DemandModel, policy: StepLevels, uniforms: Floats) -> None:
        self.net, self.demand, self.policy, self.uniforms = network, demand, policy, uniforms
        self.tape, self.count = Tape(), len(uniforms)
        self.stock = {node.name: self._start(node.stock) for node in network.nodes}
        self.transit = [self._start(0.0) for _ in network.links]
        self.owed, self.goodwill, self.margin = self._start(0.0), self._start(1.0), self._start(-np.inf)
        self.sent: list[list[Traced]] = []
        self.profit = self._start(0.0)
        self.levels = [[self._start(value) for value in row] for row in policy.levels]
        self.responses = [[self._start(value) for value in row] for row in policy.responses]
        rule = demand.goodwill
        self.references = np.ones(network.steps) if rule is None else rule.references(network.steps)

    def _start(self, value: float) -> Traced:
        return self.tape.start(value, self.count)

    def run(self) -> tuple[Floats, Floats, Floats]:
        for t in range(self.net.steps):
            self._order(t)
            self._deliver(t)
            self._serve(t)
            self._charge()
        self.tape.run_back(self.profit)
        slopes = [
            np.array([[one.mean_slope() for one in row] for row in rows]) for rows in (self.levels, self.responses)
        ]
        return self.profit.value, slopes[0], slopes[1]

    def _order(self, t: int) -> None:
        net = self.net
        positions = {node.name: self._position(node.name) for node in net.nodes}
        left, room, sent = dict(self.stock), dict[int, Traced](), list[Traced]()
        for i, link in enumerate(net.links):
            wanted = self._level(t, i).plus(positions[link.destination], -self.policy.shares[i]).above()
            if link.origin in net.place:
                wanted = wanted.at_most(left[link.origin]).above()
                node = net.nodes[net.place[link.origin]]
                if node.capacity < np.inf:
                    free = room.get(link.origin) or self._start(node.capacity)
                    wanted = wanted.at_most(free.above())
                    room[link.origin] = free.plus(wanted, -1.0)
                left[link.origin] = left[link.origin].plus(wanted, -1.0)
            sent.append(wanted)
        self.stock = left
        self.sent.append(sent)

    def _level(self, t: int, i: int) -> Traced:
        level, response = self.levels[t][i], self.responses[t][i]
        if self.demand.goodwill is None:
            return level
        above = self.goodwill.value - self.references[t]
        value = level.value + response.value * above
        return level.derived(value, (level, 1.0), (response, above), (self.goodwill, response.value))

    def _position(self, name: int) -> Traced:
        found = self.stock[name]
        for i in self.net.inbound[name]:
            found = found.plus(self.transit[i])
        return found.plus(self.owed, -1.0) if name == self.net.retailer and self.net.backlog else found

    def _deliver(self, t: int) -> None:
        for i, link in enumerate(self.net.links):
            transit = self.transit[i].plus(self.sent[t][i])
            if t >= link.lead_time:
                arrived = self.sent[t - link.lead_time][i]
                transit = transit.plus(arrived, -1.0)
                self.stock[link.destination] = self.stock[link.destination].plus(arrived)
            self.transit[i] = transit

    def _serve(self, t: int) -> None:
        rule, mean = self.demand.goodwill, self.demand.means()[t]
        if rule is not None and t > 0:
            self._update_goodwill(rule)
        units = self.demand.units(t, self.goodwill.value, self.uniforms[:, t])
        asked = self.goodwill.derived(units, (self.goodwill, 0.0 if rule is None else mean))
        if self.net.backlog:
            asked = asked.plus(self.owed)
        stock = self.stock[self.net.retailer]
        self.margin = asked.plus(stock, -1.0)
        sold = asked.at_most(stock)
        self.stock[self.net.retailer] = stock.plus(sold, -1.0)
        self.owed = asked.plus(sold, -1.0)
        self.profit = self.profit.plus(sold, self.net.sale_price).plus(self.owed, -self.net.shortage_cost)

    def _update_goodwill(self, rule: Goodwill) -> None:
        before, is_short = self.goodwill, self.owed.value > ENOUGH
        factor = np.where(is_short, rule.decay, rule.growth)
        value = np.clip(before.value * factor, rule.least, rule.most)
        inside = (value > rule.least) & (value < rule.most)
        density = (np.abs(self.margin.value) < 0.5 * WIDTH) / WIDTH
        jump = before.value * (rule.decay - rule.growth) * density
        self.goodwill = before.derived(value, (before, factor * inside), (self.margin, jump))

    def _charge(self) -> None:
        net, sent = self.net, self.sent[-1]
        for i, link in enumerate(net.links):
            unit = link.price + (net.nodes[net.place[link.origin]].unit_cost if link.origin in net.place else 0.0)
            self.profit = self.profit.plus(sent[i], -unit).plus(self.transit[i], -link.transit_cost)
        for node in net.nodes:
            self.profit = self.profit.plus(self.stock[node.name], -node.holding_cost)
