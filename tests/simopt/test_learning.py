"""Beliefs about demand: conjugate algebra against batches, samples and enumeration; change points; edge cases."""

import numpy as np
import pytest
from scipy import stats

from simopt.learning.calibration import calibration
from simopt.learning.change_point import ChangePointFilter, ChangeSettings
from simopt.learning.conjugate import NormalBelief, PoissonBelief, learn, winsorised
from simopt.learning.intermittent import IntermittentForecast
from simopt.learning.regression import Features, RegressionBelief


def normal(series=3, worth=4.0):
    return NormalBelief.around(np.linspace(80.0, 120.0, series), np.full(series, 20.0), worth)


@pytest.mark.parametrize(
    "belief", [normal(), PoissonBelief.around(np.array([3.0, 20.0, 0.0]), 4.0)], ids=["nig", "gamma"]
)
def test_one_by_one_is_the_batch(belief):
    rng = np.random.default_rng(0)
    observations = rng.poisson(20.0, (50, 3)).astype(float)
    observations[rng.random(observations.shape) < 0.2] = np.nan
    one_by_one, batch = learn(belief, observations), belief.updated_with(observations)
    for name, value in vars(batch).items():
        np.testing.assert_allclose(getattr(one_by_one, name), value, rtol=1e-12)


def test_the_posterior_is_the_formula_of_the_reference():
    x, prior = (
        np.array([[90.0], [130.0], [110.0], [70.0]]),
        NormalBelief(*(np.array([v]) for v in (100.0, 2.0, 3.0, 50.0))),
    )
    found = prior.updated_with(x)
    assert found.weight[0] == 6.0
    assert found.mean[0] == pytest.approx((2.0 * 100.0 + 400.0) / 6.0)
    assert found.shape[0] == 5.0
    assert found.scale[0] == pytest.approx(50.0 + ((x - 100.0) ** 2).sum() / 2.0 + 0.0)


@pytest.mark.parametrize("periods", [1, 5])
def test_predictive_distributions_are_those_of_samples(periods):
    rng = np.random.default_rng(1)
    for belief in (normal(2, 6.0), PoissonBelief.around(np.array([2.0, 15.0]), 6.0)):
        total = belief.sample(rng, 200_000, periods).sum(axis=1)
        for p in (0.1, 0.5, 0.9, 0.99):
            at = belief.quantile(p, periods)
            share = (total <= at).mean(axis=0)
            np.testing.assert_allclose(share, belief.cdf(at, periods), atol=0.004)
        np.testing.assert_allclose(total.var(axis=0), belief.variance(periods), rtol=0.04)


def test_lead_time_demand_shares_its_parameters():
    belief = normal(1, 10.0)
    assert belief.variance(6)[0] > 6.0 * belief.variance(1)[0]
    known = NormalBelief.around(np.array([100.0]), np.array([20.0]), 1e9)
    assert known.variance(6)[0] == pytest.approx(6.0 * 400.0, rel=1e-6)
    assert known.quantile(0.9, 6)[0] == pytest.approx(600.0 + 20.0 * 6**0.5 * stats.norm.ppf(0.9), rel=1e-6)


def test_a_hundred_observations_bring_the_mean_within_five_percent():
    rng = np.random.default_rng(2)
    true = rng.uniform(50.0, 150.0, 2000)
    belief = learn(
        NormalBelief.around(np.full(2000, 100.0), 30.0, 1.0), true + 0.2 * true * rng.standard_normal((100, 2000))
    )
    assert (np.abs(belief.mean / true - 1.0) < 0.05).mean() > 0.98


def test_forgetting_follows_a_step_and_keeps_a_floor():
    demand = np.concatenate([np.full((60, 1), 100.0), np.full((60, 1), 150.0)]) + np.random.default_rng(3).normal(
        0, 10, (120, 1)
    )
    prior = NormalBelief.around(np.array([100.0]), np.array([10.0]), 5.0)
    kept, forgot = learn(prior, demand), learn(prior, demand, keep=0.9)
    assert kept.mean[0] < 130.0
    assert 145.0 < forgot.mean[0] < 155.0
    assert forgot.weight[0] >= 5.0
    assert kept.weight[0] == 125.0


def test_a_wild_number_moves_a_winsorised_belief_little():
    belief = NormalBelief.around(np.array([100.0]), np.array([10.0]), 50.0)
    assert winsorised(belief, np.array([1e6]), 0.01)[0] < 130.0
    wild = np.array([[1e6]])
    assert learn(belief, wild, tail=0.01).mean[0] < 101.0
    assert learn(belief, wild).mean[0] > 10_000.0


def test_predictions_of_the_right_model_are_calibrated():
    rng, seen = np.random.default_rng(4), []
    mean, sd = rng.normal(100.0, 10.0, 3000), 20.0
    demand = mean + sd * rng.standard_normal((60, 3000))
    days = iter(demand)
    belief = NormalBelief(np.full(3000, 100.0), np.full(3000, 4.0), np.full(3000, 1e6), np.full(3000, 1e6 * sd**2))
    learn(belief, demand, each=lambda now: seen.append(now.cdf(next(days))))
    found = calibration(np.array(seen))
    assert found.observations == 180_000
    for nominal, share in found.coverage.items():
        assert share == pytest.approx(nominal, abs=0.005)
    np.testing.assert_allclose(found.histogram, 0.1, atol=0.005)
    assert calibration(np.full(100, 0.5)).distance == pytest.approx(0.5)
    with pytest.raises(ValueError, match="at least one"):
        calibration(np.array([np.nan]))


def test_regression_with_the_level_alone_is_the_normal_belief():
    rng = np.random.default_rng(5)
    prior, demand = normal(4, 3.0), rng.normal(100.0, 20.0, (30, 4))
    belief = RegressionBelief.around(prior, Features())
    for day in demand:
        belief = belief.updated(day)
    plain = learn(prior, demand)
    np.testing.assert_allclose(belief.mean(3), 3 * plain.mean)
    np.testing.assert_allclose(belief.quantile(0.95, 3), plain.quantile(0.95, 3))
    with pytest.raises(ValueError, match="same weight"):
        RegressionBelief.around(NormalBelief.around(np.ones(2), 1.0, np.array([1.0, 2.0])), Features())


def test_trend_and_season_are_found():
    rng, time = np.random.default_rng(6), np.arange(400)
    season = np.array([-30.0, -10.0, 0.0, 5.0, 10.0, 25.0, 0.0])
    demand = 100.0 + 0.2 * time[:, None] + season[time % 7][:, None] + rng.normal(0.0, 10.0, (400, 50))
    belief = RegressionBelief.around(NormalBelief.around(np.full(50, 100.0), 30.0, 0.5), Features(7, trend=True))
    for day in demand:
        belief = belief.updated(day)
    truth = [100.0 + 0.2 * t + season[t % 7] for t in range(400, 407)]
    np.testing.assert_allclose(belief.mean(7).mean(), sum(truth), rtol=0.005)
    np.testing.assert_allclose(belief.mean(1).mean(), truth[0], rtol=0.02)
    fresh = rng.normal(truth[0], 10.0, (2000, 50))
    assert (fresh < belief.quantile(0.9)).mean() == pytest.approx(0.9, abs=0.02)


def test_croston_and_its_kin_are_the_published_recursions():
    demand = np.array([0, 0, 5, 0, 3, 0, 0, 0, 8, 0.0])
    size, interval, probability, since = 4.0, 2.0, 0.5, 1
    found = {m: IntermittentForecast.start(np.array([2.0]), 0.2, m, interval=2.0) for m in ("croston", "sba", "tsb")}
    for units in demand:
        found = {m: one.updated(np.array([units])) for m, one in found.items()}
        probability += 0.2 * ((units > 0) - probability)
        if units > 0:
            size, interval, since = 0.2 * units + 0.8 * size, 0.2 * since + 0.8 * interval, 1
        else:
            since += 1
    assert found["croston"].level[0] == pytest.approx(size / interval)
    assert found["sba"].level[0] == pytest.approx(0.9 * size / interval)
    assert found["tsb"].level[0] == pytest.approx(probability * size)
    dead = dict(found)
    for _ in range(100):
        dead = {m: one.updated(np.zeros(1)) for m, one in dead.items()}
    assert dead["tsb"].level[0] < 1e-6 < dead["sba"].level[0]


def test_run_lengths_are_those_of_enumeration():
    """All 2^(T-1) places of changes, weighted by hazard and the exact Student densities of every run."""
    settings, prior = ChangeSettings(hazard=0.2, longest=50), normal(1, 6.0)
    demand = np.array([101.0, 96.0, 140.0, 150.0, 145.0, 90.0])
    filtering = ChangePointFilter(prior, settings)
    fresh = filtering._blocks[0].fresh
    for units in demand:
        filtering.see(np.array([units]))
    runs = np.zeros(len(demand) + 1)
    for mask in range(2 ** (len(demand) - 1)):
        changes = [t + 1 for t in range(len(demand) - 1) if mask >> t & 1]
        weight = np.prod([settings.hazard if t in changes else 1.0 - settings.hazard for t in range(1, len(demand))])
        belief, start = prior, 0
        for t, units in enumerate(demand):
            if t in changes:
                belief, start = fresh, t
            spread = belief.scale / belief.shape * (1.0 + 1.0 / belief.weight)
            weight *= stats.t.pdf(units, 2 * belief.shape[0], belief.mean[0], spread[0] ** 0.5)
            belief = belief.updated(np.array([units]))
        runs[0 if not changes else len(demand) - start] += weight
    runs /= runs.sum()
    found = filtering.probability[:, 0]
    kept = np.concatenate([[found[0]], found[2 : len(demand) + 1]]) / (1.0 - settings.hazard)
    np.testing.assert_allclose(kept, runs[: len(demand)], rtol=2e-3, atol=1e-9)
    mean, _ = filtering.moments()
    assert 90.0 < mean[0] < 150.0


@pytest.mark.parametrize("variation", [0.1, 0.3])
def test_a_step_is_noticed_and_nothing_else_is(variation):
    rng, count = np.random.default_rng(7), 300
    level = np.where(np.arange(365) >= 180, 150.0, 100.0)[:, None]
    alarms = []
    for mean in (level, np.full((365, 1), 100.0)):
        demand = np.maximum(mean * (1.0 + variation * rng.standard_normal((365, count))), 0.0)
        prior = NormalBelief.around(100.0 * rng.uniform(0.9, 1.1, count), 100.0 * variation, 20.0)
        filtering = ChangePointFilter(prior)
        alarms.append(np.array([filtering.see(day) for day in demand]))
    assert alarms[0][180:194].any(axis=0).mean() >= 0.95
    assert alarms[1].sum(axis=0).mean() <= 1.0


def test_merging_the_longest_runs_changes_little():
    rng = np.random.default_rng(8)
    demand = np.concatenate([rng.normal(100, 20, (80, 40)), rng.normal(130, 20, (120, 40))])
    means = []
    for longest in (30, 250):
        filtering = ChangePointFilter(normal(40, 20.0), ChangeSettings(longest=longest))
        for day in demand:
            filtering.see(day)
        np.testing.assert_allclose(filtering.probability.sum(axis=0), 1.0)
        means.append(filtering.moments()[0])
    np.testing.assert_allclose(means[0], means[1], rtol=0.01)


EDGE_CASES = {
    "zero demand for a while": np.concatenate([np.full(30, 100.0), np.zeros(60), np.full(30, 100.0)]),
    "constant": np.full(200, 100.0),
    "one observation": np.array([100.0]),
    "a spike beyond history": np.concatenate([np.full(50, 100.0), [1e7], np.full(50, 100.0)]),
    "nothing observed": np.full(40, np.nan),
    "never any demand": np.zeros(100),
}


@pytest.mark.parametrize("demand", EDGE_CASES.values(), ids=EDGE_CASES)
@pytest.mark.parametrize("mean", [100.0, 0.0])
def test_beliefs_survive(demand, mean):
    prior = NormalBelief.around(np.array([mean]), np.array([0.0 if mean == 0.0 else 20.0]), 20.0)
    filtering = ChangePointFilter(prior)
    for units in demand:
        filtering.see(np.array([units]))
    learnt = learn(prior, demand[:, None])
    for value in (*filtering.moments(5), filtering.recent, learnt.mean, learnt.variance(5), learnt.quantile(0.95, 5)):
        assert np.isfinite(value).all()
    assert learnt.variance(5)[0] > 0.0 or mean == 0.0
    np.testing.assert_allclose(filtering.probability.sum(axis=0), 1.0)


def test_one_spike_is_no_new_regime():
    rng = np.random.default_rng(9)
    demand = rng.normal(100.0, 20.0, (120, 200))
    demand[60] = 400.0
    filtering = ChangePointFilter(NormalBelief.around(np.full(200, 100.0), 20.0, 20.0))
    for day in demand:
        filtering.see(day)
    assert np.abs(filtering.moments()[0] / 100.0 - 1.0).mean() < 0.05
