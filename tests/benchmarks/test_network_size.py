"""Time, memory and gap against the size of the network: the table of `tests/benchmarks/README.md`.

SIMOPT_SIZES=13,30,100,300 SIMOPT_SEEDS=0,1,2 SIMOPT_PLOTS=FOLDER \
    pytest -m benchmark -s tests/benchmarks/test_network_size.py

Without SIMOPT_SIZES all sizes, 1,000 nodes included, which take ten minutes a seed. Every network is planned in a
process of its own: the master once, to a tenth of a tolerance of 1%, levels, and the final evaluation.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

SIZES = {
    "13": (5, 3, 5, 0, 0, 60),
    "30": (8, 7, 15, 0, 4, 60),
    "100": (10, 15, 75, 0, 0, 120),
    "300": (20, 40, 240, 5, 0, 600),
    "1000": (40, 160, 800, 5, 0, 1_500),
}
MOST_GAP = {"13": 0.05, "30": 0.03, "100": 0.015, "300": 0.02, "1000": 0.05}
MOST_MEGABYTES = 4_096
COLUMNS = [
    "nodes",
    "seed",
    "lanes",
    "used",
    "rows",
    "cuts",
    "master s",
    "levels s",
    "replications",
    "MB",
    "master gap",
    "gap",
]

pytestmark = pytest.mark.benchmark


def chosen(name: str, default: str) -> list[str]:
    return [one.strip() for one in os.environ.get(name, default).split(",")]


def plot(rows: list[dict], path: Path) -> dict[str, float]:
    """Log-log picture of the means of each size; returns the slopes."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes, slopes = figure.subplots(), {}
    for key in ("master_seconds", "level_seconds", "megabytes"):
        nodes = sorted({row["nodes"] for row in rows})
        means = [np.mean([row[key] for row in rows if row["nodes"] == count]) for count in nodes]
        slopes[key] = float(np.polyfit(np.log(nodes), np.log(means), 1)[0]) if len(nodes) > 1 else np.nan
        axes.loglog(nodes, means, "o-", label=f"{key.replace('_', ' ')}, exponent {slopes[key]:.2f}")
    axes.set(xlabel="nodes", ylabel="seconds, megabytes")
    axes.legend()
    figure.savefig(path, dpi=120)
    return slopes


def test_time_memory_and_gap_by_size(tmp_path):
    rows = []
    print(f"\n| {' | '.join(COLUMNS)} |\n{'|---' * len(COLUMNS)}|")
    for size in chosen("SIMOPT_SIZES", ",".join(SIZES)):
        *shape, seconds = SIZES[size]
        for seed in chosen("SIMOPT_SEEDS", "0,1,2"):
            words = [sys.executable, "-m", "tests.benchmarks.network_size_run", *map(str, shape), seed, str(seconds)]
            done = subprocess.run(words, capture_output=True, check=True, text=True)
            row = json.loads(done.stdout.splitlines()[-1])
            rows.append(row)
            print(
                f"| {row['nodes']} | {seed} | {row['lanes']} | {row['used']} | {row['rows']:,} | {row['cuts']:,} | "
                f"{row['master_seconds']:.1f} | {row['level_seconds']:.1f} | {row['replications']:,} | "
                f"{row['megabytes']:.0f} | {row['master_gap']:.2%} | {row['gap']:.2%} ± {row['gap_half_width']:.2%} |",
                flush=True,
            )
            assert row["gap"] <= MOST_GAP[size]
            assert row["megabytes"] <= MOST_MEGABYTES
    path = Path(os.environ.get("SIMOPT_PLOTS", tmp_path)) / "network_size.png"
    print(f"exponents of nodes: {plot(rows, path)}, picture {path}")
