"""Every simulation goes through a ledger, which draws the demand and counts the replications."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

import numpy as np

from design.case import Case
from design.errors import NoSolutionError
from design.network import Component, Design
from design.recorder import UNRECORDED, Codec, Recorder, packed, unpacked
from design.streams import BLOCK, Purpose
from simopt.simulation.replicate import run_blocks
from simopt.simulation.sample_paths import FirstPaths, SamplePaths
from simopt.simulation.simulator import Floats, Sample, Simulator, TreeSimulator
from simopt.simulation.workers import ALONE, Workers

BLOCKS_PER_TASK = 4
Step = TypeVar("Step")
Item = TypeVar("Item")
FEW_NUMBERS = 1 << 20  # of a block's paths: so many blocks are simulated in one call


class BudgetSpentError(NoSolutionError):
    """The search asked for more replications than its budget has left."""


class Ledger:
    """Simulations of one run: common random numbers for the search, fresh ones for what is reported.

    A replication is one sample path of a whole design, or of one component where components are simulated one by one:
    a design of three components counts three then, which overstates the work of methods that treat them separately.

    Parameters
    ----------
    case
        Demand and simulated time.
    simulator
        Simulates a component.
    seed
        The run's seed.
    workers
        Threads for blocks of replications; a cluster for what is done together.
    budget
        Replications that the search may use; one more raises `BudgetSpentError`.
    recorder
        Keeps steps of the search, and every answer of a simulator that is not the built-in one.
    """

    def __init__(
        self,
        case: Case,
        simulator: Simulator,
        seed: int,
        workers: Workers = ALONE,
        budget: float = np.inf,
        recorder: Recorder = UNRECORDED,
    ) -> None:
        self._case = case
        self._seed = seed
        self._root: Ledger | None = None
        self._recorder = recorder
        self._simulator = simulator
        streams = SamplePaths(case, seed, Purpose.SEARCH, with_seeds=simulator.draws_seeds)
        self._first_paths = FirstPaths(streams, case.num_periods)
        self._fresh_streams = SamplePaths(case, seed, Purpose.EVALUATION, with_seeds=simulator.draws_seeds)
        self._workers = workers
        self._budget = budget
        self._used = 0

    def for_case(self, case: Case) -> Ledger:
        """A ledger on the same demand for a case with other costs; what it simulates is counted here."""
        other = Ledger(case, TreeSimulator(case), self._seed, self._workers, recorder=self._recorder)
        other._root = self
        return other

    def __getstate__(self) -> dict[str, Any]:
        """On a worker of a cluster, which has no journal."""
        return self.__dict__ | {"_recorder": UNRECORDED}

    def together(self, task: Callable[[Item], Step], items: Sequence[Item]) -> Iterator[Callable[[], Step]]:
        """See `Workers.apart`, for tasks that simulate on this ledger: what they use is counted here.

        With a budget, which tasks spend one after the other, and a simulator whose answers are kept, all is done here.
        """
        if not self._workers.are_apart or self._budget < np.inf or not self.is_built_in:
            yield from (partial(task, item) for item in items)
            return
        for answer in self._workers.apart(partial(_counted, self, task), items):
            yield partial(self._take, answer)

    @property
    def workers(self) -> Workers:
        """Who does its work."""
        return self._workers

    def _take(self, answer: Callable[[], tuple[Step, int]]) -> Step:
        step, count = answer()
        self._count(count)
        return step

    def recorded(self, kind: str, compute: Callable[[], Step], codec: Codec[Step]) -> Step:
        """A step of the search whose answer is kept, with the replications it took; see `Recorder.value`."""
        before = self._used

        def counted() -> tuple[Step, int]:
            return compute(), self._used - before

        step, count = self._recorder.value(kind, counted, _with_count(codec))
        if self._used < before + count:  # answered by the recorder
            self._count(before + count - self._used)
        return step

    @property
    def is_built_in(self) -> bool:
        """Whether the project's own simulator runs the replications, not a user's."""
        return not self._simulator.draws_seeds

    @property
    def replications(self) -> int:
        """Replications used by the search so far."""
        return self._used

    @property
    def remaining(self) -> float:
        """Replications the search may still use."""
        return self._budget - self._used

    def search(
        self,
        component: Component,
        levels: Floats,
        num_replications: int,
        *,
        with_gradient: bool = False,
        multipliers: Floats | None = None,
    ) -> Sample:
        """Simulate a component on the first search paths, the same for every component and level.

        Parameters
        ----------
        component
            What to simulate.
        levels
            Base-stock levels, shape (node,), as in `Component.nodes`.
        num_replications
            How many paths; fewer are a prefix of more.
        with_gradient
            Whether the sample has a gradient.
        multipliers
            See `Simulator.simulate`.
        """
        self._count(num_replications)
        paths = self.search_paths(num_replications)
        extra = {} if multipliers is None else {"multipliers": multipliers}
        run = partial(self._run_slice, component, levels, paths, with_gradient, extra)
        tasks = range(0, num_replications, BLOCK * BLOCKS_PER_TASK)
        return self._kept(lambda: _joined(run_blocks(run, tasks, self._workers.jobs)))

    def search_decoupled(self, component: Component, levels: Floats, num_replications: int) -> Floats:
        """Cost of each search path if no supplier ever ran short, shape (replication,); counted like `search`."""
        self._count(num_replications)
        paths = self.search_paths(num_replications)
        return self._simulator.simulate_decoupled(component, levels, paths)

    def search_design(self, design: Design, levels: Mapping[str, float], num_replications: int) -> Sample:
        """Simulate a whole design on the first search paths; nodes in the order of `Design.nodes`, no gradient."""
        self._count(num_replications)
        return self.simulate_design(design, levels, self.search_paths(num_replications))

    def charge(self, num_replications: int) -> None:
        """Count replications simulated elsewhere on the search paths; `BudgetSpentError` if too few are left."""
        self._count(num_replications)

    def search_paths(self, num_replications: int) -> Floats:
        """The first search paths, shape (replication, period, customer), units."""
        if self._root is not None:
            return self._root.search_paths(num_replications)
        return self._first_paths.get(num_replications, self._workers.jobs)

    def fresh(self, design: Design, levels: Mapping[str, float], first_block: int, num_blocks: int) -> Sample:
        """Simulate a whole design on paths the search never saw; not counted as search.

        Parameters
        ----------
        design, levels
            What to simulate.
        first_block, num_blocks
            Which blocks of `design.streams.BLOCK` replications.

        Returns
        -------
        Sample
            Nodes in the order of `Design.nodes`, no gradient.
        """
        return self.fresh_together([(self, design, levels)], first_block, num_blocks)[0]

    def fresh_together(self, trials: Sequence[Trial], first_block: int, num_blocks: int) -> list[Sample]:
        """The same for several designs on the same paths, drawn once.

        Parameters
        ----------
        trials
            Designs with their levels, and ledgers on this one's demand whose costs they are simulated with.
        first_block, num_blocks
            Which blocks of `design.streams.BLOCK` replications.
        """
        end = first_block + num_blocks
        numbers = BLOCK * self._case.num_periods * self._fresh_streams.num_columns
        step = BLOCKS_PER_TASK if numbers <= FEW_NUMBERS else 1
        tasks = [range(start, min(start + step, end)) for start in range(first_block, end, step)]
        samples = run_blocks(partial(self._run_fresh, trials), tasks, self._workers.jobs)
        return [_joined(list(one)) for one in zip(*samples, strict=True)]

    def fresh_paths(self, block: int) -> Floats:
        """A block of the paths of `fresh`, shape (replication, period, column)."""
        return self._fresh_streams.block(block, self._case.num_periods)

    def simulate_design(self, design: Design, levels: Mapping[str, float], demand: Floats) -> Sample:
        """Simulate a whole design on given paths, shape (replication, period, customer); nothing is counted."""
        parts = []
        for component in design.components:
            values = np.array([levels[name] for name in component.nodes])
            simulate = partial(self._simulator.simulate, component, values, demand, with_gradient=False)
            parts.append(self._kept(simulate).measures)
        return Sample(np.concatenate(parts, axis=1), None)

    def _run_slice(
        self,
        component: Component,
        levels: Floats,
        paths: Floats,
        with_gradient: bool,
        extra: dict[str, Floats],
        start: int,
    ) -> Sample:
        part = paths[start : start + BLOCK * BLOCKS_PER_TASK]
        return self._simulator.simulate(component, levels, part, with_gradient=with_gradient, **extra)

    def _run_fresh(self, trials: Sequence[Trial], blocks: range) -> list[Sample]:
        demand = np.concatenate([self.fresh_paths(block) for block in blocks])
        return [ledger.simulate_design(design, levels, demand) for ledger, design, levels in trials]

    def _kept(self, simulate: Callable[[], Sample]) -> Sample:
        """A sample, kept where the simulator is not the built-in one: that one simulates faster than a file is read."""
        return simulate() if self.is_built_in else self._recorder.value("sample", simulate, SAMPLE)

    def _count(self, num_replications: int) -> None:
        if self._root is not None:
            self._root.charge(num_replications)
        if num_replications > self.remaining:
            raise BudgetSpentError(f"{num_replications} replications wanted, {self.remaining:.0f} left")
        self._used += num_replications


def _counted(ledger: Ledger, task: Callable[[Item], Step], item: Item) -> tuple[Step, int]:
    """A task on a worker, where the ledger is the task's own, and the replications it used."""
    before = ledger.replications
    return task(item), ledger.replications - before


Trial = tuple[Ledger, Design, Mapping[str, float]]


def _joined(samples: list[Sample]) -> Sample:
    gradients = [sample.gradient for sample in samples if sample.gradient is not None]
    return Sample(
        np.concatenate([sample.measures for sample in samples]),
        np.concatenate(gradients) if gradients else None,
    )


def _with_count(codec: Codec[Step]) -> Codec[tuple[Step, int]]:
    def encode(step: tuple[Step, int]) -> Any:
        return [codec.encode(step[0]), step[1]]

    return Codec(encode, lambda content: (codec.decode(content[0]), content[1]), lambda step: codec.is_whole(step[0]))


def _encoded(sample: Sample) -> list[Any]:
    return [packed(sample.measures), None if sample.gradient is None else packed(sample.gradient)]


def _decoded(content: list[Any]) -> Sample:
    measures, gradient = content
    return Sample(unpacked(measures), None if gradient is None else unpacked(gradient))


SAMPLE: Codec[Sample] = Codec(_encoded, _decoded)
