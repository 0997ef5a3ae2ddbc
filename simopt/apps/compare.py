"""`simopt compare`: several methods at the same number of simulated replications, scored on the same fresh ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite
from time import monotonic

from design.case import Case
from design.errors import expected_one_of
from simopt.apps.methods import METHODS, start_search
from simopt.apps.options import OptionError, SolveOptions, refuse_assembly_for
from simopt.apps.rivals import check_installed
from simopt.apps.solve import NothingFoundError, run_search, versions
from simopt.comparison import Comparison, Run
from simopt.optimization.search_state import Incumbent, SearchState, Termination
from simopt.result import Iteration
from simopt.simulation.estimate import Estimate
from simopt.simulation.evaluate import EvaluationParams, evaluate
from simopt.simulation.ledger import Ledger
from simopt.simulation.simulator import TreeSimulator
from simopt.simulation.workers import Workers

EVALUATION_SEED_OFFSET = 1_000_003
Say = Callable[[str], None]


@dataclass(frozen=True)
class CompareOptions:
    """What `compare` may be told.

    Parameters
    ----------
    methods
        Keys of `METHODS`, each once.
    budget
        Replications each method may use, sampled scenarios counted too; None: what the first method uses when nothing
        limits it, the largest over the seeds.
    num_seeds
        Runs of each method.
    seed
        Of the first run; the others follow.
    jobs
        Threads.
    time_limit
        Seconds for each run's search.
    """

    methods: tuple[str, ...]
    budget: int | None = None
    num_seeds: int = 5
    seed: int = 0
    jobs: int = 1
    time_limit: float = float("inf")

    def __post_init__(self) -> None:
        for name in self.methods:
            if name not in METHODS:
                raise OptionError(f"methods: unknown method {name!r}: {expected_one_of(name, METHODS)}")
            check_installed(name)
            if self.methods.count(name) > 1:
                raise OptionError(f"methods: {name!r} occurs twice: expected every method once")
        SolveOptions(seed=self.seed, jobs=self.jobs, time_limit=self.time_limit)  # refuses what is out of range
        if self.num_seeds < 1:
            raise OptionError(f"num-seeds {self.num_seeds}: expected at least 1")
        if self.budget is not None and self.budget < 1:
            raise OptionError(f"budget {self.budget}: expected at least one replication")


def compare(case: Case, options: CompareOptions, say: Say = lambda _: None) -> Comparison:
    """Run every method with every seed and score the solutions on common fresh replications.

    Parameters
    ----------
    case
        The problem.
    options
        Methods, budget and seeds.
    say
        Called with a line of progress after every run.

    Raises
    ------
    NothingFoundError
        If the budget does not pay for a method's first design.
    """
    refuse_assembly_for(case.network, "compare")
    if case.service_targets:
        name = next(iter(case.service_targets))
        raise OptionError(f"compare: ranks by cost alone, and {name!r} has a service_target; expected a case without")
    judge = Ledger(case, TreeSimulator(case), options.seed + EVALUATION_SEED_OFFSET, Workers(options.jobs))
    budget, runs = options.budget, dict[str, tuple[Run, ...]]()
    for method in options.methods:
        found = []
        for seed in range(options.seed, options.seed + options.num_seeds):
            limit = float("inf") if budget is None else budget
            one = SolveOptions(method, seed=seed, jobs=options.jobs, time_limit=options.time_limit, budget=limit)
            found.append(_run(case, one, judge))
            say(f"{method}, seed {seed}: {found[-1].cost.mean:.2f} after {found[-1].replications:,} replications")
        budget = budget or max(run.replications for run in found)
        runs[method] = tuple(found)
    return Comparison(case.name, budget or 0, runs, versions())


def _run(case: Case, options: SolveOptions, judge: Ledger) -> Run:
    started = monotonic()
    ledger = Ledger(case, TreeSimulator(case), options.seed, Workers(options.jobs), options.budget)
    search = start_search(case, options, ledger)
    improvements: dict[int, Incumbent] = {}

    def note(_: Iteration, state: SearchState) -> None:
        if state.incumbent is not None and state.incumbent not in improvements.values():
            improvements[ledger.replications + search.scenarios] = state.incumbent

    state, _ = run_search(search, ledger, note, options.time_limit)
    seconds = monotonic() - started
    if state.termination is Termination.INTERRUPTED:
        raise KeyboardInterrupt
    if state.incumbent is None:
        limits = f"budget {options.budget:.0f}"
        if isfinite(options.time_limit):
            limits += f", time-limit {options.time_limit:g}"
        raise NothingFoundError(f"{limits}: too small for a first design by {options.method}")
    progress = tuple((spent, _true_cost(case, judge, one, 1024).mean) for spent, one in improvements.items())
    cost = _true_cost(case, judge, state.incumbent, 8192)
    return Run(options.seed, cost, ledger.replications + search.scenarios, seconds, progress)


def _true_cost(case: Case, judge: Ledger, incumbent: Incumbent, replications: int) -> Estimate:
    params = EvaluationParams(replications, max_replications=replications)
    return evaluate(case, judge, incumbent.design, incumbent.levels, params).estimate
