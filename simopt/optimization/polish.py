"""Levels optimized once more on many paths: designs must not differ in how carefully their levels were searched."""

from __future__ import annotations

from dataclasses import replace

from design.case import Case
from design.network import Design
from design.single_stage import SingleStageModel
from design.single_stage_plan import single_stage_plan
from simopt.optimization.pathwise import PathwiseParams
from simopt.optimization.rounding import Rounder
from simopt.optimization.search_state import SearchState
from simopt.optimization.service_targets import level_search, repaired_levels
from simopt.simulation.ledger import Ledger

POLISHING = PathwiseParams(10 * PathwiseParams.replications)


class Polisher:
    """Optimizes the levels of a finished search on more search paths.

    Parameters
    ----------
    case
        The problem.
    single_stage
        Exact single-stage costs.
    ledger
        Runs and counts the simulations.
    """

    def __init__(self, case: Case, single_stage: SingleStageModel, ledger: Ledger) -> None:
        self._case = case
        self._single_stage = single_stage
        self._ledger = ledger
        self._search = level_search(case, ledger, POLISHING)
        self._rounder = Rounder(case, ledger)

    def levels(self, search: SearchState, design: Design) -> dict[str, float]:
        """Base-stock level of each node of a design all of whose components are simulated, units, in whole packs."""
        plans = []
        for component in design.components:
            plan, start = search.plans[component], single_stage_plan(self._case, self._single_stage, component)
            levels = self._search.best_levels(component, replace(start, levels=plan.levels))
            plans.append(replace(plan, levels=levels))
        free = search.with_plans(plans).levels_of(design)
        return self._rounder.levels(design, repaired_levels(self._case, self._ledger, design, free))

    def briefly(self, search: SearchState, design: Design) -> dict[str, float]:
        """The levels that the search has, each at its nearest whole pack: what an interrupt leaves time for."""
        return Rounder(self._case, None).levels(design, search.levels_of(design))
