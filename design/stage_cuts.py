"""Cuts of the projected master for the cost of each stocking point by itself.

Where a solution serves every customer in full or not at all, a cut is the tangent of ψ there, exact for this set of
customers. At other reaches the tangent is weak; the cut is then the envelope of what pooling saves at most
(`design.pooling`), where demand is independent and ψ computed without sampling, and the tangent elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import inf

import numpy as np

from design.case import Case
from design.pooling import PooledStage, Pooling
from design.single_stage import SingleStageModel
from design.single_stage_plan import stage_value
from design.solver import Floats, Row
from design.stage_cost import StageCost

WHOLE = 1e-6
_NEGLIGIBLE = 1e-7


class StageCuts:
    """What separates solutions that pay too little for stock.

    Parameters
    ----------
    case, single_stage
        The case and its ψ.
    costs
        Every θ of the master.
    per_horizon
        Turns money per period into the solver's money over the horizon.
    limits
        Most mean throughput of nodes, units per period; none where blank.
    """

    def __init__(
        self,
        case: Case,
        single_stage: SingleStageModel,
        costs: Sequence[StageCost],
        per_horizon: float,
        limits: Mapping[str, float],
    ) -> None:
        self._case = case
        self._single_stage = single_stage
        self._costs = costs
        self._per_horizon = per_horizon
        self._limits = limits
        self._alike: dict[tuple[str, int], list[StageCost]] = {}
        for cost in costs:
            self._alike.setdefault((cost.node, cost.lead_time), []).append(cost)
        self._pooling = Pooling(case.demand) if case.is_alike and single_stage.num_scenarios == 0 else None

    def of_single_customers(self) -> list[Row]:
        """The one cut that is exact where only one customer can be served."""
        alone = [cost for cost in self._costs if len(cost.customers) == 1]
        return [cost.cut(*self._tangent(cost, np.ones(1))) for cost in alone]

    def separate(self, values: Floats, near: Floats | None = None) -> tuple[list[Row], float]:
        """Cuts for every θ that is too low in a solution, and by how much all of them are together.

        A cut is made for every lane into the node with the same lead time, and kept where the solution breaks it.

        Parameters
        ----------
        values
            The solution, shape (column,).
        near
            Another one at whose reaches cuts are made; None: at its own.
        """
        rows, total = list[Row](), 0.0
        for cost in self._costs:
            reach = cost.reach_values(values if near is None else near)
            if not reach.any():
                continue
            most = 0.0
            for charged, gradient, at in self._charges(cost, reach):
                most = max(most, charged - float(values[cost.theta]))
                for one in self._alike[cost.node, cost.lead_time]:
                    if one.shortfall(charged, gradient, at, values) > _NEGLIGIBLE:
                        rows.append(one.cut(charged, gradient, at))
            total += most
        return rows, total

    def _charges(self, cost: StageCost, reach: Floats) -> Iterator[tuple[float, Floats, Floats]]:
        """Cost, slopes and reach of each cut that may help, money over the horizon."""
        pooled = self._pooled(cost)
        if pooled is not None:
            prices = self._per_horizon * pooled.prices(reach)
            yield float(prices @ reach), prices, reach
        whole = np.round(reach)
        if pooled is None or np.abs(reach - whole).max() <= WHOLE:
            yield self._tangent(cost, reach if pooled is None else whole)

    def _tangent(self, cost: StageCost, reach: Floats) -> tuple[float, Floats, Floats]:
        value = stage_value(self._case, self._single_stage, cost.node, cost.lead_time, cost.customers, reach)
        return self._per_horizon * value.cost, self._per_horizon * value.gradient, reach

    def _pooled(self, cost: StageCost) -> PooledStage | None:
        """None where one customer's cut is exact, or nothing is known."""
        if self._pooling is None or len(cost.customers) == 1:
            return None
        rates = self._case.charged.node(cost.node).cost_rates
        return self._pooling.stage(rates, cost.lead_time, cost.customers, self._limits.get(cost.node, inf))
