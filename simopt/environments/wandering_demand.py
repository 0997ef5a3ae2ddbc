"""Demand for agents that know nothing of it but a first guess: a mean that wanders."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from design.step_network import StepNetwork
from simopt.environments.observers import SmoothedDemand
from simopt.environments.step_demand import PoissonPaths
from simopt.environments.step_levels import planned_levels, planned_shares
from simopt.environments.step_simulation import StepLevels

TRIAL = 0.25  # relative change of demand whose best plan shows how levels answer a forecast


@dataclass(frozen=True)
class WanderingDemand:
    """Poisson demand, the logarithm of whose mean is a random walk from a guess.

    Parameters
    ----------
    guess
        Mean demand at the first step, units.
    steps
        Of an episode.
    most_spread
        The standard deviation of the walk's steps is uniform from 0 to this.
    bounds
        Of the mean, as multiples of the guess.
    """

    guess: float
    steps: int
    most_spread: float = 0.15
    bounds: tuple[float, float] = (0.2, 5.0)

    def paths(self, rng: np.random.Generator, count: int) -> PoissonPaths:
        """Fresh paths."""
        spread = rng.uniform(0.0, self.most_spread, (count, 1))
        walk = np.cumsum(spread * rng.standard_normal((count, self.steps)), axis=1)
        factor = np.clip(np.exp(walk - walk[:, :1]), *self.bounds)
        return PoissonPaths(self.guess * factor, rng.random((count, self.steps)))

    def start(self, network: StepNetwork) -> StepLevels:
        """Levels that follow the best plan for the guess, and move with smoothed demand as the plan moves with it."""
        plain = np.full(network.steps, self.guess)
        shares = planned_shares(network, plain)
        levels = planned_levels(network, plain, shares)
        moved = (planned_levels(network, (1.0 + TRIAL) * plain, shares) - levels) / TRIAL
        observer = SmoothedDemand(self.guess)
        weight = 1.0 / len(observer.rates)
        coefficients = np.stack([levels, *(weight * moved for _ in observer.rates)], axis=2)
        return StepLevels(coefficients, shares, observer)
