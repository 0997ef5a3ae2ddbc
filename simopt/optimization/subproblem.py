"""The simulation subproblem: base-stock levels of one component of a fixed design, and what they cost.

How the levels are found is a `LevelSearch` (pathwise, kriging); what a component then costs is estimated here, the same
way for all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, replace
from typing import Any, Protocol

import numpy as np

from design.case import Case
from design.demand import Floats, as_floats
from design.network import Component
from design.recorder import Codec, packed, unpacked
from design.single_stage import QuadratureSingleStage, SingleStageModel
from design.single_stage_plan import SingleStagePlan, single_stage_plan
from design.stage_models import exact_costs
from design.storage import has_room
from simopt.simulation.estimate import Estimate
from simopt.simulation.ledger import Ledger


@dataclass(frozen=True, eq=False)
class ComponentPlan:
    """A component with its levels and simulated cost.

    Parameters
    ----------
    component
        What was optimized.
    levels
        Base-stock levels, shape (node,), units, as in `Component.nodes`.
    cost
        Estimated cost, fixed costs included, money over the horizon.
    single_stage_cost
        What the master charges without prices.
    parts
        Of trees that share storage, what each costs by itself, alone in the storage: together no more than all in it.
    """

    component: Component
    levels: Floats
    cost: Estimate
    single_stage_cost: float
    parts: tuple[ComponentPlan, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "levels", as_floats(self.levels))

    @property
    def extra(self) -> float:
        """By how much simulation exceeds the single-stage cost, at least 0: the component's price in the master."""
        return max(self.cost.mean - self.single_stage_cost, 0.0)

    @property
    def priced(self) -> tuple[ComponentPlan, ...]:
        """Everything that the master is told a price of: the parts and the whole."""
        return (*self.parts, self)


def plan_codec(component: Component) -> Codec[ComponentPlan]:
    """How plans of a component are written down."""

    def encode(plan: ComponentPlan) -> dict[str, Any]:
        return {
            "levels": packed(plan.levels),
            "cost": astuple(plan.cost),
            "single_stage_cost": plan.single_stage_cost,
            "parts": [encode(part) for part in plan.parts],
        }

    def decode(content: dict[str, Any], component: Component = component) -> ComponentPlan:
        parts = [decode(part, tree) for part, tree in zip(content["parts"], component.trees, strict=False)]
        levels, cost = unpacked(content["levels"]), Estimate(*content["cost"])
        return ComponentPlan(component, levels, cost, content["single_stage_cost"], tuple(parts))

    return Codec(encode, decode)


class LevelSearch(Protocol):
    """Finds good base-stock levels of one component by simulation."""

    def best_levels(self, component: Component, start: SingleStagePlan) -> Floats:
        """Levels, shape (node,), units.

        Parameters
        ----------
        component
            A source and the nodes it serves.
        start
            Its single-stage plan.
        """


@dataclass(frozen=True)
class PricingParams:
    """How a component's cost is estimated once its levels are chosen.

    Parameters
    ----------
    replications
        Search paths simulated, at least 2. With the single-stage cost as control variate 256 leave a standard error of
        about 0.1% on thirteen-node.
    """

    replications: int = 256

    def __post_init__(self) -> None:
        if self.replications < 2:
            raise ValueError(f"replications: expected at least 2, got {self.replications}")


class Subproblem:
    """Sim_Opt of the paper for one component: search the levels, then estimate their cost.

    Parameters
    ----------
    case
        Network and fixed costs.
    charged
        The single-stage costs that the master charges, sampled or exact.
    ledger
        Runs and counts the simulations.
    search
        Finds the levels.
    pricing
        How their cost is estimated.
    """

    def __init__(
        self,
        case: Case,
        charged: SingleStageModel,
        ledger: Ledger,
        search: LevelSearch,
        pricing: PricingParams | None = None,
    ) -> None:
        self._case = case
        self._exact = charged if isinstance(charged, QuadratureSingleStage) else exact_costs(case)
        self._charged = charged
        self._ledger = ledger
        self._search = search
        self._pricing = pricing or PricingParams()
        self._trees: dict[Component, ComponentPlan] = {}

    def solve(self, component: Component) -> ComponentPlan:
        """Best levels found for a component and their cost."""
        return next(self.solve_all([component]))

    def solve_all(self, components: Sequence[Component]) -> Iterator[ComponentPlan]:
        """Best levels found for each of some components, in their order; at the same time where there is a cluster."""
        pending = self._ledger.together(self._solve, components)
        for component, compute in zip(components, pending, strict=True):
            plan = self._ledger.recorded("component", compute, plan_codec(component))
            self._trees |= {part.component: part for part in plan.parts}
            yield plan

    def _solve(self, component: Component) -> ComponentPlan:
        start = single_stage_plan(self._case, self._exact, component)
        if component.trees:
            return self._solve_joined(component, start)
        return self._plan(component, self._search.best_levels(component, start), start)

    def _solve_joined(self, component: Component, start: SingleStagePlan) -> ComponentPlan:
        """Trees that share storage: each by itself, and all together where the storage might overflow then."""
        for tree in component.trees:
            if tree not in self._trees:
                self._trees[tree] = self.solve(tree)
        parts = tuple(self._trees[tree] for tree in component.trees)
        levels = np.concatenate([part.levels for part in parts])
        if not has_room(self._case.network.storages, dict(zip(component.nodes, levels, strict=True))):
            levels = self._search.best_levels(component, replace(start, levels=levels))
        return replace(self._plan(component, levels, start), parts=parts)

    def at_levels(self, component: Component, levels: Floats) -> ComponentPlan:
        """The plan of a component with given levels, shape (node,), units."""
        return self._plan(component, levels, single_stage_plan(self._case, self._exact, component))

    def _plan(self, component: Component, levels: Floats, start: SingleStagePlan) -> ComponentPlan:
        count = self._pricing.replications
        costs = self._ledger.search(component, levels, count).costs + self._case.fixed_cost(component)
        if not self._case.warnings:
            costs = self._controlled(costs, self._control_variate(component, start, count))
        charged = single_stage_plan(self._case, self._charged, component)
        return ComponentPlan(component, levels, Estimate.of(costs), charged.cost)

    def _controlled(self, costs: Floats, control: Floats) -> Floats:
        """Costs less what is explained by a control of mean 0; a user's simulator may follow it more or less closely.

        Its coefficient is estimated there, which biases the mean by a share of order 1/n (Law 2015, section 11.4).
        """
        if self._ledger.is_built_in:
            return costs + control
        variance = float(control.var())
        share = -float(np.mean((costs - costs.mean()) * (control - control.mean()))) / variance if variance else 0.0
        return costs + share * control

    def _control_variate(self, component: Component, start: SingleStagePlan, count: int) -> Floats:
        """Known mean of the single-stage cost minus its value on each search path, shape (replication,)."""
        decoupled = self._ledger.search_decoupled(component, start.levels, count)
        return np.asarray(start.expected_cost - self._case.fixed_cost(component) - decoupled)
