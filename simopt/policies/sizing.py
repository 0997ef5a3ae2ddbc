"""Textbook sizes of stocks and lots, from what the planner believes.

    safety stock      SS(L) = z·κ·σ·sqrt(L),  z = Φ⁻¹(τ)
    lot               EOQ = sqrt(2·D·K/H), D and H over the same horizon       (Harris 1913)

L is the number of periods of demand at risk, which is the lead time of MODEL: one period t (with R periods between
reviews L + R - 1). κ is more than 1 for demand that is hard to foresee (reconstructed).
"""

from __future__ import annotations

import numpy as np
from scipy import special

from design.errors import BadInputError
from simopt.planning.policy import Planner
from simopt.planning.world import Floats, Integers

ROUNDING = 1e-9  # units: a position less below a reorder point is there


def safety_factor(service_level: float) -> float:
    """Z = Φ⁻¹(τ)."""
    return float(special.ndtri(service_level))


def safety_stock(planner: Planner, factor: float, periods: Integers) -> Floats:
    """Units, shape (replication, product).

    Parameters
    ----------
    planner
        Whose estimates.
    factor
        z.
    periods
        At risk, shape (product,).
    """
    return factor * planner.world.caution * planner.sd * np.sqrt(periods)


def order_up_to(planner: Planner, factor: float, periods: Integers) -> Floats:
    """Expected demand over the periods at risk and safety stock, at least 0."""
    return np.maximum(planner.mean * periods + safety_stock(planner, factor, periods), 0.0)


def economic_lot(planner: Planner) -> Floats:
    """EOQ, units, shape (replication, product); 0 where orders cost nothing.

    Raises
    ------
    BadInputError
        If orders cost something and stock nothing: the best lot would be endless.
    """
    site, holding = planner.site, planner.site.rates[0]
    endless = (site.order_cost > 0.0) & (holding <= 0.0) & site.handled
    if endless.any():
        product = planner.world.products[int(np.flatnonzero(endless)[0])]
        of = f"{site.name}, product {product}" if product else site.name
        raise BadInputError(f"holding_cost of {of}: expected above 0 for an economic lot, as orders cost something")
    return np.sqrt(2.0 * planner.mean * site.order_cost / np.where(holding > 0.0, holding, 1.0))
