"""Base stock whose levels follow beliefs about demand.

At the end of period t a site's order covers the demand of its next n periods, n its lead time and the wait between
reviews. Its level is

    plain    E[D_n] + g·sd[D_n]                              g the safety factor of the case's optimal level
    robust   n·d + (b - h)/(b + h)·min(n, 1 + z·sqrt(n))·k·sd[D_1]     (Bertsimas & Thiele 2006), z = Φ⁻¹(1 - ε)

with the moments that the beliefs about all customers below it predict; parameters that are uncertain are shared by all
periods. Scaled demand scales optimal levels of a base-stock network without fixed costs, so that g does not depend on
what is learnt. A level moves only when it would by more than a share of sd[D_n] (hysteresis), so that orders do not
follow every observation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.special import ndtri

from design.errors import BadInputError
from simopt.planning.policy import Planner, Situation
from simopt.planning.world import Floats, World
from simopt.policies.beliefs import Estimator, EstimatorMaker, below

NOTHING_YET = -1  # the period before the first


@dataclass(frozen=True)
class Robustness:
    """Budget of uncertainty.

    Parameters
    ----------
    violation
        ε: probability that demand leaves the set, at most.
    half_width
        k: a period's demand is within so many standard deviations of its mean.
    """

    violation: float = 0.05
    half_width: float = 2.0

    def budget(self, periods: Floats) -> Floats:
        """Γ of so many periods: how many standard deviations' worth of periods may be as bad as they get."""
        return np.asarray(np.minimum(periods, 1.0 + ndtri(1.0 - self.violation) * np.sqrt(periods)))


@dataclass(eq=False)
class AdaptiveRule:
    """Of one site.

    Parameters
    ----------
    planner
        Whose.
    estimator
        Of the site's own customers; None where it has none.
    customers
        Estimators of all customers it supplies, with the units of its own in one of theirs.
    factor
        g, shape (product,).
    robustness, ratio
        Of the robust level, and (b - h)/(b + h), shape (product,); None: the plain level.
    band
        Of the hysteresis, a share of sd[D_n].
    """

    planner: Planner
    estimator: Estimator | None
    customers: Sequence[tuple[Estimator, Floats]]
    factor: Floats
    robustness: Robustness | None
    ratio: Floats
    band: float
    needs_signal: bool = False
    needs_echelon: bool = False
    level: Floats = field(init=False)

    def __post_init__(self) -> None:
        self.level = self._target(NOTHING_YET)[0]

    def order(self, now: Situation) -> Floats:
        """What is missing to the level, after learning from the period's demand."""
        if self.estimator is not None:
            self.estimator.see(now.period, now.inflow)
        target, spread = self._target(now.period)
        self.level = np.where(np.abs(target - self.level) > self.band * spread, target, self.level)
        return self.level - now.position

    def _target(self, period: int) -> tuple[Floats, Floats]:
        """The level, and sd[D_n]."""
        n = self.planner.coverage
        mean, variance = self._moments(period, n)
        spread = np.sqrt(variance)
        if self.robustness is None:
            return mean + self.factor * spread, spread
        one = np.sqrt(self._moments(period, np.ones_like(n))[1])
        robust = self.robustness
        return mean + self.ratio * robust.budget(n.astype(np.float64)) * robust.half_width * one, spread

    def _moments(self, period: int, n: np.ndarray) -> tuple[Floats, Floats]:
        parts = [(units, estimator.moments(period, n)) for estimator, units in self.customers]
        mean = sum((units * own for units, (own, _) in parts), np.zeros_like(self.planner.mean))
        variance = sum((units**2 * own for units, (_, own) in parts), np.zeros_like(self.planner.mean))
        return mean, variance

    def aim(self, now: Situation) -> Floats:  # noqa: ARG002
        """The level."""
        return self.level

    def start(self) -> Floats:
        """The first level, at least 0."""
        return np.maximum(self.level, 0.0)


@dataclass(frozen=True, eq=False)
class Adaptive:
    """A policy.

    Parameters
    ----------
    name
        As users write it.
    maker
        Of estimators.
    levels
        Optimal base-stock level of every node of the case at the demand it states, units.
    robustness
        None: plain levels.
    band
        Of the hysteresis.
    """

    name: str
    maker: EstimatorMaker
    levels: Mapping[str, float]
    robustness: Robustness | None = None
    band: float = 0.1

    def rules(self, planners: Sequence[Planner]) -> list[AdaptiveRule]:
        """See `Policy.rules`."""
        world = planners[0].world
        estimators = {s: self.maker.make(one) for s, one in enumerate(planners) if one.site.has_customers}
        rates = {s: planners[s].site.rates[4] for s in estimators}
        found = []
        for s, (planner, customers) in enumerate(zip(planners, below(world), strict=True)):
            holding = planner.site.rates[0]
            penalty = np.max([np.where(units > 0.0, rates[c], 0.0) for c, units in customers.items()], axis=0)
            total = penalty + holding
            ratio = np.where(total > 0.0, (penalty - holding) / np.where(total > 0.0, total, 1.0), 0.0)
            found.append(
                AdaptiveRule(
                    planner,
                    estimators.get(s),
                    [(estimators[c], units) for c, units in customers.items()],
                    self._factor(world, s, planner),
                    self.robustness,
                    ratio,
                    self.band,
                )
            )
        return found

    def _factor(self, world: World, s: int, planner: Planner) -> Floats:
        site, n, found = planner.site, planner.coverage, np.zeros(world.num_products)
        for k in range(world.num_products):
            if (s, k) in world.node_names and site.sd[k] > 0.0 and n[k] > 0:
                level = self.levels[world.node_names[s, k]]
                found[k] = (level - n[k] * site.mean[k]) / (site.sd[k] * np.sqrt(n[k]))
        return found


def check_adaptive(world: World) -> None:
    """Refuse worlds in which beliefs about customers cannot be told from what else a site is asked for.

    Raises
    ------
    BadInputError
        If a site with customers also supplies other sites.
    """
    for site in world.sites:
        if site.has_customers and site.outbound:
            raise BadInputError(f"site {site.name}: adaptive policies expect customers where nobody else is supplied")
