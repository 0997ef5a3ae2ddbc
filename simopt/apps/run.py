"""A run in a folder: begun or taken up again, with a copy of its case, a log and a journal of its steps."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from design.case import Case
from design.case_files import load_case, save_case
from simopt.apps.solve import versions
from simopt.apps.solve_request import SolveRequest
from simopt.reporting.journal import Journal, JournalError

JOURNAL = "checkpoint.journal"
OLD_JOURNAL = "checkpoint.old.journal"
LOG = "log.jsonl"
Warn = Callable[[str], None]


@dataclass(frozen=True)
class Run:
    """A run ready to go on.

    Parameters
    ----------
    folder
        Where everything is written.
    case, request
        What is solved, and how.
    journal
        Keeps its steps.
    is_resumed
        Whether an earlier process began it.
    """

    folder: Path
    case: Case
    request: SolveRequest
    journal: Journal
    is_resumed: bool = False

    @property
    def log(self) -> Path:
        """File of its events."""
        return self.folder / LOG

    def end(self, *, is_finished: bool) -> None:
        """Close the journal; one of a finished run is removed."""
        (self.journal.remove if is_finished else self.journal.close)()


def begin_run(folder: Path, case: Case, request: SolveRequest, warn: Warn) -> Run:
    """Begin a run in a folder that exists; the journal of one that was not finished there is moved aside.

    Raises
    ------
    JournalError
        If another process works on the folder.
    OSError
        If it cannot be written to.
    """
    path = folder / JOURNAL
    if path.exists():
        Journal(path, warn).close()  # nobody works on it
        path.replace(folder / OLD_JOURNAL)
        warn(f"{folder} held a run that was not finished; its journal is now {OLD_JOURNAL}")
    journal = Journal(path, warn)
    with suppress(FileNotFoundError):
        (folder / "result.json").unlink()  # of an earlier run
    save_case(case, folder / "case")
    journal.begin({"case": _digest(case), "request": asdict(request), "versions": versions()})
    return Run(folder, case, request, journal)


def resume_run(folder: Path, given: Mapping[str, Any], case: Case | None, warn: Warn) -> Run | None:
    """Take a run up again.

    Parameters
    ----------
    folder
        Of the run.
    given
        Settings told anew, see `SolveRequest.adjusted`.
    case
        The case as the user names it again, which must be the run's; None: not named.
    warn
        Told if the packages are not those the run was begun with.

    Returns
    -------
    Run or None
        None where the run is finished.

    Raises
    ------
    JournalError
        If there is no run, or its case is not what it was.
    """
    path = folder / JOURNAL
    if not path.exists():
        if (folder / "result.json").exists():
            return None
        raise JournalError(f"{folder}: no run to resume: expected a folder that `simopt solve --out` has begun")
    journal = Journal(path, warn)
    header = journal.read()
    own = load_case(str(folder / "case"))
    if _digest(own) != header["case"]:
        raise JournalError(f"{folder / 'case'}: changed since the run began: expected the case as it was")
    if case is not None and _digest(case) != header["case"]:
        raise JournalError(f"case {case.name!r}: not the case that {folder} was begun with; leave it out")
    now = versions()
    changed = [f"{name} {old}, now {now.get(name)}" for name, old in header["versions"].items() if now.get(name) != old]
    if changed:
        warn(f"{folder}: begun with {'; '.join(changed)}: the rest may differ in the last digits")
    return Run(folder, own, SolveRequest.of(header["request"]).adjusted(given, folder), journal, is_resumed=True)


def _digest(case: Case) -> str:
    """Of a case as it is written, whatever else lies in its folder."""
    found = hashlib.sha256()
    with TemporaryDirectory() as folder:
        save_case(case, Path(folder))
        for path in sorted(Path(folder).iterdir()):
            found.update(f"{path.name}\0".encode() + path.read_bytes() + b"\0")
    return found.hexdigest()
