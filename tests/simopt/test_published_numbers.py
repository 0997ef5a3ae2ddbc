"""Quadrature, the simulator and its gradient reproduce published optima, simulation within its intervals.

Sources: Snyder & Shen, Fundamentals of Supply Chain Theory, examples 4.1, 4.4 and 6.1, problem 6.1; Shang & Song,
"Newsvendor bounds and heuristic for optimal policies in serial supply chains", Management Science 49 (2003).
Shang & Song charge per unit of time and have lead times of 0.25: one period here, at whose ends the mean state,
and so the cost of a unit of time, is the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from scipy import stats
from scipy.optimize import minimize

from design.case import Case
from design.case_files import load_case
from design.demand import Demand, NormalDemand, PoissonDemand
from design.echelon import DemandTables, EchelonPrices
from design.node import Lane, Node
from design.single_stage import QuadratureSingleStage
from design.stages import stage_tree
from design.streams import BLOCK
from simopt.simulation.estimate import Estimate
from simopt.simulation.ledger import Ledger
from simopt.simulation.simulator import Sample, TreeSimulator
from simopt.simulation.stage import Measure
from simopt.simulation.workers import Workers
from tests.networks import make_case, whole

SEED = 20240
HORIZON = 100


@dataclass(frozen=True)
class Series:
    """A published series system, the stage that faces customers first.

    Parameters
    ----------
    holding
        Local holding cost of each stage.
    lead_times
        Lead time into each stage.
    backorder
        Backorder cost at the first stage, the only one with any.
    demand
        Demand of one period.
    """

    holding: tuple[float, ...]
    lead_times: tuple[int, ...]
    backorder: float
    demand: Demand

    @property
    def case(self) -> Case:
        """Goods in transit pay the holding cost of the stage that shipped them."""
        nodes = [
            Node(
                f"stage {k}",
                lead_time=lead_time if k == len(self.holding) else None,
                holding_cost=holding,
                backorder_cost=self.backorder if k == 1 else 0.0,
            )
            for k, (holding, lead_time) in enumerate(zip(self.holding, self.lead_times, strict=True), start=1)
        ]
        lanes = [
            Lane(f"stage {k + 1}", f"stage {k}", lead_time, pipeline_holding_cost=self.holding[k])
            for k, lead_time in enumerate(self.lead_times[:-1], start=1)
        ]
        return make_case(nodes, lanes, {"stage 1": self.demand}, HORIZON, warm_up=2 * sum(self.lead_times))


EXAMPLE_6_1 = Series((7.0, 4.0, 2.0), (1, 1, 2), 37.12, NormalDemand(5.0, 1.0))
EXAMPLE_6_1_LEVELS = (10.69, 5.53, 6.49)
SHANG_SONG_LINEAR = Series((1.0, 0.75, 0.5, 0.25), (1, 1, 1, 1), 9.0, PoissonDemand(4.0))
SHANG_SONG_LATE = Series((5.5, 5.25, 2.75, 0.25), (1, 1, 1, 1), 9.0, PoissonDemand(4.0))


def newsvendor(periods_at_risk: int) -> Case:
    node = Node("shop", lead_time=periods_at_risk, holding_cost=0.18, backorder_cost=0.70)
    return make_case([node], [], {"shop": NormalDemand(50.0, 8.0)}, HORIZON, warm_up=periods_at_risk)


def sample_at(case: Case, levels: Sequence[float], num_replications: int = 64 * 1024) -> Sample:
    """Fresh paths at levels in the order of `Component.nodes`, the source first."""
    component = whole(case)
    design = case.network.design(component.lanes)
    named = dict(zip(component.nodes, levels, strict=True))
    return Ledger(case, TreeSimulator(case), SEED, Workers(2)).fresh(design, named, 0, num_replications // BLOCK)


def per_period(totals: np.ndarray) -> Estimate:
    """Mean per period with a half-width that chance exceeds once in a thousand."""
    return Estimate.of(totals / HORIZON, confidence=0.999)


def optimized_levels(case: Case, start: Sequence[float], num_replications: int = 2048) -> np.ndarray:
    """Minimize the mean of fixed sample paths by the pathwise gradient."""
    ledger, component = Ledger(case, TreeSimulator(case), SEED, Workers(2)), whole(case)

    def mean_cost(levels):
        sample = ledger.search(component, levels, num_replications, with_gradient=True)
        return sample.costs.mean() / HORIZON, sample.gradient.mean(axis=0) / HORIZON

    bounds = [(0.0, None)] * len(start)
    return minimize(mean_cost, start, jac=True, method="L-BFGS-B", bounds=bounds).x


def assert_costs(sample: Sample, published: float, rounding: float) -> None:
    estimate = per_period(sample.costs)
    assert estimate.half_width < 0.002 * published
    assert estimate.mean == pytest.approx(published, abs=estimate.half_width + rounding)


def test_snyder_shen_example_6_1_cost_of_three_stages_in_series():
    sample = sample_at(EXAMPLE_6_1.case, EXAMPLE_6_1_LEVELS)
    assert_costs(sample, 47.65, rounding=0.005)
    in_transit = per_period(sample.measures[:, :, Measure.PIPELINE].sum(axis=1))
    assert in_transit.mean == pytest.approx(30.0, abs=in_transit.half_width)


def test_snyder_shen_example_6_1_is_optimized_to_the_published_cost():
    case = EXAMPLE_6_1.case
    optimized = sample_at(case, optimized_levels(case, start=[10.0, 5.0, 5.0]))
    assert_costs(optimized, 47.65, rounding=0.005)
    saved = per_period(sample_at(case, EXAMPLE_6_1_LEVELS).costs - optimized.costs)
    assert abs(saved.mean) <= saved.half_width + 0.001


@pytest.mark.parametrize(
    ("series", "levels", "published", "in_transit"),
    [(SHANG_SONG_LINEAR, (8, 5, 5, 4), 12.688, 6.0), (SHANG_SONG_LATE, (9, 1, 3, 6), 53.008, 33.0)],
    ids=["holding cost added evenly", "holding cost added late"],
)
def test_shang_song_2003_optimum_of_four_stages_in_series(series, levels, published, in_transit):
    case, from_source = series.case, levels[::-1]
    best = sample_at(case, from_source)
    assert_costs(best, published, rounding=0.0005)
    moving = per_period(best.measures[:, :, Measure.PIPELINE].sum(axis=1))
    assert moving.mean == pytest.approx(in_transit, abs=moving.half_width)
    for step in np.vstack([np.eye(4), -np.eye(4)]):
        neighbor = sample_at(case, from_source + step, 4096)
        saved = per_period(best.costs[:4096] - neighbor.costs)
        assert saved.mean <= saved.half_width


EXAMPLES_4 = pytest.mark.parametrize(
    ("periods_at_risk", "level", "published"),
    [(1, 56.604, 1.9976), (5, 264.767, 4.4668)],
    ids=["example 4.1", "example 4.4"],
)


@EXAMPLES_4
def test_snyder_shen_newsvendor_by_quadrature(periods_at_risk, level, published):
    case = newsvendor(periods_at_risk)
    rates = case.network.node("shop").cost_rates
    best = QuadratureSingleStage(case.demand).evaluate(rates, periods_at_risk, ("shop",), np.ones(1))
    assert best.cost == pytest.approx(published, abs=0.0001)
    assert best.level == pytest.approx(level, abs=0.02)


@EXAMPLES_4
def test_snyder_shen_newsvendor_optimum(periods_at_risk, level, published):
    case = newsvendor(periods_at_risk)
    at_level = sample_at(case, [level])
    assert_costs(at_level, published, rounding=0.00005)
    optimized = sample_at(case, optimized_levels(case, start=[50.0 * periods_at_risk]))
    assert_costs(optimized, published, rounding=0.00005)
    saved = per_period(at_level.costs - optimized.costs)
    assert abs(saved.mean) <= saved.half_width + 0.0005 * published


PROBLEM_6_1 = 166.25
PROBLEM_6_1_LEVELS = (104.93, 123.49)  # the source first
IN_TRANSIT = 100.0


def expected_surplus(net: np.ndarray, sd: float) -> np.ndarray:
    """E max(0, net - sd·Z) with a standard normal Z."""
    return net * stats.norm.cdf(net / sd) + sd * stats.norm.pdf(net / sd)


def cost_of_two_stages(case: Case, levels: Sequence[float]) -> float:
    """Expected cost per period of a supplier and a retailer with normal demand and lead times of one period."""
    supplier, retailer = case.network.nodes
    (lane,) = case.network.lanes
    demand = case.demand[retailer.name]
    assert supplier.lead_time == lane.lead_time == 1
    z = np.linspace(-8.0, 8.0, 16_001)
    weights = stats.norm.pdf(z) * (z[1] - z[0])
    at_supplier = levels[0] - demand.location - demand.scale * z
    at_retailer = levels[1] - np.maximum(-at_supplier, 0.0) - demand.location
    costs = supplier.holding_cost * np.maximum(at_supplier, 0.0)
    costs += retailer.holding_cost * expected_surplus(at_retailer, demand.scale)
    costs += retailer.backorder_cost * expected_surplus(-at_retailer, demand.scale)
    return float(costs @ weights) + lane.pipeline_holding_cost * demand.location


def test_snyder_shen_problem_6_1_by_quadrature():
    case = load_case("two-stage-series")
    at_published = cost_of_two_stages(case, PROBLEM_6_1_LEVELS)
    assert at_published == pytest.approx(PROBLEM_6_1, abs=0.005)
    best = minimize(lambda levels: cost_of_two_stages(case, levels), [100.0, 130.0], method="Nelder-Mead")
    # the published levels come from a grid; at the retailer the optimum is mean + sd·Φ⁻¹(16/17)
    assert at_published - best.fun == pytest.approx(0.0, abs=0.001)
    assert best.x == pytest.approx(PROBLEM_6_1_LEVELS, abs=0.1)
    assert best.x[1] == pytest.approx(100.0 + 15.0 * stats.norm.ppf(16 / 17), abs=0.01)


def test_snyder_shen_problem_6_1_by_the_echelon_bound():
    # exact for stages in series, but for its coarse prices
    case = load_case("two-stage-series")
    root = stage_tree(case.network, "supplier")
    shares = dict.fromkeys(root.service_paths(), 1.0)
    bound = EchelonPrices(DemandTables(case), root).cut(shares).value(shares)
    assert 0.995 * (PROBLEM_6_1 - IN_TRANSIT) <= bound <= 1.0002 * (PROBLEM_6_1 - IN_TRANSIT)


def test_snyder_shen_problem_6_1_by_simulation():
    case = load_case("two-stage-series")
    at_published = sample_at(case, PROBLEM_6_1_LEVELS)
    assert_costs(at_published, PROBLEM_6_1, rounding=0.005)
    in_transit = per_period(at_published.measures[:, :, Measure.PIPELINE].sum(axis=1))
    assert in_transit.mean == pytest.approx(IN_TRANSIT, abs=in_transit.half_width)
    optimized = sample_at(case, optimized_levels(case, start=[100.0, 130.0]))
    saved = per_period(at_published.costs - optimized.costs)
    assert abs(saved.mean) <= saved.half_width + 0.005
