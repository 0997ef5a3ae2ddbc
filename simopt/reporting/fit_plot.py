"""The picture of a fit: for every node how often which demand occurred, and how often the fit expects it."""

from __future__ import annotations

from math import ceil
from pathlib import Path
from typing import Any

import numpy as np

from design.demand import Floats
from simopt.fit_outcome import FitOutcome, FittedNode

SHOWN_NODES = 60
_COLUMNS, _WHOLE_BINS = 4, 30
_COLOR, _FAINT = "#1f4e79", "#c8d3de"


def draw_fit(found: FitOutcome, path: Path) -> None:
    """Write the picture; its format follows the file's suffix."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    nodes = found.nodes[:SHOWN_NODES]
    columns = min(_COLUMNS, len(nodes))
    rows = ceil(len(nodes) / columns)
    with rc_context({"svg.hashsalt": "simopt", "font.size": 8.0}):
        figure = Figure(figsize=(3.2 * columns + 0.3, 2.2 * rows + 0.5), layout="constrained")
        grid = figure.subplots(rows, columns, squeeze=False).ravel()
        for axes, node in zip(grid, nodes, strict=False):
            _draw_node(axes, node)
        for axes in grid[len(nodes) :]:
            axes.set_visible(False)
        figure.supxlabel("demand per period, units", fontsize=8.0)
        figure.supylabel("share of periods", fontsize=8.0)
        handles, labels = max((axes.get_legend_handles_labels() for axes in grid), key=lambda pair: len(pair[1]))
        figure.legend(handles, labels, loc="outside upper right", ncols=2, frameon=False)
        metadata = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}.get(path.suffix.lower())
        figure.savefig(path, dpi=150, metadata=metadata)


def bins(node: FittedNode) -> Floats:
    """Edges of bins between recorded demands, units, shape (bin + 1,): 0 has one of its own where it occurs."""
    demand, size = node.fit.series.demand, node.fit.resolution
    low, high = float(demand.min()), float(demand.max())
    if size == 1.0 and high - low < _WHOLE_BINS:
        return np.arange(low - 0.5, high + 1.0)
    count = int(np.clip(2.0 * np.sqrt(len(demand)), 8, 40))
    width = size * max(1.0, ceil((high - low) / size / count))
    if low == 0.0:
        return np.concatenate(([-0.5 * width], np.arange(0.5 * size, high + width, width)))
    return np.arange(low - 0.5 * size, high + width, width)


def _draw_node(axes: Any, node: FittedNode) -> None:
    edges = bins(node)
    demand = node.fit.series.demand
    counts, _ = np.histogram(demand, edges)
    centers, widths = 0.5 * (edges[1:] + edges[:-1]), np.diff(edges)
    axes.bar(centers, counts / len(demand), 0.92 * widths, color=_FAINT, label="history")
    inner = edges[edges > 0.0]
    expected = node.fit.bin_probabilities(inner - 0.5 * node.fit.resolution)
    if expected is not None:
        first = len(inner) - len(centers)
        axes.plot(
            centers,
            expected[first : first + len(centers)],
            color=_COLOR,
            marker=".",
            markersize=4.0,
            linewidth=1.0,
            label="fit",
        )
    p_value = "" if node.fit.p_value is None else f", p {node.fit.p_value:.3f}"
    axes.set_title(f"{node.label}: {node.fit.distribution}{p_value}".replace("$", r"\$"), loc="left", fontsize=8.0)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_ylim(bottom=0.0)
