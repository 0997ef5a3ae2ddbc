"""Targets of tactical stochastic programs as base-stock levels of a planning world, product by product."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import special

from design.demand_base import Demand
from design.demand_process import phases_of
from design.errors import BadInputError
from design.streams import Purpose, generator, name_keys
from design.tactical.chain import Model, SerialChain, order_rule
from design.tactical.scenarios import sampled
from simopt.optimization.tactical_program import solve_tactical
from simopt.planning.world import Floats, World

SCENARIOS = 300
SPARE_PERIODS = 8


def tactical_levels(world: World, model: str, seed: int) -> dict[str, float]:
    """POR or SCR targets of every product's chain, by node.

    In the program a level orders what the one below has ordered a period before; lead times are taken a period shorter,
    so that as many periods are at risk.

    Raises
    ------
    BadInputError
        If a product's lanes are no serial chain.
    """
    found: dict[str, float] = {}
    for k, product in enumerate(world.products):
        sites = [s for s, site in enumerate(world.sites) if site.handled[k]]
        _check_chain(world, k, sites, product)
        levels = tuple(world.node_names[s, k] for s in sites)
        lead_times = tuple(max(int(world.sites[s].coverage[k]) - 1, 0) for s in sites)
        periods = sum(lead_times) + len(sites) + SPARE_PERIODS
        rates = np.array([world.sites[s].rates[[0, 4], k] for s in sites])
        start = np.array([world.sites[s].mean[k] * world.sites[s].coverage[k] for s in sites])
        chain = SerialChain(
            levels,
            lead_times,
            np.repeat(rates[:, :1], periods, axis=1),
            np.repeat(rates[:, 1:], periods, axis=1),
            start,
        )
        rule = order_rule(chain, Model(model))
        random = generator(seed, Purpose.SCENARIOS, *name_keys(f"\0tactical {product}"))
        demand = world.case.demand[levels[-1]]
        scenarios = sampled(_quantile(demand), SCENARIOS, periods, random, "latin-hypercube")
        decision = solve_tactical(chain, rule, scenarios, None).decision
        found |= dict(zip(levels, map(float, np.broadcast_to(decision, (len(levels),))), strict=True))
    return found


def _check_chain(world: World, k: int, sites: list[int], product: str) -> None:
    for s in sites:
        used = [n for n in world.sites[s].outbound if world.links[n].used[k]]
        ends = len(used) + int(world.sites[s].customer[k] >= 0)
        if ends != 1 or any(world.links[n].quantity[k] != 1.0 for n in used):
            of = f" of product {product!r}" if product else ""
            raise BadInputError(f"policies por and scr: lanes{of} at {world.sites[s].name}: expected a serial chain")


def _quantile(demand: Demand) -> Callable[[Floats], Floats]:
    """Of a period's demand; where it has a profile, of a normal one with its mean and standard deviation."""
    if len(phases_of(demand)) == 1:
        return demand.quantile
    mean, sd = demand.mean, demand.standard_deviation
    return lambda uniform: np.maximum(mean + sd * special.ndtri(np.clip(uniform, 1e-12, 1.0 - 1e-12)), 0.0)
