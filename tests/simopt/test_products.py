"""Several products from case files to results: against every design, every method, and each product by itself."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from design.case import Case
from design.case_files import save_case
from design.master import ProjectedMaster
from design.separate import independent_parts
from design.single_stage import QuadratureSingleStage
from design.site_rules import SiteLimit, Sourcing
from simopt.apps.methods import ExactParts
from simopt.apps.options import SolveOptions
from simopt.apps.rules import ONE_SUPPLIER
from simopt.apps.solve import solve
from simopt.optimization.exhaustive import NotAdditiveError
from simopt.optimization.search_state import SearchState
from simopt.simulation.ledger import Ledger
from simopt.simulation.simulator import TreeSimulator
from tests.product_cases import two_products
from tests.simopt.command import Command, assert_refused, read_json
from tests.small_cases import all_designs

TOLERANCE = 0.01  # a horizon of 20 periods is noisy


def all_simulated(case: Case) -> SearchState:
    """Every design that breaks no rule, simulated."""
    parts = ExactParts(case, SolveOptions(), Ledger(case, TreeSimulator(case), seed=99))
    state = parts.start
    for design in map(case.network.design, all_designs(case.network)):
        if not case.site_rules.violations(design):
            new = [parts.subproblem.solve(c) for c in design.components if c not in state.plans]
            state = state.with_plans(new).with_candidate(design)
    return state


@pytest.mark.parametrize("sourcing", Sourcing)
@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_the_certified_design_is_the_best_of_all(seed: int, sourcing: Sourcing) -> None:
    case = two_products(seed, sourcing=sourcing)
    state = all_simulated(case)
    assert state.incumbent is not None
    result = solve(case, SolveOptions(tolerance=TOLERANCE))
    assert result.certified is True
    assert result.lower_bound is not None
    assert result.lower_bound.value <= state.incumbent.cost + state.incumbent.half_width
    found = case.network.design(result.lanes)
    assert state.cost_of(found) <= (1.0 + 1.2 * TOLERANCE) * state.incumbent.cost
    assert result.performance.fixed_cost == pytest.approx(case.design_fixed_cost(found))


@pytest.mark.slow
def test_a_site_shared_by_the_components_of_two_products_is_paid_once_in_every_cost() -> None:
    case = two_products(0)
    state = all_simulated(case)
    assert state.incumbent is not None
    design = next(d for d in state.designs if state.shared_costs.of(d) > 0.0 and len(d.components) > 1)
    apart = sum(state.plans[component].cost.mean for component in design.components)
    assert state.cost_of(design) == pytest.approx(apart + case.shared_costs.of(design))
    methods = {name: solve(case, SolveOptions(name, certify=False)) for name in ("sequential", "genetic")}
    for result in methods.values():
        used = case.network.design(result.lanes)
        assert result.performance.fixed_cost == pytest.approx(case.design_fixed_cost(used))
        assert not case.site_rules.violations(used)


def test_an_exhaustive_search_pays_shared_sites_once() -> None:
    case = two_products(1)
    case = replace(
        case,
        network=replace(
            case.network,
            nodes=tuple(replace(n, capacity=np.inf) for n in case.network.nodes),
            lanes=tuple(replace(k, fixed_cost=0.0) for k in case.network.lanes),
        ),
    )
    state = all_simulated(case)
    assert state.incumbent is not None
    found = case.network.design(solve(case, SolveOptions("exhaustive")).lanes)
    assert state.cost_of(found) <= 1.003 * state.incumbent.cost
    with pytest.raises(NotAdditiveError, match="several products share the fixed cost of lanes"):
        solve(two_products(1), SolveOptions("exhaustive"))


def test_products_that_share_nothing_cost_what_they_cost_alone() -> None:
    case = two_products(2, shared=False)
    whole = solve(case, SolveOptions(tolerance=TOLERANCE))
    alone = [solve(part, SolveOptions(tolerance=TOLERANCE)) for part in independent_parts(case)]
    assert whole.certified is True
    assert whole.certificate is not None
    assert whole.certificate.startswith("2 parts that share nothing, each by itself: with confidence 95%")
    assert whole.lower_bound is not None
    assert whole.lower_bound.value == pytest.approx(sum(one.lower_bound.value for one in alone if one.lower_bound))
    joint = ProjectedMaster(case, QuadratureSingleStage(case.demand)).solve()
    assert whole.lower_bound.value >= joint.bound * (1.0 - 1e-6)
    assert set(whole.lanes) == {pair for one in alone for pair in one.lanes}
    total = sum(one.performance.cost.mean for one in alone)
    assert whole.performance.cost.mean == pytest.approx(total, rel=0.01)


def test_the_rules_summary_says_what_one_supplier_costs() -> None:
    case = two_products(0, sourcing=Sourcing.CUSTOMER)
    result = solve(case, SolveOptions(tolerance=TOLERANCE, certify=False))
    (outcome,) = (rule for rule in result.rules if rule.rule == ONE_SUPPLIER)
    free = ProjectedMaster(replace(case, sourcing=Sourcing.PRODUCT), QuadratureSingleStage(case.demand)).solve().bound
    tied = ProjectedMaster(case, QuadratureSingleStage(case.demand)).solve().bound
    assert outcome.cost == pytest.approx(tied - free, abs=0.02 * tied)


@pytest.mark.slow
def test_results_name_products_and_are_read_back(simopt: Command, tmp_path: Path) -> None:
    case = two_products(0, warehouse=SiteLimit(0, 1))
    save_case(case, tmp_path / "case")
    run = tmp_path / "run"
    assert simopt("solve", tmp_path / "case", "--out", run, "--tolerance", "0.01").code == 0
    result = read_json(run / "result.json")
    assert {lane["product"] for lane in result["design"]["lanes"]} == {"A", "B"}
    assert all("/" not in lane["from"] + lane["to"] for lane in result["design"]["lanes"])
    assert len(result["design"]["open"]) == len(set(result["design"]["open"]))
    assert {"node", "product", "level"} == set(result["base_stock_levels"][0])
    for key in ("node_costs", "service"):
        assert {row["product"] for row in result[key]} == {"A", "B"}
    done = simopt("simulate", tmp_path / "case", "--solution", run / "result.json", "--out", tmp_path / "again")
    assert done.code == 0
    again = read_json(tmp_path / "again" / "result.json")
    assert again["design"] == result["design"]
    assert again["cost"]["mean"] == pytest.approx(result["cost"]["mean"], rel=0.01)
    assert (run / "lanes.csv").read_text().startswith("from,to,product,used,unit_cost\n")
    assert (run / "nodes.csv").read_text().startswith("node,product,level,")
    for baseline in (run / "lanes.csv", run / "result.json"):
        done = simopt(
            "solve", tmp_path / "case", "--baseline", baseline, "--out", tmp_path / "new", "--tolerance", "0.01"
        )
        assert done.code == 0
        assert read_json(tmp_path / "new" / "result.json")["baseline"]["lanes_added"] == []
    listed = simopt("alternatives", run, "--count", "1", "--out", tmp_path / "list")
    assert listed.code == 0
    (other,) = read_json(tmp_path / "list" / "result.json")["alternatives"]
    assert {lane["product"] for lane in other["lanes_added"] + other["lanes_dropped"]} <= {"A", "B"}


def test_a_level_without_its_product_is_refused(simopt: Command, tmp_path: Path) -> None:
    case = two_products(0)
    save_case(case, tmp_path / "case")
    solution = {"design": {"lanes": [{"from": "a0", "to": "b0"}]}, "base_stock_levels": []}
    (tmp_path / "solution.json").write_text(json.dumps(solution))
    done = simopt("simulate", tmp_path / "case", "--solution", tmp_path / "solution.json")
    assert_refused(done, "solution.json: lane a0 -> b0 is not a candidate lane of the network")
