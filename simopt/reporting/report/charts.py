"""The charts of a report, each a matplotlib figure from the report's numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from simopt.reporting.report.data import NodeRow, ReportData, Slice, Trajectory
from simopt.reporting.report.style import AMBER, BLUE, FAINT, GREEN, INK, RED, figure_style, plain

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_BARS = 40
WIDTH = 7.2


def _figure(height: float, columns: int = 1) -> tuple[Figure, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    return figure, figure.subplots(1, columns)


def draw_bounds(data: ReportData) -> Figure | None:
    """Lower and upper bound against iterations, the upper one with its 95% interval; None without iterations."""
    steps = data.content["iterations"]
    if not steps:
        return None
    with figure_style():
        from matplotlib.ticker import MaxNLocator

        figure, axes = _figure(2.7)
        number = [step["iteration"] for step in steps]
        upper = np.array([step["upper_bound"] for step in steps])
        half = np.array([step["upper_half_width"] or 0.0 for step in steps])
        axes.fill_between(number, upper - half, upper + half, color=BLUE, alpha=0.2, linewidth=0.0, step="post")
        axes.step(number, upper, where="post", color=BLUE, marker="o", markersize=3.0, label="best design ± 95%")
        lower = [(step["iteration"], step["lower_bound"]) for step in steps if step["lower_bound"] is not None]
        if lower:
            axes.step(
                *zip(*lower, strict=True), where="post", color=RED, marker="o", markersize=3.0,
                label="lower bound, simulated parts charged",
            )  # fmt: skip
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlim(min(number) - 0.5, max(number) + 0.5)
        axes.set(xlabel="iteration", ylabel=plain(f"cost over the horizon{_unit(data)}"))
        axes.grid(axis="y", alpha=0.25)
        figure.legend(loc="outside lower left", ncols=2)
        return figure


def draw_cost(data: ReportData) -> Figure:
    """What the cost is made of."""
    parts = data.cost_parts
    with figure_style():
        figure, axes = _figure(0.6 + 0.32 * len(parts))
        bars = axes.barh(list(parts), list(parts.values()), color=BLUE, height=0.6)
        total = sum(parts.values()) or 1.0
        shown = [f"{value:,.2f} ({value / total:.0%})" for value in parts.values()]
        axes.bar_label(bars, labels=shown, fontsize=8.0, color=INK, padding=4)
        axes.invert_yaxis()
        axes.margins(x=0.22)
        axes.set_xlabel(plain(f"cost over the horizon{_unit(data)}"))
        return figure


def draw_levels(data: ReportData) -> Figure:
    """Base-stock level of each node: mean demand over its lead time, and safety stock."""
    rows = _dearest(data.nodes, lambda row: row.holding + row.backorder)
    with figure_style():
        figure, axes = _figure(0.9 + 0.2 * len(rows))
        names = [plain(row.name) for row in rows]
        covered = np.array([min(row.lead_time_demand, row.level) for row in rows])
        safety = np.array([max(row.safety_stock, 0.0) for row in rows])
        axes.barh(names, covered, color=FAINT, alpha=0.6, height=0.65, label="mean demand over the lead time")
        axes.barh(names, safety, left=covered, color=BLUE, height=0.65, label="safety stock")
        short = [k for k, row in enumerate(rows) if row.safety_stock < 0.0]
        if short:
            axes.plot(
                [rows[k].lead_time_demand for k in short], short, "|", color=RED, markersize=9.0, label="demand above"
            )
        axes.invert_yaxis()
        axes.set_xlabel(plain(f"base-stock level, {data.case.units.get('quantity', 'units')}"))
        axes.margins(y=0.02)
        figure.legend(loc="outside lower left", ncols=3)
        return figure


def draw_service(data: ReportData) -> Figure | None:
    """Fill rate of every demand node against its target; None where none was measured."""
    rows = [row for row in data.nodes if row.fill_rate is not None]
    rows = sorted(rows, key=lambda row: row.fill_rate or 0.0)[:MOST_BARS]
    if not rows:
        return None
    with figure_style():
        from matplotlib.ticker import PercentFormatter

        figure, axes = _figure(0.9 + 0.2 * len(rows))
        places = np.arange(len(rows))
        rates = [row.fill_rate or 0.0 for row in rows]
        axes.hlines(places, min(*rates, 0.9), rates, color=FAINT, linewidth=1.0)
        axes.plot(rates, places, "o", color=BLUE, markersize=5.0, label="fill rate")
        targets = [(row.target, k) for k, row in enumerate(rows) if row.target is not None]
        if targets:
            axes.plot(*zip(*targets, strict=True), "|", color=RED, markersize=12.0, markeredgewidth=2.0, label="target")
        axes.set_yticks(places, [plain(row.name) for row in rows])
        axes.invert_yaxis()
        axes.xaxis.set_major_formatter(PercentFormatter(1.0))
        axes.set_xlabel("demand met at once")
        axes.grid(axis="x", alpha=0.25)
        figure.legend(loc="outside lower left", ncols=3)
        return figure


def draw_trajectory(found: Trajectory, data: ReportData) -> Figure:
    """Net stock by period: the mean, the band that 90% of replications lie in, and one replication."""
    with figure_style():
        figure, axes = _figure(2.5)
        shown = found.periods
        axes.fill_between(
            shown, found.low, found.high, color=BLUE, alpha=0.2, linewidth=0.0,
            label=f"90% of {found.replications} replications",
        )  # fmt: skip
        axes.plot(shown, found.mean, color=BLUE, linewidth=1.6, label="mean")
        axes.plot(shown, found.one, color=AMBER, linewidth=0.9, label="one replication")
        axes.axhline(0.0, color=RED, linewidth=0.8)
        axes.set(
            xlabel=f"{data.case.units.get('period', 'period')} of the horizon",
            ylabel=plain(f"net stock, {data.case.units.get('quantity', 'units')}"),
        )
        figure.legend(loc="outside lower left", ncols=3)
        return figure


def draw_slice(found: Slice, data: ReportData) -> Figure:
    """Surrogate of a node's cost along its level with its 95% band, and the simulated points it was fitted to."""
    with figure_style():
        figure, axes = _figure(2.7)
        low, high = found.mean - 1.96 * found.deviation, found.mean + 1.96 * found.deviation
        axes.fill_between(found.levels, low, high, color=BLUE, alpha=0.2, linewidth=0.0, label="95% of the surrogate")
        axes.plot(found.levels, found.mean, color=BLUE, linewidth=1.6, label="surrogate")
        for sampled, cost, distance in zip(found.sampled, found.costs, found.distance, strict=True):
            axes.plot(sampled, cost, "o", color=AMBER, markersize=4.5, alpha=1.0 - 0.75 * distance)
        axes.plot([], [], "o", color=AMBER, markersize=4.5, label="simulated (faint: other levels differ)")
        axes.axvline(found.chosen, color=GREEN, linewidth=1.0, linestyle="--", label="level decided on")
        region = ", ".join(found.region)
        axes.set(
            xlabel=plain(f"base-stock level of {found.node} (region: {region})"),
            ylabel=plain(f"stock cost of {found.node}{_unit(data)}"),
        )
        figure.legend(loc="outside lower left", ncols=3)
        return figure


def draw_frontier(data: ReportData) -> Figure | None:
    """Cost against what a frontier limits; None without one."""
    if data.frontier is None:
        return None
    points = sorted(data.frontier["points"], key=lambda point: point["value"])
    with figure_style():
        figure, axes = _figure(3.0)
        values, costs = [p["value"] for p in points], [p["cost"]["mean"] for p in points]
        half = [p["cost"]["half_width"] or 0.0 for p in points]
        axes.errorbar(values, costs, yerr=half, fmt="o-", color=BLUE, markersize=5.0, linewidth=1.0, capsize=3.0)
        axes.set(xlabel=plain(str(data.frontier["label"])), ylabel=plain(f"cost over the horizon{_unit(data)}"))
        axes.grid(alpha=0.25)
        return figure


def _unit(data: ReportData) -> str:
    """Unit of money behind the name of an axis."""
    return f",{data.money}" if data.money else ""


def _dearest(rows: Sequence[NodeRow], cost: Callable[[NodeRow], float]) -> list[NodeRow]:
    """The rows that cost most, at most forty, in their order."""
    if len(rows) <= MOST_BARS:
        return list(rows)
    kept = set(sorted(range(len(rows)), key=lambda k: -cost(rows[k]))[:MOST_BARS])
    return [row for k, row in enumerate(rows) if k in kept]
