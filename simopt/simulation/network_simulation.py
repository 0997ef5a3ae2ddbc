"""Cost and gradient of one fixed network of any size, straight on arrays, in bounded memory.

Replications come in blocks whose size follows from the network's alone, spread over threads and added in their order,
so that results do not depend on the number of threads. A block's demand is kept for the next levels as long as there is
room, and drawn again otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from design.streams import Purpose, generator
from simopt.simulation.estimate import Estimate
from simopt.simulation.kernel import cumulate_orders, make_work, simulate_network
from simopt.simulation.network_arrays import NetworkArrays, extras_of
from simopt.simulation.rationing import FCFS
from simopt.simulation.replicate import run_blocks
from simopt.simulation.stage import NUM_COSTS, NUM_MEASURES

Floats = NDArray[np.float64]
Work = tuple[NDArray[np.generic], ...]

BLOCK_BYTES = 64 * 2**20  # demand and results of one block
KEPT_BYTES = 2**30  # demand of all blocks that are kept
MOST_PER_BLOCK = 64


class Paths(Protocol):
    """Where sample paths come from."""

    @property
    def num_periods(self) -> int:
        """Periods of a replication."""

    @property
    def num_columns(self) -> int:
        """Columns of a sample path: customers, and after them what calendars say."""

    def draw(self, purpose: Purpose, replications: range) -> Floats:
        """Sample paths, shape (replication, period, column), units; a replication's do not hang on the others."""


@dataclass(frozen=True, eq=False)
class NormalPaths:
    """Independent normal demand, cut at 0.

    Parameters
    ----------
    mean, sd
        Before the cut, units per period, shape (customer,).
    num_periods
        Periods of a replication.
    seed
        Equal ones give equal paths.
    """

    mean: Floats
    sd: Floats
    num_periods: int
    seed: int = 0

    @property
    def num_columns(self) -> int:
        """Customers."""
        return len(self.mean)

    def draw(self, purpose: Purpose, replications: range) -> Floats:
        """See `Paths.draw`; one generator per replication."""
        paths = np.empty((len(replications), self.num_periods, len(self.mean)))
        for k, replication in enumerate(replications):
            generator(self.seed, purpose, replication).standard_normal(out=paths[k])
            paths[k] *= self.sd
            paths[k] += self.mean
        return np.maximum(paths, 0.0, out=paths)


class LeadTimeDemand(NamedTuple):
    """Demand on each node over its lead time: mean and standard deviation, units, shape (node,)."""

    mean: Floats
    sd: Floats


@dataclass(frozen=True, eq=False)
class NetworkSimulation:
    """A network, its demand and how it is simulated.

    Parameters
    ----------
    network
        As made by `network_arrays` for this allocation and number of periods.
    paths
        Demand.
    warm_up
        Periods that do not count, fewer than a replication has.
    allocation
        Rule for a short node (`rationing`).
    num_jobs
        Threads, at least 1.
    """

    network: NetworkArrays
    paths: Paths
    warm_up: int
    allocation: int = FCFS
    num_jobs: int = 1
    _kept: dict[range, Floats] = field(default_factory=dict, init=False, repr=False)
    _spare_work: dict[bool, list[Work]] = field(default_factory=lambda: {True: [], False: []}, init=False, repr=False)

    def __post_init__(self) -> None:
        if not 0 <= self.warm_up < self.paths.num_periods:
            raise ValueError(
                f"warm-up {self.warm_up}: expected less than the {self.paths.num_periods} periods of a path"
            )
        if self.network.customer.max() >= self.paths.num_columns:
            raise ValueError(f"paths of {self.paths.num_columns} columns: expected one for each customer")

    @property
    def num_nodes(self) -> int:
        """Nodes of the network."""
        return len(self.network.customer)

    @property
    def block(self) -> int:
        """Replications of a block."""
        bytes_each = 8 * (self.paths.num_periods * self.paths.num_columns + (NUM_MEASURES + 1) * self.num_nodes)
        return int(np.clip(BLOCK_BYTES // bytes_each, 1, MOST_PER_BLOCK))

    def cost_and_gradient(self, levels: Floats, replications: int) -> tuple[float, Floats]:
        """Mean cost over the horizon on the first search paths, money, and its derivatives, shape (node,).

        Parameters
        ----------
        levels
            Base-stock levels, shape (node,), units, at least 0.
        replications
            At least 1.
        """
        blocks = self._blocks(replications)
        results = run_blocks(partial(self._with_gradient, levels), blocks, self.num_jobs)
        gradient = np.zeros(self.num_nodes)
        for _, part in results:
            gradient += part
        return sum(cost for cost, _ in results) / replications, gradient / replications

    def estimate(self, levels: Floats, replications: int) -> Estimate:
        """Cost over the horizon on fresh paths, which no search has seen, with its 95% interval.

        Parameters
        ----------
        levels
            As in `cost_and_gradient`.
        replications
            At least 2 for a finite interval.
        """
        results = run_blocks(partial(self._fresh_costs, levels), self._blocks(replications), self.num_jobs)
        return Estimate.of(np.concatenate(results))

    def lead_time_demand(self) -> LeadTimeDemand:
        """Demand at risk on each node, from the first block of search paths.

        That is the demand over the longest lead time of what it takes in, and over the periods between its reviews; no
        less than one period's, so that the standard deviation tells a step in every level.
        """
        network, num_periods = self.network, self.paths.num_periods
        at_risk = np.ones(self.num_nodes, dtype=np.int64)
        np.maximum.at(at_risk, network.head, network.lead_time)
        at_risk = np.minimum(at_risk + network.review - 1, num_periods)
        rows = max(self.num_nodes, int(network.order_row.max()) + 1)
        orders, sums, squares = np.empty((rows, num_periods)), np.zeros(self.num_nodes), np.zeros(self.num_nodes)
        paths = self._search_paths(self._blocks(self.block)[0])[:4]
        for path in paths:
            cumulate_orders(network, path, orders)
            for i, length in enumerate(at_risk):
                windows = orders[i, length - 1 :].copy()
                windows[1:] -= orders[i, : num_periods - length]
                sums[i] += windows.mean()
                squares[i] += np.square(windows).mean()
        mean = sums / len(paths)
        return LeadTimeDemand(mean, np.sqrt(np.maximum(squares / len(paths) - np.square(mean), 0.0)))

    def _blocks(self, replications: int) -> list[range]:
        return [range(k, min(k + self.block, replications)) for k in range(0, replications, self.block)]

    def _search_paths(self, replications: range) -> Floats:
        if replications in self._kept:
            return self._kept[replications]
        drawn = self.paths.draw(Purpose.SEARCH, replications)
        if sum(kept.nbytes for kept in list(self._kept.values())) + drawn.nbytes <= KEPT_BYTES:
            self._kept[replications] = drawn
        return drawn

    def _with_gradient(self, levels: Floats, replications: range) -> tuple[float, Floats]:
        costs, gradient = self._simulate(levels, self._search_paths(replications), with_gradient=True)
        return float(costs.sum()), gradient.sum(axis=0)

    def _fresh_costs(self, levels: Floats, replications: range) -> Floats:
        return self._simulate(levels, self.paths.draw(Purpose.EVALUATION, replications), with_gradient=False)[0]

    def _simulate(self, levels: Floats, paths: Floats, *, with_gradient: bool) -> tuple[Floats, Floats]:
        """Cost of each replication and its gradient; a thread takes a spare set of work arrays and puts it back."""
        spare = self._spare_work[with_gradient]
        try:
            work = spare.pop()
        except IndexError:
            work = make_work(self.network, self.paths.num_periods, self.allocation, with_gradient)
        measures, gradient = simulate_network(
            self.network,
            np.array(levels, dtype=np.float64),
            paths,
            self.warm_up,
            self.allocation,
            True,
            with_gradient,
            np.empty(0),
            extras_of(self.network, self.allocation),
            work,
        )
        spare.append(work)
        return measures[:, :, :NUM_COSTS].sum(axis=(1, 2)), gradient
