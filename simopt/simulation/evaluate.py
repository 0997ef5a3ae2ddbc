"""What a design with its levels really costs: fresh replications, an interval, service and the parts of the cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from design.case import Case
from design.demand import Floats
from design.network import Design
from design.streams import BLOCK
from simopt.simulation.estimate import Estimate
from simopt.simulation.kernel import Measure
from simopt.simulation.ledger import Ledger

CHUNK = 128  # blocks of emissions simulated at a time


@dataclass(frozen=True)
class EvaluationParams:
    """How long to simulate.

    Parameters
    ----------
    replications
        At the start.
    relative_half_width
        The sample is doubled until the cost's half-width is at most this share of it.
    max_replications
        The sample never exceeds this.
    """

    replications: int = 1024
    relative_half_width: float = 0.001
    max_replications: int = 32768

    def __post_init__(self) -> None:
        if not 1 <= self.replications <= self.max_replications:
            raise ValueError(
                f"replications: expected 1 to {self.max_replications} (max_replications), got {self.replications}"
            )


@dataclass(frozen=True, eq=False)
class EmissionSample:
    """Emissions on the replications of an evaluation, units of emission over the horizon.

    Parameters
    ----------
    totals
        Of each replication, shape (replication,).
    holding, transport
        Mean of each node and of the lane into it, shape (node,), nodes as in `Design.nodes`.
    sites
        Of all used sites.
    """

    totals: Floats
    holding: Floats
    transport: Floats
    sites: float


@dataclass(frozen=True, eq=False)
class Evaluation:
    """A fresh sample of a design.

    Parameters
    ----------
    design, levels
        What was simulated.
    costs
        Total cost of each replication, fixed costs included, shape (replication,), money.
    measures
        Mean totals over the horizon, shape (node, measure), nodes as in `Design.nodes`.
    fixed_cost
        Part of the cost that is not simulated.
    case
        What it was simulated for.
    emissions
        None where nothing emits.
    fill_rates
        Of each node with a target, with its half-width.
    """

    case: Case
    design: Design
    levels: Mapping[str, float]
    costs: Floats
    measures: Floats
    fixed_cost: float
    emissions: EmissionSample | None = None
    fill_rates: Mapping[str, Estimate] = field(default_factory=dict)

    @property
    def horizon(self) -> int:
        """Periods whose cost counts."""
        return self.case.horizon

    def faces_customers(self, name: str) -> bool:
        """Whether a node has demand of its own."""
        return name in self.case.demand

    @property
    def estimate(self) -> Estimate:
        """Mean cost with its half-width."""
        return Estimate.of(self.costs)


def evaluate(
    case: Case, ledger: Ledger, design: Design, levels: Mapping[str, float], params: EvaluationParams | None = None
) -> Evaluation:
    """Simulate a design on fresh replications until its interval is narrow enough.

    Parameters
    ----------
    case, ledger
        Fixed costs; runs the simulations.
    design, levels
        What to simulate; a level for every used node, units.
    params
        How long.
    """
    params = params or EvaluationParams()
    targeted = [name in case.service_targets for name in design.nodes]
    service: list[Floats] = []
    fixed = case.design_fixed_cost(design)
    costs: list[Floats] = []
    totals = np.zeros((len(design.nodes), len(Measure)))
    done, wanted = 0, params.replications
    while True:
        first, last = done // BLOCK, -(-wanted // BLOCK)
        sample = ledger.fresh(design, levels, first, last - first)
        new = slice(done - first * BLOCK, wanted - first * BLOCK)
        costs.append(sample.costs[new] + fixed)
        totals += sample.measures[new].sum(axis=0)
        service.append(np.stack((sample.met_at_once, sample.demanded))[:, new, targeted])
        done, wanted = wanted, min(2 * wanted, params.max_replications)
        estimate = Estimate.of(np.concatenate(costs))
        if estimate.relative_half_width <= params.relative_half_width or wanted == done:
            names = [name for name in design.nodes if name in case.service_targets]
            fill_rates = dict(zip(names, _ratios(*np.concatenate(service, axis=1)), strict=True))
            emissions = emission_sample(case, ledger, design, levels, done)
            all_costs = np.concatenate(costs)
            return Evaluation(case, design, levels, all_costs, totals / done, fixed, emissions, fill_rates)


def _ratios(met: Floats, demanded: Floats) -> list[Estimate]:
    """Ratio of the means of two totals, each of shape (replication, node), for each node (linearized interval)."""
    means = np.maximum(demanded.mean(axis=0), np.finfo(float).tiny)
    rates = np.where(demanded.mean(axis=0) > 0.0, met.mean(axis=0) / means, 1.0)
    return [Estimate.of(rate + row) for rate, row in zip(rates, ((met - rates * demanded) / means).T, strict=True)]


def emission_sample(
    case: Case, ledger: Ledger, design: Design, levels: Mapping[str, float], replications: int
) -> EmissionSample | None:
    """Emissions on the first fresh replications; None where nothing emits."""
    if not case.has_emissions:
        return None
    emitted = case.as_emissions
    of_emissions, blocks = ledger.for_case(emitted), -(-replications // BLOCK)
    sites = emitted.design_fixed_cost(design)
    totals, means = list[Floats](), np.zeros((len(design.nodes), len(Measure)))
    for first in range(0, blocks, CHUNK):
        sample = of_emissions.fresh(design, levels, first, min(CHUNK, blocks - first))
        wanted = slice(0, replications - first * BLOCK)
        totals.append(sample.costs[wanted] + sites)
        means += sample.measures[wanted].sum(axis=0) / replications
    return EmissionSample(np.concatenate(totals), means[:, Measure.HOLDING], means[:, Measure.TRANSPORT], sites)


def evaluate_together(
    case: Case,
    ledger: Ledger,
    decisions: Sequence[tuple[Design, Mapping[str, float]]],
    params: EvaluationParams | None = None,
) -> list[Evaluation]:
    """Simulate several designs on the same fresh replications, so that the differences of their costs are paired.

    Parameters
    ----------
    case, ledger
        Fixed costs; runs the simulations.
    decisions
        Designs with a level for every used node, units; at least one.
    params
        How long the first is simulated; the others get as many replications.
    """
    (design, levels), *others = decisions
    first = evaluate(case, ledger, design, levels, params)
    count = len(first.costs)
    same = EvaluationParams(replications=count, max_replications=count)
    return [first, *(evaluate(case, ledger, design, levels, same) for design, levels in others)]
