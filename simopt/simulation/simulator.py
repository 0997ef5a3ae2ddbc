"""The built-in simulator: components of a design as arrays for the compiled core."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from design.case import Case
from design.network import Component
from simopt.simulation.joined_arrays import joined_arrays
from simopt.simulation.kernel import FCFS, NUM_COSTS, PRIORITY, Measure, simulate_tree
from simopt.simulation.network_arrays import NetworkArrays
from simopt.simulation.network_kernel import make_work, simulate_network

Floats = NDArray[np.float64]


class Allocation(Enum):
    """Who gets what when a node is short."""

    FCFS = FCFS
    PRIORITY = PRIORITY


@dataclass(frozen=True, eq=False)
class Sample:
    """What was simulated, per replication.

    Parameters
    ----------
    measures
        Totals over the horizon, shape (replication, node, measure), nodes as in `Component.nodes`; the last axis as
        in `kernel.Measure`; the three of service are 0 in a sample with a gradient, but for nodes with a multiplier.
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
    """What the rest of the project needs of a simulator of one component."""

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
        Rule for a short node.
    """

    def __init__(self, case: Case, allocation: Allocation = Allocation.FCFS) -> None:
        self._case = case
        self._allocation = allocation
        self._trees: dict[Component, tuple[NDArray[np.generic], ...]] = {}
        self._joined: dict[Component, NetworkArrays] = {}

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
        if component.trees:
            return self._simulate_joined(component, levels, demand, with_gradient, multipliers)
        measures, gradient = self._run(component, levels, demand, True, with_gradient, multipliers)
        return Sample(measures, gradient if with_gradient else None)

    def simulate_decoupled(self, component: Component, levels: Floats, demand: Floats) -> Floats:
        """Cost of each replication if no supplier ever ran short, see `Simulator.simulate_decoupled`.

        Of trees that share storage, with each product alone in it: so the single-stage cost counts it.
        """
        if component.trees:
            parts = np.split(levels, np.cumsum([len(tree.nodes) for tree in component.trees])[:-1])
            pairs = zip(component.trees, parts, strict=True)
            return np.asarray(sum(self.simulate_decoupled(tree, part, demand) for tree, part in pairs))
        measures, _ = self._run(component, levels, demand, False, False)
        return Sample(measures, None).costs

    def _run(
        self,
        component: Component,
        levels: Floats,
        demand: Floats,
        coupled: bool,
        with_gradient: bool,
        multipliers: Floats | None = None,
    ) -> tuple[Floats, Floats]:
        if component not in self._trees:
            self._trees[component] = tree_arrays(self._case, component)
        return simulate_tree(
            self._trees[component],
            np.ascontiguousarray(levels, dtype=np.float64),
            np.ascontiguousarray(demand),
            self._case.warm_up,
            self._allocation.value,
            coupled,
            with_gradient,
            *([] if multipliers is None else [np.ascontiguousarray(multipliers, dtype=np.float64)]),
        )

    def _simulate_joined(
        self, component: Component, levels: Floats, demand: Floats, with_gradient: bool, multipliers: Floats | None
    ) -> Sample:
        """Trees that share storage, by the core for any network."""
        if component not in self._joined:
            self._joined[component] = joined_arrays(self._case, component, self._allocation.value)
        network, allocation = self._joined[component], self._allocation.value
        measures, gradient = simulate_network(
            network,
            np.ascontiguousarray(levels, dtype=np.float64),
            np.ascontiguousarray(demand),
            self._case.warm_up,
            allocation,
            True,
            with_gradient,
            np.ascontiguousarray([] if multipliers is None else multipliers, dtype=np.float64),
            make_work(network, demand.shape[1], allocation, with_gradient),
        )
        return Sample(measures, gradient if with_gradient else None)


def tree_arrays(case: Case, component: Component) -> tuple[NDArray[np.generic], ...]:
    """A component as the compiled core takes it (see `kernel`), nodes numbered as in `Component.nodes`."""
    network, names = case.charged, component.nodes
    number = {name: k for k, name in enumerate(names)}
    suppliers = [component.supplier.get(name) for name in names]
    lanes = [None if s is None else network.lane((s, name)) for s, name in zip(suppliers, names, strict=True)]
    source_lead_time = network.node(component.source).lead_time or 0
    parent = np.array([-1 if s is None else number[s] for s in suppliers])
    children = np.searchsorted(parent, np.arange(len(names) + 1)).astype(np.int64)
    column = {name: k for k, name in enumerate(network.customers)}
    return (
        parent.astype(np.int64),
        children,
        np.array([source_lead_time if k is None else k.lead_time for k in lanes], dtype=np.int64),
        np.array([column.get(name, -1) for name in names], dtype=np.int64),
        np.array([network.node(name).cost_rates for name in names], dtype=np.float64),
        np.array([0.0 if k is None else k.unit_cost for k in lanes]),
        np.array([0.0 if k is None else k.pipeline_holding_cost for k in lanes]),
    )
