"""Every kind of demand through the whole of `solve`: single stages against newsvendor costs, bounds below costs."""

from dataclasses import replace
from math import inf
from pathlib import Path

import numpy as np
import pytest
from scipy import special, stats
from scipy.optimize import minimize_scalar

from design.case import Case
from design.case_files import save_case
from design.correlation import Correlation
from design.demand import (
    AutocorrelatedDemand,
    BlockBootstrapDemand,
    Demand,
    EmpiricalDemand,
    GammaDemand,
    IntermittentDemand,
    LogNormalDemand,
    NegativeBinomialDemand,
    NormalDemand,
    ProfiledDemand,
)
from design.master import MasterParams, ProjectedMaster
from design.master_types import Bound
from design.node import Lane, Node
from design.single_stage import QuadratureSingleStage
from design.single_stage_plan import single_stage_plan
from design.stage_models import exact_costs
from simopt.apps.options import OptionError, SolveOptions
from simopt.apps.solve import solve
from simopt.simulation.estimate import Estimate
from simopt.simulation.ledger import Ledger
from simopt.simulation.simulator import TreeSimulator
from tests.networks import make_case, one_node, whole
from tests.simopt.command import Command, read_json

OBSERVED = EmpiricalDemand(tuple(np.round(12.0 + 8.0 * np.sin(np.arange(24) / 2.0)).tolist()))
WEEK = (0.5, 1.0, 1.5, 1.0)
ALIKE = {
    "negative binomial": NegativeBinomialDemand(6.0, 4.0),
    "log-normal": LogNormalDemand(20.0, 12.0),
    "intermittent": IntermittentDemand(0.3, GammaDemand(30.0, 10.0)),
    "empirical": OBSERVED,
}
DEPENDENT = {
    "blocks": BlockBootstrapDemand(OBSERVED, 5),
    "autocorrelated": AutocorrelatedDemand(GammaDemand(20.0, 8.0), 0.5),
    "profile": ProfiledDemand("week", WEEK, GammaDemand(20.0, 8.0)),
}


def least_cost(sums: np.ndarray, weights: np.ndarray) -> float:
    """Least expected holding and backorder cost (1 and 9 a unit) of a lead time's demand, by search over the level."""
    return min(float(weights @ np.where(s > sums, s - sums, 9.0 * (sums - s))) for s in np.unique(sums))


def values_of(demand: Demand) -> tuple[np.ndarray, np.ndarray]:
    """Values of a period's demand and their probabilities, by scipy's own distributions."""
    uniforms = (np.arange(4000) + 0.5) / 4000
    if isinstance(demand, NegativeBinomialDemand):
        ratio = demand.mean / demand.standard_deviation**2
        units = np.arange(200.0)
        return units, stats.nbinom(demand.mean * ratio / (1 - ratio), ratio).pmf(units)
    if isinstance(demand, EmpiricalDemand):
        found, counts = np.unique(demand.observations, return_counts=True)
        return found, counts / counts.sum()
    if isinstance(demand, IntermittentDemand):
        shape = (demand.size.location / demand.size.scale) ** 2
        sizes = stats.gamma(shape, scale=demand.size.location / shape).ppf(uniforms)
        weights = np.append(np.full(4000, demand.probability / 4000), 1.0 - demand.probability)
        return np.append(sizes, 0.0), weights
    spread = np.sqrt(np.log(1.0 + (demand.standard_deviation / demand.mean) ** 2))
    return stats.lognorm(spread, scale=demand.mean / np.exp(0.5 * spread**2)).ppf(uniforms), np.full(4000, 1 / 4000)


def simulated(case: Case, level: float, blocks: int = 48) -> Estimate:
    ledger = Ledger(case, TreeSimulator(case), seed=8)
    sample = ledger.fresh(case.network.design([lane.pair for lane in case.network.lanes]), {"shop": level}, 0, blocks)
    return Estimate.of(sample.costs / case.horizon)


@pytest.mark.parametrize("demand", ALIKE.values(), ids=ALIKE)
def test_a_single_stage_costs_what_the_newsvendor_costs(demand):
    case = one_node(lead_time=1, demand=demand)
    plan = single_stage_plan(case, exact_costs(case), whole(case))
    values, weights = values_of(demand)
    expected = least_cost(values, weights)
    assert plan.stock_cost / case.horizon == pytest.approx(expected, rel=2e-3)
    found = simulated(case, float(plan.levels[0]))
    assert found.mean == pytest.approx(expected, abs=1.5 * found.half_width + 2e-3 * expected)


@pytest.mark.parametrize("rho", [0.6, -0.4])
def test_a_single_stage_of_autocorrelated_normal_demand_has_its_exact_variance(rho):
    case = one_node(lead_time=4, demand=AutocorrelatedDemand(NormalDemand(100.0, 10.0), rho))
    lags = np.arange(1, 4)
    deviation = 10.0 * np.sqrt(4.0 + 2.0 * ((4 - lags) * rho**lags).sum())
    z = special.ndtri(0.9)
    expected = 10.0 * stats.norm.pdf(z) * deviation
    plan = single_stage_plan(case, exact_costs(case), whole(case))
    assert plan.stock_cost / case.horizon == pytest.approx(expected, rel=3e-3)
    found = simulated(case, 400.0 + z * deviation)
    assert found.mean == pytest.approx(expected, abs=1.5 * found.half_width)


@pytest.mark.parametrize("demand", DEPENDENT.values(), ids=DEPENDENT)
def test_levels_of_a_single_stage_are_the_best_of_the_simulated_ones(demand):
    case = replace(one_node(lead_time=3, demand=demand), warm_up=8)
    plan = single_stage_plan(case, exact_costs(case), whole(case))
    paths = Ledger(case, TreeSimulator(case), seed=8).search_paths(2048)[:, :, 0]
    sums = np.stack([paths[:, t - 2 : t + 1].sum(axis=1) for t in range(8, 28)])
    best = minimize_scalar(
        lambda s: np.where(s > sums, s - sums, 9.0 * (sums - s)).mean(),
        bounds=(0.0, float(sums.max())),
        method="bounded",
    )
    assert plan.expected_cost / case.horizon == pytest.approx(best.fun, rel=0.02)
    at_plan = np.where(plan.levels[0] > sums, plan.levels[0] - sums, 9.0 * (sums - plan.levels[0])).mean()
    assert at_plan == pytest.approx(best.fun, rel=0.005)


@pytest.mark.parametrize("by_period", [False, True])
@pytest.mark.parametrize("correlated", [False, True])
def test_gradients_of_profiles_are_those_of_their_costs(by_period, correlated):
    case = small(ProfiledDemand("week", WEEK, GammaDemand(20.0, 8.0)))
    case = replace(case, correlation=Correlation((("a", "b", 0.5),)) if correlated else Correlation())
    model, rates = exact_costs(case, by_period=by_period), (1.0, 0.01, inf, 0.0, 9.0)
    reach = np.array([0.8, 0.5])
    found = model.evaluate(rates, 2, ("a", "b"), reach)
    for k in range(2):
        step = 0.05 * np.eye(2)[k]
        above, below = (model.evaluate(rates, 2, ("a", "b"), reach + sign * step).cost for sign in (1, -1))
        assert found.gradient[k] == pytest.approx((above - below) / 0.1, rel=0.01)
        assert above >= found.cost + found.gradient @ step - 1e-6 * found.cost


def test_the_bound_of_a_profile_is_the_mean_of_the_periods_minima():
    profile = ProfiledDemand("week", WEEK, NormalDemand(100.0, 10.0))
    case = one_node(lead_time=2, demand=profile)
    rates = (1.0, 0.0, inf, 0.0, 9.0)
    by_period, value = (
        exact_costs(case, by_period=each).evaluate(rates, 2, ("shop",), np.ones(1)) for each in (True, False)
    )
    z = stats.norm.ppf(0.9)
    windows = [(100.0 * (WEEK[k] + WEEK[k - 1]), 10.0 * np.hypot(WEEK[k], WEEK[k - 1])) for k in range(4)]
    assert by_period.cost == pytest.approx(np.mean([10.0 * stats.norm.pdf(z) * s for _, s in windows]), rel=1e-4)

    def cost(level: float) -> float:
        u = [(level - m) / s for m, s in windows]
        excess = [s * (stats.norm.pdf(x) - x * stats.norm.sf(x)) for x, (_, s) in zip(u, windows, strict=True)]
        return float(np.mean([level - m + 10.0 * e for e, (m, _) in zip(excess, windows, strict=True)]))

    best = minimize_scalar(cost, bounds=(0.0, 500.0), method="bounded", options={"xatol": 1e-8})
    assert value.level == pytest.approx(best.x, abs=0.1)
    assert value.cost == pytest.approx(best.fun, rel=1e-4)
    assert simulated(case, best.x).mean == pytest.approx(best.fun, rel=0.02)


def small(demand: Demand, correlation: Correlation | None = None) -> Case:
    nodes = [
        Node("plant", lead_time=1, holding_cost=0.5, backorder_cost=3.0),
        Node("depot", lead_time=2, holding_cost=0.5, backorder_cost=3.0),
        *(Node(name, holding_cost=1.0, backorder_cost=15.0) for name in ("a", "b")),
    ]
    lanes = [
        Lane(origin, name, 1 + (origin == "plant"), unit_cost=0.2 if origin == "plant" else 0.1)
        for origin in ("plant", "depot")
        for name in ("a", "b")
    ]
    case = make_case(nodes, lanes, {"a": demand, "b": demand}, horizon=40, warm_up=6)
    return replace(case, correlation=correlation or Correlation())


@pytest.mark.parametrize("name", ["empirical", *DEPENDENT, "correlated profile"])
def test_every_kind_is_written_validated_solved_and_simulated(simopt: Command, tmp_path: Path, name: str):
    together = Correlation((("a", "b", 0.6),))
    joint = small(ProfiledDemand("week", WEEK, GammaDemand(20.0, 8.0)), together)
    case = joint if name == "correlated profile" else small({**ALIKE, **DEPENDENT}[name])
    save_case(case, tmp_path / "case")
    assert simopt("validate", tmp_path / "case").code == 0
    options = ("--tolerance", "0.01", "--no-certify", "--out", tmp_path / "run")
    assert simopt("solve", tmp_path / "case", *options).code == 0
    result = read_json(tmp_path / "run" / "result.json")
    bound, cost = result["lower_bound"], result["cost"]
    kinds = {"blocks": "estimate", "autocorrelated": "estimate"}
    kinds |= {"correlated profile": "statistical"}
    assert bound["kind"] == kinds.get(name, "exact")
    said = {"estimate": "is autocorrelated: the lower bound is an estimate", "exact": "", "statistical": ""}
    profiled = "demand profiles: designs are compared by an estimate, and none is certified"
    assert (profiled if "profile" in name else said[bound["kind"]]) in "".join(result["warnings"])
    assert bool(result["warnings"]) == (name != "empirical")
    if bound["kind"] != "estimate":
        assert bound["value"] - bound["half_width"] <= cost["mean"] + cost["half_width"]
    copied = simopt(
        "simulate",
        tmp_path / "run" / "case",
        "--solution",
        tmp_path / "run" / "result.json",
        "--out",
        tmp_path / "again",
    )
    assert copied.code == 0
    again = read_json(tmp_path / "again" / "result.json")["cost"]
    assert again["mean"] == pytest.approx(cost["mean"], abs=cost["half_width"] + again["half_width"])


@pytest.mark.parametrize("name", ["intermittent", "empirical"])
def test_cases_with_a_bound_that_holds_are_certified(name):
    result = solve(small({**ALIKE, **DEPENDENT}[name]), SolveOptions(tolerance=0.02))
    assert result.certified is True


def test_no_design_costs_less_than_the_bound_of_correlated_customers():
    case = small(GammaDemand(20.0, 12.0), Correlation((("a", "b", 0.8),)))
    bound = ProjectedMaster(case, exact_costs(case), MasterParams(bound=Bound.AUTO)).solve()
    independent = ProjectedMaster(case, QuadratureSingleStage(case.demand), MasterParams(bound=Bound.AUTO)).solve()
    assert bound.model is Bound.SINGLE_STAGE
    result = solve(case, SolveOptions(tolerance=0.01, certify=False))
    cost = result.performance.cost
    assert bound.bound <= cost.mean + cost.half_width
    assert bound.bound > independent.bound


@pytest.mark.parametrize(
    ("case", "options", "said"),
    [
        (small(DEPENDENT["profile"]), {"master": "extensive"}, "master 'extensive' with demand profiles"),
        (small(DEPENDENT["profile"]), {"method": "paper"}, "method 'paper' with demand profiles"),
        (small(DEPENDENT["blocks"]), {"bound": "echelon"}, "bound 'echelon' with correlated, autocorrelated"),
        (
            small(NormalDemand(9.0, 3.0), Correlation((("a", "b", 0.5),))),
            {"bound": "echelon"},
            "bound 'echelon' with correlated",
        ),
    ],
)
def test_what_other_demand_does_not_allow_is_refused(case, options, said):
    with pytest.raises(OptionError, match=said):
        solve(case, SolveOptions(**options))
