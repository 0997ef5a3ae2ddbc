"""Trend and seasonality of many series at once: linear regression with a normal-inverse-gamma belief.

    x_t = φ_t·w + ε_t,  w | σ² ~ N(m, σ² V),  σ² ~ InvGamma(α, β)

All series share the features φ and, as the belief's V does not depend on demand, one V: a period costs one small matrix
update and a vector for each series. Forgetting (a discount δ below 1) lets level, trend and season drift (West &
Harrison 1997, chapter 6). With the feature 1 alone and no discount it is `NormalBelief`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import special

from simopt.learning.conjugate import NormalBelief

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Features:
    """What demand is regressed on.

    Parameters
    ----------
    period
        Length of the season, periods; 0: none.
    trend
        Whether demand may grow or fall evenly.
    """

    period: int = 0
    trend: bool = False

    @property
    def count(self) -> int:
        """How many."""
        return 1 + self.trend + max(self.period - 1, 0)

    def at(self, time: int) -> Floats:
        """Of a period, shape (count,): 1, time in hundreds of periods, and the season's effects, which sum to 0."""
        found = [1.0]
        if self.trend:
            found.append(time / 100.0)
        if self.period > 1:
            k = time % self.period
            last = self.period - 1
            found.extend((1.0 if j == k else -1.0 if k == last else 0.0) for j in range(last))
        return np.array(found)


@dataclass(frozen=True, eq=False)
class RegressionBelief:
    """Of many series.

    Parameters
    ----------
    features
        What is regressed on.
    weights
        m, shape (series, feature), units.
    spread
        V, shape (feature, feature).
    shape, scale
        α, a number, and β, shape (series,).
    time
        Of the coming period.
    discount
        δ of forgetting a period, above 0, at most 1.
    """

    features: Features
    weights: Floats
    spread: Floats
    shape: float
    scale: Floats
    time: int = 0
    discount: float = 1.0

    @classmethod
    def around(cls, prior: NormalBelief, features: Features, discount: float = 1.0) -> RegressionBelief:
        """A belief about the level; trend and seasonal effects of about a standard deviation are expected.

        Raises
        ------
        ValueError
            If the prior's weights or shapes differ between series, as all share them here.
        """
        if np.ptp(prior.weight) or np.ptp(prior.shape):
            raise ValueError("prior of a regression: expected the same weight and shape for all series")
        weights = np.zeros((prior.mean.size, features.count))
        weights[:, 0] = prior.mean.ravel()
        spread = np.eye(features.count)
        spread[0, 0] = 1.0 / float(prior.weight.flat[0])
        return cls(features, weights, spread, float(prior.shape.flat[0]), prior.scale.ravel().copy(), 0, discount)

    def updated(self, seen: Floats) -> RegressionBelief:
        """After the demand of a period, shape (series,)."""
        phi, spread = self.features.at(self.time), self.spread / self.discount
        gain = spread @ phi
        noise = 1.0 + float(phi @ gain)
        off = seen - self.weights @ phi
        shape = 1.0 + (self.shape - 1.0) * self.discount
        scale = self.scale * shape / self.shape
        return replace(
            self,
            weights=self.weights + off[:, None] * (gain / noise),
            spread=spread - np.outer(gain, gain) / noise,
            shape=shape + 0.5,
            scale=scale + 0.5 * off**2 / noise,
            time=self.time + 1,
        )

    def _ahead(self, periods: int) -> tuple[Floats, Floats]:
        phi = np.sum([self.features.at(self.time + k) for k in range(periods)], axis=0)
        inside = periods + float(phi @ self.spread @ phi)
        return self.weights @ phi, np.sqrt(self.scale / self.shape * inside)

    def mean(self, periods: int = 1) -> Floats:
        """Predictive, of demand over the coming periods, shape (series,)."""
        return self._ahead(periods)[0]

    def quantile(self, probability: float, periods: int = 1) -> Floats:
        """Predictive, of demand over the coming periods, shape (series,)."""
        location, spread = self._ahead(periods)
        return np.asarray(location + spread * special.stdtrit(2.0 * self.shape, probability))

    def cdf(self, demand: Floats, periods: int = 1) -> Floats:
        """Predictive, of demand over the coming periods, shape (series,)."""
        location, spread = self._ahead(periods)
        return np.asarray(special.stdtr(2.0 * self.shape, (demand - location) / spread))
