"""Networks of stockpyl, as its `save_instance` writes them, to a case and base-stock levels.

stockpyl (L. V. Snyder, MIT license) simulates the same system: orders after demand is seen, a lead time L puts L
periods at risk, one backorder queue per customer. What differs and what is done about it:

- a short node serves its successors strictly in their order: the lanes are written in that order, so that allocation by
  priority, which the case states, reproduces its sample paths;
- goods in transit are charged at the shipping node's rate (`in_transit_holding_cost`, `local_holding_cost` without it):
  it becomes the `pipeline_holding_cost` of the lanes out of that node;
- several predecessors of a node mean assembly: refused, like everything else that is not read here.

Attributes that stockpyl's simulation does not use (those of its optimization algorithms) are not read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

from design.case import Case
from design.demand import Demand, make_demand
from design.errors import BadInputError, NetworkError, expected_one_of
from design.network import Network
from design.node import Lane, Node
from design.supply import Supply

_DEMAND_NAMES = {
    "N": "normal",
    "P": "poisson",
    "D": "deterministic",
    "UD": "discrete uniform",
    "UC": "continuous uniform",
    "NB": "negative binomial",
    "CD": "custom discrete",
}
_POLICY_NAMES = {
    "EBS": "echelon base-stock",
    "BEBS": "balanced echelon base-stock",
    "rQ": "(r, Q)",
    "sS": "(s, S)",
    "FQ": "fixed quantity",
}
_MUST_BE_ABSENT = {
    "order_lead_time": "none: orders travel upstream in the period in which they are placed",
    "order_capacity": "none: orders without a limit",
    "revenue": "none: costs only",
    "local_holding_cost_function": "none: a linear local_holding_cost",
    "stockout_cost_function": "none: a linear stockout_cost",
    "units_required": "none: one unit for one unit",
}
_START = ("initial_inventory_level", "initial_orders", "initial_shipments")


class StockpylFileError(BadInputError):
    """Why a file cannot become a case, one line a problem, each with file, node, key, value and what was expected."""


@dataclass(frozen=True, eq=False)
class StockpylNetwork:
    """What a file holds.

    Parameters
    ----------
    case
        The network and its demand; every lane is used.
    levels
        Local base-stock level of each node, units.
    notes
        What the case does otherwise than stockpyl, one line each.
    """

    case: Case
    levels: Mapping[str, float]
    notes: tuple[str, ...]


def read_stockpyl(
    path: Path, instance: str | None = None, horizon: int = 100, warm_up: int | None = None
) -> StockpylNetwork:
    """Read a file that stockpyl's `save_instance` has written.

    Parameters
    ----------
    path
        The file.
    instance
        Which of its instances; None where there is only one.
    horizon, warm_up
        Simulated periods, which stockpyl keeps elsewhere; warm_up None: the longest path's lead time.

    Raises
    ------
    StockpylFileError
        With every reason why the network is not read.
    """
    if horizon < 1 or (warm_up is not None and warm_up < 0):
        raise StockpylFileError(f"horizon {horizon}, warm_up {warm_up}: expected at least 1 and at least 0")
    name, content = _choose(path, _instances(path), instance)
    reader = _Reader(f"{path}: instance {name!r}")
    try:
        parts = reader.read(content)
    except (AttributeError, KeyError, TypeError) as error:
        raise StockpylFileError(
            f"{path}: instance {name!r}: not as written by stockpyl 1.0 ({type(error).__name__}: {error})"
        ) from None
    if reader.problems:
        raise StockpylFileError("\n".join(reader.problems))
    nodes, lanes, demand, levels = parts
    try:
        network = Network(tuple(nodes), tuple(lanes), tuple(demand))
    except NetworkError as error:
        raise StockpylFileError(f"{path}: instance {name!r}: {error}") from None
    warm_up = network.longest_path if warm_up is None else warm_up
    rations = any(len(network.outgoing[node.name]) > 1 for node in network.nodes)
    supply = Supply("priority" if rations else "fcfs")
    case = Case(name, f"stockpyl network {name}", network, demand, horizon, warm_up, supply=supply)
    return StockpylNetwork(case, levels, tuple(reader.notes))


def _instances(path: Path) -> list[Mapping[str, Any]]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        found = content["instances"]
        if not all(isinstance(one["name"], str) and "data" in one for one in found):
            raise KeyError("name")
    except FileNotFoundError:
        raise StockpylFileError(f"{path}: no such file; expected a file written by stockpyl's save_instance") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise StockpylFileError(f"{path}: not readable as JSON ({error})") from None
    except (KeyError, TypeError):
        raise StockpylFileError(f"{path}: no instances: expected a file written by stockpyl's save_instance") from None
    return list(found)


def _choose(path: Path, found: Sequence[Mapping[str, Any]], instance: str | None) -> tuple[str, Mapping[str, Any]]:
    names = [one["name"] for one in found]
    if instance is None:
        if len(names) != 1:
            raise StockpylFileError(f"{path}: {len(names)} instances: expected the name of one, {', '.join(names)}")
        instance = names[0]
    if instance not in names:
        raise StockpylFileError(f"{path}: no instance {instance!r}: {expected_one_of(instance, names)}")
    chosen = found[names.index(instance)]
    if chosen.get("type") != "network":
        raise StockpylFileError(f"{path}: instance {instance!r}: type {chosen.get('type')!r}: expected 'network'")
    return instance, chosen["data"]


class _Reader:
    """Reads one network and gathers what is wrong with it.

    Parameters
    ----------
    where
        What every message begins with.
    """

    def __init__(self, where: str) -> None:
        self._where = where
        self.problems: list[str] = []
        self.notes: list[str] = []

    def read(self, content: Mapping[str, Any]) -> tuple[list[Node], list[Lane], dict[str, Demand], dict[str, float]]:
        """Nodes, lanes, demand by customer and base-stock levels."""
        records = content["_nodes"]
        if not all(product["is_dummy"] for product in content.get("_products") or []):
            self._problem(None, "products: expected none of its own (a single item)")
        names = {record["_index"]: str(record["name"] or record["_index"]).strip() for record in records}
        for name in sorted({name for name in names.values() if list(names.values()).count(name) > 1}):
            self._problem(None, f"name {name!r} of several nodes: expected each once")
        nodes, lanes, demand, levels = [], [], {}, {}
        by_index = {record["_index"]: record for record in records}
        down = {(record["_index"], end) for record in records for end in record["_successor_indices"]}
        up = {(origin, record["_index"]) for record in records for origin in record["_predecessor_indices"]}
        for origin, end in sorted(down ^ up):
            self._problem(None, f"link {origin} -> {end}: expected as a successor and as a predecessor")
        for index, record in by_index.items():
            nodes.append(self._node(names[index], record))
            levels[names[index]] = self._level(record)
            lanes += [self._lane(names, record, by_index[end]) for end in record["_successor_indices"]]
            distribution = self._demand(record)
            if distribution is not None:
                demand[names[index]] = distribution
            elif not record["_successor_indices"] and not (record.get("demand_source") or {}).get("type"):
                self._problem(record, "no successors and no demand_source: expected one of them")
        return nodes, lanes, demand, levels

    def _node(self, name: str, record: Mapping[str, Any]) -> Node:
        for key, expected in _MUST_BE_ABSENT.items():
            if record.get(key):
                self._problem(record, f"{key} {record[key]!r}: expected {expected}")
        if (record.get("disruption_process") or {}).get("random_process_type") is not None:
            self._problem(record, "disruption_process: expected none")
        self._check_supply(record)
        self._note_start(record)
        holding = self._number(record, "local_holding_cost")
        if record.get("local_holding_cost") is None and record.get("echelon_holding_cost"):
            self._problem(record, "echelon_holding_cost without local_holding_cost: expected the local one")
        return Node(
            name,
            lead_time=None if record["_predecessor_indices"] else self._lead_time(record),
            holding_cost=holding,
            backorder_cost=self._number(record, "stockout_cost"),
        )

    def _check_supply(self, record: Mapping[str, Any]) -> None:
        predecessors, outside = record["_predecessor_indices"], record.get("supply_type") is not None
        if len(predecessors) > 1:
            self._problem(record, f"{len(predecessors)} predecessors (assembly): expected one")
        elif predecessors and outside:
            self._problem(record, f"a predecessor and supply_type {record['supply_type']!r}: expected one supply")
        elif not predecessors and not outside:
            self._problem(record, "no predecessor and supply_type None: expected 'U' (an outside supply)")

    def _note_start(self, record: Mapping[str, Any]) -> None:
        level = (record.get("_inventory_policy") or {}).get("base_stock_level")
        for key in _START:
            value, same = record.get(key), level if key == "initial_inventory_level" else 0
            if value is not None and value != same:
                self.notes.append(
                    f"{self._label(record)}: {key} {value!r} is left out: a simulation starts with the base-stock "
                    "level on hand and nothing on order"
                )

    def _level(self, record: Mapping[str, Any]) -> float:
        policy = record.get("_inventory_policy") or {}
        kind = policy.get("type")
        if kind != "BS":
            what = f" ({_POLICY_NAMES[kind]})" if kind in _POLICY_NAMES else ""
            hint = "; stockpyl's echelon_to_local_base_stock_levels converts" if kind == "EBS" else ""
            self._problem(record, f"inventory_policy {kind!r}{what}: expected 'BS' (local base-stock){hint}")
            return 0.0
        if policy.get("base_stock_level") is None:
            self._problem(record, "base_stock_level None: expected a number, at least 0")
            return 0.0
        return self._number({**policy, "_index": record["_index"], "name": record["name"]}, "base_stock_level")

    def _lane(self, names: Mapping[int, str], origin: Mapping[str, Any], end: Mapping[str, Any]) -> Lane:
        key = "local_holding_cost" if origin.get("in_transit_holding_cost") is None else "in_transit_holding_cost"
        return Lane(
            names[origin["_index"]],
            names[end["_index"]],
            self._lead_time(end),
            pipeline_holding_cost=self._number(origin, key),
        )

    def _demand(self, record: Mapping[str, Any]) -> Demand | None:
        source = record.get("demand_source") or {}
        kind = source.get("type")
        if kind is None:
            return None
        values: dict[str, Any] = {"mean": source.get("mean")}
        if kind == "N":
            values["standard_deviation"] = source.get("standard_deviation")
        if kind == "D":
            values = {"demand_list": _constant(source.get("demand_list"))}
        rounded = bool(source.get("round_to_int")) and kind != "P"
        if rounded or kind not in ("N", "P", "D"):
            what = f"{kind!r} ({_DEMAND_NAMES.get(kind, 'unknown')}{', rounded' if rounded else ''})"
            self._problem(record, f"demand_source {what}: expected 'N' or 'P' without rounding, or 'D' with one value")
            return None
        wrong = [
            f"demand_source: {key} {value!r}: expected a number"
            for key, value in values.items()
            if not _is_number(value)
        ]
        for line in wrong:
            self._problem(record, line)
        if wrong:
            return None
        mean, sd = [*map(float, values.values()), 0.0][:2]
        try:
            return make_demand("poisson", mean, None) if kind == "P" else make_demand("normal", mean, sd)
        except ValueError as error:
            self._problem(record, f"demand_source: {error}")
            return None

    def _lead_time(self, record: Mapping[str, Any]) -> int:
        value = self._number(record, "shipment_lead_time")
        if value != int(value):
            self._problem(record, f"shipment_lead_time {value:g}: expected whole periods")
        return int(value)

    def _number(self, record: Mapping[str, Any], key: str) -> float:
        """A number, at least 0; 0 where the key is absent or None, as in stockpyl."""
        value = record.get(key)
        if value is None:
            return 0.0
        if not _is_number(value) or value < 0.0:
            self._problem(record, f"{key} {value!r}: expected a number, at least 0")
            return 0.0
        return float(value)

    def _label(self, record: Mapping[str, Any]) -> str:
        name = f" {record['name']!r}" if record["name"] else ""
        return f"{self._where}, node {record['_index']}{name}"

    def _problem(self, record: Mapping[str, Any] | None, what: str) -> None:
        line = f"{self._where if record is None else self._label(record)}: {what}"
        if line not in self.problems:
            self.problems.append(line)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)


def _constant(values: Any) -> Any:
    """The one value of a demand list; all of them where there are several."""
    if not isinstance(values, list):
        return values
    return values[0] if values and all(value == values[0] for value in values) else values
