"""A planning world: sites, links between them and their rules, as arrays over products.

A site keeps every product that the design lets it handle; what it does not handle it is never asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from design.case import Case
from design.node import LanePair
from design.planning.data import PATTERNS, PlanningData
from design.planning.settings import PlanningSettings

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]

SMOOTH, SEASONAL, ERRATIC, INTERMITTENT = PATTERNS
CAUTION = {SMOOTH: 1.0, SEASONAL: 1.1, ERRATIC: 1.25, INTERMITTENT: 1.4}


@dataclass(frozen=True, eq=False)
class Link:
    """Where goods come from: a lane between sites, or the outside supply of a source. Arrays of shape (product,).

    Parameters
    ----------
    places
        Names of origin ("": the outside) and destination.
    origin, destination
        Numbers of the sites; -1: the outside.
    used
        Which products come this way.
    lead_time
        Periods.
    quantity
        Units of the origin in one unit of the destination.
    unit_cost, pipeline_cost, waiting_cost
        Money per unit of the origin: shipped; in transit, per period; arrived and waiting, per period.
    """

    places: LanePair
    origin: int
    destination: int
    used: Flags
    lead_time: Integers
    quantity: Floats
    unit_cost: Floats
    pipeline_cost: Floats
    waiting_cost: Floats

    @property
    def name(self) -> str:
        """For streams and messages."""
        return f"{self.places[0]} -> {self.places[1]}"


@dataclass(frozen=True, eq=False)
class Site:
    """A stocking place. Arrays of shape (product,) unless stated.

    Parameters
    ----------
    name
        Its place.
    handled
        Which products it keeps.
    rates
        Cost rates in the order of `design.cost`, shape (5, product).
    unit_size, storage_capacity, storage_overflow
        Of storage that all products share: space a unit takes, space in all, money per unit of space above it.
    production_capacity, review_period
        Units made a period, inf for any number; periods between reviews.
    order_cost, lost_sale_cost, cancellation_cost, obsolescence_cost, unit_cost, min_order, lot_size
        As in `Operation`.
    customer
        Column of the demand paths, -1 for none.
    inbound, outbound
        Numbers of its links.
    family_capacity
        Units sent out a period of each family, shape (family,); None: any number.
    mean, sd
        True mean and standard deviation of a period's demand on it, customers' and others'.
    coverage
        Longest lead time of its links, periods.
    """

    name: str
    handled: Flags
    rates: Floats
    unit_size: Floats
    storage_capacity: float
    storage_overflow: float
    production_capacity: Floats
    review_period: Integers
    order_cost: Floats
    lost_sale_cost: Floats
    cancellation_cost: Floats
    obsolescence_cost: Floats
    unit_cost: Floats
    min_order: Floats
    lot_size: Floats
    customer: Integers
    inbound: tuple[int, ...]
    outbound: tuple[int, ...]
    family_capacity: Floats | None
    mean: Floats
    sd: Floats
    coverage: Integers

    @property
    def has_customers(self) -> bool:
        """Whether it faces customers."""
        return bool((self.customer >= 0).any())


@dataclass(frozen=True, eq=False)
class World:
    """What the engine runs.

    Parameters
    ----------
    case
        Its demand, supply and time.
    sites
        Every site after those that supply it.
    links
        Numbered as sites refer to them.
    products
        Names; one "" where a single one without a name is planned.
    families, family
        Names; number of each product's, shape (product,).
    pattern
        Of each product's demand.
    service_window
        Periods beyond the first in which customers still take it, shape (product,), inf where they wait.
    fixed_cost
        Of sites and lanes over the horizon, money.
    """

    case: Case
    sites: tuple[Site, ...]
    links: tuple[Link, ...]
    products: tuple[str, ...]
    families: tuple[str, ...]
    family: Integers
    pattern: tuple[str, ...]
    service_window: Floats
    fixed_cost: float

    @property
    def data(self) -> PlanningData:
        """What the case says about planning."""
        return self.case.planning

    @property
    def settings(self) -> PlanningSettings:
        """Its settings."""
        return self.case.planning.settings

    @property
    def num_products(self) -> int:
        """How many."""
        return len(self.products)

    @cached_property
    def caution(self) -> Floats:
        """κ of every product's pattern, shape (product,): more safety stock and more impatience (reconstructed)."""
        return np.array([CAUTION[pattern] for pattern in self.pattern])

    @cached_property
    def planned_factors(self) -> Floats:
        """What the case's planned shocks multiply demand by, shape (period, product)."""
        found, warm_up = np.ones((self.case.num_periods, self.num_products)), self.case.warm_up
        for shock in self.data.shocks:
            hit = np.array([
                (not shock.family or self.families[f] == shock.family) and shock.product in ("", product)
                for f, product in zip(self.family, self.products, strict=True)
            ])  # fmt: skip
            length = shock.end - shock.start + 1
            sizes = shock.size * (np.arange(1, length + 1) / length if shock.shape == "ramp" else np.ones(length))
            found[warm_up + shock.start - 1 : warm_up + shock.end, hit] *= 1.0 + sizes[:, None]
        return found

    @cached_property
    def node_names(self) -> dict[tuple[int, int], str]:
        """Name of the case's node that stands for a site and a product."""
        names = {(node.place, node.product): node.name for node in self.case.network.nodes}
        return {
            (s, k): names[site.name, product]
            for s, site in enumerate(self.sites)
            for k, product in enumerate(self.products)
            if site.handled[k]
        }

    @cached_property
    def echelon_coverage(self) -> tuple[Integers, ...]:
        """Periods from each site's order to the last customer's shelf, longest path, shape (product,) each."""
        found = [site.coverage.copy() for site in self.sites]
        below = [np.zeros(self.num_products, dtype=np.int64) for _ in self.sites]
        for s in reversed(range(len(self.sites))):
            for number in self.sites[s].outbound:
                link = self.links[number]
                longest = np.where(link.used, below[link.destination] + link.lead_time, 0)
                below[s] = np.maximum(below[s], longest)
            found[s] = self.sites[s].coverage + below[s]
        return tuple(found)
