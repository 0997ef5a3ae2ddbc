"""Levels that change from step to step on a `StepNetwork`, on many paths of demand, with pathwise gradients.

A link orders r_it = max(0, a_it · φ_t − w_i·IP_j), φ_t what an observer makes of demand and shortages so far, IP_j the
inventory position of its destination, w_i the link's share of it. Demand may depend on customers' goodwill, which falls
after a step with a shortage and rises after one without: a jump. Its derivative is a density, that of being just short,
which is estimated by a kernel of some units' width around it; what the observer sees is held fixed; everything else is
piecewise linear and its pathwise derivative exact.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from design.step_network import StepNetwork
from simopt.environments.observers import Observer, Watch
from simopt.environments.step_demand import ENOUGH, DemandPaths, Goodwill
from simopt.environments.tape import Tape, Traced

Floats = NDArray[np.float64]

WIDTH = 6.0  # of the kernel, units


@dataclass(frozen=True, eq=False)
class StepLevels:
    """A policy.

    Parameters
    ----------
    coefficients
        a, shape (step, link, feature), units.
    shares
        w, shape (link,).
    observer
        Of demand and shortages.
    """

    coefficients: Floats
    shares: Floats
    observer: Observer

    def orders(self, network: StepNetwork, step: int, positions: Floats, watch: Watch) -> Floats:
        """Of every link, shape (link,), at positions of all nodes, shape (node,), on the only path watched."""
        at = np.array([positions[network.place[link.destination]] for link in network.links])
        return np.maximum(self.coefficients[step] @ watch.features()[0] - self.shares * at, 0.0)


def simulate_levels(network: StepNetwork, demand: DemandPaths, policy: StepLevels) -> tuple[Floats, Floats]:
    """Profit of every path, money, shape (path,), and its mean's derivatives in the coefficients."""
    return _Run(network, demand, policy).run()


class _Run:
    def __init__(self, network: StepNetwork, demand: DemandPaths, policy: StepLevels) -> None:
        self.net, self.demand, self.policy = network, demand, policy
        self.tape, self.count = Tape(), len(demand.means)
        self.stock = {node.name: self._start(node.stock) for node in network.nodes}
        self.transit = [self._start(0.0) for _ in network.links]
        self.owed, self.goodwill, self.margin = self._start(0.0), self._start(1.0), self._start(-np.inf)
        self.sent: list[list[Traced]] = []
        self.profit = self._start(0.0)
        self.levels: list[list[Traced]] = []
        self.features: list[Floats] = []
        self.watch = policy.observer.start(self.count)

    def _start(self, value: float) -> Traced:
        return self.tape.start(value, self.count)

    def run(self) -> tuple[Floats, Floats]:
        for t in range(self.net.steps):
            self._order(t)
            self._deliver(t)
            self._serve(t)
            self._charge()
        self.tape.run_back(self.profit)
        slopes = np.zeros_like(self.policy.coefficients)
        for t, levels in enumerate(self.levels):
            for i, level in enumerate(levels):
                if level.slope is not None:
                    slopes[t, i] = level.slope @ self.features[t] / self.count
        return self.profit.value, slopes

    def _order(self, t: int) -> None:
        net = self.net
        levels = self._levels(t)
        positions = {node.name: self._position(node.name) for node in net.nodes}
        left, room, sent = dict(self.stock), dict[int, Traced](), list[Traced]()
        for i, link in enumerate(net.links):
            wanted = levels[i].plus(positions[link.destination], -self.policy.shares[i]).above()
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

    def _levels(self, t: int) -> list[Traced]:
        features = self.watch.features()
        values = self.policy.coefficients[t] @ features.T
        levels = [Traced(self.tape, value) for value in values]
        self.features.append(features)
        self.levels.append(levels)
        return levels

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
        rule = self.demand.goodwill
        if rule is not None and t > 0:
            self._update_goodwill(rule)
        units = self.demand.units(t, self.goodwill.value)
        asked = self.goodwill.derived(units, (self.goodwill, 0.0 if rule is None else self.demand.means[:, t]))
        if self.net.backlog:
            asked = asked.plus(self.owed)
        stock = self.stock[self.net.retailer]
        self.margin = asked.plus(stock, -1.0)
        sold = asked.at_most(stock)
        self.stock[self.net.retailer] = stock.plus(sold, -1.0)
        self.owed = asked.plus(sold, -1.0)
        self.watch.see(units, self.owed.value)
        self.profit = self.profit.plus(sold, self.net.sale_price).plus(self.owed, -self.net.shortage_cost)

    def _update_goodwill(self, rule: Goodwill) -> None:
        before = self.goodwill
        factor = np.where(self.owed.value > ENOUGH, rule.decay, rule.growth)
        value = rule.after(before.value, self.owed.value)
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
