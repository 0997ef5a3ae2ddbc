"""Levels on step networks: against gym-invmgmt itself, its published oracle, and differences."""

from dataclasses import replace

import numpy as np
import pytest
from gym_invmgmt import CoreEnv
from scipy.special import ndtri

from design.errors import BadInputError
from design.step_network import best_in_hindsight
from simopt.environments.invmgmt import EngineDemand, network_of, play
from simopt.environments.invmgmt_family import TrainingFamily
from simopt.environments.observers import Clock, GoodwillObserver, SmoothedDemand
from simopt.environments.step_demand import Goodwill, PoissonPaths
from simopt.environments.step_levels import SearchEffort, best_levels
from simopt.environments.step_simulation import WIDTH, StepLevels, simulate_levels
from simopt.environments.wandering_demand import WanderingDemand

ORACLE = {  # published profit of the clairvoyant oracle on seed 42, without goodwill
    ("network", "trend+seasonal", True): 1555.161,
    ("network", "trend+seasonal", False): 1148.292,
    ("serial", "trend+seasonal", True): 1529.29,
    ("serial", "trend+seasonal", False): 1393.1,
    ("serial", "stationary", False): 1032.14,
}


def environment(topology="serial", kind="trend+seasonal", backlog=True, **config):
    demand = {"type": kind, "base_mu": 20, "use_goodwill": False, **config}
    return CoreEnv(scenario=topology, demand_config=demand, num_periods=30, backlog=backlog)


def random_policy(network, seed, observer=None):
    rng, observer = np.random.default_rng(seed), observer or Clock()
    features = observer.start(1).features().shape[1]
    coefficients = rng.uniform(-30.0, 30.0, (network.steps, len(network.links), features))
    coefficients[..., 0] = rng.uniform(0, 250, coefficients.shape[:2])
    shares = np.array([1.0 / len(network.inbound[link.destination]) for link in network.links])
    return StepLevels(coefficients, shares, observer)


@pytest.mark.parametrize("watcher", ["clock", "goodwill", "smoothed", "belief"])
@pytest.mark.parametrize("goodwill", [False, True], ids=["fixed", "goodwill"])
@pytest.mark.parametrize("backlog", [True, False], ids=["backlog", "lost"])
@pytest.mark.parametrize("topology", ["network", "serial"])
def test_the_simulator_is_the_environment(topology, backlog, goodwill, watcher):
    env = environment(topology, "trend+seasonal+shock", backlog, noise_scale=0.0, use_goodwill=goodwill)
    network, demand = network_of(env), EngineDemand(env)
    observer = {
        "clock": Clock(),
        "goodwill": GoodwillObserver(Goodwill(1.01, 0.9, 0.2, 2.0)),
        "smoothed": SmoothedDemand(20.0),
        "belief": TrainingFamily(env).start(network).observer,
    }[watcher]
    paths = demand.paths(np.random.default_rng(0), 2)
    for seed in range(3):
        policy = random_policy(network, seed, observer)
        profit = simulate_levels(network, paths, policy)[0]
        np.testing.assert_allclose(profit, play(env, network, policy, 0), rtol=1e-9)


@pytest.mark.parametrize(("key", "published"), ORACLE.items(), ids=["-".join(map(str, key)) for key in ORACLE])
def test_hindsight_is_the_published_oracle_and_beats_every_policy(key, published):
    env = environment(*key)
    network = network_of(env)
    played = play(env, network, random_policy(network, 0), 42)
    best = best_in_hindsight(network, env.D[:, 0].copy())
    assert best.profit == pytest.approx(published, abs=1e-3)
    assert played < best.profit
    assert (best.orders >= -1e-9).all()


class Smooth:
    """Normal demand around the environment's mean."""

    def __init__(self, env, goodwill, count, seed):
        drawn = EngineDemand(env).paths(np.random.default_rng(seed), count)
        self.means, self.goodwill, self.noise = drawn.means, goodwill, 4.0 * ndtri(drawn.uniforms)

    def units(self, step, goodwill):
        return np.maximum(self.means[:, step] * goodwill + self.noise[:, step], 0.0)


def moved(policy, at, by):
    coefficients = policy.coefficients.copy()
    coefficients[at] += by
    return replace(policy, coefficients=coefficients)


@pytest.mark.parametrize("backlog", [True, False], ids=["backlog", "lost"])
@pytest.mark.parametrize("topology", ["network", "serial"])
def test_gradients_are_differences(topology, backlog):
    env = environment(topology, backlog=backlog)
    network, paths = network_of(env), Smooth(env, None, 16, 1)
    policy = WanderingDemand(20.0, 30).start(network)
    policy = moved(policy, (slice(None), slice(None), 0), np.random.default_rng(4).uniform(0.0, 9.0, (30, 1)))
    slopes = simulate_levels(network, paths, policy)[1]
    assert np.abs(slopes).max(axis=(0, 1)).min() > 0.1
    rng, step = np.random.default_rng(2), 1e-6
    for at in zip(
        rng.integers(0, 25, 20), rng.integers(0, len(network.links), 20), rng.integers(0, 3, 20), strict=True
    ):
        profits = [simulate_levels(network, paths, moved(policy, at, sign * step))[0].mean() for sign in (1.0, -1.0)]
        assert slopes[at] == pytest.approx((profits[0] - profits[1]) / (2 * step), abs=1e-5)


def test_the_jump_of_goodwill_is_in_the_gradient():
    env = environment(use_goodwill=True)
    network, rule = network_of(env), EngineDemand(env).goodwill
    policy = replace(EngineDemand(env).start(network), observer=Clock())
    policy = replace(policy, coefficients=policy.coefficients[:, :, :1] + 3.0)
    paths = Smooth(env, rule, 6000, 3)
    slopes = simulate_levels(network, paths, policy)[1]
    jumps = slopes - simulate_levels(network, Smooth(env, None, 6000, 3), policy)[1]
    step, at = 0.25 * WIDTH, np.unravel_index(np.abs(jumps).argmax(), jumps.shape)
    ends = [simulate_levels(network, paths, moved(policy, at, sign * step))[0].mean() for sign in (1.0, -1.0)]
    difference = (ends[0] - ends[1]) / (2.0 * step)
    assert abs(difference) > 1.0
    assert abs(slopes[at] - difference) < 0.3 * abs(difference)


def test_fitted_levels_earn_more_on_episodes_they_have_not_seen():
    env = environment()
    network, demand = network_of(env), EngineDemand(env)
    start = demand.start(network)
    fitted = best_levels(network, demand, start, SearchEffort(80, 32), seed=1)
    seeds = range(100, 120)
    earned = [np.array([play(env, network, policy, s) for s in seeds]) for policy in (start, fitted)]
    gain = earned[1] - earned[0]
    assert gain.mean() - 2.0 * gain.std() / len(seeds) ** 0.5 > 0.0
    again = best_levels(network, demand, start, SearchEffort(80, 32), seed=1)
    np.testing.assert_array_equal(again.coefficients, fitted.coefficients)


@pytest.mark.parametrize("kind", ["wandering", "family"])
def test_blind_agents_earn_more_after_the_search(kind):
    env = environment(kind="stationary")
    network = network_of(env)
    demand = WanderingDemand(20.0, 30) if kind == "wandering" else TrainingFamily(env)
    start = demand.start(network)
    fitted = best_levels(network, demand, start, SearchEffort(60, 48), seed=1)
    fresh = demand.paths(np.random.default_rng(99), 400)
    gain = simulate_levels(network, fresh, fitted)[0] - simulate_levels(network, fresh, start)[0]
    assert gain.mean() - 2.0 * gain.std() / len(gain) ** 0.5 > 0.0


def test_belief_finds_the_kind_of_episode():
    """After 30 steps most belief is on what demand really was; with other demand it is elsewhere."""
    family = TrainingFamily(environment(kind="stationary"))
    rng, count = np.random.default_rng(5), 200
    for kind, (factor, follows) in {0: (0, 0), 3: (3, 0), 7: (7, 0), 13: (5, 1)}.items():
        rule, owed = family.goodwill, np.where(rng.random((count, 30)) < 0.3, 1.0, 0.0)
        means = np.broadcast_to(20.0 * family.factors[factor], (count, 30))
        paths = PoissonPaths(means, rng.random((count, 30)), 1.0, rule if follows else None)
        watch, goodwill = family.start(network_of(family.env)).observer.start(count), np.ones(count)
        for step in range(30):
            watch.see(paths.units(step, goodwill), owed[:, step])
            goodwill = rule.after(goodwill, owed[:, step]) if follows else goodwill
        belief = watch.features()[:, :16]
        np.testing.assert_allclose(belief.sum(axis=1), 1.0)
        assert belief[:, kind].mean() > 0.8


def test_training_episodes_are_those_of_the_published_wrapper():
    """Mean demand by step and its spread, over many episodes of both."""
    from gym_invmgmt.wrappers.domain_randomization import DomainRandomizationWrapper

    env = environment(kind="stationary")
    wrapped = DomainRandomizationWrapper(environment(kind="stationary"), goodwill_options=[False])
    theirs = []
    for seed in range(1500):
        wrapped.reset(seed=seed)
        engine = wrapped.unwrapped.demand_engine
        theirs.append([engine.get_current_mu(t) for t in range(30)])
    ours = TrainingFamily(env).paths(np.random.default_rng(1), 20_000).means
    error = np.std(theirs, axis=0) / len(theirs) ** 0.5
    assert (np.abs(np.mean(theirs, axis=0) - ours.mean(axis=0)) < 4.0 * error).all()
    np.testing.assert_allclose(np.std(theirs, axis=0), ours.std(axis=0), rtol=0.15)


def test_what_levels_are_not_found_for_is_refused():
    env = environment()
    env.alpha = 0.9
    with pytest.raises(BadInputError, match=r"environment with discount 0\.9: expected 1"):
        network_of(env)
    with pytest.raises(BadInputError, match="environment with noise_scale 2: expected 0 or 1"):
        EngineDemand(environment(noise_scale=2.0))
    with pytest.raises(BadInputError, match="demand of 3 steps: expected 30"):
        best_in_hindsight(network_of(environment()), np.ones(3))
