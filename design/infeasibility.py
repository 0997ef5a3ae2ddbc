"""Why a case has no design: the rules that cannot hold together."""

from __future__ import annotations

from time import monotonic
from typing import NoReturn

import pyomo.environ as pyo

from design.case import Case
from design.flow_model import InfeasibleError, build_flow_model
from design.robust.demand_budget import DemandBudget
from design.site_rules import Rule
from design.solver import HighsSession, SolveStatus

TIME_LIMIT = 30.0


def explain_infeasibility(case: Case, time_limit: float = TIME_LIMIT, budget: DemandBudget | None = None) -> NoReturn:
    """Raise `InfeasibleError` naming rules in conflict.

    The rules named cannot hold together, but can if any one of them is given up (a deletion filter: one small program a
    rule). Where time runs out, the message says that some of them may not matter.

    Parameters
    ----------
    case
        Without a design, or with all its designs excluded.
    time_limit
        Seconds for narrowing the conflict down.
    budget
        Of demand that capacities were protected against.
    """
    deadline = monotonic() + time_limit
    if budget is not None and _has_design(case, case.site_rules.rules, TIME_LIMIT):
        raise InfeasibleError(
            f"no design keeps all capacities when {budget.budget:g} customers may ask for {budget.deviation:.0%} more: "
            "expected a smaller budget or more capacity"
        )
    if _has_design(case, case.site_rules.rules, TIME_LIMIT):
        raise InfeasibleError("every design that serves all customers has been excluded")
    if not _has_design(case, (), TIME_LIMIT):
        raise InfeasibleError("no choice of lanes can serve all customers with a single supplier for every node")
    conflict, checked = list(case.site_rules.rules), True
    for rule in case.site_rules.rules:
        rest = [other for other in conflict if other is not rule]
        if monotonic() >= deadline:
            checked = False
            break
        if not _has_design(case, rest, deadline - monotonic()):
            conflict = rest
    what = "; ".join(rule.label for rule in conflict)
    doubt = "" if checked else " (time ran out: some of these may not matter)"
    raise InfeasibleError(f"no design can satisfy together: {what}{doubt}")


def _has_design(case: Case, rules: list[Rule] | tuple[Rule, ...], time_limit: float) -> bool:
    """Whether some design respects these rules; True where time did not suffice to tell."""
    try:
        model = build_flow_model(case, rules)
    except InfeasibleError:
        return False
    model.objective = pyo.Objective(expr=0.0 * pyo.quicksum(model.lane_used.values()))
    status = HighsSession(model).solve(relaxed=False, time_limit=time_limit).status
    return status is not SolveStatus.INFEASIBLE
