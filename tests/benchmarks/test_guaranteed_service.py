"""Guaranteed service on the 38 chains of Willems (2008): cost, proven gap and seconds.

SIMOPT_WILLEMS_DATA=FOLDER pytest -m benchmark -s tests/benchmarks/test_guaranteed_service.py
"""

from __future__ import annotations

import time

import numpy as np
import pytest

from design.guaranteed_service import guaranteed_service
from tests.benchmarks.willems import NUM_CHAINS, data_folder, willems_chains

TIME_LIMIT = 60.0
MOST_SECONDS = 3.0 * TIME_LIMIT  # a program once started, on a shared core
MEDIAN_GAP = 0.02

pytestmark = pytest.mark.benchmark


def test_gap_after_a_minute():
    chains = willems_chains(data_folder())
    assert len(chains) == NUM_CHAINS
    gaps = []
    print("\nchain  stages  links         cost  lower bound     gap  seconds")
    for number, chain in enumerate(chains, start=1):
        start = time.perf_counter()
        plan = guaranteed_service(chain, TIME_LIMIT)
        seconds = time.perf_counter() - start
        print(
            f"{number:5} {len(chain.stages):7} {len(chain.links):6} {plan.cost:12,.0f} {plan.lower_bound:12,.0f}"
            f" {plan.gap:7.3%} {seconds:8.1f}"
        )
        assert plan.lower_bound <= plan.cost
        assert seconds < MOST_SECONDS
        gaps.append(plan.gap)
    assert np.median(gaps) <= MEDIAN_GAP
