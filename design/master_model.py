"""The projected master's model in Pyomo, without cuts (see `design.master`)."""

from __future__ import annotations

from collections.abc import Sequence

import pyomo.environ as pyo

from design.case import Case
from design.echelon_view import add_echelon_view, service_paths
from design.flow_model import build_flow_model, useful_lanes
from design.master_types import Bound
from design.robust.demand_budget import DemandBudget
from design.single_stage import SingleStageModel
from design.site_rules import Rule
from design.stages import Path

AUTO_PATHS = 5_000


def echelon_paths(case: Case, single_stage: SingleStageModel, bound: Bound) -> dict[str, list[Path]] | None:
    """Paths for the echelon view, None where single-stage costs are to do alone: sampled ones and other demand must."""
    if bound is Bound.SINGLE_STAGE or single_stage.num_scenarios > 0 or not case.is_alike or not case.has_simple_supply:
        return None
    paths = service_paths(case)
    too_many = paths is not None and bound is Bound.AUTO and sum(map(len, paths.values())) > AUTO_PATHS
    return None if too_many else paths or None


def build_master_model(
    case: Case, rules: Sequence[Rule], paths: dict[str, list[Path]] | None, budget: DemandBudget | None
) -> pyo.ConcreteModel:
    """The flow model, one θ per lane and source, one Θ per source if paths are given, and the objective; no cuts."""
    model = build_flow_model(case, rules, budget)
    model.lane_stock_cost = pyo.Var(useful_lanes(case.network), domain=pyo.NonNegativeReals)
    model.source_stock_cost = pyo.Var(list(model.source_used), domain=pyo.NonNegativeReals)
    stages = pyo.quicksum(stage_variables(model))
    if paths is None:
        model.objective = pyo.Objective(expr=model.flow_cost + stages)
        return model
    model.stock_cost = pyo.Var(domain=pyo.NonNegativeReals)
    model.single_stage_total = pyo.Constraint(expr=model.stock_cost >= stages)
    add_echelon_view(model, paths)
    model.objective = pyo.Objective(expr=model.flow_cost + model.stock_cost)
    return model


def stage_variables(model: pyo.ConcreteModel) -> list[pyo.Var]:
    """θ of every lane and source and the prices of components."""
    return [*model.lane_stock_cost.values(), *model.source_stock_cost.values(), *model.extra.values()]
