"""The open benchmark gym-invmgmt (Barati & Hu 2026, arXiv 2605.11355): our levels against its published oracle.

16 core scenarios and 4 stationary ones on its 10 seeds. Walmart's M5 data, which two more scenarios use, may not be
kept here: with `INVMGMT_M5` the path of the benchmark's `results/m5_window_metadata.json`, blind agents play them too.
Levels are fitted on paths of their own, never on those that are scored. The published figures are from results/ of the
benchmark's repository (MIT licence): mean profits of its clairvoyant oracle and of the best agents there, the informed
and the blind multistage stochastic program, whose mean gaps are 5.1% and 34.3% over all 22 scenarios.
"""

import json
import os
from pathlib import Path
from time import perf_counter

import numpy as np
import pytest

from simopt.environments.invmgmt import EngineDemand, network_of, play
from simopt.environments.invmgmt_family import TrainingFamily
from simopt.environments.step_levels import SearchEffort, best_levels
from simopt.environments.wandering_demand import WanderingDemand

SEEDS = (42, 123, 456, 789, 1011, 2022, 3033, 4044, 5055, 6066)
TARGET_GAP, TARGET_SECONDS = 0.02, 60.0
BLIND = {  # mean gap over all scenarios: target, published best
    "untrained": (0.30, 0.343),
    "trained": (0.12, 0.343),
}
M5_ORACLE = {"network": 751.94, "serial": 942.449}
EFFECTS = {"trend+seasonal": ["trend", "seasonal"], "trend+seasonal+shock": ["trend", "seasonal", "shock"], "": []}
# topology, effects, goodwill, backlog: published mean profit of the oracle and of MSSP-I
PUBLISHED = {
    ("network", "trend+seasonal", False, True): (1556.8, 1546.7),
    ("network", "trend+seasonal", False, False): (1163.0, 1136.9),
    ("network", "trend+seasonal", True, True): (1082.6, 925.1),
    ("network", "trend+seasonal", True, False): (812.9, 726.0),
    ("network", "trend+seasonal+shock", False, True): (2454.0, 2435.7),
    ("network", "trend+seasonal+shock", False, False): (2067.2, 2028.6),
    ("network", "trend+seasonal+shock", True, True): (1570.5, 1344.3),
    ("network", "trend+seasonal+shock", True, False): (1368.4, 1210.0),
    ("network", "", False, True): (845.7, 835.0),
    ("network", "", False, False): (842.0, 809.1),
    ("serial", "trend+seasonal", False, True): (1529.9, 1502.4),
    ("serial", "trend+seasonal", False, False): (1406.8, 1364.6),
    ("serial", "trend+seasonal", True, True): (1278.2, 1186.5),
    ("serial", "trend+seasonal", True, False): (1241.6, 1144.3),
    ("serial", "trend+seasonal+shock", False, True): (2136.8, 2104.5),
    ("serial", "trend+seasonal+shock", False, False): (2013.6, 1965.7),
    ("serial", "trend+seasonal+shock", True, True): (1734.2, 1560.0),
    ("serial", "trend+seasonal+shock", True, False): (1761.4, 1568.8),
    ("serial", "", False, True): (1023.9, 1006.3),
    ("serial", "", False, False): (1023.8, 986.5),
}


def environment(topology, effects, goodwill, backlog):
    from gym_invmgmt import CoreEnv

    config = {"type": "combined_chaos", "effects": EFFECTS[effects], "base_mu": 20, "use_goodwill": goodwill}
    return CoreEnv(scenario=topology, demand_config=config, num_periods=30, backlog=backlog)


@pytest.mark.benchmark
def test_informed_levels_come_close_to_hindsight():
    gaps, published, slowest = [], [], 0.0
    for key, (oracle, program) in PUBLISHED.items():
        env = environment(*key)
        network, demand = network_of(env), EngineDemand(env)
        effort = SearchEffort(iterations=400 if key[0] == "network" else 1000)
        started = perf_counter()
        policy = best_levels(network, demand, demand.start(network), effort)
        seconds = perf_counter() - started
        profit = float(np.mean([play(env, network, policy, seed) for seed in SEEDS]))
        gaps.append(1.0 - profit / oracle)
        published.append(1.0 - program / oracle)
        slowest = max(slowest, seconds)
        name = f"{key[0]}, {key[1] or 'stationary'}, goodwill {key[2]}, backlog {key[3]}"
        print(
            f"{name:62} {profit:8.1f} of {oracle:8.1f}: {gaps[-1]:6.2%}, MSSP-I {published[-1]:6.2%}, {seconds:.0f} s"
        )
    wins = sum(own <= theirs for own, theirs in zip(gaps, published, strict=True))
    print(f"mean gap {np.mean(gaps):.2%}, MSSP-I {np.mean(published):.2%}; ahead in {wins} of {len(gaps)}")
    print(f"slowest {slowest:.0f} s")

    assert np.mean(gaps) <= TARGET_GAP
    assert slowest <= TARGET_SECONDS


def fitted(kind, topology, backlog):
    """A blind agent of a topology: it knows the network and that demand starts around 20."""
    env = environment(topology, "", False, backlog)
    network = network_of(env)
    demand = WanderingDemand(20.0, network.steps) if kind == "untrained" else TrainingFamily(env)
    effort = SearchEffort(iterations=400, response_step=20.0 if kind == "untrained" else 6.0)
    return network, best_levels(network, demand, demand.start(network), effort)


def m5_gap(topology, network, policy, file):
    from gym_invmgmt import CoreEnv

    series = json.loads(Path(file).read_text(encoding="utf-8"))["scaled_series"]
    config = {"type": "stationary", "base_mu": 20.0, "external_series": series, "noise_scale": 0.0}
    env = CoreEnv(scenario=topology, demand_config=config, num_periods=30, backlog=True)
    return 1.0 - play(env, network, policy, SEEDS[0]) / M5_ORACLE[topology]


@pytest.mark.benchmark
@pytest.mark.parametrize("kind", BLIND)
def test_blind_agents_learn_demand_as_they_go(kind):
    gaps, slowest = {}, 0.0
    for topology in ("serial", "network"):
        for backlog in (True, False):
            started = perf_counter()
            network, policy = fitted(kind, topology, backlog)
            slowest = max(slowest, perf_counter() - started)
            for key, (oracle, _) in PUBLISHED.items():
                if (key[0], key[3]) == (topology, backlog):
                    env = environment(*key)
                    gaps[key] = 1.0 - np.mean([play(env, network, policy, seed) for seed in SEEDS]) / oracle
                    print(
                        f"{topology}, {key[1] or 'stationary'}, goodwill {key[2]}, backlog {backlog}: {gaps[key]:.1%}"
                    )
            if backlog and "INVMGMT_M5" in os.environ:
                gaps[topology, "M5"] = m5_gap(topology, network, policy, os.environ["INVMGMT_M5"])
                print(f"{topology}, M5: {gaps[topology, 'M5']:.1%}")
    print(f"{kind}: mean gap {np.mean(list(gaps.values())):.1%} over {len(gaps)}; slowest fit {slowest:.0f} s")

    assert np.mean(list(gaps.values())) <= BLIND[kind][0]
