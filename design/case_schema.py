"""A case as JSON schema: one object with the settings of case.toml under `case` and an array of rows for each table.

It says what single cells may hold and which columns are needed; what must hold between rows and tables (names that
exist, lanes without a cycle) only reading the case tells.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from design.case_files import DEMAND_COLUMNS, LANE_COLUMNS, NODE_COLUMNS
from design.demand import DISTRIBUTIONS
from design.demand_files import CORRELATION_COLUMNS, PROFILE_COLUMNS
from design.planning.files import (
    BREAKDOWN_COLUMNS,
    CAPACITY_COLUMNS,
    OPERATION_COLUMNS,
    SHOCK_COLUMNS,
    SKU_COLUMNS,
)
from design.planning.settings import STARTS
from design.site_rules import Sourcing
from design.supply import ALLOCATIONS
from design.supply_files import LEAD_TIME_COLUMNS, OUTAGE_COLUMNS
from design.tables import Column
from design.workbook import column_notes

DIALECT = "https://json-schema.org/draft/2020-12/schema"
TABLES = {
    "nodes": NODE_COLUMNS,
    "lanes": LANE_COLUMNS,
    "demand": DEMAND_COLUMNS,
    "profiles": PROFILE_COLUMNS,
    "correlations": CORRELATION_COLUMNS,
    "outages": OUTAGE_COLUMNS,
    "lead_times": LEAD_TIME_COLUMNS,
    "skus": SKU_COLUMNS,
    "operations": OPERATION_COLUMNS,
    "capacities": CAPACITY_COLUMNS,
    "shocks": SHOCK_COLUMNS,
    "breakdowns": BREAKDOWN_COLUMNS,
}
_NEEDED = ("nodes", "demand")
_AMOUNT = {"type": "number", "minimum": 0}


def case_schema() -> dict[str, Any]:
    """JSON schema (draft 2020-12) of a case."""
    notes = column_notes()
    tables = {name: _rows(columns, notes.get(name, {})) for name, columns in TABLES.items()}
    for name in _NEEDED:
        tables[name]["minItems"] = 1
    tables["demand"]["items"]["properties"]["distribution"]["enum"] = sorted(DISTRIBUTIONS)
    return {
        "$schema": DIALECT,
        "title": "A case of simopt",
        **object_schema({"case": _settings(), **tables}, required=("case", *_NEEDED)),
    }


def _rows(columns: Iterable[Column], notes: dict[str, str]) -> dict[str, Any]:
    columns = tuple(columns)
    cells = {column.name: _cell(column, notes.get(column.name, "")) for column in columns}
    return {"type": "array", "items": object_schema(cells, [column.name for column in columns if column.required])}


def _cell(column: Column, note: str) -> dict[str, Any]:
    """Values of a column; a blank, null, where it has a default."""
    described = {"description": note} if note else {}
    if column.required:
        return {**column.schema, **described}
    return {"anyOf": [column.schema, {"type": "null"}], **described}


def object_schema(properties: Mapping[str, Any], required: Iterable[str] = ()) -> dict[str, Any]:
    """An object with these keys and no others."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(required),
        "additionalProperties": False,
    }


def _named(properties: dict[str, Any], required: Iterable[str] = ()) -> dict[str, Any]:
    """A table of tables, one for each name."""
    return {"type": "object", "additionalProperties": object_schema(properties, required)}


def _settings() -> dict[str, Any]:
    periods = {"type": "integer", "minimum": 1}
    count = {"type": "integer", "minimum": 0}
    amounts = {"type": "array", "items": _AMOUNT}
    simulation = {
        "horizon": periods,
        "warm_up": count,
        "periods_per_year": {"type": "number", "exclusiveMinimum": 0},
        "allocation": {"enum": list(ALLOCATIONS)},
    }
    return object_schema(
        {
            "name": {"type": "string"},
            "title": {"type": "string"},
            "simulation": object_schema(simulation, required=("horizon", "warm_up")),
            "transport": object_schema({"rate": _AMOUNT}),
            "emissions": object_schema({"rate": _AMOUNT, "price": _AMOUNT, "cap": _AMOUNT}),
            "units": {"type": "object", "additionalProperties": {"type": "string"}},
            "sites": _named({"min_open": count, "max_open": count}),
            "products": _named({"unit_size": _AMOUNT}),
            "sourcing": object_schema({"per": {"enum": [one.value for one in Sourcing]}}),
            "seasons": _named({"periods": periods, "growth": _AMOUNT}, required=("periods",)),
            "stages": object_schema({"open_sites": {"type": "boolean"}}),
            "tactical": object_schema(
                {"values": amounts, "range": {**amounts, "minItems": 2, "maxItems": 2}, "initial": _AMOUNT}
            ),
            "planning": _planning(),
        },
        required=("simulation",),
    )


def _planning() -> dict[str, Any]:
    """Settings of [planning]."""
    flag, share = {"type": "boolean"}, {"type": "number", "minimum": 0, "maximum": 1}
    above = {"type": "number", "exclusiveMinimum": 0, "maximum": 1}
    whole, count = {"type": "integer", "minimum": 0}, {"type": "integer", "minimum": 1}
    factors = _pair(_AMOUNT)
    return object_schema(
        {
            **dict.fromkeys(("whole_units", "crossing", "returns"), flag),
            **dict.fromkeys(("recent_weight", "excess_recognition", "shock_probability"), share),
            **dict.fromkeys(("smoothing", "utilization"), above),
            **dict.fromkeys(("backlog_pressure", "backlog_weight", "cancellation_rate", "capacity_buffer"), _AMOUNT),
            **dict.fromkeys(("service_window", "order_window", "grace"), whole),
            **dict.fromkeys(("mean_bias", "cv_bias"), factors),
            "start": {"enum": list(STARTS)},
            "service_level": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
            "obsolete_after": count,
            "publication": {
                "type": "array",
                "items": {"type": "array", "prefixItems": [whole, _AMOUNT], "minItems": 2, "maxItems": 2},
            },
            "shock_periods": _pair(count),
            "shock_size": _pair({"type": "number", "minimum": -1}),
        }
    )


def _pair(number: Mapping[str, Any]) -> dict[str, Any]:
    """Two numbers, the least and the greatest."""
    return {"type": "array", "items": dict(number), "minItems": 2, "maxItems": 2}
