"""`simopt operate`: policies side by side in the planning simulator, on the same demand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import numpy as np

from design.case import Case
from design.errors import BadInputError
from simopt.apps.fixed_design import design_and_levels
from simopt.apps.options import OptionError, SolveOptions
from simopt.apps.promise import promise_of
from simopt.apps.recovery import recovery_of
from simopt.apps.solve import versions
from simopt.apps.tactical_levels import tactical_levels
from simopt.operate_outcome import Operated, PolicyOutcome, Recovery
from simopt.optimization.policy_tuning import tune
from simopt.planning.kpis import samples_of
from simopt.planning.policy import Policy
from simopt.planning.study import Collected, Study
from simopt.planning.world import Floats, World
from simopt.planning.world_of_case import world_of
from simopt.policies.adaptive import Adaptive, check_adaptive
from simopt.policies.base_stock import BaseStock
from simopt.policies.beliefs import EstimatorMaker
from simopt.policies.registry import SIZED, WITH_LOTS, PolicySpec, parse_policy, sized_policy
from simopt.simulation.estimate import Estimate

LEVELS, TACTICAL, TUNED = "levels", ("por", "scr"), "tuned-"
ADAPTIVE = ("bayesian", "change-point")
KNOWN = (*SIZED, LEVELS, *TACTICAL, *ADAPTIVE, *(f"{TUNED}{name}" for name in SIZED))
DEFAULT_POLICIES = ("dynamic", "sS", "RQ", "RS", "echelon")
OWN = "own"
Tell = Callable[[str], None]


@dataclass(frozen=True)
class OperateOptions:
    """What `operate` may be told.

    Parameters
    ----------
    policies
        As users write them, or policies of one's own; the first is what the others are compared with.
    replications
        At least 2; even where antithetic.
    seed, jobs
        Of all random numbers; processes.
    antithetic
        Whether replications come in pairs of opposite demand.
    control
        Whether estimates are corrected by how much demand there was (control variate).
    tune_budget
        Replications for the parameters of each tuned policy, about.
    trace
        Number of the replication, from 1, of which every product's weeks are kept; None: of none.
    """

    policies: tuple[str | Policy, ...] = DEFAULT_POLICIES
    replications: int = 200
    seed: int = 0
    jobs: int = 1
    antithetic: bool = False
    control: bool = False
    tune_budget: int = 2000
    trace: int | None = None

    def __post_init__(self) -> None:
        SolveOptions(seed=self.seed, jobs=self.jobs)  # refuses what is out of range
        if self.replications < 2 or (self.antithetic and self.replications % 2):
            expected = "an even number, as replications come in pairs" if self.antithetic else "at least 2"
            raise OptionError(f"replications {self.replications}: expected {expected}")
        if self.trace is not None and not 1 <= self.trace <= self.replications:
            raise OptionError(f"trace {self.trace}: expected the number of a replication, 1 to {self.replications}")
        if self.tune_budget < 500:
            raise OptionError(f"tune_budget {self.tune_budget}: expected at least 500 replications")
        names = [spec.text for spec in self.specs]
        if len(set(names)) < len(names) or not names:
            raise OptionError(f"policies {','.join(names)}: expected each once, at least one")

    @property
    def needs_levels(self) -> bool:
        """Whether a policy starts from a case's best levels."""
        return any(spec.name in (LEVELS, *ADAPTIVE) for spec in self.specs)

    @property
    def specs(self) -> tuple[PolicySpec, ...]:
        """The policies as read; refuses what is unknown or out of range."""
        found = tuple(
            parse_policy(one, KNOWN) if isinstance(one, str) else PolicySpec(one.name, OWN, {}) for one in self.policies
        )
        for spec in found:
            if spec.name == OWN:
                continue
            if spec.name in (LEVELS, *TACTICAL, *ADAPTIVE):
                if spec.parameters:
                    raise OptionError(f"policy {spec.text}: expected {spec.name} without parameters")
            else:
                sized_policy(spec, spec.name.removeprefix(TUNED))
        return found


def operate(
    case: Case, options: OperateOptions | None = None, run: Path | None = None, tell: Tell = lambda _: None
) -> Operated:
    """Run policies in the planning world of a case.

    Parameters
    ----------
    case
        The problem.
    options
        Policies and numbers.
    run
        Folder of a solve: its design and, for the policy `levels`, its levels; None: the only design, or a solve.
    tell
        Called with a line about what takes long.

    Raises
    ------
    BadInputError
        If a policy or parameter does not fit the case.
    """
    options, started = options or OperateOptions(), monotonic()
    design, levels = design_and_levels(
        case, run, needs_levels=options.needs_levels, seed=options.seed, jobs=options.jobs, tell=tell
    )
    world = world_of(case, design)
    study = Study(
        world,
        options.replications,
        options.seed,
        antithetic=options.antithetic,
        with_control=options.control,
        num_jobs=options.jobs,
    )
    outcomes: list[PolicyOutcome] = []
    reference: Mapping[str, Floats] = {}
    for given, spec in zip(options.policies, options.specs, strict=True):
        policy, tuned = (given, {}) if not isinstance(given, str) else _policy(spec, world, options, levels, tell)
        found = study.run(policy)
        samples = samples_of(world, found)
        estimator = _Estimator(options, found)
        differences = {name: samples[name] - reference[name] for name in reference}
        outcomes.append(
            PolicyOutcome(
                spec.text,
                {name: estimator.of(values) for name, values in samples.items()},
                {name: estimator.of(values) for name, values in differences.items()},
                estimator.reductions(samples["cost"], reference.get("cost")),
                found.series,
                _recovery(study, policy, found) if case.planning.shocks else None,
                tuned,
                None if options.trace is None else study.trace(policy, options.trace - 1),
            )
        )
        reference = reference or samples
    promise = None
    if run is not None and LEVELS in options.policies:
        promise = promise_of(run / "result.json", case, outcomes[options.policies.index(LEVELS)].measures)
    return Operated(
        case.name,
        options.seed,
        options.replications,
        case.warm_up,
        tuple(_warnings(case)),
        tuple(site.name for site in world.sites),
        world.products,
        tuple(outcomes),
        promise,
        design.lanes,
        levels if LEVELS in options.policies and levels is not None else {},
        monotonic() - started,
        versions(),
    )


def _warnings(case: Case) -> list[str]:
    """Of the case, but those on lower bounds, of which there is none here."""
    return [warning for warning in case.warnings if "lower bound" not in warning]


def _policy(
    spec: PolicySpec, world: World, options: OperateOptions, levels: Mapping[str, float] | None, tell: Tell
) -> tuple[Policy, dict[str, object]]:
    """A policy by its specification, and what was tuned."""
    if spec.name in (LEVELS, *ADAPTIVE):
        if levels is None:
            raise BadInputError(f"policy {spec.name}: expected a run with levels")
        if spec.name == LEVELS:
            return BaseStock(spec.text, levels), {}
        check_adaptive(world)
        return Adaptive(spec.text, EstimatorMaker(spec.name), levels), {}
    if spec.name in TACTICAL:
        tell(f"{spec.name}: solving the stochastic programs")
        return BaseStock(spec.text, tactical_levels(world, spec.name, options.seed)), {}
    name = spec.name.removeprefix(TUNED)
    policy = sized_policy(spec, name)
    if name == spec.name:
        return policy, {}
    tell(f"{spec.text}: tuning by simulation")
    with_lots = name in WITH_LOTS and any((site.order_cost > 0.0).any() for site in world.sites)
    found = tune(
        world, policy, with_lots=with_lots, budget=options.tune_budget, seed=options.seed, num_jobs=options.jobs
    )
    sites = [site.name for site in world.sites]
    return found.policy, {
        "safety_factors": dict(zip(sites, found.policy.sizing.factors, strict=True)),
        "lot_factors": dict(zip(sites, found.policy.sizing.lots, strict=True)) if with_lots else {},
        "replications": found.replications,
        "cost_before": found.start_cost,
        "cost_after": found.cost,
    }


class _Estimator:
    """Means with intervals: of pairs where antithetic, corrected where there is a control."""

    def __init__(self, options: OperateOptions, found: Collected) -> None:
        self._antithetic = options.antithetic
        self._control = None if found.control is None else self._paired(found.control)

    def of(self, values: Floats) -> Estimate:
        """Estimate from one value a replication."""
        values = self._paired(values)
        if self._control is None:
            return Estimate.of(values)
        return Estimate.of(self._corrected(values))

    def _paired(self, values: Floats) -> Floats:
        return values.reshape(-1, 2).mean(axis=1) if self._antithetic else values

    def _corrected(self, values: Floats) -> Floats:
        """Values less what the control explains; its mean is 0, so that theirs changes by chance alone."""
        control = self._control
        assert control is not None
        spread = control - control.mean()
        square = float(spread @ spread)
        if len(values) < 3 or square == 0.0:
            return values
        return np.asarray(values - float(spread @ values) / square * control)

    def reductions(self, cost: Floats, reference: Floats | None) -> dict[str, float]:
        """Variance of the estimated cost without over with what was done, as measured; 1 would be no gain."""
        found = {}
        plain = float(cost.var(ddof=1)) / len(cost)
        if plain > 0.0 and (self._antithetic or self._control is not None):
            paired = self._paired(cost)
            paired = paired if self._control is None else self._corrected(paired)
            name = "antithetic" if self._control is None else "control" if not self._antithetic else "both"
            found[name] = plain / (float(paired.var(ddof=1)) / len(paired))
        if reference is not None:
            both = float(cost.var(ddof=1) + reference.var(ddof=1))
            apart = float((cost - reference).var(ddof=1))
            if apart > 0.0:
                found["common_random_numbers"] = both / apart
        return found


def _recovery(study: Study, policy: Policy, found: Collected) -> Recovery:
    """From the case's planned shocks: against the same run without them."""
    end = max(shock.end for shock in study.world.case.planning.shocks)
    return recovery_of(study.world, found.series, study.run(policy, with_shocks=False).series, end)
