"""The outcome of a run: frozen values and the `result.json` that carries them (keys are a public interface)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from simopt.differences import BaselineComparison, design_as_dict, interval_as_dict
from simopt.emission_outcome import EmissionOutcome, emission_outcome
from simopt.simulation.estimate import Estimate, gap_interval, relative_gap
from simopt.simulation.evaluate import Evaluation
from simopt.simulation.stage import Measure
from simopt.storage_outcome import StorageOutcome, storage_outcomes


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
    model
        Stock costs it rests on: "single-stage" or "echelon".
    """

    value: float
    half_width: float
    kind: str
    model: str = "single-stage"


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
    service_target
        Least fill rate that the case asks for, or None.
    fill_rate_half_width
        Of the 95% interval; None without a target.
    """

    node: str
    fill_rate: float
    cycle_service_level: float
    service_target: float | None = None
    fill_rate_half_width: float | None = None

    @property
    def target_met(self) -> str | None:
        """Whether the whole interval lies above the target ("yes"), below ("no") or neither ("undecided")."""
        if self.service_target is None or self.fill_rate_half_width is None:
            return None
        if self.fill_rate - self.fill_rate_half_width >= self.service_target:
            return "yes"
        return "no" if self.fill_rate + self.fill_rate_half_width < self.service_target else "undecided"

    def as_dict(self) -> dict[str, Any]:
        """One entry of `service` in `result.json`; what concerns a target only where there is one."""
        entry = {key: value for key, value in asdict(self).items() if value is not None}
        return entry if self.target_met is None else {**entry, "target_met": self.target_met}


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
        Parts of the mean cost, money, without what emissions cost.
    emissions
        None where nothing emits.
    storage
        Of used sites whose products share one.
    """

    cost: Estimate
    nodes: tuple[NodeOutcome, ...]
    service: tuple[Service, ...]
    transport_cost: float
    pipeline_cost: float
    fixed_cost: float
    emissions: EmissionOutcome | None = None
    storage: tuple[StorageOutcome, ...] = ()


def performance_of(evaluation: Evaluation) -> Performance:
    """What a fresh sample says of a design, in the units of the case."""
    design, measures = evaluation.design, evaluation.measures.copy()
    emitted, fixed_cost = evaluation.emissions, evaluation.fixed_cost
    outcome = None if emitted is None else emission_outcome(evaluation.case, emitted)
    if emitted is not None and (price := evaluation.case.emissions.price):
        measures[:, Measure.HOLDING] -= price * emitted.holding
        measures[:, Measure.TRANSPORT] -= price * emitted.transport
        fixed_cost -= price * emitted.sites
    nodes, service = [], []
    for name, row in zip(design.nodes, measures, strict=True):
        level = evaluation.levels[name]
        nodes.append(NodeOutcome(name, level, float(row[Measure.HOLDING]), float(row[Measure.BACKORDER])))
        if evaluation.faces_customers(name):
            if np.isnan(row).any():  # a simulator of one's own need not measure service
                continue
            demanded = float(row[Measure.DEMANDED])
            fill_rate = float(row[Measure.MET_AT_ONCE]) / demanded if demanded > 0.0 else 1.0
            clear = float(row[Measure.PERIODS_WITHOUT_BACKORDERS]) / evaluation.horizon
            estimate = evaluation.fill_rates.get(name)
            half_width = None if estimate is None else estimate.half_width
            service.append(Service(name, fill_rate, clear, evaluation.case.service_targets.get(name), half_width))
    return Performance(
        evaluation.estimate,
        tuple(nodes),
        tuple(service),
        float(measures[:, Measure.TRANSPORT].sum()),
        float(measures[:, Measure.PIPELINE].sum()),
        fixed_cost,
        outcome,
        storage_outcomes(evaluation),
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
class RuleOutcome:
    """A rule of the case (`design.site_rules`) and what it means for the design.

    Parameters
    ----------
    rule
        Its label.
    value, least, most
        The sum that it bounds, and the bounds; `most` is None where there is none.
    cost
        By how much the lower bound falls without the rule, money over the horizon; None where it was not computed.
    """

    rule: str
    value: float
    least: float
    most: float | None
    cost: float | None


@dataclass(frozen=True)
class TargetCost:
    """What a fill-rate target costs at the margin.

    Parameters
    ----------
    node
        Who has it.
    service_target
        The fill rate asked for.
    marginal_cost
        Of one more percentage point at the same design, money over the horizon; 0 where the target does not bind.
    """

    node: str
    service_target: float
    marginal_cost: float


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
    baseline
        Today's network next to the design; None where none was given.
    rules
        Capacities, numbers of sites and forced sites of the case; empty where it has none.
    cost_per_year
        None where the case does not say how many periods a year has.
    rounding_cost
        What it costs that levels are in whole packs, paired; None where they need not be.
    target_costs
        What each fill-rate target costs at the margin.
    cost_of_targets
        Cost above that of the same design with levels optimized without targets, paired; 0 where none
        binds, None where the case has none.
    cost_of_storage
        Cost above that of the same design with levels optimized for unlimited storage, which it then has, paired; None
        where products share none.
    saving_against_network_first
        Cost of the network of least transport and fixed costs with its best levels, less this one, paired; None where
        that is not compared.
    simulator
        Name of the user's that costs come from; None: the built-in one.
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
    baseline: BaselineComparison | None = None
    rules: tuple[RuleOutcome, ...] = ()
    cost_per_year: Estimate | None = None
    rounding_cost: Estimate | None = None
    target_costs: tuple[TargetCost, ...] = ()
    cost_of_targets: Estimate | None = None
    cost_of_storage: Estimate | None = None
    saving_against_network_first: Estimate | None = None
    simulator: str | None = None

    @property
    def gap(self) -> float | None:
        """(cost - lower bound) / cost, or None without a bound."""
        if self.lower_bound is None:
            return None
        return relative_gap(self.performance.cost.mean, self.lower_bound.value)

    @property
    def gap_interval(self) -> tuple[float, float] | None:
        """The gap's 95% interval, see `gap_interval`; None without a bound or with a single replication."""
        if self.lower_bound is None:
            return None
        return gap_interval(self.performance.cost, self.lower_bound.value, self.lower_bound.half_width)

    def as_dict(self) -> dict[str, Any]:
        """The content of `result.json`."""
        saving = self.saving_against_network_first
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
            "gap_interval": self.gap_interval,
            "certified": self.certified,
            "confidence": self.confidence,
            "certificate": self.certificate,
            **design_as_dict(self.lanes, {n.node: n.level for n in self.performance.nodes}),
            **performance_as_dict(self.performance),
            "saving_against_network_first": None if saving is None else interval_as_dict(saving),
            "replications_used": self.replications_used,
            "scenarios_used": self.scenarios_used,
            "wall_seconds": self.wall_seconds,
            "iterations": [asdict(step) for step in self.iterations],
            "versions": dict(self.versions),
            **({} if self.baseline is None else {"baseline": self.baseline.as_dict()}),
            **({"rules": [asdict(rule) for rule in self.rules]} if self.rules else {}),
            **({} if self.cost_per_year is None else {"cost_per_year": asdict(self.cost_per_year)}),
            **({} if self.rounding_cost is None else {"rounding_cost": interval_as_dict(self.rounding_cost)}),
            **({"service_targets": [asdict(target) for target in self.target_costs]} if self.target_costs else {}),
            **({} if self.cost_of_targets is None else {"cost_of_targets": interval_as_dict(self.cost_of_targets)}),
            **({} if self.cost_of_storage is None else {"cost_of_storage": interval_as_dict(self.cost_of_storage)}),
            **({} if self.simulator is None else {"simulator": self.simulator}),
        }


def performance_as_dict(performance: Performance) -> dict[str, Any]:
    """The keys of `result.json` that a simulation gives, besides `cost`."""
    return {
        "node_costs": [{"node": n.node, "holding": n.holding, "backorder": n.backorder} for n in performance.nodes],
        "transport_cost": performance.transport_cost,
        "pipeline_cost": performance.pipeline_cost,
        "fixed_cost": performance.fixed_cost,
        "service": [s.as_dict() for s in performance.service],
        **({"storage": [one.as_dict() for one in performance.storage]} if performance.storage else {}),
        **({} if performance.emissions is None else {"emissions": performance.emissions.as_dict()}),
    }
