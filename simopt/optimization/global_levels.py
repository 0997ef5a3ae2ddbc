"""A global check of base-stock levels: a grid over the upper levels, leaves exact, then gradients.

A descent from one start may stall (MODEL: local minima exist). The least cost over a product grid of the inner nodes'
levels does not, and it is cheap, since the children of a node are separate once its level is fixed
(`simulation/nested.py`). The grid runs from no stock up to a level beyond which more hardly helps, dense around the
mean lead-time demand; it is refined around every level that comes close to the best, and gradients finish what it has
found. With demand in whole units the cost has kinks at whole levels, where gradients stall: grids are whole then, and
every descent ends with strides to whole neighbors, leaves exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np

from design.case import Case
from design.demand import Floats
from design.network import Component
from design.single_stage_plan import SingleStagePlan
from simopt.optimization.global_levels_types import GlobalLevels, NestedParams, apart
from simopt.optimization.pathwise import PathwiseParams, level_scale
from simopt.optimization.service_targets import TargetSearch, level_search, penalized_costs
from simopt.optimization.subproblem import LevelSearch
from simopt.simulation.estimate import Estimate
from simopt.simulation.grid_costs import GridCosts, grid_costs
from simopt.simulation.ledger import Ledger

DEVIATIONS = 3.5
SPARSER = 2.5
PARTS = 4
STRIDES = (0.1, 0.0)
MAX_STRIDES = 10


class NestedSearch:
    """Looks everywhere for levels better than given ones.

    Parameters
    ----------
    case
        Network and demand.
    ledger
        Draws the paths.
    params
        Effort.
    """

    def __init__(self, case: Case, ledger: Ledger, params: NestedParams | None = None) -> None:
        self._case = case
        self._ledger = ledger
        self._params = params or NestedParams()

    def check(self, component: Component, levels: Floats, start: SingleStagePlan) -> GlobalLevels | None:
        """What was found, or None where the tree is too deep for a grid within the limit, shares storage or is none.

        Parameters
        ----------
        component
            A source and the nodes it serves.
        levels
            The incumbent's, shape (node,), units.
        start
            The component's single-stage plan.
        """
        if not self._is_nested(component):
            return None
        ranges = _ranges(self._case, component, start)
        points = self._affordable_points(ranges)
        if points is None:
            return None
        grids = [ranges.grid(node, points, float(level)) for node, level in enumerate(levels)]
        rounds = self._rounds(component, grids, ranges.whole_units)
        valleys = [levels for found in reversed(rounds) for levels in _valleys(found, self._params.tolerance)]
        firsts = [levels, *apart(valleys, ranges.spread)[: self._params.max_starts]]
        descent = PathwiseParams(self._params.descent_replications, tolerance=1e-9)
        ends = [self.descend(component, first, start, descent) for first in firsts]
        costs = [self._ledger.search(component, end, descent.replications).costs for end in ends]
        order = sorted(range(len(ends)), key=lambda k: float(costs[k].mean()))
        best = costs[order[0]]
        near = [ends[k] for k in order if costs[k].mean() <= best.mean() + self._params.tolerance * abs(best.mean())]
        return GlobalLevels(
            tuple(apart(near, ranges.spread)),
            *self._judged(component, levels, near[0], start),
            min((len(grid) for grid in grids if len(grid)), default=None),
            _relative_step(rounds[-1], ranges.spread),
            ranges.spread,
        )

    def _is_nested(self, component: Component) -> bool:
        """Whether nodes are separate once the levels upstream are fixed: not with shared storage, nor with assembly."""
        return not (component.trees or self._case.network.has_assembly)

    def descend(self, component: Component, first: Floats, start: SingleStagePlan, params: PathwiseParams) -> Floats:
        """Where gradients lead from given levels, shape (node,), units; with whole units, no whole step leads lower.

        Parameters
        ----------
        component
            A source and the nodes it serves.
        first
            Where to start, shape (node,), units.
        start
            The component's single-stage plan.
        params
            Effort of the descent along gradients.
        """
        levels = level_search(self._case, self._ledger, params).descend(component, first, level_scale(start))
        if not self._is_nested(component):
            return levels
        ranges = _ranges(self._case, component, start)
        if not ranges.whole_units or self._affordable_points(ranges) is None:
            return levels
        paths = self._ledger.search_paths(params.replications)
        for share in STRIDES:
            strides = np.maximum(np.round(share * ranges.spread), 1.0)
            levels = self._walked(component, levels, ranges.inner, strides, paths)
        return levels

    def _walked(
        self, component: Component, levels: Floats, inner: list[bool], strides: Floats, paths: Floats
    ) -> Floats:
        """The levels after strides to better whole neighbors, leaves exact, as long as there are any."""
        cost = np.inf
        for _ in range(MAX_STRIDES):
            grids = [_neighbors(level, stride) for level, stride in zip(levels, strides, strict=True)]
            grids = [grid if is_inner else np.empty(0) for grid, is_inner in zip(grids, inner, strict=True)]
            found = self._grid_costs(component, grids, paths)
            if found.cost >= cost - 1e-12 * abs(cost):
                break
            levels, cost = found.levels(), found.cost
        return levels

    def _judged(
        self, component: Component, levels: Floats, better: Floats, start: SingleStagePlan
    ) -> tuple[Estimate, Estimate]:
        """Cost at the second levels and by how much it is lower, on paths beyond those of the descents.

        The known single-stage cost serves as control variate. Where targets bind, levels that meet them less well pay
        for it in the comparison.
        """
        count = self._params.descent_replications
        old, new = (self._ledger.search(component, at, 2 * count) for at in (levels, better))
        decoupled = self._ledger.search_decoupled(component, start.levels, 2 * count)[count:]
        cost = Estimate.of(new.costs[count:] - decoupled + start.expected_cost)
        if not self._case.service_targets:
            return cost, Estimate.of(old.costs[count:] - new.costs[count:])
        search = TargetSearch(self._case, self._ledger, PathwiseParams(count))
        worth = search.multipliers_near(component, better)
        gain = penalized_costs(self._case, component, old, worth) - penalized_costs(self._case, component, new, worth)
        return cost, Estimate.of(gain[count:])

    @property
    def _replications(self) -> int:
        fewest = -(-self._params.periods // self._case.num_periods)
        return int(np.clip(fewest, 2, self._params.descent_replications))

    def _affordable_points(self, ranges: _Ranges) -> int | None:
        """The most levels that every inner node can have within the limit."""
        periods = self._replications * self._case.num_periods
        for points in range(self._params.points, self._params.least_points - 1, -1):
            if periods * sum(float(points) ** depth for depth in ranges.depth) <= self._params.node_periods:
                return points
        return None

    def _rounds(self, component: Component, grids: list[Floats], whole_units: bool) -> list[GridCosts]:
        """Costs over the grids, then over finer ones around every level that comes close to the best."""
        paths, tolerance = self._ledger.search_paths(self._replications), self._params.tolerance
        rounds = [self._grid_costs(component, grids, paths)]
        for _ in range(self._params.rounds * (3 if whole_units else 1)):
            finer = [self._finer(rounds[-1], node, tolerance, whole_units) for node in range(len(grids))]
            rounds.append(self._grid_costs(component, finer, paths))
            tolerance *= 0.1
        return rounds

    def _grid_costs(self, component: Component, grids: list[Floats], paths: Floats) -> GridCosts:
        """Costs over a grid, counted as the replications of the whole component that would take as long."""
        tables = dict.fromkeys([component.source], max(len(grids[0]), 1))
        for name, grid in zip(component.nodes[1:], grids[1:], strict=True):
            tables[name] = tables[component.supplier[name]] * max(len(grid), 1)
        self._ledger.charge(-(-len(paths) * sum(tables.values()) // len(tables)))
        return grid_costs(self._case, component, grids, paths)

    def _finer(self, found: GridCosts, node: int, tolerance: float, whole_units: bool) -> Floats:
        """Levels between the neighbors of every level within the tolerance of the best, bottoms of valleys first."""
        grid = found.grids[node]
        if len(grid) == 0:
            return grid
        kept = _close(found, node, tolerance)[: max((self._params.points - 1) // PARTS - 1, 1)]
        ends = [(grid[max(k + side, 0)], grid[min(k + side + 1, len(grid) - 1)]) for k in kept for side in (-1, 0)]
        levels = np.concatenate([np.linspace(low, high, PARTS + 1) for low, high in ends])
        return np.unique(np.round(levels) if whole_units else levels)


class CheckedSearch:
    """A `LevelSearch` that takes nothing for granted: what another one found, or better levels from the check.

    Parameters
    ----------
    search
        Finds levels first.
    check
        Looks everywhere for better ones.
    """

    def __init__(self, search: LevelSearch, check: NestedSearch) -> None:
        self._search = search
        self._check = check

    def best_levels(self, component: Component, start: SingleStagePlan) -> Floats:
        """Levels, shape (node,), units; see `LevelSearch.best_levels`."""
        levels = self._search.best_levels(component, start)
        found = self._check.check(component, levels, start)
        return found.starts[0] if found is not None and found.is_better else levels


@dataclass(frozen=True, eq=False)
class _Ranges:
    """Where the best levels of a component may lie; arrays of shape (node,), units.

    Parameters
    ----------
    depth
        Inner nodes on the path to each node, itself included: as many levels its table is over.
    inner
        Whether the node supplies others.
    low, high
        Ends of the dense part of the grid: the mean lead-time demand less and plus several deviations, or the
        single-stage level where that is higher.
    top
        The same sum for the lead times down to the node: covers what a supplier without stock makes it wait.
    spread
        Standard deviation of the demand over these lead times.
    whole_units
        Whether levels should be whole.
    """

    depth: list[int]
    inner: list[bool]
    low: Floats
    high: Floats
    top: Floats
    spread: Floats
    whole_units: bool

    def grid(self, node: int, points: int, incumbent: float) -> Floats:
        """Levels to try at a node, shape (level,), the incumbent's among them; none for a leaf."""
        if not self.inner[node]:
            return np.empty(0)
        knots = np.array([0.0, self.low[node], self.high[node], self.top[node]])
        places = np.concatenate([[0.0], np.cumsum(np.diff(knots) / [SPARSER, 1.0, SPARSER])])
        levels = np.interp(np.linspace(0.0, places[-1], points), places, knots)
        return np.union1d(np.round(levels) if self.whole_units else levels, [incumbent])


def _ranges(case: Case, component: Component, start: SingleStagePlan) -> _Ranges:
    network, names = case.network, component.nodes
    served = component.customers_through(network.customers)
    variance = case.variance_rates
    upstream: dict[str, int] = {}
    depth: dict[str, int] = {}
    inner = [name in component.supplier.values() for name in names]
    rows = []
    for name, supplies in zip(names, inner, strict=True):
        supplier = component.supplier.get(name)
        own = network.node(name).lead_time or 0 if supplier is None else network.lane((supplier, name)).lead_time
        upstream[name] = own + (0 if supplier is None else upstream[supplier])
        depth[name] = int(supplies) + (0 if supplier is None else depth[supplier])
        rate, spread = sum(case.mean_demand[c] for c in served[name]), sqrt(sum(variance[c] for c in served[name]))
        margin = DEVIATIONS * spread * sqrt(own)
        top = upstream[name] * rate + DEVIATIONS * spread * sqrt(upstream[name])
        rows.append((max(own * rate - margin, 0.0), own * rate + margin, top, spread * sqrt(upstream[name])))
    low, high, top, spread = np.array(rows).T
    high = np.maximum(high, start.levels)
    whole_units = all(case.demand[customer].whole_units for customer in served[component.source])
    return _Ranges(list(depth.values()), inner, low, high, np.maximum(top, high), spread, whole_units)


def _close(found: GridCosts, node: int, tolerance: float) -> list[int]:
    """Indices of the levels within the tolerance of the best, bottoms of valleys first, then by cost."""
    profile = found.profile(node)
    wall = np.concatenate([[np.inf], profile, [np.inf]])
    is_bottom = (profile <= wall[:-2]) & (profile <= wall[2:])
    order = np.lexsort((profile, ~is_bottom))
    return [int(k) for k in order if profile[k] <= profile.min() + tolerance * abs(profile.min())]


def _valleys(found: GridCosts, tolerance: float) -> list[Floats]:
    """The best levels, and those with one node held at the bottom of another valley that is nearly as deep."""
    held = [
        (float(found.profile(node)[k]), node, k)
        for node, grid in enumerate(found.grids)
        for k in (_close(found, node, tolerance) if len(grid) else [])
    ]
    return [found.levels(), *(found.levels(node, k) for _, node, k in sorted(held))]


def _relative_step(found: GridCosts, spread: Floats) -> float:
    """Largest step next to the best levels as a share of the spread, 0 without inner nodes."""
    steps = [0.0]
    for level, grid, scale in zip(found.levels(), found.grids, spread, strict=True):
        near = np.diff(grid)[max(int(np.searchsorted(grid, level)) - 1, 0) :][:2]
        if len(near) and scale > 0.0:
            steps.append(float(near.max() / scale))
    return max(steps)


def _neighbors(level: float, stride: float) -> Floats:
    """A level, the whole ones on both sides of it, and those a stride away, shape (level,), units."""
    low, high = np.floor(level), np.ceil(level)
    return np.unique(np.maximum([low - stride * (low == high), low, level, high, high + stride * (low == high)], 0.0))
