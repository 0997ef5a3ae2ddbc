"""Bayesian online change-point detection (Adams & MacKay 2007) of many series at once.

In every period demand starts afresh with probability h: mean and variance are drawn anew from a broad prior. Kept is
the probability of each run length r (periods since the last change) with the normal-inverse-gamma belief of that run:

    P(r + 1, x_1..t) = P(r, x_1..t-1) π_r(x_t) (1 - h)        P(0, x_1..t) = Σ_r P(r, x_1..t-1) π_r(x_t) h

The run from the very beginning has the informed belief it began with and a place of its own; runs longer than a bound
are merged into one. A change takes effect after the period in which it is drawn, as in the paper.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from simopt.learning.conjugate import NormalBelief

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
T = TypeVar("T", np.float64, np.bool_)

BLOCK = 256  # series: their arrays stay in the processor's cache, and small enough not to be mapped anew


@dataclass(frozen=True)
class ChangeSettings:
    """How changes are looked for.

    Parameters
    ----------
    hazard
        h: probability of a change in a period, above 0, below 1.
    spread
        A new regime's mean differs from the old prior's by about this share of it.
    worth
        Observations that the prior of a new regime's variance is worth.
    longest
        Run length from which runs are merged, periods.
    window
        A change counts as recent for so many periods.
    threshold, calm
        Probability of a recent change from which there is an alarm, and below which the next one is possible.
    """

    hazard: float = 1.0 / 1000.0
    spread: float = 0.5
    worth: float = 8.0
    longest: int = 45
    window: int = 14
    threshold: float = 0.18
    calm: float = 0.05


class ChangePointFilter:
    """Beliefs over run lengths of series of any shape.

    Parameters
    ----------
    prior
        Informed belief in the beginning.
    settings
        How changes are looked for.
    """

    def __init__(self, prior: NormalBelief, settings: ChangeSettings | None = None) -> None:
        self.prior, self.settings = prior, settings or ChangeSettings()
        self._shape = prior.mean.shape
        parts = [np.broadcast_to(one, self._shape).ravel() for one in vars(prior).values()]
        self._cuts = [slice(k, k + BLOCK) for k in range(0, parts[0].size, BLOCK)]
        self._blocks = [_Block(NormalBelief(*(one[cut] for one in parts)), self.settings) for cut in self._cuts]

    def see(self, demand: Floats) -> Flags:
        """Take the demand of a period, nan where nothing was observed; which series raise an alarm."""
        flat = np.broadcast_to(demand, self._shape).ravel()
        return self._joined([block.see(flat[cut]) for block, cut in zip(self._blocks, self._cuts, strict=True)])

    @property
    def recent(self) -> Floats:
        """Probability of a change within the window; not of one after the newest observation, which nothing shows."""
        return self._joined([block.recent for block in self._blocks])

    @property
    def probability(self) -> Floats:
        """Of every run, first that from the beginning, then that which begins now, 1 period old, ...: (run, ...)."""
        found = np.concatenate([block.probability for block in self._blocks], axis=1)
        return found.reshape(-1, *self._shape)

    def moments(self, periods: NDArray[np.int64] | int = 1) -> tuple[Floats, Floats]:
        """Mean and variance of demand over so many periods, if no change comes: over all run lengths."""
        n = np.broadcast_to(np.asarray(periods, dtype=np.float64), self._shape).ravel()
        found = [block.moments(n[cut]) for block, cut in zip(self._blocks, self._cuts, strict=True)]
        mean, variance = (self._joined(list(one)) for one in zip(*found, strict=True))
        return mean, variance

    def _joined(self, parts: list[NDArray[T]]) -> NDArray[T]:
        return np.concatenate(parts).reshape(self._shape)


class _Block:
    """So many series that their arrays stay in the processor's cache; place 0 is the run from the beginning."""

    def __init__(self, prior: NormalBelief, settings: ChangeSettings) -> None:
        self.prior, self.settings = prior, settings
        places = settings.longest + 2
        sd2 = np.maximum(prior.sd2, 1e-300)
        jump = np.maximum(settings.spread * np.abs(prior.mean), 1e-12)
        alpha = np.full_like(prior.mean, 1.0 + 0.5 * settings.worth)
        self.fresh = NormalBelief(prior.mean, sd2 / jump**2, alpha, sd2 * alpha)
        shape = (places, *prior.mean.shape)
        self.mean, self.weight, self.shape, self.scale = (
            np.broadcast_to(part, shape).copy()
            for part in (self.fresh.mean, self.fresh.weight, self.fresh.shape, self.fresh.scale)
        )
        for own, part in zip(self._parts, (prior.mean, prior.weight, prior.shape, prior.scale), strict=True):
            own[0] = part
        self.probability = np.zeros(shape)
        self.probability[0] = 1.0
        self._in_alarm = np.zeros(prior.mean.shape, dtype=bool)
        self._filled = 1  # places that may have probability

    @property
    def _parts(self) -> tuple[Floats, Floats, Floats, Floats]:
        return self.mean, self.weight, self.shape, self.scale

    def see(self, demand: Floats) -> Flags:
        """Of its series."""
        some, there = slice(0, self._filled), ~np.isnan(demand)
        mean, weight, shape, scale = (part[some] for part in self._parts)
        off, n = np.where(there, demand - mean, 0.0), there.astype(np.float64)
        spread = scale * (weight + 1.0) / (shape * weight)
        logs = np.where(there, _log_student(off, spread, shape), 0.0)
        logs -= logs.max(axis=0)
        joint = self.probability[some] * np.exp(logs)
        joint /= joint.sum(axis=0)
        grown = joint * (1.0 - self.settings.hazard)
        after = weight + n
        scale = scale + 0.5 * weight * off**2 / after
        self._shift((mean + off / after, after, shape + 0.5 * n, scale), grown)
        return self._alarms()

    def _shift(self, after: tuple[Floats, Floats, Floats, Floats], grown: Floats) -> None:
        """Every run but the first one period longer; a new one; the two longest merged."""
        filled, places = self._filled, len(self.probability)
        full = filled == places
        for own, new in zip(self._parts, after, strict=True):
            own[0] = new[0]
            if full:
                last = grown[-2] + grown[-1]
                share = np.where(last > 0.0, grown[-1] / np.where(last > 0.0, last, 1.0), 0.0)
                merged = share * new[-1] + (1.0 - share) * new[-2]
                own[2:] = new[1:-1]
                own[-1] = merged
            else:
                own[2 : filled + 1] = new[1:]
        for own, fresh in zip(
            self._parts, (self.fresh.mean, self.fresh.weight, self.fresh.shape, self.fresh.scale), strict=True
        ):
            own[1] = fresh
        probability = self.probability
        probability[0] = grown[0]
        if full:
            merged = grown[-2] + grown[-1]
            probability[2:] = grown[1:-1]
            probability[-1] = merged
        else:
            probability[2 : filled + 1] = grown[1:]
        probability[1] = self.settings.hazard
        self._filled = min(filled + 1, places)

    def _alarms(self) -> Flags:
        recent = self.recent
        alarm = (recent >= self.settings.threshold) & ~self._in_alarm
        self._in_alarm = (self._in_alarm | alarm) & (recent >= self.settings.calm)
        return alarm

    @property
    def recent(self) -> Floats:
        """Of its series."""
        return np.asarray(self.probability[2 : 2 + self.settings.window].sum(axis=0))

    def moments(self, n: Floats) -> tuple[Floats, Floats]:
        """Of the mixture over run lengths."""
        some = slice(0, self._filled)
        mean, weight, shape, scale = (part[some] for part in self._parts)
        probability = self.probability[some].copy()
        probability[1:2] = 0.0  # a change after the newest observation
        probability /= probability.sum(axis=0)
        center = (probability * mean).sum(axis=0)
        inside = scale / (shape - 1.0) * (n + n**2 / weight)
        between = n**2 * (mean - center) ** 2
        return n * center, (probability * (inside + between)).sum(axis=0)


def _log_student(off: Floats, spread: Floats, shape: Floats) -> Floats:
    """Log density of Student's t with 2α degrees of freedom and scale² `spread`, but for a constant.

    log Γ(α + 1/2) - log Γ(α) - (log α)/2 by its asymptotic series, to 0.001 at α = 1, to 1e-6 from 4 on.
    """
    inverse = 1.0 / shape
    series = inverse * (-0.125 + inverse**2 * (1.0 / 192.0 - inverse**2 / 640.0))
    return np.asarray(series - 0.5 * np.log(spread) - (shape + 0.5) * np.log1p(0.5 * inverse * off**2 / spread))
