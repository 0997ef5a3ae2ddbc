"""Levels of every step: from the best plan for mean demand, then along pathwise gradients (Kingma & Ba 2015, Adam)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from design.step_network import StepNetwork, best_in_hindsight
from design.streams import Purpose, generator
from simopt.environments.step_demand import DemandModel
from simopt.environments.step_simulation import StepLevels, simulate_levels

Floats = NDArray[np.float64]

AVERAGED = 0.2  # share of the last iterations whose coefficients are averaged
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
    step
        First step of a coefficient, units; it falls to 0.
    response_step
        The same for every feature but the first.
    """

    iterations: int = 400
    paths: int = 128
    step: float = 6.0
    response_step: float = 20.0


def planned_shares(network: StepNetwork, demand: Floats) -> Floats:
    """Share of each link in what enters its destination in the best plan for a demand, shape (link,)."""
    total = best_in_hindsight(network, demand).orders.sum(axis=0)
    shares = np.zeros(len(network.links))
    for links in network.inbound.values():
        into = total[list(links)].sum()
        shares[list(links)] = total[list(links)] / into if into > 0.0 else 1.0 / max(len(links), 1)
    return shares


def planned_levels(network: StepNetwork, demand: Floats, shares: Floats) -> Floats:
    """Levels that follow the best plan for a demand as long as that is what comes, shape (step, link), units."""
    plan = best_in_hindsight(network, demand)
    levels, stock = np.zeros_like(plan.orders), np.array([node.stock for node in network.nodes])
    for t in range(network.steps):
        transit = [plan.orders[max(0, t - k.lead_time) : t, i].sum() for i, k in enumerate(network.links)]
        for i, link in enumerate(network.links):
            position = stock[network.place[link.destination]]
            position += sum(transit[k] for k in network.inbound[link.destination])
            levels[t, i] = plan.orders[t, i] + shares[i] * position
        stock = plan.stock[t]
    return levels


def best_levels(
    network: StepNetwork, demand: DemandModel, start: StepLevels, effort: SearchEffort | None = None, seed: int = 0
) -> StepLevels:
    """Coefficients of greatest mean profit, as far as gradients lead.

    Parameters
    ----------
    network, demand
        What is played, and the demand it is expected to meet.
    start
        Where the search begins; shares and observer stay.
    effort
        How long is searched.
    seed
        Of the paths; evaluations on an environment's own demand never see them.
    """
    effort, point = effort or SearchEffort(), start.coefficients
    steps = np.full(point.shape[2], effort.response_step)
    steps[0] = effort.step
    momentum, square, average = np.zeros_like(point), np.zeros_like(point), np.zeros_like(point)
    counted = max(int(AVERAGED * effort.iterations), 1)
    for k in range(effort.iterations):
        paths = demand.paths(generator(seed, Purpose.SEARCH, k), effort.paths)
        slope = simulate_levels(network, paths, replace(start, coefficients=point))[1]
        momentum = DECAYS[0] * momentum + (1.0 - DECAYS[0]) * slope
        square = DECAYS[1] * square + (1.0 - DECAYS[1]) * slope**2
        direction = momentum / (1.0 - DECAYS[0] ** (k + 1))
        scale = np.sqrt(square / (1.0 - DECAYS[1] ** (k + 1))) + 1e-8
        point = point + steps * (1.0 - k / effort.iterations) * direction / scale
        if k >= effort.iterations - counted:
            average += point / counted
    return replace(start, coefficients=average)
