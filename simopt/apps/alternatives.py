"""`simopt alternatives`: the next-best designs after a run's own, compared with it on common fresh replications."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from time import monotonic

import numpy as np

from design.case import Case
from design.network import Design
from simopt.apps.interrupts import remembered_interrupt
from simopt.apps.methods import ExactParts
from simopt.apps.options import OptionError, SolveOptions, refuse_assembly_for, refuse_held_cap
from simopt.apps.own_simulator import AFTER_INTERRUPT
from simopt.apps.solve import NothingFoundError, versions
from simopt.differences import Alternatives, ComparedDesign, DesignChange
from simopt.optimization.alternatives import ListEnd, ShortList, next_best_designs
from simopt.optimization.outer_approximation import LoopParams
from simopt.result_file import ResultError, read_decision, read_seed, read_simulator
from simopt.simulation.estimate import Estimate
from simopt.simulation.evaluate import Evaluation, EvaluationParams, evaluate_together
from simopt.simulation.ledger import Ledger
from simopt.simulation.simulator import TreeSimulator
from simopt.simulation.workers import Workers

OnList = Callable[[ShortList], None]


@dataclass(frozen=True)
class AlternativesOptions:
    """What `alternatives` may be told.

    Parameters
    ----------
    count
        How many designs.
    seed
        Of all random numbers; None: the run's.
    jobs
        Threads.
    time_limit
        Seconds for the search.
    """

    count: int = 5
    seed: int | None = None
    jobs: int = 1
    time_limit: float = np.inf

    def __post_init__(self) -> None:
        if self.count < 1:
            raise OptionError(f"count {self.count}: expected a whole number, at least 1")
        _ = self.solve_options(0)  # refuses what is out of range

    def solve_options(self, seed_of_run: int) -> SolveOptions:
        """The options as the parts of a search take them."""
        seed = seed_of_run if self.seed is None else self.seed
        return SolveOptions(seed=seed, jobs=self.jobs, time_limit=self.time_limit)


def case_of_run(run: Path) -> Path:
    """The copy of the case in a run folder; `ResultError` where the path is no run folder."""
    if not run.is_dir():
        raise ResultError(f"{run}: no such folder; expected the folder that a solve wrote with --out")
    for part in (run / "result.json", run / "case"):
        if not part.exists():
            raise ResultError(f"{run}: holds no {part.name}; expected the folder that a solve wrote with --out")
    return run / "case"


def refuse_run_folder(run: Path, out: Path | None) -> None:
    """Refuse to write into the run's own folder, whose result.json would be lost."""
    if out is not None and out.resolve() == run.resolve():
        raise ResultError(f"out {out}: the run's own folder; expected another one, or its result.json would be lost")


def find_alternatives(
    case: Case, run: Path, options: AlternativesOptions | None = None, on_list: OnList = lambda _: None
) -> Alternatives:
    """Find the next-best designs after a run's own.

    Parameters
    ----------
    case
        The run's case.
    run
        The run folder.
    options
        How many, limits and seed.
    on_list
        Called with what is known after every step of the search.

    Raises
    ------
    NothingFoundError
        If a limit ended the search before its first alternative.
    """
    options = options or AlternativesOptions()
    refuse_assembly_for(case.network, "alternatives")
    refuse_held_cap(case, "alternatives")
    started = monotonic()
    design, levels = read_decision(run / "result.json", case.network)
    if (name := read_simulator(run / "result.json")) is not None:
        raise ResultError(f"{run}: solved with simulator {name}; alternatives are compared with the built-in one only")
    given = options.solve_options(read_seed(run / "result.json"))
    ledger = Ledger(case, TreeSimulator(case), given.seed, Workers(given.jobs))
    parts = ExactParts(case, given, ledger)
    found, end = _search(parts, ShortList(design, options.count), given, on_list)
    if not found.alternatives and end is ListEnd.INTERRUPTED:
        raise KeyboardInterrupt
    if not found.alternatives and end is not ListEnd.EXHAUSTED:
        raise NothingFoundError(f"no alternative found: {end.value}")
    searched, termination = ledger.replications, end.value
    try:
        with remembered_interrupt():
            if end is ListEnd.INTERRUPTED:
                raise KeyboardInterrupt
            polished = {other: parts.polisher.levels(found.search, other) for other in found.alternatives}
            evaluations = _evaluate(case, ledger, design, levels, polished)
        is_interrupted = False
    except KeyboardInterrupt:
        is_interrupted = True
        if end is not ListEnd.INTERRUPTED:
            termination = f"interrupted in the comparison; the search before it: {end.value}"
        rough = {other: parts.polisher.briefly(found.search, other) for other in found.alternatives}
        evaluations = _evaluate(case, ledger, design, levels, rough, AFTER_INTERRUPT)
    return Alternatives(
        case=case.name,
        seed=given.seed,
        warnings=case.exact_warnings,
        design=design,
        levels=levels,
        cost=evaluations[0].estimate,
        alternatives=_ranked(evaluations),
        wanted=options.count,
        tolerance=given.tolerance,
        complete=found.is_complete and case.has_exact_bound,
        termination=termination,
        is_interrupted=is_interrupted,
        bound_of_others=found.bound if isfinite(found.bound) else None,
        num_designs=len(found.search.designs),
        replications_used=searched,
        wall_seconds=monotonic() - started,
        versions=versions(),
    )


def _search(parts: ExactParts, found: ShortList, options: SolveOptions, on_list: OnList) -> tuple[ShortList, ListEnd]:
    """Run the search to its end or Ctrl-C; the last list and why there is no longer one."""
    params = LoopParams(options.tolerance, time_limit=options.time_limit)
    try:
        with remembered_interrupt() as interrupted:
            for following in next_best_designs(
                parts.master(), parts.subproblem, found.own, found.count, params, parts.start
            ):
                found = following
                on_list(found)
                if interrupted():
                    raise KeyboardInterrupt
    except KeyboardInterrupt:
        return found, ListEnd.INTERRUPTED
    return found, found.termination or ListEnd.ITERATION_LIMIT


def _evaluate(
    case: Case,
    ledger: Ledger,
    design: Design,
    levels: Mapping[str, float],
    others: Mapping[Design, Mapping[str, float]],
    params: EvaluationParams | None = None,
) -> list[Evaluation]:
    return evaluate_together(case, ledger, [(design, levels), *others.items()], params)


def _ranked(evaluations: list[Evaluation]) -> tuple[ComparedDesign, ...]:
    """The alternatives, cheapest first on the fresh replications, each with its paired difference to the first."""
    own, *others = evaluations
    rows = [
        ComparedDesign(
            other.design,
            other.levels,
            DesignChange.between(own.design, other.design),
            other.estimate,
            Estimate.of(other.costs - own.costs),
        )
        for other in others
    ]
    return tuple(sorted(rows, key=lambda row: row.cost.mean))
