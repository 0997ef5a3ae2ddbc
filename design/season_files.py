"""Seasons in a case's files: their settings and the demand of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf
from typing import Any

from design.cells import number_parser
from design.demand import DISTRIBUTIONS, Demand, EmpiricalDemand, make_demand, with_dependence
from design.demand_files import DemandSources
from design.demand_process import scaled
from design.errors import expected_one_of
from design.seasons import SEASON_SEPARATOR, Season
from design.tables import Problems, Record

_KEYS = ("periods", "growth")
MEAN = number_parser(0.0, "units per period")


def read_seasons(file: str, table: Mapping[str, Any], horizon: Any, problems: Problems) -> tuple[Season, ...]:
    """The seasons of case.toml, whose periods are those of the horizon; what is wrong is added to `problems`."""
    before = len(problems.messages)
    seasons = [_season(file, name, value, problems) for name, value in table.items()]
    total = sum(season.periods for season in seasons)
    if seasons and len(problems.messages) == before and isinstance(horizon, int) and total != horizon:
        what = f"{horizon}: expected {total}, the periods of all seasons"
        problems.add(file, what, column="simulation.horizon")
    return tuple(seasons)


def _season(file: str, name: str, table: object, problems: Problems) -> Season:
    where = f"seasons.{name}"
    if not isinstance(table, dict):
        problems.add(file, f"{table!r}: expected a table, written [{where}]", column=where)
        return Season(name, 1)
    if SEASON_SEPARATOR in name:
        problems.add(file, f"{name!r}: expected a name without {SEASON_SEPARATOR!r}", column=where)
    for key in table:
        if key not in _KEYS:
            problems.add(file, f"unknown setting {where}.{key}: {expected_one_of(key, _KEYS)}")
    periods, growth = table.get("periods"), table.get("growth", 1.0)
    if isinstance(periods, bool) or not isinstance(periods, int) or periods < 1:
        found = "missing" if periods is None else repr(periods)
        problems.add(file, f"{found}: expected a whole number of periods, at least 1", column=f"{where}.periods")
        periods = 1
    if isinstance(growth, bool) or not isinstance(growth, int | float) or not 0.0 <= growth < inf:
        problems.add(file, f"{growth!r}: expected a factor on demand, at least 0", column=f"{where}.growth")
        growth = 1.0
    return Season(name, periods, float(growth))


def read_demand(
    rows: Sequence[Record], seasons: Sequence[Season], problems: Problems, sources: DemandSources
) -> dict[str, dict[str, Demand]]:
    """Demand by customer and season, the season "" where there are none.

    A row without a season holds for all of them, times their growth; a season's own row goes before it.
    """
    factors = {season.name: season.growth for season in seasons} or {"": 1.0}
    demand: dict[str, dict[str, Demand]] = {row.text("node"): {} for row in rows}
    sound = [row for row in rows if _is_sound(row, factors, problems)]
    for row in sorted(sound, key=lambda row: bool(row.text("season"))):
        own = row.text("season")
        try:
            for season in (own,) if own else factors:
                demand[row.text("node")][season] = _distribution(row, 1.0 if own else factors[season], sources)
        except ValueError as error:
            problems.add("demand.csv", str(error), row.line)
    _check_complete(rows, demand, factors, problems)
    return {name: {season: of[season] for season in factors if season in of} for name, of in demand.items()}


def _is_sound(row: Record, seasons: Mapping[str, float], problems: Problems) -> bool:
    name, season = row.text("distribution"), row.text("season")
    if problems.in_row("demand.csv", row):
        return False
    if name not in DISTRIBUTIONS:
        problems.add("demand.csv", f"{name!r}: {expected_one_of(name, DISTRIBUTIONS)}", row.line, "distribution")
    elif season and season not in seasons:
        known = [one for one in seasons if one]
        expected = expected_one_of(season, known) if known else "expected a blank, case.toml has no [seasons.NAME]"
        problems.add("demand.csv", f"unknown season {season!r}: {expected}", row.line, "season")
    elif row.values["mean"] is None and name != "empirical":
        problems.add("demand.csv", "blank: expected a number of units per period, at least 0", row.line, "mean")
    else:
        return True
    return False


def _distribution(row: Record, growth: float, sources: DemandSources) -> Demand:
    mean, sd = row.optional_number("mean"), row.optional_number("sd")
    made = make_demand(
        row.text("distribution"),
        None if mean is None else growth * mean,
        None if sd is None else growth * sd,
        row.optional_number("probability"),
        sources.observed(row),
    )
    block, profile = row.optional_number("block"), sources.profile(row)
    made = scaled(made, growth) if isinstance(made, EmpiricalDemand) else made
    return with_dependence(made, profile, None if block is None else int(block), row.optional_number("autocorrelation"))


def _check_complete(
    rows: Sequence[Record], demand: Mapping[str, Mapping[str, Demand]], seasons: Mapping[str, float], problems: Problems
) -> None:
    """Every customer must have a demand in every season."""
    if any(problems.in_row("demand.csv", row) for row in rows):
        return
    for row in {row.text("node"): row for row in reversed(rows)}.values():
        name = row.text("node")
        missing = [season for season in seasons if season not in demand[name]]
        if missing:
            what = f"no demand of {name!r} in {', '.join(missing)}: expected a row for every season (mean 0 for none)"
            problems.add("demand.csv", what, row.line, "season")
