"""Learning, change points, robust plans and adaptive policies: seconds, detection curves, targets of `adapt`."""

from time import perf_counter

import numpy as np
import pytest

from design.case_files import load_case
from design.robust.budget import budget_schedule
from design.robust.network import RobustArc, RobustNetwork, RobustNode, SharedCapacity
from design.robust.plan import robust_plan
from simopt.apps.adapt import AdaptOptions, adapt
from simopt.learning.change_point import ChangePointFilter
from simopt.learning.conjugate import NormalBelief, PoissonBelief, learn
from simopt.learning.intermittent import IntermittentForecast
from simopt.learning.regression import Features, RegressionBelief

ITEMS, DAYS = 10_000, 365


@pytest.mark.benchmark
def test_ten_thousand_items_a_year():
    demand = np.random.default_rng(0).poisson(20.0, (DAYS, ITEMS)).astype(float)
    prior = NormalBelief.around(np.full(ITEMS, 20.0), 5.0, 10.0)

    def regression():
        belief = RegressionBelief.around(prior, Features(7, trend=True), 0.99)
        for day in demand:
            belief = belief.updated(day)

    def changes():
        filtering = ChangePointFilter(prior)
        for day in demand:
            filtering.see(day)

    def intermittent():
        forecast = IntermittentForecast.start(np.full(ITEMS, 20.0), method="tsb")
        for day in demand:
            forecast = forecast.updated(day)

    found = {}
    for name, work in {
        "normal-inverse-gamma": lambda: learn(prior, demand),
        "winsorised, forgetting": lambda: learn(prior, demand, keep=0.99, tail=0.001),
        "gamma-Poisson": lambda: learn(PoissonBelief.around(np.full(ITEMS, 20.0), 10.0), demand),
        "trend and week": regression,
        "TSB": intermittent,
        "change points": changes,
    }.items():
        started = perf_counter()
        work()
        found[name] = perf_counter() - started
        print(f"{name:24} {found[name]:6.2f} s")
    assert max(found.values()) <= 5.0


@pytest.mark.benchmark
@pytest.mark.parametrize("fixed", [False, True], ids=["linear", "fixed costs"])
def test_fifty_items_over_ninety_days(fixed):
    for seed in range(3):
        rng, nodes, arcs = np.random.default_rng(seed), [], []
        for k in range(50):
            mean = rng.uniform(20.0, 200.0)
            demand = mean * rng.uniform(0.7, 1.3, 90)
            rates = rng.uniform(0.5, 2.0), rng.uniform(5.0, 15.0)
            nodes.append(
                RobustNode(f"i{k}", demand, np.full(90, 0.4 * mean), budget_schedule(0.05, 90), 4 * mean, *rates)
            )
            cost = rng.uniform(50.0, 400.0) if fixed else 0.0
            arcs.append(RobustArc("", f"i{k}", int(rng.integers(1, 5)), 1.0, cost))
        dock = SharedCapacity("dock", tuple(range(50)), 1.25 * sum(float(node.demand.mean()) for node in nodes))
        network = RobustNetwork(90, tuple(nodes), tuple(arcs), (dock,))
        started = perf_counter()
        plan = robust_plan(network, time_limit=50.0, gap=0.005)
        seconds = perf_counter() - started
        gap = plan.cost / plan.bound - 1.0
        print(f"seed {seed}: {plan.cost:,.0f}, gap {gap:.2%}, {seconds:.1f} s")
        assert seconds <= 60.0
        assert gap <= (0.02 if fixed else 1e-6)


@pytest.mark.benchmark
def test_a_step_of_half_is_detected():
    """The curve over the variation of demand: 2,000 series of a year each, with and without a step at day 180."""
    rng, count = np.random.default_rng(0), 2000
    level = np.where(np.arange(DAYS) >= 180, 150.0, 100.0)[:, None]
    for variation in (0.1, 0.2, 0.3, 0.4, 0.5, 0.7):
        for shape in ("normal", "gamma"):
            rows = []
            for mean in (level, np.full((DAYS, 1), 100.0)):
                noise = rng.standard_normal((DAYS, count)) * variation + 1.0
                if shape == "gamma":
                    noise = rng.gamma(variation**-2, variation**2, (DAYS, count))
                sd = 100.0 * variation * rng.uniform(0.8, 1.2, count)
                filtering = ChangePointFilter(NormalBelief.around(100.0 * rng.uniform(0.9, 1.1, count), sd, 20.0))
                rows.append(np.array([filtering.see(day) for day in np.maximum(mean * noise, 0.0)]))
            shares = {days: rows[0][180 : 180 + days].any(axis=0).mean() for days in (7, 14, 28)}
            alarms = rows[1].sum(axis=0).mean()
            curve = ", ".join(f"{days} d {share:.1%}" for days, share in shares.items())
            print(f"variation {variation}, {shape:6}: {curve}; false alarms a year {alarms:.2f}")
            if variation <= 0.3:
                assert shares[14] >= 0.95
                assert alarms <= 1.0


@pytest.mark.benchmark
@pytest.mark.parametrize("world", ["stable", "disruption", "shock"])
def test_adaptive_policies(world):
    found = adapt(load_case("two-tier-year"), AdaptOptions(world, 1000 if world == "stable" else 200, jobs=2))
    for one in found.policies:
        static = one.to_static.get("cost")
        known = one.to_known.get("cost")
        text = f"{one.name:24} {one.measures['cost'].mean:12,.0f}"
        text += "" if static is None else f"  static {static.mean:+.1%} ± {static.half_width:.1%}"
        text += "" if known is None else f"  known {known.mean:+.2%} ± {known.half_width:.2%}"
        text += f"  fill {one.measures['fill_rate'].mean:.2%}" if "fill_rate" in one.measures else ""
        text += "" if one.recovery is None else f"  recovery {one.recovery.periods.mean:.0f} d"
        print(text)
    for name in ("bayesian", "bayesian+change-point"):
        one = found.policy(name)
        change = one.to_static["cost"]
        assert change.mean + change.half_width < 0.0
        if world == "stable":
            assert one.to_known["cost"].mean <= 0.02
            assert one.measures["fill_rate"].mean >= 0.95
