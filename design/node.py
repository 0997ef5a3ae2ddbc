"""The candidates of a network: stocking points and the lanes between them."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

LanePair = tuple[str, str]


@dataclass(frozen=True)
class Node:
    """A stocking point.

    Parameters
    ----------
    name
        Unique identifier.
    kind
        A label for people ("plant", "warehouse", ...); it decides nothing.
    x, y
        Coordinates in units of distance, or None.
    latitude, longitude
        Instead of x and y, degrees, or None.
    pack_size
        Base-stock levels are multiples of it, units; 0: any number.
    site, product
        Where several products are planned: the place that the node shares with those of other products, and the
        product that it stocks; "" otherwise.
    unit_size
        What a unit of the product takes of the site's capacity and of its storage.
    site_storage, site_overflow
        Of the storage that the site's products share: its capacity, and money per unit of capacity on hand above it and
        period. Only products without a storage of their own are in it.
    season, share
        Where demand differs by season: the season, and its share of the horizon.
    service_target
        Least fill rate of the node's own customers, in (0, 1); None: none.
    lead_time
        Periods until the outside supply delivers; only sources have one.
    holding_cost
        Money per unit on hand and period.
    holding_quadratic
        Money per squared unit on hand and period.
    storage_capacity, overflow_cost
        Units on hand above the capacity pay the overflow cost per unit and period on top.
    backorder_cost
        Money per unit backordered at this node and period.
    fixed_cost
        Money per horizon if the node's site is used.
    capacity
        Mean throughput of the site at most, units of capacity per period.
    production_capacity
        Units that the node makes or takes in per period at most, in the simulation.
    review_period
        Periods from one review of its stock, and order, to the next.
    status
        "open": must be used; "closed": must not; "": free to choose.
    max_distance, max_lead_time
        Of the lane that supplies the node; longer candidates cannot be used.
    site_emission
        Emissions per horizon if the node is used.
    holding_emission
        Emissions per unit on hand and period.
    """

    name: str
    kind: str = ""
    x: float | None = None
    y: float | None = None
    lead_time: int | None = None
    holding_cost: float = 0.0
    holding_quadratic: float = 0.0
    storage_capacity: float = inf
    overflow_cost: float = 0.0
    backorder_cost: float = 0.0
    fixed_cost: float = 0.0
    capacity: float = inf
    status: str = ""
    max_distance: float = inf
    max_lead_time: float = inf
    latitude: float | None = None
    longitude: float | None = None
    pack_size: float = 0.0
    site_emission: float = 0.0
    holding_emission: float = 0.0
    service_target: float | None = None
    site: str = ""
    product: str = ""
    unit_size: float = 1.0
    production_capacity: float = inf
    review_period: int = 1
    season: str = ""
    share: float = 1.0
    site_storage: float = inf
    site_overflow: float = 0.0

    @property
    def shares_storage(self) -> bool:
        """Whether what is on hand takes room of a storage that the site's products share."""
        return self.site_storage < inf and self.site_overflow > 0.0 and self.unit_size > 0.0

    @property
    def has_production_capacity(self) -> bool:
        """Whether there is a limit to what it makes per period."""
        return self.production_capacity < inf

    @property
    def place(self) -> str:
        """Name of the site: the node's own where no products share it."""
        return self.site or self.name

    @property
    def cost_rates(self) -> tuple[float, float, float, float, float]:
        """The five rates that `design.cost` prices a state with, in its order.

        A storage that products share counts as if this one were alone in it: all together overflow no less than the sum
        of what each does alone, as (Σ x - K)⁺ ≥ Σ (x - K)⁺ for x ≥ 0.
        """
        if self.shares_storage:
            capacity, overflow = self.site_storage / self.unit_size, self.site_overflow * self.unit_size
            return (self.holding_cost, self.holding_quadratic, capacity, overflow, self.backorder_cost)
        return self.own_rates

    @property
    def own_rates(self) -> tuple[float, float, float, float, float]:
        """The same without the storage that products share."""
        return (
            self.holding_cost,
            self.holding_quadratic,
            self.storage_capacity,
            self.overflow_cost,
            self.backorder_cost,
        )


@dataclass(frozen=True)
class Lane:
    """A candidate link.

    Parameters
    ----------
    origin, destination
        Names of the shipping and the receiving node.
    lead_time
        Whole periods from shipping to arrival, at least 0.
    unit_cost
        Transport cost per unit shipped.
    distance
        Length in units of distance, or None where only the cost is known.
    fixed_cost
        Money per horizon if any product uses the lane.
    pipeline_holding_cost
        Money per unit in transit and period.
    status
        "open": must be used; "closed": must not; "": free to choose.
    emission
        Emissions per unit shipped.
    input
        Label of the input of the destination that the lane supplies; "": its only, unnamed one.
    quantity
        Units shipped for one unit of the destination, above 0.
    input_holding_cost
        Money per unit shipped that has arrived and waits for other inputs, per period; None: the holding cost of the
        origin.
    """

    origin: str
    destination: str
    lead_time: int
    unit_cost: float = 0.0
    distance: float | None = None
    fixed_cost: float = 0.0
    pipeline_holding_cost: float = 0.0
    status: str = ""
    emission: float = 0.0
    input: str = ""
    quantity: float = 1.0
    input_holding_cost: float | None = None

    @property
    def pair(self) -> LanePair:
        """Origin and destination."""
        return (self.origin, self.destination)
