"""What the rules of a case mean for a design: their sums, and what those that may bind cost."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from time import monotonic

import numpy as np

from design.case import Case
from design.master import MasterParams, ProjectedMaster
from design.master_types import Bound
from design.network import Design
from design.site_rules import Rule
from design.solver import SolveStatus
from design.stage_models import exact_costs
from simopt.result import RuleOutcome

MAX_PRICED = 12
ONE_SUPPLIER = "one supplier for all products of a customer"
TIME_LIMIT = 20.0


def rule_values(case: Case, design: Design, costs: Mapping[Rule, float] | None = None) -> tuple[RuleOutcome, ...]:
    """Every rule with its sum for a design, and its cost where that is known, money over the horizon."""
    known, ties = costs or {}, case.site_rules.ties
    found = [
        RuleOutcome(rule.label, value, rule.least, rule.most if rule.most < inf else None, known.get(rule))
        for rule, value in case.site_rules.values(design).items()
        if rule not in ties
    ]
    if ties:
        found.append(RuleOutcome(ONE_SUPPLIER, 1.0, 1.0, 1.0, known.get(ties[0])))
    return tuple(found)


def rule_outcomes(case: Case, design: Design, bound: Bound, proven: float = -inf) -> tuple[RuleOutcome, ...]:
    """Every rule with its sum; those that may bind with what the lower bound gains by them.

    A rule may bind if its sum is at a limit, a capacity would not suffice for one more customer, or it caps emissions.
    At most twelve are priced, within 20 seconds.

    Parameters
    ----------
    case, design
        The case and a design.
    bound
        Which stock costs the master charges.
    proven
        A lower bound under all rules that may be higher than the master's, where held stock counts against the cap on
        emissions; money over the horizon.

    Raises
    ------
    KeyboardInterrupt
        For Ctrl-C, also inside the solver.
    """
    values = case.site_rules.values(design)
    if not values:
        return ()
    single_stage = exact_costs(case)
    deadline = monotonic() + TIME_LIMIT

    def lower_bound(*left_out: str) -> float:
        master = ProjectedMaster(case, single_stage, MasterParams(bound=bound, left_out=left_out))
        solution = master.solve(deadline - monotonic())
        if solution.status is SolveStatus.INTERRUPTED:
            raise KeyboardInterrupt
        return solution.bound if solution.status is SolveStatus.OPTIMAL else -inf

    ties = case.site_rules.ties
    candidates = [rule for rule, value in values.items() if rule not in ties and _may_bind(case, rule, value)]
    candidates = sorted([*ties[:1], *candidates], key=lambda rule: not rule.is_emission)[:MAX_PRICED]
    with_all = lower_bound() if candidates else -inf
    costs: dict[Rule, float] = {}
    for rule in candidates:
        labels = [tie.label for tie in ties] if rule in ties else [rule.label]
        without = lower_bound(*labels) if monotonic() < deadline else -inf
        if np.isfinite(with_all) and np.isfinite(without):
            under_all = max(with_all, proven) if rule.is_emission else with_all
            costs[rule] = max(under_all - without, 0.0)
    return rule_values(case, design, costs)


def _may_bind(case: Case, rule: Rule, value: float) -> bool:
    if rule.is_emission:
        return True
    if rule.is_capacity:
        return value > rule.most - max(case.mean_demand.values())
    return value in (rule.least, rule.most)
