"""The report of a `compare`: box plots of every method's costs, and the performance profile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simopt.comparison import Profile
from simopt.reporting.profile_plot import profile_figure
from simopt.reporting.report.page import Cell, Column, Page, Picture, Section, Table, write_page
from simopt.reporting.report.style import AMBER, BLUE, INK, figure_style, plain

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def write_compare_report(folder: Path, content: Mapping[str, Any]) -> None:
    """Write report.html and its figures from the content of a comparison's `result.json`."""
    cases = content.get("cases", [content])
    sections = [_case(one) for one in cases]
    profile = Profile({method: tuple(ratios) for method, ratios in content["profile"].items()})
    if len(profile.ratios) > 1:
        with figure_style():
            figure = profile_figure(profile)
        caption = f"In which share of {profile.num_problems} cases and seeds a method comes how close to the best."
        sections.append(Section("profile", "Performance profile", pictures=(Picture("profile", figure, caption),)))
    names = ", ".join(one["case"] for one in cases)
    subtitle = "Methods at the same number of simulated replications; true costs on common fresh replications."
    write_page(folder, Page(f"Methods side by side: {names}", subtitle, (), (), tuple(sections)))


def _case(content: Mapping[str, Any]) -> Section:
    methods = sorted(content["methods"], key=lambda name: content["methods"][name]["median"])
    rows = tuple(
        (Cell.text(name), *(Cell.number(found[key]) for key in ("mean", "half_width", "median", "worst")),
         Cell.number(found["above_best"], percent=True), Cell.number(found["replications"], 0),
         Cell.number(found["wall_seconds"]))
        for name, found in ((name, content["methods"][name]) for name in methods)
    )  # fmt: skip
    titles = ("mean", "±", "median", "worst", "above best", "replications", "seconds")
    table = Table((Column("method", True), *map(Column, titles)), rows)
    figure = _boxes(methods, [content["methods"][name]["costs"] for name in methods])
    name = str(content["case"])
    caption = f"True cost of each method's solution, one point a seed; at most {content['budget']:,} replications each."
    return Section(f"case-{name}", name, pictures=(Picture(f"costs-{name}", figure, caption),), tables=(table,))


def _boxes(methods: Sequence[str], costs: Sequence[Sequence[float]]) -> Figure:
    from matplotlib.figure import Figure

    with figure_style():
        figure = Figure(figsize=(7.2, 1.0 + 0.34 * len(methods)), layout="constrained")
        axes = figure.add_subplot()
        axes.boxplot(
            costs, orientation="horizontal", tick_labels=[plain(name) for name in methods], widths=0.55,
            showfliers=False,
            boxprops={"color": BLUE}, whiskerprops={"color": BLUE}, capprops={"color": BLUE},
            medianprops={"color": BLUE, "linewidth": 2.0},
        )  # fmt: skip
        for row, own in enumerate(costs):
            axes.plot(own, [row + 1] * len(own), "o", color=AMBER, markersize=3.5, alpha=0.8)
        axes.invert_yaxis()
        axes.set_xlabel("true cost", color=INK)
        axes.grid(axis="x", alpha=0.25)
        return figure
