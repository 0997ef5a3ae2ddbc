"""The single-stage cost of a node against normal demand over its lead time, in closed form.

With net stock u = sd·(z - Y), Y standard normal, a node pays c(u) (`design.cost`). Everything here is a function of the
standard deviation alone, as the mean only shifts the best level:

    F(sd) = min over z of E c(sd·(z - Y)),    v(Y) = c'(sd·(z - Y)) with E v(Y) = 0 at the best z

Normalized Hermite polynomials h_k are orthonormal for Y; ∫_z^∞ h_k(y)·φ(y) dy = h_{k-1}(z)·φ(z)/√k.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import ndtr

from design.demand import Floats
from design.single_stage import CostRates

MOST_DEVIATIONS = 8.0  # positions z beyond are no normal approximation of anything
_HALVINGS = 60


def normal_density(at: Floats) -> Floats:
    """Of the standard normal."""
    return np.asarray(np.exp(-0.5 * at * at) / np.sqrt(2.0 * np.pi))


def hermite(at: Floats, count: int) -> Floats:
    """Normalized Hermite polynomials h_0 .. h_{count-1}, shape (..., count)."""
    found = np.empty((*at.shape, count))
    found[..., 0] = 1.0
    if count > 1:
        found[..., 1] = at
    for k in range(1, count - 1):
        found[..., k + 1] = (at * found[..., k] - np.sqrt(k) * found[..., k - 1]) / np.sqrt(k + 1)
    return found


@dataclass(frozen=True, eq=False)
class NormalStage:
    """A node's cost at standard deviations of its lead-time demand.

    Parameters
    ----------
    rates
        Cost rates in the order of `design.cost`.
    deviations
        Standard deviations, shape (point,), units, above 0.
    """

    rates: CostRates
    deviations: Floats

    @cached_property
    def position(self) -> Floats:
        """Best z, shape (point,); at the ends of its range where no level within is best."""
        low = np.full(len(self.deviations), -MOST_DEVIATIONS)
        high = -low
        for _ in range(_HALVINGS):
            middle = 0.5 * (low + high)
            above = self._mean_slope(middle) >= 0.0
            low, high = np.where(above, low, middle), np.where(above, middle, high)
        return 0.5 * (low + high)

    @property
    def is_usual(self) -> bool:
        """Whether a level within the range is best at every deviation."""
        return bool(np.all(np.abs(self.position) < MOST_DEVIATIONS - 1e-6))

    @cached_property
    def _overflow(self) -> Floats:
        """Z at which the net stock reaches the storage capacity, shape (point,)."""
        return np.asarray(self.position - self.rates[2] / self.deviations)

    def _mean_slope(self, z: Floats) -> Floats:
        h, g, capacity, w, b = self.rates
        below, density = ndtr(z), normal_density(z)
        slope = h * below + 2.0 * g * self.deviations * (z * below + density) - b * (1.0 - below)
        return np.asarray(slope + w * ndtr(z - capacity / self.deviations))

    @cached_property
    def cost(self) -> Floats:
        """F, money per period, shape (point,)."""
        h, g, _, w, b = self.rates
        z, sd, end = self.position, self.deviations, self._overflow
        below, density = ndtr(z), normal_density(z)
        held, squared = z * below + density, (z * z + 1.0) * below + z * density
        overflow = end * ndtr(end) + normal_density(end) if w > 0.0 else 0.0
        return np.asarray(
            h * sd * held + g * sd * sd * squared + w * sd * overflow + b * sd * (density - z * (1.0 - below))
        )

    @cached_property
    def slope_variance(self) -> Floats:
        """E v², shape (point,)."""
        h, g, _, w, b = self.rates
        z, slope = self.position, 2.0 * g * self.deviations
        below, density = ndtr(z), normal_density(z)
        held, squared = z * below + density, (z * z + 1.0) * below + z * density
        found = b * b * (1.0 - below) + h * h * below + 2.0 * h * slope * held + slope * slope * squared
        if w > 0.0:
            over = ndtr(self._overflow)
            beyond = z * over + normal_density(self._overflow)
            found = found + (2.0 * w * h + w * w) * over + 2.0 * w * slope * beyond
        return np.asarray(found)

    def slope_coefficients(self, count: int) -> Floats:
        """E[-v(Y)·h_k(Y)] for k = 1 .. count, shape (point, count)."""
        h, g, _, w, b = self.rates
        z = self.position
        roots = np.sqrt(np.arange(1, count + 1))
        values = hermite(z, count) * normal_density(z)[:, None]
        below = np.concatenate([ndtr(z)[:, None], -values[:, :-1] / roots[:-1]], axis=1)  # ∫ h_{k-1}·φ up to z
        found = (h + b) * values + 2.0 * g * self.deviations[:, None] * below
        if w > 0.0:
            end = self._overflow
            inside = np.where(np.isfinite(end), end, 0.0)
            found = found + w * hermite(inside, count) * normal_density(end)[:, None]
        return np.asarray(found / roots)
