"""The built-in simulator: components of a design as arrays for the compiled core."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from design.case import Case
from design.network import Component
from simopt.simulation.component_arrays import component_arrays
from simopt.simulation.kernel import make_work, simulate_network
from simopt.simulation.network_arrays import NetworkArrays, extras_of
from simopt.simulation.rationing import FAIR_SHARE, FCFS, PRIORITY
from simopt.simulation.stage import NUM_COSTS, Measure

Floats = NDArray[np.float64]


class Allocation(Enum):
    """Who gets what when a node is short."""

    FCFS = FCFS
    PRIORITY = PRIORITY
    FAIR_SHARE = FAIR_SHARE


@dataclass(frozen=True, eq=False)
class Sample:
    """What was simulated, per replication.

    Parameters
    ----------
    measures
        Totals over the horizon, shape (replication, node, measure), nodes as in `Component.nodes`; the last axis as
        in `stage.Measure`; the three of service are 0 in a sample with a gradient, but for nodes with a multiplier.
    gradient
        Derivative of each replication's total cost in every level, shape (replication, node), or None; where
        multipliers were given, of the cost less what is met at once times the multiplier.
    """

    measures: Floats
    gradient: Floats | None

    @property
    def node_costs(self) -> Floats:
        """Cost charged to each node and the lane into it, shape (replication, node), money."""
        return self.measures[:, :, :NUM_COSTS].sum(axis=2)

    @property
    def costs(self) -> Floats:
        """Cost of each replication, shape (replication,), money."""
        return self.node_costs.sum(axis=1)

    @property
    def met_at_once(self) -> Floats:
        """Units of each node's own demand met at once, shape (replication, node)."""
        return self.measures[:, :, Measure.MET_AT_ONCE]

    @property
    def demanded(self) -> Floats:
        """Units of each node's own demand, shape (replication, node)."""
        return self.measures[:, :, Measure.DEMANDED]


class Simulator(Protocol):
    """What the rest of the project needs of a simulator of one component.

    Attributes
    ----------
    draws_seeds
        Whether it is a user's, which needs a seed for every replication and answers for its costs itself.
    """

    draws_seeds: bool

    def simulate(
        self,
        component: Component,
        levels: Floats,
        demand: Floats,
        *,
        with_gradient: bool,
        multipliers: Floats | None = None,
    ) -> Sample:
        """Simulate a component.

        Parameters
        ----------
        component
            A source and the nodes it serves.
        levels
            Base-stock level of each of `component.nodes`, shape (node,), units, at least 0.
        demand
            Shape (replication, period, customer), customers as in the network.
        with_gradient
            Whether the sample has a gradient.
        multipliers
            Worth of a unit met at once at each leaf, shape (node,), money, at least 0; None: nothing.
        """

    def simulate_decoupled(self, component: Component, levels: Floats, demand: Floats) -> Floats:
        """Cost of each replication if no supplier ever ran short, shape (replication,), money.

        Its expectation is the single-stage cost, which is known, so that it serves as a control variate.
        """


class TreeSimulator:
    """Base-stock simulation of divergent trees (MODEL: one period t).

    Parameters
    ----------
    case
        Network and simulated time.
    allocation
        Rule for a short node; None: the case's.
    """

    draws_seeds = False

    def __init__(self, case: Case, allocation: Allocation | None = None) -> None:
        self._case = case
        self._allocation = allocation or Allocation[case.supply.allocation.upper()]
        self._arrays: dict[Component, NetworkArrays] = {}

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_arrays": {}}  # made anew where they are wanted

    def simulate(
        self,
        component: Component,
        levels: Floats,
        demand: Floats,
        *,
        with_gradient: bool,
        multipliers: Floats | None = None,
    ) -> Sample:
        """Simulate a component, see `Simulator.simulate`."""
        measures, gradient = self._run(component, levels, demand, with_gradient, multipliers)
        return Sample(measures, gradient if with_gradient else None)

    def simulate_decoupled(self, component: Component, levels: Floats, demand: Floats) -> Floats:
        """Cost of each replication if no supplier ever ran short, see `Simulator.simulate_decoupled`.

        Of trees that share storage, with each product alone in it: so the single-stage cost counts it.
        """
        if component.trees:
            parts = np.split(levels, np.cumsum([len(tree.nodes) for tree in component.trees])[:-1])
            pairs = zip(component.trees, parts, strict=True)
            return np.asarray(sum(self.simulate_decoupled(tree, part, demand) for tree, part in pairs))
        measures, _ = self._run(component, levels, demand, False, None, coupled=False)
        return Sample(measures, None).costs

    def _run(
        self,
        component: Component,
        levels: Floats,
        demand: Floats,
        with_gradient: bool,
        multipliers: Floats | None,
        coupled: bool = True,
    ) -> tuple[Floats, Floats]:
        allocation = self._allocation.value
        if component not in self._arrays:
            self._arrays[component] = component_arrays(self._case, component, allocation)
        network = self._arrays[component]
        return simulate_network(
            network,
            np.array(levels, dtype=np.float64),  # a copy: compiled once, not again for read-only levels
            np.ascontiguousarray(demand),
            self._case.warm_up,
            allocation,
            coupled,
            with_gradient,
            np.empty(0) if multipliers is None else np.ascontiguousarray(multipliers, dtype=np.float64),
            extras_of(network, allocation),
            make_work(network, demand.shape[1], allocation, with_gradient),
        )
