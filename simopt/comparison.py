"""The outcome of `compare`: frozen values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from simopt.simulation.estimate import Estimate, relative_gap


@dataclass(frozen=True)
class Run:
    """One method with one seed.

    Parameters
    ----------
    seed
        Of the run.
    cost
        True cost of its solution on the fresh replications that all runs share.
    replications
        Simulated by the search, sampled scenarios included.
    seconds
        Of the search.
    progress
        (replications so far, true cost of the incumbent) after every step that improved it.
    """

    seed: int
    cost: Estimate
    replications: int
    seconds: float
    progress: tuple[tuple[int, float], ...]


@dataclass(frozen=True)
class Comparison:
    """Outcome of `compare`.

    Parameters
    ----------
    case
        Name of the case.
    budget
        Replications each method might use.
    runs
        One run a seed for each method.
    versions
        Of the packages.
    """

    case: str
    budget: int
    runs: Mapping[str, tuple[Run, ...]]
    versions: Mapping[str, str]

    @property
    def best(self) -> float:
        """Least true cost of any run."""
        return min(run.cost.mean for runs in self.runs.values() for run in runs)

    def summary(self, method: str) -> Summary:
        """What the table says of a method."""
        runs = self.runs[method]
        costs = np.array([run.cost.mean for run in runs])
        spread = Estimate.of(costs).half_width if len(runs) > 1 else runs[0].cost.half_width
        return Summary(
            mean=float(costs.mean()),
            half_width=spread,
            median=float(np.median(costs)),
            worst=float(costs.max()),
            above_best=-relative_gap(self.best, float(np.median(costs))),
            replications=int(np.median([run.replications for run in runs])),
            wall_seconds=float(np.median([run.seconds for run in runs])),
        )


@dataclass(frozen=True)
class Summary:
    """One method over its seeds.

    Parameters
    ----------
    mean, half_width
        Of the true cost over the seeds; with a single seed of that run over its replications.
    median, worst
        True cost over the seeds.
    above_best
        Median as a share above the best run of any method.
    replications, wall_seconds
        Medians.
    """

    mean: float
    half_width: float
    median: float
    worst: float
    above_best: float
    replications: int
    wall_seconds: float


@dataclass(frozen=True)
class Profile:
    """How close each method comes to the best of all, over cases and seeds (Dolan & Moré 2002).

    Parameters
    ----------
    ratios
        For each method its true cost divided by the least of any method, one for each case and seed, ascending.
    """

    ratios: Mapping[str, tuple[float, ...]]

    @classmethod
    def of(cls, comparisons: Sequence[Comparison]) -> Profile:
        """The profile of comparisons of the same methods."""
        ratios: dict[str, list[float]] = {}
        for comparison in comparisons:
            for same_seed in zip(*comparison.runs.values(), strict=True):
                least = min(run.cost.mean for run in same_seed)
                for method, run in zip(comparison.runs, same_seed, strict=True):
                    ratios.setdefault(method, []).append(run.cost.mean / least if least > 0.0 else 1.0)
        return cls({method: tuple(sorted(found)) for method, found in ratios.items()})

    @property
    def num_problems(self) -> int:
        """Cases times seeds."""
        return len(next(iter(self.ratios.values())))

    def share_within(self, method: str, factor: float) -> float:
        """Share of all cases and seeds in which a method costs at most `factor` times the best."""
        return sum(ratio <= factor for ratio in self.ratios[method]) / self.num_problems

    @property
    def methods(self) -> tuple[str, ...]:
        """Best first: by the mean of the ratios."""
        return tuple(sorted(self.ratios, key=lambda method: sum(self.ratios[method])))
