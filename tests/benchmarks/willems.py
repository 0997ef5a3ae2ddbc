"""Supply chains of the literature, read from files that are no part of this project.

The environment variable SIMOPT_WILLEMS_DATA names a folder with `willems_2008_chains.json` (Willems, S. P. (2008),
"Data set: real-world multi-echelon supply chains used for inventory optimization", M&SOM 10(1), 19-23) and
`graves_willems/`, with `bulldozer.txt` and `battery.txt` of Graves, S. C. & Willems, S. P. (2000, 2003).
"""

from __future__ import annotations

import csv
import json
import os
from math import ceil
from pathlib import Path

import pytest
from scipy.special import ndtri

from design.service_chain import ChainLink, ChainStage, ServiceChain

VARIABLE = "SIMOPT_WILLEMS_DATA"
NUM_CHAINS = 38


def data_folder() -> Path:
    """The folder; skips the test that asks where the environment names none."""
    folder = os.environ.get(VARIABLE)
    if not folder:
        pytest.skip(f"{VARIABLE} names no folder with the data")
    return Path(folder)


def willems_chains(folder: Path, holding_rate: float = 1.0) -> list[ServiceChain]:
    """The 38 chains, in their order.

    Parameters
    ----------
    folder
        Where the file is.
    holding_rate
        Of a unit's cumulative cost, per period; the data set has none.

    Returns
    -------
    list
        Periods are days. Stage times are the mean ones, rounded up to whole days; safety factors are those of the
        service levels under normal demand.
    """
    content = json.loads((folder / "willems_2008_chains.json").read_text(encoding="utf-8"))
    return [
        ServiceChain(
            tuple(_stage(record) for record in chain["stages"]),
            tuple(ChainLink(supplier, customer) for supplier, customer in chain["arcs"]),
            holding_rate,
        )
        for chain in content["chains"]
    ]


def _stage(record: dict) -> ChainStage:
    added, time = float(record["stage_cost"]), ceil(record["stage_time"] - 1e-9)
    if "avg_demand" not in record:
        return ChainStage(record["name"], added, time)
    return ChainStage(
        record["name"],
        added,
        time,
        float(record["avg_demand"]),
        float(record["std_demand"]),
        float(ndtri(record["service_level"])),
        ceil(record["max_service_time"]),
    )


def graves_willems_chain(folder: Path, name: str, holding_rate: float) -> ServiceChain:
    """`bulldozer` or `battery`; the safety factor is that of 95%, which the files round to 1.645."""
    stages, links = [], []
    with (folder / "graves_willems" / f"{name}.txt").open(encoding="utf-8", newline="") as stream:
        header, *rows = ([cell.strip() for cell in row] for row in csv.reader(stream))
    for row in rows:
        cells, inputs = dict(zip(header, row, strict=False)), row[len(header) - 1 :]
        added = next(float(cells[key]) for key in ("cost", "cost_rate") if key in cells)
        mean, sd = (float(cells[key] or 0.0) for key in ("ext_demand_mean", "ext_demand_std"))
        limit = int(cells["max_s_time"]) if cells["max_s_time"] else None
        factor = float(ndtri(0.95)) if limit is not None else 0.0
        stages.append(ChainStage(cells["stage_id"], added, int(cells["lead_time"]), mean, sd, factor, limit))
        pairs = zip(inputs[::2], inputs[1::2], strict=False)
        links += [ChainLink(supplier, cells["stage_id"], float(units)) for supplier, units in pairs if supplier]
    return ServiceChain(tuple(stages), tuple(links), holding_rate)
