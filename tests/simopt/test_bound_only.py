"""`simopt solve --bound-only` and `simopt convert --format`."""

from __future__ import annotations

import json

import pytest

from design.case_files import load_case
from tests.design.test_location_files import HOLMBERG


def test_the_master_alone(simopt, tmp_path):
    done = simopt("solve", "thirteen-node", "--bound-only", "--out", tmp_path)
    assert done.code == 0
    assert "nothing simulated" in done.out
    written = json.loads((tmp_path / "result.json").read_text())
    assert written["method"] == "bound-only"
    assert written["status"] == "solved"
    assert written["lower_bound"]["kind"] == "exact"
    assert written["lower_bound"]["value"] == pytest.approx(written["master_objective"], rel=1e-6)
    assert 765.0 < written["lower_bound"]["value"] < 777.2
    case = load_case("thirteen-node")
    case.network.design((lane["from"], lane["to"]) for lane in written["design"]["lanes"])
    lanes = (tmp_path / "lanes.csv").read_text().splitlines()
    assert len(lanes) == 1 + len(case.network.lanes)
    assert sum(line.endswith(",1") for line in lanes) == len(written["design"]["lanes"])


def test_sampled_scenarios_are_no_exact_bound(simopt, tmp_path):
    done = simopt("solve", "two-two-three", "--bound-only", "--scenarios", "64", "--out", tmp_path)
    assert done.code == 0
    assert "warning: one sample of scenarios" in done.out
    assert json.loads((tmp_path / "result.json").read_text())["lower_bound"]["kind"] == "estimate"


def test_settings_of_a_search_are_refused(simopt):
    done = simopt("solve", "two-two-three", "--bound-only", "--budget", "100")
    assert done.code == 2
    assert done.err.strip() == "error: --budget with --bound-only: expected none of a search, which is left out"
    done = simopt("solve", "two-two-three", "--bound-only", "--time-limit", "0.000001")
    assert done.code == 1
    assert "no design found" in done.err


def test_a_location_file_becomes_a_case_that_is_solved(simopt, tmp_path):
    (tmp_path / "small.txt").write_text(HOLMBERG)
    done = simopt("convert", tmp_path / "small.txt", "--format", "holmberg", "--to", "csv", "--out", tmp_path / "small")
    assert done.code == 0
    done = simopt("solve", tmp_path / "small", "--bound-only", "--out", tmp_path / "run")
    assert done.code == 0
    assert json.loads((tmp_path / "run" / "result.json").read_text())["master_objective"] == pytest.approx(
        70.0 + 50.5 + 12.5 + 1.0 + 6.0
    )
    done = simopt("solve", tmp_path / "small", "--quiet")
    assert done.code == 0
    assert "140.00" in done.out


def test_an_unknown_format_is_one_line(simopt, tmp_path):
    (tmp_path / "small.txt").write_text(HOLMBERG)
    done = simopt("convert", tmp_path / "small.txt", "--format", "holmbreg", "--to", "csv", "--out", tmp_path / "x")
    assert done.code == 2
    assert "'holmbreg': did you mean" in done.err or "format 'holmbreg': expected" in done.err
    assert len(done.err.strip().splitlines()) == 1


def test_fewer_lanes_are_told(simopt, tmp_path):
    done = simopt("solve", "thirteen-node", "--keep-lanes", "2", "--bound-only", "--out", tmp_path / "bound")
    assert done.code == 0
    assert "warning: 16 of 30 candidate lanes kept" in done.err
    done = simopt("solve", "two-two-three", "--keep-lanes", "1", "--out", tmp_path / "run", "--no-report")
    assert done.code == 0
    assert len(load_case(str(tmp_path / "run" / "case")).network.lanes) < len(load_case("two-two-three").network.lanes)
    done = simopt("solve", "--resume", tmp_path / "run", "--keep-lanes", "1")
    assert done.code == 2
    assert "--keep-lanes with --resume" in done.err
    done = simopt("solve", "two-two-three", "--keep-lanes", "0")
    assert done.code == 2
    assert done.err.strip() == "error: keep-lanes 0: expected a whole number, at least 1"
