"""Tables beside demand.csv: profiles, histories, correlations; read, checked and written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from design.cells import number_parser, parse_count, parse_text
from design.correlation import Correlation
from design.demand import (
    AutocorrelatedDemand,
    BlockBootstrapDemand,
    Demand,
    EmpiricalDemand,
    ProfiledDemand,
    demand_parameters,
)
from design.errors import BadInputError, expected_one_of
from design.network import Network
from design.products import SEPARATOR
from design.records import point_record
from design.seasons import in_season
from design.tables import Column, Problems, Record, read_table, write_table

PROFILES = "profiles.csv"
CORRELATIONS = "correlations.csv"
PROFILE_COLUMNS = (
    Column("profile", parse_text, "", required=True),
    Column("period", parse_count, 1, required=True),
    Column("factor", number_parser(0.0), 1.0, required=True),
)
CORRELATION_COLUMNS = (
    Column("node", parse_text, "", required=True),
    Column("product", parse_text, ""),
    Column("with", parse_text, "", required=True),
    Column("with_product", parse_text, ""),
    Column("correlation", number_parser(-1.0, "", 1.0), 0.0, required=True),
)
_HISTORY_COLUMNS = (
    Column("period", parse_count, 1, required=True),
    Column("node", parse_text, "", required=True),
    Column("product", parse_text, ""),
    Column("demand", number_parser(0.0, "units"), 0.0, required=True),
)

Series = dict[tuple[str, str], tuple[float, ...]]


@dataclass
class DemandSources:
    """What rows of demand.csv refer to.

    Parameters
    ----------
    folder
        Of the case.
    problems
        Collects what is wrong with the files.
    profiles
        Factors by name.
    """

    folder: Path
    problems: Problems
    profiles: Mapping[str, tuple[float, ...]]
    _histories: dict[str, Series] = field(default_factory=dict)

    @classmethod
    def of(cls, folder: Path, rows: Sequence[Record], problems: Problems) -> DemandSources:
        """The sources of a case folder; a profile that no row of demand.csv names is a problem."""
        profiles = _read_profiles(folder / PROFILES, problems)
        named = {row.text("profile") for row in rows}
        for name in profiles:
            if name not in named and not problems.in_file("demand.csv"):
                problems.add(PROFILES, f"profile {name!r}: expected one that a row of demand.csv names")
        return cls(folder, problems, profiles)

    def profile(self, row: Record) -> tuple[str, tuple[float, ...]] | None:
        """Name and factors of the profile of a row; None without one. ValueError if it is unknown."""
        name = row.text("profile")
        if not name:
            return None
        if name not in self.profiles:
            known = expected_one_of(name, self.profiles) if self.profiles else f"expected one that {PROFILES} gives"
            raise ValueError(f"unknown profile {name!r}: {known}")
        return name, self.profiles[name]

    def observed(self, row: Record) -> EmpiricalDemand | None:
        """The history that a row names; None without one. ValueError if it has no rows for the node."""
        name = row.text("history")
        if not name:
            return None
        if Path(name).name != name or not name.endswith(".csv"):
            raise ValueError(f"history {name!r}: expected the name of a .csv file in the case folder")
        if name not in self._histories:
            self._histories[name] = _read_history(self.folder / name, self.problems)
        series = self._histories[name]
        site, product = str(row.values.get("site") or row.text("node")), row.text("product")
        observations = series.get((site, product)) or series.get((site, ""))
        if observations is None:
            of = f"{site!r}, product {product!r}" if product else repr(site)
            raise ValueError(f"history {name!r} has no rows for {of}: expected its demand of past periods")
        return EmpiricalDemand(observations, name)


def _read_profiles(path: Path, problems: Problems) -> dict[str, tuple[float, ...]]:
    """Factors of each profile in the order of their periods."""
    if not path.exists():
        return {}
    found: dict[str, dict[int, float]] = {}
    for row in read_table(path, PROFILE_COLUMNS, problems):
        factors, period = found.setdefault(row.text("profile"), {}), int(row.number("period"))
        if period in factors:
            what = f"duplicate period {period} of {row.text('profile')!r}: expected once"
            problems.add(PROFILES, what, row.line, "period")
        factors[period] = row.number("factor")
    for name, factors in found.items():
        _check_periods(PROFILES, f"profile {name!r}", factors, 1, problems)
        if factors and not any(factors.values()):
            problems.add(PROFILES, f"profile {name!r} is 0 in all periods: expected a factor above 0")
    return {name: tuple(factors[k] for k in sorted(factors)) for name, factors in found.items()}


def _check_periods(file: str, what: str, numbers: Mapping[int, float], first: int, problems: Problems) -> None:
    """Consecutive periods from the first on."""
    missing = max(numbers) + 1 - first - sum(k >= first for k in numbers)
    if missing and not problems.in_file(file):
        lacking = next(k for k in count(first) if k not in numbers)
        more = f" and {missing - 1} more" if missing > 1 else ""
        problems.add(file, f"{what} has no row for period {lacking}{more}: expected one for every period")


def _read_history(path: Path, problems: Problems) -> Series:
    """Demand of past periods by node and product, in the order of time."""
    found: dict[tuple[str, str], dict[int, float]] = {}
    for row in read_table(path, _HISTORY_COLUMNS, problems):
        key, period = (row.text("node"), row.text("product")), int(row.number("period"))
        demand = found.setdefault(key, {})
        if period in demand:
            what = f"duplicate period {period} of {_shown(key)}: expected once"
            problems.add(path.name, what, row.line, "period")
        demand[period] = row.number("demand")
    for key, demand in found.items():
        _check_periods(path.name, _shown(key), demand, min(demand), problems)
    return {key: tuple(demand[k] for k in sorted(demand)) for key, demand in found.items()}


def _shown(key: tuple[str, str]) -> str:
    return repr(_point(*key))


def _point(site: str, product: str) -> str:
    return f"{site}{SEPARATOR}{product}" if product else site


def read_correlation(folder: Path, demand: Mapping[str, Mapping[str, Demand]], problems: Problems) -> Correlation:
    """Correlations between customers, in every season.

    Parameters
    ----------
    folder
        Of the case.
    demand
        By customer, then by season.
    problems
        Collects what is wrong.
    """
    path = folder / CORRELATIONS
    if not path.exists():
        return Correlation()
    pairs: list[tuple[str, str, float]] = []
    first: dict[frozenset[str], int] = {}
    for row in read_table(path, CORRELATION_COLUMNS, problems):
        for one, other in _pairs(row, demand, problems):
            line = first.setdefault(frozenset((one, other)), row.line)
            if line != row.line:
                what = f"duplicate correlation of {one!r} with {other!r}: expected once, first in row {line}"
                problems.add(CORRELATIONS, what, row.line)
            pairs.append((one, other, row.number("correlation")))
    seasons = next(iter(demand.values()), {})
    found = Correlation(
        tuple(
            (in_season(one, season), in_season(other, season), value) if season else (one, other, value)
            for one, other, value in pairs
            for season in seasons
        )
    )
    flat = {in_season(name, s) if s else name: d for name, of in demand.items() for s, d in of.items()}
    if not problems.in_file(CORRELATIONS):
        _check_matrix(found, flat, problems)
    return found


def _pairs(row: Record, demand: Mapping[str, Mapping[str, Demand]], problems: Problems) -> list[tuple[str, str]]:
    """The customers that a row correlates: of its products, or of every product that both sites have."""
    if problems.in_row(CORRELATIONS, row):
        return []
    site, product = row.text("node"), row.text("product")
    other, other_product = row.text("with"), row.text("with_product") or product
    if other_product and not product:
        problems.add(CORRELATIONS, "blank beside with_product: expected a product", row.line, "product")
        return []
    products = [name.split(SEPARATOR)[-1] for name in demand if name.startswith(site + SEPARATOR)]
    tried = [(_point(site, product), _point(other, other_product))]
    if not product and site not in demand:
        tried = [(_point(site, p), _point(other, p)) for p in products]
    found = [pair for pair in tried if pair[0] in demand and pair[1] in demand]
    if not found:
        name, column = (site, "node") if not tried or tried[0][0] not in demand else (other, "with")
        known = sorted({key.split(SEPARATOR)[0] for key in demand})
        hint = expected_one_of(name, known) if name not in known else "expected a product that both have"
        problems.add(CORRELATIONS, f"no demand of {name!r}: {hint}", row.line, column)
    if any(one == same for one, same in found):
        problems.add(CORRELATIONS, f"{other!r} with itself: expected another customer", row.line, "with")
        return []
    return found


def _check_matrix(correlation: Correlation, demand: Mapping[str, Demand], problems: Problems) -> None:
    """Correlations that there can be, of customers whose scores run alike in time."""
    contradiction = correlation.contradiction()
    if contradiction is not None:
        problems.add(CORRELATIONS, f"{contradiction}, expected one of at least 0 (positive semidefinite)")
    for group in correlation.groups:
        first = demand[group[0]]
        for name in group:
            if isinstance(demand[name], BlockBootstrapDemand):
                what = f"{name!r} is drawn in blocks: expected no correlation with others, or no block in demand.csv"
                problems.add(CORRELATIONS, what)
            elif _autocorrelation(demand[name]) != _autocorrelation(first):
                what = f"autocorrelation {_autocorrelation(demand[name]):g} of {name!r} beside "
                what += f"{_autocorrelation(first):g} of {group[0]!r}: expected the same for correlated customers"
                problems.add(CORRELATIONS, what)


def _autocorrelation(demand: Demand) -> float:
    return demand.autocorrelation if isinstance(demand, AutocorrelatedDemand) else 0.0


def save_demand_files(
    folder: Path, network: Network, demand: Mapping[str, Demand], correlation: Correlation
) -> dict[str, str]:
    """Write the tables that these demands need, and remove profiles and correlations that they do not.

    Returns
    -------
    dict
        Name of the history of each customer that has one.

    Raises
    ------
    BadInputError
        If two profiles have the same name.
    """
    profiles: dict[str, tuple[float, ...]] = {}
    histories: dict[str, Series] = {}
    names: dict[str, str] = {}
    for customer, given in demand.items():
        for part in _layers(given):
            if isinstance(part, ProfiledDemand) and profiles.setdefault(part.profile, part.factors) != part.factors:
                raise BadInputError(f"profile {part.profile!r}: expected the same factors for all customers")
            if isinstance(part, EmpiricalDemand):
                node = network.node(customer)
                names[customer] = _place(histories, part, (node.place, node.product), node.season)
    rows = [
        {"profile": name, "period": number + 1, "factor": factor}
        for name, factors in profiles.items()
        for number, factor in enumerate(factors)
    ]
    _write_or_remove(folder / PROFILES, PROFILE_COLUMNS, rows)
    _write_or_remove(folder / CORRELATIONS, CORRELATION_COLUMNS, list(_correlation_rows(network, correlation)))
    for name, series in histories.items():
        write_table(folder / name, _HISTORY_COLUMNS, list(_history_rows(series)))
    return names


def _layers(demand: Demand) -> Iterator[Demand]:
    """A demand and what it is made of."""
    yield demand
    if isinstance(demand, AutocorrelatedDemand | BlockBootstrapDemand | ProfiledDemand):
        yield from _layers(demand.base)


def _place(histories: dict[str, Series], demand: EmpiricalDemand, key: tuple[str, str], season: str) -> str:
    """The file a history is written to: its own, or another where a season has other numbers."""
    for name in (demand.history, f"{Path(demand.history).stem}-{season}.csv"):
        series = histories.setdefault(name, {})
        if series.setdefault(key, demand.observations) == demand.observations:
            return name
    raise BadInputError(f"history {demand.history!r}: expected one series for {_shown(key)} and season")


def _correlation_rows(network: Network, correlation: Correlation) -> Iterator[dict[str, Any]]:
    first = network.seasons[:1] or ("",)
    for one, other, value in correlation.pairs:
        if network.node(one).season in first:
            own, others = ({"product": "", **point_record(network, name)} for name in (one, other))
            products = {"product": own["product"], "with_product": others["product"]}
            yield {"node": own["node"], "with": others["node"], **products, "correlation": value}


def _history_rows(series: Series) -> Iterator[dict[str, Any]]:
    for (site, product), demand in series.items():
        for number, value in enumerate(demand, start=1):
            yield {"period": number, "node": site, "product": product, "demand": value}


def _write_or_remove(path: Path, columns: Sequence[Column], rows: Sequence[Mapping[str, Any]]) -> None:
    if rows:
        write_table(path, columns, rows)
    else:
        path.unlink(missing_ok=True)


def demand_rows(network: Network, demand: Mapping[str, Demand], histories: Mapping[str, str]) -> list[dict[str, Any]]:
    """Rows of demand.csv."""
    rows = [
        {"product": "", "season": "", **point_record(network, n), **demand_parameters(d)} for n, d in demand.items()
    ]
    return [{**row, "history": histories.get(name, "")} for name, row in zip(demand, rows, strict=True)]
