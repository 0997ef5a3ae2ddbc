"""What a design must respect beside serving every customer: capacities, numbers of sites, sites and lanes in any case.

Every rule bounds one sum over a design:

    Σ_c m_c·(reach of c through i) ≤ capacity_i            mean throughput of a node
    least_k ≤ Σ_{i of kind k} used_i ≤ most_k               number of used nodes of a kind
    used_i = 1, y_l = 1                                      nodes and lanes with status "open"
    H·Σ_l e_l·(mean flow over l) + Σ_i E_i·used_i ≤ cap      emissions of transport and sites over the horizon H

A cap on emissions that counts held stock as well allows no design that breaks this rule, and every design that keeps it
with levels low enough: with no base stock at all nothing is ever on hand (`simopt.optimization.emission_cap`).

Closed nodes and lanes, and lanes longer than their destination allows, are no candidates at all
(`Network.usable_lanes`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from math import inf

from design.network import Component, Design, LanePair, Network

ROUNDING = 1e-9


@dataclass(frozen=True)
class SiteLimit:
    """How many nodes of one kind may be used.

    Parameters
    ----------
    least, most
        Numbers of nodes, 0 <= `least` <= `most`.
    """

    least: int = 0
    most: float = inf

    def __post_init__(self) -> None:
        if not 0 <= self.least <= self.most:
            raise ValueError(f"site limit: expected 0 <= least <= most, got {self.least} and {self.most}")


@dataclass(frozen=True)
class EmissionCap:
    """How much a design may emit.

    Parameters
    ----------
    most
        Over the horizon, in units of emission.
    unit
        Their name.
    horizon
        Periods.
    counts_held
        Whether held stock counts against the cap, which then is more than the rule on transport and sites.
    """

    most: float
    unit: str
    horizon: int
    counts_held: bool = False


@dataclass(frozen=True)
class Rule:
    """Bounds on a sum over a design.

    Parameters
    ----------
    label
        What it says, for people.
    nodes
        Summed over these: their mean throughput, units per period, or how many are used.
    lanes
        Or how many of these lanes are used.
    least, most
        Bounds of the sum.
    is_capacity
        Whether it is the throughput of `nodes`.
    node_weights, flow_weights
        Of a rule on emissions: what each of `nodes` counts if it is used, and each of `lanes` per unit of mean flow and
        period. Blank otherwise.
    """

    label: str
    nodes: tuple[str, ...] = ()
    lanes: tuple[LanePair, ...] = ()
    least: float = 0.0
    most: float = inf
    is_capacity: bool = False
    node_weights: tuple[float, ...] = ()
    flow_weights: tuple[float, ...] = ()

    @property
    def is_emission(self) -> bool:
        """Whether it bounds emissions."""
        return bool(self.node_weights or self.flow_weights)

    def value(self, throughput: Mapping[str, float], lanes: Collection[LanePair] = ()) -> float:
        """The sum for a design with this throughput of its used nodes and these lanes."""
        if self.is_capacity:
            return sum(throughput.get(name, 0.0) for name in self.nodes)
        if self.is_emission:
            sites = (w for name, w in zip(self.nodes, self.node_weights, strict=True) if name in throughput)
            flows = zip(self.lanes, self.flow_weights, strict=True)
            return sum(sites) + sum(w * throughput[pair[1]] for pair, w in flows if pair in lanes)
        return sum(name in throughput for name in self.nodes) + sum(pair in lanes for pair in self.lanes)

    def holds(self, value: float) -> bool:
        """Whether a sum is within the bounds."""
        return self.least - ROUNDING <= value <= self.most * (1.0 + ROUNDING)


@dataclass(frozen=True, eq=False)
class SiteRules:
    """The rules of a network.

    Parameters
    ----------
    network
        Candidates with capacities and statuses.
    mean_demand
        Of each customer, units per period.
    limits
        For kinds of nodes.
    emission_cap
        Or None.
    """

    network: Network
    mean_demand: Mapping[str, float]
    limits: Mapping[str, SiteLimit]
    emission_cap: EmissionCap | None = None

    @cached_property
    def capacities(self) -> tuple[Rule, ...]:
        """One rule a node with a capacity."""
        return tuple(
            Rule(f"capacity {node.capacity:g} of {node.name}", (node.name,), most=node.capacity, is_capacity=True)
            for node in self.network.nodes
            if node.capacity < inf
        )

    @cached_property
    def sites(self) -> tuple[Rule, ...]:
        """Rules on which nodes are used."""
        rules = []
        for kind, limit in self.limits.items():
            names = tuple(node.name for node in self.network.nodes if node.kind == kind)
            if limit.least > 0:
                rules.append(Rule(f"at least {limit.least} of kind {kind}", names, least=limit.least))
            if limit.most < inf:
                rules.append(Rule(f"at most {limit.most:g} of kind {kind}", names, most=limit.most))
        forced = (node.name for node in self.network.nodes if node.status == "open")
        return (*rules, *(Rule(f"{name} open", (name,), least=1.0) for name in forced))

    @cached_property
    def forced_lanes(self) -> tuple[Rule, ...]:
        """One rule a lane that must be used."""
        forced = (lane.pair for lane in self.network.lanes if lane.status == "open")
        return tuple(Rule(f"lane {a} -> {b} open", lanes=((a, b),), least=1.0) for a, b in forced)

    @cached_property
    def emissions(self) -> tuple[Rule, ...]:
        """The rule on emissions of transport and sites, if there is a cap and they emit."""
        rules = () if self.emission_cap is None else (emission_rule(self.network, self.emission_cap),)
        return tuple(rule for rule in rules if rule.is_emission)

    @cached_property
    def rules(self) -> tuple[Rule, ...]:
        """All of them."""
        return (*self.capacities, *self.sites, *self.forced_lanes, *self.emissions)

    def throughput(self, component: Component) -> dict[str, float]:
        """Mean demand on each node of a component, units per period."""
        served = component.customers_through(self.network.customers)
        return {name: sum(self.mean_demand[c] for c in served[name]) for name in component.nodes}

    def values(self, design: Design) -> dict[Rule, float]:
        """Every rule's sum for a design."""
        throughput: dict[str, float] = {}
        for component in design.components:
            throughput |= self.throughput(component)
        lanes = set(design.lanes)
        return {rule: rule.value(throughput, lanes) for rule in self.rules}

    def violations(self, design: Design) -> tuple[str, ...]:
        """What a design breaks, one line each."""
        broken = [
            f"{rule.label}: {value:g}, expected {rule.least:g} to {rule.most:g}"
            for rule, value in self.values(design).items()
            if not rule.holds(value)
        ]
        usable = {lane.pair for lane in self.network.usable_lanes}
        return (*broken, *(f"lane {a} -> {b}: closed, or too long" for a, b in design.lanes if (a, b) not in usable))

    def allows_component(self, component: Component) -> bool:
        """Whether a design with this component can keep to its nodes' capacities and use the forced lanes."""
        used = set(component.lanes)
        if any(end in component.nodes and (start, end) not in used for start, end in self._forced_pairs):
            return False
        if not self.capacities:
            return True
        throughput = self.throughput(component)
        return all(rule.holds(rule.value(throughput)) for rule in self.capacities)

    def allows_nodes(self, used: Collection[str]) -> bool:
        """Whether a design of allowed components that uses these nodes keeps the other rules too."""
        throughput = dict.fromkeys(used, 0.0)
        numbers = all(rule.holds(rule.value(throughput)) for rule in self.sites)
        return numbers and all(end in throughput for _, end in self._forced_pairs)

    @cached_property
    def _forced_pairs(self) -> tuple[LanePair, ...]:
        return tuple(pair for rule in self.forced_lanes for pair in rule.lanes)


def emission_rule(network: Network, cap: EmissionCap) -> Rule:
    """The rule that emissions of transport and sites keep a cap."""
    nodes = [node for node in network.nodes if node.site_emission > 0.0]
    lanes = [lane for lane in network.lanes if lane.emission > 0.0]
    what = "emissions of transport and sites" if cap.counts_held else "emissions"
    return Rule(
        f"{what} at most {cap.most:g} {cap.unit}",
        tuple(node.name for node in nodes),
        tuple(lane.pair for lane in lanes),
        most=cap.most,
        node_weights=tuple(node.site_emission for node in nodes),
        flow_weights=tuple(cap.horizon * lane.emission for lane in lanes),
    )
