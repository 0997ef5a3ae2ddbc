"""Base-stock levels in whole packs: every level to the nearest multiple, then to better neighbors.

The search treats levels as real numbers; what packs allow is found at its end, on fixed sample paths of its own.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from design.case import Case
from design.demand import Floats
from design.network import Component, Design
from simopt.optimization.service_targets import excess, safety_margin
from simopt.simulation.grid_costs import leaf_targets
from simopt.simulation.ledger import Ledger

REPLICATIONS = 512
TARGET_REPLICATIONS = 4096
MAX_SWEEPS = 5


class Rounder:
    """Rounds levels to multiples of their nodes' pack sizes.

    Parameters
    ----------
    case
        Network and pack sizes.
    ledger
        Runs and counts the simulations; None: every level simply goes to its nearest multiple.
    """

    def __init__(self, case: Case, ledger: Ledger | None) -> None:
        self._case = case
        self._ledger = ledger

    def levels(self, design: Design, levels: Mapping[str, float]) -> dict[str, float]:
        """Levels of which no single one can go to a neighboring multiple at less cost on the sample.

        Parameters
        ----------
        design, levels
            A design with a level for every used node, units; nodes without a pack size keep theirs.
        """
        rounded: dict[str, float] = {}
        for component in design.components:
            found = self._of_component(component, np.array([levels[name] for name in component.nodes]))
            rounded |= dict(zip(component.nodes, map(float, found), strict=True))
        return rounded

    def _of_component(self, component: Component, levels: Floats) -> Floats:
        packs = np.array([self._case.network.node(name).pack_size for name in component.nodes])
        in_packs = np.flatnonzero(packs > 0.0)
        best = levels.copy()
        targets = leaf_targets(self._case, component)
        best[in_packs] = packs[in_packs] * np.round(levels[in_packs] / packs[in_packs])
        strict = in_packs[targets[in_packs] > 0.0]
        best[strict] = packs[strict] * np.ceil(levels[strict] / packs[strict] - 1e-9)
        if self._ledger is None or len(in_packs) == 0:
            return best
        cost = self._cost(self._ledger, component, best)
        for _ in range(MAX_SWEEPS):
            before = cost
            for node in in_packs:
                for step in (packs[node], -packs[node]):
                    tried = best.copy()
                    tried[node] += step
                    if tried[node] < 0.0:
                        continue
                    if (less := self._cost(self._ledger, component, tried)) < cost:
                        best, cost = tried, less
            if cost == before:
                break
        return best

    def _cost(self, ledger: Ledger, component: Component, levels: Floats) -> tuple[float, float]:
        """By how many units targets are missed, and the cost: in this order levels are compared."""
        targets = leaf_targets(self._case, component)
        if not targets.any():
            return 0.0, float(ledger.search(component, levels, REPLICATIONS).costs.mean())
        sample = ledger.search(component, levels, TARGET_REPLICATIONS)
        reached = excess(sample, targets)
        safety = safety_margin(len(self._case.service_targets))
        safe = reached.mean(axis=0) - safety * reached.std(axis=0, ddof=1) / len(reached) ** 0.5
        return float(np.maximum(-safe, 0.0).sum()), float(sample.costs.mean())
