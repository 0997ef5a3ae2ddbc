"""A budget of demand in the master's flow model (Bertsimas & Sim 2004, theorem 1).

transport    + Γ q + Σ_c p_c,    q + p_c ≥ δ·H·m_c Σ_l (u_l + p_l L_l)·r_cl                   for every customer c
capacity     Σ_c size·m_c·r_c + Γ q_k + Σ_c p_kc ≤ most,    q_k + p_kc ≥ δ·size·m_c·r_c       for every capacity k
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import Any

import pyomo.environ as pyo

from design.case import Case
from design.robust.demand_budget import DemandBudget
from design.site_rules import Rule


def add_protection(
    model: pyo.ConcreteModel, case: Case, rules: Sequence[Rule], budget: DemandBudget, scale: float
) -> None:
    """Protect the flow cost of a flow model and the capacities among the rules.

    Parameters
    ----------
    model
        With `reach` and `flow_cost`.
    case, rules
        What it was built for.
    budget
        Of demand.
    scale
        Money in a unit of the objective.
    """
    model.protection = pyo.ConstraintList()
    customers = list(dict.fromkeys(c for c, _, _ in model.reach))
    costs = {c: list[Any]() for c in customers}
    for c, origin, end in model.reach:
        cost = case.flow_cost(case.network.lane((origin, end)), c) / scale
        if cost > 0.0:
            costs[c].append(cost * model.reach[c, origin, end])
    capacities = [rule for rule in rules if rule.is_capacity and rule.most < inf]
    model.budget_dual = pyo.Var(range(len(capacities) + 1), domain=pyo.NonNegativeReals)
    model.customer_dual = pyo.Var(range(len(capacities) + 1), customers, domain=pyo.NonNegativeReals)
    model.flow_cost.set_value(model.flow_cost.expr + _protected(model, 0, costs, budget))
    for k, rule in enumerate(capacities, start=1):
        through = _through(model, case, rule)
        nominal = pyo.quicksum(term for terms in through.values() for term in terms)
        model.protection.add(nominal + _protected(model, k, through, budget) <= rule.most)


def _protected(model: pyo.ConcreteModel, k: int, amounts: dict[str, list[Any]], budget: DemandBudget) -> Any:
    """Γ q + Σ p, at least the worst sum of what customers count."""
    some = {c: terms for c, terms in amounts.items() if terms}
    for c, terms in some.items():
        model.protection.add(
            model.budget_dual[k] + model.customer_dual[k, c] >= budget.deviation * pyo.quicksum(terms)
        )  # fmt: skip
    return budget.budget * model.budget_dual[k] + pyo.quicksum(model.customer_dual[k, c] for c in some)


def _through(model: pyo.ConcreteModel, case: Case, rule: Rule) -> dict[str, list[Any]]:
    """What every customer counts against a capacity."""
    found: dict[str, list[Any]] = {}
    sizes = dict(zip(rule.nodes, rule.sizes, strict=True))
    for (c, origin, end), reach in model.reach.items():
        size = sizes.get(end, 0.0) + (sizes.get(origin, 0.0) if origin in model.source_used else 0.0)
        if size:
            found.setdefault(c, []).append(size * case.mean_demand[c] * reach)
    for name in set(sizes).intersection(case.network.sources, case.network.customers):
        found.setdefault(name, []).append(sizes[name] * case.mean_demand[name])
    return {c: terms for c, terms in found.items() if c in {key for key, _, _ in model.reach}}
