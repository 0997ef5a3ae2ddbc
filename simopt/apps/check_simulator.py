"""`simopt check-simulator`: whether a simulator of one's own keeps what the search relies on."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from time import perf_counter

import numpy as np

from design.case import Case
from design.demand import Floats
from design.network import Component
from design.single_stage_plan import SingleStagePlan, single_stage_plan
from design.stage_models import exact_costs
from design.streams import BLOCK, Purpose
from design.transport import cheapest_transport_design
from simopt.apps.options import OptionError, SolveOptions
from simopt.apps.own_simulator import refuse_own_simulator
from simopt.check_outcome import Check, SimulatorCheck
from simopt.optimization.pathwise import level_scale, safe_levels
from simopt.simulation.estimate import Estimate
from simopt.simulation.sample_paths import LARGEST_SEED, SamplePaths
from simopt.simulation.simulator import Sample, TreeSimulator
from simopt.simulation.stage import Measure
from simopt.simulation.user_simulator import ComponentSimulator, UserSimulator, UserSimulatorError, simulator_name

LEAST_SAVING = 2.0  # common random numbers halve the variance of a difference at least
STEP = 0.1  # of levels, as a share of the safety stock, where differences of costs are compared
SMALL_STEP = 1e-4  # where gradients are
STANDARD_ERRORS = 4.0
SMALL_SHARE = 1e-3  # of the largest slope


def check_simulator(case: Case, simulator: UserSimulator, replications: int = 32, seed: int = 0) -> SimulatorCheck:
    """Run a simulator on the components of the design of least transport cost, at single-stage levels and near them.

    Parameters
    ----------
    case
        The problem.
    simulator
        The user's.
    replications
        Of each component, 4 to 64; each is simulated about six times, with a gradient two times a node more.
    seed
        Of demand and of the replications' seeds.
    """
    if not 4 <= replications <= BLOCK:
        raise OptionError(f"replications {replications}: expected 4 to {BLOCK}")
    refuse_own_simulator(case, SolveOptions(simulator=simulator, seed=seed))
    checks = list[Check]()
    try:
        checks.extend(_Checker(case, simulator, replications, seed).checks())
    except UserSimulatorError as error:
        checks.append(Check("runs and answers", False, str(error)))
    return SimulatorCheck(simulator_name(simulator), case.name, tuple(checks))


class _Checker:
    """The components, levels and sample paths that a simulator is tried on."""

    def __init__(self, case: Case, simulator: UserSimulator, replications: int, seed: int) -> None:
        self._case = case
        self._user = simulator
        self._own = ComponentSimulator(case, simulator)
        paths = SamplePaths(case, seed, Purpose.SEARCH, with_seeds=True)
        self._paths = paths.block(0, case.num_periods)[:replications]
        costs, design = exact_costs(case), cheapest_transport_design(case)
        self._plans = [(component, single_stage_plan(case, costs, component)) for component in design.components]

    def checks(self) -> Iterator[Check]:
        """One after the other."""
        started = perf_counter()
        samples = [self._run(component, safe_levels(plan)) for component, plan in self._plans]
        seconds = (perf_counter() - started) / len(self._paths)
        nodes = sum(len(component.nodes) for component, _ in self._plans)
        yield Check("runs and answers", True, f"{nodes} nodes, {1e3 * seconds:.3g} ms a replication of all of them")
        yield _not_negative(samples)
        yield self._repeats(samples)
        yield self._own_numbers(samples)
        yield self._shares_numbers(samples)
        yield self._gradient()
        yield self._picklable()
        yield self._against_built_in(samples)

    def _run(self, component: Component, levels: Floats, paths: Floats | None = None) -> Sample:
        paths = self._paths if paths is None else paths
        return self._own.simulate(component, levels, paths, with_gradient=False)

    def _repeats(self, samples: list[Sample]) -> Check:
        """The same replications in reverse order: nothing may be left of the one before."""
        again = [self._run(component, safe_levels(plan), self._paths[::-1]) for component, plan in self._plans]
        worst = max(_largest(one.measures - other.measures[::-1]) for one, other in zip(samples, again, strict=True))
        found = "same seed, same costs" if worst == 0.0 else f"costs differ by up to {worst:.3g} at the same seed"
        return Check("deterministic per seed", worst == 0.0, found)

    def _own_numbers(self, samples: list[Sample]) -> Check:
        paths = self._paths.copy()
        paths[:, 0, -1] = (paths[:, 0, -1] + LARGEST_SEED // 2) % LARGEST_SEED
        other = [self._run(component, safe_levels(plan), paths) for component, plan in self._plans]
        depends = any(_largest(a.measures - b.measures) > 0.0 for a, b in zip(samples, other, strict=True))
        return Check("random numbers of its own", None, "yes, from the seed" if depends else "none: demand is all")

    def _shares_numbers(self, samples: list[Sample]) -> Check:
        """Variance of a difference of costs between neighboring levels, against that of independent replications."""
        apart, together = 0.0, 0.0
        for (component, plan), sample in zip(self._plans, samples, strict=True):
            near = self._run(component, safe_levels(plan) + STEP * level_scale(plan))
            apart += sample.costs.var() + near.costs.var()
            together += (near.costs - sample.costs).var()
        saving = apart / together if together > 0.0 else np.inf
        found = f"a difference of costs between levels has 1/{saving:.3g} of the variance of independent replications"
        return Check("common random numbers", bool(saving >= LEAST_SAVING), found)

    def _gradient(self) -> Check:
        if not self._user.has_gradient:
            return Check("gradient", None, "declares none: levels are found on kriging surrogates")
        worst, where = 0.0, ""
        for component, plan in self._plans:
            levels = safe_levels(plan) + SMALL_STEP * np.sqrt(2.0) * level_scale(plan)
            given = np.asarray(self._own.simulate(component, levels, self._paths, with_gradient=True).gradient)
            slopes = np.stack([self._slope(component, plan, levels, k) for k in range(len(levels))], axis=1)
            wrong = slopes - given
            error = wrong.std(axis=0, ddof=1) / np.sqrt(len(wrong))
            allowed = STANDARD_ERRORS * error + SMALL_SHARE * np.abs(slopes.mean(axis=0)).max()
            shares = np.abs(wrong.mean(axis=0)) / np.maximum(allowed, np.finfo(float).tiny)
            k = int(shares.argmax())
            if shares[k] >= worst:
                worst, where = (
                    float(shares[k]),
                    (
                        f"{component.nodes[k]} is farthest off: {given.mean(axis=0)[k]:.5g} given, "
                        f"{slopes.mean(axis=0)[k]:.5g} ± {1.96 * error[k]:.2g} by central differences"
                    ),
                )
        return Check("gradient", worst <= 1.0, where)

    def _slope(self, component: Component, plan: SingleStagePlan, levels: Floats, k: int) -> Floats:
        """Central difference quotient of each replication in one level, shape (replication,)."""
        step = np.zeros(len(levels))
        step[k] = SMALL_STEP * level_scale(plan)[k]
        above, below = self._run(component, levels + step), self._run(component, levels - step)
        return np.asarray((above.costs - below.costs) / (2.0 * step[k]))

    def _picklable(self) -> Check:
        try:
            pickle.dumps(self._user)
        except Exception as error:
            return Check("processes (--jobs)", None, f"only one: not picklable ({type(error).__name__})")
        return Check("processes (--jobs)", None, "as many as wanted: picklable")

    def _against_built_in(self, samples: list[Sample]) -> Check:
        built_in, own = TreeSimulator(self._case), np.zeros(len(self._paths))
        known = np.zeros(len(self._paths))
        for (component, plan), sample in zip(self._plans, samples, strict=True):
            own += sample.costs
            known += built_in.simulate(component, safe_levels(plan), self._paths, with_gradient=False).costs
        mean, difference = float(known.mean()), Estimate.of(own - known)
        found = f"{difference.mean:+.4g} ± {difference.half_width:.2g} of {mean:.6g} on the same demand"
        return Check("against the built-in simulator", None, found)


def _not_negative(samples: list[Sample]) -> Check:
    least = min(float(sample.measures[:, :, [Measure.HOLDING, Measure.BACKORDER]].min()) for sample in samples)
    return Check("holding and backorder costs", least >= 0.0, f"least of a node {least:.4g}, expected at least 0")


def _largest(differences: Floats) -> float:
    return float(np.nanmax(np.abs(differences)))
