"""The demand on a node cut into cells, with what each customer asks for in each of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import floor, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy import special

from design.demand import Floats
from design.lead_time_demand import GridDistribution

Spectrum = NDArray[np.complex128]
NUM_CELLS = 24
LATTICE = 1024


@dataclass(frozen=True, eq=False)
class DemandCells:
    """A sum of customers' demands, cut where a normal distribution's quantiles would be.

    Parameters
    ----------
    probability
        Of each cell, shape (cell,).
    mean
        Of the sum within each cell, units, shape (cell,).
    moment
        E[W_c; cell] of each customer's demand W_c, units, shape (cell,).
    """

    probability: Floats
    mean: Floats
    moment: Mapping[str, Floats]

    @classmethod
    def of(cls, demands: Mapping[str, GridDistribution], shares: Mapping[str, float]) -> DemandCells:
        """Cells of Σ_c share_c·W_c with independent customers.

        Every scaled demand is moved to two neighboring points of a common periodic grid, at random in the proportion
        that keeps its mean. A cell is then an event that depends on demand and chance alone, and its moments are exact
        however coarse the grid and wherever a value beyond its end comes back.

        Parameters
        ----------
        demands, shares
            Distribution of each customer's demand, units, and the share of it that counts, above 0.
        """
        mean = sum(share * demands[c].mean for c, share in shares.items())
        deviation = sqrt(sum((share * demands[c].standard_deviation) ** 2 for c, share in shares.items()))
        if deviation == 0.0:
            return cls(np.ones(1), np.array([mean]), {c: np.array([demands[c].mean]) for c in shares})
        step = 20.0 * deviation / LATTICE
        first = floor((mean - 8.0 * deviation) / step)
        spectra = [_spectra(demands[c], share / step) for c, share in shares.items()]
        before = _running_products([mass for mass, _ in spectra])
        after = _running_products([mass for mass, _ in reversed(spectra)])[::-1]
        total = np.maximum(_in_order(before[-1], first), 0.0)
        edges = special.ndtr(np.linspace(-3.2, 3.2, NUM_CELLS - 1))
        number = np.searchsorted(edges, np.cumsum(total) - 0.5 * total)
        _, cell = np.unique(number, return_inverse=True)
        probability = _per_cell(cell, total)
        values = step * (first + np.arange(LATTICE))
        moment = {
            c: _per_cell(cell, _in_order(spectra[k][1] * before[k] * after[k + 1], first)) for k, c in enumerate(shares)
        }
        return cls(probability, _per_cell(cell, total * values) / probability, moment)


def _per_cell(cell: NDArray[np.intp], values: Floats) -> Floats:
    """Sum of the values in each cell."""
    return np.bincount(cell, values).astype(np.float64)


def _spectra(demand: GridDistribution, scale: float) -> tuple[Spectrum, Spectrum]:
    """Transforms of the mass of a scaled demand on whole numbers, and of its mass times the unscaled demand."""
    position = demand.points * scale
    lower = np.floor(position).astype(np.int64)
    part = position - lower
    cells = np.concatenate((lower % LATTICE, (lower + 1) % LATTICE))
    mass = np.concatenate(((1.0 - part) * demand.probability, part * demand.probability))
    moment = mass * np.concatenate((demand.points, demand.points))
    return np.fft.rfft(np.bincount(cells, mass, LATTICE)), np.fft.rfft(np.bincount(cells, moment, LATTICE))


def _running_products(factors: list[Spectrum]) -> list[Spectrum]:
    """1, f₀, f₀·f₁, ...: one longer than the input."""
    products = [np.ones(LATTICE // 2 + 1, dtype=np.complex128)]
    for factor in factors:
        products.append(products[-1] * factor)
    return products


def _in_order(spectrum: Spectrum, first: int) -> Floats:
    """The periodic array of a transform, starting at point `first`."""
    return np.roll(np.fft.irfft(spectrum, LATTICE), -(first % LATTICE))
