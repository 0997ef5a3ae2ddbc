"""Sanity and theory of planning worlds, as the source document lists them, and the anchor of the bullwhip effect."""

from dataclasses import replace

import numpy as np
import pytest

from design.demand import NormalDemand, PoissonDemand
from design.node import Node
from design.planning.data import DemandShock, FamilyCapacity, Operation, PlanningData
from design.planning.settings import PlanningSettings
from design.supply import OUTSIDE, Supply
from simopt.planning.engine import planners_of, run
from simopt.planning.measures import COSTS, Series, Total
from simopt.planning.paths import Chance
from simopt.planning.study import Study
from simopt.policies.dynamic import DynamicBaseStock
from simopt.policies.parameters import Sizing
from simopt.policies.registry import SIZED
from simopt.policies.reorder_lots import ReorderLots
from simopt.policies.reorder_up_to import ReorderUpTo
from simopt.policies.review_up_to import ReviewUpTo
from simopt.policies.sizing import economic_lot
from tests.networks import make_case, one_node
from tests.simopt.planning_worlds import chain_case, disturbed_case, world

every_policy = pytest.mark.parametrize("name", list(SIZED))
EXACT = PlanningSettings(mean_bias=(1.0, 1.0), cv_bias=(1.0, 1.0))


def with_settings(case, **changes):
    return replace(case, planning=replace(case.planning, settings=replace(case.planning.settings, **changes)))


def with_demand(case, make):
    return replace(case, demand={name: make(demand) for name, demand in case.demand.items()})


def runs(case, policy, count=32, seed=1, **options):
    own = world(case)
    return own, run(own, policy, Chance(own, seed).paths(range(count)), **options)


@every_policy
@pytest.mark.parametrize("seed", range(5))
def test_what_is_asked_is_shipped_gone_or_owed_and_shares_are_shares(seed, name):
    own, found = runs(disturbed_case(seed, whole=seed % 2 == 0), SIZED[name](), 8)
    inflow, shipped, gone, owed = found.flows
    np.testing.assert_allclose(inflow, shipped + gone + owed, rtol=1e-9, atol=1e-6)
    assert (found.flows >= -1e-9).all()
    assert (found.totals >= -1e-6).all()
    met, demanded = found.totals[:, :, Total.MET_AT_ONCE], found.totals[:, :, Total.DEMANDED]
    assert (met <= demanded + 1e-6).all()
    clear = found.totals[:, :, Total.CLEAR].sum(axis=1)
    customers = sum(int((site.customer >= 0).sum()) for site in own.sites)
    assert (clear <= customers * own.case.horizon).all()


def easy(warm_up=6):
    settings = replace(EXACT, service_window=2, cancellation_rate=0.3)
    return with_demand(
        chain_case(settings=settings, warm_up=warm_up), lambda demand: NormalDemand(round(demand.mean), 0.0)
    )


@every_policy
def test_an_easy_world_serves_nearly_everything_and_cancels_nothing(name):
    _, found = runs(easy(), SIZED[name]())
    totals = found.totals.sum(axis=(0, 1))
    assert totals[Total.MET_AT_ONCE] >= 0.99 * totals[Total.DEMANDED]
    assert totals[Total.CANCELLED] == 0.0
    assert totals[Total.LOST] == 0.0


@every_policy
def test_a_little_noise_does_not_upset_it(name):
    noisy = with_demand(easy(), lambda demand: NormalDemand(demand.mean, 0.02 * demand.mean))
    _, found = runs(noisy, SIZED[name]())
    totals = found.totals.sum(axis=(0, 1))
    assert totals[Total.MET_AT_ONCE] >= 0.95 * totals[Total.DEMANDED]
    assert totals[Total.CANCELLED] <= 0.01 * totals[Total.INFLOW]


def test_a_shock_builds_a_backlog_that_is_gone_later():
    case = chain_case(settings=EXACT, horizon=80)
    shock = PlanningData(EXACT, shocks=(DemandShock("", "", 20, 24, 2.0),))
    own, found = runs(replace(case, planning=shock), DynamicBaseStock(), with_series=True)
    _, calm = runs(case, DynamicBaseStock(), with_series=True)
    facing = [s for s, site in enumerate(own.sites) if site.has_customers]
    extra = (found.series - calm.series)[:, case.warm_up :, facing, Series.BACKLOG].sum(axis=2).mean(axis=0)
    assert abs(extra[:19]).max() == 0.0
    assert extra[19:30].max() > 5.0
    assert extra[-10:].max() < 0.05 * extra.max()


@every_policy
def test_without_demand_there_is_no_order_and_no_backlog(name):
    case = with_demand(chain_case(settings=EXACT), lambda _: PoissonDemand(0.0))
    _, found = runs(case, SIZED[name]())
    assert found.totals[:, :, [Total.ORDERED, Total.BACKLOG, Total.INFLOW]].sum() == 0.0


def test_demand_that_ends_leaves_no_orders_after_the_transient():
    case = chain_case(settings=EXACT, horizon=60)
    shocks = (DemandShock("", "", 1, 60, -1.0),)
    own = world(replace(case, planning=PlanningData(EXACT, shocks=shocks)))
    found = run(own, DynamicBaseStock(), Chance(own, 0).paths(range(16)), with_series=True)
    assert found.series[:, case.warm_up + 30 :, :, Series.ORDERED].max() < 1e-3
    assert found.series[:, case.warm_up + 30 :, :, Series.BACKLOG].max() < 1e-6


@every_policy
def test_products_that_are_alike_stay_alike(name):
    case = chain_case(products=1, settings=EXACT)
    twin = {"p0": "a", "p1": "b"}
    nodes, lanes, demand = [], [], {}
    for product in twin:
        nodes += [replace(node, name=f"{node.site}/{product}", product=product) for node in case.network.nodes]
        for lane in case.network.lanes:
            ends = (f"{lane.origin.split('/')[0]}/{product}", f"{lane.destination.split('/')[0]}/{product}")
            lanes.append(replace(lane, origin=ends[0], destination=ends[1]))
        demand |= {f"{shop.split('/')[0]}/{product}": own for shop, own in case.demand.items()}
    both = replace(make_case(nodes, lanes, demand, 30, 6), planning=case.planning)
    own = world(both)
    paths = Chance(own, 3).paths(range(8))
    half = len(case.demand)
    paths.demand[:, :, half:] = paths.demand[:, :, :half]
    found = run(own, SIZED[name](), paths)
    np.testing.assert_array_equal(found.flows[..., 0], found.flows[..., 1])
    assert found.flows[..., 0].sum() > 0.0


def paired(case, other, policy=None):
    """Totals of two worlds on the same paths, summed over sites, shape (replication, total)."""
    policy = policy or DynamicBaseStock()
    return runs(case, policy, 64)[1].totals, runs(other, policy, 64)[1].totals


@pytest.mark.parametrize("seed", range(3))
def test_more_capacity_means_no_more_cancellations_and_no_more_cost_of_the_source(seed):
    settings = replace(EXACT, cancellation_rate=0.2, service_window=3)
    case = chain_case(np.random.default_rng(seed), settings=settings)
    costs = tuple(Operation(n.place, n.product, cancellation_cost=1.0) for n in case.network.nodes)

    def at(load):
        rows = tuple(FamilyCapacity(site, "", None, load) for site in ("mine", "works"))
        return replace(case, planning=PlanningData(settings, operations=costs, capacities=rows))

    tight, loose = paired(at(0.8), at(2.0))
    mine = world(case).sites[0]
    assert mine.name == "mine"
    cancelled = (loose - tight)[:, :, Total.CANCELLED].sum(axis=1)
    assert cancelled.mean() <= 0.0
    backlog = (loose - tight)[:, 0, [Total.BACKLOG_COST, Total.CANCELLATION_COST]].sum(axis=1)
    assert backlog.mean() <= 0.0


@pytest.mark.parametrize("seed", range(3))
def test_a_source_that_delivers_sooner_leaves_no_more_backlog_behind(seed):
    case = chain_case(np.random.default_rng(seed), settings=EXACT)
    late = Supply("fcfs", (), {(OUTSIDE, "mine"): ((4, 1.0),)})
    soon = Supply("fcfs", (), {(OUTSIDE, "mine"): ((1, 1.0),)})
    slow, fast = paired(replace(case, supply=late), replace(case, supply=soon))
    assert (fast - slow)[:, :, Total.BACKLOG].sum(axis=1).mean() <= 0.0


def planner(lead_time=2, order_cost=10.0, holding=1.0, settings=EXACT):
    case = one_node(lead_time, NormalDemand(20.0, 5.0))
    shop = replace(case.network.node("shop"), holding_cost=holding)
    case = make_case([shop], [], dict(case.demand))
    data = PlanningData(settings, operations=(Operation("shop", "", order_cost=order_cost),))
    own = world(replace(case, planning=data))
    return planners_of(own, Chance(own, 0).paths(range(2)))


def test_lots_grow_with_the_order_cost_and_shrink_with_the_holding_cost():
    base, dear, heavy = planner(), planner(order_cost=40.0), planner(holding=4.0)
    np.testing.assert_allclose(economic_lot(base[0]), 20.0, rtol=1e-5)  # sqrt(2 · 20 · 10 / 1)
    np.testing.assert_allclose(economic_lot(dear[0]), 40.0, rtol=1e-5)
    np.testing.assert_allclose(economic_lot(heavy[0]), 10.0, rtol=1e-5)


@pytest.mark.parametrize("policy", [ReorderUpTo(), ReorderLots(), ReviewUpTo()], ids=["sS", "RQ", "RS"])
def test_protection_grows_with_the_lead_time_and_the_service_level(policy):
    def stock(own, service=0.9):
        rule = replace(policy, sizing=Sizing(service_level=service)).rules(own)[0]
        return (rule.up_to if isinstance(policy, ReviewUpTo) else rule.reorder_point).min()

    assert stock(planner(1)) < stock(planner(2)) < stock(planner(5))
    assert stock(planner(), 0.8) < stock(planner(), 0.95) < stock(planner(), 0.99)


def test_the_level_of_reviews_grows_with_the_time_between_them():
    levels = [ReviewUpTo(review=r).rules(planner())[0].up_to.min() for r in (1, 2, 4)]
    assert levels[0] < levels[1] < levels[2]
    np.testing.assert_allclose(ReorderUpTo().rules(planner())[0].reorder_point, levels[0])


def test_planners_never_see_the_true_parameters():
    own = planner(settings=PlanningSettings())[0]
    assert 18.0 <= own.mean.min() < own.mean.max() <= 22.0
    cv = own.sd / own.mean
    assert ((cv >= 0.8 * 0.25 - 1e-6) & (cv <= 1.2 * 0.25 + 1e-6)).all()
    assert not np.isclose(own.mean, 20.0).any()


@pytest.mark.parametrize(("lead_time", "alpha", "published"), [(2, 0.3, 2.6235), (3, 0.2, 2.6), (1, 0.3, 1.7059)])
def test_bullwhip_of_exponential_smoothing_is_that_of_chen_and_others(lead_time, alpha, published):
    """1 + 2Lα + 2L²α²/(2 - α), order-up-to, independent demand, returns allowed (Chen et al. 2000)."""
    settings = replace(
        EXACT, smoothing=alpha, recent_weight=0.0, backlog_pressure=0.0, returns=True, backlog_weight=1.0
    )
    shop = Node("shop", lead_time=lead_time, holding_cost=1.0, backorder_cost=9.0)
    case = make_case([shop], [], {"shop": NormalDemand(1000.0, 50.0)}, 3000, 60)
    _, found = runs(replace(case, planning=PlanningData(settings)), DynamicBaseStock(), 64)
    ratio = found.bullwhip()[:, 0]
    formula = 1 + 2 * lead_time * alpha + 2 * lead_time**2 * alpha**2 / (2 - alpha)
    assert formula == pytest.approx(published, rel=1e-4)
    assert ratio.mean() == pytest.approx(formula, rel=0.01)
    assert 1.96 * ratio.std() / 8.0 < 0.005 * formula


def test_bullwhip_is_nothing_where_nothing_varies():
    _, found = runs(easy(warm_up=80), DynamicBaseStock())
    assert (found.bullwhip() == 0.0).all()


def test_replications_do_not_depend_on_how_many_run_or_where():
    own = world(disturbed_case(3, whole=True))
    long, short = Study(own, 150, 7), Study(own, 70, 7)
    jobs = Study(own, 150, 7, num_jobs=2)
    policy = DynamicBaseStock()
    found = long.run(policy)
    np.testing.assert_array_equal(found.totals[:70], short.run(policy).totals)
    np.testing.assert_array_equal(found.totals, jobs.run(policy).totals)
    np.testing.assert_array_equal(found.series, jobs.run(policy).series)
    trace = long.trace(policy, 65)
    np.testing.assert_allclose(trace.sum(axis=3), found.series[65], rtol=1e-12, atol=1e-9)


def test_all_policies_see_the_same_demand_and_opposite_pairs_are_opposite():
    own = world(chain_case(settings=EXACT, horizon=200))
    asked = [Study(own, 64, 2).run(SIZED[name]()).totals[:, :, Total.DEMANDED] for name in ("dynamic", "RQ")]
    np.testing.assert_array_equal(asked[0], asked[1])
    pairs = Study(own, 64, 2, antithetic=True).run(DynamicBaseStock()).totals[:, :, Total.DEMANDED].sum(axis=1)
    even, odd = pairs[::2], pairs[1::2]
    assert np.corrcoef(even, odd)[0, 1] < -0.9


def test_delays_cross_only_where_they_may_and_follow_their_probabilities():
    case = chain_case(products=1, settings=EXACT, horizon=400)
    shares = ((1, 0.6), (2, 0.3), (5, 0.1))
    case = replace(case, supply=Supply("fcfs", (), {("works", "depot"): shares}))
    for crossing in (False, True):
        own = world(with_settings(case, crossing=crossing))
        (link,) = (link for link in own.links if link.places == ("works", "depot"))
        dates = Chance(own, 0).paths(range(64)).arrivals(link)[:, :, 0]
        overtaken = (np.diff(dates, axis=1) < 0).any()
        assert overtaken == crossing
        if crossing:
            delays = dates - np.arange(dates.shape[1])
            for periods, share in shares:
                assert (delays == periods).mean() == pytest.approx(share, abs=0.01)


def test_what_is_not_there_is_lost_where_customers_do_not_wait():
    case = with_settings(chain_case(settings=EXACT), service_window=0)
    _, found = runs(case, replace(DynamicBaseStock(), sizing=Sizing(service_level=0.2)))
    totals = found.totals
    assert totals[:, :, Total.LOST].sum() > 0.0
    assert totals[:, :, Total.CUSTOMER_BACKLOG].sum() == 0.0
    np.testing.assert_allclose(
        totals[:, :, Total.DEMANDED].sum(),
        (totals[:, :, Total.MET_AT_ONCE] + totals[:, :, Total.LOST]).sum(),
    )


def test_costs_of_the_weeks_add_up_to_those_of_the_horizon():
    case = disturbed_case(2, whole=True)
    _, found = runs(replace(case, warm_up=0, horizon=case.num_periods), DynamicBaseStock(), 8, with_series=True)
    weekly = found.series[..., Series.COST].sum(axis=1)
    np.testing.assert_allclose(weekly, found.totals[:, :, list(COSTS)].sum(axis=2))
