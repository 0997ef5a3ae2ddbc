"""A planning world from a case and one of its designs: numbers and arrays."""

from __future__ import annotations

from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter

import numpy as np

from design.case import Case
from design.demand_base import Demand
from design.demand_process import phases_of
from design.errors import BadInputError
from design.network import Design
from design.node import LanePair
from design.planning.data import Operation
from design.supply import OUTSIDE
from simopt.planning.world import ERRATIC, INTERMITTENT, SEASONAL, SMOOTH, Floats, Link, Site, World

ERRATIC_VARIATION = 0.49  # squared coefficient of variation above which demand is erratic (Syntetos & Boylan 2005)
FEW = 0.5  # share of periods with demand below which it is intermittent


def world_of(case: Case, design: Design) -> World:
    """The world of a case under a design.

    Raises
    ------
    BadInputError
        If demand differs by season, products flow both ways between sites, or goods are shared in fair shares.
    """
    if case.network.seasons:
        raise BadInputError("[seasons.NAME] in the planning simulator: expected a case without, e.g. with profiles")
    return _Builder(case, design).world()


class _Builder:
    """Numbers and arrays of a world."""

    def __init__(self, case: Case, design: Design) -> None:
        self.case, self.design, self.network = case, design, case.charged
        used = {case.network.node(name).product for name in design.nodes}
        self.products = tuple(name for name in case.network.products or ("",) if name in used)
        self.column = {name: k for k, name in enumerate(self.products)}
        self.place_of = {name: self.network.node(name).place for name in design.nodes}
        self.order = self._site_order()
        self.number = {place: s for s, place in enumerate(self.order)}
        data = case.planning
        families = [data.family(product) for product in self.products]
        self.families = tuple(dict.fromkeys(families))
        self.family = np.array([self.families.index(name) for name in families])
        self.operations = {(one.site, one.product): one for one in data.operations}
        self.multiples: dict[str, dict[str, float]] = {}
        for component in design.components:
            self.multiples |= case.network.multiples(component)

    def world(self) -> World:
        links = self._links()
        sites = tuple(self._site(place, links) for place in self.order)
        data = self.case.planning
        windows = {sku.product: sku.service_window for sku in data.skus}
        own = [windows.get(product) for product in self.products]
        window = [data.settings.service_window if one is None else one for one in own]
        return World(
            self.case,
            sites,
            links,
            self.products,
            self.families,
            self.family,
            tuple(map(self._pattern, self.products)),
            np.array([np.inf if one is None else float(one) for one in window]),
            self.case.design_fixed_cost(self.design),
        )

    def _site_order(self) -> tuple[str, ...]:
        """Every site after its suppliers."""
        before: dict[str, list[str]] = {place: [] for place in self.place_of.values()}
        for origin, destination in self.design.lanes:
            before[self.place_of[destination]].append(self.place_of[origin])
        try:
            return tuple(TopologicalSorter(before).static_order())
        except CycleError as error:
            around = " -> ".join(error.args[1])
            raise BadInputError(
                f"products flow in a circle, {around}: the planning simulator expects sites without one"
            ) from None

    def _links(self) -> tuple[Link, ...]:
        """In the order of the sites and of the case's lanes; those from the outside last."""
        lanes: dict[LanePair, dict[int, LanePair]] = {}
        chosen = set(self.design.lanes)
        for lane in self.network.lanes:
            if lane.pair in chosen:
                product = self.network.node(lane.origin).product
                lanes.setdefault(self.network.places(lane.pair), {})[self.column[product]] = lane.pair
        sources: dict[str, list[str]] = {}
        supplied = {destination for _, destination in self.design.lanes}
        for name in self.design.nodes:
            if name not in supplied:
                sources.setdefault(self.place_of[name], []).append(name)
        return (
            *(self._lane_link(places, pairs) for places, pairs in lanes.items()),
            *(self._outside_link(place, names) for place, names in sources.items()),
        )

    def _zeros(self) -> Floats:
        return np.zeros(len(self.products))

    def _lane_link(self, places: LanePair, pairs: Mapping[int, LanePair]) -> Link:
        used, lead_time = self._zeros() > 0.0, self._zeros().astype(np.int64)
        quantity, unit_cost, pipeline, waiting = np.ones(len(used)), self._zeros(), self._zeros(), self._zeros()
        for k, pair in pairs.items():
            lane = self.network.lane(pair)
            used[k], lead_time[k], quantity[k] = True, lane.lead_time, lane.quantity
            unit_cost[k], pipeline[k] = lane.unit_cost, lane.pipeline_holding_cost
            waiting[k] = self.network.waiting_cost(lane)
        origin, destination = self.number[places[0]], self.number[places[1]]
        return Link(places, origin, destination, used, lead_time, quantity, unit_cost, pipeline, waiting)

    def _outside_link(self, place: str, names: list[str]) -> Link:
        used, lead_time = self._zeros() > 0.0, self._zeros().astype(np.int64)
        for name in names:
            node = self.network.node(name)
            used[self.column[node.product]] = True
            lead_time[self.column[node.product]] = node.lead_time or 0
        free, quantity = self._zeros(), np.ones(len(used))
        return Link((OUTSIDE, place), -1, self.number[place], used, lead_time, quantity, free, free, free)

    def _site(self, place: str, links: tuple[Link, ...]) -> Site:
        nodes = {
            self.column[self.network.node(name).product]: self.network.node(name)
            for name, site in self.place_of.items()
            if site == place
        }
        size, customers = len(self.products), list(self.case.demand)
        handled, rates, unit_size = self._zeros() > 0.0, np.zeros((5, size)), self._zeros()
        production, review = np.full(size, np.inf), np.ones(size, dtype=np.int64)
        customer, mean, variance = np.full(size, -1), self._zeros(), self._zeros()
        for k, node in nodes.items():
            handled[k], rates[:, k] = True, node.own_rates
            unit_size[k] = node.unit_size if node.site_storage < np.inf else 0.0
            production[k], review[k] = node.production_capacity, node.review_period
            customer[k] = customers.index(node.name) if node.name in self.case.demand else -1
            for name, multiple in self.multiples[node.name].items():
                mean[k] += multiple * self.case.demand[name].mean
                variance[k] += (multiple * self.case.demand[name].standard_deviation) ** 2
        inbound = tuple(n for n, link in enumerate(links) if link.places[1] == place)
        none = Operation(place, "")
        rows = [self.operations.get((place, product), none) for product in self.products]
        shared = [node for node in nodes.values() if node.site_storage < np.inf]
        coverage = np.max([np.where(links[n].used, links[n].lead_time, 0) for n in inbound], axis=0)

        def of(name: str) -> Floats:
            return np.array([getattr(row, name) for row in rows])

        return Site(
            place,
            handled,
            rates,
            unit_size,
            shared[0].site_storage if shared else np.inf,
            shared[0].site_overflow if shared else 0.0,
            production,
            review,
            of("order_cost"),
            of("lost_sale_cost"),
            of("cancellation_cost"),
            of("obsolescence_cost"),
            of("unit_cost"),
            of("min_order"),
            of("lot_size"),
            customer,
            inbound,
            tuple(n for n, link in enumerate(links) if link.places[0] == place),
            self._family_capacity(place, mean),
            mean,
            np.sqrt(variance),
            coverage,
        )

    def _family_capacity(self, place: str, mean: Floats) -> Floats | None:
        settings = self.case.planning.settings
        own = {one.family: one for one in self.case.planning.capacities if one.site == place}
        if not own:
            return None
        found = np.full(len(self.families), np.inf)
        for f, name in enumerate(self.families):
            if name not in own:
                continue  # a family that the site does not handle
            given = own[name]
            if given.capacity is not None:
                found[f] = given.capacity
            else:
                total = mean[self.family == f].sum()
                found[f] = np.rint(
                    (given.load or 0.0) * total * (1.0 + settings.capacity_buffer) / settings.utilization
                )
        return found

    def _pattern(self, product: str) -> str:
        given = {sku.product: sku.pattern for sku in self.case.planning.skus}.get(product, "")
        own = [self.network.node(name).product for name in self.case.demand]
        demands = [demand for name, demand in zip(own, self.case.demand.values(), strict=True) if name == product]
        return given or pattern_of(max(demands, key=lambda demand: demand.mean))


def pattern_of(demand: Demand) -> str:
    """Smooth, seasonal, erratic or intermittent, from a distribution."""
    if len(phases_of(demand)) > 1:
        return SEASONAL
    if float(demand.quantile(np.array([1.0 - FEW]))[0]) == 0.0:
        return INTERMITTENT
    is_erratic = demand.mean > 0.0 and (demand.standard_deviation / demand.mean) ** 2 > ERRATIC_VARIATION
    return ERRATIC if is_erratic else SMOOTH
