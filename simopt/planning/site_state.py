"""State of a site: stock, orders, backlog, inputs that wait, excess; one array a product and replication."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from simopt.planning.backlog import Backlog
from simopt.planning.measures import Series
from simopt.planning.world import Flags, Floats, Integers, Site, World


class SiteState:
    """Units, arrays of shape (replication, product).

    Parameters
    ----------
    world, site
        Whose.
    count
        Replications.
    up
        Whether it can make anything, shape (replication, period); None: always.
    """

    def __init__(self, world: World, site: Site, count: int, up: Flags | None) -> None:
        self.site, self._world, self._up = site, world, up
        shape = (count, world.num_products)
        self.links = [world.links[n] for n in site.inbound]
        self.num_customers = len(site.outbound) + int(site.has_customers)
        self.shape = (self.num_customers, *shape)
        self.on_hand = np.zeros(shape)
        self.ordered = [np.zeros(shape) for _ in self.links]  # and not made yet, in own units
        self.waiting = [np.zeros(shape) for _ in self.links]
        self.transit_by_link = [np.zeros(shape) for _ in self.links]
        self.backlog = Backlog(world.settings.whole_units)
        self.asked = np.zeros(self.shape)
        self.week: dict[Series, Floats] = {}
        self.risk = np.zeros(shape)
        self.aim = np.zeros(shape)
        age = world.settings.obsolete_after
        self.excess = np.zeros((age, *shape)) if age is not None else None
        self.is_made = len(self.links) > 1 or up is not None or bool((site.production_capacity < np.inf).any())
        between = [1.0] * len(site.outbound) + [0.0] * int(site.has_customers)
        self.cancellable = np.array(between)[:, None, None]
        self.family_members: list[Integers] = [
            np.flatnonzero((world.family == f) & site.handled) for f in range(len(world.families))
        ]

    @property
    def on_order(self) -> Floats:
        """Complete sets of inputs that are ordered and not made yet."""
        if len(self.links) == 1:
            return self.ordered[0]
        return self._complete_sets(self.ordered)

    def order(self, wanted: Floats, *, returns: bool) -> list[Floats]:
        """Take an order and spread it over the inputs: what one of them has more on order than others it needs less.

        Parameters
        ----------
        wanted
            Sets.
        returns
            Whether orders may be negative.

        Returns
        -------
        list
            Of every link, in own units.
        """
        complete, found = self.on_order.copy(), []
        for k, link in enumerate(self.links):
            units = np.where(link.used, wanted + (complete - self.ordered[k]), 0.0)
            units = units if returns else np.maximum(units, 0.0)
            self.ordered[k] += units
            found.append(units)
        return found

    @property
    def owed(self) -> Floats:
        """To everybody."""
        return self.backlog.total(self.shape).sum(axis=0)

    def receive(self, link: int, units: Floats) -> None:
        """Take an arrival over one of the inbound links, in units of its origin."""
        self.waiting[link] += units / self.links[link].quantity
        self.transit_by_link[link] -= units

    def make(self, period: int) -> Floats:
        """Turn what has arrived into stock: complete sets, as many as can be made; returns them."""
        made = self._complete_sets(self.waiting)
        made = np.minimum(made, self.site.production_capacity)
        if self._up is not None:
            made = np.where(self._up[:, period, None], made, 0.0)
        for k, link in enumerate(self.links):
            self.waiting[k] = np.where(link.used, self.waiting[k] - made, 0.0)
            self.ordered[k] -= np.where(link.used, made, 0.0)
        self.on_hand += made
        return made

    def _complete_sets(self, by_link: Sequence[Floats]) -> Floats:
        """As many as the scarcest input allows, in own units by link."""
        sets = [np.where(link.used, own, np.inf) for link, own in zip(self.links, by_link, strict=True)]
        fewest = np.where(self.site.handled, np.min(sets, axis=0), 0.0)
        return np.floor(fewest + 1e-9) if self._world.settings.whole_units else fewest

    def recognise_excess(self, cancelled: Floats) -> Floats:
        """Excess that cancelled orders leave behind, aged; returns what is written off now (reconstructed).

        What was cancelled is excess risk. As far as stock lies above the aim, a share of the risk becomes excess every
        period; risk and excess that the stock no longer holds are gone. Excess that stays long enough is obsolete.
        """
        self.risk += cancelled
        surplus = np.maximum(self.on_hand - np.maximum(self.aim, 0.0), 0.0)
        surplus = np.floor(surplus) if self._world.settings.whole_units else surplus
        self.risk = np.minimum(self.risk, surplus)
        if self.excess is None:
            return np.zeros_like(self.on_hand)
        total = self.excess.sum(axis=0)
        over = np.maximum(total - surplus, 0.0)
        for bucket in self.excess[::-1]:  # the oldest stock is used first
            gone = np.minimum(bucket, over)
            np.subtract(bucket, gone, out=bucket)
            over -= gone
        new = self._world.settings.excess_recognition * self.risk
        new = np.ceil(new) if self._world.settings.whole_units else new
        new = np.minimum(new, np.maximum(surplus - self.excess.sum(axis=0), 0.0))
        obsolete = self.excess[-1].copy()
        self.excess[1:] = self.excess[:-1].copy()
        self.excess[0] = new
        self.risk -= new
        self.on_hand -= obsolete
        return obsolete
