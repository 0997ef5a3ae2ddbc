"""Parameters of sized policies: how careful, how large the lots, how often; per site where they have been tuned."""

from __future__ import annotations

from dataclasses import dataclass

from simopt.planning.policy import Planner
from simopt.policies.sizing import safety_factor


@dataclass(frozen=True)
class Sizing:
    """How stocks and lots are sized.

    Parameters
    ----------
    service_level
        τ; None: the case's.
    factors
        z of every site in the world's order, in the place of Φ⁻¹(τ); empty: none.
    lot_factor, lots
        What economic lots are multiplied by: everywhere, and by site; empty: nothing more.
    """

    service_level: float | None = None
    factors: tuple[float, ...] = ()
    lot_factor: float = 1.0
    lots: tuple[float, ...] = ()

    def factor(self, site: int, planner: Planner) -> float:
        """Z of a site."""
        return self.factors[site] if self.factors else self.factor_at(planner.world.settings.service_level)

    def factor_at(self, service_level: float) -> float:
        """Z without tuning; the service level is the case's."""
        return safety_factor(service_level if self.service_level is None else self.service_level)

    def lot(self, site: int) -> float:
        """What the economic lot of a site is multiplied by."""
        return self.lot_factor * (self.lots[site] if self.lots else 1.0)
