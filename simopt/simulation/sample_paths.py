"""Sample paths: everything that chance decides in a replication."""

from __future__ import annotations

import numpy as np

from design.case import Case
from design.demand import Floats
from design.streams import BLOCK, DemandStreams, Purpose, generator, name_keys
from design.supply import Calendars

SEEDS = name_keys("\0 seeds of replications")  # no node has such a name
LARGEST_SEED = 2**53  # whole numbers below are exact as floats


class SamplePaths:
    """Demand of every customer and, after it, the calendars of lanes whose lead time varies or that have outages.

    Where a simulator draws random numbers of its own, a last column holds the replication's seed in its first period.

    Parameters
    ----------
    case
        Demand and supply.
    seed
        The run's seed.
    purpose
        What the paths are for.
    with_seeds
        Whether there is a column of seeds.
    """

    def __init__(self, case: Case, seed: int, purpose: Purpose, *, with_seeds: bool = False) -> None:
        self._seed, self._purpose, self._with_seeds = seed, purpose, with_seeds
        self._demand = DemandStreams(case.demand, seed, purpose, case.correlation)
        self._calendars = Calendars(case.network, case.supply, case.warm_up, seed, purpose)
        self.num_columns = len(case.demand) + len(case.supply.calendars) + int(with_seeds)

    def block(self, block: int, num_periods: int) -> Floats:
        """Paths of one block of replications, shape (BLOCK, period, column)."""
        demand = self._demand.block(block, num_periods)
        if self.num_columns == demand.shape[2]:
            return demand
        columns = [demand, self._calendars.block(block, num_periods)]
        if self._with_seeds:
            seeds = np.zeros((BLOCK, num_periods, 1))
            numbers = generator(self._seed, self._purpose, *SEEDS, block)
            seeds[:, 0, 0] = numbers.integers(LARGEST_SEED, size=BLOCK)
            columns.append(seeds)
        return np.concatenate(columns, axis=2)
