"""One look for all figures: as files in fixed colors, in the page in the colors of its theme."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK, FAINT = "#1b1f24", "#8a939c"
BLUE, RED, GREEN, AMBER, VIOLET, TEAL = "#2c6fad", "#b8483b", "#3f8f5a", "#c98a1b", "#7a5aa8", "#2f8f8f"
PALETTE = (BLUE, RED, GREEN, AMBER, VIOLET, TEAL)
_THEMED = {
    INK: "--ink", FAINT: "--faint", BLUE: "--blue", RED: "--red", GREEN: "--green", AMBER: "--amber",
    VIOLET: "--violet", TEAL: "--teal",
}  # fmt: skip
_RC: dict[str, Any] = {
    "svg.hashsalt": "simopt", "svg.fonttype": "none", "font.size": 9.0, "font.family": "sans-serif",
    "text.color": INK, "axes.edgecolor": FAINT, "axes.labelcolor": INK, "axes.titlesize": 9.0, "axes.linewidth": 0.7,
    "xtick.color": FAINT, "ytick.color": FAINT, "xtick.labelcolor": INK, "ytick.labelcolor": INK,
    "axes.spines.top": False, "axes.spines.right": False, "legend.frameon": False, "legend.fontsize": 8.0,
    "figure.facecolor": "none", "axes.facecolor": "none", "savefig.facecolor": "none", "grid.color": FAINT,
}  # fmt: skip


@contextmanager
def figure_style() -> Iterator[None]:
    """The settings of matplotlib that every figure is made and saved with."""
    from matplotlib import rc_context

    with rc_context(_RC):
        yield


def svg_of(figure: Figure) -> str:
    """The figure as SVG, the same for the same figure."""
    text = StringIO()
    figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    figure.set_layout_engine("none")  # it is laid out; what is saved next, is so the same way
    return text.getvalue()


def themed(svg: str, name: str) -> str:
    """SVG to stand in the page: colors by the page's theme, ids of its own, scaled to the page's width.

    Parameters
    ----------
    svg
        From `svg_of`.
    name
        Of the figure, unique in the page.
    """
    text = svg[svg.index("<svg") :]
    for color, variable in _THEMED.items():
        text = text.replace(color, f"var({variable})")
    text = re.sub(r'(id="|href="#|url\(#)', rf"\g<1>{name}-", text)
    head, body = text.split(">", 1)
    box = re.search(r'viewBox="[^"]*"', head)
    shown = box.group(0) if box else ""
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = re.sub(r"font: ([^;\"]*?)'?DejaVu Sans'?[^;\"]*", r"font: \1sans-serif", body)
    return f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" {shown}>{body}'


def plain(text: str) -> str:
    """Text that matplotlib does not take for a formula."""
    return text.replace("$", r"\$")
