"""Fewer scenarios that stand for many: forward selection and backward reduction, and how far they are apart.

Heitsch & Römisch (2003), "Scenario reduction algorithms in stochastic programming", Computational Optimization and
Applications 24: keep K scenarios, hand the probability of each other one to the nearest kept, and choose them so that
the transport (Kantorovich) distance between the distributions,

    D = Σ_{i not kept} p_i · min_{j kept} |ξ_i - ξ_j|,

is small. Both algorithms are greedy: none proves the least distance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from design.errors import expected_one_of
from design.tactical.scenarios import ScenarioError, ScenarioSet

Floats = NDArray[np.float64]

MOST_SCENARIOS = 5_000
ALGORITHMS = ("forward", "backward")


@dataclass(frozen=True, eq=False)
class Reduction:
    """Kept scenarios.

    Parameters
    ----------
    scenarios
        With the probabilities of those they stand for.
    kept
        Their places in the set before, increasing, shape (kept,).
    distance
        Transport distance from the set before, units.
    """

    scenarios: ScenarioSet
    kept: NDArray[np.int64]
    distance: float


def reduce_scenarios(scenarios: ScenarioSet, num_kept: int, algorithm: str = "forward") -> Reduction:
    """Keep so many scenarios.

    Parameters
    ----------
    num_kept
        1 to all.
    algorithm
        `forward` (fast forward selection, better for few) or `backward` (backward reduction, for many).

    Raises
    ------
    ScenarioError
        If a number is out of range, or there are too many scenarios for a table of distances.
    """
    count = scenarios.num_scenarios
    if not 1 <= num_kept <= count:
        raise ScenarioError(f"{num_kept} scenarios to keep: expected 1 to {count}")
    if count > MOST_SCENARIOS:
        raise ScenarioError(f"{count:,} scenarios: expected at most {MOST_SCENARIOS:,} to reduce")
    if algorithm not in ALGORITHMS:
        raise ScenarioError(f"algorithm {algorithm!r}: {expected_one_of(algorithm, ALGORITHMS)}")
    distances = cdist(scenarios.demand, scenarios.demand)
    choose = _forward if algorithm == "forward" else _backward
    kept = np.sort(choose(distances, scenarios.probabilities, num_kept))
    nearest = distances[:, kept].argmin(axis=1)
    nearest[kept] = np.arange(num_kept)
    probabilities = np.bincount(nearest, weights=scenarios.probabilities, minlength=num_kept)
    moved = float(scenarios.probabilities @ distances[np.arange(count), kept[nearest]])
    return Reduction(ScenarioSet(scenarios.demand[kept], probabilities / probabilities.sum()), kept, moved)


def _forward(distances: Floats, probabilities: Floats, num_kept: int) -> NDArray[np.int64]:
    """Add the scenario that leaves the least distance, one after the other."""
    to_kept = np.full(len(distances), np.inf)
    kept: list[int] = []
    for _ in range(num_kept):
        left = probabilities @ np.minimum(to_kept[:, None], distances)
        left[kept] = np.inf
        kept.append(int(left.argmin()))
        to_kept = np.minimum(to_kept, distances[:, kept[-1]])
    return np.array(kept)


def _backward(distances: Floats, probabilities: Floats, num_kept: int) -> NDArray[np.int64]:
    """Drop the scenario that adds the least distance, one after the other."""
    count = len(distances)
    kept = np.ones(count, dtype=bool)
    np.fill_diagonal(reach := distances.copy(), 0.0)
    for _ in range(count - num_kept):
        members = np.flatnonzero(kept)
        open_ = reach[:, members]
        first = open_.argmin(axis=1)
        least = open_[np.arange(count), first]
        open_[np.arange(count), first] = np.inf
        extra = probabilities * (open_.min(axis=1) - least)
        kept[members[np.bincount(first, weights=extra, minlength=len(members)).argmin()]] = False
    return np.flatnonzero(kept)
