"""Is the design right? 20 random 5-3-5 networks, every method against the exhaustive reference.

pytest -m benchmark -s tests/benchmarks/test_best_design.py -k charged    (about 2 minutes a network and core)
pytest -m benchmark -s tests/benchmarks/test_best_design.py -k free       (inner backorders free; about 5 minutes)

SIMOPT_BENCHMARK_JOBS networks run side by side, one process each (1). The exhaustive designs are kept in pytest's
cache; --cache-clear computes them anew.
"""

import hashlib
import os
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from time import perf_counter

import numpy as np
import pytest
from joblib import Parallel, delayed

from design.case import Case
from design.generate import GenerateParams, generate_case
from design.network import Component, Design
from design.node import LanePair
from design.single_stage import QuadratureSingleStage
from design.single_stage_plan import single_stage_plan
from simopt.apps.methods import start_search
from simopt.apps.options import SolveOptions
from simopt.apps.solve import run_search, solve
from simopt.optimization.pathwise import PathwiseParams, PathwiseSearch
from simopt.simulation.estimate import Estimate
from simopt.simulation.ledger import Ledger
from simopt.simulation.simulator import TreeSimulator

SEEDS = range(20)
KINDS = {"charged": False, "free": True}
TIE = 0.001  # share of the cost within which designs count as equally good
SEED_OF_METHODS, SEED_OF_REFERENCE, SEED_OF_JUDGE = 0, 555_555, 987_654
JUDGE_PATHS = 8_192  # on which the judge optimizes levels
JUDGE_BLOCKS = 512  # of 64 fresh replications, the first sample and the parts in which it grows
MAX_JUDGE_BLOCKS = 8_192
JUDGE_HALF_WIDTH = 0.0002  # share of the cost
PENALTIES = {"0": 0.0, "below 2%": 0.02, "2-5%": 0.05, "5-13%": 0.13, "above 13%": np.inf}
Lanes = tuple[LanePair, ...]


@dataclass(frozen=True)
class Row:
    """One network: every method's true gap to the exhaustive design with its half-width, as shares of its cost."""

    seed: int
    gaps: dict[str, tuple[float, float]]
    certified: bool
    num_compared: int | None
    seconds: float
    reference: Lanes
    reference_seconds: float

    def same(self, method: str) -> bool:
        """Whether the method's design is the exhaustive one."""
        return self.gaps[method] == (0.0, 0.0)

    def __str__(self) -> str:
        names = {name: f"{gap:.3%}" if gap else "same" for name, (gap, _) in self.gaps.items()}
        half_width = max(half_width for _, half_width in self.gaps.values())
        compared = "-" if self.num_compared is None else str(self.num_compared)
        cells = [*names.values(), f"{half_width:.3%}", "yes" if self.certified else "no", compared]
        cells += [f"{self.seconds:.0f}", f"{self.reference_seconds:.0f}"]
        return f"| {self.seed} | {'yes' if self.same('certified') else 'no'} | {' | '.join(cells)} |"


class Judge:
    """Scores designs, not levels: each gets levels optimized on many paths, and common fresh replications."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self._ledger = Ledger(case, TreeSimulator(case), SEED_OF_JUDGE)
        self._single_stage = QuadratureSingleStage(case.demand)
        self._levels: dict[Component, dict[str, float]] = {}

    def gap(self, design: Design, reference: Design) -> tuple[float, float]:
        """By how much a design costs more than the reference, and the half-width, as shares of the latter's cost."""
        if design == reference:
            return 0.0, 0.0
        differences: list[np.ndarray] = []
        for first in range(0, MAX_JUDGE_BLOCKS, JUDGE_BLOCKS):
            ours, theirs = self._costs(design, first), self._costs(reference, first)
            differences.append(ours - theirs)
            found, cost = Estimate.of(np.concatenate(differences)), float(theirs.mean())
            if found.half_width <= JUDGE_HALF_WIDTH * cost:
                break
        return found.mean / cost, found.half_width / cost

    def _costs(self, design: Design, first: int) -> np.ndarray:
        levels = {name: level for one in design.components for name, level in self._best_levels(one).items()}
        fixed = sum(self._case.fixed_cost(component) for component in design.components)
        return self._ledger.fresh(design, levels, first, JUDGE_BLOCKS).costs + fixed

    def _best_levels(self, component: Component) -> dict[str, float]:
        if component not in self._levels:
            search = PathwiseSearch(self._ledger, PathwiseParams(JUDGE_PATHS, tolerance=1e-9))
            found = search.best_levels(component, single_stage_plan(self._case, self._single_stage, component))
            self._levels[component] = dict(zip(component.nodes, map(float, found), strict=True))
        return self._levels[component]


def searched(case: Case, method: str, seed: int) -> tuple[Design, float]:
    """The design that a method without certificate ends with, and the seconds."""
    started = perf_counter()
    ledger = Ledger(case, TreeSimulator(case), seed)
    state, _ = run_search(start_search(case, SolveOptions(method, seed=seed), ledger), ledger)
    assert state.incumbent is not None
    return state.incumbent.design, perf_counter() - started


def compared(case: Case, seed: int, known: Lanes | None) -> Row:
    """Every method on one network; `known` is the exhaustive design where it was computed before."""
    if known is None:
        best, reference_seconds = searched(case, "exhaustive", SEED_OF_REFERENCE)
    else:
        best, reference_seconds = case.network.design(known), 0.0
    result = solve(case, SolveOptions(seed=SEED_OF_METHODS))
    found = {
        "certified": case.network.design(result.lanes),
        "loop": searched(case, "outer-approximation", SEED_OF_METHODS)[0],
        "paper": searched(case, "paper", SEED_OF_METHODS)[0],
        "sequential": searched(case, "sequential", SEED_OF_METHODS)[0],
    }
    judge = Judge(case)
    number = re.search(r"(\d+) designs were optimized", result.certificate or "")
    return Row(
        seed,
        {name: judge.gap(design, best) for name, design in found.items()},
        bool(result.certified),
        int(number[1]) if number else None,
        result.wall_seconds,
        best.lanes,
        reference_seconds,
    )


def rows(kind: str, cache: pytest.Cache) -> Iterator[Row]:
    """Every network of a kind, in the order of the seeds, as they are finished."""
    cases = [generate_case(GenerateParams(5, 3, 5, seed, free_inner=KINDS[kind])) for seed in SEEDS]
    keys = [f"best-design/{case.name}-{hashlib.sha256(repr(case).encode()).hexdigest()[:16]}" for case in cases]
    known = [cache.get(key, None) for key in keys]
    known = [None if lanes is None else tuple(map(tuple, lanes)) for lanes in known]
    work = Parallel(n_jobs=int(os.environ.get("SIMOPT_BENCHMARK_JOBS", "1")), return_as="generator")
    found = work(delayed(compared)(*arguments) for arguments in zip(cases, SEEDS, known, strict=True))
    for key, row in zip(keys, found, strict=True):
        cache.set(key, row.reference)
        yield row


def print_summary(found: list[Row]) -> None:
    print("\n| method | right | within 0.1% | mean gap | worst gap |\n|---|---|---|---|---|")
    for method in found[0].gaps:
        gaps = np.array([row.gaps[method][0] for row in found])
        right = sum(row.same(method) for row in found)
        print(f"| {method} | {right} | {sum(gaps <= TIE)} | {gaps.mean():.3%} | {gaps.max():.3%} |")
    of_sequential = [row.gaps["sequential"] for row in found]
    known = [0.0 if gap <= half_width else gap for gap, half_width in of_sequential]  # 0: not dearer as far as is known
    counts = Counter(next(name for name, top in PENALTIES.items() if gap <= top) for gap in known)
    print("\nnetwork first, then stock costs more by", ", ".join(f"{name}: {counts[name]}" for name in PENALTIES))
    seconds, numbers = [row.seconds for row in found], [row.num_compared for row in found if row.num_compared]
    certified = sum(row.certified for row in found)
    print(
        f"solve: median {np.median(seconds):.1f} s, longest {max(seconds):.1f} s; certified {certified} of {len(found)}"
    )
    if numbers:
        print(f"designs compared by the certificate: median {np.median(numbers):g}, most {max(numbers)}")


@pytest.mark.benchmark
@pytest.mark.parametrize("kind", KINDS)
def test_the_certified_design_is_the_best_one(kind: str, cache: pytest.Cache) -> None:
    print(
        f"\n{kind}\n\n| seed | same design | certified | loop | paper | sequential | ± | certified? | compared "
        "| seconds | exhaustive |\n|---|---|---|---|---|---|---|---|---|---|---|"
    )
    found = []
    for row in rows(kind, cache):
        found.append(row)
        print(row, flush=True)
    print_summary(found)
    for row in found:
        gap, half_width = row.gaps["certified"]
        assert gap - half_width <= TIE, f"seed {row.seed}: {gap:.3%} ± {half_width:.3%} dearer than the exhaustive"
