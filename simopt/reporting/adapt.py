"""What `adapt` prints and writes."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from design.case import Case
from design.case_files import save_case
from simopt.adapt_outcome import PUBLISHED, Adapted, AdaptOutcome
from simopt.reporting.operate import shown
from simopt.reporting.run_folder import write_csv, write_json
from simopt.simulation.estimate import Estimate

SERVICES = {"cycle_service_level": "α", "fill_rate": "β", "backlog_service": "γ"}
WIDE = 24


def print_adapted(found: AdaptOutcome, units: Mapping[str, str]) -> None:
    """Print the table of policies, what was published, and how well changes were detected."""
    money = units.get("money", "money")
    heads = [f"cost, {money}", "to static", "to known", *(f"{letter}-service" for letter in SERVICES.values())]
    disturbed = any(one.recovery is not None for one in found.policies)
    print(f"{'policy':{WIDE}}" + "".join(f"{head:>18}" for head in [*heads, *(["recovery"] if disturbed else [])]))
    for one in found.policies:
        print(f"{one.name:{WIDE}}" + "".join(f"{cell:>18}" for cell in _cells(one)))
    _print_published(found)
    _print_detection(found)
    for warning in found.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    print(
        f"\n{found.case}, {_described(found)}: {found.seeds:,} seeds, the same for every policy; 95% intervals; "
        f"{found.seconds:.1f} s"
    )


def _cells(one: Adapted) -> list[str]:
    cells = [shown("cost", one.measures["cost"]), _change(one.to_static), _change(one.to_known)]
    cells += [_share(one.measures[name]) if name in one.measures else "" for name in SERVICES]
    if one.recovery is not None:
        cells.append(f"{one.recovery.periods.mean:.0f} ± {one.recovery.periods.half_width:.0f}")
    return cells


def _share(value: Estimate) -> str:
    return f"{100 * value.mean:.2f} ± {100 * value.half_width:.2f} %"


def _change(differences: Mapping[str, Estimate]) -> str:
    if "cost" not in differences:
        return ""
    own = differences["cost"]
    return f"{100 * own.mean:+.1f} ± {100 * own.half_width:.1f} %"


def _print_published(found: AdaptOutcome) -> None:
    claimed, own = PUBLISHED[found.world], found.policy("bayesian").to_static
    lines = []
    if "cost" in claimed:
        lines.append(f"cost {100 * claimed['cost']:+.1f}%, here {_change(own)}")
    if "service_points" in claimed:
        gain = own["fill_rate"]
        here = f"{100 * gain.mean:+.1f} ± {100 * gain.half_width:.1f}"
        lines.append(f"service {claimed['service_points']:+.1f} points, here β {here}")
    if lines:
        source = "Shahnawaz & Safder, arXiv 2511.06479, another model"
        print(f"\npublished for learning against static ({source}): " + "; ".join(lines))


def _print_detection(found: AdaptOutcome) -> None:
    own = found.detection
    line = f"change-point filter: {own.false_alarms.mean:.2f} ± {own.false_alarms.half_width:.2f} false alarms a year"
    if own.detected is not None:
        line += f"; the shock is noticed within {own.window} periods in {own.detected:.1%} of the seeds"
        line += f", after {own.delay:.1f} periods on average" if own.delay is not None else ""
    print(f"\n{line}")


def _described(found: AdaptOutcome) -> str:
    if not found.day:
        return "stable world"
    if found.world == "shock":
        return f"demand {100 * found.size:+.0f}% from period {found.day}"
    return f"no supply in periods {found.day} to {found.day + found.length - 1}"


def write_adapted(folder: Path, found: AdaptOutcome, case: Case) -> None:
    """Write `result.json`, `policies.csv` and a copy of the case."""
    write_json(folder / "result.json", found.as_dict())
    rows = [
        {"policy": one.name, "measure": name, "mean": value.mean, "half_width": value.half_width}
        for one in found.policies
        for name, value in one.measures.items()
    ]
    write_csv(folder / "policies.csv", list(rows[0]), rows)
    save_case(case, folder / "case")
