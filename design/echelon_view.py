"""The echelon bound in the projected master: one cost Θ a source for all stock of its component, and its price cuts.

    Θ_s ≥ H·( Σ_paths κ_path·z_path - Σ_stages credit·y )                                a price cut (design.echelon)
    Θ_s ≥ its price cut + δ·(1 - Σ_{l in K} (1 - y_l) - Σ_{c not in K} Σ_{l out of s} r_cl)       priced component K

z_path is the share of a customer that is served over a path from a source: the reach over a lane that only this path of
the customer uses, or a variable of its own where there is none. A stage's y is that of the lane into it; a lane shared
by several paths only weakens the cut.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
import pyomo.environ as pyo

from design.case import Case
from design.echelon import DemandTables, EchelonPrices, PriceCut
from design.flow_model import price_row
from design.network import Component
from design.node import LanePair
from design.solver import Floats, HighsSession, Row
from design.stages import Path, stage_tree

MAX_PATHS = 50_000
NEGLIGIBLE_SHARE = 1e-6


def service_paths(case: Case) -> dict[str, list[Path]] | None:
    """Paths to customers from every source that supplies others; None where there are too many to list."""
    network = case.network
    counts = dict.fromkeys(network.order, 0)
    for name in reversed(network.order):
        onward = sum(counts[lane.destination] for lane in network.outgoing[name])
        counts[name] = onward + (name in network.customers)
    sources = [s for s in network.sources if network.reachable_customers[s] not in ((), (s,))]
    if sum(counts[s] for s in sources) > MAX_PATHS:
        return None
    return {s: list(stage_tree(network, s).service_paths()) for s in sources}


def add_echelon_view(model: pyo.ConcreteModel, paths: dict[str, list[Path]]) -> None:
    """Add Θ of every source, and z of the paths that no reach tells apart; `total` must not be below the sum of Θ.

    The model needs the flow model's variables, `source_stock_cost` and `stock_cost`.
    """
    listed = [path for of_source in paths.values() for path in of_source if len(path) > 1]
    users = Counter((path[-1], *lane) for path in listed for lane in _lanes(path))
    mixed = [path for path in listed if all(users[path[-1], *lane] > 1 for lane in _lanes(path))]
    model.component_stock_cost = pyo.Var(list(paths), domain=pyo.NonNegativeReals)
    model.path_share = pyo.Var(range(len(mixed)), bounds=(0.0, 1.0))
    model.paths = {path: model.path_share[k] for k, path in enumerate(mixed)}
    for path in listed:
        if path not in model.paths:
            own = next(lane for lane in _lanes(path) if users[path[-1], *lane] == 1)
            model.paths[path] = model.reach[path[-1], *own]
    shared = {(path[-1], *lane) for path in mixed for lane in _lanes(path)}

    @model.Constraint(sorted(shared))
    def reach_of_paths(model: pyo.ConcreteModel, customer: str, origin: str, end: str) -> pyo.Expression:
        through = [p for p in listed if p[-1] == customer and (origin, end) in _lanes(p)]
        return pyo.quicksum(model.paths[path] for path in through) == model.reach[customer, origin, end]

    components = pyo.quicksum(model.component_stock_cost.values()) + pyo.quicksum(_others(model, paths))
    model.echelon_total = pyo.Constraint(expr=model.stock_cost >= components)


class EchelonView:
    """Price cuts for a master model with `add_echelon_view`.

    Parameters
    ----------
    case, model, session
        What the master was built from.
    paths
        Of every source, from `service_paths`.
    per_horizon
        Turns money per period into the solver's money over the horizon.
    """

    def __init__(
        self,
        case: Case,
        model: pyo.ConcreteModel,
        session: HighsSession,
        paths: dict[str, list[Path]],
        per_horizon: float,
    ) -> None:
        self._case = case
        self._model = model
        self._session = session
        self._per_horizon = per_horizon
        shared = DemandTables(case)
        self._prices = {source: EchelonPrices(shared, stage_tree(case.network, source)) for source in paths}
        self._paths = paths
        self._path_column: dict[Path, int] = {}
        for source, listed in paths.items():
            variables = [model.source_used[source] if len(path) == 1 else model.paths[path] for path in listed]
            self._path_column.update(zip(listed, session.columns(variables), strict=True))
        self._others = session.columns(_others(model, paths))
        self._theta = dict(zip(paths, session.columns(model.component_stock_cost[s] for s in paths), strict=True))

    def separate(self, values: Floats) -> tuple[list[Row], float]:
        """Price cuts for every source whose Θ is below its bound, and the cost of all stock in this view."""
        rows, total = [], float(values[self._others].sum())
        for source, theta in self._theta.items():
            shares = self._shares(source, values)
            total += float(values[theta])
            if not shares:
                continue
            cut = self._prices[source].cut(shares)
            row = self._row(source, cut)
            missing = row.lower - float(np.dot(row.coefficients, values[list(row.columns)]))
            if missing > 1e-9 * (1.0 + abs(values[theta])):
                total += missing
                rows.append(row)
        return rows, total

    def price(self, component: Component, stock_cost: float) -> list[Row]:
        """Charge exactly this component its simulated stock cost; elsewhere its price cut holds.

        Parameters
        ----------
        component
            What was simulated.
        stock_cost
            Holding and backorders, money per period.
        """
        customers, rows, bound = self._case.network.customers, list[Row](), 0.0
        trees = [tree for tree in component.each if tree.source in self._prices]
        if not trees:
            return []
        for tree in trees:
            shares = dict.fromkeys(paths_of(tree, customers), 1.0)
            cut = self._prices[tree.source].cut(shares)
            rows.append(self._row(tree.source, cut))
            bound += cut.value(shares)
        missing = self._per_horizon * (stock_cost - bound)
        if missing <= 0.0:
            return rows
        extra = price_row(self._model, self._session, component, customers, missing)
        alone = [tree.source for tree in component.each if tree.source not in self._prices]
        own = [variable for s in alone for variable in (self._model.source_stock_cost[s], self._model.extra[s])]
        return [_merged(rows, extra, len(component.each), self._session.columns(own))]

    def _shares(self, source: str, values: Floats) -> dict[Path, float]:
        shares = {path: min(values[self._path_column[path]], 1.0) for path in self._paths[source]}
        return {path: share for path, share in shares.items() if share > NEGLIGIBLE_SHARE}

    def _row(self, source: str, cut: PriceCut) -> Row:
        factors = {self._theta[source]: 1.0}
        for path, price in cut.per_path.items():
            column = self._path_column[path]
            factors[column] = factors.get(column, 0.0) - self._per_horizon * price
        for path, credit in cut.per_stage.items():
            used = self._model.source_used[source] if len(path) == 1 else self._model.lane_used[path[-2:]]
            (column,) = self._session.columns([used])
            factors[column] = factors.get(column, 0.0) + self._per_horizon * credit
        return Row(0.0, tuple(factors), tuple(factors.values()))


def _others(model: pyo.ConcreteModel, paths: dict[str, list[Path]]) -> list[pyo.Var]:
    """Costs of the sources that supply nobody else."""
    alone = [s for s in model.source_used if s not in paths]
    return [*(model.source_stock_cost[s] for s in alone), *(model.extra[s] for s in alone)]


def _merged(cuts: list[Row], extra: Row, num_prices: int, alone: Sequence[int]) -> Row:
    """ΣΘ ≥ Σ cuts + what `extra` demands of its first columns, the prices of components.

    The stock costs of sources without a Θ, those that supply nobody else, stand in the columns `alone`.
    """
    factors = dict.fromkeys(alone, 1.0)
    for columns, coefficients in (
        *((cut.columns, cut.coefficients) for cut in cuts),
        (extra.columns[num_prices:], extra.coefficients[num_prices:]),
    ):
        for column, factor in zip(columns, coefficients, strict=True):
            factors[column] = factors.get(column, 0.0) + factor
    return Row(sum(cut.lower for cut in cuts) + extra.lower, tuple(factors), tuple(factors.values()))


def _lanes(path: Path) -> list[LanePair]:
    return list(itertools.pairwise(path))


def paths_of(component: Component, customers: Iterable[str]) -> list[Path]:
    """The path to each customer that a component serves."""
    paths = []
    for customer in customers:
        if customer in component.nodes:
            path: Path = (customer,)
            while path[0] in component.supplier:
                path = (component.supplier[path[0]], *path)
            paths.append(path)
    return paths
