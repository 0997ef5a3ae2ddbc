"""gym-invmgmt (Barati & Hu 2026, arXiv 2605.11355): its environments as step networks, and agents that play them.

Needs the extra `gym`. Nothing is imported from it here: an environment is what has its attributes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from design.errors import BadInputError
from design.step_network import StepLink, StepNetwork, StepNode
from simopt.environments.observers import Clock, GoodwillObserver
from simopt.environments.step_demand import Goodwill, PoissonPaths
from simopt.environments.step_levels import planned_levels, planned_shares
from simopt.environments.step_simulation import StepLevels

Floats = NDArray[np.float64]


def network_of(env: Any) -> StepNetwork:
    """The network of an environment.

    Raises
    ------
    BadInputError
        If it has several retailers, yields, fixed ordering costs or a discount, which levels are not found for.
    """
    network, graph = env.network, env.graph
    if len(network.retail_links) != 1:
        raise BadInputError(f"environment with {len(network.retail_links)} retail links: expected one")
    if env.alpha != 1.0:
        raise BadInputError(f"environment with discount {env.alpha:g}: expected 1")
    nodes = []
    for name in network.main_nodes:
        data = graph.nodes[name]
        if data.get("v", 1.0) != 1.0:
            raise BadInputError(f"environment: node {name} with yield {data['v']:g}: expected 1")
        nodes.append(
            StepNode(int(name), float(data.get("I0", 0.0)), data["h"], data.get("C", np.inf), data.get("o", 0.0))
        )
    links = []
    for origin, destination in network.reorder_links:
        data = graph.edges[origin, destination]
        if data.get("K", 0.0):
            raise BadInputError(f"environment: fixed cost on {origin} -> {destination}: expected none")
        is_raw = origin in network.rawmat
        price = data["p"] if is_raw else 0.0
        links.append(StepLink(-1 if is_raw else int(origin), int(destination), int(data["L"]), price, data["g"]))
    ((retailer, market),) = network.retail_links
    sale = graph.edges[retailer, market]
    return StepNetwork(
        tuple(nodes), tuple(links), int(retailer), sale["p"], sale["b"], bool(env.backlog), env.num_periods
    )


@dataclass(frozen=True, eq=False)
class EngineDemand:
    """What an informed agent knows of an environment's demand: a `DemandModel` of Poisson demand.

    Parameters
    ----------
    env
        Whose; its noise must be that of the distribution, or none.
    """

    env: Any

    def __post_init__(self) -> None:
        noise = self.env.demand_engine.noise_scale
        if noise not in (0.0, 1.0):
            raise BadInputError(f"environment with noise_scale {noise:g}: expected 0 or 1")

    @cached_property
    def goodwill(self) -> Goodwill | None:
        """How demand follows service."""
        engine = self.env.demand_engine
        if not engine.use_goodwill:
            return None
        return Goodwill(engine.gw_growth, engine.gw_decay, engine.gw_floor, engine.gw_cap)

    @cached_property
    def _means(self) -> Floats:
        engine = self.env.demand_engine
        before, engine.sentiment = engine.sentiment, 1.0
        found = np.array([engine.get_current_mu(t) for t in range(self.env.num_periods)])
        engine.sentiment = before
        return found

    def paths(self, rng: np.random.Generator, count: int) -> PoissonPaths:
        """Fresh paths."""
        uniforms = rng.random((count, len(self._means)))
        means = np.broadcast_to(self._means, uniforms.shape)
        return PoissonPaths(means, uniforms, self.env.demand_engine.noise_scale, self.goodwill)

    def start(self, network: StepNetwork) -> StepLevels:
        """Levels that follow the best plan for mean demand; they may answer goodwill, at first they do not."""
        rule, mean = self.goodwill, self._means
        expected = mean if rule is None else mean * rule.references(network.steps)
        shares = planned_shares(network, expected)
        levels = planned_levels(network, expected, shares)[:, :, None]
        if rule is None:
            return StepLevels(levels, shares, Clock())
        return StepLevels(np.concatenate([levels, np.zeros_like(levels)], axis=2), shares, GoodwillObserver(rule))


def play(env: Any, network: StepNetwork, policy: StepLevels, seed: int) -> float:
    """Profit of an episode of an environment, played through reset and step, money.

    Parameters
    ----------
    env
        The environment; only stocks, goods in transit, and demand and shortages of the past are looked at.
    network, policy
        Of it, see `network_of`.
    seed
        Of the episode.
    """
    env.reset(seed=seed)
    watch, total = policy.observer.start(1), 0.0
    for t in range(network.steps):
        total += env.step(policy.orders(network, t, _positions(env, network, t), watch))[1]
        watch.see(env.D[t], env.U[t])
    return float(total)


def _positions(env: Any, network: StepNetwork, t: int) -> Floats:
    """Inventory position of every node before its order."""
    found = np.array([env.X[t, env.network.node_map[node.name]] for node in network.nodes], dtype=np.float64)
    for i, link in enumerate(network.links):
        found[network.place[link.destination]] += env.Y[t, i]
    if network.backlog and t > 0:
        found[network.place[network.retailer]] -= env.U[t - 1, 0]
    return found
