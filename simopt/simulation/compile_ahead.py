"""Compiles two cores in a process of its own, while a first solve compiles the others.

They are the global check of levels and the record of every period, which a run needs last. The machine code is left in
numba's cache next to the source; whoever needs a core waits for it there. Only where that cache is empty, once after an
installation.
"""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from threading import Timer

import numpy as np

from design.case_files import load_case
from simopt.simulation.nested import fill_tables

EXAMPLE = "two-stage-series"
_SECONDS = 60.0
_started: list[subprocess.Popen[str]] = []
_done: set[str] = set()


class Core(StrEnum):
    """What is compiled, in this order."""

    TABLES = "tables"
    TRACE = "trace"


def compile_ahead() -> None:
    """Start it if the first core is not compiled; a session of its own, so that Ctrl-C does not reach it."""
    folder, quiet = Path(fill_tables.stats.cache_path), subprocess.DEVNULL
    if not _started and not any(folder.glob("nested.fill_tables-*.nbi")):
        command = [sys.executable, "-m", "simopt.simulation.compile_ahead"]
        process = subprocess.Popen(
            command, stdin=quiet, stdout=subprocess.PIPE, stderr=quiet, text=True, start_new_session=True
        )
        _started.append(process)


def wait_for_compiled(core: Core) -> None:
    """Wait until a core is done; without the process, or if it takes too long, the caller compiles for itself."""
    if not _started or core in _done or _started[0].stdout is None:
        return
    too_long = Timer(_SECONDS, _started[0].kill)
    too_long.start()
    try:
        while core not in _done and (line := _started[0].stdout.readline()):
            _done.add(line.strip())
    finally:
        too_long.cancel()


def _compile() -> None:
    from simopt.simulation.describe import trace_component
    from simopt.simulation.grid_costs import grid_costs

    case = load_case(EXAMPLE)
    (component,) = case.network.design([lane.pair for lane in case.network.lanes]).components
    paths = np.full((1, case.num_periods, 1), 100.0)
    grid_costs(case, component, [np.array([100.0, 200.0]), np.empty(0)], paths)
    _say(Core.TABLES)
    trace_component(case, component, np.array([100.0, 100.0]), paths)
    _say(Core.TRACE)


def _say(core: Core) -> None:
    with suppress(BrokenPipeError):  # whoever started it has ended
        print(core, flush=True)


if __name__ == "__main__":
    _compile()
