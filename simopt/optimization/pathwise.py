"""Base-stock levels by sample-average approximation: fixed sample paths, pathwise gradients, L-BFGS-B.

On fixed paths the cost is a deterministic, almost everywhere differentiable function of the levels whose gradient the
simulator gives exactly (Glasserman & Tayur 1995), so a quasi-Newton method needs about eight simulations at any number
of nodes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import OptimizeResult, minimize

from design.demand import Floats
from design.network import Component
from design.single_stage_plan import SingleStagePlan
from simopt.simulation.ledger import Ledger
from surrogates.threads import one_blas_thread


@dataclass(frozen=True)
class PathwiseParams:
    """Effort of the search.

    Parameters
    ----------
    replications
        Sample paths, at least 1. 100 paths of 100 periods leave the levels within 0.02% of the optimal cost on
        thirteen-node (README of this package).
    tolerance
        Relative decrease of the cost at which L-BFGS-B stops.
    max_evaluations
        Simulations of the whole sample at most.
    """

    replications: int = 100
    tolerance: float = 1e-6
    max_evaluations: int = 200

    def __post_init__(self) -> None:
        if self.replications < 1 or self.max_evaluations < 1 or self.tolerance <= 0.0:
            raise ValueError(f"pathwise search: expected positive limits, got {self}")


class PathwiseSearch:
    """A `LevelSearch` with gradients.

    Parameters
    ----------
    ledger
        Runs and counts the simulations.
    params
        Effort.
    """

    def __init__(self, ledger: Ledger, params: PathwiseParams | None = None) -> None:
        self._ledger = ledger
        self._params = params or PathwiseParams()

    def best_levels(self, component: Component, start: SingleStagePlan) -> Floats:
        """Levels at which the sample average is least, see `LevelSearch.best_levels`.

        The search starts at the single-stage levels, but never below 1.05 × the mean lead-time demand: starts below
        it may stall (MODEL: local minima). Levels are scaled by their distance from the mean demand.
        """
        return self.descend(component, safe_levels(start), level_scale(start))

    def descend(self, component: Component, first: Floats, scale: Floats, multipliers: Floats | None = None) -> Floats:
        """Levels at which the descent from given ones ends, shape (node,), units; never dearer than those.

        Parameters
        ----------
        component
            A source and the nodes it serves.
        first
            Where to start, shape (node,), units.
        scale
            Size of a step in each level, shape (node,), units.
        multipliers
            Worth of a unit met at once at each leaf, shape (node,), money: it is taken off the cost. None: nothing.
        """
        extra = {} if multipliers is None else {"multipliers": multipliers}

        def sample_average(levels: Floats) -> tuple[float, Floats]:
            sample = self._ledger.search(component, levels, self._params.replications, with_gradient=True, **extra)
            if sample.gradient is None:
                raise TypeError("the pathwise search needs a simulator with gradients")
            costs = sample.costs if multipliers is None else sample.costs - sample.met_at_once @ multipliers
            return float(costs.mean()), sample.gradient.mean(axis=0)

        return descend(sample_average, first, scale, self._params)


def descend(
    function: Callable[[Floats], tuple[float, Floats]],
    first: Floats,
    scale: Floats,
    params: PathwiseParams,
    on_iteration: Callable[[float], None] | None = None,
) -> Floats:
    """Where L-BFGS-B ends, levels at least 0, shape (level,), units.

    Parameters
    ----------
    function
        Value and gradient at levels.
    first, scale
        Where to start, and the size of a step in each level, shape (level,), units.
    params
        When to stop.
    on_iteration
        Called with the value after each iteration.
    """

    def iterated(intermediate_result: OptimizeResult) -> None:
        if on_iteration is not None:
            on_iteration(float(intermediate_result.fun))

    def scaled_function(scaled: Floats) -> tuple[float, Floats]:
        value, gradient = function(scaled * scale)
        return value, gradient * scale

    with one_blas_thread():  # the matrices are tiny: threads cost more than they save
        found = minimize(
            scaled_function,
            first / scale,
            jac=True,
            method="L-BFGS-B",
            bounds=[(0.0, None)] * len(first),
            callback=iterated,
            options={"ftol": params.tolerance, "maxfun": params.max_evaluations, "maxcor": 20},
        )
    return np.asarray(found.x) * scale


def safe_levels(start: SingleStagePlan) -> Floats:
    """The plan's levels, but never below 1.05 × the mean lead-time demand, shape (node,), units."""
    return np.maximum(start.levels, 1.05 * start.mean_lead_time_demand)


def level_scale(start: SingleStagePlan) -> Floats:
    """Distance of those from the mean lead-time demand, the size of a step in each level, shape (node,), units.

    At least `SingleStagePlan.least_step`: without it the level of a node without a lead time would hardly move.
    """
    first = safe_levels(start)
    return np.maximum(np.maximum(first - start.mean_lead_time_demand, 1e-3 * np.maximum(first, 1.0)), start.least_step)
