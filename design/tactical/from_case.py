"""A case whose lanes are a serial chain, as the tactical programs take it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from design.case import Case
from design.tactical.chain import ChainError, SerialChain

Floats = NDArray[np.float64]


def chain_of_case(case: Case, periods: int, initial: float | None = None) -> SerialChain:
    """The chain from the source to the only customer.

    Parameters
    ----------
    periods
        Of the horizon, at least 1.
    initial
        Units on hand at every level at the start; without it what the case says, or the mean demand of the lead time.

    Raises
    ------
    ChainError
        If the lanes are no serial chain, or a cost is not proportional to units.
    """
    network = case.network
    if periods < 1:
        raise ChainError(f"periods {periods}: expected at least 1")
    _check_series(case)
    order = [node for node in network.nodes if not network.incoming[node.name]]
    while network.outgoing[order[-1].name]:
        order.append(network.node(network.outgoing[order[-1].name][0].destination))
    lead_times = [int(order[0].lead_time or 0), *(network.incoming[node.name][0].lead_time for node in order[1:])]
    for node in order:
        if node.holding_quadratic or node.overflow_cost:
            raise ChainError(f"{node.name}: holding_quadratic or overflow_cost: expected costs proportional to units")
    start = case.tactical.initial if initial is None else initial
    mean = next(iter(case.demand.values())).mean
    return SerialChain(
        tuple(node.name for node in order),
        tuple(lead_times),
        _every_period([node.holding_cost for node in order], periods),
        _every_period([node.backorder_cost for node in order], periods),
        np.array([mean * lead_time if start is None else start for lead_time in lead_times]),
    )


def _every_period(rates: list[float], periods: int) -> Floats:
    return np.repeat(np.array(rates)[:, None], periods, axis=1)


def _check_series(case: Case) -> None:
    """Refuse what is no chain: the message names the node."""
    network = case.network
    sources = [node.name for node in network.nodes if not network.incoming[node.name]]
    if len(sources) != 1:
        raise ChainError(f"case {case.name!r}: sources {', '.join(sources)}: expected one, levels in series")
    for node in network.nodes:
        below = [lane.destination for lane in network.outgoing[node.name]]
        if len(below) > 1 or (below and node.name in case.demand):
            served = ", ".join([*below, *(["customers"] if node.name in case.demand else [])])
            raise ChainError(f"case {case.name!r}: {node.name} supplies {served}: expected one, levels in series")
        if len(network.incoming[node.name]) > 1:
            above = ", ".join(lane.origin for lane in network.incoming[node.name])
            raise ChainError(f"case {case.name!r}: {node.name} has the suppliers {above}: expected one")


def left_out(case: Case) -> list[str]:
    """What the case charges or disturbs and the programs do not know, one line each."""
    network = case.network
    found = []
    if any(lane.unit_cost or lane.fixed_cost or lane.pipeline_holding_cost for lane in network.lanes) or any(
        node.fixed_cost for node in network.nodes
    ):
        found.append("transport, goods in transit and fixed costs are left out: tactical plans do not change them much")
    if (
        case.supply.outages
        or case.supply.lead_times
        or any(node.review_period > 1 or np.isfinite(node.production_capacity) for node in network.nodes)
    ):
        found.append("reviews, capacities, outages and lead times that vary are left out; see --lead-times")
    return found
