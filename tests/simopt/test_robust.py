"""Networks protected against a budget of demand: the master against enumeration, capacities, the command."""

import json
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from design.case_files import load_case
from design.errors import BadInputError
from design.flow_model import InfeasibleError
from design.master import MasterParams, ProjectedMaster
from design.robust.demand_budget import DemandBudget, broken_capacities, protection
from design.single_stage_plan import single_stage_plan
from simopt.apps.methods import exact_costs
from simopt.apps.options import OptionError
from simopt.apps.robust import RobustOptions, robust_designs
from tests.simopt.command import Command
from tests.small_cases import Features, all_designs, echelon_case


def with_capacity(case, share):
    """A capacity at the first inner node, a share of all demand."""
    total = sum(case.mean_demand.values())
    nodes = tuple(replace(n, capacity=share * total) if n.name == "b0" else n for n in case.network.nodes)
    return replace(case, network=replace(case.network, nodes=nodes))


def enumerated(case, costs, budget):
    """The least cost with protection over all designs that keep their capacities, and that design."""
    found = []
    for lanes in all_designs(case.network):
        design = case.network.design(lanes)
        if broken_capacities(case, design, budget):
            continue
        flows = sum(single_stage_plan(case, costs, component).cost for component in design.components)
        found.append((flows + case.shared_costs.of(design) + protection(case, design, budget), design))
    return min(found, key=lambda pair: pair[0])


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("gamma", [0.0, 1.0, 2.5])
def test_the_protected_master_is_enumeration(seed, gamma):
    features = Features(fixed_costs=True, lane_lead_times=bool(seed % 2))
    case, budget = echelon_case(np.random.default_rng(seed), (2, 2, 4), features), DemandBudget(0.8, gamma)
    case = with_capacity(case, 0.75) if seed >= 3 else case
    costs = exact_costs(case)
    found = ProjectedMaster(case, costs, MasterParams(budget=budget, tolerance=1e-9)).solve()
    least, design = enumerated(case, costs, budget)
    assert found.objective == pytest.approx(least, rel=1e-5)
    assert found.bound <= least * (1.0 + 1e-6)
    assert protection(case, found.design, budget) == pytest.approx(protection(case, design, budget), rel=1e-6)


def test_protection_is_the_worst_of_all_sets_of_customers():
    case = echelon_case(np.random.default_rng(1), (2, 2, 4))
    design = case.network.design(next(iter(all_designs(case.network))))
    costs = {}
    for tree in design.components:
        through = tree.customers_through(case.network.customers)
        for name in tree.nodes:
            for customer in through[name] if name in tree.supplier else ():
                lane = case.network.lane((tree.supplier[name], name))
                costs[customer] = costs.get(customer, 0.0) + case.flow_cost(lane, customer)
    for count in range(5):
        worst = max(sum(chosen) for chosen in combinations(costs.values(), count))
        assert protection(case, design, DemandBudget(0.3, float(count))) == pytest.approx(0.3 * worst)
    half = protection(case, design, DemandBudget(0.3, 1.5))
    ends = [protection(case, design, DemandBudget(0.3, gamma)) for gamma in (1.0, 2.0)]
    assert half == pytest.approx(0.5 * sum(ends))


def test_capacities_hold_for_every_demand_in_the_set():
    case = with_capacity(echelon_case(np.random.default_rng(4), (2, 2, 4)), 0.6)
    for gamma in (0.0, 1.0, 2.0):
        budget = DemandBudget(0.5, gamma)
        design = ProjectedMaster(case, exact_costs(case), MasterParams(budget=budget)).solve().design
        served = {c for tree in design.components for c in tree.customers_through(case.network.customers).get("b0", ())}
        most = case.network.node("b0").capacity
        for raised in combinations(case.network.customers, int(gamma)):
            load = sum(case.mean_demand[c] * (1.5 if c in raised else 1.0) for c in served)
            assert load <= most + 1e-6


def test_where_no_design_keeps_capacities_the_budget_is_named():
    case = echelon_case(np.random.default_rng(4), (1, 1, 3))
    case = with_capacity(case, 1.05)
    with pytest.raises(InfeasibleError, match="when 2 customers may ask for 50% more: expected a smaller budget"):
        ProjectedMaster(case, exact_costs(case), MasterParams(budget=DemandBudget(0.5, 2.0))).solve()


def test_protection_is_paid_for_with_another_network():
    """A cheap lane to one warehouse with room for what is stated, but for no more."""
    case = with_capacity(echelon_case(np.random.default_rng(7), (2, 2, 4)), 0.8)
    found = robust_designs(case, RobustOptions(0.6, (0.0, 1.0, 4.0)))
    plain = found.designs[0]
    assert plain.premium.mean == 0.0
    assert plain.protection == 0.0
    for one in found.designs[1:]:
        assert one.protection > 0.0
        assert not broken_capacities(case, case.network.design(one.lanes), DemandBudget(0.6, one.budget))
        assert one.premium.mean >= -one.premium.half_width - 0.002 * plain.cost.mean
        if not one.unprotected_breaks:
            assert one.cost.mean + one.protection <= 1.002 * (plain.cost.mean + one.unprotected)


def test_the_command(simopt: Command, tmp_path):
    found = simopt("robust", "two-two-three", "--budgets", "0,2", "--deviation", "0.5", "--out", tmp_path / "run")
    assert found.code == 0
    assert "so many customers may ask for 50% more" in found.out
    content = json.loads((tmp_path / "run" / "result.json").read_text())
    assert [one["budget"] for one in content["budgets"]] == [0.0, 2.0]
    case = load_case("two-two-three")
    lanes = [(lane["from"], lane["to"]) for lane in content["budgets"][1]["design"]["lanes"]]
    expected = protection(case, case.network.design(lanes), DemandBudget(0.5, 2.0))
    assert content["budgets"][1]["protection"] == pytest.approx(expected)
    for arguments, message in (
        (("--budgets", "2,1"), "budgets 2,1: expected numbers that rise"),
        (("--budgets", "one"), "budgets 'one': expected numbers, e.g. 0,1,2,5"),
        (("--deviation", "-1"), "deviation -1: expected at least 0"),
    ):
        refused = simopt("robust", "two-two-three", *arguments)
        assert refused.code == 2
        assert message in refused.err
    assert simopt("robust", "assembly-five").code == 2


def test_bad_options_are_refused():
    with pytest.raises(OptionError, match="expected numbers that rise"):
        RobustOptions(budgets=())
    with pytest.raises(BadInputError, match="budget -1: expected at least 0"):
        DemandBudget(0.1, -1.0)
