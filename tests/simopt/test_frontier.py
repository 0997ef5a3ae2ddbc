"""Cost against emissions or the number of sites: against enumeration, and the command around it."""

import csv
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from design.case import Case
from design.case_files import load_case, save_case
from design.errors import BadInputError
from design.master import ProjectedMaster
from design.network import Design, Network
from simopt.apps import frontier as frontier_module
from simopt.apps.frontier import FoundPoint, FrontierOptions, find_frontier
from simopt.apps.frontier_axes import SiteAxis
from simopt.apps.options import SolveOptions
from simopt.apps.solve import solve
from simopt.frontier_outcome import Frontier, non_dominated
from simopt.optimization.polish import Polisher
from simopt.optimization.subproblem import Subproblem
from simopt.reporting.frontier_plot import draw_frontier
from simopt.simulation.ledger import Ledger
from tests.emitting import emitting, every_design, known_emissions
from tests.simopt.command import Command, assert_refused, interrupt_call, read_json
from tests.simopt.test_emissions import free_costs, small
from tests.small_cases import Features, echelon_case

CASE = "two-two-three"


def with_kinds(case: Case) -> Case:
    """Plants, warehouses and shops by their first letter."""
    kinds = {"a": "plant", "b": "warehouse", "c": "shop"}
    nodes = tuple(replace(node, kind=kinds[node.name[0]]) for node in case.network.nodes)
    return replace(case, network=replace(case.network, nodes=nodes))


def scattered(seed: int) -> Case:
    """A case whose cheapest design uses several sites."""
    case = with_kinds(echelon_case(np.random.default_rng(seed), (2, 3, 3), Features(lane_lead_times=True)))
    lanes = tuple(replace(lane, unit_cost=8.0 * lane.unit_cost) for lane in case.network.lanes)
    return replace(case, network=replace(case.network, lanes=lanes))


def assert_enumerated(found: Frontier, costs: dict[Design, float], values: dict[Design, float]) -> None:
    """Every point's design is the best of those within its limit, by the same estimates."""
    best = [min(costs.values())]
    for point in found.points[1:]:
        assert point.limit is not None
        assert point.value == pytest.approx(values[point.design])
        assert values[point.design] <= point.limit * (1.0 + 1e-9)
        best.append(min(cost for d, cost in costs.items() if values[d] <= point.limit * (1.0 + 1e-9)))
    for point, expected in zip(found.points, best, strict=True):
        assert expected <= costs[point.design] * (1.0 + 1e-9) <= expected * 1.002
        assert point.proven
        assert point.lower_bound is not None
        assert point.lower_bound <= point.cost.mean + point.cost.half_width
    means = [point.cost.mean for point in found.points]
    assert all(after >= 0.998 * before for before, after in pairwise(means))
    limits = [point.limit for point in found.points[1:]]
    assert limits == sorted(limits, reverse=True)  # type: ignore[type-var]


@pytest.mark.parametrize("seed", [1, 5])
def test_the_frontier_against_emissions_is_that_of_enumeration(seed: int) -> None:
    case = small(seed)
    found = find_frontier(case, FrontierOptions("emissions", 5))
    values = {design: known_emissions(case, design) for design in every_design(case)}
    assert_enumerated(found, free_costs(case), values)
    assert len(found.points) == 5
    assert found.points[-1].value == pytest.approx(min(values.values()))
    gaps = np.diff([found.points[0].value, *(point.limit for point in found.points[1:])])
    assert gaps == pytest.approx(np.full(4, gaps[0]))
    for point in found.points:
        assert point.emissions is not None
        assert point.emissions.total.mean == pytest.approx(point.value, rel=0.02)
    assert found.points[0].difference.mean == 0.0
    for point in found.points[1:]:
        assert point.difference.mean == pytest.approx(point.cost.mean - found.points[0].cost.mean)


@pytest.mark.parametrize(("seed", "kind"), [(4, None), (7, "warehouse"), (7, None)])
def test_the_frontier_against_sites_is_that_of_enumeration(seed: int, kind: str | None) -> None:
    case = scattered(seed)
    found = find_frontier(case, FrontierOptions("num-sites", 9, kind))
    names = [n.name for n in case.network.nodes if n.kind in ((kind,) if kind else ("plant", "warehouse"))]
    values = {design: float(sum(name in design.nodes for name in names)) for design in every_design(case)}
    assert_enumerated(found, free_costs(case), values)
    assert found.points[-1].limit in (None, min(values.values()))
    most = values[found.points[0].design]
    assert most > min(values.values())
    assert len(found.points) == 1 + int(most - min(values.values()))
    assert [point.num_sites for point in found.points] == [point.value for point in found.points]


def test_fewer_points_than_numbers_of_sites_are_spread_over_them() -> None:
    case = scattered(0)
    axis = SiteAxis(case, None)
    design = max(every_design(case), key=lambda d: len(d.nodes))
    assert len(design.nodes) == 8
    assert axis.limits(design, 5.0, 9) == [4.0, 3.0, 2.0]
    assert axis.limits(design, 5.0, 3) == [4.0, 2.0]
    assert axis.limits(design, 5.0, 2) == [2.0]
    assert axis.limits(design, 2.0, 5) == []


def test_the_rules_of_the_case_hold_at_every_point() -> None:
    case = small(1)
    first = find_frontier(case, FrontierOptions("emissions", 2)).points[-1]
    closed = first.design.components[0].source
    nodes = tuple(replace(n, status="closed" if n.name == closed else "") for n in case.network.nodes)
    limited = replace(case, network=Network(nodes, case.network.lanes, case.network.customers))
    found = find_frontier(limited, FrontierOptions("emissions", 3))
    assert all(closed not in point.design.nodes for point in found.points)
    assert all(point.proven for point in found.points)


def test_held_stock_counts_against_the_limits() -> None:
    case = small(1, held=True)
    found = find_frontier(case, FrontierOptions("emissions", 4))
    assert len(found.points) == 4
    for point in found.points[1:]:
        assert point.limit is not None
        assert point.value <= point.limit * 1.001 + point.value_half_width
        assert point.value_half_width > 0.0
    means = [point.cost.mean for point in found.points]
    assert means == sorted(means)
    assert all(point.lower_bound <= point.cost.mean for point in found.points)  # type: ignore[operator]
    last, before = found.points[-1], found.points[-2]
    assert last.design != before.design or last.levels != before.levels


def test_a_component_is_simulated_once_for_all_points(monkeypatch: pytest.MonkeyPatch) -> None:
    solved, solve = [], Subproblem.solve_all
    monkeypatch.setattr(Subproblem, "solve_all", lambda self, some: solved.extend(some) or solve(self, some))
    found = find_frontier(scattered(0), FrontierOptions("num-sites"))
    assert len(found.points) > 1
    assert len(solved) >= len(found.points)
    assert len(solved) == len(set(solved))


def test_a_bound_that_is_an_estimate_proves_nothing() -> None:
    found = find_frontier(replace(small(1), warm_up=1), FrontierOptions("emissions", 3))
    assert found.warnings
    assert not any(point.proven for point in found.points)


def test_nothing_less_leaves_one_point() -> None:
    case = load_case("two-stage-series")
    found = find_frontier(case, FrontierOptions("num-sites"))
    assert (len(found.points), found.wanted) == (1, 1)
    of_emissions = find_frontier(emitting(case, 0), FrontierOptions("emissions"))
    assert len(of_emissions.points) == 1


@pytest.mark.parametrize(
    ("pairs", "marks"),
    [
        ([(3.0, 1.0), (2.0, 2.0), (1.0, 3.0)], (True, True, True)),
        ([(3.0, 1.0), (2.0, 1.0), (1.0, 3.0)], (False, True, True)),
        ([(3.0, 1.0), (3.0, 1.0)], (True, True)),
        ([(3.0, 1.0), (2.0, 4.0), (1.0, 3.0)], (True, False, True)),
    ],
)
def test_a_point_is_dominated_where_another_is_no_worse_in_both(
    pairs: list[tuple[float, float]], marks: tuple[bool, ...]
) -> None:
    assert non_dominated(pairs) == marks


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small case that emits."""
    path = tmp_path_factory.mktemp("cases") / "case"
    save_case(with_kinds(replace(small(1), name="emitting")), path)
    return path


def test_the_command_prints_and_writes_the_points(simopt: Command, folder: Path, tmp_path: Path) -> None:
    done = simopt("frontier", folder, "--against", "emissions", "--points", 4, "--out", tmp_path)
    assert done.code == 0
    content = read_json(tmp_path / "frontier.json")
    assert set(content) == {
        "case", "seed", "against", "label", "warnings", "points", "wanted", "tolerance", "termination",
        "replications_used", "wall_seconds", "versions",
    }  # fmt: skip
    points = content["points"]
    assert len(points) == content["wanted"] == 4
    assert set(points[0]) == {
        "limit", "value", "value_half_width", "cost", "difference", "lower_bound", "proven", "num_sites",
        "lanes_added", "lanes_dropped", "opened", "closed", "design", "base_stock_levels", "emissions", "non_dominated",
    }  # fmt: skip
    with (tmp_path / "frontier.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [float(row["cost"]) for row in rows] == [point["cost"]["mean"] for point in points]
    assert [row["limit"] == "" for row in rows] == [True, False, False, False]
    for point in points:
        assert f"{point['cost']['mean']:.2f}" in done.out
    assert len({point["cost"]["replications"] for point in points}) == 1
    assert "all points were searched (4 of 4 points)" in done.out
    assert "best under their limits, within 0.1%" in done.out
    assert done.err.count("cost about") == 4
    assert (tmp_path / "frontier.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    svg = (tmp_path / "frontier.svg").read_text()
    assert svg.startswith("<?xml")
    changed = [point for before, point in pairwise(points) if before["design"] != point["design"]]
    assert changed
    for point in changed:
        assert set(point["opened"]) <= set(point["design"]["open"])
    again = simopt("frontier", folder, "--against", "emissions", "--points", 4, "--jobs", 2, "--out", tmp_path / "2")
    assert read_json(tmp_path / "2" / "frontier.json")["points"] == points
    assert (tmp_path / "2" / "frontier.svg").read_text() == svg
    assert again.code == 0


def test_dominated_points_are_drawn_and_named(simopt: Command, folder: Path, tmp_path: Path) -> None:
    found = find_frontier(load_case(folder), FrontierOptions("num-sites", 3))
    worse = replace(found.points[-1], cost=replace(found.points[-1].cost, mean=1e6))
    draw_frontier(replace(found, points=(*found.points, worse)), {"money": "$"}, tmp_path)
    svg = (tmp_path / "frontier.svg").read_text()
    assert svg.count("<!-- not dominated, with 95% interval -->") == 1
    assert svg.count("<!-- dominated, with 95% interval -->") == 1


def bad_commands(folder: Path, bare: Path) -> Iterator[tuple[list[object], str]]:
    """Arguments and what is said of them."""
    yield [folder, "--against", "cost"], "against 'cost': expected one of emissions, num-sites"
    yield [folder, "--against", "emissions", "--points", 1], "points 1: expected a whole number, at least 2"
    yield [folder, "--against", "emissions", "--kind", "plant"], "kind 'plant': expected only with --against num-sites"
    yield [folder, "--against", "num-sites", "--kind", "plan"], "kind 'plan': did you mean 'plant'?"
    yield [folder, "--against", "num-sites", "--seed", -1], "seed -1: expected"
    yield [folder, "--against", "num-sites", "--time-limit", 0], "time-limit 0.0: expected"
    yield [bare, "--against", "emissions"], f"against emissions: case '{CASE}' emits nothing: expected emission in"
    yield [bare / "none", "--against", "emissions"], "no such folder or shipped case"


def test_bad_input_is_one_line_and_code_2(simopt: Command, folder: Path, tmp_path: Path) -> None:
    save_case(load_case(CASE), tmp_path / "bare")
    for arguments, said in bad_commands(folder, tmp_path / "bare"):
        done = simopt("frontier", *arguments)
        assert_refused(done, said)
        assert done.err.count("\n") == 1
    with pytest.raises(BadInputError, match="a frontier of a case with a cap on emissions that counts held stock"):
        find_frontier(small(1, held=True, cap=1e9), FrontierOptions("num-sites"))


def test_a_time_limit_before_a_first_design_is_a_failure(simopt: Command, folder: Path) -> None:
    done = simopt("frontier", folder, "--against", "emissions", "--time-limit", "1e-9")
    assert (done.code, done.out) == (1, "")
    assert "error: no design found: time limit" in done.err


def test_a_time_limit_after_some_points_keeps_them(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]

    def later(_: FoundPoint) -> None:
        now[0] += 30.0

    monkeypatch.setattr(frontier_module, "monotonic", lambda: now[0])
    found = find_frontier(small(1), FrontierOptions("emissions", 4, time_limit=50.0), later)
    assert len(found.points) == 2
    assert found.termination == "time limit: tighter limits were not searched"


@pytest.mark.parametrize(
    ("call", "least"),
    [
        ((6, ProjectedMaster, "solve"), 1),
        ((2, Polisher, "levels"), 4),
        ((3, Ledger, "fresh_together"), 4),
        ((2, frontier_module, "outer_approximation"), 1),
    ],
)
def test_ctrl_c_leaves_the_points_so_far(simopt, monkeypatch, folder, tmp_path, call, least):
    interrupt_call(monkeypatch, *call)
    done = simopt("frontier", folder, "--against", "emissions", "--points", 4, "--out", tmp_path)
    assert done.code == 130
    assert "Traceback" not in done.err
    content = read_json(tmp_path / "frontier.json")
    assert content["termination"].startswith("interrupted")
    assert content["termination"] in done.out
    assert least <= len(content["points"]) <= 4
    assert content["points"][0]["cost"]["replications"] == 256
    assert (tmp_path / "frontier.png").exists()


def test_ctrl_c_before_a_first_point_leaves_with_130(simopt, monkeypatch, folder):
    interrupt_call(monkeypatch, 1, ProjectedMaster, "solve")
    done = simopt("frontier", folder, "--against", "emissions")
    assert (done.code, done.out, done.err) == (130, "", "interrupted before a first solution\n")


def test_against_service_the_worst_customer_is_served_ever_better_at_ever_higher_cost() -> None:
    found = find_frontier(load_case(CASE), FrontierOptions("service", points=3))
    assert found.termination.startswith("all points")
    first, *others = found.points
    assert first.limit is None
    assert len(others) == 2
    for point in others:
        assert point.limit is not None
        assert point.value - point.value_half_width <= point.limit
        assert point.value_half_width > 0.0
        assert point.lower_bound is not None
        assert point.lower_bound <= point.cost.mean + point.cost.half_width
    for before, after in pairwise(found.points):
        assert after.value < before.value
        assert after.difference.mean > before.difference.mean
        assert after.difference.mean > after.difference.half_width
    again = solve(with_targets(load_case(CASE), 1.0 - others[-1].limit), SolveOptions(certify=False))
    assert again.performance.cost.mean == pytest.approx(others[-1].cost.mean, rel=0.003)
    assert set(again.lanes) == set(others[-1].design.lanes)


def with_targets(case: Case, share: float) -> Case:
    """The case with a fill-rate target at every customer."""
    nodes = (replace(n, service_target=share) if n.name in case.demand else n for n in case.network.nodes)
    return replace(case, network=replace(case.network, nodes=tuple(nodes)))


def test_against_service_customers_must_supply_nobody() -> None:
    case = echelon_case(np.random.default_rng(0), (1, 2, 2), Features(inner_customers=True))
    with pytest.raises(BadInputError, match="against service: 'b0' supplies others"):
        find_frontier(case, FrontierOptions("service"))
