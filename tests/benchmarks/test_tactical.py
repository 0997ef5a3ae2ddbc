"""Seconds and memory of tactical programs.

pytest -m benchmark -s tests/benchmarks/test_tactical.py
"""

from __future__ import annotations

import resource
from time import perf_counter

import numpy as np
import pytest

from design.tactical.chain import Model, SerialChain, order_rule
from design.tactical.compact import solve_program
from design.tactical.scenarios import sampled, tree
from simopt.optimization.tactical_program import solve_tactical

pytestmark = pytest.mark.benchmark

LEVELS = ("warehouse", "wholesaler", "retailer")
TARGETS = {"tree": 3.0, "many": 30.0, "lead times": 60.0}  # seconds
GIGABYTES = 4.0


def uniform(shares):
    return 10.0 + 80.0 * shares


def size(name):
    """Chain, scenarios and lead times of one of the paper's limits, or beyond."""
    random = np.random.default_rng(1)
    if name == "tree":
        return SerialChain.uniform(LEVELS, 6), tree((27.2, 50.0, 72.8), 6), None
    if name == "many":
        return SerialChain.uniform(LEVELS, 10), sampled(uniform, 10_000, 10, random), None
    scenarios = sampled(uniform, 35 * 35, 8, random)
    return SerialChain.uniform(LEVELS, 8), scenarios, random.integers(1, 4, (35 * 35, 3, 8))


@pytest.mark.parametrize("model", Model)
@pytest.mark.parametrize("name", TARGETS)
def test_seconds(name, model):
    chain, scenarios, lead_times = size(name)
    rule = order_rule(chain, model)
    started = perf_counter()
    found = solve_tactical(chain, rule, scenarios, lead_times)
    seconds = perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(
        f"\n{name}, {model.value}: {scenarios.num_scenarios:,} x {chain.num_periods}: {seconds:.2f} s "
        f"(target {TARGETS[name]:.0f}), peak {peak:.2f} GB, {found.method}, {found.objective:.4f}"
    )
    if lead_times is None and name == "tree":
        assert found.objective == pytest.approx(solve_program(chain, rule, scenarios).objective, rel=1e-6)
    assert seconds < TARGETS[name]
    assert peak < GIGABYTES
