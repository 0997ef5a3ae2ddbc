"""What is made of a finished search: certificate, evaluation, lower bound, rules; each step survives an interrupt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from design.case import Case
from design.single_stage import SampledSingleStage
from design.stage_models import exact_costs
from simopt.apps.methods import ExactParts, certify, exact_master, extensive_scenarios, projected_costs
from simopt.apps.network_first import has_network_first, saving_against_network_first
from simopt.apps.options import SolveOptions
from simopt.apps.own_simulator import brief_params, evaluation_params, make_ledger
from simopt.apps.rules import rule_outcomes, rule_values
from simopt.apps.service_cost import levels_without_targets, marginal_costs
from simopt.apps.storage_cost import cost_of_storage
from simopt.optimization.certificate_batches import fresh_seed
from simopt.optimization.certificate_types import Certificate
from simopt.optimization.rounding import Rounder
from simopt.optimization.search_state import Incumbent, SearchState
from simopt.optimization.service_targets import repaired_levels
from simopt.result import LowerBound, Performance, RuleOutcome, TargetCost, performance_of
from simopt.simulation.estimate import Estimate
from simopt.simulation.evaluate import Evaluation, evaluate, evaluate_together
from simopt.simulation.ledger import Ledger

BOUND_BATCHES = 10
ROUNDING = -1_000_000  # number of the fresh demand that levels are rounded on
CAPPED = "not certified: the cap on emissions binds on held stock, for which there is no certificate"
BREAKS_CAP = "not certified: the levels or the design of the certificate break the cap on emissions of held stock"
REPAIR = -1_000_001  # of that on which levels are raised until targets hold
STORAGE = -1_000_002  # of that on which levels for unlimited storage are optimized
PACKED = "; all this for levels before they were rounded to whole packs"


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
        self.target_costs: tuple[TargetCost, ...] = ()
        self.cost_of_targets: Estimate | None = None
        self.cost_of_storage: Estimate | None = None
        self.saving: Estimate | None = None

    @property
    def statement(self) -> str | None:
        """The certificate in words."""
        if self.certificate is None:
            return None
        return self.certificate.statement + (PACKED if self.rounding_cost is not None else "")

    def certify(self, time_limit: float) -> None:
        """Try to prove the incumbent best; it may be replaced by a better one."""
        if self.incumbent.multiplier > 0.0:
            self.leave_uncertified(CAPPED)
            return
        found = certify(self._case, self._options, self._ledger, self._state, time_limit)
        if self._case.has_held_cap and not self._keeps_cap(found.incumbent):
            self.leave_uncertified(BREAKS_CAP)
            return
        self.certificate, self.incumbent = found, found.incumbent

    def leave_uncertified(self, why: str) -> None:
        """Keep the incumbent without a certificate."""
        designs, bound = len(self._state.designs), self._state.unpriced_bound
        self.certificate = Certificate(False, None, self.incumbent, designs, bound, why)

    def _keeps_cap(self, incumbent: Incumbent) -> bool:
        ledger = make_ledger(self._case, self._options)
        capped = ExactParts(self._case, self._options, ledger).capped_levels()
        return capped.keep_cap(incumbent.design, incumbent.levels)

    def evaluate(self) -> None:
        """Simulate the incumbent, its levels in whole packs, on fresh replications; find the lower bound."""
        case, design = self._case, self.incumbent.design
        levels = self._levels_for_targets()
        decisions, rounds = [(design, levels)], any(case.network.node(name).pack_size > 0.0 for name in design.nodes)
        if rounds:
            trials = self._own_ledger(ROUNDING) if self._ledger.is_built_in else None
            decisions.insert(0, (design, Rounder(case, trials).levels(design, levels)))
        if case.service_targets:
            own = self._own_ledger(REPAIR)
            self.target_costs = marginal_costs(case, own, design, decisions[0][1])
        if binding := any(target.marginal_cost > 0.0 for target in self.target_costs):
            decisions.append((design, levels_without_targets(case, own, design)))
        params = evaluation_params(case, self._options)
        self.evaluation, *others = evaluate_together(case, self._ledger, decisions, params)
        if rounds:
            self.rounding_cost = Estimate.of(self.evaluation.costs - others[0].costs)
        if case.service_targets:
            without = others[-1].costs if binding else self.evaluation.costs
            self.cost_of_targets = Estimate.of(self.evaluation.costs - without)
        if case.network.all_storages:
            self.cost_of_storage = cost_of_storage(self.evaluation, self._own_ledger(STORAGE), self._ledger)
        if self._has_bound:
            self.bound, self.bound_scenarios = lower_bound(case, self._options, self._state)

    def compare_with_network_first(self) -> None:
        """What is saved against planning the network first and the stock afterwards, where that can be said."""
        case, options = self._case, replace(self._options, budget=np.inf)
        if has_network_first(case, options):
            ledgers = make_ledger(case, options), self._ledger
            self.saving = saving_against_network_first(case, options, self._state, self.evaluation, ledgers)

    def _levels_for_targets(self) -> Mapping[str, float]:
        """The incumbent's levels; without a certificate, which does so itself, raised until its targets hold."""
        if self.certificate is not None and self.certificate.holds:
            return self.incumbent.levels
        return repaired_levels(self._case, self._own_ledger(REPAIR), self.incumbent.design, self.incumbent.levels)

    def _own_ledger(self, number: int) -> Ledger:
        seed = fresh_seed(self._options.seed, number)
        return make_ledger(self._case, self._options, seed=seed)

    def price_rules(self, *, worth_it: bool) -> None:
        """What the case's rules mean for the design, and, if it is worth it, what they cost."""
        self.rules = rule_values(self._case, self.incumbent.design)
        if worth_it and not self._case.network.has_assembly:
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
        known = self._case.search_warnings
        if self._options.simulator is not None and self.bound is not None:
            known = (*known, *_below_bound(self.evaluation.estimate, self.bound))
        return known if emitted is None else (*known, *emitted.cap_warning)

    def evaluate_briefly(self) -> None:
        """What an interrupt leaves time for."""
        case, incumbent = self._case, self.incumbent
        self.price_rules(worth_it=False)
        self.rounding_cost, self.cost_of_targets, self.target_costs = None, None, ()
        self.cost_of_storage = self.saving = None
        levels = Rounder(case, None).levels(incumbent.design, incumbent.levels)
        self.evaluation = evaluate(case, self._ledger, incumbent.design, levels, brief_params(self._options))
        if self._has_bound and not (self._options.is_sampled or case.has_profiles):
            self.bound, self.bound_scenarios = lower_bound(case, self._options, self._state)


def _below_bound(cost: Estimate, bound: LowerBound) -> tuple[str, ...]:
    """A warning where a simulator of one's own is cheaper than the built-in model allows, which misleads the search."""
    if cost.mean + cost.half_width >= bound.value:
        return ()
    return (
        f"your simulator's cost {cost.mean:.2f} ± {cost.half_width:.2f} lies below the built-in model's lower bound "
        f"{bound.value:.2f}: designs were compared by a model that does not fit it; see `simopt check-simulator`",
    )


def lower_bound(case: Case, options: SolveOptions, state: SearchState) -> tuple[LowerBound | None, int]:
    """The bound over all designs without simulated prices, and how many more scenarios it took.

    With sampled scenarios the bound is the mean over independent batches of the projected master, with
    its half-width (Mak, Morton & Wood 1999: the expected optimum of a sample is no higher than the optimum). With
    demand profiles the search goes by the cost of levels that stay the same; what bounds it is computed here.
    """
    if not np.isfinite(state.unpriced_bound):
        return None, 0
    if not options.is_sampled:
        kind = "estimate" if case.warnings or options.simulator is not None else "exact"
        if case.has_profiles:
            proven = exact_master(case, exact_costs(case, by_period=True)).solve()
            return LowerBound(proven.bound, 0.0, kind, proven.model.value), 0
        return LowerBound(state.unpriced_bound, 0.0, kind, state.bound_model.value), 0
    values, scenarios = [], 0
    for batch in range(1, BOUND_BATCHES + 1):
        costs = (
            SampledSingleStage(extensive_scenarios(case, options, batch))
            if options.samples_paths
            else projected_costs(case, options, batch, by_period=True)
        )
        values.append(exact_master(case, costs).solve().bound)
        scenarios += costs.num_scenarios
    estimate = Estimate.of(np.array(values))
    kind = "estimate" if case.warnings or options.simulator is not None else "statistical"
    return LowerBound(estimate.mean, estimate.half_width, kind), scenarios
