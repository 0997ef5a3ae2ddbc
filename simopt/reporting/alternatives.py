"""What `alternatives` prints and writes: a table of the next-best designs and result.json."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from design.case import Case
from design.records import as_records
from simopt.differences import Alternatives, ComparedDesign, DesignChange
from simopt.optimization.alternatives import ShortList
from simopt.reporting.run_folder import write_json


def progress_line(found: ShortList) -> str:
    """One line of progress: designs simulated, the bound of all others, the cost that it has to reach."""
    last = "-" if found.last_cost == float("inf") else f"{found.last_cost:.2f}"
    bound = "-" if abs(found.bound) == float("inf") else f"{found.bound:.2f}"
    return f"{_counted(len(found.search.designs))} simulated; bound of all others {bound}, cost to reach {last}"


def print_alternatives(found: Alternatives, units: Mapping[str, str], out: Path | None) -> None:
    """Print one line an alternative, cheapest first; the claim stands in the last lines."""
    money = units.get("money", "")
    cost = found.cost
    print(
        f"{found.case}: the run's design costs {cost.mean:.2f} ± {cost.half_width:.2f} {money}".rstrip()
        + f" (95%, {cost.replications:,} fresh replications, the same for all)"
    )
    if found.alternatives:
        print()
        header = f"{'rank':>4} {'cost':>10} {'±':>7} {'difference':>11} {'±':>7} {'share':>7}"
        print(f"{header}  compared with the run's design")
        for rank, row in enumerate(found.alternatives, 1):
            print(_row(rank, row, found.share(row.difference)))
        print()
    for line in filter(None, (_verdict(rank, row, found) for rank, row in enumerate(found.alternatives, 1))):
        print(line)
    if found.is_interrupted and found.complete:
        print(found.termination)
    print(_claim(found))
    if out is not None:
        print(f"written: {out / 'result.json'}")


def write_alternatives(folder: Path, found: Alternatives, case: Case) -> None:
    """Write result.json.

    Parameters
    ----------
    folder
        Made if need be.
    found, case
        What was found, and for which case.
    """
    write_json(folder / "result.json", as_records(found.as_dict(), case.network))


def change_line(change: DesignChange) -> str:
    """A change in words: lanes dropped and added, sites that open and close."""
    parts = (
        ("drop", [f"{a}->{b}" for a, b in change.lanes_dropped]),
        ("add", [f"{a}->{b}" for a, b in change.lanes_added]),
        ("open", change.opened),
        ("close", change.closed),
    )
    return "; ".join(f"{verb} {', '.join(names)}" for verb, names in parts if names) or "the same lanes"


def _row(rank: int, row: ComparedDesign, share: float) -> str:
    return (
        f"{rank:>4} {row.cost.mean:>10.2f} {row.cost.half_width:>7.2f} {row.difference.mean:>+11.2f} "
        f"{row.difference.half_width:>7.2f} {100 * share:>+6.2f}%  {change_line(row.change)}"
    )


def _counted(designs: int) -> str:
    return f"{designs} design{'s' if designs != 1 else ''}"


def _verdict(rank: int, row: ComparedDesign, found: Alternatives) -> str:
    """Whether an alternative is as good as the run's design; blank where it clearly costs more."""
    allowed, difference = found.tolerance * found.cost.mean, row.difference
    if difference.mean + difference.half_width < -allowed:
        return f"rank {rank} costs less than the run's design with its levels"
    if difference.mean - difference.half_width <= allowed:
        return f"rank {rank} may be as good as the run's design: within {100 * found.tolerance:g}% of its cost"
    return ""


def _claim(found: Alternatives) -> str:
    """Whether the list is complete, and why."""
    number = len(found.alternatives)
    if found.complete and number < found.wanted:
        return (
            f"complete: the network has {f'only {number}' if number else 'no'} other design{'s' if number > 1 else ''}"
        )
    if found.complete:
        return (
            f"complete: no other design costs less than the last one by more than {100 * found.tolerance:g}%, if "
            f"simulated components cost what was estimated ({_counted(found.num_designs)} simulated)"
        )
    why = "; ".join((found.termination, *found.warnings))
    return f"not shown to be complete ({_counted(found.num_designs)} simulated): {why}"
