"""What a certificate is told, what it proves, and what one round and one batch of fresh paths say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from design.network import Component, Design
from design.recorder import Codec
from simopt.optimization.global_levels_types import GlobalLevels, NestedParams
from simopt.optimization.search_state import Incumbent


@dataclass(frozen=True)
class CertificateParams:
    """Confidence and effort.

    Parameters
    ----------
    confidence
        That all claims hold at once.
    indifference
        Share of the incumbent's cost within which another design is taken as equally good.
    batches, replications
        Batches of a round, and replications of a batch in the first round.
    max_rounds
        Rounds at most, each of twice the replications.
    max_designs
        Designs compared one by one at most.
    time_limit
        Seconds after which no new round, design or check is begun.
    nested
        Effort of the global check of a component's levels.
    """

    confidence: float = 0.95
    indifference: float = 0.001
    batches: int = 20
    replications: int = 256
    max_rounds: int = 4
    max_designs: int = 200
    time_limit: float = np.inf
    nested: NestedParams = field(default_factory=NestedParams)

    def __post_init__(self) -> None:
        if not 0.5 <= self.confidence < 1.0 or not 0.0 <= self.indifference < 1.0:
            raise ValueError(f"confidence and indifference: expected shares, got {self}")
        if self.batches < 2 or self.replications < 1 or self.max_rounds < 1 or self.max_designs < 1:
            raise ValueError(f"certificate: expected at least two batches and positive limits, got {self}")


@dataclass(frozen=True)
class Certificate:
    """What was proven.

    Parameters
    ----------
    holds
        Whether no design beats the incumbent by more than the indifference, at the confidence.
    confidence
        Of that claim; None where it does not hold.
    incumbent
        The design it speaks of: the search's, or a better one found on the way.
    num_designs
        Designs compared one by one.
    excluded_above
        Bound of all others, money over the horizon.
    statement
        The claim in words, or why there is none.
    global_levels
        Whether the levels of every design compared were checked globally.
    minimized
        How, in words.
    margin
        What the incumbent exceeds its fill-rate targets by, money over the horizon; None without targets.
    """

    holds: bool
    confidence: float | None
    incumbent: Incumbent
    num_designs: int
    excluded_above: float
    statement: str
    global_levels: bool = False
    minimized: str = ""
    margin: float | None = None


@dataclass(frozen=True, eq=False)
class Limits:
    """What one round of fresh data says, each at the error of one limit; differences are to the incumbent's cost.

    Parameters
    ----------
    incumbent_upper
        Upper limit of the incumbent's cost.
    lower
        Lower limit of each design's difference at its best levels.
    upper
        Upper limit of each design's difference at the levels of the search.
    service
        Lower limit of what each target of the case is exceeded by, units over the horizon.
    margin
        What that is worth, money over the horizon.
    """

    incumbent_upper: float
    lower: Mapping[Design, float]
    upper: Mapping[Design, float]
    service: Mapping[str, float]
    margin: float


@dataclass(frozen=True, eq=False)
class Batch:
    """Mean costs on one batch: the incumbent's, raw and by control variate; components' at best and found levels.

    With targets all are Lagrangians, and `margin` is what the incumbent exceeds its targets by, in money.
    """

    incumbent: float
    incumbent_by_control: float
    least: Mapping[Component, float]
    found: Mapping[Component, float]
    margin: float


def batch_codec(components: Sequence[Component]) -> Codec[Batch]:
    """How batches of these components are written down."""

    def encode(batch: Batch) -> list[Any]:
        least, found = [batch.least[c] for c in components], [batch.found[c] for c in components]
        return [batch.incumbent, batch.incumbent_by_control, least, found, batch.margin]

    def decode(content: list[Any]) -> Batch:
        own, by_control, least, found, margin = content
        at_best, at_found = (dict(zip(components, costs, strict=True)) for costs in (least, found))
        return Batch(own, by_control, at_best, at_found, margin)

    return Codec(encode, decode)


def claim_of_levels(confidence: float, indifference: float, minimized: str) -> str:
    """What a certificate that holds says of a network with a single design."""
    return (
        f"with confidence {100 * confidence:g}% (asymptotic, conditional on the search) no base-stock levels of this "
        "design, the only one that the lanes allow, cost on average more than "
        f"{100 * indifference:g}% less than these; {minimized}"
    )


def claim(confidence: float, indifference: float, num_designs: int, minimized: str, margin: float | None = None) -> str:
    """What a certificate that holds says."""
    levels, this = "base-stock levels", "this one"
    if margin is not None:
        levels += " that meet the fill-rate targets"
        this += f" without its safety margin over the targets (worth about {margin:.2f})"
    return (
        f"with confidence {100 * confidence:g}% (asymptotic, conditional on the search) no single-sourcing design "
        f"with any {levels} costs on average more than {100 * indifference:g}% less than {this}; "
        f"{num_designs} designs were optimized, the others excluded by the bound; {minimized}"
    )


def how_minimized(checks: set[GlobalLevels | None]) -> str:
    """What the certificate says of the levels."""
    done = [check for check in checks if check is not None]
    if len(done) < len(checks):
        return "levels minimized from one start on every batch, assumed global"
    points = min((check.points for check in done if check.points is not None), default=None)
    if points is None:
        return "levels minimized globally, each node's exactly, then along gradients on every batch"
    step = max(check.relative_step for check in done)
    return (
        f"levels minimized globally on a grid of at least {points} values per upper level, refined to steps of "
        f"{step:.2f} standard deviations of its demand, with exact inner minimization, then along gradients on every "
        "batch"
    )
