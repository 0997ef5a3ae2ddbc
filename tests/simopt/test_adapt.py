"""`simopt adapt`: policies that learn against those that know, the clairvoyant below all, detection, the command."""

import json
from dataclasses import replace

import numpy as np
import pytest

import simopt
from design.case_files import load_case
from design.errors import BadInputError
from design.only_design import only_design
from design.planning.data import DemandShock
from design.streams import Purpose
from simopt.adapt_outcome import PUBLISHED
from simopt.apps.adapt import AdaptOptions, adapt, doubts_of, policies
from simopt.apps.hindsight import check_hindsight, hindsight_costs
from simopt.apps.options import OptionError
from simopt.learning.conjugate import NormalBelief
from simopt.planning.engine import planners_of, run
from simopt.planning.kpis import samples_of
from simopt.planning.measures import Series
from simopt.planning.paths import Chance
from simopt.planning.study import Study
from simopt.planning.world_of_case import world_of
from simopt.policies.adaptive import Adaptive, Robustness
from simopt.policies.beliefs import EstimatorMaker, Learning, below
from tests.simopt.command import Command

LEVELS = {"supplier": 320.2, "plant": 238.3}  # of `simopt solve two-tier-year`


@pytest.fixture(scope="module")
def case():
    return load_case("two-tier-year")


@pytest.fixture(scope="module")
def world(case):
    return world_of(case, only_design(case.network))


@pytest.fixture(scope="module")
def shocked(case):
    planning = replace(case.planning, shocks=(DemandShock("", "", 180, 365, 0.5),))
    return world_of(replace(case, planning=planning), only_design(case.network))


def costs(world, seeds=64):
    study = Study(world, seeds)
    return {one.name: samples_of(world, study.run(one))["cost"] for one in policies(LEVELS, AdaptOptions())}


def clear(difference):
    return difference.mean() + 2.0 * difference.std() / len(difference) ** 0.5


def test_in_a_stable_world_learning_nears_the_known_distribution(world):
    found = costs(world)
    assert found["bayesian"].mean() < 1.025 * found["known"].mean()
    assert found["bayesian+change-point"].mean() < 1.03 * found["known"].mean()
    assert clear(found["bayesian"] - found["static"]) < 0.0
    assert found["robust"].mean() > found["known"].mean()


def test_after_a_shock_only_those_who_look_for_changes_recover(shocked):
    found = costs(shocked)
    assert clear(found["bayesian+change-point"] - found["bayesian"]) < 0.0
    assert clear(found["bayesian"] - found["static"]) < 0.0
    assert found["bayesian+change-point"].mean() < 1.5 * found["known"].mean()


def test_the_clairvoyant_is_below_everyone_on_every_seed(shocked):
    bound = hindsight_costs(Chance(shocked, 0, Purpose.EVALUATION), 8, 1)
    for name, cost in costs(shocked, 8).items():
        assert (bound <= cost).all(), name
    assert bound.max() > 0.0


def test_known_levels_in_a_stable_world_are_the_given_ones(world):
    chance = Chance(world, 0, Purpose.EVALUATION)
    planners = planners_of(world, chance.paths(range(4)))
    for site, rule in zip(world.sites, Adaptive("known", EstimatorMaker("known"), LEVELS).rules(planners), strict=True):
        np.testing.assert_allclose(rule.level, LEVELS[site.name])


def test_static_levels_never_move_and_adaptive_ones_do_not_oscillate(world):
    """Orders of a level that does not move are demand; a learner's vary hardly more."""
    paths = Chance(world, 0, Purpose.EVALUATION).paths(range(32))
    bullwhip = {
        name: run(world, Adaptive(name, EstimatorMaker(kind), LEVELS), paths).bullwhip().mean(axis=0)
        for name, kind in (("static", "static"), ("bayesian", "bayesian"), ("changes", "change-point"))
    }
    np.testing.assert_allclose(bullwhip["static"], 1.0, rtol=0.02)
    assert (bullwhip["bayesian"] < 1.05).all()
    assert (bullwhip["changes"] < 1.25).all()


def test_a_wide_band_keeps_levels_where_they_are(world):
    paths = Chance(world, 0, Purpose.EVALUATION).paths(range(8))
    moves = []
    for band in (0.0, 0.1, 100.0):
        series = run(
            world, Adaptive("b", EstimatorMaker("bayesian"), LEVELS, band=band), paths, with_series=True
        ).series
        plant = [s.name for s in world.sites].index("plant")
        moves.append((np.abs(series[:, 5:, plant, Series.ORDERED] - series[:, 5:, plant, Series.INFLOW]) > 1e-6).mean())
    assert moves[0] > 0.9
    assert 0.0 < moves[1] < 0.3
    assert moves[2] == 0.0


def test_robust_levels_are_those_of_bertsimas_and_thiele(world):
    paths = Chance(world, 0, Purpose.EVALUATION).paths(range(4))
    planners = planners_of(world, paths)
    rules = Adaptive("robust", EstimatorMaker("static"), LEVELS, Robustness(0.2, 2.0)).rules(planners)
    by_name = {site.name: (planner, rule) for site, planner, rule in zip(world.sites, planners, rules, strict=True)}
    planner, rule = by_name["plant"]
    budget = min(2.0, 1.0 + 0.8416212 * 2.0**0.5)
    expected = 2.0 * planner.mean + (15.0 - 2.5) / (15.0 + 2.5) * budget * 2.0 * planner.sd
    np.testing.assert_allclose(rule.level, expected, rtol=1e-6)


def test_suppliers_add_up_the_beliefs_of_all_customers():
    case = load_case("assembly-five")
    found = world_of(case, only_design(case.network))
    names = [site.name for site in found.sites]
    shares = below(found)[names.index("Wheels")]
    assert {names[s]: units.tolist() for s, units in shares.items()} == {"ShopEast": [2.0], "ShopWest": [2.0]} or all(
        units[0] == 2.0 for units in shares.values()
    )
    assert len(shares) == 2


def test_nothing_is_learnt_where_nothing_was_observed():
    learning = Learning(NormalBelief.around(np.array([[100.0]]), np.array([[20.0]]), 20.0), tail=0.01)
    learning.see(0, np.array([[np.nan]]))
    assert learning.belief.weight[0, 0] == 20.0
    assert learning.belief.mean[0, 0] == 100.0


def test_a_supplier_without_any_capacity_is_survived(case):
    """No outage ends: everything stays owed, nothing is nan."""
    found = adapt(case, AdaptOptions("disruption", 3, day=300, length=66))
    for one in found.policies:
        for name, value in one.measures.items():
            assert np.isfinite(value.mean), (one.name, name)
    assert found.policy("static").recovery.recovered == 0.0


def test_the_command_prints_and_writes_what_was_run(simopt: Command, tmp_path):
    out = tmp_path / "run"
    found = simopt("adapt", "two-tier-year", "--world", "shock", "--num-seeds", "6", "--out", out)
    assert found.code == 0
    assert "demand +50% from period 180" in found.out
    assert "the shock is noticed within 14 periods in 100.0% of the seeds" in found.out
    content = json.loads((out / "result.json").read_text())
    assert content["world"] == "shock"
    assert list(content["policies"]) == [
        "static", "bayesian", "bayesian+change-point", "robust", "bayesian+robust", "known", "clairvoyant",
    ]  # fmt: skip
    for name in ("cost", "cycle_service_level", "fill_rate", "backlog_service"):
        assert set(content["policies"]["bayesian"][name]) == {"mean", "half_width"}
    assert content["detection"]["detected"] == 1.0
    assert content["recovery"]["bayesian+change-point"]["periods"]["mean"] < 40.0
    assert (out / "case" / "case.toml").exists()
    stable = simopt("adapt", "two-tier-year", "--num-seeds", "3")
    assert f"cost {100 * PUBLISHED['stable']['cost']:.1f}%, here" in stable.out


def test_jobs_do_not_change_the_numbers(case):
    one, two = (adapt(case, AdaptOptions("stable", 4, jobs=jobs)) for jobs in (1, 2))
    assert {p.name: p.measures["cost"].mean for p in one.policies} == {
        p.name: p.measures["cost"].mean for p in two.policies
    }


def test_cases_without_a_clairvoyant_say_so():
    found = adapt(load_case("assembly-five"), AdaptOptions("stable", 3))
    assert [one.name for one in found.policies][-1] == "known"
    assert any("clairvoyant left out: site Assembly: assembly" in warning for warning in found.warnings)


def test_what_beliefs_take_for_granted_is_said(world):
    planning = load_case("planning-engine")
    found = doubts_of(world_of(planning, only_design(planning.network)))
    assert found == [
        "demand changes with time beside what --world adds: the policies learn as if it did not",
        "some demand is intermittent: the policies learn as if it were normal",
    ]
    assert doubts_of(world) == []


def test_from_python():
    found = simopt.adapt("two-tier-year", world="shock", num_seeds=2, size=1.0)
    assert found.size == 1.0
    assert "two-tier-year, shock world: 2 seeds" in str(found)
    with pytest.raises(OptionError, match="option 'wrld': did you mean 'world'"):
        simopt.adapt("two-tier-year", wrld="shock")


def test_bad_input_is_refused(case):
    with pytest.raises(OptionError, match="world 'stabel': did you mean 'stable'"):
        AdaptOptions("stabel")
    with pytest.raises(OptionError, match="num_seeds 1: expected at least 2"):
        AdaptOptions(num_seeds=1)
    with pytest.raises(OptionError, match="day 400 and length 10: expected a disturbance within the 365 periods"):
        adapt(case, AdaptOptions("disruption", 2, day=400))
    with pytest.raises(KeyError, match="'nobody': expected one of static"):
        adapt(case, AdaptOptions("stable", 2)).policy("nobody")
    planning = load_case("planning-engine")
    with pytest.raises(BadInputError, match="the clairvoyant expects none"):
        check_hindsight(world_of(planning, only_design(planning.network)))
