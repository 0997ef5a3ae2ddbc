"""What a Gaussian process is told apart from its data."""

from dataclasses import dataclass

from surrogates.dataset import FloatArray, readonly


@dataclass(frozen=True, eq=False)
class Hyperparameters:
    """Length-scales and process variance, in the units of the data.

    Attributes
    ----------
    length_scales
        Shape (d,), positive.
    variance
        Process variance s^2, positive.
    """

    length_scales: FloatArray
    variance: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "length_scales", readonly(self.length_scales))
        if not (self.length_scales > 0.0).all() or not self.variance > 0.0:
            raise ValueError(
                f"hyper-parameters: expected positive numbers, got length_scales {self.length_scales}, "
                f"variance {self.variance}"
            )
