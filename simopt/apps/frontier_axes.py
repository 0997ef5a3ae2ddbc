"""What `frontier` can limit: an axis knows its limits, the problem under one, and what a design has of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Protocol

import numpy as np

from design.case import Case
from design.errors import BadInputError, expected_one_of
from design.network import Design
from design.site_rules import EmissionCap, Rule, emission_rule
from design.transport import least_design
from simopt.simulation.estimate import Estimate
from simopt.simulation.evaluate import Evaluation

LEAST_UNMET = 0.005
NEVER_BINDING = 1e-6


@dataclass(frozen=True, eq=False)
class Limited:
    """The problem under a limit.

    Parameters
    ----------
    case
        With a cap or targets, if that is how it is limited.
    added
        Rules beside the case's.
    has_targets
        Whether the limit is one of fill rates, so that every component has other levels under it.
    """

    case: Case
    added: tuple[Rule, ...] = ()
    has_targets: bool = False

    def allows(self, design: Design) -> bool:
        """Whether a design keeps all rules; what held stock emits is not looked at."""
        if self.case.site_rules.violations(design):
            return False
        used = dict.fromkeys(design.nodes, 0.0)
        return all(rule.holds(rule.value(used)) for rule in self.added)


class Axis(Protocol):
    """One measure that can be limited from above."""

    @property
    def label(self) -> str:
        """What is limited, with its unit, for people."""

    @property
    def measured(self) -> Case:
        """The case as it is evaluated: with all that `value` needs."""

    def limits(self, cheapest: Design, value: float, points: int) -> list[float]:
        """Limits below what the cheapest design has, ever tighter; empty where nothing can be less.

        Parameters
        ----------
        cheapest, value
            The cheapest design and what it has.
        points
            How many points there shall be at most, the cheapest design among them.
        """

    def limited(self, limit: float) -> Limited:
        """The problem under a limit."""

    def value(self, evaluation: Evaluation) -> tuple[float, float]:
        """What a simulated design has, and the half-width of that, 0 where it is known."""

    def search_value(self, design: Design, levels: Mapping[str, float]) -> float:
        """What a design has as far as a search can tell: the upper end of its interval."""


class EmissionsOf(Protocol):
    """Estimates emissions on the search paths."""

    def emissions(self, design: Design, levels: Mapping[str, float]) -> Estimate:
        """Emissions of a design over the horizon."""


class EmissionAxis:
    """Emissions over the horizon.

    Parameters
    ----------
    case
        The problem.
    measured
        Emissions with those of held stock; None where nothing held emits.
    """

    def __init__(self, case: Case, measured: EmissionsOf | None) -> None:
        if not case.has_emissions:
            raise BadInputError(
                f"against emissions: case {case.name!r} emits nothing: expected emission in lanes.csv, or "
                "site_emission or holding_emission in nodes.csv"
            )
        self._case = case
        self._measured = measured
        self._rule = emission_rule(case.network, EmissionCap(inf, case.emission_unit, case.horizon), staged=case.staged)

    @property
    def label(self) -> str:
        """Emissions with their unit."""
        return f"emissions, {self._case.emission_unit}"

    @property
    def measured(self) -> Case:
        """The case itself."""
        return self._case

    def limits(self, cheapest: Design, value: float, points: int) -> list[float]:
        """Equally spaced caps down to the least of transport and sites beside the held stock of the cheapest design."""
        least = self._known(least_design(self._case, self._rule)) + value - self._known(cheapest)
        if least >= value * (1.0 - 1e-9):
            return []
        return [float(cap) for cap in np.linspace(value, least, points)[1:]]

    def limited(self, limit: float) -> Limited:
        """The case under a cap."""
        return Limited(replace(self._case, emissions=replace(self._case.emissions, cap=limit)))

    def value(self, evaluation: Evaluation) -> tuple[float, float]:
        """Their mean where transport and sites alone emit, else an estimate."""
        if self._measured is None or evaluation.emissions is None:
            return self._known(evaluation.design), 0.0
        estimate = Estimate.of(evaluation.emissions.totals)
        return estimate.mean, estimate.half_width

    def search_value(self, design: Design, levels: Mapping[str, float]) -> float:
        """The same on the search paths."""
        if self._measured is None:
            return self._known(design)
        found = self._measured.emissions(design, levels)
        return found.mean + found.half_width

    def _known(self, design: Design) -> float:
        """Mean emissions of transport and sites."""
        throughput: dict[str, float] = {}
        for component in design.components:
            throughput |= self._case.site_rules.throughput(component)
        return self._rule.value(throughput, set(design.lanes)) if self._rule.is_emission else 0.0


class SiteAxis:
    """How many nodes are used, customers not counted, or those of one kind.

    Parameters
    ----------
    case
        The problem.
    kind
        None: all nodes that are no customers.
    """

    def __init__(self, case: Case, kind: str | None) -> None:
        self._case = case
        self._kind = kind
        kinds = sorted({node.kind for node in case.network.nodes if node.kind})
        if kind is not None and kind not in kinds:
            expected = expected_one_of(kind, kinds) if kinds else "expected a kind that nodes.csv gives"
            raise BadInputError(f"kind {kind!r}: {expected}")

    @property
    def sites(self) -> tuple[tuple[str, ...], ...]:
        """The sites that count, each the names of its nodes."""
        return counted_sites(self._case, self._kind)

    @property
    def measured(self) -> Case:
        """The case itself."""
        return self._case

    @property
    def label(self) -> str:
        """Number of sites."""
        return "number of sites" if self._kind is None else f"number of sites of kind {self._kind}"

    def limits(self, cheapest: Design, value: float, points: int) -> list[float]:  # noqa: ARG002
        """Every number below that of the cheapest design down to the least feasible one, or some, equally spaced."""
        least = self._count(least_design(self._case, self._rule(inf)))
        chosen = np.linspace(value, least, min(points, int(value) - least + 1))[1:]
        return sorted({float(round(number)) for number in chosen}, reverse=True)

    def limited(self, limit: float) -> Limited:
        """The case with a rule on the number of sites."""
        return Limited(self._case, (self._rule(limit),))

    def value(self, evaluation: Evaluation) -> tuple[float, float]:
        """How many the design uses."""
        return float(self._count(evaluation.design)), 0.0

    def search_value(self, design: Design, levels: Mapping[str, float]) -> float:  # noqa: ARG002
        """How many the design uses."""
        return float(self._count(design))

    def _rule(self, most: float) -> Rule:
        return Rule(f"at most {most:g}, {self.label}", self.sites, most=most)

    def _count(self, design: Design) -> int:
        return num_used(self.sites, design)


class ServiceAxis:
    """Share of demand that the worst-served customer does not get at once: 1 - its fill rate.

    Parameters
    ----------
    case
        The problem; its own targets hold at every point.
    shares_met
        Estimates every customer's fill rate on the search paths.
    """

    def __init__(self, case: Case, shares_met: Callable[[Design, Mapping[str, float]], Mapping[str, float]]) -> None:
        for name in case.demand:
            if case.network.outgoing[name]:
                raise BadInputError(f"against service: {name!r} supplies others: expected customers that supply none")
        self._case = case
        self._shares_met = shares_met

    @property
    def label(self) -> str:
        """Share not met at once."""
        return "share of demand not met at once, worst customer"

    @property
    def measured(self) -> Case:
        """With a target that never binds at every customer, so that its fill rate has an interval."""
        return self._with_targets(NEVER_BINDING)

    def limits(self, cheapest: Design, value: float, points: int) -> list[float]:  # noqa: ARG002
        """Ever smaller shares, by equal factors, down to 0.5% or a quarter of the first."""
        least = min(LEAST_UNMET, 0.25 * value)
        return [float(share) for share in np.geomspace(value, least, points)[1:]] if value > 0.0 else []

    def limited(self, limit: float) -> Limited:
        """The case with targets of all customers."""
        return Limited(self._with_targets(1.0 - limit), has_targets=True)

    def value(self, evaluation: Evaluation) -> tuple[float, float]:
        """The worst customer's share, with its half-width."""
        worst = min(evaluation.fill_rates.values(), key=lambda rate: rate.mean)
        return 1.0 - worst.mean, worst.half_width

    def search_value(self, design: Design, levels: Mapping[str, float]) -> float:
        """The same on the search paths."""
        return 1.0 - min(self._shares_met(design, levels).values())

    def _with_targets(self, least: float) -> Case:
        network = self._case.network
        nodes = (
            replace(node, service_target=max(node.service_target or 0.0, least))
            if node.name in self._case.demand
            else node
            for node in network.nodes
        )
        return replace(self._case, network=replace(network, nodes=tuple(nodes)))


def counted_sites(case: Case, kind: str | None) -> tuple[tuple[str, ...], ...]:
    """Nodes of each site of a kind; without one of all that face no customers."""
    sites = case.network.sites.values()
    if kind is None:
        return tuple(names for names in sites if not case.demand.keys() & set(names))
    return tuple(names for names in sites if case.network.node(names[0]).kind == kind)


def num_used(sites: tuple[tuple[str, ...], ...], design: Design) -> int:
    """How many of the sites a design uses."""
    used = set(design.nodes)
    return sum(bool(used.intersection(names)) for names in sites)


def allowed(limited: Limited, designs: Sequence[Design]) -> list[Design]:
    """The designs that keep the rules of a limited problem."""
    return [design for design in designs if limited.allows(design)]
