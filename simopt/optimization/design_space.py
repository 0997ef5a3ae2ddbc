"""Levels and suppliers of all candidate nodes as one vector: what searches over the whole problem vary.

On thirteen-node these are the paper's 13 base-stock levels and 8 choices of a supplier. A node that serves nobody is
left out of the design, so its level and its supplier cost nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from design.case import Case
from design.demand import Floats
from design.network import Design
from design.recorder import NUMBERS
from simopt.optimization.search_state import Incumbent
from simopt.simulation.estimate import Estimate
from simopt.simulation.ledger import Ledger

LEVEL_DEVIATIONS = 4.0
PENALTY = 10.0
Decision = tuple[Floats, NDArray[np.int64]]
Decoded = tuple[Design, dict[str, float]]
Judged = tuple[float, Incumbent | None, Design]


class DesignSpace:
    """All levels and suppliers of a case, and what they cost in simulation.

    Parameters
    ----------
    case
        The problem.
    ledger
        Runs and counts the simulations.
    replications
        Search paths of every decision, the same for all.
    """

    def __init__(self, case: Case, ledger: Ledger, replications: int) -> None:
        self._case = case
        self._ledger = ledger
        self._replications = replications
        network = case.network
        self._names = [node.name for node in network.nodes]
        self._lanes = [[lane.pair for lane in network.incoming[n]] for n in network.order if network.incoming[n]]

    @property
    def num_suppliers(self) -> NDArray[np.int64]:
        """How many each node that has any may have, shape (choice,)."""
        return np.array([len(lanes) for lanes in self._lanes])

    @cached_property
    def highest_levels(self) -> Floats:
        """Upper end of each candidate node's level: four deviations above its mean lead-time demand if it served all.

        Shape (node,), units, nodes as in the network; the lower end is 0.
        """
        case, levels = self._case, []
        for node in case.network.nodes:
            customers = case.network.reachable_customers[node.name]
            lead_time = max([node.lead_time or 0, *(lane.lead_time for lane in case.network.incoming[node.name])])
            mean = sum(case.mean_demand[c] for c in customers)
            variance = sum(case.variance_rates[c] for c in customers)
            levels.append(lead_time * mean + LEVEL_DEVIATIONS * np.sqrt(lead_time * variance) + 1e-9)
        return np.array(levels)

    def decode(self, levels: Floats, choices: NDArray[np.int64]) -> tuple[Design, dict[str, float]]:
        """The design that the choices of suppliers, shape (choice,), make, and the level of each node it uses."""
        supplier = {pair[1]: pair for pair in (lanes[k] for lanes, k in zip(self._lanes, choices, strict=True))}
        used = set()
        for customer in self._case.network.customers:
            name = customer
            while name in supplier and supplier[name] not in used:
                used.add(supplier[name])
                name = supplier[name][0]
        design = self._case.network.design(used)
        named = dict(zip(self._names, levels, strict=True))
        return design, {name: float(named[name]) for name in design.nodes}

    def judge(self, decisions: Iterable[Decision]) -> list[Judged]:
        """What a search minimizes, the decision if it keeps all rules, and its design, for each of some decisions.

        A design that breaks rules of the case pays ten times its cost for each of them.
        """
        decoded = [self.decode(*one) for one in decisions]
        numbers = self._ledger.recorded("decisions", lambda: self._all_costs(decoded), NUMBERS)
        costs = zip(numbers[::2], numbers[1::2], strict=True)
        return [self._judged(*one, *cost) for one, cost in zip(decoded, costs, strict=True)]

    def _judged(self, design: Design, levels: dict[str, float], mean: float, half_width: float) -> Judged:
        broken = len(self._case.site_rules.violations(design))
        found = Incumbent(design, levels, mean, half_width) if broken == 0 else None
        return (1.0 + PENALTY * broken) * mean + PENALTY * broken, found, design

    def _all_costs(self, decoded: list[Decoded]) -> list[float]:
        """Mean and half-width of each; parts of them at the same time where there is a cluster."""
        parts = self._ledger.together(self._costs, self._ledger.workers.shared_out(decoded))
        return [number for part in parts for number in part()]

    def _costs(self, decoded: Sequence[Decoded]) -> list[float]:
        """Mean and half-width of each, one after the other."""
        found = list[float]()
        for design, levels in decoded:
            costs = self._ledger.search_design(design, levels, self._replications).costs
            estimate = Estimate.of(costs + self._case.design_fixed_cost(design))
            found += [estimate.mean, estimate.half_width]
        return found
