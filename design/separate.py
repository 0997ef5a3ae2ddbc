"""Cases that fall apart: parts of a network that no lane, no shared cost and no rule joins, planned each by itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from time import monotonic

import numpy as np
from scipy.cluster.hierarchy import DisjointSet

from design.case import Case
from design.master_types import Bound, MasterSolution, PricedMaster
from design.network import Component, Network
from design.solver import SolveStatus


def independent_parts(case: Case) -> tuple[Case, ...]:
    """The case's parts, in the order of its nodes; the case itself where there is but one.

    What is best for the parts is best for the whole: products that share neither costs nor rules, for example.
    """
    network, sets = case.network, DisjointSet(node.name for node in case.network.nodes)
    for group in _joined_nodes(case):
        first, *others = group
        for other in others:
            sets.merge(first, other)
    parts = [part for part in sets.subsets() if part.intersection(network.customers)]
    if len(parts) == 1:
        return (case,)
    served = frozenset[str]().union(*parts)
    parts[0] = parts[0] | {node.name for node in network.nodes if node.name not in served}
    return tuple(_restricted(case, part) for part in sorted(parts, key=lambda part: _first(network, part)))


def _joined_nodes(case: Case) -> Iterable[tuple[str, ...]]:
    """Groups of nodes that must be planned together."""
    for lane in case.network.lanes:
        yield lane.pair
    if case.emissions.cap is not None:
        yield tuple(node.name for node in case.network.nodes)
    for storage in case.network.storages:
        yield storage.nodes
    for cost in case.shared_costs.costs:
        yield (*cost.nodes, *(name for pair in cost.lanes for name in pair))
    for rule in case.site_rules.rules:
        nodes = (*rule.nodes, *(name for pair in (*rule.lanes, *rule.against) for name in pair))
        if nodes:
            yield nodes


def _first(network: Network, part: set[str]) -> int:
    return next(k for k, node in enumerate(network.nodes) if node.name in part)


def _restricted(case: Case, part: set[str]) -> Case:
    network = case.network
    nodes = tuple(node for node in network.nodes if node.name in part)
    kinds = {node.kind for node in nodes}
    return replace(
        case,
        network=Network(
            nodes,
            tuple(lane for lane in network.lanes if lane.origin in part),
            tuple(name for name in network.customers if name in part),
        ),
        demand={name: demand for name, demand in case.demand.items() if name in part},
        site_limits={kind: limit for kind, limit in case.site_limits.items() if kind in kinds},
    )


class SeparateMasters:
    """Masters of a case's independent parts as one: bounds add up, designs are joined.

    Parameters
    ----------
    case
        The whole case.
    masters
        A part and its master each; together they are the case.
    """

    def __init__(self, case: Case, masters: Sequence[tuple[Case, PricedMaster]]) -> None:
        self._network = case.network
        self._masters = [master for _, master in masters]
        self._part = {node.name: k for k, (part, _) in enumerate(masters) for node in part.network.nodes}
        self._known: dict[int, MasterSolution] = {}

    @property
    def num_scenarios(self) -> int:
        """Sampled scenarios behind the costs; 0 with quadrature."""
        return max(master.num_scenarios for master in self._masters)

    def solve(self, time_limit: float = np.inf) -> MasterSolution:
        """The parts' best designs together; parts without new prices are not solved again."""
        deadline = monotonic() + time_limit
        for k, master in enumerate(self._masters):
            if k not in self._known:
                self._known[k] = master.solve(deadline - monotonic())
        found = [self._known[k] for k in range(len(self._masters))]
        self._known = {k: one for k, one in self._known.items() if one.status is SolveStatus.OPTIMAL}
        designs = [one.design for one in found]
        complete = [design for design in designs if design is not None]
        return MasterSolution(
            next((one.status for one in found if one.status is not SolveStatus.OPTIMAL), SolveStatus.OPTIMAL),
            self._network.design(p for d in complete for p in d.lanes) if len(complete) == len(designs) else None,
            sum(one.bound for one in found),
            sum(one.objective for one in found),
            Bound.ECHELON if any(one.model is Bound.ECHELON for one in found) else Bound.SINGLE_STAGE,
        )

    def price(self, component: Component, extra: float) -> None:
        """Charge exactly this component `extra` money over the horizon on top."""
        part = self._part[component.source]
        self._known.pop(part, None)
        self._masters[part].price(component, extra)
