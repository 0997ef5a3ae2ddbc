"""The echelon bound of a component, as price cuts (MODEL: free inner backorders, the echelon bound).

Follow a period's stock through a component: the source has seen the demand of its lead time, ships to the nodes below,
they see theirs, and so on (Clark & Scarf 1960; allocation relaxation: Federgruen & Zipkin 1984). Let Y_j be the sum of
the base-stock levels of node j and all below it, y_j what of it has been shipped to j and below, x_j = y_j - W_j what
is there once j's lead time is over, and o_j the stock on hand at j. Backorders that supplier i owes j are Y_j - y_j, so

    min  E Σ_i ( H_i(o_i) + b_i·Σ_{j below i} (Y_j - y_j) ) + Σ_leaves c(x)
    s.t. o_i ≥ 0,   o_i + Σ_j y_j = x_i,   y_j ≤ Y_j,   Σ_j Y_j ≤ Y_i

costs no more than any base-stock policy: it only ignores that stock is rationed first come, first served. Its
Lagrangian dual is linear in the customers served. Let the price λ_i be random with what is known when i ships, and what
i passes on to j be τ_j; at the source, τ is a constant. A component costs at least, money per period,

    Σ_paths z_path·( Σ_{i on path} E[λ_i·W_c(L_i)] + E φ_leaf(τ_leaf) ) - Σ_i E H*_i(-λ_i)

for any prices with  E[λ_i | known to its supplier] = τ_i,  τ_j ≥ λ_i - b_i,  E τ_leaf = 0,  E τ_i ≤ 0,
where φ_leaf(l) = min_y E c(y - W) + l·y, H* is the convex conjugate (0 for linear holding and λ ≥ -h), and z_path the
share of customer c served over a path from the source. With b_i ≥ λ_i everywhere τ = 0 will do, and the bound is the
single-stage one; with b = 0 it is the echelon bound of the textbooks. An inner node's own customers are a leaf without
stock whose backorders cost b_i, so λ_i ≤ b_i there.

Validity does not depend on how good the prices are. They come from a coarse dynamic programme at a reference z: demand
is cut into cells, prices live on a grid, and a price between two grid points is split between them at random in the
proportion that keeps its mean; as φ is concave and H* convex this only lowers the bound.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf, sqrt

import numpy as np

from design.case import Case
from design.demand import Floats
from design.demand_cells import DemandCells
from design.echelon_tables import CostRates, LeafCost, LeafTable, PriceRange, StockTable, lowest_stock_price, price_grid
from design.lead_time_demand import GridDistribution, lead_time_demand
from design.service_stage import charged_leaf
from design.stages import Path, Stage

NUM_PRICES = 128
MAX_PASSES = 4
NUM_POSITIONS = 200
ROUNDING = 1e-12


@dataclass(frozen=True, eq=False)
class PriceCut:
    """A component of the source costs at least per_path·z - per_stage·(stage used), money per period.

    Parameters
    ----------
    per_path
        For each path to a customer.
    per_stage
        For each inner stage, at least 0; stages at 0 are left out.
    """

    per_path: Mapping[Path, float]
    per_stage: Mapping[Path, float]

    def value(self, shares: Mapping[Path, float]) -> float:
        """The bound where customers are served in these shares, money per period."""
        used = {path[:k] for path, share in shares.items() if share > 0.0 for k in range(1, len(path) + 1)}
        credited = sum(credit for path, credit in self.per_stage.items() if path in used)
        return sum(self.per_path[path] * share for path, share in shares.items()) - credited


class DemandTables:
    """Lead-time demands of customers and costs of leaves, each computed once for all sources.

    Parameters
    ----------
    case
        Network, demand, cost rates.
    """

    def __init__(self, case: Case) -> None:
        self.case = case
        self._demands: dict[tuple[str, int], GridDistribution] = {}
        self._leaf_costs: dict[tuple[str, int], LeafCost] = {}

    def demand(self, customer: str, periods: int) -> GridDistribution:
        """Distribution of a customer's demand over some periods."""
        key = (customer, periods)
        if key not in self._demands:
            self._demands[key] = lead_time_demand(self.case.demand[customer], periods)
        return self._demands[key]

    def leaf_cost(self, customer: str, periods: int) -> LeafCost:
        """Cost curve of a leaf that is supplied with this lead time."""
        key = (customer, periods)
        if key not in self._leaf_costs:
            rates, target = self.case.charged.node(customer).cost_rates, self.case.service_targets.get(customer)
            charged = None if target is None else charged_leaf(rates, self.case.demand[customer], periods, target)
            self._leaf_costs[key] = charged or LeafCost.of(rates, self.demand(customer, periods))
        return self._leaf_costs[key]


class EchelonPrices:
    """Price cuts of one source's components.

    Parameters
    ----------
    shared
        Demands and leaves of the case.
    root
        The source's stage tree; the source supplies others.
    """

    def __init__(self, shared: DemandTables, root: Stage) -> None:
        self.root = root
        self._shared = shared
        leaves = {leaf.path: leaf.key for stage in root.inner() for leaf in stage.below if not leaf.below}
        ends = {path: shared.leaf_cost(*key).prices for path, key in leaves.items()}
        self._wide, self._safe = self._ranges(ends, safe=False), self._ranges(ends, safe=True)
        both = [*self._wide.values(), *self._safe.values()]
        self.prices = price_grid({end for r in both for end in (r.lowest, r.highest)}, NUM_PRICES)
        self._leaves = {key: shared.leaf_cost(*key).tabulate(self.prices) for key in set(leaves.values())}
        self.stocks = {stage.path: StockTable.of(self.rates(stage), self.prices) for stage in root.inner()}

    def rates(self, stage: Stage) -> CostRates:
        """Cost rates of a stage's node."""
        return self._shared.case.charged.node(stage.name).cost_rates

    def leaf(self, stage: Stage) -> LeafTable:
        """A leaf at each grid price."""
        return self._leaves[stage.key]

    def demand(self, customer: str, periods: int) -> GridDistribution:
        """Distribution of a customer's demand over some periods."""
        return self._shared.demand(customer, periods)

    def cut(self, shares: Mapping[Path, float]) -> PriceCut:
        """The best price cut found whose prices are made for a reference.

        Parameters
        ----------
        shares
            Share of each customer served over each path from the source, in [0, 1]; paths at 0 may be left out. At
            least one customer is served.
        """
        cells = {stage.path: part for stage in self.root.inner() if (part := self._cells(stage, shares)) is not None}
        best, best_value = None, -inf
        least: Mapping[Path, float] = {}
        ranges = self._wide
        for _ in range(MAX_PASSES):
            programme = _Pass(self, shares, cells, least, ranges)
            found = programme.run()
            least = programme.found
            if found is None:
                ranges = self._safe
                continue
            value = found.value(shares)
            if best is not None and value <= best_value + 1e-4 * abs(best_value):
                break
            best, best_value = found, value
        return best or self._unpriced()

    def _unpriced(self) -> PriceCut:
        """The cut of no prices at all, valid whatever rounding does: every leaf by itself, never short of supply."""
        leaves = {leaf.path: self.leaf(leaf) for stage in self.root.inner() for leaf in stage.below if not leaf.below}
        zero = int(np.searchsorted(self.prices, 0.0))
        paths = self.root.service_paths()
        return PriceCut({path: float(leaves[path].costs[zero]) if path in leaves else 0.0 for path in paths}, {})

    def _ranges(self, ends: Mapping[Path, PriceRange], *, safe: bool) -> dict[Path, PriceRange]:
        """Prices of each stage at which neither its own stock nor a stage below would be an endless gain.

        A stage whose backorders cost something may have a lower price than one below can bear, as it passes on prices
        that are cut off from below; valid prices exist for certain only in the safe ranges.
        """
        ranges = dict(ends)
        for stage in reversed(list(self.root.inner())):
            backorder = self.rates(stage)[4]
            below = [ranges[child.path] for child in stage.below]
            lowest = max(lowest_stock_price(self.rates(stage)), self._sensible_price(stage))
            if safe or backorder == 0.0:
                lowest = max(lowest, *(r.lowest for r in below))
            highest = min(r.highest for r in below) + backorder
            ranges[stage.path] = PriceRange(lowest, min(highest, backorder) if stage.serves_customers else highest)
        return ranges

    def _sensible_price(self, stage: Stage) -> float:
        """What a unit costs on top of six deviations of all demand that a stage can see; finite unlike its range."""
        h, g, capacity, overflow, _ = self.rates(stage)
        customers = {path[-1] for path in stage.service_paths()}
        variance = sum(self._shared.case.demand[c].standard_deviation ** 2 for c in customers)
        spread = 6.0 * sqrt(max(stage.lead_time, 1) * variance)
        return -(h + 2.0 * g * spread + (overflow if capacity < inf else 0.0))

    def _cells(self, stage: Stage, shares: Mapping[Path, float]) -> DemandCells | None:
        """Cells of the reference demand on a stage, None where it serves nobody."""
        served: dict[str, float] = {}
        for path in stage.service_paths():
            if shares.get(path, 0.0) > 0.0:
                served[path[-1]] = served.get(path[-1], 0.0) + shares[path]
        if not served:
            return None
        return DemandCells.of({c: self.demand(c, stage.lead_time) for c in served}, served)


class _Pass:
    """One pass of the programme: positions from the leaves up, then prices and what they charge from the source down.

    Parameters
    ----------
    tables
        Leaves and stocks at each grid price.
    shares, cells
        The reference and its demand cells.
    least
        Least price passed on to each stage, as the pass before found it; 0 where there was none.
    ranges
        Of each stage's price.
    """

    def __init__(
        self,
        tables: EchelonPrices,
        shares: Mapping[Path, float],
        cells: Mapping[Path, DemandCells],
        least: Mapping[Path, float],
        ranges: Mapping[Path, PriceRange],
    ) -> None:
        self._tables = tables
        self._prices = tables.prices
        self._shares = shares
        self._cells = cells
        self._least = least
        self._ranges = ranges
        self._positions: dict[Path, Floats] = {}
        self._responses: dict[Path, Floats] = {}
        self._per_path = dict.fromkeys(tables.root.service_paths(), 0.0)
        self._per_stage: dict[Path, float] = {}
        self._valid = True
        self.found: dict[Path, float] = {}

    def run(self) -> PriceCut | None:
        """The cut, or None if these ranges hold no valid prices."""
        root = self._tables.root
        self._position(root)
        price = max(min(0.0, self._price_without_stock(root)), self._ranges[root.path].lowest)
        self._charge(root, self._split(np.array([price]), np.ones(1)))
        return PriceCut(self._per_path, self._per_stage) if self._valid else None

    def _position(self, stage: Stage) -> None:
        """Position that a stage is brought up to at each grid price passed on to it."""
        if not stage.below:
            share = self._shares.get(stage.path, 0.0)
            if share > 0.0:
                self._positions[stage.path] = share * self._tables.leaf(stage).levels
            return
        for child in stage.below:
            self._position(child)
        if stage.path not in self._cells:
            return
        wanted = self._tables.stocks[stage.path].on_hand.copy()
        for child in stage.below:
            if child.path in self._positions:
                passed_on = np.maximum(self._prices - self._tables.rates(stage)[4], self._least.get(child.path, 0.0))
                wanted += np.interp(passed_on, self._prices, self._positions[child.path])
        self._respond(stage, wanted)

    def _respond(self, stage: Stage, wanted: Floats) -> None:
        """Positions and prices of the stage at each grid price passed on to it.

        Its own price at stock x is the one at which what is wanted at and below it equals x. Its position is where the
        mean price over the demand cells is what was passed on; between two positions tried, prices are mixed.
        """
        cells, bounds = self._cells[stage.path], self._ranges[stage.path]
        stock = wanted[::-1]
        lowest, highest = stock[0] + cells.mean.min(), stock[-1] + cells.mean.max()
        beyond = highest - lowest or 1.0
        parts = [stock + center for center in (cells.mean.min(), cells.probability @ cells.mean, cells.mean.max())]
        parts.append(np.linspace(lowest, highest, NUM_POSITIONS))
        tried = np.unique(np.concatenate([*parts, [lowest - beyond, highest + beyond]]))
        choices = np.interp(tried[:, None] - cells.mean, stock, self._prices[::-1])
        choices = np.clip(choices, bounds.lowest, bounds.highest)
        mean_prices = choices @ cells.probability
        targets = np.clip(self._prices, bounds.lowest, bounds.highest)
        above = np.clip(np.searchsorted(-mean_prices, -targets), 1, len(tried) - 1)
        room = mean_prices[above - 1] - mean_prices[above]
        part = np.divide(mean_prices[above - 1] - targets, room, out=np.zeros_like(room), where=room > 0.0)
        part = np.clip(part, 0.0, 1.0)
        self._responses[stage.path] = choices[above - 1] + part[:, None] * (choices[above] - choices[above - 1])
        self._positions[stage.path] = tried[above - 1] + part * (tried[above] - tried[above - 1])

    def _charge(self, stage: Stage, weights: Floats) -> None:
        """Add what a stage and those below cost, given the distribution on the grid of the price passed on to it."""
        rounding = _rounding(self._prices, weights)
        mean = float(weights @ self._prices)
        self._valid = self._valid and mean <= rounding and (bool(stage.below) or mean >= -rounding)
        if not stage.below:
            self._per_path[stage.path] += float(weights @ self._tables.leaf(stage).costs)
            return
        weights = self._charge_demand(stage, weights)
        credit = float(weights @ self._tables.stocks[stage.path].credit)
        if credit > 0.0:
            self._per_stage[stage.path] = credit
        uncut = self._prices - self._tables.rates(stage)[4]
        balanced = _least_price(uncut, weights)
        for child in stage.below:
            least = balanced
            if child.path in self._responses:
                least = min(least, self._price_without_stock(child))
            self.found[child.path] = max(least, self._ranges[child.path].lowest)
            self._charge(child, self._split(np.maximum(uncut, self.found[child.path]), weights))

    def _charge_demand(self, stage: Stage, weights: Floats) -> Floats:
        """Add E[λ·W_c] for every customer; returns the distribution of the stage's own price on the grid."""
        moment: dict[str, float] = {}
        if stage.path in self._responses:
            cells, prices = self._cells[stage.path], self._responses[stage.path]
            mean_prices = weights @ prices
            moment = {c: float(mean_prices @ part) for c, part in cells.moment.items()}
            weights = self._split(prices, np.outer(weights, cells.probability))
        mean_price = float(weights @ self._prices)
        for path in stage.service_paths():
            customer = path[-1]
            independent = mean_price * self._tables.demand(customer, stage.lead_time).mean
            self._per_path[path] += moment.get(customer, independent)
        return weights

    def _price_without_stock(self, stage: Stage) -> float:
        """Price at which a stage's position is the sum of those below it, so that it has no base stock itself."""
        below = 0.0
        for child in stage.below:
            if child.path in self._positions:
                least = self._least.get(child.path, 0.0)
                below += float(np.interp(least, self._prices, self._positions[child.path]))
        return float(np.interp(-below, -self._positions[stage.path], self._prices))

    def _split(self, prices: Floats, probability: Floats) -> Floats:
        """Distribution on the grid with the same mean: every price split between its two neighbors."""
        grid = self._prices
        above = np.clip(np.searchsorted(grid, prices), 1, len(grid) - 1)
        part = np.clip((prices - grid[above - 1]) / (grid[above] - grid[above - 1]), 0.0, 1.0)
        number = np.concatenate((above.ravel(), above.ravel() - 1))
        mass = np.concatenate(((probability * part).ravel(), (probability * (1.0 - part)).ravel()))
        return np.bincount(number, mass, len(grid)).astype(np.float64)


def _rounding(prices: Floats, weights: Floats) -> float:
    """What a mean of these prices may be off by."""
    return ROUNDING * float(np.abs(prices[weights > 0.0]).max())


def _least_price(prices: Floats, weights: Floats) -> float:
    """κ with E max(price, κ) = 0, for ascending prices; -inf where the mean is above 0 whatever κ is."""
    below = np.cumsum(weights)
    above = np.append(np.cumsum((weights * prices)[:0:-1])[::-1], 0.0)
    means = below * prices + above  # E max(price, prices[k])
    rounding = _rounding(prices, weights)
    first = int(np.flatnonzero(weights > 0.0)[0])
    if means[first] > rounding:
        return -inf
    if means[first] >= -rounding:
        return float(prices[first])
    if means[-1] <= 0.0:
        return 0.0
    k = int(np.argmax(means >= 0.0))
    return float(min(prices[k - 1] - means[k - 1] / below[k - 1], prices[k]))
