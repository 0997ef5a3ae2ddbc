"""The certificate: with which confidence no other design is better (MODEL: outer approximation, bounds, certificate).

0. Every component of F gets a global check of its levels on paths of its own (`global_levels`); levels that it beats
   by more than noise are replaced. Then the incumbent's levels are optimized once more, on many paths.
1. F, the designs to compare one by one, holds those the search simulated. As long as the master without prices and with
   F forbidden proposes a design that its exact bound does not exclude, that design is simulated and joins F.
2. Fresh batches of demand paths, F fixed: an upper limit U of the incumbent's cost. All designs outside F are excluded
   if their bound is no lower than U minus the indifference.
3. Every design of F, the incumbent included: its sample cost *minimized* on each batch minus the incumbent's cost
   on the same batch. The minimum of a sample lies below the true one on average, so a lower limit of this difference no
   lower than minus the indifference excludes the design with all levels.
4. Bonferroni over the |F| + 1 limits. Close calls get a new round of twice as many replications at half the remaining
   error; a design that is clearly better becomes the incumbent of the next round.

With fill-rate targets a design's cost on a batch is its Lagrangian, cost + Σ μ·(target·demand - met at once), whose
minimum lies below the least cost that meets the targets on average whatever the multipliers μ ≥ 0 are; they are those
of the levels at hand. The incumbent's own targets must hold too, one more limit each, which takes a safety margin; its
worth at these multipliers is not counted as cost in the comparison, and the statement says how much it is. As the check
of levels knows the least cost that meets the targets but not the least Lagrangian, levels are assumed global then.

A batch is minimized along gradients from the levels at hand and from every other start the check found nearly as
good. Where a component's tree is too deep for the check it starts from one point, and the claim holds only if the
levels found on each batch are globally best.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, partial

import numpy as np
from scipy.special import stdtrit

from design.case import Case
from design.demand import Floats
from design.flow_model import InfeasibleError
from design.master_types import Master
from design.network import Component, Design
from design.recorder import UNRECORDED, Codec, Recorder, packed, unpacked
from design.solver import SolveStatus
from simopt.optimization.certificate_batches import CHECK_PATHS, BatchCosts, BatchWork, Checks
from simopt.optimization.certificate_types import (
    Batch,
    Certificate,
    CertificateParams,
    Limits,
    batch_codec,
    claim,
    claim_of_levels,
    how_minimized,
)
from simopt.optimization.global_levels_types import CHECK, GlobalLevels
from simopt.optimization.outer_approximation import SolvesComponents
from simopt.optimization.pathwise import PathwiseParams
from simopt.optimization.search_state import Incumbent, SearchState
from simopt.optimization.service_targets import (
    TargetSearch,
    excess,
    repair_replications,
    safety_margin,
)
from simopt.simulation.grid_costs import leaf_targets
from simopt.simulation.ledger import Ledger
from simopt.simulation.progress import Progress, silent
from simopt.simulation.workers import ALONE, Workers

TARGET_PATHS = -2000  # of the one on whose paths the incumbent's fill rates are tested, less the round
MULTIPLIER_PATHS = 512


@dataclass(frozen=True, eq=False)
class Certifier:
    """Everything that stays the same over the rounds of a certificate.

    Parameters
    ----------
    case
        The problem; its single-stage costs must bound its cost (no warnings).
    master
        A master with exact bounds and no prices; every design compared is forbidden in it.
    subproblem
        Finds levels and search cost of components not seen before.
    fresh_ledger
        A ledger whose demand no search has seen, for each number.
    params
        Confidence and effort.
    recorder
        Keeps checks, polished levels and batches; tells the time.
    progress
        Told how many checks and batches are done.
    workers
        Who checks levels and simulates batches.
    """

    case: Case
    master: Master
    subproblem: SolvesComponents
    fresh_ledger: Callable[[int], Ledger]
    params: CertificateParams = field(default_factory=CertificateParams)
    recorder: Recorder = UNRECORDED
    progress: Progress = silent
    workers: Workers = ALONE

    @cached_property
    def _costs(self) -> BatchCosts:
        """One for all rounds: it keeps what it has computed."""
        return BatchCosts(self.case, self.fresh_ledger, self.params.nested)

    def certify(self, state: SearchState) -> Certificate:
        """Try to prove the incumbent of a finished search best; ValueError if there is none."""
        deadline = self.recorder.clock() + self.params.time_limit
        for design in state.designs:
            self.master.forbid(design)
        incumbent = _incumbent(state)
        state, bound = self._enlarge(state, incumbent.cost + incumbent.half_width, deadline)
        error, checks = 1.0 - self.params.confidence, dict[Component, GlobalLevels | None]()
        for number in range(self.params.max_rounds):
            if self.recorder.clock() >= deadline or bound == -np.inf:  # limits left designs without a bound
                break
            error *= 0.5  # the rounds share the error: a half, a quarter, ...
            state = self._check_levels(state, checks, deadline)
            state = self._polish(number, state, error, checks)
            incumbent = _incumbent(state)
            limits = self._round(number, state, error, checks)
            allowed = self.params.indifference * incumbent.cost
            better = min(limits.upper, key=lambda design: limits.upper[design])
            if limits.upper[better] < 0.0:
                state = state.with_incumbent(better)
            elif bound < limits.incumbent_upper - allowed:
                state, bound = self._enlarge(state, limits.incumbent_upper, deadline)
            elif min(limits.lower.values()) >= -allowed and min(limits.service.values(), default=0.0) >= 0.0:
                return self._certificate(state, bound, checks, limits.margin)
        why = "not certified: limits of time, designs or replications were reached before every design was excluded"
        return Certificate(False, None, _incumbent(state), len(state.designs), bound, why)

    def _enlarge(self, state: SearchState, target: float, deadline: float) -> tuple[SearchState, float]:
        """Simulate and forbid designs until the bound of all others reaches the target less the indifference."""
        bound = -np.inf
        while self.recorder.clock() < deadline and len(state.designs) < self.params.max_designs:
            try:
                proposal = self.master.solve(deadline - self.recorder.clock())
            except InfeasibleError:  # every design has been compared
                return state, np.inf
            if proposal.status is SolveStatus.INTERRUPTED:  # Ctrl-C inside the solver
                raise KeyboardInterrupt
            bound = proposal.bound
            if proposal.design is None or bound >= target - self.params.indifference * _incumbent(state).cost:
                break
            new = [component for component in proposal.design.components if component not in state.plans]
            state = state.with_plans(list(self.subproblem.solve_all(new))).with_candidate(proposal.design)
            self.master.forbid(proposal.design)
            bound = -np.inf  # of the designs left over nothing is known yet
        return state, bound

    def _check_levels(
        self, state: SearchState, checks: dict[Component, GlobalLevels | None], deadline: float
    ) -> SearchState:
        """Look for better levels of every component not checked before, and take those better by more than noise."""
        better = []
        components = dict.fromkeys(component for design in state.designs for component in design.components)
        new = [component for component in components if component not in checks]
        pending = self.workers.apart(self._costs.check, [(one, state.plans[one].levels) for one in new])
        for done, (component, compute) in enumerate(zip(new, pending, strict=True)):
            self.progress("checks of levels", done, len(new))
            if self.recorder.clock() >= deadline:
                break
            found = checks[component] = self.recorder.value("check", compute, CHECK)
            if found is not None and found.is_better:
                better.append(replace(state.plans[component], levels=found.starts[0], cost=found.cost))
        if not better:
            return state
        state = state.with_plans(better).with_incumbent(_incumbent(state).design)
        changed = {plan.component for plan in better}
        for design in state.designs:
            state = state.with_candidate(design) if changed & set(design.components) else state
        return state

    def _polish(self, number: int, state: SearchState, error: float, checks: Checks) -> SearchState:
        """Optimize the incumbent's levels on as many paths as the round has, drawn for this alone.

        The levels of the search, from few paths, may cost more than the indifference above the best ones. Fill-rate
        targets are exceeded by so much that all tests of the round fail no more often than the claim may.
        """
        count = (self.params.replications << number) * self.params.batches // 2
        ledger, params = self.fresh_ledger(-1 - number), PathwiseParams(count)
        close_look = TargetSearch(self.case, ledger, PathwiseParams(repair_replications(self.case)))
        miss, plans = 1.0 - self.params.confidence, []
        safety = safety_margin(len(self.case.service_targets), self._share(state, error), miss)
        for component in _incumbent(state).design.components:
            plan = state.plans[component]

            def polished(component: Component = component, levels: Floats = plan.levels) -> Floats:
                found, _ = self._costs.minimize(ledger, component, levels, params, checks)
                return close_look.repaired(component, found, safety)

            plans.append(replace(plan, levels=self.recorder.value("polish", polished, _LEVELS)))
        return state.with_plans(plans).with_incumbent(_incumbent(state).design)

    def _multipliers(self, state: SearchState, components: set[Component]) -> dict[Component, Floats | None]:
        """Of the targets in each component, at its inner levels; None without targets."""
        if not self.case.service_targets:
            return dict.fromkeys(components)
        search = TargetSearch(self.case, self.fresh_ledger(CHECK_PATHS), PathwiseParams(MULTIPLIER_PATHS))
        return {
            c: search.multipliers_near(c, state.plans[c].levels) if leaf_targets(self.case, c).any() else None
            for c in components
        }

    def _round(self, number: int, state: SearchState, error: float, checks: Checks) -> Limits:
        """Simulate fresh batches; every limit gets an equal share of the error."""
        incumbent, count = _incumbent(state), self.params.batches
        components = {component for design in state.designs for component in design.components}
        size = self.params.replications << number
        worth = self._multipliers(state, components)
        levels = {component: state.plans[component].levels for component in components}
        work = BatchWork(size, levels, incumbent.design.components, worth, checks)
        numbers = range(number * count, (number + 1) * count)
        codec, batches = batch_codec(list(worth)), list[Batch]()
        for compute in self.workers.apart(partial(self._costs.batch, work), numbers):
            self.progress(f"certificate, round {number + 1}", len(batches), count)
            batches.append(self.recorder.value("batch", compute, codec))
        share = self._share(state, error)
        quantile = float(stdtrit(count - 1, 1.0 - share)) / count**0.5

        def limit(values: Floats, sign: float) -> float:
            return float(values.mean() + sign * quantile * values.std(ddof=1))

        shared = {design: state.shared_costs.of(design) for design in state.designs}
        own = np.array([batch.incumbent for batch in batches]) + shared[incumbent.design]

        def differences(design: Design, costs: Callable[[Batch], Mapping[Component, float]]) -> Floats:
            sums = np.array([sum(costs(batch)[c] for c in design.components) for batch in batches])
            return np.asarray(sums + shared[design] - own)

        least = {d: differences(d, lambda batch: batch.least) for d in state.designs}
        rivals = [d for d in state.designs if d != incumbent.design]
        found = {d: differences(d, lambda batch: batch.found) for d in rivals}
        by_control = np.array([batch.incumbent_by_control for batch in batches]) + shared[incumbent.design]
        return Limits(
            limit(by_control, 1.0),
            {design: limit(values, -1.0) for design, values in least.items()},
            {design: limit(values, 1.0) for design, values in found.items()} or {incumbent.design: 0.0},
            self._service(number, state, share),
            float(np.mean([batch.margin for batch in batches])),
        )

    def _share(self, state: SearchState, error: float) -> float:
        """Error of each limit of a round: of every design compared, the incumbent's cost and its targets."""
        return error / (len(state.designs) + 1 + len(self.case.service_targets))

    def _service(self, number: int, state: SearchState, error: float) -> dict[str, float]:
        """Lower limit of what each target is exceeded by at the incumbent's levels, on fresh paths, units."""
        count, limits = repair_replications(self.case), dict[str, float]()
        if not self.case.service_targets:
            return limits
        ledger = self.fresh_ledger(TARGET_PATHS - number)
        for component in _incumbent(state).design.components:
            sample = ledger.search(component, state.plans[component].levels, count)
            reached = excess(sample, leaf_targets(self.case, component))
            lower = reached.mean(axis=0) - stdtrit(count - 1, 1.0 - error) * reached.std(axis=0, ddof=1) / count**0.5
            limits |= dict(zip(component.nodes, map(float, lower), strict=True))
        return {name: limits[name] for name in self.case.service_targets}

    def _certificate(self, state: SearchState, bound: float, checks: Checks, margin: float) -> Certificate:
        used = {checks.get(component) for design in state.designs for component in design.components}
        if self.case.service_targets:
            used.add(None)  # the Lagrangian was minimized along gradients only
        confidence, designs, minimized = self.params.confidence, len(state.designs), how_minimized(used)
        worth = margin if self.case.service_targets else None
        statement = claim(confidence, self.params.indifference, designs, minimized, worth)
        if self.case.network.has_assembly:
            statement = claim_of_levels(confidence, self.params.indifference, minimized)
        return Certificate(
            holds=True,
            confidence=confidence,
            incumbent=_incumbent(state),
            num_designs=designs,
            excluded_above=bound,
            statement=statement,
            global_levels=None not in used,
            minimized=minimized,
            margin=worth,
        )


_LEVELS: Codec[Floats] = Codec(packed, unpacked)


def _incumbent(state: SearchState) -> Incumbent:
    if state.incumbent is None:
        raise ValueError("state: expected a search with an incumbent, got none")
    return state.incumbent
