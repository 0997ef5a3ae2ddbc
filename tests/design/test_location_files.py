"""Published location problems: what is read, what is refused, and that masters solve them."""

from __future__ import annotations

import os
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from design.case import Case
from design.case_files import load_case, save_case
from design.location_files import LocationFileError, LocationProblem, read_location
from design.master import ProjectedMaster
from design.solver import SolveStatus
from design.stage_models import exact_costs

ORLIB = """ 2 3
 capacity 70.
 10 50.5
 4
 12.5 8.
 0
 3 1
 6
 24. 6.
"""
HOLMBERG = "2 3\n7 6\n70. 50.5\n4 0 6\n12.5 8.\n3 1\n24. 6.\n"
PUBLISHED = {
    "cap71.txt": ("orlib-uncapacitated", 932_615.75),
    "cap101.txt": ("orlib-uncapacitated", 796_648.4375),
    "p1.txt": ("holmberg", 8_848.0),
    "p13.txt": ("holmberg", 8_252.0),
    "p41.txt": ("holmberg", 6_589.0),
}


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "instance.txt"
    path.write_text(text)
    return path


def optimum(case: Case) -> float:
    solution = ProjectedMaster(case, exact_costs(case)).solve()
    assert solution.status is SolveStatus.OPTIMAL
    assert solution.bound == pytest.approx(solution.objective, rel=1e-6)
    return solution.objective


def test_both_formats_hold_the_same_problem(tmp_path):
    found = read_location(written(tmp_path, ORLIB), "orlib-uncapacitated")
    assert found.fixed_costs == (70.0, 50.5)
    assert found.capacities == (np.inf, np.inf)
    assert found.demands == (4.0, 0.0, 6.0)
    assert found.costs == ((12.5, 8.0), (3.0, 1.0), (24.0, 6.0))
    other = read_location(written(tmp_path, HOLMBERG), "holmberg")
    assert other.capacities == (7.0, 6.0)
    assert (other.fixed_costs, other.demands, other.costs) == (found.fixed_costs, found.demands, found.costs)


def test_costs_are_for_the_whole_demand_and_survive_the_case_files(tmp_path):
    case = read_location(written(tmp_path, ORLIB), "orlib-uncapacitated").as_case("two-sites", "Two sites")
    assert optimum(case) == pytest.approx(50.5 + 8.0 + 1.0 + 6.0)
    save_case(case, tmp_path / "case")
    assert optimum(load_case(str(tmp_path / "case"))) == pytest.approx(65.5)


def enumerated(problem: LocationProblem) -> float:
    """Least cost without capacities: every set of sites, each customer from its cheapest."""
    costs, sites = np.array(problem.costs), range(len(problem.fixed_costs))
    every = [chosen for count in range(1, len(sites) + 1) for chosen in combinations(sites, count)]
    return min(sum(problem.fixed_costs[k] for k in s) + float(costs[:, s].min(axis=1).sum()) for s in every)


def assigned(problem: LocationProblem) -> float:
    """Least cost with capacities: every assignment of customers to sites."""
    sites, best = len(problem.fixed_costs), np.inf
    for code in range(sites ** len(problem.demands)):
        at = [code // sites**k % sites for k in range(len(problem.demands))]
        loads = np.bincount(at, weights=problem.demands, minlength=sites)
        if np.all(loads <= problem.capacities):
            cost = sum(problem.fixed_costs[k] for k in set(at))
            best = min(best, cost + sum(problem.costs[c][k] for c, k in enumerate(at)))
    return best


@pytest.mark.parametrize("seed", range(6))
def test_random_problems_have_their_enumerated_optimum(seed):
    rng = np.random.default_rng([12, seed])
    demands = tuple(rng.integers(1, 20, 6).astype(float))
    costs = tuple(map(tuple, rng.integers(5, 60, (6, 4)).astype(float)))
    fixed = tuple(rng.integers(20, 90, 4).astype(float))
    room = tuple(np.ceil(rng.uniform(0.4, 0.8, 4) * sum(demands)))
    free = LocationProblem((np.inf,) * 4, fixed, demands, costs)
    assert optimum(free.as_case("free", "")) == pytest.approx(enumerated(free))
    bounded = LocationProblem(room, fixed, demands, costs)
    assert optimum(bounded.as_case("bounded", "")) == pytest.approx(assigned(bounded))


@pytest.mark.parametrize(
    ("text", "kind", "says"),
    [
        ("2 x", "holmberg", "line 1: number of customers 'x': expected a whole number from 1"),
        ("0 3", "holmberg", "line 1: number of sites '0'"),
        ("100000 100000", "holmberg", "expected at most 100,000 pairs"),
        (HOLMBERG.replace("50.5", "-1"), "holmberg", "line 3: fixed cost '-1': expected a number, at least 0"),
        (HOLMBERG.replace("24.", "nan"), "holmberg", "line 7: cost 'nan'"),
        (HOLMBERG + "9", "holmberg", "line 8: end of the file '9'"),
        (HOLMBERG[:-3], "holmberg", "ends where a cost was expected"),
        (ORLIB.replace("capacity 70.", "room 70."), "orlib-uncapacitated", "line 2: capacity 'room'"),
        ("", "orlib-uncapacitated", "ends where a number of sites was expected"),
        (HOLMBERG, "holmburg", "format 'holmburg'"),
    ],
)
def test_bad_files_are_told_by_line_and_value(tmp_path, text, kind, says):
    with pytest.raises(LocationFileError, match=r"^[^\n]+$") as caught:
        read_location(written(tmp_path, text), kind)
    assert says in str(caught.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(LocationFileError, match=r"missing\.txt"):
        read_location(tmp_path / "missing.txt", "holmberg")
    (tmp_path / "binary.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(LocationFileError, match="text file"):
        read_location(tmp_path / "binary.txt", "holmberg")


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_optima(name):
    folder = os.environ.get("SIMOPT_LOCATION")
    if folder is None:
        pytest.skip("SIMOPT_LOCATION names no folder of location instances")
    kind, value = PUBLISHED[name]
    assert optimum(read_location(Path(folder) / name, kind).as_case(name, name)) == pytest.approx(value, rel=1e-9)
