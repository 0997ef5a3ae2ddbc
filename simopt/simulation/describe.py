"""What happens at the nodes in units: stock, backorders, goods in transit and orders, on average and by period."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from design.case import Case
from design.demand import Floats
from design.network import Component, Design
from simopt.simulation.compile_ahead import Core, wait_for_compiled
from simopt.simulation.component_arrays import component_arrays
from simopt.simulation.estimate import Estimate, ratio_estimates
from simopt.simulation.kernel import make_work
from simopt.simulation.network_arrays import extras_of
from simopt.simulation.simulator import Allocation
from simopt.simulation.trace import Series, trace_network


@dataclass(frozen=True)
class NodeMeasures:
    """What happens at one node, per period of the horizon, each with a 95% interval.

    Parameters
    ----------
    node
        Name.
    on_hand, backorders, in_transit
        Units at the end of a period: in stock, owed to customers, on the way to the node.
    turns
        Units shipped over the horizon per unit on hand on average; None where nothing is ever on hand.
    order_variance_ratio
        Variance of what the node orders in a period over that of what is asked of it; 1 where it reviews every
        period; None where that does not vary.
    gamma_service_level
        1 less own backorders per unit of own demand (γ; below 0 where more is owed than asked); None without any.
    """

    node: str
    on_hand: Estimate
    backorders: Estimate
    in_transit: Estimate
    turns: Estimate | None
    order_variance_ratio: Estimate | None
    gamma_service_level: Estimate | None

    def as_dict(self) -> dict[str, Any]:
        """One entry of `measures` in `result.json`."""
        entry: dict[str, Any] = {"node": self.node}
        for one in fields(self):
            value = getattr(self, one.name)
            if isinstance(value, Estimate):
                entry[one.name] = {"mean": value.mean, "half_width": value.half_width}
        return entry


@dataclass(frozen=True, eq=False)
class Trace:
    """Every period of one replication.

    Parameters
    ----------
    replication
        Its number, from 1, among the fresh ones.
    warm_up
        Periods before the horizon.
    nodes
        Names.
    series
        Shape (node, period, series), units; the last axis as in `trace.Series`.
    """

    replication: int
    warm_up: int
    nodes: tuple[str, ...]
    series: Floats

    def rows(self) -> Iterator[dict[str, Any]]:
        """One row a node and period; periods are counted from 1 at the beginning of the horizon."""
        for name, own in zip(self.nodes, self.series, strict=True):
            for t, values in enumerate(own):
                numbers = {s.name.lower(): float(values[s]) for s in Series}
                yield {"node": name, "period": t - self.warm_up + 1, **numbers}


def trace_component(case: Case, component: Component, levels: Floats, paths: Floats) -> Floats:
    """Every period of some replications, warm-up included, shape (replication, node, period, series), units.

    Parameters
    ----------
    case, component
        What is simulated; nodes as in `Component.nodes`.
    levels
        Base-stock levels, shape (node,).
    paths
        Sample paths, shape (replication, period, column).
    """
    allocation = Allocation[case.supply.allocation.upper()].value
    network = component_arrays(case, component, allocation)
    work = make_work(network, paths.shape[1], allocation, False)
    extras, paths = extras_of(network, allocation), np.ascontiguousarray(paths)
    wait_for_compiled(Core.TRACE)
    return np.asarray(trace_network(network, levels, paths, case.warm_up, allocation, extras, work))


def trace_design(case: Case, design: Design, levels: Mapping[str, float], paths: Floats) -> Floats:
    """The same for a design, nodes as in `Design.nodes`."""
    parts = [
        trace_component(case, component, np.array([levels[name] for name in component.nodes]), paths)
        for component in design.components
    ]
    return np.concatenate(parts, axis=1)


def describe_design(
    case: Case, design: Design, levels: Mapping[str, float], blocks: Iterable[Floats]
) -> tuple[NodeMeasures, ...]:
    """Measures of every node of a design.

    Parameters
    ----------
    case, design, levels
        What is simulated.
    blocks
        Sample paths, each of shape (replication, period, column).

    Returns
    -------
    tuple
        One entry a node, as in `Design.nodes`.
    """
    column = {name: k for k, name in enumerate(case.demand)}
    totals, squares, own = [], [], []
    for paths in blocks:
        series = trace_design(case, design, levels, paths)[:, :, case.warm_up :]
        totals.append(series.sum(axis=2))
        squares.append(series[..., (Series.ASKED, Series.ORDERED)].var(axis=2))
        own.append(paths[:, case.warm_up :, : len(column)].sum(axis=1))
    total, variance, demand = np.concatenate(totals), np.concatenate(squares), np.concatenate(own)
    turns = ratio_estimates(total[..., Series.SHIPPED] * case.horizon, total[..., Series.ON_HAND])
    ratios = ratio_estimates(variance[..., 1], variance[..., 0])
    found = []
    for k, name in enumerate(design.nodes):
        gamma = None
        if name in column:
            asked = demand[:, column[name]]
            (owed,) = ratio_estimates(total[:, [k], Series.OWN_BACKORDERS], asked[:, np.newaxis])
            gamma = Estimate(1.0 - owed.mean, owed.half_width, owed.replications)
        on_hand, backorders, in_transit = (
            Estimate.of(total[:, k, s] / case.horizon) for s in (Series.ON_HAND, Series.BACKORDERS, Series.IN_TRANSIT)
        )
        turned = turns[k] if on_hand.mean > 0.0 else None
        ratio = ratios[k] if variance[:, k, 0].any() else None
        found.append(NodeMeasures(name, on_hand, backorders, in_transit, turned, ratio, gamma))
    return tuple(found)
