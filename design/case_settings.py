"""The settings of a case: case.toml, read and checked."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from typing import Any

from design.cells import is_number
from design.emissions import EmissionSettings
from design.errors import expected_one_of
from design.planning.settings import KEYS as PLANNING_KEYS
from design.planning.settings import PlanningSettings, format_planning_settings, read_planning_settings
from design.season_files import read_seasons
from design.seasons import Season
from design.site_rules import SiteLimit, Sourcing
from design.supply import ALLOCATIONS
from design.tables import Problems
from design.tactical.settings import KEYS, TacticalSettings, format_tactical, read_tactical

_TABLES: dict[str, tuple[str, ...] | None] = {
    "simulation": ("horizon", "warm_up", "periods_per_year", "allocation"),
    "transport": ("rate",),
    "emissions": ("rate", "price", "cap"),
    "units": None,
    "sites": None,
    "products": None,
    "sourcing": ("per",),
    "seasons": None,
    "stages": ("open_sites",),
    "tactical": KEYS,
    "planning": PLANNING_KEYS,
}
_LIMITS = ("min_open", "max_open")
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
    site_limits
        How many nodes of a kind may be used.
    periods_per_year
        Or None.
    sourcing
        What has a single supplier.
    unit_sizes
        What a unit of a product takes of a site's capacity.
    seasons
        Parts of the horizon in the order of time; empty where demand is the same all the time.
    staged
        Whether sites may open from season to season.
    emission_rate
        Emissions per unit and unit of distance, or None.
    emissions
        Their price and cap.
    allocation
        Who gets what where a node is short.
    tactical
        Defaults of tactical planning.
    planning
        How the planning simulator behaves.
    """

    name: str
    title: str = ""
    horizon: int = 1
    warm_up: int = 0
    rate: float | None = None
    units: Mapping[str, str] = field(default_factory=dict)
    site_limits: Mapping[str, SiteLimit] = field(default_factory=dict)
    periods_per_year: float | None = None
    sourcing: Sourcing = Sourcing.PRODUCT
    unit_sizes: Mapping[str, float] = field(default_factory=dict)
    seasons: tuple[Season, ...] = ()
    staged: bool = False
    emission_rate: float | None = None
    emissions: EmissionSettings = field(default_factory=EmissionSettings)
    allocation: str = ALLOCATIONS[0]
    tactical: TacticalSettings = field(default_factory=TacticalSettings)
    planning: PlanningSettings = field(default_factory=PlanningSettings)


def read_settings(path: Path, problems: Problems) -> Settings:
    """Read case.toml; what is wrong is added to `problems`."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        problems.add(path.name, "file missing: expected name, title and [simulation] horizon, warm_up")
        return Settings(path.parent.name)
    except OSError as error:
        problems.add(path.name, f"not readable ({error.strerror}): expected a file with settings")
        return Settings(path.parent.name)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        problems.add(path.name, f"not readable as TOML: {error}")
        return Settings(path.parent.name)
    for key in raw:
        if key not in _TABLES and key not in _TEXTS:
            problems.add(path.name, f"unknown setting {key!r}: {expected_one_of(key, (*_TEXTS, *_TABLES))}")
    simulation, transport, emissions, units, sites, products, sourcing, seasons, stages, tactical, planning = (
        _table(path.name, raw, key, problems) for key in _TABLES
    )
    return Settings(
        name=_text(path.name, raw.get("name", path.parent.name), "name", problems),
        title=_text(path.name, raw.get("title", ""), "title", problems),
        horizon=_whole(path.name, simulation, "horizon", 1, problems),
        warm_up=_whole(path.name, simulation, "warm_up", 0, problems),
        rate=_number(path.name, transport, "transport.rate", "a number of money, at least 0", problems),
        units={key: _text(path.name, value, f"units.{key}", problems) for key, value in units.items()},
        site_limits={kind: _site_limit(path.name, kind, value, problems) for kind, value in sites.items()},
        periods_per_year=_number(
            path.name,
            simulation,
            "simulation.periods_per_year",
            "a number of periods above 0",
            problems,
            above_zero=True,
        ),
        sourcing=_sourcing(path.name, sourcing, problems),
        seasons=read_seasons(path.name, seasons, simulation.get("horizon"), problems),
        staged=_staged(path.name, stages, seasons, problems),
        allocation=_allocation(path.name, simulation, problems),
        tactical=read_tactical(path.name, tactical, problems),
        planning=read_planning_settings(path.name, planning, problems),
        unit_sizes={name: _unit_size(path.name, name, value, problems) for name, value in products.items()},
        emission_rate=_number(
            path.name, emissions, "emissions.rate", "a number of units of emission, at least 0", problems
        ),
        emissions=EmissionSettings(
            _number(path.name, emissions, "emissions.price", "a number of money, at least 0", problems),
            _number(path.name, emissions, "emissions.cap", "a number of units of emission, at least 0", problems),
        ),
    )


def format_settings(settings: Settings) -> str:
    """The text of a case.toml that `read_settings` turns into the same settings; rates per distance are left out."""
    lines = [f"name = {_quoted(settings.name)}", f"title = {_quoted(settings.title)}", "", *_simulation(settings)]
    emissions = {"price": settings.emissions.price, "cap": settings.emissions.cap}
    if any(value is not None for value in emissions.values()):
        lines += ["", "[emissions]", *(f"{key} = {value!r}" for key, value in emissions.items() if value is not None)]
    if settings.units:
        lines += ["", "[units]", *(f"{_quoted(key)} = {_quoted(value)}" for key, value in settings.units.items())]
    for kind, limit in settings.site_limits.items():
        lines += ["", f"[sites.{_quoted(kind)}]"]
        lines += [f"min_open = {limit.least}"] if limit.least > 0 else []
        lines += [f"max_open = {limit.most:g}"] if limit.most < inf else []
    if settings.sourcing is not Sourcing.PRODUCT:
        lines += ["", "[sourcing]", f"per = {_quoted(settings.sourcing.value)}"]
    for product, size in settings.unit_sizes.items():
        lines += ["", f"[products.{_quoted(product)}]", f"unit_size = {size!r}"]
    for season in settings.seasons:
        lines += ["", f"[seasons.{_quoted(season.name)}]", f"periods = {season.periods}"]
    lines += ["", "[stages]", "open_sites = true"] if settings.staged else []
    lines += [*format_tactical(settings.tactical), *format_planning_settings(settings.planning)]
    return "\n".join(lines) + "\n"


def _simulation(settings: Settings) -> list[str]:
    lines = ["[simulation]", f"horizon = {settings.horizon}", f"warm_up = {settings.warm_up}"]
    if settings.periods_per_year is not None:
        lines.append(f"periods_per_year = {settings.periods_per_year!r}")
    if settings.allocation != ALLOCATIONS[0]:
        lines.append(f"allocation = {_quoted(settings.allocation)}")
    return lines


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


def _number(
    file: str, table: dict[str, Any], key: str, expected: str, problems: Problems, *, above_zero: bool = False
) -> float | None:
    """An optional number, at least 0 or above it; `key` is that of the table, a dot, and the setting's."""
    value = table.get(key.rpartition(".")[2])
    if value is None:
        return None
    if not is_number(value) or value < 0 or (above_zero and value == 0):
        problems.add(file, f"{value!r}: expected {expected}", column=key)
        return None
    return float(value)


def _site_limit(file: str, kind: str, table: object, problems: Problems) -> SiteLimit:
    if not isinstance(table, dict):
        problems.add(file, f"{table!r}: expected a table, written [sites.{kind}]", column=f"sites.{kind}")
        return SiteLimit()
    before = len(problems.messages)
    for key, value in table.items():
        if key not in _LIMITS:
            problems.add(file, f"unknown setting sites.{kind}.{key}: {expected_one_of(key, _LIMITS)}")
        elif isinstance(value, bool) or not isinstance(value, int) or value < 0:
            what = f"{value!r}: expected a whole number of nodes, at least 0"
            problems.add(file, what, column=f"sites.{kind}.{key}")
    if len(problems.messages) > before:
        return SiteLimit()
    least, most = table.get("min_open", 0), table.get("max_open", inf)
    if least > most:
        what = f"{most}: expected at least min_open, which is {least}"
        problems.add(file, what, column=f"sites.{kind}.max_open")
        return SiteLimit()
    return SiteLimit(least, most)


def _sourcing(file: str, table: dict[str, Any], problems: Problems) -> Sourcing:
    value = table.get("per", Sourcing.PRODUCT.value)
    allowed = [one.value for one in Sourcing]
    if value not in allowed:
        problems.add(file, f"{value!r}: {expected_one_of(str(value), allowed)}", column="sourcing.per")
        return Sourcing.PRODUCT
    return Sourcing(value)


def _allocation(file: str, table: dict[str, Any], problems: Problems) -> str:
    value = table.get("allocation", ALLOCATIONS[0])
    if value not in ALLOCATIONS:
        problems.add(file, f"{value!r}: {expected_one_of(str(value), ALLOCATIONS)}", column="simulation.allocation")
        return ALLOCATIONS[0]
    return str(value)


def _staged(file: str, table: dict[str, Any], seasons: dict[str, Any], problems: Problems) -> bool:
    value = table.get("open_sites", False)
    if not isinstance(value, bool):
        problems.add(file, f"{value!r}: expected true or false", column="stages.open_sites")
    elif value and not seasons:
        problems.add(file, "true without seasons: expected [seasons.NAME]", column="stages.open_sites")
    return value is True


def _unit_size(file: str, product: str, table: object, problems: Problems) -> float:
    if not isinstance(table, dict):
        problems.add(file, f"{table!r}: expected a table, written [products.{product}]", column=f"products.{product}")
        return 1.0
    for key in table:
        if key != "unit_size":
            problems.add(file, f"unknown setting products.{product}.{key}: {expected_one_of(key, ['unit_size'])}")
    expected = "a size, at least 0"
    size = _number(file, table, f"products.{product}.unit_size", expected, problems)
    return 1.0 if size is None else size


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in escaped) + '"'
