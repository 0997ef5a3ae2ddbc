"""Supply-chain network design and base-stock levels, decided together.

What users call is listed here and loaded when it is first asked for, which keeps the command line quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from design.case import Case
    from design.errors import BadInputError, NoSolutionError
    from design.tactical.chain import SerialChain
    from simopt.adapt_outcome import AdaptOutcome
    from simopt.api import adapt, check_simulator, load_case, load_solution, operate, solve, tactical
    from simopt.apps.adapt import AdaptOptions
    from simopt.apps.operate import OperateOptions
    from simopt.apps.options import SolveOptions
    from simopt.apps.tactical import TacticalOptions
    from simopt.check_outcome import SimulatorCheck
    from simopt.operate_outcome import Operated
    from simopt.simulation.cluster import connected
    from simopt.simulation.user_simulator import NodeCosts, Outcome, Replication, UserSimulator
    from simopt.solution import Plot, Solution
    from simopt.tactical_outcome import TacticalPlan

__all__ = [
    "AdaptOptions",
    "AdaptOutcome",
    "BadInputError",
    "Case",
    "NoSolutionError",
    "NodeCosts",
    "OperateOptions",
    "Operated",
    "Outcome",
    "Plot",
    "Replication",
    "SerialChain",
    "SimulatorCheck",
    "Solution",
    "SolveOptions",
    "TacticalOptions",
    "TacticalPlan",
    "UserSimulator",
    "adapt",
    "check_simulator",
    "connected",
    "load_case",
    "load_solution",
    "operate",
    "solve",
    "tactical",
]

_HOMES = {
    "design.case": ("Case",),
    "design.errors": ("BadInputError", "NoSolutionError"),
    "simopt.api": ("adapt", "check_simulator", "load_case", "load_solution", "operate", "solve", "tactical"),
    "simopt.adapt_outcome": ("AdaptOutcome",),
    "simopt.apps.adapt": ("AdaptOptions",),
    "simopt.apps.operate": ("OperateOptions",),
    "simopt.apps.options": ("SolveOptions",),
    "simopt.operate_outcome": ("Operated",),
    "simopt.apps.tactical": ("TacticalOptions",),
    "simopt.tactical_outcome": ("TacticalPlan",),
    "design.tactical.chain": ("SerialChain",),
    "simopt.check_outcome": ("SimulatorCheck",),
    "simopt.solution": ("Plot", "Solution"),
    "simopt.simulation.cluster": ("connected",),
    "simopt.simulation.user_simulator": ("NodeCosts", "Outcome", "Replication", "UserSimulator"),
}


def __getattr__(name: str) -> object:
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(home), name)
    raise AttributeError(f"module 'simopt' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
