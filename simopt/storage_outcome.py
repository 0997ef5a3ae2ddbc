"""What storage that products share means for a design: one object of `storage` in `result.json` for each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from simopt.simulation.estimate import Estimate
from simopt.simulation.evaluate import Evaluation


@dataclass(frozen=True)
class StorageOutcome:
    """The storage of one used site, in one season.

    Parameters
    ----------
    site, season
        Where; the season is "" where there is one.
    capacity
        Units of capacity.
    mean_used
        Room taken at the end of a period on average.
    overflow
        What room taken above the capacity costs, money over the horizon; part of the nodes' holding costs.
    """

    site: str
    season: str
    capacity: float
    mean_used: float
    overflow: Estimate

    def as_dict(self) -> dict[str, Any]:
        """The object."""
        season = {"season": self.season} if self.season else {}
        cost = {"mean": self.overflow.mean, "half_width": self.overflow.half_width}
        return {"site": self.site, **season, "capacity": self.capacity, "mean_used": self.mean_used, "overflow": cost}


def storage_outcomes(evaluation: Evaluation) -> tuple[StorageOutcome, ...]:
    """Every shared storage of a used site."""
    sample = evaluation.storage
    if sample is None:
        return ()
    return tuple(
        StorageOutcome(one.place, one.season, one.capacity, float(used), Estimate.of(costs))
        for one, used, costs in zip(sample.storages, sample.used, sample.costs.T, strict=True)
    )
