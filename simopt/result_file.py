"""Designs, levels and seeds read back from a `result.json`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from design.errors import BadInputError, NetworkError, expected_one_of
from design.network import Design, Network
from design.node import LanePair
from design.records import from_records, name_of, pair_of

_SOLVE_KEYS = (
    "case", "method", "seed", "status", "termination", "warnings", "cost", "lower_bound", "gap", "certified",
    "certificate", "design", "base_stock_levels", "node_costs", "transport_cost", "pipeline_cost", "fixed_cost",
    "service", "iterations", "replications_used", "scenarios_used", "wall_seconds", "versions",
)  # fmt: skip
_EXPECTED = "the result.json of `simopt solve` or `simopt compare`"


class ResultError(BadInputError):
    """A result file that cannot be read; the message names file, key and what was expected."""


def read_decision(path: Path, network: Network) -> tuple[Design, dict[str, float]]:
    """Design and base-stock levels of a `result.json`, a level for every used node.

    Raises
    ------
    ResultError
        If the file cannot be read, a key is missing or of another type, or lanes and levels do not fit the network.
    """
    design, levels = read_design(path, network)
    if levels is None:
        raise ResultError(f"{path}: base_stock_levels missing: expected [{{node, level}}]")
    return design, levels


def read_design(path: Path, network: Network) -> tuple[Design, dict[str, float] | None]:
    """Design of a `result.json` and, if the file has levels, a level for every used node; errors as `read_decision`."""
    content = read_json(path)
    try:
        lanes = tuple(pair_of(lane) for lane in content["design"]["lanes"])
        rows = content.get("base_stock_levels")
        levels = None if rows is None else {name_of(row): float(row["level"]) for row in rows}
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ResultError(
            f"{path}: {error}: expected design.lanes [{{from, to}}] and base_stock_levels [{{node, level}}]"
        ) from None
    design = design_of(path, network, lanes)
    if levels is None:
        return design, None
    known = {node.name for node in network.nodes}
    for name, level in levels.items():
        if name not in known:
            expected = expected_one_of(name, sorted(known))
            raise ResultError(f"{path}: base_stock_levels: unknown node {name!r}: {expected}")
        if not 0.0 <= level < float("inf"):
            raise ResultError(f"{path}: base_stock_levels of {name}: {level}: expected a number of units, at least 0")
    for name in design.nodes:
        if name not in levels:
            raise ResultError(f"{path}: base_stock_levels: expected a level for {name!r}, which the lanes use")
    return design, {name: levels[name] for name in design.nodes}


def read_content(path: Path) -> dict[str, Any]:
    """Content of the `result.json` of a solve or a comparison, stocking points by the network's names.

    Raises
    ------
    ResultError
        If the file cannot be read or is of another command.
    """
    content = read_json(path)
    if isinstance(content, dict):
        if "methods" in content or "cases" in content:
            return content
        if not (missing := [key for key in _SOLVE_KEYS if key not in content]):
            return dict(from_records(content))
        raise ResultError(f"{path}: {missing[0]} missing: expected {_EXPECTED}")
    raise ResultError(f"{path}: expected {_EXPECTED}")


def read_simulator(path: Path) -> str | None:
    """Name of the simulator of one's own that a `result.json` comes from; None: the built-in one."""
    content = read_json(path)
    name = content.get("simulator") if isinstance(content, dict) else None
    return None if name is None else str(name)


def read_seed(path: Path) -> int:
    """Seed of a `result.json`; 0 where it has none."""
    content = read_json(path)
    seed = content.get("seed") if isinstance(content, dict) else None
    return seed if isinstance(seed, int) and seed >= 0 else 0


def design_of(path: Path, network: Network, lanes: tuple[LanePair, ...]) -> Design:
    """The design that uses the lanes of a file; a `ResultError` that names the file where there is none."""
    try:
        return network.design(lanes)
    except NetworkError as error:
        raise ResultError(f"{path}: {error}") from None


def read_json(path: Path) -> Any:
    """Content of a file; a `ResultError` that names it where it cannot be read."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ResultError(f"{path}: no such file; expected the result.json of a solve") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ResultError(f"{path}: not readable as JSON ({error})") from None
