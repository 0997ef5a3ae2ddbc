"""What is made of a finished search: certificate, evaluation, lower bound, rules; each step survives an interrupt."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from design.case import Case
from design.master import ProjectedMaster
from design.single_stage import SampledSingleStage
from simopt.apps.methods import ExactParts, SolveOptions, certify, extensive_scenarios, projected_costs
from simopt.apps.rules import rule_outcomes, rule_values
from simopt.optimization.certificate import Certificate, fresh_seed
from simopt.optimization.rounding import Rounder
from simopt.optimization.search_state import Incumbent, SearchState
from simopt.result import LowerBound, Performance, RuleOutcome, performance_of
from simopt.simulation.estimate import Estimate
from simopt.simulation.evaluate import Evaluation, EvaluationParams, evaluate, evaluate_together
from simopt.simulation.ledger import Ledger
from simopt.simulation.simulator import TreeSimulator

BOUND_BATCHES = 10
ROUNDING = -1_000_000  # number of the fresh demand that levels are rounded on
CAPPED = "not certified: the cap on emissions binds on held stock, for which there is no certificate"
BREAKS_CAP = "not certified: the levels or the design of the certificate break the cap on emissions of held stock"
PACKED = "; all this for levels before they were rounded to whole packs"
AFTER_INTERRUPT = EvaluationParams(replications=256, max_replications=256)


class Answer:
    """What is made of a finished search, step by step, so that an interrupt keeps the steps done.

    Parameters
    ----------
    case, options, ledger
        What is solved, how, and the search's ledger.
    has_bound
        Whether the search gives a lower bound.
    state, incumbent
        What it knew in the end.
    """

    def __init__(
        self,
        case: Case,
        options: SolveOptions,
        ledger: Ledger,
        has_bound: bool,
        state: SearchState,
        incumbent: Incumbent,
    ) -> None:
        self._case = case
        self._options = options
        self._ledger = ledger
        self._has_bound = has_bound
        self._state = state
        self.incumbent = incumbent
        self.certificate: Certificate | None = None
        self.evaluation: Evaluation
        self.rounding_cost: Estimate | None = None
        self.bound: LowerBound | None = None
        self.bound_scenarios = 0
        self.rules: tuple[RuleOutcome, ...] = ()

    @property
    def statement(self) -> str | None:
        """The certificate in words."""
        if self.certificate is None:
            return None
        return self.certificate.statement + (PACKED if self.rounding_cost is not None else "")

    def certify(self, time_limit: float) -> None:
        """Try to prove the incumbent best; it may be replaced by a better one."""
        if self.incumbent.multiplier > 0.0:
            self._leave_uncertified(CAPPED)
            return
        found = certify(self._case, self._options, self._ledger, self._state, time_limit)
        if self._case.has_held_cap and not self._keeps_cap(found.incumbent):
            self._leave_uncertified(BREAKS_CAP)
            return
        self.certificate, self.incumbent = found, found.incumbent

    def _leave_uncertified(self, why: str) -> None:
        designs, bound = len(self._state.designs), self._state.unpriced_bound
        self.certificate = Certificate(False, None, self.incumbent, designs, bound, why)

    def _keeps_cap(self, incumbent: Incumbent) -> bool:
        ledger = Ledger(self._case, TreeSimulator(self._case), self._options.seed, self._options.jobs)
        capped = ExactParts(self._case, self._options, ledger).capped_levels()
        return capped.keep_cap(incumbent.design, incumbent.levels)

    def evaluate(self) -> None:
        """Simulate the incumbent, its levels in whole packs, on fresh replications; find the lower bound."""
        case, (design, levels) = self._case, (self.incumbent.design, self.incumbent.levels)
        if any(case.network.node(name).pack_size > 0.0 for name in design.nodes):
            own = Ledger(case, TreeSimulator(case), fresh_seed(self._options.seed, ROUNDING), self._options.jobs)
            rounded = Rounder(case, own).levels(design, levels)
            in_packs, free = evaluate_together(case, self._ledger, [(design, rounded), (design, levels)])
            self.evaluation, self.rounding_cost = in_packs, Estimate.of(in_packs.costs - free.costs)
        else:
            self.evaluation = evaluate(case, self._ledger, design, levels)
        if self._has_bound:
            self.bound, self.bound_scenarios = lower_bound(case, self._options, self._state)

    def price_rules(self, *, worth_it: bool) -> None:
        """What the case's rules mean for the design, and, if it is worth it, what they cost."""
        self.rules = rule_values(self._case, self.incumbent.design)
        if worth_it:
            proven = self._state.unpriced_bound if self._case.has_held_cap else -np.inf
            self.rules = rule_outcomes(self._case, self.incumbent.design, self._state.bound_model, proven)

    @property
    def performance(self) -> Performance:
        """The evaluation in the units of the case, with what is known of a cap on emissions."""
        found = performance_of(self.evaluation)
        if found.emissions is None or self._case.emissions.cap is None:
            return found
        labels = [rule.label for rule in self._case.site_rules.emissions]
        costs = [rule.cost for rule in self.rules if rule.rule in labels]
        multiplier = self.incumbent.multiplier if self._case.has_held_cap else None
        emissions = replace(found.emissions, cap_cost=costs[0] if costs else None, multiplier=multiplier)
        return replace(found, emissions=emissions)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What makes the result less than it seems: the case's warnings, and a cap broken on fresh replications."""
        emitted = performance_of(self.evaluation).emissions
        return self._case.warnings if emitted is None else (*self._case.warnings, *emitted.cap_warning)

    def evaluate_briefly(self) -> None:
        """What an interrupt leaves time for."""
        case, incumbent = self._case, self.incumbent
        self.price_rules(worth_it=False)
        self.rounding_cost = None
        levels = Rounder(case, None).levels(incumbent.design, incumbent.levels)
        self.evaluation = evaluate(case, self._ledger, incumbent.design, levels, AFTER_INTERRUPT)
        if self._has_bound and not self._options.is_sampled:
            self.bound, self.bound_scenarios = lower_bound(case, self._options, self._state)


def lower_bound(case: Case, options: SolveOptions, state: SearchState) -> tuple[LowerBound | None, int]:
    """The bound over all designs without simulated prices, and how many more scenarios it took.

    With sampled scenarios the bound is the mean over independent batches of the projected master, with
    its half-width (Mak, Morton & Wood 1999: the expected optimum of a sample is no higher than the optimum).
    """
    if not np.isfinite(state.unpriced_bound):
        return None, 0
    if not options.is_sampled:
        kind = "estimate" if case.warnings else "exact"
        return LowerBound(state.unpriced_bound, 0.0, kind, state.bound_model.value), 0
    values, scenarios = [], 0
    for batch in range(1, BOUND_BATCHES + 1):
        costs = (
            SampledSingleStage(extensive_scenarios(case, options, batch))
            if options.samples_paths
            else projected_costs(case, options, batch)
        )
        values.append(ProjectedMaster(case, costs).solve().bound)
        scenarios += costs.num_scenarios
    estimate = Estimate.of(np.array(values))
    kind = "estimate" if case.warnings else "statistical"
    return LowerBound(estimate.mean, estimate.half_width, kind), scenarios
