"""Every method of `solve` and `compare`, put together from its parts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from design.case import Case
from design.extensive import ExtensiveMaster, ExtensiveParams
from design.master import MasterParams, ProjectedMaster
from design.master_types import Bound, Master, PricedMaster
from design.network import Design
from design.only_design import OnlyDesignMaster
from design.robust.demand_budget import DemandBudget
from design.scenario import PathScenarios, path_scenarios
from design.separate import SeparateMasters, independent_parts
from design.single_stage import SampledSingleStage, SingleStageModel
from design.site_rules import Rule
from design.stage_models import exact_costs, sampled_costs
from design.transport import cheapest_transport_design
from simopt.apps.options import (
    SolveOptions,
    check_emission_cap,
    refuse_assembly,
    refuse_dependence,
    refuse_shared_storage,
    refuse_targets,
)
from simopt.apps.own_simulator import kriging_limit, pathwise_params, pricing_params, refuse_own_simulator
from simopt.apps.rivals import PACKAGES, cobyqa_levels, whole_problem
from simopt.optimization.certificate import Certifier
from simopt.optimization.certificate_batches import FreshLedgers
from simopt.optimization.certificate_types import Certificate, CertificateParams
from simopt.optimization.emission_cap import CappedLevels, PricedParts, capped_search
from simopt.optimization.exhaustive import ExhaustiveParams, exhaustive_search
from simopt.optimization.genetic_design import GeneticDesignParams, genetic_search
from simopt.optimization.global_levels import CheckedSearch, NestedSearch
from simopt.optimization.kriging_search import KrigingParams, KrigingSearch
from simopt.optimization.outer_approximation import LoopParams, outer_approximation
from simopt.optimization.paper_loop import PaperParams, paper_loop
from simopt.optimization.pathwise import PathwiseParams
from simopt.optimization.polish import Polisher
from simopt.optimization.search_state import SearchState
from simopt.optimization.separate import joined, restricted
from simopt.optimization.sequential import network_then_stock
from simopt.optimization.service_targets import level_search
from simopt.optimization.subproblem import LevelSearch, PricingParams, Subproblem
from simopt.simulation.ledger import Ledger
from simopt.simulation.stage import Measure
from surrogates.kriging import refit_kriging
from surrogates.search_types import DEFAULT_SEARCH, GRADIENT_SEARCH
from surrogates.surrogate import Fitter

PAPER_SCENARIOS = 50
FILL_RATE_PATHS = 1024
LAST_ROUND = 600_000  # replications times nodes of a design in the last round of a certificate
COMPARED_NODES = 2_600  # of all designs that a certificate compares one by one, their number limited to 20 to 200
TIMES_WITH_TARGETS = 4
EXACT = 1e-6  # tolerance of the masters of networks with few lanes
EXACT_LANES = 500


@dataclass(frozen=True, eq=False)
class Search:
    """A method ready to run.

    Parameters
    ----------
    states
        Yields the state after every step.
    has_bound
        Whether the states carry a lower bound.
    scenarios
        Sampled scenarios used.
    """

    states: Iterator[SearchState]
    has_bound: bool
    scenarios: int


class ExactParts:
    """What searches that follow a run are made of: exact masters, the pathwise subproblem, one set of search paths.

    Parameters
    ----------
    case, options
        What was solved.
    ledger
        Runs and counts the simulations.
    single_stage
        Single-stage costs of the case's demand; new ones without it.
    """

    def __init__(
        self, case: Case, options: SolveOptions, ledger: Ledger, single_stage: SingleStageModel | None = None
    ) -> None:
        refuse_shared_storage(case, options)
        self._case = case
        self.options = options
        self.ledger = ledger
        self._bound = _master_params(case, options)
        self._single_stage = single_stage or exact_costs(case)
        self.subproblem = _subproblem(case, replace(options, subproblem="pathwise"), ledger, self._single_stage)
        self.polisher = Polisher(case, self._single_stage, ledger)
        self.start = start_state(case)

    def for_case(self, case: Case, ledger: Ledger | None = None) -> ExactParts:
        """Parts for a case with the same demand; `ledger` is its own where costs differ."""
        return ExactParts(case, self.options, ledger or self.ledger, self._single_stage)

    def fill_rates(self, design: Design, levels: Mapping[str, float]) -> dict[str, float]:
        """Share of demand met at once of every customer, on the search paths."""
        at = self.ledger.search_design(design, levels, FILL_RATE_PATHS).measures.mean(axis=0)
        met, demanded = at[:, Measure.MET_AT_ONCE], at[:, Measure.DEMANDED]
        shares = np.divide(met, demanded, out=np.ones(len(met)), where=demanded > 0.0)
        return {name: float(s) for name, s in zip(design.nodes, shares, strict=True) if name in self._case.demand}

    def capped_levels(self) -> CappedLevels:
        """What finds levels under a cap on emissions."""
        return CappedLevels(self._case, self._single_stage, self.subproblem, self.ledger)

    def capped_search(
        self, capped: CappedLevels, params: LoopParams, start: SearchState | None = None
    ) -> Iterator[SearchState]:
        """A search over designs under a cap on emissions that counts held stock."""

        def parts_at(price: float) -> PricedParts:
            if price == 0.0:
                return PricedParts(self.master(), self.subproblem)
            case = self._case.at_price((self._case.emissions.price or 0.0) + price)
            parts = self.for_case(case, self.ledger.for_case(case))
            return PricedParts(parts.master(), parts.subproblem)

        return capped_search(parts_at, capped, params, start)

    def master(self, added: tuple[Rule, ...] = (), budget: DemandBudget | None = None) -> ProjectedMaster:
        """A new master without prices, with rules beside the case's, protected against a budget of demand."""
        return ProjectedMaster(self._case, self._single_stage, replace(self._bound, added=added, budget=budget))


def start_state(case: Case) -> SearchState:
    """What a search knows before its first step."""
    return SearchState(shared_costs=case.shared_costs)


def certify(case: Case, options: SolveOptions, ledger: Ledger, state: SearchState, time_limit: float) -> Certificate:
    """Try to prove a finished search's incumbent best; parts of the case that share nothing, each by itself.

    Parameters
    ----------
    case, options, ledger
        What was solved, and the search's ledger.
    state
        What the search knew in the end.
    time_limit
        Seconds.
    """
    parts, deadline = independent_parts(case), options.recorder.clock() + time_limit
    if len(parts) == 1 or case.network.has_assembly:
        return make_certifier(case, options, ledger, time_limit).certify(state)
    whole, found = CertificateParams(indifference=options.indifference), []
    for part in parts:
        own = make_certifier(part, options, ledger, deadline - options.recorder.clock())
        confidence = 1.0 - (1.0 - whole.confidence) / len(parts)
        own = replace(own, params=replace(own.params, confidence=confidence))
        found.append(own.certify(restricted(state, part)))
    return joined(case, found, whole)


def make_certifier(case: Case, options: SolveOptions, ledger: Ledger, time_limit: float) -> Certifier:
    """A certifier with a master of its own, exact and without prices; it always searches levels along gradients.

    Parameters
    ----------
    case, options
        What was solved.
    ledger
        Of the search, for designs that it did not simulate.
    time_limit
        Seconds.
    """
    single_stage = exact_costs(case)

    return Certifier(
        case,
        exact_master(case, single_stage, _master_params(case, options)),
        _subproblem(case, replace(options, subproblem="pathwise"), ledger, single_stage),
        FreshLedgers(case, options.seed, options.workers),
        _certificate_params(case, options, time_limit),
        options.recorder,
        options.progress,
        options.workers,
    )


def _certificate_params(case: Case, options: SolveOptions, time_limit: float) -> CertificateParams:
    """Less effort a node in large networks: their certificates would take hours."""
    usual, nodes = CertificateParams(), len(case.network.nodes)
    first_round = nodes * usual.batches * usual.replications
    return CertificateParams(
        indifference=options.indifference,
        max_rounds=int(np.clip(1 + np.log2(LAST_ROUND / first_round), 1, usual.max_rounds)),
        max_designs=int(np.clip(COMPARED_NODES / nodes, 20, usual.max_designs)),
        time_limit=time_limit,
    )


def start_search(case: Case, options: SolveOptions, ledger: Ledger) -> Search:
    """Put the method of the options together."""
    refuse_unknown(case, options)
    return METHODS[options.method](case, options, ledger)


def refuse_unknown(case: Case, options: SolveOptions) -> None:
    """Refuse what no search of these options knows.

    Raises
    ------
    BadInputError
        Naming it.
    """
    refuse_dependence(case, options)
    refuse_assembly(case, options)
    check_emission_cap(case, options)
    refuse_targets(case, options)
    refuse_shared_storage(case, options)
    refuse_own_simulator(case, options)


def _outer_approximation(case: Case, options: SolveOptions, ledger: Ledger) -> Search:
    if case.has_held_cap:
        parts = ExactParts(case, options, ledger)
        params = _loop_params(options)
        return Search(parts.capped_search(parts.capped_levels(), params, parts.start), True, 0)
    master, charged = priced_master(case, options)
    loop = _loop_params(options)
    subproblem = _subproblem(case, options, ledger, charged)
    return Search(outer_approximation(master, subproblem, loop, start_state(case)), True, master.num_scenarios)


def priced_master(case: Case, options: SolveOptions) -> tuple[PricedMaster, SingleStageModel]:
    """The master that the options ask for, and the single-stage costs it charges."""
    if options.master == "extensive":
        scenarios = extensive_scenarios(case, options)
        return _extensive_master(case, scenarios, options), SampledSingleStage(scenarios)
    charged = projected_costs(case, options)
    return _projected_master(case, charged, options), charged


def _paper(case: Case, options: SolveOptions, ledger: Ledger) -> Search:
    scenarios = extensive_scenarios(case, options)
    subproblem = _subproblem(case, replace(options, subproblem="kriging"), ledger, SampledSingleStage(scenarios), 1)
    params = PaperParams(time_limit=options.time_limit, clock=options.recorder.clock)
    master = _extensive_master(case, scenarios, options)
    states = paper_loop(master, subproblem, cheapest_transport_design(case), params, start_state(case))
    return Search(states, True, master.num_scenarios)


def _sequential(case: Case, options: SolveOptions, ledger: Ledger) -> Search:
    subproblem = _subproblem(case, options, ledger, exact_costs(case))
    states = network_then_stock(cheapest_transport_design(case), subproblem, start_state(case))
    return Search(states, False, 0)


def _exhaustive(case: Case, options: SolveOptions, ledger: Ledger) -> Search:
    single_stage = exact_costs(case)

    def with_effort(times: int) -> Subproblem:
        search = level_search(case, ledger, PathwiseParams(times * PathwiseParams.replications))
        pricing = PricingParams(times * PricingParams.replications)
        return Subproblem(case, single_stage, ledger, search, pricing)

    params = ExhaustiveParams(time_limit=options.time_limit, clock=options.recorder.clock, progress=options.progress)
    return Search(exhaustive_search(case, with_effort(2), with_effort(10), params), False, 0)


def _genetic(case: Case, options: SolveOptions, ledger: Ledger) -> Search:
    return Search(genetic_search(case, ledger, GeneticDesignParams.for_budget(options.budget), options.seed), False, 0)


def _cobyqa(case: Case, options: SolveOptions, ledger: Ledger) -> Search:
    return Search(cobyqa_levels(case, options, ledger), False, 0)


def _rival(name: str) -> Callable[[Case, SolveOptions, Ledger], Search]:
    def search(case: Case, options: SolveOptions, ledger: Ledger) -> Search:
        return Search(whole_problem(name, case, options, ledger), False, 0)

    return search


def _projected_master(case: Case, charged: SingleStageModel, options: SolveOptions) -> PricedMaster:
    """The projected master, one for each part of the case that shares nothing with the others."""
    params, parts = _master_params(case, options), independent_parts(case)
    if len(parts) == 1 or case.network.has_assembly:
        return exact_master(case, charged, params)
    return SeparateMasters(case, [(part, ProjectedMaster(part, charged, params)) for part in parts])


def exact_master(case: Case, charged: SingleStageModel, params: MasterParams | None = None) -> Master:
    """A master without prices: the projected one, or that of the only design where nodes assemble inputs."""
    if case.network.has_assembly:
        return OnlyDesignMaster(case, charged)
    return ProjectedMaster(case, charged, params)


def _master_params(case: Case, options: SolveOptions) -> MasterParams:
    """Large networks to a tenth of the tolerance between designs, as every digit takes a search tree of its own."""
    is_large = len(case.network.lanes) > EXACT_LANES
    tolerance = max(0.1 * options.tolerance, EXACT) if is_large else EXACT
    return MasterParams(tolerance, bound=Bound(options.bound), recorder=options.recorder)


def _extensive_master(case: Case, scenarios: PathScenarios, options: SolveOptions) -> ExtensiveMaster:
    return ExtensiveMaster(case, scenarios, ExtensiveParams(recorder=options.recorder))


def _loop_params(options: SolveOptions) -> LoopParams:
    clock, progress = options.recorder.clock, options.progress
    return LoopParams(options.tolerance, time_limit=options.time_limit, clock=clock, progress=progress)


def projected_costs(case: Case, options: SolveOptions, batch: int = 0, *, by_period: bool = False) -> SingleStageModel:
    """Single-stage costs of the projected master: exact, or sampled where the options say how many scenarios."""
    if options.scenarios is None:
        return exact_costs(case, by_period=by_period)
    return sampled_costs(case, options.scenarios, options.seed, batch, by_period=by_period)


def extensive_scenarios(case: Case, options: SolveOptions, batch: int = 0) -> PathScenarios:
    """Plain sampled demand paths as long as the longest lead time."""
    count, longest = options.scenarios or PAPER_SCENARIOS, case.network.longest_lead_time
    return path_scenarios(case.demand, count, longest, options.seed, batch, case.correlation)


def _subproblem(
    case: Case, options: SolveOptions, ledger: Ledger, charged: SingleStageModel, reach: int | None = None
) -> Subproblem:
    """The subproblem with an effort that fits the budget of replications.

    Without a budget, levels for demand in whole units, where gradients may stall, are checked globally.
    """
    search: LevelSearch = level_search(case, ledger, pathwise_params(options), TIMES_WITH_TARGETS)
    has_kinks = any(demand.whole_units for demand in case.demand.values())
    if options.budget == np.inf and has_kinks and case.has_simple_supply and ledger.is_built_in:
        search = CheckedSearch(search, NestedSearch(case, ledger))  # gradients stall at kinks
    if options.level_search != "pathwise":
        with_gradients = options.level_search == "gradient-kriging"
        schedule = replace(GRADIENT_SEARCH if with_gradients else DEFAULT_SEARCH, budget=kriging_limit(options))
        params = KrigingParams(schedule, reach, _fitter(options.surrogate), with_gradients, options.jobs)
        search = KrigingSearch(ledger, params, options.seed)
    return Subproblem(case, charged, ledger, search, pricing_params(options))


def _fitter(surrogate: str) -> Fitter:
    if surrogate == "smt":
        from surrogates.smt_adapter import fit_smt_kriging  # SMT takes a second to import

        return fit_smt_kriging
    if surrogate == "sklearn":
        from surrogates.sklearn_adapter import fit_sklearn_kriging

        return fit_sklearn_kriging
    return refit_kriging


METHODS: dict[str, Callable[[Case, SolveOptions, Ledger], Search]] = {
    "outer-approximation": _outer_approximation,
    "paper": _paper,
    "sequential": _sequential,
    "genetic": _genetic,
    "exhaustive": _exhaustive,
    "cobyqa": _cobyqa,
    **{name: _rival(name) for name in PACKAGES},
}
