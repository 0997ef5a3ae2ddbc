"""A customer's cost curve under a fill-rate target: what is met at once, the bound on its cost, the charged curve."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import linprog
from scipy.stats import poisson

from design.case import Case, CaseError
from design.case_files import load_case, read_case, save_case
from design.demand import Demand, GammaDemand, NormalDemand, PoissonDemand
from design.echelon import DemandTables, EchelonPrices
from design.master import MasterParams, ProjectedMaster
from design.master_types import Bound
from design.network import Network
from design.node import Lane, Node
from design.service_stage import LeafCurve, lower_hull, service_stage
from design.single_stage import QuadratureSingleStage
from design.single_stage_plan import single_stage_plan
from design.stages import stage_tree
from tests.networks import make_case, one_node, whole

LINEAR = (1.0, 0.0, np.inf, 0.0, 2.0)
CURVED = (1.0, 0.05, 6.0, 2.0, 1.5)
SERVICE_ONLY = (1.0, 0.0, np.inf, 0.0, 0.0)
RATES = [LINEAR, CURVED, SERVICE_ONLY]
IDS = ["linear", "curved", "no backorder cost"]


def poisson_curve(rates: tuple[float, ...], rate: float, periods: int, top: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """Expected cost and units met at once at whole positions, summed term by term."""
    h, g, capacity, overflow, b = rates
    units = np.arange(top + 80)
    costs, met = [], []
    for y in range(top):
        net = y - units
        stock = np.maximum(net, 0.0)
        cost = h * stock + g * stock**2 + overflow * np.maximum(stock - capacity, 0.0) + b * np.maximum(-net, 0.0)
        costs.append(float(poisson.pmf(units, rate * periods) @ cost))
        left = np.maximum(y - units, 0.0)
        least = np.minimum(left[:, None], units[None, :])
        met.append(float(poisson.pmf(units, rate * (periods - 1)) @ least @ poisson.pmf(units, rate)))
    return np.array(costs), np.array(met)


@pytest.mark.parametrize("rates", RATES, ids=IDS)
@pytest.mark.parametrize("periods", [1, 2, 4])
def test_the_curve_is_that_of_sums_over_poisson_demand(rates: tuple[float, ...], periods: int) -> None:
    curve = LeafCurve.of(rates, PoissonDemand(3.0), periods)
    costs, met = poisson_curve(rates, 3.0, periods, 30)
    at = np.arange(30.0)
    assert np.interp(at, curve.levels, curve.met) == pytest.approx(met, abs=1e-9)
    assert [curve.cost_at(y) for y in at] == pytest.approx(costs, rel=1e-9)


@pytest.mark.parametrize("target", [0.3, 0.6, 0.9, 0.99])
@pytest.mark.parametrize("rates", RATES, ids=IDS)
@pytest.mark.parametrize("periods", [1, 3])
def test_the_bound_is_the_least_cost_over_all_distributions_of_positions(
    rates: tuple[float, ...], periods: int, target: float
) -> None:
    costs, met = poisson_curve(rates, 2.0, periods)
    programme = linprog(
        costs, A_ub=-met[None, :], b_ub=[-target * 2.0], A_eq=np.ones((1, len(costs))), b_eq=[1.0], bounds=(0, None)
    )
    stage = service_stage(rates, PoissonDemand(2.0), periods, target)
    if stage is None:  # the cheapest position meets the target
        assert met[int(np.argmin(costs))] >= target * 2.0 - 1e-9
        return
    tolerance = 1e-6 if rates != CURVED else 0.02  # whole positions only are in the programme
    assert stage.bound <= programme.fun + 1e-9
    assert stage.bound == pytest.approx(programme.fun, rel=tolerance)
    assert stage.multiplier == pytest.approx(-programme.ineqlin.marginals[0], rel=max(tolerance * 20, 1e-3))
    assert stage.cost >= stage.bound - 1e-9
    assert np.interp(stage.level, np.arange(len(met)), met) == pytest.approx(target * 2.0, rel=1e-6)


@pytest.mark.parametrize("demand", [NormalDemand(20.0, 5.0), GammaDemand(5.0, 4.0), NormalDemand(1e4, 3e3)])
@pytest.mark.parametrize("periods", [1, 3])
def test_any_other_multiplier_gives_a_lower_bound(demand: Demand, periods: int) -> None:
    stage = service_stage(LINEAR, demand, periods, 0.98)
    curve = LeafCurve.of(LINEAR, demand, periods)
    assert stage is not None
    bounds = [
        float(np.min(curve.costs + factor * stage.multiplier * (0.98 * demand.mean - curve.met)))
        for factor in (0.5, 0.9, 1.0, 1.1, 2.0)
    ]
    assert max(bounds) == pytest.approx(stage.bound, rel=1e-6)
    assert bounds[0] < stage.bound
    assert bounds[-1] < stage.bound


def test_a_target_met_anyway_or_without_lead_time_changes_nothing() -> None:
    assert service_stage(LINEAR, PoissonDemand(3.0), 0, 0.99) is None
    assert service_stage((1.0, 0.0, np.inf, 0.0, 99.0), PoissonDemand(3.0), 2, 0.9) is None
    assert service_stage(LINEAR, NormalDemand(0.0, 0.0), 2, 0.9) is None


def test_demand_that_never_varies_is_met_from_exactly_its_lead_time_demand() -> None:
    stage = service_stage(SERVICE_ONLY, NormalDemand(10.0, 0.0), 3, 0.8)
    assert stage is not None
    assert stage.level == pytest.approx(28.0)
    assert stage.bound == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_the_hull_lies_below_all_points_and_is_convex(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = np.cumsum(rng.uniform(0.1, 1.0, 60))
    y = rng.normal(size=60) + 0.01 * (x - x.mean()) ** 2
    hull = lower_hull(x, y)
    assert np.all(np.interp(x, x[hull], y[hull]) <= y + 1e-12)
    assert np.all(np.diff(np.diff(y[hull]) / np.diff(x[hull])) > 0.0)


def with_target(case: Case, name: str, target: float | None) -> Case:
    nodes = tuple(replace(n, service_target=target) if n.name == name else n for n in case.network.nodes)
    return replace(case, network=Network(nodes, case.network.lanes, case.network.customers))


def test_a_single_node_is_charged_the_bound_in_the_plan_and_the_master() -> None:
    case = with_target(one_node(2), "shop", 0.99)
    stage = service_stage(case.network.node("shop").cost_rates, case.demand["shop"], 2, 0.99)
    costs = QuadratureSingleStage(case.demand)
    plan = single_stage_plan(case, costs, whole(case))
    assert stage is not None
    assert plan.cost == pytest.approx(case.horizon * stage.bound)
    assert plan.expected_cost == pytest.approx(case.horizon * stage.cost)
    assert plan.levels[0] == stage.level
    assert ProjectedMaster(case, costs).solve().bound == pytest.approx(plan.cost, rel=1e-6)


def series(target: float | None, inner: float = 0.0) -> Case:
    nodes = [
        Node("warehouse", lead_time=2, holding_cost=1.0, backorder_cost=inner),
        Node("shop", holding_cost=2.0, backorder_cost=3.0, service_target=target),
    ]
    return make_case(nodes, [Lane("warehouse", "shop", 2)], {"shop": PoissonDemand(4.0)}, horizon=50, warm_up=6)


@pytest.mark.parametrize("inner", [0.0, 2.0, 50.0])
def test_a_target_raises_both_bounds_and_the_echelon_bound_is_no_lower(inner: float) -> None:
    values = {}
    for target in (None, 0.99):
        case = series(target, inner)
        costs = QuadratureSingleStage(case.demand)
        for bound in (Bound.SINGLE_STAGE, Bound.ECHELON):
            values[target, bound] = ProjectedMaster(case, costs, MasterParams(bound=bound)).solve().bound
    for bound in (Bound.SINGLE_STAGE, Bound.ECHELON):
        assert values[0.99, bound] > values[None, bound] * 1.01
    assert values[0.99, Bound.ECHELON] >= values[0.99, Bound.SINGLE_STAGE] * (1.0 - 1e-6)


def test_targets_that_do_not_bind_leave_the_echelon_cut_as_it_was() -> None:
    cuts = []
    for target in (None, 0.5):
        case = series(target)
        prices = EchelonPrices(DemandTables(case), stage_tree(case.network, "warehouse"))
        cuts.append(prices.cut({("warehouse", "shop"): 1.0}))
    assert cuts[0].per_path == cuts[1].per_path


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("C1", "1", r"nodes.csv row \d+ column service_target: '1': expected a share above 0 and below 1"),
        ("C1", "0", r"column service_target: '0': expected a share above 0 and below 1"),
        ("C1", "95%", r"column service_target: '95%': expected a share"),
        ("C1", "nan", r"column service_target: 'nan': expected a share"),
        ("W1", "0.9", r"column service_target: 0.9 for 'W1', which has no row in demand.csv: expected a blank"),
    ],
)
def test_targets_out_of_place_are_refused(tmp_path, name: str, value: str, message: str) -> None:
    folder = tmp_path / "case"
    save_case(load_case("thirteen-node"), folder)
    lines = (folder / "nodes.csv").read_text(encoding="utf-8").splitlines()
    marked = [line + ("," + value if line.startswith(name + ",") else ",") for line in lines[1:]]
    (folder / "nodes.csv").write_text("\n".join([lines[0] + ",service_target", *marked]) + "\n", encoding="utf-8")
    with pytest.raises(CaseError, match=message) as caught:
        read_case(folder)
    assert len(caught.value.messages) == 1


def test_a_target_of_a_node_that_supplies_others_is_refused(tmp_path) -> None:
    folder = tmp_path / "case"
    save_case(series(None), folder)
    with (folder / "demand.csv").open("a", encoding="utf-8") as stream:
        stream.write("warehouse,poisson,1.0\n")
    text = (folder / "nodes.csv").read_text(encoding="utf-8").splitlines()
    rows = [text[0] + ",service_target"] + [row + (",0.9" if row.startswith("warehouse") else ",") for row in text[1:]]
    (folder / "nodes.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    with pytest.raises(CaseError, match="'warehouse', which may supply 'shop' too: expected a blank"):
        read_case(folder)
    with pytest.raises(ValueError, match="service_target of 'warehouse'"):
        with_target(series(None), "warehouse", 0.9)


def test_a_case_with_targets_is_written_and_read_back(tmp_path) -> None:
    case = series(0.95)
    save_case(case, tmp_path / "case")
    again = read_case(tmp_path / "case")
    assert again.network == case.network
    assert again.service_targets == {"shop": 0.95}
