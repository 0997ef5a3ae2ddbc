"""The page itself: sections of text, figures and tables, rendered by one template."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from simopt.reporting.report.style import figure_style, svg_of, themed

if TYPE_CHECKING:
    from markupsafe import Markup
    from matplotlib.figure import Figure

PNG_DPI = 130


@dataclass(frozen=True)
class Card:
    """A number that matters."""

    label: str
    value: str
    note: str = ""


@dataclass(frozen=True)
class Column:
    """Heading of a table's column."""

    title: str
    is_text: bool = False


@dataclass(frozen=True)
class Cell:
    """What a cell shows, and the number it is sorted by; None: by its text."""

    shown: str
    key: float | None = None
    is_text: bool = False

    @classmethod
    def number(cls, value: float | None, digits: int = 2, *, percent: bool = False) -> Cell:
        """A number, blank where there is none."""
        if value is None:
            return cls("", -1e300)
        return cls(f"{value:.{digits}%}" if percent else f"{value:,.{digits}f}", float(f"{value:.9g}"))

    @classmethod
    def text(cls, value: str) -> Cell:
        """A name or a remark."""
        return cls(value, is_text=True)


@dataclass(frozen=True)
class Table:
    """Columns and rows."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True, eq=False)
class Picture:
    """A figure with its file's name and its caption."""

    name: str
    figure: Figure
    caption: str


@dataclass(frozen=True, eq=False)
class Section:
    """A heading with what belongs under it."""

    id: str
    title: str
    text: str = ""
    pictures: tuple[Picture, ...] = ()
    tables: tuple[Table, ...] = ()
    side_by_side: bool = False


@dataclass(frozen=True, eq=False)
class Page:
    """Everything a report says."""

    title: str
    subtitle: str
    warnings: tuple[str, ...]
    cards: tuple[Card, ...]
    sections: tuple[Section, ...]


@dataclass(frozen=True)
class _Shown:
    svg: Markup
    caption: str


def write_page(folder: Path, page: Page) -> None:
    """Write report.html, and every figure as figures/NAME.svg and .png.

    Parameters
    ----------
    folder
        It exists; files of the same names are replaced.
    page
        What it says.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    pictures = folder / "figures"
    pictures.mkdir(exist_ok=True)
    sections = []
    for section in page.sections:
        shown = []
        for picture in section.pictures:
            svg = _save(pictures, picture)
            shown.append(_Shown(Markup(themed(svg, picture.name)), picture.caption))
        sections.append(_as_shown(section, shown))
    environment = Environment(
        loader=PackageLoader("simopt.reporting.report", "."), autoescape=True, undefined=StrictUndefined
    )
    text = environment.get_template("page.html.j2").render(
        title=page.title, subtitle=page.subtitle, warnings=page.warnings, cards=page.cards, sections=sections
    )
    (folder / "report.html").write_text(text + "\n", encoding="utf-8")


def _save(folder: Path, picture: Picture) -> str:
    with figure_style():
        svg = svg_of(picture.figure)
        (folder / f"{picture.name}.svg").write_text(svg, encoding="utf-8")
        picture.figure.savefig(
            folder / f"{picture.name}.png", dpi=PNG_DPI, facecolor="white", metadata={"Software": None}
        )
    return svg


def _as_shown(section: Section, figures: Sequence[_Shown]) -> dict[str, object]:
    return {
        "id": section.id, "title": section.title, "text": section.text, "figures": figures,
        "tables": section.tables, "side_by_side": section.side_by_side,
    }  # fmt: skip
