"""Compiles the core of the global check of levels in a process of its own, while a first solve compiles the others.

The machine code is left in numba's cache next to the source; whoever needs the core waits for it there. Only where that
cache is empty, once after an installation.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np

from design.case_files import load_case
from simopt.simulation.nested import fill_tables

EXAMPLE = "two-stage-series"
_SECONDS = 60.0
_started: list[subprocess.Popen[bytes]] = []


def compile_ahead() -> None:
    """Start it if the core is not compiled; a session of its own, so that Ctrl-C does not reach it."""
    folder = Path(fill_tables.stats.cache_path)
    if not _started and not any(folder.glob("nested.fill_tables-*.nbi")):
        command = [sys.executable, "-m", "simopt.simulation.compile_ahead"]
        quiet = subprocess.DEVNULL
        _started.append(subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=True))


def wait_for_compiled() -> None:
    """Wait until it is done; without it, or if it takes too long, the caller compiles for itself."""
    while _started:
        process = _started.pop()
        try:
            process.wait(_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()


def _compile() -> None:
    from simopt.simulation.grid_costs import grid_costs

    case = load_case(EXAMPLE)
    (component,) = case.network.design([lane.pair for lane in case.network.lanes]).components
    grids = [np.array([100.0, 200.0]), np.empty(0)]
    grid_costs(case, component, grids, np.full((1, case.num_periods, 1), 100.0))


if __name__ == "__main__":
    _compile()
