"""What masters are to those who use them, and what they answer."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Protocol

import numpy as np

from design.network import Component, Design
from design.solver import SolveStatus


class Bound(Enum):
    """Which stock costs a master charges."""

    AUTO = "auto"
    SINGLE_STAGE = "single-stage"
    ECHELON = "echelon"


@dataclass(frozen=True)
class MasterSolution:
    """A design proposed by a master and what it proves.

    Parameters
    ----------
    status
        OPTIMAL: `bound` and `objective` agree to the master's tolerance. Otherwise only `bound` is proven.
    design
        The design found, or None.
    bound
        No design that is not forbidden costs less in the master's model; money over the horizon.
    objective
        The design's cost in the master's model.
    model
        Which stock costs that model has: single-stage or echelon.
    """

    status: SolveStatus
    design: Design | None
    bound: float
    objective: float
    model: Bound = Bound.SINGLE_STAGE


class PricedMaster(Protocol):
    """What the outer-approximation loop needs of a master problem."""

    @property
    def num_scenarios(self) -> int:
        """Sampled scenarios behind its costs; 0 with quadrature."""

    def solve(self, time_limit: float = np.inf) -> MasterSolution:
        """Design of least cost in the master's model."""

    def price(self, component: Component, extra: float) -> None:
        """Charge exactly this component `extra` money over the horizon on top."""


class Master(PricedMaster, Protocol):
    """A master that can also leave out designs."""

    def forbid(self, design: Design) -> None:
        """Exclude exactly this design from later solves."""
