"""What a design emits, a price of emissions and a cap on them, from the search to the result."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import NonlinearConstraint, minimize

from design.case import Case
from design.case_files import load_case, save_case
from design.demand import NormalDemand
from design.emissions import EmissionSettings
from design.errors import BadInputError
from design.flow_model import InfeasibleError
from design.network import Design, Network
from design.node import Lane, Node
from simopt.apps.alternatives import find_alternatives
from simopt.apps.methods import ExactParts
from simopt.apps.options import SolveOptions
from simopt.apps.solve import solve
from simopt.optimization.emission_cap import CappedLevels
from simopt.optimization.outer_approximation import LoopParams
from simopt.optimization.search_state import Termination
from simopt.result import performance_of
from simopt.simulation.evaluate import EvaluationParams, evaluate
from simopt.simulation.ledger import Ledger
from simopt.simulation.simulator import TreeSimulator
from simopt.simulation.stage import Measure
from tests.emitting import emitting, every_design, known_emissions
from tests.networks import make_case, whole
from tests.simopt.command import Command, assert_refused, interrupt_call, read_json
from tests.small_cases import Features, echelon_case

QUICK = SolveOptions(certify=False)


def small(seed: int, sizes: tuple[int, ...] = (2, 2, 2), **options: object) -> Case:
    return emitting(echelon_case(np.random.default_rng(seed), sizes, Features(True, True)), seed, **options)


def capped(case: Case, cap: float | None, price: float | None = None) -> Case:
    return replace(case, emissions=EmissionSettings(price, cap))


def searched(case: Case) -> tuple[ExactParts, Ledger]:
    ledger = Ledger(case, TreeSimulator(case), seed=0)
    return ExactParts(case, QUICK, ledger), ledger


def free_costs(case: Case) -> dict[Design, float]:
    """Cost of every design at its cheapest levels on the search paths."""
    parts, _ = searched(case)
    costs: dict = {}
    for design in every_design(case):
        costs |= {c: parts.subproblem.solve(c).cost.mean for c in design.components if c not in costs}
    return {design: sum(costs[c] for c in design.components) for design in every_design(case)}


def test_emissions_of_a_given_design_by_hand() -> None:
    nodes = [
        Node("p", lead_time=2, holding_cost=1.0, site_emission=70.0, holding_emission=0.25),
        Node("c", holding_cost=2.0, backorder_cost=9.0, site_emission=5.0, holding_emission=0.5, fixed_cost=3.0),
    ]
    lanes = [Lane("p", "c", 3, unit_cost=0.5, emission=0.1, pipeline_holding_cost=0.2)]
    case = make_case(nodes, lanes, {"c": NormalDemand(10.0, 0.0)}, horizon=40, warm_up=8)
    case = replace(case, emissions=EmissionSettings(price=4.0))
    design, levels = case.network.design([("p", "c")]), {"p": 26.0, "c": 33.0}
    ledger = Ledger(case, TreeSimulator(case), seed=0)
    found = performance_of(evaluate(case, ledger, design, levels, EvaluationParams(64, max_replications=64)))
    assert found.emissions is not None
    # 10 units a period; 6 stay on hand at p (26 - 2·10), 3 at c (33 - 3·10)
    assert found.emissions.transport == pytest.approx(0.1 * 10 * 40)
    assert found.emissions.sites == pytest.approx(75.0)
    assert found.emissions.holding == pytest.approx(40 * (0.25 * 6 + 0.5 * 3))
    assert found.emissions.total.mean == pytest.approx(40.0 + 75.0 + 120.0)
    assert found.emissions.total.half_width == pytest.approx(0.0, abs=1e-9)
    assert found.emissions.cost == pytest.approx(4.0 * 235.0)
    assert sum(node.holding for node in found.nodes) == pytest.approx(40 * (1.0 * 6 + 2.0 * 3))
    assert found.transport_cost == pytest.approx(0.5 * 10 * 40)
    assert found.fixed_cost == pytest.approx(3.0)
    assert found.cost.mean == pytest.approx(480.0 + 200.0 + 0.2 * 30 * 40 + 3.0 + 940.0)


def test_the_parts_of_the_cost_add_up_under_a_price() -> None:
    case = small(0, held=True, price=0.05)
    found = solve(case, QUICK).performance
    assert found.emissions is not None
    assert found.emissions.cost is not None
    stock = sum(node.holding + node.backorder for node in found.nodes)
    rest = found.transport_cost + found.pipeline_cost + found.fixed_cost
    assert stock + rest + found.emissions.cost == pytest.approx(found.cost.mean, rel=1e-12)
    parts = found.emissions.transport + found.emissions.sites + found.emissions.holding
    assert parts == pytest.approx(found.emissions.total.mean, rel=1e-12)
    assert found.emissions.holding > 0.0


def test_factors_without_price_and_cap_change_nothing_but_the_report() -> None:
    case = small(0, held=True)
    bare = echelon_case(np.random.default_rng(0), (2, 2, 2), Features(True, True))
    found, expected = solve(case, QUICK), solve(bare, QUICK)
    assert found.performance.cost == expected.performance.cost
    assert (found.lanes, found.lower_bound) == (expected.lanes, expected.lower_bound)
    assert expected.performance.emissions is None
    assert found.performance.emissions is not None


@pytest.mark.parametrize("seed", [1, 2])
def test_a_price_above_the_break_even_moves_the_design(seed: int) -> None:
    case = small(seed)
    costs = free_costs(case)
    emitted = {design: known_emissions(case, design) for design in costs}
    cheapest = min(costs, key=costs.__getitem__)
    saved = {d: emitted[cheapest] - e for d, e in emitted.items()}
    prices = [(costs[d] - costs[cheapest]) / less for d, less in saved.items() if less > 0.0]
    assert prices
    break_even = min(prices)
    exact = replace(QUICK, tolerance=1e-5)
    below, above = (solve(case.at_price(factor * break_even), exact) for factor in (0.9, 1.1))
    assert case.network.design(below.lanes) == cheapest
    best = min(costs, key=lambda d: costs[d] + 1.1 * break_even * emitted[d])
    assert best != cheapest
    assert case.network.design(above.lanes) == best
    assert above.performance.emissions.total.mean < below.performance.emissions.total.mean  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("method", "share"), [("outer-approximation", 0.02), ("outer-approximation", 0.5), ("genetic", 0.5)]
)
def test_under_a_cap_the_design_is_the_best_of_those_that_keep_it(method: str, share: float) -> None:
    case = small(1)
    costs = free_costs(case)
    emitted = sorted(known_emissions(case, design) for design in costs)
    cheapest = known_emissions(case, min(costs, key=costs.__getitem__))
    cap = emitted[0] + share * (cheapest - emitted[0])
    result = solve(capped(case, cap), replace(QUICK, method=method))
    design = case.network.design(result.lanes)
    assert known_emissions(case, design) <= cap < cheapest
    if method == "genetic":
        return
    best = min(cost for d, cost in costs.items() if known_emissions(case, d) <= cap)
    assert best == pytest.approx(costs[design], rel=2e-3)
    (rule,) = result.rules
    assert rule.cost == pytest.approx(best - min(costs.values()), rel=0.25)
    assert rule.value == pytest.approx(known_emissions(case, design))
    emissions = result.performance.emissions
    assert emissions is not None
    assert (emissions.cap, emissions.cap_cost, emissions.multiplier) == (cap, rule.cost, None)
    assert emissions.total.mean - emissions.total.half_width <= known_emissions(case, design)


def test_a_certificate_under_a_cap_on_the_design_holds() -> None:
    case = small(1)
    costs = free_costs(case)
    cheapest = known_emissions(case, min(costs, key=costs.__getitem__))
    result = solve(capped(case, 0.999 * cheapest))
    assert result.certified
    assert known_emissions(case, case.network.design(result.lanes)) < cheapest


class Constrained:
    """Levels of a design under a cap by SLSQP on the very paths, nothing shared but the simulator."""

    def __init__(self, case: Case, replications: int = 1024) -> None:
        self.case = case
        self.replications = replications
        ledger = Ledger(case, TreeSimulator(case), seed=0)
        self.ledgers = (ledger, ledger.for_case(case.as_emissions))

    def _mean(self, design: Design, levels: np.ndarray, which: int, what: str) -> np.ndarray | float:
        found, first = [], 0
        for component in design.components:
            last = first + len(component.nodes)
            sample = self.ledgers[which].search(component, levels[first:last], self.replications, with_gradient=True)
            found.append(sample.costs.mean() if what == "cost" else sample.gradient.mean(axis=0))  # type: ignore[union-attr]
            first = last
        return float(np.sum(found)) if what == "cost" else np.concatenate(found)

    def at(self, design: Design, levels: np.ndarray) -> float:
        """Cost at given levels."""
        fixed = sum(self.case.fixed_cost(component) for component in design.components)
        return float(self._mean(design, levels, 0, "cost")) + fixed

    def cost(self, design: Design, cap: float, start: np.ndarray) -> float:
        """Least cost with emissions at most the cap."""
        known = sum(self.case.network.node(name).site_emission for name in design.nodes)
        limit = NonlinearConstraint(
            lambda s: self._mean(design, s, 1, "cost"), -np.inf, cap - known, jac=lambda s: self._mean(design, s, 1, "")
        )
        found = minimize(
            lambda s: self._mean(design, s, 0, "cost"),
            start,
            jac=lambda s: self._mean(design, s, 0, ""),
            bounds=[(0.0, None)] * len(start),
            constraints=[limit],
            method="SLSQP",
            options={"maxiter": 200, "ftol": 1e-5},
        )
        return self.at(design, found.x)


@pytest.mark.parametrize(("seed", "tightness"), [(3, 0.7), (3, 0.95)])
def test_a_cap_on_held_stock_against_constrained_levels_of_every_design(seed: int, tightness: float) -> None:
    case = small(seed, (2, 2, 2), held=True)
    free = solve(case, QUICK)
    emissions = free.performance.emissions
    assert emissions is not None
    cap = emissions.transport + emissions.sites + tightness * emissions.holding
    limited = capped(case, cap)
    result = solve(limited)
    reference = Constrained(limited)
    parts, _ = searched(case)
    costs = []
    for design in every_design(case):
        if known_emissions(case, design) < cap:
            start = np.concatenate([parts.subproblem.solve(c).levels for c in design.components])
            costs.append(reference.cost(design, cap, start))
    design, levels = case.network.design(result.lanes), {row.node: row.level for row in result.performance.nodes}
    found_cost = reference.at(design, np.array([levels[name] for name in design.nodes]))
    assert 0.999 * min(costs) <= found_cost <= 1.01 * min(costs)
    assert result.lower_bound is not None
    assert result.lower_bound.value <= result.performance.cost.mean + result.performance.cost.half_width
    assert result.lower_bound.value >= free.lower_bound.value - 1e-6  # type: ignore[union-attr]
    found = result.performance.emissions
    assert found is not None
    assert found.total.mean <= cap * 1.001 + found.total.half_width
    assert found.total.mean >= 0.97 * cap or found.multiplier == 0.0
    assert result.certified is False or found.multiplier == 0.0
    if found.multiplier:
        assert result.certificate is not None
        assert result.certificate.startswith("not certified: the cap on emissions binds on held stock")


def test_a_loose_cap_on_held_stock_is_certified_as_without_it() -> None:
    case = small(1, held=True)
    loose, bare = solve(capped(case, 1e9)), solve(case)
    assert loose.certified == bare.certified is True
    assert loose.performance.cost == bare.performance.cost
    assert loose.performance.emissions.multiplier == 0.0  # type: ignore[union-attr]


def test_levels_keep_the_cap_whatever_it_costs_and_none_is_found_below_what_the_design_emits() -> None:
    case = small(0, held=True)
    parts, ledger = searched(case)
    design = every_design(case)[0]
    plans = {c: parts.subproblem.solve(c) for c in design.components}
    known = known_emissions(case, design)
    costs = []
    for room in (1000.0, 100.0, 10.0):
        limited = capped(case, known + room)
        levels = CappedLevels(limited, parts._single_stage, parts.subproblem, ledger)
        found = levels.best(design, plans)
        assert found is not None
        emitted = levels.emissions(design, found.levels)
        assert emitted.mean + emitted.half_width <= known + room + 1e-6
        costs.append(found.cost)
    assert costs == sorted(costs)
    below = CappedLevels(capped(case, 0.99 * known), parts._single_stage, parts.subproblem, ledger)
    assert below.best(design, plans) is None


def test_a_design_that_cannot_keep_the_cap_at_any_levels_is_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    case = capped(small(0, held=True), 1e9)
    parts, _ = searched(case)
    levels = parts.capped_levels()
    monkeypatch.setattr(CappedLevels, "best", lambda *_: None)
    with pytest.raises(InfeasibleError, match="no design keeps the cap on emissions at any base-stock levels"):
        list(parts.capped_search(levels, LoopParams()))


def test_what_was_simulated_before_is_not_simulated_again() -> None:
    case = small(0, held=True)
    limited = capped(case, 0.8 * solve(case, QUICK).performance.emissions.total.mean)  # type: ignore[union-attr]
    parts, ledger = searched(limited)
    *_, first = parts.capped_search(parts.capped_levels(), LoopParams())
    before = ledger.replications
    *_, again = parts.capped_search(parts.capped_levels(), LoopParams(), first)
    assert first.termination is again.termination is Termination.BOUND_MET
    assert again.incumbent.cost == pytest.approx(first.incumbent.cost, rel=1e-3)  # type: ignore[union-attr]
    assert ledger.replications - before < before


def test_ctrl_c_keeps_the_best_design_under_the_cap(monkeypatch: pytest.MonkeyPatch) -> None:
    case = small(1, held=True)
    emissions = solve(case, QUICK).performance.emissions
    assert emissions is not None
    cap = emissions.transport + emissions.sites + 0.5 * emissions.holding
    interrupt_call(monkeypatch, 2, CappedLevels, "best")
    result = solve(capped(case, cap))
    assert (result.status, result.certified) == ("interrupted", False)
    assert result.performance.emissions is not None
    assert result.performance.emissions.multiplier > 0.0  # type: ignore[operator]
    assert result.performance.emissions.total.mean <= 1.01 * cap


def test_a_ledger_of_another_case_sees_the_same_demand_and_counts_with_its_root() -> None:
    case = emitting(make_case([Node("p", lead_time=2, holding_cost=1.0)], [], {"p": NormalDemand(10.0, 3.0)}), 0)
    case = replace(case, network=replace(case.network, nodes=(replace(case.network.nodes[0], holding_emission=0.5),)))
    ledger = Ledger(case, TreeSimulator(case), seed=4)
    other = ledger.for_case(case.as_emissions)
    component = whole(case)
    own, of_emissions = (one.search(component, np.array([25.0]), 64).measures for one in (ledger, other))
    assert of_emissions[:, :, Measure.HOLDING] == pytest.approx(0.5 * own[:, :, Measure.HOLDING])
    assert (ledger.replications, other.replications) == (128, 64)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"method": "genetic"}, "method 'genetic' with a cap on emissions that counts held stock"),
        ({"method": "exhaustive"}, "method 'exhaustive' with a cap on emissions: expected outer-approximation"),
        ({"subproblem": "kriging"}, "subproblem 'kriging' with a cap on emissions that counts held stock"),
        ({"scenarios": 64}, "sampled scenarios with a cap on emissions that counts held stock"),
        ({"master": "extensive"}, "sampled scenarios with a cap on emissions that counts held stock"),
    ],
)
def test_what_cannot_keep_the_cap_is_refused(options: dict[str, object], said: str) -> None:
    with pytest.raises(BadInputError, match=said):
        solve(small(0, held=True, cap=1e6), SolveOptions(**options))  # type: ignore[arg-type]


def shipped(**settings: float) -> Case:
    """The small shipped case with factors."""
    case = load_case("two-two-three")
    nodes = tuple(replace(n, holding_emission=0.1) for n in case.network.nodes)
    lanes = tuple(replace(k, emission=10.0 * k.unit_cost**2) for k in case.network.lanes)
    network = Network(nodes, lanes, case.network.customers)
    return replace(case, network=network, emissions=EmissionSettings(**settings))


def test_the_command_reports_emissions_and_refuses_what_does_not_go_with_them(simopt: Command, tmp_path: Path) -> None:
    save_case(shipped(price=0.01, cap=1500.0), tmp_path / "case")
    done = simopt("solve", tmp_path / "case", "--out", tmp_path / "run")
    assert done.code == 0
    assert "not certified: the cap on emissions binds" in done.out
    assert ", emissions 1" in done.out
    assert "rule emissions of transport and sites at most 1500 kg CO2e" in done.out
    result = read_json(tmp_path / "run" / "result.json")
    emissions = result["emissions"]
    assert set(emissions) == {
        "unit", "total", "transport", "sites", "holding", "price", "cost", "cap", "cap_cost", "multiplier",
    }  # fmt: skip
    assert emissions["multiplier"] > 0.0
    assert emissions["cap_cost"] > 0.0
    assert result["certified"] is False
    assert result["gap"] >= 0.0
    solution = tmp_path / "run" / "result.json"
    again = simopt("simulate", tmp_path / "case", "--solution", solution, "--out", tmp_path / "again")
    assert again.code == 0
    assert read_json(tmp_path / "again" / "result.json")["emissions"]["total"] == emissions["total"]
    save_case(shipped(cap=1000.0), tmp_path / "tight")
    broken = simopt("simulate", tmp_path / "tight", "--solution", solution, "--replications", 256)
    assert "on fresh replications: above the cap 1000" in broken.err
    assert_refused(simopt("alternatives", tmp_path / "run"), "alternatives with a cap on emissions that counts held")
    refused = simopt("solve", tmp_path / "case", "--baseline", solution)
    assert_refused(refused, "a comparison with a baseline with a cap on emissions that counts held stock")
    packs = shipped(cap=1500.0)
    nodes = (replace(packs.network.nodes[0], pack_size=10.0), *packs.network.nodes[1:])
    save_case(replace(packs, network=replace(packs.network, nodes=nodes)), tmp_path / "packs")
    assert_refused(simopt("solve", tmp_path / "packs"), "pack_size 10 of North with a cap on emissions")
    with pytest.raises(BadInputError):
        find_alternatives(shipped(cap=1500.0), tmp_path / "run")


def test_a_case_without_factors_has_no_such_key(simopt: Command, tmp_path: Path) -> None:
    done = simopt("solve", "two-two-three", "--no-certify", "--out", tmp_path)
    assert done.code == 0
    assert "emission" not in done.out
    assert "emissions" not in read_json(tmp_path / "result.json")
