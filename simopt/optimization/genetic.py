"""Genetic algorithm for real and categorical variables, the baseline of Ye & You (2015) [5]_.

A documented twin of MATLAB's ``ga`` for mixed-integer problems [4]_, which follows MI-LXPM [1]_. The
optimizer asks, the caller evaluates, the optimizer is told::

    state = start(space, GeneticParams(), seed=1)
    while not state.finished:
        population = ask(state)
        state = tell(state, population, cost(population.reals, population.choices))
    state.incumbent

A generation keeps its elites with the costs they have, so costs must be deterministic, as they are under
common random numbers. Children of tournament winners fill the rest. Where the published operators are weak on
unordered choices, the gap is closed in the baseline's favor and marked "Departure".

References
----------
.. [1] Deep, Singh, Kansal & Mohan (2009). A real coded genetic algorithm for solving integer and mixed
   integer optimization problems. Applied Mathematics and Computation 212(2), 505–518.
.. [2] Deep & Thakur (2007). A new crossover operator for real coded genetic algorithms. Applied Mathematics
   and Computation 188, 895–911.
.. [3] Deep & Thakur (2007). A new mutation operator for real coded genetic algorithms. Applied Mathematics
   and Computation 193, 211–230.
.. [4] MathWorks, Global Optimization Toolbox: "Genetic Algorithm Options" and "Mixed Integer ga
   Optimization".
.. [5] Ye & You (2015). Integrated supply chain network design and inventory control optimisation under demand
   uncertainty. Chemical Engineering Transactions 45, 499 ff.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simopt.optimization.genetic_types import (
    Floats,
    GeneticParams,
    Incumbent,
    Population,
    SearchSpace,
    StopReason,
    check_count,
    frozen_floats,
)


@dataclass(frozen=True, eq=False)
class State:
    """Everything a run consists of between two generations.

    The random numbers of a generation depend on ``seed`` and ``generation`` alone: a stored state continues
    as the run would have, and asking twice gives the same population.

    Attributes
    ----------
    space, params, seed
        The problem, the constants and the entropy of the random numbers.
    members
        Current generation, best first; no rows before the first ``tell``.
    costs
        Costs of the members, shape (P,), ascending.
    best_costs
        Best cost after each generation, shape (generation,), never increasing.
    reason
        Why the run stopped, or that it has not.
    """

    space: SearchSpace
    params: GeneticParams
    seed: int
    members: Population
    costs: Floats
    best_costs: Floats
    reason: StopReason = StopReason.RUNNING

    @property
    def generation(self) -> int:
        """Number of populations told."""
        return self.best_costs.size

    @property
    def finished(self) -> bool:
        """Whether a stopping criterion holds; ``reason`` says which."""
        return self.reason is not StopReason.RUNNING

    @property
    def incumbent(self) -> Incumbent:
        """Best individual so far; a ValueError before the first ``tell``."""
        if self.generation == 0:
            raise ValueError("incumbent: expected a population to have been told, got none so far")
        return Incumbent(self.members.reals[0], self.members.choices[0], float(self.costs[0]))


def start(space: SearchSpace, params: GeneticParams, seed: int) -> State:
    """Return the state before the first population.

    Parameters
    ----------
    space
        Bounds and numbers of choices.
    params
        Constants of the algorithm.
    seed
        Entropy of all random numbers of the run, nonnegative.

    Raises
    ------
    ValueError
        If the seed is no nonnegative integer.
    """
    check_count("seed", seed, 0)
    nobody = Population(np.empty((0, space.lower.size)), np.empty((0, space.num_choices.size), dtype=np.int64))
    return State(space, params, seed, nobody, costs=frozen_floats([]), best_costs=frozen_floats([]))


def ask(state: State) -> Population:
    """Return the individuals to evaluate next.

    Returns
    -------
    Population
        P individuals drawn uniformly at first; later P − elites children, those of crossover first.

    Raises
    ------
    ValueError
        If the run has finished.
    """
    _check_running("ask", state)
    rng = np.random.default_rng(np.random.SeedSequence(state.seed, spawn_key=(state.generation,)))
    genes, params, num_variables = _Genes.of(state.space), state.params, state.space.num_variables
    size = params.num_individuals(num_variables)
    if state.generation == 0:
        return genes.split(_uniform(genes, size, rng))
    num_children = size - params.num_elites(num_variables)
    num_crossed = round(params.crossover_fraction * num_children)
    # Selection: two parents for a crossover child, one for a mutation child.
    winners = _tournament(size, num_children + num_crossed, params.tournament_size, rng)
    parents = genes.join(state.members)[winners]
    first, second, single = np.split(parents, [num_crossed, 2 * num_crossed])
    # Crossover and mutation, each with the truncation of integers.
    crossed = _laplace_crossover(genes, (first, second), params, rng)
    mutated = _power_mutation(genes, single, params, rng)
    return genes.split(np.concatenate([crossed, mutated]))


def tell(state: State, population: Population, costs: ArrayLike) -> State:
    """Return the next state, given the costs of the population asked for.

    Parameters
    ----------
    state
        The state that was asked.
    population
        The P individuals evaluated; the caller may have repaired them within the search space.
    costs
        Cost of each individual, shape (P,), to be minimized; infinity marks an infeasible one.

    Returns
    -------
    State
        Elites and new individuals, best first, with the stopping criteria applied.

    Raises
    ------
    ValueError
        If the run has finished, a shape is not the one asked for, an individual lies outside the search
        space, or a cost is NaN or minus infinity.
    """
    _check_running("tell", state)
    space, num_variables = state.space, state.space.num_variables
    num_elites = state.params.num_elites(num_variables) if state.generation else 0
    num_asked = state.params.num_individuals(num_variables) - num_elites
    _check_population(population, num_asked, space)
    told = frozen_floats(costs)
    if told.shape != (num_asked,):
        raise ValueError(f"costs: expected shape ({num_asked},), got {told.shape}")
    if np.any(np.isnan(told) | np.isneginf(told)):
        raise ValueError("costs: expected finite values, or infinity if infeasible, got NaN or minus infinity")
    # Elites come first, so that the stable sort prefers the older of two equal individuals.
    pooled = np.concatenate([state.costs[:num_elites], told])
    order = np.argsort(pooled, kind="stable")
    members = Population(
        np.concatenate([state.members.reals[:num_elites], population.reals])[order],
        np.concatenate([state.members.choices[:num_elites], population.choices])[order],
    )
    ranked = frozen_floats(pooled[order])
    best_costs = frozen_floats(np.append(state.best_costs, ranked[0]))
    reason = _stop_reason(best_costs, state.params, num_variables)
    return replace(state, members=members, costs=ranked, best_costs=best_costs, reason=reason)


@dataclass(frozen=True, eq=False)
class _Genes:
    """The n real and k categorical variables side by side, so one formula serves both; arrays (n + k,)."""

    lower: Floats
    upper: Floats
    is_integer: NDArray[np.bool_]

    @classmethod
    def of(cls, space: SearchSpace) -> _Genes:
        lower = np.concatenate([space.lower, np.zeros(space.num_choices.size)])
        upper = np.concatenate([space.upper, space.num_choices - 1.0])
        return cls(lower, upper, np.arange(lower.size) >= space.lower.size)

    def join(self, population: Population) -> Floats:
        return np.concatenate([population.reals, population.choices], axis=1)

    def split(self, values: Floats) -> Population:
        return Population(values[:, ~self.is_integer], values[:, self.is_integer].astype(np.int64))


def _uniform(genes: _Genes, size: int, rng: np.random.Generator) -> Floats:
    """Individuals drawn uniformly in the bounds, each choice equally likely, shape (size, n + k)."""
    share, width = rng.random((size, genes.lower.size)), genes.upper - genes.lower
    drawn = np.where(genes.is_integer, np.floor(share * (width + 1.0)), share * width)
    return np.clip(genes.lower + drawn, genes.lower, genes.upper)


def _tournament(num_ranked: int, num_winners: int, size: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Rows of the winners among rows sorted best first: the smallest of ``size`` rows drawn at random."""
    return rng.integers(num_ranked, size=(num_winners, size)).min(axis=1)


def _laplace_crossover(
    genes: _Genes, parents: tuple[Floats, Floats], params: GeneticParams, rng: np.random.Generator
) -> Floats:
    """One child x₁ + β |x₁ − x₂| of each pair, with β ~ Laplace(0, b) for each gene [1, 2].

    The paper's second child, around x₂, is left out as in [4]: both parents won the same kind of tournament.
    A gene out of its bounds is drawn anew within them [2].
    """
    first, second = parents
    scale = np.where(genes.is_integer, params.laplace_scale_integer, params.laplace_scale_real)
    beta = rng.laplace(0.0, scale, size=first.shape)
    # Departure, off by default: some genes are laid around the second parent.
    center = np.where(rng.random(first.shape) < params.gene_exchange, second, first)
    children = center + beta * np.abs(first - second)
    outside = (children < genes.lower) | (children > genes.upper)
    return _truncated(genes, np.where(outside, _uniform(genes, len(first), rng), children), rng)


def _power_mutation(genes: _Genes, parents: Floats, params: GeneticParams, rng: np.random.Generator) -> Floats:
    """Every gene moved by the share s = u^p of its distance to a bound, u ~ U(0, 1) [1, 3, 4].

    With t its scaled distance from the lower bound and r ~ U(0, 1), it goes down if t < r and up otherwise.

    Departure: the bounds of integers are taken half a unit further out. At a bound the published move is
    zero, so the first and the last choice, and hence a choice between two, would never mutate.
    """
    margin = np.where(genes.is_integer, 0.5, 0.0)
    lower, upper = genes.lower - margin, genes.upper + margin
    share = rng.random(parents.shape) ** np.where(genes.is_integer, params.power_integer, params.power_real)
    down = parents - lower < rng.random(parents.shape) * (upper - lower)
    return _truncated(genes, parents + share * np.where(down, lower - parents, upper - parents), rng)


def _truncated(genes: _Genes, values: Floats, rng: np.random.Generator) -> Floats:
    """Fractional integer genes taken down or up, each with probability one half [1], all within bounds."""
    below = np.floor(values)
    fractional = genes.is_integer & (values != below)
    whole = np.where(fractional, below + (rng.random(values.shape) < 0.5), values)
    return np.clip(whole, genes.lower, genes.upper)


def _stop_reason(best_costs: Floats, params: GeneticParams, num_variables: int) -> StopReason:
    """Stall limit first, then generation limit; an infinite best cost never counts as stalled."""
    window, best = params.max_stall_generations, best_costs[-1]
    if best_costs.size > window and np.isfinite(best):
        average_change = (best_costs[-1 - window] - best) / window
        if average_change <= params.function_tolerance * abs(best):
            return StopReason.STALL_LIMIT
    if best_costs.size >= params.generation_limit(num_variables):
        return StopReason.GENERATION_LIMIT
    return StopReason.RUNNING


def _check_running(caller: str, state: State) -> None:
    if state.finished:
        raise ValueError(f"{caller}: expected a running state, got a finished one ({state.reason.value})")


def _check_population(population: Population, num_asked: int, space: SearchSpace) -> None:
    expected = (num_asked, space.lower.size), (num_asked, space.num_choices.size)
    got = population.reals.shape, population.choices.shape
    if got != expected:
        raise ValueError(f"population: expected reals and choices of shapes {expected}, got {got}")
    if not np.all((population.reals >= space.lower) & (population.reals <= space.upper)):
        raise ValueError("population: expected reals from lower to upper, got values outside")
    if not np.all((population.choices >= 0) & (population.choices < space.num_choices)):
        raise ValueError("population: expected choices from 0 to num_choices − 1, got values outside")
