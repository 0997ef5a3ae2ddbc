"""What must not change when rows, names or units do, and what a longer lead time or a bound must never do."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from design.case import Case
from design.demand import NormalDemand
from design.master import ProjectedMaster
from design.master_types import MasterSolution
from design.network import Design
from design.node import LanePair
from design.single_stage import QuadratureSingleStage
from design.single_stage_plan import single_stage_plan
from design.solver import SolveStatus
from simopt.simulation.evaluate import EvaluationParams, evaluate
from simopt.simulation.ledger import Ledger
from simopt.simulation.simulator import TreeSimulator
from tests.networks import make_case, random_demand, with_network
from tests.small_cases import Features, all_designs, echelon_case

MONEY_OF_NODES = ("holding_cost", "holding_quadratic", "overflow_cost", "backorder_cost", "fixed_cost")
MONEY_OF_LANES = ("unit_cost", "fixed_cost", "pipeline_holding_cost")
SHAPES = [
    ((2, 2, 2), Features(fixed_costs=True)),
    ((2, 2, 3), Features(lane_lead_times=True, fixed_costs=True)),
    ((2, 2, 2), Features(True, True, True, True, True)),
    ((2, 1, 2, 2), Features(curved_holding=True)),
]


@st.composite
def small_cases(draw) -> Case:
    sizes, features = draw(st.sampled_from(SHAPES))
    return echelon_case(np.random.default_rng(draw(st.integers(0, 2**32 - 1))), sizes, features)


def design_of(case: Case, choice: int) -> Design:
    """One of the case's designs."""
    designs = sorted(all_designs(case.network), key=sorted)
    return case.network.design(designs[choice % len(designs)])


def levels_of(case: Case, design: Design, factor: float) -> dict[str, float]:
    """The single-stage levels of a design times a factor."""
    costs, levels = QuadratureSingleStage(case.demand), {}
    for component in design.components:
        plan = single_stage_plan(case, costs, component)
        levels.update(zip(component.nodes, factor * plan.levels, strict=True))
    return {name: float(level) for name, level in levels.items()}


def plan_cost(case: Case, design: Design) -> float:
    """Single-stage cost of a design."""
    costs = QuadratureSingleStage(case.demand)
    return sum(single_stage_plan(case, costs, component).cost for component in design.components)


def master_solution(case: Case) -> MasterSolution:
    return ProjectedMaster(case, QuadratureSingleStage(case.demand)).solve()


def simulated(case: Case, design: Design, levels: Mapping[str, float], replications: int = 64):
    params = EvaluationParams(replications, max_replications=replications)
    return evaluate(case, Ledger(case, TreeSimulator(case), seed=3), design, levels, params).estimate


def with_longer_lead_times(case: Case, periods: int) -> Case:
    nodes = [n if n.lead_time is None else replace(n, lead_time=n.lead_time + periods) for n in case.network.nodes]
    return with_network(case, nodes, [replace(k, lead_time=k.lead_time + periods) for k in case.network.lanes])


@settings(max_examples=25)
@given(case=small_cases(), periods=st.integers(1, 3), choice=st.integers(0, 1000))
def test_longer_lead_times_never_lower_the_single_stage_cost_of_a_design(case, periods, choice):
    later = with_longer_lead_times(case, periods)
    before = plan_cost(case, design_of(case, choice))
    assert plan_cost(later, design_of(later, choice)) >= before * (1.0 - 1e-5)


@settings(max_examples=10)
@given(case=small_cases(), periods=st.integers(1, 2))
def test_longer_lead_times_never_lower_the_bound(case, periods):
    before = master_solution(case).bound
    assert master_solution(with_longer_lead_times(case, periods)).bound >= before * (1.0 - 1e-5)


def in_another_currency(case: Case, factor: float) -> Case:
    nodes = [replace(n, **{k: factor * getattr(n, k) for k in MONEY_OF_NODES}) for n in case.network.nodes]
    lanes = [replace(k, **{m: factor * getattr(k, m) for m in MONEY_OF_LANES}) for k in case.network.lanes]
    return with_network(case, nodes, lanes)


@settings(max_examples=20)
@given(case=small_cases(), exponent=st.integers(-9, 9), choice=st.integers(0, 1000))
def test_costs_scale_with_the_unit_of_money(case, exponent, choice):
    factor = 10.0**exponent
    scaled = in_another_currency(case, factor)
    design, other = design_of(case, choice), design_of(scaled, choice)
    assert plan_cost(scaled, other) == pytest.approx(factor * plan_cost(case, design), rel=1e-9)
    levels = levels_of(case, design, 1.2)
    in_units = [levels_of(scaled, other, 1.2)[name] for name in levels]
    assert in_units == pytest.approx(list(levels.values()), rel=1e-6)
    cost, scaled_cost = simulated(case, design, levels), simulated(scaled, other, levels)
    assert scaled_cost.mean == pytest.approx(factor * cost.mean, rel=1e-9)
    assert scaled_cost.half_width == pytest.approx(factor * cost.half_width, rel=1e-9)


@pytest.mark.parametrize("exponent", [-6, -3, 3, 6, 9])
@pytest.mark.parametrize("seed", range(3))
def test_the_master_is_as_good_in_small_and_in_large_money(seed, exponent):
    case = echelon_case(np.random.default_rng(seed), (2, 2, 3), Features(fixed_costs=True, lane_lead_times=True))
    plain, scaled = master_solution(case), master_solution(in_another_currency(case, 10.0**exponent))
    assert scaled.status is SolveStatus.OPTIMAL
    assert scaled.design == plain.design
    assert scaled.bound == pytest.approx(10.0**exponent * plain.bound, rel=1e-5)


@pytest.mark.parametrize("exponent", [-6, -3, 3, 6])
@pytest.mark.parametrize("seed", range(2))
def test_the_master_does_not_depend_on_the_unit_of_quantity(seed, exponent):
    case = echelon_case(np.random.default_rng(seed), (2, 2, 3), Features(fixed_costs=True, lane_lead_times=True))
    factor = 10.0**exponent
    per_unit = {"holding_cost", "backorder_cost", "unit_cost", "pipeline_holding_cost"}
    nodes = [replace(n, **{k: getattr(n, k) / factor for k in per_unit if hasattr(n, k)}) for n in case.network.nodes]
    lanes = [replace(n, **{k: getattr(n, k) / factor for k in per_unit if hasattr(n, k)}) for n in case.network.lanes]
    demand = {name: NormalDemand(factor * d.location, factor * d.scale) for name, d in case.demand.items()}
    scaled = master_solution(make_case(nodes, lanes, demand, case.horizon, case.warm_up))
    plain = master_solution(case)
    assert scaled.design == plain.design
    assert scaled.bound == pytest.approx(plain.bound, rel=1e-5)


def reordered(case: Case, rng: np.random.Generator) -> Case:
    """The same case with the rows of its three tables in another order."""
    nodes = [case.network.nodes[k] for k in rng.permutation(len(case.network.nodes))]
    lanes = [case.network.lanes[k] for k in rng.permutation(len(case.network.lanes))]
    names = [case.network.customers[k] for k in rng.permutation(len(case.network.customers))]
    return make_case(nodes, lanes, {name: case.demand[name] for name in names}, case.horizon, case.warm_up)


@settings(max_examples=15)
@given(case=small_cases(), seed=st.integers(0, 1000), choice=st.integers(0, 1000))
def test_the_order_of_rows_does_not_change_the_simulated_cost(case, seed, choice):
    other = reordered(case, np.random.default_rng(seed))
    design = design_of(case, choice)
    levels = levels_of(case, design, 1.0)
    cost, again = simulated(case, design, levels), simulated(other, other.network.design(design.lanes), levels)
    assert again.mean == pytest.approx(cost.mean, rel=1e-9)
    assert again.half_width == pytest.approx(cost.half_width, rel=1e-6)


@settings(max_examples=10)
@given(case=small_cases(), seed=st.integers(0, 1000))
def test_the_order_of_rows_does_not_change_the_bound_or_the_design(case, seed):
    plain, other = master_solution(case), master_solution(reordered(case, np.random.default_rng(seed)))
    assert other.bound == pytest.approx(plain.bound, rel=1e-5)
    assert set(other.design.lanes) == set(plain.design.lanes)


def renamed(case: Case, new: Mapping[str, str]) -> Case:
    nodes = [replace(node, name=new[node.name]) for node in case.network.nodes]
    lanes = [replace(k, origin=new[k.origin], destination=new[k.destination]) for k in case.network.lanes]
    demand = {new[name]: law for name, law in case.demand.items()}
    return make_case(nodes, lanes, demand, case.horizon, case.warm_up)


def total_cost(case: Case, lanes: list[LanePair], levels: Mapping[str, float], demand: np.ndarray) -> np.ndarray:
    """Cost of each demand path over all components of a design, shape (replication,)."""
    simulator, total = TreeSimulator(case), np.zeros(len(demand))
    for component in case.network.design(lanes).components:
        chosen = np.array([levels[name] for name in component.nodes])
        total += simulator.simulate(component, chosen, demand, with_gradient=False).costs
    return total


@settings(max_examples=25)
@given(case=small_cases(), data=st.data(), choice=st.integers(0, 1000))
def test_names_do_not_change_the_cost_of_given_demand(case, data, choice):
    old = [node.name for node in case.network.nodes]
    names = data.draw(st.lists(st.text(max_size=5), min_size=len(old), max_size=len(old), unique=True))
    new = dict(zip(old, names, strict=True))
    design = design_of(case, choice)
    levels = levels_of(case, design, 0.9)
    demand = random_demand(np.random.default_rng(choice), case, 4, whole_units=False)
    lanes = [(new[origin], new[end]) for origin, end in design.lanes]
    other = total_cost(renamed(case, new), lanes, {new[name]: level for name, level in levels.items()}, demand)
    np.testing.assert_allclose(other, total_cost(case, list(design.lanes), levels, demand), rtol=1e-12)


@settings(max_examples=10)
@example(case=echelon_case(np.random.default_rng(0)), reverse=True)
@given(case=small_cases(), reverse=st.booleans())
def test_names_do_not_change_the_bound(case, reverse):
    old = [node.name for node in case.network.nodes]
    new = dict(zip(old, reversed(old) if reverse else [f"{k:03d} node" for k in range(len(old))], strict=True))
    plain, other = master_solution(case), master_solution(renamed(case, new))
    assert other.bound == pytest.approx(plain.bound, rel=1e-6)


@settings(max_examples=25)
@given(case=small_cases(), choice=st.integers(0, 1000), factor=st.floats(0.5, 2.0))
def test_no_design_with_any_levels_costs_less_than_its_single_stage_cost(case, choice, factor):
    assert not case.warnings
    design = design_of(case, choice)
    cost = simulated(case, design, levels_of(case, design, factor), 512)
    assert cost.mean + 2.0 * cost.half_width >= plan_cost(case, design)
