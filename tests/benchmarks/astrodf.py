"""ASTRO-DF (Shashaani et al. 2018) by simoptlib, in an environment of its own, as it imports as `simopt` too.

The environment is the folder that SIMOPT_ASTRODF_ENV names, else one in the temporary folder, made if need be.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

import numpy as np

from simopt.simulation.ledger import Ledger
from simopt.simulation.simulator import TreeSimulator
from tests.benchmarks.level_problems import LEVELS, Floats, LevelProblem

PACKAGE = "simoptlib==1.2.4"
PROGRAM = Path(__file__).with_name("astrodf_run.py")


@cache
def astrodf_python() -> Path | None:
    """Its interpreter; None, with the reason printed, where the environment cannot be made."""
    folder = Path(os.environ.get("SIMOPT_ASTRODF_ENV", Path(tempfile.gettempdir()) / "simopt-astrodf"))
    python = folder / "bin" / "python"
    if python.exists():
        return python
    for step in ([sys.executable, "-m", "venv", str(folder)], [str(python), "-m", "pip", "install", "-q", PACKAGE]):
        done = subprocess.run(step, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            print(f"no environment for ASTRO-DF: {' '.join(step)} failed: {done.stderr.strip().splitlines()[-1]}")
            return None
    return python


def astrodf(problem: LevelProblem, ledger: Ledger, budget: int, seed: int) -> Floats:
    """Levels that it recommends last; its defaults, in units of the problem's scale from the common start."""
    box, first, scale, simulator = problem.box, problem.start, problem.scale, TreeSimulator(problem.case)
    command = [str(astrodf_python()), str(PROGRAM)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "env": {}, "cwd": "/"}
    with subprocess.Popen(command, **pipes) as running:

        def tell(content: object) -> None:
            running.stdin.write(json.dumps(content) + "\n")
            running.stdin.flush()

        ends = {"lower": list((box.lower - first) / scale), "upper": list((box.upper - first) / scale)}
        tell({"start": [0.0] * LEVELS, **ends, "budget": budget, "seed": seed})
        while "solution" not in (said := json.loads(running.stdout.readline())):
            ledger.charge(said["count"])
            levels = box.clip(first + np.array(said["x"]) * scale)
            paths = ledger.search_paths(said["first"] + said["count"])[said["first"] :]
            tell(simulator.simulate(problem.component, levels, paths, with_gradient=False).costs.tolist())
    return box.clip(first + np.array(said["solution"]) * scale)
