"""What `solve --baseline` prints: what today's network costs, what the new one saves, and what few moves save."""

from __future__ import annotations

from simopt.differences import BaselineComparison, LimitedChange
from simopt.reporting.alternatives import change_line
from simopt.simulation.estimate import Estimate


def print_baseline(found: BaselineComparison, money: str) -> None:
    """Print today's cost, the saving of the new design and one line for each number of moved lanes."""
    print()
    _print_today(found, money)
    if found.saving is None:
        print(f"no comparison with today's network: {found.termination}")
        return
    if found.change.moves or found.todays_cost is not None:
        print(f"the new design {_saves(found, found.saving, money)} against today's: {change_line(found.change)}")
    if found.saving_by_levels is not None:
        print(f"optimized levels alone, no lane moved: {_saves(found, found.saving_by_levels, money)}")
    before = found.design
    for row in found.changes:
        print(_line(found, row, row.changed.design == before, money))
        before = row.changed.design
    print(found.termination)
    if any(row.is_best for row in found.changes):
        print("best: within the tolerance, if simulated components cost what was estimated")


def _print_today(found: BaselineComparison, money: str) -> None:
    for line in found.broken_rules:
        print(f"today's network breaks a rule: {line}")
    for cost, levels in ((found.todays_cost, "today's"), (found.optimized_cost, "optimized")):
        if cost is not None:
            print(f"today's network with {levels} levels costs {_interval(cost)} {money}".rstrip())


def _line(found: BaselineComparison, row: LimitedChange, is_same: bool, money: str) -> str:
    """One number of moved lanes; `is_same` where fewer moves gave the same design."""
    lanes = f"{row.moves} moved lane{'s' if row.moves > 1 else ''}"
    label = f"best change with at most {lanes}" if row.is_best else f"at most {lanes}, not shown to be best"
    if is_same:
        return f"{label}: the same as with fewer"
    return f"{label}: {_saves(found, row.changed.difference, money)}: {change_line(row.changed.change)}"


def _saves(found: BaselineComparison, saving: Estimate, money: str) -> str:
    verb = "saves" if saving.mean >= 0.0 else "costs more by"
    amount = Estimate(abs(saving.mean), saving.half_width, saving.replications)
    return f"{verb} {_interval(amount)} {money}".rstrip() + f" ({100 * abs(found.share(saving)):.2f}%)"


def _interval(estimate: Estimate) -> str:
    return f"{estimate.mean:.2f} ± {estimate.half_width:.2f}"
