"""Network design without inventory: the cheapest lanes for the mean demand."""

from __future__ import annotations

import pyomo.environ as pyo

from design.case import Case
from design.flow_model import build_flow_model, chosen_design
from design.infeasibility import explain_infeasibility
from design.network import Design
from design.solver import HighsSession


def cheapest_transport_design(case: Case) -> Design:
    """The design with the least transport, pipeline and fixed cost: the first step of planning one after the other.

    Raises
    ------
    InfeasibleError
        If no design serves every customer.
    """
    model = build_flow_model(case)
    model.objective = pyo.Objective(expr=model.flow_cost)
    session = HighsSession(model)
    solution = session.solve(relaxed=False)
    if solution.values is None:
        explain_infeasibility(case)
    return chosen_design(case.network, model, session, solution.values)
