"""What all groups together learn where gradients of their sum are observed."""

import numpy as np

from surrogates.additive_kriging import JointData
from surrogates.archive import Archive, PairingParams, paired_difference
from surrogates.dataset import FloatArray
from surrogates.trust_region import TrustRegion

LEAST_POINTS = 6
MOST_OBSERVATIONS = 700


def joint_data(archive: Archive, region: TrustRegion, params: PairingParams) -> JointData:
    """Collect differences to the center and gradients, both paired replication by replication.

    Let a point have r replications and the center n. Its mean difference to the center has variance s^2 (1/r - 1/n)
    around that over n replications, s^2 the paired sample variance; so has its gradient, once the center's gradient on
    the same r replications is replaced by that on n.

    Parameters
    ----------
    archive
        Observations with gradients; holds the center.
    region
        The present trust region.
    params
        Points within ``reuse_reach`` radii in all coordinates enter, the nearest six from anywhere; at most
        ``largest_dataset``, fewer where that makes more than 700 values and derivatives.

    Raises
    ------
    ValueError
        If the center was never evaluated, or an observation has no gradient.
    """
    center = archive.at(region.center)
    each = center.values.shape[1] + region.center.size
    most = min(params.largest_dataset, max(LEAST_POINTS, MOST_OBSERVATIONS // each))
    points = np.array([seen.point for seen in archive.observations])
    distance = region.offsets(points).max(axis=1)
    order = np.argsort(distance, kind="stable")[:most]
    chosen = [row for rank, row in enumerate(order) if rank < LEAST_POINTS or distance[row] <= params.reuse_reach]

    rows = []
    for row in chosen:
        seen = archive.observations[row]
        difference = paired_difference(seen, center)
        common = len(difference)
        slopes, slopes_at_center = _gradients(seen.gradients), _gradients(center.gradients)
        apart = slopes[:common] - slopes_at_center[:common]
        unexplained = 1.0 / common - (1.0 - params.independent_noise) / center.replications
        rows.append(
            (
                difference.mean(axis=0),
                difference.var(axis=0, ddof=1) * unexplained,
                apart.mean(axis=0) + slopes_at_center.mean(axis=0),
                apart.var(axis=0, ddof=1) * unexplained,
            )
        )
    return JointData(points[chosen], *(np.array(column) for column in zip(*rows, strict=True)))


def _gradients(found: FloatArray | None) -> FloatArray:
    if found is None:
        raise ValueError("archive: expected gradients with every observation, got none")
    return found
