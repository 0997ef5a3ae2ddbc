"""The outcome of `thresholds`: policies of firms, what bounds cost, and what becomes of them in scenarios."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simopt.simulation.estimate import Estimate

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class FirmPolicy:
    """Thresholds of one node.

    Parameters
    ----------
    node
        Its name.
    echelon
        Links from the customers, 0 where they are faced.
    free, thresholds
        s and s̄ of every step, units, shape (step,); -inf: never order.
    mean_demand, most_demand
        Of a step in the middle of the horizon, units.
    cost_to_go
        By how the lower bound is meant: expected cost of the horizon from an empty stock, money.
    """

    node: str
    echelon: int
    free: Floats
    thresholds: Floats
    mean_demand: float
    most_demand: int
    cost_to_go: Mapping[str, float]


@dataclass(frozen=True, eq=False)
class ScenarioOutcome:
    """What one scenario gave.

    Parameters
    ----------
    name
        `ideal`, `outage` or `demand-shock`.
    start, end
        First and last step of what disturbs it, from 1; 0: nothing does.
    nodes
        Names, in the order of `stock`.
    stock
        Of every node and step of the horizon, units: mean and the 5th and 95th percentile, shape (3, step, node).
    penalties
        Holding, shortage and cancellation costs of the whole network up to each step, money: mean and its half-width,
        shape (2, step).
    cost, fill_rate
        Over the horizon: penalties, money; customers' demand met.
    delay, recovery
        By node, periods: from the start until its stock is first 10% below that of the ideal scenario on the same
        demand, and from the end until it last is; means over the replications that feel it, with half-widths.
    felt
        By node, share of replications that feel it.
    """

    name: str
    start: int
    end: int
    nodes: tuple[str, ...]
    stock: Floats
    penalties: Floats
    cost: Estimate
    fill_rate: Estimate
    delay: Mapping[str, Estimate]
    recovery: Mapping[str, Estimate]
    felt: Mapping[str, float]


@dataclass(frozen=True)
class TradeOff:
    """Thresholds computed with a probability of a shock in every step.

    Parameters
    ----------
    probability
        Of the shocked demand.
    cost, fill_rate
        By scenario: penalties over the horizon, money; customers' demand met.
    """

    probability: float
    cost: Mapping[str, Estimate]
    fill_rate: Mapping[str, Estimate]


@dataclass(frozen=True, eq=False)
class ThresholdPlan:
    """All of it.

    Parameters
    ----------
    case, seed, kind, steps, replications
        What was run; 0 replications: no scenario.
    firms
        Customers' side first.
    scenarios, trade_off
        Empty without simulation.
    seconds, versions
        Wall-clock time; of the packages used.
    """

    case: str
    seed: int
    kind: str
    steps: int
    replications: int
    firms: tuple[FirmPolicy, ...]
    scenarios: tuple[ScenarioOutcome, ...]
    trade_off: tuple[TradeOff, ...]
    seconds: float
    versions: Mapping[str, str]

    def as_dict(self) -> dict[str, Any]:
        """The content of `result.json`; null where a threshold says never to order."""
        return {
            "case": self.case,
            "seed": self.seed,
            "bound": self.kind,
            "steps": self.steps,
            "thresholds": [
                {"node": firm.node, "step": t + 1, "threshold": _finite(bounded), "unbounded": _finite(free)}
                for firm in self.firms
                for t, (bounded, free) in enumerate(zip(firm.thresholds, firm.free, strict=True))
            ],
            "cost_to_go": {firm.node: dict(firm.cost_to_go) for firm in self.firms},
            "replications": self.replications,
            "scenarios": {one.name: _scenario(one) for one in self.scenarios},
            "trade_off": [
                {
                    "probability": one.probability,
                    "cost": {name: _pair(value) for name, value in one.cost.items()},
                    "fill_rate": {name: _pair(value) for name, value in one.fill_rate.items()},
                }
                for one in self.trade_off
            ],
            "wall_seconds": self.seconds,
            "versions": dict(self.versions),
        }


def _scenario(one: ScenarioOutcome) -> dict[str, Any]:
    return {
        "start": one.start,
        "end": one.end,
        "penalties": _pair(one.cost),
        "fill_rate": _pair(one.fill_rate),
        "delay": {name: _pair(value) for name, value in one.delay.items()},
        "recovery": {name: _pair(value) for name, value in one.recovery.items()},
        "felt": dict(one.felt),
    }


def _pair(value: Estimate) -> dict[str, float]:
    return {"mean": value.mean, "half_width": value.half_width}


def _finite(value: float) -> float | None:
    return float(value) if isfinite(value) else None
