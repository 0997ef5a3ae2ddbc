"""Single-stage costs ψ and their gradients: the master's lower bound on a node's cost (MODEL: master problem).

Pretend the supplier of a node never runs short. Its net stock is then S - W, W the demand of the customers it reaches
over one lead time, and its expected cost per period at the best base-stock level is

    ψ(r) = min_S E c(S - W),   W = Σ_c r_c·W_c,   jointly convex in the reach r, ψ(0) = 0.

Where demand follows a cycle (profiles), W and the minimum differ by period and ψ is the mean of the minima: what a node
waits for from its supplier may differ by period as well.

A subgradient is ∂ψ/∂r_c = -E[v·W_c] where v is a subgradient of c at S - W chosen with mean exactly zero: a plain slope
at the sample where S = W makes the cut wrong by up to 100% with few samples.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numba import njit
from numpy.typing import NDArray

from design.cost import net_stock_cost, net_stock_slope
from design.demand import Demand, Floats
from design.demand_process import cycle_length
from design.grid_distribution import spread_of_sum
from design.lead_time_demand import GridDistribution, phase_demand

Spectrum = NDArray[np.complex128]
CostRates = tuple[float, float, float, float, float]
NEGLIGIBLE_REACH = 1e-7
NEGLIGIBLE_MASS = 1e-18


@dataclass(frozen=True, eq=False)
class SingleStageValue:
    """ψ at one reach.

    Parameters
    ----------
    cost
        Expected money per period.
    gradient
        A subgradient in the reach, shape (customer,), money per period.
    level
        A minimizing base-stock level, units.
    above
        By how much the level costs more than `cost`, money per period: with demand profiles a level is one for all
        periods of the cycle, ψ the mean of their minima.
    """

    cost: float
    gradient: Floats
    level: float
    above: float = 0.0


class SingleStageModel(Protocol):
    """Evaluates ψ; how W is represented is the implementation's business."""

    @property
    def num_scenarios(self) -> int:
        """Sampled scenarios, 0 where the expectation is computed by quadrature."""

    def evaluate(
        self, rates: CostRates, num_periods: int, customers: tuple[str, ...], reach: Floats
    ) -> SingleStageValue:
        """ψ and a subgradient.

        Parameters
        ----------
        rates
            Cost rates of the node, in the order of `design.cost`.
        num_periods
            Periods of demand at risk: the lead time.
        customers, reach
            Customers that may be served through the node and the share of each that is, shape (customer,), in [0, 1].
        """


class QuadratureSingleStage:
    """ψ by convolution of the customers' lead-time demands: no sampling error.

    Each scaled demand r_c·W_c is moved to three points of a common grid so that mean and variance stay, and the sum's
    distribution follows by fast Fourier transform. The grid makes ψ too large by less than 1e-5 of itself. Customers
    must be independent of each other.

    Parameters
    ----------
    demand
        Distribution of each customer in one period.
    """

    num_scenarios = 0
    _MIN_SIZE = 4096

    def __init__(self, demand: Mapping[str, Demand]) -> None:
        self._demand = demand
        self._grids: dict[tuple[str, int, int], GridDistribution] = {}
        self._served: dict[tuple[CostRates, int, tuple[str, ...]], SingleStageValue] = {}

    def evaluate(
        self, rates: CostRates, num_periods: int, customers: tuple[str, ...], reach: Floats
    ) -> SingleStageValue:
        """ψ and a subgradient, see `SingleStageModel.evaluate`; those of customers served in full are kept."""
        key = (rates, num_periods, customers)
        if not np.all(reach == 1.0):
            return self._compute(rates, num_periods, customers, reach)
        if key not in self._served:
            self._served[key] = self._compute(rates, num_periods, customers, reach)
        return self._served[key]

    def _compute(
        self, rates: CostRates, num_periods: int, customers: tuple[str, ...], reach: Floats
    ) -> SingleStageValue:
        active = np.flatnonzero(np.asarray(reach) > NEGLIGIBLE_REACH)
        if num_periods == 0 or len(active) == 0:
            return SingleStageValue(0.0, np.zeros(len(customers)), 0.0)
        served = [customers[c] for c in active]
        shares = [float(reach[c]) for c in active]
        cycle = range(cycle_length(self._demand[name] for name in served))
        parts = []
        for phase in cycle:
            found, values, total = self._phase(rates, [self._grid(c, num_periods, phase) for c in served], shares)
            gradient = np.zeros(len(customers))
            gradient[active] = found.gradient
            parts.append((SingleStageValue(found.cost, gradient, found.level), values, total))
        return _over_cycle(parts, rates)

    def _phase(
        self, rates: CostRates, grids: list[GridDistribution], shares: list[float]
    ) -> tuple[SingleStageValue, Floats, Floats]:
        """ψ of the sum of scaled demands with its gradient in the shares, and the sum's values and probabilities."""
        lattice = _Lattice.covering(grids, shares, self._MIN_SIZE)
        spectra = [lattice.spectra(grid, share) for grid, share in zip(grids, shares, strict=True)]
        before = _running_products([mass for mass, _ in spectra])
        after = _running_products([mass for mass, _ in reversed(spectra)])[::-1]
        total = lattice.to_values(np.fft.irfft(before[-1], lattice.size))
        level, cost, slope = minimize_net_stock_cost(lattice.values, total, np.array(rates, dtype=np.float64))
        test = lattice.spectrum_of(slope)
        gradient = [
            -lattice.inner_product(test, moment * (before[k] * after[k + 1])) for k, (_, moment) in enumerate(spectra)
        ]
        return SingleStageValue(cost, np.array(gradient), max(level, 0.0)), lattice.values, total

    def _grid(self, customer: str, num_periods: int, phase: int) -> GridDistribution:
        phase %= cycle_length([self._demand[customer]])
        key = (customer, num_periods, phase)
        if key not in self._grids:
            self._grids[key] = phase_demand(self._demand[customer], num_periods, phase)
        return self._grids[key]


def _over_cycle(parts: list[tuple[SingleStageValue, Floats, Floats]], rates: CostRates) -> SingleStageValue:
    """The mean over the periods of a cycle, with the best level for all of them together.

    Parameters
    ----------
    parts
        ψ of each period of the cycle, the values of its demand and their probabilities.
    rates
        Cost rates in the order of `design.cost`.
    """
    if len(parts) == 1:
        return parts[0][0]
    cost = float(np.mean([value.cost for value, _, _ in parts]))
    gradient = np.mean([value.gradient for value, _, _ in parts], axis=0)
    values = np.concatenate([values for _, values, _ in parts])
    weights = np.concatenate([weights for _, _, weights in parts]) / len(parts)
    kept = np.flatnonzero(weights > NEGLIGIBLE_MASS)
    order = kept[np.argsort(values[kept], kind="stable")]
    weights = weights[order] / weights[order].sum()
    level, common, _ = minimize_net_stock_cost(values[order], weights, np.array(rates, dtype=np.float64))
    return SingleStageValue(cost, gradient, max(level, 0.0), max(common - cost, 0.0))


class SampledSingleStage:
    """ψ as a sample average over scenarios of lead-time demand.

    Parameters
    ----------
    scenarios
        Anything with `num_scenarios` and `lead_time_demand(customers, num_periods)`: see `design.scenario`.
    """

    def __init__(self, scenarios: Scenarios) -> None:
        self._scenarios = scenarios

    @property
    def num_scenarios(self) -> int:
        """Number of equally likely scenarios."""
        return self._scenarios.num_scenarios

    def evaluate(
        self, rates: CostRates, num_periods: int, customers: tuple[str, ...], reach: Floats
    ) -> SingleStageValue:
        """ψ and a subgradient, see `SingleStageModel.evaluate`."""
        parts = []
        for phase in range(self._scenarios.cycle_length(customers)):
            samples = self._scenarios.lead_time_demand(customers, num_periods, phase)
            demand = samples @ np.asarray(reach, dtype=np.float64)
            order = np.argsort(demand, kind="stable")
            weights = np.full(len(demand), 1.0 / len(demand))
            level, cost, slope = minimize_net_stock_cost(demand[order], weights, np.array(rates, dtype=np.float64))
            value = SingleStageValue(cost, -(slope * weights) @ samples[order], level)
            parts.append((value, demand[order], weights))
        return _over_cycle(parts, rates)


class Scenarios(Protocol):
    """Equally likely samples of lead-time demand."""

    @property
    def num_scenarios(self) -> int:
        """How many."""

    def cycle_length(self, customers: tuple[str, ...]) -> int:
        """Periods after which the demand profiles of these customers repeat; 1 without profiles."""

    def lead_time_demand(self, customers: tuple[str, ...], num_periods: int, phase: int = 0) -> Floats:
        """Demand over `num_periods` periods of which the last is `phase` periods into the cycle.

        Shape (scenario, customer), units.
        """


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


@njit(cache=True, error_model="numpy")
def _mean_slope(level, right, demand, weights, rates):  # type: ignore[no-untyped-def]
    """E of the right (else left) derivative of the cost in the level."""
    total = 0.0
    for k in range(len(demand)):
        total += weights[k] * _slope(level - demand[k], right, rates)
    return total


@njit(cache=True, inline="always", error_model="numpy")
def _slope(net, right, rates):  # type: ignore[no-untyped-def]
    if right:
        return net_stock_slope(net, rates[0], rates[1], rates[2], rates[3], rates[4])
    if net <= 0.0:
        return -rates[4]
    slope = rates[0] + 2.0 * rates[1] * net
    if net > rates[2]:
        slope += rates[3]
    return slope


@njit(cache=True, error_model="numpy")
def _bracket(demand, weights, rates):  # type: ignore[no-untyped-def]
    """Levels low <= high around the minimum, and whether the slope at high is its right derivative there.

    They are equal where the minimum is a kink at a demand; else the mean slope is linear in between, or they are
    neighboring numbers around a kink at a demand plus the capacity.
    """
    first, last = 0, len(demand) - 1
    while first < last:
        middle = (first + last) // 2
        if _mean_slope(demand[middle], True, demand, weights, rates) >= 0.0:
            last = middle
        else:
            first = middle + 1
    high = demand[first]
    if first == 0 or _mean_slope(high, False, demand, weights, rates) <= 0.0:
        return high, high, True
    low = demand[first - 1]
    if rates[2] < np.inf:  # kinks at demand + capacity may lie between: halve until none does
        if _mean_slope(high, True, demand, weights, rates) < 0.0:
            return low, high, False
        for _ in range(80):
            middle = 0.5 * (low + high)
            if _mean_slope(middle, True, demand, weights, rates) >= 0.0:
                high = middle
            else:
                low = middle
        return low, high, True
    return low, high, False


@njit(cache=True, error_model="numpy")
def minimize_net_stock_cost(demand, weights, rates):  # type: ignore[no-untyped-def]
    """Best base-stock level against a finite lead-time demand distribution.

    Parameters
    ----------
    demand
        Its values, ascending, shape (point,), units.
    weights
        Their probabilities, shape (point,).
    rates
        Cost rates in the order of `design.cost`, shape (5,).

    Returns
    -------
    tuple
        The level, the expected cost per period there, and subgradients of the cost at level - demand, shape (point,),
        whose weighted mean is zero.
    """
    low, high, right = _bracket(demand, weights, rates)
    kink = low == high
    slope_low = _mean_slope(low, not kink, demand, weights, rates)
    slope_high = _mean_slope(high, right, demand, weights, rates)
    part = 0.0
    if slope_high > slope_low:
        part = min(max(-slope_low / (slope_high - slope_low), 0.0), 1.0)
    level = low + part * (high - low)
    cost = 0.0
    slopes = np.empty(len(demand))
    for k in range(len(demand)):
        cost += weights[k] * net_stock_cost(level - demand[k], rates[0], rates[1], rates[2], rates[3], rates[4])
        slopes[k] = (1.0 - part) * _slope(low - demand[k], not kink, rates) + part * _slope(
            high - demand[k], right, rates
        )
    return level, cost, slopes
