"""Sample paths: everything that chance decides in a replication."""

from __future__ import annotations

import numpy as np

from design.case import Case
from design.demand import Floats
from design.streams import DemandStreams, Purpose
from design.supply import Calendars


class SamplePaths:
    """Demand of every customer and, after it, the calendars of lanes whose lead time varies or that have outages.

    Parameters
    ----------
    case
        Demand and supply.
    seed
        The run's seed.
    purpose
        What the paths are for.
    """

    def __init__(self, case: Case, seed: int, purpose: Purpose) -> None:
        self._demand = DemandStreams(case.demand, seed, purpose, case.correlation)
        self._calendars = Calendars(case.network, case.supply, case.warm_up, seed, purpose)
        self.num_columns = len(case.demand) + len(case.supply.calendars)

    def block(self, block: int, num_periods: int) -> Floats:
        """Paths of one block of replications, shape (BLOCK, period, column)."""
        demand = self._demand.block(block, num_periods)
        if self.num_columns == demand.shape[2]:
            return demand
        return np.concatenate([demand, self._calendars.block(block, num_periods)], axis=2)
