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
from simopt.simulation.trace import trace_network
ahead.compile_ahead()
started = len(ahead._started)
ahead.wait_for_compiled(ahead.Core.TABLES)
ahead.wait_for_compiled(ahead.Core.TRACE)
ahead._compile()
found = [core.stats for core in (fill_tables, trace_network)]
print(started, *(sum(s.cache_hits.values()) for s in found), sum(sum(s.cache_misses.values()) for s in found))
"""


@pytest.mark.slow
def test_it_is_compiled_once_and_found(tmp_path):
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}

    def run() -> list[str]:
        command = [sys.executable, "-c", PROGRAM]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        return done.stdout.splitlines()[-1].split()

    assert run() == ["1", "1", "1", "0"]
    assert run() == ["0", "1", "1", "0"]
