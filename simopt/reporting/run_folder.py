"""The files of a run folder: result.json, history.csv, lanes.csv, nodes.csv, log.jsonl and a copy of the case."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields
from math import isfinite
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, TextIO

from design.case import Case
from design.case_files import save_case
from design.records import as_records
from simopt.result import Iteration

TARGET_COLUMNS = ["service_target", "fill_rate_half_width", "target_met"]


def write_run(folder: Path, case: Case, content: Mapping[str, Any]) -> None:
    """Write everything about one finished `solve`: what `write_results` writes, the log and a copy of the case."""
    write_results(folder, case, content)
    with replaced(folder / "log.jsonl") as stream:
        for step in content["iterations"]:
            stream.write(json.dumps({"event": "iteration", **finite(step)}) + "\n")
        stream.write(json.dumps({"event": "end", "termination": content["termination"]}) + "\n")
    save_case(case, folder / "case")


def write_results(folder: Path, case: Case, content: Mapping[str, Any]) -> None:
    """Write result.json and the tables of one `solve`; each file is there whole or not at all.

    Parameters
    ----------
    folder
        Made if need be; files of the same names are replaced.
    case
        What was solved.
    content
        Of `Result.as_dict`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "result.json", as_records(content, case.network))
    steps = content["iterations"]
    write_csv(folder / "history.csv", [f.name for f in fields(Iteration)], steps)
    used = {(lane["from"], lane["to"]) for lane in content["design"]["lanes"]}
    network = case.network
    layers = [*(["product"] if network.products else []), *(["season"] if network.seasons else [])]
    lanes = [
        {"from": k.origin, "to": k.destination, "used": int(k.pair in used), "unit_cost": k.unit_cost}
        for k in network.lanes
    ]
    write_csv(folder / "lanes.csv", ["from", "to", *layers, "used", "unit_cost"], as_records(lanes, network))
    service = {row["node"]: row for row in content["service"]}
    costs = {row["node"]: row for row in content["node_costs"]}
    nodes = [{**row, **costs[row["node"]], **service.get(row["node"], {})} for row in content["base_stock_levels"]]
    columns = ["node", *layers, "level", "holding", "backorder", "fill_rate", "cycle_service_level"]
    columns += TARGET_COLUMNS if case.service_targets else []
    write_csv(folder / "nodes.csv", columns, as_records(nodes, network))


@contextmanager
def replaced(path: Path) -> Iterator[TextIO]:
    """A stream to a file that takes the place of the one at the path once all is written: never half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with beside.open("w", encoding="utf-8", newline="") as stream:
            yield stream
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def make_folder(folder: Path) -> None:
    """Make the folder and see that it can be written to, before a long run; OSError otherwise."""
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryFile(dir=folder):
        pass


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write JSON, indented; a number that is not finite (the half-width of one replication) becomes null."""
    with replaced(path) as stream:
        stream.write(json.dumps(finite(content), indent=2, allow_nan=False) + "\n")


def finite(content: Any) -> Any:
    """Content with None in the place of numbers that are not finite."""
    if isinstance(content, Mapping):
        return {key: finite(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [finite(value) for value in content]
    return None if isinstance(content, float) and not isfinite(content) else content


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """Write rows under a header; absent values stay blank."""
    with replaced(path) as stream:
        writer = csv.DictWriter(stream, columns, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
