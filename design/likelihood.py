"""Maximum likelihood over cells of recorded demand, by Fisher scoring of many samples at once; goodness of fit."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from design.demand import Floats
from design.families import Family

Model = Callable[[Floats], tuple[Floats, Floats]]
_STEP = 1e-4
_CELLS = 32
_BATCH, _ENOUGH, _MOST = 100, 20, 1000
_TAILS = (0.003, 0.01, 0.99, 0.997)


def observed_cells(values: Floats) -> tuple[Floats, Floats]:
    """Cells that hold one distinct value each, and the gaps between: their largest values and their counts.

    The last cell has no largest value; shapes (cell - 1,) and (cell,).
    """
    upper = np.unique(np.concatenate((values, values[values > 0.0] - 1.0)))
    counts = np.bincount(np.searchsorted(upper, values), minlength=len(upper) + 1)
    return upper, counts.astype(np.float64)


def maximize(
    model: Model, counts: Floats, start: Floats, bounds: tuple[Floats, Floats], rounds: int
) -> tuple[Floats, Floats]:
    """Parameter vectors of greatest likelihood and their log-likelihoods.

    Fisher scoring; a step that does not raise the likelihood is halved.

    Parameters
    ----------
    model
        Probabilities of the cells, shape (sample, cell), and their derivatives, shape (sample, parameter, cell), at
        parameter vectors, shape (sample, parameter).
    counts
        Observations in each cell, shape (sample, cell).
    start
        Parameter vector to start from, shape (parameter,).
    bounds
        Least and greatest entries.
    rounds
        Evaluations at most.
    """
    best = np.full(len(counts), -np.inf)
    theta = trial = np.tile(np.clip(start, *bounds), (len(counts), 1))
    step = np.zeros_like(theta)
    for _ in range(rounds):
        mass, slopes = model(trial)
        value = (counts * np.log(mass)).sum(-1)
        rises = value > best
        scored = np.clip(_scoring_step(counts, mass, slopes), -1.0, 1.0)
        theta, best = np.where(rises[:, None], trial, theta), np.where(rises, value, best)
        step = np.where(rises[:, None], scored, 0.5 * step)
        trial = np.clip(theta + step, *bounds)
        if np.abs(trial - theta).max() < 1e-6:
            break
    return theta, best


def fit_family(family: Family, values: Floats) -> tuple[Floats, float]:
    """Parameter vector of greatest likelihood of recorded values, and the log of that likelihood."""
    upper, counts = observed_cells(values)
    shifts = _STEP * np.eye(family.num_parameters)
    points = np.concatenate((np.zeros((1, len(shifts))), shifts, -shifts))

    def model(theta: Floats) -> tuple[Floats, Floats]:
        mass = family.probabilities(theta[:, None, :] + points, upper)
        up, down = mass[:, 1 : 1 + len(shifts)], mass[:, 1 + len(shifts) :]
        return mass[:, 0], (up - down) / (2.0 * _STEP)

    bounds = np.array(family.lower), np.array(family.upper)
    rounds = 1 if family.start_is_best else 60
    theta, best = maximize(model, counts[None, :], family.start(values), bounds, rounds)
    return theta[0], float(best[0])


def _scoring_step(counts: Floats, mass: Floats, slopes: Floats) -> Floats:
    relative = slopes / mass[:, None, :]
    score = (relative * counts[:, None, :]).sum(-1)
    information = counts.sum(-1)[:, None, None] * np.einsum("spc,sqc->spq", relative, slopes)
    size = information.shape[-1]
    ridge = 1e-9 * (1.0 + np.trace(information, axis1=1, axis2=2))
    return np.linalg.solve(information + ridge[:, None, None] * np.eye(size), score[..., None])[..., 0]


def anderson_darling(counts: Floats, mass: Floats) -> Floats:
    """A² of grouped data against cell probabilities (Choulakian, Lockhart & Stephens 1994), shape (sample,)."""
    total = counts.sum(-1, keepdims=True)
    below = np.cumsum(mass, -1)[..., :-1]
    gap = np.cumsum(counts - total * mass, -1)[..., :-1]
    weight = mass[..., :-1] / np.maximum(below * (1.0 - below), 1e-12)
    return (gap**2 * weight).sum(-1) / total[..., 0]


def equal_cells(family: Family, theta: Floats) -> Floats:
    """Largest values of cells that are about equally likely, with finer ones in the tails."""
    levels = np.sort(np.concatenate((np.arange(1, _CELLS) / _CELLS, _TAILS)))
    low, high = np.full(len(levels), -1.0), np.full(len(levels), 1.0)
    while (short := family.tails(theta, high)[0] < levels).any() and high.max() < 1e15:
        high[short] *= 4.0
    while (high - low).max() > 1.0:
        middle = np.floor(0.5 * (low + high))
        reached = family.tails(theta, np.maximum(middle, 0.0))[0] >= levels
        reached &= middle >= 0.0
        low, high = np.where(reached, low, middle), np.where(reached, middle, high)
    return np.unique(high)


def goodness_of_fit(family: Family, theta: Floats, values: Floats, rng: np.random.Generator) -> tuple[float, float]:
    """A² of recorded values under a fitted family, and its p-value by parametric bootstrap.

    Every bootstrap sample is fitted anew, in the same cells as the data, with the cells' log-probabilities expanded to
    second order around the data's own fit. Sampling ends after 20 statistics at least as large as that of the data
    (Besag & Clifford 1991) or 1,000 samples.
    """
    upper = equal_cells(family, theta)
    counts = np.bincount(np.searchsorted(upper, values), minlength=len(upper) + 1).astype(np.float64)
    model = expansion(family, theta, upper)
    mass, slopes = model(np.zeros((1, len(theta))))
    reach = 5.0 / np.sqrt(len(values) * np.einsum("pc,pc->p", slopes[0] / mass, slopes[0]) + 1.0)

    def statistic(samples: Floats) -> Floats:
        fitted, _ = maximize(model, samples, np.zeros_like(theta), (-reach, reach), rounds=8)
        return anderson_darling(samples, model(fitted)[0])

    observed = statistic(counts[None, :])[0]
    extreme, drawn = 0, 0
    while drawn < _MOST:
        samples = rng.multinomial(len(values), mass[0], _BATCH).astype(np.float64)
        larger = np.cumsum(statistic(samples) >= observed * (1.0 - 1e-9) - 1e-12)
        if extreme + larger[-1] >= _ENOUGH:
            return float(observed), _ENOUGH / (drawn + 1 + int(np.searchsorted(larger, _ENOUGH - extreme)))
        extreme, drawn = extreme + int(larger[-1]), drawn + _BATCH
    return float(observed), (extreme + 1) / (drawn + 1)


def expansion(family: Family, theta: Floats, upper: Floats) -> Model:
    """Cell probabilities whose logarithms are quadratic in the distance from a parameter vector, with their slopes."""
    size, step = len(theta), 1e-3
    shifts = step * np.eye(size)
    pairs = shifts[:, None, :] + shifts[None, :, :]

    def logs(points: Floats) -> Floats:
        return np.log(family.probabilities(theta + points, upper))

    center, up, down = logs(np.zeros(size)), logs(shifts), logs(-shifts)
    slope = (up - down) / (2.0 * step)
    mixed = (logs(pairs) + logs(-pairs) - up[:, None] - up - down[:, None] - down + 2.0 * center) / (2.0 * step**2)
    curve = np.where(np.eye(size, dtype=bool)[..., None], ((up + down - 2.0 * center) / step**2)[:, None], mixed)

    def model(distance: Floats) -> tuple[Floats, Floats]:
        bent = np.einsum("sp,pqc->sqc", distance, curve)
        log = center + distance @ slope + 0.5 * np.einsum("sqc,sq->sc", bent, distance)
        mass = np.exp(log - log.max(-1, keepdims=True))
        mass = np.maximum(mass / mass.sum(-1, keepdims=True), 1e-300)
        relative = slope + bent
        return mass, mass[:, None, :] * (relative - np.einsum("sqc,sc->sq", relative, mass)[..., None])

    return model
