"""Network design without inventory: the cheapest lanes for the mean demand, or those with the least of a sum."""

from __future__ import annotations

from dataclasses import replace
from math import inf

import pyomo.environ as pyo

from design.case import Case
from design.flow_model import build_flow_model, chosen_design, rule_sum
from design.infeasibility import explain_infeasibility
from design.network import Design
from design.site_rules import Rule
from design.solver import HighsSession


def cheapest_transport_design(case: Case) -> Design:
    """The design with the least transport, pipeline and fixed cost: the first step of planning one after the other.

    Raises
    ------
    InfeasibleError
        If no design serves every customer.
    """
    model = build_flow_model(case)
    return _least(case, model, model.flow_cost)


def least_design(case: Case, rule: Rule) -> Design:
    """A design with the least sum of what a rule on emissions or on numbers of nodes bounds; errors as above."""
    model = build_flow_model(case, (*case.site_rules.rules, replace(rule, most=inf)))
    return _least(case, model, rule_sum(model, case, rule) / (rule.most if 0.0 < rule.most < inf else 1.0))


def _least(case: Case, model: pyo.ConcreteModel, expression: pyo.Expression) -> Design:
    model.objective = pyo.Objective(expr=expression)
    session = HighsSession(model)
    solution = session.solve(relaxed=False)
    if solution.values is None:
        explain_infeasibility(case)
    return chosen_design(case.network, model, session, solution.values)
