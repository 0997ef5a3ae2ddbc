"""Base-stock levels by the paper's method: trust-region search on kriging surrogates, one per node region.

The region of a node is the node and the nodes upstream of it: its cost depends on exactly their levels. One simulation
of a point yields every node's cost, so one design of experiment trains all surrogates (Ye & You 2015, section 2.3;
`surrogates.search`). With `reach = 1` a region is the node and its direct supplier only, as in the paper.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from design.demand import Floats
from design.network import Component
from design.single_stage_plan import SingleStagePlan
from simopt.simulation.ledger import Ledger
from surrogates import search
from surrogates.dataset import Box
from surrogates.search_types import SearchParams, SearchProblem
from surrogates.surrogate import Fitter


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
    """

    search: SearchParams
    reach: int | None
    fitter: Fitter
    with_gradients: bool = False


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
        first = np.maximum(start.levels, 1.05 * start.mean_lead_time_demand)
        margin = np.maximum(first - start.mean_lead_time_demand, 0.02 * np.maximum(first, 1.0))
        box = Box(np.zeros(len(first)), first + 10.0 * margin)
        problem = SearchProblem(box, regions(component, self._params.reach), 4.0 * margin)

        def evaluate(points: Floats, replications: int) -> Floats | tuple[Floats, Floats]:
            wanted = self._params.with_gradients
            samples = [self._ledger.search(component, point, replications, with_gradient=wanted) for point in points]
            costs = np.stack([sample.node_costs for sample in samples])
            slopes = [sample.gradient for sample in samples if sample.gradient is not None]
            return (costs, np.stack(slopes)) if wanted else costs

        with_gradients = self._params.with_gradients
        state = search.start(
            problem, first, self._params.search, self._seed, self._params.fitter, with_gradients=with_gradients
        )
        return search.run(state, evaluate).incumbent


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
