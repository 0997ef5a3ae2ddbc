"""Measures of a policy from totals: cost and its parts, service, backlog, exposure, cost to serve, bullwhip.

Each is a number a replication whose mean is the measure; of a ratio of two totals, `linearized_ratio`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from simopt.planning.measures import COSTS, Total
from simopt.planning.study import Collected
from simopt.planning.world import Floats, World
from simopt.simulation.estimate import linearized_ratio

SEPARATOR = ":"


def samples_of(world: World, found: Collected) -> dict[str, Floats]:
    """Every measure, shape (replication,) each.

    Returns
    -------
    dict
        `cost` and its parts, money over the horizon; `cost_to_serve`, money per unit delivered to customers;
        `fill_rate`, share of customers' demand met in its period; `cycle_service_level`, share of customers' products
        and periods without backlog; `backlog_service` (γ), 1 less customers' backlog per unit of demand; `backlog`,
        units owed to customers at the end of a period; `inventory_exposure`, units on hand and in transit;
        `lost_sales`, `cancelled`, `obsolete`, units over the horizon; and by site, after a colon, `fill_rate` where it
        faces customers, `bullwhip`, `backlog`, `on_hand`, `orders`.
    """
    totals, horizon = found.totals, world.case.horizon
    everywhere = totals.sum(axis=1)

    def total(*which: Total) -> Floats:
        return np.asarray(everywhere[:, list(which)].sum(axis=1))

    customers = sum(int((site.customer >= 0).sum()) for site in world.sites)
    cost = total(*COSTS) + world.fixed_cost
    measures: dict[str, Floats] = {
        "cost": cost,
        **{one.name.lower(): total(one) for one in COSTS},
        "fixed_cost": np.full(len(totals), world.fixed_cost),
        "cost_to_serve": linearized_ratio(cost, total(Total.DELIVERED), empty=0.0),
        "fill_rate": linearized_ratio(total(Total.MET_AT_ONCE), total(Total.DEMANDED)),
        "cycle_service_level": total(Total.CLEAR) / (customers * horizon),
        "backlog_service": 1.0 - linearized_ratio(total(Total.CUSTOMER_BACKLOG), total(Total.DEMANDED), empty=0.0),
        "backlog": total(Total.CUSTOMER_BACKLOG) / horizon,
        "inventory_exposure": total(Total.ON_HAND, Total.IN_TRANSIT) / horizon,
        "lost_sales": total(Total.LOST),
        "cancelled": total(Total.CANCELLED),
        "obsolete": total(Total.OBSOLETE),
    }
    for s, site in enumerate(world.sites):
        if site.has_customers:
            own = linearized_ratio(totals[:, s, Total.MET_AT_ONCE], totals[:, s, Total.DEMANDED])
            measures[f"fill_rate{SEPARATOR}{site.name}"] = own
    by_site: Mapping[str, Callable[[int], Floats]] = {
        "bullwhip": lambda s: found.bullwhip[:, s],
        "backlog": lambda s: totals[:, s, Total.BACKLOG] / horizon,
        "on_hand": lambda s: totals[:, s, Total.ON_HAND] / horizon,
        "orders": lambda s: totals[:, s, Total.ORDERS] / horizon,
    }
    for name, value in by_site.items():
        measures |= {f"{name}{SEPARATOR}{site.name}": value(s) for s, site in enumerate(world.sites)}
    return measures
