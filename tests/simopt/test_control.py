"""`simopt control`: a feed that grows, decisions that are logged, runs that are gone on with."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest

from design.case_files import load_case
from design.errors import BadInputError
from simopt.apps.control import Controller, ControlOptions
from simopt.apps.control_log import DecisionLog, LogError
from tests.simopt.command import Command

DATES = pd.date_range("2026-01-01", periods=60).strftime("%Y-%m-%d")


def demand(seed=3, step=40):
    return np.where(np.arange(60) < step, 100.0, 150.0) + 20.0 * np.random.default_rng(seed).standard_normal(60)


def feed(folder, days=60, values=None, *, with_stock=True, node="plant"):
    folder.mkdir(exist_ok=True)
    values = demand() if values is None else values
    rows = {"date": DATES[:days], "node": node, "item": "part", "quantity": values[:days]}
    pd.DataFrame(rows).dropna().to_csv(folder / "demand_history.csv", index=False)
    if with_stock:
        stock = {"date": DATES[:days], "node": "plant", "item": "part", "on_hand": 60, "on_order": 150}
        pd.DataFrame(stock).to_csv(folder / "inventory_snapshots.csv", index=False)
    return str(folder)


def decide(source, folder=None, **options):
    log = DecisionLog(folder)
    return list(Controller(load_case("two-tier-year"), ControlOptions(**options), log).decide(source))


def test_levels_follow_a_step_of_demand(tmp_path):
    entries = decide(feed(tmp_path / "feed"))
    assert [entry["date"] for entry in entries] == list(DATES)
    levels = [entry["decision"]["plant"]["level"] for entry in entries]
    assert abs(levels[38] - levels[0]) < 30.0
    assert levels[-1] > levels[38] + 60.0
    alarms = [k for k, entry in enumerate(entries) if any("may have changed" in reason for reason in entry["reason"])]
    assert any(40 <= k < 54 for k in alarms)
    last = entries[-1]
    assert last["decision"]["plant"]["order"] == pytest.approx(max(levels[-1] - 210.0, 0.0))
    assert last["decision"]["supplier"]["order"] is None
    assert "supplier: no inventory snapshot, so no order" in last["reason"]
    assert last["belief"]["plant"]["mean"] == pytest.approx(150.0, abs=10.0)


def test_levels_move_seldom_while_demand_is_what_it_was(tmp_path):
    entries = decide(feed(tmp_path / "feed", values=demand(step=60)))
    moved = [entry["decision"]["plant"]["moved"] for entry in entries]
    assert sum(moved) <= 15


def test_a_feed_that_grows_is_gone_on_with_as_if_it_had_been_there(tmp_path):
    whole = decide(feed(tmp_path / "whole"))
    for days in (10, 11, 45, 60):
        decide(feed(tmp_path / "feed", days), tmp_path / "run")
    logged = [json.loads(line) for line in (tmp_path / "run" / "decisions.jsonl").read_text().splitlines()]
    assert logged == whole
    assert decide(feed(tmp_path / "feed"), tmp_path / "run") == []


def test_a_line_that_a_crash_cut_short_is_decided_again(tmp_path):
    source, folder = feed(tmp_path / "feed"), tmp_path / "run"
    whole = decide(source, folder)
    path = folder / "decisions.jsonl"
    content = path.read_bytes()
    path.write_bytes(content[: int(0.6 * len(content))])
    decide(source, folder)
    assert [json.loads(line) for line in path.read_text().splitlines()] == whole
    path.write_text("{}\n")
    with pytest.raises(LogError, match="line 1: expected an object with date, data and decision"):
        DecisionLog(folder)
    path.write_text("no json\n")
    with pytest.raises(LogError, match="line 1: expected a JSON object"):
        DecisionLog(folder)


def test_late_rows_and_changed_rows_do_not_rewrite_what_was_decided(tmp_path):
    folder = tmp_path / "run"
    first = decide(feed(tmp_path / "feed", 30), folder)
    changed = demand()
    changed[:30] = 500.0
    later = decide(feed(tmp_path / "feed", 60, changed), folder)
    assert later == decide(feed(tmp_path / "whole"))[30:]
    assert len(first) == 30


def test_days_without_data_are_no_zero_demand(tmp_path):
    values = demand(step=60)
    values[20:35] = np.nan
    entries = decide(feed(tmp_path / "feed", values=values))
    assert len(entries) == 45
    assert entries[20]["date"] == DATES[35]
    assert entries[20]["belief"]["plant"]["mean"] > 90.0


def test_a_clock_that_jumps_is_survived(tmp_path):
    source = feed(tmp_path / "feed", 20)
    path = tmp_path / "feed" / "demand_history.csv"
    path.write_text(path.read_text() + "2031-07-01,plant,part,104\n")
    entries = decide(source)
    assert len(entries) == 21
    assert entries[-1]["date"] == "2031-07-01"
    assert entries[-1]["belief"]["plant"]["mean"] == pytest.approx(100.0, abs=15.0)


def test_what_the_case_does_not_have_is_named(tmp_path):
    with pytest.raises(BadInputError, match="demand_history: plnt/part: did you mean 'plant'"):
        decide(feed(tmp_path / "feed", node="plnt"))


def test_another_network_is_proposed_when_it_pays(tmp_path):
    """Orders are placed in a network that was never the best; when demand changes the network is solved again."""
    case, rows = load_case("two-two-three"), []
    rng = np.random.default_rng(1)
    for k, (node, stated) in enumerate(case.demand.items()):
        factor = np.where(np.arange(60) < 30, 1.0, 4.0 if k == 0 else 1.0)
        values = np.maximum(factor * stated.mean + stated.standard_deviation * rng.standard_normal(60), 0.0)
        rows += [(date, node, "x", value) for date, value in zip(DATES, values, strict=True)]
    (tmp_path / "feed").mkdir()
    table = pd.DataFrame(rows, columns=["date", "node", "item", "quantity"])
    table.to_csv(tmp_path / "feed" / "demand_history.csv", index=False)
    lanes = [("North", "West"), ("South", "East"), ("West", "A"), ("East", "B"), ("East", "C")]
    decision = {
        "design": {"lanes": [{"from": a, "to": b} for a, b in lanes]},
        "base_stock_levels": [
            {"node": node, "level": 200.0} for node in ("North", "South", "West", "East", "A", "B", "C")
        ],
    }
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "result.json").write_text(json.dumps(decision))
    found = {}
    for cost in (0.0, 1e9):
        controller = Controller(case, ControlOptions(change_cost=cost), DecisionLog(None), tmp_path / "run")
        found[cost] = [one["proposal"] for one in controller.decide(str(tmp_path / "feed")) if "proposal" in one]
    assert found[0.0]
    for free, dear in zip(*found.values(), strict=True):
        assert free["pays"]
        assert free["saving"]["mean"] - free["saving"]["half_width"] > 0.0
        assert {"from": "West", "to": "B"} in free["new_lanes"]
        assert not dear["pays"]
    believed = controller.believed_case()
    first = next(iter(case.demand))
    assert believed.demand[first].mean == pytest.approx(4.0 * case.demand[first].mean, rel=0.2)


def test_the_command_writes_a_log_and_a_dry_run_does_not(simopt: Command, tmp_path):
    source = feed(tmp_path / "feed", 5)
    found = simopt("control", "two-tier-year", "--feed", source, "--dry-run")
    assert found.code == 0
    assert len(found.out.splitlines()) == 5
    assert found.out.startswith("2026-01-01  supplier: level")
    assert list(tmp_path.iterdir()) == [tmp_path / "feed"]
    found = simopt("control", "two-tier-year", "--feed", source, "--out", tmp_path / "run")
    assert found.code == 0
    again = simopt("control", "two-tier-year", "--feed", source, "--out", tmp_path / "run")
    assert again.out == ""
    assert "going on after 2026-01-05: 5 decisions are logged" in again.err
    assert "no data after 2026-01-05" in again.err
    nowhere = simopt("control", "two-tier-year", "--feed", source)
    assert nowhere.code == 2
    assert "expected --out DIR for the decision log, or --dry-run" in nowhere.err


def test_a_killed_run_that_follows_a_feed_goes_on(tmp_path):
    """A real process is killed while it waits for data; the next one continues its log."""
    source, folder = feed(tmp_path / "feed", 20), tmp_path / "run"
    arguments = [
        sys.executable,
        "-m",
        "simopt",
        "control",
        "two-tier-year",
        "--feed",
        source,
        "--out",
        str(folder),
        "--follow",
        "0.2",
    ]
    for days, end in ((20, signal.SIGKILL), (40, signal.SIGINT)):
        feed(tmp_path / "feed", days)
        process = subprocess.Popen(
            arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, "OMP_NUM_THREADS": "1"}
        )
        path, deadline = folder / "decisions.jsonl", time.monotonic() + 60.0
        while time.monotonic() < deadline and (not path.exists() or len(path.read_text().splitlines()) < days):
            time.sleep(0.1)
        process.send_signal(end)
        _, errors = process.communicate(timeout=30)
        assert len(path.read_text().splitlines()) == days
    assert process.returncode == 130
    assert b"stopped; the same command goes on" in errors
    logged = [json.loads(line) for line in path.read_text().splitlines()]
    assert logged == decide(feed(tmp_path / "whole", 40))


def test_learn_prints_quality_beliefs_and_calibration(simopt: Command, tmp_path):
    rng = np.random.default_rng(5)
    rows = [(date, "plant", "steady", value) for date, value in zip(DATES, demand(step=60), strict=True)]
    rows += [(date, "plant", "rare", value) for date, value in zip(DATES, rng.poisson(0.3, 60), strict=True)]
    rows[4] = (*rows[4][:3], -3)
    (tmp_path / "data").mkdir()
    table = pd.DataFrame(rows, columns=["date", "node", "item", "quantity"])
    table.to_csv(tmp_path / "data" / "demand_history.csv", index=False)
    found = simopt("learn", tmp_path / "data", "--lead-time", "5", "--out", tmp_path / "out")
    assert found.code == 0
    assert "1 negative values of quantity, missing (e.g. row 6: -3" in found.out
    content = json.loads((tmp_path / "out" / "result.json").read_text())
    series = {one["item"]: one for one in content["series"]}
    assert series["steady"]["mean"] == pytest.approx(100.0, abs=8.0)
    assert 530.0 < series["steady"]["level"] < 680.0
    assert series["rare"]["pattern"] == "intermittent"
    assert series["rare"]["mean"] == pytest.approx(0.3, abs=0.2)
    assert 0.0 < series["rare"]["forecast"] < 1.0
    assert content["calibration"]["observations"] == 52
    assert simopt("learn", tmp_path / "data", "--service", "1").code == 2
