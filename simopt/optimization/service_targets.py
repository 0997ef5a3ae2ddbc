"""Base-stock levels under fill-rate targets, on fixed sample paths.

A leaf's level concerns its own cost and service alone. So on given paths, with the levels of the inner nodes fixed, its
best level under a target is known exactly: the cheapest one, or the least that meets the target (`simulation.nested`).
What is left is a function of the inner levels, minimized along its gradient, that of

    cost + Σ_c μ_c·(β_c·demand_c - met_c)     with μ_c = (∂cost/∂S_c) / (∂met_c/∂S_c) at the leaf's own level,

as the multiplier μ_c of a binding target makes the derivative in S_c vanish (envelope theorem). μ_c is the cost of the
next unit met at once; 0 where the target does not bind.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from scipy.special import ndtri

from design.case import Case
from design.demand import Floats
from design.network import Component, Design
from design.single_stage_plan import SingleStagePlan
from simopt.optimization.pathwise import PathwiseParams, PathwiseSearch, descend, level_scale, safe_levels
from simopt.simulation.grid_costs import grid_costs, leaf_targets
from simopt.simulation.ledger import Ledger
from simopt.simulation.simulator import Sample

LEAST_SAFETY = 4.5
REPORTED = 0.025  # error of either side of the reported intervals of fill rates
MISS = 0.05
REPAIR_REPLICATIONS = 16384
REPAIR_CELLS = 2e7
ROUNDING = 1e-9


class TargetSearch:
    """A `LevelSearch` whose levels meet the fill-rate targets of the case on the sample.

    Parameters
    ----------
    case
        Network and targets.
    ledger
        Runs and counts the simulations.
    params
        Effort.
    times
        As many times the paths serve where targets bind: what they cost varies more than what levels do.
    """

    def __init__(self, case: Case, ledger: Ledger, params: PathwiseParams | None = None, times: int = 1) -> None:
        self._case = case
        self._ledger = ledger
        self._free = PathwiseSearch(ledger, params)
        params = params or PathwiseParams()
        self._params = replace(params, replications=times * params.replications)

    def best_levels(self, component: Component, start: SingleStagePlan) -> Floats:
        """Levels at which the sample average is least among those that meet the targets; see `PathwiseSearch`."""
        return self.descend(component, safe_levels(start), level_scale(start))

    def descend(self, component: Component, first: Floats, scale: Floats) -> Floats:
        """Levels at which the descent from given ones ends, shape (node,), units; see `PathwiseSearch.descend`.

        Without regard to targets first: where they are met then, they cost nothing.
        """
        found = self._free.descend(component, first, scale)
        targets = leaf_targets(self._case, component)
        if not targets.any():
            return found
        sample = self._ledger.search(component, found, self._params.replications)
        if np.all(excess(sample, targets).mean(axis=0) >= 0.0):
            return found
        return self._descend_inner(component, first, scale)

    def _descend_inner(self, component: Component, first: Floats, scale: Floats) -> Floats:
        suppliers, count = set(component.supplier.values()), self._params.replications
        inner = np.array([name in suppliers for name in component.nodes])

        def least_cost(inner_levels: Floats) -> tuple[float, Floats]:
            levels = self.with_best_leaves(component, _spread(inner, inner_levels))
            multipliers = self.multipliers(component, levels)
            sample = self._ledger.search(component, levels, count, with_gradient=True, multipliers=multipliers)
            if sample.gradient is None:
                raise TypeError("the search needs a simulator with gradients")
            return float(sample.costs.mean()), sample.gradient.mean(axis=0)[inner]

        best = descend(least_cost, first[inner], scale[inner], self._params) if inner.any() else first[inner]
        return self.with_best_leaves(component, _spread(inner, best))

    def with_best_leaves(self, component: Component, levels: Floats, targets: Floats | None = None) -> Floats:
        """The levels with each leaf's at its best on the sample, shape (node,), units.

        Parameters
        ----------
        component
            A source and the nodes it serves.
        levels
            Those of inner nodes count, shape (node,), units.
        targets
            Fill rates to meet, shape (node,), 0 for none; None: the case's.
        """
        suppliers, count = set(component.supplier.values()), self._params.replications
        grids = [
            np.array([level]) if name in suppliers else np.empty(0)
            for name, level in zip(component.nodes, levels, strict=True)
        ]
        self._ledger.charge(count)
        return grid_costs(self._case, component, grids, self._ledger.search_paths(count), targets).levels()

    def multipliers(self, component: Component, levels: Floats) -> Floats:
        """μ of each node's target at levels that are best on the sample, shape (node,), money per unit; 0 for none."""
        targets, count = leaf_targets(self._case, component), self._params.replications
        free = self._ledger.search(component, levels, count, with_gradient=True)
        unit = self._ledger.search(
            component, levels, count, with_gradient=True, multipliers=(targets > 0.0).astype(np.float64)
        )
        if free.gradient is None or unit.gradient is None:
            raise TypeError("the search needs a simulator with gradients")
        own = free.gradient.mean(axis=0)
        met = own - unit.gradient.mean(axis=0)
        binds = (targets > 0.0) & (met > 0.0)
        binds &= excess(unit, targets).mean(axis=0) <= ROUNDING * (1.0 + unit.demanded.mean(axis=0))
        return np.where(binds, np.maximum(own, 0.0) / np.where(binds, met, 1.0), 0.0)

    def multipliers_near(self, component: Component, levels: Floats) -> Floats:
        """The same at given inner levels, leaves at their best on this sample."""
        return self.multipliers(component, self.with_best_leaves(component, levels))

    def repaired(self, component: Component, levels: Floats, safety: float) -> Floats:
        """The levels with those of leaves raised until their targets hold on the sample and will on fresh paths too.

        Parameters
        ----------
        component
            A source and the nodes it serves.
        levels
            Shape (node,), units.
        safety
            By how many standard errors the fill rate is to exceed its target, see `safety_margin`; at most half the
            way to 1.
        """
        targets = leaf_targets(self._case, component)
        if not targets.any():
            return levels
        lacking = self._lacking(component, levels, targets, safety)
        if not lacking.any():
            return levels
        raised = np.maximum(levels, self.with_best_leaves(component, levels, targets))
        wanted = np.minimum(targets + self._margin(component, raised, targets, safety), 0.5 * (targets + 1.0))
        wanted = np.where(targets > 0.0, wanted, 0.0)
        raised = np.maximum(levels, self.with_best_leaves(component, levels, wanted))
        return np.where(lacking, raised, levels)

    def _lacking(self, component: Component, levels: Floats, targets: Floats, safety: float) -> Floats:
        sample = self._ledger.search(component, levels, self._params.replications)
        demanded = np.maximum(sample.demanded.mean(axis=0), ROUNDING)
        reached = excess(sample, targets).mean(axis=0) / demanded
        return (targets > 0.0) & (reached < self._margin(component, levels, targets, safety))

    def _margin(self, component: Component, levels: Floats, targets: Floats, safety: float) -> Floats:
        """Standard errors of the fill rates, times the safety, shape (node,)."""
        sample = self._ledger.search(component, levels, self._params.replications)
        deviation = excess(sample, targets).std(axis=0, ddof=1) / len(sample.measures) ** 0.5
        return safety * deviation / np.maximum(sample.demanded.mean(axis=0), ROUNDING)


def excess(sample: Sample, targets: Floats) -> Floats:
    """Units met at once beyond the target, shape (replication, node); 0 without a target."""
    return np.where(targets > 0.0, sample.met_at_once - targets * sample.demanded, 0.0)


def penalized_costs(case: Case, component: Component, sample: Sample, multipliers: Floats) -> Floats:
    """Cost of each replication plus Σ μ·(target·demand - met at once), shape (replication,), money.

    Its mean is no higher than the cost, on average over all paths, of levels that meet the targets.
    """
    return np.asarray(sample.costs - excess(sample, leaf_targets(case, component)) @ multipliers)


def level_search(
    case: Case, ledger: Ledger, params: PathwiseParams | None = None, times: int = 1
) -> PathwiseSearch | TargetSearch:
    """The search along gradients that suits the case; see `TargetSearch`."""
    return TargetSearch(case, ledger, params, times) if case.service_targets else PathwiseSearch(ledger, params)


def repair_replications(case: Case) -> int:
    """Sample paths on which fill rates are looked at closely: 16,384, fewer where they would take much memory."""
    affordable = int(REPAIR_CELLS / (case.num_periods * len(case.network.nodes)))
    return int(np.clip(affordable, 1024, REPAIR_REPLICATIONS))


def safety_margin(num_targets: int, error: float = REPORTED, miss: float = MISS) -> float:
    """By how many standard errors fill rates must exceed their targets on one sample to pass tests on another.

    A level raised until the mean on its own sample lies s standard errors above the target is tested on as many fresh
    paths, where the lower limit of the mean, z(1 - error) standard errors below it, must keep the target. The
    difference of the two means has a deviation of √2 standard errors, so one test fails with probability
    Φ((z(1 - error) - s)/√2), and any of n with at most n times that: s = z(1 - error) + √2·z(1 - miss/n). At least 4.5,
    as fill rates near 1 are skewed.

    Parameters
    ----------
    num_targets
        Targets that must all hold.
    error
        Of each test.
    miss
        Probability that any test fails.
    """
    margin = ndtri(1.0 - error) + 2.0**0.5 * ndtri(1.0 - miss / max(num_targets, 1))
    return max(float(margin), LEAST_SAFETY)


def repaired_levels(case: Case, ledger: Ledger, design: Design, levels: Mapping[str, float]) -> dict[str, float]:
    """Levels of a design, those of customers with targets raised until these will hold on fresh paths, units."""
    if not case.service_targets:
        return dict(levels)
    search = TargetSearch(case, ledger, PathwiseParams(repair_replications(case)))
    found, safety = dict(levels), safety_margin(len(case.service_targets))
    for component in design.components:
        raised = search.repaired(component, np.array([levels[name] for name in component.nodes]), safety)
        found |= dict(zip(component.nodes, map(float, raised), strict=True))
    return found


def _spread(inner: Floats, inner_levels: Floats) -> Floats:
    """Inner levels in the place of their nodes, 0 for leaves."""
    levels = np.zeros(len(inner))
    levels[inner] = inner_levels
    return levels
