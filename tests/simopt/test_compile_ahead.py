"""The core that is compiled in a process of its own: found in the cache by whoever waits for it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

PROGRAM = """
import simopt
from simopt.simulation import compile_ahead as ahead
from simopt.simulation.nested import fill_tables
ahead.compile_ahead()
started = len(ahead._started)
ahead.wait_for_compiled()
ahead._compile()
print(started, sum(fill_tables.stats.cache_hits.values()), sum(fill_tables.stats.cache_misses.values()))
"""


@pytest.mark.slow
def test_it_is_compiled_once_and_found(tmp_path):
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}

    def run() -> list[str]:
        command = [sys.executable, "-c", PROGRAM]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        return done.stdout.split()

    assert run() == ["1", "1", "0"]
    assert run() == ["0", "1", "0"]
