"""What a design emits: factors of lanes, sites and held stock, their price and their cap.

    emissions = Σ_l e_l·(units shipped over l) + Σ_i E_i·used_i + Σ_i h_i·Σ_t (units on hand at i at the end of t)

A price p turns all three into money, as if transport over l cost p·e_l more a unit, site i p·E_i more and a unit on
hand p·h_i more a period (`priced_network`). With emission factors in the place of all costs (`emission_network`) a
simulated cost is an emission. An input that waits to be assembled emits like a unit on hand at its supplier.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from design.network import Network
from design.node import Lane, Node

DEFAULT_UNIT = "kg CO2e"


@dataclass(frozen=True)
class EmissionSettings:
    """What emissions cost and how much is allowed.

    Parameters
    ----------
    price
        Money per unit of emission; None: nothing.
    cap
        Expected emissions over the horizon at most; None: any.
    """

    price: float | None = None
    cap: float | None = None


def has_factors(network: Network) -> bool:
    """Whether some lane, site or held stock emits."""
    nodes = any(node.site_emission > 0.0 or node.holding_emission > 0.0 for node in network.nodes)
    return nodes or any(lane.emission > 0.0 for lane in network.lanes)


def priced_network(network: Network, price: float) -> Network:
    """The network with what emissions cost added to its unit, fixed and holding costs."""

    def node(given: Node) -> Node:
        holding = given.holding_cost + price * given.holding_emission
        return replace(given, holding_cost=holding, fixed_cost=given.fixed_cost + price * given.site_emission)

    def lane(given: Lane) -> Lane:
        waiting = given.input_holding_cost
        if waiting is not None:
            waiting += price * network.node(given.origin).holding_emission
        return replace(given, unit_cost=given.unit_cost + price * given.emission, input_holding_cost=waiting)

    return replace(network, nodes=tuple(map(node, network.nodes)), lanes=tuple(map(lane, network.lanes)))


def emission_network(network: Network) -> Network:
    """The network with emissions in the place of costs."""

    def node(given: Node) -> Node:
        return replace(
            given,
            holding_cost=given.holding_emission,
            holding_quadratic=0.0,
            overflow_cost=0.0,
            site_overflow=0.0,
            backorder_cost=0.0,
            fixed_cost=given.site_emission,
        )

    def lane(given: Lane) -> Lane:
        return replace(
            given, unit_cost=given.emission, fixed_cost=0.0, pipeline_holding_cost=0.0, input_holding_cost=None
        )

    return replace(network, nodes=tuple(map(node, network.nodes)), lanes=tuple(map(lane, network.lanes)))
