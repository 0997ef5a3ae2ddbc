"""Tactical programs: the paper's model, the same in fewer variables, scenarios and their reduction."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from scipy.optimize import linprog
from scipy.spatial.distance import cdist

from design.case_files import load_case, save_case
from design.errors import BadInputError
from design.solver import HighsSession, SolveStatus
from design.tactical.chain import Model, SerialChain, order_rule
from design.tactical.compact import solve_program
from design.tactical.from_case import chain_of_case
from design.tactical.program import build_program
from design.tactical.reduction import reduce_scenarios
from design.tactical.scenarios import ScenarioSet, hybrid, moment_values, sampled, tree

LEVELS = ("warehouse", "wholesaler", "retailer")
VALUES = (27.2, 50.0, 72.8)
PUBLISHED_POR = 678.0592593  # Table 1, tree: 678.1, with one target of 150


def uniform(low: float, high: float):
    return lambda shares: low + (high - low) * shares


def random_set(num: int, periods: int, seed: int) -> ScenarioSet:
    return sampled(uniform(10.0, 90.0), num, periods, np.random.default_rng(seed))


def random_chain(periods: int, seed: int, levels: int = 3) -> SerialChain:
    random = np.random.default_rng(seed)
    return SerialChain(
        tuple(f"L{k}" for k in range(levels)),
        tuple(int(n) for n in random.integers(0, 4, levels)),
        random.uniform(0.2, 3.0, (levels, periods)),
        random.uniform(0.0, 6.0, (levels, periods)),
        random.uniform(0.0, 150.0, levels),
    )


def by_pyomo(chain, scenarios, model, lead_times=None) -> float:
    solved = HighsSession(build_program(chain, scenarios, model, lead_times)).solve(relaxed=True)
    assert solved.status is SolveStatus.OPTIMAL
    return solved.objective


def test_the_published_tree_value_at_one_target_of_150():
    chain, scenarios = SerialChain.uniform(LEVELS, 6), tree(VALUES, 6)
    found = solve_program(chain, order_rule(chain, Model.POR), scenarios)
    assert scenarios.num_scenarios == 729
    assert found.objective == pytest.approx(PUBLISHED_POR, abs=1e-6)
    assert found.decision == pytest.approx([150.0], abs=1e-6)
    at_150 = order_rule(chain, Model.POR).fixed_at(np.array([150.0]))
    assert solve_program(chain, at_150, scenarios).objective == pytest.approx(PUBLISHED_POR, abs=1e-6)


@pytest.mark.slow
def test_the_published_tree_value_in_the_papers_own_variables():
    assert by_pyomo(SerialChain.uniform(LEVELS, 6), tree(VALUES, 6), Model.POR) == pytest.approx(
        PUBLISHED_POR, abs=1e-6
    )


@pytest.mark.parametrize("varies", [False, True], ids=["fixed lead times", "lead times that vary"])
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("model", Model)
def test_fewer_variables_are_the_same_program(model, seed, varies):
    periods = 4 + seed
    chain, scenarios = random_chain(periods, seed), random_set(8, periods, seed)
    times = np.random.default_rng(seed).integers(0, 4, (8, 3, periods)) if varies else None
    found = solve_program(chain, order_rule(chain, model), scenarios, times)
    assert found.objective == pytest.approx(by_pyomo(chain, scenarios, model, times), rel=1e-7)


def test_every_printed_constraint_has_a_name():
    chain, scenarios = SerialChain.uniform(LEVELS, 3), tree((1.0, 2.0), 3)
    targets = {"target_sets_orders", "on_order_balance"}
    always = {"plant_ships_orders", "backlog_balance", "inventory_balance"}
    for model in Model:
        built = build_program(chain, scenarios, model)
        names = {one.local_name for one in built.component_objects(active=True) if one.ctype.__name__ == "Constraint"}
        assert names == (always if model is Model.REGULAR else always | targets)


def test_more_freedom_never_costs_more():
    chain, scenarios = SerialChain.uniform(LEVELS, 6), random_set(40, 6, 1)
    cost = {model: solve_program(chain, order_rule(chain, model), scenarios).objective for model in Model}
    assert cost[Model.SCR] <= cost[Model.POR] + 1e-7
    knowing = solve_program(chain, order_rule(chain, Model.SCR), scenarios, separate=True)
    assert knowing.objective <= cost[Model.SCR] + 1e-7
    assert knowing.decision.shape == (40, 3)


def test_a_worth_of_what_is_left_changes_the_last_period_only():
    chain = SerialChain.uniform(LEVELS, 5).with_terminal_value(0.25)
    assert chain.holding[:, :-1].tolist() == [[1.0] * 4] * 3
    assert chain.holding[:, -1].tolist() == [0.75] * 3
    assert chain.backlog[:, -1].tolist() == [2.25] * 3
    with pytest.raises(BadInputError, match=r"terminal value 1\.5: expected 0 to 1"):
        SerialChain.uniform(LEVELS, 5).with_terminal_value(1.5)


def test_the_shipped_chain_is_the_papers():
    chain, papers = chain_of_case(load_case("beer-game"), 6), SerialChain.uniform(LEVELS, 6)
    assert (chain.levels, chain.lead_times) == (papers.levels, papers.lead_times)
    for what in ("holding", "backlog", "initial"):
        assert np.array_equal(getattr(chain, what), getattr(papers, what))
    with pytest.raises(BadInputError, match="sources P1, P2, P3, P4, P5: expected one"):
        chain_of_case(load_case("thirteen-node"), 6)


def test_a_tree_has_every_path_once():
    found = tree((1.0, 2.0, 3.0), 3, (0.5, 0.25, 0.25))
    assert len({tuple(path) for path in found.demand}) == 27
    assert found.probabilities.sum() == pytest.approx(1.0)
    where = (found.demand == (1.0, 3.0, 1.0)).all(axis=1)
    assert found.probabilities[where] == pytest.approx([0.5 * 0.25 * 0.5])


def test_three_values_have_mean_and_standard_deviation():
    values = moment_values(50.0, 20.0)
    assert (values.mean(), values.std()) == pytest.approx((50.0, 20.0))


@pytest.mark.parametrize("sampling", ["latin-hypercube", "sobol"])
def test_stratified_samples_fill_every_stratum(sampling):
    found = sampled(uniform(0.0, 1.0), 64, 4, np.random.default_rng(1), sampling)
    assert (np.sort((found.demand * 64).astype(int), axis=0) == np.arange(64)[:, None]).all()


def test_a_hybrid_branches_in_some_periods_only():
    found = hybrid(VALUES, uniform(10.0, 90.0), 6, (3, 6), np.random.default_rng(1))
    assert found.num_scenarios == 81
    assert set(found.demand[:, [0, 1, 3, 4]].ravel()) == set(VALUES)
    assert len(set(found.demand[:, [2, 5]].ravel())) == 162


def transport_distance(before: ScenarioSet, after: ScenarioSet) -> float:
    """By the linear program of moving probability."""
    cost = cdist(before.demand, after.demand)
    rows, columns = cost.shape
    leaving = np.kron(np.eye(rows), np.ones(columns))
    arriving = np.kron(np.ones(rows), np.eye(columns))
    right = np.concatenate([before.probabilities, after.probabilities])
    return linprog(cost.ravel(), A_eq=np.vstack([leaving, arriving]), b_eq=right).fun


@pytest.mark.parametrize("algorithm", ["forward", "backward"])
@pytest.mark.parametrize("kept", [1, 4, 12])
def test_the_distance_reported_is_the_transport_distance(algorithm, kept):
    random = np.random.default_rng(kept)
    before = ScenarioSet(random.uniform(10.0, 90.0, (12, 3)), random.dirichlet(np.ones(12)))
    found = reduce_scenarios(before, kept, algorithm)
    assert found.scenarios.num_scenarios == kept
    assert found.distance == pytest.approx(transport_distance(before, found.scenarios), abs=1e-9)


def test_one_of_all_is_kept_best_and_few_nearly_so():
    random = np.random.default_rng(3)
    before = ScenarioSet(random.uniform(0.0, 1.0, (9, 2)), random.dirichlet(np.ones(9)))
    distances = cdist(before.demand, before.demand)
    for kept in (1, 3):
        best = min(
            before.probabilities @ distances[:, chosen].min(axis=1)
            for chosen in map(list, combinations(range(9), kept))
        )
        assert reduce_scenarios(before, kept, "forward").distance <= best * (1.0 if kept == 1 else 1.3) + 1e-12
    assert reduce_scenarios(before, 8, "backward").distance == pytest.approx(
        min(before.probabilities[k] * np.delete(distances[k], k).min() for k in range(9))
    )


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: ScenarioSet(np.ones((2, 3)), np.array([0.5, 0.6])), "probabilities with sum 1.1: expected 1"),
        (lambda: ScenarioSet(np.ones((2, 3)), np.array([1.5, -0.5])), "probability 2: -0.5: expected a number"),
        (lambda: ScenarioSet(np.ones((2, 3)), np.ones(1)), "1 probabilities: expected 2"),
        (lambda: ScenarioSet(np.array([[1.0, -2.0]]), np.ones(1)), "scenario 1 period 2: demand -2.0: expected units"),
        (lambda: ScenarioSet(np.empty((1, 0)), np.ones(1)), "expected a scenario and a period at least"),
        (lambda: tree(VALUES, 0), "periods 0: expected at least 1"),
        (lambda: tree(VALUES, 25), "a tree of 3^25 = 8.47e+11 scenarios does not fit into memory"),
        (lambda: tree(VALUES, 3, (0.5, 0.5)), "2 probabilities: expected 3"),
        (lambda: random_set(0, 3, 0), "0 scenarios of 3 periods: expected at least 1"),
        (lambda: hybrid(VALUES, uniform(0, 1), 4, (5,), np.random.default_rng(0)), "random period 5: expected 1 to 4"),
        (lambda: reduce_scenarios(random_set(3, 3, 0), 4), "4 scenarios to keep: expected 1 to 3"),
        (lambda: reduce_scenarios(random_set(3, 3, 0), 2, "foward"), "algorithm 'foward': did you mean 'forward'?"),
        (lambda: SerialChain.uniform(LEVELS, 4, backlog=-1.0), "backlog of warehouse: -1.0: expected at least 0"),
        (lambda: SerialChain.uniform(LEVELS, 0), "periods 0: expected at least 1"),
        (lambda: SerialChain.uniform(LEVELS, 4, lead_time=-2), "lead time of warehouse: -2: expected whole periods"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_one_line(make, said):
    with pytest.raises(BadInputError) as refused:
        make()
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('values = ["a"]', "tactical.values: ['a']: expected numbers of units, at least 0"),
        ("range = [9, 1]", "tactical.range: [9.0, 1.0]: expected the least and the greatest demand"),
        ("range = [1]", "tactical.range: [1.0]: expected the least and the greatest demand"),
        ("initial = -1", "tactical.initial: -1: expected a number of units, at least 0"),
        ("inital = 1", "unknown setting tactical.inital: did you mean 'initial'?"),
    ],
)
def test_wrong_settings_are_named(line, said, tmp_path):
    save_case(load_case("beer-game"), tmp_path)
    settings = (tmp_path / "case.toml").read_text(encoding="utf-8").split("[tactical]")[0]
    (tmp_path / "case.toml").write_text(f"{settings}[tactical]\n{line}\n", encoding="utf-8")
    with pytest.raises(BadInputError) as refused:
        load_case(str(tmp_path))
    assert said in str(refused.value)
