"""Rivals on the whole problem: CMA-ES, pymoo's genetic algorithm and Optuna's TPE, at equal replications.

They vary all candidate nodes' levels and suppliers at once, as the genetic algorithm does, on the same search paths,
until the budget is spent. Packages come with the extra `rivals`.

References
----------
Hansen (2016), The CMA evolution strategy: a tutorial, arXiv 1604.00772; Auger & Hansen (2005), restarts with growing
population. Blank & Deb (2020), pymoo: multi-objective optimization in Python, IEEE Access 8. Bergstra et al. (2011),
Algorithms for hyper-parameter optimization, NIPS 24 (TPE); Akiba et al. (2019), Optuna, KDD.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from design.case import Case
from design.demand import Floats
from simopt.optimization.design_space import Decision, DesignSpace
from simopt.optimization.search_state import SearchState
from simopt.simulation.ledger import Ledger

FIRST_STEP = 0.3  # of CMA-ES, in widths of the box
Tell = Callable[[list[float]], object]
Asked = Iterator[tuple[list[Decision], Tell]]


def rival_search(name: str, case: Case, ledger: Ledger, replications: int, seed: int) -> Iterator[SearchState]:
    """Run a rival; yields the state after every generation, for as long as there are replications.

    Parameters
    ----------
    name
        "cma", "pymoo" or "optuna".
    case
        The problem.
    ledger
        Runs and counts the simulations; ends the search by its budget.
    replications
        Search paths of every decision.
    seed
        Of the rival's own random numbers.
    """
    space, state = DesignSpace(case, ledger, replications), SearchState(shared_costs=case.shared_costs)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # theirs
        for decisions, told in RIVALS[name](space, seed):
            judged = space.judge(decisions)
            for _, found, _ in judged:
                if found is not None and (state.incumbent is None or found.cost < state.incumbent.cost):
                    state = replace(state, incumbent=found)
            told([cost for cost, _, _ in judged])
            yield replace(state, candidate=judged[-1][2])


def _cma(space: DesignSpace, seed: int) -> Asked:
    """Levels and choices as one vector in the unit cube, choices by rounding; restarts double the population."""
    import cma

    highest, counts = space.highest_levels, space.num_suppliers
    size, restart = len(highest) + len(counts), 0

    def decoded(unit: Floats) -> Decision:
        share = np.clip(unit, 0.0, 1.0)
        choices = np.minimum(np.floor(share[len(highest) :] * counts), counts - 1).astype(np.int64)
        return share[: len(highest)] * highest, choices

    default = 4 + int(3 * np.log(size))
    while True:
        random = np.random.default_rng([seed, restart])
        first = np.full(size, 0.5) if restart == 0 else random.random(size)
        options = {
            "bounds": [0.0, 1.0],
            "seed": int(random.integers(1, 2**31)),
            "popsize": default * 2 ** min(restart, 6),
            "verbose": -9,
        }
        strategy = cma.CMAEvolutionStrategy(first, FIRST_STEP, options)
        while not strategy.stop():
            asked = strategy.ask()
            yield [decoded(np.asarray(one)) for one in asked], partial(strategy.tell, asked)
        restart += 1


def _pymoo(space: DesignSpace, seed: int) -> Asked:
    """MixedVariableGA with its own defaults."""
    from pymoo.core.mixed import MixedVariableGA
    from pymoo.core.problem import Problem
    from pymoo.core.variable import Choice, Real

    levels = {f"x{k}": Real(bounds=(0.0, float(top))) for k, top in enumerate(space.highest_levels)}
    choices = {f"z{k}": Choice(options=list(range(int(count)))) for k, count in enumerate(space.num_suppliers)}
    algorithm = MixedVariableGA()
    problem = Problem(vars={**levels, **choices}, n_obj=1)
    algorithm.setup(problem, termination=("n_gen", np.iinfo(np.int32).max), seed=seed, verbose=False)
    while algorithm.has_next():
        asked = algorithm.ask()

        rows = [
            (np.array([row[name] for name in levels]), np.array([row[name] for name in choices], dtype=np.int64))
            for row in asked.get("X")
        ]
        yield rows, partial(_tell_pymoo, algorithm, asked)


def _tell_pymoo(algorithm: Any, asked: Any, costs: list[float]) -> None:
    asked.set("F", np.array(costs)[:, None])
    for one in asked:
        one.evaluated.add("F")
    algorithm.tell(infills=asked)


def _optuna(space: DesignSpace, seed: int) -> Asked:
    """The tree-structured Parzen estimator with its own defaults, one trial after the other."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed))
    while True:
        trial = study.ask()
        levels = [trial.suggest_float(f"x{k}", 0.0, float(top)) for k, top in enumerate(space.highest_levels)]
        choices = [
            trial.suggest_categorical(f"z{k}", list(range(int(count)))) for k, count in enumerate(space.num_suppliers)
        ]
        decision = np.array(levels), np.array(choices, dtype=np.int64)
        yield [decision], partial(study.tell, trial)


RIVALS: dict[str, Callable[[DesignSpace, int], Asked]] = {"cma": _cma, "pymoo": _pymoo, "optuna": _optuna}
