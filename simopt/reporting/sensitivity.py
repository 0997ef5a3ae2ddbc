"""What `sensitivity` prints and writes: a table, result.json, sensitivity.csv and a picture."""

from __future__ import annotations

from pathlib import Path

from simopt.differences import DesignChange
from simopt.reporting.run_folder import write_csv, write_json
from simopt.sensitivity_outcome import Sensitivity, Variant

COLUMNS = ("name", "parameter", "factor", "cost", "half_width", "lower_bound", "changed_lanes", "opened", "closed")
_SHOWN = 4


def progress_line(variant: Variant) -> str:
    """What is said after each solve."""
    cost = variant.result.performance.cost
    return f"{variant.name}: {cost.mean:.2f} ± {cost.half_width:.2f}"


def print_sensitivity(found: Sensitivity, out: Path | None) -> None:
    """Print one line a variant: cost, against the case as it is, and what changes in the network."""
    rows, base = (found.base, *found.variants), found.base.result.performance.cost.mean
    width = max(len(row.name) for row in rows) + 2
    print(f"{'variant':{width}}{'cost':>12} {'±':>8} {'change':>9}  network")
    for row in rows:
        cost = row.result.performance.cost
        share = cost.mean / base - 1.0 if base else 0.0
        print(f"{row.name:{width}}{cost.mean:>12.2f} {cost.half_width:>8.2f} {share:>+9.2%}  {_change(row.change)}")
    if out is not None:
        print(f"\nwritten: {out / 'result.json'}, {out / 'sensitivity.csv'}")


def write_sensitivity(folder: Path, found: Sensitivity) -> None:
    """Write result.json, sensitivity.csv and, where columns were varied, sensitivity.png and .svg."""
    write_json(folder / "result.json", found.as_dict())
    rows = []
    for one in (found.base, *found.variants):
        cost, bound = one.result.performance.cost, one.result.lower_bound
        rows.append(
            {
                "name": one.name, "parameter": one.parameter, "factor": one.factor, "cost": cost.mean,
                "half_width": cost.half_width, "lower_bound": None if bound is None else bound.value,
                "changed_lanes": one.change.moves, "opened": " ".join(one.change.opened),
                "closed": " ".join(one.change.closed),
            }
        )  # fmt: skip
    write_csv(folder / "sensitivity.csv", list(COLUMNS), rows)
    if any(one.factor is not None for one in found.variants):
        _draw(folder, found)


def _change(change: DesignChange) -> str:
    if not change.moves and not change.lanes_dropped:
        return "the same"
    parts = [f"{change.moves} lanes moved"]
    for word, names in (("open", change.opened), ("close", change.closed)):
        if names:
            parts.append(f"{word} {', '.join(names[:_SHOWN])}" + (", ..." if len(names) > _SHOWN else ""))
    return "; ".join(parts)


def _draw(folder: Path, found: Sensitivity) -> None:
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context({"svg.hashsalt": "simopt", "font.size": 10.0}):
        figure = Figure(figsize=(7.0, 4.2), layout="constrained")
        axes = figure.add_subplot()
        for number, parameter in enumerate(dict.fromkeys(one.parameter for one in found.variants if one.parameter)):
            own = [one for one in found.variants if one.parameter == parameter]
            costs = [one.result.performance.cost for one in own]
            factors = [one.factor for one in own if one.factor is not None]
            axes.errorbar(
                factors, [cost.mean for cost in costs], yerr=[cost.half_width for cost in costs],
                fmt="o-", color=f"C{number}", markersize=4.0, linewidth=1.2, capsize=2.5, label=parameter,
            )  # fmt: skip
        axes.axhline(found.base.result.performance.cost.mean, color="#9a9a9a", linewidth=0.8, linestyle=":")
        axes.set(xlabel="factor", ylabel="expected cost, network and levels adapted")
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, fontsize=9.0)
        figure.savefig(folder / "sensitivity.png", dpi=150)
        figure.savefig(folder / "sensitivity.svg", metadata={"Date": None})
