"""What a check of a simulator of one's own found."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Parameters
    ----------
    what
        In a few words.
    passed
        None where there is nothing to pass.
    found
        The figures.
    """

    what: str
    passed: bool | None
    found: str


@dataclass(frozen=True)
class SimulatorCheck:
    """All checks of a simulator.

    Parameters
    ----------
    simulator, case
        Their names.
    checks
        In the order they were made; the first that fails with an error ends them.
    """

    simulator: str
    case: str
    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """Whether none failed."""
        return all(check.passed is not False for check in self.checks)
