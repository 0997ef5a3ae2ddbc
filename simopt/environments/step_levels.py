"""Levels of every step: from the best plan for mean demand, then along pathwise gradients (Kingma & Ba 2015, Adam)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from design.step_network import StepNetwork, best_in_hindsight
from design.streams import Purpose, generator
from simopt.environments.step_simulation import DemandModel, StepLevels, simulate_levels

Floats = NDArray[np.float64]

AVERAGED = 0.2  # share of the last iterations whose parameters are averaged
DECAYS = (0.9, 0.999)


@dataclass(frozen=True)
class SearchEffort:
    """How long is searched.

    Parameters
    ----------
    iterations
        Steps along gradients.
    paths
        Fresh paths each.
    level_step, response_step
        First step of levels and of responses, units; they fall to 0.
    """

    iterations: int = 400
    paths: int = 128
    level_step: float = 6.0
    response_step: float = 20.0


def first_levels(network: StepNetwork, demand: DemandModel) -> StepLevels:
    """Levels at which the network follows the best plan for mean demand as long as demand is what is expected."""
    goodwill = demand.goodwill
    factor = np.ones(network.steps) if goodwill is None else goodwill.references(network.steps)
    plan = best_in_hindsight(network, demand.means() * factor)
    total, shares = plan.orders.sum(axis=0), np.zeros(len(network.links))
    for links in network.inbound.values():
        into = total[list(links)].sum()
        shares[list(links)] = total[list(links)] / into if into > 0.0 else 1.0 / max(len(links), 1)
    levels, stock = np.zeros_like(plan.orders), np.array([node.stock for node in network.nodes])
    for t in range(network.steps):
        transit = [plan.orders[max(0, t - k.lead_time) : t, i].sum() for i, k in enumerate(network.links)]
        for i, link in enumerate(network.links):
            position = stock[network.place[link.destination]]
            position += sum(transit[k] for k in network.inbound[link.destination])
            levels[t, i] = plan.orders[t, i] + shares[i] * position
        stock = plan.stock[t]
    return StepLevels(levels, np.zeros_like(levels), shares)


def best_levels(
    network: StepNetwork, demand: DemandModel, effort: SearchEffort | None = None, seed: int = 0
) -> StepLevels:
    """Levels of greatest mean profit, as far as gradients lead.

    Parameters
    ----------
    network, demand
        What is played; the demand's distribution is known.
    effort
        How long is searched.
    seed
        Of the paths; evaluations on an environment's own demand never see them.
    """
    effort, start = effort or SearchEffort(), first_levels(network, demand)
    point = np.stack([start.levels, start.responses])
    steps = np.array([effort.level_step, effort.response_step * (demand.goodwill is not None)])[:, None, None]
    momentum, square, average = np.zeros_like(point), np.zeros_like(point), np.zeros_like(point)
    counted = max(int(AVERAGED * effort.iterations), 1)
    for k in range(effort.iterations):
        uniforms = generator(seed, Purpose.SEARCH, k).random((effort.paths, network.steps))
        policy = replace(start, levels=point[0], responses=point[1])
        slope = np.stack(simulate_levels(network, demand, policy, uniforms)[1:])
        momentum = DECAYS[0] * momentum + (1.0 - DECAYS[0]) * slope
        square = DECAYS[1] * square + (1.0 - DECAYS[1]) * slope**2
        direction = momentum / (1.0 - DECAYS[0] ** (k + 1))
        scale = np.sqrt(square / (1.0 - DECAYS[1] ** (k + 1))) + 1e-8
        point = point + steps * (1.0 - k / effort.iterations) * direction / scale
        if k >= effort.iterations - counted:
            average += point / counted
    return replace(start, levels=average[0], responses=average[1])
