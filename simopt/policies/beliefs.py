"""What adaptive policies believe about customers' demand: of every site that faces customers, in all replications.

An estimator gives mean and variance of the demand of the coming periods; those who plan further up add up the beliefs
about all customers they supply, so that nobody learns from orders that only echo other orders.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from simopt.learning.change_point import ChangePointFilter, ChangeSettings
from simopt.learning.conjugate import NormalBelief, winsorised
from simopt.planning.policy import Planner
from simopt.planning.world import Flags, Floats, Integers, World


class Estimator(Protocol):
    """Of one site's customers, arrays of shape (replication, product)."""

    def see(self, period: int, demand: Floats) -> None:
        """Take the demand of a period."""

    def moments(self, period: int, periods: Integers) -> tuple[Floats, Floats]:
        """Mean and variance of demand in so many periods after this one."""


@dataclass(frozen=True)
class Prior:
    """What a planner begins with.

    Parameters
    ----------
    worth
        Observations that the planner's estimates are worth.
    """

    worth: float = 20.0

    def belief(self, planner: Planner) -> NormalBelief:
        """About demand on the planner's site."""
        return NormalBelief.around(planner.mean, planner.sd, self.worth)


@dataclass(eq=False)
class Fixed:
    """Never learns.

    Parameters
    ----------
    mean, sd
        As they are believed.
    """

    mean: Floats
    sd: Floats

    def see(self, period: int, demand: Floats) -> None:
        """Nothing changes."""

    def moments(self, period: int, periods: Integers) -> tuple[Floats, Floats]:  # noqa: ARG002
        """Plain sums."""
        return self.mean * periods, self.sd**2 * periods


@dataclass(eq=False)
class Learning:
    """Normal-inverse-gamma, one observation at a time.

    Parameters
    ----------
    belief
        To begin with.
    tail
        Observations are winsorised at this predictive probability; 0: not at all.
    """

    belief: NormalBelief
    tail: float = 0.0

    def see(self, period: int, demand: Floats) -> None:  # noqa: ARG002
        """Update exactly; nothing where nothing was observed (nan)."""
        there = ~np.isnan(demand)
        seen = np.where(there, demand, self.belief.mean)
        seen = winsorised(self.belief, seen, self.tail) if self.tail > 0.0 else seen
        self.belief = self.belief.updated(seen, there)

    def moments(self, period: int, periods: Integers) -> tuple[Floats, Floats]:  # noqa: ARG002
        """Of the predictive distribution; mean and variance of a period are shared by all of them."""
        return self.belief.mean * periods, self.belief.variance(periods)


@dataclass(eq=False)
class Changing:
    """Looks for change points, and averages over when the last one may have been.

    Parameters
    ----------
    filter
        Over run lengths; `alarm` says which series it raised one for in the newest period.
    """

    filter: ChangePointFilter
    alarm: Flags = field(init=False)

    def __post_init__(self) -> None:
        self.alarm = np.zeros(self.filter.prior.mean.shape, dtype=bool)

    def see(self, period: int, demand: Floats) -> None:  # noqa: ARG002
        """Update every run length."""
        self.alarm = self.filter.see(demand)

    def moments(self, period: int, periods: Integers) -> tuple[Floats, Floats]:  # noqa: ARG002
        """Of the mixture."""
        return self.filter.moments(periods)


@dataclass(eq=False)
class Knowing:
    """Knows the distribution of demand in every period, planned shocks included, but not what it will be.

    Parameters
    ----------
    mean, sd
        True, of every period, shape (period, product).
    """

    mean: Floats
    sd: Floats

    def see(self, period: int, demand: Floats) -> None:
        """Nothing to learn."""

    def moments(self, period: int, periods: Integers) -> tuple[Floats, Floats]:
        """Sums of the periods to come; beyond the last one as in the last."""
        longest = int(periods.max())
        ahead = np.minimum(np.arange(period + 1, period + 1 + longest), len(self.mean) - 1)
        counts = np.arange(longest)[:, None] < periods
        mean, variance = (np.where(counts, own[ahead], 0.0).sum(axis=0) for own in (self.mean, self.sd**2))
        return mean, variance


KINDS = ("static", "bayesian", "change-point", "known")


@dataclass(frozen=True)
class EstimatorMaker:
    """Makes the estimator of a kind for a site.

    Parameters
    ----------
    kind
        One of `KINDS`.
    prior
        Of those that begin with the planner's estimates.
    changes
        How changes are looked for.
    """

    kind: str
    prior: Prior = field(default_factory=Prior)
    changes: ChangeSettings = field(default_factory=ChangeSettings)

    def make(self, planner: Planner) -> Estimator:
        """For the customers of the planner's site."""
        if self.kind == "static":
            return Fixed(planner.mean, planner.sd)
        if self.kind == "bayesian":
            return Learning(self.prior.belief(planner))
        if self.kind == "change-point":
            return Changing(ChangePointFilter(self.prior.belief(planner), self.changes))
        site, factors = planner.site, planner.world.planned_factors
        return Knowing(site.mean * factors, site.sd * factors)


def below(world: World) -> list[dict[int, Floats]]:
    """Of every site, the sites with customers it supplies, itself included: units of its own in one of theirs."""
    found: list[dict[int, Floats]] = [{} for _ in world.sites]
    for s in reversed(range(len(world.sites))):
        site = world.sites[s]
        if site.has_customers:
            found[s][s] = np.where(site.customer >= 0, 1.0, 0.0)
        for n in site.outbound:
            link = world.links[n]
            for customer, units in found[link.destination].items():
                more = np.where(link.used, link.quantity * units, 0.0)
                found[s][customer] = found[s].get(customer, np.zeros(world.num_products)) + more
    return found
