"""What a certificate simulates of each component: the check of its levels and its costs on a batch of fresh paths.

Everything here can be sent to a worker: ledgers are made where they are used, from the number of the batch.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from design.case import Case
from design.demand import Floats
from design.network import Component
from design.single_stage import QuadratureSingleStage
from design.single_stage_plan import single_stage_plan
from simopt.optimization.certificate_types import Batch
from simopt.optimization.global_levels import NestedSearch
from simopt.optimization.global_levels_types import GlobalLevels, NestedParams
from simopt.optimization.pathwise import PathwiseParams, PathwiseSearch, level_scale, safe_levels
from simopt.optimization.service_targets import penalized_costs
from simopt.simulation.ledger import Ledger
from simopt.simulation.simulator import TreeSimulator
from simopt.simulation.workers import ALONE, Workers

Checks = Mapping[Component, GlobalLevels | None]
CHECK_PATHS = -1000  # the number of their ledger; batches count from 0 up, polishing from -1 down


@dataclass(frozen=True)
class FreshLedgers:
    """Ledgers whose demand no search has seen, one for each number.

    Parameters
    ----------
    case
        What is simulated, by the built-in simulator.
    seed
        Of the run.
    workers
        Threads of this machine.
    """

    case: Case
    seed: int
    workers: Workers = ALONE

    def __call__(self, number: int) -> Ledger:
        """The ledger of a number."""
        seed = fresh_seed(self.seed, number)
        return Ledger(self.case, TreeSimulator(self.case), seed, Workers(self.workers.jobs))


@dataclass(frozen=True, eq=False)
class BatchWork:
    """What the batches of a round have in common.

    Parameters
    ----------
    replications
        Paths of a batch.
    levels
        At hand, shape (node,), of every component that is compared.
    incumbent
        Components of the incumbent.
    worth
        Multipliers of the targets in each component, shape (node,); None without targets.
    checks
        What was found of each component's levels.
    """

    replications: int
    levels: Mapping[Component, Floats]
    incumbent: tuple[Component, ...]
    worth: Mapping[Component, Floats | None]
    checks: Checks


@dataclass(frozen=True, eq=False)
class BatchCosts:
    """Simulates for a certificate.

    Parameters
    ----------
    case
        The problem.
    fresh_ledger
        A ledger whose demand no search has seen, for each number.
    nested
        Effort of the check of levels.
    """

    case: Case
    fresh_ledger: Callable[[int], Ledger]
    nested: NestedParams

    @cached_property
    def _single_stage(self) -> QuadratureSingleStage:
        """One for all batches: it keeps what it has computed."""
        return QuadratureSingleStage(self.case.demand)

    def check(self, at_hand: tuple[Component, Floats]) -> GlobalLevels | None:
        """Whether a component has better levels than those at hand, see `NestedSearch.check`."""
        component, levels = at_hand
        start = single_stage_plan(self.case, self._single_stage, component)
        return NestedSearch(self.case, self._check_ledger, self.nested).check(component, levels, start)

    @cached_property
    def _check_ledger(self) -> Ledger:
        """Of all checks."""
        return self.fresh_ledger(CHECK_PATHS)

    def batch(self, work: BatchWork, number: int) -> Batch:
        """Mean costs on one batch of fresh paths, fixed costs of components included."""
        ledger, params = self.fresh_ledger(number), PathwiseParams(work.replications, tolerance=1e-9)
        replications, checks = work.replications, work.checks
        least, found, own, control, margin = {}, {}, 0.0, 0.0, 0.0
        for component, multipliers in work.worth.items():
            fixed = self.case.fixed_cost(component)
            levels, start = work.levels[component], single_stage_plan(self.case, self._single_stage, component)
            sample = ledger.search(component, levels, replications)
            cost = found[component] = float(sample.costs.mean()) + fixed
            if multipliers is not None:
                found[component] = float(penalized_costs(self.case, component, sample, multipliers).mean()) + fixed
            lowest = self._least(ledger, component, levels, params, checks, multipliers)
            least[component] = min(lowest + fixed, found[component])
            if component in work.incumbent:
                own += found[component]
                margin += cost - found[component]
                decoupled = ledger.search_decoupled(component, start.levels, replications)
                control += start.expected_cost - fixed - float(decoupled.mean())
        return Batch(own, own + control, least, found, margin)

    def minimize(
        self, ledger: Ledger, component: Component, levels: Floats, params: PathwiseParams, checks: Checks
    ) -> tuple[Floats, float]:
        """Best levels on a ledger's paths from all starts known, and their mean cost, fixed costs not included.

        They meet the case's targets on these paths.
        """
        start, check = single_stage_plan(self.case, self._single_stage, component), checks.get(component)
        firsts = [safe_levels(replace(start, levels=levels))] if check is None else check.starts_from(levels)
        search, found = NestedSearch(self.case, ledger, self.nested), []
        for first in firsts:
            end = search.descend(component, first, start, params)
            found.append((float(ledger.search(component, end, params.replications).costs.mean()), end))
        cost, best = min(found, key=lambda pair: pair[0])
        return best, cost

    def _least(
        self,
        ledger: Ledger,
        component: Component,
        levels: Floats,
        params: PathwiseParams,
        checks: Checks,
        multipliers: Floats | None,
    ) -> float:
        """Least mean cost on a ledger's paths, fixed costs not included; with targets the least Lagrangian."""
        if multipliers is None:
            return self.minimize(ledger, component, levels, params, checks)[1]
        start, check = single_stage_plan(self.case, self._single_stage, component), checks.get(component)
        firsts = [levels] if check is None else check.starts_from(levels)
        search, least = PathwiseSearch(ledger, params), np.inf
        for first in firsts:
            end = search.descend(component, first, level_scale(start), multipliers)
            sample = ledger.search(component, end, params.replications)
            least = min(least, float(penalized_costs(self.case, component, sample, multipliers).mean()))
        return least


def fresh_seed(seed: int, number: int) -> int:
    """A seed for batch `number` of a certificate, unrelated to the run's own."""
    return int.from_bytes(hashlib.sha256(f"certificate {seed} {number}".encode()).digest()[:8], "little")
