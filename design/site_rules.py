"""What a design must respect beside serving every customer: capacities, numbers of sites, sites and lanes in any case.

Every rule bounds one sum over a design:

    Σ_{i at s} size_i·Σ_c m_c·(reach of c through i) ≤ capacity_s      mean throughput of a site
    least_k ≤ Σ_{s of kind k} used_s ≤ most_k                           number of used sites of a kind
    used_s = 1, y_l = 1                                                  sites and lanes with status "open"
    y_l - y_k = 0              lanes of two products between the same sites, where customers have a single supplier
    H·Σ_l e_l·(mean flow over l) + Σ_s E_s·used_s ≤ cap      emissions of transport and sites over the horizon H

A site s is one node, or the nodes of several products at one place; it is used if any of them is. A cap on emissions
that counts held stock as well allows no design that breaks its rule, and every design that keeps it with levels low
enough: with no base stock at all nothing is ever on hand (`simopt.optimization.emission_cap`).

Closed nodes and lanes, and lanes longer than their destination allows, are no candidates at all
(`Network.usable_lanes`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from itertools import pairwise
from math import inf

from design.network import Component, Design, Network
from design.node import LanePair

ROUNDING = 1e-9


class Sourcing(Enum):
    """What has a single supplier: every product at a customer, or the customer with all its products."""

    PRODUCT = "product"
    CUSTOMER = "customer"


@dataclass(frozen=True)
class SiteLimit:
    """How many sites of one kind may be used.

    Parameters
    ----------
    least, most
        Numbers of sites, 0 <= `least` <= `most`.
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
    sites
        Summed over these, each the names of its nodes: how many are used, or their mean throughput, units of capacity
        per period.
    lanes, against
        Or how many of these lanes are used, less how many of those.
    sites_against
        Sites to be taken off those used.
    least, most
        Bounds of the sum.
    is_capacity
        Whether it is the throughput of `sites`.
    sizes
        What a unit of throughput of each of `nodes` counts against a capacity.
    site_weights, flow_weights
        Of a rule on emissions: what each of `sites` counts if it is used, and each of `lanes` per unit of mean flow and
        period. Blank otherwise.
    """

    label: str
    sites: tuple[tuple[str, ...], ...] = ()
    lanes: tuple[LanePair, ...] = ()
    against: tuple[LanePair, ...] = ()
    least: float = 0.0
    most: float = inf
    sites_against: tuple[tuple[str, ...], ...] = ()
    is_capacity: bool = False
    sizes: tuple[float, ...] = ()
    site_weights: tuple[float, ...] = ()
    flow_weights: tuple[float, ...] = ()

    @property
    def is_emission(self) -> bool:
        """Whether it bounds emissions."""
        return bool(self.site_weights or self.flow_weights)

    @property
    def all_sites(self) -> tuple[tuple[str, ...], ...]:
        """Sites on either side."""
        return (*self.sites, *self.sites_against)

    @property
    def nodes(self) -> tuple[str, ...]:
        """Nodes of all its sites."""
        return tuple(name for names in self.all_sites for name in names)

    def value(self, throughput: Mapping[str, float], lanes: Collection[LanePair] = ()) -> float:
        """The sum for a design with this throughput of its used nodes and these lanes."""
        if self.is_capacity:
            return sum(size * throughput.get(n, 0.0) for n, size in zip(self.nodes, self.sizes, strict=True))
        if self.is_emission:
            sites = zip(self.sites, self.site_weights, strict=True)
            flows = zip(self.lanes, self.flow_weights, strict=True)
            used_sites = sum(w for names, w in sites if any(name in throughput for name in names))
            return used_sites + sum(w * throughput[pair[1]] for pair, w in flows if pair in lanes)
        used = sum(any(name in throughput for name in names) for names in self.sites)
        used -= sum(any(name in throughput for name in names) for names in self.sites_against)
        return used + sum(pair in lanes for pair in self.lanes) - sum(pair in lanes for pair in self.against)

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
    sourcing
        Whether all products of a customer must come from one supplier.
    emission_cap
        Or None.
    staged
        Whether sites may open from season to season.
    """

    network: Network
    mean_demand: Mapping[str, float]
    limits: Mapping[str, SiteLimit]
    sourcing: Sourcing = Sourcing.PRODUCT
    emission_cap: EmissionCap | None = None
    staged: bool = False

    @cached_property
    def capacities(self) -> tuple[Rule, ...]:
        """One rule a site with a capacity."""
        rules = []
        for (place, season), names in self.network.seasonal_sites.items():
            nodes = [self.network.node(name) for name in names]
            if nodes[0].capacity < inf:
                label, sizes = f"capacity {nodes[0].capacity:g} of {place}", tuple(node.unit_size for node in nodes)
                label += f" in {season}" if season else ""
                rules.append(Rule(label, (names,), most=nodes[0].capacity, is_capacity=True, sizes=sizes))
        for node in self.network.nodes:
            if node.has_production_capacity:
                label = f"production_capacity {node.production_capacity:g} of {node.name}"
                most = node.production_capacity
                rules.append(Rule(label, ((node.name,),), most=most, is_capacity=True, sizes=(1.0,)))
        return tuple(rules)

    @cached_property
    def sites(self) -> tuple[Rule, ...]:
        """Rules on which sites are used."""
        rules = []
        for kind, limit in self.limits.items():
            sites = tuple(names for names in self.network.sites.values() if self.network.node(names[0]).kind == kind)
            if limit.least > 0:
                rules.append(Rule(f"at least {limit.least} of kind {kind}", sites, least=limit.least))
            if limit.most < inf:
                rules.append(Rule(f"at most {limit.most:g} of kind {kind}", sites, most=limit.most))
        for place, names in self.network.sites.items():
            forced = [name for name in names if self.network.node(name).status == "open"]
            if forced and len(forced) == len(names):
                rules.append(Rule(f"{place} open", (names,), least=1.0))
            else:
                rules += [Rule(f"{name} open", ((name,),), least=1.0) for name in forced]
        return tuple(rules)

    @cached_property
    def forced_lanes(self) -> tuple[Rule, ...]:
        """One rule a lane that must be used."""
        forced = (lane.pair for lane in self.network.lanes if lane.status == "open")
        return tuple(Rule(f"lane {a} -> {b} open", lanes=((a, b),), least=1.0) for a, b in forced)

    @cached_property
    def product_ties(self) -> tuple[Rule, ...]:
        """Lanes of a customer's products that must be used together, or not at all."""
        if self.sourcing is Sourcing.PRODUCT:
            return ()
        points: dict[tuple[str, str], int] = {}
        for name in self.network.customers:
            node = self.network.node(name)
            points[node.place, node.season] = points.get((node.place, node.season), 0) + 1
        links: dict[tuple[str, str, str], list[LanePair]] = {}
        for lane in self.network.usable_lanes:
            if lane.destination in self.network.customers:
                season = self.network.node(lane.destination).season
                links.setdefault((*self.network.places(lane.pair), season), []).append(lane.pair)
        rules = []
        for (origin, end, season), pairs in links.items():
            label = f"all products of {end} from {origin} or none{f' in {season}' if season else ''}"
            if len(pairs) < points[end, season]:
                rules.append(Rule(label, lanes=tuple(pairs), most=0.0))
            else:
                rules += self._tied(label, pairs)
        return tuple(rules)

    @cached_property
    def season_ties(self) -> tuple[Rule, ...]:
        """What makes the designs of the seasons one: the same lanes, or sites that stay open."""
        if not self.network.seasons:
            return ()
        if self.staged:
            return tuple(self._stages())
        links: dict[tuple[str, str, str], list[LanePair]] = {}
        for lane in self.network.usable_lanes:
            product = self.network.node(lane.destination).product
            links.setdefault((*self.network.places(lane.pair), product), []).append(lane.pair)
        labels = {key: " ".join(f"{key[0]} -> {key[1]} {key[2]}".split()) for key in links}
        return tuple(
            rule for key, pairs in links.items() for rule in self._tied(f"{labels[key]} in every season or none", pairs)
        )

    def _stages(self) -> Iterator[Rule]:
        sites, customers = self.network.seasonal_sites, set(self.network.customers)
        for before, after in pairwise(self.network.seasons):
            for place in self.network.sites:
                now, later = sites[place, before], sites[place, after]
                if not customers.intersection(now):
                    label = f"{place}, open in {before}, open in {after}"
                    yield Rule(label, (now,), sites_against=(later,), least=-inf, most=0.0)

    def _tied(self, label: str, pairs: list[LanePair]) -> list[Rule]:
        """All of the lanes or none."""
        others = [(pair, self.network.node(pair[1])) for pair in pairs[1:]]
        return [
            Rule(f"{label} ({' '.join((end.product, end.season)).strip()})", (), (pairs[0],), (pair,), 0.0, 0.0)
            for pair, end in others
        ]

    @cached_property
    def ties(self) -> tuple[Rule, ...]:
        """Rules that two sums are equal, or one no more than the other."""
        return (*self.product_ties, *self.season_ties)

    @cached_property
    def emissions(self) -> tuple[Rule, ...]:
        """The rule on emissions of transport and sites, if there is a cap and they emit."""
        if self.emission_cap is None:
            return ()
        rule = emission_rule(self.network, self.emission_cap, staged=self.staged)
        return (rule,) if rule.is_emission else ()

    @cached_property
    def rules(self) -> tuple[Rule, ...]:
        """All of them."""
        return (*self.capacities, *self.sites, *self.forced_lanes, *self.ties, *self.emissions)

    def throughput(self, component: Component) -> dict[str, float]:
        """Mean demand on each node of a component, units per period."""
        multiples = self.network.multiples(component)
        return {name: sum(m * self.mean_demand[c] for c, m in multiples[name].items()) for name in component.nodes}

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


def emission_rule(network: Network, cap: EmissionCap, *, staged: bool = False) -> Rule:
    """The rule that emissions of transport and sites keep a cap; sites emit by season where they open in stages."""
    every = network.seasonal_sites.values() if staged else network.sites.values()
    first = {names: network.node(names[0]) for names in every}
    weights = {names: (node.share if staged else 1.0) * node.site_emission for names, node in first.items()}
    sites = {names: weight for names, weight in weights.items() if weight > 0.0}
    lanes = [lane for lane in network.lanes if lane.emission > 0.0]
    what = "emissions of transport and sites" if cap.counts_held else "emissions"
    return Rule(
        f"{what} at most {cap.most:g} {cap.unit}",
        tuple(sites),
        tuple(lane.pair for lane in lanes),
        most=cap.most,
        site_weights=tuple(sites.values()),
        flow_weights=tuple(cap.horizon * network.node(k.destination).share * k.quantity * k.emission for k in lanes),
    )
