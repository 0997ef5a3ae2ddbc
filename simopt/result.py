"""The outcome of a run: frozen values and the `result.json` that carries them (keys are a public interface)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from design.errors import BadInputError
from simopt.simulation.estimate import Estimate, relative_gap
from simopt.simulation.evaluate import Evaluation
from simopt.simulation.kernel import Measure


class ResultError(BadInputError):
    """A result file that cannot be read; the message names file, key and what was expected."""


@dataclass(frozen=True)
class LowerBound:
    """What no design can beat.

    Parameters
    ----------
    value
        Money over the horizon.
    half_width
        Of its 95% interval; 0 for an exact bound.
    kind
        "exact", "statistical", or "estimate" where the model's conditions for a bound do not hold.
    """

    value: float
    half_width: float
    kind: str


@dataclass(frozen=True)
class NodeOutcome:
    """One used node.

    Parameters
    ----------
    node
        Name.
    level
        Base-stock level, units.
    holding, backorder
        Mean cost over the horizon, money.
    """

    node: str
    level: float
    holding: float
    backorder: float


@dataclass(frozen=True)
class Service:
    """Service of one node that faces customers.

    Parameters
    ----------
    node
        Name.
    fill_rate
        Share of demand met from stock at once (β).
    cycle_service_level
        Share of periods without backorders (α).
    """

    node: str
    fill_rate: float
    cycle_service_level: float


@dataclass(frozen=True)
class Performance:
    """A design with its levels, simulated on fresh replications.

    Parameters
    ----------
    cost
        Total cost over the horizon, fixed costs included.
    nodes
        Every used node.
    service
        Every node that faces customers.
    transport_cost, pipeline_cost, fixed_cost
        Parts of the mean cost, money.
    """

    cost: Estimate
    nodes: tuple[NodeOutcome, ...]
    service: tuple[Service, ...]
    transport_cost: float
    pipeline_cost: float
    fixed_cost: float


def performance_of(evaluation: Evaluation) -> Performance:
    """What a fresh sample says of a design, in the units of the case."""
    design, measures = evaluation.design, evaluation.measures
    nodes, service = [], []
    for name, row in zip(design.nodes, measures, strict=True):
        level = evaluation.levels[name]
        nodes.append(NodeOutcome(name, level, float(row[Measure.HOLDING]), float(row[Measure.BACKORDER])))
        if evaluation.faces_customers(name):
            demanded = float(row[Measure.DEMANDED])
            fill_rate = float(row[Measure.MET_AT_ONCE]) / demanded if demanded > 0.0 else 1.0
            clear = float(row[Measure.PERIODS_WITHOUT_BACKORDERS]) / evaluation.horizon
            service.append(Service(name, fill_rate, clear))
    return Performance(
        evaluation.estimate,
        tuple(nodes),
        tuple(service),
        float(measures[:, Measure.TRANSPORT].sum()),
        float(measures[:, Measure.PIPELINE].sum()),
        evaluation.fixed_cost,
    )


@dataclass(frozen=True)
class Iteration:
    """One step of a search.

    Parameters
    ----------
    iteration
        From 1.
    changed_lanes
        Lanes that differ from the design of the step before.
    lower_bound
        Present bound, simulated components priced; None for methods without one.
    upper_bound, upper_half_width
        Cost of the incumbent on the search paths.
    gap
        Their distance as a share of the upper bound, or None.
    replications
        Simulated so far.
    seconds
        Since the start.
    """

    iteration: int
    changed_lanes: int
    lower_bound: float | None
    upper_bound: float
    upper_half_width: float
    gap: float | None
    replications: int
    seconds: float


@dataclass(frozen=True)
class Result:
    """Outcome of `solve`, written to `result.json`.

    Parameters
    ----------
    case, method, seed
        What was run.
    status
        "solved" where the search ended by itself; "limit", "interrupted" or "failed" otherwise.
    termination
        Why the search ended, in words.
    warnings
        What makes the result less than it seems.
    performance
        The design on fresh replications.
    lower_bound
        None for methods without one.
    certified, confidence
        True where no other design is better with any levels, "assuming global levels" where that holds if the levels
        found on every batch are globally best, and the confidence of that claim; else False and None.
    certificate
        The claim in words, or why there is none; None where none was tried.
    lanes
        Used lanes as (from, to).
    replications_used, scenarios_used
        Simulated replications and sampled scenarios of the search, without evaluation and certificate.
    wall_seconds
        Of the search and the evaluation.
    iterations
        Steps of the search.
    versions
        Of the packages that determine the numbers.
    """

    case: str
    method: str
    seed: int
    status: str
    termination: str
    warnings: tuple[str, ...]
    performance: Performance
    lower_bound: LowerBound | None
    certified: bool | str
    confidence: float | None
    certificate: str | None
    lanes: tuple[tuple[str, str], ...]
    replications_used: int
    scenarios_used: int
    wall_seconds: float
    iterations: tuple[Iteration, ...]
    versions: Mapping[str, str]

    @property
    def gap(self) -> float | None:
        """(cost - lower bound) / cost, or None without a bound."""
        if self.lower_bound is None:
            return None
        return relative_gap(self.performance.cost.mean, self.lower_bound.value)

    def as_dict(self) -> dict[str, Any]:
        """The content of `result.json`."""
        return {
            "case": self.case,
            "method": self.method,
            "seed": self.seed,
            "status": self.status,
            "termination": self.termination,
            "warnings": list(self.warnings),
            "cost": asdict(self.performance.cost),
            "lower_bound": None if self.lower_bound is None else asdict(self.lower_bound),
            "gap": self.gap,
            "certified": self.certified,
            "confidence": self.confidence,
            "certificate": self.certificate,
            **design_as_dict(self.lanes, {n.node: n.level for n in self.performance.nodes}),
            **performance_as_dict(self.performance),
            "replications_used": self.replications_used,
            "scenarios_used": self.scenarios_used,
            "wall_seconds": self.wall_seconds,
            "iterations": [asdict(step) for step in self.iterations],
            "versions": dict(self.versions),
        }


def design_as_dict(lanes: tuple[tuple[str, str], ...], levels: Mapping[str, float]) -> dict[str, Any]:
    """The keys `design` and `base_stock_levels` of `result.json`."""
    return {
        "design": {"lanes": [{"from": a, "to": b} for a, b in lanes], "open": list(levels)},
        "base_stock_levels": [{"node": name, "level": level} for name, level in levels.items()],
    }


def performance_as_dict(performance: Performance) -> dict[str, Any]:
    """The keys of `result.json` that a simulation gives, besides `cost`."""
    return {
        "node_costs": [{"node": n.node, "holding": n.holding, "backorder": n.backorder} for n in performance.nodes],
        "transport_cost": performance.transport_cost,
        "pipeline_cost": performance.pipeline_cost,
        "fixed_cost": performance.fixed_cost,
        "service": [asdict(s) for s in performance.service],
    }


def read_decision(path: Path) -> tuple[tuple[tuple[str, str], ...], dict[str, float]]:
    """Lanes and base-stock levels of a `result.json`.

    Raises
    ------
    ResultError
        If the file cannot be read or a key is missing or of another type.
    """
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ResultError(f"{path}: no such file; expected the result.json of a solve") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ResultError(f"{path}: not readable as JSON ({error})") from None
    try:
        lanes = tuple((str(lane["from"]), str(lane["to"])) for lane in raw["design"]["lanes"])
        levels = {str(row["node"]): float(row["level"]) for row in raw["base_stock_levels"]}
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ResultError(
            f"{path}: {error}: expected design.lanes [{{from, to}}] and base_stock_levels [{{node, level}}]"
        ) from None
    for name, level in levels.items():
        if not 0.0 <= level < float("inf"):
            raise ResultError(f"{path}: base_stock_levels of {name}: {level}: expected a number of units, at least 0")
    return lanes, levels
