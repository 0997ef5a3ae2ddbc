"""What a replenishment policy is: a rule for every site, asked once a period for all products and replications."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from simopt.planning.world import Floats, Integers, Site, World


@dataclass(frozen=True, eq=False)
class Planner:
    """What the planner of a site believes. Arrays of shape (replication, product) unless stated.

    Parameters
    ----------
    world, site
        Where.
    mean, sd
        Estimated mean and standard deviation of a period's demand on the site; never the true ones.
    coverage, echelon_coverage
        Periods until an order is there, and until it could be at the last customer's, shape (product,).
    """

    world: World
    site: Site
    mean: Floats
    sd: Floats
    coverage: Integers
    echelon_coverage: Integers


@dataclass(frozen=True, eq=False)
class Situation:
    """What a site's rule is told when it plans. Units, arrays of shape (replication, product).

    Parameters
    ----------
    period
        From 0, the first of the warm-up.
    on_hand, on_order
        In stock; ordered and not yet there, wherever it is.
    backlog
        Owed, this period's orders on the site included.
    inflow
        Asked of the site in this period.
    signal
        Demand signal a period; None unless the rule needs it.
    echelon
        Own inventory position and those of all sites below, in own units; None unless the rule needs it.
    """

    period: int
    on_hand: Floats
    on_order: Floats
    backlog: Floats
    inflow: Floats
    signal: Floats | None = None
    echelon: Floats | None = None

    @property
    def position(self) -> Floats:
        """Inventory position."""
        return self.on_hand + self.on_order - self.backlog


class Rule(Protocol):
    """How one site orders."""

    @property
    def needs_signal(self) -> bool:
        """Whether it reads `Situation.signal`."""

    @property
    def needs_echelon(self) -> bool:
        """Whether it reads `Situation.echelon`."""

    def order(self, now: Situation) -> Floats:
        """Units wanted, before the world's floors, lots and rounding, shape (replication, product)."""

    def aim(self, now: Situation) -> Floats:
        """The position it aims at, in local terms, for what counts as excess, shape (replication, product)."""

    def start(self) -> Floats:
        """Units on hand and in transit in the beginning, shape (replication, product)."""


class Policy(Protocol):
    """A way to replenish every site of a world."""

    @property
    def name(self) -> str:
        """As users write it."""

    def rules(self, planners: Sequence[Planner]) -> Sequence[Rule]:
        """One a site, in the world's order."""
