"""The master problem in its projected form: a lower bound on every design's cost, and the design that attains it.

    min  H·Σ_l Σ_c (u_l + p_l·L_l)·m_c·r_cl + Σ_l (F_l + F_to(l))·y_l + Σ_s F_s·z_s + T
    s.t. T ≥ Σ_l θ_l + Σ_s (θ_s + e_s)                 stock, each stage by itself
         T ≥ Σ_s Θ_s                                   stock, whole components             (design.echelon_view)
         Σ_{l into i} y_l ≤ 1                          single sourcing                     every node i not a source
         Σ_{l into c} r_cl = 1                         every customer is served            every customer c not a source
         Σ_{l into i} r_cl = Σ_{l out of i} r_cl       customers pass through              inner node i, customer c ≠ i
         r_cl ≤ y_l ≤ Σ_c r_cl                         a lane is used iff it serves        lane l
         y_l ≤ z_s ≤ Σ_{l out of s} y_l                a source is used iff a lane is      source s
         θ_l ≥ H·((ψ(r⁰) - ∇ψ(r⁰)·r⁰)·y_l + ∇ψ(r⁰)·r_l)    cut of the single-stage cost at any r⁰
         θ_l ≥ H·p·r_l                                 what pooling saves at most          (design.pooling)
         e_s ≥ δ·(1 - Σ_{l in K} (1 - y_l) - Σ_{c not in K} Σ_{l out of s} r_cl)      priced component K of source s
         Σ_{l not in D} y_l ≤ k                        at most k moved lanes                where asked, given design D
         rules of the case                             design.site_rules, what capacities imply: design.capacity_rows
         y, z binary, 0 ≤ r ≤ 1, θ, e ≥ 0

H horizon, m mean demand, u unit cost, p pipeline rate, L lead time, F fixed costs; ψ as in `design.single_stage`. The
intercept of a cut may be multiplied by y because ψ(0) = 0; where only one customer can be served, r = y and one cut is
exact. The relaxation is cut first; designs rounded from it often meet its bound, and no search tree is needed. No
scenario enters the program: thousands of scenarios or a quadrature cost the same (MODEL: projected form). The
solver counts money in units of `flow_model.money_scale`.

Single-stage costs say little where inner backorders are cheap. Whole components are then bounded by Θ, whose cuts are
dearer; with `Bound.AUTO` they are used where they raise the LP relaxation by more than `MasterParams.echelon_gain`, in
networks of at most `master_model.AUTO_PATHS` paths from a source to a customer.
"""

from __future__ import annotations

from dataclasses import dataclass
from time import monotonic

import numpy as np
import pyomo.environ as pyo

from design.capacity_rows import throughput_limits
from design.case import Case
from design.echelon_view import EchelonView
from design.flow_model import (
    chosen_design,
    forbid_row,
    money_scale,
    moves_row,
    price_row,
)
from design.infeasibility import explain_infeasibility
from design.master_model import build_master_model, echelon_paths, stage_variables
from design.master_types import Bound, MasterSolution
from design.network import Component, Design
from design.recorder import UNRECORDED, Recorder
from design.robust.demand_budget import DemandBudget
from design.rounding import integer_values, rounded_design
from design.single_stage import SingleStageModel
from design.single_stage_plan import single_stage_plan
from design.site_rules import Rule
from design.solver import Floats, HighsSession, Row, Solution, SolveStatus
from design.stage_cost import stage_costs
from design.stage_cuts import StageCuts

CENTERING = 0.3  # share of the newest optimum in the mean of the relaxation's optima
RELAXATION_SHARE = 0.6  # of the time until the deadline, before a first design is made
FINEST_PROGRESS = 1e-6
FIRST_GAP = 0.002  # at which the first search tree ends, before the stock costs of its designs are known
GAP_SHARE = 0.1  # of the present gap, at which later ones end


@dataclass(frozen=True)
class MasterParams:
    """Limits of the cut loop.

    Parameters
    ----------
    tolerance
        Relative distance between the objective with exact single-stage costs and with their cuts that is accepted.
    relaxation_progress
        The LP relaxation is cut until a round raises it by less than this share.
    max_rounds
        Rounds of either phase.
    bound
        Which stock costs are charged; the echelon ones always come on top of the single-stage ones.
    echelon_gain
        With `Bound.AUTO` the echelon costs are charged if they raise the LP relaxation by this share.
    left_out
        Labels of the case's rules that are not imposed.
    added
        Rules imposed beside the case's.
    budget
        Of demand that transport costs and capacities are protected against (`design.robust.demand_budget`).
    recorder
        Keeps what HiGHS answers.
    """

    tolerance: float = 1e-6
    relaxation_progress: float = 1e-4
    max_rounds: int = 200
    bound: Bound = Bound.SINGLE_STAGE
    echelon_gain: float = 0.001
    left_out: tuple[str, ...] = ()
    added: tuple[Rule, ...] = ()
    budget: DemandBudget | None = None
    recorder: Recorder = UNRECORDED


@dataclass(frozen=True, eq=False)
class _Proposal:
    """A design, its cost in the master's model, money over the horizon, and the solver's columns, shape (column,)."""

    design: Design
    objective: float
    values: Floats


class ProjectedMaster:
    """The projected master: built once, cut and re-solved.

    Parameters
    ----------
    case
        Network, demand and horizon.
    single_stage
        Evaluates ψ and its gradient.
    params
        Limits of the cut loop.
    """

    def __init__(self, case: Case, single_stage: SingleStageModel, params: MasterParams | None = None) -> None:
        self._case = case
        self._single_stage = single_stage
        self._params = params or MasterParams()
        self._rows: list[Row] = []
        self._relaxation_done = False
        self._relaxed = Solution(SolveStatus.FAILED, None, np.inf, -np.inf)
        self._start: Floats | None = None
        self._scale = money_scale(case)
        self._paths = echelon_paths(case, single_stage, self._params.bound)
        self._rules = [rule for rule in case.site_rules.rules if rule.label not in self._params.left_out]
        self._rules += self._params.added
        self._limits = throughput_limits(self._rules)
        self._model = self._built()
        self._session = HighsSession(self._model, 0.5 * self._params.tolerance, self._params.recorder)
        self._stage_columns = self._session.columns(stage_variables(self._model))
        self._echelon: EchelonView | None = None
        self._priced: dict[Component, float] = {}
        costs = stage_costs(case, self._model, self._session)
        self._stage_cuts = StageCuts(case, single_stage, costs, self._per_horizon, self._limits)
        self._add(self._stage_cuts.of_single_customers())

    @property
    def num_scenarios(self) -> int:
        """Sampled scenarios behind the single-stage costs; 0 with quadrature."""
        return self._single_stage.num_scenarios

    @property
    def size(self) -> tuple[int, int, int]:
        """Rows, columns, and how many of the rows are cuts, prices and the like."""
        return self._session.num_rows, len(self._session.names), len(self._rows)

    @property
    def bound(self) -> Bound:
        """Which stock costs its bound rests on, once it has been solved."""
        return Bound.SINGLE_STAGE if self._echelon is None else Bound.ECHELON

    def solve(self, time_limit: float = np.inf) -> MasterSolution:
        """Design of least cost in the master's model, cut until its stock costs are met.

        Parameters
        ----------
        time_limit
            Seconds.

        Raises
        ------
        InfeasibleError
            If no design serves every customer; the message names who cannot be served.
        """
        return self._params.recorder.group("master", lambda: self._solve(monotonic() + time_limit))

    def _solve(self, deadline: float) -> MasterSolution:
        self._session.forget()
        if not self._relaxation_done:
            self._relaxation_done = self._cut_relaxation(monotonic() + RELAXATION_SHARE * (deadline - monotonic()))
        proven, best = self._round(deadline)
        if best is not None and self._is_met(best.objective - proven, best.objective):
            return self._solution(SolveStatus.OPTIMAL, best, proven)
        if best is not None and self._session.is_huge:
            return self._solution(SolveStatus.TOO_LARGE, best, proven)
        status = SolveStatus.FAILED
        for _ in range(self._params.max_rounds):
            start, left = self._start if best is None else best.values, deadline - monotonic()
            distance = FIRST_GAP if best is None else GAP_SHARE * (best.objective - proven) / abs(best.objective)
            solution = self._session.solve(relaxed=False, time_limit=left, start=start, relative_gap=distance)
            proven, status = max(proven, self._scale * solution.dual_bound), solution.status
            if status is SolveStatus.INFEASIBLE:
                explain_infeasibility(self._case, budget=self._params.budget)
            if solution.values is None:
                break
            self._start = solution.values
            found = self._proposed(solution.objective, solution.values)
            best = found if best is None or found.objective <= best.objective else best
            if status is not SolveStatus.OPTIMAL or self._is_met(best.objective - proven, best.objective):
                break
        return self._solution(status, best, proven)

    def _round(self, deadline: float) -> tuple[float, _Proposal | None]:
        """What the LP relaxation proves, money over the horizon, and the best design rounded from it.

        Cuts at rounded designs raise the relaxation, which then is rounded again, until it leads to no new design.
        """
        proven, best, tried = -np.inf, None, set[Design]()
        relaxed, progress = self._relaxed, self._params.relaxation_progress
        while relaxed.values is not None or (relaxed := self._relax(deadline)).values is not None:
            assert relaxed.values is not None
            proven = max(proven, self._scale * relaxed.dual_bound)
            design = rounded_design(self._case, self._model, self._session, relaxed.values, self._limits)
            if design in tried:
                progress *= 0.1
            else:
                tried.add(design)
                start = integer_values(self._case, self._model, self._session, design)
                completed = self._session.complete(start, deadline - monotonic())
                if completed.values is None:
                    break
                found = self._proposed(completed.objective, completed.values)
                best = found if best is None or found.objective < best.objective else best
            is_met = best is not None and self._is_met(best.objective - proven, best.objective)
            if is_met or progress < FINEST_PROGRESS or not self._cut_until_flat(deadline, progress):
                break
            relaxed = self._relaxed
        return proven, best

    def _proposed(self, objective: float, values: Floats) -> _Proposal:
        """The design of an integer solution and its cost with exact stock costs, to which the model is cut."""
        design = chosen_design(self._case.network, self._model, self._session, values)
        return _Proposal(design, self._scale * (objective + self._separate(values)), values)

    def _solution(self, status: SolveStatus, best: _Proposal | None, proven: float) -> MasterSolution:
        if best is None:
            return MasterSolution(status, None, proven, np.inf, self.bound)
        return MasterSolution(status, best.design, min(proven, best.objective), best.objective, self.bound)

    def _is_met(self, shortfall: float, objective: float) -> bool:
        return shortfall <= self._params.tolerance * abs(objective)

    def price(self, component: Component, extra: float) -> None:
        """Charge exactly this component `extra` money over the horizon on top (an integer L-shaped cut).

        A component with a lane that no design may use needs no price.
        """
        if not all(pair in self._model.lane_used for pair in component.lanes):
            return
        self._add([price_row(self._model, self._session, component, self._case.network.customers, extra / self._scale)])
        self._priced[component] = extra
        if self._echelon is not None:
            self._price_echelon(self._echelon, component, extra)

    def _price_echelon(self, view: EchelonView, component: Component, extra: float) -> None:
        """The same in the echelon view, whose own bound of the component is another one."""
        charged = single_stage_plan(self._case, self._single_stage, component).stock_cost
        self._add(view.price(component, (charged + extra) / self._case.horizon))

    def forbid(self, design: Design) -> None:
        """Exclude exactly this design from later solves."""
        self._add([forbid_row(self._model, self._session, design)])

    def limit_moves(self, design: Design, moves: int) -> None:
        """Allow later designs at most so many lanes that this one does not use."""
        self._add([moves_row(self._model, self._session, design, moves)])

    def as_pyomo(self) -> pyo.ConcreteModel:
        """A new Pyomo model with every cut and price so far: the twin of what HiGHS solves, for reading and export.

        Its objective is in money, its variables for costs in units of `flow_model.money_scale`.
        """
        model = self._built()
        variable = {v.name: v for v in model.component_data_objects(pyo.Var)}
        model.objective.set_value(self._scale * model.objective.expr)
        names = self._session.names
        model.cuts = pyo.ConstraintList()
        for row in self._rows:
            terms = [f * variable[names[k]] for k, f in zip(row.columns, row.coefficients, strict=True)]
            model.cuts.add(pyo.quicksum(terms) >= row.lower)
        return model

    def _built(self) -> pyo.ConcreteModel:
        return build_master_model(self._case, self._rules, self._paths, self._params.budget)

    def _cut_relaxation(self, deadline: float) -> bool:
        """Cut the LP relaxation by single-stage costs, then, where it pays, whole components; False if time ran out."""
        if self._echelon is None:
            if not self._cut_until_flat(deadline):
                return False
            if self._paths is None:
                return True
            view = EchelonView(self._case, self._model, self._session, self._paths, self._per_horizon)
            relaxed = self._relax(deadline)
            if relaxed.values is None:
                return False
            gain = view.separate(relaxed.values)[1] - self._stock_cost(relaxed.values)
            if self._params.bound is Bound.AUTO and gain <= self._params.echelon_gain * abs(relaxed.objective):
                return True
            self._echelon = view
            for component, extra in self._priced.items():
                self._price_echelon(view, component, extra)
        return self._cut_until_flat(deadline)

    def _cut_until_flat(self, deadline: float, progress: float | None = None) -> bool:
        """Rounds of cuts at the LP relaxation's optimum until it stops rising; whether time sufficed for that.

        While it rises, cuts are made near the mean of the optima so far, which jump less and so are cut less often.
        """
        progress = self._params.relaxation_progress if progress is None else progress
        previous, center, flat_rounds = -np.inf, None, 0
        for _ in range(self._params.max_rounds):
            solution = self._relax(deadline)
            if solution.values is None:
                return False
            center = solution.values if center is None else center + CENTERING * (solution.values - center)
            is_flat = solution.objective - previous <= progress * abs(solution.objective)
            previous, flat_rounds = solution.objective, flat_rounds + 1 if is_flat else 0
            if flat_rounds == 2:
                break
            if is_flat or not self._separate_near(center, solution.values):
                self._separate(solution.values)
        return True

    def _relax(self, deadline: float) -> Solution:
        """The optimum of the LP relaxation; the last one found is kept for rounding."""
        solution = self._session.solve(relaxed=True, time_limit=deadline - monotonic())
        if solution.values is not None and solution.status is SolveStatus.OPTIMAL:
            self._relaxed = solution
            return solution
        return Solution(solution.status, None, np.inf, -np.inf)

    def _separate_near(self, center: Floats, values: Floats) -> bool:
        """Add single-stage cuts made elsewhere and echelon cuts that a solution breaks; whether there are any."""
        rows, _ = self._stage_cuts.separate(values, center)
        if self._echelon is not None:
            rows += self._echelon.separate(values)[0]
        self._add(rows)
        return bool(rows)

    def _separate(self, values: Floats) -> float:
        """Add cuts where stock costs are too low; returns by how much the objective is."""
        rows, missing = self._stage_cuts.separate(values)
        total = float(values[self._stage_columns].sum()) + missing
        if self._echelon is not None:
            more, of_components = self._echelon.separate(values)
            rows, total = rows + more, max(total, of_components)
        self._add(rows)
        return max(total - self._stock_cost(values), 0.0)

    def _stock_cost(self, values: Floats) -> float:
        """What a solution pays for stock."""
        if self._paths is not None:
            return float(values[self._session.columns([self._model.stock_cost])[0]])
        return float(values[self._stage_columns].sum())

    @property
    def _per_horizon(self) -> float:
        """Turns money per period into the solver's money over the horizon."""
        return self._case.horizon / self._scale

    def _add(self, rows: list[Row]) -> None:
        self._session.add_rows(rows)
        self._rows.extend(rows)
