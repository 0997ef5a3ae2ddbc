"""The numbers of a report: those of `result.json`, joined with what the case says of nodes and lanes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from design.case import Case
from design.demand import Floats
from design.network import Design
from design.node import LanePair


@dataclass(frozen=True)
class NodeRow:
    """A used stocking point.

    Parameters
    ----------
    name, kind, supplier
        Supplier "" for a source; several joined by commas.
    level, lead_time_demand
        Base-stock level, and mean demand on it over its lead time, units; their difference is the safety stock.
    throughput
        Mean units a period.
    holding, backorder
        Money over the horizon.
    fill_rate, target
        Of its own customers; None without any, or without a target.
    """

    name: str
    kind: str
    supplier: str
    level: float
    lead_time_demand: float
    throughput: float
    holding: float
    backorder: float
    fill_rate: float | None
    target: float | None

    @property
    def safety_stock(self) -> float:
        """Level above the mean demand over the lead time, units."""
        return self.level - self.lead_time_demand


@dataclass(frozen=True, eq=False)
class Trajectory:
    """Net stock of a node by period over some fresh replications, units.

    Parameters
    ----------
    node
        Name.
    periods
        Numbers, 1 at the beginning of the horizon, shape (period,).
    mean, low, high
        Mean and the ends of the band that 90% of replications lie in, shape (period,).
    one
        A single replication, shape (period,).
    replications
        How many.
    """

    node: str
    periods: Floats
    mean: Floats
    low: Floats
    high: Floats
    one: Floats
    replications: int


@dataclass(frozen=True, eq=False)
class Slice:
    """A surrogate of a node's stock cost (holding and backorders) along its level, others of its region as decided.

    Parameters
    ----------
    node, region
        The node, and the nodes whose levels its surrogate sees.
    levels, mean, deviation
        Where it was predicted, units, and what, money: shape (point,).
    sampled, costs
        Own level and mean cost of the points it was fitted to, shape (sample,).
    distance
        How far each of these is from the slice in the other levels, as a share of the farthest, shape (sample,).
    chosen
        The level decided on, units.
    """

    node: str
    region: tuple[str, ...]
    levels: Floats
    mean: Floats
    deviation: Floats
    sampled: Floats
    costs: Floats
    distance: Floats
    chosen: float


@dataclass(frozen=True, eq=False)
class ReportData:
    """Everything a report of a `solve` shows.

    Parameters
    ----------
    content
        Of `result.json`, stocking points named as in the network.
    case, design
        The problem and the design.
    nodes
        Used stocking points, as in `Design.nodes`.
    flows
        Mean units a period on each used lane.
    trajectories, slices
        Of some nodes.
    frontier
        Content of a `frontier.json`, or None.
    """

    content: Mapping[str, Any]
    case: Case
    design: Design
    nodes: tuple[NodeRow, ...]
    flows: Mapping[LanePair, float]
    trajectories: tuple[Trajectory, ...] = ()
    slices: tuple[Slice, ...] = ()
    frontier: Mapping[str, Any] | None = field(default=None)

    @property
    def money(self) -> str:
        """Unit of money, with a space before it where there is one."""
        unit = self.case.units.get("money", "")
        return f" {unit}" if unit else ""

    @property
    def cost_parts(self) -> dict[str, float]:
        """What the cost is made of, money over the horizon; parts that are nothing are left out."""
        content = self.content
        parts = {
            "holding": sum(row.holding for row in self.nodes),
            "backorders": sum(row.backorder for row in self.nodes),
            "transport": content["transport_cost"],
            "in transit": content["pipeline_cost"],
            "sites and lanes": content["fixed_cost"],
            "emissions": (content.get("emissions") or {}).get("cost") or 0.0,
        }
        return {name: value for name, value in parts.items() if value > 0.0}


def node_rows(case: Case, design: Design, content: Mapping[str, Any]) -> tuple[NodeRow, ...]:
    """One row for each used node."""
    levels = {row["node"]: row["level"] for row in content["base_stock_levels"]}
    costs = {row["node"]: row for row in content["node_costs"]}
    service = {row["node"]: row for row in content["service"]}
    throughput, suppliers = throughputs(case, design), suppliers_of(design)
    found = []
    for name in design.nodes:
        node, above = case.network.node(name), suppliers.get(name, ())
        waited = [case.network.lane((origin, name)).lead_time for origin in above] or [node.lead_time or 0]
        own = service.get(name, {})
        found.append(
            NodeRow(
                name, node.kind, ", ".join(above), levels[name], max(waited) * throughput[name], throughput[name],
                costs[name]["holding"], costs[name]["backorder"], own.get("fill_rate"), own.get("service_target"),
            )
        )  # fmt: skip
    return tuple(found)


def suppliers_of(design: Design) -> dict[str, tuple[str, ...]]:
    """Suppliers of every node that has any."""
    found: dict[str, tuple[str, ...]] = {}
    for origin, destination in design.lanes:
        found[destination] = (*found.get(destination, ()), origin)
    return found


def throughputs(case: Case, design: Design) -> dict[str, float]:
    """Mean units a period that are asked of each used node."""
    found: dict[str, float] = {}
    for component in design.components:
        for name, multiples in case.network.multiples(component).items():
            found[name] = sum(multiple * case.mean_demand[c] for c, multiple in multiples.items())
    return found


def flows_of(case: Case, lanes: Sequence[LanePair], throughput: Mapping[str, float]) -> dict[LanePair, float]:
    """Mean units a period shipped on each used lane."""
    return {pair: case.network.lane(pair).quantity * throughput[pair[1]] for pair in lanes}
