"""What rules with a target that does not move have in common."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simopt.planning.policy import Situation
from simopt.planning.world import Floats


@dataclass(frozen=True, eq=False, kw_only=True)
class FixedTarget:
    """A rule that aims at a level and starts there; neither signal nor echelon is needed.

    Parameters
    ----------
    up_to
        The level, units, shape (replication, product) or (product,).
    """

    up_to: Floats
    needs_signal: bool = False
    needs_echelon: bool = False

    def aim(self, now: Situation) -> Floats:
        """The level."""
        return np.broadcast_to(self.up_to, now.on_hand.shape)

    def start(self) -> Floats:
        """The level."""
        return self.up_to
