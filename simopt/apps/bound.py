"""`simopt solve --bound-only`: the master by itself, a design and a bound without simulation."""

from __future__ import annotations

from math import isfinite

from design.case import Case
from design.errors import NoSolutionError
from design.solver import SolveStatus
from simopt.apps.methods import priced_master, refuse_unknown
from simopt.apps.options import OptionError, SolveOptions
from simopt.apps.solve import versions
from simopt.bound_outcome import BoundOutcome
from simopt.result import LowerBound

SETTINGS = ("master", "bound", "scenarios", "seed", "time_limit", "tolerance", "report")


def bound_only(case: Case, options: SolveOptions) -> BoundOutcome:
    """Solve the master without prices once.

    Parameters
    ----------
    case
        The problem.
    options
        Master, bound, scenarios, seed, tolerance and time limit count.

    Raises
    ------
    InfeasibleError
        If no design serves every customer.
    NoSolutionError
        If the time was over before a first design.
    """
    refuse_unknown(case, options)
    if case.has_held_cap:
        raise OptionError("bound-only with a cap on emissions of held stock: expected a case without one")
    started = options.recorder.clock()
    master, charged = priced_master(case, options)
    found = master.solve(options.time_limit)
    if found.status is SolveStatus.INTERRUPTED:
        raise KeyboardInterrupt
    if found.design is None:
        raise NoSolutionError(f"no design found: {found.status.value.split(':')[0]}")
    is_sampled = charged.num_scenarios > 0
    kind = "estimate" if case.warnings or is_sampled or not case.has_exact_bound else "exact"
    warnings = case.exact_warnings
    if is_sampled:
        warnings = (*warnings, "one sample of scenarios: the bound has an error that solve without --bound-only tells")
    if not isfinite(found.bound):
        warnings = (*warnings, "the time was over before there was a bound")
    return BoundOutcome(
        case.name,
        options.seed,
        "solved" if found.status is SolveStatus.OPTIMAL else "limit",
        found.status.value,
        warnings,
        found.design,
        found.objective,
        LowerBound(max(found.bound, 0.0), 0.0, kind, found.model.value),
        options.recorder.clock() - started,
        versions(),
    )
