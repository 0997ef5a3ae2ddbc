"""What a site owes, by age: served in turn, cancelled or lost where waiting has taken too long."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from simopt.planning.shares import in_proportion

Floats = NDArray[np.float64]

MOST_LIKELY = 0.95


@dataclass(eq=False)
class Bucket:
    """Orders of one period.

    Parameters
    ----------
    period
        When they were placed.
    units
        Still owed, shape (customer, replication, product).
    """

    period: int
    units: Floats


@dataclass(eq=False)
class Backlog:
    """Orders on a site that are not met yet, oldest first.

    Parameters
    ----------
    whole
        Whether everything is in whole units.
    buckets
        Of periods in which anything is still owed.
    """

    whole: bool
    buckets: list[Bucket] = field(default_factory=list)

    def add(self, period: int, orders: Floats) -> None:
        """Take orders, shape (customer, replication, product)."""
        if orders.any():
            self.buckets.append(Bucket(period, orders.copy()))

    def total(self, shape: tuple[int, int, int]) -> Floats:
        """Units owed, shape (customer, replication, product)."""
        return np.sum([bucket.units for bucket in self.buckets], axis=0) if self.buckets else np.zeros(shape)

    def serve(self, available: Floats, shape: tuple[int, int, int]) -> Floats:
        """Orders in turn, those of one period in proportion to their sizes; what each customer is sent."""
        sent, left = np.zeros(shape), available.copy()
        for bucket in self.buckets:
            given = in_proportion(bucket.units, left, whole=self.whole)
            left = np.maximum(left - given.sum(axis=0), 0.0)
            sent += given
            bucket.units = _less(bucket.units, given)
        return sent

    def serve_in_order(self, available: Floats, shape: tuple[int, int, int]) -> Floats:
        """The first customer before the second, its new orders before old ones of the others."""
        sent, left = np.zeros(shape), available.copy()
        for customer in range(shape[0]):
            for bucket in self.buckets:
                given = np.minimum(bucket.units[customer], left)
                left -= given
                sent[customer] += given
                bucket.units[customer] -= given
        return sent

    def serve_fairly(self, available: Floats, shape: tuple[int, int, int]) -> Floats:
        """The same share of all that is owed for every customer, each one's oldest orders first."""
        sent = in_proportion(self.total(shape), available, whole=self.whole)
        left = sent.copy()
        for bucket in self.buckets:
            given = np.minimum(bucket.units, left)
            left = _less(left, given)
            bucket.units = _less(bucket.units, given)
        return sent

    def serviceable(self, period: int, available: Floats) -> tuple[Floats, Floats, Floats]:
        """What could be sent now, oldest first: units, their mean age, and those that were due in an earlier period.

        Returns
        -------
        tuple
            Three arrays of shape (replication, product).
        """
        units, aged, due = np.zeros_like(available), np.zeros_like(available), np.zeros_like(available)
        for bucket in self.buckets:
            given = np.minimum(bucket.units.sum(axis=0), available - units)
            units += given
            aged += (period - bucket.period) * given
            due += given if bucket.period < period else 0.0
        return units, aged / np.where(units > 0.0, units, 1.0), due

    def lose(self, period: int, customer: int, window: Floats) -> Floats:
        """Drop a customer's orders that have waited longer than a window, shape (product,), and return the units."""
        lost = np.zeros(self._shape())
        for bucket in self.buckets:
            gone = period - bucket.period + 1 > window
            if gone.any():
                lost[:, gone] += bucket.units[customer][:, gone]
                bucket.units[customer][:, gone] = 0.0
        return lost

    def cancel(
        self, period: int, cancellable: Floats, hazard: Callable[[int], Floats], patience: Callable[[int], Floats]
    ) -> Floats:
        """Cancel units with a probability that grows with age.

        Parameters
        ----------
        period
            That ends now.
        cancellable
            1 for customers whose orders may be cancelled, 0 for others, shape (customer, 1, 1).
        hazard
            h of each product at an age, shape (product,).
        patience
            Uniforms for so many ages, shape (age, customer, replication, product), asked for once.

        Returns
        -------
        numpy.ndarray
            Units, shape (customer, replication, product). Where units are not whole, their expectation.
        """
        ages = [period - bucket.period + 1 for bucket in self.buckets]
        old = [(bucket, age) for bucket, age in zip(self.buckets, ages, strict=True) if hazard(age).any()]
        if not old:
            return np.zeros((len(cancellable), *self._shape()))
        uniforms = patience(max(age for _, age in old) + 1) if self.whole else None
        total = np.zeros_like(old[0][0].units)
        for bucket, age in old:
            chance = np.minimum(MOST_LIKELY, -np.expm1(-hazard(age)))
            units = bucket.units * cancellable
            if uniforms is None:
                gone = units * chance
            else:
                gone = binomial(units, np.broadcast_to(chance, units.shape), uniforms[age])
            total += gone
            bucket.units = _less(bucket.units, gone)
        return total

    def drop_empty(self) -> None:
        """Forget periods of which nothing is owed."""
        self.buckets = [bucket for bucket in self.buckets if bucket.units.any()]

    def _shape(self) -> tuple[int, ...]:
        return self.buckets[0].units.shape[1:] if self.buckets else (1, 1)


def _less(units: Floats, given: Floats) -> Floats:
    """The difference, exactly 0 where all is given."""
    return np.where(given == units, 0.0, units - given)


def binomial(units: Floats, chance: Floats, uniforms: Floats) -> Floats:
    """Binomial numbers of whole units by inversion, so that equal uniforms mean equal fate; same shapes."""
    units, found = np.floor(units), np.zeros_like(units)
    some = (units > 0.0) & (chance > 0.0)
    if some.any():
        found[some] = stats.binom.ppf(uniforms[some], units[some], chance[some])
    return found
