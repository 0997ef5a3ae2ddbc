"""The least cost that anyone could have had who knew all demand and outages in advance: a linear program a replication.

Costs are those of the planning engine for base-stock worlds: linear holding and backlog costs, transport, goods in
transit, production. In the warm-up nothing costs anything and capacities do not bind, so that whatever stock a policy
brings into the horizon the plan could have too: its cost is a lower bound on every policy's.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from design.errors import BadInputError
from design.robust.network import OUTSIDE, RobustArc, RobustNetwork, RobustNode
from design.robust.plan import robust_plan
from design.streams import BLOCK
from simopt.planning.paths import Chance, Paths
from simopt.planning.world import Floats, Site, World
from simopt.simulation.replicate import run_in_processes


def check_hindsight(world: World) -> None:
    """Refuse what the linear program does not know.

    Raises
    ------
    BadInputError
        If a site's costs are not linear, orders have fixed costs, products share capacity, or demand may be lost.
    """
    for site in world.sites:
        _check_links(world, site)
        _, quadratic, capacity, overflow, _ = site.rates
        unknown = {
            "holding_quadratic": quadratic,
            "overflow_cost": np.where(np.isfinite(capacity), overflow, 0.0),
            "order_cost": site.order_cost,
            "storage_overflow": np.array([site.storage_overflow]),
        }
        for name, values in unknown.items():
            if values.any():
                raise BadInputError(f"site {site.name}: {name}: the clairvoyant expects none")
        if site.family_capacity is not None:
            raise BadInputError(f"site {site.name}: capacity of families: the clairvoyant expects none")
    supply = world.case.supply
    random = supply.lead_times or supply.lane_outages or world.data.breakdowns
    if random or np.isfinite(world.service_window).any():
        raise BadInputError(
            "lost sales, random lead times, breakdowns or outages of lanes: the clairvoyant expects none"
        )


def _check_links(world: World, site: Site) -> None:
    links = [world.links[n] for n in site.inbound]
    if (
        any(link.used[site.handled].any() and (link.quantity != 1.0).any() for link in links)
        or (np.sum([link.used for link in links], axis=0) > 1).any()
    ):
        raise BadInputError(f"site {site.name}: assembly: the clairvoyant expects one input, a unit a unit")
    if np.isfinite(site.production_capacity).any() and any(link.origin >= 0 for link in links):
        raise BadInputError(f"site {site.name}: production_capacity: the clairvoyant expects it at sources only")


def hindsight_costs(chance: Chance, replications: int, num_jobs: int) -> Floats:
    """Of every replication, money, shape (replication,).

    Parameters
    ----------
    chance
        The paths that policies see.
    replications, num_jobs
        How many; in so many processes.
    """
    chunks = [range(k, min(k + BLOCK, replications)) for k in range(0, replications, BLOCK)]
    return np.concatenate(run_in_processes(partial(_costs, chance), chunks, num_jobs))


def _costs(chance: Chance, replications: range) -> Floats:
    paths, world = chance.paths(replications), chance.world
    return np.array([
        world.fixed_cost + sum(_cost(world, paths, r, k) for k in range(world.num_products))
        for r in range(len(replications))
    ])  # fmt: skip


def _cost(world: World, paths: Paths, r: int, k: int) -> float:
    """Of one product in one replication."""
    sites = [s for s, site in enumerate(world.sites) if site.handled[k]]
    network = RobustNetwork(
        world.case.num_periods,
        tuple(_node(world, paths, r, k, s) for s in sites),
        tuple(arc for s in sites for arc in _arcs(world, paths, r, k, s)),
    )
    return robust_plan(network).cost


def _charged(world: World, rate: float) -> Floats:
    """A rate in the horizon, none in the warm-up."""
    return np.where(np.arange(world.case.num_periods) < world.case.warm_up, 0.0, rate)


def _node(world: World, paths: Paths, r: int, k: int, s: int) -> RobustNode:
    site, none = world.sites[s], np.zeros(world.case.num_periods)
    demand = paths.demand[r, :, site.customer[k]] if site.customer[k] >= 0 else none
    serves = site.customer[k] >= 0
    return RobustNode(
        site.name, demand, none, none, 0.0, _charged(world, site.rates[0, k]),
        _charged(world, site.rates[4, k]) if serves else None,
    )  # fmt: skip


def _arcs(world: World, paths: Paths, r: int, k: int, s: int) -> list[RobustArc]:
    site, found = world.sites[s], []
    works = paths.capacity_factor(site)
    for n in site.inbound:
        link = world.links[n]
        if not link.used[k]:
            continue
        limit = np.full(world.case.num_periods, np.inf)
        if link.origin < 0:  # what is ordered now is made when it has arrived
            made = np.full(world.case.num_periods, site.production_capacity[k])
            made = made if works is None else np.where(works[r], made, 0.0)
            made[: world.case.warm_up] = np.inf
            limit[: len(made) - int(link.lead_time[k])] = made[int(link.lead_time[k]) :]
        found.append(
            RobustArc(
                OUTSIDE if link.origin < 0 else world.sites[link.origin].name, site.name, int(link.lead_time[k]),
                _charged(world, float(link.unit_cost[k] + site.unit_cost[k])), 0.0,
                _charged(world, float(link.pipeline_cost[k])), limit,
            )
        )  # fmt: skip
    return found
