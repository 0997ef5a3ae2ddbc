"""What `frontier` prints and writes: a table of its points, frontier.json, frontier.csv and a picture of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from simopt.frontier_outcome import Frontier, FrontierPoint
from simopt.reporting.frontier_plot import draw_frontier
from simopt.reporting.run_folder import write_csv, write_json

_COLUMNS = (
    "limit",
    "value",
    "value_half_width",
    "cost",
    "cost_half_width",
    "difference",
    "difference_half_width",
    "lower_bound",
    "proven",
    "non_dominated",
    "num_sites",
    "emissions",
    "emissions_half_width",
    "opened",
    "closed",
    "lanes",
)


def progress_line(limit: float | None, cost: float) -> str:
    """One line of progress."""
    return f"{'no limit' if limit is None else f'limit {limit:,.6g}'}: cost about {cost:.2f}"


def print_frontier(found: Frontier, units: Mapping[str, str], out: Path | None) -> None:
    """Print one line a point, the cheapest design first, and what holds of them in the last lines."""
    first = found.points[0]
    print(
        f"{found.case}: cost against {found.label}; {first.cost.replications:,} fresh replications, the same for all; "
        f"costs in {units.get('money', 'money')}\n"
    )
    print(
        f"{'limit':>11} {'value':>11} {'cost':>10} {'±':>7} {'difference':>11} {'±':>7} {'lower bound':>11} "
        f"{'sites':>6}  compared with the point before"
    )
    for number, point in enumerate(found.points):
        print(_row(point, is_first=number == 0))
    print()
    for number, mark in enumerate(found.non_dominated, 1):
        if not mark:
            print(f"point {number} is dominated: another one is no worse in both and better in one (means)")
    unproven = [str(number) for number, point in enumerate(found.points, 1) if not point.proven]
    if unproven:
        print(f"not shown to be best under their limits: points {', '.join(unproven)}")
    if len(unproven) < len(found.points):
        rest = "all" if not unproven else "the others"
        share = f"{100 * found.tolerance:g}%"
        print(f"best under their limits, within {share}, if simulated components cost what was estimated: {rest}")
    print(f"{found.termination} ({len(found.points)} of {found.wanted} points)")
    if out is not None:
        print(f"written: {out / 'frontier.json'}")


def write_frontier(folder: Path, found: Frontier, units: Mapping[str, str]) -> None:
    """Write frontier.json, frontier.csv, frontier.png and frontier.svg.

    Parameters
    ----------
    folder
        Made if need be.
    found
        What was found.
    units
        Names of units for people.
    """
    write_json(folder / "frontier.json", found.as_dict())
    marks = found.non_dominated
    rows = [_csv_row(point, mark) for point, mark in zip(found.points, marks, strict=True)]
    write_csv(folder / "frontier.csv", _COLUMNS, rows)
    draw_frontier(found, units, folder)


def _row(point: FrontierPoint, *, is_first: bool) -> str:
    limit = "-" if point.limit is None else f"{point.limit:,.6g}"
    bound = "-" if point.lower_bound is None else f"{point.lower_bound:.2f}"
    return (
        f"{limit:>11} {f'{point.value:,.6g}':>11} {point.cost.mean:>10.2f} {point.cost.half_width:>7.2f} "
        f"{point.difference.mean:>+11.2f} {point.difference.half_width:>7.2f} {bound:>11} {point.num_sites:>6}  "
        + ("the cheapest design" if is_first else _change(point))
    )


def _change(point: FrontierPoint) -> str:
    """Which sites open and close; how many lanes change where no site does."""
    change = point.change
    parts = [("open", change.opened), ("close", change.closed)]
    said = "; ".join(f"{verb} {', '.join(names)}" for verb, names in parts if names)
    if said:
        return said
    return f"the same sites, {change.moves} lanes moved" if change.moves else "the same design"


def _csv_row(point: FrontierPoint, mark: bool) -> dict[str, object]:
    emitted = point.emissions
    return {
        "limit": point.limit,
        "value": point.value,
        "value_half_width": point.value_half_width,
        "cost": point.cost.mean,
        "cost_half_width": point.cost.half_width,
        "difference": point.difference.mean,
        "difference_half_width": point.difference.half_width,
        "lower_bound": point.lower_bound,
        "proven": int(point.proven),
        "non_dominated": int(mark),
        "num_sites": point.num_sites,
        "emissions": None if emitted is None else emitted.total.mean,
        "emissions_half_width": None if emitted is None else emitted.total.half_width,
        "opened": " ".join(point.change.opened),
        "closed": " ".join(point.change.closed),
        "lanes": " ".join(f"{origin}->{end}" for origin, end in point.design.lanes),
    }
