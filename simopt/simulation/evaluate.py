"""What a design with its levels really costs: fresh replications, an interval, service and the parts of the cost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from itertools import pairwise

import numpy as np

from design.case import Case
from design.demand import Floats
from design.network import Design
from design.storage import SharedStorage
from design.streams import BLOCK
from simopt.simulation.estimate import Estimate, ratio_estimates
from simopt.simulation.ledger import Ledger, Trial
from simopt.simulation.simulator import Sample
from simopt.simulation.stage import Measure

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
class StorageSample:
    """Storage that products share on the replications of an evaluation.

    Parameters
    ----------
    storages
        Those of used sites.
    used
        Mean room taken at the end of a period, units of capacity, shape (storage,).
    costs
        What overflow costs over the horizon, shape (replication, storage), money.
    """

    storages: tuple[SharedStorage, ...]
    used: Floats
    costs: Floats


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
    storage
        None where products share none.
    """

    case: Case
    design: Design
    levels: Mapping[str, float]
    costs: Floats
    measures: Floats
    fixed_cost: float
    emissions: EmissionSample | None = None
    fill_rates: Mapping[str, Estimate] = field(default_factory=dict)
    storage: StorageSample | None = None

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
    ledgers = {Of.COST: ledger}
    if case.has_emissions:
        ledgers[Of.EMISSIONS] = ledger.for_case(case.as_emissions)
    if case.network.all_storages:
        ledgers |= {Of.FREE: ledger.for_case(case.with_free_storage), Of.ROOM: ledger.for_case(case.as_room)}
    tallies = [_Tally(case, ledgers, design, levels) for design, levels in decisions]
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


class Of(Enum):
    """What is simulated beside a design's cost: the same paths with something else in the place of costs."""

    COST = "cost"
    EMISSIONS = "emissions"
    FREE = "cost without overflow of shared storage"
    ROOM = "room taken of shared storage"


class _Tally:
    """What is known of one design, replication by replication."""

    def __init__(self, case: Case, ledgers: Mapping[Of, Ledger], design: Design, levels: Mapping[str, float]) -> None:
        self._case = case
        self._design = design
        self._levels = levels
        self._kinds = tuple(ledgers)
        self.trials: list[Trial] = [(ledger, design, levels) for ledger in ledgers.values()]
        self._fixed = case.design_fixed_cost(design)
        self._targeted = [name in case.service_targets for name in design.nodes]
        self._costs: dict[Of, list[Floats]] = {kind: [] for kind in ledgers}
        self._totals = {kind: np.zeros((len(design.nodes), len(Measure))) for kind in ledgers}
        self._service: list[Floats] = []
        self._overflow: list[Floats] = []
        used = set(design.nodes)
        self._storages = tuple(one for one in case.network.all_storages if used.intersection(one.nodes))
        self._members = np.array([[float(name in one.nodes) for name in design.nodes] for one in self._storages])

    @property
    def estimate(self) -> Estimate:
        """Of the cost."""
        return Estimate.of(np.concatenate(self._costs[Of.COST]))

    def add(self, samples: Iterator[Sample], new: slice) -> None:
        """Take this design's samples, of which only some replications are new."""
        found = {kind: next(samples) for kind in self._kinds}
        for kind, sample in found.items():
            self._costs[kind].append(sample.costs[new] + (self._fixed if kind is Of.COST else 0.0))
            self._totals[kind] += sample.measures[new].sum(axis=0)
        cost = found[Of.COST]
        self._service.append(np.stack((cost.met_at_once, cost.demanded))[:, new, self._targeted])
        if self._storages:
            held = (cost.measures - found[Of.FREE].measures)[new, :, Measure.HOLDING]
            self._overflow.append(held @ self._members.T)

    def evaluation(self) -> Evaluation:
        """All of it."""
        case, design, costs = self._case, self._design, np.concatenate(self._costs[Of.COST])
        names = [name for name in design.nodes if name in case.service_targets]
        fill_rates = dict(zip(names, ratio_estimates(*np.concatenate(self._service, axis=1)), strict=True))
        means = {kind: totals / len(costs) for kind, totals in self._totals.items()}
        emitted, stored = None, None
        if Of.EMISSIONS in means:
            sites, of = case.as_emissions.design_fixed_cost(design), means[Of.EMISSIONS]
            totals = np.concatenate(self._costs[Of.EMISSIONS]) + sites
            emitted = EmissionSample(totals, of[:, Measure.HOLDING], of[:, Measure.TRANSPORT], sites)
        if self._storages:
            periods = np.array([case.horizon * case.network.node(one.nodes[0]).share for one in self._storages])
            room = self._members @ means[Of.ROOM][:, Measure.HOLDING] / periods
            stored = StorageSample(self._storages, room, np.concatenate(self._overflow))
        return Evaluation(case, design, self._levels, costs, means[Of.COST], self._fixed, emitted, fill_rates, stored)
