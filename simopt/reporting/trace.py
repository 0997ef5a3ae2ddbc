"""Files of `simopt simulate`: result.json, measures.csv and one replication period by period, with its picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from design.case import Case
from simopt.reporting.run_folder import write_csv, write_json
from simopt.simulation.describe import NodeMeasures, Trace
from simopt.simulation.trace import Series

MOST_DRAWN = 24
_ON_HAND, _OWED, _FAINT = "#1f4e79", "#b03a2e", "#9a9a9a"


def write_simulation(
    folder: Path, case: Case, content: Mapping[str, Any], measures: Sequence[NodeMeasures], trace: Trace | None
) -> None:
    """Write result.json, measures.csv and, of a replication, trace.csv, trace.png and trace.svg.

    Parameters
    ----------
    folder
        It exists; files of the same names are replaced.
    case
        Names of units.
    content
        Of result.json.
    measures
        Of every node.
    trace
        One replication, or None.
    """
    write_json(folder / "result.json", content)
    rows = [_flat(row.as_dict()) for row in measures]
    columns = list(dict.fromkeys(key for row in rows for key in row))
    write_csv(folder / "measures.csv", columns, [{key: row.get(key, "") for key in columns} for row in rows])
    if trace is not None:
        names = ["node", "period", *(one.name.lower() for one in Series)]
        write_csv(folder / "trace.csv", names, list(trace.rows()))
        draw_trace(trace, case, folder)


def _flat(entry: Mapping[str, Any]) -> dict[str, Any]:
    """An estimate as two columns."""
    flat: dict[str, Any] = {}
    for key, value in entry.items():
        flat |= (
            {key: value["mean"], f"{key}_half_width": value["half_width"]} if isinstance(value, dict) else {key: value}
        )
    return flat


def draw_trace(trace: Trace, case: Case, folder: Path) -> None:
    """Stock on hand and backorders of each node over time, the first 24 nodes; trace.png and trace.svg."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    drawn = trace.nodes[:MOST_DRAWN]
    num_columns = 1 if len(drawn) == 1 else 2 if len(drawn) <= 8 else 3
    num_rows = -(-len(drawn) // num_columns)
    periods = [t - trace.warm_up + 1 for t in range(trace.series.shape[1])]
    with rc_context({"svg.hashsalt": "simopt", "font.size": 8.0}):
        figure = Figure(figsize=(4.2 * num_columns, 1.5 * num_rows + 0.6), layout="constrained")
        grid = figure.subplots(num_rows, num_columns, squeeze=False, sharex=True).ravel()
        for axes, name, own in zip(grid, drawn, trace.series, strict=False):
            axes.fill_between(periods, own[:, Series.ON_HAND], step="mid", color=_ON_HAND, alpha=0.35, linewidth=0.0)
            axes.step(periods, own[:, Series.ON_HAND], where="mid", color=_ON_HAND, linewidth=0.9)
            axes.step(periods, -own[:, Series.BACKORDERS], where="mid", color=_OWED, linewidth=0.9)
            axes.axhline(0.0, color=_FAINT, linewidth=0.6)
            axes.axvline(0.5, color=_FAINT, linewidth=0.6, linestyle=":")
            axes.set_title(name.replace("$", r"\$"), loc="left", fontsize=8.0)
            axes.spines[["top", "right"]].set_visible(False)
        for axes in grid[len(drawn) :]:
            axes.set_axis_off()
        for axes in grid[max(len(drawn) - num_columns, 0) : len(drawn)]:
            axes.tick_params(labelbottom=True)
        more = "" if len(drawn) == len(trace.nodes) else f", first {len(drawn)} of {len(trace.nodes)} nodes"
        title = f"replication {trace.replication}: on hand (blue) and backorders (red, downward){more}"
        figure.suptitle(title, fontsize=9.0, x=0.01, ha="left")
        figure.supxlabel(f"{case.units.get('period', 'period')} of the horizon (dotted: its beginning)", fontsize=8.0)
        figure.savefig(folder / "trace.png", dpi=150)
        figure.savefig(folder / "trace.svg", metadata={"Date": None})
