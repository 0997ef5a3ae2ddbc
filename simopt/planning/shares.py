"""Sharing what is short: in proportion, in whole units where the world has them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def in_proportion(wanted: Floats, available: Floats, *, whole: bool) -> Floats:
    """Parts of what is available, in proportion to what is wanted and not above it.

    Parameters
    ----------
    wanted
        Shape (claimant, ...), units.
    available
        Shape (...), units; what is beyond the sum of the claims is nobody's.
    whole
        Whether parts are whole units, by largest remainder; all claims and what is available are whole then.
    """
    total = wanted.sum(axis=0)
    if len(wanted) == 1:
        return np.minimum(wanted, available)
    enough = available >= total
    if enough.all():
        return wanted.copy()
    parts = wanted * np.where(enough, 1.0, available / np.where(enough, 1.0, total))
    return with_largest_remainder(parts, np.minimum(available, total)) if whole else np.where(enough, wanted, parts)


def with_largest_remainder(parts: Floats, total: Floats) -> Floats:
    """Whole parts that add up to a whole total: rounded down, then one more for the largest remainders.

    Parameters
    ----------
    parts
        Shape (claimant, ...), units; their sum is the total but for rounding.
    total
        Shape (...), whole units.
    """
    lower = np.floor(parts + 1e-9)
    left = total - lower.sum(axis=0)
    remainder = np.round(parts - lower, 9)  # equal ones stay equal
    rank = np.argsort(np.argsort(-remainder, axis=0, kind="stable"), axis=0, kind="stable")
    return lower + (rank < left)


def by_pressure(wanted: Floats, pressure: Floats, capacity: Floats, *, whole: bool) -> Floats:
    """Capacity of a family shared by pressure; what a product does not need goes back to the others.

    Parameters
    ----------
    wanted
        Units that could go out, shape (replication, product), products of one family.
    pressure
        Priority of each product, at least 0, above 0 wherever something is wanted.
    capacity
        Units, shape (replication,).
    whole
        As in `in_proportion`.
    """
    granted = np.zeros_like(wanted)
    short = wanted.sum(axis=1) > capacity
    granted[~short] = wanted[~short]
    rows = np.flatnonzero(short)
    left = capacity[rows].astype(np.float64)
    while len(rows):
        need = wanted[rows] - granted[rows]
        weight = np.where(need > 0.0, pressure[rows], 0.0)
        parts = weight * (left / weight.sum(axis=1))[:, None]
        if whole:
            parts = with_largest_remainder(parts.T, left).T
        given = np.minimum(parts, need)
        granted[rows] += given
        left = left - given.sum(axis=1)
        open_rows = (left > 1e-9) & ((wanted[rows] - granted[rows]) > 1e-9).any(axis=1)
        rows, left = rows[open_rows], left[open_rows]
    return granted
