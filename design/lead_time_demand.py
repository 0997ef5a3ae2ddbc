"""Distribution of one customer's demand over several periods, on a grid."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

import numpy as np
from scipy import special
from scipy.stats import qmc

from design.demand import AutocorrelatedDemand, BlockBootstrapDemand, Demand, Floats, ProfiledDemand
from design.demand_process import LEAST_UNIFORM, MOST_UNIFORM, phases_of
from design.grid_distribution import (
    MAX_POINTS,
    STEPS_PER_DEVIATION,
    GridDistribution,
    mixture,
    of_values,
    one_period,
    single_period,
    sum_of,
    trimmed,
    value_range,
)

__all__ = ["GridDistribution", "lead_time_demand", "phase_demand", "time_directions"]

SAMPLES = 1 << 14


def lead_time_demand(demand: Demand, num_periods: int, step: float | None = None) -> GridDistribution:
    """Demand over `num_periods` independent periods, by convolution on a grid.

    One period's demand is moved to its two neighboring grid points in the proportion that keeps the mean, so the mean
    is exact, whole-unit demand is exact, and the variance of other demand is too large by about step²/6 a period. The
    grid covers all but 1e-13 of the mean; its step is 1 for whole units, else the deviation over 512, coarser only
    where more than 131,072 points would be needed.

    Parameters
    ----------
    demand
        Distribution of one period.
    num_periods
        Periods at risk, at least 0.
    step
        Of the grid, units; None: chosen as above.
    """
    deviation = demand.standard_deviation
    if num_periods == 0 or demand.mean == 0.0:
        return GridDistribution(0.0, 1.0, np.ones(1))
    if isinstance(demand, AutocorrelatedDemand | BlockBootstrapDemand | ProfiledDemand):
        step = step or _step(phases_of(demand) * num_periods, num_periods)
        return mixture([phase_demand(demand, num_periods, p, step) for p in range(len(phases_of(demand)))], step)
    if deviation <= 1e-9 * demand.mean:
        return GridDistribution(num_periods * demand.mean, 1.0, np.ones(1))
    low, high = value_range(demand)
    coarsest = num_periods * (high - low) / MAX_POINTS
    if step is None and demand.whole_units:
        step = max(float(np.ceil(coarsest)), 1.0)
    elif step is None:
        step = max(coarsest, deviation * np.sqrt(num_periods) / STEPS_PER_DEVIATION)
    start, single = single_period(demand, low, high, step)
    size = (len(single) - 1) * num_periods + 1
    padded = 1 << (size - 1).bit_length()
    spectrum = np.fft.rfft(single, padded) ** num_periods
    return trimmed(num_periods * start, step, np.fft.irfft(spectrum, padded)[:size])


def phase_demand(demand: Demand, num_periods: int, phase: int, step: float | None = None) -> GridDistribution:
    """Demand over the consecutive periods of which the last is at one place of the cycle of the demand's profile.

    Independent periods are convolved, and so are the runs of observations that blocks consist of. Autocorrelated
    demand is sampled at 16,384 Sobol points, the first of them along the directions in which its scores vary most.

    Parameters
    ----------
    demand
        Distribution of one period or process.
    num_periods
        Periods at risk, at least 0.
    phase
        Number of the last period in the cycle, from 0; cycles repeat.
    step
        Of the grid, units; None: 1 for whole units, else the deviation over 512.
    """
    phases = phases_of(demand)
    if len(phases) == 1 and not isinstance(demand, AutocorrelatedDemand | BlockBootstrapDemand | ProfiledDemand):
        return lead_time_demand(demand, num_periods, step)
    window = [phases[(phase - num_periods + 1 + k) % len(phases)] for k in range(num_periods)]
    if not window or all(one.mean == 0.0 for one in window):
        return GridDistribution(0.0, 1.0, np.ones(1))
    step = step or _step(phases * num_periods, num_periods)
    if isinstance(demand, BlockBootstrapDemand):
        return _block_demand(demand, num_periods, step)
    if isinstance(demand, AutocorrelatedDemand) and num_periods > 1:
        return _autocorrelated_demand(demand, window, step)
    periods = {one: one_period(one, step) for one in window}
    return sum_of([periods[one] for one in window], step)


def _step(window: Sequence[Demand], num_periods: int) -> float:
    """Grid step for the demand of so many periods out of a cycle."""
    ranges = {one: value_range(one) for one in set(window)}
    coarsest = num_periods * max(high - low for low, high in ranges.values()) / MAX_POINTS
    if all(one.whole_units for one in ranges):
        return max(float(np.ceil(coarsest)), 1.0)
    deviation = max(one.standard_deviation for one in ranges)
    return max(coarsest, deviation * sqrt(num_periods) / STEPS_PER_DEVIATION) or 1.0


def _block_demand(demand: BlockBootstrapDemand, num_periods: int, step: float) -> GridDistribution:
    """A block cut off at its start, whole blocks, and one cut off at its end, wherever the first period lies."""
    observed = np.array(demand.base.observations)
    sums = np.concatenate(([0.0], np.cumsum(np.tile(observed, 2))))
    count, parts = len(observed), list[GridDistribution]()
    equal = np.full(count, 1.0 / count)
    for place in range(demand.block):
        lengths = [min(demand.block - place, num_periods)]
        while sum(lengths) < num_periods:
            lengths.append(min(demand.block, num_periods - sum(lengths)))
        runs = [of_values(sums[length : length + count] - sums[:count], equal, step) for length in lengths]
        parts.append(sum_of(runs, step))
    return mixture(parts, step)


def _autocorrelated_demand(demand: AutocorrelatedDemand, window: Sequence[Demand], step: float) -> GridDistribution:
    """The sum over sampled paths of a lead time."""
    points = qmc.Sobol(len(window), rng=0).random(SAMPLES)
    scores = special.ndtri(np.clip(points, LEAST_UNIFORM, MOST_UNIFORM)) @ time_directions(
        len(window), demand.autocorrelation
    )
    uniforms = np.minimum(special.ndtr(scores), MOST_UNIFORM)
    total = sum(one.quantile(uniforms[:, k]) for k, one in enumerate(window))
    return of_values(np.asarray(total), np.full(SAMPLES, 1.0 / SAMPLES), step)


def time_directions(num_periods: int, autocorrelation: float) -> Floats:
    """D such that standard normals times D are the scores of consecutive periods; most of their sum first.

    Parameters
    ----------
    num_periods
        How many periods.
    autocorrelation
        Of consecutive scores; 0: any rotation would do, this one starts with their mean.
    """
    apart = np.abs(np.subtract.outer(np.arange(num_periods), np.arange(num_periods)))
    if autocorrelation == 0.0:
        cosine = np.cos(np.pi * np.outer(np.arange(num_periods), np.arange(num_periods) + 0.5) / num_periods)
        return np.asarray(cosine / np.linalg.norm(cosine, axis=1)[:, None])
    values, vectors = np.linalg.eigh(autocorrelation**apart)
    directions = np.sqrt(np.maximum(values, 0.0)) * vectors
    order = np.argsort(-np.abs(directions.sum(axis=0)), kind="stable")
    return np.asarray(directions[:, order].T)
