"""Base-stock levels without derivatives by scipy's COBYQA, a rival of the search on surrogates.

It minimizes the mean cost on fixed search paths, a deterministic function, over the box of the search on surrogates.

References
----------
Ragonneau (2022), Model-based derivative-free optimization methods and software, PhD thesis, Hong Kong Polytechnic
University; Ragonneau & Zhang (2024), COBYQA.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import Bounds, minimize

from design.demand import Floats
from design.network import Component
from design.single_stage_plan import SingleStagePlan
from simopt.optimization.kriging_search import STEPS_UP, step_sizes
from simopt.optimization.pathwise import safe_levels
from simopt.simulation.ledger import Ledger
from surrogates.threads import one_blas_thread


@dataclass(frozen=True)
class CobyqaParams:
    """Effort of the search.

    Parameters
    ----------
    budget_per_node
        Points times paths, for each level that is searched.
    points_per_node
        Points for each level; the paths of a point follow. Of 2 to 150, 5 served it best at 500 to 20,000 replications
        (`tests/benchmarks/test_level_table.py -k paths`).
    first_radius, last_radius
        Of the trust region, in safety stocks (`step_sizes`).
    """

    budget_per_node: int = 150
    points_per_node: int = 5
    first_radius: float = 0.5
    last_radius: float = 1e-3

    def __post_init__(self) -> None:
        if self.budget_per_node < 1 or self.points_per_node < 1:
            raise ValueError(f"budget_per_node, points_per_node: expected at least 1, got {self}")


class CobyqaSearch:
    """A `LevelSearch` by COBYQA.

    Parameters
    ----------
    ledger
        Runs and counts the simulations.
    params
        Effort.
    """

    def __init__(self, ledger: Ledger, params: CobyqaParams) -> None:
        self._ledger = ledger
        self._params = params

    def best_levels(self, component: Component, start: SingleStagePlan) -> Floats:
        """Best levels simulated, see `LevelSearch.best_levels`."""
        params, first, scale = self._params, safe_levels(start), step_sizes(start)
        best, least = first, np.inf
        budget = params.budget_per_node * len(first)
        paths = max(params.budget_per_node // params.points_per_node, 1)

        def average(scaled: Floats) -> float:
            nonlocal best, least
            levels = np.maximum(first + scaled * scale, 0.0)
            cost = float(self._ledger.search(component, levels, paths).costs.mean())
            if cost < least:
                best, least = levels, cost
            return cost

        options = {
            "maxfev": budget // paths,
            "initial_tr_radius": params.first_radius,
            "final_tr_radius": params.last_radius,
        }
        box = Bounds(-first / scale, np.full(len(first), STEPS_UP))
        with one_blas_thread():
            minimize(average, np.zeros(len(first)), method="COBYQA", bounds=box, options=options)
        return best
