"""Capacities, numbers of sites and statuses from the command line to the result."""

from dataclasses import replace
from math import inf
from pathlib import Path

import pytest

from design.case import Case
from design.case_files import load_case, save_case
from design.master_types import Bound
from design.network import Network
from design.site_rules import SiteLimit
from simopt.apps import rules as simopt_rules
from simopt.apps.options import SolveOptions
from simopt.apps.rules import rule_outcomes
from simopt.apps.solve import solve
from tests.simopt.command import Command, interrupt_call, read_json

CASE = "two-two-three"


def with_rules(limits: dict[str, SiteLimit] | None = None, **changes: dict[str, object]) -> Case:
    """The small shipped case with changes to nodes by name."""
    case = load_case(CASE)
    nodes = tuple(replace(node, **changes.get(node.name, {})) for node in case.network.nodes)  # type: ignore[arg-type]
    network = Network(nodes, case.network.lanes, case.network.customers)
    return replace(case, network=network, site_limits=limits or {}, periods_per_year=250.0)


@pytest.fixture(scope="module")
def free() -> tuple[str, ...]:
    """The warehouses that the case uses without rules."""
    result = solve(load_case(CASE), SolveOptions(certify=False))
    return tuple(row.node for row in result.performance.nodes if row.node in ("West", "East"))


@pytest.mark.parametrize("method", ["outer-approximation", "paper", "sequential", "genetic", "exhaustive"])
def test_every_method_keeps_the_rules(free: tuple[str, ...], method: str) -> None:
    case = with_rules(**{free[0]: {"status": "closed"}})
    options = SolveOptions(method, budget=inf if method == "exhaustive" else 3000.0, certify=False)
    design = case.network.design(solve(case, options).lanes)
    assert free[0] not in design.nodes
    total = sum(case.mean_demand.values())
    other = {name: {"capacity": 0.75 * total} for name in ("West", "East", "North", "South")}
    limited = with_rules(**other)
    found = solve(limited, options)
    assert limited.site_rules.violations(limited.network.design(found.lanes)) == ()


def test_the_result_says_what_each_rule_costs(simopt: Command, tmp_path: Path, free: tuple[str, ...]) -> None:
    case = with_rules({"warehouse": SiteLimit(1, 2)}, **{free[0]: {"capacity": 1.0}, "North": {"capacity": 1e6}})
    save_case(case, tmp_path / "case")
    done = simopt("solve", tmp_path / "case", "--no-certify", "--out", tmp_path / "run")
    result = read_json(tmp_path / "run" / "result.json")
    assert done.code == 0
    rules = {row["rule"]: row for row in result["rules"]}
    tight, loose = rules[f"capacity 1 of {free[0]}"], rules["capacity 1e+06 of North"]
    assert (tight["value"], tight["most"]) == (0.0, 1.0)
    unlimited = solve(load_case(CASE), SolveOptions(certify=False))
    assert tight["cost"] == pytest.approx(
        result["lower_bound"]["value"] - unlimited.lower_bound.value,
        rel=0.05,  # type: ignore[union-attr]
    )
    assert tight["cost"] > 0.0
    assert loose["cost"] is None
    assert f"rule capacity 1 of {free[0]}: 0, costs about" in done.out
    years = case.horizon / 250.0
    assert result["cost_per_year"]["mean"] == pytest.approx(result["cost"]["mean"] / years)
    assert "cost per year" in done.out


def test_a_case_without_rules_has_no_such_keys(simopt: Command, tmp_path: Path) -> None:
    assert simopt("solve", CASE, "--no-certify", "--out", tmp_path).code == 0
    assert not {"rules", "cost_per_year"} & set(read_json(tmp_path / "result.json"))


def test_rules_in_conflict_are_one_line_and_exit_code_1(simopt: Command, tmp_path: Path) -> None:
    tight = {name: {"capacity": 1.0} for name in ("West", "East")}
    save_case(with_rules({"warehouse": SiteLimit(0, 1)}, **tight), tmp_path / "case")
    done = simopt("solve", tmp_path / "case")
    assert (done.code, done.out) == (1, "")
    assert done.err.count("\n") == 1
    assert "no design can satisfy together: capacity 1 of West; capacity 1 of East\n" in done.err


def test_a_certificate_under_rules_speaks_of_the_designs_they_allow(free: tuple[str, ...]) -> None:
    case = with_rules(**{free[0]: {"status": "closed"}})
    result = solve(case)
    assert result.certified
    assert result.performance.cost.mean > solve(load_case(CASE)).performance.cost.mean


def test_today_s_network_may_break_rules_and_is_told_so(simopt: Command, tmp_path: Path, free: tuple[str, ...]) -> None:
    assert simopt("solve", CASE, "--no-certify", "--out", tmp_path / "old").code == 0
    save_case(with_rules(**{free[0]: {"status": "closed"}}), tmp_path / "case")
    old = tmp_path / "old" / "result.json"
    done = simopt("solve", tmp_path / "case", "--no-certify", "--baseline", old, "--out", tmp_path / "run")
    assert done.code == 0
    assert "today's network breaks a rule: lane" in done.out
    result = read_json(tmp_path / "run" / "result.json")
    assert result["baseline"]["broken_rules"]
    for change in result["baseline"]["changes"]:
        assert free[0] not in change["design"]["open"]
    again = simopt(
        "simulate", tmp_path / "case", "--solution", old, "--replications", "64", "--out", tmp_path / "again"
    )
    assert "warning: the solution breaks a rule: lane" in again.err
    assert read_json(tmp_path / "again" / "result.json")["warnings"]


def test_only_rules_that_may_bind_are_priced() -> None:
    case = with_rules({"warehouse": SiteLimit(1, 2)}, North={"status": "open"})
    design = case.network.design(solve(case, SolveOptions(certify=False)).lanes)
    outcomes = {row.rule: row for row in rule_outcomes(case, design, Bound.SINGLE_STAGE)}
    assert outcomes["North open"].cost is not None
    assert outcomes["North open"].most is None


def test_ctrl_c_while_rules_are_priced_keeps_the_result(
    simopt: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, free: tuple[str, ...]
) -> None:
    save_case(with_rules(**{free[0]: {"capacity": 1.0}}), tmp_path / "case")
    interrupt_call(monkeypatch, 2, simopt_rules, "ProjectedMaster")
    done = simopt("solve", tmp_path / "case", "--no-certify", "--out", tmp_path / "run")
    result = read_json(tmp_path / "run" / "result.json")
    assert done.code == 130
    assert result["status"] == "interrupted"
    assert [row["cost"] for row in result["rules"]] == [None]
    assert result["lower_bound"]["value"] > 0.0
