"""What `tactical` prints and writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from simopt.reporting.run_folder import write_csv, write_json
from simopt.tactical_outcome import ComparedTargets, SweepPoint, TacticalPlan

LABELS = {
    "scenarios": "number of scenarios",
    "kept": "number of scenarios kept",
    "lead-times": "number of demand scenarios, and of lead-time scenarios",
}


def print_plan(plan: TacticalPlan, units: Mapping[str, str]) -> None:
    """Print the decision, then its cost in the last lines."""
    money = units.get("money", "money")
    if plan.targets:
        print(f"{'level':20} {'target':>10}")
        for name, target in plan.targets.items():
            print(f"{name:20} {target:>10.2f}")
    else:
        print(f"{'orders':12}" + "".join(f"{'t' + str(t + 1):>8}" for t in range(plan.periods)))
        for name, row in zip(plan.levels, plan.decision, strict=True):
            print(f"{name:12}" + "".join(f"{units_:>8.1f}" for units_ in row))
    lead_times = f" x {plan.num_lead_times:,} of lead times" if plan.num_lead_times else ""
    print(
        f"\n{plan.case}: {plan.model}, {plan.num_scenarios:,} scenarios ({plan.scenarios}){lead_times}, "
        f"{plan.periods} periods; {plan.method}, {plan.seconds:.2f} s"
    )
    if plan.reduction_distance is not None:
        print(f"reduced: transport distance {plan.reduction_distance:.2f} units to the scenarios before")
    print(f"expected cost on the scenarios {plan.objective:.2f} {money} (lower bound {plan.lower_bound:.2f})")
    print(
        f"value of the stochastic solution {plan.value_of_stochastic_solution:.2f}, "
        f"expected value of perfect information {plan.value_of_perfect_information:.2f}"
    )
    if plan.batches is not None:
        print(
            f"least expected cost at least {plan.batches.mean:.2f} ± {plan.batches.half_width:.2f} "
            f"(95%, {plan.batches.replications} independent sets of scenarios)"
        )
    fresh = plan.out_of_sample
    print(f"cost {fresh.mean:.2f} ± {fresh.half_width:.2f} {money} (95%, {fresh.replications:,} fresh paths)")


def print_sweep(points: Sequence[SweepPoint], over: str) -> None:
    """Print one line a size."""
    print(f"{over:>10} {'in sample':>10} {'±':>8} {'out of sample':>14} {'±':>8}")
    for point in points:
        inside, outside = point.in_sample, point.out_of_sample
        print(
            f"{point.size:>10,} {inside.mean:>10.2f} {inside.half_width:>8.2f} "
            f"{outside.mean:>14.2f} {outside.half_width:>8.2f}"
        )


def print_comparison(rows: Sequence[ComparedTargets]) -> None:
    """Print one line for each kind of target, the cheapest first."""
    print(
        f"{'targets from':28} {'  '.join(f'{name[:10]:>10}' for name in rows[0].levels)} "
        f"{'cost/period':>12} {'±':>6} {'difference':>11} {'±':>6}"
    )
    for row in rows:
        cells = "  ".join(f"{target:>10.1f}" for target in row.targets)
        print(
            f"{row.name:28} {cells} {row.cost.mean:>12.2f} {row.cost.half_width:>6.2f} "
            f"{row.difference.mean:>+11.2f} {row.difference.half_width:>6.2f}"
        )


def write_comparison(folder: Path, rows: Sequence[ComparedTargets]) -> None:
    """Write `comparison.json`."""
    content = [
        {
            "name": row.name,
            "targets": dict(zip(row.levels, map(float, row.targets), strict=True)),
            "cost_per_period": asdict(row.cost),
            "difference": {"mean": row.difference.mean, "half_width": row.difference.half_width},
        }
        for row in rows
    ]
    write_json(folder / "comparison.json", {"targets": content})


def write_plan(folder: Path, plan: TacticalPlan) -> None:
    """Write `result.json`."""
    write_json(folder / "result.json", plan.as_dict())


def write_sweep(folder: Path, points: Sequence[SweepPoint], over: str, title: str) -> None:
    """Write `sweep.json`, `sweep.csv` and a picture of them."""
    rows = [
        {
            "size": point.size,
            "in_sample": point.in_sample.mean,
            "in_sample_half_width": point.in_sample.half_width,
            "out_of_sample": point.out_of_sample.mean,
            "out_of_sample_half_width": point.out_of_sample.half_width,
        }
        for point in points
    ]
    write_csv(folder / "sweep.csv", list(rows[0]), rows)
    write_json(
        folder / "sweep.json",
        {
            "over": over,
            "points": [
                {
                    "size": point.size,
                    "in_sample": asdict(point.in_sample),
                    "out_of_sample": asdict(point.out_of_sample),
                }
                for point in points
            ],
        },
    )
    _draw(folder, points, over, title)


def _draw(folder: Path, points: Sequence[SweepPoint], over: str, title: str) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, 4.0), layout="constrained")
    axes = figure.subplots()
    numbers = [point.size for point in points]
    for label, marker, estimates in (
        ("on their own scenarios", "o", [point.in_sample for point in points]),
        ("on fresh demand", "s", [point.out_of_sample for point in points]),
    ):
        means, halves = [one.mean for one in estimates], [one.half_width for one in estimates]
        axes.errorbar(numbers, means, yerr=halves, marker=marker, markersize=4.0, capsize=3.0, label=label)
    axes.set(xscale="log", xlabel=LABELS[over], ylabel="expected cost", title=title)
    axes.grid(alpha=0.25)
    axes.legend()
    for suffix in ("png", "svg"):
        figure.savefig(folder / f"sweep.{suffix}", metadata={"Date": None} if suffix == "svg" else None)
