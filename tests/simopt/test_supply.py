"""Capacity, reviews, allocation, lead times that vary, outages: against a plain simulator and differences."""

from dataclasses import replace

import numpy as np
import pytest

from design.case import CaseError
from design.case_files import load_case, save_case
from design.node import LanePair
from design.streams import BLOCK, Purpose
from design.supply import OUTSIDE, Calendars, Outage, Supply
from simopt.apps.options import SolveOptions
from simopt.apps.solve import solve
from simopt.simulation.simulator import Allocation, TreeSimulator
from tests.networks import Trial, random_trial, with_network
from tests.simopt.slow_supply import SupplyRun

every_rule = pytest.mark.parametrize("allocation", Allocation, ids=[rule.name.lower() for rule in Allocation])


def disturbed(seed: int) -> tuple[Trial, np.ndarray, dict[LanePair, np.ndarray]]:
    """A random tree with random disturbances, its capacities by period, and the calendars by lane."""
    rng = np.random.default_rng(seed)
    trial = random_trial(rng, int(rng.integers(1, 8)))
    case, names = trial.case, trial.component.nodes
    mean = trial.demand.sum(axis=2).mean()
    nodes = [
        replace(
            node,
            production_capacity=rng.uniform(0.8, 2.0) * mean if rng.random() < 0.4 else np.inf,
            review_period=int(rng.integers(1, 4)),
        )
        for node in case.network.nodes
    ]
    lanes = [*(lane.pair for lane in case.network.lanes), *((OUTSIDE, name) for name in case.network.sources)]
    varying = {pair: ((_shortest(case, pair), 0.6), (_shortest(case, pair) + 3, 0.4)) for pair in lanes[::2]}
    outages = [Outage((names[-1],), 3, 6), *(Outage(pair, 2, 5) for pair in lanes[1::2] if pair[0])]
    case = replace(with_network(case, nodes, case.network.lanes), supply=Supply("fcfs", tuple(outages), varying))
    dates = Calendars(case.network, case.supply, case.warm_up, seed, Purpose.SEARCH).block(0, case.num_periods)
    dates = dates[: len(trial.demand)]
    capacity = np.array([[case.network.node(name).production_capacity] * case.num_periods for name in names])
    for outage in outages:
        if len(outage.places) == 1:
            capacity[names.index(outage.places[0]), case.warm_up + outage.start - 1 : case.warm_up + outage.end] = 0.0
    calendars = {pair: dates[:, :, k] for pair, k in case.supply.calendars.items()}
    return Trial(case, trial.levels, np.concatenate([trial.demand, dates], axis=2)), capacity, calendars


def _shortest(case, pair: LanePair) -> int:
    return case.network.node(pair[1]).lead_time if pair[0] == OUTSIDE else case.network.lane(pair).lead_time


@every_rule
@pytest.mark.parametrize("seed", range(40))
def test_every_measure_equals_that_of_stock_moved_period_by_period(seed, allocation):
    trial, capacity, calendars = disturbed(seed)
    simulator = TreeSimulator(trial.case, allocation)
    sample = simulator.simulate(trial.component, trial.levels, trial.demand, with_gradient=False)
    for r, path in enumerate(trial.demand):
        dates = {pair: days[r] for pair, days in calendars.items()}
        expected = SupplyRun(trial.case, trial.levels, path, allocation, capacity, dates).measures()
        np.testing.assert_allclose(sample.measures[r], expected, rtol=1e-7, atol=1e-7)


@every_rule
@pytest.mark.parametrize("seed", range(40))
def test_gradient_equals_central_differences(seed, allocation):
    trial, _, _ = disturbed(seed)
    simulator, levels = TreeSimulator(trial.case, allocation), trial.levels + 0.37

    def costs(at):
        return simulator.simulate(trial.component, at, trial.demand, with_gradient=False).costs

    gradient = simulator.simulate(trial.component, levels, trial.demand, with_gradient=True).gradient
    wide, narrow = (
        np.array([(costs(levels + step) - costs(levels - step)) / (2 * size) for step in size * np.eye(len(levels))]).T
        for size in (1e-4, 5e-5)
    )
    scale = 1.0 + np.abs(gradient)
    smooth = np.abs(wide - narrow) <= 1e-5 * scale
    assert smooth.mean() >= 0.9
    assert np.max(np.abs(gradient - narrow) / scale, where=smooth, initial=0.0) <= 1e-4


def test_calendars_never_fall_and_keep_outages_and_the_distribution_of_lead_times():
    trial, _, _ = disturbed(3)
    case = trial.case
    pair = next(pair for pair in case.supply.lead_times if pair not in case.supply.lane_outages)
    shortest, longest = (periods for periods, _ in case.supply.lead_times[pair])
    blocks = [Calendars(case.network, case.supply, 0, 1, Purpose.SEARCH).block(k, 200) for k in range(4)]
    dates = np.concatenate(blocks)[:, :, case.supply.calendars[pair]]
    assert (np.diff(dates, axis=1) >= 0).all()
    ages = np.arange(longest, 200) - dates[:, longest:]
    assert ages.min() == shortest
    assert ages.max() == longest
    # What was sent the shortest lead time ago is there if it and nothing sent shortly before takes longer.
    assert (ages == shortest).mean() == pytest.approx(0.6 ** (longest - shortest), abs=0.02)
    assert len(dates) == 4 * BLOCK


def supplied(tmp_path, **files: str) -> str:
    """A copy of two-two-three with other or further files; returns its path."""
    folder = tmp_path / "case"
    save_case(load_case("two-two-three"), folder)
    for name, text in files.items():
        path = folder / name.replace("_csv", ".csv").replace("_toml", ".toml")
        path.write_text(text if not text.startswith("+") else path.read_text() + text[1:], encoding="utf-8")
    return str(folder)


OUTAGE = "node,from,to,start,end\nWest,,,10,14\n,North,West,20,25\n"
LEAD_TIMES = "from,to,lead_time,probability\nNorth,West,2,0.75\nNorth,West,4,0.25\n,South,4,0.5\n,South,6,0.5\n"


def test_tables_of_the_supply_survive_a_round_trip(tmp_path):
    case = load_case(supplied(tmp_path, outages_csv=OUTAGE, lead_times_csv=LEAD_TIMES))
    assert case.supply.outages == (Outage(("West",), 10, 14), Outage(("North", "West"), 20, 25))
    assert case.supply.lead_times[(OUTSIDE, "South")] == ((4, 0.5), (6, 0.5))
    nodes = [replace(n, production_capacity=150.0, review_period=2) for n in case.network.nodes]
    case = replace(with_network(case, nodes, case.network.lanes), supply=replace(case.supply, allocation="fair_share"))
    save_case(case, tmp_path / "again")
    assert load_case(str(tmp_path / "again")) == case


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"outages_csv": "node,start,end\nWset,1,2\n"}, "outages.csv row 2 column node: unknown node 'Wset'"),
        (
            {"outages_csv": "node,start,end\nWest,5,2\n"},
            "outages.csv row 2 column end: 2: expected a period",
        ),
        ({"outages_csv": "node,start,end\nWest,5,101\n"}, "to the end of the horizon, 100"),
        ({"outages_csv": "node,from,to,start,end\nWest,West,A,1,2\n"}, "expected either node, or from and to"),
        ({"outages_csv": "from,to,start,end\nA,West,1,2\n"}, "unknown lane 'A -> West'"),
        ({"lead_times_csv": "from,to,lead_time,probability\nNorth,West,2,0.7\n"}, "add up to 0.7: expected 1"),
        (
            {"lead_times_csv": "from,to,lead_time,probability\nNorth,West,3,1\n"},
            "expected 2, its lead_time in lanes.csv",
        ),
        ({"lead_times_csv": "to,lead_time,probability\nWest,3,1\n"}, "expected the origin of a lane"),
        (
            {"lead_times_csv": "from,to,lead_time,probability\nNorth,West,2,0.5\nNorth,West,2,0.5\n"},
            "duplicate lead time 2",
        ),
    ],
)
def test_what_is_wrong_with_the_supply_is_named(tmp_path, files, message):
    with pytest.raises(CaseError) as error:
        load_case(supplied(tmp_path, **files))
    assert message in str(error.value)


def test_more_disturbed_supply_costs_more_and_stays_above_the_bound(tmp_path):
    plain = load_case("two-two-three")
    slow = load_case(supplied(tmp_path, lead_times_csv=LEAD_TIMES))
    nodes = [replace(node, review_period=2) for node in plain.network.nodes]
    rare = with_network(plain, nodes, plain.network.lanes)
    options = SolveOptions()
    costs = {}
    for name, case in {"plain": plain, "slow": slow, "rare": rare}.items():
        outcome = solve(case, options)
        costs[name] = outcome.performance.cost.mean
        assert outcome.lower_bound.value < outcome.performance.cost.mean
        assert (outcome.certified is True) is (name == "plain")
    assert outcome.certificate == "not certified: reviews every few periods"
    assert costs["plain"] < costs["slow"]
    assert costs["plain"] < costs["rare"]
