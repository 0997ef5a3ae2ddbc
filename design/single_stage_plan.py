"""A component in the single-stage view: what the master charges it, and the levels it would have."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from design.case import Case
from design.demand import Floats, as_floats
from design.network import Component
from design.single_stage import SingleStageModel


@dataclass(frozen=True, eq=False)
class SingleStagePlan:
    """Base-stock levels that would be best if no supplier ever ran short, and the cost then.

    Parameters
    ----------
    levels
        One level a node, shape (node,), units, nodes as in `Component.nodes`.
    mean_lead_time_demand
        Mean demand on each node over its lead time, shape (node,), units.
    cost
        Expected cost of the component, fixed costs included, money over the horizon: what the master charges for it.
    stock_cost
        Its holding and backorders alone.
    """

    levels: Floats
    mean_lead_time_demand: Floats
    cost: float
    stock_cost: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "levels", as_floats(self.levels))
        object.__setattr__(self, "mean_lead_time_demand", as_floats(self.mean_lead_time_demand))


def single_stage_plan(case: Case, model: SingleStageModel, component: Component) -> SingleStagePlan:
    """The single-stage plan of a component.

    Parameters
    ----------
    case, model
        The case and its single-stage costs.
    component
        A source and the nodes it serves.
    """
    network = case.network
    served = component.customers_through(network.customers)
    levels, means, stock_cost, cost = [], [], 0.0, case.fixed_cost(component)
    for name in component.nodes:
        supplier = component.supplier.get(name)
        lane = None if supplier is None else network.lane((supplier, name))
        lead_time = (network.node(name).lead_time or 0) if lane is None else lane.lead_time
        value = model.evaluate(case.charged.node(name).cost_rates, lead_time, served[name], np.ones(len(served[name])))
        stock_cost += case.horizon * value.cost
        if lane is not None:
            cost += sum(case.flow_cost(lane, customer) for customer in served[name])
        levels.append(value.level)
        means.append(lead_time * sum(case.mean_demand[customer] for customer in served[name]))
    return SingleStagePlan(np.array(levels), np.array(means), cost + stock_cost, stock_cost)
