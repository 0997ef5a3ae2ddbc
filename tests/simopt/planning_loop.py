"""A planning world in plain Python: one replication, one number at a time, written from the document's formulas.

Independent of the engine: no arrays over products or replications, no queue, a dictionary a stocking point. It is told
the same demand, arrival dates, outages, mistakes of planners and fates of orders.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from math import ceil, comb, exp, floor, sqrt
from statistics import NormalDist


@dataclass
class Point:
    """A product at a site."""

    on_hand: float = 0.0
    ordered: dict = field(default_factory=lambda: defaultdict(float))
    owed: dict = field(default_factory=dict)  # (customer, period) -> units
    waiting: dict = field(default_factory=lambda: defaultdict(float))
    transit: dict = field(default_factory=lambda: defaultdict(float))
    level: float = 0.0
    size: float = 0.0
    interval: float = 1.0
    since: float = 1.0
    published: list = field(default_factory=list)
    recent: list = field(default_factory=list)
    risk: float = 0.0
    excess: list = field(default_factory=list)
    aim: float = 0.0


class Loop:
    """See the module; `policy` is (name, z, review, levels)."""

    def __init__(self, world, policy, paths, r):
        self.w, self.s, self.r = world, world.settings, r
        self.name, self.z, self.review, self.levels = policy
        self.paths, self.demand = paths, paths.demand[r]
        self.T, self.K = world.case.num_periods, world.num_products
        self.arrive = [paths.arrivals(link) for link in world.links]
        self.up = [paths.capacity_factor(site) for site in world.sites]
        self.bias = [paths.biases(site) for site in world.sites]
        self.coming = defaultdict(float)  # (period, link, product)
        self.points = {(s, k): Point() for s in range(len(world.sites)) for k in range(self.K) if self.handles(s, k)}
        self.totals = defaultdict(float)
        self.orders, self.inflows = defaultdict(float), defaultdict(float)  # by period, site, family

    def handles(self, s, k):
        return bool(self.w.sites[s].handled[k])

    # what the planner believes
    def mean(self, s, k):
        return self.bias[s][0][self.r, k] * self.w.sites[s].mean[k]

    def sd(self, s, k):
        site = self.w.sites[s]
        return self.bias[s][1][self.r, k] * site.sd[k] / site.mean[k] * self.mean(s, k) if site.mean[k] > 0 else 0.0

    def lead(self, s, k):
        site = self.w.sites[s]
        longest = max(int(self.w.links[n].lead_time[k]) for n in site.inbound if self.w.links[n].used[k])
        return longest + int(site.review_period[k]) - 1

    def kappa(self, k):
        return {"smooth": 1.0, "seasonal": 1.1, "erratic": 1.25, "intermittent": 1.4}[self.w.pattern[k]]

    def safety(self, s, k, periods):
        return self.z * self.kappa(k) * self.sd(s, k) * sqrt(periods)

    def up_to(self, s, k, periods):
        return max(0.0, self.mean(s, k) * periods + self.safety(s, k, periods))

    def eoq(self, s, k):
        site = self.w.sites[s]
        holding = site.rates[0][k]
        return sqrt(2 * self.mean(s, k) * site.order_cost[k] / (holding if holding > 0 else 1.0))

    def below(self, s, k):
        return [n for n in self.w.sites[s].outbound if self.w.links[n].used[k]]

    def echelon_periods(self, s, k):
        def down(site):
            return max(
                [int(self.w.links[n].lead_time[k]) + down(self.w.links[n].destination) for n in self.below(site, k)],
                default=0,
            )

        return self.lead(s, k) + down(s)

    def lot(self, s, k):
        least = 1.0 if self.s.whole_units else max(self.mean(s, k), 1e-9)
        lot = max(self.w.sites[s].min_order[k], least, self.eoq(s, k))
        return float(round(lot)) if self.s.whole_units else lot

    def reviews(self, s, k):
        own = int(self.w.sites[s].review_period[k])
        return ceil(self.review / own) * own

    def target(self, s, k):
        """Of policies whose target does not move."""
        if self.name == "levels":
            level = self.levels[self.w.node_names[s, k]]
            return float(round(level)) if self.s.whole_units else level
        point = self.up_to(s, k, self.lead(s, k))
        if self.name == "sS":
            return point + max(self.eoq(s, k), self.mean(s, k))
        if self.name == "RQ":
            return point + self.lot(s, k)
        if self.name == "RS":
            return self.up_to(s, k, self.lead(s, k) - int(self.w.sites[s].review_period[k]) + self.reviews(s, k))
        if self.name == "echelon":
            return self.up_to(s, k, self.echelon_periods(s, k))
        return None

    def first_stock(self, s, k):
        if self.name == "dynamic":
            return max(0.0, self.mean(s, k) * self.lead(s, k) + self.safety(s, k, self.lead(s, k)))
        if self.name == "echelon":
            own = self.target(s, k)
            for n in self.below(s, k):
                own -= self.w.links[n].quantity[k] * self.target(self.w.links[n].destination, k)
            return max(own, 0.0)
        return self.target(s, k)

    # a run
    def run(self):
        for (s, k), p in self.points.items():
            p.on_hand = self.first_stock(s, k)
            if self.s.whole_units:
                p.on_hand = float(round(p.on_hand))
            p.level = p.size = self.mean(s, k)
            ahead = max(
                [1, *(int(i) + 1 for i, _ in self.s.publication)]
                + [self.lead(s, j) for j in range(self.K) if self.handles(s, j)]
            )
            p.published, p.recent = [self.mean(s, k)] * (ahead + 1), [self.mean(s, k)] * 3
            p.excess = [0.0] * (self.s.obsolete_after or 0)
            if self.s.start == "pipeline":
                self.fill(s, k, p)
        for t in range(self.T):
            self.week(t)
        return self

    def fill(self, s, k, p):
        sale = float(round(self.mean(s, k))) if self.s.whole_units else self.mean(s, k)
        longest = 0
        for n in self.w.sites[s].inbound:
            link = self.w.links[n]
            if link.used[k]:
                longest = max(longest, int(link.lead_time[k]))
                for t in range(int(link.lead_time[k])):
                    self.coming[t, n, k] += sale * link.quantity[k]
                    p.transit[n] += sale * link.quantity[k]
        for n in self.w.sites[s].inbound:
            if self.w.links[n].used[k]:
                p.ordered[n] += sale * longest
        p.on_hand = max(0.0, p.on_hand - sale * longest)

    def week(self, t):
        asked = defaultdict(float)
        for s, k in self.points:
            if self.w.sites[s].customer[k] >= 0:
                asked[s, k, "own"] = self.demand[t, self.w.sites[s].customer[k]]
        position = {}
        for s, k in sorted(self.points, reverse=True):
            self.plan(t, s, k, asked, position)
        for s in range(len(self.w.sites)):
            self.receive(t, s)
            self.make(t, s)
            self.ship(t, s)
        for s in range(len(self.w.sites)):
            self.close(t, s)

    def receive(self, t, s):
        for n in self.w.sites[s].inbound:
            for k in range(self.K):
                units = self.coming.pop((t, n, k), 0.0)
                if units:
                    self.points[s, k].waiting[n] += units
                    self.points[s, k].transit[n] -= units

    def add(self, t, s, what, units):
        if t >= self.w.case.warm_up:
            self.totals[s, what] += units

    def plan(self, t, s, k, asked, position):
        p, site = self.points[s, k], self.w.sites[s]
        inflow = 0.0
        for customer in [*self.below(s, k), "own"]:
            units = asked.pop((s, k, customer), 0.0)
            inflow += units
            if units:
                p.owed[customer, t] = units
        backlog = sum(p.owed.values())
        on_order = min(p.ordered[n] for n in site.inbound if self.w.links[n].used[k])
        if self.s.whole_units:
            on_order = float(floor(on_order + 1e-9))
        ip = p.on_hand + on_order - backlog
        q, p.aim = self.decide(t, s, k, p, inflow, backlog, ip, position)
        q = self.allowed(t, site, k, q)
        position[s, k] = (
            ip
            + q
            + sum(self.w.links[n].quantity[k] * position[self.w.links[n].destination, k] for n in self.below(s, k))
        )
        self.add(t, s, "inflow", inflow)
        self.add(t, s, "ordered", q)
        self.add(t, s, "orders", float(q > 0))
        self.add(t, s, "order_cost", site.order_cost[k] * (q > 0))
        self.orders[t, s, int(self.w.family[k])] += q
        self.inflows[t, s, int(self.w.family[k])] += inflow
        for n in site.inbound:
            link = self.w.links[n]
            if link.used[k]:
                units = max(0.0, q + on_order - p.ordered[n])
                p.ordered[n] += units
                if link.origin < 0:
                    self.send(t, n, k, units * link.quantity[k])
                else:
                    asked[link.origin, k, n] += units * link.quantity[k]

    def decide(self, t, s, k, p, inflow, backlog, ip, position):
        if self.name == "dynamic":
            target = self.signal(s, k, p, inflow, backlog) * self.lead(s, k) + self.safety(s, k, self.lead(s, k))
            return target - (ip + backlog - self.s.backlog_weight * backlog), target
        target = self.target(s, k)
        if self.name == "echelon":
            whole = ip + sum(
                self.w.links[n].quantity[k] * position[self.w.links[n].destination, k] for n in self.below(s, k)
            )
            return target - whole, ip + target - whole
        if self.name in ("sS", "RQ"):
            point = self.up_to(s, k, self.lead(s, k))
            if ip >= point - 1e-9:
                return 0.0, target
            lot = self.lot(s, k)
            return (target - ip if self.name == "sS" else ceil((point - ip) / lot) * lot), target
        if self.name == "RS" and t % self.reviews(s, k):
            return 0.0, target
        return target - ip, target

    def signal(self, s, k, p, inflow, backlog):
        a = self.s.smoothing
        if self.w.pattern[k] == "intermittent":
            if inflow > 0:
                p.size = a * inflow + (1 - a) * p.size
                p.interval = a * p.since + (1 - a) * p.interval
                p.since = 1.0
            else:
                p.since += 1.0
            p.level = (1 - a / 2) * p.size / p.interval
        else:
            p.level = a * inflow + (1 - a) * p.level
        p.recent = [*p.recent[1:], inflow]
        base = p.level
        if self.s.publication:
            shifted = [*p.published[1:], p.published[-1]]
            for i, own in enumerate(shifted):
                freedom = next((share for ahead, share in self.s.publication if i <= ahead), None)
                change = p.level - own
                if freedom is not None:
                    change = max(-freedom * own, min(freedom * own, change))
                shifted[i] = own + change
            p.published = shifted
            window = max(1, min(self.lead(s, k), len(shifted) - 1))
            base = sum(shifted[1 : window + 1]) / window
        w = self.s.recent_weight
        return (1 - w) * base + w * sum(p.recent) / 3 + self.s.backlog_pressure * sqrt(max(backlog, 0.0))

    def allowed(self, t, site, k, q):
        if self.s.whole_units:
            q = float(round(q))
        if q <= 1e-9:
            return 0.0
        if q > 0:
            q = max(q, site.min_order[k])
        if site.lot_size[k] > 0:
            q = ceil(q / site.lot_size[k] - 1e-9) * site.lot_size[k]
        return q if t % int(site.review_period[k]) == 0 else 0.0

    def send(self, t, n, k, units):
        link = self.w.links[n]
        date = t + int(link.lead_time[k])
        if self.arrive[n] is not None:
            rows = self.arrive[n][self.r, t]
            date = int(rows[k if len(rows) > 1 else 0])
        self.points[link.destination, k].transit[n] += units
        self.coming[date, n, k] += units

    def make(self, t, s):
        site = self.w.sites[s]
        for k in range(self.K):
            if not self.handles(s, k):
                continue
            p = self.points[s, k]
            used = [n for n in site.inbound if self.w.links[n].used[k]]
            made = min(p.waiting[n] / self.w.links[n].quantity[k] for n in used)
            if self.s.whole_units:
                made = float(floor(made + 1e-9))
            made = min(made, site.production_capacity[k])
            if self.up[s] is not None and not self.up[s][self.r, t]:
                made = 0.0
            for n in used:
                p.waiting[n] -= made * self.w.links[n].quantity[k]
            p.on_hand += made
            for n in used:
                p.ordered[n] -= made
            self.add(t, s, "production_cost", site.unit_cost[k] * made)

    def ship(self, t, s):
        site = self.w.sites[s]
        limit = {k: self.points[s, k].on_hand for k in range(self.K) if self.handles(s, k)}
        if site.family_capacity is not None:
            for f, capacity in enumerate(site.family_capacity):
                members = [k for k in limit if self.w.family[k] == f]
                limit |= self.allocate(t, s, members, capacity)
        for k, available in limit.items():
            p = self.points[s, k]
            asked_now = p.owed.get(("own", t), 0.0)
            sent = self.serve(p, available)
            p.on_hand -= sum(sent.values())
            for n in self.below(s, k):
                self.send(t, n, k, sent.get(n, 0.0))
                destination = self.w.links[n].destination
                self.add(t, destination, "transport_cost", self.w.links[n].unit_cost[k] * sent.get(n, 0.0))
            self.add(t, s, "shipped", sum(sent.values()))
            self.add(t, s, "delivered", sent.get("own", 0.0))
            self.add(t, s, "demanded", asked_now)
            self.add(t, s, "met_at_once", asked_now - p.owed.get(("own", t), 0.0))

    def allocate(self, t, s, members, capacity):
        wanted, pressure = {}, {}
        for k in members:
            p = self.points[s, k]
            left, units, aged, due = p.on_hand, 0.0, 0.0, 0.0
            for period in sorted({period for _, period in p.owed}):
                here = min(sum(u for (_, at), u in p.owed.items() if at == period), left)
                left -= here
                units += here
                aged += here * (t - period)
                due += here if period < t else 0.0
            wanted[k], pressure[k] = units, units * (1 + 0.25 * (aged / units if units else 0.0)) + due
        given = dict.fromkeys(members, 0.0)
        if sum(wanted.values()) <= capacity:
            return wanted
        left = capacity
        while left > 1e-9 and any(wanted[k] - given[k] > 1e-9 for k in members):
            weight = {k: pressure[k] if wanted[k] - given[k] > 0 else 0.0 for k in members}
            part = {k: weight[k] * left / sum(weight.values()) for k in members}
            if self.s.whole_units:
                part = self.round_up_largest(part, left)
            for k in members:
                units = min(part[k], wanted[k] - given[k])
                given[k] += units
                left -= units
        return given

    @staticmethod
    def round_up_largest(part, total):
        lower = {k: float(floor(value + 1e-9)) for k, value in part.items()}
        missing = total - sum(lower.values())
        by_remainder = sorted(part, key=lambda k: -round(part[k] - lower[k], 9))
        return {k: lower[k] + (by_remainder.index(k) < missing) for k in part}

    def serve(self, p, available):
        sent = defaultdict(float)
        for period in sorted({period for _, period in p.owed}):
            claims = {c: u for (c, at), u in p.owed.items() if at == period}
            claims = {c: claims[c] for c in sorted(claims, key=lambda c: (c == "own", c if c != "own" else 0))}
            total = sum(claims.values())
            parts = dict(claims)
            if available < total:
                parts = {c: u * available / total for c, u in claims.items()}
                if self.s.whole_units and len(claims) > 1:
                    parts = self.round_up_largest(parts, available)
                elif len(claims) == 1:
                    parts = dict.fromkeys(claims, available)
            for c, units in parts.items():
                sent[c] += units
                available -= units
                p.owed[c, period] -= units
                if p.owed[c, period] <= 1e-12:
                    del p.owed[c, period]
        return sent

    def close(self, t, s):
        site, space = self.w.sites[s], 0.0
        fates = {}
        for k in range(self.K):
            if not self.handles(s, k):
                continue
            p = self.points[s, k]
            lost, cancelled = self.let_go(t, s, k, fates)
            obsolete = self.age_excess(p, cancelled)
            self.charge(t, s, k, p, lost, cancelled, obsolete)
            space += p.on_hand * site.unit_size[k]
        if site.storage_overflow > 0:
            self.add(t, s, "holding_cost", site.storage_overflow * max(0.0, space - site.storage_capacity))

    def let_go(self, t, s, k, fates):
        p, lost, cancelled = self.points[s, k], 0.0, 0.0
        for (customer, period), units in list(p.owed.items()):
            age = t - period + 1
            if customer == "own":
                if age > self.w.service_window[k]:
                    lost += units
                    del p.owed[customer, period]
                continue
            hazard = self.s.cancellation_rate * self.kappa(k) * max(0, age - self.s.grace)
            gone = units
            if self.s.order_window is None or age <= self.s.order_window:
                if hazard <= 0:
                    continue
                gone = self.fate(fates, t, s, k, customer, age, units, min(0.95, 1 - exp(-hazard)))
            cancelled += gone
            p.owed[customer, period] -= gone
            if p.owed[customer, period] <= 1e-12:
                del p.owed[customer, period]
            link = self.w.links[customer]
            self.points[link.destination, k].ordered[customer] -= gone / link.quantity[k]
        return lost, cancelled

    def fate(self, fates, t, s, k, customer, age, units, chance):
        if not self.s.whole_units:
            return units * chance
        site = self.w.sites[s]
        if s not in fates:
            customers = len(site.outbound) + int(site.has_customers)
            fates[s] = self.paths.patience(site, t, self.T + 2, customers)
        u = fates[s][age, site.outbound.index(customer), self.r, k]
        number, below, n = 0, 0.0, round(units)
        while True:
            below += comb(n, number) * chance**number * (1 - chance) ** (n - number)
            if below >= u or number == n:
                return float(number)
            number += 1

    def age_excess(self, p, cancelled):
        surplus = max(0.0, p.on_hand - max(p.aim, 0.0))
        surplus = float(floor(surplus)) if self.s.whole_units else surplus
        p.risk = min(p.risk + cancelled, surplus)
        if not self.s.obsolete_after:
            return 0.0
        over = max(0.0, sum(p.excess) - surplus)
        for i in reversed(range(len(p.excess))):
            gone = min(p.excess[i], over)
            p.excess[i] -= gone
            over -= gone
        new = self.s.excess_recognition * p.risk
        new = float(ceil(new)) if self.s.whole_units else new
        new = min(new, max(0.0, surplus - sum(p.excess)))
        obsolete = p.excess[-1]
        p.excess = [new, *p.excess[:-1]]
        p.risk -= new
        p.on_hand -= obsolete
        return obsolete

    def charge(self, t, s, k, p, lost, cancelled, obsolete):
        site, owed = self.w.sites[s], sum(p.owed.values())
        own = sum(units for (customer, _), units in p.owed.items() if customer == "own")
        h, g, capacity, overflow, b = (float(rate[k]) for rate in site.rates)
        self.add(t, s, "holding_cost", h * p.on_hand + g * p.on_hand**2 + overflow * max(0.0, p.on_hand - capacity))
        self.add(t, s, "backlog_cost", b * owed)
        self.add(t, s, "lost", lost)
        self.add(t, s, "lost_sale_cost", site.lost_sale_cost[k] * lost)
        self.add(t, s, "cancelled", cancelled)
        self.add(t, s, "cancellation_cost", site.cancellation_cost[k] * cancelled)
        self.add(t, s, "obsolete", obsolete)
        self.add(t, s, "obsolescence_cost", site.obsolescence_cost[k] * obsolete)
        self.add(t, s, "on_hand", p.on_hand)
        self.add(t, s, "backlog", owed)
        self.add(t, s, "customer_backlog", own)
        if site.customer[k] >= 0:
            self.add(t, s, "clear", float(own <= 1e-9))
        for n in site.inbound:
            link = self.w.links[n]
            if link.used[k]:
                self.add(t, s, "pipeline_cost", link.pipeline_cost[k] * p.transit[n])
                self.add(t, s, "in_transit", p.transit[n] / link.quantity[k])
                self.add(t, s, "holding_cost", link.waiting_cost[k] * p.waiting[n])


def factor(service_level):
    """z."""
    return NormalDist().inv_cdf(service_level)
