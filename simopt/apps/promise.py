"""What a solve promised for a network and its levels, set against what the planning world gives."""

from __future__ import annotations

from collections.abc import Mapping
from math import hypot
from pathlib import Path
from typing import Any

from design.case import Case
from design.records import name_of
from simopt.operate_outcome import Promise
from simopt.result_file import ResultError, read_json
from simopt.simulation.estimate import Estimate


def promise_of(path: Path, case: Case, measures: Mapping[str, Estimate]) -> Promise | None:
    """Cost and fill rate of a `result.json` against measures of the policy `levels`; None where it promises no cost.

    Raises
    ------
    ResultError
        If costs or service in the file are not what they should be.
    """
    content = read_json(path)
    if content.get("cost") is None:
        return None
    try:
        cost = _estimate(content["cost"])
        fill_rate = _fill_rate(content.get("service", []), case)
    except (KeyError, TypeError, ValueError) as error:
        raise ResultError(f"{path}: {error}: expected cost {{mean, half_width}} and service") from None
    return Promise(
        cost,
        fill_rate,
        _difference(measures["cost"], cost),
        None if fill_rate is None else _difference(measures["fill_rate"], fill_rate),
    )


def _estimate(entry: Mapping[str, Any]) -> Estimate:
    return Estimate(float(entry["mean"]), float(entry["half_width"]), int(entry.get("replications", 0)))


def _fill_rate(rows: list[Mapping[str, Any]], case: Case) -> Estimate | None:
    """Of all customers together, weighted by their mean demand."""
    weights = case.mean_demand
    found = {name_of(row): row for row in rows if row.get("fill_rate") is not None}
    if not found or set(found) != set(weights):
        return None
    total = sum(weights.values())
    mean = sum(weights[name] * float(row["fill_rate"]) for name, row in found.items()) / total
    widths = [weights[name] * float(row.get("fill_rate_half_width") or 0.0) / total for name, row in found.items()]
    return Estimate(mean, hypot(*widths), 0)


def _difference(here: Estimate, promised: Estimate) -> Estimate:
    return Estimate(here.mean - promised.mean, hypot(here.half_width, promised.half_width), here.replications)
