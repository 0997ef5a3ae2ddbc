"""Base-stock levels by the paper's method: trust-region search on kriging surrogates, one per node region.

The region of a node is the node and the nodes upstream of it: its cost depends on exactly their levels. One simulation
of a point yields every node's cost, so one design of experiment trains all surrogates (Ye & You 2015, section 2.3;
`surrogates.search`). With `reach = 1` a region is the node and its direct supplier only, as in the paper.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from design.demand import Floats
from design.network import Component
from design.single_stage_plan import SingleStagePlan
from simopt.optimization.pathwise import safe_levels
from simopt.simulation.ledger import Ledger
from simopt.simulation.replicate import run_in_processes
from surrogates import search
from surrogates.dataset import Box, Dataset
from surrogates.search_types import SearchParams, SearchProblem
from surrogates.surrogate import FitAll, Fitter, Surrogate, fit_in_turn

STEPS_UP = 10.0  # from the first levels to the upper end of the box
MANY_FITS = 40  # from here on processes save time


@dataclass(frozen=True)
class KrigingParams:
    """How the search is set up.

    Parameters
    ----------
    search
        Schedule and limits, `surrogates.search_types.SearchParams`.
    reach
        Nodes upstream of a node whose levels its surrogate sees; None: the whole path to the source.
    fitter
        Fits one surrogate.
    with_gradients
        Whether the simulator's gradients are used.
    num_jobs
        Processes over which fits are spread where there are many (`MANY_FITS`).
    """

    search: SearchParams
    reach: int | None
    fitter: Fitter
    with_gradients: bool = False
    num_jobs: int = 1


class KrigingSearch:
    """A `LevelSearch` on surrogates, from costs alone or from costs and gradients.

    Parameters
    ----------
    ledger
        Runs and counts the simulations.
    params
        How the search is set up.
    seed
        Of the designs of experiment.
    """

    def __init__(self, ledger: Ledger, params: KrigingParams, seed: int) -> None:
        self._ledger = ledger
        self._params = params
        self._seed = seed

    def best_levels(self, component: Component, start: SingleStagePlan) -> Floats:
        """Levels at which the trust region has closed, see `LevelSearch.best_levels`."""
        first, step = safe_levels(start), step_sizes(start)
        box = Box(np.zeros(len(first)), first + STEPS_UP * step)
        problem = SearchProblem(box, regions(component, self._params.reach), 4.0 * step)

        def evaluate(points: Floats, replications: int) -> Floats | tuple[Floats, Floats]:
            wanted = self._params.with_gradients
            samples = [self._ledger.search(component, point, replications, with_gradient=wanted) for point in points]
            costs = np.stack([sample.node_costs for sample in samples])
            slopes = [sample.gradient for sample in samples if sample.gradient is not None]
            return (costs, np.stack(slopes)) if wanted else costs

        params = self._params
        fit_all: FitAll = fit_in_turn
        if params.num_jobs > 1 and len(first) >= MANY_FITS:
            fit_all = partial(fit_in_processes, num_jobs=params.num_jobs)
        state = search.start(
            problem,
            first,
            params.search,
            self._seed,
            params.fitter,
            with_gradients=params.with_gradients,
            fit_all=fit_all,
        )
        return search.run(state, evaluate).incumbent


def fit_in_processes(
    fitter: Fitter, datasets: Sequence[Dataset], earlier: Sequence[Surrogate | None], num_jobs: int
) -> Sequence[Surrogate]:
    """Fits side by side, a `surrogates.surrogate.FitAll`; the surrogates do not depend on the number of processes."""
    tasks = list(zip(datasets, earlier, strict=True))
    return run_in_processes(partial(_fit, fitter), tasks, num_jobs)


def _fit(fitter: Fitter, task: tuple[Dataset, Surrogate | None]) -> Surrogate:
    return fitter(*task)


def step_sizes(start: SingleStagePlan) -> Floats:
    """Safety stock of each node, the size of a step in its level, shape (node,), units; never next to nothing."""
    first = safe_levels(start)
    return np.maximum(first - start.mean_lead_time_demand, 0.02 * np.maximum(first, 1.0))


def regions(component: Component, reach: int | None) -> tuple[tuple[int, ...], ...]:
    """The region of each node of a component: positions in `Component.nodes`, the node itself last.

    Parameters
    ----------
    component
        A source and the nodes it serves.
    reach
        Nodes upstream that count; None: all up to the source.
    """
    position = {name: k for k, name in enumerate(component.nodes)}
    found = []
    for node in component.nodes:
        path, name = [position[node]], node
        while name in component.supplier:
            name = component.supplier[name]
            path.append(position[name])
        found.append(tuple(reversed(path if reach is None else path[: reach + 1])))
    return tuple(found)
