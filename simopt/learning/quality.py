"""From raw tables to tidy ones: what is wrong is found, reported and treated by a stated rule.

    duplicate    the same keys and numbers again: dropped; other numbers: the last row counts
    null         a blank cell: missing
    negative     missing, whatever it was
    outlier      demand beyond the median ± `spread` robust standard deviations of its series (1.4826 · median absolute
                 deviation, of the days with demand): clipped to that bound
    gap          a date without a row between the first and the last of a series: missing, or no demand

What is no number or no date is no matter of quality: the file is refused, with row and column.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from design.errors import BadInputError, expected_one_of
from simopt.learning.sources import NEEDED, TABLES, RawTables, SourceError

Floats = NDArray[np.float64]

GAPS = ("missing", "zero")
MAD_TO_SD = 1.4826
FEW = 8  # days with demand below which nothing is called an outlier
SHOWN = 5


@dataclass(frozen=True)
class Rules:
    """How flaws are treated.

    Parameters
    ----------
    gaps
        "missing": not observed; "zero": no demand.
    spread
        Robust standard deviations beyond which demand is an outlier; 0: none is.
    """

    gaps: str = GAPS[0]
    spread: float = 6.0

    def __post_init__(self) -> None:
        if self.gaps not in GAPS:
            raise BadInputError(f"gaps {self.gaps!r}: {expected_one_of(self.gaps, GAPS)}")
        if not 0.0 <= self.spread < np.inf:
            raise BadInputError(f"spread {self.spread:g}: expected 0 for none, or a number above")


@dataclass(frozen=True)
class Finding:
    """One kind of flaw in one table.

    Parameters
    ----------
    table, kind
        Where, and which.
    count
        Cells, rows or dates.
    treatment
        What was done.
    examples
        Some of them, in words.
    """

    table: str
    kind: str
    count: int
    treatment: str
    examples: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.table}: {self.count:,} {self.kind}, {self.treatment} (e.g. {'; '.join(self.examples)})"


@dataclass(frozen=True, eq=False)
class TidyTables:
    """Clean data.

    Parameters
    ----------
    demand
        Units a day, nan where nothing was observed: rows dates, without holes, columns (node, item).
    inventory
        date, node, item, on_hand, on_order.
    suppliers
        date, supplier, item, lead_time (days), fill_rate (share), capacity (units a day).
    findings
        What was wrong.
    """

    demand: pd.DataFrame
    inventory: pd.DataFrame
    suppliers: pd.DataFrame
    findings: tuple[Finding, ...]


def tidy(raw: RawTables, rules: Rules | None = None) -> TidyTables:
    """Clean all tables.

    Raises
    ------
    SourceError
        If a date or number cannot be read, a key is blank, or there is no demand at all.
    """
    cleaner = _Cleaner(raw, rules or Rules())
    long = {name: cleaner.table(name) for name in TABLES}
    return TidyTables(
        cleaner.series(long[NEEDED]), long["inventory_snapshots"], long["supplier_metrics"], tuple(cleaner.findings)
    )


class _Cleaner:
    def __init__(self, raw: RawTables, rules: Rules) -> None:
        self.raw, self.rules = raw, rules
        self.findings: list[Finding] = []

    def table(self, name: str) -> pd.DataFrame:
        """Typed and without duplicates."""
        found, (keys, numbers) = self.raw.tables[name].copy(), TABLES[name]
        if name == NEEDED and found.empty:
            raise SourceError(f"{self.raw.files[name]}: no rows: expected at least one")
        found["date"] = self._dates(name, found["date"])
        for key in keys[1:]:
            found[key] = found[key].str.strip()
            self._refuse(name, key, found[key], found[key] == "", "a name")
        for column in numbers:
            found[column] = self._numbers(name, column, found[column])
        return self._without_duplicates(name, found, list(keys))

    def _dates(self, name: str, cells: pd.Series) -> pd.Series:
        dates = pd.to_datetime(cells.str.strip().str.slice(0, 10), format="%Y-%m-%d", errors="coerce")
        self._refuse(name, "date", cells, dates.isna(), "a date such as 2026-01-31")
        return dates

    def _numbers(self, name: str, column: str, cells: pd.Series) -> pd.Series:
        text = cells.str.strip()
        values = pd.to_numeric(text.where(text != "", "nan"), errors="coerce").astype(np.float64)
        is_blank = text.str.lower().isin(["", "nan", "null", "none"])
        self._refuse(name, column, cells, (values.isna() & ~is_blank) | np.isinf(values), "a number, or blank")
        if name == NEEDED:
            self._note(name, "blank quantities", is_blank, "missing", cells)
        negative = values < 0.0
        self._note(name, f"negative values of {column}", negative, "missing", cells)
        return values.mask(negative)

    def _refuse(self, name: str, column: str, cells: pd.Series, bad: pd.Series, expected: str) -> None:
        if bad.any():
            row = bad.idxmax()
            raise SourceError(f"{self.raw.files[name]} row {row} column {column}: {cells[row]!r}: expected {expected}")

    def _note(self, name: str, kind: str, flags: pd.Series, treatment: str, cells: pd.Series) -> None:
        if flags.any():
            rows = flags.index[flags][:SHOWN]
            examples = tuple(f"row {row}" + (f": {cells[row]}" if cells[row] else "") for row in rows)
            self.findings.append(Finding(self.raw.files[name], kind, int(flags.sum()), treatment, examples))

    def _without_duplicates(self, name: str, found: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
        same = found.duplicated(keep="first")
        self._note(name, "repeated rows", same, "dropped", found["date"].dt.strftime("%Y-%m-%d"))
        found = found[~same]
        earlier = found.duplicated(keys, keep="last")
        dates = found["date"].dt.strftime("%Y-%m-%d")
        self._note(name, "rows that a later one contradicts", earlier, "the last one counts", dates)
        return found[~earlier].sort_values(keys).reset_index(drop=True)

    def series(self, demand: pd.DataFrame) -> pd.DataFrame:
        """One column a node and item, one row a day."""
        wide = demand.pivot(index="date", columns=["node", "item"], values="quantity")
        wide = wide.reindex(pd.date_range(wide.index.min(), wide.index.max(), freq="D"))
        there = demand.assign(row=1.0).pivot(index="date", columns=["node", "item"], values="row").reindex(wide.index)
        self._fill_gaps(wide, there.notna().to_numpy())
        self._clip_outliers(wide)
        return wide

    def _fill_gaps(self, wide: pd.DataFrame, there: NDArray[np.bool_]) -> None:
        inside = np.maximum.accumulate(there, axis=0) & np.maximum.accumulate(there[::-1], axis=0)[::-1]
        gaps = inside & ~there
        if gaps.any():
            treatment = "taken as not observed" if self.rules.gaps == "missing" else "taken as no demand"
            self._note_cells("dates without a row", gaps, treatment, wide)
            if self.rules.gaps == "zero":
                wide.mask(gaps, 0.0, inplace=True)

    def _clip_outliers(self, wide: pd.DataFrame) -> None:
        if self.rules.spread == 0.0:
            return
        values = wide.to_numpy()
        positive = np.where(values > 0.0, values, np.nan)
        enough = (~np.isnan(positive)).sum(axis=0) >= FEW
        center = np.full(values.shape[1], np.nan)
        sd = np.full(values.shape[1], np.nan)
        if enough.any():
            center[enough] = np.nanmedian(positive[:, enough], axis=0)
            sd[enough] = MAD_TO_SD * np.nanmedian(np.abs(positive[:, enough] - center[enough]), axis=0)
        reach = self.rules.spread * np.where(sd > 0.0, sd, np.nan)
        low, high = np.maximum(center - reach, 0.0), center + reach
        with np.errstate(invalid="ignore"):
            out = (values > high) | ((values > 0.0) & (values < low))
        if out.any():
            self._note_cells("outliers", out, "clipped to the bound", wide)
            wide.iloc[:, :] = np.where(out, np.clip(values, low, high), values)

    def _note_cells(self, kind: str, flags: NDArray[np.bool_], treatment: str, wide: pd.DataFrame) -> None:
        rows, columns = np.nonzero(flags)
        examples = tuple(
            f"{'/'.join(map(str, wide.columns[c]))} on {wide.index[r]:%Y-%m-%d}"
            + ("" if np.isnan(wide.iat[r, c]) else f": {wide.iat[r, c]:g}")
            for r, c in list(zip(rows, columns, strict=True))[:SHOWN]
        )
        self.findings.append(Finding(self.raw.files[NEEDED], kind, int(flags.sum()), treatment, examples))


def as_dict(findings: tuple[Finding, ...]) -> list[Mapping[str, object]]:
    """The data-quality report for a file."""
    return [
        {
            "table": one.table,
            "kind": one.kind,
            "count": one.count,
            "treatment": one.treatment,
            "examples": list(one.examples),
        }
        for one in findings
    ]
