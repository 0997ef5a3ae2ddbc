"""What pooling can save at most: a lower bound of single-stage costs that is concave in an additive measure.

For a set S of independent customers let f(S) be the single-stage cost of serving exactly them (`design.single_stage`).
Cuts at fractional reaches that follow from the convexity of ψ are weak: ψ(1/5, 1/5, ...) is a fifth of f of all, as if
each of five warehouses pooled everybody. Much stronger are cuts from submodularity. f itself is not submodular for
every demand, but it is never below

    F(σ(S)) + q(σ(S)),   σ(S)² = Σ_{c in S} κ_c²,   F the cost against a normal demand        (design.normal_stage)

for the measures κ and the correction q of this module. Made concave in σ², this is submodular, and its convex envelope
over reaches 0 ≤ r ≤ 1 is its Lovász extension (Edmonds 1970; Atamtürk & Narayanan 2008 for such square roots): with
customers in descending order of reach and g_k the bound of the first k, θ ≥ Σ_k (g_k - g_{k-1})·r_k at every design.

Why it bounds: W_c = G_c(Z_c), G_c the quantile function of the demand over the lead time, Z_c independent standard
normal. For every v with mean zero E c(s - W) ≥ -E[v·W] - E c*(v), c* the conjugate. Take v = c'(σ·(z - Y)), the best
one against a normal demand, at Y = Σ κ_c·Z_c/σ, standard normal too. Then

    f(S) ≥ F(σ) + Σ_c [ Cov(-v, G_c(Z_c)) - κ_c·ρ_c·B(σ) ],     ρ_c = κ_c/σ,   B(σ) = E[-v·Y]

With Hermite coefficients a of G_c and b of -v, Cov = Σ_k a_k·b_k·ρ^k, of which the terms beyond K are no larger than
ρ^(K+1) times the root of the variances left out (Cauchy and Schwarz). A bracket is ρ_c²·q_c(σ), and as Σ ρ_c² = 1 the
least q_c bounds their sum. Two choices of κ give two bounds, and cuts of either hold:

    κ_c = a_1, which cancels the first term: best where demand is nearly normal
    κ_c so small that no q_c is negative: for demand of any kind

For normal demand κ_c is its standard deviation, q = 0 and the bound is exact.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from design.demand import Demand, Floats
from design.lead_time_demand import GridDistribution, lead_time_demand
from design.normal_stage import NormalStage, hermite, normal_density
from design.single_stage import CostRates

Ints = NDArray[np.intp]
Bools = NDArray[np.bool_]

TERMS = 24
_STEP = 0.025  # between the deviations of a table, as a share: correlations to the power of TERMS vary little in it
_MARGIN = 2e-5  # of the bound, for what lies between those points
_ROUNDS = 30


@dataclass(frozen=True, eq=False)
class NormalScores:
    """A demand as a function of a standard normal score.

    Parameters
    ----------
    coefficients
        E[G(Z)·h_k(Z)] for k = 1 .. `TERMS`, shape (term,), units.
    variance
        Of the demand.
    """

    coefficients: Floats
    variance: float

    @classmethod
    def of(cls, demand: GridDistribution) -> NormalScores:
        """Of a distribution on a grid."""
        below = np.cumsum(demand.probability)[:-1]  # at every step from one point to the next
        above = np.cumsum(demand.probability[::-1])[::-1][1:]
        inside = (below > 0.0) & (above > 0.0)
        scores = np.where(below < above, ndtri(below), -ndtri(above))[inside]
        steps = np.diff(demand.points)[inside]
        densities = steps * normal_density(scores)
        coefficients = densities @ hermite(scores, TERMS) / np.sqrt(np.arange(1, TERMS + 1))
        return cls(coefficients, demand.standard_deviation**2)


class PooledStage:
    """Lower bounds of the single-stage cost of one node over lanes of one lead time.

    Parameters
    ----------
    rates
        Cost rates in the order of `design.cost`.
    scores
        Of the demand over the lead time of each customer that may be served.
    means, room
        Mean demand of each customer, and how much of it the node can take, units per period.
    """

    def __init__(self, rates: CostRates, scores: list[NormalScores], means: Floats, room: float = inf) -> None:
        self._count = len(scores)
        first = np.array([one.coefficients[0] for one in scores])
        customers = np.flatnonzero(first > 1e-6 * np.sqrt((first**2).sum()))
        self.bounds: tuple[PooledBound, ...] = ()
        if not len(customers):
            return
        terms = _Terms(rates, [scores[k] for k in customers])
        if terms.stage.is_usual:
            measures = [first[customers], terms.safe_measures()]
            self.bounds = tuple(PooledBound.of(terms, kappa, customers, means, room) for kappa in measures)

    def prices(self, reach: Floats) -> Floats:
        """What each customer costs at these reaches: prices·r is no more than the cost of any design at its r.

        Parameters
        ----------
        reach
            Share of each customer that is served, shape (customer,).
        """
        order = np.argsort(-reach, kind="stable")
        found = [bound.prices(order, reach) for bound in self.bounds]
        return max(found, key=lambda prices: float(prices @ reach), default=np.zeros(self._count))


@dataclass(frozen=True, eq=False)
class PooledBound:
    """A concave function of an additive measure.

    Parameters
    ----------
    measures
        κ² of each customer, shape (customer,).
    variance, cost
        Values of σ² from 0 on and the bound there, money per period, shape (point,).
    most
        The largest σ² of customers that the node has room for, or more.
    """

    measures: Floats
    variance: Floats
    cost: Floats
    most: float

    @classmethod
    def of(cls, terms: _Terms, kappa: Floats, customers: Ints, means: Floats, room: float) -> PooledBound:
        """The bound with these measures of some customers, all above 0; the others have none."""
        deviations = _deviations(kappa.min(), np.sqrt((kappa**2).sum()))
        at = terms.at(deviations)
        later = np.minimum.accumulate(at.correction(kappa)[::-1])[::-1]  # so that the sum does not fall
        between = np.append(later[0], later[:-1])  # no more than anywhere in the steps to and from each point
        costs = np.maximum((1.0 - _MARGIN) * (at.stage.cost + between), 0.0)
        variances, costs = np.concatenate([[0.0], deviations**2]), np.concatenate([[0.0], costs])
        slopes = np.minimum.accumulate(np.diff(costs) / np.diff(variances))
        measures = np.zeros(len(means))
        measures[customers] = kappa**2
        costs = np.concatenate([[0.0], np.cumsum(slopes * np.diff(variances))])
        return cls(measures, variances, costs, _most_variance(measures, means, room))

    def at(self, variance: Floats) -> Floats:
        """The bound at values of σ², money per period."""
        return np.asarray(np.interp(variance, self.variance, self.cost))

    def prices(self, order: Ints, reach: Floats) -> Floats:
        """What each of the first customers adds to those before it, and the others pay by their measure.

        Shape (customer,), money per period. The others pay the slope of the chord to the largest σ², which is no more
        than what they add to any set that there is room for; how many are the first is what fits the reaches best.
        """
        measures, shares = self.measures[order], reach[order]
        variances = np.concatenate([[0.0], np.cumsum(measures)])
        costs = self.at(variances)
        added = np.diff(costs)
        left = self.most - variances
        may_end = left > 1e-9 * self.most
        chords = np.divide(self.at(np.array(self.most)) - costs, left, out=np.zeros(len(left)), where=may_end)
        first = np.concatenate([[0.0], np.cumsum(added * shares)])
        others = np.concatenate([np.cumsum((measures * shares)[::-1])[::-1], [0.0]])
        values = np.where(may_end, first + chords * others, -inf)
        if variances[-1] <= self.most * (1.0 + 1e-9):
            values[-1] = first[-1]
        count = int(np.argmax(values))
        prices = np.empty(len(order))
        prices[order] = np.where(np.arange(len(order)) < count, added, chords[count] * measures)
        return prices


def _most_variance(measures: Floats, means: Floats, room: float) -> float:
    """Largest sum of measures whose means fit, parts of a customer allowed."""
    free = means <= 0.0
    order = np.flatnonzero(~free)
    order = order[np.argsort(-measures[order] / means[order], kind="stable")]
    taken = np.diff(np.minimum(np.concatenate([[0.0], np.cumsum(means[order])]), room))
    return float(measures[free].sum() + (measures[order] * taken / means[order]).sum())


def _deviations(least: float, most: float) -> Floats:
    """From the least to the most, in equal shares of at most `_STEP`."""
    return np.geomspace(least, max(most, (1.0 + _STEP) * least), 2 + int(np.log(max(most / least, 1.0)) / _STEP))


class _Terms:
    """Hermite coefficients of customers and of a node's slopes, at deviations σ."""

    def __init__(self, rates: CostRates, scores: list[NormalScores], deviations: Floats | None = None) -> None:
        self._rates = rates
        self._scores = scores
        self._a = np.array([one.coefficients for one in scores])
        variances = np.array([one.variance for one in scores])
        if deviations is None:
            deviations = _deviations(0.5 * self._a[:, 0].min(), np.sqrt(variances.sum()))
        self.stage = NormalStage(rates, deviations)
        self._b = self.stage.slope_coefficients(TERMS)
        left_a = np.maximum(variances - (self._a**2).sum(axis=1), 0.0)
        left_b = np.maximum(self.stage.slope_variance - (self._b**2).sum(axis=1), 0.0)
        self._left_out = np.sqrt(left_a[:, None] * left_b)

    def at(self, deviations: Floats) -> _Terms:
        """The same at other deviations."""
        return _Terms(self._rates, self._scores, deviations)

    def correction(self, kappa: Floats) -> Floats:
        """The least q of the customers whose measure a deviation may hold, shape (point,), money per period."""
        share = np.minimum(kappa[:, None] / self.stage.deviations, 1.0)
        first = (self._a[:, :1] - kappa[:, None]) * self._b[:, 0] / share
        found = first - share ** (TERMS - 1) * self._left_out
        power = np.ones_like(share)
        for k in range(1, TERMS):
            found += self._a[:, k, None] * self._b[:, k] * power
            power = power * share
        return np.asarray(np.where(self._may_hold(kappa), found, np.inf).min(axis=0))

    def safe_measures(self) -> Floats:
        """κ for which no q is negative, shape (customer,), as far as a few rounds of making them smaller lead."""
        kappa = self._a[:, 0].copy()
        for _ in range(_ROUNDS):
            share = np.minimum(kappa[:, None] / self.stage.deviations, 1.0)
            covariance, power = -(share ** (TERMS + 1)) * self._left_out, np.ones_like(share)
            for k in range(TERMS):
                power = power * share
                covariance += self._a[:, k, None] * self._b[:, k] * power
            ratio = np.where(self._may_hold(kappa), covariance / (share * self._b[:, 0]), np.inf).min(axis=1)
            if np.all(ratio >= kappa):
                break
            kappa = np.where(ratio >= kappa, kappa, np.maximum(ratio, 0.5 * kappa))
        return kappa

    def _may_hold(self, kappa: Floats) -> Bools:
        """Whether a set with this deviation, or any up to the next point, may hold it, shape (customer, point)."""
        return np.asarray(np.append(self.stage.deviations[1:], np.inf) >= kappa[:, None])


class Pooling:
    """Pooled stages of a case, made once each.

    Parameters
    ----------
    demand
        Distribution of each customer in one period; independent between customers and periods.
    """

    def __init__(self, demand: Mapping[str, Demand]) -> None:
        self._demand = demand
        self._scores: dict[tuple[str, int], NormalScores] = {}
        self._stages: dict[tuple[CostRates, int, tuple[str, ...], float], PooledStage] = {}

    def stage(self, rates: CostRates, num_periods: int, customers: tuple[str, ...], room: float = inf) -> PooledStage:
        """That of a node with these cost rates and periods of demand at risk.

        Parameters
        ----------
        rates, num_periods
            As of `SingleStageModel.evaluate`.
        customers
            Those that may be served through it.
        room
            How much of their mean demand the node can take, units per period.
        """
        key = (rates, num_periods, customers, room)
        if key not in self._stages:
            means = np.array([self._demand[name].mean for name in customers])
            scores = [self._score(name, num_periods) for name in customers]
            self._stages[key] = PooledStage(rates, scores, means, room)
        return self._stages[key]

    def _score(self, customer: str, num_periods: int) -> NormalScores:
        key = (customer, num_periods)
        if key not in self._scores:
            self._scores[key] = NormalScores.of(lead_time_demand(self._demand[customer], num_periods))
        return self._scores[key]
