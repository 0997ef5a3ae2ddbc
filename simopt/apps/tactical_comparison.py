"""Targets from stochastic programs, base-stock levels and guaranteed service on the same demand over a long horizon.

In the game a level orders what the one below ordered a period before. Over time that is base-stock control with a
period more of lead time at every level: base-stock levels of the case with such lead times are targets of the game.
Guaranteed service lets upper levels owe on purpose, which the game charges as it charges what the market waits for.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from design.case import Case
from design.guaranteed_service import guaranteed_service
from design.network import Network
from design.service_chain import ChainLink, ChainStage, ServiceChain
from design.streams import Purpose, generator
from design.tactical.chain import Model, SerialChain, order_rule
from design.tactical.from_case import chain_of_case
from design.tactical.scenarios import sampled
from simopt.apps.options import OptionError, SolveOptions
from simopt.apps.solve import solve
from simopt.apps.tactical import TacticalOptions, world_of
from simopt.simulation.estimate import Estimate
from simopt.simulation.serial_chain import ChainSimulator
from simopt.tactical_outcome import ComparedTargets

Floats = NDArray[np.float64]

PATHS = 2_000
LONG = 50  # periods of the longer program
LONG_SCENARIOS = 500
COMPARISON_KEY = 3_000_000


def compare_targets(case: Case, options: TacticalOptions) -> list[ComparedTargets]:
    """The table: every kind of target on the case's own demand.

    Parameters
    ----------
    options
        Of the programs; their demand is the case's distribution (a tree has its values).

    Raises
    ------
    BadInputError
        If the case is no serial chain.
    """
    if options.model == Model.REGULAR.value or options.lead_times is not None:
        raise OptionError("compare: expected targets (por, scr) and fixed lead times")
    own = replace(case, tactical=replace(case.tactical, range=None))
    chain = chain_of_case(own, case.num_periods, options.initial)
    targets = {}
    for model in ("por", "scr"):
        short = replace(options, model=model)
        targets[f"{model}, {options.scenarios}, {options.periods} periods"] = world_of(own, short).solve().decision
    long = replace(options, model="scr", scenarios="random", num_scenarios=LONG_SCENARIOS, periods=LONG, keep=None)
    targets[f"scr, random, {LONG} periods"] = world_of(own, long).solve().decision
    later = _a_period_later(case)
    plan = solve(later, SolveOptions(seed=options.seed, certify=False))
    levels = {row.node: row.level for row in plan.performance.nodes}
    targets["base stock (simopt solve)"] = np.array([levels[name] for name in chain.levels])
    targets["guaranteed service"] = _guaranteed(later, chain)
    return _costs(own, chain, targets, options.seed)


def _costs(case: Case, chain: SerialChain, targets: dict[str, Floats], seed: int) -> list[ComparedTargets]:
    demand = next(iter(case.demand.values()))
    fresh = sampled(demand.quantile, PATHS, chain.num_periods, generator(seed, Purpose.EVALUATION, COMPARISON_KEY))
    counted = np.arange(chain.num_periods) >= case.warm_up
    after = replace(chain, holding=chain.holding * counted, backlog=chain.backlog * counted)
    simulator = ChainSimulator(after, order_rule(after, Model.SCR), fresh.demand)
    full = {name: np.broadcast_to(value, (len(chain.levels),)) for name, value in targets.items()}
    costs = {name: simulator.costs(value) / case.horizon for name, value in full.items()}
    least = min(costs.values(), key=lambda found: float(found.mean()))
    return [
        ComparedTargets(name, chain.levels, full[name], Estimate.of(found), Estimate.of(found - least))
        for name, found in sorted(costs.items(), key=lambda item: float(item[1].mean()))
    ]


def _a_period_later(case: Case) -> Case:
    """The case with a period more of lead time everywhere."""
    network = case.network
    nodes = [node if node.lead_time is None else replace(node, lead_time=node.lead_time + 1) for node in network.nodes]
    lanes = [replace(lane, lead_time=lane.lead_time + 1) for lane in network.lanes]
    return replace(case, network=Network(tuple(nodes), tuple(lanes), network.customers))


def _guaranteed(case: Case, chain: SerialChain) -> Floats:
    """Levels of least safety stock that serve the market at once, at the newsvendor's service level."""
    demand = next(iter(case.demand.values()))
    holding, backlog = chain.holding[:, 0], chain.backlog[-1, 0]
    added = np.diff(holding, prepend=0.0)
    if (added < 0.0).any():
        raise OptionError("compare: holding costs fall downstream: expected none below that above")
    ratio = backlog / (backlog + holding[-1])
    lead_times = [lead_time + 1 for lead_time in chain.lead_times]
    rows = zip(chain.levels, added, lead_times, strict=True)
    stages = [ChainStage(name, float(cost), lead_time) for name, cost, lead_time in rows]
    stages[-1] = replace(
        stages[-1],
        demand_mean=demand.mean,
        demand_sd=demand.standard_deviation,
        safety_factor=max(float(norm.ppf(ratio)), 0.0),
        max_service_time=0,
    )
    links = tuple(ChainLink(above, below) for above, below in zip(chain.levels[:-1], chain.levels[1:], strict=True))
    return guaranteed_service(ServiceChain(tuple(stages), links, 1.0)).base_stock_levels
