"""The picture of a frontier: cost against what is limited, with 95% intervals."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from pathlib import Path
from typing import Any

from simopt.frontier_outcome import Frontier

_COLOR, _FAINT = "#1f4e79", "#9a9a9a"


def draw_frontier(found: Frontier, units: Mapping[str, str], folder: Path) -> None:
    """Write frontier.png and frontier.svg into an existing folder."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    with rc_context({"svg.hashsalt": "simopt", "font.size": 10.0}):
        figure = Figure(figsize=(7.0, 4.5), layout="constrained")
        axes = figure.add_subplot()
        marks = found.non_dominated
        _draw_points(axes, found, marks, wanted=True)
        _draw_points(axes, found, marks, wanted=False)
        front = sorted({(p.value, p.cost.mean) for p, mark in zip(found.points, marks, strict=True) if mark})
        if len(front) > 1:
            axes.step(*zip(*front, strict=True), where="post", color=_COLOR, linewidth=1.0, alpha=0.6, zorder=1)
        money = units.get("money", "")
        axes.set_xlabel(found.label)
        axes.set_ylabel(f"expected cost over the horizon{f', {money}' if money else ''}".replace("$", r"\$"))
        axes.set_title(f"{found.case}: cost against {found.label}".replace("$", r"\$"), loc="left", fontsize=10.0)
        axes.spines[["top", "right"]].set_visible(False)
        axes.margins(0.08)
        if found.against == "num-sites":
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.legend(frameon=False, fontsize=9.0)
        figure.savefig(folder / "frontier.png", dpi=150)
        figure.savefig(folder / "frontier.svg", metadata={"Date": None})


def _draw_points(axes: Any, found: Frontier, marks: tuple[bool, ...], *, wanted: bool) -> None:
    """Non-dominated points, or the others, with error bars; one label for both halves."""
    chosen = [point for point, mark in zip(found.points, marks, strict=True) if mark is wanted]
    if not chosen:
        return
    axes.errorbar(
        [point.value for point in chosen],
        [point.cost.mean for point in chosen],
        xerr=[_finite(point.value_half_width) for point in chosen],
        yerr=[_finite(point.cost.half_width) for point in chosen],
        fmt="o" if wanted else "x",
        color=_COLOR if wanted else _FAINT,
        markersize=5.0,
        capsize=3.0,
        linewidth=1.2,
        label=f"{'not dominated' if wanted else 'dominated'}, with 95% interval",
        zorder=2,
    )


def _finite(half_width: float) -> float:
    return half_width if isfinite(half_width) else 0.0
