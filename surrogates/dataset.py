"""Points with noisy values, and the boxes they live in."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]


def readonly(values: ArrayLike) -> FloatArray:
    """Copy into a float array that nobody can write to.

    Parameters
    ----------
    values
        Anything numpy turns into numbers, of any shape.

    Returns
    -------
    An independent copy, flag ``writeable`` off.
    """
    array = np.array(values, dtype=np.float64)
    array.setflags(write=False)
    return array


def require_finite(name: str, array: FloatArray, ndim: int) -> None:
    """Raise when an array has the wrong number of axes or holds NaN or infinity.

    Raises
    ------
    ValueError
        Naming the argument, what was expected and what came.
    """
    if array.ndim != ndim:
        raise ValueError(f"{name}: expected {ndim} axes, got shape {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name}: expected finite numbers, got {int((~np.isfinite(array)).sum())} that are not")


@dataclass(frozen=True, eq=False)
class Box:
    """An axis-parallel box of positive width in every dimension.

    Attributes
    ----------
    lower, upper
        Corners, shape (d,), read-only copies, ``lower < upper``.

    Raises
    ------
    ValueError
        If the corners differ in shape, are not finite, or leave a dimension without width.
    """

    lower: FloatArray
    upper: FloatArray

    def __post_init__(self) -> None:
        object.__setattr__(self, "lower", readonly(self.lower))
        object.__setattr__(self, "upper", readonly(self.upper))
        require_finite("lower", self.lower, 1)
        require_finite("upper", self.upper, 1)
        if self.lower.shape != self.upper.shape:
            raise ValueError(f"upper: expected shape {self.lower.shape} as lower has, got {self.upper.shape}")
        flat = np.flatnonzero(self.lower >= self.upper)
        if flat.size:
            first = flat[0]
            raise ValueError(
                f"upper[{first}]: expected more than lower[{first}] = {self.lower[first]}, got {self.upper[first]}"
            )

    @property
    def dimension(self) -> int:
        """Number of coordinates d."""
        return self.lower.size

    @property
    def width(self) -> FloatArray:
        """Side lengths, shape (d,)."""
        return self.upper - self.lower

    def to_unit(self, points: FloatArray) -> FloatArray:
        """Map points (..., d) of the box to the unit cube."""
        return (points - self.lower) / self.width

    def from_unit(self, unit: FloatArray) -> FloatArray:
        """Map points (..., d) of the unit cube into the box; rounding never leaves it."""
        return self.clip(self.lower + unit * self.width)

    def clip(self, points: FloatArray) -> FloatArray:
        """Move points (..., d) to the nearest points of the box."""
        return np.clip(points, self.lower, self.upper)

    def contains(self, points: FloatArray) -> NDArray[np.bool_]:
        """Tell for points (..., d) which lie in the closed box, shape (...)."""
        return np.asarray(((points >= self.lower) & (points <= self.upper)).all(axis=-1))

    def intersect(self, other: "Box") -> "Box":
        """Common part of two boxes.

        Raises
        ------
        ValueError
            If nothing of positive width is common.
        """
        return Box(np.maximum(self.lower, other.lower), np.minimum(self.upper, other.upper))


@dataclass(frozen=True, eq=False)
class Dataset:
    """What a surrogate learns from.

    Attributes
    ----------
    points
        Where the function was observed, shape (m, d).
    values
        Observed means, shape (m,).
    noise_variance
        Variance of each observed mean around the true value, shape (m,); known, unequal, zero allowed.
    gradients
        Observed derivatives, shape (m, d), or None.
    gradient_noise_variance
        Variance of each observed derivative, shape (m, d); None with gradients: zero.
    noise_covariance
        Covariance of the observed means' errors, shape (m, m), its diagonal ``noise_variance``, where common random
        numbers make them dependent; None: independent.

    Raises
    ------
    ValueError
        If shapes disagree, there is no point, a number is not finite, a variance is negative or given for gradients
        that are not, or the covariance is not symmetric or has another diagonal.
    """

    points: FloatArray
    values: FloatArray
    noise_variance: FloatArray
    gradients: FloatArray | None = None
    gradient_noise_variance: FloatArray | None = None
    noise_covariance: FloatArray | None = None

    def __post_init__(self) -> None:
        for name, ndim in (("points", 2), ("values", 1), ("noise_variance", 1)):
            self._freeze(name, ndim)
        if 0 in self.points.shape:
            raise ValueError(f"points: expected at least one point and one coordinate, got shape {self.points.shape}")
        for name in ("values", "noise_variance"):
            self._require_shape(name, (self.size,))
        self._check_gradients()
        if self.noise_variance.min() < 0.0:
            raise ValueError(f"noise_variance: expected nothing below 0, got {self.noise_variance.min()}")
        if self.noise_covariance is not None:
            self._freeze("noise_covariance", 2)
            self._require_shape("noise_covariance", (self.size, self.size))
            if not np.allclose(self.noise_covariance, self.noise_covariance.T):
                raise ValueError("noise_covariance: expected a symmetric matrix, got another")
            if not np.allclose(self.noise_covariance.diagonal(), self.noise_variance):
                raise ValueError("noise_covariance: expected noise_variance on its diagonal, got another")

    @property
    def noise_matrix(self) -> FloatArray:
        """Covariance of the observed means' errors, shape (m, m)."""
        return np.diag(self.noise_variance) if self.noise_covariance is None else self.noise_covariance

    def _check_gradients(self) -> None:
        if self.gradients is None:
            if self.gradient_noise_variance is not None:
                raise ValueError("gradient_noise_variance: expected gradients too, got none")
            return
        if self.gradient_noise_variance is None:
            object.__setattr__(self, "gradient_noise_variance", np.zeros(self.points.shape))
        for name in ("gradients", "gradient_noise_variance"):
            self._freeze(name, 2)
            self._require_shape(name, self.points.shape)
        if self.gradient_noise_variance.min() < 0.0:  # type: ignore[union-attr]
            raise ValueError("gradient_noise_variance: expected nothing below 0, got a negative number")

    def _freeze(self, name: str, ndim: int) -> None:
        object.__setattr__(self, name, readonly(getattr(self, name)))
        require_finite(name, getattr(self, name), ndim)

    def _require_shape(self, name: str, expected: tuple[int, ...]) -> None:
        shape = getattr(self, name).shape
        if shape != expected:
            raise ValueError(f"{name}: expected shape {expected}, one per point, got {shape}")

    @property
    def size(self) -> int:
        """Number of points m."""
        return self.points.shape[0]

    @property
    def dimension(self) -> int:
        """Number of coordinates d."""
        return self.points.shape[1]
