"""Who does a run's work: threads and processes of this machine, and a Dask cluster if there is one.

Tasks that are worth sending are the levels of one component, the check of its levels, a batch of a certificate, part of
a genetic generation, and replications of a simulator of one's own. They carry the case and the numbers of random
streams, so that every worker draws the demand itself; answers are taken in the order of the tasks. Numbers are
therefore those of one core.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from simopt.simulation.cluster import Cluster
from simopt.simulation.replicate import run_in_processes

Result = TypeVar("Result")
Task = TypeVar("Task")


@dataclass(frozen=True)
class Workers:
    """Threads and processes of this machine, and a cluster.

    Parameters
    ----------
    jobs
        Threads or processes of this machine, at least 1.
    cluster
        None: there is none.
    """

    jobs: int = 1
    cluster: Cluster | None = None

    def __reduce__(self) -> tuple[type[Workers], tuple[int]]:
        return Workers, (1,)  # what a worker was sent it does by itself

    @property
    def are_apart(self) -> bool:
        """Whether there is a cluster."""
        return self.cluster is not None

    @property
    def count(self) -> int:
        """Tasks done at the same time."""
        return self.jobs if self.cluster is None else self.cluster.num_threads

    def processes(self, task: Callable[[Task], Result], items: Sequence[Task]) -> list[Result]:
        """Results of a task over items, in their order, by processes here or by the cluster; all is pickled."""
        if self.cluster is None:
            return run_in_processes(task, items, self.jobs)
        return [result for part in self.apart(partial(_each, task), self.shared_out(items)) for result in part()]

    def apart(self, task: Callable[[Task], Result], items: Sequence[Task]) -> Iterator[Callable[[], Result]]:
        """For each item, in their order, a function that gives the task's result; each is to be called once at most.

        Without a cluster it does the task. On a cluster the first that is called sends its item and all later ones.
        """
        cluster = self.cluster
        if cluster is None:
            yield from (partial(task, item) for item in items)
            return
        sent: list[Iterator[Result]] = []

        def answer(k: int) -> Result:
            if not sent:
                sent.append(cluster.results(task, items[k:]))
            return next(sent[0])

        yield from (partial(answer, k) for k in range(len(items)))

    def shared_out(self, items: Sequence[Task]) -> list[Sequence[Task]]:
        """Items in parts, two for every task done at the same time; in one part without a cluster."""
        size = len(items) if self.cluster is None else -(-len(items) // (2 * self.count))
        return [items[start : start + size] for start in range(0, len(items), max(size, 1))]


ALONE = Workers()


def _each(task: Callable[[Task], Result], items: Sequence[Task]) -> list[Result]:
    return [task(item) for item in items]
