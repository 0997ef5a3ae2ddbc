"""Everything that chance decides in a planning world, the same for all policies (common random numbers).

Streams are keyed by the names of customers, families, products, sites and links, so that a number belongs to what it is
for, whatever the policy, the order of rows or the number of jobs; a shorter run is a prefix of a longer one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import special

from design.demand_process import LEAST_UNIFORM, MOST_UNIFORM
from design.streams import BLOCK, DemandStreams, Purpose, generator, name_keys
from design.supply import Calendars, Outage
from simopt.planning.world import Flags, Floats, Integers, Link, Site, World


class AntitheticStreams(DemandStreams):
    """Every second replication sees the first one's demand upside down: uniforms u and 1 - u."""

    def uniforms(self, customer: str, block: int, num_periods: int) -> Floats:
        """Uniforms of one block of replications, shape (BLOCK, period); rows 2k and 2k + 1 belong together."""
        own = super().uniforms(customer, block, num_periods)[: BLOCK // 2]
        return np.stack([own, np.minimum(1.0 - own, MOST_UNIFORM)], axis=1).reshape(BLOCK, num_periods)


@dataclass(frozen=True)
class Chance:
    """Where paths come from.

    Parameters
    ----------
    world
        Whose.
    seed, purpose
        Equal ones give equal paths.
    antithetic
        Whether replications come in pairs of opposite demand.
    with_shocks
        Whether the case's planned shocks happen.
    size
        Replications of a block; `BLOCK` wherever demand is drawn.
    """

    world: World
    seed: int
    purpose: Purpose = Purpose.EVALUATION
    antithetic: bool = False
    with_shocks: bool = True
    size: int = BLOCK

    @cached_property
    def streams(self) -> DemandStreams:
        """Of customers' demand."""
        kind = AntitheticStreams if self.antithetic else DemandStreams
        case = self.world.case
        return kind(case.demand, self.seed, self.purpose, case.correlation)

    def numbers(self, what: str, *keys: int) -> np.random.Generator:
        """A generator for something with a name."""
        return generator(self.seed, self.purpose, *name_keys(f"\0planning {what}"), *keys)

    def paths(self, replications: range) -> Paths:
        """Paths of consecutive replications, the first of them the first of a block."""
        return Paths(self._blocks(replications), len(replications))

    def control(self, replications: range) -> Floats:
        """See `Block.control`, of consecutive replications, the first of them the first of a block."""
        return np.concatenate([block.control() for block in self._blocks(replications)])[: len(replications)]

    def _blocks(self, replications: range) -> list[Block]:
        return [Block(self, block) for block in range(replications.start // BLOCK, -(-replications.stop // BLOCK))]


@dataclass(frozen=True)
class Block:
    """Replications that are drawn together, as many as `Chance.size`: B of them."""

    chance: Chance
    block: int

    @property
    def world(self) -> World:
        """Whose."""
        return self.chance.world

    def demand(self) -> Floats:
        """Customers' demand without shocks, shape (BLOCK, period, customer)."""
        return self.chance.streams.block(self.block, self.world.case.num_periods)

    def control(self) -> Floats:
        """Sum of the normal scores behind all demand, weighted by standard deviations: mean 0, shape (BLOCK,)."""
        case, streams = self.world.case, self.chance.streams
        total = np.zeros(BLOCK)
        for name, demand in case.demand.items():
            uniforms = streams.uniforms(name, self.block, case.num_periods)
            total += demand.standard_deviation * special.ndtri(np.maximum(uniforms, LEAST_UNIFORM)).sum(axis=1)
        return total

    def factors(self) -> Floats:
        """What shocks multiply demand by, shape (B, period, customer)."""
        world, case = self.world, self.world.case
        column = {name: k for k, name in enumerate(world.products)}
        products = [column.get(case.network.node(name).product, -1) for name in case.demand]
        by_product = np.ones((self.chance.size, case.num_periods, world.num_products))
        if world.settings.shock_probability > 0.0:
            families = self._random_shocks([f"family {name}" for name in world.families])
            own = self._random_shocks([f"product {name}" for name in world.products])
            by_product *= (1.0 + families[:, :, world.family]) * (1.0 + own)
        if self.chance.with_shocks:
            by_product *= world.planned_factors
        return by_product[:, :, products]

    def _random_shocks(self, names: Sequence[str]) -> Floats:
        """Share of demand that is added, shape (B, period, name); no shock starts while one lasts."""
        settings, periods = self.world.settings, self.world.case.num_periods
        shape = (self.chance.size, periods, len(names))
        begins, lengths, sizes = np.empty(shape, dtype=bool), np.empty(shape, dtype=np.int64), np.empty(shape)
        low, high = settings.shock_periods
        for k, name in enumerate(names):
            numbers = self.chance.numbers(f"shock {name}", self.block)
            begins[:, :, k] = numbers.random(shape[:2]) < settings.shock_probability
            lengths[:, :, k] = numbers.integers(int(low), int(high), shape[:2], endpoint=True)
            sizes[:, :, k] = numbers.uniform(*settings.shock_size, shape[:2])
        found = np.zeros(shape)
        left, size = np.zeros((shape[0], len(names)), dtype=np.int64), np.zeros((shape[0], len(names)))
        for t in range(periods):
            new = begins[:, t] & (left == 0)
            left, size = np.where(new, lengths[:, t], left), np.where(new, sizes[:, t], size)
            found[:, t] = np.where(left > 0, size, 0.0)
            left = np.maximum(left - 1, 0)
        return found

    def is_down(self, places: tuple[str, ...]) -> Flags | None:
        """Random outages of a site or lane, shape (B, period); None where there are none."""
        own = next((one for one in self.world.data.breakdowns if one.places == places), None)
        if own is None or own.failure == 0.0:
            return None
        periods = self.world.case.num_periods
        uniforms = self.chance.numbers(f"breakdown {' -> '.join(places)}", self.block).random(
            (self.chance.size, periods)
        )
        down, found = np.zeros(len(uniforms), dtype=bool), np.empty(uniforms.shape, dtype=bool)
        for t in range(periods):
            down = np.where(down, uniforms[:, t] >= own.repair, uniforms[:, t] < own.failure)
            found[:, t] = down
        return found

    def lead_times(self, link: Link) -> Integers | None:
        """Periods that what leaves in each period takes, shape (B, period, product); None: as planned."""
        varying = self.world.case.supply.lead_times.get(link.places)
        if varying is None:
            return None
        shape = (self.chance.size, self.world.case.num_periods, self.world.num_products)
        shares = np.cumsum([share for _, share in varying])[:-1]
        drawn = np.searchsorted(shares, self.chance.numbers(f"transit {link.name}", self.block).random(shape), "right")
        return np.array([periods for periods, _ in varying], dtype=np.int64)[drawn]

    def calendars(self) -> Floats:
        """Last period whose shipments have arrived, shape (BLOCK, period, lane), where none overtakes another."""
        case = self.world.case
        made = Calendars(case.network, case.supply, case.warm_up, self.chance.seed, self.chance.purpose)
        return made.block(self.block, case.num_periods)

    def biases(self, site: Site) -> tuple[Floats, Floats]:
        """Factors by which the planner of a site mistakes means and coefficients of variation, (B, product)."""
        numbers = self.chance.numbers(f"planner {site.name}", self.block)
        shape = (self.chance.size, self.world.num_products)
        settings = self.world.settings
        return numbers.uniform(*settings.mean_bias, shape), numbers.uniform(*settings.cv_bias, shape)

    def patience(self, site: Site, period: int, num_ages: int, num_customers: int) -> Floats:
        """Uniforms that decide cancellations, shape (age, B, customer, product)."""
        shape = (num_ages, self.chance.size, num_customers, self.world.num_products)
        return self.chance.numbers(f"patience {site.name}", self.block, period).random(shape)


class Paths:
    """Replications next to each other, cut to as many as are wanted.

    Parameters
    ----------
    blocks
        Consecutive.
    count
        Replications.
    demand, calendars
        In the place of those that the blocks draw, shapes (replication, period, customer) and (..., lane).
    """

    def __init__(
        self, blocks: Sequence[Block], count: int, demand: Floats | None = None, calendars: Floats | None = None
    ) -> None:
        self._blocks, self.count = blocks, count
        self._world = world = blocks[0].world
        demand = self._joined([block.demand() for block in blocks]) if demand is None else demand
        demand = demand * self._joined([block.factors() for block in blocks])
        self.demand = np.rint(demand) if world.settings.whole_units else demand
        self._calendars = None
        if world.case.supply.calendars and not world.settings.crossing:
            drawn = self._joined([block.calendars() for block in blocks]) if calendars is None else calendars
            self._calendars = drawn.astype(np.int64)
        self._columns = world.case.supply.calendars
        self._crossing = world.settings.crossing

    def _joined(self, parts: Sequence[Floats]) -> Floats:
        return np.concatenate(parts, axis=0)[: self.count]

    def _is_down(self, places: tuple[str, ...], planned: Sequence[Outage]) -> Flags | None:
        """Random and planned outages of a site or lane, shape (replication, period); None where there are none."""
        found = [own for block in self._blocks if (own := block.is_down(places)) is not None]
        if not found and not planned:
            return None
        down = (
            np.concatenate(found)[: self.count] if found else np.zeros((self.count, self.demand.shape[1]), dtype=bool)
        )
        for outage in planned:
            down[:, outage.within(self._world.case.warm_up)] = True
        return down

    def arrivals(self, link: Link) -> Integers | None:
        """Period in which what is shipped in each period arrives; None where its lead time alone says it.

        Returns
        -------
        numpy.ndarray
            Shape (replication, period, product or 1); as many periods as a replication has, or more: never.
        """
        leaves = self._departures(link)
        lead_times = self._lead_times(link)
        calendar = self._calendar(link)
        if leaves is None and lead_times is None and calendar is None:
            return None
        periods = self.demand.shape[1]
        if leaves is None:
            leaves = np.broadcast_to(np.arange(periods), (self.count, periods))
        if calendar is not None:
            never = np.full((self.count, 1), periods)
            return np.take_along_axis(np.concatenate([calendar, never], axis=1), leaves, axis=1)[:, :, None]
        return leaves[:, :, None] + (link.lead_time if lead_times is None else lead_times)

    def _calendar(self, link: Link) -> Integers | None:
        """Arrivals of what leaves in each period, where nothing overtakes, (replication, period)."""
        if self._calendars is None or link.places not in self._columns:
            return None
        dates = self._calendars[:, :, self._columns[link.places]]
        periods = dates.shape[1]
        return np.stack([np.searchsorted(own, np.arange(periods), side="left") for own in dates])

    def _lead_times(self, link: Link) -> Integers | None:
        """See `Block.lead_times`, (replication, period, product); None where shipments do not cross."""
        found = [own for block in self._blocks if self._crossing and (own := block.lead_times(link)) is not None]
        return np.concatenate(found)[: self.count] if found else None

    def _departures(self, link: Link) -> Integers | None:
        """When what is shipped in each period leaves, (replication, period); None: at once."""
        planned = () if self._calendars is not None else self._world.case.supply.lane_outages.get(link.places, ())
        down = self._is_down(link.places, planned)
        if down is None:
            return None
        periods = self.demand.shape[1]
        leaves = np.where(down, periods, np.arange(periods))
        return np.minimum.accumulate(leaves[:, ::-1], axis=1)[:, ::-1]

    def capacity_factor(self, site: Site) -> Flags | None:
        """Whether a site can make anything, (replication, period); None: always."""
        planned = [one for one in self._world.case.supply.outages if one.places == (site.name,)]
        down = self._is_down((site.name,), planned)
        return None if down is None else ~down

    def biases(self, site: Site) -> tuple[Floats, Floats]:
        """See `Block.biases`, shape (replication, product)."""
        means, variations = zip(*(block.biases(site) for block in self._blocks), strict=True)
        return self._joined(means), self._joined(variations)

    def patience(self, site: Site, period: int, num_ages: int, num_customers: int) -> Floats:
        """See `Block.patience`, shape (age, customer, replication, product)."""
        found = [block.patience(site, period, num_ages, num_customers) for block in self._blocks]
        return np.concatenate(found, axis=1)[:, : self.count].swapaxes(1, 2)
