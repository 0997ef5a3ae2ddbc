"""`simopt adapt`: policies that learn demand, protect against it or know it, in a stable or disturbed world."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic

import numpy as np

from design.case import Case
from design.errors import BadInputError, expected_one_of
from design.network import Design
from design.planning.data import DemandShock
from design.streams import Purpose
from design.supply import Outage
from simopt.adapt_outcome import Adapted, AdaptOutcome, Detection
from simopt.apps.fixed_design import design_and_levels
from simopt.apps.hindsight import check_hindsight, hindsight_costs
from simopt.apps.options import OptionError, SolveOptions
from simopt.apps.recovery import recovery_of
from simopt.apps.solve import versions
from simopt.learning.change_point import ChangePointFilter, ChangeSettings
from simopt.learning.conjugate import NormalBelief
from simopt.operate_outcome import Recovery
from simopt.planning.engine import planners_of
from simopt.planning.kpis import samples_of
from simopt.planning.paths import Chance
from simopt.planning.study import Study
from simopt.planning.world import INTERMITTENT, Floats, World
from simopt.planning.world_of_case import world_of
from simopt.policies.adaptive import Adaptive, Robustness, check_adaptive
from simopt.policies.beliefs import EstimatorMaker, Prior
from simopt.simulation.estimate import Estimate

WORLDS = ("stable", "disruption", "shock")
STATIC, KNOWN, CLAIRVOYANT = "static", "known", "clairvoyant"
SERVICES = ("cycle_service_level", "fill_rate", "backlog_service")
YEAR = 365.0
Tell = Callable[[str], None]


@dataclass(frozen=True)
class AdaptOptions:
    """What `adapt` may be told.

    Parameters
    ----------
    world
        One of `WORLDS`: nothing happens; the sources stand still; demand of all customers rises at once.
    num_seeds
        Replications of the whole horizon, at least 2.
    seed, jobs
        Of all random numbers; processes.
    day
        First period of the disturbance, counted from 1; None: 180, or the middle of a shorter horizon.
    length
        Periods of the disruption.
    size
        Share of demand that the shock adds, above -1.
    worth
        Observations that planners' first estimates count for, above 0.
    violation
        Of robust policies: probability that demand leaves the set, at most.
    """

    world: str = WORLDS[0]
    num_seeds: int = 100
    seed: int = 0
    jobs: int = 1
    day: int | None = None
    length: int = 10
    size: float = 0.5
    worth: float = 20.0
    violation: float = 0.05

    def __post_init__(self) -> None:
        SolveOptions(seed=self.seed, jobs=self.jobs)  # refuses what is out of range
        if self.world not in WORLDS:
            raise OptionError(f"world {self.world!r}: {expected_one_of(self.world, WORLDS)}")
        checks = {
            "num_seeds": (self.num_seeds >= 2, "at least 2"),
            "length": (self.length >= 1, "at least 1"),
            "size": (-1.0 < self.size < np.inf, "above -1"),
            "worth": (0.0 < self.worth < np.inf, "above 0"),
            "violation": (0.0 < self.violation < 1.0, "above 0 and below 1"),
        }
        for name, (allowed, expected) in checks.items():
            if not allowed:
                raise OptionError(f"{name} {getattr(self, name)}: expected {expected}")


@dataclass(frozen=True)
class _Disturbance:
    case: Case
    day: int = 0
    length: int = 0
    size: float = 0.0


def adapt(
    case: Case, options: AdaptOptions | None = None, run: Path | None = None, tell: Tell = lambda _: None
) -> AdaptOutcome:
    """Run static, learning, robust and knowing policies on the same seeds.

    Parameters
    ----------
    case
        The problem; planned shocks of its own happen in every world and the policy `known` knows them.
    options
        World and numbers.
    run
        Folder of a solve whose design and levels are used; None: the only design, or a solve.
    tell
        Called with a line about what takes long.

    Raises
    ------
    BadInputError
        If the case is not one that adaptive policies or the clairvoyant can play.
    """
    options, started = options or AdaptOptions(), monotonic()
    design, levels = design_and_levels(case, run, needs_levels=True, seed=options.seed, jobs=options.jobs, tell=tell)
    assert levels is not None
    disturbance = _disturbed(case, design, options)
    world = world_of(disturbance.case, design)
    check_adaptive(world)
    study = Study(world, options.num_seeds, options.seed, num_jobs=options.jobs)
    calm = replace(study, world=world_of(case, design))
    warnings = [warning for warning in case.warnings if "lower bound" not in warning] + doubts_of(calm.world)
    names, samples = list[str](), dict[str, Mapping[str, Floats]]()
    recoveries: dict[str, Recovery] = {}
    for policy in policies(levels, options):
        found = study.run(policy)
        names.append(policy.name)
        samples[policy.name] = samples_of(world, found)
        if disturbance.day:
            recoveries[policy.name] = recovery_of(world, found.series, calm.run(policy).series, disturbance.day)
    chance = Chance(world, options.seed, Purpose.EVALUATION)
    try:
        check_hindsight(world)
    except BadInputError as error:
        warnings.append(f"clairvoyant left out: {error}")
    else:
        tell("clairvoyant: a linear program for every seed")
        names.append(CLAIRVOYANT)
        samples[CLAIRVOYANT] = {"cost": hindsight_costs(chance, options.num_seeds, options.jobs)}
    return AdaptOutcome(
        case.name,
        options.world,
        options.num_seeds,
        options.seed,
        disturbance.day,
        disturbance.length,
        disturbance.size,
        tuple(warnings),
        levels,
        tuple(_adapted(name, samples, recoveries.get(name)) for name in names),
        _detection(chance, options, disturbance),
        monotonic() - started,
        versions(),
    )


def policies(levels: Mapping[str, float], options: AdaptOptions) -> tuple[Adaptive, ...]:
    """Those that are compared, the static one first."""
    prior, robustness = Prior(options.worth), Robustness(options.violation)
    kinds = {
        STATIC: ("static", None),
        "bayesian": ("bayesian", None),
        "bayesian+change-point": ("change-point", None),
        "robust": ("static", robustness),
        "bayesian+robust": ("bayesian", robustness),
        KNOWN: ("known", None),
    }
    return tuple(Adaptive(name, EstimatorMaker(kind, prior), levels, own) for name, (kind, own) in kinds.items())


def _disturbed(case: Case, design: Design, options: AdaptOptions) -> _Disturbance:
    if options.world == "stable":
        return _Disturbance(case)
    day = options.day or min(180, case.horizon // 2)
    length = options.length if options.world == "disruption" else case.horizon - day + 1
    if not day >= 1 or day + length - 1 > case.horizon:
        raise OptionError(f"day {day} and length {length}: expected a disturbance within the {case.horizon} periods")
    if options.world == "shock":
        shocks = (*case.planning.shocks, DemandShock("", "", day, day + length - 1, options.size))
        return _Disturbance(replace(case, planning=replace(case.planning, shocks=shocks)), day, length, options.size)
    supplied = {destination for _, destination in design.lanes}
    sources = dict.fromkeys(case.network.node(name).place for name in design.nodes if name not in supplied)
    outages = (*case.supply.outages, *(Outage((place,), day, day + length - 1) for place in sources))
    return _Disturbance(replace(case, supply=replace(case.supply, outages=outages)), day, length)


def doubts_of(world: World) -> list[str]:
    """What beliefs take for granted and this world does not grant."""
    found, case = [], world.case
    if not case.is_alike or world.settings.shock_probability > 0.0 or case.planning.shocks:
        found.append("demand changes with time beside what --world adds: the policies learn as if it did not")
    if INTERMITTENT in world.pattern:
        found.append("some demand is intermittent: the policies learn as if it were normal")
    return found


def _adapted(name: str, samples: Mapping[str, Mapping[str, Floats]], recovery: Recovery | None) -> Adapted:
    own = samples[name]

    def against(other: str) -> dict[str, Estimate]:
        if name == other:
            return {}
        reference = samples[other]
        share = {"cost": (own["cost"] - reference["cost"]) / reference["cost"].mean()}
        services = {key: own[key] - reference[key] for key in SERVICES if key in own}
        return {key: Estimate.of(values) for key, values in {**share, **services}.items()}

    measures = {key: Estimate.of(values) for key, values in own.items()}
    return Adapted(name, measures, against(STATIC), against(KNOWN), recovery)


def _detection(chance: Chance, options: AdaptOptions, disturbance: _Disturbance) -> Detection:
    """Alarms of the filter on the demand of every site with customers, product by product."""
    settings, world = ChangeSettings(), chance.world
    paths = chance.paths(range(options.num_seeds))
    alarms = []
    for planner in planners_of(world, paths):
        own = np.flatnonzero(planner.site.customer >= 0)
        if own.size:
            believed = NormalBelief.around(planner.mean[:, own], planner.sd[:, own], options.worth)
            filtering, demand = ChangePointFilter(believed, settings), paths.demand[:, :, planner.site.customer[own]]
            alarms.append(np.stack([filtering.see(demand[:, t]) for t in range(demand.shape[1])], axis=1))
    found = np.concatenate(alarms, axis=2)
    day = world.case.warm_up + disturbance.day - 1
    is_shock = options.world == "shock"
    quiet = found[:, :day] if is_shock else found
    false_alarms = Estimate.of(quiet.sum(axis=1).mean(axis=1) / quiet.shape[1] * YEAR)
    if not is_shock:
        return Detection(None, settings.window, None, false_alarms)
    after = np.any(found[:, day:], axis=2)
    some = np.any(after, axis=1)
    first = np.where(some, after.argmax(axis=1), after.shape[1])
    delay = float(first[some].mean()) + 1.0 if some.any() else None
    return Detection(float((first < settings.window).mean()), settings.window, delay, false_alarms)
