"""Solving a tactical program: along exact subgradients where goods are best shipped at once, else as a whole."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from design.tactical.chain import OrderRule, SerialChain
from design.tactical.compact import solve_program
from design.tactical.scenarios import ScenarioSet
from simopt.optimization.cutting_planes import minimize_convex
from simopt.simulation.serial_chain import ChainSimulator

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]

PLANES, PROGRAM = "cutting planes on the recursion", "linear program"
BLOCK = 500  # scenarios of one program when each decides for itself


@dataclass(frozen=True, eq=False)
class SolvedProgram:
    """A decision, shape (decision,), its expected cost, a lower bound, and how it was found."""

    decision: Floats
    objective: float
    lower_bound: float
    method: str


def solve_tactical(
    chain: SerialChain,
    rule: OrderRule,
    scenarios: ScenarioSet,
    lead_times: Whole | None = None,
    tolerance: float = 1e-6,
) -> SolvedProgram:
    """The decision of least expected cost.

    Parameters
    ----------
    lead_times
        Of every scenario, shape (scenario, level, period); the chain's without.
    tolerance
        Between cost and lower bound, as a share of the cost.

    Raises
    ------
    NoSolutionError
        If the linear program has none.
    """
    if not _ships_at_once(chain, lead_times):
        solved = solve_program(chain, rule, scenarios, lead_times)
        return SolvedProgram(solved.decision, solved.objective, solved.objective, PROGRAM)
    simulator = ChainSimulator(chain, rule, scenarios.demand)
    # more than all that may ever be asked for is never worth ordering
    upper = rule.lower + scenarios.demand.sum(axis=1).max()
    start = rule.lower + scenarios.mean.mean()
    found = minimize_convex(
        lambda decision: simulator.cost_and_gradient(decision, scenarios.probabilities),
        rule.lower, upper, start, tolerance,
    )  # fmt: skip
    return SolvedProgram(found.point, found.value, found.lower_bound, PLANES)


def cost_of(
    chain: SerialChain, rule: OrderRule, scenarios: ScenarioSet, lead_times: Whole | None, decision: Floats
) -> float:
    """Expected cost of a given decision in the same program."""
    if _ships_at_once(chain, lead_times):
        return float(scenarios.probabilities @ ChainSimulator(chain, rule, scenarios.demand).costs(decision))
    return solve_program(chain, rule.fixed_at(decision), scenarios, lead_times).objective


def wait_and_see(chain: SerialChain, rule: OrderRule, scenarios: ScenarioSet, lead_times: Whole | None = None) -> float:
    """Expected cost if every scenario had a decision of its own."""
    total = 0.0
    for first in range(0, scenarios.num_scenarios, BLOCK):
        rows = slice(first, first + BLOCK)
        weight = float(scenarios.probabilities[rows].sum())
        if weight > 0.0:
            block = replace(
                scenarios, demand=scenarios.demand[rows], probabilities=scenarios.probabilities[rows] / weight
            )
            times = None if lead_times is None else lead_times[rows]
            total += weight * solve_program(chain, rule, block, times, separate=True).objective
    return total


def _ships_at_once(chain: SerialChain, lead_times: Whole | None) -> bool:
    """Whether the recursion solves the program; where lead times vary, holding back may overtake."""
    return lead_times is None and chain.ships_at_once
