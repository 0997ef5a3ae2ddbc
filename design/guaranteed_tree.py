"""Guaranteed service times of trees by dynamic programming (Graves & Willems 2000, section 4).

Root each tree anywhere and look at stages from the leaves on. With f_i(S) the least cost of stage i and all beyond it,
seen from the root, at outgoing service time S, and g_i(SI) the same at inbound service time SI,

    c_k(S, SI) = cost_k(SI + T_k - S) + Σ_i min_{x <= SI} f_i(x) + Σ_j min_{y >= S} g_j(y)
    f_k(S) = min_SI c_k(S, SI),   g_k(SI) = min_S c_k(S, SI)

with suppliers i and customers j beyond k, over 0 <= S <= largest service time of k, 0 <= SI <= M_k - T_k and
S <= SI + T_k. Further limits on S and SI stand in for links that are left out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from design.demand import Floats
from design.service_chain import Periods, ServiceChain


@dataclass(frozen=True, eq=False)
class Forest:
    """Links without an undirected cycle, and limits in the place of other links.

    Parameters
    ----------
    arcs
        Numbers of supplier and customer of each link.
    largest_service_times
        S at most, shape (stage,).
    least_inbound_times
        SI at least, shape (stage,).
    """

    arcs: tuple[tuple[int, int], ...]
    largest_service_times: Periods
    least_inbound_times: Periods

    @classmethod
    def whole(cls, chain: ServiceChain) -> Forest:
        """All links of a chain with `is_forest`."""
        arcs = tuple((supplier, customer) for supplier, customer, _ in chain.arcs)
        return cls(arcs, chain.largest_service_times, np.zeros(len(chain.stages), dtype=np.int64))


@dataclass(frozen=True, eq=False)
class _Table:
    """Least costs of a stage and all beyond it, and where they are taken.

    Parameters
    ----------
    cost
        At each service time (`is_supplier`: outgoing, else inbound), shape (period,).
    other
        The best service time of the other kind, shape (period,).
    is_supplier
        Whether the stage supplies the next one toward the root.
    """

    cost: Floats
    other: Periods
    is_supplier: bool

    def at(self, limit: int) -> int:
        """Best service time: at most `limit` of a supplier, at least `limit` of a customer."""
        if self.is_supplier:
            return int(np.argmin(self.cost[: limit + 1]))
        return limit + int(np.argmin(self.cost[limit:]))

    def least_costs(self, size: int) -> Floats:
        """Cost of the best service time at each limit 0 .. size - 1; infinite where there is none."""
        padded = np.full(max(size, len(self.cost)), np.inf)
        padded[: len(self.cost)] = self.cost
        if self.is_supplier:
            return np.minimum.accumulate(padded)[:size]
        return np.minimum.accumulate(padded[::-1])[::-1][:size]


class TreeProgramme:
    """The dynamic programme of a forest.

    Parameters
    ----------
    chain
        Stages and their costs.
    forest
        The links that count.
    """

    def __init__(self, chain: ServiceChain, forest: Forest) -> None:
        self._chain, self._forest = chain, forest
        self._roots = np.sqrt(np.arange(int(chain.longest_times.max()) + 1))
        self._neighbors: list[list[tuple[int, bool]]] = [[] for _ in chain.stages]
        for supplier, customer in forest.arcs:
            self._neighbors[supplier].append((customer, False))
            self._neighbors[customer].append((supplier, True))
        self._tables: dict[int, _Table] = {}
        self._children: list[list[int]] = [[] for _ in chain.stages]
        self._service_times = np.zeros(len(chain.stages), dtype=np.int64)

    def solve(self) -> Periods:
        """Service times of least cost, shape (stage,)."""
        for root in range(len(self._chain.stages)):
            if root not in self._tables:
                self._solve_tree(root)
        return self._service_times

    def _solve_tree(self, root: int) -> None:
        order, is_supplier, parent = [root], {root: True}, {root: -1}
        for k in order:
            for neighbor, supplies in self._neighbors[k]:
                if neighbor != parent[k]:
                    order.append(neighbor)
                    parent[neighbor] = k
                    is_supplier[neighbor] = supplies
                    self._children[k].append(neighbor)
        for k in reversed(order):
            self._tables[k] = self._table(k, is_supplier[k])
        limits = {root: len(self._tables[root].cost) - 1}
        for k in order:
            table = self._tables[k]
            own = table.at(limits[k])
            other = int(table.other[own])
            outgoing, inbound = (own, other) if table.is_supplier else (other, own)
            self._service_times[k] = outgoing
            for child in self._children[k]:
                limits[child] = inbound if self._tables[child].is_supplier else outgoing

    def _table(self, k: int, is_supplier: bool) -> _Table:
        chain = self._chain
        time = int(chain.processing_times[k])
        outgoing = np.arange(self._forest.largest_service_times[k] + 1)
        inbound = np.arange(chain.longest_times[k] - time + 1)
        net = inbound[None, :] + time - outgoing[:, None]
        cost = np.where(net >= 0, chain.cost_factors[k] * self._roots[np.maximum(net, 0)], np.inf)
        cost[:, : self._forest.least_inbound_times[k]] = np.inf
        for child in self._children[k]:
            table = self._tables[child]
            if table.is_supplier:
                cost += table.least_costs(len(inbound))[None, :]
            else:
                cost += table.least_costs(len(outgoing))[:, None]
        axis = 1 if is_supplier else 0
        return _Table(cost.min(axis=axis), cost.argmin(axis=axis).astype(np.int64), is_supplier)
