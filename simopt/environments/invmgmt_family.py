"""The demands that agents of gym-invmgmt are trained on (its `DomainRandomizationWrapper`), and belief over them.

Every episode includes trend, seasonality and a shock with probability 1/2 each, follows goodwill with probability 1/2,
scales its noise by 0.5 to 2, and with probability 0.15 replaces the constant base of 20 by a weekly pattern with
spikes. What kind of episode it is shows in demand: an observer keeps the probability of each (Bayes' rule, normal
likelihoods), and orders are its mean over levels of each kind.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from design.step_network import StepNetwork
from simopt.environments.observers import Watch
from simopt.environments.step_demand import Goodwill, PoissonPaths
from simopt.environments.step_levels import planned_levels, planned_shares
from simopt.environments.step_simulation import StepLevels

Floats = NDArray[np.float64]

NOISES = (0.5, 1.0, 1.5, 2.0)  # that the observer tells apart; drawn uniformly between the first and the last
PATTERNED = 0.15  # probability of the weekly pattern
WEEK, SWING, GROWTH = 7.0, 0.3, 0.02
SPIKED, SPIKE = 0.05, 3.0


@dataclass(frozen=True)
class TrainingFamily:
    """The family of an environment's demand engine.

    Parameters
    ----------
    env
        Whose engine gives base, slopes, shock and goodwill; what its own episode includes is not looked at.
    """

    env: Any

    @cached_property
    def goodwill(self) -> Goodwill:
        """The rule, where demand follows it."""
        engine = self.env.demand_engine
        return Goodwill(engine.gw_growth, engine.gw_decay, engine.gw_floor, engine.gw_cap)

    @cached_property
    def factors(self) -> Floats:
        """Of every combination of effects, shape (8, step)."""
        engine, time = self.env.demand_engine, np.arange(self.env.num_periods)
        effects = (
            1.0 + engine.trend_slope * time,
            1.0 + engine.seasonal_amp * np.sin(engine.seasonal_freq * time),
            np.where(time >= engine.shock_time, engine.shock_mag, 1.0),
        )
        return np.array(
            [np.prod([e if on else np.ones_like(e) for e, on in zip(effects, mask, strict=True)], axis=0)
             for mask in product((False, True), repeat=3)]
        )  # fmt: skip

    def pattern(self, growth: Floats | float) -> Floats:
        """Mean of the weekly pattern, shape (..., step)."""
        time = np.arange(self.env.num_periods)
        swing = 1.0 + SWING * np.sin(2.0 * np.pi * time / WEEK)
        return np.asarray((self.env.demand_engine.base_mu + GROWTH * time * np.asarray(growth)) * swing)

    def paths(self, rng: np.random.Generator, count: int) -> PoissonPaths:
        """Fresh paths, each of a kind drawn."""
        steps = self.env.num_periods
        follows, patterned = rng.random(count) < 0.5, rng.random((count, 1)) < PATTERNED
        series = rng.poisson(self.pattern(rng.uniform(0.0, 2.0, (count, 1)))).astype(np.float64)
        series = np.where(rng.random((count, steps)) < SPIKED, np.floor(SPIKE * series), series)
        base = np.where(patterned, series, self.env.demand_engine.base_mu)
        means = np.maximum(base * self.factors[rng.integers(len(self.factors), size=count)], 0.1)
        rule = self.goodwill
        own = Goodwill(
            np.where(follows, rule.growth, 1.0), np.where(follows, rule.decay, 1.0), rule.least, rule.most
        )  # fmt: skip
        noise = rng.uniform(NOISES[0], NOISES[-1], count)
        return PoissonPaths(means, rng.random((count, steps)), noise, own)

    def start(self, network: StepNetwork) -> StepLevels:
        """Levels that follow the best plan of each kind of episode, weighted by belief."""
        engine, rule = self.env.demand_engine, self.goodwill
        kinds = [engine.base_mu * f * g for g in (1.0, rule.references(network.steps)) for f in self.factors]
        shares = planned_shares(network, np.mean(kinds, axis=0))
        levels = np.stack([planned_levels(network, demand, shares) for demand in kinds], axis=2)
        half = levels.shape[2] // 2
        return StepLevels(np.concatenate([levels, np.zeros_like(levels[:, :, half:])], axis=2), shares, Belief(self))


@dataclass(frozen=True)
class Belief:
    """The probability of each kind of episode, and for those that follow goodwill, times how far it is from unhurt.

    Parameters
    ----------
    family
        Of episodes.
    """

    family: TrainingFamily

    def start(self, count: int) -> Watch:
        """Before the first step."""
        return _BeliefWatch(self.family, count)


class _BeliefWatch:
    """Log-likelihoods of shape (path, pattern, goodwill, effects, noise)."""

    def __init__(self, family: TrainingFamily, count: int) -> None:
        self.family, self.step = family, 0
        self.now, self.unhurt = np.ones(count), np.ones(count)
        prior = np.log([1.0 - PATTERNED, PATTERNED])[:, None, None, None]
        self.logs = np.broadcast_to(prior, (count, 2, 2, len(family.factors), len(NOISES))).copy()
        self.bases = np.stack([np.full(family.env.num_periods, family.env.demand_engine.base_mu), family.pattern(1.0)])

    def features(self) -> Floats:
        weights = np.exp(self.logs - self.logs.max(axis=(1, 2, 3, 4), keepdims=True))
        weights = weights.sum(axis=(1, 4))
        weights /= weights.sum(axis=(1, 2), keepdims=True)
        fixed, follows = weights[:, 0], weights[:, 1]
        return np.concatenate([fixed, follows, follows * (self.now - self.unhurt)[:, None]], axis=1)

    def see(self, demand: Floats, owed: Floats) -> None:
        family = self.family
        sentiment = np.stack([np.ones_like(self.now), self.now], axis=1)[:, None, :, None, None]
        factor = family.factors[:, self.step][:, None] * sentiment
        mean = self.bases[:, self.step][:, None, None, None] * factor
        own = np.array([0.0, 1.0])[:, None, None, None] * factor  # the pattern's own spread
        distance = demand[:, None, None, None, None]
        plain = _log_normal(distance - mean, mean * (np.square(NOISES) + own))
        spiked = _log_normal(distance - SPIKE * mean, SPIKE * mean * (np.square(NOISES) + SPIKE * own))
        self.logs[:, 0] += plain[:, 0]
        self.logs[:, 1] += np.logaddexp(plain + np.log(1.0 - SPIKED), spiked + np.log(SPIKED))[:, 1]
        self.now = family.goodwill.after(self.now, owed)
        self.unhurt = family.goodwill.after(self.unhurt, np.zeros_like(owed))
        self.step += 1


def _log_normal(distance: Floats, variance: Floats) -> Floats:
    return np.asarray(-0.5 * (np.square(distance) / variance + np.log(variance)))
