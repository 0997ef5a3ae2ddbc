"""Random benchmark networks of any size: plants, warehouses and distribution centers (DCs) in a square.

Magnitudes are those of thirteen-node: transport a few ten-thousandths of money per unit and unit of distance, holding
cost rising downstream and slightly convex, so that neither transport nor stock alone decides the design. A node's
numbers hang on the seed and on its name alone, whatever the size of the network; those of several products on the
product's name too. Products share sites, which then have fixed costs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from design.case import Case
from design.demand import Demand, Floats, NormalDemand
from design.errors import BadInputError
from design.network import Network
from design.node import Lane, Node
from design.products import SEPARATOR
from design.streams import Purpose, generator, name_keys

MAX_NODES = 1_000
MAX_LANES = 100_000
MAX_PRODUCTS = 100
MAX_CAPACITY = 1_000_000.0

SIDE = 100.0  # units of distance
TRANSPORT_RATE = 0.0002  # money per unit and unit of distance
DISTANCE_PER_PERIOD = 25.0  # a lane takes one period, and one more for each of these
HORIZON, WARM_UP = 100, 20  # periods; no path takes more than 5 + 6 + 6
INNER_BACKORDER = 10.0  # backorder cost of plants and warehouses in terms of their holding cost

Range = tuple[float, float]
_HOLDING: dict[str, Range] = {"P": (0.005, 0.010), "W": (0.011, 0.0145), "C": (0.021, 0.029)}
_QUADRATIC: dict[str, Range] = {"P": (1e-5, 4e-5), "W": (2e-5, 4.5e-5), "C": (1e-4, 1e-4)}
_KIND = {"P": "plant", "W": "warehouse", "C": "distribution center"}
_SUPPLY_LEAD_TIME: Range = (2, 6)  # periods, the upper end excluded
_DC_BACKORDER: Range = (10.0, 25.0)  # in terms of the holding cost
_MEAN: Range = (20.0, 45.0)  # units per period
_VARIATION: Range = (0.2, 0.5)  # standard deviation as a share of the mean
_ROOM: Range = (0.75, 1.25)  # of a site, in terms of the mean of its echelon
_SITE_COST: dict[str, Range] = {"P": (10.0, 30.0), "W": (20.0, 60.0), "C": (0.0, 0.0)}  # per product, where several


class GenerateError(BadInputError):
    """A network that cannot be made; the message names the option and says what was expected."""


@dataclass(frozen=True)
class GenerateParams:
    """What network to make.

    Parameters
    ----------
    plants, warehouses, dcs
        Nodes of each echelon.
    seed
        Equal ones give equal networks.
    free_inner
        Backorders at plants and warehouses cost nothing, as in textbooks; only customers' backorders do.
    nearest
        Candidate lanes into every warehouse and DC, the shortest ones; None: all.
    products
        Above 1: so many products with fixed costs of plants and warehouses that they share.
    capacity
        Mean throughput that all plants, and all warehouses, can take together, in terms of mean demand, at least 1:
        sites have about equal parts of it, more or less by a quarter; None: no limits.
    """

    plants: int
    warehouses: int
    dcs: int
    seed: int = 0
    free_inner: bool = False
    nearest: int | None = None
    products: int = 1
    capacity: float | None = None

    def __post_init__(self) -> None:
        for name, count in (("plants", self.plants), ("warehouses", self.warehouses), ("dcs", self.dcs)):
            if not 1 <= count <= MAX_NODES:
                raise GenerateError(f"{name} {count}: expected a whole number from 1 to {MAX_NODES:,}")
        if self.seed < 0:
            raise GenerateError(f"seed {self.seed}: expected a whole number, at least 0")
        if self.nearest is not None and self.nearest < 1:
            raise GenerateError(f"nearest {self.nearest}: expected a whole number, at least 1")
        if self.capacity is not None and not 1.0 <= self.capacity <= MAX_CAPACITY:
            raise GenerateError(f"capacity {self.capacity}: expected a number from 1 to {MAX_CAPACITY:,}")
        if not 1 <= self.products <= MAX_PRODUCTS:
            raise GenerateError(f"products {self.products}: expected a whole number from 1 to {MAX_PRODUCTS}")
        if self.num_lanes > MAX_LANES:
            raise GenerateError(
                f"{self.num_lanes:,} candidate lanes: expected at most {MAX_LANES:,}; --nearest K keeps fewer"
            )

    @property
    def num_lanes(self) -> int:
        """Candidate lanes of the network, those of every product counted."""
        kept = MAX_NODES if self.nearest is None else self.nearest
        return self.products * (self.warehouses * min(self.plants, kept) + self.dcs * min(self.warehouses, kept))

    @property
    def name(self) -> str:
        """Identifier of the case: everything that determines it."""
        name = f"random-{self.plants}-{self.warehouses}-{self.dcs}"
        if self.free_inner:
            name += "-free-inner"
        if self.nearest is not None:
            name += f"-nearest-{self.nearest}"
        if self.products > 1:
            name += f"-products-{self.products}"
        if self.capacity is not None:
            name += f"-capacity-{self.capacity:g}"
        return f"{name}-seed-{self.seed}"


def generate_case(params: GenerateParams) -> Case:
    """A random network; the same parameters give the same case.

    Parameters
    ----------
    params
        Size, seed and kind.
    """
    plants = [_node("P", k, params) for k in range(1, params.plants + 1)]
    warehouses = [_node("W", k, params) for k in range(1, params.warehouses + 1)]
    centers = [_node("C", k, params) for k in range(1, params.dcs + 1)]
    lanes = [lane for end in warehouses for lane in _lanes_into(end, plants, params.nearest)]
    lanes += [lane for end in centers for lane in _lanes_into(end, warehouses, params.nearest)]
    nodes = [*plants, *warehouses, *centers]
    if params.products > 1:
        products = [f"item{k}" for k in range(1, params.products + 1)]
        nodes = [_of_product(node, product, params) for node in nodes for product in products]
        lanes = [_lane_of_product(lane, product) for lane in lanes for product in products]
        centers = [node for node in nodes if node.place.startswith("C")]
    demand = {node.name: _demand(node.name, params.seed) for node in centers}
    if params.capacity is not None:
        room = params.capacity * sum(distribution.mean for distribution in demand.values())
        nodes = [_with_capacity(node, room, params) for node in nodes]
    network = Network(tuple(nodes), tuple(lanes), tuple(demand))
    units = {"period": "day", "quantity": "unit", "money": "m.u.", "distance": "km"}
    return Case(params.name, _title(params), network, demand, HORIZON, WARM_UP, units)


def _node(letter: str, number: int, params: GenerateParams, name: str = "") -> Node:
    name = name or f"{letter}{number}"
    x, y, holding, quadratic, backorder, lead_time, _, _ = _uniforms(name, params.seed)
    holding_cost = round(_within(_HOLDING[letter], holding), 4)
    inner = 0.0 if params.free_inner else INNER_BACKORDER
    ratio = _within(_DC_BACKORDER, backorder) if letter == "C" else inner
    return Node(
        name,
        _KIND[letter],
        round(SIDE * x, 1),
        round(SIDE * y, 1),
        int(_within(_SUPPLY_LEAD_TIME, lead_time)) if letter == "P" else None,
        holding_cost,
        round(_within(_QUADRATIC[letter], quadratic), 6),
        backorder_cost=round(ratio * holding_cost, 4),
    )


def _of_product(node: Node, product: str, params: GenerateParams) -> Node:
    """The stocking point of a product at a site: place and lead time are the site's, costs of stock the product's."""
    letter, name = node.name[0], f"{node.name}{SEPARATOR}{product}"
    own = _node(letter, int(node.name[1:]), params, name)
    site_cost = params.products * _within(_SITE_COST[letter], _uniforms(node.name, params.seed)[-2])
    return replace(
        own,
        x=node.x,
        y=node.y,
        lead_time=node.lead_time,
        fixed_cost=float(round(site_cost)),
        site=node.name,
        product=product,
    )


def _lane_of_product(lane: Lane, product: str) -> Lane:
    origin, destination = (f"{name}{SEPARATOR}{product}" for name in lane.pair)
    return replace(lane, origin=origin, destination=destination)


def _demand(name: str, seed: int) -> Demand:
    *_, mean, variation = _uniforms(name, seed)
    location = float(round(_within(_MEAN, mean)))
    return NormalDemand(location, round(_within(_VARIATION, variation) * location, 1))


def _with_capacity(node: Node, room: float, params: GenerateParams) -> Node:
    """A plant or warehouse with its part of what its echelon takes."""
    count = {"P": params.plants, "W": params.warehouses}.get(node.place[0])
    if count is None:
        return node
    uniform = generator(params.seed, Purpose.NETWORKS, *name_keys(f"capacity of {node.place}")).random()
    return replace(node, capacity=float(np.ceil(_within(_ROOM, float(uniform)) * room / count)))


def _uniforms(name: str, seed: int) -> Sequence[float]:
    """Eight numbers in [0, 1) of a node; only uniforms are the same in every version of numpy."""
    return [float(u) for u in generator(seed, Purpose.NETWORKS, *name_keys(name)).random(8)]


def _within(ends: Range, uniform: float) -> float:
    return ends[0] + (ends[1] - ends[0]) * uniform


def _lanes_into(end: Node, origins: Sequence[Node], nearest: int | None) -> list[Lane]:
    """Candidate lanes into a node from its nearest suppliers, in the order of the suppliers."""
    apart = _places(origins) - _places([end])
    distances = np.round(np.hypot(apart[:, 0], apart[:, 1]), 1)
    kept = np.sort(np.argsort(distances, kind="stable")[:nearest])
    return [_lane(origins[k], end, float(distances[k])) for k in kept]


def _places(nodes: Sequence[Node]) -> Floats:
    """Coordinates, shape (node, 2)."""
    return np.array([(node.x, node.y) for node in nodes], dtype=np.float64)


def _lane(origin: Node, end: Node, distance: float) -> Lane:
    lead_time = 1 + int(distance / DISTANCE_PER_PERIOD)
    return Lane(origin.name, end.name, lead_time, round(TRANSPORT_RATE * distance, 6), distance)


def _title(params: GenerateParams) -> str:
    title = (
        f"Random network, seed {params.seed}: plants {params.plants}, warehouses {params.warehouses}, "
        f"distribution centers {params.dcs}"
    )
    if params.nearest is not None:
        title += f", the {params.nearest} nearest lanes"
    if params.products > 1:
        title += f", {params.products} products"
    if params.capacity is not None:
        title += f", capacities {params.capacity:g} times the demand"
    return title + (", free inner backorders" if params.free_inner else "")
