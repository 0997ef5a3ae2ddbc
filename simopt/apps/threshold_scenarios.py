"""Thresholds in the planning simulator: ideal, under the case's outages, under its demand shocks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from design.case import Case
from design.network import Design
from simopt.planning.kpis import samples_of
from simopt.planning.measures import Series, Total
from simopt.planning.study import KEPT_SERIES, Collected, Study
from simopt.planning.world import World
from simopt.planning.world_of_case import world_of
from simopt.policies.threshold import ThresholdPolicy
from simopt.simulation.estimate import Estimate, means_and_half_widths
from simopt.threshold_outcome import ScenarioOutcome, TradeOff

Floats = NDArray[np.float64]
IDEAL, OUTAGE, SHOCK = "ideal", "outage", "demand-shock"
FELT = 0.10  # share of the ideal stock that is missing
PENALTIES = (Total.HOLDING_COST, Total.BACKLOG_COST, Total.LOST_SALE_COST, Total.CANCELLATION_COST)


def scenarios_of(case: Case) -> dict[str, tuple[Case, int, int]]:
    """The case without disturbances, with its outages alone and with its demand shocks alone, and from when to when."""
    plain = replace(
        case,
        supply=replace(case.supply, outages=()),
        planning=replace(case.planning, shocks=(), breakdowns=()),
    )
    found = {IDEAL: (plain, 0, 0)}
    if case.supply.outages:
        start, end = min(one.start for one in case.supply.outages), max(one.end for one in case.supply.outages)
        found[OUTAGE] = (replace(plain, supply=case.supply), start, end)
    if case.planning.shocks:
        shocks = case.planning.shocks
        shocked = replace(plain, planning=replace(plain.planning, shocks=shocks))
        found[SHOCK] = (shocked, min(one.start for one in shocks), max(one.end for one in shocks))
    return found


def run_scenarios(
    case: Case, design: Design, levels: Mapping[str, Floats], replications: int, seed: int, jobs: int
) -> tuple[ScenarioOutcome, ...]:
    """Every scenario on the same demand.

    Parameters
    ----------
    case, design
        The network.
    levels
        Thresholds by node, shape (step,).
    replications
        At least 2; bands and delays rest on the first 256.
    seed, jobs
        Of all random numbers; processes.
    """
    found, ideal = [], None
    for name, (scenario, start, end) in scenarios_of(case).items():
        world = world_of(scenario, design)
        run = Study(world, replications, seed, num_jobs=jobs).run(ThresholdPolicy(levels))
        ideal = run if ideal is None else ideal
        found.append(_outcome(name, world, run, ideal, start, end))
    return tuple(found)


def trade_off(
    case: Case,
    design: Design,
    plans: Sequence[tuple[float, Mapping[str, Floats]]],
    replications: int,
    seed: int,
    jobs: int,
) -> tuple[TradeOff, ...]:
    """Cost and service in every scenario of thresholds computed with some probability of a shock in every step."""
    points = []
    for probability, levels in plans:
        cost, filled = {}, {}
        for name, (scenario, _, _) in scenarios_of(case).items():
            world = world_of(scenario, design)
            run = Study(world, replications, seed, num_jobs=jobs).run(ThresholdPolicy(levels))
            cost[name], filled[name] = Estimate.of(_penalties(run)), Estimate.of(samples_of(world, run)["fill_rate"])
        points.append(TradeOff(probability, cost, filled))
    return tuple(points)


def _penalties(run: Collected) -> Floats:
    return np.asarray(run.totals[:, :, list(PENALTIES)].sum(axis=(1, 2)))


def _outcome(name: str, world: World, run: Collected, ideal: Collected, start: int, end: int) -> ScenarioOutcome:
    warm_up = world.case.warm_up
    series = run.series[:, warm_up:]
    stock = series[..., Series.ON_HAND]
    bands = np.stack([stock.mean(axis=0), *np.percentile(stock, (5.0, 95.0), axis=0)])
    made = np.array([site.unit_cost[0] for site in world.sites])
    spent = (series[..., Series.COST] - made * series[..., Series.MADE]).sum(axis=2).cumsum(axis=1)
    delay, recovery, felt = {}, {}, {}
    if start:
        usual = ideal.series[:, warm_up:, :, Series.ON_HAND]
        for s, site in enumerate(world.sites):
            missing = usual[:, :, s] - stock[:, :, s] > FELT * usual[:, :, s].mean()
            feels = missing[:, start - 1 :].any(axis=1)
            felt[site.name] = float(feels.mean())
            if not feels.any():
                continue
            rows = missing[feels]
            delay[site.name] = Estimate.of(rows[:, start - 1 :].argmax(axis=1).astype(np.float64))
            last = rows.shape[1] - 1 - rows[:, ::-1].argmax(axis=1)
            recovery[site.name] = Estimate.of(np.maximum(last - (end - 1), 0).astype(np.float64))
    cost, fill_rate = Estimate.of(_penalties(run)), Estimate.of(samples_of(world, run)["fill_rate"])
    assert len(series) <= KEPT_SERIES
    nodes = tuple(site.name for site in world.sites)
    return ScenarioOutcome(
        name, start, end, nodes, bands, means_and_half_widths(spent), cost, fill_rate, delay, recovery, felt
    )
