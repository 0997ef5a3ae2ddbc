"""What `simopt solve` was asked, as a run folder keeps it: enough to go on in another process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from design.recorder import UNRECORDED, Recorder
from simopt.apps.options import OptionError, SolveOptions, SolveSettings
from simopt.apps.simulator_file import load_simulator

ADJUSTABLE = ("time_limit", "jobs", "report")  # what a resumed run may be told anew: the numbers do not depend on it


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
    """

    simulator: str | None = None
    baseline: str | None = None
    moves: int | None = None
    report: bool = True

    def options(self, recorder: Recorder = UNRECORDED) -> SolveOptions:
        """For the app; BadInputError for what is unknown or out of range."""
        told = {field.name: getattr(self, field.name) for field in fields(SolveSettings)}
        simulator = None if self.simulator is None else load_simulator(self.simulator)
        return SolveOptions(**told, simulator=simulator, recorder=recorder)

    @property
    def baseline_path(self) -> Path | None:
        """Of today's network."""
        return None if self.baseline is None else Path(self.baseline)

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
