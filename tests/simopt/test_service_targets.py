"""Fill-rate targets: levels, bounds, designs and results against brute force."""

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import stdtrit

from design.case import Case
from design.case_files import save_case
from design.demand import Demand, GammaDemand, NormalDemand, PoissonDemand
from design.echelon import DemandTables, EchelonPrices
from design.echelon_view import paths_of
from design.master import MasterParams, ProjectedMaster
from design.master_types import Bound
from design.network import Component, Network
from design.node import Lane, Node
from design.service_stage import LeafCurve
from design.single_stage import QuadratureSingleStage
from design.single_stage_plan import single_stage_plan
from design.stages import stage_tree
from simopt.apps.alternatives import AlternativesOptions, find_alternatives
from simopt.apps.compare import CompareOptions, compare
from simopt.apps.methods import make_certifier, start_search
from simopt.apps.options import OptionError, SolveOptions
from simopt.apps.service_cost import without_targets
from simopt.apps.solve import solve
from simopt.optimization.certificate_types import Certificate, CertificateParams
from simopt.optimization.pathwise import PathwiseParams
from simopt.optimization.search_state import SearchState
from simopt.optimization.service_targets import TargetSearch, repaired_levels, safety_margin
from simopt.reporting.run_folder import write_run
from simopt.simulation.evaluate import EvaluationParams, evaluate
from simopt.simulation.grid_costs import grid_costs, leaf_targets
from simopt.simulation.ledger import Ledger
from simopt.simulation.simulator import TreeSimulator
from tests.networks import Floats, make_case, one_node, random_trial, whole
from tests.simopt.command import Command
from tests.small_cases import all_designs, echelon_case

COUNT = 40


def with_targets(
    case: Case, target: float | None, backorder: float | None = None, demand: Demand | None = None
) -> Case:
    """The case with a target at each customer that supplies nobody."""

    def changed(node: Node) -> Node:
        if node.name not in case.demand or case.network.outgoing[node.name]:
            return node
        cost = node.backorder_cost if backorder is None else backorder
        return replace(node, service_target=target, backorder_cost=cost)

    network = Network(tuple(map(changed, case.network.nodes)), case.network.lanes, case.network.customers)
    return replace(case, network=network, demand={c: demand or d for c, d in case.demand.items()})


def two_shops(targets: tuple[float | None, float | None], inner: float = 0.5, plant: bool = False) -> Case:
    """A warehouse with two shops, Poisson demand; with a plant above it if asked for."""
    nodes = [
        Node("warehouse", lead_time=None if plant else 2, holding_cost=1.0, backorder_cost=inner),
        Node("near", holding_cost=1.5, backorder_cost=1.0, service_target=targets[0]),
        Node("far", holding_cost=2.0, backorder_cost=0.5, service_target=targets[1]),
    ]
    lanes = [Lane("warehouse", "near", 1), Lane("warehouse", "far", 2)]
    if plant:
        nodes.insert(0, Node("plant", lead_time=1, holding_cost=0.5))
        lanes.insert(0, Lane("plant", "warehouse", 1))
    return make_case(nodes, lanes, {"near": PoissonDemand(2.0), "far": PoissonDemand(1.5)}, horizon=40, warm_up=6)


def ledger_of(case: Case, seed: int = 1) -> Ledger:
    return Ledger(case, TreeSimulator(case), seed)


def scanned_best(case: Case, ledger: Ledger, top: float, count: int) -> float:
    """Least mean cost over a fine grid of the warehouse's level, each shop's level found by bisection and sections."""
    component, targets = whole(case), leaf_targets(case, whole(case))
    leaves = np.array([False, True, True])

    def simulated(levels: Floats) -> tuple[Floats, Floats]:
        sample = ledger.search(component, levels, count)
        return sample.node_costs.mean(axis=0), (sample.met_at_once - targets * sample.demanded).mean(axis=0)

    def with_leaves(level: float, shops: Floats) -> Floats:
        return np.where(leaves, shops, level)

    totals = []
    for level in np.linspace(0.0, top, 46):
        low, high = np.zeros(3), np.full(3, 40.0)
        for _ in range(36):
            middle = 0.5 * (low + high)
            lacking = simulated(with_leaves(level, middle))[1] < 0.0
            low, high = np.where(lacking, middle, low), np.where(lacking, high, middle)
        needed, low, high = high, np.zeros(3), np.full(3, 40.0)
        for _ in range(44):
            first, second = low + (high - low) / 3.0, high - (high - low) / 3.0
            rises = simulated(with_leaves(level, first))[0] <= simulated(with_leaves(level, second))[0]
            low, high = np.where(rises, low, first), np.where(rises, second, high)
        totals.append(float(simulated(with_leaves(level, np.maximum(needed * (targets > 0.0), high)))[0].sum()))
    return min(totals)


@pytest.mark.parametrize("demand", [NormalDemand(20.0, 5.0), GammaDemand(5.0, 4.0), PoissonDemand(3.0)])
@pytest.mark.parametrize("periods", [1, 3])
def test_what_is_met_at_once_is_what_the_simulator_measures(demand: Demand, periods: int) -> None:
    case = replace(one_node(periods, demand), horizon=50)
    curve = LeafCurve.of(case.network.node("shop").cost_rates, demand, periods)
    for level in np.round(demand.mean * periods * np.array([0.6, 1.0, 1.4])):
        sample = ledger_of(case).search(whole(case), np.array([level]), 1000)
        met = sample.met_at_once[:, 0] / case.horizon
        error = float(met.std()) / 1000**0.5
        assert float(np.interp(level, curve.levels, curve.met)) == pytest.approx(met.mean(), abs=4.0 * error)
        costs = sample.costs / case.horizon
        assert curve.cost_at(level) == pytest.approx(costs.mean(), abs=4.0 * float(costs.std()) / 1000**0.5)


@pytest.mark.parametrize("seed", range(12))
def test_the_gradient_with_multipliers_is_that_of_differences(seed: int) -> None:
    rng = np.random.default_rng(seed)
    trial = random_trial(rng, int(rng.integers(1, 7)))
    simulator, component = TreeSimulator(trial.case), trial.component
    customers = set(trial.case.demand) - set(component.supplier.values())
    worth = np.array([rng.uniform(0.5, 5.0) if name in customers else 0.0 for name in component.nodes])
    levels = trial.levels + rng.uniform(0.01, 0.1, len(trial.levels))

    def value(at: Floats) -> Floats:
        sample = simulator.simulate(component, at, trial.demand, with_gradient=False)
        return sample.costs - sample.met_at_once @ worth

    sample = simulator.simulate(component, levels, trial.demand, with_gradient=True, multipliers=worth)
    assert sample.costs - sample.met_at_once @ worth == pytest.approx(value(levels), rel=1e-12)
    step = 1e-7
    for node in range(len(levels)):
        shift = step * (np.arange(len(levels)) == node)
        slope = (value(levels + shift) - value(levels - shift)) / (2.0 * step)
        assert sample.gradient[:, node] == pytest.approx(slope, abs=1e-4 * (1.0 + np.abs(slope).max()))


@pytest.mark.parametrize("seed", range(8))
def test_a_leaf_has_the_least_level_that_meets_its_target(seed: int) -> None:
    rng = np.random.default_rng(seed)
    trial = random_trial(rng, int(rng.integers(1, 6)), whole_units=bool(seed % 2))
    component, suppliers = trial.component, set(trial.component.supplier.values())
    pairs = list(zip(component.nodes, trial.levels, strict=True))
    grids = [np.array([level]) if name in suppliers else np.empty(0) for name, level in pairs]
    free = grid_costs(trial.case, component, grids, trial.demand, np.zeros(len(grids))).levels()
    wanted = np.array([0.0 if name in suppliers else rng.uniform(0.5, 0.99) for name in component.nodes])
    found = grid_costs(trial.case, component, grids, trial.demand, wanted).levels()

    def fill(levels: Floats) -> tuple[Floats, Floats]:
        sample = TreeSimulator(trial.case).simulate(component, levels, trial.demand, with_gradient=False)
        return sample.met_at_once.sum(axis=0), wanted * sample.demanded.sum(axis=0)

    met, asked = fill(found)
    lower = fill(np.maximum(found - 1e-6 * (1.0 + found), 0.0))[0]
    for node in np.flatnonzero(wanted):
        assert met[node] >= asked[node] - 1e-9 * (1.0 + asked[node])
        assert found[node] >= free[node]
        assert found[node] == free[node] or lower[node] < asked[node]


@pytest.mark.parametrize(
    ("targets", "inner", "whole_units"),
    [
        ((0.9, 0.95), 0.5, False),
        ((0.9, 0.95), 0.5, True),
        ((0.8, None), 0.0, True),
        ((0.97, 0.6), 3.0, False),
        ((0.9, 0.9), 0.0, False),
    ],
)
def test_levels_are_the_best_of_a_scan(
    targets: tuple[float | None, float | None], inner: float, whole_units: bool
) -> None:
    case = two_shops(targets, inner)
    if not whole_units:
        case = replace(case, demand={"near": GammaDemand(2.0, 1.5), "far": GammaDemand(1.5, 1.0)})
    ledger, component = ledger_of(case), whole(case)
    best = scanned_best(case, ledger, 15.0, COUNT)
    start = single_stage_plan(case, QuadratureSingleStage(case.demand), component)
    levels = TargetSearch(case, ledger, PathwiseParams(COUNT)).best_levels(component, start)
    sample = ledger.search(component, levels, COUNT)
    reached = (sample.met_at_once - leaf_targets(case, component) * sample.demanded).mean(axis=0)
    assert np.all(reached >= -1e-9)
    assert 0.998 * best <= sample.costs.mean() <= 1.002 * best


@pytest.mark.parametrize("inner", [0.0, 0.5, 20.0])
@pytest.mark.parametrize("targets", [(0.9, 0.95), (0.99, None)])
def test_no_bound_exceeds_the_least_cost_of_levels_that_meet_the_targets(
    targets: tuple[float | None, float | None], inner: float
) -> None:
    case = two_shops(targets, inner)
    count = 400
    ledger, component = ledger_of(case), whole(case)
    start = single_stage_plan(case, QuadratureSingleStage(case.demand), component)
    levels = TargetSearch(case, ledger, PathwiseParams(count)).best_levels(component, start)
    costs = ledger.search(component, levels, count).costs
    upper = costs.mean() + 3.0 * costs.std() / count**0.5
    for bound in (Bound.SINGLE_STAGE, Bound.ECHELON):
        value = ProjectedMaster(case, QuadratureSingleStage(case.demand), MasterParams(bound=bound)).solve().bound
        free = without_targets(case)
        below = ProjectedMaster(free, QuadratureSingleStage(case.demand), MasterParams(bound=bound)).solve().bound
        assert below * (1.0 + 1e-4) < value <= upper


@pytest.mark.parametrize("seed", range(4))
def test_no_echelon_cut_exceeds_the_cost_of_a_component_that_meets_its_targets(seed: int) -> None:
    rng = np.random.default_rng(seed)
    case = with_targets(echelon_case(rng, (1, 2, 2)), float(rng.uniform(0.85, 0.98)), backorder=1.0)
    shared, ledger = DemandTables(case), ledger_of(case)
    search = TargetSearch(case, ledger, PathwiseParams(100))
    for lanes in sorted(map(sorted, all_designs(case.network))):
        (component,) = case.network.design(lanes).components
        start = single_stage_plan(case, QuadratureSingleStage(case.demand), component)
        sample = ledger.search(component, search.best_levels(component, start), 100)
        stock = sample.measures[:, :, :2].sum(axis=(1, 2)) / case.horizon
        prices = EchelonPrices(shared, stage_tree(case.network, component.source))
        cut = prices.cut(dict.fromkeys(paths_of(component, case.network.customers), 1.0))
        bound = cut.value(dict.fromkeys(paths_of(component, case.network.customers), 1.0))
        assert bound <= stock.mean() + 4.0 * stock.std() / 10.0
        assert bound >= 0.5 * stock.mean()


@pytest.mark.parametrize("seed", [0, 3])
def test_the_loop_finds_the_best_of_all_designs_that_meet_the_targets(seed: int) -> None:
    case = with_targets(echelon_case(np.random.default_rng(seed), (2, 2, 2)), 0.95, backorder=1.0)
    ledger, exact = ledger_of(case), QuadratureSingleStage(case.demand)
    search, known = TargetSearch(case, ledger, PathwiseParams(400)), dict[Component, float]()
    for design in map(case.network.design, all_designs(case.network)):
        for component in design.components:
            if component not in known:
                levels = search.best_levels(component, single_stage_plan(case, exact, component))
                costs = ledger.search(component, levels, 400).costs
                known[component] = float(costs.mean()) + case.fixed_cost(component)
    totals = {
        lanes: sum(known[c] for c in case.network.design(lanes).components) for lanes in all_designs(case.network)
    }
    *_, state = start_search(case, SolveOptions(), ledger_of(case, 2)).states
    assert state.incumbent is not None
    assert totals[frozenset(state.incumbent.design.lanes)] <= 1.002 * min(totals.values())
    assert state.unpriced_bound <= 1.002 * min(totals.values())


def charged(case: Case, ledger: Ledger, params: PathwiseParams) -> tuple[Floats, Floats, Floats]:
    """Levels under the case's targets, what each replication costs at them, and the multipliers."""
    search, component = TargetSearch(case, ledger, params), whole(case)
    start = single_stage_plan(case, QuadratureSingleStage(case.demand), component)
    levels = search.best_levels(component, start)
    costs = ledger.search(component, levels, params.replications).costs
    return levels, costs, search.multipliers(component, levels)


@pytest.mark.parametrize("inner", [0.0, 1.0])
def test_a_multiplier_is_what_one_more_unit_met_at_once_costs(inner: float) -> None:
    smooth = {"near": GammaDemand(4.0, 3.0), "far": GammaDemand(3.0, 2.0)}
    step, params = 0.005, PathwiseParams(200, tolerance=1e-10)
    found = []
    for shift in (-step, 0.0, step):
        case = replace(two_shops((0.92 + shift, 0.95), inner), demand=smooth)
        found.append(charged(case, ledger_of(case), params))
    units = 2.0 * step * 40 * ledger_of(case).search_paths(200)[:, 6:, 0].mean()
    slope = (found[2][1].mean() - found[0][1].mean()) / units
    assert slope == pytest.approx(found[1][2][whole(case).nodes.index("near")], rel=0.05)


def certified_from(case: Case, lanes: frozenset[tuple[str, str]]) -> Certificate:
    """The certificate of a search that knows this one design alone."""
    ledger = ledger_of(case)
    params = CertificateParams(indifference=0.01, replications=32, max_rounds=2)
    certifier = replace(make_certifier(case, SolveOptions(), ledger, 60.0), params=params)
    design = case.network.design(lanes)
    plans = [certifier.subproblem.solve(component) for component in design.components]
    return certifier.certify(SearchState().with_plans(plans).with_candidate(design))


@pytest.mark.slow
def test_the_certificate_moves_on_from_a_design_that_is_not_the_best() -> None:
    case = with_targets(echelon_case(np.random.default_rng(0), (2, 2, 2)), 0.95, backorder=1.0)
    *_, state = start_search(case, SolveOptions(), ledger_of(case, 2)).states
    assert state.incumbent is not None
    best = frozenset(state.incumbent.design.lanes)
    certificate = certified_from(case, max(all_designs(case.network) - {best}, key=sorted))
    assert certificate.holds
    assert not certificate.global_levels
    assert certificate.num_designs > 1
    assert frozenset(certificate.incumbent.design.lanes) == best


def test_nothing_is_certified_while_the_incumbent_misses_its_target(monkeypatch: pytest.MonkeyPatch) -> None:
    case = two_shops((0.9, 0.95))
    (lanes,) = all_designs(case.network)
    assert certified_from(case, lanes).holds
    monkeypatch.setattr(TargetSearch, "repaired", lambda *arguments: arguments[2] * [1.0, 0.999, 1.0])
    certificate = certified_from(case, lanes)
    assert not certificate.holds
    assert certificate.confidence is None


def test_a_sampled_bound_with_targets_is_statistical_and_no_higher_than_the_cost() -> None:
    result = solve(two_shops((0.9, 0.95)), SolveOptions(scenarios=256, certify=False))
    assert result.lower_bound is not None
    assert result.lower_bound.kind == "statistical"
    assert 0.5 * result.performance.cost.mean < result.lower_bound.value < result.performance.cost.mean


def test_alternatives_meet_the_targets_too(tmp_path) -> None:
    case = with_targets(echelon_case(np.random.default_rng(0), (2, 2, 2)), 0.95, backorder=1.0)
    write_run(tmp_path, case, solve(case, SolveOptions(certify=False)).as_dict())
    found = find_alternatives(case, tmp_path, AlternativesOptions(2), lambda _: None)
    for other in found.alternatives:
        evaluation = evaluate(case, ledger_of(case, 7), other.design, other.levels, EvaluationParams(8192))
        for fill in evaluation.fill_rates.values():
            assert fill.mean >= 0.95


@pytest.mark.parametrize("whole_units", [False, True])
def test_targets_that_are_met_anyway_change_neither_design_nor_levels(whole_units: bool) -> None:
    demand = PoissonDemand(3.0) if whole_units else None
    free = with_targets(echelon_case(np.random.default_rng(5), (2, 2, 2)), None, backorder=60.0, demand=demand)
    slack = with_targets(free, 0.5)
    results = [solve(case, SolveOptions(certify=False)) for case in (free, slack)]
    assert results[0].lanes == results[1].lanes
    assert results[0].lower_bound == results[1].lower_bound
    levels = [{n.node: n.level for n in result.performance.nodes} for result in results]
    assert levels[0] == levels[1]
    assert [target.marginal_cost for target in results[1].target_costs] == [0.0, 0.0]
    assert results[0].cost_of_targets is None
    assert results[1].cost_of_targets is not None
    assert results[1].cost_of_targets.mean == results[1].cost_of_targets.half_width == 0.0
    assert "service_targets" not in results[0].as_dict()


def test_repaired_levels_hold_on_fresh_paths_and_only_rise() -> None:
    case = two_shops((0.9, 0.95), plant=True)
    component = whole(case)
    (design,) = [case.network.design(lane.pair for lane in case.network.lanes)]
    low = dict(zip(component.nodes, (6.0, 5.0, 2.0, 2.0), strict=True))
    levels = repaired_levels(case, ledger_of(case), design, low)
    assert {name for name in low if levels[name] > low[name]} == {"near", "far"}
    params = EvaluationParams(16384)
    evaluation = evaluate(case, ledger_of(case, 9), design, levels, params)
    for name, fill in evaluation.fill_rates.items():
        assert case.service_targets[name] <= fill.mean - fill.half_width
        assert fill.mean + fill.half_width <= case.service_targets[name] + 0.005
    assert repaired_levels(case, ledger_of(case, 3), design, {**levels, "near": 30.0, "far": 30.0})["near"] == 30.0


@pytest.mark.parametrize("num_targets", [2, 5, 60])
@pytest.mark.parametrize("error", [0.025, 0.0002])
def test_targets_met_with_the_safety_margin_rarely_fail_any_test(num_targets: int, error: float) -> None:
    rng, count, trials = np.random.default_rng(num_targets), 4096, 4000
    # means of the sample that levels were chosen on lie exactly the margin above the target
    safety = safety_margin(num_targets, error, 0.05)
    true = safety - rng.standard_normal((trials, num_targets))
    tested = true + rng.standard_normal((trials, num_targets))
    failed = float((tested < stdtrit(count - 1, 1.0 - error)).any(axis=1).mean())
    assert 0.03 < failed < 0.05 + 3.0 * (0.05 / trials) ** 0.5


def test_a_single_target_keeps_the_least_safety_margin() -> None:
    assert safety_margin(1) == 4.5
    assert safety_margin(5, 0.0125 / 7) == pytest.approx(6.2, abs=0.05)
    assert safety_margin(60, 0.0125 / 62) == pytest.approx(8.0, abs=0.05)


def test_a_source_that_faces_customers_can_have_a_target() -> None:
    case = with_targets(one_node(2, NormalDemand(20.0, 8.0)), 0.98, backorder=0.5)
    result = solve(case)
    (row,) = result.performance.service
    assert row.target_met == "yes"
    assert row.fill_rate == pytest.approx(0.98, abs=0.002)
    assert result.certified == "assuming global levels"
    assert "meet the fill-rate targets" in (result.certificate or "")


def test_a_customer_without_lead_time_from_a_short_warehouse_meets_its_target() -> None:
    nodes = [
        Node("warehouse", lead_time=2, holding_cost=1.0),
        Node("shop", holding_cost=5.0, backorder_cost=0.1, service_target=0.95),
    ]
    case = make_case(nodes, [Lane("warehouse", "shop", 0)], {"shop": NormalDemand(10.0, 3.0)}, 40, 4)
    result = solve(case, SolveOptions(certify=False))
    assert result.performance.service[0].target_met == "yes"
    assert result.lower_bound is not None
    assert result.lower_bound.value <= result.performance.cost.mean


def test_packs_and_targets_together() -> None:
    case = two_shops((0.9, 0.9))
    packed = tuple(replace(node, pack_size=2.0) for node in case.network.nodes)
    result = solve(replace(case, network=replace(case.network, nodes=packed)), SolveOptions(certify=False))
    assert all(row.level % 2.0 == 0.0 for row in result.performance.nodes)
    assert all(row.target_met == "yes" for row in result.performance.service)


@pytest.mark.parametrize(
    "options",
    [
        SolveOptions("paper"),
        SolveOptions("genetic"),
        SolveOptions(master="extensive"),
        SolveOptions(subproblem="kriging"),
    ],
)
def test_what_cannot_respect_targets_is_refused(options: SolveOptions) -> None:
    case = two_shops((0.9, None))
    with pytest.raises(OptionError, match="cannot respect the service_target of 'near'"):
        solve(case, options)


def test_methods_are_not_compared_on_a_case_with_targets() -> None:
    with pytest.raises(OptionError, match="'near' has a service_target"):
        compare(two_shops((0.9, None)), CompareOptions(("sequential",)))


@pytest.mark.parametrize("method", ["sequential", "exhaustive"])
def test_the_other_methods_meet_targets(method: str) -> None:
    result = solve(two_shops((0.9, 0.95)), SolveOptions(method))
    assert [row.target_met for row in result.performance.service] == ["yes", "yes"]


def test_solve_and_simulate_report_targets(simopt: Command, tmp_path) -> None:
    case = two_shops((0.9, None))
    save_case(case, tmp_path / "case")
    done = simopt("solve", str(tmp_path / "case"), "--no-certify", "--out", str(tmp_path / "run"))
    assert done.code == 0, done.err
    assert "target near: fill rate 9" in done.out
    content = json.loads((tmp_path / "run" / "result.json").read_text(encoding="utf-8"))
    near, far = content["service"]
    assert near["service_target"] == 0.9
    assert near["target_met"] == "yes"
    assert near["fill_rate_half_width"] > 0.0
    assert set(far) == {"node", "fill_rate", "cycle_service_level"}
    assert [target["node"] for target in content["service_targets"]] == ["near"]
    assert content["service_targets"][0]["marginal_cost"] > 0.0
    assert content["cost_of_targets"]["mean"] > 0.0
    again = simopt("simulate", str(tmp_path / "case"), "--solution", str(tmp_path / "run" / "result.json"))
    assert again.code == 0, again.err
    assert "target near: fill rate 9" in again.out
