"""The performance profile as a picture (Dolan & Moré 2002): share of cases and seeds within a factor of the best."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from simopt.comparison import Profile

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_LEAST = 1e-4  # shares above the best are drawn on a logarithmic axis from here


def draw_profile(profile: Profile, folder: Path) -> None:
    """Write profile.png and profile.svg into an existing folder."""
    from matplotlib import rc_context

    with rc_context({"svg.hashsalt": "simopt", "font.size": 10.0}):
        figure = profile_figure(profile)
        figure.savefig(folder / "profile.png", dpi=150)
        figure.savefig(folder / "profile.svg", metadata={"Date": None})


def profile_figure(profile: Profile) -> Figure:
    """One step line a method; shares above the best on a logarithmic axis."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter, PercentFormatter

    furthest = max(max(ratios) for ratios in profile.ratios.values()) - 1.0
    right = 1.5 * max(furthest, 0.01)
    figure = Figure(figsize=(7.5, 4.5), layout="constrained")
    axes = figure.add_subplot()
    for number, method in enumerate(profile.methods):
        above = [max(ratio - 1.0, _LEAST) for ratio in profile.ratios[method]]
        shares = [(k + 1) / profile.num_problems for k in range(len(above))]
        color = f"C{number}"
        axes.step([_LEAST, *above, right], [0.0, *shares, 1.0], where="post", color=color, label=method)
    axes.set(
        xscale="log",
        xlim=(_LEAST, right),
        ylim=(0.0, 1.03),
        xlabel="cost above the best method's, at most",
        ylabel=f"share of {profile.num_problems} cases and seeds",
    )
    axes.xaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:g}%"))
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.grid(visible=True, alpha=0.2)
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside right center", frameon=False, fontsize=9.0)
    return figure
