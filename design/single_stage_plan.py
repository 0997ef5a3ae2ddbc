"""A component in the single-stage view: what the master charges it, and the levels it would have."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from design.case import Case
from design.demand import Floats, as_floats
from design.network import Component
from design.service_stage import ServiceStage, service_stage
from design.single_stage import SingleStageModel, SingleStageValue


@dataclass(frozen=True, eq=False)
class SingleStagePlan:
    """Base-stock levels that would be best if no supplier ever ran short, and the cost then.

    Parameters
    ----------
    levels
        One level a node, shape (node,), units, nodes as in `Component.nodes`.
    mean_lead_time_demand
        Mean demand on each node over its longest lead time, shape (node,), units.
    cost
        Expected cost of the component, fixed costs included, money over the horizon: what the master charges for it.
    stock_cost
        Its holding and backorders alone.
    expected_cost
        Expected cost of the levels if no supplier ever ran short, fixed costs included: `cost`, or more where a
        fill-rate target binds or inputs of an assembly wait for others.
    least_step
        Change of each level that a search should take as small, shape (node,), units: a tenth of a period's demand in
        networks with assembly, where nodes without a lead time often hold stock; 0 in trees.
    """

    levels: Floats
    mean_lead_time_demand: Floats
    cost: float
    stock_cost: float
    expected_cost: float
    least_step: Floats

    def __post_init__(self) -> None:
        object.__setattr__(self, "least_step", as_floats(self.least_step))
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
    network, multiples = case.network, case.network.multiples(component)
    levels, means, steps, stock_cost, above, cost = [], [], [], 0.0, 0.0, case.fixed_cost(component)
    for name in component.nodes:
        served, reach = tuple(multiples[name]), np.array(list(multiples[name].values()))
        lanes = [network.lane((supplier, name)) for supplier in component.suppliers[name]]
        lead_time = max((lane.lead_time for lane in lanes), default=network.node(name).lead_time or 0)
        value = stage_value(case, model, name, lead_time, served, reach)
        stock_cost += case.horizon * value.cost
        if (stage := targeted_stage(case, name, lead_time)) is not None:
            above += case.horizon * (stage.cost - stage.bound)
        rate = sum(multiple * case.mean_demand[customer] for customer, multiple in multiples[name].items())
        for lane in lanes:
            cost += sum(lane.quantity * m * case.flow_cost(lane, customer) for customer, m in multiples[name].items())
            waiting = case.charged.waiting_cost(case.charged.lane(lane.pair)) * (lead_time - lane.lead_time)
            above += case.horizon * waiting * lane.quantity * rate
        levels.append(value.level)
        means.append(lead_time * rate)
        steps.append(0.1 * rate if network.has_assembly else 0.0)
    total = cost + stock_cost
    return SingleStagePlan(np.array(levels), np.array(means), total, stock_cost, total + above, np.array(steps))


def stage_value(
    case: Case, model: SingleStageModel, name: str, lead_time: int, customers: tuple[str, ...], reach: Floats
) -> SingleStageValue:
    """Single-stage cost of a node, exact and linear in its reach where it has a target that binds.

    Parameters
    ----------
    case, model
        The case and its single-stage costs.
    name, lead_time
        The node and the periods of demand at risk.
    customers, reach
        Customers that may be served through it and the share of each that is, or its units in one of theirs, shape
        (customer,).
    """
    stage = targeted_stage(case, name, lead_time)
    if stage is None:
        return model.evaluate(case.charged.node(name).cost_rates, lead_time, customers, reach)
    share = float(reach[0])
    return SingleStageValue(share * stage.bound, np.array([stage.bound]), stage.level)


def targeted_stage(case: Case, name: str, lead_time: int) -> ServiceStage | None:
    """A node under its fill-rate target; None where it has none that binds at its cheapest single-stage level."""
    target = case.service_targets.get(name)
    if target is None:
        return None
    return service_stage(case.charged.node(name).cost_rates, case.demand[name], lead_time, target)
