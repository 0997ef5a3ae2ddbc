"""A real cluster of two workers on this machine: the numbers of one core, also when workers are killed."""

import os
import signal
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from typing import Any

import pytest
from distributed import Client, LocalCluster

from design.case_files import load_case
from simopt import NodeCosts, Replication, connected
from simopt.apps.options import SolveOptions
from simopt.apps.run import begin_run, resume_run
from simopt.apps.solve import solve
from simopt.apps.solve_request import SolveRequest
from simopt.simulation.cluster import Cluster, ClusterError
from simopt.simulation.workers import Workers
from tests.simopt.command import Command, assert_refused
from tests.simopt.test_resume import without_times

CASE = load_case("two-two-three")


@pytest.fixture(scope="module")
def workers() -> Iterator[LocalCluster]:
    """Two worker processes, which their nannies begin again when they die."""
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0", silence_logs=50) as found:
        yield found


@pytest.fixture
def cluster(workers: LocalCluster) -> Iterator[Cluster]:
    with connected(workers.scheduler_address) as found:
        yield found


def pids(workers: LocalCluster) -> set[int]:
    """Of the worker processes."""
    with Client(workers.scheduler_address, set_as_default=False) as client:
        return set(client.run(os.getpid).values())


def dies(_: int) -> None:
    """Takes its worker with it."""
    os.kill(os.getpid(), signal.SIGKILL)


def reciprocal(number: int) -> float:
    """Fails at 0."""
    return 1.0 / number


def costs(replication: Replication) -> Mapping[str, NodeCosts]:
    """A simulator of one's own: what stock and demand are apart."""
    owed = {name: 5.0 * float(abs(path.sum() - path.size * 20.0)) for name, path in replication.demand.items()}
    return {name: NodeCosts(replication.levels[name], owed.get(name, 0.0)) for name in replication.nodes}


@pytest.mark.parametrize(
    "settings",
    [
        {},
        *(
            pytest.param(settings, marks=pytest.mark.slow)
            for settings in (
                {"method": "sequential"},
                {"method": "genetic", "certify": False, "fresh_replications": 64},
                {"method": "exhaustive"},
                {"subproblem": "kriging", "certify": False},
                {"budget": 3000.0},
                {"simulator": costs, "budget": 700.0, "fresh_replications": 64},
            )
        ),
    ],
    ids=str,
)
def test_a_cluster_gives_the_numbers_of_one_core(settings: dict[str, Any], cluster: Cluster) -> None:
    from simopt.api import solve_case

    alone = solve_case(CASE, **settings).as_dict()
    together = solve_case(CASE, cluster=cluster, **settings).as_dict()
    assert without_times(together) == without_times(alone)


def test_workers_killed_in_the_middle_change_nothing(workers: LocalCluster) -> None:
    case = load_case("thirteen-node")
    alone = without_times(solve(case, SolveOptions()).as_dict())
    killed, told = set[int](), list[str]()

    def progress(what: str, done: int, total: int) -> None:
        """Between components, checks and batches, while others are being worked on."""
        if done == 1 and what not in told:
            told.append(what)
            victim = min(pids(workers))
            os.kill(victim, signal.SIGKILL)
            killed.add(victim)

    with connected(workers.scheduler_address) as cluster:
        found = solve(case, SolveOptions(cluster=cluster, progress=progress))
    assert without_times(found.as_dict()) == alone
    assert len(killed) >= 3
    assert any(what.startswith("certificate") for what in told)


@pytest.mark.slow
def test_a_task_that_kills_every_worker_ends_the_run(cluster: Cluster) -> None:
    with pytest.raises(ClusterError, match="every worker that tried a task died of it"):
        list(cluster.results(dies, [1]))
    assert list(cluster.results(abs, [-1, -2])) == [1, 2]  # the cluster lives


def test_what_a_task_raises_is_raised_here(cluster: Cluster) -> None:
    with pytest.raises(ZeroDivisionError):
        list(cluster.results(reciprocal, [1, 0, 2]))


def test_results_are_in_the_order_of_the_items_and_calls_are_sent_with_the_first(cluster: Cluster) -> None:
    answers = list(Workers(1, cluster).apart(reciprocal, [0, 1, 2, 4]))
    assert [answer() for answer in answers[1:]] == [1.0, 0.5, 0.25]  # the first, which fails, was never sent


@pytest.mark.slow
def test_a_run_on_a_cluster_goes_on_without_it(tmp_path: Any, cluster: Cluster) -> None:
    whole = without_times(solve(CASE, SolveOptions()).as_dict())
    run = begin_run(tmp_path, CASE, SolveRequest(), pytest.fail)
    told = SolveOptions(recorder=run.journal, cluster=cluster)
    assert without_times(solve(CASE, told).as_dict()) == whole
    run.end(is_finished=False)
    journal = tmp_path / "checkpoint.journal"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(lines[: len(lines) // 2]))
    again = resume_run(tmp_path, {}, None, pytest.fail)
    assert again is not None
    assert without_times(solve(CASE, SolveOptions(recorder=again.journal)).as_dict()) == whole
    again.end(is_finished=True)


def test_a_worker_with_other_packages_is_refused(workers: LocalCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simopt.simulation.cluster.version", lambda name: "0.0.1" if name == "numpy" else version(name))
    with pytest.raises(ClusterError, match=r"^worker tcp://.*: numpy .*; expected 0\.0\.1, as here$"):
        connected(workers.scheduler_address).__enter__()


@pytest.mark.slow
def test_a_cluster_without_workers_is_refused() -> None:
    with (
        LocalCluster(n_workers=0, dashboard_address=":0", silence_logs=50) as empty,
        pytest.raises(ClusterError, match="no worker; expected at least one: dask worker tcp://"),
    ):
        connected(empty.scheduler_address).__enter__()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--backend", "dask"], "backend 'dask': expected --scheduler too, such as tcp://localhost:8786"),
        (["--backend", "dsk"], "backend 'dsk': did you mean 'dask'? (expected one of loky, dask)"),
        (["--scheduler", "tcp://a:1"], "scheduler tcp://a:1 with backend 'loky': expected --backend dask"),
    ],
)
def test_a_backend_that_cannot_be_is_refused(simopt: Command, arguments: list[str], message: str) -> None:
    assert_refused(simopt("solve", "two-two-three", *arguments), message)


def test_an_address_where_nothing_answers_is_refused_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simopt.simulation.cluster.CONNECT_SECONDS", 1)
    with pytest.raises(ClusterError, match=r"^scheduler tcp://127\.0\.0\.1:9: .*expected the address of a Dask"):
        connected("tcp://127.0.0.1:9").__enter__()
