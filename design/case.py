"""A case: the network, its demand and the simulated time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType

from design.correlation import Correlation
from design.demand import Demand
from design.demand_process import cycle_length, is_autocorrelated, phases_of, variance_rate
from design.emissions import DEFAULT_UNIT, EmissionSettings, emission_network, has_factors, priced_network
from design.errors import BadInputError
from design.network import Component, Design, Network
from design.node import Lane
from design.planning.data import PlanningData
from design.seasons import weighted_network
from design.shared_costs import SharedCosts
from design.site_rules import EmissionCap, SiteLimit, SiteRules, Sourcing
from design.storage import free_storage, has_room, room_network
from design.supply import Supply, longest_delay, supply_notes, supply_warnings
from design.tactical.settings import TacticalSettings


class CaseError(BadInputError):
    """Everything wrong with a case, one line each.

    Parameters
    ----------
    messages
        Lines that name file, row, column, value and what was expected.
    """

    def __init__(self, messages: tuple[str, ...]) -> None:
        super().__init__("\n".join(messages))
        self.messages = messages


@dataclass(frozen=True, eq=True)
class Case:
    """One problem, ready to solve.

    Parameters
    ----------
    name, title
        Identifier and heading.
    network
        Candidate nodes and lanes.
    demand
        Demand distribution of each customer, in the network's order of customers.
    horizon
        Periods whose cost counts, at least 1.
    warm_up
        Periods simulated before the horizon, at least 0.
    units
        Names of the units for people, e.g. {"period": "day"}.
    site_limits
        How many nodes of a kind may be used, by kind.
    periods_per_year
        Turns costs over the horizon into costs per year; None where nobody asked.
    sourcing
        Whether all products of a customer must come from one supplier.
    emissions
        Price and cap of emissions.
    staged
        Whether sites may open from season to season; else one design serves all seasons.
    correlation
        Between customers in the same period.
    supply
        Reviews, capacities, lead times that vary, outages, allocation.
    tactical
        Defaults of tactical planning.
    planning
        What the planning simulator knows beyond the rest.
    """

    name: str
    title: str
    network: Network
    demand: Mapping[str, Demand]
    horizon: int
    warm_up: int
    units: Mapping[str, str] = field(default_factory=dict)
    site_limits: Mapping[str, SiteLimit] = field(default_factory=dict)
    periods_per_year: float | None = None
    sourcing: Sourcing = Sourcing.PRODUCT
    emissions: EmissionSettings = field(default_factory=EmissionSettings)
    staged: bool = False
    correlation: Correlation = field(default_factory=Correlation)
    supply: Supply = field(default_factory=Supply)
    tactical: TacticalSettings = field(default_factory=TacticalSettings)
    planning: PlanningData = field(default_factory=PlanningData)

    def __post_init__(self) -> None:
        if tuple(self.demand) != self.network.customers:
            raise ValueError("demand: expected one distribution per customer, in the network's order")
        if self.horizon < 1 or self.warm_up < 0:
            raise ValueError(f"horizon {self.horizon}, warm_up {self.warm_up}: expected at least 1 and at least 0")
        for name in self.service_targets:
            if name not in self.demand or self.network.outgoing[name]:
                raise ValueError(
                    f"service_target of {name!r}: expected at nodes that face customers and supply no other"
                )
        object.__setattr__(self, "demand", MappingProxyType(dict(self.demand)))
        object.__setattr__(self, "units", MappingProxyType(dict(self.units)))
        object.__setattr__(self, "site_limits", MappingProxyType(dict(self.site_limits)))

    def __reduce__(self) -> tuple[object, ...]:
        fields = (self.name, self.title, self.network, dict(self.demand), self.horizon, self.warm_up)
        options = (
            dict(self.units),
            dict(self.site_limits),
            self.periods_per_year,
            self.sourcing,
            self.emissions,
            self.staged,
            self.correlation,
            self.supply,
            self.tactical,
            self.planning,
        )
        return (Case, (*fields, *options))

    @property
    def num_periods(self) -> int:
        """Periods of a replication: warm-up and horizon."""
        return self.warm_up + self.horizon

    @cached_property
    def site_rules(self) -> SiteRules:
        """What a design must respect beside serving every customer."""
        cap = None
        if self.emissions.cap is not None:
            cap = EmissionCap(self.emissions.cap, self.emission_unit, self.horizon, self.has_held_cap)
        return SiteRules(self.network, self.mean_demand, self.site_limits, self.sourcing, cap, self.staged)

    @cached_property
    def shared_costs(self) -> SharedCosts:
        """Fixed costs that are no part of a single component's cost."""
        return SharedCosts.of_network(self.charged, staged=self.staged)

    @cached_property
    def charged(self) -> Network:
        """The network with costs as they are charged: with what emissions cost, by season."""
        price = self.emissions.price
        priced = priced_network(self.network, price) if price else self.network
        return weighted_network(priced, staged=self.staged)

    def at_price(self, price: float) -> Case:
        """The case with another price of emissions, money per unit of emission."""
        return replace(self, emissions=replace(self.emissions, price=price))

    @cached_property
    def as_emissions(self) -> Case:
        """The case with emissions in the place of costs and without a cap."""
        return replace(self, network=emission_network(self.network), emissions=EmissionSettings())

    @cached_property
    def with_free_storage(self) -> Case:
        """The case without overflow costs of storage that products share."""
        return replace(self, network=free_storage(self.network))

    @cached_property
    def as_room(self) -> Case:
        """The case with room taken of shared storage in the place of costs, in units of capacity times periods."""
        return replace(self, network=room_network(self.network), emissions=EmissionSettings())

    @cached_property
    def without_idle_storage(self) -> Case:
        """The case without overflow costs of storage that holds whatever any sensible levels may fill it with.

        Those are the mean demand of all customers that can be reached over the longest path's lead time and eight
        standard deviations; whether levels found keep to the storage is to be checked by `has_room`.
        """
        periods, levels = self.network.longest_path + 1, dict[str, float]()
        for name, customers in self.network.reachable_customers.items():
            variance = sum(self.demand[c].standard_deviation ** 2 for c in customers)
            levels[name] = periods * sum(self.mean_demand[c] for c in customers) + 8.0 * (periods * variance) ** 0.5
        busy = {one.place for one in self.network.storages if not has_room([one], levels)}
        idle = {one.place for one in self.network.storages} - busy
        return replace(self, network=free_storage(self.network, idle)) if idle else self

    @cached_property
    def has_emissions(self) -> bool:
        """Whether anything emits."""
        return has_factors(self.network)

    @cached_property
    def has_held_cap(self) -> bool:
        """Whether held stock counts against a cap, so that base-stock levels decide whether it is kept."""
        return self.emissions.cap is not None and any(node.holding_emission > 0.0 for node in self.network.nodes)

    @property
    def emission_unit(self) -> str:
        """Name of the unit of emission."""
        return self.units.get("emission", DEFAULT_UNIT)

    @cached_property
    def mean_demand(self) -> dict[str, float]:
        """Mean demand of each customer, units per period."""
        return {name: distribution.mean for name, distribution in self.demand.items()}

    @cached_property
    def service_targets(self) -> dict[str, float]:
        """Least fill rate of each node that has one."""
        targets = {node.name: node.service_target for node in self.network.nodes}
        return {name: target for name, target in targets.items() if target is not None}

    def flow_cost(self, lane: Lane, customer: str) -> float:
        """Expected transport and pipeline cost of serving a customer over a lane, money over the horizon."""
        charged = self.charged.lane(lane.pair)
        per_unit = charged.unit_cost + charged.pipeline_holding_cost * charged.lead_time
        return self.horizon * per_unit * self.mean_demand[customer]

    def fixed_cost(self, component: Component) -> float:
        """Fixed costs of a component's nodes and lanes, shared ones left out, money over the horizon."""
        nodes = (self.charged.node(name) for name in component.nodes if name not in self.shared_costs.nodes)
        lanes = (self.charged.lane(pair) for pair in component.lanes if pair not in self.shared_costs.lanes)
        return sum(node.fixed_cost for node in nodes) + sum(lane.fixed_cost for lane in lanes)

    def design_fixed_cost(self, design: Design) -> float:
        """All fixed costs of a design, money over the horizon."""
        return sum(self.fixed_cost(component) for component in design.components) + self.shared_costs.of(design)

    @cached_property
    def variance_rates(self) -> dict[str, float]:
        """What each customer adds to the variance of a sum of demands by a period, or more: for ranges of levels."""
        factor = self.correlation.variance_factor
        return {name: variance_rate(demand) * factor(name) for name, demand in self.demand.items()}

    @cached_property
    def has_profiles(self) -> bool:
        """Whether demand follows a cycle somewhere."""
        return any(len(phases_of(demand)) > 1 for demand in self.demand.values())

    @cached_property
    def is_alike(self) -> bool:
        """Whether demand is independent between customers and periods, and the same in all periods."""
        dependent = any(is_autocorrelated(demand) for demand in self.demand.values())
        return not (dependent or self.has_profiles or self.correlation)

    @cached_property
    def has_simple_supply(self) -> bool:
        """Whether nodes order every period and are supplied first come, first served, on time, without limits."""
        return not any(True for _ in supply_notes(self.network, self.supply))

    @property
    def has_exact_bound(self) -> bool:
        """Whether the bound can be computed without sampling, and is one."""
        return not self.exact_warnings

    @property
    def exact_warnings(self) -> tuple[str, ...]:
        """Warnings where results should rest on bounds without sampling error."""
        found = list(self.warnings)
        if self.correlation:
            found.append("customers are correlated: bounds rest on samples of their demand, without an interval")
        if self.has_profiles:
            found.append("demand profiles: bounds are estimates")
        if not self.has_simple_supply:
            notes = ", ".join(supply_notes(self.network, self.supply))
            found.append(f"{notes}: levels are not checked globally, and no design is certified")
        return tuple(found)

    @property
    def search_warnings(self) -> tuple[str, ...]:
        """Warnings where designs were searched and the lower bound was computed afterwards."""
        if not self.has_profiles:
            return self.warnings
        note = "demand profiles: designs are compared by an estimate, and none is certified"
        return (*self.warnings, note)

    @cached_property
    def warnings(self) -> tuple[str, ...]:
        """What makes results of this case less than they seem."""
        supply = supply_warnings(self.network, self.supply, self.horizon)
        return (*self._warm_up_warnings(), *self._demand_warnings(), *supply)

    def _warm_up_warnings(self) -> Iterator[str]:
        longest = longest_delay(self.network, self.supply)
        if self.warm_up < longest:
            yield (
                f"warm_up {self.warm_up} is shorter than the longest path's lead time {longest}: "
                "the lower bound is an estimate"
            )

    def _demand_warnings(self) -> Iterator[str]:
        dependent = [name for name, demand in self.demand.items() if is_autocorrelated(demand)]
        if dependent:
            more = f" and {len(dependent) - 3} more" if len(dependent) > 3 else ""
            names = ", ".join(dependent[:3]) + more
            yield f"demand of {names} is autocorrelated: the lower bound is an estimate"
        cycle = cycle_length(self.demand.values())
        if self.horizon % cycle:
            yield (
                f"horizon {self.horizon} is no multiple of {cycle}, the periods of a demand cycle: "
                "the lower bound is an estimate"
            )
        if self.has_profiles and self.service_targets:
            yield "fill-rate targets and demand profiles: the lower bound is an estimate"
