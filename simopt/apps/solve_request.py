"""What `simopt solve` was asked, as a run folder keeps it: enough to go on in another process."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from design.errors import expected_one_of
from design.recorder import UNRECORDED, Recorder
from simopt.apps.options import OptionError, SolveOptions, SolveSettings
from simopt.apps.simulator_file import load_simulator
from simopt.simulation.cluster import connected

BACKENDS = ("loky", "dask")
ADJUSTABLE = ("time_limit", "jobs", "report", "backend", "scheduler")  # told anew: no number depends on them


@dataclass(frozen=True)
class SolveRequest(SolveSettings):
    """The settings of a run and the files that belong to it; fields as the options of the command line.

    Parameters
    ----------
    simulator
        As the user named it, see `simulator_file.load_simulator`.
    baseline
        File of today's network.
    moves
        Of the baseline's best changes.
    report
        Whether report.html is written.
    backend
        "loky": this machine; "dask": a cluster beside it.
    scheduler
        Address of the cluster.
    """

    simulator: str | None = None
    baseline: str | None = None
    moves: int | None = None
    report: bool = True
    backend: str = BACKENDS[0]
    scheduler: str | None = None

    def options(self, recorder: Recorder = UNRECORDED) -> SolveOptions:
        """For the app; BadInputError for what is unknown or out of range."""
        self._check_backend()
        told = {field.name: getattr(self, field.name) for field in fields(SolveSettings)}
        simulator = None if self.simulator is None else load_simulator(self.simulator)
        return SolveOptions(**told, simulator=simulator, recorder=recorder)

    @contextmanager
    def workers(self, options: SolveOptions) -> Iterator[SolveOptions]:
        """The options with the cluster asked for, which is left in the end; ClusterError if there is none."""
        if self.scheduler is None:
            yield options
            return
        with connected(self.scheduler) as cluster:
            yield replace(options, cluster=cluster)

    @property
    def baseline_path(self) -> Path | None:
        """Of today's network."""
        return None if self.baseline is None else Path(self.baseline)

    def _check_backend(self) -> None:
        if self.backend not in BACKENDS:
            raise OptionError(f"backend {self.backend!r}: {expected_one_of(self.backend, BACKENDS)}")
        if self.backend == "dask" and self.scheduler is None:
            raise OptionError("backend 'dask': expected --scheduler too, such as tcp://localhost:8786")
        if self.backend != "dask" and self.scheduler is not None:
            raise OptionError(f"scheduler {self.scheduler} with backend {self.backend!r}: expected --backend dask")

    def adjusted(self, given: Mapping[str, Any], folder: Path) -> SolveRequest:
        """The request of a run that goes on.

        Parameters
        ----------
        given
            Options of the command line that resumes it.
        folder
            Of the run, for messages.

        Raises
        ------
        OptionError
            If one contradicts what the run was begun with and may not change.
        """
        for name, value in given.items():
            before = getattr(self, name)
            if name not in ADJUSTABLE and value != before:
                option = name.replace("_", "-")
                raise OptionError(
                    f"{option} {value} with --resume {folder}: the run was begun with {before}; leave the option out"
                )
        return replace(self, **{name: value for name, value in given.items() if name in ADJUSTABLE})

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> SolveRequest:
        """From what a journal holds; fields it does not know have their defaults."""
        known = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in content.items() if name in known})
