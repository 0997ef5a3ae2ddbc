"""What the genetic algorithm is given and gives: parameters, space, individuals, reasons for stopping.

References are those of `simopt.optimization.genetic`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class StopReason(Enum):
    """Why a run stands where it stands; every value says what to do next."""

    RUNNING = "not finished: ask for the next population"
    STALL_LIMIT = "the best cost has stopped improving: accept it or restart with another seed"
    GENERATION_LIMIT = "out of generations while still improving: raise max_generations"


@dataclass(frozen=True)
class GeneticParams:
    """Constants of the algorithm; the defaults are those of MATLAB's ``ga`` with integer variables.

    Attributes
    ----------
    population_size
        Individuals in a generation, at least 2. None: min(max(10 · variables, 40), 100) [4]_.
    elite_fraction
        Share of the population, rounded up, that survives unchanged, in (0, 0.5] [4]_.
    crossover_fraction
        Share of the children made by crossover, in [0, 1]; the others are mutated [1]_, [4]_.
    tournament_size
        Individuals drawn for a tournament, at least 1: 2 in MATLAB [4]_, 3 in the paper [1]_.
    laplace_scale_real, laplace_scale_integer
        Positive scale b of the Laplace crossover, whose location a is 0, in distances of the parents [1]_.
    power_real, power_integer
        Positive index p of the power mutation; a larger index makes smaller moves [1]_.
    gene_exchange
        Probability, in [0, 0.5], that a gene of a crossover child is laid around the second parent. 0: the
        published operator, the whole child around one parent. 0.5: genes recombine as in uniform crossover,
        stronger on every test problem and worth quoting as a second baseline.
    max_stall_generations
        Window of the stall test in generations, at least 1 [4]_.
    function_tolerance
        Nonnegative; the run has stalled if the best cost improved by no more than this share of itself per
        generation, averaged over the window [4]_.
    max_generations
        Populations evaluated at most, the first included, at least 1. None: 100 · variables [4]_.

    Raises
    ------
    ValueError
        If a value is outside its range.
    """

    population_size: int | None = None
    elite_fraction: float = 0.05
    crossover_fraction: float = 0.8
    tournament_size: int = 2
    laplace_scale_real: float = 0.15
    laplace_scale_integer: float = 0.35
    power_real: float = 10.0
    power_integer: float = 4.0
    gene_exchange: float = 0.0
    max_stall_generations: int = 50
    function_tolerance: float = 1e-6
    max_generations: int | None = None

    def __post_init__(self) -> None:
        """Check the ranges."""
        least = {"population_size": 2, "tournament_size": 1, "max_stall_generations": 1, "max_generations": 1}
        for name, bound in least.items():
            check_count(name, getattr(self, name), bound)
        for name, in_range, expected in (
            ("elite_fraction", 0 < self.elite_fraction <= 0.5, "in (0, 0.5]"),
            ("crossover_fraction", 0 <= self.crossover_fraction <= 1, "in [0, 1]"),
            ("laplace_scale_real", 0 < self.laplace_scale_real < math.inf, "positive and finite"),
            ("laplace_scale_integer", 0 < self.laplace_scale_integer < math.inf, "positive and finite"),
            ("power_real", 0 < self.power_real < math.inf, "positive and finite"),
            ("power_integer", 0 < self.power_integer < math.inf, "positive and finite"),
            ("gene_exchange", 0 <= self.gene_exchange <= 0.5, "in [0, 0.5]"),
            ("function_tolerance", 0 <= self.function_tolerance < math.inf, "nonnegative and finite"),
        ):
            if not in_range:
                raise ValueError(f"{name}: expected a value {expected}, got {getattr(self, name)}")

    def num_individuals(self, num_variables: int) -> int:
        """Return the size of a generation."""
        return self.population_size or min(max(10 * num_variables, 40), 100)

    def num_elites(self, num_variables: int) -> int:
        """Return how many individuals survive a generation unchanged."""
        return math.ceil(self.elite_fraction * self.num_individuals(num_variables))

    def generation_limit(self, num_variables: int) -> int:
        """Return how many populations are evaluated at most."""
        return self.max_generations or 100 * num_variables


@dataclass(frozen=True, eq=False)
class SearchSpace:
    """Real variables in a box and categorical variables.

    Attributes
    ----------
    lower, upper
        Bounds of the real variables, shape (n,), finite; equal bounds fix a variable.
    num_choices
        Choices of each categorical variable, integers of at least 1, shape (k,); variable j takes the values
        0 … num_choices[j] − 1.

    Raises
    ------
    ValueError
        If a shape or a value is wrong, or if there is no variable at all.
    """

    lower: Floats
    upper: Floats
    num_choices: Integers

    def __post_init__(self) -> None:
        """Check and keep read-only copies."""
        lower, upper = frozen_floats(self.lower), frozen_floats(self.upper)
        counts = _frozen_integers("num_choices", self.num_choices)
        if lower.ndim != 1 or lower.shape != upper.shape:
            raise ValueError(f"lower, upper: expected one shape (n,), got {lower.shape} and {upper.shape}")
        if not (np.isfinite([lower, upper]).all() and np.all(lower <= upper)):
            raise ValueError(f"lower, upper: expected finite lower <= upper, got {lower} and {upper}")
        if counts.ndim != 1 or np.any(counts < 1):
            raise ValueError(f"num_choices: expected values of at least 1, shape (k,), got {counts}")
        if lower.size + counts.size == 0:
            raise ValueError("lower, num_choices: expected at least one variable, got none")
        for name, array in (("lower", lower), ("upper", upper), ("num_choices", counts)):
            object.__setattr__(self, name, array)

    @property
    def num_variables(self) -> int:
        """Real and categorical variables together, n + k."""
        return self.lower.size + self.num_choices.size


@dataclass(frozen=True, eq=False)
class Population:
    """Individuals as rows: ``reals`` (P, n) and integer ``choices`` (P, k), kept as read-only copies."""

    reals: Floats
    choices: Integers

    def __post_init__(self) -> None:
        """Keep read-only copies."""
        object.__setattr__(self, "reals", frozen_floats(self.reals))
        object.__setattr__(self, "choices", _frozen_integers("choices", self.choices))


@dataclass(frozen=True, eq=False)
class Incumbent:
    """Best individual so far: ``reals`` (n,), ``choices`` (k,), ``cost`` (infinite if none was feasible)."""

    reals: Floats
    choices: Integers
    cost: float


def check_count(name: str, value: int | None, least: int) -> None:
    """Refuse a count below `least`; None passes."""
    if value is not None and not (isinstance(value, int | np.integer) and value >= least):
        raise ValueError(f"{name}: expected an integer of at least {least}, got {value}")


def frozen_floats(values: ArrayLike) -> Floats:
    """Make a read-only copy."""
    array = np.array(values, dtype=np.float64)
    array.setflags(write=False)
    return array


def _frozen_integers(name: str, values: ArrayLike) -> Integers:
    given = np.asarray(values)
    if given.size and not np.issubdtype(given.dtype, np.integer):
        raise ValueError(f"{name}: expected integers, got {given.dtype}")
    array = given.astype(np.int64)
    array.setflags(write=False)
    return array
