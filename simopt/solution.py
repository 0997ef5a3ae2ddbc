"""What `simopt.solve` returns: the numbers of `result.json` with their case, as tables and pictures."""

from __future__ import annotations

import html
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from design.case import Case
from design.case_files import load_case
from design.network import Design
from design.node import LanePair
from simopt.apps.report import report_data
from simopt.reporting.report.charts import (
    draw_bounds,
    draw_cost,
    draw_levels,
    draw_service,
    draw_slice,
    draw_trajectory,
)
from simopt.reporting.report.data import ReportData
from simopt.reporting.report.maps import NetworkPicture, draw_network
from simopt.reporting.report.run_report import write_run_report
from simopt.reporting.report.style import figure_style, svg_of
from simopt.reporting.run_folder import finite, write_run
from simopt.result import LowerBound, Result
from simopt.result_file import ResultError, read_content
from simopt.simulation.estimate import Estimate

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame


@dataclass(frozen=True, eq=False)
class Plot:
    """A picture: a notebook shows it, `save` writes it.

    Parameters
    ----------
    figure
        The matplotlib figure.
    """

    figure: Figure

    def save(self, path: str | Path) -> None:
        """Write a .svg, .png or .pdf file."""
        with figure_style():
            self.figure.savefig(Path(path), dpi=150, metadata={"Date": None} if str(path).endswith(".svg") else None)

    def _repr_svg_(self) -> str:
        with figure_style():
            return svg_of(self.figure)


@dataclass(frozen=True, eq=False)
class Solution:
    """A network and base-stock levels with what they cost.

    Parameters
    ----------
    case
        The problem.
    content
        Of `result.json`, stocking points named as in `case.network`: plain values, lists and mappings.
    """

    case: Case
    content: Mapping[str, Any]

    @classmethod
    def of(cls, case: Case, result: Result) -> Solution:
        """The solution that a search found."""
        return cls(case, json.loads(json.dumps(finite(result.as_dict()), allow_nan=False)))

    @classmethod
    def from_json(cls, text: str, case: Case) -> Solution:
        """The solution that `to_json` wrote, of the same case."""
        return cls(case, json.loads(text))

    @classmethod
    def load(cls, folder: str | Path) -> Solution:
        """The solution of a run folder, which `save` or `simopt solve --out` wrote.

        Raises
        ------
        ResultError
            If the folder or a file in it is not what it should be.
        """
        path = Path(folder)
        content = read_content(path / "result.json")
        if not (path / "case").is_dir() or "design" not in content:
            raise ResultError(f"{path}: holds no solution; expected the folder that a solve wrote with --out")
        return cls(load_case(str(path / "case")), content)

    def to_json(self) -> str:
        """All numbers as text; `from_json` gives the same solution back."""
        return json.dumps(self.content, indent=2, allow_nan=False)

    def save(self, folder: str | Path, *, report: bool = True) -> None:
        """Write a run folder: result.json, tables, a copy of the case, and report.html with its figures."""
        path = Path(folder)
        write_run(path, self.case, self.content)
        if report:
            write_run_report(path, self._report)

    @property
    def status(self) -> str:
        """Whether the search ended by itself ("solved"), or "limit", "interrupted" or "failed"."""
        return str(self.content["status"])

    @property
    def warnings(self) -> tuple[str, ...]:
        """What makes the result less than it seems."""
        return tuple(self.content["warnings"])

    @property
    def cost(self) -> Estimate:
        """Expected cost over the horizon with the half-width of its 95% interval, money."""
        found = self.content["cost"]
        half_width = float("inf") if found["half_width"] is None else found["half_width"]
        return Estimate(found["mean"], half_width, found["replications"])

    @property
    def lower_bound(self) -> LowerBound | None:
        """What no design can beat; None for methods without a bound."""
        found = self.content["lower_bound"]
        return None if found is None else LowerBound(**found)

    @property
    def gap(self) -> float | None:
        """(cost - lower bound) / cost; None without a bound."""
        gap: float | None = self.content["gap"]
        return gap

    @property
    def certified(self) -> bool | str:
        """Whether the design is proven best; "assuming global levels" where that is what the proof rests on."""
        claim: bool | str = self.content["certified"]
        return claim

    @property
    def lanes(self) -> tuple[LanePair, ...]:
        """Used lanes as (from, to)."""
        return tuple((lane["from"], lane["to"]) for lane in self.content["design"]["lanes"])

    @cached_property
    def design(self) -> Design:
        """The network."""
        return self.case.network.design(self.lanes)

    @property
    def levels(self) -> dict[str, float]:
        """Base-stock level of every used node, units."""
        return {row["node"]: row["level"] for row in self.content["base_stock_levels"]}

    @property
    def nodes(self) -> DataFrame:
        """One row a used node: kind, supplier, level, safety_stock, throughput (units a period), costs, fill_rate."""
        from pandas import DataFrame

        rows = [
            {
                "node": row.name, "kind": row.kind, "supplier": row.supplier or None, "level": row.level,
                "safety_stock": row.safety_stock, "throughput": row.throughput, "holding": row.holding,
                "backorder": row.backorder, "fill_rate": row.fill_rate,
            }
            for row in self._report.nodes
        ]  # fmt: skip
        return DataFrame(rows).set_index("node")

    @property
    def flows(self) -> DataFrame:
        """One row a used lane: from, to, units a period, lead_time and unit_cost."""
        from pandas import DataFrame

        rows = []
        for (origin, destination), units in self._report.flows.items():
            lane = self.case.network.lane((origin, destination))
            ends = {"from": origin, "to": destination}
            rows.append({**ends, "units": units, "lead_time": lane.lead_time, "unit_cost": lane.unit_cost})
        return DataFrame(rows, columns=["from", "to", "units", "lead_time", "unit_cost"])

    @property
    def iterations(self) -> DataFrame:
        """One row a step of the search."""
        from pandas import DataFrame

        return DataFrame(self.content["iterations"])

    def plot_network(self) -> Plot:
        """The network: a map where nodes have coordinates, echelons where they have none."""
        return Plot(draw_network(NetworkPicture.of(self.case, self._report.flows)))

    def plot_bounds(self) -> Plot | None:
        """Bounds against iterations; None where the search recorded none."""
        return _plot(draw_bounds(self._report))

    def plot_cost(self) -> Plot:
        """What the cost is made of."""
        return Plot(draw_cost(self._report))

    def plot_levels(self) -> Plot:
        """Base-stock levels and safety stocks."""
        return Plot(draw_levels(self._report))

    def plot_service(self) -> Plot | None:
        """Fill rates against targets; None where none was measured."""
        return _plot(draw_service(self._report))

    def plot_inventory(self, node: str) -> Plot:
        """Net stock of a used node over time on fresh replications.

        Raises
        ------
        OptionError
            If the node is not in use.
        """
        data = report_data(self.case, self.content, [node])
        if not data.trajectories:
            raise ResultError("inventory: only known with the built-in simulator")
        return Plot(draw_trajectory(data.trajectories[0], data))

    def plot_surrogates(self) -> tuple[Plot, ...]:
        """Stock cost against one level, with the simulated points behind it."""
        return tuple(Plot(draw_slice(one, self._report)) for one in self._report.slices)

    @cached_property
    def _report(self) -> ReportData:
        return report_data(self.case, self.content)

    def __repr__(self) -> str:
        return f"<Solution of {self.case.name}: {'; '.join(self._lines())}>"

    def _repr_html_(self) -> str:
        lines = "".join(f"<li>{html.escape(line)}</li>" for line in self._lines())
        network = self.plot_network()._repr_svg_()
        picture = network[network.index("<svg") :]
        return f"<div><b>{html.escape(self.case.title or self.case.name)}</b><ul>{lines}</ul>{picture}</div>"

    def _lines(self) -> Iterable[str]:
        yield f"cost {self.cost.mean:,.2f} ± {self.cost.half_width:,.2f}"
        if self.lower_bound is not None and self.gap is not None:
            yield f"lower bound {self.lower_bound.value:,.2f} ({self.lower_bound.kind}), gap {self.gap:.2%}"
        if self.certified:
            yield "certified best" if self.certified is True else f"certified best, {self.certified}"
        yield f"{len(self.levels)} nodes and {len(self.lanes)} lanes in use, {self.status}"


def _plot(figure: Figure | None) -> Plot | None:
    return None if figure is None else Plot(figure)
