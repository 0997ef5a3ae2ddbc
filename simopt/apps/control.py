"""`simopt control`: observe, update, detect, re-optimise, order - from a feed of data that grows.

Every date with data is one step: beliefs about every customer's demand take what was observed, levels follow them as
those of the policy `bayesian+change-point` do, orders are what is missing to the level where the feed says what is in
stock and on order. Everything is logged; a run that is started again goes on after its last whole line, from the data
that the log says was seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from design.case import Case
from design.demand import make_demand
from design.errors import BadInputError, expected_one_of
from simopt.apps.baseline import solve_with_baseline
from simopt.apps.baseline_file import Baseline
from simopt.apps.control_log import DecisionLog
from simopt.apps.fixed_design import design_and_levels
from simopt.apps.options import OptionError, SolveOptions
from simopt.learning.change_point import ChangeSettings
from simopt.learning.quality import Finding, Rules, TidyTables, tidy
from simopt.learning.sources import read_source
from simopt.planning.policy import Planner, Situation
from simopt.planning.world import Floats
from simopt.planning.world_of_case import world_of
from simopt.policies.adaptive import Adaptive, AdaptiveRule, check_adaptive
from simopt.policies.beliefs import Changing, EstimatorMaker, Prior

Tell = Callable[[str], None]
DATE = "%Y-%m-%d"
KIND = "change-point"


@dataclass(frozen=True)
class ControlOptions:
    """What `control` may be told.

    Parameters
    ----------
    worth
        Observations that the case's stated demand counts for, above 0.
    band
        Of the hysteresis: levels move only by more than this share of the standard deviation they protect against.
    change_cost
        Money that a change of the network costs; None: networks are not re-proposed.
    rules
        How flaws of the feed are treated.
    seed, jobs
        Of solves.
    """

    worth: float = 20.0
    band: float = 0.1
    change_cost: float | None = None
    rules: Rules = field(default_factory=Rules)
    seed: int = 0
    jobs: int = 1

    def __post_init__(self) -> None:
        SolveOptions(seed=self.seed, jobs=self.jobs)  # refuses what is out of range
        if not 0.0 < self.worth < np.inf:
            raise OptionError(f"worth {self.worth:g}: expected above 0")
        if not 0.0 <= self.band < np.inf:
            raise OptionError(f"band {self.band:g}: expected at least 0")
        if self.change_cost is not None and not 0.0 <= self.change_cost < np.inf:
            raise OptionError(f"change_cost {self.change_cost:g}: expected at least 0")


class Controller:
    """Goes through a feed date by date.

    Parameters
    ----------
    case
        The problem; the demand it states is believed at first.
    options
        How.
    log
        Where decisions are kept; those that are there already are replayed.
    run
        Folder of a solve with design and levels; None: the only design, or a solve.
    tell
        Called with a line about what takes long.
    """

    def __init__(
        self,
        case: Case,
        options: ControlOptions,
        log: DecisionLog,
        run: Path | None = None,
        tell: Tell = lambda _: None,
    ) -> None:
        self.case, self.options, self.log, self.tell = case, options, log, tell
        design, levels = design_and_levels(
            case, run, needs_levels=True, seed=options.seed, jobs=options.jobs, tell=tell
        )
        assert levels is not None
        self.design, self.levels = design, levels
        self.world = world_of(case, design)
        check_adaptive(self.world)
        self.rules = self._rules()
        self.keys = {(site.name, product): (s, k) for s, site in enumerate(self.world.sites)
                     for k, product in enumerate(self.world.products) if site.handled[k]}  # fmt: skip
        self.customers = {key: at for key, at in self.keys.items() if self.world.sites[at[0]].customer[at[1]] >= 0}
        self.step, self.last = 0, ""
        self.review_at = 0  # when the network is looked at again, once a change is better known
        for entry in log.entries:
            seen = entry["data"]
            units = {key: seen.get(label_of(key)) for key in self.customers}
            self._learn({key: np.nan if one is None else float(one) for key, one in units.items()}, {})
            self.last = entry["date"]

    def _rules(self) -> list[AdaptiveRule]:
        maker = EstimatorMaker(KIND, Prior(self.options.worth))
        planners = [
            Planner(self.world, site, site.mean[None], site.sd[None], site.coverage + site.review_period - 1,
                    self.world.echelon_coverage[s])
            for s, site in enumerate(self.world.sites)
        ]  # fmt: skip
        return Adaptive("control", maker, self.levels, band=self.options.band).rules(planners)

    def decide(self, source: str) -> Iterator[dict[str, Any]]:
        """Decisions of all dates of a source after the last one decided; each is logged before it is given.

        Raises
        ------
        BadInputError
            If the feed cannot be read or names what the case does not have.
        """
        tables = tidy(read_source(source), self.options.rules)
        self._check_names(tables)
        self.findings: tuple[Finding, ...] = tables.findings
        demand = tables.demand
        dates = [date for date in demand.index[demand.notna().any(axis=1)] if date.strftime(DATE) > self.last]
        stocks = _by_date(tables.inventory)
        for date in dates:
            name = date.strftime(DATE)
            seen = {key: float(demand.at[date, key]) if key in demand.columns else np.nan for key in self.customers}
            entry = self._entry(name, seen, stocks.get(name, {}))
            self.last = name
            self.log.add(entry)
            yield entry

    def _check_names(self, tables: TidyTables) -> None:
        names = {label_of(key) for key in self.customers}
        for node, item in tables.demand.columns:
            key = (str(node), self._product(str(item)))
            if key not in self.customers:
                raise BadInputError(f"demand_history: {node}/{item}: {expected_one_of(label_of(key), sorted(names))}")
        tables.demand.columns = pd.MultiIndex.from_tuples(
            [(node, self._product(str(item))) for node, item in tables.demand.columns]
        )

    def _product(self, item: str) -> str:
        """Where the case has a single product without a name, items may be called anything."""
        return "" if self.world.products == ("",) else item

    def _entry(
        self, date: str, seen: Mapping[tuple[str, str], float], stocks: Mapping[tuple[str, str], float]
    ) -> dict[str, Any]:
        before = [rule.level.copy() for rule in self.rules]
        orders = self._learn(seen, {(node, self._product(item)): units for (node, item), units in stocks.items()})
        decision, reasons = {}, []
        for key, (s, k) in self.keys.items():
            level, old, order = (float(part[s][0, k]) for part in ([rule.level for rule in self.rules], before, orders))
            label = label_of(key)
            known = None if np.isnan(order) else max(order, 0.0)
            decision[label] = {"level": level, "moved": level != old, "order": known}
            if level != old:
                reasons.append(f"{label}: level {old:,.1f} -> {level:,.1f}, belief moved beyond the band")
            if known is None:
                reasons.append(f"{label}: no inventory snapshot, so no order")
        reasons += [f"{label_of(key)}: nothing observed" for key, units in seen.items() if np.isnan(units)]
        alarms = self._alarms()
        reasons += [f"{name}: demand may have changed, probability {chance:.0%}" for name, chance in alarms.items()]
        entry: dict[str, Any] = {
            "date": date,
            "data": {label_of(key): None if np.isnan(units) else units for key, units in seen.items()},
            "belief": self._beliefs(),
            "parameters": {"worth": self.options.worth, "band": self.options.band},
            "decision": decision,
            "reason": reasons or ["every level within its band"],
        }
        if (alarms or self.step == self.review_at) and self.options.change_cost is not None:
            entry["proposal"] = self.proposal()
        return entry

    def _learn(self, seen: Mapping[tuple[str, str], float], stocks: Mapping[tuple[str, str], float]) -> list[Floats]:
        """One step of all rules, customers first; orders of every site."""
        shape = (1, self.world.num_products)
        orders = [np.full(shape, np.nan) for _ in self.world.sites]
        for s in reversed(range(len(self.world.sites))):
            demand, position = np.full(shape, np.nan), np.full(shape, np.nan)
            for k, product in enumerate(self.world.products):
                key = (self.world.sites[s].name, product)
                demand[0, k] = seen.get(key, np.nan)
                position[0, k] = stocks.get(key, np.nan)
            none = np.zeros(shape)
            orders[s] = self.rules[s].order(Situation(self.step, position, none, none, demand))
        self.step += 1
        if self._alarms():
            self.review_at = self.step + ChangeSettings().window
        return orders

    def _changing(self) -> Iterator[tuple[str, Changing, int]]:
        for key, (s, k) in self.customers.items():
            estimator = self.rules[s].estimator
            assert isinstance(estimator, Changing)
            yield label_of(key), estimator, k

    def _alarms(self) -> dict[str, float]:
        """Customers with an alarm, and the probability of a recent change."""
        return {name: float(own.filter.recent[0, k]) for name, own, k in self._changing() if own.alarm[0, k]}

    def _beliefs(self) -> dict[str, Any]:
        found = {}
        one = np.ones(self.world.num_products, dtype=np.int64)
        for name, own, k in self._changing():
            mean, variance = own.moments(self.step, one)
            found[name] = {
                "mean": float(mean[0, k]), "sd": float(np.sqrt(variance[0, k])),
                "recent_change": float(own.filter.recent[0, k]),
            }  # fmt: skip
        return found

    def believed_case(self) -> Case:
        """The case with normal demand as it is believed now."""
        demand = dict(self.case.demand)
        one = np.ones(self.world.num_products, dtype=np.int64)
        for (s, k), node in self.world.node_names.items():
            estimator = self.rules[s].estimator
            if estimator is not None and self.world.sites[s].customer[k] >= 0:
                mean, variance = estimator.moments(self.step, one)
                sd = float(np.sqrt(variance[0, k]))
                demand[node] = make_demand("normal", mean=max(float(mean[0, k]), 0.0), sd=sd)
        return replace(self.case, demand=demand)

    def proposal(self) -> dict[str, Any]:
        """What another network would save over the horizon at the demand believed now, and whether that pays."""
        self.tell("demand may have changed: solving the network again")
        cost = self.options.change_cost or 0.0
        options = SolveOptions(seed=self.options.seed, jobs=self.options.jobs, certify=False)
        result = solve_with_baseline(self.believed_case(), options, Baseline(self.design), moves=0)
        comparison = result.baseline
        assert comparison is not None
        saving = comparison.saving
        pays = saving is not None and saving.mean - saving.half_width > cost
        lanes = [{"from": a, "to": b} for a, b in result.lanes if (a, b) not in set(self.design.lanes)]
        return {
            "saving": None if saving is None else {"mean": saving.mean, "half_width": saving.half_width},
            "change_cost": cost,
            "pays": pays,
            "new_lanes": lanes,
        }


def label_of(key: tuple[str, str]) -> str:
    """Node, and item where the case has several."""
    return f"{key[0]}/{key[1]}" if key[1] else key[0]


def _by_date(inventory: pd.DataFrame) -> dict[str, dict[tuple[str, str], float]]:
    """Inventory position by date, node and item; what is not known of goods on order counts as none."""
    found: dict[str, dict[tuple[str, str], float]] = {}
    for row in inventory.itertuples(index=False):
        if not np.isnan(row.on_hand):
            position = row.on_hand + (0.0 if np.isnan(row.on_order) else row.on_order)
            found.setdefault(row.date.strftime(DATE), {})[str(row.node), str(row.item)] = float(position)
    return found
