"""A box of trust around the incumbent, and the rule that moves and resizes it.

References
----------
Conn, Gould & Toint (2000), Trust-Region Methods, SIAM, algorithm 6.1.1 and the constants after it.
Nocedal & Wright (2006), Numerical Optimization, 2nd edition, algorithm 4.1.
"""

from dataclasses import dataclass, replace

import numpy as np

from surrogates.dataset import Box, FloatArray, readonly, require_finite


@dataclass(frozen=True)
class TrustRegionParams:
    """When to move, expand and shrink.

    Attributes
    ----------
    accept
        Smallest ratio of actual to predicted reduction at which the candidate becomes the center (0.1 as in ASTRO-DF's
        published code; Conn et al. suggest 0.01 without noise).
    expand_above
        Ratio from which the model is trusted to reach further (Nocedal & Wright 3/4, Conn et al. 0.9).
    expansion, shrinkage
        Factors of the radius: 2 as in Nocedal & Wright, 1/2 as in Conn et al.
    edge
        Share of the radius a step must have gone for the region to expand; a step that stops inside shows that the
        region did not hold it back (Nocedal & Wright ask for 1).
    largest_radius
        Upper limit of the radius, in units of the scale.

    Raises
    ------
    ValueError
        If a constant leaves its range, which the message gives.
    """

    accept: float = 0.1
    expand_above: float = 0.75
    expansion: float = 2.0
    shrinkage: float = 0.5
    edge: float = 0.8
    largest_radius: float = np.inf

    def __post_init__(self) -> None:
        ranges = {
            "accept": (0.0, self.expand_above),
            "expand_above": (self.accept, 1.0),
            "expansion": (1.0, np.inf),
            "shrinkage": (0.0, 1.0),
            "edge": (0.0, 1.0),
            "largest_radius": (0.0, np.inf),
        }
        for name, (low, high) in ranges.items():
            value = getattr(self, name)
            if not low <= value <= high or value == 0.0:
                raise ValueError(f"{name}: expected a positive number in [{low}, {high}], got {value}")


@dataclass(frozen=True, eq=False)
class TrustRegion:
    """A box around a center, cut off at the box of the whole problem.

    Attributes
    ----------
    center
        Shape (d,), inside ``box``.
    radius
        Half side length in units of ``scale``, positive.
    scale
        Typical size of each coordinate, shape (d,), positive.
    box
        The whole problem's box.

    Raises
    ------
    ValueError
        If shapes disagree, the center lies outside the box, or radius or scale is not positive.
    """

    center: FloatArray
    radius: float
    scale: FloatArray
    box: Box

    def __post_init__(self) -> None:
        for name in ("center", "scale"):
            object.__setattr__(self, name, readonly(getattr(self, name)))
            require_finite(name, getattr(self, name), 1)
            if getattr(self, name).shape != self.box.lower.shape:
                raise ValueError(
                    f"{name}: expected shape {self.box.lower.shape} as the box has, got {getattr(self, name).shape}"
                )
        if not self.box.contains(self.center):
            raise ValueError(f"center: expected a point of the box, got {self.center}")
        if not self.radius > 0.0 or not (self.scale > 0.0).all():
            raise ValueError(f"radius, scale: expected positive numbers, got {self.radius}, {self.scale}")

    @property
    def local_box(self) -> Box:
        """The trust region itself: center +/- radius * scale, inside the problem's box."""
        reach = self.radius * self.scale
        return Box(self.center - reach, self.center + reach).intersect(self.box)

    def offsets(self, points: FloatArray) -> FloatArray:
        """Distances of points (..., d) to the center in radii, per coordinate, shape (..., d)."""
        return np.abs(points - self.center) / (self.radius * self.scale)


def step(
    region: TrustRegion, ratio: float, candidate: FloatArray, params: TrustRegionParams = TrustRegionParams()
) -> TrustRegion:
    """Move, expand or shrink after one candidate was evaluated.

    Parameters
    ----------
    region
        The present trust region.
    ratio
        Actual over predicted reduction; -inf where no reduction was predicted.
    candidate
        The model's minimizer in the region, shape (d,).
    params
        Thresholds and factors.

    Returns
    -------
    The next trust region: centered at the candidate if ``ratio >= accept``, larger if ``ratio >= expand_above`` and
    the step went to the edge, smaller if the candidate was refused.

    Raises
    ------
    ValueError
        If the ratio is NaN, or an accepted candidate lies outside the box.
    """
    if np.isnan(ratio):
        raise ValueError("ratio: expected a number or an infinity, got nan")
    if ratio < params.accept:
        return replace(region, radius=region.radius * params.shrinkage)
    reached = float(region.offsets(candidate).max())
    grows = ratio >= params.expand_above and reached >= params.edge
    radius = region.radius * params.expansion if grows else region.radius
    return replace(region, center=candidate, radius=min(radius, params.largest_radius))
