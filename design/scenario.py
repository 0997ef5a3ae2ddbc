"""Weighted samples of lead-time demand for the master problem."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import special
from scipy.stats import qmc

from design.correlation import Correlation
from design.demand import AutocorrelatedDemand, Demand, Floats, as_floats
from design.demand_process import LEAST_UNIFORM, MOST_UNIFORM, cycle_length, phases_of, sample_paths
from design.lead_time_demand import phase_demand, time_directions
from design.streams import Purpose, generator

MOST_DIMENSIONS = 2048


@dataclass(frozen=True, eq=False)
class SobolScenarios:
    """Scrambled Sobol points, one dimension a customer, through the inverse distribution of its lead-time demand.

    With 2,048 points the single-stage cost of a design varies by 0.05% between scrambles, with as many plain samples
    by 0.7 to 1%.

    Parameters
    ----------
    demand
        Distribution of each customer.
    uniforms
        Points in (0, 1), shape (scenario, customer).
    """

    demand: Mapping[str, Demand]
    uniforms: Floats

    def __post_init__(self) -> None:
        object.__setattr__(self, "uniforms", as_floats(self.uniforms))
        object.__setattr__(self, "_samples", {})

    @property
    def num_scenarios(self) -> int:
        """Number of scenarios, all of equal weight."""
        return len(self.uniforms)

    @cached_property
    def _columns(self) -> dict[str, int]:
        return {name: column for column, name in enumerate(self.demand)}

    def cycle_length(self, customers: tuple[str, ...]) -> int:
        """Periods after which the demand profiles of these customers repeat."""
        return cycle_length(self.demand[name] for name in customers)

    def lead_time_demand(self, customers: tuple[str, ...], num_periods: int, phase: int = 0) -> Floats:
        """Demand over `num_periods` periods of which the last is `phase` periods into the cycle.

        Shape (scenario, customer), units.
        """
        columns = [self._one(name, num_periods, phase) for name in customers]
        return np.stack(columns, axis=1)

    def _one(self, name: str, num_periods: int, phase: int) -> Floats:
        samples: dict[tuple[str, int, int], Floats] = self._samples  # type: ignore[attr-defined]
        key = (name, num_periods, phase % cycle_length([self.demand[name]]))
        if key not in samples:
            grid = phase_demand(self.demand[name], num_periods, key[2])
            uniform = self.uniforms[:, self._columns[name]]
            samples[key] = grid.quantile(uniform, self.demand[name].whole_units)
        return samples[key]


class JointScenarios:
    """Scrambled Sobol points of correlated customers: their scores in every period of a lead time, added up.

    Scores vary most along the first points, which stand for the mean over the lead time; with normal demand the others
    do not matter. Customers that no other is correlated with are sampled as in `SobolScenarios`.

    Parameters
    ----------
    demand
        Distribution of each customer; correlated ones must have the same autocorrelation.
    correlation
        Between customers.
    longest
        Longest lead time, periods.
    num_scenarios
        Rounded up to a power of two.
    seed, batch
        The run's seed and which scramble.
    """

    def __init__(
        self,
        demand: Mapping[str, Demand],
        correlation: Correlation,
        longest: int,
        num_scenarios: int,
        seed: int,
        batch: int = 0,
    ) -> None:
        self._demand = demand
        self._correlation = correlation
        self._longest = longest
        self._groups = [
            served for group in correlation.groups if len(served := tuple(n for n in group if n in demand)) > 1
        ]
        joint = {name for group in self._groups for name in group}
        alone = {name: one for name, one in demand.items() if name not in joint}
        points = _points(len(alone) + longest * len(joint), num_scenarios, seed, batch)
        self.num_scenarios = len(points)
        by_period = points[:, len(alone) :].reshape(len(points), longest, len(joint))
        firsts = np.cumsum([0, *(len(group) for group in self._groups)])
        self._alone = SobolScenarios(alone, points[:, : len(alone)])
        self._scores = {
            group: special.ndtri(by_period[:, :, first : first + len(group)])
            for group, first in zip(self._groups, firsts, strict=False)
        }
        self._sums: dict[tuple[tuple[str, ...], int, int], Floats] = {}
        self._joined: dict[tuple[tuple[str, ...], int, int], Floats] = {}

    def cycle_length(self, customers: tuple[str, ...]) -> int:
        """Periods after which the demand profiles of these customers repeat."""
        return cycle_length(self._demand[name] for name in customers)

    def lead_time_demand(self, customers: tuple[str, ...], num_periods: int, phase: int = 0) -> Floats:
        """Demand over `num_periods` periods of which the last is `phase` periods into the cycle.

        Shape (scenario, customer), units.
        """
        key = (customers, num_periods, phase % self.cycle_length(customers))
        if key not in self._joined:
            self._joined[key] = self._columns(*key)
        return self._joined[key]

    def _columns(self, customers: tuple[str, ...], num_periods: int, phase: int) -> Floats:
        found: dict[str, Floats] = {}
        for group in self._groups:
            if not set(group).isdisjoint(customers):
                found |= dict(zip(group, self._sum(group, num_periods, phase).T, strict=True))
        alone = tuple(name for name in customers if name not in found)
        if alone:
            found |= dict(zip(alone, self._alone.lead_time_demand(alone, num_periods, phase).T, strict=True))
        return np.stack([found[name] for name in customers], axis=1)

    def _sum(self, group: tuple[str, ...], num_periods: int, phase: int) -> Floats:
        """Demand of a group over a lead time, shape (scenario, customer)."""
        if num_periods == 0:
            return np.zeros((self.num_scenarios, len(group)))
        if num_periods > self._longest:
            raise ValueError(f"lead time {num_periods} exceeds the longest one, {self._longest} periods")
        key = (group, num_periods, phase % cycle_length(self._demand[name] for name in group))
        if key not in self._sums:
            first = self._demand[group[0]]
            rho = first.autocorrelation if isinstance(first, AutocorrelatedDemand) else 0.0
            scores = self._scores[group][:, :num_periods, :] @ self._correlation.directions(group)
            scores = np.einsum("nkc,kt->tcn", scores, time_directions(num_periods, rho))
            uniforms = np.clip(special.ndtr(scores), LEAST_UNIFORM, MOST_UNIFORM)
            total = np.zeros((len(group), self.num_scenarios))
            for column, name in enumerate(group):
                phases = phases_of(self._demand[name])
                for period in range(num_periods):
                    place = (phase - num_periods + 1 + period) % len(phases)
                    total[column] += phases[place].quantile(uniforms[period, column])
            self._sums[key] = as_floats(total.T)
        return self._sums[key]


@dataclass(frozen=True, eq=False)
class PathScenarios:
    """Sampled demand paths; the demand of a lead time L is the sum over a path's last L periods.

    Parameters
    ----------
    customers
        Names, in the order of the last axis of `paths`.
    paths
        Demand, shape (scenario, period, customer), units.
    """

    customers: tuple[str, ...]
    paths: Floats

    def __post_init__(self) -> None:
        object.__setattr__(self, "paths", as_floats(self.paths))

    @property
    def num_scenarios(self) -> int:
        """Number of scenarios, all of equal weight."""
        return len(self.paths)

    def cycle_length(self, customers: tuple[str, ...]) -> int:  # noqa: ARG002
        """1: the last period of a path stands for all."""
        return 1

    def lead_time_demand(self, customers: tuple[str, ...], num_periods: int, phase: int = 0) -> Floats:  # noqa: ARG002
        """Demand over the last `num_periods` periods, shape (scenario, customer), units."""
        if num_periods > self.paths.shape[1]:
            raise ValueError(f"lead time {num_periods} exceeds the {self.paths.shape[1]} periods of the scenario paths")
        columns = [self.customers.index(name) for name in customers]
        return self.paths[:, self.paths.shape[1] - num_periods :, columns].sum(axis=1)


def sobol_scenarios(demand: Mapping[str, Demand], num_scenarios: int, seed: int, batch: int = 0) -> SobolScenarios:
    """Scrambled Sobol scenarios; different batches are independently scrambled.

    Parameters
    ----------
    demand
        Distribution of each customer.
    num_scenarios
        Rounded up to a power of two, which Sobol sequences need to be balanced.
    seed, batch
        The run's seed and which scramble.
    """
    return SobolScenarios(demand, _points(len(demand), num_scenarios, seed, batch))


def _points(dimensions: int, num_scenarios: int, seed: int, batch: int) -> Floats:
    """Scrambled Sobol points in (0, 1), shape (scenario, dimension); plain uniforms beyond the first 2,048."""
    exponent, sobol_dimensions = max(num_scenarios - 1, 1).bit_length(), min(dimensions, MOST_DIMENSIONS)
    numbers = generator(seed, Purpose.SCENARIOS, batch)
    points = qmc.Sobol(sobol_dimensions, rng=numbers).random_base2(exponent)
    if dimensions > sobol_dimensions:
        points = np.hstack((points, numbers.random((len(points), dimensions - sobol_dimensions))))
    tiny = 2.0**-40
    return np.clip(points, tiny, 1.0 - tiny)


def path_scenarios(
    demand: Mapping[str, Demand],
    num_scenarios: int,
    num_periods: int,
    seed: int,
    batch: int = 0,
    correlation: Correlation | None = None,
) -> PathScenarios:
    """Plain sampled demand paths, the scenarios of the paper.

    Parameters
    ----------
    demand
        Distribution of each customer.
    num_scenarios, num_periods
        Number of paths and their length: the longest lead time.
    seed, batch
        The run's seed and which independent sample.
    correlation
        Between customers.
    """
    numbers = generator(seed, Purpose.SCENARIOS, batch, 1)
    uniforms = dict(zip(demand, numbers.random((len(demand), num_scenarios, num_periods)), strict=True))
    correlation = correlation or Correlation()
    for group in correlation.groups:
        served = tuple(name for name in group if name in demand)
        own = np.stack([uniforms[name] for name in served])
        uniforms |= dict(zip(served, correlation.joint_uniforms(served, own), strict=True))
    paths = [sample_paths(distribution, uniforms[name]) for name, distribution in demand.items()]
    return PathScenarios(tuple(demand), np.stack(paths, axis=2))
