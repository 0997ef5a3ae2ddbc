"""Budgets of demand for network design: the mean demand of some customers, nobody knows whose, may be higher.

Every customer's mean demand may be up to 1 + δ times what the case states, that of at most Γ customers all of it
(Bertsimas & Sim 2004). A design's transport and pipeline cost is then protected against the Γ customers that make it
dearest, and capacities against those that fill them most. Stock is not: its demand is random already.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from design.case import Case
from design.errors import BadInputError
from design.network import Design


@dataclass(frozen=True)
class DemandBudget:
    """How wrong demand may be.

    Parameters
    ----------
    deviation
        δ: share of its mean by which a customer's demand may be higher, at least 0.
    budget
        Γ: of how many customers all of it, at least 0; with a fraction, of one more that share.

    Raises
    ------
    BadInputError
        If a number is out of range.
    """

    deviation: float
    budget: float

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not 0.0 <= value < inf:
                raise BadInputError(f"{name} {value:g}: expected at least 0")

    def worst(self, amounts: list[float]) -> float:
        """The greatest δ·sum over the budget of what customers count."""
        found, left = 0.0, self.budget
        for amount in sorted(amounts, reverse=True):
            found += min(left, 1.0) * amount
            left = max(left - 1.0, 0.0)
        return self.deviation * found


@dataclass(frozen=True)
class ProtectedCosts:
    """What designs pay on top of their components: shared fixed costs, and the protection of their transport.

    Parameters
    ----------
    case
        The problem.
    budget
        Of demand.
    """

    case: Case
    budget: DemandBudget

    def of(self, design: Design) -> float:
        """Money over the horizon."""
        return self.case.shared_costs.of(design) + protection(self.case, design, self.budget)


def broken_capacities(case: Case, design: Design, budget: DemandBudget) -> list[str]:
    """Labels of the case's capacities that the worst demand in the set exceeds."""
    through: dict[str, dict[str, float]] = {}
    for component in design.components:
        for node, customers in component.customers_through(case.network.customers).items():
            through.setdefault(node, {}).update({c: case.mean_demand[c] for c in customers})
    found = []
    for rule in case.site_rules.rules:
        if not rule.is_capacity:
            continue
        amounts: dict[str, float] = {}
        for node, size in zip(rule.nodes, rule.sizes, strict=True):
            for customer, mean in through.get(node, {}).items():
                amounts[customer] = amounts.get(customer, 0.0) + size * mean
        if not rule.holds(sum(amounts.values()) + budget.worst(list(amounts.values()))):
            found.append(rule.label)
    return found


def protection(case: Case, design: Design, budget: DemandBudget) -> float:
    """What the dearest demand in the set adds to a design's transport and pipeline cost, money over the horizon."""
    by_customer: dict[str, float] = {}
    for component in design.components:
        for lane_end in component.nodes:
            supplier = component.supplier.get(lane_end)
            if supplier is None:
                continue
            for customer in component.customers_through(case.network.customers)[lane_end]:
                cost = case.flow_cost(case.network.lane((supplier, lane_end)), customer)
                by_customer[customer] = by_customer.get(customer, 0.0) + cost
    return budget.worst(list(by_customer.values()))
