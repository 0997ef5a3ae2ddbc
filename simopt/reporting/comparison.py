"""What `compare` prints and writes: a table, result.json, runs.csv and cost against replications as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from simopt.comparison import Comparison
from simopt.reporting.run_folder import write_csv, write_json


def print_comparison(comparison: Comparison, out: Path | None) -> None:
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
    if out is not None:
        print(f"written: {out / 'result.json'}, {out / 'runs.csv'}, {out / 'cost_against_replications.png'}")


def write_comparison(folder: Path, comparison: Comparison) -> None:
    """Write result.json, runs.csv and cost_against_replications.png.

    Parameters
    ----------
    folder
        Made if need be.
    comparison
        What was found.
    """
    write_json(folder / "result.json", _as_dict(comparison))
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
