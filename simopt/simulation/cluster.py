"""A Dask cluster: connection and tasks. Only user of Dask.

Not through joblib: its Dask backend waits for ever once a task has killed the workers it was tried on, and loses large
arguments with the worker that holds them (joblib 1.6).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from typing import Any, TypeVar
from warnings import catch_warnings, filterwarnings

from design.errors import BadInputError

CONNECT_SECONDS = 10
SAME_NUMBERS = ("simopt-supply", "numpy", "scipy", "numba")  # where these differ, last digits may
Result = TypeVar("Result")
Task = TypeVar("Task")


class ClusterError(BadInputError):
    """No cluster can be used as asked for, or it was lost; the message says what was expected."""


class Cluster:
    """A cluster that is connected.

    Parameters
    ----------
    client
        A `distributed.Client`.
    scheduler
        Its address, for messages.
    """

    def __init__(self, client: Any, scheduler: str) -> None:
        self._client, self._scheduler = client, scheduler

    @property
    def num_threads(self) -> int:
        """Of all workers that live, at least 1."""
        return max(sum(self._client.ncores().values()), 1)

    def results(self, task: Callable[[Task], Result], items: Sequence[Task]) -> Iterator[Result]:
        """Results of a task over items, in their order; all items are sent at once.

        What a worker did or was doing when it died is done by another. Results not asked for are dropped with the
        iterator.

        Parameters
        ----------
        task
            A function of one item; pickled, as items and results are.
        items
            What to run it on.

        Raises
        ------
        ClusterError
            If the cluster is lost, or workers die of a task.
        Exception
            What a task raises.
        """
        from cloudpickle import dumps
        from distributed import CancelledError
        from distributed.comm.core import CommClosedError
        from distributed.scheduler import KilledWorker

        content = dumps(task)
        with catch_warnings():
            filterwarnings("ignore", "Sending large graph")  # a scattered task would be lost with its worker
            sent = [self._client.submit(_run, content, dumps(item), pure=False) for item in items]
        try:
            for future in sent:
                yield future.result()
        except KilledWorker as error:
            why = f"every worker that tried a task died of it, the last of them {error.last_worker.address}"
            raise ClusterError(f"scheduler {self._scheduler}: {why}; expected workers with more memory") from None
        except (CancelledError, CommClosedError, OSError) as error:
            raise ClusterError(f"scheduler {self._scheduler}: the cluster was lost ({type(error).__name__})") from None
        finally:
            for future in sent:
                if not future.done():
                    future.cancel()


def _run(task: bytes, item: bytes) -> Any:
    """On a worker."""
    from cloudpickle import loads

    return loads(task)(loads(item))


@contextmanager
def connected(scheduler: str) -> Iterator[Cluster]:
    """A cluster, left in the end.

    Parameters
    ----------
    scheduler
        Address, tcp://HOST:PORT.

    Raises
    ------
    ClusterError
        If Dask is not installed, nothing answers, there is no worker, or one has other versions of the packages.
    """
    try:
        from distributed import Client
    except ImportError:
        raise ClusterError("backend dask: not installed; expected pip install 'simopt-supply[cluster]'") from None
    try:
        client: Any = Client(scheduler, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        expected = "expected the address of a Dask scheduler, such as tcp://localhost:8786"
        raise ClusterError(f"scheduler {scheduler}: {str(error).splitlines()[0]}; {expected}") from None
    try:
        _check(client, scheduler)
        yield Cluster(client, scheduler)
    finally:
        client.close(timeout=CONNECT_SECONDS)


def _check(client: Any, scheduler: str) -> None:
    there = client.run(_versions_of, SAME_NUMBERS)
    if not there:
        raise ClusterError(f"scheduler {scheduler}: no worker; expected at least one: dask worker {scheduler}")
    here = _versions_of(SAME_NUMBERS)
    for worker, found in there.items():
        for name, number in here.items():
            if found[name] != number:
                raise ClusterError(f"worker {worker}: {name} {found[name]}; expected {number}, as here")


def _versions_of(names: Sequence[str]) -> dict[str, str]:
    """On a worker too, to which it is sent whole: there simopt may be missing."""
    found = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "missing"
    return found
