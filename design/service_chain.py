"""A supply chain as the guaranteed-service model sees it: stages in activity-on-node form, no choice of lanes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from graphlib import CycleError, TopologicalSorter

import numpy as np
from numpy.typing import NDArray

from design.demand import Floats
from design.errors import CycleInNetworkError, NetworkError

Periods = NDArray[np.int64]


@dataclass(frozen=True)
class ChainStage:
    """A stage: an item at a place, where stock may be held.

    Parameters
    ----------
    name
        Unique identifier.
    cost_added
        Money that the stage adds to the cost of a unit, at least 0.
    processing_time
        Whole periods from the arrival of all inputs until the output can serve demand, at least 0.
    demand_mean, demand_sd
        Customers' demand at the stage, units per period.
    safety_factor
        Standard deviations of customers' demand that stock covers, at least 0.
    max_service_time
        Periods within which the stage must serve, at least 0; None: no limit, only where customers ask for nothing.
    """

    name: str
    cost_added: float
    processing_time: int
    demand_mean: float = 0.0
    demand_sd: float = 0.0
    safety_factor: float = 0.0
    max_service_time: int | None = None

    def __post_init__(self) -> None:
        numbers = ("cost_added", "processing_time", "demand_mean", "demand_sd", "safety_factor", "max_service_time")
        for key in numbers:
            value = getattr(self, key)
            if value is not None and not 0.0 <= value < float("inf"):
                raise NetworkError(f"stage {self.name!r}: {key} {value}: expected a number, at least 0")
        for key in ("processing_time", "max_service_time"):
            value = getattr(self, key)
            if value is not None and value != int(value):
                raise NetworkError(f"stage {self.name!r}: {key} {value}: expected whole periods")
        if max(self.demand_mean, self.demand_sd) > 0.0 and self.max_service_time is None:
            raise NetworkError(f"stage {self.name!r} has demand: expected a max_service_time")


@dataclass(frozen=True)
class ChainLink:
    """A stage's item that goes into another stage's.

    Parameters
    ----------
    supplier, customer
        Names of the stages.
    quantity
        Units of the supplier's item in one unit of the customer's, above 0.
    """

    supplier: str
    customer: str
    quantity: float = 1.0


@dataclass(frozen=True)
class ServiceChain:
    """Stages and the links between them, without directed cycles.

    Parameters
    ----------
    stages, links
        In any order.
    holding_rate
        Money per period for holding a unit, as a share of its cumulative cost.

    Raises
    ------
    NetworkError
        For duplicate or unknown names, quantities that are not positive, a cycle, or a stage that serves nobody.
    """

    stages: tuple[ChainStage, ...]
    links: tuple[ChainLink, ...]
    holding_rate: float

    def __post_init__(self) -> None:
        names = [stage.name for stage in self.stages]
        pairs = [(link.supplier, link.customer) for link in self.links]
        if len(set(names)) < len(names) or len(set(pairs)) < len(pairs):
            raise NetworkError("stages and links: expected each once")
        if not 0.0 <= self.holding_rate < float("inf"):
            raise NetworkError(f"holding_rate {self.holding_rate}: expected a number, at least 0")
        for link in self.links:
            self._check_link(link)
        suppliers = {link.supplier for link in self.links}
        for stage in self.stages:
            if stage.name not in suppliers and stage.max_service_time is None:
                raise NetworkError(f"stage {stage.name!r} supplies no stage: expected demand and a max_service_time")
        _ = self.order

    def _check_link(self, link: ChainLink) -> None:
        label = f"link {link.supplier} -> {link.customer}"
        for name in (link.supplier, link.customer):
            if name not in self.number:
                raise NetworkError(f"{label}: unknown stage {name!r}")
        if not 0.0 < link.quantity < float("inf"):
            raise NetworkError(f"{label}: quantity {link.quantity}: expected a number above 0")

    @cached_property
    def number(self) -> dict[str, int]:
        """Place of each stage in `stages`."""
        return {stage.name: k for k, stage in enumerate(self.stages)}

    @cached_property
    def arcs(self) -> tuple[tuple[int, int, float], ...]:
        """Numbers of supplier and customer, and quantity, of each link."""
        return tuple((self.number[k.supplier], self.number[k.customer], k.quantity) for k in self.links)

    @cached_property
    def suppliers(self) -> tuple[tuple[tuple[int, float], ...], ...]:
        """Number and quantity of each stage's suppliers."""
        found: list[list[tuple[int, float]]] = [[] for _ in self.stages]
        for supplier, customer, quantity in self.arcs:
            found[customer].append((supplier, quantity))
        return tuple(tuple(of_stage) for of_stage in found)

    @cached_property
    def order(self) -> tuple[int, ...]:
        """Numbers of all stages, each after its suppliers."""
        graph = {k: [supplier for supplier, _ in of_stage] for k, of_stage in enumerate(self.suppliers)}
        try:
            return tuple(TopologicalSorter(graph).static_order())
        except CycleError as error:
            raise CycleInNetworkError(tuple(self.stages[k].name for k in error.args[1])) from None

    @cached_property
    def is_forest(self) -> bool:
        """Whether the links, taken without direction, form no cycle."""
        root = list(range(len(self.stages)))

        def find(k: int) -> int:
            while root[k] != k:
                root[k] = root[root[k]]
                k = root[k]
            return k

        for supplier, customer, _ in self.arcs:
            one, other = find(supplier), find(customer)
            if one == other:
                return False
            root[one] = other
        return True

    @cached_property
    def processing_times(self) -> Periods:
        """T of each stage, shape (stage,)."""
        return np.array([int(stage.processing_time) for stage in self.stages], dtype=np.int64)

    @cached_property
    def longest_times(self) -> Periods:
        """M of each stage: processing times along the longest path that ends with it, shape (stage,)."""
        longest = self.processing_times.copy()
        for k in self.order:
            longest[k] += max((longest[i] for i, _ in self.suppliers[k]), default=0)
        return longest

    @cached_property
    def largest_service_times(self) -> Periods:
        """The longest service time that makes sense at each stage and is allowed, shape (stage,)."""
        limits = [stage.max_service_time for stage in self.stages]
        return np.array(
            [m if limit is None else min(m, int(limit)) for m, limit in zip(self.longest_times, limits, strict=True)],
            dtype=np.int64,
        )

    @cached_property
    def holding_costs(self) -> Floats:
        """Money per unit and period at each stage: the rate times the cumulative cost, shape (stage,)."""
        cumulative = np.array([float(stage.cost_added) for stage in self.stages])
        for k in self.order:
            cumulative[k] += sum(quantity * cumulative[i] for i, quantity in self.suppliers[k])
        return self.holding_rate * cumulative

    @cached_property
    def mean_demand(self) -> Floats:
        """Units per period that each stage must supply on average, shape (stage,)."""
        means = np.array([float(stage.demand_mean) for stage in self.stages])
        for k in reversed(self.order):
            for i, quantity in self.suppliers[k]:
                means[i] += quantity * means[k]
        return means

    @cached_property
    def covered_deviation(self) -> Floats:
        """Each stage covers demand up to mean·τ + k·√τ over τ periods: its k, units, shape (stage,).

        Customers' demands are independent of each other: the square of a stage's k is the sum over customers of the
        square of (units of the stage's item in one of theirs) times safety factor times standard deviation.
        """
        demanded = [k for k, stage in enumerate(self.stages) if stage.demand_sd > 0.0]
        units = np.zeros((len(self.stages), len(demanded)))
        units[demanded, np.arange(len(demanded))] = 1.0
        for k in reversed(self.order):
            for i, quantity in self.suppliers[k]:
                units[i] += quantity * units[k]
        deviations = np.array([self.stages[k].safety_factor * self.stages[k].demand_sd for k in demanded])
        return np.sqrt(np.square(units) @ np.square(deviations))

    @cached_property
    def cost_factors(self) -> Floats:
        """Safety stock of a stage costs this times √τ per period, shape (stage,)."""
        return self.holding_costs * self.covered_deviation


@dataclass(frozen=True, eq=False)
class ServicePlan:
    """Guaranteed service times and what follows from them; arrays have shape (stage,).

    Parameters
    ----------
    chain
        What is planned.
    service_times
        S: periods within which each stage serves, as `ServiceChain.stages`.
    lower_bound
        No plan costs less, money per period.
    """

    chain: ServiceChain
    service_times: Periods
    lower_bound: float

    def __post_init__(self) -> None:
        if np.any(self.net_replenishment_times < 0):
            raise ValueError("service times: expected none above inbound service time plus processing time")

    @cached_property
    def inbound_times(self) -> Periods:
        """SI: the longest service time among a stage's suppliers; 0 without any."""
        return inbound_times(self.chain, self.service_times)

    @property
    def net_replenishment_times(self) -> Periods:
        """τ = SI + T - S, periods that a stage's stock has to cover."""
        return self.inbound_times + self.chain.processing_times - self.service_times

    @property
    def safety_stocks(self) -> Floats:
        """k·√τ, units."""
        return self.chain.covered_deviation * np.sqrt(self.net_replenishment_times)

    @property
    def base_stock_levels(self) -> Floats:
        """Mean demand over τ periods plus the safety stock, units."""
        return self.chain.mean_demand * self.net_replenishment_times + self.safety_stocks

    @property
    def stage_costs(self) -> Floats:
        """Holding cost of each safety stock, money per period."""
        return self.chain.holding_costs * self.safety_stocks

    @property
    def cost(self) -> float:
        """Holding cost of all safety stocks, money per period."""
        return float(self.stage_costs.sum())

    @property
    def gap(self) -> float:
        """(cost - lower bound)/cost; 0 where the plan is proven best."""
        return max(self.cost - self.lower_bound, 0.0) / self.cost if self.cost > 0.0 else 0.0


def kept_times(chain: ServiceChain, service_times: Sequence[int] | Periods) -> Periods:
    """The service times, lowered where a stage cannot keep one, S <= SI + T: then τ is 0, and no other τ rises.

    Parameters
    ----------
    chain
        Stages and links.
    service_times
        S of each stage, shape (stage,).
    """
    times = np.array(service_times, dtype=np.int64)
    for k in chain.order:
        inbound = max((times[i] for i, _ in chain.suppliers[k]), default=0)
        times[k] = min(times[k], inbound + chain.processing_times[k])
    return times


def inbound_times(chain: ServiceChain, service_times: Sequence[int] | Periods) -> Periods:
    """SI of each stage: the longest service time among its suppliers, shape (stage,)."""
    longest = np.zeros(len(chain.stages), dtype=np.int64)
    for supplier, customer, _ in chain.arcs:
        longest[customer] = max(longest[customer], service_times[supplier])
    return longest
