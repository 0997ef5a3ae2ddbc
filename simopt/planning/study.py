"""Runs of a policy over many replications, in chunks of bounded memory, and what is kept of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from design.streams import BLOCK, Purpose
from simopt.planning.engine import run
from simopt.planning.measures import Series
from simopt.planning.paths import Chance
from simopt.planning.policy import Policy
from simopt.planning.world import Floats, World
from simopt.simulation.replicate import run_in_processes

CHUNK = 8192  # replications times products at once
MOST_BLOCKS = 16
KEPT_SERIES = 256  # replications whose weekly series are kept


@dataclass(frozen=True, eq=False)
class Collected:
    """What all replications of a policy have given.

    Parameters
    ----------
    totals
        Shape (replication, site, total), see `measures.Total`.
    bullwhip
        Shape (replication, site).
    series
        Weekly series of the first replications, shape (replication, period, site, series), see `measures.Series`.
    control
        Of each replication, mean 0, shape (replication,); None: not asked for.
    """

    totals: Floats
    bullwhip: Floats
    series: Floats
    control: Floats | None


@dataclass(frozen=True, eq=False)
class Study:
    """How policies are run; every policy sees the same demand, delays, outages and mistakes of planners.

    Parameters
    ----------
    world
        Where.
    replications
        At least 2; whole pairs where antithetic.
    seed, purpose
        Of all random numbers.
    antithetic
        Whether replications come in pairs of opposite demand.
    with_control
        Whether the control of every replication is computed.
    num_jobs
        Processes; the numbers do not depend on it.
    """

    world: World
    replications: int
    seed: int = 0
    purpose: Purpose = Purpose.EVALUATION
    antithetic: bool = False
    with_control: bool = False
    num_jobs: int = 1

    def run(self, policy: Policy, *, with_shocks: bool = True) -> Collected:
        """Run a policy; without the case's planned shocks where they are not wanted."""
        size = BLOCK * int(np.clip(CHUNK // (BLOCK * self.world.num_products), 1, MOST_BLOCKS))
        chunks = [range(k, min(k + size, self.replications)) for k in range(0, self.replications, size)]
        chance = Chance(self.world, self.seed, self.purpose, self.antithetic, with_shocks)
        found = run_in_processes(partial(_run_chunk, policy, chance), chunks, self.num_jobs)
        totals, bullwhip, series = (np.concatenate(parts) for parts in zip(*found, strict=True))
        control = chance.control(range(self.replications)) if self.with_control else None
        return Collected(totals, bullwhip, series, control)

    def trace(self, policy: Policy, replication: int) -> Floats:
        """Every product of one replication, from 0, shape (period, site, series, product)."""
        chance = Chance(self.world, self.seed, self.purpose, self.antithetic)
        paths = chance.paths(range(replication // BLOCK * BLOCK, replication + 1))
        measured = run(self.world, policy, paths, traced=replication % BLOCK)
        assert measured.trace is not None
        return measured.trace


def _run_chunk(policy: Policy, chance: Chance, replications: range) -> tuple[Floats, Floats, Floats]:
    measured = run(chance.world, policy, chance.paths(replications), with_series=replications.start < KEPT_SERIES)
    case, sites = chance.world.case, len(chance.world.sites)
    series = measured.series
    if series is None:
        series = np.empty((0, case.num_periods, sites, len(Series)))
    kept = max(KEPT_SERIES - replications.start, 0)
    return measured.totals, measured.bullwhip(), series[:kept]
