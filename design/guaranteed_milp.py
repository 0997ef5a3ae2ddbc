"""Guaranteed service times of any acyclic chain by a mixed-integer program that is refined where it is wrong.

    min  Σ_k θ_k
    s.t. τ_k = SI_k + T_k - S_k >= 0,   0 <= S_k <= largest service time of k
         0 <= SI_k <= M_k - T_k,   SI_k >= S_i for every supplier i of k
         θ_k = chords of cost_k between breakpoints 0 = b_0 < b_1 < ... < b_m = M_k at τ_k

cost_k(τ) is proportional to √τ, concave, so chords lie below it and touch it at the breakpoints: the optimum is a lower
bound for every plan. In increments x_l of τ over the intervals, with binaries z_l that are 1 where interval l is full,

    τ = Σ_l x_l,   θ = Σ_l slope_l·x_l,   (b_l - b_{l-1})·z_l <= x_l <= (b_l - b_{l-1})·z_{l-1},   z_0 = 1

The service times found give a plan and its cost, an upper bound; its net replenishment times become breakpoints, and so
on. At whole breakpoints (an optimum has whole times) this ends with the best plan. First come the linear program with
chords from 0 to M_k and plans that cost less: its own and that without service times, both improved on forests.
"""

from __future__ import annotations

from time import monotonic
from typing import Any

import numpy as np
from pyomo.environ import Binary, ConcreteModel, ConstraintList, NonNegativeReals, Objective, Var

from design.demand import Floats
from design.guaranteed_search import improve_on_forests
from design.service_chain import Periods, ServiceChain, ServicePlan, kept_times
from design.solver import HighsSession, Solution, SolveStatus
from design.streams import Purpose, generator

SEARCH_SHARE = 0.4
PATIENCE = 100
PROGRAM_SHARE = 0.85


class RefinedProgramme:
    """Search for the best plan of a chain.

    Parameters
    ----------
    chain
        Any.
    tolerance
        Gap at which the search ends, as a share of the cost.
    """

    def __init__(self, chain: ServiceChain, tolerance: float) -> None:
        self._chain = chain
        self._tolerance = tolerance
        self._breakpoints = [sorted({0, int(longest)}) for longest in chain.longest_times]
        self._best = ServicePlan(chain, np.zeros(len(chain.stages), dtype=np.int64), 0.0)
        self._nets = self._best.net_replenishment_times.astype(np.float64)
        self._bound = 0.0

    def solve(self, time_limit: float) -> ServicePlan:
        """The best plan found and a lower bound for all.

        Parameters
        ----------
        time_limit
            Seconds after which no further program is started.
        """
        begin = monotonic()
        end, rng = begin + time_limit, generator(0, Purpose.SEARCH)
        start = self._best
        found = self._solve_once(_chords(self._chain.longest_times, self._chain.cost_factors), np.inf)
        for plan, share in ((start, 0.5), (found, 1.0)):
            self._keep(improve_on_forests(plan, rng, PATIENCE, begin + share * SEARCH_SHARE * time_limit))
        while self._plan.gap > self._tolerance and self._refine() and monotonic() < end:
            found = self._solve_once(None, PROGRAM_SHARE * (end - monotonic()))
            if found.cost > self._bound * (1.0 + self._tolerance):
                self._keep(improve_on_forests(found, rng, PATIENCE // 4, end))
        return self._plan

    @property
    def _plan(self) -> ServicePlan:
        return ServicePlan(self._chain, self._best.service_times, min(self._bound, self._best.cost))

    def _refine(self) -> bool:
        """Breakpoints at the times τ of the best plan and around those of the last bound; False if all were."""
        before = sum(map(len, self._breakpoints))
        best = self._best.net_replenishment_times
        columns = np.stack((best, np.floor(self._nets + 1e-6), np.ceil(self._nets - 1e-6)), axis=1).astype(int)
        self._breakpoints = [
            sorted({*points, *row}) for points, row in zip(self._breakpoints, columns.tolist(), strict=True)
        ]
        return sum(map(len, self._breakpoints)) > before

    def _solve_once(self, slopes: Floats | None, time_limit: float) -> ServicePlan:
        """Solve with costs linear in τ, or with chords between breakpoints; the plan that comes of it."""
        model = _ServiceModel(self._chain, self._breakpoints, slopes)
        session = HighsSession(model.model, relative_gap=0.1 * self._tolerance)
        start = model.start(session, self._best) if slopes is None else None
        solution = session.solve(relaxed=slopes is not None, time_limit=time_limit, start=start)
        if solution.status is SolveStatus.INTERRUPTED:
            raise KeyboardInterrupt
        if np.isfinite(solution.dual_bound):
            self._bound = max(self._bound, solution.dual_bound)
        if solution.values is None:
            return self._best
        self._nets = model.nets(session, solution)
        plan = model.plan(session, solution)
        self._keep(plan)
        return plan

    def _keep(self, plan: ServicePlan) -> None:
        if plan.cost < self._best.cost:
            self._best = plan


def _chords(longest: Periods, factors: Floats) -> Floats:
    """Slope of the chord of factor·√τ from 0 to the longest time, shape (stage,)."""
    return factors / np.sqrt(np.maximum(longest, 1))


class _ServiceModel:
    """The program in Pyomo; with slopes, θ_k = slope_k·τ_k and no binaries."""

    def __init__(self, chain: ServiceChain, breakpoints: list[list[int]], slopes: Floats | None) -> None:
        stages = range(len(chain.stages))
        self._chain, self._breakpoints = chain, breakpoints
        self.model = model = ConcreteModel()
        limits, longest, times = chain.largest_service_times, chain.longest_times, chain.processing_times
        model.out = Var(stages, bounds=lambda _, k: (0, int(limits[k])))
        model.inbound = Var(stages, bounds=lambda _, k: (0, int(longest[k] - times[k])))
        model.net = Var(stages, bounds=lambda _, k: (0, int(longest[k])))
        model.rows = ConstraintList()
        for k in stages:
            model.rows.add(model.net[k] == model.inbound[k] + int(times[k]) - model.out[k])
        for supplier, customer, _ in chain.arcs:
            model.rows.add(model.inbound[customer] >= model.out[supplier])
        if slopes is not None:
            model.cost = Objective(expr=sum(float(slopes[k]) * model.net[k] for k in stages))
            return
        pieces = [(k, n) for k in stages for n in range(len(breakpoints[k]) - 1)]
        model.part = Var(pieces, domain=NonNegativeReals)
        model.full = Var([(k, n) for k, n in pieces if n > 0], domain=Binary)
        cost = 0.0
        for k in stages:
            points = np.array(breakpoints[k], dtype=np.float64)
            widths, heights = np.diff(points), np.diff(float(chain.cost_factors[k]) * np.sqrt(points))
            model.rows.add(model.net[k] == sum(model.part[k, n] for n in range(len(widths))))
            for n, width in enumerate(widths):
                model.part[k, n].setub(width)
                if n > 0:
                    model.rows.add(model.part[k, n - 1] >= widths[n - 1] * model.full[k, n])
                    model.rows.add(model.part[k, n] <= width * model.full[k, n])
                cost += heights[n] / width * model.part[k, n]
        model.cost = Objective(expr=cost)

    def start(self, session: HighsSession, plan: ServicePlan) -> Floats:
        """The binaries of a plan whose net replenishment times are breakpoints, other columns 0, shape (column,)."""
        values = np.zeros(len(session.names))
        nets = plan.net_replenishment_times
        keys = list(self.model.full)
        full = [nets[k] >= self._breakpoints[k][n] for k, n in keys]
        values[session.columns(self.model.full[key] for key in keys)] = full
        return values

    def nets(self, session: HighsSession, solution: Solution) -> Floats:
        """τ of a solution, shape (stage,)."""
        return self._values(self.model.net, session, solution)

    def _values(self, variable: Any, session: HighsSession, solution: Solution) -> Floats:
        assert solution.values is not None
        return solution.values[session.columns(variable[k] for k in range(len(self._chain.stages)))]

    def plan(self, session: HighsSession, solution: Solution) -> ServicePlan:
        """The plan with the service times of a solution, rounded down to whole periods."""
        times = np.floor(self._values(self.model.out, session, solution) + 1e-6).astype(np.int64)
        return ServicePlan(self._chain, kept_times(self._chain, times), 0.0)
