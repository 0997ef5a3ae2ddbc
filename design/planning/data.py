"""What the tables of a planning world hold."""

from __future__ import annotations

from dataclasses import dataclass, field

from design.planning.settings import PlanningSettings

PATTERNS = ("smooth", "seasonal", "erratic", "intermittent")
SHAPES = ("step", "ramp")


@dataclass(frozen=True)
class Sku:
    """A product in planning.

    Parameters
    ----------
    product
        Its name.
    family
        Products of a family share capacity and shocks.
    pattern
        Of its demand, one of `PATTERNS`; "": told from its distribution.
    service_window
        Periods beyond the first in which customers still take what they asked for; None: the case's.
    """

    product: str
    family: str = ""
    pattern: str = ""
    service_window: int | None = None


@dataclass(frozen=True)
class Operation:
    """How a site orders a product, and what mishaps cost there.

    Parameters
    ----------
    site, product
        Names; product "" where a single one without a name is planned.
    order_cost
        Money for every order, whatever its size.
    lost_sale_cost, cancellation_cost, obsolescence_cost
        Money per unit of customers' demand lost, of an order cancelled by a node it supplies, of stock written off.
    min_order, lot_size
        Units: an order is at least, and a multiple of; 0: anything.
    unit_cost
        Money per unit made or bought there.
    least_stock, most_stock
        Bounds that thresholds keep stock within, whole units; None: none.
    """

    site: str
    product: str
    order_cost: float = 0.0
    lost_sale_cost: float = 0.0
    cancellation_cost: float = 0.0
    obsolescence_cost: float = 0.0
    min_order: float = 0.0
    lot_size: float = 0.0
    unit_cost: float = 0.0
    least_stock: float | None = None
    most_stock: float | None = None


@dataclass(frozen=True)
class FamilyCapacity:
    """What a site can send out of a family in a period.

    Parameters
    ----------
    site, family
        Names.
    capacity
        Units per period; None: from the load.
    load
        m of capacity = round(m·μ·(1 + β)/u*), μ the mean demand on the site; None: from the capacity.
    """

    site: str
    family: str
    capacity: float | None = None
    load: float | None = None


@dataclass(frozen=True)
class DemandShock:
    """A planned change of demand that no planner expects.

    Parameters
    ----------
    family, product
        Whose; both "": everybody's.
    start, end
        First and last period, counted from 1 at the beginning of the horizon.
    size
        Share of demand that is added, above -1.
    shape
        "step", or "ramp": rising evenly from the first period to the size in the last.
    """

    family: str
    product: str
    start: int
    end: int
    size: float
    shape: str = SHAPES[0]


@dataclass(frozen=True)
class Breakdown:
    """Random outages of a site or lane: a Markov chain that starts up.

    Parameters
    ----------
    places
        The site, or origin and destination of the lane.
    failure, repair
        Probability a period of going down when up, and of coming up when down.
    """

    places: tuple[str, ...]
    failure: float
    repair: float


@dataclass(frozen=True)
class PlanningData:
    """All that a case says about weekly planning.

    Parameters
    ----------
    settings
        [planning] of case.toml.
    skus, operations, capacities, shocks, breakdowns
        Rows of skus.csv, operations.csv (one a site and product), capacities.csv, shocks.csv, breakdowns.csv.
    """

    settings: PlanningSettings = field(default_factory=PlanningSettings)
    skus: tuple[Sku, ...] = ()
    operations: tuple[Operation, ...] = ()
    capacities: tuple[FamilyCapacity, ...] = ()
    shocks: tuple[DemandShock, ...] = ()
    breakdowns: tuple[Breakdown, ...] = ()

    def family(self, product: str) -> str:
        """Family of a product; "" without one."""
        return next((sku.family for sku in self.skus if sku.product == product), "")
