"""Searches for the levels of one tree at a number of replications: the project's own, and rivals on the same paths.

A rival sees a function of the levels: the mean cost on the first n search paths, the same at all levels. How many paths
a rival spends on a point was chosen for it at each budget, on other networks (`test_level_table.py -k paths`).
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import minimize

from simopt.optimization.genetic import ask, start, tell
from simopt.optimization.genetic_types import GeneticParams, SearchSpace
from simopt.optimization.kriging_search import KrigingParams, KrigingSearch
from simopt.optimization.pathwise import PathwiseParams, PathwiseSearch
from simopt.simulation.ledger import BudgetSpentError, Ledger
from surrogates.archive import PairingParams
from surrogates.kriging import refit_kriging
from surrogates.search_types import DEFAULT_SEARCH, GRADIENT_SEARCH, SearchParams
from surrogates.sklearn_adapter import fit_sklearn_kriging
from surrogates.smt_adapter import fit_smt_kriging
from surrogates.surrogate import Fitter
from tests.benchmarks.astrodf import astrodf
from tests.benchmarks.level_problems import LEVELS, Floats, LevelProblem

BUDGETS = (500, 2_000, 20_000)
DESCENTS = 14  # evaluations of a pathwise search at most
Search = Callable[[LevelProblem, Ledger, int, int], Floats]


@dataclass
class Average:
    """The function that rivals minimize, in units of the problem's scale from its start; remembers the least."""

    problem: LevelProblem
    ledger: Ledger
    paths: int
    least: float = np.inf
    best: Floats | None = None

    def __call__(self, scaled: Floats) -> float:
        levels = self.problem.box.clip(self.levels(scaled))
        cost = float(self.ledger.search(self.problem.component, levels, self.paths).costs.mean())
        if cost < self.least:
            self.least, self.best = cost, levels
        return cost

    def levels(self, scaled: Floats) -> Floats:
        return self.problem.start + np.asarray(scaled) * self.problem.scale

    @property
    def bounds(self) -> tuple[Floats, Floats]:
        box, start, scale = self.problem.box, self.problem.start, self.problem.scale
        return (box.lower - start) / scale, (box.upper - start) / scale


def pathwise(problem: LevelProblem, ledger: Ledger, budget: int, _: int) -> Floats:
    params = PathwiseParams(max(budget // DESCENTS, 2), max_evaluations=DESCENTS - 2)
    return PathwiseSearch(ledger, params).best_levels(problem.component, problem.plan)


def kriging(
    params: SearchParams = DEFAULT_SEARCH,
    reach: int | None = None,
    fitter: Fitter = refit_kriging,
    *,
    with_gradients: bool = False,
) -> Search:
    def search(problem: LevelProblem, ledger: Ledger, budget: int, seed: int) -> Floats:
        chosen = KrigingParams(replace(params, budget=budget), reach, fitter, with_gradients)
        return KrigingSearch(ledger, chosen, seed).best_levels(problem.component, problem.plan)

    return search


def cobyqa(average: Average, budget: int, _: int) -> None:
    lower, upper = average.bounds
    evaluations = budget // average.paths
    options = {"maxfev": evaluations, "initial_tr_radius": 0.5, "final_tr_radius": 1e-3}
    minimize(average, np.zeros(LEVELS), method="COBYQA", bounds=list(zip(lower, upper, strict=True)), options=options)


def cma_es(average: Average, budget: int, seed: int) -> None:
    import cma

    options = {"bounds": [*average.bounds], "seed": seed + 1, "verbose": -9, "maxfevals": budget // average.paths}
    cma.fmin(average, np.zeros(LEVELS), 0.5, options)


def genetic(average: Average, _: int, seed: int) -> None:
    lower, upper = average.bounds
    params = GeneticParams(max_stall_generations=10_000, max_generations=10_000)
    state = start(SearchSpace(lower, upper, np.empty(0, dtype=np.int64)), params, seed)
    while not state.finished:
        population = ask(state)
        state = tell(state, population, [average(scaled) for scaled in population.reals])


Rival = Callable[[Average, int, int], None]
RIVALS: dict[str, Rival] = {"COBYQA": cobyqa, "CMA-ES": cma_es, "genetic algorithm": genetic}
PATHS: dict[str, dict[int, int]] = {
    "COBYQA": {500: 8, 2_000: 16, 20_000: 128},
    "CMA-ES": {500: 2, 2_000: 4, 20_000: 16},
    "genetic algorithm": {500: 1, 2_000: 1, 20_000: 2},
}


def rival(name: str, paths: int | None = None) -> Search:
    """A rival as a search; `paths` in the place of those chosen for it."""

    def search(problem: LevelProblem, ledger: Ledger, budget: int, seed: int) -> Floats:
        average = Average(problem, ledger, paths or PATHS[name][budget])
        with warnings.catch_warnings(), contextlib.suppress(BudgetSpentError):
            warnings.simplefilter("ignore")
            RIVALS[name](average, budget, seed)
        return problem.start if average.best is None else average.best

    return search


BY_COVARIANCE = replace(DEFAULT_SEARCH, pairing=PairingParams(by_covariance=True))
SEARCHES: dict[str, Search] = {
    "pathwise gradients": pathwise,
    "kriging with gradients": kriging(GRADIENT_SEARCH, with_gradients=True),
    "kriging with gradients, reach 1": kriging(GRADIENT_SEARCH, 1, with_gradients=True),
    "kriging": kriging(),
    "kriging, reach 1": kriging(reach=1),
    "kriging, covariance across points": kriging(BY_COVARIANCE),
    "scikit-learn kriging": kriging(fitter=fit_sklearn_kriging),
    "SMT kriging": kriging(fitter=fit_smt_kriging),
    **{name: rival(name) for name in RIVALS},
    "ASTRO-DF": astrodf,
    "single-stage levels, no search": lambda problem, *_: problem.start,
}
SLOW = ("scikit-learn kriging", "SMT kriging")  # one run seed, none at the largest budget
