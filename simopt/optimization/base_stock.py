"""Base-stock levels of one fixed network of any size: sample-average approximation with growing samples.

The levels that are best on few paths are a good start on more: each sample is minimized by L-BFGS-B with pathwise
gradients (`pathwise.descend`) from where the one before ended. The first start is the mean demand at risk at every node
and a safety stock; steps are scaled by the standard deviation of the demand at risk.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from simopt.optimization.pathwise import PathwiseParams, descend
from simopt.simulation.estimate import Estimate
from simopt.simulation.network_simulation import LeadTimeDemand, NetworkSimulation

Floats = NDArray[np.float64]

LEAST_LEVEL = 1.05  # in terms of the mean demand at risk; a start below may stall (MODEL: local minima)


@dataclass(frozen=True)
class BaseStockParams:
    """Effort of the search.

    Parameters
    ----------
    replications
        Sizes of the samples, one after the other; each holds the paths of the one before.
    tolerance
        Relative decrease of the cost at which L-BFGS-B stops on the last sample; ten times that on those before.
    max_evaluations
        Simulations of each sample at most.
    fresh_replications
        For the estimate of the cost.
    """

    replications: tuple[int, ...] = (4, 16, 64)
    tolerance: float = 1e-6
    max_evaluations: int = 200
    fresh_replications: int = 100

    def __post_init__(self) -> None:
        if not self.replications or min(self.replications) < 1 or list(self.replications) != sorted(self.replications):
            raise ValueError(f"base-stock search: expected growing numbers of replications, got {self.replications}")
        if self.tolerance <= 0.0 or self.max_evaluations < 1 or self.fresh_replications < 2:
            raise ValueError(f"base-stock search: expected positive limits and two fresh replications, got {self}")


@dataclass(frozen=True)
class Progress:
    """Where the search is.

    Parameters
    ----------
    iteration
        Of L-BFGS-B, counted over all samples; 0 is the start.
    replications
        Of the present sample.
    seconds
        Since the search began.
    cost
        On that sample, money over the horizon.
    """

    iteration: int
    replications: int
    seconds: float
    cost: float


@dataclass(frozen=True, eq=False)
class BaseStockLevels:
    """What a search found.

    Parameters
    ----------
    levels
        Shape (node,), units.
    estimate
        Their cost over the horizon on fresh paths, money.
    sample_cost
        Their cost on the last sample, money: too low on average, because they were chosen on it. Were they its global
        minimum, its mean over samples would be a lower bound (Mak, Morton & Wood 1999).
    trajectory
        Progress at the start of each sample and after each iteration.
    """

    levels: Floats
    estimate: Estimate
    sample_cost: float
    trajectory: tuple[Progress, ...]


def optimize_levels(
    simulation: NetworkSimulation,
    params: BaseStockParams | None = None,
    first: Floats | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> BaseStockLevels:
    """Base-stock levels of least mean cost, a local minimum of the last sample's mean.

    Parameters
    ----------
    simulation
        The network and its demand.
    params
        Effort.
    first
        Where to start, shape (node,), units, at least 0; None: `first_levels`.
    progress
        Called at the start of each sample and after each iteration.

    Raises
    ------
    ValueError
        If the start has another shape than (node,) or a level below 0.
    """
    params = params or BaseStockParams()
    demand = simulation.lead_time_demand()
    levels = first_levels(simulation, demand) if first is None else np.asarray(first, dtype=np.float64)
    if levels.shape != (simulation.num_nodes,) or not np.all(levels >= 0.0):
        raise ValueError(f"first levels: expected {simulation.num_nodes} numbers of at least 0")
    scale = np.maximum(demand.sd, 1e-3 * np.maximum(demand.mean, 1.0))
    record = _Record(progress)
    for replications in params.replications:
        record.start(replications)
        tolerance = params.tolerance if replications == params.replications[-1] else 10.0 * params.tolerance

        def sample_average(at: Floats, replications: int = replications) -> tuple[float, Floats]:
            cost, gradient = simulation.cost_and_gradient(at, replications)
            record.evaluated(cost)
            return cost, gradient

        effort = PathwiseParams(replications, tolerance, params.max_evaluations)
        levels = descend(sample_average, levels, scale, effort, record.iterated)
    estimate = simulation.estimate(levels, params.fresh_replications)
    return BaseStockLevels(levels, estimate, record.trajectory[-1].cost, tuple(record.trajectory))


def first_levels(simulation: NetworkSimulation, demand: LeadTimeDemand | None = None) -> Floats:
    """Mean demand at risk and a safety stock, shape (node,), units.

    The safety factor is the newsvendor's under normal demand where backorders cost something and 0 where they do not;
    no level is below `LEAST_LEVEL` times the mean.

    Parameters
    ----------
    simulation
        The network and its demand.
    demand
        Demand at risk, if known already.
    """
    mean, sd = demand or simulation.lead_time_demand()
    holding, backorder = simulation.network.rates[:, 0], simulation.network.rates[:, 4]
    factor = np.zeros(len(mean))
    charged = (backorder > 0.0) & (holding > 0.0)
    factor[charged] = ndtri(backorder[charged] / (backorder[charged] + holding[charged]))
    return np.maximum(mean + factor * sd, LEAST_LEVEL * mean)


class _Record:
    """The trajectory of a search."""

    def __init__(self, progress: Callable[[Progress], None] | None) -> None:
        self.trajectory: list[Progress] = []
        self._progress = progress
        self._began = time.perf_counter()
        self._replications = 0
        self._is_start = False

    def start(self, replications: int) -> None:
        """A new sample; its first evaluation is that of the start."""
        self._replications, self._is_start = replications, True

    def evaluated(self, cost: float) -> None:
        """One simulation of the sample."""
        if self._is_start:
            self._is_start = False
            self._append(len(self.trajectory) and self.trajectory[-1].iteration, cost)

    def iterated(self, cost: float) -> None:
        """One iteration of L-BFGS-B."""
        self._append(self.trajectory[-1].iteration + 1, cost)

    def _append(self, iteration: int, cost: float) -> None:
        found = Progress(iteration, self._replications, time.perf_counter() - self._began, cost)
        self.trajectory.append(found)
        if self._progress is not None:
            self._progress(found)
