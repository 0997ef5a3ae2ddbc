"""Steps of a run whose answers are kept, so that an interrupted run can be taken up again.

A run is a fixed sequence of expensive steps: programs solved, levels searched, batches simulated. Whoever makes such a
step hands it to a recorder. One that records nothing just makes it; the journal of a run folder
(`simopt.reporting.journal`) writes the answer down, and gives a resumed run the answers it knows in the place of
making the steps. So a resumed run goes through the same states as one that was never interrupted.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")
Floats = NDArray[np.float64]
FEW = 8  # numbers that are written one by one


def _always(_: object) -> bool:
    return True


@dataclass(frozen=True)
class Codec(Generic[T]):
    """How an answer is written down.

    Parameters
    ----------
    encode, decode
        To what JSON knows, and back without loss.
    is_whole
        Whether an answer is final; one that a time limit or an interrupt cut short is not kept.
    """

    encode: Callable[[T], Any]
    decode: Callable[[Any], T]
    is_whole: Callable[[T], bool] = _always


class Recorder(Protocol):
    """Makes steps, or answers them by what an earlier process wrote down."""

    def value(self, kind: str, compute: Callable[[], T], codec: Codec[T]) -> T:
        """A step whose answer is kept.

        Parameters
        ----------
        kind
            What the step is, the same whenever the run comes here.
        compute
            Makes it; deterministic.
        codec
            How the answer is written down.
        """

    def group(self, kind: str, compute: Callable[[], T]) -> T:
        """A step that is done again, but quickly: the steps inside it are kept once all of it is done."""

    def clock(self) -> float:
        """Seconds of work; while a run is replayed it stands where it stood."""

    def stop(self) -> None:
        """Keep nothing from here on: what follows rests on a step that was cut short."""


class Unrecorded:
    """A `Recorder` that makes every step and keeps nothing."""

    def value(self, kind: str, compute: Callable[[], T], codec: Codec[T]) -> T:  # noqa: ARG002
        """Make the step."""
        return compute()

    def group(self, kind: str, compute: Callable[[], T]) -> T:  # noqa: ARG002
        """Make the step."""
        return compute()

    def clock(self) -> float:
        """Seconds, `time.monotonic`."""
        return monotonic()

    def stop(self) -> None:
        """Nothing is kept anyway."""


UNRECORDED = Unrecorded()


def packed(values: Floats) -> Any:
    """An array as JSON: a list of few numbers, or shape and compressed bytes, base64."""
    if values.ndim == 1 and len(values) <= FEW:
        return [float(value) for value in values]
    data = zlib.compress(np.ascontiguousarray(values, dtype="<f8").tobytes(), 1)
    return {"shape": list(values.shape), "data": base64.b64encode(data).decode("ascii")}


def unpacked(content: Any) -> Floats:
    """The inverse of `packed`."""
    if isinstance(content, list):
        return np.array(content, dtype=np.float64)
    data = zlib.decompress(base64.b64decode(content["data"]))
    return np.frombuffer(data, dtype="<f8").reshape(content["shape"]).astype(np.float64)


NUMBERS: Codec[list[float]] = Codec(list, list)
