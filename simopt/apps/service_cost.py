"""What fill-rate targets mean for a design: levels that hold them on fresh paths, and what they cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from design.case import Case
from design.network import Design
from design.single_stage_plan import single_stage_plan
from design.stage_models import exact_costs
from simopt.optimization.global_levels import NestedSearch
from simopt.optimization.pathwise import PathwiseParams, PathwiseSearch
from simopt.optimization.service_targets import TargetSearch
from simopt.result import TargetCost
from simopt.simulation.ledger import Ledger

PATHS = 1024


def marginal_costs(case: Case, ledger: Ledger, design: Design, levels: Mapping[str, float]) -> tuple[TargetCost, ...]:
    """What one more percentage point of each target would cost, from its multiplier.

    Parameters
    ----------
    case, ledger
        The case; runs the simulations, on paths of its own.
    design, levels
        A design and its levels, units.
    """
    search, found = TargetSearch(case, ledger, PathwiseParams(PATHS)), []
    for component in design.components:
        values = np.array([levels[name] for name in component.nodes])
        worth = dict(zip(component.nodes, search.multipliers_near(component, values), strict=True))
        for name in component.nodes:
            if name in case.service_targets:
                point = 0.01 * case.horizon * case.mean_demand[name]
                found.append(TargetCost(name, case.service_targets[name], float(worth[name]) * point))
    return tuple(found)


def levels_without_targets(case: Case, ledger: Ledger, design: Design) -> dict[str, float]:
    """Levels of a design optimized as if the case had no targets, units."""
    free = without_targets(case)
    single_stage, params = exact_costs(case), PathwiseParams(PATHS)
    levels: dict[str, float] = {}
    for component in design.components:
        start = single_stage_plan(free, single_stage, component)
        found = PathwiseSearch(ledger, params).best_levels(component, start)
        found = NestedSearch(free, ledger).descend(component, found, start, params)
        levels |= dict(zip(component.nodes, map(float, found), strict=True))
    return levels


def without_targets(case: Case) -> Case:
    """The case with its targets left out."""
    nodes = tuple(replace(node, service_target=None) for node in case.network.nodes)
    return replace(case, network=replace(case.network, nodes=nodes))
