"""[planning] of case.toml: how planners see demand and decide, and how the world answers.

Defaults are those of a plain base-stock world (MODEL: one period t), so that a case without this table behaves in the
planning simulator as in the built-in one. Values of the source document are those of the case `planning-engine`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from design.cells import is_number
from design.errors import expected_one_of
from design.tables import Problems

STARTS = ("levels", "pipeline")
Pair = tuple[float, float]


@dataclass(frozen=True)
class PlanningSettings:
    """Settings of a planning world.

    Parameters
    ----------
    whole_units
        Whether demand, orders and shipments are in whole units.
    crossing
        Whether a shipment may arrive before an earlier one of its lane; lead times then vary by shipment and product.
    returns
        Whether orders may be negative; for comparisons with theory.
    start
        "levels": as much on hand as the policy aims at, nothing in transit. "pipeline": in transit what the planner
        expects to sell in each period of the lead time, the rest of the aim on hand.
    smoothing
        α of the forecast, above 0, at most 1.
    recent_weight
        w, weight of the last three periods' demand in the signal, 0 to 1.
    backlog_pressure
        ρ, units of signal per square root of a unit of backlog, at least 0.
    backlog_weight
        ω, weight of the backlog in the inventory position of the dynamic policy, at least 0.
    service_level
        τ, share of periods without a shortage that safety stocks aim at, above 0 and below 1.
    publication
        (k, θ): published forecasts up to k periods ahead change by at most the share θ a period; those further ahead
        than the last k freely. Empty: forecasts are published as they are.
    mean_bias, cv_bias
        Least and greatest factor by which a planner mistakes mean and coefficient of variation, uniform between.
    service_window
        Periods beyond the first in which customers still take what they asked for; 0: what is not there at once is
        lost; None: they wait. Of products without a window of their own.
    order_window
        The same for orders between nodes; None: they wait, or are cancelled at random.
    cancellation_rate, grace
        λ₀ and g of h(a) = λ₀·κ·max(0, a - g): orders between nodes that have waited a periods are cancelled, each unit
        with probability min(0.95, 1 - exp(-h)).
    excess_recognition
        Share of the stock above target that cancelled orders leave behind which is recognised as excess each period.
    obsolete_after
        Periods after which excess is written off; None: never.
    utilization, capacity_buffer
        u* and β of capacities that are stated as a load.
    shock_probability
        Of a demand shock's start in a period without one, for each family and for each product.
    shock_periods, shock_size
        Least and greatest length, periods, and size, a share of demand; uniform.
    """

    whole_units: bool = False
    crossing: bool = False
    returns: bool = False
    start: str = STARTS[0]
    smoothing: float = 0.3
    recent_weight: float = 0.3
    backlog_pressure: float = 0.5
    backlog_weight: float = 1.0
    service_level: float = 0.95
    publication: tuple[Pair, ...] = ()
    mean_bias: Pair = (0.9, 1.1)
    cv_bias: Pair = (0.8, 1.2)
    service_window: int | None = None
    order_window: int | None = None
    cancellation_rate: float = 0.0
    grace: int = 2
    excess_recognition: float = 0.25
    obsolete_after: int | None = None
    utilization: float = 0.85
    capacity_buffer: float = 0.10
    shock_probability: float = 0.0
    shock_periods: Pair = (3, 8)
    shock_size: Pair = (0.3, 1.0)


KEYS = tuple(one.name for one in fields(PlanningSettings))


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _are_two(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(map(is_number, value))


def _is_pair(value: Any, least: float) -> bool:
    return _are_two(value) and least <= value[0] <= value[1]


def _is_publication(value: object) -> bool:
    if not isinstance(value, list) or not all(map(_are_two, value)):
        return False
    ahead = [row[0] for row in value]
    rises = ahead == sorted(set(ahead)) and all(_is_whole(k) and k >= 0 for k in ahead)
    return rises and all(row[1] >= 0 for row in value)


_Check = tuple[Callable[[Any], bool], str]
_FLAG: _Check = (lambda value: isinstance(value, bool), "true or false")
_SHARE: _Check = (lambda value: is_number(value) and 0 <= value <= 1, "a share from 0 to 1")
_AMOUNT: _Check = (lambda value: is_number(value) and value >= 0, "a number, at least 0")
_PERIODS: _Check = (lambda value: _is_whole(value) and value >= 0, "a whole number of periods, at least 0")
_FACTORS: _Check = (lambda value: _is_pair(value, 0.0), "the least and the greatest factor, e.g. [0.9, 1.1]")
_ABOVE: _Check = (lambda value: is_number(value) and 0 < value <= 1, "a share above 0, at most 1")
CHECKS: dict[str, _Check] = {
    "whole_units": _FLAG,
    "crossing": _FLAG,
    "returns": _FLAG,
    "start": (lambda value: value in STARTS, expected_one_of("", STARTS).removeprefix("expected ")),
    "smoothing": _ABOVE,
    "recent_weight": _SHARE,
    "backlog_pressure": _AMOUNT,
    "backlog_weight": _AMOUNT,
    "service_level": (lambda value: is_number(value) and 0 < value < 1, "a share above 0 and below 1, e.g. 0.95"),
    "publication": (
        _is_publication,
        "pairs of periods ahead, rising, and the share by which forecasts may change, e.g. [[1, 0.1], [4, 0.3]]",
    ),
    "mean_bias": _FACTORS,
    "cv_bias": _FACTORS,
    "service_window": _PERIODS,
    "order_window": _PERIODS,
    "cancellation_rate": _AMOUNT,
    "grace": _PERIODS,
    "excess_recognition": _SHARE,
    "obsolete_after": (lambda value: _is_whole(value) and value >= 1, "a whole number of periods, at least 1"),
    "utilization": _ABOVE,
    "capacity_buffer": _AMOUNT,
    "shock_probability": _SHARE,
    "shock_periods": (
        lambda value: _is_pair(value, 1) and all(map(_is_whole, value)),
        "the least and the greatest number of periods, at least 1, e.g. [3, 8]",
    ),
    "shock_size": (
        lambda value: _is_pair(value, -1.0),
        "the least and the greatest share of demand, at least -1, e.g. [0.3, 1.0]",
    ),
}


def read_planning_settings(file: str, table: Mapping[str, Any], problems: Problems) -> PlanningSettings:
    """Read the table; what is wrong is added to `problems`, unknown keys are the caller's to refuse."""
    found = {}
    for key, value in table.items():
        if key not in CHECKS:
            continue
        is_allowed, expected = CHECKS[key]
        if is_allowed(value):
            found[key] = _frozen(value)
        else:
            problems.add(file, f"{value!r}: expected {expected}", column=f"planning.{key}")
    return PlanningSettings(**found)


def format_planning_settings(settings: PlanningSettings) -> list[str]:
    """The lines of case.toml that `read_planning_settings` turns into the same settings."""
    default = PlanningSettings()
    changed = {key: getattr(settings, key) for key in KEYS if getattr(settings, key) != getattr(default, key)}
    lines = [f"{key} = {_toml(value)}" for key, value in changed.items()]
    return ["", "[planning]", *lines] if lines else []


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


def _toml(value: Any) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else repr(value)
