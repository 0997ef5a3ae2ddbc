"""Weighted scenarios of demand over a few periods: trees, random paths, and both in turn.

After Soshko, Merkuryev & Van Landeghem, "Application of stochastic programming for supply chain inventory optimization
under uncertain demand and lead time" (EUROSIM), section 4.2.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import qmc

from design.demand_base import as_floats
from design.errors import BadInputError, expected_one_of

Floats = NDArray[np.float64]
Quantile = Callable[[Floats], Floats]

MOST_VALUES = 2e7
SAMPLINGS = ("random", "latin-hypercube", "sobol")


class ScenarioError(BadInputError):
    """Scenarios that contradict themselves or do not fit into memory."""


@dataclass(frozen=True, eq=False)
class ScenarioSet:
    """Demand of the periods to come, in several versions.

    Parameters
    ----------
    demand
        Units, shape (scenario, period), at least 0.
    probabilities
        Shape (scenario,), at least 0, with sum 1.

    Raises
    ------
    ScenarioError
        Where one of these does not hold.
    """

    demand: Floats
    probabilities: Floats

    def __post_init__(self) -> None:
        demand, probabilities = as_floats(self.demand), as_floats(self.probabilities)
        if demand.ndim != 2 or min(demand.shape) < 1:
            raise ScenarioError(f"demand of shape {demand.shape}: expected a scenario and a period at least")
        if probabilities.shape != demand.shape[:1]:
            raise ScenarioError(f"{probabilities.size} probabilities: expected {len(demand)}, one a scenario")
        _check_demand(demand)
        _check_probabilities(probabilities)
        object.__setattr__(self, "demand", demand)
        object.__setattr__(self, "probabilities", probabilities)

    @property
    def num_scenarios(self) -> int:
        """How many."""
        return len(self.demand)

    @property
    def num_periods(self) -> int:
        """Of each."""
        return self.demand.shape[1]

    @property
    def mean(self) -> Floats:
        """Expected demand of each period, shape (period,)."""
        return np.asarray(self.probabilities @ self.demand)


def _check_demand(demand: Floats) -> None:
    wrong = np.argwhere(~(np.isfinite(demand) & (demand >= 0.0)))
    if len(wrong):
        s, t = wrong[0]
        raise ScenarioError(f"scenario {s + 1} period {t + 1}: demand {demand[s, t]}: expected units, at least 0")


def _check_probabilities(probabilities: Floats) -> None:
    wrong = np.flatnonzero(~(probabilities >= 0.0))
    if len(wrong):
        raise ScenarioError(f"probability {wrong[0] + 1}: {probabilities[wrong[0]]}: expected a number, at least 0")
    if abs(probabilities.sum() - 1.0) > 1e-9:
        raise ScenarioError(f"probabilities with sum {probabilities.sum():.12g}: expected 1")


def tree(values: ArrayLike, periods: int, probabilities: ArrayLike | None = None) -> ScenarioSet:
    """All paths of a tree that branches into the same values in every period, the first period varying slowest.

    Parameters
    ----------
    values
        Demand of a period, units, shape (branch,).
    periods
        At least 1.
    probabilities
        Of the branches, shape (branch,); equal without it.

    Raises
    ------
    ScenarioError
        If the tree would not fit into memory (said before it is built), or a value or probability is wrong.
    """
    branches = as_floats(values)
    weights = np.full(len(branches), 1.0 / len(branches)) if probabilities is None else as_floats(probabilities)
    if weights.shape != branches.shape:
        raise ScenarioError(f"{weights.size} probabilities: expected {branches.size}, one a value")
    _check_probabilities(weights)
    check_size(len(branches), periods)
    indices = np.stack(np.unravel_index(np.arange(len(branches) ** periods), (len(branches),) * periods), axis=1)
    return ScenarioSet(branches[indices], weights[indices].prod(axis=1))


def check_size(branches: int, periods: int) -> None:
    """Refuse what would not fit into memory, before it is built."""
    if periods < 1:
        raise ScenarioError(f"periods {periods}: expected at least 1")
    if float(branches) ** periods * periods > MOST_VALUES:
        most = max(t for t in range(1, periods) if float(branches) ** t * t <= MOST_VALUES)
        raise ScenarioError(
            f"a tree of {branches}^{periods} = {float(branches) ** periods:,.3g} scenarios does not fit into memory: "
            f"expected at most {most} periods, or random scenarios"
        )


def moment_values(mean: float, sd: float) -> Floats:
    """Three equally likely values with this mean and standard deviation, symmetric: mean ± sd·√(3/2)."""
    return np.maximum(mean + sd * np.sqrt(1.5) * np.array([-1.0, 0.0, 1.0]), 0.0)


def sampled(
    quantile: Quantile, num_scenarios: int, periods: int, random: np.random.Generator, sampling: str = "random"
) -> ScenarioSet:
    """Equally likely random paths.

    Parameters
    ----------
    quantile
        Demand of a period at each cumulative probability.
    sampling
        `random` (independent), `latin-hypercube` (every period stratified), or `sobol` (scrambled low-discrepancy).
    """
    uniforms = _uniforms(num_scenarios, periods, random, sampling)
    return ScenarioSet(quantile(uniforms), np.full(num_scenarios, 1.0 / num_scenarios))


def _uniforms(num_scenarios: int, periods: int, random: np.random.Generator, sampling: str) -> Floats:
    if num_scenarios < 1 or periods < 1:
        raise ScenarioError(f"{num_scenarios} scenarios of {periods} periods: expected at least 1 of each")
    if float(num_scenarios) * periods > MOST_VALUES:
        raise ScenarioError(f"{num_scenarios:,} scenarios of {periods} periods do not fit into memory")
    if sampling not in SAMPLINGS:
        raise ScenarioError(f"sampling {sampling!r}: {expected_one_of(sampling, SAMPLINGS)}")
    if sampling == "random":
        return np.maximum(random.random((num_scenarios, periods)), np.finfo(float).tiny)
    if sampling == "latin-hypercube":
        points = qmc.LatinHypercube(periods, rng=random).random(num_scenarios)
    else:
        power = int(np.ceil(np.log2(num_scenarios)))
        points = qmc.Sobol(periods, rng=random).random_base2(power)[:num_scenarios]
    return np.clip(points, np.finfo(float).tiny, 1.0 - np.finfo(float).epsneg)


def hybrid(
    values: ArrayLike, quantile: Quantile, periods: int, random_periods: Sequence[int], random: np.random.Generator
) -> ScenarioSet:
    """A tree in some periods, a random value in the others: one draw for each path of the tree.

    Parameters
    ----------
    random_periods
        Those with random values, from 1.
    """
    chosen = sorted({int(t) for t in random_periods})
    for t in chosen:
        if not 1 <= t <= periods:
            raise ScenarioError(f"random period {t}: expected 1 to {periods}")
    branching = [t for t in range(periods) if t + 1 not in chosen]
    if not branching:
        raise ScenarioError(f"{periods} random periods: expected one period at least that branches")
    paths = tree(values, len(branching))
    demand = np.empty((paths.num_scenarios, periods))
    demand[:, branching] = paths.demand
    others = [t - 1 for t in chosen]
    demand[:, others] = quantile(_uniforms(paths.num_scenarios, max(len(others), 1), random, "random"))[
        :, : len(others)
    ]
    return ScenarioSet(demand, paths.probabilities)
