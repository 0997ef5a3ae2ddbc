"""Parameters of a planning policy by simulation: the trust-region search on kriging surrogates, on whole runs.

What is searched is how careful every site is, its safety factor z, and for policies with lots what its economic lot is
multiplied by. Orders make what one site does the other's demand, so that all costs form one group.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from design.streams import Purpose
from simopt.planning.kpis import samples_of
from simopt.planning.study import Study
from simopt.planning.world import Floats, World
from simopt.policies.registry import SizedPolicy
from simopt.simulation.replicate import run_in_processes
from surrogates import search
from surrogates.dataset import Box
from surrogates.search_types import SearchParams, SearchProblem

LEAST_FACTOR, MOST_FACTOR = -3.0, 6.0
MOST_DOUBLINGS = 3.0  # of a lot, up or down
FIRST_REPLICATIONS = 32
MOST_REPLICATIONS = 256


@dataclass(frozen=True, eq=False)
class Tuned:
    """A policy with tuned parameters.

    Parameters
    ----------
    policy
        The policy.
    replications
        Simulated to find them.
    start_cost, cost
        Mean cost on the search's own paths before and after, money over the horizon.
    """

    policy: SizedPolicy
    replications: int
    start_cost: float
    cost: float


def tune(world: World, policy: SizedPolicy, *, with_lots: bool, budget: int, seed: int, num_jobs: int = 1) -> Tuned:
    """Find the parameters of least expected cost.

    Parameters
    ----------
    world, policy
        What is simulated, and where the search starts.
    with_lots
        Whether lots are searched too.
    budget
        Replications, about.
    seed
        Of the search's paths, which are not those of evaluations.
    num_jobs
        Processes; the numbers do not depend on it.
    """
    sites = len(world.sites)
    z = policy.sizing.factor_at(world.settings.service_level)
    start = np.concatenate([np.full(sites, z), np.zeros(sites if with_lots else 0)])
    low = np.concatenate([np.full(sites, LEAST_FACTOR), np.full(len(start) - sites, -MOST_DOUBLINGS)])
    high = np.concatenate([np.full(sites, MOST_FACTOR), np.full(len(start) - sites, MOST_DOUBLINGS)])
    problem = SearchProblem(Box(low, high), (tuple(range(len(start))),), np.full(len(start), 4.0))
    spent = 0

    def evaluate(points: Floats, replications: int) -> Floats:
        nonlocal spent
        spent += len(points) * replications
        study = Study(world, replications, seed, Purpose.SEARCH)
        policies = [_at(policy, point, sites) for point in points]
        return np.stack(run_in_processes(partial(_costs, study), policies, num_jobs))[:, :, None]

    params = SearchParams(
        initial_replications=FIRST_REPLICATIONS, maximum_replications=MOST_REPLICATIONS, budget=budget
    )
    state = search.start(problem, start, params, seed)
    state = search.run(state, evaluate)
    best = state.incumbent
    many = Study(world, MOST_REPLICATIONS, seed, Purpose.SEARCH)
    before, after = _costs(many, _at(policy, start, sites)), _costs(many, _at(policy, best, sites))
    if after.mean() > before.mean():  # the search has seen fewer replications
        best, after = start, before
    return Tuned(_at(policy, best, sites), spent, float(before.mean()), float(after.mean()))


def _costs(study: Study, policy: SizedPolicy) -> Floats:
    """Of every replication, money over the horizon."""
    return samples_of(study.world, study.run(policy))["cost"]


def _at(policy: SizedPolicy, point: Floats, sites: int) -> SizedPolicy:
    lots = tuple(2.0 ** float(value) for value in point[sites:])
    return replace(policy, sizing=replace(policy.sizing, factors=tuple(map(float, point[:sites])), lots=lots))
