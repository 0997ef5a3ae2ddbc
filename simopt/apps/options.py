"""What `solve` may be told, and what cannot be combined."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from design.case import Case
from design.errors import BadInputError, expected_one_of
from design.master_types import Bound
from design.network import Network
from design.recorder import UNRECORDED, Recorder
from design.stage_models import DEFAULT_SCENARIOS
from design.supply import supply_notes
from simopt.simulation.cluster import Cluster
from simopt.simulation.progress import Progress, silent
from simopt.simulation.user_simulator import UserSimulator
from simopt.simulation.workers import Workers

SUBPROBLEMS = ("auto", "pathwise", "kriging", "gradient-kriging")
RIVAL_NAMES = ("cobyqa", "cma", "pymoo", "optuna")
METHOD_NAMES = ("outer-approximation", "paper", "sequential", "genetic", "exhaustive", *RIVAL_NAMES)


class OptionError(BadInputError):
    """An option that is unknown or out of range; the message says what was expected."""


@dataclass(frozen=True)
class SolveSettings:
    """What a run may be told, as plain values that a run folder keeps too.

    Parameters
    ----------
    method
        One of `METHOD_NAMES`.
    master
        "projected" or "extensive".
    subproblem
        One of `SUBPROBLEMS`; "auto": pathwise, and kriging with a simulator that has no gradients.
    surrogate
        "own", "smt" or "sklearn", for the kriging subproblem; gradients need the own.
    scenarios
        Sampled scenarios of the master; None: exact quadrature for the projected master, 50 for the extensive one.
    seed
        Of all random numbers.
    jobs
        Threads; processes for a simulator of one's own.
    time_limit
        Seconds for the search.
    tolerance
        Share of the cost within which designs are taken as equally good.
    budget
        Replications that the search may use.
    certify
        Whether to try to prove the design best afterwards, where the bound allows it.
    bound
        "auto", "single-stage" or "echelon": what the projected master with exact costs bounds designs by.
    fresh_replications
        Simulated to say what the result costs; None: until ± 0.1%, with a simulator of one's own until ± 0.5% or 1,024.
    """

    method: str = "outer-approximation"
    master: str = "projected"
    subproblem: str = "auto"
    surrogate: str = "own"
    scenarios: int | None = None
    seed: int = 0
    jobs: int = 1
    time_limit: float = np.inf
    tolerance: float = 0.001
    budget: float = np.inf
    certify: bool = True
    bound: str = "auto"
    fresh_replications: int | None = None


@dataclass(frozen=True)
class SolveOptions(SolveSettings):
    """What `solve` may be told: the settings, checked, and what runs, keeps and watches the run.

    Parameters
    ----------
    simulator
        One's own, in the place of the built-in one; None: that.
    recorder
        Keeps the steps of the run.
    progress
        Told how far steps with a known amount of work have come.
    cluster
        Beside this machine; None: there is none.
    """

    simulator: UserSimulator | None = None
    recorder: Recorder = UNRECORDED
    progress: Progress = silent
    cluster: Cluster | None = None

    def __post_init__(self) -> None:
        for name, value, allowed in (
            ("method", self.method, METHOD_NAMES),
            ("master", self.master, ("projected", "extensive")),
            ("subproblem", self.subproblem, SUBPROBLEMS),
            ("surrogate", self.surrogate, ("own", "smt", "sklearn")),
            ("bound", self.bound, tuple(bound.value for bound in Bound)),
        ):
            if value not in allowed:
                raise OptionError(f"{name} {value!r}: {expected_one_of(value, allowed)}")
        if self.subproblem == "gradient-kriging" and self.surrogate != "own":
            raise OptionError(f"surrogate {self.surrogate!r} with subproblem 'gradient-kriging': expected own")
        self._check_simulator()
        self._check_numbers()

    @property
    def workers(self) -> Workers:
        """Who does the run's work."""
        return Workers(self.jobs, self.cluster)

    @property
    def level_search(self) -> str:
        """The subproblem that is meant, never "auto"."""
        if self.subproblem != "auto":
            return self.subproblem
        return "pathwise" if self.simulator is None or self.simulator.has_gradient else "kriging"

    @property
    def samples_paths(self) -> bool:
        """Whether the master is the extensive one, on plain sampled demand paths."""
        return self.master == "extensive" or self.method == "paper"

    @property
    def indifference(self) -> float:
        """Share of the cost within which a certificate takes another design as equally good."""
        return max(self.tolerance, 1e-6)

    @property
    def is_sampled(self) -> bool:
        """Whether the master's costs are sample averages, so that its bound is statistical."""
        return self.samples_paths or self.scenarios is not None

    def _check_simulator(self) -> None:
        if self.simulator is None:
            return
        if not self.simulator.has_gradient and self.subproblem in ("pathwise", "gradient-kriging"):
            raise OptionError(
                f"subproblem {self.subproblem!r} with a simulator that has no gradients: expected kriging or auto"
            )
        if self.method == "exhaustive":
            raise OptionError("method 'exhaustive' with a simulator of one's own: expected outer-approximation")

    def _check_numbers(self) -> None:
        for name, number, least in (
            ("seed", self.seed, 0),
            ("jobs", self.jobs, 1),
            ("scenarios", self.scenarios, 1),
            ("fresh-replications", self.fresh_replications, 2),
        ):
            if number is not None and number < least:
                raise OptionError(f"{name} {number}: expected a whole number, at least {least}")
        if not self.time_limit > 0.0:
            raise OptionError(f"time-limit {self.time_limit}: expected seconds above 0")
        if not 0.0 <= self.tolerance < 1.0:
            raise OptionError(f"tolerance {self.tolerance}: expected a share from 0 to below 1")
        if self.bound == "echelon" and self.is_sampled:
            raise OptionError("bound 'echelon': expected the projected master with exact costs, not sampled scenarios")
        if not self.budget >= 1:
            raise OptionError(f"budget {self.budget}: expected at least one replication")


def check_emission_cap(case: Case, options: SolveOptions) -> None:
    """Refuse a method that cannot keep the case's cap on emissions."""
    if case.emissions.cap is None:
        return
    if options.method == "exhaustive":
        raise OptionError("method 'exhaustive' with a cap on emissions: expected outer-approximation")
    if not case.has_held_cap:
        return
    what = "with a cap on emissions that counts held stock (holding_emission)"
    if options.method != "outer-approximation":
        raise OptionError(f"method {options.method!r} {what}: expected outer-approximation")
    if options.level_search != "pathwise":
        raise OptionError(f"subproblem {options.level_search!r} {what}: expected pathwise")
    if options.is_sampled:
        raise OptionError(f"sampled scenarios {what}: expected the projected master without --scenarios")
    _refuse_packs(case, what)


def refuse_shared_storage(case: Case, options: SolveOptions) -> None:
    """Refuse what cannot find levels of products that share storage."""
    shared = [storage for storage in case.network.storages if storage.joins]
    if not shared:
        return
    what = f"with storage that products share ({shared[0].place})"
    if options.method == "paper":
        raise OptionError(f"method 'paper' {what}: expected outer-approximation")
    if options.level_search != "pathwise":
        raise OptionError(f"subproblem {options.level_search!r} {what}: expected pathwise")
    if case.service_targets:
        name = next(iter(case.service_targets))
        raise OptionError(f"service_target of {name!r} {what}: expected one of both")
    if case.has_held_cap:
        raise OptionError(f"a cap on emissions that counts held stock (holding_emission) {what}: expected one of both")


def refuse_assembly(case: Case, options: SolveOptions) -> None:
    """Refuse what describes trees only where nodes assemble inputs."""
    if not case.network.has_assembly:
        return
    refused = {
        (f"method {options.method!r}", "outer-approximation"): options.method != "outer-approximation",
        (f"master {options.master!r}", "projected"): options.master != "projected",
        (f"subproblem {options.level_search!r}", "pathwise"): options.level_search != "pathwise",
        (f"bound {options.bound!r}", "auto or single-stage"): options.bound == Bound.ECHELON.value,
        ("service_target", "none"): bool(case.service_targets),
        ("storage that products share", "none"): bool(case.network.all_storages),
        ("a cap on emissions that counts held stock (holding_emission)", "none"): case.has_held_cap,
    }
    for (what, expected), is_refused in refused.items():
        if is_refused:
            raise OptionError(f"{what} in a network with assembly: expected {expected}")


def refuse_assembly_for(network: Network, what: str) -> None:
    """Refuse a command that compares designs, of which a network with assembly has one."""
    if network.has_assembly:
        raise OptionError(f"{what} in a network with assembly: not supported, as it has a single design")


def refuse_held_cap(case: Case, what: str) -> None:
    """Refuse a command that knows caps on emissions of transport and sites only."""
    if case.has_held_cap:
        raise OptionError(f"{what} with a cap on emissions that counts held stock: expected no holding_emission")


def _refuse_packs(case: Case, what: str) -> None:
    """Refuse base-stock levels in whole packs, which are rounded after everything else."""
    for node in case.network.nodes:
        if node.pack_size > 0.0:
            raise OptionError(f"pack_size {node.pack_size:g} of {node.name} {what}: expected none")


def refuse_dependence(case: Case, options: SolveOptions) -> None:
    """Refuse bounds and masters that need demand alike in all periods and independent, or at least alike."""
    if case.has_profiles and options.samples_paths:
        what = "method 'paper'" if options.method == "paper" else "master 'extensive'"
        raise OptionError(f"{what} with demand profiles: expected the projected master")
    if options.bound == Bound.ECHELON.value and not case.is_alike:
        what = "correlated, autocorrelated or profiled demand"
        raise OptionError(f"bound 'echelon' with {what}: expected auto or single-stage")
    if options.bound == Bound.ECHELON.value and not case.has_simple_supply:
        raise OptionError(f"bound 'echelon' {supply_shown(case)}: expected auto or single-stage")
    if case.correlation and case.has_held_cap:
        what = "a cap on emissions that counts held stock (holding_emission)"
        raise OptionError(f"correlations.csv with {what}: expected independent customers")


def fitted_options(case: Case, options: SolveOptions) -> SolveOptions:
    """The options with as many scenarios as correlated customers ask for, where nothing else is said."""
    refuse_dependence(case, options)
    if case.correlation and not options.is_sampled:
        return replace(options, scenarios=DEFAULT_SCENARIOS)
    return options


def supply_shown(case: Case) -> str:
    """What is special in a case's supply, in words."""
    return "with " + " and ".join(supply_notes(case.network, case.supply))


def refuse_targets(case: Case, options: SolveOptions) -> None:
    """Refuse what cannot respect the fill-rate targets of the case."""
    if not case.service_targets:
        return
    if not case.has_simple_supply:
        name = next(iter(case.service_targets))
        raise OptionError(f"service_target of {name!r} {supply_shown(case)}: expected one of both")
    refused = {
        f"method {options.method!r}": options.method in ("paper", "genetic", *RIVAL_NAMES),
        "master 'extensive'": options.master == "extensive",
        f"subproblem {options.level_search!r}": options.level_search != "pathwise",
        "a cap on emissions that counts held stock": case.has_held_cap,
    }
    for what, is_refused in refused.items():
        if is_refused:
            name = next(iter(case.service_targets))
            raise OptionError(f"{what}: cannot respect the service_target of {name!r}; expected a case without targets")
