"""Levels on step networks: against gym-invmgmt itself, its published oracle, and differences."""

from dataclasses import replace

import numpy as np
import pytest
from gym_invmgmt import CoreEnv
from scipy.special import ndtri

from design.errors import BadInputError
from design.step_network import best_in_hindsight
from simopt.environments.invmgmt import EngineDemand, network_of, play
from simopt.environments.step_levels import SearchEffort, best_levels, first_levels
from simopt.environments.step_simulation import WIDTH, StepLevels, simulate_levels

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


def random_policy(network, seed, responses=0.0):
    rng = np.random.default_rng(seed)
    shape = (network.steps, len(network.links))
    shares = np.array([1.0 / len(network.inbound[link.destination]) for link in network.links])
    return StepLevels(rng.uniform(0, 250, shape), rng.uniform(-1, 1, shape) * responses, shares)


@pytest.mark.parametrize("goodwill", [False, True], ids=["fixed", "goodwill"])
@pytest.mark.parametrize("backlog", [True, False], ids=["backlog", "lost"])
@pytest.mark.parametrize("topology", ["network", "serial"])
def test_the_simulator_is_the_environment(topology, backlog, goodwill):
    env = environment(topology, "trend+seasonal+shock", backlog, noise_scale=0.0, use_goodwill=goodwill)
    network, demand = network_of(env), EngineDemand(env)
    for seed in range(3):
        policy = random_policy(network, seed, 30.0)
        profit = simulate_levels(network, demand, policy, np.full((2, 30), 0.5))[0]
        np.testing.assert_allclose(profit, play(env, network, policy, demand.goodwill, 0), rtol=1e-9)


@pytest.mark.parametrize(("key", "published"), ORACLE.items(), ids=["-".join(map(str, key)) for key in ORACLE])
def test_hindsight_is_the_published_oracle_and_beats_every_policy(key, published):
    env = environment(*key)
    network = network_of(env)
    played = play(env, network, random_policy(network, 0), None, 42)
    best = best_in_hindsight(network, env.D[:, 0].copy())
    assert best.profit == pytest.approx(published, abs=1e-3)
    assert played < best.profit
    assert (best.orders >= -1e-9).all()


class Smooth:
    """Normal demand around the environment's mean."""

    def __init__(self, env, goodwill):
        self.means, self.goodwill = EngineDemand(env).means, goodwill

    def units(self, step, goodwill, uniforms):
        return np.maximum(self.means()[step] * goodwill + 4.0 * ndtri(uniforms), 0.0)


@pytest.mark.parametrize("backlog", [True, False], ids=["backlog", "lost"])
@pytest.mark.parametrize("topology", ["network", "serial"])
def test_gradients_are_differences(topology, backlog):
    env = environment(topology, backlog=backlog)
    network, demand = network_of(env), Smooth(env, None)
    uniforms, policy = np.random.default_rng(1).random((16, 30)), first_levels(network, demand)
    policy = replace(policy, levels=policy.levels + np.random.default_rng(4).uniform(0.0, 9.0, policy.levels.shape))
    slopes = simulate_levels(network, demand, policy, uniforms)[1]
    assert np.abs(slopes).max() > 0.1
    rng, step = np.random.default_rng(2), 1e-6
    for t, i in zip(rng.integers(0, 25, 12), rng.integers(0, len(network.links), 12), strict=True):
        profits = []
        for sign in (1.0, -1.0):
            levels = policy.levels.copy()
            levels[t, i] += sign * step
            profits.append(simulate_levels(network, demand, replace(policy, levels=levels), uniforms)[0].mean())
        assert slopes[t, i] == pytest.approx((profits[0] - profits[1]) / (2 * step), abs=1e-5)


def test_the_jump_of_goodwill_is_in_the_gradient():
    env = environment(use_goodwill=True)
    network, demand = network_of(env), Smooth(env, EngineDemand(env).goodwill)
    policy, uniforms = first_levels(network, demand), np.random.default_rng(3).random((6000, 30))
    policy = replace(policy, levels=policy.levels + 3.0)
    slopes = simulate_levels(network, demand, policy, uniforms)[1]
    jumps = slopes - simulate_levels(network, Smooth(env, None), policy, uniforms)[1]
    step, at = 0.25 * WIDTH, np.unravel_index(np.abs(jumps).argmax(), jumps.shape)

    def moved(sign):
        levels = policy.levels.copy()
        levels[at] += sign * step
        return simulate_levels(network, demand, replace(policy, levels=levels), uniforms)[0].mean()

    difference = (moved(1.0) - moved(-1.0)) / (2.0 * step)
    assert abs(difference) > 1.0
    assert abs(slopes[at] - difference) < 0.3 * abs(difference)


def test_fitted_levels_earn_more_on_episodes_they_have_not_seen():
    env = environment()
    network, demand = network_of(env), EngineDemand(env)
    start, fitted = first_levels(network, demand), best_levels(network, demand, SearchEffort(80, 32), seed=1)
    seeds = range(100, 120)
    earned = [np.array([play(env, network, policy, None, s) for s in seeds]) for policy in (start, fitted)]
    gain = earned[1] - earned[0]
    assert gain.mean() - 2.0 * gain.std() / len(seeds) ** 0.5 > 0.0
    again = best_levels(network, demand, SearchEffort(80, 32), seed=1)
    np.testing.assert_array_equal(again.levels, fitted.levels)


def test_what_levels_are_not_found_for_is_refused():
    env = environment()
    env.alpha = 0.9
    with pytest.raises(BadInputError, match=r"environment with discount 0\.9: expected 1"):
        network_of(env)
    with pytest.raises(BadInputError, match="environment with noise_scale 2: expected 0 or 1"):
        EngineDemand(environment(noise_scale=2.0))
    with pytest.raises(BadInputError, match="demand of 3 steps: expected 30"):
        best_in_hindsight(network_of(environment()), np.ones(3))
