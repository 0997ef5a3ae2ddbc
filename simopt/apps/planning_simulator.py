"""The planning simulator in the place of the built-in one: costs of a component of a design at base-stock levels.

Without gradients; `simopt solve --simulator planning` finds levels in it on kriging surrogates. A replication's own
chance (delays, shocks, outages, cancellations) follows from its seed, so that it is the same at all levels and under
all designs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from design.case import Case
from design.errors import BadInputError
from design.network import Component, Design
from simopt.planning.engine import run
from simopt.planning.measures import Total
from simopt.planning.paths import Block, Chance, Paths
from simopt.planning.world import Floats, World
from simopt.planning.world_of_case import world_of
from simopt.policies.base_stock import BaseStock
from simopt.simulation.simulator import Sample, TreeSimulator
from simopt.simulation.stage import NUM_MEASURES, Measure
from simopt.simulation.user_simulator import SEED_PERIOD, NodeCosts, Outcome, Replication

NAME = "planning"
PARTS = {
    Measure.HOLDING: (Total.HOLDING_COST, Total.OBSOLESCENCE_COST),
    Measure.BACKORDER: (Total.BACKLOG_COST, Total.LOST_SALE_COST, Total.CANCELLATION_COST),
    Measure.TRANSPORT: (Total.TRANSPORT_COST, Total.ORDER_COST, Total.PRODUCTION_COST),
    Measure.PIPELINE: (Total.PIPELINE_COST,),
    Measure.MET_AT_ONCE: (Total.MET_AT_ONCE,),
    Measure.DEMANDED: (Total.DEMANDED,),
    Measure.PERIODS_WITHOUT_BACKORDERS: (Total.CLEAR,),
}


class PlanningSimulator:
    """A `simopt.simulation.simulator.Simulator`.

    Obsolescence counts with holding, lost sales and cancellations with backorders, orders and production with
    transport.

    Parameters
    ----------
    case
        Network, demand and what it says about planning.

    Raises
    ------
    BadInputError
        If products share a family's capacity: components are simulated one by one.
    """

    draws_seeds = True

    def __init__(self, case: Case) -> None:
        _refuse_shared_capacity(case)
        self._case = case
        self._built_in = TreeSimulator(case)
        self._worlds: dict[Component, World] = {}

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
        if with_gradient or multipliers is not None:
            raise ValueError("planning simulator: expected neither gradient nor multipliers")
        if component not in self._worlds:
            self._worlds[component] = world_of(self._case, Design((component,)))
        world = self._worlds[component]
        named = dict(zip(component.nodes, map(float, levels), strict=True))
        count = len(self._case.demand)
        paths = seeded_paths(world, demand[:, :, :count], demand[:, SEED_PERIOD, -1], demand[:, :, count:-1])
        found = run(world, BaseStock(NAME, named), paths)
        return Sample(_measures(world, component, found.totals), None)

    def simulate_decoupled(self, component: Component, levels: Floats, demand: Floats) -> Floats:
        """What the built-in simulator's nodes would cost if no supplier ever ran short: a known mean on these paths."""
        return self._built_in.simulate_decoupled(component, levels, demand)


@dataclass(frozen=True)
class PlanningModel:
    """The same as a simulator of one's own, one replication at a time, see `user_simulator.UserSimulator`."""

    name: str = NAME
    has_gradient: bool = False

    def simulate(self, replication: Replication) -> Outcome:
        """Run one replication."""
        case, lanes = replication.case, tuple((above, name) for name, above in replication.supplier.items())
        component = Component(replication.nodes[0], lanes)
        world = world_of(case, Design((component,)))
        columns = [replication.demand.get(name, np.zeros(case.num_periods)) for name in case.network.customers]
        paths = seeded_paths(world, np.stack(columns, axis=1)[None], np.array([float(replication.seed)]))
        found = run(world, BaseStock(NAME, replication.levels), paths)
        measures = _measures(world, component, found.totals)[0]
        return Outcome({name: NodeCosts(*map(float, row)) for name, row in zip(component.nodes, measures, strict=True)})


def seeded_paths(world: World, demand: Floats, seeds: Floats, calendars: Floats | None = None) -> Paths:
    """Paths of a planning world whose demand is given, and whose other chance follows from seeds.

    Parameters
    ----------
    world
        Whose.
    demand
        Without the world's shocks, shape (replication, period, customer).
    seeds
        Shape (replication,).
    calendars
        Of lanes whose goods do not overtake each other, shape (replication, period, lane); None: from the seeds too.
    """
    blocks = [Block(Chance(world, int(seed), size=1), 0) for seed in seeds]
    return Paths(blocks, len(seeds), demand, calendars)


def _measures(world: World, component: Component, totals: Floats) -> Floats:
    """In the order of `Component.nodes` and `stage.Measure`."""
    at = {name: s for (s, _), name in world.node_names.items()}
    order = [at[name] for name in component.nodes]
    found = np.zeros((len(totals), len(order), NUM_MEASURES))
    for measure, parts in PARTS.items():
        found[:, :, measure] = totals[:, order][:, :, list(parts)].sum(axis=2)
    return found


def _refuse_shared_capacity(case: Case) -> None:
    families = [case.planning.family(product) for product in case.network.products]
    for one in case.planning.capacities:
        if families.count(one.family) > 1:
            raise BadInputError(
                f"capacity of {one.site} that products share: expected none with --simulator planning, which finds the "
                "levels of every product by itself; `simopt operate --policies tuned-NAME` knows them"
            )
