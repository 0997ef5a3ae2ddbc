"""Random planning worlds: several products, assembly or not, with everything that may disturb them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from design.case import Case
from design.demand import NormalDemand, PoissonDemand
from design.demand_process import ProfiledDemand
from design.network import Design, Network
from design.node import Lane, Node
from design.planning.data import Breakdown, DemandShock, FamilyCapacity, Operation, PlanningData, Sku
from design.planning.settings import PlanningSettings
from design.smooth_demand import GammaDemand, IntermittentDemand
from design.supply import Outage, Supply
from simopt.planning.world import World
from simopt.planning.world_of_case import world_of

ALL_SITES = ("mine", "works", "depot", "north", "south")
PATHS = (("mine", "works"), ("works", "depot"), ("depot", "north"), ("depot", "south"))


def chain_case(
    rng: np.random.Generator | None = None,
    products: int = 2,
    settings: PlanningSettings | None = None,
    horizon: int = 30,
    warm_up: int = 6,
    assembly: bool = False,
) -> Case:
    """A mine, works, a depot and two shops; the second product skips the southern shop; random numbers.

    With assembly the works take two units of a quarry beside one of the mine.
    """
    rng = rng or np.random.default_rng(0)
    nodes, lanes, demand = [], [], {}
    for k in range(products):
        name = f"p{k}"
        sites = ALL_SITES if k % 2 == 0 else ALL_SITES[:-1]
        nodes += [
            Node(
                f"{site}/{name}",
                lead_time=int(rng.integers(0, 4)) if site == "mine" else None,
                holding_cost=float(rng.uniform(0.1, 1.0)),
                holding_quadratic=float(rng.uniform(0, 0.01)),
                backorder_cost=float(rng.uniform(0.5, 5.0)),
                site=site,
                product=name,
            )
            for site in sites
        ]
        lanes += [
            Lane(
                f"{origin}/{name}",
                f"{destination}/{name}",
                int(rng.integers(0, 4)),
                unit_cost=float(rng.uniform(0, 0.5)),
                pipeline_holding_cost=float(rng.uniform(0, 0.2)),
            )
            for origin, destination in PATHS
            if destination in sites
        ]
        if assembly:
            nodes.append(Node(f"quarry/{name}", lead_time=2, holding_cost=0.2, site="quarry", product=name))
            lanes[-4 if "south" in sites else -3] = replace(lanes[-4 if "south" in sites else -3], input="ore")
            lanes.append(Lane(f"quarry/{name}", f"works/{name}", 1, input="clay", quantity=2.0, input_holding_cost=0.3))
        mean = float(rng.uniform(3, 12))
        kinds = [
            NormalDemand(mean, 0.3 * mean),
            PoissonDemand(mean),
            IntermittentDemand(0.4, GammaDemand(2 * mean, mean)),
            ProfiledDemand("wave", (0.5, 1.0, 1.5, 1.0), NormalDemand(mean, 0.2 * mean)),
        ]
        for shop in ("north", "south"):
            if shop in sites:
                demand[f"{shop}/{name}"] = kinds[(k + (shop == "south")) % len(kinds)]
    network = Network(tuple(nodes), tuple(lanes), tuple(demand))
    data = PlanningData(settings or PlanningSettings())
    return Case("world", "", network, demand, horizon, warm_up, planning=data)


def disturbed_case(seed: int, *, whole: bool) -> Case:
    """Everything at once: delays that cross or not, outages, shocks, lots, windows, cancellations, capacities."""
    rng = np.random.default_rng(seed)
    settings = PlanningSettings(
        whole_units=whole,
        crossing=bool(rng.random() < 0.6),
        start=("levels", "pipeline")[int(rng.random() < 0.5)],
        publication=((1, 0.1), (3, 0.3)) if rng.random() < 0.5 else (),
        service_window=int(rng.integers(0, 4)),
        cancellation_rate=float(rng.choice([0.0, 0.3])),
        order_window=int(rng.integers(0, 5)) if rng.random() < 0.4 else None,
        grace=int(rng.integers(0, 3)),
        obsolete_after=int(rng.integers(1, 5)) if rng.random() < 0.7 else None,
        shock_probability=0.05,
        backlog_weight=float(rng.choice([0.5, 1.0])),
    )
    case = chain_case(rng, int(rng.integers(1, 5)), settings, assembly=bool(rng.random() < 0.5))
    products = case.network.products
    skus = tuple(
        Sku(name, f"f{k % 2}", ("", "erratic", "intermittent")[k % 3], 1 if k % 2 else None)
        for k, name in enumerate(products)
    )
    operations = tuple(
        Operation(
            node.place,
            node.product,
            order_cost=float(rng.uniform(0, 3)),
            lost_sale_cost=2.0,
            cancellation_cost=0.5,
            obsolescence_cost=1.5,
            unit_cost=float(rng.uniform(0, 2)),
            min_order=float(rng.choice([0, 0, 3])),
            lot_size=float(rng.choice([0, 0, 2])),
        )
        for node in case.network.nodes
    )
    families = {f"f{k % 2}" for k in range(len(products))}
    capacities = tuple(FamilyCapacity("works", name, None, float(rng.uniform(0.7, 1.1))) for name in sorted(families))
    data = PlanningData(
        settings,
        skus,
        operations,
        capacities,
        (DemandShock("f0", "", 10, 14, 0.8, "ramp"), DemandShock("", products[0], 12, 13, 1.0)),
        (Breakdown(("works",), 0.1, 0.5), Breakdown(("depot", "north"), 0.1, 0.6)),
    )
    varying = {}
    for origin, destination in (("works", "depot"), ("depot", "north")):
        nodes = [lane for lane in case.network.lanes if case.network.places(lane.pair) == (origin, destination)]
        least = min(lane.lead_time for lane in nodes)
        varying[origin, destination] = ((least, 0.6), (least + 1, 0.25), (least + 3, 0.15))
    supply = Supply("fcfs", (Outage(("depot",), 4, 6), Outage(("mine", "works"), 15, 17)), varying)
    return replace(case, planning=data, supply=supply)


def whole_design(case: Case) -> Design:
    """Every lane."""
    return case.network.design(lane.pair for lane in case.network.lanes)


def world(case: Case) -> World:
    """With every lane used."""
    return world_of(case, whole_design(case))
