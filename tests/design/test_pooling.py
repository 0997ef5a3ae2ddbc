"""What pooling saves at most, against exact single-stage costs of sets of customers."""

from __future__ import annotations

import itertools
from math import inf

import numpy as np
import pytest
from scipy.stats import norm

from design.demand import Demand
from design.normal_stage import NormalStage, hermite
from design.pooling import Pooling
from design.single_stage import CostRates, QuadratureSingleStage
from design.smooth_demand import GammaDemand, IntermittentDemand, LogNormalDemand, NormalDemand
from design.whole_demand import NegativeBinomialDemand, PoissonDemand

LINEAR: CostRates = (0.01, 0.0, inf, 0.0, 0.1)
RATES: dict[str, CostRates] = {
    "linear": LINEAR,
    "cheap backorders": (0.01, 0.0, inf, 0.0, 0.004),
    "dear backorders": (0.01, 0.0, inf, 0.0, 1.0),
    "quadratic": (0.01, 1e-3, inf, 0.0, 0.1),
    "overflow": (0.01, 2e-4, 20.0, 0.05, 0.2),
}


def of_kind(kind: str, rng: np.random.Generator, count: int) -> dict[str, Demand]:
    means = rng.uniform(2.0, 30.0, count)
    make = {
        "normal": lambda m: NormalDemand(m, rng.uniform(0.05, 0.3) * m),
        "cut off": lambda m: NormalDemand(m, rng.uniform(0.5, 1.5) * m),
        "gamma": lambda m: GammaDemand(m, rng.uniform(0.5, 1.5) * m),
        "lognormal": lambda m: LogNormalDemand(m, rng.uniform(0.5, 1.0) * m),
        "poisson": lambda m: PoissonDemand(m / 10.0),
        "negative binomial": lambda m: NegativeBinomialDemand(m, 1.3 * m),
    }
    kinds = list(make) if kind == "mixed" else [kind]
    return {f"c{k}": make[kinds[k % len(kinds)]](mean) for k, mean in enumerate(means)}


def sets(rng: np.random.Generator, count: int) -> list[np.ndarray]:
    """Every customer alone, all of them, and some at random, as reaches."""
    found = [np.eye(count)[k] for k in range(count)] + [np.ones(count)]
    return found + [(rng.random(count) < rng.random()).astype(float) for _ in range(12)]


@pytest.mark.parametrize("rates", RATES.values(), ids=RATES)
@pytest.mark.parametrize("kind", ["normal", "cut off", "gamma", "lognormal", "poisson", "negative binomial", "mixed"])
def test_no_set_of_customers_costs_less(kind, rates):
    rng = np.random.default_rng([7, len(kind)])
    demand = of_kind(kind, rng, 9)
    names, exact, pooling = tuple(demand), QuadratureSingleStage(demand), Pooling(demand)
    accuracy = 1e-3 if kind in ("lognormal", "mixed") else 1e-6  # of the quadrature, whose grid ends in heavy tails
    for periods in (1, 3):
        stage = pooling.stage(rates, periods, names)
        assert stage.bounds
        for reach in sets(rng, len(names)):
            cost = exact.evaluate(rates, periods, names, reach).cost
            for bound in stage.bounds:
                assert bound.at(np.array(bound.measures @ reach)) <= cost * (1.0 + accuracy) + 1e-12


@pytest.mark.parametrize("kind", ["normal", "cut off", "gamma", "poisson", "mixed"])
def test_prices_at_any_reach_are_no_more_than_the_cost_of_any_set(kind):
    rng = np.random.default_rng([8, len(kind)])
    demand = of_kind(kind, rng, 6)
    names, exact = tuple(demand), QuadratureSingleStage(demand)
    stage = Pooling(demand).stage(LINEAR, 2, names)
    every = [np.array(chosen, dtype=float) for chosen in itertools.product((0, 1), repeat=len(names))]
    costs = [exact.evaluate(LINEAR, 2, names, reach).cost for reach in every]
    for _ in range(20):
        prices = stage.prices(rng.random(len(names)) * (rng.random(len(names)) < 0.7))
        assert prices.max() > 0.0
        assert all(prices @ reach <= cost * (1.0 + 1e-6) + 1e-12 for reach, cost in zip(every, costs, strict=True))


@pytest.mark.parametrize(("rates", "share"), [(RATES["linear"], 0.998), (RATES["quadratic"], 0.998)])
def test_normal_demand_is_bounded_almost_exactly(rates, share):
    rng = np.random.default_rng(9)
    demand = of_kind("normal", rng, 12)
    names, exact = tuple(demand), QuadratureSingleStage(demand)
    stage = Pooling(demand).stage(rates, 2, names)
    for reach in sets(rng, len(names)):
        if reach.any():
            bound = max(float(one.at(np.array(one.measures @ reach))) for one in stage.bounds)
            assert bound >= share * exact.evaluate(rates, 2, names, reach).cost


def test_prices_are_above_the_tangent_at_fractional_reaches():
    rng = np.random.default_rng(10)
    demand = of_kind("normal", rng, 30)
    names, exact = tuple(demand), QuadratureSingleStage(demand)
    stage = Pooling(demand).stage(LINEAR, 2, names)
    ratios = []
    for _ in range(10):
        reach = rng.random(len(names)) ** 3
        ratios.append(stage.prices(reach) @ reach / exact.evaluate(LINEAR, 2, names, reach).cost)
    assert min(ratios) > 1.1


def test_costs_without_a_best_level_are_not_bounded():
    demand = of_kind("normal", np.random.default_rng(11), 4)
    free: CostRates = (0.01, 0.0, inf, 0.0, 0.0)
    assert Pooling(demand).stage(free, 2, tuple(demand)).bounds == ()
    assert not Pooling(demand).stage(free, 2, tuple(demand)).prices(np.ones(4)).any()
    assert Pooling(demand).stage(LINEAR, 0, tuple(demand)).bounds == ()


def test_demand_that_is_mostly_nothing_is_bounded_too():
    demand: dict[str, Demand] = {f"c{k}": IntermittentDemand(0.2, GammaDemand(5.0 + k, 1.0 + k)) for k in range(6)}
    names, exact = tuple(demand), QuadratureSingleStage(demand)
    stage = Pooling(demand).stage(LINEAR, 4, names)
    cost = exact.evaluate(LINEAR, 4, names, np.ones(6)).cost
    assert 0.5 * cost < stage.prices(np.ones(6)).sum() <= cost


@pytest.mark.parametrize("rates", RATES.values(), ids=RATES)
def test_normal_stages_in_closed_form_equal_quadrature(rates):
    deviations = np.array([0.5, 3.0, 40.0])
    stage = NormalStage(rates, deviations)
    h, g, capacity, w, b = rates
    y = norm.ppf((np.arange(400_000) + 0.5) / 400_000)
    for k, sd in enumerate(deviations):
        net = sd * (stage.position[k] - y)
        held = np.maximum(net, 0.0)
        over = np.maximum(net - capacity, 0.0) if w else 0.0 * net
        assert stage.cost[k] == pytest.approx(
            np.mean(h * held + g * held**2 + w * over + b * np.maximum(-net, 0.0)), rel=1e-4
        )
        slope = np.where(net > 0.0, h + 2.0 * g * held + w * (net > capacity), -b)
        assert np.mean(slope) == pytest.approx(0.0, abs=1e-4 * (h + b))
        assert stage.slope_variance[k] == pytest.approx(np.mean(slope**2), rel=1e-3)
        polynomials = hermite(y, 5)
        wanted = [-np.mean(slope * polynomials[:, n]) for n in range(1, 5)]
        assert stage.slope_coefficients(4)[k] == pytest.approx(wanted, abs=2e-3 * (h + b))


@pytest.mark.parametrize("seed", range(4))
def test_room_raises_prices_that_no_set_with_room_is_below(seed):
    rng = np.random.default_rng([13, seed])
    demand = of_kind("cut off" if seed % 2 else "normal", rng, 7)
    names, exact, pooling = tuple(demand), QuadratureSingleStage(demand), Pooling(demand)
    means = np.array([demand[name].mean for name in names])
    room = float(rng.uniform(0.3, 0.6) * means.sum())
    free, bounded = pooling.stage(LINEAR, 2, names), pooling.stage(LINEAR, 2, names, room)
    every = [np.array(chosen, dtype=float) for chosen in itertools.product((0, 1), repeat=len(names))]
    fitting = [reach for reach in every if reach @ means <= room]
    for _ in range(20):
        reach = rng.random(len(names)) ** 2
        reach *= min(room / (reach @ means), 1.0)
        prices = bounded.prices(reach)
        assert prices @ reach >= free.prices(reach) @ reach - 1e-12
        assert all(prices @ one <= exact.evaluate(LINEAR, 2, names, one).cost * (1.0 + 1e-6) for one in fitting)
    spread = np.full(len(names), room / means.sum())
    assert bounded.prices(spread) @ spread > 1.02 * free.prices(spread) @ spread
