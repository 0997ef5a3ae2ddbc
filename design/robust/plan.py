"""Orders that are good for every demand and delivery within a budget of uncertainty."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

import numpy as np
from numpy.typing import NDArray

from design.errors import NoSolutionError
from design.robust.network import RobustNetwork
from design.robust.program import RobustProgram

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class RobustPlan:
    """Orders.

    Parameters
    ----------
    cost
        Greatest cost over the budget, each node and period at its own worst, money: an upper bound on that of any
        demand and delivery in the set.
    bound
        Lower bound on the least such cost, money.
    orders
        Shape (arc, period), units.
    stock
        Nominal, at the end of every period, shape (node, period), units.
    optimal
        Whether the solver proved it within its gap.
    """

    cost: float
    bound: float
    orders: Floats
    stock: Floats
    optimal: bool


class RobustInfeasibleError(NoSolutionError):
    """No plan is feasible for all demand in the budget; the message says what to relax, and by how much."""


def robust_plan(network: RobustNetwork, time_limit: float = inf, gap: float = 1e-3) -> RobustPlan:
    """Solve the counterpart.

    Parameters
    ----------
    network
        What is planned.
    time_limit
        Seconds.
    gap
        Relative gap at which the solver stops where orders have fixed costs.

    Raises
    ------
    RobustInfeasibleError
        If nothing holds for all demand in the budget.
    NoSolutionError
        If the time limit came before the first plan.
    """
    program = RobustProgram(network)
    result = program.run(time_limit, gap)
    if result.status == 2:
        raise RobustInfeasibleError(_explanation(network))
    if result.x is None:
        raise NoSolutionError(f"robust plan: none within {time_limit:g} s; expected more time or fewer periods")
    bound = result.fun if result.mip_dual_bound is None else result.mip_dual_bound
    return RobustPlan(
        float(result.fun) + program.constant,
        float(bound) + program.constant,
        np.maximum(result.x[program.order], 0.0),
        result.x[np.array(program.stock)],
        result.status == 0,
    )


def _explanation(network: RobustNetwork) -> str:
    """The least that must give, found by letting every limit and every shortage pay a unit a unit."""
    program = RobustProgram(network, with_slack=True)
    values = program.run(inf, 0.0).x
    parts = []
    shortage = "worst-case stock of {name} falls {most:,.1f} units below 0 in period {period}"
    overrun = "{name} needs {most:,.1f} units more than its limit in period {period}"
    for kind, what in ((program.short, shortage), (program.over, overrun)):
        worst: dict[str, tuple[float, int]] = {}
        for column, (name, t) in kind.items():
            if values[column] > 1e-6 and values[column] > worst.get(name, (0.0, 0))[0]:
                worst[name] = (float(values[column]), t + 1)
        for name, (most, period) in sorted(worst.items(), key=lambda item: -item[1][0]):
            parts.append(what.format(name=name, most=most, period=period))
    advice = "expected a smaller budget, more stock at the start, more capacity, or a backorder cost"
    return "no plan holds for all demand in the budget: " + "; ".join(parts) + f": {advice} by as much"
