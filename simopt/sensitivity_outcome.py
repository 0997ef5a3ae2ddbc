"""The outcome of `sensitivity`: what a case and its variants cost, and how their networks differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from simopt.differences import DesignChange, design_as_dict
from simopt.result import Result


@dataclass(frozen=True, eq=False)
class Variant:
    """A changed case, solved.

    Parameters
    ----------
    name
        What was changed, in words.
    parameter, factor
        Column that was multiplied and by how much; "" and None for a patch.
    result
        Its solution.
    change
        From the network of the case as it is.
    """

    name: str
    parameter: str
    factor: float | None
    result: Result
    change: DesignChange

    def as_dict(self) -> dict[str, Any]:
        """One of `variants` in `result.json`."""
        levels = {row.node: row.level for row in self.result.performance.nodes}
        bound = self.result.lower_bound
        return {
            "name": self.name,
            "parameter": self.parameter,
            "factor": self.factor,
            "status": self.result.status,
            "cost": asdict(self.result.performance.cost),
            "lower_bound": None if bound is None else asdict(bound),
            "gap": self.result.gap,
            **design_as_dict(self.result.lanes, levels),
            **self.change.as_dict(),
        }


@dataclass(frozen=True, eq=False)
class Sensitivity:
    """A family of cases.

    Parameters
    ----------
    case, seed
        What was varied, and the seed that all share.
    base
        The case as it is.
    variants
        In the order they were asked for.
    versions
        Of the packages.
    """

    case: str
    seed: int
    base: Variant
    variants: tuple[Variant, ...]
    versions: Mapping[str, str]

    def as_dict(self) -> dict[str, Any]:
        """Content of `result.json`."""
        return {
            "case": self.case,
            "seed": self.seed,
            "base": self.base.as_dict(),
            "variants": [variant.as_dict() for variant in self.variants],
            "versions": dict(self.versions),
        }
