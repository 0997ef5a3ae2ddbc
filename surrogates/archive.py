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
    gradients
        Derivatives of the sum over the groups in every replication, shape (replication, d), or None.
    """

    point: FloatArray
    values: FloatArray
    gradients: FloatArray | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "point", readonly(self.point))
        object.__setattr__(self, "values", readonly(self.values))
        require_finite("point", self.point, 1)
        require_finite("values", self.values, 2)
        if self.gradients is not None:
            object.__setattr__(self, "gradients", readonly(self.gradients))
            require_finite("gradients", self.gradients, 2)

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
    largest_dataset
        At most this many points per surrogate; best replicated first, then nearest.
    separation
        Points closer than this many radii to one already taken, in the group's coordinates, are left out.
    independent_noise
        Share of the sampling error at full replications that is taken as independent between points. With common
        random numbers the errors of neighbors are nearly equal, so that the sample average is a smooth function;
        0 fits exactly this function, 1 treats every error as fresh.
    by_covariance
        Whether surrogates learn means, told the covariance of their errors between points, instead of differences to
        the center.

    Raises
    ------
    ValueError
        If a constant leaves its range, which the message gives.
    """

    reuse_reach: float = 2.0
    largest_dataset: int = 40
    separation: float = 0.1
    independent_noise: float = 0.0
    by_covariance: bool = False

    def __post_init__(self) -> None:
        if not self.reuse_reach >= 1.0:
            raise ValueError(f"reuse_reach: expected at least 1, got {self.reuse_reach}")
        if self.largest_dataset < 3:
            raise ValueError(f"largest_dataset: expected at least 3 points, got {self.largest_dataset}")
        if not 0.0 <= self.separation <= 1.0:
            raise ValueError(f"separation: expected in [0, 1], got {self.separation}")
        if not 0.0 <= self.independent_noise <= 1.0:
            raise ValueError(f"independent_noise: expected a share in [0, 1], got {self.independent_noise}")


@dataclass(frozen=True, eq=False)
class Archive:
    """Observations in the order in which their points first came."""

    observations: tuple[Observation, ...] = ()

    def find(self, point: FloatArray) -> Observation | None:
        """Look a point up; equal means equal in every bit."""
        return next((seen for seen in self.observations if np.array_equal(seen.point, point)), None)

    def at(self, point: FloatArray) -> Observation:
        """Look up a point that must be there.

        Raises
        ------
        ValueError
            If the point was never evaluated.
        """
        seen = self.find(point)
        if seen is None:
            raise ValueError(f"archive: expected an observation at {point}, got none")
        return seen

    def replications(self, point: FloatArray) -> int:
        """Replications a point has, 0 where it was never evaluated."""
        seen = self.find(point)
        return 0 if seen is None else seen.replications

    def add(self, points: FloatArray, values: FloatArray, gradients: FloatArray | None = None) -> "Archive":
        """Store new observations; a longer run of a known point replaces the shorter one.

        Parameters
        ----------
        points
            Shape (m, d).
        values
            Shape (point, replication, group).
        gradients
            Shape (point, replication, d), or None.
        """
        archive = self
        slopes = [None] * len(points) if gradients is None else gradients
        for observation in map(Observation, points, values, slopes):
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
    """Collect what one group's surrogate learns, over the group's own coordinates: differences to the center, or means.

    A point enters if its coordinates *of this group* are near the center, wherever the others are. Let s^2 be the
    paired sample variance of its difference, r its replications, n the center's. Around the sample average over n
    replications its mean has variance s^2 (1/r - 1/n), around the truth s^2/r; ``independent_noise`` w chooses
    between them: s^2 (1/r - (1 - w)/n). By covariance, the means of points with r and r' replications have errors of
    covariance s_xx' / max(r, r') around the truth (the shorter run is part of the longer), s_xx' the sample covariance
    over the replications that all have.

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
    Points (m, k), mean differences (m,), their noise variances (m,); the center comes first, with value and noise 0. By
    covariance: means, and the covariance of their errors.

    Raises
    ------
    ValueError
        If the center was never evaluated.
    """
    center = archive.at(region.center)
    columns = list(coordinates)
    points = np.array([seen.point for seen in archive.observations])
    replications = np.array([seen.replications for seen in archive.observations])
    chosen = _choose(points, replications, region, columns, params)
    if params.by_covariance:
        return _with_covariance([archive.observations[row] for row in chosen], points[np.ix_(chosen, columns)], group)
    values, noise = np.zeros(len(chosen)), np.zeros(len(chosen))
    for row, index in enumerate(chosen):
        difference = paired_difference(archive.observations[index], center)[:, group]
        unexplained = 1.0 / difference.size - (1.0 - params.independent_noise) / center.replications
        values[row] = difference.mean()
        noise[row] = difference.var(ddof=1) * unexplained
    return Dataset(points[np.ix_(chosen, columns)], values, noise)


def _with_covariance(seen: list[Observation], points: FloatArray, group: int) -> Dataset:
    replications = np.array([one.replications for one in seen])
    common = replications.min()
    matrix = np.atleast_2d(np.cov(np.array([one.values[:common, group] for one in seen])))
    covariance = matrix / np.maximum.outer(replications, replications)
    means = np.array([one.values[:, group].mean() for one in seen])
    return Dataset(points, means, covariance.diagonal(), noise_covariance=covariance)


def _choose(
    points: FloatArray, replications: FloatArray, region: TrustRegion, columns: list[int], params: PairingParams
) -> list[int]:
    """Rows near the center and apart from each other, the center first, then the best replicated and nearest.

    Coordinates shared by many candidates would otherwise crowd a small group's data set; interpolating such a crowd
    makes any model oscillate.
    """
    reach = region.radius * region.scale[columns]
    offsets = (points[:, columns] - region.center[columns]) / reach
    distance = np.abs(offsets).max(axis=1)
    at_center = (points == region.center).all(axis=1)
    chosen: list[int] = []
    for row in np.lexsort((distance, -replications, ~at_center)):
        if distance[row] > params.reuse_reach or len(chosen) == params.largest_dataset:
            continue
        apart = np.abs(offsets[chosen] - offsets[row]).max(axis=1) >= params.separation
        if apart.all():
            chosen.append(int(row))
    return chosen
