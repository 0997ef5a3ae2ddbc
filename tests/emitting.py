"""Small cases that emit, and what each of their designs emits by definition."""

from dataclasses import replace

import numpy as np

from design.case import Case
from design.emissions import EmissionSettings
from design.network import Design, Network
from tests.small_cases import all_designs


def emitting(
    case: Case, seed: int, *, held: bool = False, price: float | None = None, cap: float | None = None
) -> Case:
    """The case with random emission factors; dear lanes tend to emit little."""
    rng = np.random.default_rng(seed)
    nodes = tuple(
        replace(
            node,
            site_emission=float(rng.uniform(0.0, 200.0)),
            holding_emission=float(rng.uniform(0.2, 1.0)) if held else 0.0,
        )
        for node in case.network.nodes
    )
    lanes = tuple(
        replace(lane, emission=float(rng.uniform(0.5, 1.0)) * (2.0 - 1.5 * lane.unit_cost))
        for lane in case.network.lanes
    )
    network = Network(nodes, lanes, case.network.customers)
    return replace(case, network=network, emissions=EmissionSettings(price, cap))


def every_design(case: Case) -> list[Design]:
    """All designs of a network, in a fixed order."""
    return [case.network.design(lanes) for lanes in sorted(all_designs(case.network), key=sorted)]


def known_emissions(case: Case, design: Design) -> float:
    """Expected emissions of transport and sites, customer by customer along its path."""
    supplier = {end: origin for origin, end in design.lanes}
    total = sum(case.network.node(name).site_emission for name in design.nodes)
    for customer, mean in case.mean_demand.items():
        name = customer
        while name in supplier:
            total += case.horizon * mean * case.network.lane((supplier[name], name)).emission
            name = supplier[name]
    return total
