"""What `simopt solve --bound-only` prints and writes."""

from __future__ import annotations

from pathlib import Path

from design.case import Case
from simopt.bound_outcome import BoundOutcome
from simopt.reporting.run_folder import write_csv, write_json


def print_bound(found: BoundOutcome, case: Case) -> None:
    """The bound, and the design that is good in the master's model."""
    money = case.units.get("money", "money")
    for warning in found.warnings:
        print(f"warning: {warning}")
    bound = found.lower_bound
    print(f"{found.case}: master alone, nothing simulated: {found.termination}; {found.wall_seconds:.1f} s")
    nodes = f"{len(found.design.nodes)} of {len(case.network.nodes)} nodes"
    print(f"design: {found.objective:,.2f} {money} in the master's model, {nodes}")
    print(f"lower bound {bound.value:,.2f} ({bound.kind}, {bound.model}), gap {found.gap:.2%}")
    for pair in found.design.lanes:
        print(f"  {pair[0]} supplies {pair[1]}")


def write_bound(folder: Path, case: Case, found: BoundOutcome) -> None:
    """result.json and lanes.csv."""
    write_json(folder / "result.json", found.as_dict())
    used = set(found.design.lanes)
    rows = [{"from": k.origin, "to": k.destination, "used": int(k.pair in used)} for k in case.network.lanes]
    write_csv(folder / "lanes.csv", ["from", "to", "used"], rows)
