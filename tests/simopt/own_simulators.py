"""Simulators of one's own for the tests: the built-in one in a user's clothes, and some that break a rule each."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from design.network import Component
from simopt.simulation.simulator import TreeSimulator
from simopt.simulation.stage import Measure
from simopt.simulation.user_simulator import NodeCosts, Outcome, Replication


@dataclass(frozen=True)
class BuiltIn:
    """The built-in simulator, one replication at a time.

    Parameters
    ----------
    has_gradient
        Whether it tells its gradient.
    factor
        Of all costs.
    """

    has_gradient: bool = False
    factor: float = 1.0

    def simulate(self, replication: Replication) -> Outcome:
        case = replication.case
        lanes = tuple((origin, name) for name, origin in replication.supplier.items())
        component = Component(replication.nodes[0], lanes)
        nodes = component.nodes
        demand = np.zeros((1, case.num_periods, len(case.network.customers)))
        for k, name in enumerate(case.network.customers):
            if name in replication.demand:
                demand[0, :, k] = replication.demand[name]
        levels = np.array([replication.levels[name] for name in nodes])
        wanted = replication.wants_gradient
        sample = TreeSimulator(case).simulate(component, levels, demand, with_gradient=wanted)
        costs = {
            name: NodeCosts(
                holding=self.factor * row[Measure.HOLDING],
                backorder=self.factor * row[Measure.BACKORDER],
                transport=self.factor * row[Measure.TRANSPORT],
                pipeline=self.factor * row[Measure.PIPELINE],
            )
            for name, row in zip(nodes, sample.measures[0], strict=True)
        }
        if sample.gradient is None:
            return Outcome(costs)
        return Outcome(costs, dict(zip(nodes, self.factor * sample.gradient[0], strict=True)))


@dataclass(frozen=True)
class Noisy(BuiltIn):
    """Every cost with noise of its own, drawn from the replication's seed."""

    share: float = 0.01

    def simulate(self, replication: Replication) -> Outcome:
        found = super().simulate(replication)
        noise = np.random.default_rng(replication.seed).uniform(1.0 - self.share, 1.0 + self.share, len(found.nodes))
        return Outcome(
            {n: replace(c, holding=c.holding * x) for (n, c), x in zip(found.nodes.items(), noise, strict=True)}
        )


class Forgetful(BuiltIn):
    """Draws from a generator that nobody seeds anew."""

    generator = np.random.default_rng(1)

    def simulate(self, replication: Replication) -> Outcome:
        found = super().simulate(replication)
        return Outcome({n: replace(c, holding=c.holding * self.generator.uniform()) for n, c in found.nodes.items()})


class Unshared(BuiltIn):
    """The same seed means other random numbers at other levels."""

    def simulate(self, replication: Replication) -> Outcome:
        found = super().simulate(replication)
        digits = [int(1e6 * level) for level in replication.levels.values()]
        noise = np.random.default_rng([replication.seed, *digits]).uniform(0.0, 2.0, len(found.nodes))
        return Outcome(
            {n: replace(c, holding=c.holding * x) for (n, c), x in zip(found.nodes.items(), noise, strict=True)}
        )


class WrongGradient(BuiltIn):
    """One derivative is off by a tenth of the largest."""

    def simulate(self, replication: Replication) -> Outcome:
        found = super().simulate(replication)
        if found.gradient is None:
            return found
        last, largest = replication.nodes[-1], max(abs(slope) for slope in found.gradient.values())
        return Outcome(found.nodes, {**found.gradient, last: found.gradient[last] + 0.1 * largest})


class Negative(BuiltIn):
    """Holding stock pays."""

    def simulate(self, replication: Replication) -> Outcome:
        found = super().simulate(replication)
        return Outcome({name: replace(costs, holding=-costs.holding) for name, costs in found.nodes.items()})
