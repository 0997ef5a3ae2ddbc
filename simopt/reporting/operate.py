"""What `operate` prints and writes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from design.case import Case
from design.case_files import save_case
from simopt.operate_outcome import Operated, PolicyOutcome
from simopt.planning.measures import Series
from simopt.reporting.run_folder import write_csv, write_json
from simopt.simulation.estimate import Estimate

COLUMNS = ("cost", "cost_to_serve", "fill_rate", "backlog", "lost_sales", "inventory_exposure")
SHARES = ("fill_rate", "cycle_service_level")


def print_operated(found: Operated, units: Mapping[str, str]) -> None:
    """Print the table of policies, differences to the first, bullwhip by site, and what a run had promised."""
    wide = max(12, *(len(one.name) for one in found.policies)) + 1
    _print_table("policy", wide, COLUMNS, [(one.name, one.measures) for one in found.policies])
    if len(found.policies) > 1:
        print(f"\ndifference to {found.policies[0].name} on the same demand")
        _print_table("policy", wide, COLUMNS, [(one.name, one.differences) for one in found.policies[1:]])
    print("\nbullwhip: variance of orders over that of what was asked, mean over families")
    sites = [f"bullwhip:{site}" for site in reversed(found.sites)]
    _print_table("policy", wide, sites, [(one.name, one.measures) for one in found.policies])
    _print_recovery(found.policies, wide)
    _print_variance(found.policies)
    if found.promise is not None:
        _print_promise(found, units)
    print(
        f"\n{found.case}: {found.replications:,} replications, each line on the same demand; 95% intervals; "
        f"{found.seconds:.1f} s"
    )


def _print_table(
    first: str, wide: int, columns: Sequence[str], rows: Sequence[tuple[str, Mapping[str, Estimate]]]
) -> None:
    heads = [column.removeprefix("bullwhip:") for column in columns]
    print(f"{first:{wide}}" + "".join(f"{head:>22}" for head in heads))
    for name, measures in rows:
        print(f"{name:{wide}}" + "".join(f"{shown(column, measures[column]):>22}" for column in columns))


def shown(measure: str, value: Estimate) -> str:
    """A measure with its half-width; shares in percent."""
    if measure.partition(":")[0] in SHARES:
        return f"{100 * value.mean:.2f} ± {100 * value.half_width:.2f} %"
    size = max(abs(value.mean), value.half_width)
    digits = 0 if size >= 1000 else 1 if size >= 100 else 2 if size >= 1 else 4
    return f"{value.mean:,.{digits}f} ± {value.half_width:,.{digits}f}"


def _print_recovery(policies: Sequence[PolicyOutcome], wide: int) -> None:
    rows = [(one.name, one.recovery) for one in policies if one.recovery is not None]
    if not rows:
        return
    print("\nplanned shocks: extra backlog at its peak, and periods after their end until 5% of it is left")
    print(f"{'policy':{wide}}{'peak':>22}{'periods':>22}{'recovered':>12}")
    for name, own in rows:
        print(f"{name:{wide}}{shown('peak', own.peak):>22}{shown('periods', own.periods):>22}{own.recovered:>12.0%}")


def _print_variance(policies: Sequence[PolicyOutcome]) -> None:
    labels = {
        "common_random_numbers": "common random numbers (difference of costs)",
        "antithetic": "antithetic demand (cost)",
        "control": "control variate (cost)",
        "both": "antithetic demand and control variate (cost)",
    }
    for key, label in labels.items():
        found = [f"{one.name} {one.variance_reduction[key]:.1f}" for one in policies if key in one.variance_reduction]
        if found:
            print(f"{'' if key != 'common_random_numbers' else chr(10)}variance reduced by {label}: {', '.join(found)}")


def _print_promise(found: Operated, units: Mapping[str, str]) -> None:
    promise, money = found.promise, units.get("money", "money")
    assert promise is not None
    measures = next(one.measures for one in found.policies if one.name == "levels")
    print(f"\n{'levels':14}{'promised':>22}{'here':>22}{'difference':>22}")
    rows = [("cost", promise.cost, promise.cost_difference)]
    if promise.fill_rate is not None and promise.fill_rate_difference is not None:
        rows.append(("fill_rate", promise.fill_rate, promise.fill_rate_difference))
    for name, promised, difference in rows:
        label = f"cost, {money}" if name == "cost" else name
        print(f"{label:14}{shown(name, promised):>22}{shown(name, measures[name]):>22}{shown(name, difference):>22}")


def write_operated(folder: Path, found: Operated, case: Case) -> None:
    """Write `result.json`, `policies.csv`, a copy of the case and, where one was asked for, `trace.csv`."""
    write_json(folder / "result.json", found.as_dict())
    rows = [
        {
            "policy": one.name,
            "measure": measure,
            "mean": value.mean,
            "half_width": value.half_width,
            "difference": one.differences[measure].mean if one.differences else 0.0,
            "difference_half_width": one.differences[measure].half_width if one.differences else 0.0,
        }
        for one in found.policies
        for measure, value in one.measures.items()
    ]
    write_csv(folder / "policies.csv", list(rows[0]), rows)
    save_case(case, folder / "case")
    if any(one.trace is not None for one in found.policies):
        names = ["policy", "node", "product", "period", *(series.name.lower() for series in Series)]
        write_csv(folder / "trace.csv", names, list(_trace_rows(found)))


def _trace_rows(found: Operated) -> Iterator[dict[str, Any]]:
    """One a policy, site, product and period, counted from 1 at the beginning of the horizon; units."""
    for one in found.policies:
        if one.trace is None:
            continue
        for t, s, k in np.ndindex(len(one.trace), len(found.sites), len(found.products)):
            values = {series.name.lower(): float(one.trace[t, s, series, k]) for series in Series}
            place = {"policy": one.name, "node": found.sites[s], "product": found.products[k]}
            yield {**place, "period": t - found.warm_up + 1, **values}
