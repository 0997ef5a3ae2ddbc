"""A component over a product grid of its inner nodes' levels: tables of costs, and the least ones in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from design.case import Case
from design.network import Component
from simopt.simulation.compile_ahead import Core, wait_for_compiled
from simopt.simulation.component_arrays import Floats, component_arrays
from simopt.simulation.nested import fill_tables
from simopt.simulation.rationing import FCFS

Whole = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class GridCosts:
    """Least mean costs of a component over a grid of its inner nodes' levels.

    Parameters
    ----------
    parent
        Supplier of each node, -1 for the source, nodes as in `Component.nodes`.
    grids
        Levels tried at each node, ascending, units; none for a leaf.
    costs
        Mean cost of each node by the grid indices of the inner nodes on the path to it, itself included.
    leaf_levels
        Best level of each leaf, by the same indices.
    """

    parent: Whole
    grids: tuple[Floats, ...]
    costs: tuple[Floats, ...]
    leaf_levels: tuple[Floats, ...]

    @cached_property
    def _below(self) -> list[Floats]:
        """Least cost of each node with everything it serves, by the same indices."""
        below = [costs.copy() for costs in self.costs]
        for i in range(len(below) - 1, 0, -1):
            below[self.parent[i]] += below[i].min(axis=-1) if len(self.grids[i]) else below[i]
        return below

    @cached_property
    def _total(self) -> list[Floats]:
        """Least cost of the whole component with the levels on the path to an inner node given, by their indices."""
        total = self._below[:1]
        for i in range(1, len(self.parent)):
            least = self._below[i].min(axis=-1, keepdims=True) if len(self.grids[i]) else self._below[i]
            excess = self._below[i] - np.where(np.isfinite(least), least, 0.0)
            total.append(total[self.parent[i]][..., np.newaxis] + excess if len(self.grids[i]) else excess)
        return total

    @property
    def cost(self) -> float:
        """Least mean cost of a replication, fixed costs not included, money."""
        return float(self._below[0].min())

    def profile(self, node: int) -> Floats:
        """Least mean cost with an inner node at each level of its grid, shape (level,), money."""
        return self._total[node].reshape(-1, len(self.grids[node])).min(axis=0)

    def levels(self, node: int = 0, at: int | None = None) -> Floats:
        """Best levels, shape (node,), units; those with an inner node held at one level of its grid if asked for.

        Parameters
        ----------
        node, at
            The node to hold, and the index in its grid.
        """
        fixed: dict[int, int] = {}
        if at is not None:
            total = self._total[node][..., at]
            above = [int(index) for index in np.unravel_index(int(total.argmin()), total.shape)]
            fixed = {**dict(zip(self._path(node), above, strict=True)), node: at}
        found, chosen = np.empty(len(self.parent)), dict[int, tuple[int, ...]]({-1: ()})
        for i, supplier in enumerate(self.parent):
            path = chosen[int(supplier)]
            if len(self.grids[i]) == 0:
                found[i] = self.leaf_levels[i][path]
                continue
            index = fixed.get(i, int(self._below[i][path].argmin()))
            found[i] = self.grids[i][index]
            chosen[i] = (*path, index)
        return found

    def _path(self, node: int) -> list[int]:
        """Nodes above a node, the source first."""
        path: list[int] = []
        above = int(self.parent[node])
        while above >= 0:
            path.insert(0, above)
            above = int(self.parent[above])
        return path


def grid_costs(
    case: Case, component: Component, grids: Sequence[Floats], demand: Floats, targets: Floats | None = None
) -> GridCosts:
    """Simulate a component over a product grid of levels, first come first served.

    Parameters
    ----------
    case
        Network and simulated time.
    component
        A source and the nodes it serves.
    grids
        Levels to try at each of `component.nodes` that supplies others, ascending, units; an empty array for a leaf.
    demand
        Shape (replication, period, customer), units.
    targets
        Share of each leaf's own demand to be met at once, shape (node,), 0 for none; None: the case's.
    """
    network = component_arrays(case, component, FCFS)
    parent = network.tail[network.in_lane]
    sizes = np.array([len(grid) for grid in grids])
    inner = np.diff(network.out_start) > 0
    if not np.array_equal(sizes > 0, inner):
        raise ValueError(f"grids: expected levels for each node that supplies others and no other, got {sizes}")
    shapes: list[tuple[int, ...]] = []
    for i, above in enumerate(parent):
        shapes.append((*(shapes[above] if i else ()), *((int(sizes[i]),) if inner[i] else ())))
    first_entry = np.concatenate([[0], np.cumsum([int(np.prod(shape)) for shape in shapes])])
    bounds = np.concatenate([[0], np.cumsum(sizes)])
    wait_for_compiled(Core.TABLES)
    costs, levels = fill_tables(
        network,
        np.concatenate(grids),
        bounds,
        first_entry,
        _turns(parent, inner),
        np.ascontiguousarray(demand),
        case.warm_up,
        leaf_targets(case, component) if targets is None else targets,
    )
    parts = [slice(a, b) for a, b in pairwise(first_entry)]
    return GridCosts(
        parent,
        tuple(grids),
        tuple(costs[part].reshape(shape) for part, shape in zip(parts, shapes, strict=True)),
        tuple(levels[part].reshape(shape) for part, shape in zip(parts, shapes, strict=True)),
    )


def leaf_targets(case: Case, component: Component) -> Floats:
    """Least fill rate of each of a component's nodes, shape (node,), 0 for none."""
    return np.array([case.service_targets.get(name, 0.0) for name in component.nodes])


def _turns(parent: Whole, inner: NDArray[np.bool_]) -> Whole:
    """First child that supplies others, and next sibling that does, else the parent; -1 for none, shape (2, node)."""
    turns = np.full((2, len(parent)), -1)
    turns[1] = parent
    for i in range(len(parent) - 1, 0, -1):
        if inner[i]:
            if turns[0, parent[i]] >= 0:
                turns[1, i] = turns[0, parent[i]]
            turns[0, parent[i]] = i
    return turns
