"""The engine: takes events from the queue until the last period, for all products and replications at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from simopt.planning.backlog import Backlog
from simopt.planning.events import Event, EventQueue, Kind
from simopt.planning.forecast import Forecast
from simopt.planning.measures import Measured, Recorder, Series, Total
from simopt.planning.paths import Paths
from simopt.planning.policy import Planner, Policy, Rule, Situation
from simopt.planning.shares import by_pressure
from simopt.planning.site_state import SiteState
from simopt.planning.world import Floats, World

ROUNDING = 1e-9  # units: less is no order
SERVE = {"fcfs": Backlog.serve, "priority": Backlog.serve_in_order, "fair_share": Backlog.serve_fairly}
AGE_WEIGHT = 0.25  # of a period of mean age in the pressure of a product


def planners_of(world: World, paths: Paths) -> tuple[Planner, ...]:
    """What planners believe, biased, one a site."""
    found = []
    for s, site in enumerate(world.sites):
        means, variations = paths.biases(site)
        mean = means * site.mean
        sd = variations * (site.sd / np.where(site.mean > 0.0, site.mean, 1.0)) * mean
        wait = site.review_period - 1
        found.append(Planner(world, site, mean, sd, site.coverage + wait, world.echelon_coverage[s] + wait))
    return tuple(found)


def run(
    world: World, policy: Policy, paths: Paths, *, with_series: bool = False, traced: int | None = None
) -> Measured:
    """Run a policy in a world.

    Parameters
    ----------
    world, policy, paths
        What is run; as many replications as there are paths.
    with_series
        Whether weekly series of every replication are kept.
    traced
        Replication of which every product is kept; None: of none.
    """
    planners = planners_of(world, paths)
    recorder = Recorder(world, paths.count, with_series=with_series, traced=traced)
    return Engine(world, policy.rules(planners), planners, paths, recorder).run()


class Engine:
    """A run: `run` to its end, or period by period with `periods_to_plan`.

    Parameters
    ----------
    world, rules, planners, paths
        What is run, a rule and a planner for every site.
    recorder
        Takes what is measured.
    """

    def __init__(
        self,
        world: World,
        rules: Sequence[Rule],
        planners: Sequence[Planner],
        paths: Paths,
        recorder: Recorder,
    ) -> None:
        self.world, self.rules, self.planners, self.paths = world, rules, planners, paths
        self.settings, self.periods = world.settings, world.case.num_periods
        self.states = [SiteState(world, site, paths.count, paths.capacity_factor(site)) for site in world.sites]
        self.arrivals = [paths.arrivals(link) for link in world.links]
        self.forecasts = [
            Forecast(world, planner.mean, planner.coverage) if rule.needs_signal else None
            for rule, planner in zip(rules, planners, strict=True)
        ]
        self.queue = EventQueue(len(world.sites))
        self.recorder = recorder
        self.place = {n: k for site in world.sites for k, n in enumerate(site.inbound)}
        self.echelon: list[Floats | None] = [None] * len(world.sites)
        self.needs_echelon = any(rule.needs_echelon for rule in rules)
        self.serve = SERVE[world.case.supply.allocation]

    def run(self) -> Measured:
        """Until the queue is empty."""
        for _ in self.periods_to_plan():
            pass
        return self.recorder.measured()

    def periods_to_plan(self) -> Iterator[int]:
        """Every period once its demand has appeared, before the first site plans; what follows runs when it goes on."""
        self._start()
        handlers = {
            Kind.DEMAND: self._demand,
            Kind.PLAN: self._plan,
            Kind.ARRIVAL: self._arrival,
            Kind.SHIP: self._ship,
            Kind.CLOSE: self._close,
        }
        planned = -1
        while self.queue:
            period, event = self.queue.pop()
            if event.kind is Kind.PLAN and period > planned:
                planned = period
                yield period
            handlers[event.kind](period, event)

    def _start(self) -> None:
        for s, (state, rule, planner) in enumerate(zip(self.states, self.rules, self.planners, strict=True)):
            first = np.where(state.site.handled, rule.start(), 0.0)
            state.on_hand += np.rint(first) if self.settings.whole_units else first
            if self.settings.start == "pipeline":
                self._fill_pipeline(s, planner)
            for kind in (Kind.DEMAND, Kind.PLAN, Kind.SHIP, Kind.CLOSE):
                self.queue.push(0, s, Event(kind, s))

    def _fill_pipeline(self, s: int, planner: Planner) -> None:
        """In transit what the planner expects to sell in each period of the lead time; the rest stays on hand."""
        state = self.states[s]
        sale = np.rint(planner.mean) if self.settings.whole_units else planner.mean
        sale = np.where(state.site.handled, sale, 0.0)
        for k, n in enumerate(state.site.inbound):
            link = self.world.links[n]
            for period in range(int(link.lead_time[link.used].max())):
                units = np.where(link.used & (period < link.lead_time), link.quantity * sale, 0.0)
                state.transit_by_link[k] += units
                self.queue.push(period, s, Event(Kind.ARRIVAL, n, units))
        for k, n in enumerate(state.site.inbound):
            state.ordered[k] += np.where(self.world.links[n].used, sale * state.site.coverage, 0.0)
        state.on_hand = np.maximum(state.on_hand - sale * state.site.coverage, 0.0)

    def _again(self, period: int, event: Event) -> None:
        """The same event in the next period."""
        if period + 1 < self.periods:
            self.queue.push(period + 1, event.where, event)

    def _demand(self, period: int, event: Event) -> None:
        """Customers ask."""
        state = self.states[event.where]
        state.week = {}
        if state.site.has_customers:
            own = state.site.customer
            state.asked[-1] = np.where(own >= 0, self.paths.demand[:, period, own], 0.0)
        self._again(period, event)

    def _plan(self, period: int, event: Event) -> None:
        """Take the orders of the period and order upstream."""
        s = event.where
        state, rule, world = self.states[s], self.rules[s], self.world
        inflow = state.asked.sum(axis=0)
        state.backlog.add(period, state.asked)
        state.asked[:] = 0.0
        now = self._situation(period, s, inflow)
        position, ordered = now.position, self._allowed(s, rule.order(now))
        if (state.site.review_period > 1).any():
            ordered = np.where(period % state.site.review_period == 0, ordered, 0.0)
        state.aim = rule.aim(now)
        state.week[Series.ORDERED] = ordered
        for n, own in zip(state.site.inbound, state.order(ordered, returns=self.settings.returns), strict=True):
            link = world.links[n]
            units = own * link.quantity
            if link.origin < 0:
                self._send(period, n, units)
            else:
                supplier = self.states[link.origin]
                supplier.asked[supplier.site.outbound.index(n)] = units
        if self.needs_echelon:
            self.echelon[s] = self._echelon(s, position + ordered)
        state.week[Series.INFLOW] = inflow
        add = self.recorder.add
        add(period, s, Total.INFLOW, inflow)
        add(period, s, Total.ORDERED, ordered)
        add(period, s, Total.ORDERS, (ordered > 0.0).astype(np.float64))
        add(period, s, Total.ORDER_COST, state.site.order_cost * (ordered > 0.0))
        self._again(period, event)

    def _situation(self, period: int, s: int, inflow: Floats) -> Situation:
        state, rule, forecast = self.states[s], self.rules[s], self.forecasts[s]
        owed = state.owed
        signal = None
        if forecast is not None:
            forecast.see(inflow)
            signal = forecast.signal(owed)
        echelon = None
        if rule.needs_echelon:
            echelon = self._echelon(s, state.on_hand + state.on_order - owed)
        return Situation(period, state.on_hand, state.on_order, owed, inflow, signal, echelon)

    def _echelon(self, s: int, position: Floats) -> Floats:
        """Own position and those of all sites below, which have ordered already, in own units."""
        found = position
        for n in self.world.sites[s].outbound:
            link = self.world.links[n]
            below = self.echelon[link.destination]
            if below is not None:
                found = found + np.where(link.used, link.quantity * below, 0.0)
        return found

    def _allowed(self, s: int, wanted: Floats) -> Floats:
        """The order with floors, lots and rounding."""
        site = self.world.sites[s]
        wanted = np.where(site.handled, wanted, 0.0)
        if self.settings.returns:
            return wanted
        wanted = np.rint(wanted) if self.settings.whole_units else wanted
        wanted = np.where(wanted > ROUNDING, wanted, 0.0)
        some = wanted > 0.0
        if (site.min_order > 0.0).any():
            wanted = np.where(some, np.maximum(wanted, site.min_order), wanted)
        if (site.lot_size > 0.0).any():
            lot = np.where(site.lot_size > 0.0, site.lot_size, 1.0)
            wanted = np.where(site.lot_size > 0.0, np.ceil(wanted / lot - 1e-9) * lot, wanted)
        return wanted

    def _send(self, period: int, n: int, units: Floats) -> None:
        """Put goods on a link; they arrive when its lead time, delays and outages say."""
        link = self.world.links[n]
        destination = self.states[link.destination]
        destination.transit_by_link[self.place[n]] += units
        known = self.arrivals[n]
        dates = period + link.lead_time[None] if known is None else known[:, period]
        for date in np.unique(dates[:, link.used] if dates.shape[1] > 1 else dates):
            if date < self.periods:
                arriving = np.where(dates == date, units, 0.0)
                if arriving.any():
                    self.queue.push(int(date), link.destination, Event(Kind.ARRIVAL, n, arriving))

    def _arrival(self, _: int, event: Event) -> None:
        """Goods reach a site."""
        link = self.world.links[event.where]
        assert event.units is not None
        self.states[link.destination].receive(self.place[event.where], event.units)

    def _ship(self, period: int, event: Event) -> None:
        """Make stock of what has arrived and serve whom goods are owed."""
        s = event.where
        state, world = self.states[s], self.world
        made = state.make(period)
        available = np.maximum(state.on_hand, 0.0)  # rounding may leave a little less than nothing
        if state.site.family_capacity is not None:
            available = self._within_capacity(period, s, available)
        before = state.backlog.buckets[-1].units[-1] if self._asked_now(period, s) else None
        before = None if before is None else before.copy()
        sent = self.serve(state.backlog, available, state.shape)
        shipped = sent.sum(axis=0)
        state.on_hand = state.on_hand - shipped
        add = self.recorder.add
        add(period, s, Total.PRODUCTION_COST, state.site.unit_cost * made)
        for k, n in enumerate(state.site.outbound):
            self._send(period, n, sent[k])
            add(period, world.links[n].destination, Total.TRANSPORT_COST, world.links[n].unit_cost * sent[k])
        state.week |= {Series.SHIPPED: shipped, Series.MADE: made}
        state.week[Series.MET_AT_ONCE] = np.zeros_like(shipped)
        add(period, s, Total.SHIPPED, shipped)
        if state.site.has_customers:
            add(period, s, Total.DELIVERED, sent[-1])
            if before is not None:
                met = before - state.backlog.buckets[-1].units[-1]
                state.week[Series.MET_AT_ONCE] = met
                add(period, s, Total.DEMANDED, before)
                add(period, s, Total.MET_AT_ONCE, met)
        self._again(period, event)

    def _asked_now(self, period: int, s: int) -> bool:
        """Whether the newest orders include customers' of this period."""
        state = self.states[s]
        newest = state.backlog.buckets[-1:]
        return state.site.has_customers and bool(newest) and newest[0].period == period

    def _within_capacity(self, period: int, s: int, available: Floats) -> Floats:
        """What may go out: every family's capacity, shared over its products by their pressure."""
        state, site = self.states[s], self.world.sites[s]
        units, age, due = state.backlog.serviceable(period, available)
        pressure = units * (1.0 + AGE_WEIGHT * age) + due
        found = available.copy()
        assert site.family_capacity is not None
        for f, members in enumerate(state.family_members):
            if site.family_capacity[f] < np.inf and len(members):
                capacity = np.full(self.paths.count, site.family_capacity[f])
                whole = self.settings.whole_units
                found[:, members] = by_pressure(units[:, members], pressure[:, members], capacity, whole=whole)
        return found

    def _close(self, period: int, event: Event) -> None:
        """Age what is owed, let go what has waited too long, and charge the state at the end of the period."""
        s = event.where
        state, add = self.states[s], self.recorder.add
        lost = self._lose(period, s)
        cancelled = self._cancel(period, s)
        state.backlog.drop_empty()
        obsolete = state.recognise_excess(cancelled)
        own = state.backlog.total(state.shape)
        state.week |= {Series.ON_HAND: state.on_hand, Series.BACKLOG: own.sum(axis=0), Series.GONE: lost + cancelled}
        add(period, s, Total.LOST, lost)
        add(period, s, Total.LOST_SALE_COST, state.site.lost_sale_cost * lost)
        add(period, s, Total.CANCELLED, cancelled)
        add(period, s, Total.CANCELLATION_COST, state.site.cancellation_cost * cancelled)
        add(period, s, Total.OBSOLETE, obsolete)
        add(period, s, Total.OBSOLESCENCE_COST, state.site.obsolescence_cost * obsolete)
        self._charge(period, s, own)
        self.recorder.close(period, s, state.week, state.week[Series.BACKLOG])
        self._again(period, event)

    def _lose(self, period: int, s: int) -> Floats:
        state = self.states[s]
        if (
            not state.site.has_customers
            or not np.isfinite(self.world.service_window).any()
            or not state.backlog.buckets
        ):
            return np.zeros_like(state.on_hand)
        return state.backlog.lose(period, -1, self.world.service_window)

    def _cancel(self, period: int, s: int) -> Floats:
        """Orders of other sites that are cancelled; they no longer count as ordered there."""
        state = self.states[s]
        if not state.cancellable.any() or not state.backlog.buckets:
            return np.zeros_like(state.on_hand)
        gone = self._refuse_orders(period, state) + self._cancel_at_random(period, state)
        for k, n in enumerate(state.site.outbound):
            link = self.world.links[n]
            self.states[link.destination].ordered[self.place[n]] -= gone[k] / link.quantity
        return gone.sum(axis=0)

    def _refuse_orders(self, period: int, state: SiteState) -> Floats:
        """Orders that have waited longer than orders may, shape (customer, replication, product)."""
        gone = np.zeros(state.shape)
        if self.settings.order_window is not None:
            window = np.full(self.world.num_products, float(self.settings.order_window))
            for k in range(len(state.site.outbound)):
                gone[k] = state.backlog.lose(period, k, window)
        return gone

    def _cancel_at_random(self, period: int, state: SiteState) -> Floats:
        settings = self.settings
        if settings.cancellation_rate == 0.0:
            return np.zeros(state.shape)

        def hazard(age: int) -> Floats:
            return settings.cancellation_rate * self.world.caution * max(0, age - settings.grace)

        def patience(num_ages: int) -> Floats:
            return self.paths.patience(state.site, period, num_ages, state.num_customers)

        return state.backlog.cancel(period, state.cancellable, hazard, patience)

    def _charge(self, period: int, s: int, owed: Floats) -> None:
        """Costs of stock, backlog and goods on the way to the site."""
        if period < self.world.case.warm_up:
            return
        state, add = self.states[s], self.recorder.add
        site, on_hand = state.site, state.on_hand
        linear, quadratic, capacity, overflow, backorder = site.rates
        holding = (linear + quadratic * on_hand) * on_hand + overflow * np.maximum(on_hand - capacity, 0.0)
        add(period, s, Total.HOLDING_COST, holding)
        if site.storage_overflow > 0.0:
            over = np.maximum(on_hand @ site.unit_size - site.storage_capacity, 0.0)
            add(period, s, Total.HOLDING_COST, (site.storage_overflow * over)[:, None])
        backlog = owed.sum(axis=0)
        add(period, s, Total.BACKLOG_COST, backorder * backlog)
        add(period, s, Total.ON_HAND, on_hand)
        add(period, s, Total.BACKLOG, backlog)
        if site.has_customers:
            add(period, s, Total.CUSTOMER_BACKLOG, owed[-1])
            clear = (owed[-1] <= 1e-9).astype(np.float64) * (site.customer >= 0)
            add(period, s, Total.CLEAR, clear)
        for k, link in enumerate(state.links):
            if link.pipeline_cost.any():
                add(period, s, Total.PIPELINE_COST, link.pipeline_cost * state.transit_by_link[k])
            if state.is_made and link.waiting_cost.any():
                add(period, s, Total.HOLDING_COST, link.waiting_cost * link.quantity * state.waiting[k])
            add(period, s, Total.IN_TRANSIT, state.transit_by_link[k] / link.quantity)
