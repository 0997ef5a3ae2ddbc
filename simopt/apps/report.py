"""`simopt report`: what a report shows beyond a run's own numbers, simulated: stock over time, cost against a level."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from design.case import Case
from design.case_files import load_case
from design.demand import Floats
from design.errors import expected_one_of
from design.network import Component, Design
from design.single_stage_plan import single_stage_plan
from design.stage_models import exact_costs
from design.streams import BLOCK
from simopt.apps.options import OptionError
from simopt.optimization.kriging_search import regions, step_sizes
from simopt.reporting.report.compare_report import write_compare_report
from simopt.reporting.report.data import ReportData, Slice, Trajectory, flows_of, node_rows, throughputs
from simopt.reporting.report.run_report import write_run_report
from simopt.result_file import ResultError, read_content
from simopt.simulation.describe import trace_design
from simopt.simulation.ledger import Ledger
from simopt.simulation.simulator import TreeSimulator
from simopt.simulation.stage import Measure
from simopt.simulation.trace import Series
from surrogates.dataset import Box, Dataset
from surrogates.kriging import fit_kriging
from surrogates.sampling import latin_hypercube

REPLICATIONS = 256  # of stock over time
BAND = (0.05, 0.95)
SHOWN_NODES = 3
SAMPLES, SAMPLED_PATHS = 24, 64  # points a slice's surrogate is fitted to, replications of each
SPREAD = 0.75  # of these points around the decision, in safety stocks
GRID = 121


def report_data(
    case: Case,
    content: Mapping[str, Any],
    nodes: Sequence[str] = (),
    frontier: Mapping[str, Any] | None = None,
) -> ReportData:
    """Everything a report of a `solve` shows.

    Parameters
    ----------
    case
        What was solved.
    content
        Of `result.json`, stocking points named as in the network.
    nodes
        Whose stock over time is shown; without any, of the busiest node of each kind.
    frontier
        Content of a `frontier.json`.

    Raises
    ------
    OptionError
        If a node is not in use.
    """
    design = case.network.design([(lane["from"], lane["to"]) for lane in content["design"]["lanes"]])
    for name in nodes:
        if name not in design.nodes:
            raise OptionError(f"node {name!r} is not in use: {expected_one_of(name, design.nodes)}")
    levels = {row["node"]: row["level"] for row in content["base_stock_levels"]}
    throughput = throughputs(case, design)
    foreign = "simulator" in content  # nothing of the built-in one stands next to its numbers
    ledger = Ledger(case, TreeSimulator(case), content["seed"])
    return ReportData(
        content,
        case,
        design,
        node_rows(case, design, content),
        flows_of(case, design.lanes, throughput),
        () if foreign else _trajectories(case, ledger, design, levels, nodes or _busiest(case, throughput)),
        () if foreign else _slices(case, ledger, design, levels, content),
        frontier,
    )


def write_report_of(run: Path, nodes: Sequence[str] = (), frontier: Path | None = None) -> None:
    """Write report.html into the folder of a `solve` or a `compare`.

    Parameters
    ----------
    run
        The folder, written with `--out`.
    nodes, frontier
        See `report_of_run`; refused for a comparison.
    """
    content = read_content(run / "result.json")
    if "profile" in content:
        if nodes or frontier is not None:
            raise OptionError("node and frontier: expected only with the run folder of a solve, not of a compare")
        write_compare_report(run, content)
        return
    if not (run / "case").is_dir():
        raise ResultError(f"{run}: holds no case; expected the folder that a solve wrote with --out")
    write_run_report(run, report_of_run(run, load_case(str(run / "case")), nodes, frontier))


def report_of_run(run: Path, case: Case, nodes: Sequence[str] = (), frontier: Path | None = None) -> ReportData:
    """The same from a run folder.

    Parameters
    ----------
    run
        The folder of a `solve` with `--out`.
    case
        Its case.
    nodes
        Whose stock over time is shown.
    frontier
        Folder of a `frontier` with `--out`, or its frontier.json.

    Raises
    ------
    ResultError
        If a file cannot be read or is not what it should be.
    """
    content = read_content(run / "result.json")
    return report_data(case, content, nodes, None if frontier is None else _read_frontier(frontier))


def _read_frontier(path: Path) -> Mapping[str, Any]:
    file = path / "frontier.json" if path.is_dir() else path
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        points = [(point["value"], point["cost"]["mean"]) for point in content["points"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ResultError(f"{file}: {error}: expected the frontier.json of `simopt frontier`") from None
    if not points or "label" not in content:
        raise ResultError(f"{file}: expected points and a label")
    return dict(content)


def _busiest(case: Case, throughput: Mapping[str, float]) -> list[str]:
    """The used node of each kind with the largest throughput, suppliers first."""
    found: dict[str, str] = {}
    for name, units in throughput.items():
        kind = case.network.node(name).kind
        if kind not in found or units > throughput[found[kind]]:
            found[kind] = name
    return list(found.values())[:SHOWN_NODES]


def _trajectories(
    case: Case, ledger: Ledger, design: Design, levels: Mapping[str, float], nodes: Sequence[str]
) -> tuple[Trajectory, ...]:
    """Net stock of nodes by period, warm-up included."""
    column = [design.nodes.index(name) for name in nodes]
    parts = []
    for block in range(REPLICATIONS // BLOCK):
        series = trace_design(case, design, levels, ledger.fresh_paths(block))[:, column]
        parts.append(series[..., Series.ON_HAND] - series[..., Series.BACKORDERS])
    net = np.concatenate(parts)
    periods = np.arange(case.num_periods, dtype=np.float64) - case.warm_up + 1.0
    mean = np.array(net.mean(axis=0), dtype=np.float64)
    low, high = (np.asarray(end) for end in np.quantile(net, BAND, axis=0))
    return tuple(
        Trajectory(name, periods, mean[k], low[k], high[k], net[0, k], REPLICATIONS) for k, name in enumerate(nodes)
    )


def _slices(
    case: Case, ledger: Ledger, design: Design, levels: Mapping[str, float], content: Mapping[str, Any]
) -> tuple[Slice, ...]:
    """The surrogate of the dearest node that has a supplier, and that of its supplier; none where nodes assemble."""
    if case.network.has_assembly or any(component.trees for component in design.components):
        return ()
    costs = {row["node"]: row["holding"] + row["backorder"] for row in content["node_costs"]}
    served = [name for component in design.components for name in component.supplier]
    if not served:
        return ()
    dearest = max(served, key=costs.__getitem__)
    component = next(one for one in design.components if dearest in one.nodes)
    chosen = (component.supplier[dearest], dearest)
    steps = step_sizes(single_stage_plan(case, exact_costs(case), component))
    return tuple(_slice(ledger, component, steps, levels, name, content["seed"]) for name in chosen)


def _slice(
    ledger: Ledger, component: Component, steps: Floats, levels: Mapping[str, float], name: str, seed: int
) -> Slice:
    """Simulate points around the decision, itself among them, and fit the node's cost to them."""
    at = np.array([levels[other] for other in component.nodes])
    own = component.nodes.index(name)
    region = list(regions(component, None)[own])
    reach = SPREAD * steps[region]
    box = Box(np.maximum(at[region] - reach, 0.0), at[region] + reach)
    drawn = latin_hypercube(box, SAMPLES - 1, np.random.default_rng([seed, own]))
    points = np.vstack([at[region], drawn])
    means, errors = np.empty(SAMPLES), np.empty(SAMPLES)
    for k, point in enumerate(points):
        tried = at.copy()
        tried[region] = point
        measures = ledger.search(component, tried, SAMPLED_PATHS).measures[:, own]
        costs = measures[:, Measure.HOLDING] + measures[:, Measure.BACKORDER]
        means[k], errors[k] = costs.mean(), costs.var(ddof=1) / SAMPLED_PATHS
    model = fit_kriging(Dataset(points, means, errors))
    along = np.repeat(at[region][None], GRID, axis=0)
    along[:, -1] = np.linspace(box.lower[-1], box.upper[-1], GRID)
    mean, variance = model.predict(along)
    away = np.abs((points - at[region]) / reach)[:, :-1].max(axis=1, initial=0.0)
    names = tuple(component.nodes[k] for k in region)
    deviation = np.sqrt(variance)
    distance = away / max(float(away.max()), 1e-12)
    return Slice(name, names, along[:, -1], mean, deviation, points[:, -1], means, distance, float(at[own]))
