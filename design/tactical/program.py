"""The three models as one linear program in Pyomo, to be read beside the paper's equations.

Indices: level l (stock is held at `model.levels`, 0 the plant, len + 1 the market), period t, scenario s with
probability V_s, which stands for a path of demand and, where lead times vary, a path of these. Variables, all at least
0, at the end of a period: `order[l,t,s]` placed by l (O), `shipped[l,t,s]` to l + 1 (P), `on_hand[l,t,s]` (I),
`owed[l,t,s]` to l + 1 (B), `on_order[l,t,s]` (Ond). Shipments are recourse: they may depend on the whole scenario.

    (1)  min Σ_s V_s Σ_l Σ_t (ic_lt I_lts + bc_lt B_lts)
    (2)-(5)  Ond_l0s = 0, I_l0s = initial, B_l0s = 0, no shipments before period 1
    (6)  O_{market,t,s} = D_ts                      (7)  P_{plant,t,s} = O_{1,t,s}
    (8), (12)  O_lts = ζ_l - (I_{l,t-1,s} - B_{l,t-1,s} + Ond_{l,t-1,s})     with one ζ for all (POR), one each (SCR)
    (9)  Ond_lts = Ond_{l,t-1,s} + O_lts - A_lts    (10) B_lts = B_{l,t-1,s} + O_{l+1,t,s} - P_lts
    (11) I_lts = I_{l,t-1,s} + A_lts - P_lts

Arrivals A_lts = Σ P_{l-1,τ,s} over τ with τ + N_lτs = t. The printed P_{l-1,t-N,s} is the same where lead times are
fixed, and loses or doubles goods where they are not. The regular model has no (2), (8), (9); its orders are the same in
all scenarios. `design.tactical.compact` is the same program in fewer variables, for large numbers of scenarios.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyomo.environ as pyo
from numpy.typing import NDArray

from design.tactical.chain import Model, SerialChain
from design.tactical.scenarios import ScenarioSet

Whole = NDArray[np.int64]


def build_program(
    chain: SerialChain, scenarios: ScenarioSet, kind: Model, lead_times: Whole | None = None
) -> pyo.ConcreteModel:
    """The program.

    Parameters
    ----------
    lead_times
        Periods that what is shipped to a level in a period takes, shape (scenario, level, period); the chain's without.
    """
    model = pyo.ConcreteModel(name=kind.value)
    count, periods = len(chain.levels), chain.num_periods
    model.levels = pyo.RangeSet(count)
    model.periods = pyo.RangeSet(periods)
    model.scenarios = pyo.RangeSet(scenarios.num_scenarios)
    model.plant, model.market = 0, count + 1
    model.chain, model.data, model.kind = chain, scenarios, kind
    model.takes = chain.lead_times_of(scenarios.num_scenarios) if lead_times is None else lead_times
    index = (model.levels, model.periods, model.scenarios)
    model.shipped = pyo.Var(pyo.RangeSet(0, count), *index[1:], within=pyo.NonNegativeReals)
    model.on_hand = pyo.Var(*index, within=pyo.NonNegativeReals)
    model.owed = pyo.Var(*index, within=pyo.NonNegativeReals)
    if kind is Model.REGULAR:
        model.decision = pyo.Var(model.levels, model.periods, within=pyo.NonNegativeReals)
    else:
        model.order = pyo.Var(*index, within=pyo.NonNegativeReals)
        model.on_order = pyo.Var(*index, within=pyo.NonNegativeReals)
        model.decision = pyo.Var([1] if kind is Model.POR else model.levels, within=pyo.NonNegativeReals)
        model.target_sets_orders = pyo.Constraint(*index, rule=_target_sets_orders)  # (8), (12)
        model.on_order_balance = pyo.Constraint(*index, rule=_on_order_balance)  # (9)
    model.plant_ships_orders = pyo.Constraint(*index[1:], rule=_plant_ships_orders)  # (7)
    model.backlog_balance = pyo.Constraint(*index, rule=_backlog_balance)  # (10)
    model.inventory_balance = pyo.Constraint(*index, rule=_inventory_balance)  # (11)
    model.cost = pyo.Objective(rule=_expected_cost)  # (1)
    return model


def _ordered(model: Any, level: int, t: int, s: int) -> Any:
    """O: the market's is demand (6)."""
    if level == model.market:
        return float(model.data.demand[s - 1, t - 1])
    return model.decision[level, t] if model.kind is Model.REGULAR else model.order[level, t, s]


def _before(model: Any, variable: str, level: int, t: int, s: int) -> Any:
    """A variable a period earlier, from (2), (3), (4) at the start."""
    if t > 1:
        return getattr(model, variable)[level, t - 1, s]
    return float(model.chain.initial[level - 1]) if variable == "on_hand" else 0.0


def _arrivals(model: Any, level: int, t: int, s: int) -> Any:
    """A: what was shipped early enough (5)."""
    takes = model.takes[s - 1, level - 1]
    return sum(model.shipped[level - 1, tau, s] for tau in range(1, t + 1) if tau + takes[tau - 1] == t)


def _target_sets_orders(model: Any, level: int, t: int, s: int) -> Any:
    target = model.decision[1 if model.kind is Model.POR else level]
    position = _before(model, "on_hand", level, t, s) - _before(model, "owed", level, t, s)
    return model.order[level, t, s] == target - (position + _before(model, "on_order", level, t, s))


def _on_order_balance(model: Any, level: int, t: int, s: int) -> Any:
    change = model.order[level, t, s] - _arrivals(model, level, t, s)
    return model.on_order[level, t, s] == _before(model, "on_order", level, t, s) + change


def _plant_ships_orders(model: Any, t: int, s: int) -> Any:
    return model.shipped[model.plant, t, s] == _ordered(model, 1, t, s)


def _backlog_balance(model: Any, level: int, t: int, s: int) -> Any:
    change = _ordered(model, level + 1, t, s) - model.shipped[level, t, s]
    return model.owed[level, t, s] == _before(model, "owed", level, t, s) + change


def _inventory_balance(model: Any, level: int, t: int, s: int) -> Any:
    change = _arrivals(model, level, t, s) - model.shipped[level, t, s]
    return model.on_hand[level, t, s] == _before(model, "on_hand", level, t, s) + change


def _expected_cost(model: Any) -> Any:
    holding, backlog = model.chain.holding, model.chain.backlog
    return sum(
        float(model.data.probabilities[s - 1])
        * (holding[level - 1, t - 1] * model.on_hand[level, t, s] + backlog[level - 1, t - 1] * model.owed[level, t, s])
        for level in model.levels
        for t in model.periods
        for s in model.scenarios
    )
