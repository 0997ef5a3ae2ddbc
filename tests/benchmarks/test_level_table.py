"""The table of surrogates/README.md: true gap of levels against replications, by search.

pytest -m benchmark -s tests/benchmarks/test_level_table.py                     the table
pytest -m benchmark -s tests/benchmarks/test_level_table.py -k "table and 2000" one column
pytest -m benchmark -s tests/benchmarks/test_level_table.py -k paths            paths a point of each rival

Runs are appended to the file that SIMOPT_LEVEL_RUNS names, if it does, and not repeated. Two processes.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import cache
from itertools import product
from pathlib import Path
from time import perf_counter

import numpy as np
import pytest

from tests.benchmarks.astrodf import astrodf_python
from tests.benchmarks.level_problems import LevelProblem
from tests.benchmarks.level_searches import BUDGETS, PATHS, RIVALS, SEARCHES, SLOW, rival

NETWORKS, TUNING_NETWORKS = range(10), range(100, 106)
RUN_SEEDS = range(5)
PATHS_TRIED = (1, 2, 4, 8, 16, 32, 64, 128, 256)
POINTS = {"COBYQA": 2_500, "CMA-ES": 10_000, "genetic algorithm": 20_000}  # at most: more take too long
PROCESSES = 2


@dataclass(frozen=True)
class Run:
    """One search on one network, and what came of it."""

    search: str
    budget: int
    network: int
    free_inner: bool
    seed: int
    paths: int | None = None
    gap: float = np.nan
    used: int = 0
    seconds: float = 0.0

    @property
    def key(self) -> tuple[object, ...]:
        return (self.search, self.budget, self.network, self.free_inner, self.seed, self.paths)


@cache
def problem(network: int, free_inner: bool) -> LevelProblem:
    return LevelProblem(network, free_inner)


def searched(run: Run) -> Run:
    one = problem(run.network, run.free_inner)
    ledger = one.ledger(run.seed, run.budget)
    search = SEARCHES[run.search] if run.paths is None else rival(run.search, run.paths)
    one.gap(one.reference)  # not part of the time
    started = perf_counter()
    levels = search(one, ledger, run.budget, run.seed)
    seconds = perf_counter() - started
    return Run(*run.key, gap=one.gap(levels), used=ledger.replications, seconds=seconds)


def known_runs() -> dict[tuple[object, ...], Run]:
    kept = os.environ.get("SIMOPT_LEVEL_RUNS")
    if kept is None or not Path(kept).exists():
        return {}
    found = [Run(**json.loads(line)) for line in Path(kept).read_text(encoding="utf-8").splitlines()]
    return {run.key: run for run in found}


def all_searched(runs: Iterable[Run]) -> Iterator[Run]:
    known, kept = known_runs(), os.environ.get("SIMOPT_LEVEL_RUNS")
    wanted = list(runs)
    yield from (known[run.key] for run in wanted if run.key in known)
    missing = [run for run in wanted if run.key not in known]
    if not missing:
        return
    with ProcessPoolExecutor(PROCESSES) as pool:
        for run in pool.map(searched, missing, chunksize=5):
            if kept is not None:
                with Path(kept).open("a", encoding="utf-8") as file:
                    file.write(json.dumps(asdict(run)) + "\n")
            yield run


def gaps_of(
    search: str, budget: int, networks: Iterable[int], seeds: Iterable[int], paths: int | None = None
) -> tuple[np.ndarray, list[Run]]:
    """True gaps in percent on every network, once with inner backorders charged and once with them free."""
    cells = product(networks, (False, True), seeds)
    done = list(all_searched(Run(search, budget, network, free, seed, paths) for network, free, seed in cells))
    return 100.0 * np.array([run.gap for run in done]), done


@pytest.mark.benchmark
@pytest.mark.parametrize("budget", BUDGETS)
def test_table(budget: int) -> None:
    print(f"\n{budget:,} replications; true gap in percent")
    print("| search | median | 90% | worst | replications used | seconds |\n|---|---|---|---|---|---|")
    medians, worst = {}, {}
    for name in SEARCHES:
        if (name in SLOW and budget == max(BUDGETS)) or (name == "ASTRO-DF" and astrodf_python() is None):
            continue
        seeds = RUN_SEEDS[:1] if name in SLOW else RUN_SEEDS
        gaps, runs = gaps_of(name, budget, NETWORKS, seeds)
        medians[name], worst[name] = float(np.median(gaps)), float(gaps.max())
        used, seconds = np.median([run.used for run in runs]), np.median([run.seconds for run in runs])
        print(
            f"| {name} | {medians[name]:.3f} | {np.quantile(gaps, 0.9):.3f} | {worst[name]:.2f} | {used:,.0f} | "
            f"{seconds:.2f} |",
            flush=True,
        )
    rivals = min(medians[name] for name in RIVALS)
    assert medians["kriging"] < rivals
    if budget == 2_000:
        assert medians["kriging with gradients"] <= 0.1
        assert medians["kriging"] <= 1.0
        assert worst["kriging"] <= 3.0


@pytest.mark.benchmark
@pytest.mark.parametrize("name", RIVALS)
@pytest.mark.parametrize("budget", BUDGETS)
def test_paths_of_a_rival(name: str, budget: int) -> None:
    medians = {}
    for paths in PATHS_TRIED:
        if not 20 <= budget // paths <= POINTS[name]:
            continue
        gaps, _ = gaps_of(name, budget, TUNING_NETWORKS, range(2), paths)
        medians[paths] = float(np.median(gaps))
    best = min(medians, key=medians.__getitem__)
    shown = ", ".join(f"{paths}: {gap:.2f}%" for paths, gap in medians.items())
    print(f"\n{name}, {budget:,} replications, median gap by paths a point: {shown}; best {best}")
    assert medians[PATHS[name][budget]] <= 1.25 * medians[best]
