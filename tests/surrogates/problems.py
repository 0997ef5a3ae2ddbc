"""Test functions with known optima, evaluated under common random numbers."""

from dataclasses import dataclass, field, replace

import numpy as np

from surrogates.dataset import Box
from surrogates.search_types import SearchProblem


def smooth(points):
    """Smooth, not quadratic, values of order 1 in the unit cube."""
    return 2.0 * ((points - 0.4) ** 2).sum(axis=1) + np.sin(3.0 * points[:, 0]) * points[:, -1]


@dataclass(frozen=True)
class NoisyBowls:
    """Sum of three quadratic bowls, f_k(x) = |x_g - target_g|^2 + 1 + noise; the optimum is ``target``, value 3."""

    groups = ((0,), (0, 1), (1, 2))
    target = np.array([0.3, -0.2, 0.5])
    noise: float = 1.0

    @property
    def problem(self):
        return SearchProblem(Box(np.full(3, -2.0), np.full(3, 2.0)), self.groups, np.full(3, 2.0))

    def evaluate(self, points, replications):
        draws = np.random.default_rng(5).standard_normal((replications, 3))
        squares = (points - self.target) ** 2
        bowls = np.stack([squares[:, list(group)].sum(axis=1) + 1.0 for group in self.groups], axis=1)
        slope = np.array([0.1, 0.05, -0.1]) * points.sum(axis=1)[:, None]
        return bowls[:, None, :] + self.noise * (1.0 + slope[:, None, :]) * draws


@dataclass(frozen=True, eq=False)
class BaseStockTree:
    """A tree of eleven stocking points under base-stock control: cost of every node, replicated.

    Node i's cost depends on the levels of i and the nodes above it: groups of one to five coordinates. Backorders of
    a supplier are shared in proportion to mean demand, which allows whole arrays at once. ``optimum`` is the
    minimizer, in multiples of mean lead-time demand, of the mean over the paths on which `true_gap` is measured, found
    by L-BFGS-B; searches use other paths.
    """

    warm_up = 20

    parent: tuple[int, ...]
    lead: tuple[int, ...]
    holding: tuple[float, ...]
    backorder: tuple[float, ...]
    mean: tuple[float, ...]
    variation: float
    horizon: int
    optimum: tuple[float, ...]
    entropy: int = 0
    paths: dict[int, np.ndarray] = field(default_factory=dict)

    @property
    def mean_demand(self):
        total = np.array(self.mean)
        for node in range(10, 0, -1):
            total[self.parent[node]] += total[node]
        return total

    @property
    def scale(self):
        return self.mean_demand * np.array(self.lead)

    @property
    def problem(self):
        groups = []
        for node in range(11):
            group = [node]
            while self.parent[group[-1]] >= 0:
                group.append(self.parent[group[-1]])
            groups.append(tuple(group))
        return SearchProblem(Box(np.zeros(11), 3.0 * self.scale), tuple(groups), self.scale)

    def cumulative_demand(self, replications):
        if replications not in self.paths:
            shape = (replications, self.warm_up + self.horizon, 11)
            normal = np.random.default_rng(self.entropy).standard_normal(shape)
            demand = np.maximum(0.0, np.array(self.mean) * (1.0 + self.variation * normal))
            for node in range(10, 0, -1):
                demand[:, :, self.parent[node]] += demand[:, :, node]
            self.paths[replications] = np.cumsum(demand, axis=1)
        return self.paths[replications]

    def evaluate(self, points, replications):
        return np.stack([self._costs(levels, self.cumulative_demand(replications)) for levels in points])

    def _costs(self, levels, demand):
        costs, shipped, share = np.empty((demand.shape[0], 11)), {}, self.mean_demand
        for node in range(11):
            parent, lead = self.parent[node], self.lead[node]
            supply = demand[:, :, node]
            if parent >= 0:
                late = demand[:, :, parent] - shipped[parent]
                supply = supply - late * (share[node] / share[parent])
            available = np.full(demand.shape[:2], levels[node])
            available[:, lead:] += supply[:, :-lead]
            shipped[node] = np.minimum(available, demand[:, :, node])
            net = (available - demand[:, :, node])[:, self.warm_up :]
            cost = self.holding[node] * np.maximum(net, 0.0) + self.backorder[node] * np.maximum(-net, 0.0)
            costs[:, node] = cost.mean(axis=1)
        return costs


SHALLOW = {
    "parent": (-1, 0, 0, 0, 1, 1, 1, 2, 2, 3, 3),
    "lead": (4, 3, 2, 3, 1, 2, 2, 1, 2, 2, 1),
    "holding": (1.0, 1.5, 1.6, 1.4, 3.0, 3.0, 2.8, 3.2, 3.0, 2.9, 3.1),
    "backorder": (1.0, 1.5, 1.6, 1.4, 25.0, 30.0, 28.0, 27.0, 30.0, 25.0, 30.0),
    "mean": (0.0, 0.0, 0.0, 0.0, 20.0, 30.0, 25.0, 40.0, 15.0, 22.0, 33.0),
    "variation": 0.3,
    "horizon": 100,
    "optimum": (1.0246, 1.0835, 1.151, 1.1209, 1.4573, 1.3216, 1.3219, 1.4559, 1.3187, 1.2998, 1.4775),
}
DEEP = {
    "parent": (-1, 0, 1, 2, 2, 3, 3, 3, 4, 4, 4),
    "lead": (3, 2, 2, 2, 1, 1, 2, 2, 2, 1, 2),
    "holding": (1.0, 1.2, 1.4, 1.8, 1.9, 3.0, 3.0, 2.8, 3.2, 3.0, 2.9),
    "backorder": (1.0, 1.2, 1.4, 1.8, 1.9, 25.0, 30.0, 28.0, 27.0, 30.0, 25.0),
    "mean": (0.0, 0.0, 0.0, 0.0, 0.0, 20.0, 30.0, 25.0, 40.0, 15.0, 22.0),
    "variation": 0.6,
    "horizon": 25,
    "optimum": (1.0704, 1.1319, 1.1332, 1.1771, 1.2527, 1.9103, 1.6526, 1.6385, 1.5978, 1.9435, 1.609),
}


def true_gap(tree, levels):
    """Relative excess of the cost of ``levels`` over the optimum, on 1,000 paths no search has seen."""
    truth = replace(tree, entropy=999, paths={})
    values = truth.evaluate(np.stack([levels, np.array(tree.optimum) * tree.scale]), 1000)
    cost, best = values.sum(axis=2).mean(axis=1)
    return cost / best - 1.0
