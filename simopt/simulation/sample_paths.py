"""Sample paths: everything that chance decides in a replication."""

from __future__ import annotations

from functools import lru_cache, partial
from threading import Lock
from uuid import uuid4

import numpy as np

from design.case import Case
from design.demand import Floats
from design.streams import BLOCK, DemandStreams, Purpose, generator, name_keys
from design.supply import Calendars
from simopt.simulation.replicate import run_blocks

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


class FirstPaths:
    """The first sample paths of a stream, drawn when they are asked for.

    A copy in another process carries none; all copies of one process share what they draw.

    Parameters
    ----------
    streams
        What is drawn.
    num_periods
        Of every path.
    """

    def __init__(self, streams: SamplePaths, num_periods: int) -> None:
        self._streams, self._num_periods = streams, num_periods
        self._token = uuid4().hex
        self._drawn = _Drawn()

    def get(self, count: int, num_jobs: int = 1) -> Floats:
        """So many of them, shape (replication, period, column), drawn by so many threads."""
        with self._drawn.lock:
            missing = range(len(self._drawn.paths) // BLOCK, -(-count // BLOCK))
            if missing:
                draw = partial(self._streams.block, num_periods=self._num_periods)
                known = [self._drawn.paths] if len(self._drawn.paths) else []
                self._drawn.paths = np.concatenate([*known, *run_blocks(draw, missing, num_jobs)])
            return self._drawn.paths[:count]

    def __getstate__(self) -> dict[str, object]:
        return {name: value for name, value in self.__dict__.items() if name != "_drawn"}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)
        self._drawn = _drawn_here(self._token)


class _Drawn:
    """Paths drawn so far, shape (replication, period, column)."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.paths = np.empty((0, 0, 0))


@lru_cache(maxsize=4)
def _drawn_here(token: str) -> _Drawn:  # noqa: ARG001 - what it is kept by
    return _Drawn()
