"""`simopt solve --baseline`: the new design next to today's network, and the best changes by a few moved lanes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from design.case import Case
from design.flow_model import InfeasibleError
from design.network import Design
from simopt.apps.baseline_file import Baseline
from simopt.apps.interrupts import remembered_interrupt
from simopt.apps.methods import ExactParts, Search
from simopt.apps.options import OptionError, SolveOptions, refuse_assembly_for, refuse_held_cap
from simopt.apps.own_simulator import AFTER_INTERRUPT, make_ledger
from simopt.apps.solve import OnStep, run_search, solve_and_keep
from simopt.differences import BaselineComparison, ComparedDesign, DesignChange, LimitedChange
from simopt.optimization.limited_change import best_limited_change, moved_lanes
from simopt.optimization.outer_approximation import LoopParams
from simopt.optimization.search_state import SearchState, Termination
from simopt.result import Result
from simopt.simulation.estimate import Estimate
from simopt.simulation.evaluate import Evaluation, EvaluationParams, evaluate_together

DEFAULT_MOVES = 3
INTERRUPTED = "interrupted: the comparison with the baseline is not finished"


def check_moves(moves: int | None, *, has_baseline: bool) -> None:
    """Refuse a number of moves that is out of range or belongs to no baseline."""
    if moves is not None and not has_baseline:
        raise OptionError(f"moves {moves}: expected only together with --baseline")
    if moves is not None and moves < 0:
        raise OptionError(f"moves {moves}: expected a whole number, at least 0")


def solve_with_baseline(
    case: Case,
    options: SolveOptions,
    baseline: Baseline,
    moves: int = DEFAULT_MOVES,
    on_step: OnStep | None = None,
) -> Result:
    """Solve a case as `solve` does and compare the design with today's network.

    Parameters
    ----------
    case, options, on_step
        As for `solve`; what the search leaves of the time limit goes to the changes.
    baseline
        Today's network.
    moves
        The best changes by at most 1, 2, ... up to so many moved lanes are searched.
    """
    check_moves(moves, has_baseline=True)
    refuse_assembly_for(case.network, "a comparison with a baseline")
    refuse_held_cap(case, "a comparison with a baseline")
    if options.simulator is not None:
        raise OptionError("baseline with a simulator of one's own: expected the built-in one")
    deadline = options.recorder.clock() + options.time_limit
    result, state = solve_and_keep(case, options, on_step)
    comparison = _Comparer(case, options, baseline, result, state).compare(moves, deadline)
    if comparison.is_interrupted and result.status != "interrupted":
        termination = f"interrupted in the comparison with the baseline; the search before it: {result.termination}"
        result = replace(result, status="interrupted", termination=termination)
    return replace(result, baseline=comparison)


@dataclass(frozen=True)
class _Found:
    """What is known of the baseline and its changes: simulated designs, (moves, design, whether best), why it ended."""

    known: SearchState = field(default_factory=SearchState)
    changes: tuple[tuple[int, Design, bool], ...] = ()
    termination: str = INTERRUPTED


class _Comparer:
    """Everything that stays the same while a new design is compared with the baseline."""

    def __init__(
        self, case: Case, options: SolveOptions, baseline: Baseline, result: Result, state: SearchState
    ) -> None:
        self._case = case
        self._options = options
        self._baseline = baseline
        self._state = state
        self._is_interrupted = result.status == "interrupted"
        self._new = case.network.design(result.lanes)
        self._new_levels = {row.node: row.level for row in result.performance.nodes}
        self._ledger = make_ledger(case, options)
        self._parts = ExactParts(case, replace(options, budget=float("inf")), self._ledger)

    @property
    def _is_exact(self) -> bool:
        """Whether the search before used the same master, so that its components' prices and its bound hold here."""
        return self._options.method == "outer-approximation" and not self._options.is_sampled

    def compare(self, moves: int, deadline: float) -> BaselineComparison:
        """Search the changes, then simulate everything on common fresh replications."""
        found = _Found()
        try:
            if self._is_interrupted:
                raise KeyboardInterrupt
            with remembered_interrupt() as interrupted:
                for following in self._search(moves, deadline):
                    found = following
                    if interrupted():
                        raise KeyboardInterrupt
                polished = {d: self._parts.polisher.levels(found.known, d) for d in self._optimized(found)}
                return self._comparison(found, polished, is_interrupted=False)
        except KeyboardInterrupt:
            self._options.recorder.stop()
            found = replace(found, termination=INTERRUPTED)
            rough = {d: self._parts.polisher.briefly(found.known, d) for d in self._optimized(found)}
            return self._comparison(found, rough, is_interrupted=True)

    def _search(self, moves: int, deadline: float) -> Iterator[_Found]:
        """Simulate the baseline, then look for the best change by at most 1, 2, ... moved lanes."""
        known = self._state_known()
        found = _Found(known, termination=f"the best changes by at most {moves} moved lanes were searched")
        yield found
        for count in range(1, moves + 1):
            left = deadline - self._options.recorder.clock()
            if left <= 0.0:
                yield replace(found, termination="time limit: changes by more moved lanes were not searched")
                return
            if self._is_new_design_reached(count):
                yield self._with_new_design(found, count)
                return
            found, end = self._with_change(found, count, left)
            yield found
            if end is Termination.INTERRUPTED:
                raise KeyboardInterrupt

    def _state_known(self) -> SearchState:
        """The search before as far as it helps, the baseline and the new design, all simulated."""
        known = self._parts.start
        if self._is_exact:
            known = known.with_plans(list(self._state.plans.values()))
            for design in self._state.designs:
                known = known.with_candidate(design)
        for design in (self._baseline.design, self._new):
            new = list(self._parts.subproblem.solve_all([c for c in design.components if c not in known.plans]))
            known = known.with_plans(new).with_candidate(design)
        return known

    def _is_new_design_reached(self, moves: int) -> bool:
        """Whether the new design, best among all, is a change by at most so many moved lanes."""
        is_best = self._is_exact and self._state.termination is Termination.BOUND_MET
        return is_best and moved_lanes(self._baseline.design, self._new) <= moves

    def _with_new_design(self, found: _Found, moves: int) -> _Found:
        if self._new == self._baseline.design:
            return replace(found, termination="the new design is today's network: no lane needs to move")
        end = f"the new design is reached with {moves} moved lanes: more moves save no more"
        return replace(found, changes=(*found.changes, (moves, self._new, self._case.has_exact_bound)), termination=end)

    def _with_change(self, found: _Found, moves: int, time_limit: float) -> tuple[_Found, Termination | None]:
        """Run the loop for a number of moves."""
        recorder = self._options.recorder
        params = LoopParams(self._options.tolerance, time_limit=time_limit, clock=recorder.clock)
        allowed = tuple(d for d in found.known.designs if not self._case.site_rules.violations(d))
        known = replace(found.known, designs=allowed)
        states = best_limited_change(
            self._parts.master(), self._parts.subproblem, known, self._baseline.design, moves, params
        )
        try:
            state, _ = run_search(Search(states, True, 0), self._ledger, time_limit=time_limit, recorder=recorder)
        except InfeasibleError:
            end = f"no change by at most {moves} moved lanes keeps the case's rules"
            return replace(found, termination=end), None
        if state.incumbent is None:
            return found, state.termination
        known = found.known.with_plans(list(state.plans.values()))
        for design in state.designs:
            known = known.with_candidate(design)
        is_best = state.termination is Termination.BOUND_MET and self._case.has_exact_bound
        changes = (*found.changes, (moves, state.incumbent.design, is_best))
        return replace(found, known=known, changes=changes), state.termination

    def _optimized(self, found: _Found) -> list[Design]:
        """Simulated designs that are reported with optimized levels, each once; the new design has its own."""
        designs = [self._baseline.design] if self._baseline.design in found.known.designs else []
        designs += [design for _, design, _ in found.changes]
        return [design for design in dict.fromkeys(designs) if design != self._new]

    def _comparison(
        self, found: _Found, optimized: Mapping[Design, Mapping[str, float]], *, is_interrupted: bool
    ) -> BaselineComparison:
        """All costs on common fresh replications, with paired differences."""
        baseline, params = self._baseline, AFTER_INTERRUPT if is_interrupted else None
        todays, of = self._evaluate(optimized, params)
        reference = todays or of.get(baseline.design)
        changes = tuple(
            LimitedChange(moves, self._compared(reference, of[design]), is_best)
            for moves, design, is_best in found.changes
            if reference is not None
        )
        by_levels = None
        if todays is not None and baseline.design in of:
            by_levels = Estimate.of(todays.costs - of[baseline.design].costs)
        return BaselineComparison(
            design=baseline.design,
            todays_cost=None if todays is None else todays.estimate,
            optimized_cost=of[baseline.design].estimate if baseline.design in of else None,
            change=DesignChange.between(baseline.design, self._new),
            saving=None if reference is None else Estimate.of(reference.costs - of[self._new].costs),
            saving_by_levels=by_levels,
            changes=changes,
            termination=found.termination,
            is_interrupted=is_interrupted,
            broken_rules=self._case.site_rules.violations(baseline.design),
        )

    def _evaluate(
        self, optimized: Mapping[Design, Mapping[str, float]], params: EvaluationParams | None
    ) -> tuple[Evaluation | None, dict[Design, Evaluation]]:
        """The baseline with today's levels, if given, and every design with optimized ones."""
        decisions: list[tuple[Design, Mapping[str, float]]] = [(self._new, self._new_levels), *optimized.items()]
        if self._baseline.levels is None:
            evaluations = evaluate_together(self._case, self._ledger, decisions, params)
            return None, {one.design: one for one in evaluations}
        decisions.append((self._baseline.design, self._baseline.levels))
        *evaluations, todays = evaluate_together(self._case, self._ledger, decisions, params)
        return todays, {one.design: one for one in evaluations}

    def _compared(self, reference: Evaluation, changed: Evaluation) -> ComparedDesign:
        change = DesignChange.between(self._baseline.design, changed.design)
        saving = Estimate.of(reference.costs - changed.costs)
        return ComparedDesign(changed.design, changed.levels, change, changed.estimate, saving)
