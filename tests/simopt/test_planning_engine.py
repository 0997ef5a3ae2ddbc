"""The planning engine against the compiled simulator, a plain event loop, and what must hold in any world."""

from dataclasses import replace

import numpy as np
import pytest

from design.streams import Purpose
from simopt.apps.operate import OperateOptions
from simopt.planning.engine import run
from simopt.planning.measures import Total
from simopt.planning.paths import Chance
from simopt.planning.world_of_case import world_of
from simopt.policies.base_stock import BaseStock
from simopt.policies.parameters import Sizing
from simopt.policies.registry import SIZED
from simopt.policies.review_up_to import ReviewUpTo
from simopt.simulation.simulator import Allocation, TreeSimulator
from simopt.simulation.stage import Measure
from tests.networks import random_trial
from tests.simopt.planning_loop import Loop, factor
from tests.simopt.planning_worlds import disturbed_case, whole_design, world
from tests.simopt.test_supply import disturbed

every_rule = pytest.mark.parametrize("allocation", Allocation, ids=[rule.name.lower() for rule in Allocation])


def few(count, many):
    """Some seeds always, many more with the slow tests."""
    slow = [pytest.param(seed, marks=pytest.mark.slow) for seed in range(count, many)]
    return pytest.mark.parametrize("seed", [*range(count), *slow])


SAME = {
    Measure.HOLDING: Total.HOLDING_COST,
    Measure.BACKORDER: Total.BACKLOG_COST,
    Measure.TRANSPORT: Total.TRANSPORT_COST,
    Measure.PIPELINE: Total.PIPELINE_COST,
    Measure.MET_AT_ONCE: Total.MET_AT_ONCE,
    Measure.DEMANDED: Total.DEMANDED,
    Measure.PERIODS_WITHOUT_BACKORDERS: Total.CLEAR,
}


def assert_same_as_compiled(trial, allocation):
    """Every measure of every node and replication, continuous mode."""
    case = replace(trial.case, supply=replace(trial.case.supply, allocation=allocation.name.lower()))
    design = whole_design(case)
    own = world_of(case, design)
    paths = Chance(own, 0, Purpose.SEARCH).paths(range(len(trial.demand)))
    count = len(case.demand)
    paths.demand = trial.demand[:, :, :count]
    paths._calendars = trial.demand[:, :, count:].astype(np.int64) if trial.demand.shape[2] > count else None
    levels = dict(zip(trial.component.nodes, trial.levels, strict=True))
    found = run(own, BaseStock("levels", levels), paths)
    expected = TreeSimulator(case, allocation).simulate(
        trial.component, trial.levels, trial.demand, with_gradient=False
    )
    place = {site.name: s for s, site in enumerate(own.sites)}
    order = [place[name] for name in trial.component.nodes]
    for measure, total in SAME.items():
        np.testing.assert_allclose(
            found.totals[:, order, total], expected.measures[:, :, measure], rtol=1e-9, atol=1e-9, err_msg=measure.name
        )


@every_rule
@few(6, 40)
def test_in_continuous_mode_it_is_the_compiled_simulator_on_trees(seed, allocation):
    trial = random_trial(np.random.default_rng(seed), seed % 7 + 1, whole_units=seed % 3 == 0)
    assert_same_as_compiled(trial, allocation)


@every_rule
@few(6, 40)
def test_and_where_capacity_reviews_outages_and_delays_disturb_them(seed, allocation):
    trial, _, _ = disturbed(seed)
    assert_same_as_compiled(trial, allocation)


@every_rule
@few(6, 40)
def test_and_where_nodes_assemble_inputs(seed, allocation):
    assert_same_as_compiled(random_trial(np.random.default_rng(seed), seed % 8 + 1, assembly=True), allocation)


def assert_same_as_loop(own, policy, told, count=2):
    paths = Chance(own, 5).paths(range(count))
    found = run(own, policy, paths)
    for r in range(count):
        loop = Loop(own, told, paths, r).run()
        for total in Total:
            expected = [loop.totals[s, total.name.lower()] for s in range(len(own.sites))]
            np.testing.assert_allclose(found.totals[r, :, total], expected, rtol=1e-9, atol=1e-7, err_msg=total.name)
        periods, families = range(own.case.warm_up, own.case.num_periods), range(len(own.families))
        for s in range(len(own.sites)):
            for variance, kept in ((found.order_variance, loop.orders), (found.inflow_variance, loop.inflows)):
                expected = [np.var([kept[t, s, f] for t in periods]) for f in families]
                np.testing.assert_allclose(variance[r, s], expected, rtol=1e-9, atol=1e-7)


@pytest.mark.parametrize("whole", [True, False], ids=["whole", "continuous"])
@pytest.mark.parametrize("name", ["dynamic", "sS", "RQ", "RS", "echelon", "levels"])
@few(4, 40)
def test_an_independent_event_loop_agrees_on_worlds_with_everything(seed, name, whole):
    own = world(disturbed_case(seed, whole=whole))
    levels = {node: 8.0 + 3.0 * k for k, node in enumerate(own.node_names.values())}
    if name == "levels":
        assert_same_as_loop(own, BaseStock("levels", levels), (name, 0.0, 1, levels))
        return
    policy = SIZED[name]()
    review = 3 if isinstance(policy, ReviewUpTo) else 1
    policy = replace(policy, sizing=Sizing(service_level=0.8))
    if isinstance(policy, ReviewUpTo):
        policy = replace(policy, review=review)
    assert_same_as_loop(own, policy, (name, factor(0.8), review, {}))


def test_options_of_the_command_are_those_of_the_policies():
    assert [spec.name for spec in OperateOptions().specs] == list(SIZED)
