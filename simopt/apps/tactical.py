"""`simopt tactical`: targets or orders of a serial chain by stochastic programming, and how good they are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

import numpy as np
from numpy.typing import NDArray

from design.case import Case
from design.errors import expected_one_of
from design.streams import Purpose, generator
from design.tactical.chain import Model, OrderRule, SerialChain, order_rule
from design.tactical.from_case import chain_of_case, left_out
from design.tactical.reduction import ALGORITHMS, reduce_scenarios
from design.tactical.scenarios import SAMPLINGS, ScenarioSet, hybrid, moment_values, sampled, tree
from simopt.apps.options import OptionError
from simopt.apps.solve import versions
from simopt.optimization.tactical_program import SolvedProgram, cost_of, solve_tactical, wait_and_see
from simopt.simulation.estimate import Estimate
from simopt.simulation.serial_chain import ChainSimulator
from simopt.tactical_outcome import TacticalPlan

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]

KINDS = ("tree", "random", "hybrid")
DEFAULT_SCENARIOS = 729
DEFAULT_BATCHES = 10
EVERY_RANDOM = 3  # of a hybrid, the last periods of each so many are random
LEAD_TIME_KEY, FRESH_KEY = 1_000_000, 2_000_000


@dataclass(frozen=True)
class TacticalOptions:
    """Options of `tactical`.

    Parameters
    ----------
    model
        `por`, `scr` or `regular`.
    scenarios, sampling
        `tree`, `random` or `hybrid`; how random ones are drawn.
    num_scenarios
        Of random scenarios; 729 without it. A tree and a hybrid have as many as their periods make.
    periods
        Of the horizon, at least 1.
    demand_range
        Least and greatest demand of random periods and of fresh demand; without it what the case says.
    keep, reduction
        Reduce to so many scenarios, and by which algorithm.
    lead_times, num_lead_times
        Least and greatest lead time, equally likely, and how many scenarios of them are combined with each of demand.
    initial, terminal_value
        Units on hand at the start; worth of a unit on hand in the end, money.
    batches
        Independent sets of scenarios for the statistical lower bound; 10 without it, none where lead times vary.
    out_of_sample
        Fresh paths.
    seed
        Of all random numbers.
    """

    model: str = "por"
    scenarios: str = "tree"
    num_scenarios: int | None = None
    periods: int = 6
    sampling: str = "random"
    demand_range: tuple[float, float] | None = None
    keep: int | None = None
    reduction: str = "forward"
    lead_times: tuple[int, int] | None = None
    num_lead_times: int | None = None
    initial: float | None = None
    terminal_value: float = 0.0
    batches: int | None = None
    out_of_sample: int = 10_000
    seed: int = 0

    def __post_init__(self) -> None:
        for name, value, allowed in (
            ("model", self.model, tuple(one.value for one in Model)),
            ("scenarios", self.scenarios, KINDS),
            ("sampling", self.sampling, SAMPLINGS),
            ("reduction", self.reduction, ALGORITHMS),
        ):
            if value not in allowed:
                raise OptionError(f"{name} {value!r}: {expected_one_of(value, allowed)}")
        self._check_numbers()
        self._check_ranges()

    def _check_numbers(self) -> None:
        for name, number, least in (
            ("num_scenarios", self.num_scenarios, 1),
            ("periods", self.periods, 1),
            ("keep", self.keep, 1),
            ("num_lead_times", self.num_lead_times, 1),
            ("batches", self.batches, 0),
            ("out_of_sample", self.out_of_sample, 2),
            ("seed", self.seed, 0),
        ):
            if number is not None and number < least:
                raise OptionError(f"{name} {number}: expected a whole number, at least {least}")
        for name, amount in (("initial", self.initial), ("terminal_value", self.terminal_value)):
            if amount is not None and not 0.0 <= amount < np.inf:
                raise OptionError(f"{name} {amount}: expected a number, at least 0")
        if self.batches == 1:
            raise OptionError("batches 1: expected 0 (none) or at least 2 for an interval")

    def _check_ranges(self) -> None:
        for name, given in (("demand_range", self.demand_range), ("lead_times", self.lead_times)):
            if given is not None and not 0 <= given[0] <= given[1] < np.inf:
                raise OptionError(f"{name} {given[0]:g}..{given[1]:g}: expected LOW..HIGH, at least 0, low first")
        if (self.lead_times is None) != (self.num_lead_times is None):
            raise OptionError("lead_times and num_lead_times: expected both or neither")


@dataclass(frozen=True, eq=False)
class Program:
    """Scenarios of a program, how far reduction has moved them (None without), and these with paths of lead times."""

    scenarios: ScenarioSet
    distance: float | None
    paired: ScenarioSet
    lead_times: Whole | None


@dataclass(frozen=True, eq=False)
class World:
    """Where demand and lead times come from."""

    chain: SerialChain
    values: Floats
    quantile: Callable[[Floats], Floats]
    options: TacticalOptions

    def scenarios(self, batch: int = 0) -> ScenarioSet:
        """Those of the program; other batches are independent."""
        options, periods = self.options, self.chain.num_periods
        random = generator(options.seed, Purpose.SCENARIOS, batch)
        if options.scenarios == "tree":
            return tree(self.values, periods)
        if options.scenarios == "hybrid":
            chosen = range(EVERY_RANDOM, periods + 1, EVERY_RANDOM)
            return hybrid(self.values, self.quantile, periods, chosen, random)
        return sampled(self.quantile, options.num_scenarios or DEFAULT_SCENARIOS, periods, random, options.sampling)

    @property
    def rule(self) -> OrderRule:
        """How orders follow from the decision."""
        return order_rule(self.chain, Model(self.options.model))

    def program(self, batch: int = 0) -> Program:
        """The scenarios of a program, reduced if they are to be, with every path of lead times."""
        kept, distance = _reduced(_as_many(self.scenarios(batch), self.options), self.options)
        return Program(kept, distance, *self._paired(kept, batch))

    def solve(self, batch: int = 0) -> SolvedProgram:
        """The decision of a program."""
        program = self.program(batch)
        return solve_tactical(self.chain, self.rule, program.paired, program.lead_times)

    def fresh(self) -> ChainSimulator:
        """A simulator of fresh demand, of the distribution itself, and of fresh lead times."""
        options, num = self.options, self.options.out_of_sample
        demand = generator(options.seed, Purpose.EVALUATION, FRESH_KEY)
        paths = sampled(self.quantile, num, self.chain.num_periods, demand).demand
        lead_times = None
        if options.lead_times is not None:
            lead_times = self._lead_times(num, generator(options.seed, Purpose.EVALUATION, LEAD_TIME_KEY))
        return ChainSimulator(self.chain, self.rule, paths, lead_times)

    def _paired(self, scenarios: ScenarioSet, batch: int) -> tuple[ScenarioSet, Whole | None]:
        """Every path of demand with every one of lead times."""
        if self.options.lead_times is None or self.options.num_lead_times is None:
            return scenarios, None
        num = self.options.num_lead_times
        times = self._lead_times(num, generator(self.options.seed, Purpose.SCENARIOS, LEAD_TIME_KEY + batch))
        demand = np.repeat(scenarios.demand, num, axis=0)
        probabilities = np.repeat(scenarios.probabilities / num, num)
        return ScenarioSet(demand, probabilities), np.tile(times, (scenarios.num_scenarios, 1, 1))

    def _lead_times(self, num: int, random: np.random.Generator) -> Whole:
        low, high = self.options.lead_times or (0, 0)
        return random.integers(low, high + 1, (num, len(self.chain.levels), self.chain.num_periods))


def world_of(case: Case, options: TacticalOptions, chain: SerialChain | None = None) -> World:
    """The chain of a case, and its demand as the options want it."""
    if chain is None:
        chain = chain_of_case(case, options.periods, options.initial)
    elif chain.num_periods != options.periods or len(case.demand) != 1 or options.initial is not None:
        raise OptionError(
            f"chain of {chain.num_periods} periods: expected {options.periods}, one customer, and no initial"
        )
    if options.terminal_value:
        chain = chain.with_terminal_value(options.terminal_value)
    demand = next(iter(case.demand.values()))
    between = options.demand_range or (case.tactical.range if options.scenarios != "tree" else None)
    values = np.array(case.tactical.values or moment_values(demand.mean, demand.standard_deviation))
    if between is None:
        return World(chain, values, demand.quantile, options)
    low, high = between
    return World(chain, values, lambda uniform: low + (high - low) * uniform, options)


def plan_tactically(case: Case, options: TacticalOptions, chain: SerialChain | None = None) -> TacticalPlan:
    """Solve a tactical program and evaluate its decision.

    Parameters
    ----------
    chain
        In the place of the case's, with as many periods as the options say.

    Raises
    ------
    BadInputError
        If the case is no serial chain, an option is out of range, or the scenarios do not fit into memory.
    NoSolutionError
        If the linear program has none.
    """
    world = world_of(case, options, chain)
    chain, model = world.chain, Model(options.model)
    rule = world.rule
    started = monotonic()
    program = world.program()
    scenarios, paired, lead_times = program.scenarios, program.paired, program.lead_times
    solved = solve_tactical(chain, rule, paired, lead_times)
    seconds = monotonic() - started
    expected = ScenarioSet(scenarios.mean[None, :], np.ones(1))
    mean_times = None if lead_times is None else np.rint(lead_times.mean(axis=0, keepdims=True)).astype(np.int64)
    mean_decision = solve_tactical(chain, rule, expected, mean_times).decision
    decision = solved.decision
    return TacticalPlan(
        case=case.name,
        model=options.model,
        scenarios=options.scenarios,
        seed=options.seed,
        warnings=(*case.warnings, *left_out(case), *_notes(lead_times)),
        levels=chain.levels,
        num_scenarios=scenarios.num_scenarios,
        num_lead_times=options.num_lead_times or 0,
        periods=chain.num_periods,
        decision=decision.reshape(len(chain.levels), -1) if model is Model.REGULAR else decision,
        objective=solved.objective,
        lower_bound=solved.lower_bound,
        method=solved.method,
        out_of_sample=Estimate.of(world.fresh().costs(decision)),
        mean_value_cost=cost_of(chain, rule, paired, lead_times, mean_decision),
        wait_and_see_cost=wait_and_see(chain, rule, paired, lead_times),
        batches=_batches(world),
        reduction_distance=program.distance,
        seconds=seconds,
        versions=versions(),
    )


def _as_many(scenarios: ScenarioSet, options: TacticalOptions) -> ScenarioSet:
    """Refuse a number of scenarios that a tree or a hybrid does not have."""
    if options.num_scenarios not in (None, scenarios.num_scenarios):
        raise OptionError(
            f"num_scenarios {options.num_scenarios} with scenarios {options.scenarios!r}: these are "
            f"{scenarios.num_scenarios}; expected 'random', or fewer kept with keep"
        )
    return scenarios


def _reduced(scenarios: ScenarioSet, options: TacticalOptions) -> tuple[ScenarioSet, float | None]:
    """Scenarios as many as are to be kept, and the transport distance to all of them."""
    if options.keep is None:
        return scenarios, None
    found = reduce_scenarios(scenarios, options.keep, options.reduction)
    return found.scenarios, found.distance


def _batches(world: World) -> Estimate | None:
    """Optimal values on independent samples: their mean is not above the least expected cost (sample average)."""
    options = world.options
    if options.scenarios != "random" or options.sampling == "sobol" or options.keep is not None:
        return None
    default = DEFAULT_BATCHES if options.lead_times is None else 0
    num = default if options.batches is None else options.batches
    values = [world.solve(batch).lower_bound for batch in range(1, num + 1)]
    return Estimate.of(np.array(values)) if values else None


def _notes(lead_times: Whole | None) -> list[str]:
    if lead_times is None:
        return []
    return [
        "lead times vary: the program may hold goods back where later ones arrive sooner; out of sample they are "
        "shipped at once"
    ]
