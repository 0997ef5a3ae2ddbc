"""`simopt solve`: parts built and joined, from a case to a result."""

from __future__ import annotations

import platform
from collections.abc import Callable
from dataclasses import replace
from importlib import metadata

import numpy as np

from design.case import Case
from design.errors import NoSolutionError
from design.recorder import UNRECORDED, Recorder
from design.storage import has_room
from design.supply import supply_notes
from simopt.apps.answer import Answer
from simopt.apps.interrupts import remembered_interrupt
from simopt.apps.methods import Search, start_search
from simopt.apps.options import SolveOptions, fitted_options
from simopt.apps.own_simulator import NOT_CERTIFIED, make_ledger
from simopt.optimization.certificate_types import Certificate
from simopt.optimization.search_state import SearchState, Termination
from simopt.result import Iteration, Result
from simopt.simulation.compile_ahead import compile_ahead
from simopt.simulation.estimate import Estimate
from simopt.simulation.ledger import BudgetSpentError, Ledger
from simopt.simulation.user_simulator import simulator_name

ASSUMING_LEVELS = "assuming global levels"
_LIMITS = (
    Termination.TIME_LIMIT,
    Termination.MASTER_TOO_LARGE,
    Termination.ITERATION_LIMIT,
    Termination.BUDGET_SPENT,
)
_CUT_SHORT = (Termination.INTERRUPTED, Termination.SOLVER_FAILED)
_PACKAGES = ("simopt-supply", "numpy", "scipy", "pyomo", "highspy", "numba", "smt")
OnStep = Callable[[Iteration, SearchState], None]


class NothingFoundError(NoSolutionError):
    """The search ended before it had a first design; the message says what to raise."""


def solve(case: Case, options: SolveOptions | None = None, on_step: OnStep | None = None) -> Result:
    """Decide network and base-stock levels of a case.

    Parameters
    ----------
    case
        The problem.
    options
        Method, limits and seed.
    on_step
        Called with the record and the state after every step of the search.

    Raises
    ------
    InfeasibleError
        If no design serves every customer.
    NothingFoundError
        If a limit ended the search before its first design.
    """
    options, searched = options or SolveOptions(), case.without_idle_storage
    result, _ = solve_and_keep(searched, options, on_step)
    levels = {node.node: node.level for node in result.performance.nodes}
    if searched is case or has_room(case.network.storages, levels):
        return result
    return solve_and_keep(case, options, on_step)[0]


def solve_and_keep(case: Case, options: SolveOptions, on_step: OnStep | None = None) -> tuple[Result, SearchState]:
    """What `solve` does; also returns what the search knew in the end."""
    clock = options.recorder.clock
    started = clock()
    options = fitted_options(case, options)
    if _is_certifiable(case, options):
        compile_ahead()
    ledger = make_ledger(case, options, budget=options.budget)
    search = start_search(case, options, ledger)
    state, iterations = run_search(search, ledger, on_step, options.time_limit, options.recorder)
    incumbent, termination = state.incumbent, state.termination or Termination.TIME_LIMIT
    if incumbent is None and termination is Termination.INTERRUPTED:
        raise KeyboardInterrupt
    if incumbent is None:
        raise NothingFoundError(f"no design found: {termination.value.split(':')[0]}")
    searched = ledger.replications
    answer = Answer(case, options, ledger, search.has_bound, state, incumbent)
    try:
        _complete(answer, case, options, termination, options.time_limit - (clock() - started))
    except KeyboardInterrupt:
        termination = Termination.INTERRUPTED
        options.recorder.stop()
        answer.evaluate_briefly()
    result = Result(
        case=case.name,
        method=options.method,
        seed=options.seed,
        status=_status(termination),
        termination=termination.value,
        warnings=answer.warnings,
        performance=answer.performance,
        lower_bound=answer.bound,
        certified=_certified(answer.certificate),
        confidence=None if answer.certificate is None else answer.certificate.confidence,
        certificate=answer.statement,
        lanes=answer.incumbent.design.lanes,
        replications_used=searched,
        scenarios_used=search.scenarios + answer.bound_scenarios,
        wall_seconds=clock() - started,
        iterations=tuple(iterations),
        versions=versions(),
        rules=answer.rules,
        cost_per_year=_per_year(case, answer.evaluation.estimate),
        rounding_cost=answer.rounding_cost,
        target_costs=answer.target_costs,
        cost_of_targets=answer.cost_of_targets,
        cost_of_storage=answer.cost_of_storage,
        saving_against_network_first=answer.saving,
        simulator=None if options.simulator is None else simulator_name(options.simulator),
    )
    return result, state


def _complete(answer: Answer, case: Case, options: SolveOptions, termination: Termination, time_left: float) -> None:
    """Certificate, evaluation, comparison and rules; KeyboardInterrupt for Ctrl-C in any of them."""
    with remembered_interrupt() as interrupted:
        if termination is Termination.BOUND_MET and _is_certifiable(case, options):
            answer.certify(time_left)
            _raise_if(interrupted())
        elif options.simulator is not None:
            answer.leave_uncertified(NOT_CERTIFIED)
        elif options.certify and not case.has_simple_supply:
            answer.leave_uncertified(f"not certified: {', '.join(supply_notes(case.network, case.supply))}")
        answer.evaluate()
        if termination not in (*_LIMITS, *_CUT_SHORT):
            answer.compare_with_network_first()
        answer.price_rules(worth_it=termination not in _CUT_SHORT and options.simulator is None)
        _raise_if(interrupted())


def _raise_if(interrupted: bool) -> None:
    if interrupted:
        raise KeyboardInterrupt


def run_search(
    search: Search,
    ledger: Ledger,
    on_step: OnStep | None = None,
    time_limit: float = np.inf,
    recorder: Recorder = UNRECORDED,
) -> tuple[SearchState, list[Iteration]]:
    """Run a search to its end, the end of its budget or time, or Ctrl-C, whichever is first.

    Returns
    -------
    tuple
        The last state, with its termination, and a record of every step.
    """
    clock, started, tell = recorder.clock, recorder.clock(), on_step or _ignore
    state, iterations = SearchState(), list[Iteration]()
    try:
        with remembered_interrupt() as interrupted:
            for following in search.states:
                record = _record(len(iterations) + 1, state, following, ledger.replications, clock() - started)
                state = following
                if record is not None:
                    iterations.append(record)
                    tell(record, state)
                if interrupted():
                    raise KeyboardInterrupt
                if state.termination is None and clock() - started >= time_limit:
                    state = replace(state, termination=Termination.TIME_LIMIT)
                    break
    except BudgetSpentError:
        state = replace(state, termination=Termination.BUDGET_SPENT)
    except KeyboardInterrupt:
        state = replace(state, termination=Termination.INTERRUPTED)
    if state.termination in (*_CUT_SHORT, Termination.TIME_LIMIT):
        recorder.stop()
    return state, iterations


def _ignore(record: Iteration, state: SearchState) -> None:
    """Nobody watches the steps."""


def _is_certifiable(case: Case, options: SolveOptions) -> bool:
    """Whether the master's bound is exact, and a certificate wanted."""
    return options.certify and options.simulator is None and not options.is_sampled and case.has_exact_bound


def _certified(certificate: Certificate | None) -> bool | str:
    """True, or what the claim rests on, or False."""
    if certificate is None or not certificate.holds:
        return False
    return True if certificate.global_levels else ASSUMING_LEVELS


def versions() -> dict[str, str]:
    """Versions of what determines the numbers."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found


def _per_year(case: Case, cost: Estimate) -> Estimate | None:
    if case.periods_per_year is None:
        return None
    years = case.horizon / case.periods_per_year
    return Estimate(cost.mean / years, cost.half_width / years, cost.replications)


def _status(termination: Termination) -> str:
    if termination is Termination.INTERRUPTED:
        return "interrupted"
    if termination is Termination.SOLVER_FAILED:
        return "failed"
    return "limit" if termination in _LIMITS else "solved"


def _record(
    number: int, before: SearchState, state: SearchState, replications: int, seconds: float
) -> Iteration | None:
    """One row of the history, or None while there is no incumbent."""
    if state.incumbent is None or state.candidate is None:
        return None
    previous = set(before.candidate.lanes) if before.candidate else set()
    return Iteration(
        iteration=number,
        changed_lanes=len(previous ^ set(state.candidate.lanes)),
        lower_bound=state.priced_bound if np.isfinite(state.priced_bound) else None,
        upper_bound=state.incumbent.cost,
        upper_half_width=state.incumbent.half_width,
        gap=state.gap,
        replications=replications,
        seconds=seconds,
    )
