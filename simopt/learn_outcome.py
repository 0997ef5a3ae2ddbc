"""The outcome of `learn`: what is believed of every series, and how good the data and the predictions were."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from simopt.learning.calibration import Calibration
from simopt.learning.quality import Finding


@dataclass(frozen=True)
class LearntSeries:
    """An item at a node.

    Parameters
    ----------
    node, item
        Which.
    observations
        Days with a number.
    pattern
        "regular" or "intermittent".
    mean, sd
        Believed, of a day's demand, units; the parameters' uncertainty is in the standard deviation.
    forecast
        By TSB, units a day; None for regular items.
    level
        Units that suffice for the lead time with the service asked for, as predicted.
    changes
        Dates on which the change-point filter raised an alarm.
    """

    node: str
    item: str
    observations: int
    pattern: str
    mean: float
    sd: float
    forecast: float | None
    level: float
    changes: tuple[str, ...]


@dataclass(frozen=True)
class Learnt:
    """All of it.

    Parameters
    ----------
    source
        Where the data came from.
    first, last
        Dates.
    lead_time, service
        Of the levels.
    series
        Beliefs, by node and item.
    calibration
        Of the one-day predictions of regular items; None without any.
    findings
        The data-quality report.
    snapshots, suppliers
        Rows of the other tables.
    """

    source: str
    first: str
    last: str
    lead_time: int
    service: float
    series: tuple[LearntSeries, ...]
    calibration: Calibration | None
    findings: tuple[Finding, ...]
    snapshots: int
    suppliers: int

    def as_dict(self) -> dict[str, Any]:
        """The content of `result.json`."""
        content = asdict(self)
        if self.calibration is not None:
            content["calibration"]["coverage"] = {f"{p:g}": share for p, share in self.calibration.coverage.items()}
        return content
