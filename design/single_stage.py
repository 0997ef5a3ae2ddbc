"""Single-stage costs ψ and their gradients: the master's lower bound on a node's cost (MODEL: master problem).

Pretend the supplier of a node never runs short. Its net stock is then S - W, W the demand of the customers it reaches
over one lead time, and its expected cost per period at the best base-stock level is

    ψ(r) = min_S E c(S - W),   W = Σ_c r_c·W_c,   jointly convex in the reach r, ψ(0) = 0.

Where demand follows a cycle (profiles), W differs by period. A level is the same in all periods, so that ψ is the least
mean over the cycle, min_S E c(S - W) with W of a random period. As a bound this holds for sources alone: what another
node waits for from its supplier may differ by period as well, and only the mean of the periods' minima bounds its cost.

A subgradient is ∂ψ/∂r_c = -E[v·W_c] where v is a subgradient of c at S - W chosen with mean exactly zero: a plain slope
at the sample where S = W makes the cut wrong by up to 100% with few samples.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numba import njit

from design.cost import net_stock_cost, net_stock_slope
from design.demand import Demand, Floats
from design.demand_process import cycle_length
from design.demand_sum import DemandSum
from design.lead_time_demand import GridDistribution, phase_demand

CostRates = tuple[float, float, float, float, float]
NEGLIGIBLE_REACH = 1e-7


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
    """

    cost: float
    gradient: Floats
    level: float


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
            Customers that may be served through the node and the share of each that is, or the units of the node in
            one that they ask for, shape (customer,), at least 0.
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
    by_period
        Whether every period of a demand cycle is minimized by itself, which makes ψ a bound, without a level.
    """

    num_scenarios = 0
    _MIN_SIZE = 4096

    def __init__(self, demand: Mapping[str, Demand], *, by_period: bool = False) -> None:
        self._demand = demand
        self._by_period = by_period
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
        periods = [
            DemandSum([self._grid(name, num_periods, phase) for name in served], shares, self._MIN_SIZE)
            for phase in range(cycle_length(self._demand[name] for name in served))
        ]
        levels, costs, gradient = [], [], np.zeros(len(customers))
        for together in [[one] for one in periods] if self._by_period else [periods]:
            level, cost, slopes = _minimize([(one.values, one.probability) for one in together], rates)
            levels.append(max(level, 0.0))
            costs.append(cost)
            for one, slope in zip(together, slopes, strict=True):
                gradient[active] += one.gradient(slope) / len(periods)
        return SingleStageValue(float(np.mean(costs)), gradient, float(np.mean(levels)))

    def _grid(self, customer: str, num_periods: int, phase: int) -> GridDistribution:
        phase %= cycle_length([self._demand[customer]])
        key = (customer, num_periods, phase)
        if key not in self._grids:
            self._grids[key] = phase_demand(self._demand[customer], num_periods, phase)
        return self._grids[key]


def _minimize(parts: list[tuple[Floats, Floats]], rates: CostRates) -> tuple[float, float, list[Floats]]:
    """Best level against equally likely distributions, its cost, and subgradients at the values of each of them.

    Parameters
    ----------
    parts
        Values, ascending, and their probabilities.
    rates
        Cost rates in the order of `design.cost`.
    """
    of_node = np.array(rates, dtype=np.float64)
    if len(parts) == 1:
        level, cost, slope = minimize_net_stock_cost(*parts[0], of_node)
        return level, cost, [slope]
    values = np.concatenate([values for values, _ in parts])
    weights = np.concatenate([weights for _, weights in parts]) / len(parts)
    order = np.argsort(values, kind="stable")
    level, cost, slopes = minimize_net_stock_cost(values[order], weights[order], of_node)
    unsorted = np.empty_like(slopes)
    unsorted[order] = slopes
    return level, cost, np.split(unsorted, np.cumsum([len(values) for values, _ in parts])[:-1])


class SampledSingleStage:
    """ψ as a sample average over scenarios of lead-time demand.

    Parameters
    ----------
    scenarios
        Anything with `num_scenarios` and `lead_time_demand(customers, num_periods)`: see `design.scenario`.
    by_period
        See `QuadratureSingleStage`.
    """

    def __init__(self, scenarios: Scenarios, *, by_period: bool = False) -> None:
        self._scenarios = scenarios
        self._by_period = by_period

    @property
    def num_scenarios(self) -> int:
        """Number of equally likely scenarios."""
        return self._scenarios.num_scenarios

    def evaluate(
        self, rates: CostRates, num_periods: int, customers: tuple[str, ...], reach: Floats
    ) -> SingleStageValue:
        """ψ and a subgradient, see `SingleStageModel.evaluate`."""
        samples, sums = [], []
        for phase in range(self._scenarios.cycle_length(customers)):
            drawn = self._scenarios.lead_time_demand(customers, num_periods, phase)
            demand = drawn @ np.asarray(reach, dtype=np.float64)
            order = np.argsort(demand, kind="stable")
            samples.append(drawn[order])
            sums.append((demand[order], np.full(len(demand), 1.0 / len(demand))))
        levels, costs, gradients = [], [], []
        for together in [[k] for k in range(len(sums))] if self._by_period else [list(range(len(sums)))]:
            level, cost, slopes = _minimize([sums[k] for k in together], rates)
            levels.append(level)
            costs.append(cost)
            gradients += [-(slope * sums[k][1]) @ samples[k] for k, slope in zip(together, slopes, strict=True)]
        return SingleStageValue(float(np.mean(costs)), np.mean(gradients, axis=0), float(np.mean(levels)))


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
