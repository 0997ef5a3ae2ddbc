"""A case: the network, its demand and the simulated time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType

from design.demand import Demand
from design.errors import BadInputError
from design.network import Component, Lane, Network
from design.site_rules import SiteLimit, SiteRules


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
        return (Case, (*fields, dict(self.units), dict(self.site_limits), self.periods_per_year))

    @property
    def num_periods(self) -> int:
        """Periods of a replication: warm-up and horizon."""
        return self.warm_up + self.horizon

    @cached_property
    def site_rules(self) -> SiteRules:
        """What a design must respect beside serving every customer."""
        return SiteRules(self.network, self.mean_demand, self.site_limits)

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
        per_unit = lane.unit_cost + lane.pipeline_holding_cost * lane.lead_time
        return self.horizon * per_unit * self.mean_demand[customer]

    def fixed_cost(self, component: Component) -> float:
        """Fixed costs of a component's nodes and lanes, money over the horizon."""
        nodes = sum(self.network.node(name).fixed_cost for name in component.nodes)
        return nodes + sum(self.network.lane(pair).fixed_cost for pair in component.lanes)

    @cached_property
    def warnings(self) -> tuple[str, ...]:
        """What makes results of this case less than they seem."""
        longest = self.network.longest_path
        if self.warm_up >= longest:
            return ()
        return (
            f"warm_up {self.warm_up} is shorter than the longest path's lead time {longest}: "
            "the lower bound is an estimate",
        )
