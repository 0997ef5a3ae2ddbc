"""What `learn` prints and writes."""

from __future__ import annotations

from pathlib import Path

from simopt.learn_outcome import Learnt
from simopt.reporting.run_folder import write_csv, write_json

MOST_ROWS = 30


def print_learnt(found: Learnt) -> None:
    """Print what was wrong with the data, beliefs, and how calibrated predictions were."""
    print("data quality")
    for finding in found.findings or ("nothing found",):
        print(f"  {finding}")
    level = f"{found.service:.0%} of {found.lead_time} d"
    print(f"\n{'node':16}{'item':16}{'days':>6}{'pattern':>14}{'mean':>12}{'sd':>10}{level:>14}  changes")
    for one in found.series[:MOST_ROWS]:
        numbers = f"{one.observations:>6}{one.pattern:>14}{one.mean:>12,.2f}{one.sd:>10,.2f}{one.level:>14,.1f}"
        print(f"{one.node:16}{one.item:16}{numbers}  {', '.join(one.changes)}")
    if len(found.series) > MOST_ROWS:
        print(f"... {len(found.series) - MOST_ROWS:,} more; with --out they are all in beliefs.csv")
    own = found.calibration
    if own is not None:
        shares = ", ".join(f"{nominal:.0%} -> {share:.1%}" for nominal, share in own.coverage.items())
        print(f"\ncalibration over {own.observations:,} predictions of the next day: {shares} inside")
    print(f"\n{found.source}: {found.first} to {found.last}, {len(found.series):,} series")


def write_learnt(folder: Path, found: Learnt) -> None:
    """Write `result.json` and `beliefs.csv`."""
    write_json(folder / "result.json", found.as_dict())
    columns = ("node", "item", "observations", "pattern", "mean", "sd", "forecast", "level", "changes")
    rows = [{**vars(one), "changes": " ".join(one.changes)} for one in found.series]
    write_csv(folder / "beliefs.csv", columns, rows)
