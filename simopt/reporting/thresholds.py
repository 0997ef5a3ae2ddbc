"""What `thresholds` prints, writes and draws."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from simopt.reporting.report.page import Card, Cell, Column, Page, Picture, Section, Table, write_page
from simopt.reporting.report.style import AMBER, BLUE, FAINT, GREEN, INK, RED, figure_style, plain
from simopt.reporting.run_folder import write_csv, write_json
from simopt.simulation.estimate import Estimate
from simopt.threshold_outcome import FirmPolicy, ScenarioOutcome, ThresholdPlan

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_DRAWN = 8
WIDTH = 7.2
COLORS = (BLUE, RED, AMBER)


def print_thresholds(plan: ThresholdPlan, units: Mapping[str, str]) -> None:
    """Print thresholds by node, what bounds cost, and the scenarios."""
    money = units.get("money", "money")
    print(f"{'node':20}{'demand':>9}{'most':>7}{'threshold':>11}{'last':>7}{'unbounded':>11}{'cost-to-go':>15}")
    for firm in plan.firms:
        middle = plan.steps // 2
        print(
            f"{firm.node:20}{firm.mean_demand:>9.1f}{firm.most_demand:>7}{firm.thresholds[middle]:>11.0f}"
            f"{firm.thresholds[-1]:>7.0f}{firm.free[middle]:>11.0f}{firm.cost_to_go[plan.kind]:>15,.0f}"
        )
    print(f"\n{'cost-to-go, sum over firms, by bound':36}{'':>4}{money:>14}{'':>4}{'above backlog':>14}")
    totals = {kind: sum(firm.cost_to_go[kind] for firm in plan.firms) for kind in plan.firms[0].cost_to_go}
    for kind, total in totals.items():
        print(f"{kind:36}{'':>4}{total:>14,.0f}{'':>4}{total / totals['backlog'] - 1.0:>14.1%}")
    for one in plan.scenarios:
        _print_scenario(plan, one, money)
    _print_trade_off(plan)
    print(
        f"\n{plan.case}: {len(plan.firms)} firms, {plan.steps} steps, {plan.kind} lower bounds; cost-to-go from empty "
        f"stocks; {plan.seconds:.1f} s"
    )


def _print_scenario(plan: ThresholdPlan, one: ScenarioOutcome, money: str) -> None:
    print(
        f"\n{one.name}: penalties {shown(one.cost)} {money}, fill rate {100 * one.fill_rate.mean:.2f} ± "
        f"{100 * one.fill_rate.half_width:.2f} %"
    )
    if one.felt:
        print(f"{'node':20}{'echelon':>8}{'felt':>7}{'delay':>16}{'recovery':>16}")
    for firm in plan.firms:
        if firm.node in one.delay:
            delay, recovery = shown(one.delay[firm.node]), shown(one.recovery[firm.node])
            print(f"{firm.node:20}{firm.echelon:>8}{one.felt[firm.node]:>7.0%}{delay:>16}{recovery:>16}")


def _print_trade_off(plan: ThresholdPlan) -> None:
    if plan.trade_off:
        print("\nprobability of a shock in thresholds, then penalties and fill rate by scenario")
    for point in plan.trade_off:
        cells = "".join(
            f"{name:>16} {shown(point.cost[name]):>18} {100 * point.fill_rate[name].mean:6.2f} %" for name in point.cost
        )
        print(f"{point.probability:>6.1%}{cells}")


def shown(value: Estimate) -> str:
    """A mean with its half-width."""
    digits = 0 if abs(value.mean) >= 1000 else 1
    return f"{value.mean:,.{digits}f} ± {value.half_width:,.{digits}f}"


def write_thresholds(folder: Path, plan: ThresholdPlan, units: Mapping[str, str]) -> None:
    """Write `result.json`, `thresholds.csv` and, of simulated scenarios, a report with its figures."""
    write_json(folder / "result.json", plan.as_dict())
    rows = [
        {"node": firm.node, "step": t + 1, "threshold": float(firm.thresholds[t]), "unbounded": float(firm.free[t])}
        for firm in plan.firms
        for t in range(plan.steps)
    ]
    write_csv(folder / "thresholds.csv", list(rows[0]), rows)
    if plan.scenarios:
        write_page(folder, _page(plan, units))


def _page(plan: ThresholdPlan, units: Mapping[str, str]) -> Page:
    period = units.get("period", "period")
    cards = tuple(
        Card(one.name, shown(one.cost), f"penalties; fill rate {100 * one.fill_rate.mean:.2f} %")
        for one in plan.scenarios
    )
    with figure_style():
        sections = [
            Section(
                f"stock-{one.name}",
                f"Stock: {one.name}",
                pictures=(Picture(f"stock-{one.name}", _draw_stock(plan, one, period), _caption(one, period)),),
                tables=(_feelings(plan, one),) if one.felt else (),
            )
            for one in plan.scenarios
        ]
        caption = "Holding and shortage costs of the whole network up to each step, mean with its 95% interval."
        sections.append(
            Section(
                "penalties",
                "Cumulative penalties",
                pictures=(Picture("penalties", _draw_penalties(plan, period, units), caption),),
            )
        )
        if plan.trade_off:
            caption = "Thresholds computed with some probability of the shocked demand in every step: what it costs."
            sections.append(
                Section(
                    "robustness",
                    "What robustness costs",
                    pictures=(Picture("robustness", _draw_trade_off(plan, units), caption),),
                )
            )
    subtitle = (
        f"{plan.replications:,} replications of the planning simulator, the same demand in every scenario; "
        f"{plan.kind} lower bounds."
    )
    return Page(f"{plan.case}: thresholds", subtitle, (), cards, tuple(sections))


def _caption(one: ScenarioOutcome, period: str) -> str:
    when = f"; shaded: {period}s {one.start} to {one.end}" if one.start else ""
    return f"Stock at the end of each {period}: mean, and 5th to 95th percentile of the replications{when}."


def _feelings(plan: ThresholdPlan, one: ScenarioOutcome) -> Table:
    heads = (Column("node", True), *map(Column, ("echelon", "felt by", "delay", "recovery")))
    rows = tuple(
        (
            Cell.text(firm.node),
            Cell.number(firm.echelon, 0),
            Cell.number(one.felt[firm.node], 0, percent=True),
            Cell(shown(one.delay[firm.node]), one.delay[firm.node].mean),
            Cell(shown(one.recovery[firm.node]), one.recovery[firm.node].mean),
        )
        for firm in plan.firms
        if firm.node in one.delay
    )
    return Table(heads, rows)


def _drawn(plan: ThresholdPlan) -> list[FirmPolicy]:
    """Firms of every echelon, nearest to the customers first."""
    first: dict[int, FirmPolicy] = {}
    for firm in plan.firms:
        first.setdefault(firm.echelon, firm)
    return list(first.values())[:MOST_DRAWN]


def _draw_stock(plan: ThresholdPlan, one: ScenarioOutcome, period: str) -> Figure:
    from matplotlib.figure import Figure

    drawn = _drawn(plan)
    rows = -(-len(drawn) // 2)
    figure = Figure(figsize=(WIDTH, 0.5 + 1.35 * rows), layout="constrained")
    grid = figure.subplots(rows, 2, squeeze=False, sharex=True).ravel()
    steps = np.arange(one.stock.shape[1]) + 1
    for axes, firm in zip(grid, drawn, strict=False):
        mean, low, high = one.stock[:, :, one.nodes.index(firm.node)]
        axes.fill_between(steps, low, high, color=BLUE, alpha=0.22, linewidth=0.0)
        axes.plot(steps, mean, color=BLUE, linewidth=1.2)
        axes.axhline(0.0, color=FAINT, linewidth=0.6)
        if one.start:
            axes.axvspan(one.start, one.end, color=RED, alpha=0.1, linewidth=0.0)
        axes.set_title(plain(f"{firm.node} (echelon {firm.echelon})"), loc="left")
    for axes in grid[len(drawn) :]:
        axes.set_axis_off()
    figure.supxlabel(period, fontsize=8.5)
    figure.supylabel("units", fontsize=8.5)
    return figure


def _draw_penalties(plan: ThresholdPlan, period: str, units: Mapping[str, str]) -> Figure:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, 3.0), layout="constrained")
    axes = figure.add_subplot()
    for one, color in zip(plan.scenarios, COLORS, strict=False):
        mean, half = one.penalties
        steps = np.arange(len(mean)) + 1
        axes.fill_between(steps, mean - half, mean + half, color=color, alpha=0.25, linewidth=0.0)
        axes.plot(steps, mean, color=color, linewidth=1.4, label=plain(one.name))
    axes.set(xlabel=period, ylabel=plain(f"penalties so far, {units.get('money', 'money')}"))
    axes.grid(axis="y", alpha=0.25)
    figure.legend(loc="outside lower left", ncols=3)
    return figure


def _draw_trade_off(plan: ThresholdPlan, units: Mapping[str, str]) -> Figure:
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(WIDTH, 3.0), layout="constrained")
    names = list(plan.trade_off[0].cost)
    for axes, name in zip(figure.subplots(1, len(names), squeeze=False).ravel(), names, strict=True):
        points = [(one.cost[name], 100 * one.fill_rate[name].mean, one.probability) for one in plan.trade_off]
        axes.errorbar(
            [cost.mean for cost, _, _ in points], [rate for _, rate, _ in points],
            xerr=[cost.half_width for cost, _, _ in points], fmt="o-", color=GREEN, markersize=4.0, linewidth=1.0,
        )  # fmt: skip
        for cost, rate, share in points:
            axes.annotate(
                f"{share:.0%}", (cost.mean, rate), xytext=(4, 4), textcoords="offset points", color=INK, fontsize=7.5
            )
        axes.set_title(plain(name), loc="left")
        axes.set_xlabel(plain(f"penalties, {units.get('money', 'money')}"))
        axes.margins(0.18)
        axes.xaxis.set_major_locator(MaxNLocator(3))
        axes.grid(alpha=0.25)
    figure.supylabel("fill rate, %", fontsize=8.5)
    return figure
