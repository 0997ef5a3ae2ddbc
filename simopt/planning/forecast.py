"""How a site's planner sees demand: smoothing, occurrence and size apart where it is sparse, and what is published.

level       L_t = α·d_t + (1 - α)·L_(t-1)                            exponential smoothing
sparse      d_t > 0: size and interval smoothed; L = (1 - α/2)·size/interval    (Croston 1972; Syntetos & Boylan 2005)
published   F(k) += clip(L - F(k), ±θ(k)·F(k)), k periods ahead                 reconstructed
signal      S_t = (1 - w)·mean of F over the coverage + w·mean(d of three periods) + ρ·sqrt(backlog)
"""

from __future__ import annotations

from collections import deque

import numpy as np

from design.planning.settings import PlanningSettings
from simopt.learning.intermittent import IntermittentForecast
from simopt.planning.world import INTERMITTENT, Floats, Integers, World

RECENT = 3


class Forecast:
    """Of all products of a site in all replications.

    Parameters
    ----------
    world
        Its settings and patterns.
    mean
        What the planner expects before anything is seen, units a period, shape (replication, product).
    coverage
        Periods that an order covers, shape (product,).
    """

    def __init__(self, world: World, mean: Floats, coverage: Integers) -> None:
        self._settings: PlanningSettings = world.settings
        self._sparse = np.array([pattern == INTERMITTENT for pattern in world.pattern])
        self.level = mean.copy()
        self._intermittent = IntermittentForecast.start(mean, self._settings.smoothing)
        ahead = max([int(coverage.max()), 1, *(int(k) + 1 for k, _ in world.settings.publication)])
        self.published = np.repeat(mean[None], ahead + 1, axis=0)
        self._freedom = [_freedom(world.settings, k) for k in range(ahead + 1)]
        steps = np.arange(1, ahead + 1)[:, None, None]
        window = np.clip(coverage, 1, ahead)
        self._weights = (steps <= window) / window
        self._recent = deque([mean.copy() for _ in range(RECENT)], maxlen=RECENT)

    def see(self, demand: Floats) -> None:
        """Take the demand of a period."""
        alpha = self._settings.smoothing
        smoothed = alpha * demand + (1.0 - alpha) * self.level
        self.level = np.where(self._sparse, self._sparse_level(demand), smoothed) if self._sparse.any() else smoothed
        self._recent.append(demand)
        self._publish()

    def signal(self, backlog: Floats) -> Floats:
        """S_t, units a period, shape (replication, product)."""
        settings = self._settings
        base = self.level if not settings.publication else (self._weights * self.published[1:]).sum(axis=0)
        found = (1.0 - settings.recent_weight) * base
        if settings.recent_weight > 0.0:
            found = found + settings.recent_weight * np.mean(self._recent, axis=0)
        return found + settings.backlog_pressure * np.sqrt(np.maximum(backlog, 0.0))

    def _sparse_level(self, demand: Floats) -> Floats:
        self._intermittent = self._intermittent.updated(demand)
        return self._intermittent.level

    def _publish(self) -> None:
        if not self._settings.publication:
            return
        self.published[:-1] = self.published[1:]
        for k, freedom in enumerate(self._freedom):
            own = self.published[k]
            change = self.level - own
            if freedom is not None:
                change = np.clip(change, -freedom * own, freedom * own)
            self.published[k] = own + change


def _freedom(settings: PlanningSettings, ahead: int) -> float | None:
    """θ so many periods ahead; None: any change."""
    return next((share for k, share in settings.publication if ahead <= k), None)
