"""Storage that products share, from simulation to results: against explicit queues, brute force and separate plans."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import minimize

from design.case import Case
from design.case_files import save_case
from design.demand import NormalDemand, PoissonDemand
from design.emissions import EmissionSettings
from design.network import Component, Design
from design.node import Lane, Node
from design.seasons import Season, with_seasons
from design.storage import has_room
from simopt.apps.alternatives import AlternativesOptions, find_alternatives
from simopt.apps.frontier import FrontierOptions, find_frontier
from simopt.apps.methods import ExactParts
from simopt.apps.options import OptionError, SolveOptions
from simopt.apps.solve import solve
from simopt.optimization.exhaustive import NotAdditiveError
from simopt.optimization.search_state import SearchState
from simopt.reporting.run_folder import write_run
from simopt.simulation.evaluate import EvaluationParams, evaluate
from simopt.simulation.ledger import Ledger
from simopt.simulation.simulator import TreeSimulator
from simopt.simulation.stage import Measure
from tests.networks import make_case
from tests.product_cases import two_products
from tests.simopt.command import Command, read_json
from tests.storage_cases import every_design, slow_costs, stored, with_storage

Floats = NDArray[np.float64]
TOLERANCE = 0.01  # a short horizon is noisy


def ledger_of(case: Case, seed: int = 1) -> Ledger:
    return Ledger(case, TreeSimulator(case), seed)


def joined_component(case: Case, seed: int) -> Component:
    """One with several trees, chosen by the seed."""
    found = [c for design in every_design(case) for c in design.components if c.trees]
    return found[np.random.default_rng(seed).integers(len(found))]


def all_simulated(case: Case, seed: int = 99) -> SearchState:
    """Every design that breaks no rule, with the levels of the subproblem."""
    parts = ExactParts(case, SolveOptions(), ledger_of(case, seed))
    state = parts.start
    for design in every_design(case):
        new = [parts.subproblem.solve(c) for c in design.components if c not in state.plans]
        state = state.with_plans(new).with_candidate(design)
    return state


@pytest.mark.parametrize("seed", range(6))
def test_joined_trees_cost_what_explicit_queues_cost(seed: int) -> None:
    rng = np.random.default_rng(seed)
    case = with_storage(two_products(seed), 25.0, 1.5, ("plant", "warehouse", "shop")[seed % 3])
    component = joined_component(case, seed)
    levels = rng.uniform(20.0, 120.0, len(component.nodes)) * (rng.random(len(component.nodes)) < 0.9)
    demand = rng.gamma(2.0, 5.0, (3, case.num_periods, len(case.demand)))
    sample = TreeSimulator(case).simulate(component, levels, demand, with_gradient=False)
    assert sample.costs.mean() == pytest.approx(slow_costs(case, component, levels, demand), rel=1e-12)
    free = TreeSimulator(case.with_free_storage).simulate(component, levels, demand, with_gradient=False)
    assert np.all(sample.costs >= free.costs)
    assert sample.costs.mean() > free.costs.mean()
    parts = np.split(levels, np.cumsum([len(tree.nodes) for tree in component.trees])[:-1])
    apart = [TreeSimulator(case.with_free_storage).simulate(t, s, demand, with_gradient=False)
             for t, s in zip(component.trees, parts, strict=True)]  # fmt: skip
    np.testing.assert_allclose(free.measures, np.concatenate([one.measures for one in apart], axis=1), rtol=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_their_gradient_is_that_of_differences(seed: int) -> None:
    rng = np.random.default_rng(seed)
    case = with_storage(two_products(seed), 25.0, 1.5, ("plant", "warehouse", "shop")[seed % 3])
    component, simulator = joined_component(case, seed), TreeSimulator(case)
    levels = rng.uniform(5.0, 70.0, len(component.nodes))
    demand = rng.gamma(2.0, 5.0, (5, case.num_periods, len(case.demand)))

    def cost(at: Floats) -> Floats:
        return simulator.simulate(component, at, demand, with_gradient=False).costs

    gradient = simulator.simulate(component, levels, demand, with_gradient=True).gradient
    assert gradient is not None
    for node, step in enumerate(1e-6 * np.eye(len(levels))):
        slope = (cost(levels + step) - cost(levels - step)) / 2e-6
        assert gradient[:, node] == pytest.approx(slope, abs=1e-4 * (1.0 + np.abs(slope).max()))


def test_trees_together_cost_no_less_than_each_alone_in_the_storage() -> None:
    rng = np.random.default_rng(0)
    case = stored(1, 20.0, 2.0)
    simulator = TreeSimulator(case)
    for seed in range(10):
        component = joined_component(case, seed)
        demand = rng.gamma(2.0, 5.0, (4, case.num_periods, len(case.demand)))
        levels = [rng.uniform(0.0, 60.0, len(tree.nodes)) for tree in component.trees]
        alone = [simulator.simulate(t, s, demand, with_gradient=False).costs
                 for t, s in zip(component.trees, levels, strict=True)]  # fmt: skip
        together = simulator.simulate(component, np.concatenate(levels), demand, with_gradient=False).costs
        assert np.all(together >= np.sum(alone, axis=0) - 1e-9)


def test_a_season_costs_its_share_of_what_it_costs_alone() -> None:
    rng = np.random.default_rng(3)
    one = with_storage(two_products(1), 25.0, 1.5, "plant")
    component = next(d.components[0] for d in every_design(one) if len(d.components) == 1)
    assert len(component.trees) > 1
    levels = rng.uniform(20.0, 90.0, len(component.nodes))
    demand = rng.gamma(2.0, 5.0, (4, one.num_periods, len(one.demand)))
    alone = TreeSimulator(one).simulate(component, levels, demand, with_gradient=False).measures
    by_season = {name: {"dry": d, "wet": d} for name, d in one.demand.items()}
    network = with_seasons(one.network, by_season, [Season("dry", 5), Season("wet", 15)])
    case = replace(one, network=network, demand={name: one.demand[name.split("@")[0]] for name in network.customers})
    design = case.network.design((f"{a}@{s}", f"{b}@{s}") for a, b in component.lanes for s in ("dry", "wet"))
    both = dict(zip((f"{name}@{s}" for s in ("dry", "wet") for name in component.nodes), [*levels] * 2, strict=True))
    sample = ledger_of(case).simulate_design(design, both, np.repeat(demand, 2, axis=2))
    for season, share in (("dry", 0.25), ("wet", 0.75)):
        at = [design.nodes.index(f"{name}@{season}") for name in component.nodes]
        np.testing.assert_allclose(sample.measures[:, at, : Measure.PIPELINE + 1], share * alone[..., :4], rtol=1e-12)


DEPOTS, PRODUCTS, LEAD_TIME, TO_SHOP = ("near", "far"), {"A": 1.0, "B": 2.0}, 2, 1


def depots(capacity: float, overflow_cost: float) -> Case:
    """Two products, each from one of two depots with storage to a shop of its own."""
    nodes, lanes, demand = list[Node](), list[Lane](), {}
    for product, size in PRODUCTS.items():
        for depot in DEPOTS:
            nodes.append(
                Node(f"{depot}/{product}", lead_time=LEAD_TIME, holding_cost=0.5, backorder_cost=0.5, site=depot,
                     product=product, unit_size=size, site_storage=capacity, site_overflow=overflow_cost)
            )  # fmt: skip
            cost = 0.2 if depot == "near" else 0.2 + 0.02 * size
            lanes.append(Lane(f"{depot}/{product}", f"shop/{product}", TO_SHOP, cost))
        shop = Node(f"shop/{product}", holding_cost=1.0, backorder_cost=9.0, site="shop", product=product)
        nodes.append(replace(shop, unit_size=size))
        demand[shop.name] = NormalDemand(10.0, 4.0)
    return make_case(nodes, lanes, demand, horizon=15, warm_up=6)


def independent_cost(case: Case, design: Design, levels: dict[str, float], demand: Floats) -> float:
    """Mean cost over given paths, written down from the model's definitions, node by node."""
    room, total = dict.fromkeys(DEPOTS, 0.0), 0.0
    for column, product in enumerate(PRODUCTS):
        (depot,) = [origin for origin, end in design.lanes if end == f"shop/{product}"]
        asked = np.cumsum(demand[:, :, column], axis=1)
        supply = levels[depot] + np.pad(asked, ((0, 0), (LEAD_TIME, 0)))[:, : asked.shape[1]]
        sent = np.minimum(supply, asked)
        received = levels[f"shop/{product}"] + np.pad(sent, ((0, 0), (TO_SHOP, 0)))[:, : asked.shape[1]]
        for name, available in ((depot, supply), (f"shop/{product}", received)):
            node, net = case.network.node(name), (available - asked)[:, case.warm_up :]
            total = total + node.holding_cost * np.maximum(net, 0.0) + node.backorder_cost * np.maximum(-net, 0.0)
            if name == depot:
                room[depot.split("/")[0]] = room[depot.split("/")[0]] + node.unit_size * np.maximum(net, 0.0)
        shipped = (sent[:, -1] - sent[:, case.warm_up - 1])[:, None] / case.horizon
        total = total + case.network.lane((depot, f"shop/{product}")).unit_cost * shipped
    capacity = case.network.storages[0].capacity
    over = sum(np.maximum(used - capacity, 0.0) for used in room.values())
    return float((total + case.network.storages[0].overflow_cost * over).sum(axis=1).mean())


def best_independent(case: Case, design: Design, demand: Floats) -> float:
    """Least cost over all levels, without gradients, from several starts."""
    names, ends = design.nodes, []
    for factor in (0.8, 1.2, 1.6):
        first = np.array([20.0 * factor if name[:4] != "shop" else 10.0 * factor for name in names])
        found = minimize(
            lambda x: independent_cost(case, design, dict(zip(names, np.maximum(x, 0.0), strict=True)), demand),
            first, method="Powell", options={"xtol": 1e-3, "ftol": 1e-7},
        )  # fmt: skip
        ends.append(float(found.fun))
    return min(ends)


@pytest.mark.parametrize(("capacity", "overflow_cost"), [(6.0, 1.0), (25.0, 2.0)])
def test_design_and_levels_against_every_design_at_its_best_levels(capacity: float, overflow_cost: float) -> None:
    case = depots(capacity, overflow_cost)
    ledger = ledger_of(case)
    parts = ExactParts(case, SolveOptions(), ledger)
    demand, costs = np.asarray(ledger.search_paths(100)), dict[Design, float]()
    for design in every_design(case):
        plans = [parts.subproblem.solve(component) for component in design.components]
        levels = {n: float(s) for plan in plans for n, s in zip(plan.component.nodes, plan.levels, strict=True)}
        own = independent_cost(case, design, levels, demand)
        assert own == pytest.approx(ledger.search_design(design, levels, 100).costs.mean(), rel=1e-9)
        costs[design] = best_independent(case, design, demand)
        assert own <= 1.001 * costs[design]
    result = solve(case, SolveOptions(tolerance=TOLERANCE, certify=capacity == 25.0))
    assert result.certified == ("assuming global levels" if capacity == 25.0 else False)
    found = case.network.design(result.lanes)
    assert costs[found] <= (1.0 + 1.2 * TOLERANCE) * min(costs.values())
    assert result.lower_bound is not None
    assert result.lower_bound.value <= result.performance.cost.mean + result.performance.cost.half_width


def test_limited_storage_sends_a_product_elsewhere() -> None:
    lanes = [set(solve(depots(capacity, 2.0), SolveOptions(certify=False)).lanes) for capacity in (500.0, 4.0)]
    assert lanes[0] == {("near/A", "shop/A"), ("near/B", "shop/B")}
    assert ("far/A", "shop/A") in lanes[1] or ("far/B", "shop/B") in lanes[1]


@pytest.mark.parametrize(
    ("seed", "kind", "capacity", "overflow_cost", "shared"),
    [(3, "plant", 40.0, 4.0, True)],
)
def test_the_design_found_is_the_best_of_all(
    seed: int, kind: str, capacity: float, overflow_cost: float, shared: bool
) -> None:
    case = with_storage(two_products(seed, shared=shared), capacity, overflow_cost, kind)
    state = all_simulated(case)
    assert state.incumbent is not None
    result = solve(case, SolveOptions(tolerance=TOLERANCE, certify=False))
    assert state.cost_of(case.network.design(result.lanes)) <= (1.0 + 1.2 * TOLERANCE) * state.incumbent.cost
    assert result.lower_bound is not None
    assert result.lower_bound.value <= state.incumbent.cost + state.incumbent.half_width


def test_storage_that_nothing_can_fill_changes_nothing() -> None:
    huge_case = depots(1e5, 3.0)
    plain_nodes = tuple(replace(node, site_storage=np.inf, site_overflow=0.0) for node in huge_case.network.nodes)
    plain_case = replace(huge_case, network=replace(huge_case.network, nodes=plain_nodes))
    plain, huge = (solve(one, SolveOptions(tolerance=TOLERANCE)) for one in (plain_case, huge_case))
    assert huge.certified is True
    assert [one.overflow.mean for one in huge.performance.storage] == [0.0] * len(huge.performance.storage)
    assert huge.performance.storage
    assert huge.cost_of_storage is not None
    assert (huge.cost_of_storage.mean, huge.cost_of_storage.half_width) == (0.0, 0.0)
    same = ("lanes", "lower_bound", "certified", "certificate", "replications_used", "termination")
    assert [getattr(huge, name) for name in same] == [getattr(plain, name) for name in same]
    assert replace(huge.performance, storage=()) == plain.performance


def test_storage_that_the_best_levels_leave_room_in_does_not_change_them() -> None:
    case = with_storage(two_products(1, shared=False), 300.0, 3.0, "plant")
    assert case.without_idle_storage is case
    component = joined_component(case, 3)
    parts, free = (ExactParts(one, SolveOptions(), ledger_of(one)).subproblem for one in (case, case.with_free_storage))
    plan = parts.solve(component)
    assert has_room(case.network.storages, dict(zip(component.nodes, plan.levels, strict=True)))
    np.testing.assert_array_equal(plan.levels, np.concatenate([free.solve(tree).levels for tree in component.trees]))
    assert plan.cost.mean == pytest.approx(sum(part.cost.mean for part in plan.parts), rel=1e-9)


def test_the_parts_of_the_cost_add_up_and_storage_is_a_part_of_holding() -> None:
    case = with_storage(two_products(1), 20.0, 3.0, "plant")
    nodes = tuple(replace(node, holding_emission=0.1) for node in case.network.nodes)
    case = replace(case, network=replace(case.network, nodes=nodes), emissions=EmissionSettings(price=0.5))
    design = max(every_design(case), key=lambda d: max(len(c.trees) for c in d.components))
    levels = dict.fromkeys(design.nodes, 25.0)
    evaluation = evaluate(case, ledger_of(case), design, levels, EvaluationParams(500, max_replications=500))
    held = np.zeros((500, case.num_periods, len(case.network.storages)))
    for number, storage in enumerate(case.network.storages):
        lone = [replace(node, holding_cost=node.unit_size if node.name in storage.nodes else 0.0,
                        holding_quadratic=0.0, backorder_cost=0.0, holding_emission=0.0, site_storage=np.inf)
                for node in case.network.nodes]  # fmt: skip
        for period in range(case.warm_up, case.num_periods):
            one = replace(case, network=replace(case.network, nodes=tuple(lone)), warm_up=period, horizon=1)
            shorter = replace(one, emissions=EmissionSettings())
            demand = np.concatenate([ledger_of(case)._fresh_streams.block(k, case.num_periods) for k in range(8)])
            for component in design.components:
                at = np.full(len(component.nodes), 25.0)
                simulator = TreeSimulator(shorter)
                sample = simulator.simulate(component, at, demand[:500, : period + 1], with_gradient=False)
                held[:, period, number] += sample.measures[:, :, Measure.HOLDING].sum(axis=1)
    assert evaluation.storage is not None
    for number, storage in enumerate(evaluation.storage.storages):
        room = held[:, case.warm_up :, case.network.storages.index(storage)]
        over = storage.overflow_cost * np.maximum(room - storage.capacity, 0.0).sum(axis=1)
        np.testing.assert_allclose(evaluation.storage.costs[:, number], over, rtol=1e-9, atol=1e-9)
        assert evaluation.storage.used[number] == pytest.approx(room.mean(), rel=1e-9)
    parts = evaluation.measures[:, : Measure.PIPELINE + 1].sum() + evaluation.fixed_cost
    assert parts == pytest.approx(evaluation.costs.mean(), rel=1e-12)


@pytest.mark.parametrize(("method", "budget"), [("sequential", np.inf), ("genetic", 4000)])
def test_other_methods_pay_for_storage_too(method: str, budget: float) -> None:
    case = depots(4.0, 1.0)
    result = solve(case, SolveOptions(method, budget=budget))
    design, levels = case.network.design(result.lanes), {n.node: n.level for n in result.performance.nodes}
    demand = np.asarray(ledger_of(case).search_paths(1000))
    mean, half_width = result.performance.cost.mean, result.performance.cost.half_width
    assert independent_cost(case, design, levels, demand) == pytest.approx(mean, abs=6.0 * half_width)
    assert sum(one.overflow.mean for one in result.performance.storage) > 12.0 * half_width


def test_alternatives_are_the_next_best_of_all_designs(tmp_path: Path) -> None:
    case = depots(8.0, 1.0)
    write_run(tmp_path, case, solve(case, SolveOptions(certify=False)).as_dict())
    found = find_alternatives(case, tmp_path, AlternativesOptions(3), lambda _: None)
    state = all_simulated(case)
    expected = sorted(every_design(case), key=state.cost_of)
    assert [set(other.design.lanes) for other in found.alternatives] == [set(d.lanes) for d in expected[1:4]]


def test_packs_and_whole_units_in_shared_storage() -> None:
    case = depots(14.0, 1.0)
    nodes = tuple(replace(node, pack_size=1.0) for node in case.network.nodes)
    demand = dict.fromkeys(case.demand, PoissonDemand(4.0))
    case = replace(case, network=replace(case.network, nodes=nodes), demand=demand)
    result = solve(case, SolveOptions(certify=False))
    assert all(node.level == round(node.level) for node in result.performance.nodes)
    assert result.performance.storage


@pytest.mark.parametrize(
    ("options", "changed", "said"),
    [
        (SolveOptions("paper"), {}, "method 'paper' with storage that products share (near)"),
        (SolveOptions(subproblem="kriging"), {}, "subproblem 'kriging' with storage that products share (near)"),
        (SolveOptions(), {"service_target": 0.9}, "service_target of 'shop/A' with storage that products share"),
        (SolveOptions("exhaustive"), {}, "several products share the storage of near"),
    ],
)
def test_what_cannot_share_storage_is_refused(options: SolveOptions, changed: dict[str, float], said: str) -> None:
    case = depots(14.0, 0.3)
    nodes = tuple(replace(n, **changed) if n.site == "shop" else n for n in case.network.nodes)
    with pytest.raises((OptionError, NotAdditiveError)) as raised:
        solve(replace(case, network=replace(case.network, nodes=nodes)), options)
    assert said in str(raised.value)


def with_held_emissions(case: Case) -> Case:
    nodes = tuple(replace(node, holding_emission=0.1) for node in case.network.nodes)
    return replace(case, network=replace(case.network, nodes=nodes))


@pytest.mark.parametrize(
    ("case", "against", "said"),
    [
        (depots(14.0, 0.3), "service", "service_target of 'shop/A' with storage that products share"),
        (with_held_emissions(depots(14.0, 0.3)), "emissions", "(holding_emission) with storage that products share"),
    ],
)
def test_frontiers_that_cannot_share_storage_are_refused(case: Case, against: str, said: str) -> None:
    with pytest.raises(OptionError) as raised:
        find_frontier(case, FrontierOptions(against, 3), lambda _: None)
    assert said in str(raised.value)


def test_a_frontier_pays_for_storage() -> None:
    case = depots(14.0, 0.3)
    found = find_frontier(case, FrontierOptions("num-sites", 3), lambda _: None)
    state = all_simulated(case)
    for point in found.points:
        allowed = [d for d in every_design(case) if point.limit is None or places(d) <= point.limit]
        assert state.cost_of(point.design) <= 1.002 * min(map(state.cost_of, allowed))
        sample = independent_cost(
            case, point.design, dict(point.levels), np.asarray(ledger_of(case).search_paths(2000))
        )
        assert point.cost.mean == pytest.approx(sample, abs=6.0 * point.cost.half_width)
    assert [places(point.design) for point in found.points] == [2, 1]


def places(design: Design) -> int:
    """How many depots a design uses."""
    return len({name.split("/")[0] for name in design.nodes} & set(DEPOTS))


def test_the_command_reports_storage_and_simulates_it_again(simopt: Command, tmp_path: Path) -> None:
    save_case(depots(14.0, 0.3), tmp_path / "case")
    done = simopt("solve", str(tmp_path / "case"), "--no-certify", "--out", str(tmp_path / "run"))
    assert done.code == 0, done.err
    assert "storage of near: " in done.out
    assert "limited storage costs " in done.out
    content = json.loads((tmp_path / "run" / "result.json").read_text(encoding="utf-8"))
    near = next(one for one in content["storage"] if one["site"] == "near")
    assert set(near) == {"site", "capacity", "mean_used", "overflow"}
    assert near["overflow"]["mean"] > 0.0
    assert 0.0 < content["cost_of_storage"]["mean"] <= content["cost"]["mean"]
    solution = str(tmp_path / "run" / "result.json")
    again = simopt("simulate", str(tmp_path / "case"), "--solution", solution, "--out", str(tmp_path / "again"))
    assert again.code == 0, again.err
    assert read_json(tmp_path / "again" / "result.json")["storage"][0].keys() == near.keys()
