"""Correlated customers: streams that do not depend on the design, joint samples, and costs of bivariate normal sums."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from design.correlation import Correlation
from design.demand import AutocorrelatedDemand, Demand, GammaDemand, NormalDemand, PoissonDemand, ProfiledDemand
from design.master import MasterParams, ProjectedMaster
from design.node import Lane, Node
from design.scenario import JointScenarios, path_scenarios
from design.separate import independent_parts
from design.single_stage import QuadratureSingleStage, SampledSingleStage
from design.stage_models import exact_costs, sampled_costs
from design.streams import DemandStreams, Purpose
from tests.networks import make_case

NORMAL = {"a": NormalDemand(40.0, 6.0), "b": NormalDemand(25.0, 4.0), "c": NormalDemand(30.0, 5.0)}
PAIR = Correlation((("a", "b", 0.7),))
RATES = (2.0, 0.0, np.inf, 0.0, 18.0)


def streams(demand: dict[str, Demand], correlation: Correlation) -> DemandStreams:
    return DemandStreams(demand, 3, Purpose.SEARCH, correlation)


def newsvendor(deviation: float) -> float:
    return 20.0 * float(stats.norm.pdf(stats.norm.ppf(0.9))) * deviation


def two_shops(rho: float, demand: dict[str, Demand] | None = None, **options):
    nodes = [
        Node("plant", lead_time=3, holding_cost=1.0, backorder_cost=9.0),
        Node("a", holding_cost=2.0, backorder_cost=18.0),
        Node("b", holding_cost=2.0, backorder_cost=18.0),
    ]
    lanes = [Lane("plant", "a", 1, unit_cost=0.1), Lane("plant", "b", 2, unit_cost=0.1)]
    case = make_case(nodes, lanes, demand or {"a": NORMAL["a"], "b": NORMAL["b"]}, **options)
    return replace(case, correlation=Correlation((("a", "b", rho),)))


@pytest.mark.parametrize("rho", [0.7, -0.9, 1.0])
def test_paths_have_the_correlation_and_every_customer_its_own_distribution(rho):
    made = streams(NORMAL, Correlation((("a", "b", rho),)))
    paths = np.concatenate([made.block(k, 100) for k in range(6)]).reshape(-1, 3)
    np.testing.assert_allclose(np.corrcoef(paths.T)[0], [1.0, rho, 0.0], atol=0.02)
    np.testing.assert_allclose(paths.mean(axis=0), [40.0, 25.0, 30.0], rtol=0.005)
    np.testing.assert_allclose(paths.std(axis=0), [6.0, 4.0, 5.0], rtol=0.02)


def test_a_customers_path_depends_on_those_it_is_correlated_with_alone():
    whole = streams(NORMAL, PAIR).block(0, 20)
    plain = DemandStreams(NORMAL, 3, Purpose.SEARCH).block(0, 20)
    np.testing.assert_array_equal(whole[:, :, 2], plain[:, :, 2])
    alone = streams({"b": NORMAL["b"]}, PAIR).block(0, 20)
    np.testing.assert_array_equal(whole[:, :, 1], alone[:, :, 0])
    turned = streams(dict(reversed(NORMAL.items())), Correlation((("b", "a", 0.7),))).block(0, 20)
    np.testing.assert_array_equal(whole, turned[:, :, ::-1])


def test_correlations_run_through_autocorrelated_scores():
    demand = {name: AutocorrelatedDemand(one, 0.5) for name, one in NORMAL.items()}
    made = streams(demand, PAIR)
    paths = np.concatenate([made.block(k, 60) for k in range(20)])
    for period in (0, 1, 40):
        found = np.corrcoef(paths[:, period, 0], paths[:, period, 1])[0, 1]
        assert found == pytest.approx(0.7, abs=0.06)
    assert np.corrcoef(paths[:, 20, 0], paths[:, 21, 0])[0, 1] == pytest.approx(0.5, abs=0.08)


def test_sampled_paths_of_the_extensive_master_are_correlated_too():
    paths = path_scenarios(NORMAL, 4000, 3, seed=1, correlation=PAIR).paths.reshape(-1, 3)
    np.testing.assert_allclose(np.corrcoef(paths.T)[0], [1.0, 0.7, 0.0], atol=0.03)


@pytest.mark.parametrize("rho", [0.7, -0.6, 1.0])
@pytest.mark.parametrize("num_periods", [1, 3])
def test_two_correlated_normal_customers_cost_what_their_sum_costs(rho, num_periods):
    case = two_shops(rho)
    reach = np.array([1.0, 0.5])
    value = exact_costs(case).evaluate(RATES, num_periods, ("a", "b"), reach)
    covariance = np.array([[36.0, rho * 24.0], [rho * 24.0, 16.0]])
    deviation = np.sqrt(num_periods * reach @ covariance @ reach)
    assert value.cost == pytest.approx(newsvendor(deviation), rel=5e-4)
    slope = num_periods * (covariance @ reach) / deviation * newsvendor(1.0)
    np.testing.assert_allclose(value.gradient, slope, rtol=0.01, atol=0.01 * newsvendor(deviation))
    assert value.level == pytest.approx(num_periods * 52.5 + stats.norm.ppf(0.9) * deviation, abs=0.05 * deviation)


@pytest.mark.parametrize("demand", [GammaDemand(20.0, 15.0), PoissonDemand(5.0)])
def test_joint_samples_agree_with_paths(demand):
    both = {"a": demand, "b": ProfiledDemand("week", (0.5, 1.5), demand)}
    joint = JointScenarios(both, PAIR, 3, 8192, seed=2)
    block = [streams(both, PAIR).block(k, 60) for k in range(40)]
    paths = np.concatenate(block)
    for phase in (0, 1):
        found = joint.lead_time_demand(("b", "a"), 3, phase).sum(axis=1)
        ends = range(4 + phase, 60, 4)
        sums = np.concatenate([paths[:, end - 2 : end + 1].sum(axis=(1, 2)) for end in ends])
        assert found.mean() == pytest.approx(sums.mean(), rel=0.01)
        assert found.std() == pytest.approx(sums.std(), rel=0.03)


def test_nodes_that_serve_no_correlated_pair_are_computed_by_quadrature():
    case = two_shops(0.7)
    for name in ("a", "b"):
        expected = QuadratureSingleStage(case.demand).evaluate(RATES, 2, (name,), np.ones(1)).cost
        assert sampled_costs(case, 64, seed=0).evaluate(RATES, 2, (name,), np.ones(1)).cost == expected


@pytest.mark.parametrize("rho", [0.0, 0.8])
def test_the_bound_is_that_of_the_joint_distribution_and_no_echelon_is_charged(rho):
    case = two_shops(rho)
    bound = ProjectedMaster(case, exact_costs(case), MasterParams()).solve().bound
    sum_deviation = np.sqrt(3.0 * (36.0 + 16.0 + 2.0 * rho * 24.0))
    stock = 10.0 * stats.norm.pdf(stats.norm.ppf(0.9)) * sum_deviation + newsvendor(6.0) + newsvendor(4.0 * 2**0.5)
    assert bound == pytest.approx(case.horizon * (stock + 0.1 * 65.0), rel=5e-4)
    assert isinstance(sampled_costs(case, 64, 0), SampledSingleStage) == (rho == 0.0)


def test_correlated_products_that_share_nothing_are_still_planned_apart():
    nodes = [Node(name, lead_time=2, holding_cost=1.0, backorder_cost=9.0) for name in ("a", "b")]
    case = replace(make_case(nodes, [], {"a": NORMAL["a"], "b": NORMAL["b"]}), correlation=PAIR)
    parts = independent_parts(case)
    assert [tuple(part.demand) for part in parts] == [("a",), ("b",)]
    joint = streams(dict(case.demand), case.correlation).block(0, 5)
    for column, part in enumerate(parts):
        own = streams(dict(part.demand), part.correlation).block(0, 5)
        np.testing.assert_array_equal(own[:, :, 0], joint[:, :, column])


def test_groups_are_joined_through_others_and_zero_correlations_join_nothing():
    made = Correlation((("c", "b", 0.2), ("a", "b", 0.3), ("d", "e", 0.0)))
    assert made.groups == (("a", "b", "c"),)
    assert made.joins(("a", "c"))
    assert not made.joins(("a", "d", "e"))
    assert not Correlation((("d", "e", 0.0),))


def test_correlations_that_contradict_each_other_are_told():
    made = Correlation((("a", "b", 0.9), ("b", "c", 0.9), ("a", "c", -0.9)))
    assert "correlations of a, b, c contradict each other" in str(made.contradiction())
    assert Correlation((("a", "b", 1.0), ("b", "c", -1.0), ("a", "c", -1.0))).contradiction() is None
