"""The report: one file with the run's numbers, the same for the same run, that opens without a network."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from design.case_files import load_case, save_case
from simopt.apps.report import report_data
from simopt.reporting.report.maps import NetworkPicture
from simopt.reporting.report.run_report import run_page
from simopt.reporting.report.style import themed
from tests.simopt.command import assert_refused, read_json

CASE = "two-two-three"
EMPTY_TAGS = {"meta", "link", "br", "img", "input", "hr"}


class Reader(HTMLParser):
    """Tags, text and whether every tag was closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.sections: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        if tag not in EMPTY_TAGS:
            self.open.append(tag)
        if "id" in named:
            self.ids.append(str(named["id"]))
        if tag == "section":
            self.sections.append(str(named["id"]))
        self.links += [str(named[key]) for key in ("src", "href", "xlink:href") if key in named]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in EMPTY_TAGS:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def read(path: Path) -> Reader:
    reader = Reader()
    reader.feed(path.read_text(encoding="utf-8"))
    assert reader.open == []
    return reader


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    """The folder of a solve, made as users do."""
    folder = tmp_path_factory.mktemp("run")
    subprocess.run(
        [sys.executable, "-m", "simopt", "solve", CASE, "--no-certify", "--out", str(folder)],
        check=True,
        capture_output=True,
    )
    return folder


def test_a_solve_writes_a_page_with_its_numbers(run):
    content, page = read_json(run / "result.json"), read(run / "report.html")
    text = " ".join(page.text)
    assert f"{content['cost']['mean']:,.2f} ± {content['cost']['half_width']:,.2f}" in text
    assert f"{content['lower_bound']['value']:,.2f}" in text
    for row in content["base_stock_levels"]:
        assert row["node"] in text
        assert f"{row['level']:,.2f}" in text
    expected = ["network", "bounds", "cost", "levels", "inventory", "service", "surrogates", "run"]
    assert page.sections == expected
    for section in expected:
        assert f"#{section}" in page.links


def test_the_page_needs_nothing_else(run):
    text, page = (run / "report.html").read_text(encoding="utf-8"), read(run / "report.html")
    assert len(text.encode()) < 1_000_000
    assert all(link.startswith("#") for link in page.links)
    assert len(page.ids) == len(set(page.ids))
    assert {link[1:] for link in page.links} <= set(page.ids)
    addresses = set(re.findall(r"https?://[^\s\"'<>]+", text))
    assert addresses <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
    assert "#1b1f24" not in text[text.index("<svg") :]  # ink follows the theme


def test_every_figure_is_a_file_too(run):
    names = {path.stem for path in (run / "figures").glob("*.svg")}
    assert {"network", "bounds", "cost", "levels", "inventory-1", "service", "surrogate-1"} <= names
    for name in names:
        assert (run / "figures" / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        assert "<svg" in (run / "figures" / f"{name}.svg").read_text(encoding="utf-8")


def test_the_same_run_gives_the_same_bytes(simopt, run, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(run, copy)
    shutil.rmtree(copy / "figures")
    (copy / "report.html").unlink()
    assert simopt("report", copy).code == 0
    files = sorted(path.relative_to(run) for path in run.rglob("*") if path.is_file())
    assert files == sorted(path.relative_to(copy) for path in copy.rglob("*") if path.is_file())
    for path in files:
        assert (copy / path).read_bytes() == (run / path).read_bytes()


def test_flows_and_safety_stocks_are_those_of_the_definitions(run):
    case, content = load_case(CASE), read_json(run / "result.json")
    data = report_data(case, content)
    supplier = {lane["to"]: lane["from"] for lane in content["design"]["lanes"]}
    for (origin, destination), units in data.flows.items():
        assert supplier[destination] == origin
        below = [c for c in case.network.customers if c == destination or supplier[c] == destination]
        assert units == pytest.approx(sum(case.mean_demand[c] for c in below))
    for row in data.nodes:
        lead_time = case.network.node(row.name).lead_time
        if row.supplier:
            lead_time = case.network.lane((row.supplier, row.name)).lead_time
        assert row.safety_stock == pytest.approx(row.level - lead_time * row.throughput)
    assert sum(data.cost_parts.values()) == pytest.approx(content["cost"]["mean"], rel=1e-6)


def test_stock_over_time_averages_to_what_simulate_says(simopt, run, tmp_path):
    content = read_json(run / "result.json")
    data = report_data(load_case(CASE), content, ["A"])
    (found,) = data.trajectories
    assert found.node == "A"
    assert (found.low <= found.high).all()
    done = simopt("simulate", CASE, "--solution", run / "result.json", "--replications", 256, "--out", tmp_path)
    assert done.code == 0
    (measured,) = [row for row in read_json(tmp_path / "result.json")["measures"] if row["node"] == "A"]
    net = measured["on_hand"]["mean"] - measured["backorders"]["mean"]
    counted = found.periods >= 1.0
    assert float(found.mean[counted].mean()) == pytest.approx(net, rel=1e-9)


def test_a_slice_passes_near_the_decision(run):
    data = report_data(load_case(CASE), read_json(run / "result.json"))
    assert data.slices
    for one in data.slices:
        row = next(row for row in data.nodes if row.name == one.node)
        at = int(np.abs(one.levels - one.chosen).argmin())
        assert one.mean[at] == pytest.approx(row.holding + row.backorder, rel=0.1)
        assert one.region[-1] == one.node


def test_without_coordinates_nodes_stand_in_echelons(run):
    case = load_case(CASE)
    bare = tuple(replace(node, x=None, y=None) for node in case.network.nodes)
    lost = replace(case, network=replace(case.network, nodes=bare))
    picture = NetworkPicture.of(lost, report_data(case, read_json(run / "result.json")).flows)
    assert not picture.is_map
    columns = {name: x for name, (x, _) in picture.places.items()}
    for lane in case.network.lanes:
        assert columns[lane.origin] < columns[lane.destination]
    assert len(set(picture.places.values())) == len(case.network.nodes)


def test_a_baseline_and_a_frontier_have_sections(simopt, tmp_path):
    (tmp_path / "today.csv").write_text("from,to\nSouth,West\nWest,A\nWest,B\nWest,C\n")
    arguments = ["--no-certify", "--baseline", tmp_path / "today.csv", "--moves", 1, "--out", tmp_path / "run"]
    assert simopt("solve", CASE, *arguments).code == 0
    assert simopt("frontier", CASE, "--against", "num-sites", "--points", 2, "--out", tmp_path / "f").code == 0
    assert simopt("report", tmp_path / "run", "--frontier", tmp_path / "f", "--node", "A", "--node", "B").code == 0
    page, content = read(tmp_path / "run" / "report.html"), read_json(tmp_path / "run" / "result.json")
    assert {"today", "frontier"} <= set(page.sections)
    text = " ".join(page.text)
    assert f"saves {content['baseline']['saving']['mean']:,.2f}" in text
    assert "Net stock of A." in text
    assert "Net stock of B." in text


def test_with_a_simulator_of_ones_own_nothing_of_the_built_in_one_is_shown(run):
    content = {**read_json(run / "result.json"), "simulator": "mine"}
    data = report_data(load_case(CASE), content)
    assert data.trajectories == ()
    assert data.slices == ()
    assert "mine" in str(run_page(data).sections[-1].tables)


def test_a_comparison_has_box_plots_and_a_profile(simopt, tmp_path):
    arguments = ["--methods", "sequential,cobyqa", "--num-seeds", 2, "--budget", 3000, "--out", tmp_path]
    assert simopt("compare", CASE, *arguments).code == 0
    assert simopt("report", tmp_path).code == 0
    page = read(tmp_path / "report.html")
    assert page.sections == [f"case-{CASE}", "profile"]
    assert (tmp_path / "figures" / f"costs-{CASE}.png").exists()
    content = read_json(tmp_path / "result.json")
    assert f"{content['methods']['cobyqa']['median']:,.2f}" in " ".join(page.text)
    assert_refused(simopt("report", tmp_path, "--node", "A"), "expected only with the run folder of a solve")


def test_what_is_no_run_is_refused(simopt, run, tmp_path):
    assert_refused(simopt("report", tmp_path), "result.json")
    assert_refused(simopt("report", run, "--node", "X"), "node 'X' is not in use: expected one of")
    assert_refused(simopt("report", run, "--frontier", tmp_path), "expected the frontier.json of `simopt frontier`")
    (tmp_path / "result.json").write_text('{"case": "x"}')
    assert_refused(simopt("report", tmp_path), "method missing: expected the result.json of `simopt solve`")


def test_products_share_a_place_on_the_map(simopt, tmp_path):
    done = simopt("generate", "--plants", 2, "--warehouses", 2, "--dcs", 2, "--products", 2, "--out", tmp_path / "c")
    assert done.code == 0
    case = load_case(str(tmp_path / "c"))
    save_case(replace(case, horizon=20), tmp_path / "c")
    assert simopt("solve", tmp_path / "c", "--no-certify", "--out", tmp_path / "r").code == 0
    assert simopt("report", tmp_path / "r").code == 0
    assert "network" in read(tmp_path / "r" / "report.html").sections


def test_ink_becomes_the_themes():
    assert "var(--ink)" in themed('<svg viewBox="0 0 1 1"><text style="fill: #1b1f24" id="a">x</text></svg>', "n")


@pytest.mark.slow
@pytest.mark.parametrize(("width", "theme"), [(1200, "light"), (1200, "dark"), (500, "light")])
def test_a_browser_shows_it(run, tmp_path, width, theme):
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no chromium")
    picture, checked = tmp_path / "page.png", tmp_path / "page.html"
    probe = (
        "<script>document.querySelector('#levels th:nth-child(4) button').click();"
        "const cells=[...document.querySelectorAll('#levels tbody td:nth-child(4)')].map(c=>+c.dataset.key);"
        "document.body.dataset.sorted=cells.every((v,k)=>k===0||cells[k-1]<=v);"
        "document.body.dataset.wide=document.documentElement.scrollWidth-window.innerWidth;</script></body>"
    )
    text = (run / "report.html").read_text(encoding="utf-8").replace("</body>", probe)
    checked.write_text(text, encoding="utf-8")
    base = [browser, "--headless", "--no-sandbox", "--disable-gpu", f"--window-size={width},1600"]
    base += ["--force-dark-mode"] if theme == "dark" else []
    subprocess.run([*base, f"--screenshot={picture}", checked.as_uri()], check=True, capture_output=True, timeout=120)
    shown = [*base, "--dump-dom", checked.as_uri()]
    dom = subprocess.run(shown, check=True, capture_output=True, text=True, timeout=120)
    assert 'data-sorted="true"' in dom.stdout
    assert int(re.search(r'data-wide="(-?\d+)"', dom.stdout).group(1)) <= 0
    from matplotlib.image import imread

    corner = imread(picture)[2, 2, :3].mean()
    assert corner < 0.2 if theme == "dark" else corner > 0.9
