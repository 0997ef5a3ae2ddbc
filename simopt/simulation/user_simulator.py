"""A simulator of one's own: what it is asked, what it answers, and how the rest of the project sees it.

A user's simulator runs one replication of one component of a design, with given base-stock levels, on given demand, and
says what every node cost. Demand and the seed of its own random numbers are the same at all levels and under all
designs: common random numbers.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol, cast

import numpy as np

from design.case import Case
from design.errors import BadInputError
from design.network import Component
from design.node import Lane, Node
from simopt.simulation.simulator import Floats, Sample, TreeSimulator
from simopt.simulation.stage import NUM_MEASURES, Measure
from simopt.simulation.workers import ALONE, Workers

SEED_PERIOD = 0


class UserSimulatorError(BadInputError):
    """A simulator that fails or answers something else than costs; the message names it, the node and the value."""


@dataclass(frozen=True, eq=False)
class Replication:
    """What a simulator is asked to run.

    Parameters
    ----------
    case
        Simulated time (`case.warm_up` periods that do not count, then `case.horizon` that do) and everything else.
    nodes
        The nodes of the component, every supplier before those it serves.
    supplier
        Who supplies each node but the sources, which outside supply serves.
    levels
        Base-stock level of every node, units.
    demand
        Of every node with customers of its own: units asked for in each period, shape (warm-up + horizon,).
    seed
        Of the simulator's own random numbers, if it draws any.
    wants_gradient
        Whether a simulator that has gradients shall give one.
    """

    case: Case
    nodes: tuple[str, ...]
    supplier: Mapping[str, str]
    levels: Mapping[str, float]
    demand: Mapping[str, Floats]
    seed: int
    wants_gradient: bool = False

    def node(self, name: str) -> Node:
        """A node with its lead time and the costs that it is charged."""
        return self.case.charged.node(name)

    def lane_into(self, name: str) -> Lane | None:
        """The lane that supplies a node, with the costs that are charged; None: outside supply does."""
        return self.case.charged.lane((self.supplier[name], name)) if name in self.supplier else None

    def customers_of(self, node: str) -> tuple[str, ...]:
        """The nodes that a node supplies."""
        return tuple(name for name in self.nodes if self.supplier.get(name) == node)


@dataclass(frozen=True)
class NodeCosts:
    """What a node cost over the horizon, money, and how it served its own customers.

    Parameters
    ----------
    holding, backorder
        Of its stock and its backorders.
    transport, pipeline
        Of the lane into it: of what was shipped, and of what was in transit.
    met_at_once, demanded
        Units of its own customers' demand met in the period they were asked for, and asked for; None: not measured.
    periods_without_backorders
        Periods at whose end its own customers were owed nothing; None: not measured.
    """

    holding: float
    backorder: float
    transport: float = 0.0
    pipeline: float = 0.0
    met_at_once: float | None = None
    demanded: float | None = None
    periods_without_backorders: float | None = None

    def as_measures(self) -> list[float]:
        """In the order of `stage.Measure`; NaN where nothing was measured."""
        service = (self.met_at_once, self.demanded, self.periods_without_backorders)
        return [self.holding, self.backorder, self.transport, self.pipeline] + [
            np.nan if number is None else number for number in service
        ]


@dataclass(frozen=True)
class Outcome:
    """What a simulator answers.

    Parameters
    ----------
    nodes
        Costs of every node.
    gradient
        Derivative of their sum in every node's level, money per unit; None from simulators without gradients.
    """

    nodes: Mapping[str, NodeCosts]
    gradient: Mapping[str, float] | None = None


class UserSimulator(Protocol):
    """A simulator of one's own: any picklable object with an attribute `has_gradient` and a method `simulate`."""

    @property
    def has_gradient(self) -> bool:
        """Whether outcomes carry derivatives where they are wanted."""

    def simulate(self, replication: Replication) -> Outcome:
        """Run one replication; equal replications must give equal outcomes."""


CostFunction = Callable[[Replication], Mapping[str, NodeCosts]]


@dataclass(frozen=True)
class FunctionSimulator:
    """A function of a replication that returns the costs of every node, as a simulator without gradients."""

    function: CostFunction
    has_gradient: bool = False

    def simulate(self, replication: Replication) -> Outcome:
        """Call it."""
        return Outcome(self.function(replication))


def as_simulator(found: object, name: str | None = None) -> UserSimulator:
    """A simulator from one, or from a function of a replication.

    Parameters
    ----------
    found
        What may be one.
    name
        In messages, if not its own.

    Raises
    ------
    UserSimulatorError
        If it is neither.
    """
    shown = name or simulator_name(found)
    if callable(getattr(found, "simulate", None)) and not isinstance(found, type):
        if not isinstance(getattr(found, "has_gradient", None), bool):
            raise UserSimulatorError(
                f"simulator {name or simulator_name(found)}: expected has_gradient to be True or False"
            )
        return cast(UserSimulator, found)
    if callable(found) and not isinstance(found, type):
        return FunctionSimulator(cast(CostFunction, found))
    raise UserSimulatorError(
        f"simulator {shown}: expected an object with simulate(replication) and has_gradient, or a function of a "
        "replication"
    )


class ComponentSimulator:
    """A user's simulator as the ledger sees it, a `simulator.Simulator`.

    Parameters
    ----------
    case
        Network and simulated time.
    simulator
        The user's.
    workers
        Processes or a cluster over which replications are spread.
    """

    draws_seeds = True

    def __init__(self, case: Case, simulator: UserSimulator, workers: Workers = ALONE) -> None:
        self._case = case
        self._simulator = simulator
        self._built_in = TreeSimulator(case)
        self._workers = workers

    def simulate(
        self,
        component: Component,
        levels: Floats,
        demand: Floats,
        *,
        with_gradient: bool,
        multipliers: Floats | None = None,
    ) -> Sample:
        """Simulate a component, see `Simulator.simulate`; the last column of the paths holds the seeds."""
        if multipliers is not None:
            raise ValueError("multipliers: expected none with a simulator of one's own")
        replications = replications_of(self._case, component, levels, demand, wants_gradient=with_gradient)
        run = partial(measured, self._simulator)
        found = self._workers.processes(run, replications)
        gradient = np.array([slopes for _, slopes in found]) if with_gradient else None
        return Sample(np.array([measures for measures, _ in found]), gradient)

    def simulate_decoupled(self, component: Component, levels: Floats, demand: Floats) -> Floats:
        """What the built-in simulator's nodes would cost if no supplier ever ran short: a known mean on these paths."""
        return self._built_in.simulate_decoupled(component, levels, demand)


def replications_of(
    case: Case, component: Component, levels: Floats, paths: Floats, *, wants_gradient: bool
) -> list[Replication]:
    """One for each sample path, shape (replication, period, column), the last column holding the seeds."""
    column = {name: k for k, name in enumerate(case.network.customers)}
    own = [name for name in component.nodes if name in column]
    named = dict(zip(component.nodes, map(float, levels), strict=True))
    return [
        Replication(
            case,
            component.nodes,
            component.supplier,
            named,
            {name: np.ascontiguousarray(path[:, column[name]]) for name in own},
            int(path[SEED_PERIOD, -1]),
            wants_gradient,
        )
        for path in paths
    ]


def measured(simulator: UserSimulator, replication: Replication) -> tuple[list[list[float]], list[float]]:
    """One replication run and its answer checked: measures of every node, shape (node, measure), and the gradient.

    Raises
    ------
    UserSimulatorError
        If the simulator raises, leaves a node out, or answers something that is not a finite number.
    """
    try:
        outcome = simulator.simulate(replication)
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        what = f"{type(error).__name__}: {error} ({Path(where.filename).name}, line {where.lineno})"
        raise UserSimulatorError(f"simulator {simulator_name(simulator)} failed: {what}") from error
    nodes = outcome.nodes if isinstance(outcome, Outcome) else None
    if not isinstance(nodes, Mapping):
        got = type(outcome if nodes is None else nodes).__name__
        raise UserSimulatorError(f"simulator {simulator_name(simulator)}: expected costs by node, got {got}")
    measures = [_checked(simulator, name, nodes.get(name)) for name in replication.nodes]
    if not replication.wants_gradient:
        return measures, []
    slopes = outcome.gradient or {}
    for name in replication.nodes:
        _check_number(simulator, name, "gradient", slopes.get(name))
    return measures, [float(slopes[name]) for name in replication.nodes]


def _checked(simulator: UserSimulator, name: str, costs: object) -> list[float]:
    if not isinstance(costs, NodeCosts):
        got = "nothing" if costs is None else type(costs).__name__
        raise UserSimulatorError(f"simulator {simulator_name(simulator)}, node {name}: expected NodeCosts, got {got}")
    for label, value in vars(costs).items():
        if value is not None or label in ("holding", "backorder", "transport", "pipeline"):
            _check_number(simulator, name, label, value)
    measures = [float(value) for value in costs.as_measures()]
    assert len(measures) == NUM_MEASURES == len(Measure)
    return measures


def _check_number(simulator: UserSimulator, node: str, label: str, value: object) -> None:
    if not (isinstance(value, int | float | np.integer | np.floating) and np.isfinite(value)):
        raise UserSimulatorError(
            f"simulator {simulator_name(simulator)}, node {node}, {label}: expected a finite number, got {value}"
        )


def simulator_name(found: object) -> str:
    """What a simulator is called in messages and results."""
    if isinstance(found, FunctionSimulator):
        found = found.function
    return str(getattr(found, "name", None) or getattr(found, "__name__", type(found).__name__))
