"""A cap on emissions that counts held stock: levels of a whole design under it, and the search over designs.

Transport and sites emit what the design decides, which is a rule of the master. What held stock emits depends on the
levels. For a design they are found by a price π of emissions beyond the case's own, common to all its components: the
levels of least cost + π·emissions, π raised until their emissions keep the cap (Everett 1963, generalized Lagrange
multipliers). Some levels always do if transport and sites leave room: without base stock nothing is on hand.

For any π >= 0 the least cost + π·(emissions - cap) over all designs and levels bounds the cost of those that keep the
cap from below. So the loop runs over masters of the case with emissions priced at π: first 0, then the π of each new
incumbent. A design is forbidden once its cost under the cap is known, since no cut says what it costs under the cap.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from math import isclose
from typing import Protocol

import numpy as np

from design.case import Case
from design.demand import Floats
from design.flow_model import InfeasibleError
from design.master_types import Master, MasterSolution
from design.network import Component, Design
from design.single_stage import SingleStageModel
from design.single_stage_plan import single_stage_plan
from design.solver import SolveStatus
from simopt.optimization.outer_approximation import LoopParams, SolvesComponents, tell_price
from simopt.optimization.pathwise import PathwiseParams, PathwiseSearch, level_scale
from simopt.optimization.search_state import Incumbent, SearchState, Termination
from simopt.optimization.subproblem import ComponentPlan
from simopt.simulation.estimate import Estimate
from simopt.simulation.ledger import Ledger
from simopt.simulation.stage import Measure


@dataclass(frozen=True)
class CappedParams:
    """Effort of the levels of one design.

    Parameters
    ----------
    replications
        Search paths on which levels are optimized.
    measured
        Search paths on which emissions are estimated; the upper end of their interval must keep the cap.
    closeness
        The price is accepted where the emissions left unused are at most this share of the cap.
    max_trials
        Prices tried at most, first doubled, then bisected.
    """

    replications: int = 200
    measured: int = 1024
    closeness: float = 5e-4
    max_trials: int = 40


class PricesLevels(Protocol):
    """A subproblem that also says what given levels cost."""

    def solve(self, component: Component) -> ComponentPlan:
        """Levels and simulated cost of a component."""

    def at_levels(self, component: Component, levels: Floats) -> ComponentPlan:
        """The plan of a component with given levels."""


class CappedLevels:
    """Levels of least cost among those whose expected emissions keep the case's cap.

    Parameters
    ----------
    case
        With a cap.
    single_stage
        Exact single-stage costs.
    subproblem
        Says what levels cost on the search paths.
    ledger
        Runs and counts the simulations.
    params
        Effort.
    """

    def __init__(
        self,
        case: Case,
        single_stage: SingleStageModel,
        subproblem: PricesLevels,
        ledger: Ledger,
        params: CappedParams | None = None,
    ) -> None:
        if case.emissions.cap is None:
            raise ValueError("case: expected a cap on emissions, got none")
        self._case = case
        self._cap = case.emissions.cap
        self._single_stage = single_stage
        self._subproblem = subproblem
        self._ledger = ledger
        self._of_emissions = ledger.for_case(case.as_emissions)
        self._params = params or CappedParams()

    @property
    def cap(self) -> float:
        """Emissions over the horizon at most."""
        return self._cap

    def emissions(self, design: Design, levels: Mapping[str, float]) -> Estimate:
        """Emissions of a design, those of transport and sites at their means, on the search paths."""
        held = np.zeros(self._params.measured)
        for component in design.components:
            at = np.array([levels[name] for name in component.nodes])
            sample = self._of_emissions.search(component, at, self._params.measured)
            held += sample.measures[:, :, Measure.HOLDING].sum(axis=1)
        known = sum(rule.value(self._throughput(design), set(design.lanes)) for rule in self._case.site_rules.emissions)
        return Estimate.of(held + known)

    def keep_cap(self, design: Design, levels: Mapping[str, float]) -> bool:
        """Whether the upper end of the interval of the emissions keeps the cap."""
        found = self.emissions(design, levels)
        return found.mean + found.half_width <= self._cap * (1.0 + 1e-9)

    def best(self, design: Design, plans: Mapping[Component, ComponentPlan]) -> Incumbent | None:
        """The design with levels that keep the cap; None where no price of emissions led to such levels.

        Parameters
        ----------
        design
            The design.
        plans
            Its components with their cheapest levels.
        """
        levels = {c: np.asarray(plans[c].levels) for c in design.components}
        if self.keep_cap(design, _by_name(levels)):
            return self._incumbent(design, levels, 0.0)
        return self._bisect(design, levels, self._first_price(design, plans))

    def _bisect(self, design: Design, levels: Mapping[Component, Floats], price: float) -> Incumbent | None:
        """Raise the price till the cap is kept, then lower it while it is; every search starts at the last levels."""
        low, high = 0.0, np.inf
        kept: Incumbent | None = None
        for _ in range(self._params.max_trials):
            levels = self._levels_at(design, price, levels)
            found = self.emissions(design, _by_name(levels))
            room = self._cap - found.mean - found.half_width
            if room < 0.0:
                low = price
            else:
                high, kept = price, self._incumbent(design, levels, price)
            if kept is not None and (0.0 <= room <= self._params.closeness * self._cap or high - low <= 1e-3 * high):
                break
            price = 4.0 * low if high == np.inf else 0.5 * (low + high)
        return kept

    def _levels_at(self, design: Design, price: float, start: Mapping[Component, Floats]) -> dict[Component, Floats]:
        """Levels of least cost + price x emissions, found from others."""
        priced = self._case.at_price((self._case.emissions.price or 0.0) + price)
        search = PathwiseSearch(self._ledger.for_case(priced), PathwiseParams(self._params.replications))
        found = {}
        for component in design.components:
            scale = level_scale(single_stage_plan(self._case, self._single_stage, component))
            found[component] = search.descend(component, start[component], scale)
        return found

    def _first_price(self, design: Design, plans: Mapping[Component, ComponentPlan]) -> float:
        """A tenth of what the design costs per unit of the cap."""
        cost = sum(plans[component].cost.mean for component in design.components)
        return 0.1 * max(cost, 1e-9) / (self._cap or 1.0)

    def _incumbent(self, design: Design, levels: Mapping[Component, Floats], price: float) -> Incumbent:
        costs = [self._subproblem.at_levels(component, levels[component]).cost for component in design.components]
        half_width = float(np.sqrt(sum(cost.half_width**2 for cost in costs)))
        cost = sum(cost.mean for cost in costs) + self._case.shared_costs.of(design)
        return Incumbent(design, _by_name(levels), cost, half_width, price)

    def _throughput(self, design: Design) -> dict[str, float]:
        throughput: dict[str, float] = {}
        for component in design.components:
            throughput |= self._case.site_rules.throughput(component)
        return throughput


@dataclass(frozen=True, eq=False)
class PricedParts:
    """A master and a subproblem of the case with emissions at a price beyond its own."""

    master: Master
    subproblem: SolvesComponents


def capped_search(
    parts_at: Callable[[float], PricedParts],
    capped: CappedLevels,
    params: LoopParams | None = None,
    start: SearchState | None = None,
) -> Iterator[SearchState]:
    """Search designs under a cap that counts held stock; yields states as `outer_approximation` does.

    The incumbent's cost and levels are those under the cap, the plans of the state those of the cheapest levels.

    Parameters
    ----------
    parts_at
        New parts for a price of emissions beyond the case's own, money per unit of emission.
    capped
        Finds levels under the cap.
    params
        When to end.
    start
        Components simulated before at their cheapest levels, priced after a first master without prices; its designs
        and bounds are not used.

    Raises
    ------
    InfeasibleError
        If no design keeps the cap.
    """
    return _CappedSearch(parts_at, capped, params or LoopParams()).run(start or SearchState())


class _CappedSearch:
    """One search: the present price of emissions and the parts at it."""

    def __init__(self, parts_at: Callable[[float], PricedParts], capped: CappedLevels, params: LoopParams) -> None:
        self._parts_at = parts_at
        self._capped = capped
        self._params = params
        self._clock = params.clock
        self._deadline = params.clock() + params.time_limit
        self._free = self._parts = parts_at(0.0)
        self._price = 0.0
        self._priced: set[Component] = set()

    def run(self, start: SearchState) -> Iterator[SearchState]:
        """The states, the last one with its termination."""
        state = SearchState(shared_costs=start.shared_costs).with_plans(list(start.plans.values()))
        if state.plans:
            state = replace(state.bounded(self._first_solve()), priced_bound=-np.inf)
            self._tell_prices(state, state.plans)
        for _ in range(self._params.max_iterations):
            state, design = self._propose(state)
            if design is None or state.termination is not None:
                yield state
                return
            state = self._with_design(state, design)
            if self._clock() >= self._deadline:
                yield replace(state, termination=Termination.TIME_LIMIT)
                return
            yield state
        yield replace(state, termination=Termination.ITERATION_LIMIT)

    def _propose(self, state: SearchState) -> tuple[SearchState, Design | None]:
        """The next design, none where the search is over."""
        try:
            proposal = self._parts.master.solve(self._deadline - self._clock())
        except InfeasibleError as error:
            return self._exhausted(state, error), None
        bound = proposal.bound - self._price * self._capped.cap
        if state.incumbent is None:
            state = state.bounded(proposal)
        else:  # designs are forbidden whose costs are no lower than the incumbent's
            state = state.bounded(replace(proposal, bound=min(bound, state.incumbent.cost)))
        if proposal.status in _ENDS:
            return replace(state, termination=_ENDS[proposal.status]), None
        if proposal.design is None or proposal.status is not SolveStatus.OPTIMAL:
            return replace(state, termination=Termination.TIME_LIMIT), None
        if state.incumbent is None:
            return state, proposal.design
        met = bound >= state.incumbent.cost - self._params.tolerance * abs(state.incumbent.cost)
        if met:
            return replace(state, termination=Termination.BOUND_MET), None
        return state, proposal.design

    def _exhausted(self, state: SearchState, error: InfeasibleError) -> SearchState:
        """The last state where every design was tried."""
        if state.incumbent is not None:
            return replace(state, priced_bound=state.incumbent.cost, termination=Termination.BOUND_MET)
        if state.designs:
            raise InfeasibleError("no design keeps the cap on emissions at any base-stock levels") from error
        raise error

    def _with_design(self, state: SearchState, design: Design) -> SearchState:
        """The state with a design at its best levels under the cap; what was learned is told to the master."""
        new = list(self._free.subproblem.solve_all([c for c in design.components if c not in state.plans]))
        state = state.with_plans(new)
        state = replace(state, candidate=design, designs=(*state.designs, design))
        found = self._capped.best(design, state.plans)
        is_better = found is not None and (state.incumbent is None or found.cost < state.incumbent.cost)
        if found is not None and is_better:
            state = replace(state, incumbent=found)
        if found is not None and is_better and not isclose(found.multiplier, self._price, rel_tol=0.1):
            state = self._at_price(state, found.multiplier)
        else:
            self._parts.master.forbid(design)
        self._tell_prices(state, design.components)
        return state

    def _at_price(self, state: SearchState, price: float) -> SearchState:
        """Go on with new parts; the bound of their master over all designs may be better than the first one."""
        self._price, self._parts = price, self._parts_at(price)
        self._priced = set()
        first = self._first_solve()
        if (bound := first.bound - price * self._capped.cap) > state.unpriced_bound:
            state = replace(state, unpriced_bound=bound, bound_model=first.model)
        for known in state.designs:
            self._parts.master.forbid(known)
        if price == 0.0:
            self._tell_prices(state, state.plans)
        return state

    def _first_solve(self) -> MasterSolution:
        """What a new master says before it is told anything; KeyboardInterrupt for Ctrl-C inside the solver."""
        solution = self._parts.master.solve(self._deadline - self._clock())
        if solution.status is SolveStatus.INTERRUPTED:
            raise KeyboardInterrupt
        return solution

    def _tell_prices(self, state: SearchState, components: Iterable[Component]) -> None:
        """Price components at the present price of emissions."""
        for component in components:
            if component in self._priced:
                continue
            self._priced.add(component)
            plan = state.plans[component] if self._price == 0.0 else self._parts.subproblem.solve(component)
            tell_price(self._parts.master, plan)


_ENDS = {
    SolveStatus.INTERRUPTED: Termination.INTERRUPTED,
    SolveStatus.FAILED: Termination.SOLVER_FAILED,
    SolveStatus.UNBOUNDED: Termination.SOLVER_FAILED,
}


def _by_name(levels: Mapping[Component, Floats]) -> dict[str, float]:
    return {n: float(s) for c, at in levels.items() for n, s in zip(c.nodes, at, strict=True)}
