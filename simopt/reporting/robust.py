"""What `robust` prints and writes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from design.case import Case
from design.case_files import save_case
from simopt.reporting.operate import shown
from simopt.reporting.run_folder import write_csv, write_json
from simopt.robust_outcome import RobustDesigns


def print_robust(found: RobustDesigns, units: Mapping[str, str]) -> None:
    """Print a line a budget."""
    money = units.get("money", "money")
    heads = (f"cost, {money}", "premium", "protection", "unprotected", "moved lanes", "gap")
    print(f"{'budget':8}" + "".join(f"{head:>20}" for head in heads))
    plain = set(found.designs[0].lanes)
    for one in found.designs:
        cells = (
            shown("cost", one.cost),
            shown("cost", one.premium),
            f"{one.protection:,.1f}",
            f"{one.unprotected:,.1f}" + (" *" if one.unprotected_breaks else ""),
            str(len(set(one.lanes) - plain)),
            "" if one.gap is None else f"{one.gap:.2%}",
        )
        print(f"{one.budget:<8g}" + "".join(f"{cell:>20}" for cell in cells))
    for one in found.designs:
        if one.unprotected_breaks:
            print(f"* with {one.budget:g} the first design may break: {'; '.join(one.unprotected_breaks)}")
    print(
        f"\n{found.case}: so many customers may ask for {found.deviation:.0%} more; cost at the stated demand, and "
        f"what the dearest demand adds to transport, with the design and with the first one; {found.seconds:.1f} s"
    )


def write_robust(folder: Path, found: RobustDesigns, case: Case) -> None:
    """Write `result.json`, `budgets.csv` and a copy of the case."""
    write_json(folder / "result.json", found.as_dict())
    rows = [
        {
            "budget": one.budget,
            "cost": one.cost.mean,
            "half_width": one.cost.half_width,
            "premium": one.premium.mean,
            "premium_half_width": one.premium.half_width,
            "protection": one.protection,
            "unprotected": one.unprotected,
        }
        for one in found.designs
    ]
    write_csv(folder / "budgets.csv", list(rows[0]), rows)
    save_case(case, folder / "case")
