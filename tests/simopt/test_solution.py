"""The Python interface: tables, pictures, files; a solution survives JSON, a folder and pickling."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

import simopt
from design.errors import BadInputError
from simopt import Solution

CASES = Path(__file__).parents[2] / "cases"


@pytest.fixture(scope="module")
def found() -> Solution:
    return simopt.solve("two-two-three", certify=False)


def test_numbers_are_those_of_the_result(found):
    content = found.content
    assert found.cost.mean == content["cost"]["mean"]
    assert found.lower_bound.value == content["lower_bound"]["value"]
    assert found.gap == pytest.approx((found.cost.mean - found.lower_bound.value) / found.cost.mean)
    assert found.certified is False
    assert found.levels == {row["node"]: row["level"] for row in content["base_stock_levels"]}
    assert set(found.design.nodes) == set(found.levels)


def test_tables_have_a_row_a_node_a_lane_a_step(found):
    assert list(found.nodes.index) == list(found.design.nodes)
    assert found.nodes["level"].to_dict() == found.levels
    assert found.nodes["holding"].sum() + found.nodes["backorder"].sum() < found.cost.mean
    assert list(zip(found.flows["from"], found.flows["to"], strict=True)) == list(found.lanes)
    assert (found.flows["units"] > 0.0).all()
    assert list(found.iterations["iteration"]) == list(range(1, len(found.iterations) + 1))


def test_a_solution_survives_json_pickling_and_a_folder(found, tmp_path):
    assert Solution.from_json(found.to_json(), found.case).content == found.content
    unpickled = pickle.loads(pickle.dumps(found))
    assert unpickled.content == found.content
    assert unpickled.lanes == found.lanes
    found.save(tmp_path / "run")
    loaded = simopt.load_solution(tmp_path / "run")
    assert loaded.content == found.content
    assert (tmp_path / "run" / "report.html").exists()
    assert json.loads((tmp_path / "run" / "result.json").read_text(encoding="utf-8")) == found.content


def test_pictures_show_in_a_notebook_and_save(found, tmp_path):
    plots = [found.plot_network(), found.plot_bounds(), found.plot_cost(), found.plot_levels(), found.plot_service()]
    plots += [found.plot_inventory("A"), *found.plot_surrogates()]
    assert len(plots) >= 7
    for number, plot in enumerate(plots):
        assert "<svg" in plot._repr_svg_()
        for kind, start in (("svg", b"<?xml"), ("png", b"\x89PNG"), ("pdf", b"%PDF")):
            plot.save(tmp_path / f"{number}.{kind}")
            assert (tmp_path / f"{number}.{kind}").read_bytes().startswith(start)
    shown = found._repr_html_()
    assert f"{found.cost.mean:,.2f}" in shown
    assert "<svg" in shown
    assert f"{found.cost.mean:,.2f}" in repr(found)


def test_what_is_not_there_is_one_line(found, tmp_path):
    with pytest.raises(BadInputError, match="node 'X' is not in use: expected one of"):
        found.plot_inventory("X")
    with pytest.raises(BadInputError, match=r"result\.json"):
        simopt.load_solution(tmp_path)
    with pytest.raises(BadInputError, match="no such folder or shipped case"):
        simopt.load_case("nowhere")


@pytest.mark.parametrize("script", ["tour.py", "own_case.py"])
def test_the_example_scripts_run(script, tmp_path):
    done = subprocess.run(
        [sys.executable, str(CASES / script), str(tmp_path / "out")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "cost" in done.stdout
    assert any((tmp_path / "out").iterdir())
