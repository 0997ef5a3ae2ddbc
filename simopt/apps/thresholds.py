"""`simopt thresholds`: the policy of every firm of a network by backward recursion, demand propagated upstream."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from time import monotonic

import numpy as np

from design.case import Case
from design.demand_process import is_autocorrelated, phases_of
from design.errors import BadInputError, expected_one_of
from design.network import Design
from design.only_design import only_design
from design.streams import Purpose, generator, name_keys
from design.threshold.pmf import Pmf
from design.threshold.recursion import NEVER, Firm, Lower, Thresholds, orders_of, propagated, thresholds
from simopt.apps.options import OptionError
from simopt.apps.solve import versions
from simopt.apps.threshold_scenarios import run_scenarios, trade_off
from simopt.threshold_outcome import FirmPolicy, ScenarioOutcome, ThresholdPlan, TradeOff

PROPAGATIONS = ("convolution", "monte-carlo")
SAMPLES = 20_000
Tell = Callable[[str], None]


@dataclass(frozen=True)
class ThresholdOptions:
    """What `thresholds` may be told.

    Parameters
    ----------
    bound
        How the lower bound on stock is meant, one of `Lower`.
    miss, penalty
        ε of the chance constraint; money per unit below the soft bound.
    steps
        Of the horizon; None: the case's warm-up and horizon.
    propagation
        How demand on suppliers is found.
    replications
        Of every scenario in the planning simulator; 0: none.
    shock_probabilities
        Of a shock in every step, with which thresholds are computed anew for the trade-off; empty: none.
    seed, jobs
        Of all random numbers; processes.
    """

    bound: str = Lower.HARD.value
    miss: float = 0.05
    penalty: float = 10.0
    steps: int | None = None
    propagation: str = PROPAGATIONS[0]
    replications: int = 0
    shock_probabilities: tuple[float, ...] = ()
    seed: int = 0
    jobs: int = 1

    def __post_init__(self) -> None:
        kinds = tuple(kind.value for kind in Lower)
        if self.bound not in kinds:
            raise OptionError(f"bound {self.bound!r}: {expected_one_of(self.bound, kinds)}")
        if self.propagation not in PROPAGATIONS:
            raise OptionError(f"propagation {self.propagation!r}: {expected_one_of(self.propagation, PROPAGATIONS)}")
        self._check_numbers()

    def _check_numbers(self) -> None:
        if not 0.0 < self.miss < 1.0:
            raise OptionError(f"miss {self.miss:g}: expected above 0 and below 1")
        if not 0.0 <= self.penalty < inf:
            raise OptionError(f"penalty {self.penalty:g}: expected at least 0")
        for name, number, least in (("steps", self.steps, 1), ("seed", self.seed, 0), ("jobs", self.jobs, 1)):
            if number is not None and number < least:
                raise OptionError(f"{name} {number}: expected a whole number, at least {least}")
        if self.replications == 1 or self.replications < 0:
            raise OptionError(f"replications {self.replications}: expected 0 (none) or at least 2 for an interval")
        for share in self.shock_probabilities:
            if not 0.0 <= share < 1.0:
                raise OptionError(f"shock_probabilities: {share:g}: expected shares of at least 0, below 1")


def plan_thresholds(case: Case, options: ThresholdOptions | None = None, tell: Tell = lambda _: None) -> ThresholdPlan:
    """Thresholds of every node, what bounds cost, and what becomes of the policy in the case's scenarios.

    Parameters
    ----------
    case
        One product, lanes that leave no choice; unit costs and bounds in operations.csv.
    options
        How.
    tell
        Called with a line about what takes long.

    Raises
    ------
    BadInputError
        If the case does not fit, or bounds cannot be kept.
    """
    options, started = options or ThresholdOptions(), monotonic()
    design = _checked_design(case)
    steps = options.steps or case.num_periods
    policies = network_thresholds(case, design, options, steps)
    kinds = _cost_of_bounds(policies)
    echelons = _echelons(design)
    firms = [
        FirmPolicy(
            name,
            echelons[name],
            found.free,
            found.thresholds,
            found.firm.demand[steps // 2].mean,
            found.firm.demand[steps // 2].last,
            kinds[name],
        )
        for name, found in policies.items()
    ]
    scenarios: tuple[ScenarioOutcome, ...] = ()
    exchanged: tuple[TradeOff, ...] = ()
    if options.replications:
        tell("simulating the scenarios")
        scenarios = run_scenarios(case, design, _levels(policies), options.replications, options.seed, options.jobs)
        if options.shock_probabilities:
            tell("thresholds with shocks, simulated")
            plans = [
                (share, _levels(network_thresholds(case, design, options, steps, share)))
                for share in options.shock_probabilities
            ]
            exchanged = trade_off(case, design, plans, options.replications, options.seed, options.jobs)
    return ThresholdPlan(
        case.name,
        options.seed,
        options.bound,
        steps,
        options.replications,
        tuple(sorted(firms, key=lambda firm: firm.echelon)),
        scenarios,
        exchanged,
        monotonic() - started,
        versions(),
    )


def _levels(policies: Mapping[str, Thresholds]) -> dict[str, np.ndarray]:
    return {name: found.thresholds for name, found in policies.items()}


def _checked_design(case: Case) -> Design:
    if case.network.products or case.network.seasons:
        raise BadInputError("thresholds: expected a case of one product, without seasons")
    for name, demand in case.demand.items():
        if is_autocorrelated(demand) or len(phases_of(demand)) > 1:
            raise BadInputError(f"thresholds: demand of {name}: expected independent and alike in all periods")
    for lane in case.network.lanes:
        if lane.quantity != int(lane.quantity):
            ends = f"{lane.origin} -> {lane.destination}"
            raise BadInputError(f"thresholds: quantity {lane.quantity:g} of {ends}: expected a whole number")
    return only_design(case.network)


def network_thresholds(
    case: Case, design: Design, options: ThresholdOptions, steps: int, shock: float = 0.0
) -> dict[str, Thresholds]:
    """Policies of all nodes, customers' side first; demand on a supplier is what its customers order.

    Parameters
    ----------
    case, design
        The network.
    options
        Bounds and propagation.
    steps
        Of the horizon.
    shock
        Probability a step with which customers' demand is that of the case's planned shocks at their worst.
    """
    below, unit_cost = _served_by(design), _unit_costs(case, design)
    rows = {one.site: one for one in case.planning.operations}
    found: dict[str, Thresholds] = {}
    for name in reversed(design.nodes):
        own = _customers(case, name, shock)
        customers = [(found[other], int(case.network.lane((name, other)).quantity)) for other in below[name]]
        pmfs = _demand_on(name, own, customers, options, steps)
        node, row = case.charged.node(name), rows.get(name)
        lower = 0.0 if row is None or row.least_stock is None else row.least_stock
        upper = inf if row is None or row.most_stock is None else row.most_stock
        firm = Firm(
            pmfs, unit_cost[name], node.holding_cost, node.backorder_cost, lower, upper, Lower(options.bound),
            options.miss, options.penalty, name,
        )  # fmt: skip
        found[name] = thresholds(firm)
        if (found[name].thresholds == NEVER).any():
            raise BadInputError(
                f"thresholds of {name}: it never orders in some step: expected shortages that cost more"
            )
    return found


def _unit_costs(case: Case, design: Design) -> dict[str, float]:
    """What a unit has cost when it is made: own cost and that of its inputs, which change hands at cost."""
    own = {one.site: one.unit_cost for one in case.planning.operations}
    found: dict[str, float] = {}
    for component in design.components:
        for name in component.nodes:
            lanes = [case.network.lane((supplier, name)) for supplier in component.suppliers[name]]
            found[name] = own.get(name, 0.0) + sum(lane.quantity * found[lane.origin] for lane in lanes)
    return found


def _demand_on(
    name: str, own: Pmf | None, customers: Sequence[tuple[Thresholds, int]], options: ThresholdOptions, steps: int
) -> tuple[Pmf, ...]:
    """Demand on a node in every step: of its own customers, and of the nodes it supplies, with their quantities.

    In the first step, in which stocks fill up, that of the second.
    """
    if not customers:
        assert own is not None
        return (own,) * steps
    policies, quantities = [policy for policy, _ in customers], [quantity for _, quantity in customers]
    if steps == 1:
        first = Pmf(0, np.ones(1))
        for policy, quantity in customers:
            first = first.plus(policy.firm.demand[0].times(quantity))
        ordered: tuple[Pmf, ...] = (first,)
    elif options.propagation == "convolution":
        ordered = propagated(policies, quantities)
        ordered = (ordered[0], *ordered)
    else:
        numbers = generator(options.seed, Purpose.SCENARIOS, *name_keys(f"\0thresholds {name}"))
        total = np.zeros((SAMPLES, steps))
        for policy, quantity in customers:
            total += quantity * orders_of(policy, numbers.random((SAMPLES, steps)))
        ordered = tuple(Pmf.of_samples(total[:, max(t, 1)]) for t in range(steps))
    return ordered if own is None else tuple(pmf.plus(own) for pmf in ordered)


def _customers(case: Case, name: str, shock: float) -> Pmf | None:
    """Demand of a node's own customers, mixed with that of a planned shock at its worst."""
    if name not in case.demand:
        return None
    demand = case.demand[name]
    plain = Pmf.of_demand(demand)
    if shock == 0.0 or not case.planning.shocks:
        return plain
    size = max(one.size for one in case.planning.shocks)
    return plain.mixed(plain.mapped(np.rint((1.0 + size) * plain.values).astype(np.int64)), shock)


def _cost_of_bounds(policies: Mapping[str, Thresholds]) -> dict[str, dict[str, float]]:
    """Cost-to-go from an empty stock for every meaning of the lower bound, other things equal."""
    return {
        name: {kind.value: _with_kind(found, kind).cost_to_go(0) for kind in Lower} for name, found in policies.items()
    }


def _with_kind(found: Thresholds, kind: Lower) -> Thresholds:
    return found if found.firm.kind is kind else thresholds(found.firm.with_kind(kind))


def _served_by(design: Design) -> dict[str, list[str]]:
    """The nodes that each node supplies."""
    found: dict[str, list[str]] = {name: [] for name in design.nodes}
    for origin, destination in design.lanes:
        found[origin].append(destination)
    return found


def _echelons(design: Design) -> dict[str, int]:
    """Longest number of links from a node to a customer."""
    found: dict[str, int] = {}
    below = _served_by(design)
    for name in reversed(design.nodes):
        found[name] = 1 + max((found[other] for other in below[name]), default=-1)
    return found
