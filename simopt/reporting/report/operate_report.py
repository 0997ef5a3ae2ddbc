"""The report of an `operate`: policies side by side, stock and backlog over time, recovery after shocks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from simopt.operate_outcome import Operated, PolicyOutcome
from simopt.planning.measures import COSTS, Series
from simopt.reporting.operate import COLUMNS, shown
from simopt.reporting.report.page import Card, Cell, Column, Page, Picture, Section, Table, write_page
from simopt.reporting.report.style import BLUE, FAINT, GREEN, INK, PALETTE, RED, figure_style, plain

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_SITES = 6
BAND = (5.0, 95.0)
WIDTH = 7.2
MORE = ("cycle_service_level", "cancelled", "obsolete")
COST_NAMES = {cost.name.lower(): cost.name.lower().removesuffix("_cost").replace("_", " ") for cost in COSTS}


def write_operate_report(folder: Path, found: Operated, units: Mapping[str, str]) -> None:
    """Write report.html and its figures.

    Parameters
    ----------
    folder
        It exists; files of the same names are replaced.
    found
        The outcome.
    units
        Names of units.
    """
    subtitle = (
        f"{found.replications:,} replications of the planning simulator for every policy, all on the same demand; "
        "intervals of 95%, one measure at a time."
    )
    sections = [_policies(found, units), _differences(found), _bullwhip(found), *_trajectories(found, units)]
    sections += [section for section in (_recovery(found, units), _promise(found)) if section is not None]
    page = Page(
        f"{found.case}: policies side by side", subtitle, found.warnings, tuple(_cards(found, units)), tuple(sections)
    )
    write_page(folder, page)


def _cards(found: Operated, units: Mapping[str, str]) -> list[Card]:
    money = units.get("money", "money")
    cheapest = min(found.policies, key=lambda one: one.measures["cost"].mean)
    best = max(found.policies, key=lambda one: one.measures["fill_rate"].mean)
    calm = min(found.policies, key=lambda one: _last_bullwhip(found, one))
    cost = cheapest.measures["cost"]
    return [
        Card("least cost", cheapest.name, f"{shown('cost', cost)} {money} over the horizon"),
        Card("highest fill rate", best.name, shown("fill_rate", best.measures["fill_rate"])),
        Card("least bullwhip up the chain", calm.name, f"{_last_bullwhip(found, calm):.2f} at {found.sites[0]}"),
    ]


def _last_bullwhip(found: Operated, one: PolicyOutcome) -> float:
    return one.measures[f"bullwhip:{found.sites[0]}"].mean


def _table(rows: Sequence[tuple[str, Mapping[str, Any]]], columns: Sequence[str]) -> Table:
    heads = (Column("policy", True), *(Column(name.replace("_", " ").replace("bullwhip:", "")) for name in columns))
    cells = tuple(
        (Cell.text(name), *(Cell(shown(column, own[column]), own[column].mean) for column in columns))
        for name, own in rows
    )
    return Table(heads, cells)


def _policies(found: Operated, units: Mapping[str, str]) -> Section:
    with figure_style():
        parts, trade = _draw_costs(found, units), _draw_trade(found)
    rows = [(one.name, one.measures) for one in found.policies]
    return Section(
        "policies",
        "Policies",
        pictures=(
            Picture("costs", parts, "What each policy's expected cost is made of; the line is its 95% interval."),
            Picture("trade", trade, "Service against stock: each policy with its 95% intervals."),
        ),
        tables=(_table(rows, (*COLUMNS, *MORE)), _table(rows, tuple(COST_NAMES))),
    )


def _differences(found: Operated) -> Section:
    rows = [(one.name, one.differences) for one in found.policies[1:]]
    if not rows:
        return Section("differences", "Differences", "One policy only: nothing to compare it with.")
    text = (
        f"Each policy less {found.policies[0].name}, replication by replication on the same demand. An interval "
        "without 0 tells the two apart at 95%."
    )
    return Section("differences", f"Difference to {found.policies[0].name}", text, tables=(_table(rows, COLUMNS),))


def _bullwhip(found: Operated) -> Section:
    names = [f"bullwhip:{site}" for site in reversed(found.sites)]
    with figure_style():
        figure = _draw_bullwhip(found)
    text = (
        "Variance of a site's weekly orders over that of what was asked of it, mean over product families. Above 1, "
        "orders swing more than demand."
    )
    rows = [(one.name, one.measures) for one in found.policies]
    caption = "Bullwhip by site, customers' side first."
    return Section(
        "bullwhip", "Bullwhip", text, pictures=(Picture("bullwhip", figure, caption),), tables=(_table(rows, names),)
    )


def _trajectories(found: Operated, units: Mapping[str, str]) -> list[Section]:
    sites = list(reversed(range(len(found.sites))))[:MOST_SITES]
    pictures = []
    with figure_style():
        for s in sites:
            figure = _draw_fans(found, s, units)
            pictures.append(Picture(f"fan-{found.sites[s]}", figure, f"{found.sites[s]}: {_FAN}"))
    more = len(found.sites) - len(sites)
    text = f"The {MOST_SITES} sites nearest to the customers; {more} more are not drawn." if more else ""
    return [Section("trajectories", "Over time", text, pictures=tuple(pictures))]


_FAN = (
    "stock on hand (blue) and, downward, what is owed (red): median and the band between the 5th and the 95th "
    "percentile of the replications; one of them as a thin line."
)


def _recovery(found: Operated, units: Mapping[str, str]) -> Section | None:
    rows = [(one, one.recovery) for one in found.policies if one.recovery is not None]
    if not rows:
        return None
    with figure_style():
        figure = _draw_recovery(found, units)
    period = units.get("period", "period")
    text = (
        "The same runs with and without the planned shocks of the case: what the shocks alone leave unserved. "
        "Recovered is a replication once no more than 5% of its peak is left."
    )
    heads = (Column("policy", True), Column("peak, units"), Column(f"{period}s to recover"), Column("recovered"))
    cells = tuple(
        (
            Cell.text(one.name),
            Cell(shown("peak", own.peak), own.peak.mean),
            Cell(shown("periods", own.periods), own.periods.mean),
            Cell.number(own.recovered, 0, percent=True),
        )
        for one, own in rows
    )
    caption = "Extra backlog of customers because of the shocks, mean with its 95% interval."
    return Section(
        "recovery",
        "Recovery after shocks",
        text,
        pictures=(Picture("recovery", figure, caption),),
        tables=(Table(heads, cells),),
    )


def _promise(found: Operated) -> Section | None:
    promise = found.promise
    if promise is None:
        return None
    here = next(one.measures for one in found.policies if one.name == "levels")
    rows = [("cost", promise.cost, here["cost"], promise.cost_difference)]
    if promise.fill_rate is not None and promise.fill_rate_difference is not None:
        rows.append(("fill_rate", promise.fill_rate, here["fill_rate"], promise.fill_rate_difference))
    cells = tuple(
        (Cell.text(name.replace("_", " ")), *(Cell(shown(name, value), value.mean) for value in values))
        for name, *values in rows
    )
    heads = (Column("levels", True), Column("promised"), Column("here"), Column("difference"))
    text = "The run's network and levels: what its own model promised, and what this world gives."
    return Section("promise", "Promised and given", text, tables=(Table(heads, cells),))


def _draw_costs(found: Operated, units: Mapping[str, str]) -> Figure:
    from matplotlib.figure import Figure

    names = [plain(one.name) for one in found.policies]
    figure = Figure(figsize=(WIDTH, 1.3 + 0.36 * len(names)), layout="constrained")
    axes = figure.add_subplot()
    left = np.zeros(len(names))
    parts = [*COST_NAMES, "fixed_cost"]
    parts = [part for part in parts if any(one.measures[part].mean > 0.0 for one in found.policies)]
    shades = (1.0, 0.55)
    for k, part in enumerate(parts):
        values = np.array([one.measures[part].mean for one in found.policies])
        color, alpha = PALETTE[k % len(PALETTE)], shades[k // len(PALETTE) % 2]
        label = COST_NAMES.get(part, "fixed")
        axes.barh(names, values, left=left, color=color, alpha=alpha, height=0.62, label=label)
        left += values
    widths = [one.measures["cost"].half_width for one in found.policies]
    axes.errorbar(left, names, xerr=widths, fmt="none", ecolor=INK, elinewidth=1.0, capsize=2.5)
    axes.invert_yaxis()
    axes.set_xlabel(plain(f"cost over the horizon, {units.get('money', 'money')}"))
    axes.grid(axis="x", alpha=0.25)
    figure.legend(loc="outside lower left", ncols=4)
    return figure


def _draw_trade(found: Operated) -> Figure:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, 3.0), layout="constrained")
    axes = figure.add_subplot()
    for one in found.policies:
        stock, service = one.measures["inventory_exposure"], one.measures["fill_rate"]
        axes.errorbar(
            stock.mean, 100 * service.mean, xerr=stock.half_width, yerr=100 * service.half_width, fmt="o", color=BLUE,
            markersize=4.0, elinewidth=0.9,
        )  # fmt: skip
        axes.annotate(
            plain(one.name), (stock.mean, 100 * service.mean), xytext=(6, 4), textcoords="offset points", color=INK
        )
    axes.margins(0.14)
    axes.set(xlabel="units on hand and in transit, mean", ylabel="fill rate, %")
    axes.grid(alpha=0.25)
    return figure


def _draw_bullwhip(found: Operated) -> Figure:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, 2.8), layout="constrained")
    axes = figure.add_subplot()
    sites = list(reversed(found.sites))
    width = 0.8 / len(found.policies)
    for k, one in enumerate(found.policies):
        values = [one.measures[f"bullwhip:{site}"] for site in sites]
        at = np.arange(len(sites)) + (k - 0.5 * (len(found.policies) - 1)) * width
        axes.bar(
            at, [v.mean for v in values], width, yerr=[v.half_width for v in values], label=plain(one.name),
            color=PALETTE[k % len(PALETTE)], error_kw={"ecolor": INK, "elinewidth": 0.8},
        )  # fmt: skip
    axes.axhline(1.0, color=FAINT, linewidth=0.8, linestyle="--")
    axes.set_xticks(range(len(sites)), [plain(site) for site in sites])
    axes.set_ylabel("bullwhip ratio")
    figure.legend(loc="outside lower left", ncols=min(len(found.policies), 6))
    return figure


def _draw_fans(found: Operated, s: int, units: Mapping[str, str]) -> Figure:
    from matplotlib.figure import Figure

    columns = 1 if len(found.policies) == 1 else 2
    rows = -(-len(found.policies) // columns)
    figure = Figure(figsize=(WIDTH, 0.5 + 1.55 * rows), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True).ravel()
    for axes, one in zip_longest(grid, found.policies):
        if one is None:
            axes.set_axis_off()
            continue
        weeks = np.arange(one.series.shape[1]) - found.warm_up + 1
        for series, sign, color in ((Series.ON_HAND, 1.0, BLUE), (Series.BACKLOG, -1.0, RED)):
            values = sign * one.series[:, :, s, series]
            low, middle, high = np.percentile(values, (BAND[0], 50.0, BAND[1]), axis=0)
            axes.fill_between(weeks, low, high, color=color, alpha=0.22, linewidth=0.0)
            axes.plot(weeks, middle, color=color, linewidth=1.3)
            axes.plot(weeks, values[0], color=color, linewidth=0.5, alpha=0.7)
        axes.axhline(0.0, color=FAINT, linewidth=0.6)
        axes.axvline(0.5, color=FAINT, linewidth=0.6, linestyle=":")
        axes.set_title(plain(one.name), loc="left")
    figure.supxlabel(f"{units.get('period', 'period')} of the horizon (dotted: its beginning)", fontsize=8.5)
    figure.supylabel("units", fontsize=8.5)
    return figure


def _draw_recovery(found: Operated, units: Mapping[str, str]) -> Figure:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, 3.0), layout="constrained")
    axes = figure.add_subplot()
    colors = (BLUE, RED, GREEN, *PALETTE[3:])
    for k, one in enumerate(found.policies):
        if one.recovery is None:
            continue
        weeks = np.arange(len(one.recovery.extra_backlog)) + 1
        mean, half = one.recovery.extra_backlog, one.recovery.half_width
        color = colors[k % len(colors)]
        axes.fill_between(weeks, mean - half, mean + half, color=color, alpha=0.2, linewidth=0.0)
        axes.plot(weeks, mean, color=color, linewidth=1.4, label=plain(one.name))
    axes.set(xlabel=f"{units.get('period', 'period')} of the horizon", ylabel="extra backlog, units")
    axes.grid(axis="y", alpha=0.25)
    figure.legend(loc="outside lower left", ncols=6)
    return figure
