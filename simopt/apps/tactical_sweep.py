"""Cost of a tactical program against its size, from independent sets of random scenarios."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from design.case import Case
from design.errors import expected_one_of
from simopt.apps.options import OptionError
from simopt.apps.tactical import DEFAULT_BATCHES, TacticalOptions, world_of
from simopt.simulation.estimate import Estimate
from simopt.tactical_outcome import SweepPoint

SIZES = ("scenarios", "kept", "lead-times")


def sweep_sizes(
    case: Case, options: TacticalOptions, sizes: Sequence[int], over: str = "scenarios"
) -> list[SweepPoint]:
    """Cost against size, every point from as many independent sets as `options.batches`.

    Parameters
    ----------
    over
        `scenarios`; `kept` of as many random scenarios as the options say; or `lead-times`: as many scenarios of them
        as of demand.

    Raises
    ------
    BadInputError
        As `plan_tactically`; also where scenarios are not random or less than two sets are asked for.
    """
    num = DEFAULT_BATCHES if options.batches is None else options.batches
    _check(options, over, num)
    return [_point(case, _sized(options, size, over), size, num) for size in sizes]


def _check(options: TacticalOptions, over: str, num: int) -> None:
    if over not in SIZES:
        raise OptionError(f"sweep over {over!r}: {expected_one_of(over, SIZES)}")
    if options.scenarios != "random":
        raise OptionError(f"sweep with scenarios {options.scenarios!r}: expected 'random'")
    if over == "lead-times" and options.lead_times is None:
        raise OptionError("sweep over lead-times: expected lead_times LOW..HIGH")
    if num < 2:
        raise OptionError(f"sweep with batches {num}: expected at least 2 for an interval")


def _sized(options: TacticalOptions, size: int, over: str) -> TacticalOptions:
    if over == "kept":
        return replace(options, keep=size)
    if over == "lead-times":
        return replace(options, num_scenarios=size, num_lead_times=size)
    return replace(options, num_scenarios=size)


def _point(case: Case, options: TacticalOptions, size: int, num: int) -> SweepPoint:
    world = world_of(case, options)
    fresh = world.fresh()
    solved = [world.solve(batch) for batch in range(1, num + 1)]
    outside = [float(fresh.costs(one.decision).mean()) for one in solved]
    inside = Estimate.of(np.array([one.objective for one in solved]))
    return SweepPoint(size, inside, Estimate.of(np.array(outside)))
