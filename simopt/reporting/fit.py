"""What `fit` prints and writes: the distributions, demand.csv, a history to draw from, fit.json, a picture."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from design.errors import BadInputError
from design.fit import EMPIRICAL
from design.history import Series
from simopt.fit_outcome import FitOutcome, FittedNode
from simopt.reporting.fit_plot import SHOWN_NODES, draw_fit
from simopt.reporting.run_folder import write_csv, write_json

_PICTURES = (".png", ".svg", ".pdf")
_PARAMETERS = ("mean", "sd", "probability", "history")


@dataclass(frozen=True)
class FitFiles:
    """Where the outcome goes: the demand table, the history that it draws from, everything as JSON, a picture."""

    demand: Path
    history: Path | None = None
    json: Path | None = None
    plot: Path | None = None

    @classmethod
    def of(cls, out: Path, plot: Path | None, distribution: str) -> FitFiles:
        """A `.csv` file, or demand.csv and fit.json in a folder; beside the table a history if it is `empirical`."""
        if plot is not None and plot.suffix.lower() not in _PICTURES:
            raise BadInputError(f"--plot {plot}: expected the name of a {', '.join(_PICTURES)} file")
        if out.suffix.lower() == ".csv" and not out.is_dir():
            return cls(out, _history_of(out, distribution), plot=plot)
        if out.suffix and not out.is_dir():
            raise BadInputError(f"--out {out}: expected the name of a .csv file or a folder")
        table = out / "demand.csv"
        return cls(table, _history_of(table, distribution), out / "fit.json", plot)

    @property
    def paths(self) -> tuple[Path, ...]:
        """Every file."""
        return tuple(path for path in (self.demand, self.history, self.json, self.plot) if path is not None)

    def check(self, source: Path, *, force: bool) -> None:
        """Raise BadInputError for each file that exists, unless it may be replaced; the source never may."""
        if any(path.resolve() == source.resolve() for path in self.paths):
            raise BadInputError(f"{source} is the history itself: expected another --out")
        lines = [
            f"{path} exists: expected a new name, or --force to replace it" for path in self.paths if path.exists()
        ]
        if lines and not force:
            raise BadInputError("\n".join(lines))


def write_fit(files: FitFiles, found: FitOutcome) -> None:
    """Write the files of an outcome; folders are made if need be."""
    for path in files.paths:
        path.parent.mkdir(parents=True, exist_ok=True)
    rows = [_demand_row(node, files) for node in found.nodes]
    layers = ["product"] if any(node.fit.series.product for node in found.nodes) else []
    used = [name for name in _PARAMETERS if any(name in row for row in rows)]
    write_csv(files.demand, ["node", *layers, "distribution", *used], rows)
    if files.history is not None:
        write_csv(files.history, ["period", "node", *layers, "demand"], _history_rows(found))
    if files.json is not None:
        write_json(files.json, found.as_dict())
    if files.plot is not None:
        draw_fit(found, files.plot)


def _history_of(table: Path, distribution: str) -> Path | None:
    return table.with_name(f"{table.stem}-history.csv") if distribution == EMPIRICAL else None


def _name(series: Series) -> dict[str, object]:
    return {"node": series.node, **({"product": series.product} if series.product else {})}


def _demand_row(node: FittedNode, files: FitFiles) -> Mapping[str, object]:
    values: dict[str, object] = {key: float(f"{value:.8g}") for key, value in node.fit.parameters.items()}
    if files.history is not None:
        values["history"] = files.history.name
    return {**_name(node.fit.series), "distribution": node.fit.distribution, **values}


def _history_rows(found: FitOutcome) -> Iterator[Mapping[str, object]]:
    """Every period of every node, numbered from the table's first."""
    before = min(node.fit.series.first for node in found.nodes) - 1
    for node in found.nodes:
        series = node.fit.series
        for number, value in enumerate(series.demand, series.first - before):
            yield {"period": number, **_name(series), "demand": float(value)}


def print_fit(found: FitOutcome, files: FitFiles) -> None:
    """Print one line a node, and how to read them."""
    history = found.history
    steps = "" if history.step == "number" else f", step {history.step}"
    print(f"{history.file}: {len(found.nodes)} nodes, periods {history.first_label} to {history.last_label}{steps}\n")
    width = max(4, *(len(node.label) for node in found.nodes))
    print(
        f"{'node':{width}} {'periods':>7} {'mean':>9} {'sd':>9}  {'distribution':17} {'parameters':42} {'margin':>7} "
        f"{'p-value':>7} {'lag 1':>6}"
    )
    for node in found.nodes:
        print(_line(node, width))
    print(
        "\nmargin: how much higher the next distribution's corrected Akaike criterion is (below 2: hardly worse)\n"
        "p-value: Anderson-Darling, parametric bootstrap (small: rejected); lag 1: autocorrelation"
    )
    if files.plot is not None and len(found.nodes) > SHOWN_NODES:
        print(f"the picture shows the first {SHOWN_NODES} nodes")
    print(f"written: {', '.join(str(path) for path in files.paths)}")


def _line(node: FittedNode, width: int) -> str:
    fit, demand = node.fit, node.fit.series.demand
    parameters = ", ".join(f"{key} {value:.5g}" for key, value in fit.parameters.items())
    margin = "-" if fit.margin is None else f"{fit.margin:.1f}"
    p_value = "-" if fit.p_value is None else f"{fit.p_value:.3f}"
    lag = "-" if node.tests is None else f"{node.tests.lag_one:+.2f}"
    return (
        f"{node.label:{width}} {len(demand):>7} {demand.mean():>9.4g} {demand.std(ddof=1):>9.4g}  "
        f"{fit.distribution:17} {parameters:42} {margin:>7} {p_value:>7} {lag:>6}"
    )
