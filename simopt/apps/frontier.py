"""`simopt frontier`: the cheapest design under each of a family of limits (the ε-constraint method).

The search under a limit starts from everything simulated before, priced. What can be limited is an `Axis`
(`frontier_axes`) and an entry of `AXES`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from math import isfinite
from time import monotonic

import numpy as np

from design.case import Case
from design.errors import expected_one_of
from design.flow_model import InfeasibleError
from design.network import Design
from design.solver import SolveStatus
from simopt.apps.frontier_axes import (
    Axis,
    EmissionAxis,
    Limited,
    ServiceAxis,
    SiteAxis,
    allowed,
    counted_sites,
    num_used,
)
from simopt.apps.interrupts import remembered_interrupt
from simopt.apps.methods import ExactParts, Search
from simopt.apps.options import (
    OptionError,
    SolveOptions,
    check_emission_cap,
    refuse_assembly_for,
    refuse_held_cap,
    refuse_shared_storage,
)
from simopt.apps.own_simulator import AFTER_INTERRUPT
from simopt.apps.solve import NothingFoundError, run_search, versions
from simopt.differences import DesignChange
from simopt.emission_outcome import emission_outcome
from simopt.frontier_outcome import Frontier, FrontierPoint
from simopt.optimization.outer_approximation import LoopParams, outer_approximation
from simopt.optimization.search_state import SearchState, Termination
from simopt.simulation.estimate import Estimate
from simopt.simulation.evaluate import Evaluation, EvaluationParams, evaluate_together
from simopt.simulation.ledger import Ledger
from simopt.simulation.simulator import TreeSimulator
from simopt.simulation.workers import Workers

COMPLETE = "all points were searched"
OUT_OF_TIME = "time limit: tighter limits were not searched"
INTERRUPTED = "interrupted: tighter limits were not searched"
INFEASIBLE = "no design keeps the limit {:g}"
Levels = Mapping[str, float]
OnPoint = Callable[["FoundPoint"], None]


@dataclass(frozen=True)
class FrontierOptions:
    """What `frontier` may be told.

    Parameters
    ----------
    against
        A key of `AXES`.
    points
        How many, the cheapest design among them, at least 2.
    kind
        Of the sites that count; None: all nodes that are no customers. Only against "num-sites".
    seed, jobs
        Of all random numbers; threads.
    time_limit
        Seconds for the searches.
    """

    against: str
    points: int = 5
    kind: str | None = None
    seed: int = 0
    jobs: int = 1
    time_limit: float = np.inf

    def __post_init__(self) -> None:
        if self.against not in AXES:
            raise OptionError(f"against {self.against!r}: {expected_one_of(self.against, AXES)}")
        if self.points < 2:
            raise OptionError(f"points {self.points}: expected a whole number, at least 2")
        if self.kind is not None and self.against != "num-sites":
            raise OptionError(f"kind {self.kind!r}: expected only with --against num-sites")
        _ = self.solve_options  # refuses what is out of range

    @property
    def solve_options(self) -> SolveOptions:
        """The options as the parts of a search take them."""
        return SolveOptions(seed=self.seed, jobs=self.jobs, time_limit=self.time_limit)


def _emissions(case: Case, _options: FrontierOptions, parts: ExactParts) -> Axis:
    if not any(node.holding_emission > 0.0 for node in case.network.nodes):
        return EmissionAxis(case, None)
    capped = replace(case, emissions=replace(case.emissions, cap=np.inf))
    check_emission_cap(capped, parts.options)
    return EmissionAxis(case, parts.for_case(capped).capped_levels())


def _num_sites(case: Case, options: FrontierOptions, _parts: ExactParts) -> Axis:
    return SiteAxis(case, options.kind)


def _service(case: Case, _options: FrontierOptions, parts: ExactParts) -> Axis:
    axis = ServiceAxis(case, parts.fill_rates)
    refuse_shared_storage(axis.measured, parts.options)
    return axis


AXES: dict[str, Callable[[Case, FrontierOptions, ExactParts], Axis]] = {
    "emissions": _emissions,
    "num-sites": _num_sites,
    "service": _service,
}


@dataclass(frozen=True, eq=False)
class FoundPoint:
    """What the search under one limit gave.

    Parameters
    ----------
    limit
        None for the first.
    design, levels
        The cheapest design found, and its levels where a limit has a say in them, else None.
    cost
        On the search paths, money over the horizon.
    bound
        No design within the limit costs less: the master's bound without simulated prices.
    proven
        Whether the bound with them met the cost.
    """

    limit: float | None
    design: Design
    levels: Levels | None
    cost: float
    bound: float
    proven: bool


def find_frontier(case: Case, options: FrontierOptions, on_point: OnPoint = lambda _: None) -> Frontier:
    """Find the cheapest design of all and under ever tighter limits, and compare them on common fresh replications.

    Parameters
    ----------
    case
        The problem; its own rules hold at every point.
    options
        What is limited, how often, limits and seed.
    on_point
        Called with every point found.

    Raises
    ------
    NothingFoundError
        If a limit ended the search before a first design.
    KeyboardInterrupt
        For Ctrl-C before a first design.
    """
    return _Family(case, options, on_point).frontier()


class _Family:
    """Searches and what they found so far; components simulated for one limit serve all others."""

    def __init__(self, case: Case, options: FrontierOptions, on_point: OnPoint) -> None:
        refuse_assembly_for(case.network, "a frontier")
        refuse_held_cap(case, "a frontier of a case")
        self._case = case
        self._options = options
        self._on_point = on_point
        self._started = monotonic()
        given = options.solve_options
        self._tolerance = given.tolerance
        self._ledger = Ledger(case, TreeSimulator(case), options.seed, Workers(options.jobs))
        self._parts = ExactParts(case, given, self._ledger)
        self._axis = AXES[options.against](case, options, self._parts)
        self._known = self._parts.start
        self._points: list[FoundPoint] = []
        self._wanted = options.points

    def frontier(self) -> Frontier:
        """Search all points, then simulate them together."""
        termination = INTERRUPTED
        try:
            with remembered_interrupt() as interrupted:
                for end in self._search():
                    termination = end or termination
                    if interrupted():
                        raise KeyboardInterrupt
                decisions = [(p.design, p.levels or self._polished(p)) for p in self._points]
                return self._outcome(decisions, termination, None)
        except KeyboardInterrupt:
            if not self._points:
                raise
            if termination != INTERRUPTED:
                termination = f"interrupted in the comparison; the searches before it: {termination}"
            rough = [(p.design, p.levels or self._parts.polisher.briefly(self._known, p.design)) for p in self._points]
            return self._outcome(rough, termination, AFTER_INTERRUPT)

    def _search(self) -> Iterator[str | None]:
        """Find point after point; yields why there are no more after the last one."""
        start = self._solve(None)
        if start is None:
            raise NothingFoundError("no design found: time limit")
        self._note(start)
        yield None
        first = self._axis.search_value(start.design, start.levels or self._known.levels_of(start.design))
        limits = self._axis.limits(start.design, first, self._options.points)
        self._wanted = 1 + len(limits)
        for limit in limits:
            if self._left() <= 0.0:
                yield OUT_OF_TIME
                return
            try:
                found = self._under(limit)
            except InfeasibleError:
                yield INFEASIBLE.format(limit)
                return
            if found is None:
                yield OUT_OF_TIME
                return
            self._note(found)
            yield None
        yield COMPLETE

    def _note(self, found: FoundPoint) -> None:
        self._points.append(found)
        self._on_point(found)

    def _left(self) -> float:
        return self._options.time_limit - (monotonic() - self._started)

    def _under(self, limit: float) -> FoundPoint | None:
        """The cheapest design under a limit: that of the last point if it keeps this limit too, else a search."""
        last = self._points[-1]
        levels = last.levels or self._known.levels_of(last.design)
        if self._axis.search_value(last.design, levels) <= limit * (1.0 + 1e-9):
            return replace(last, limit=limit)
        return self._solve(limit)

    def _solve(self, limit: float | None) -> FoundPoint | None:
        """Search under a limit, with all that is known; None if time ran out before a design was found."""
        limited = Limited(self._case) if limit is None else self._axis.limited(limit)
        params = LoopParams(self._tolerance, time_limit=max(self._left(), 1e-9))
        if limited.has_targets:
            return self._targeted(limited, limit, params)
        if limited.case.has_held_cap:
            states, bound = self._capped(limited, params), -np.inf
        else:
            states, bound = self._plain(limited, params)
        state, _ = run_search(Search(states, has_bound=True, scenarios=0), self._ledger, time_limit=self._left())
        self._known = self._known.with_plans(list(state.plans.values()))
        for design in state.designs:
            self._known = self._known.with_candidate(design)
        if state.termination is Termination.INTERRUPTED:
            raise KeyboardInterrupt
        incumbent = state.incumbent
        if incumbent is None:
            return None
        proven = state.termination is Termination.BOUND_MET and self._case.has_exact_bound
        levels = incumbent.levels if limited.case.has_held_cap else None
        bound = state.unpriced_bound if levels else bound
        return FoundPoint(limit, incumbent.design, levels, incumbent.cost, bound, proven)

    def _plain(self, limited: Limited, params: LoopParams) -> tuple[Iterator[SearchState], float]:
        """The loop with a limit on the design, known designs that keep it as first incumbents; the unpriced bound."""
        start = self._parts.start.with_plans(list(self._known.plans.values()))
        for design in allowed(limited, self._known.designs):
            start = start.with_candidate(design)
        parts = self._parts.for_case(limited.case)
        master = parts.master(limited.added)
        first = master.solve(params.time_limit)
        if first.status is SolveStatus.INTERRUPTED:
            raise KeyboardInterrupt
        return outer_approximation(master, self._parts.subproblem, params, start), first.bound

    def _capped(self, limited: Limited, params: LoopParams) -> Iterator[SearchState]:
        """The loop with a limit on the levels too."""
        parts = self._parts.for_case(limited.case)
        return parts.capped_search(parts.capped_levels(), params, self._known)

    def _targeted(self, limited: Limited, limit: float | None, params: LoopParams) -> FoundPoint | None:
        """A search of its own: under other targets every component has other levels."""
        parts = self._parts.for_case(limited.case)
        master = parts.master()
        first = master.solve(params.time_limit)
        if first.status is SolveStatus.INTERRUPTED:
            raise KeyboardInterrupt
        states = outer_approximation(master, parts.subproblem, params, parts.start)
        state, _ = run_search(Search(states, has_bound=True, scenarios=0), self._ledger, time_limit=self._left())
        if state.termination is Termination.INTERRUPTED:
            raise KeyboardInterrupt
        if state.incumbent is None:
            return None
        design, proven = state.incumbent.design, state.termination is Termination.BOUND_MET
        levels = parts.polisher.levels(state, design)
        is_proven = proven and self._case.has_exact_bound
        return FoundPoint(limit, design, levels, state.incumbent.cost, first.bound, is_proven)

    def _polished(self, point: FoundPoint) -> Levels:
        return self._parts.polisher.levels(self._known, point.design)

    def _outcome(
        self, decisions: list[tuple[Design, Levels]], termination: str, params: EvaluationParams | None
    ) -> Frontier:
        """All points on common fresh replications; a design with the same levels is simulated once."""
        distinct = {(design, tuple(sorted(levels.items()))): (design, levels) for design, levels in decisions}
        searched = self._ledger.replications
        found = evaluate_together(self._axis.measured, self._ledger, list(distinct.values()), params)
        of = dict(zip(distinct, found, strict=True))
        evaluations = [of[design, tuple(sorted(levels.items()))] for design, levels in decisions]
        return Frontier(
            case=self._case.name,
            seed=self._options.seed,
            against=self._options.against,
            label=self._axis.label,
            warnings=self._case.exact_warnings,
            points=tuple(self._point(k, evaluations) for k in range(len(evaluations))),
            wanted=self._wanted,
            tolerance=self._tolerance,
            termination=termination,
            is_interrupted=params is not None,
            replications_used=searched,
            wall_seconds=monotonic() - self._started,
            versions=versions(),
        )

    def _point(self, number: int, evaluations: list[Evaluation]) -> FrontierPoint:
        found, own = self._points[number], evaluations[number]
        value, half_width = self._axis.value(own)
        sites = counted_sites(self._case, self._options.kind)
        return FrontierPoint(
            limit=found.limit,
            value=value,
            value_half_width=half_width,
            design=own.design,
            levels=own.levels,
            change=DesignChange.between(evaluations[max(number - 1, 0)].design, own.design),
            cost=own.estimate,
            difference=Estimate.of(own.costs - evaluations[0].costs),
            lower_bound=found.bound if isfinite(found.bound) else None,
            proven=found.proven,
            num_sites=num_used(sites, own.design),
            emissions=None if own.emissions is None else emission_outcome(self._case, own.emissions),
        )
