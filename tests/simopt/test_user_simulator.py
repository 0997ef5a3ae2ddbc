"""A simulator of one's own: asked and answered as documented; the SimPy example costs what the built-in one does."""

from __future__ import annotations

import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from cases.simpy_tree import SimpyTree
from design.case import Case
from design.case_files import load_case
from simopt.api import solve_case as solve
from simopt.apps.options import OptionError
from simopt.simulation.ledger import Ledger
from simopt.simulation.simulator import TreeSimulator
from simopt.simulation.stage import Measure
from simopt.simulation.user_simulator import (
    ComponentSimulator,
    NodeCosts,
    Outcome,
    UserSimulatorError,
    as_simulator,
)
from simopt.simulation.workers import Workers
from tests.emitting import emitting
from tests.networks import Trial, random_trial, three_echelon_tree, two_stage_series, warehouse_with_retailers, whole
from tests.simopt.own_simulators import BuiltIn, Noisy

CASE = "two-two-three"


def with_seeds(demand: np.ndarray) -> np.ndarray:
    """Demand with a last column of seeds."""
    seeds = np.zeros((*demand.shape[:2], 1))
    seeds[:, 0, 0] = np.arange(len(demand))
    return np.concatenate([demand, seeds], axis=2)


def simulated(trial: Trial) -> tuple[np.ndarray, np.ndarray]:
    """Measures by the SimPy example and by the built-in simulator."""
    own = ComponentSimulator(trial.case, SimpyTree())
    found = own.simulate(trial.component, trial.levels, with_seeds(trial.demand), with_gradient=False)
    known = TreeSimulator(trial.case).simulate(trial.component, trial.levels, trial.demand, with_gradient=False)
    return found.measures, known.measures


def assert_equal_measures(trial: Trial) -> None:
    found, known = simulated(trial)
    scale = np.abs(known).max()
    np.testing.assert_allclose(found[..., :4], known[..., :4], atol=1e-9 * scale)
    faces_customers = [name in trial.case.demand for name in trial.component.nodes]
    assert any(faces_customers)
    np.testing.assert_allclose(found[:, faces_customers, 4:], known[:, faces_customers, 4:], atol=1e-7)


@pytest.mark.parametrize("whole_units", [False, True], ids=["any demand", "whole units"])
@pytest.mark.parametrize("seed", range(12))
def test_the_simpy_example_equals_the_built_in_simulator_on_random_trees(seed, whole_units):
    rng = np.random.default_rng(seed)
    assert_equal_measures(random_trial(rng, 2 + seed % 7, whole_units=whole_units))


@pytest.mark.parametrize("case", [two_stage_series(), warehouse_with_retailers(), three_echelon_tree(30, 4)])
def test_the_simpy_example_equals_the_built_in_simulator_where_stock_is_short(case):
    rng = np.random.default_rng(3)
    demand = rng.gamma(4.0, 5.0, (5, case.num_periods, len(case.demand)))
    levels = rng.uniform(0.0, 60.0, len(whole(case).nodes))
    assert_equal_measures(Trial(case, levels, demand))


class Recorder:
    """Remembers what it was asked."""

    has_gradient = False

    def __init__(self) -> None:
        self.asked = []

    def simulate(self, replication):
        self.asked.append(replication)
        return Outcome({name: NodeCosts(1.0, 2.0) for name in replication.nodes})


def test_a_replication_holds_its_demand_levels_suppliers_and_seed():
    case, recorder = three_echelon_tree(), Recorder()
    ledger, component = Ledger(case, ComponentSimulator(case, recorder), 5), whole(case)
    levels = np.arange(10.0, 10.0 + len(component.nodes))
    ledger.search(component, levels, 3)
    ledger.search(component, 2.0 * levels, 3)
    first, again = recorder.asked[:3], recorder.asked[3:]
    assert [one.seed for one in first] == [one.seed for one in again]
    assert len({one.seed for one in first}) == 3
    built_in = Ledger(case, TreeSimulator(case), 5).search_paths(3)
    for k, one in enumerate(first):
        assert one.levels == dict(zip(component.nodes, levels, strict=True))
        assert one.supplier == component.supplier
        position = {name: at for at, name in enumerate(one.nodes)}
        assert all(position[origin] < position[name] for name, origin in one.supplier.items())
        assert set(one.demand) == set(case.demand)
        for c, name in enumerate(case.network.customers):
            np.testing.assert_array_equal(one.demand[name], built_in[k, :, c])
            np.testing.assert_array_equal(one.demand[name], again[k].demand[name])
    assert [one.levels for one in again] == [{n: 2.0 * s for n, s in one.levels.items()} for one in first]


def test_fresh_replications_have_other_seeds_than_the_search():
    case, recorder = two_stage_series(), Recorder()
    ledger, design = Ledger(case, ComponentSimulator(case, recorder), 5), case.network.design([("warehouse", "shop")])
    ledger.search(whole(case), np.array([90.0, 70.0]), 64)
    ledger.fresh(design, {"warehouse": 90.0, "shop": 70.0}, 0, 1)
    assert len({one.seed for one in recorder.asked}) == 128


def test_lanes_and_nodes_of_a_replication_have_the_costs_that_are_charged():
    case, recorder = replace(emitting(two_stage_series(), 1, held=True, price=2.0), horizon=20), Recorder()
    ComponentSimulator(case, recorder).simulate(
        whole(case), np.array([90.0, 70.0]), with_seeds(np.full((1, 25, 1), 20.0)), with_gradient=False
    )
    (asked,) = recorder.asked
    assert asked.node("shop") == case.charged.node("shop")
    assert asked.lane_into("shop") == case.charged.lane(("warehouse", "shop"))
    assert asked.lane_into("warehouse") is None
    assert asked.customers_of("warehouse") == ("shop",)


def test_gradients_of_ones_own_lead_to_the_levels_of_the_built_in_search():
    own = solve(CASE, simulator=BuiltIn(has_gradient=True), fresh_replications=256, certify=False)
    known = solve(CASE, fresh_replications=256, certify=False)
    assert own.lanes == known.lanes
    found = [row.level for row in own.performance.nodes]
    assert found == pytest.approx([row.level for row in known.performance.nodes], rel=1e-9)
    assert own.performance.cost.mean == pytest.approx(known.performance.cost.mean, rel=1e-12)


@pytest.mark.parametrize("simulator", [BuiltIn(), Noisy()], ids=["demand alone", "random numbers of its own"])
def test_without_gradients_the_loop_ends_within_one_percent(simulator):
    case = load_case(CASE)
    found = solve(case, simulator=simulator, fresh_replications=64, seed=1)
    known = solve(case, certify=False, fresh_replications=2048)
    levels = {row.node: row.level for row in found.performance.nodes}
    judge = Ledger(case, TreeSimulator(case), 0)
    truth = judge.fresh(case.network.design(found.lanes), levels, 0, 32).costs.mean()
    truth += case.design_fixed_cost(case.network.design(found.lanes))
    assert truth <= 1.01 * known.performance.cost.mean
    assert found.replications_used <= 3000


def test_a_result_says_what_its_numbers_are():
    found = solve(CASE, simulator=BuiltIn(), budget=600, fresh_replications=64)
    assert found.certified is False
    assert "another simulator" in found.certificate
    assert found.lower_bound.kind == "estimate"
    assert found.simulator == "BuiltIn"
    assert found.as_dict()["simulator"] == "BuiltIn"
    assert found.replications_used <= 600
    assert found.performance.cost.replications == 64
    assert found.performance.service == ()
    assert found.warnings == ()


def test_costs_below_the_built_in_bound_are_pointed_out():
    found = solve(CASE, simulator=BuiltIn(factor=0.5), budget=600, fresh_replications=64)
    assert any("below the built-in model's lower bound" in line for line in found.warnings)


def test_a_function_is_a_simulator_and_jobs_change_nothing():
    def doubled(replication):
        return BuiltIn(factor=2.0).simulate(replication).nodes

    results = [solve(CASE, simulator=doubled, budget=600, fresh_replications=64, jobs=jobs) for jobs in (1, 2)]
    first, second = (replace(result, wall_seconds=0.0, iterations=()) for result in results)
    assert first == second
    assert first.simulator == "doubled"


def test_whole_packs_are_kept():
    case = load_case(CASE)
    nodes = tuple(replace(node, pack_size=5.0) for node in case.network.nodes)
    packed = replace(case, network=replace(case.network, nodes=nodes))
    found = solve(packed, simulator=BuiltIn(), budget=600, fresh_replications=64)
    assert all(math.remainder(row.level, 5.0) == 0.0 for row in found.performance.nodes)
    assert found.rounding_cost is not None


ANSWERS = {
    "a node is left out": (lambda r: {r.nodes[0]: NodeCosts(1.0, 1.0)}, "node B: expected NodeCosts, got nothing"),
    "a number alone": (lambda r: dict.fromkeys(r.nodes, 3.0), "node A: expected NodeCosts, got float"),
    "not a number": (
        lambda r: {n: NodeCosts(1.0, math.nan) for n in r.nodes}, "node A, backorder: expected a finite number, got",
    ),
    "none": (lambda r: {n: NodeCosts(None, 1.0) for n in r.nodes}, "node A, holding: expected a finite number"),
    "infinite service": (
        lambda r: {n: NodeCosts(1.0, 1.0, demanded=math.inf) for n in r.nodes}, "node A, demanded: expected a finite",
    ),
    "no mapping": (lambda _: 12.0, "expected costs by node, got float"),
    "an exception": (lambda _: 1 / 0, "failed: ZeroDivisionError: division by zero (test_user_simulator.py, line"),
}  # fmt: skip


def run_once(case: Case, simulator: object, *, with_gradient: bool = False, jobs: int = 1) -> None:
    own = ComponentSimulator(case, as_simulator(simulator), Workers(jobs))
    paths = with_seeds(np.full((2, case.num_periods, 1), 20.0))
    own.simulate(whole(case), np.array([90.0, 70.0]), paths, with_gradient=with_gradient)


@pytest.mark.parametrize(("answer", "said"), ANSWERS.values(), ids=ANSWERS)
def test_an_answer_that_is_no_answer_is_refused(answer, said):
    case = two_stage_series()
    names = {"warehouse": "A", "shop": "B"}
    with pytest.raises(UserSimulatorError) as refused:
        run_once(case, answer)
    message = str(refused.value)
    for name, short in names.items():
        message = message.replace(f"node {name}", f"node {short}")
    assert said in message


def test_an_exception_in_another_process_is_the_same_line():
    with pytest.raises(UserSimulatorError, match="failed: ZeroDivisionError"):
        run_once(two_stage_series(), lambda _: 1 / 0, jobs=2)


def test_a_missing_derivative_is_refused():
    class Half(BuiltIn):
        def simulate(self, replication):
            found = super().simulate(replication)
            return Outcome(found.nodes, {"shop": 1.0})

    with pytest.raises(UserSimulatorError, match="node warehouse, gradient: expected a finite number, got None"):
        run_once(two_stage_series(), Half(has_gradient=True), with_gradient=True)


@pytest.mark.parametrize("found", [None, 3, Recorder, SimpleNamespace(simulate=len)])
def test_what_is_no_simulator_is_refused(found):
    with pytest.raises(UserSimulatorError, match="expected"):
        as_simulator(found)


REFUSED = {
    "pathwise without gradients": ({"subproblem": "pathwise"}, "expected kriging or auto"),
    "gradient-kriging without gradients": ({"subproblem": "gradient-kriging"}, "expected kriging or auto"),
    "exhaustive": ({"method": "exhaustive"}, "expected outer-approximation"),
    "too few fresh replications": ({"fresh_replications": 1}, "fresh-replications 1: expected a whole number"),
    "an unknown option": ({"sed": 1}, "option 'sed': did you mean 'seed'"),
}


@pytest.mark.parametrize(("options", "said"), REFUSED.values(), ids=REFUSED)
def test_an_option_that_cannot_work_is_refused(options, said):
    with pytest.raises(OptionError, match=said):
        solve(CASE, simulator=BuiltIn(), **options)


def test_cases_that_only_the_built_in_simulator_knows_are_refused():
    case = load_case(CASE)
    nodes = tuple(replace(n, service_target=0.9) if n.name in case.demand else n for n in case.network.nodes)
    targeted = replace(case, network=replace(case.network, nodes=nodes))
    for known, what in ((targeted, "service_target"), (emitting(case, 1), "emissions"), ("assembly-five", "assembly")):
        with pytest.raises(OptionError, match=what):
            solve(known, simulator=BuiltIn())


def test_measures_of_service_are_reported_where_they_are_measured():
    found = solve(CASE, simulator=SimpyTree(), budget=600, fresh_replications=64)
    rates = {row.node: row.fill_rate for row in found.performance.service}
    case = load_case(CASE)
    levels = {row.node: row.level for row in found.performance.nodes}
    design = case.network.design(found.lanes)
    means = Ledger(case, TreeSimulator(case), 0).fresh(design, levels, 0, 1).measures.mean(axis=0)
    for k, name in enumerate(design.nodes):
        if name in case.demand:
            assert rates[name] == pytest.approx(means[k, Measure.MET_AT_ONCE] / means[k, Measure.DEMANDED], rel=1e-9)
    assert set(rates) == set(case.demand)
