"""Single-stage costs ψ: closed forms, brute force, and the properties that make their cuts valid."""

from math import inf

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.optimize import minimize_scalar

from design.demand import Demand, GammaDemand, NormalDemand, PoissonDemand
from design.node import Node
from design.scenario import PathScenarios, sobol_scenarios
from design.single_stage import QuadratureSingleStage, SampledSingleStage, minimize_net_stock_cost
from design.single_stage_plan import single_stage_plan
from tests.networks import warehouse_with_retailers, whole
from tests.small_cases import best_single_stage_cost, net_stock_costs

CUSTOMERS = ("a", "b")
LINEAR = (2.0, 0.0, inf, 0.0, 18.0)
NORMAL = {"a": NormalDemand(40.0, 6.0), "b": NormalDemand(25.0, 4.0)}


def quadrature(rates, num_periods: int, demand: dict[str, Demand], reach) -> object:
    return QuadratureSingleStage(demand).evaluate(rates, num_periods, tuple(demand), np.array(reach, dtype=float))


def node_of(rates) -> Node:
    holding, quadratic, capacity, overflow, backorder = rates
    return Node("", "", None, None, 1, holding, quadratic, capacity, overflow, backorder)


def normal_cost(rates, num_periods: int, reach) -> float:
    """ψ for the normal pair by dense numerical integration and minimization."""
    mean, deviation = (
        num_periods * np.dot([40.0, 25.0], reach),
        np.sqrt(num_periods) * np.hypot(6 * reach[0], 4 * reach[1]),
    )
    z = np.linspace(-8.0, 8.0, 40_001)
    weights = stats.norm.pdf(z) * (z[1] - z[0])
    node = node_of(rates)
    found = minimize_scalar(
        lambda level: float(weights @ net_stock_costs(node, level - mean - deviation * z)),
        bounds=(mean - 8 * deviation, mean + 8 * deviation),
        method="bounded",
        options={"xatol": 1e-9},
    )
    return float(found.fun)


@pytest.mark.parametrize("num_periods", [1, 4, 9])
@pytest.mark.parametrize("reach", [(1.0, 1.0), (1.0, 0.0), (0.3, 0.8), (0.01, 1.0)])
def test_normal_demand_is_the_newsvendor(num_periods, reach):
    # Snyder & Shen, Fundamentals of Supply Chain Theory, section 4.3.2: (h + b)·φ(z)·sd at z = Φ⁻¹(b/(h + b))
    value = quadrature(LINEAR, num_periods, NORMAL, reach)
    z = stats.norm.ppf(0.9)
    variances = num_periods * np.array([36.0, 16.0])
    deviation = np.sqrt(np.square(reach) @ variances)
    assert value.cost == pytest.approx(20.0 * stats.norm.pdf(z) * deviation, rel=5e-5)
    assert abs(value.level - (num_periods * np.dot([40.0, 25.0], reach) + z * deviation)) <= 5e-3 * deviation
    expected = 20.0 * stats.norm.pdf(z) * np.multiply(reach, variances) / deviation
    np.testing.assert_allclose(value.gradient, expected * (np.array(reach) > 0.0), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(("rate", "num_periods"), [(3.0, 1), (0.4, 2), (2.5, 4), (60.0, 3)])
def test_poisson_demand_is_the_exact_sum_with_a_whole_level(rate, num_periods):
    value = quadrature((1.0, 0.0, inf, 0.0, 7.0), num_periods, {"a": PoissonDemand(rate)}, [1.0])
    demand = np.arange(int(20 + 3 * rate * num_periods))
    mass = stats.poisson.pmf(demand, rate * num_periods)
    costs = [mass @ net_stock_costs(Node("", holding_cost=1.0, backorder_cost=7.0), s - demand) for s in demand]
    assert value.cost == pytest.approx(min(costs), rel=1e-9)
    assert value.level == np.argmin(costs)


def test_two_poisson_customers_are_one_with_the_summed_rate():
    pair = {"a": PoissonDemand(2.0), "b": PoissonDemand(3.5)}
    together = quadrature(LINEAR, 2, pair, [1.0, 1.0])
    assert together.cost == pytest.approx(quadrature(LINEAR, 2, {"a": PoissonDemand(5.5)}, [1.0]).cost, rel=1e-9)


@pytest.mark.parametrize("num_periods", [1, 3])
@pytest.mark.parametrize("deviation", [2.0, 10.0, 25.0])
def test_gamma_demand_sums_to_a_gamma(num_periods, deviation):
    value = quadrature(LINEAR, num_periods, {"a": GammaDemand(10.0, deviation)}, [1.0])
    shape = (10.0 / deviation) ** 2 * num_periods
    law = stats.gamma(shape, scale=10.0 * num_periods / shape)
    level = law.ppf(0.9)
    excess = law.mean() * stats.gamma(shape + 1, scale=10.0 * num_periods / shape).sf(level) - level * law.sf(level)
    assert value.cost == pytest.approx(2.0 * (level - law.mean()) + 20.0 * excess, rel=1e-4)
    assert value.level == pytest.approx(level, rel=2e-3)


CURVED = [
    (2.0, 0.05, inf, 0.0, 18.0),
    (0.0, 0.2, inf, 0.0, 18.0),
    (2.0, 0.0, 5.0, 6.0, 18.0),
    (1.0, 0.03, 12.0, 3.0, 9.0),
    (1.0, 0.03, 0.0, 3.0, 9.0),
    (1.0, 0.0, 200.0, 50.0, 9.0),
]


@pytest.mark.parametrize("rates", CURVED)
@pytest.mark.parametrize("reach", [(1.0, 1.0), (0.4, 0.9)])
def test_curved_holding_costs_equal_brute_force(rates, reach):
    assert quadrature(rates, 3, NORMAL, reach).cost == pytest.approx(normal_cost(rates, 3, reach), rel=1e-4)


@pytest.mark.parametrize("rates", [LINEAR, *CURVED])
@pytest.mark.parametrize("reach", [(0.9, 0.6), (0.2, 0.7)])
def test_gradient_equals_differences_of_a_finer_evaluation(rates, reach):
    gradient = quadrature(rates, 3, NORMAL, reach).gradient
    for c, step in enumerate(1e-3 * np.eye(2)):
        difference = (normal_cost(rates, 3, reach + step) - normal_cost(rates, 3, reach - step)) / 2e-3
        assert gradient[c] == pytest.approx(difference, rel=2e-3)


@pytest.mark.parametrize("rates", [LINEAR, CURVED[0], CURVED[3]])
def test_cost_and_gradient_agree_with_sobol_samples(rates):
    demand = {"a": GammaDemand(10.0, 6.0), "b": NormalDemand(3.0, 4.0), "c": PoissonDemand(2.0)}
    reach = np.array([1.0, 0.7, 0.4])
    sampled = SampledSingleStage(sobol_scenarios(demand, 8192, seed=1)).evaluate(rates, 2, tuple(demand), reach)
    exact = quadrature(rates, 2, demand, reach)
    assert sampled.cost == pytest.approx(exact.cost, rel=2e-3)
    np.testing.assert_allclose(sampled.gradient, exact.gradient, atol=3e-3 * exact.gradient.max())


def test_only_the_sampled_form_counts_scenarios():
    assert QuadratureSingleStage(NORMAL).num_scenarios == 0
    assert SampledSingleStage(sobol_scenarios(NORMAL, 100, seed=0)).num_scenarios == 128


RATES = st.tuples(
    st.floats(0.01, 5.0),
    st.sampled_from([0.0, 0.0, 0.02, 0.3]),
    st.sampled_from([inf, inf, 0.0, 3.0, 40.0]),
    st.floats(0.0, 5.0),
    st.floats(0.01, 60.0),
)
DEMANDS = st.one_of(
    st.builds(NormalDemand, st.floats(0.0, 40.0), st.floats(0.1, 20.0)),
    st.builds(PoissonDemand, st.floats(0.05, 30.0)),
    st.builds(lambda mean, variation: GammaDemand(mean, variation * mean), st.floats(0.5, 40.0), st.floats(0.1, 1.5)),
)
REACH = st.floats(0.0, 1.0) | st.sampled_from([0.0, 1.0, 1e-3])


@st.composite
def costs_with_two_reaches(draw) -> tuple:
    """Rates, periods, demand of one to three customers, and two reaches."""
    laws = draw(st.lists(DEMANDS, min_size=1, max_size=3))
    demand = dict(zip("abc", laws, strict=False))
    reaches = [np.array(draw(st.lists(REACH, min_size=len(laws), max_size=len(laws)))) for _ in range(2)]
    return draw(RATES), draw(st.integers(1, 4)), demand, *reaches


@settings(max_examples=50)
@given(drawn=costs_with_two_reaches())
def test_a_cut_by_quadrature_never_exceeds_the_cost_elsewhere(drawn):
    rates, num_periods, demand, here, there = drawn
    at_here, at_there = (quadrature(rates, num_periods, demand, reach) for reach in (here, there))
    cut = at_here.cost + at_here.gradient @ (there - here)
    largest = quadrature(rates, num_periods, demand, np.ones(len(here))).cost
    assert cut <= at_there.cost + 1e-4 * largest


@settings(max_examples=25)
@given(drawn=costs_with_two_reaches())
def test_the_cost_by_quadrature_is_convex_in_the_reach(drawn):
    rates, num_periods, demand, here, there = drawn
    ends = [quadrature(rates, num_periods, demand, reach).cost for reach in (here, there)]
    largest = quadrature(rates, num_periods, demand, np.ones(len(here))).cost
    assert quadrature(rates, num_periods, demand, 0.5 * (here + there)).cost <= np.mean(ends) + 1e-4 * largest


@st.composite
def samples(draw) -> tuple:
    """Rates and a few equally likely demands of two customers, ties and zeros among them."""
    count = draw(st.integers(1, 8))
    value = st.integers(0, 6).map(float) | st.floats(0.0, 30.0)
    paths = np.array(draw(st.lists(st.tuples(value, value), min_size=count, max_size=count)))
    return draw(RATES), paths


def sampled(rates, paths: np.ndarray, reach) -> object:
    model = SampledSingleStage(PathScenarios(CUSTOMERS, paths[:, np.newaxis, :]))
    return model.evaluate(rates, 1, CUSTOMERS, np.array(reach))


@settings(max_examples=200)
@given(drawn=samples())
def test_few_samples_are_minimized_exactly(drawn):
    rates, paths = drawn
    value = sampled(rates, paths, [1.0, 1.0])
    node, demand = node_of(rates), paths.sum(axis=1)
    assert value.cost == pytest.approx(best_single_stage_cost(node, demand), rel=1e-6, abs=1e-6)
    assert value.cost == pytest.approx(net_stock_costs(node, value.level - demand).mean(), rel=1e-9, abs=1e-12)


@settings(max_examples=200)
@example(drawn=((1.0, 0.0, 3.0, 1.0, 1.0), np.array([[0.0, 0.0], [0.0, 0.0], [0.0, 4.0], [0.0, 4.0], [0.0, 4.0]])))
@given(drawn=samples())
def test_slopes_are_subgradients_with_mean_exactly_zero(drawn):
    rates, paths = drawn
    demand = np.sort(paths.sum(axis=1))
    weights = np.full(len(demand), 1.0 / len(demand))
    level, _, slopes = minimize_net_stock_cost(demand, weights, np.array(rates))
    scale = rates[0] + rates[3] + rates[4] + 2.0 * rates[1] * level
    assert abs(slopes @ weights) <= 1e-12 * scale
    node, net = node_of(rates), level - demand
    for step in (-3.0, -0.1, 0.1, 3.0):
        rise = net_stock_costs(node, net + step) - net_stock_costs(node, net)
        assert np.all(slopes * step <= rise + 1e-9 * (1.0 + np.abs(rise)))


@settings(max_examples=200)
@given(drawn=samples(), here=st.tuples(REACH, REACH), there=st.tuples(REACH, REACH))
def test_a_cut_from_few_samples_never_exceeds_their_cost(drawn, here, there):
    rates, paths = drawn
    value = sampled(rates, paths, here)
    cut = value.cost + value.gradient @ (np.array(there) - np.array(here))
    assert cut <= sampled(rates, paths, there).cost + 1e-9 * (1.0 + abs(cut))


@given(drawn=samples(), factor=st.floats(0.01, 1.0))
def test_linear_costs_are_homogeneous_in_the_reach(drawn, factor):
    rates, paths = drawn
    linear = (rates[0], 0.0, inf, 0.0, rates[4])
    value = sampled(linear, paths, [1.0, 0.5])
    assert sampled(linear, paths, [factor, 0.5 * factor]).cost == pytest.approx(factor * value.cost, rel=1e-9)
    assert value.gradient @ [1.0, 0.5] == pytest.approx(value.cost, rel=1e-9, abs=1e-12)


def test_linear_costs_by_quadrature_are_homogeneous_in_the_reach():
    whole_cost = quadrature(LINEAR, 2, NORMAL, [1.0, 0.8]).cost
    for factor in (0.5, 0.1, 1e-3):
        part = quadrature(LINEAR, 2, NORMAL, [factor, 0.8 * factor])
        assert part.cost == pytest.approx(factor * whole_cost, rel=1e-4)
        assert part.gradient @ [factor, 0.8 * factor] == pytest.approx(part.cost, rel=1e-4)


both_forms = pytest.mark.parametrize(
    "model",
    [QuadratureSingleStage(NORMAL), SampledSingleStage(sobol_scenarios(NORMAL, 64, seed=0))],
    ids=["quadrature", "sampled"],
)


@both_forms
def test_serving_nobody_costs_nothing(model):
    value = model.evaluate(LINEAR, 3, CUSTOMERS, np.zeros(2))
    assert value.cost == 0.0
    assert np.all(value.gradient <= 0.0)


@both_forms
def test_a_lead_time_of_zero_costs_nothing_at_level_zero(model):
    value = model.evaluate(LINEAR, 0, CUSTOMERS, np.ones(2))
    assert (value.cost, value.level) == (0.0, 0.0)
    np.testing.assert_array_equal(value.gradient, np.zeros(2))


@both_forms
@pytest.mark.parametrize("free", ["backorders", "holding", "both"])
def test_free_backorders_or_free_holding_cost_nothing(model, free):
    rates = {"backorders": (2.0, 0.1, 3.0, 1.0, 0.0), "holding": (0.0, 0.0, inf, 0.0, 9.0), "both": (0, 0, inf, 0, 0)}
    value = model.evaluate(rates[free], 3, CUSTOMERS, np.ones(2))
    assert value.cost == pytest.approx(0.0, abs=1e-9)
    np.testing.assert_allclose(value.gradient, np.zeros(2), atol=1e-7)


@pytest.mark.parametrize("demand", [NormalDemand(2.0, 1.5), GammaDemand(2.0, 2.0), PoissonDemand(1.0)])
@pytest.mark.parametrize("backorder", [0.0, 0.01, 9.0])
def test_a_level_is_never_negative(demand, backorder):
    assert quadrature((1.0, 0.0, inf, 0.0, backorder), 1, {"a": demand}, [1.0]).level >= 0.0


@both_forms
def test_demand_that_never_varies_costs_nothing(model):
    steady = {"a": NormalDemand(7.0, 0.0), "b": NormalDemand(2.5, 0.0)}
    model = type(model)(steady if isinstance(model, QuadratureSingleStage) else sobol_scenarios(steady, 64, seed=0))
    value = model.evaluate(LINEAR, 2, CUSTOMERS, np.ones(2))
    assert value.cost == pytest.approx(0.0, abs=1e-6)
    assert value.level == pytest.approx(19.0, rel=1e-6)


def test_a_customer_without_demand_changes_nothing():
    with_idle = quadrature(LINEAR, 2, {**NORMAL, "c": NormalDemand(0.0, 0.0)}, [1.0, 1.0, 1.0])
    assert with_idle.cost == pytest.approx(quadrature(LINEAR, 2, NORMAL, [1.0, 1.0]).cost, rel=1e-6)


def test_the_plan_of_a_component_adds_up_what_its_nodes_cost_alone():
    case = warehouse_with_retailers(("warehouse", "north", "east", "south"))
    component = whole(case)
    plan = single_stage_plan(case, QuadratureSingleStage(case.demand), component)
    lead_times = {"plant": 1, "warehouse": 2, "north": 1, "east": 0, "south": 2}
    served = {"plant": 4, "warehouse": 4, "north": 1, "east": 1, "south": 1}
    mean = case.demand["north"].mean
    stock = sum(
        quadrature(case.network.node(n).cost_rates, lead_times[n], dict(zip("abcd", case.demand.values(), strict=True)),
                   [1.0] * served[n] + [0.0] * (4 - served[n])).cost
        for n in component.nodes
    )  # fmt: skip
    transport = 4 * mean * (0.25 + 2 * 0.5) + mean * (0.5 + 1) + mean * 0.5 + mean * (0.5 + 2)
    assert plan.cost == pytest.approx(case.horizon * (stock + transport), rel=1e-9)
    np.testing.assert_allclose(
        plan.mean_lead_time_demand, [lead_times[n] * served[n] * mean for n in component.nodes], rtol=1e-9
    )
