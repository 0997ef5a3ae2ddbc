"""What `compare` prints and writes: tables, result.json, runs.csv, profile.csv and pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from simopt.comparison import Comparison, Profile
from simopt.reporting.profile_plot import draw_profile
from simopt.reporting.run_folder import write_csv, write_json

FACTORS = (1.001, 1.01, 1.05, 1.1, 1.5, 2.0)


def print_comparison(comparison: Comparison) -> None:
    """Print one line a method, best median first."""
    print(
        f"{comparison.case}: at most {comparison.budget:,} simulated replications each (sampled scenarios counted); "
        "true costs on common fresh replications"
    )
    width = max(len(method) for method in comparison.runs) + 2
    print(
        f"{'method':{width}}{'mean':>10} {'±':>8} {'median':>10} {'worst':>10} {'above best':>11} "
        f"{'replications':>13} {'seconds':>8}"
    )
    for method in sorted(comparison.runs, key=lambda name: comparison.summary(name).median):
        row = comparison.summary(method)
        print(
            f"{method:{width}}{row.mean:>10.2f} {row.half_width:>8.2f} {row.median:>10.2f} {row.worst:>10.2f} "
            f"{100 * row.above_best:>10.2f}% {row.replications:>13,} {row.wall_seconds:>8.2f}"
        )
    print()


def print_profile(profile: Profile) -> None:
    """Print in which share of cases and seeds each method comes how close to the best of all."""
    if len(profile.ratios) < 2:
        return
    width = max(len(method) for method in profile.ratios) + 2
    print(f"share of {profile.num_problems} cases and seeds in which the cost is within ... of the best method's")
    print(f"{'method':{width}}" + "".join(f"{_factor(factor):>9}" for factor in FACTORS))
    for method in profile.methods:
        print(f"{method:{width}}" + "".join(f"{profile.share_within(method, f):>9.0%}" for f in FACTORS))


def write_comparisons(folder: Path, comparisons: Sequence[Comparison], profile: Profile) -> None:
    """Write result.json, runs.csv, profile.csv, and pictures of costs against replications and of the profile.

    Parameters
    ----------
    folder
        Made if need be; with several cases each has a folder in it, and result.json lists them under `cases`.
    comparisons
        What was found, a case each.
    profile
        Over all of them.
    """
    content: dict[str, Any]
    if len(comparisons) == 1:
        content = _as_dict(comparisons[0])
        _write_runs(folder, comparisons[0])
    else:
        content = {"cases": [_as_dict(comparison) for comparison in comparisons]}
        for comparison in comparisons:
            _write_runs(folder / comparison.case, comparison)
    content["profile"] = {method: list(ratios) for method, ratios in profile.ratios.items()}
    write_json(folder / "result.json", content)
    steps = [
        {"method": method, "factor": ratio, "share": profile.share_within(method, ratio)}
        for method, ratios in profile.ratios.items()
        for ratio in dict.fromkeys(ratios)
    ]
    write_csv(folder / "profile.csv", ["method", "factor", "share"], steps)
    draw_profile(profile, folder)


def _factor(factor: float) -> str:
    return f"{100 * (factor - 1.0):g}%" if factor < 2.0 else f"{factor:g}x"


def _write_runs(folder: Path, comparison: Comparison) -> None:
    """Every run of a case, and their costs against replications as a picture."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [
        {
            "method": method,
            "seed": run.seed,
            "cost": run.cost.mean,
            "half_width": run.cost.half_width,
            "replications": run.replications,
            "wall_seconds": run.seconds,
        }
        for method, runs in comparison.runs.items()
        for run in runs
    ]
    write_csv(folder / "runs.csv", list(rows[0]), rows)
    _draw(folder / "cost_against_replications.png", comparison)


def _as_dict(comparison: Comparison) -> dict[str, Any]:
    methods = {}
    for method, runs in comparison.runs.items():
        row = comparison.summary(method)
        methods[method] = {
            "costs": [run.cost.mean for run in runs],
            "mean": row.mean,
            "half_width": row.half_width,
            "median": row.median,
            "worst": row.worst,
            "above_best": row.above_best,
            "replications": row.replications,
            "wall_seconds": row.wall_seconds,
        }
    return {
        "case": comparison.case,
        "budget": comparison.budget,
        "methods": methods,
        "versions": dict(comparison.versions),
    }


def _draw(path: Path, comparison: Comparison) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator, StrMethodFormatter

    figure = Figure(figsize=(7.5, 4.5), layout="constrained")
    axes = figure.add_subplot()
    for number, (method, runs) in enumerate(comparison.runs.items()):
        for run in runs:
            spent = [replications for replications, _ in run.progress] + [comparison.budget]
            costs = [cost for _, cost in run.progress]
            label = method if run is runs[0] else None
            axes.step(spent, [*costs, costs[-1]], where="post", color=f"C{number}", alpha=0.6, label=label)
            axes.plot(spent[0], costs[0], "o", color=f"C{number}", markersize=4)
    axes.set(
        xscale="log",
        yscale="log",
        xlabel="simulated replications of the search (sampled scenarios counted)",
        ylabel="true cost of the incumbent",
        title=f"{comparison.case}: one line a seed",
    )
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        axis.set_minor_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.xaxis.set_minor_locator(LogLocator(subs=(2.0, 5.0)))
    axes.yaxis.set_minor_locator(LogLocator(subs=(1.5, 2.0, 3.0, 5.0, 7.0)))
    axes.grid(visible=True, which="both", alpha=0.2)
    axes.legend()
    FigureCanvasAgg(figure).print_png(path)
