"""Random numbers: the only place where generators are made.

One stream per purpose and demand node, keyed by the node's *name*: what a customer asks for is the same under every
design, every row order and every number of jobs. Replications come in blocks of `BLOCK` per generator, because making
one costs as much as thousands of numbers; a shorter run is a prefix of a longer one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from design.correlation import Correlation
from design.demand import Demand
from design.demand_process import sample_paths

BLOCK = 64


class Purpose(IntEnum):
    """What random numbers are used for; different purposes never share a number."""

    SEARCH = 1
    EVALUATION = 2
    SCENARIOS = 3
    NETWORKS = 4
    GOODNESS_OF_FIT = 5


def generator(seed: int, purpose: Purpose, *keys: int) -> np.random.Generator:
    """A generator for one purpose, independent of those with other keys.

    Parameters
    ----------
    seed
        The run's seed.
    purpose, keys
        What the numbers are for; equal arguments give equal numbers.
    """
    sequence = np.random.SeedSequence(entropy=seed, spawn_key=(int(purpose), *keys))
    return np.random.Generator(np.random.Philox(sequence))


def name_keys(name: str) -> tuple[int, int]:
    """Two 32-bit words that stand for a name in a spawn key."""
    digest = hashlib.sha256(name.encode()).digest()
    return int.from_bytes(digest[:4], "little"), int.from_bytes(digest[4:8], "little")


@dataclass(frozen=True)
class DemandStreams:
    """Demand paths of every customer for one purpose of one run.

    Parameters
    ----------
    demand
        Distribution of each customer, keyed by node name.
    seed
        The run's seed.
    purpose
        What the paths are for.
    correlation
        Between customers in the same period. What a customer asks for depends on the customers it is correlated with,
        wherever they are served, and on no others.
    """

    demand: Mapping[str, Demand]
    seed: int
    purpose: Purpose
    correlation: Correlation = field(default_factory=Correlation)

    def uniforms(self, customer: str, block: int, num_periods: int) -> NDArray[np.float64]:
        """Uniforms in [0, 1) of one block of replications, shape (BLOCK, period)."""
        numbers = generator(self.seed, self.purpose, *name_keys(customer), block)
        return numbers.random((BLOCK, num_periods))

    def block(self, block: int, num_periods: int) -> NDArray[np.float64]:
        """Demand of one block of replications, shape (BLOCK, period, customer), units, in the order of `demand`."""
        paths = np.empty((BLOCK, num_periods, len(self.demand)))
        joint = self._correlated(block, num_periods)
        for column, (customer, distribution) in enumerate(self.demand.items()):
            own = joint[customer] if customer in joint else self.uniforms(customer, block, num_periods)
            paths[:, :, column] = sample_paths(distribution, own)
        return paths

    def _correlated(self, block: int, num_periods: int) -> dict[str, NDArray[np.float64]]:
        """Uniforms of the customers that are correlated with others."""
        found: dict[str, NDArray[np.float64]] = {}
        for group in self.correlation.groups:
            if not self.demand.keys().isdisjoint(group):
                own = np.stack([self.uniforms(name, block, num_periods) for name in group])
                found |= dict(zip(group, self.correlation.joint_uniforms(group, own), strict=True))
        return found
