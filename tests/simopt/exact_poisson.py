"""Exact expected cost of a divergent tree with Poisson demand and one supplier a node, without sampling.

Orders are single units served first come first served, those of one period in random order. The B units that a node
owes are the last ones ordered from it, and each of them belongs to a customer with the probability of its share of the
demand, whatever the total: given B, what is owed to one of them is binomial. It was owed a lead time L ago, so it is
independent of the demand over L that follows:

    B_i = (W_i + Binomial(B_k, rate_i/rate_k) - S_i)⁺,   W_i Poisson with mean rate_i·L_i,   k the supplier of i

with B_k = 0 for the outside supply. Costs of held stock and backorders follow from these distributions, those of goods
in transit from the mean demand.
Sources: Simon, R. M. (1971), "Stationary properties of a two-echelon inventory model for low demand items", Operations
Research 19(3); Graves, S. C. (1985), "A multi-echelon inventory model for a repairable item with one-for-one
replenishment", Management Science 31(10).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy import stats

from design.case import Case
from tests.networks import Floats, whole

NEGLIGIBLE = 1e-14


@dataclass(frozen=True)
class NodeState:
    """A node at the end of a period.

    Parameters
    ----------
    on_hand, backorders
        Expected units.
    cost
        Expected money per period, that of transport and transit on the lane into the node included.
    """

    on_hand: float
    backorders: float
    cost: float


def exact_states(case: Case, levels: Mapping[str, int]) -> dict[str, NodeState]:
    """Every node of a case whose lanes form one tree and whose holding costs are linear.

    Parameters
    ----------
    case
        Demand is Poisson everywhere.
    levels
        Whole base-stock levels.
    """
    component, network = whole(case), case.network
    served = component.customers_through(network.customers)
    rate = {name: sum(case.demand[c].rate for c in served[name]) for name in component.nodes}
    owed_by: dict[str, Floats] = {}
    states = {}
    for name in component.nodes:
        node, supplier = network.node(name), component.supplier.get(name)
        lane = None if supplier is None else network.lane((supplier, name))
        lead_time = node.lead_time if lane is None else lane.lead_time
        missing = _poisson(rate[name] * lead_time)
        if supplier is not None:
            missing = np.convolve(missing, _thinned(owed_by[supplier], rate[name] / rate[supplier]))
        net = levels[name] - np.arange(len(missing))
        on_hand, backorders = (float(missing @ np.maximum(sign * net, 0)) for sign in (1, -1))
        owed_by[name] = _owed(missing, levels[name])
        cost = node.holding_cost * on_hand + node.backorder_cost * backorders
        if lane is not None:
            cost += rate[name] * (lane.unit_cost + lane.pipeline_holding_cost * lead_time)
        states[name] = NodeState(on_hand, backorders, cost)
    return states


def _poisson(mean: float) -> Floats:
    """Probabilities of 0, 1, ..., up to a negligible rest."""
    return stats.poisson.pmf(np.arange(int(stats.poisson.isf(NEGLIGIBLE, mean)) + 2), mean)


def _thinned(owed: Floats, share: float) -> Floats:
    """Distribution of a binomial number of the units owed."""
    counts = np.arange(len(owed))
    return stats.binom.pmf(counts[None, :], counts[:, None], share).T @ owed


def _owed(missing: Floats, level: int) -> Floats:
    """Distribution of (missing - level)⁺."""
    if level >= len(missing):
        return np.ones(1)
    return np.concatenate(([missing[: level + 1].sum()], missing[level + 1 :]))
