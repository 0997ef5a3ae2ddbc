"""What a search is given and what it says: problem, parameters, requests, log, reasons for stopping."""

from dataclasses import dataclass, field
from enum import Enum

import numpy as np

from surrogates.archive import PairingParams
from surrogates.dataset import Box, FloatArray, readonly, require_finite
from surrogates.trust_region import TrustRegionParams


@dataclass(frozen=True, eq=False)
class SearchProblem:
    """Minimize f(x) = sum_k f_k(x[groups[k]]) over a box.

    Attributes
    ----------
    box
        Where x may lie, d coordinates.
    groups
        For every term the coordinates it depends on; together they name each coordinate at least once.
    scale
        Typical size of each coordinate, shape (d,), positive: the unit of the trust region's radius.

    Raises
    ------
    ValueError
        If a group is empty, repeats or invents a coordinate, a coordinate is in no group, or the scale does not fit.
    """

    box: Box
    groups: tuple[tuple[int, ...], ...]
    scale: FloatArray

    def __post_init__(self) -> None:
        object.__setattr__(self, "groups", tuple(tuple(int(i) for i in group) for group in self.groups))
        object.__setattr__(self, "scale", readonly(self.scale))
        require_finite("scale", self.scale, 1)
        dimension = self.box.dimension
        if self.scale.shape != (dimension,) or not (self.scale > 0.0).all():
            raise ValueError(f"scale: expected {dimension} positive numbers, got {self.scale}")
        for k, group in enumerate(self.groups):
            if not group or len(set(group)) < len(group) or not set(group) <= set(range(dimension)):
                raise ValueError(f"groups[{k}]: expected distinct coordinates below {dimension}, got {group}")
        missing = set(range(dimension)).difference(*self.groups)
        if missing:
            raise ValueError(f"groups: expected every coordinate in one at least, got none with {sorted(missing)}")

    @property
    def largest_group(self) -> int:
        """Number of coordinates of the largest group."""
        return max(map(len, self.groups))


@dataclass(frozen=True)
class SearchParams:
    """Schedule and limits of a search; defaults by measurement, see the package's README.

    Attributes
    ----------
    initial_radius, minimum_radius
        Of the trust region, in units of the problem's scale.
    base_points, points_per_dimension
        Points of one design of experiment: base + per dimension * dimension of the largest group.
    later_points
        Points of the designs after the first; None: as many.
    initial_replications
        Replications per point in the first iteration, at least 2.
    replication_growth
        Exponent p: replications grow as (initial radius / radius)^p. ASTRO-DF gives 2 for values with common
        random numbers; 1 was better here because surrogates learn paired differences.
    maximum_replications
        Replications per point never exceed this.
    budget
        Points times replications in total, never exceeded.
    tolerance
        An improvement below this share of the center's mean is negligible.
    patience
        Stop after so many iterations in a row in which neither the model predicts nor the confidence interval holds
        more than a negligible improvement.
    normal_quantile
        Half-widths are this many standard errors.
    pairing
        Which observations a surrogate learns from.
    trust_region
        When to move, expand and shrink.

    Raises
    ------
    ValueError
        If a constant leaves its range, which the message gives.
    """

    initial_radius: float = 0.25
    minimum_radius: float = 0.005
    base_points: int = 4
    points_per_dimension: int = 2
    later_points: int | None = None
    initial_replications: int = 8
    replication_growth: float = 1.0
    maximum_replications: int = 1000
    budget: int = 20_000
    tolerance: float = 1e-4
    patience: int = 3
    normal_quantile: float = 1.96
    pairing: PairingParams = field(default_factory=PairingParams)
    trust_region: TrustRegionParams = field(default_factory=TrustRegionParams)

    def __post_init__(self) -> None:
        least = {
            "base_points": 1,
            "points_per_dimension": 0,
            "initial_replications": 2,
            "maximum_replications": self.initial_replications,
            "replication_growth": 0.0,
            "tolerance": 0.0,
            "patience": 1,
            "normal_quantile": 0.0,
        }
        if self.later_points is not None:
            least["later_points"] = 1
        for name, low in least.items():
            if not getattr(self, name) >= low:
                raise ValueError(f"{name}: expected at least {low}, got {getattr(self, name)}")
        if not 0.0 < self.minimum_radius <= self.initial_radius:
            raise ValueError(
                f"minimum_radius: expected in (0, initial_radius = {self.initial_radius}], got {self.minimum_radius}"
            )

    def points_per_iteration(self, problem: SearchProblem) -> int:
        """Size of one design of experiment, without the center."""
        return self.base_points + self.points_per_dimension * problem.largest_group


DEFAULT_SEARCH = SearchParams()
GRADIENT_SEARCH = SearchParams(
    base_points=6, points_per_dimension=0, later_points=2, pairing=PairingParams(reuse_reach=3.0)
)
"""Where gradients come with the values: each point tells as much as 1 + d."""


@dataclass(frozen=True, eq=False)
class Request:
    """Points to evaluate, all with the same replications.

    Attributes
    ----------
    points
        Shape (m, d).
    replications
        Replications 0, 1, ..., n - 1 of the common random numbers.
    with_gradients
        Whether gradients are wanted too.
    """

    points: FloatArray
    replications: int
    with_gradients: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "points", readonly(self.points))

    @property
    def evaluations(self) -> int:
        """What answering costs: points times replications."""
        return self.points.shape[0] * self.replications


@dataclass(frozen=True)
class Iteration:
    """One line of the search's log.

    Attributes
    ----------
    number
        From 0.
    radius, replications
        In force during the iteration.
    spent
        Points times replications at its end.
    center_mean
        Sample mean of the objective at the center it started from.
    predicted_reduction, actual_reduction
        Of the objective, by the surrogates and by paired evaluation; 0 where the center was the model's minimizer.
    half_width
        Of the actual reduction.
    accepted
        Whether the candidate became the center.
    explained
        Share of the variance of what a surrogate learned from that its leave-one-out predictions explain, the median
        over the groups (`diagnostics.leave_one_out`); None from fitters other than the own kriging.
    """

    number: int
    radius: float
    replications: int
    spent: int
    center_mean: float
    predicted_reduction: float
    actual_reduction: float
    half_width: float
    accepted: bool
    explained: float | None = None

    def negligible(self, tolerance: float) -> bool:
        """Whether neither prediction nor confidence interval holds more than a share of the center's mean."""
        hoped = max(self.predicted_reduction, self.actual_reduction + self.half_width)
        return bool(hoped <= tolerance * np.abs(self.center_mean))


class StopReason(Enum):
    """Why a search stopped; the value says it to a reader and gives advice."""

    RUNNING = "the search has not stopped yet: ask, evaluate, tell"
    MINIMUM_RADIUS = "the trust region shrank below its minimum radius: a local minimum of the sampled objective"
    NO_IMPROVEMENT_LEFT = (
        "what could still be gained is below the tolerance, prediction and confidence interval agree: "
        "a smaller tolerance would search on"
    )
    BUDGET_SPENT = "the replication budget is spent: the incumbent is the best point so far, a larger budget may gain"
