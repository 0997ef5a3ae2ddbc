"""`result.json` of `simopt solve` as JSON schema (draft 2020-12)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from design.case_schema import DIALECT, object_schema

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string"}
_NUMBER: Schema = {"type": "number"}
_SHARE: Schema = {"type": "number", "minimum": 0, "maximum": 1}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_POINT = {"node": _TEXT, "product": _TEXT, "season": _TEXT}
_LANE = {"from": _TEXT, "to": _TEXT, "product": _TEXT, "season": _TEXT}
_DEFINITIONS: Schema = {
    "estimate": {
        "type": "object",
        "description": "A mean over fresh replications with the half-width of its 95% interval.",
        "properties": {"mean": _NUMBER, "half_width": _NUMBER, "replications": _COUNT},
        "required": ["mean", "half_width"],
        "additionalProperties": False,
    }
}
_ESTIMATE: Schema = {"$ref": "#/$defs/estimate"}


def result_schema() -> Schema:
    """JSON schema of what `simopt solve --out` writes."""
    needed = {**_run(), **_decision(), **_costs(), **_search()}
    properties = {**needed, **_where_they_apply()}
    return {
        "$schema": DIALECT,
        "title": "result.json of simopt solve",
        "description": "Costs are money over the horizon; names are those of the case.",
        **object_schema(properties, list(needed)),
        "$defs": _DEFINITIONS,
    }


def _run() -> Schema:
    return {
        "case": _TEXT,
        "method": _TEXT,
        "seed": _COUNT,
        "status": {"enum": ["solved", "limit", "interrupted", "failed"]},
        "termination": _about(_TEXT, "why the search ended"),
        "warnings": _list(_TEXT),
        "versions": {"type": "object", "additionalProperties": _TEXT},
        "wall_seconds": _NUMBER,
    }


def _decision() -> Schema:
    design = {"lanes": _rows(_LANE, ("from", "to")), "open": _about(_list(_TEXT), "every used node")}
    return {
        "design": object_schema(design, list(design)),
        "base_stock_levels": _rows({**_POINT, "level": _NUMBER}, ("node", "level")),
    }


def _costs() -> Schema:
    bound = {
        "value": _NUMBER,
        "half_width": _NUMBER,
        "kind": {"enum": ["exact", "statistical", "estimate"]},
        "model": {"enum": ["single-stage", "echelon"]},
    }
    node = {**_POINT, "holding": _NUMBER, "backorder": _NUMBER}
    service = {
        **_POINT,
        "fill_rate": _SHARE,
        "cycle_service_level": _SHARE,
        "service_target": _SHARE,
        "fill_rate_half_width": _NUMBER,
        "target_met": {"enum": ["yes", "no", "undecided"]},
    }
    interval = _about({**_list(_nullable(_NUMBER)), "minItems": 2, "maxItems": 2}, "95%, from cost and bound")
    certified = {"enum": [True, False, "assuming global levels"]}
    return {
        "cost": _about(_ESTIMATE, "of the whole plan"),
        "lower_bound": _nullable(object_schema(bound, list(bound))),
        "gap": _nullable(_about(_NUMBER, "cost less lower bound, as a share of the cost")),
        "gap_interval": _nullable(interval),
        "certified": _about(certified, "whether the design is proven best, see certificate"),
        "confidence": _nullable(_SHARE),
        "certificate": _nullable(_about(_TEXT, "what is proven, or why nothing is")),
        "node_costs": _rows(node, ("node", "holding", "backorder")),
        "transport_cost": _NUMBER,
        "pipeline_cost": _about(_NUMBER, "of goods in transit"),
        "fixed_cost": _NUMBER,
        "saving_against_network_first": _nullable(_about(_ESTIMATE, "cost of the cheapest network less this plan's")),
        "service": _rows(service, ("node", "fill_rate", "cycle_service_level")),
    }


def _search() -> Schema:
    step = {
        "iteration": {"type": "integer", "minimum": 1},
        "changed_lanes": _COUNT,
        "lower_bound": _nullable(_NUMBER),
        "upper_bound": _NUMBER,
        "upper_half_width": _nullable(_NUMBER),
        "gap": _nullable(_NUMBER),
        "replications": _COUNT,
        "seconds": _NUMBER,
    }
    return {"replications_used": _COUNT, "scenarios_used": _COUNT, "iterations": _rows(step, list(step))}


def _where_they_apply() -> Schema:
    """Keys that only some cases and options bring."""
    rule = {"rule": _TEXT, "value": _NUMBER, "least": _NUMBER, "most": _nullable(_NUMBER), "cost": _nullable(_NUMBER)}
    target = {**_POINT, "service_target": _SHARE, "marginal_cost": _nullable(_NUMBER)}
    return {
        "baseline": _about({"type": "object"}, "today's network: its costs, what is saved, the best small changes"),
        "rules": _about(_rows(rule, list(rule)), "limits of the case and what the bound would save without each"),
        "cost_per_year": _ESTIMATE,
        "rounding_cost": _about(_ESTIMATE, "of whole packs"),
        "service_targets": _rows(target, ("node", "service_target", "marginal_cost")),
        "cost_of_targets": _ESTIMATE,
        "cost_of_storage": _ESTIMATE,
        "storage": _list({"type": "object"}),
        "emissions": {"type": "object"},
        "simulator": _about(_TEXT, "of one's own, that was used"),
    }


def _about(schema: Mapping[str, Any], text: str) -> Schema:
    return {**schema, "description": text}


def _nullable(schema: Mapping[str, Any]) -> Schema:
    return {"anyOf": [dict(schema), {"type": "null"}]}


def _list(items: Mapping[str, Any]) -> Schema:
    return {"type": "array", "items": dict(items)}


def _rows(properties: Mapping[str, Any], required: Sequence[str]) -> Schema:
    return _list(object_schema(properties, required))
