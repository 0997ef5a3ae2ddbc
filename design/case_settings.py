"""The settings of a case: case.toml, read and checked."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from typing import Any

from design.tables import Problems, expected_one_of

_TABLES: dict[str, tuple[str, ...] | None] = {
    "simulation": ("horizon", "warm_up"),
    "transport": ("rate",),
    "units": None,
}
_TEXTS = ("name", "title")


@dataclass(frozen=True)
class Settings:
    """What case.toml says.

    Parameters
    ----------
    name, title
        Of the case.
    horizon, warm_up
        Periods.
    rate
        Transport cost per unit and unit of distance, or None.
    units
        Names of units.
    """

    name: str
    title: str = ""
    horizon: int = 1
    warm_up: int = 0
    rate: float | None = None
    units: Mapping[str, str] = field(default_factory=dict)


def read_settings(path: Path, problems: Problems) -> Settings:
    """Read case.toml; what is wrong is added to `problems`."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        problems.add(path.name, "file missing: expected name, title and [simulation] horizon, warm_up")
        return Settings(path.parent.name)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        problems.add(path.name, f"not readable as TOML: {error}")
        return Settings(path.parent.name)
    for key in raw:
        if key not in _TABLES and key not in _TEXTS:
            problems.add(path.name, f"unknown setting {key!r}: {expected_one_of(key, (*_TEXTS, *_TABLES))}")
    simulation, transport, units = (_table(path.name, raw, key, problems) for key in _TABLES)
    return Settings(
        name=_text(path.name, raw.get("name", path.parent.name), "name", problems),
        title=_text(path.name, raw.get("title", ""), "title", problems),
        horizon=_whole(path.name, simulation, "horizon", 1, problems),
        warm_up=_whole(path.name, simulation, "warm_up", 0, problems),
        rate=_rate(path.name, transport, problems),
        units={key: _text(path.name, value, f"units.{key}", problems) for key, value in units.items()},
    )


def format_settings(settings: Settings) -> str:
    """The text of a case.toml that `read_settings` turns into the same settings; the rate is left out."""
    lines = [f"name = {_quoted(settings.name)}", f"title = {_quoted(settings.title)}", "", "[simulation]"]
    lines += [f"horizon = {settings.horizon}", f"warm_up = {settings.warm_up}"]
    if settings.units:
        lines += ["", "[units]", *(f"{_quoted(key)} = {_quoted(value)}" for key, value in settings.units.items())]
    return "\n".join(lines) + "\n"


def _table(file: str, raw: dict[str, Any], key: str, problems: Problems) -> dict[str, Any]:
    table = raw.get(key, {})
    if not isinstance(table, dict):
        problems.add(file, f"{table!r}: expected a table, written [{key}]", column=key)
        return {}
    allowed = _TABLES[key]
    for inner in table:
        if allowed and inner not in allowed:
            problems.add(file, f"unknown setting {key}.{inner}: {expected_one_of(inner, allowed)}")
    return table


def _text(file: str, value: object, key: str, problems: Problems) -> str:
    if not isinstance(value, str):
        problems.add(file, f"{value!r}: expected a text in quotes", column=key)
    return str(value)


def _whole(file: str, table: dict[str, Any], key: str, least: int, problems: Problems) -> int:
    value = table.get(key)
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        found = "missing" if value is None else repr(value)
        what = f"{found}: expected a whole number of periods, at least {least}"
        problems.add(file, what, column=f"simulation.{key}")
        return least
    return value


def _rate(file: str, transport: dict[str, Any], problems: Problems) -> float | None:
    rate = transport.get("rate")
    if rate is None:
        return None
    if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 <= rate < inf:
        problems.add(file, f"{rate!r}: expected a number of money, at least 0", column="transport.rate")
        return None
    return float(rate)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in escaped) + '"'
