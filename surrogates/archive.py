"""Everything evaluated so far, and the paired differences surrogates learn from."""

from dataclasses import dataclass, replace

import numpy as np

from surrogates.dataset import Dataset, FloatArray, readonly, require_finite
from surrogates.trust_region import TrustRegion


@dataclass(frozen=True, eq=False)
class Observation:
    """One evaluated point.

    Attributes
    ----------
    point
        Shape (d,).
    values
        Every group's value in every replication, shape (replication, group); replication r used the same random
        numbers at every point.
    """

    point: FloatArray
    values: FloatArray

    def __post_init__(self) -> None:
        object.__setattr__(self, "point", readonly(self.point))
        object.__setattr__(self, "values", readonly(self.values))
        require_finite("point", self.point, 1)
        require_finite("values", self.values, 2)

    @property
    def replications(self) -> int:
        """Number of replications."""
        return self.values.shape[0]


@dataclass(frozen=True)
class PairingParams:
    """Which observations a group's surrogate learns from, and how noisy it takes them to be.

    Attributes
    ----------
    reuse_reach
        Observations count as local up to this many radii from the center, in the group's own coordinates.
    points_per_dimension
        At most this many points per coordinate of the group, nearest first.
    independent_noise
        Share of the sampling error at full replications that is taken as independent between points. With common
        random numbers the errors of neighbors are nearly equal, so that the sample average is a smooth function;
        0 fits exactly this function, 1 treats every error as fresh.

    Raises
    ------
    ValueError
        If a constant leaves its range, which the message gives.
    """

    reuse_reach: float = 1.5
    points_per_dimension: int = 10
    independent_noise: float = 0.0

    def __post_init__(self) -> None:
        if not self.reuse_reach >= 1.0:
            raise ValueError(f"reuse_reach: expected at least 1, got {self.reuse_reach}")
        if self.points_per_dimension < 3:
            raise ValueError(f"points_per_dimension: expected at least 3, got {self.points_per_dimension}")
        if not 0.0 <= self.independent_noise <= 1.0:
            raise ValueError(f"independent_noise: expected a share in [0, 1], got {self.independent_noise}")


@dataclass(frozen=True, eq=False)
class Archive:
    """Observations in the order in which their points first came."""

    observations: tuple[Observation, ...] = ()

    def find(self, point: FloatArray) -> Observation | None:
        """Look a point up; equal means equal in every bit."""
        return next((seen for seen in self.observations if np.array_equal(seen.point, point)), None)

    def replications(self, point: FloatArray) -> int:
        """Replications a point has, 0 where it was never evaluated."""
        seen = self.find(point)
        return 0 if seen is None else seen.replications

    def add(self, points: FloatArray, values: FloatArray) -> "Archive":
        """Store new observations; a longer run of a known point replaces the shorter one.

        Parameters
        ----------
        points
            Shape (m, d).
        values
            Shape (point, replication, group).
        """
        archive = self
        for observation in map(Observation, points, values):
            archive = archive._with(observation)
        return archive

    def _with(self, observation: Observation) -> "Archive":
        known = self.find(observation.point)
        if known is None:
            return replace(self, observations=(*self.observations, observation))
        longer = max(known, observation, key=lambda seen: seen.replications)
        return replace(self, observations=tuple(longer if seen is known else seen for seen in self.observations))


def paired_difference(observation: Observation, center: Observation) -> FloatArray:
    """Differences to the center under common random numbers, shape (common replications, group)."""
    common = min(observation.replications, center.replications)
    return observation.values[:common] - center.values[:common]


def group_dataset(
    archive: Archive, region: TrustRegion, group: int, coordinates: tuple[int, ...], params: PairingParams
) -> Dataset:
    """Collect what one group's surrogate learns: differences to the center, over the group's own coordinates.

    A point enters if its coordinates *of this group* are near the center, wherever the others are. Let s^2 be the
    paired sample variance of its difference, r its replications, n the center's. Around the sample average over n
    replications its mean has variance s^2 (1/r - 1/n), around the truth s^2/r; ``independent_noise`` w chooses
    between them: s^2 (1/r - (1 - w)/n).

    Parameters
    ----------
    archive
        Holds the center and at least one more point.
    region
        The present trust region.
    group
        Column of the values.
    coordinates
        The coordinates this group's value depends on, k of them.
    params
        Reach, size, noise.

    Returns
    -------
    Points (m, k), mean differences (m,), their noise variances (m,); the center comes first, with value and noise 0.

    Raises
    ------
    ValueError
        If the center was never evaluated.
    """
    center = archive.find(region.center)
    if center is None:
        raise ValueError(f"archive: expected an observation of the center {region.center}, got none")
    columns = list(coordinates)
    points = np.array([seen.point for seen in archive.observations])
    distance = region.offsets(points)[:, columns].max(axis=1)
    nearest = np.argsort(distance, kind="stable")[: params.points_per_dimension * len(columns)]
    chosen = nearest[distance[nearest] <= params.reuse_reach]

    values, noise = np.zeros(chosen.size), np.zeros(chosen.size)
    for row, index in enumerate(chosen):
        difference = paired_difference(archive.observations[index], center)[:, group]
        unexplained = 1.0 / difference.size - (1.0 - params.independent_noise) / center.replications
        values[row] = difference.mean()
        noise[row] = difference.var(ddof=1) * unexplained
    return Dataset(points[np.ix_(chosen, columns)], values, noise)
