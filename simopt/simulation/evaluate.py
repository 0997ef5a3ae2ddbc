"""What a design with its levels really costs: fresh replications, an interval, service and the parts of the cost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from design.case import Case
from design.demand import Floats
from design.network import Design
from design.streams import BLOCK
from simopt.simulation.estimate import Estimate
from simopt.simulation.kernel import Measure
from simopt.simulation.ledger import Ledger, Trial
from simopt.simulation.simulator import Sample

CHUNK = 128  # blocks simulated at a time at most, fewer where samples would take much memory
CELLS = 3e7


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
    return evaluate_together(case, ledger, [(design, levels)], params)[0]


def evaluate_together(
    case: Case,
    ledger: Ledger,
    decisions: Sequence[tuple[Design, Mapping[str, float]]],
    params: EvaluationParams | None = None,
) -> list[Evaluation]:
    """Simulate several designs on the same fresh replications, so that the differences of their costs are paired.

    Demand is drawn once for all designs, and for what they emit.

    Parameters
    ----------
    case, ledger
        Fixed costs; runs the simulations.
    decisions
        Designs with a level for every used node, units; at least one.
    params
        How long the first is simulated; the others get as many replications.
    """
    params = params or EvaluationParams()
    of_emissions = ledger.for_case(case.as_emissions) if case.has_emissions else None
    tallies = [_Tally(case, ledger, of_emissions, design, levels) for design, levels in decisions]
    trials = [trial for tally in tallies for trial in tally.trials]
    chunk = _chunk([len(design.nodes) for _, design, _ in trials])
    done, wanted = 0, params.replications
    while True:
        for first, last in pairwise((*range(done // BLOCK, -(-wanted // BLOCK), chunk), -(-wanted // BLOCK))):
            samples = iter(ledger.fresh_together(trials, first, last - first))
            new = slice(max(done - first * BLOCK, 0), wanted - first * BLOCK)
            for tally in tallies:
                tally.add(samples, new)
        done, wanted = wanted, min(2 * wanted, params.max_replications)
        if wanted == done or tallies[0].estimate.relative_half_width <= params.relative_half_width:
            return [tally.evaluation() for tally in tallies]


def _chunk(num_nodes: Sequence[int]) -> int:
    """Blocks that are simulated at a time."""
    return int(np.clip(CELLS / (BLOCK * len(Measure) * sum(num_nodes)), 1, CHUNK))


class _Tally:
    """What is known of one design, replication by replication."""

    def __init__(
        self, case: Case, ledger: Ledger, of_emissions: Ledger | None, design: Design, levels: Mapping[str, float]
    ) -> None:
        self._case = case
        self._design = design
        self._levels = levels
        self._emits = of_emissions is not None
        self.trials: list[Trial] = [(ledger, design, levels)]
        if of_emissions is not None:
            self.trials.append((of_emissions, design, levels))
        self._fixed = case.design_fixed_cost(design)
        self._targeted = [name in case.service_targets for name in design.nodes]
        self._costs: list[Floats] = []
        self._service: list[Floats] = []
        self._emitted: list[Floats] = []
        self._totals = np.zeros((2, len(design.nodes), len(Measure)))

    @property
    def estimate(self) -> Estimate:
        """Of the cost."""
        return Estimate.of(np.concatenate(self._costs))

    def add(self, samples: Iterator[Sample], new: slice) -> None:
        """Take this design's samples, of which only some replications are new."""
        sample = next(samples)
        self._costs.append(sample.costs[new] + self._fixed)
        self._totals[0] += sample.measures[new].sum(axis=0)
        self._service.append(np.stack((sample.met_at_once, sample.demanded))[:, new, self._targeted])
        if self._emits:
            emitted = next(samples)
            self._emitted.append(emitted.costs[new])
            self._totals[1] += emitted.measures[new].sum(axis=0)

    def evaluation(self) -> Evaluation:
        """All of it."""
        case, design, costs = self._case, self._design, np.concatenate(self._costs)
        names = [name for name in design.nodes if name in case.service_targets]
        fill_rates = dict(zip(names, _ratios(*np.concatenate(self._service, axis=1)), strict=True))
        means, emitted = self._totals / len(costs), None
        if self._emits:
            sites = case.as_emissions.design_fixed_cost(design)
            totals = np.concatenate(self._emitted) + sites
            emitted = EmissionSample(totals, means[1, :, Measure.HOLDING], means[1, :, Measure.TRANSPORT], sites)
        return Evaluation(case, design, self._levels, costs, means[0], self._fixed, emitted, fill_rates)


def _ratios(met: Floats, demanded: Floats) -> list[Estimate]:
    """Ratio of the means of two totals, each of shape (replication, node), for each node (linearized interval)."""
    means = np.maximum(demanded.mean(axis=0), np.finfo(float).tiny)
    rates = np.where(demanded.mean(axis=0) > 0.0, met.mean(axis=0) / means, 1.0)
    return [Estimate.of(rate + row) for rate, row in zip(rates, ((met - rates * demanded) / means).T, strict=True)]
