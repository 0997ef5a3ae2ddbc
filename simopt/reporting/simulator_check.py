"""What `check-simulator` prints."""

from __future__ import annotations

from simopt.check_outcome import SimulatorCheck

_WORDS = {True: "PASS", False: "FAIL", None: ""}


def print_check(found: SimulatorCheck) -> None:
    """Print one line a check, then what they come to."""
    width = max(len(check.what) for check in found.checks) + 2
    for check in found.checks:
        print(f"{_WORDS[check.passed]:6}{check.what:{width}}{check.found}")
    outcome = "usable" if found.passed else "not usable yet"
    print(f"\n{found.simulator} on {found.case}: {outcome}")
