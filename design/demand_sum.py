"""Sums of customers' scaled lead-time demands by fast Fourier transform, with what gradients need of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from design.demand import Floats
from design.grid_distribution import GridDistribution, spread_of_sum

Spectrum = NDArray[np.complex128]


class DemandSum:
    """Distribution of a sum of scaled demands on a lattice.

    Parameters
    ----------
    grids, shares
        The demands and their factors.
    min_size
        Points at least.
    """

    def __init__(self, grids: list[GridDistribution], shares: list[float], min_size: int) -> None:
        self._lattice = _Lattice.covering(grids, shares, min_size)
        spectra = [self._lattice.spectra(grid, share) for grid, share in zip(grids, shares, strict=True)]
        self._moments = [moment for _, moment in spectra]
        self._before = _running_products([mass for mass, _ in spectra])
        self._after = _running_products([mass for mass, _ in reversed(spectra)])[::-1]
        self.values = self._lattice.values
        self.probability = self._lattice.to_values(np.fft.irfft(self._before[-1], self._lattice.size))

    def gradient(self, slope: Floats) -> Floats:
        """-E[slope·W_c] of each demand, for a slope at each value."""
        test, products = self._lattice.spectrum_of(slope), zip(self._before, self._after[1:], strict=False)
        return np.array(
            [
                -self._lattice.inner_product(test, moment * (before * after))
                for moment, (before, after) in zip(self._moments, products, strict=False)
            ]
        )


@dataclass(frozen=True)
class _Lattice:
    """A periodic grid of `size` points that holds the sum of scaled demands, first value offset + `start`·`step`.

    Demands that never vary make up the offset.
    """

    offset: float
    step: float
    start: int
    size: int

    @classmethod
    def covering(cls, grids: list[GridDistribution], shares: list[float], min_size: int) -> _Lattice:
        """The grid from the combined lowest to the combined highest value."""
        offset = sum(share * grid.mean for grid, share in zip(grids, shares, strict=True) if grid.is_constant)
        varying = [(grid, share) for grid, share in zip(grids, shares, strict=True) if not grid.is_constant]
        if not varying:
            return cls(offset, 1.0, -1, 4)
        mean = sum(share * grid.mean for grid, share in varying)
        below, above = spread_of_sum(varying)
        low, high = max(mean - below, 0.0), mean + above
        step = max((high - low) / (min_size - 4), 0.25 * min(share * grid.step for grid, share in varying))
        if all(grid.step == 1.0 and share == 1.0 for grid, share in varying):
            step = 1.0
        size = 1 << (int((high - low) / step) + 3).bit_length()
        return cls(offset, step, int(low / step) - 1, size)

    @property
    def values(self) -> Floats:
        """Units at each point, ascending, shape (size,)."""
        return self.offset + self.step * (self.start + np.arange(self.size, dtype=np.float64))

    def spectra(self, grid: GridDistribution, share: float) -> tuple[Spectrum, Spectrum]:
        """Transforms of a scaled demand's mass and of its mass times the unscaled demand."""
        if grid.is_constant:
            everywhere = np.ones(self.size // 2 + 1, dtype=np.complex128)
            return everywhere, grid.mean * everywhere
        position = grid.points * (share / self.step)
        nearest = np.floor(position + 0.5).astype(np.int64)
        f = position - nearest
        cells = np.concatenate([(nearest + shift) % self.size for shift in (-1, 0, 1)])
        split = np.stack((0.5 * f * (f - 1.0), 1.0 - f * f, 0.5 * f * (f + 1.0)))
        mass = (split * grid.probability).ravel()
        moment = (split * (grid.probability * grid.points)).ravel()
        return (
            np.fft.rfft(np.bincount(cells, mass, self.size)),
            np.fft.rfft(np.bincount(cells, moment, self.size)),
        )

    def to_values(self, periodic: Floats) -> Floats:
        """Reorder a periodic array to the order of `values`."""
        return np.roll(periodic, -(self.start % self.size))

    def spectrum_of(self, ordered: Floats) -> Spectrum:
        """Transform of an array given in the order of `values`."""
        return np.fft.rfft(np.roll(ordered, self.start % self.size))

    def inner_product(self, one: Spectrum, other: Spectrum) -> float:
        """Sum of products of two real periodic arrays, from their transforms (Parseval)."""
        products = (np.conj(one) * other).real
        return float((2.0 * products.sum() - products[0] - products[-1]) / self.size)


def _running_products(factors: list[Spectrum]) -> list[Spectrum]:
    """1, f₀, f₀·f₁, ...: one longer than the input."""
    products = [np.ones_like(factors[0])]
    for factor in factors:
        products.append(products[-1] * factor)
    return products
