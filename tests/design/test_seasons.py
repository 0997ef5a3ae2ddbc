"""Seasons: tables, ties and stages, against the designs of small networks season by season."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise, product
from pathlib import Path

import numpy as np
import pytest

from design.case import Case, CaseError
from design.case_files import load_case, read_case, save_case
from design.demand import NormalDemand
from design.flow_model import InfeasibleError
from design.master import MasterParams, ProjectedMaster
from design.master_types import Bound
from design.network import Design
from design.records import lane_record, name_of, pair_of, point_record
from design.seasons import Season, in_season, with_seasons
from design.single_stage import QuadratureSingleStage
from design.single_stage_plan import single_stage_plan
from design.site_rules import SiteLimit
from tests.product_cases import KINDS
from tests.small_cases import Features, all_designs, echelon_case

TOML = """\
name = "two"
[simulation]
horizon = 30
warm_up = 6
[seasons.low]
periods = 20
[seasons.high]
periods = 10
growth = 2
"""
TABLES = {
    "case.toml": TOML,
    "nodes.csv": "node,lead_time,holding_cost,backorder_cost\nplant,2,0.1,\nnorth,,0.5,9\nsouth,,0.5,9\n",
    "lanes.csv": "from,to,lead_time,unit_cost\nplant,north,1,0.2\nplant,south,1,0.2\n",
    "demand.csv": "node,season,distribution,mean,sd\nnorth,,normal,10,3\nsouth,,normal,7,2\nsouth,high,poisson,9,\n",
}
SEASONS = (Season("low", 12), Season("high", 8))


def written(folder: Path, **changes: str) -> Path:
    """A folder with the tables but those given by stem."""
    folder = folder / "two"
    folder.mkdir()
    for name, content in TABLES.items():
        (folder / name).write_text(changes.get(name.split(".", maxsplit=1)[0], content))
    return folder


def test_a_row_holds_for_every_season_times_its_growth_and_a_seasons_own_goes_before(tmp_path):
    case = read_case(written(tmp_path))
    assert case.network.seasons == ("low", "high")
    assert case.demand["north@low"] == NormalDemand(10.0, 3.0)
    assert case.demand["north@high"] == NormalDemand(20.0, 6.0)
    assert case.mean_demand["south@high"] == 9.0
    assert {node.share for node in case.network.nodes if node.season == "low"} == {20 / 30}
    save_case(case, tmp_path / "again")
    assert load_case(tmp_path / "again") == case
    lane = ("plant@high", "north@high")
    assert lane_record(case.network, lane) == {"from": "plant", "to": "north", "season": "high"}
    assert pair_of(lane_record(case.network, lane)) == lane
    assert name_of(point_record(case.network, "plant@low")) == "plant@low"


@pytest.mark.parametrize(
    ("table", "old", "new", "said"),
    [
        (
            "case",
            "periods = 10",
            "periods = 9",
            "column simulation.horizon: 30: expected 29, the periods",
        ),
        ("case", "periods = 10", "periods = 0", "column seasons.high.periods: 0: expected a whole number of periods"),
        (
            "case",
            "growth = 2",
            "growth = -2",
            "column seasons.high.growth: -2: expected a factor on demand",
        ),
        ("case", "growth = 2", "grow = 2", "unknown setting seasons.high.grow: did you mean 'growth'?"),
        ("case", "[seasons.high]", '[seasons."hi@gh"]', "expected a name without '@'"),
        ("case", "growth = 2", "[stages]\nopen_sites = 1", "column stages.open_sites: 1: expected true or false"),
        (
            "demand",
            "south,high",
            "south,hig",
            "demand.csv row 4 column season: unknown season 'hig': did you mean",
        ),
        ("demand", "south,,normal,7,2\n", "", "no demand of 'south' in low: expected a row for every season"),
        ("demand", "south,,", "south,high,", "duplicate demand of 'south, season high': expected once"),
    ],
)
def test_what_contradicts_itself_is_one_line_with_its_place(tmp_path, table, old, new, said):
    name = "case.toml" if table == "case" else f"{table}.csv"
    assert old in TABLES[name]
    with pytest.raises(CaseError) as raised:
        read_case(written(tmp_path, **{table: TABLES[name].replace(old, new)}))
    assert said in str(raised.value)


def test_stages_without_seasons_and_a_season_without_settings_are_refused(tmp_path):
    toml = TOML.split("[seasons", maxsplit=1)[0] + "[stages]\nopen_sites = true\n"
    with pytest.raises(CaseError) as raised:
        read_case(written(tmp_path, case=toml))
    assert "column stages.open_sites: true without seasons: expected [seasons.NAME]" in str(raised.value)
    assert "unknown season 'high': expected a blank, case.toml has no [seasons.NAME]" in str(raised.value)


def seasonal(seed: int, *, staged: bool = False, capacity: float = np.inf, **limits: SiteLimit) -> tuple[Case, Case]:
    """A small case with fixed costs, and the same in two seasons of different demand."""
    rng = np.random.default_rng(seed)
    one = echelon_case(rng, (2, 2, 2), Features(fixed_costs=True, lane_lead_times=True))
    nodes = tuple(
        replace(n, kind=KINDS[n.name[0]], capacity=capacity if n.name[0] == "b" else np.inf) for n in one.network.nodes
    )
    one = replace(one, network=replace(one.network, nodes=nodes), site_limits=limits)
    factors = {name: float(rng.uniform(1.5, 4.0)) for name in one.demand}
    demand = {name: {"low": d, "high": NormalDemand(factors[name] * d.mean, 5.0)} for name, d in one.demand.items()}
    network = with_seasons(one.network, demand, SEASONS)
    by_name = {in_season(name, s): d for name, of in demand.items() for s, d in of.items()}
    return one, replace(one, network=network, demand=by_name, staged=staged)


def in_seasons(case: Case, lanes: dict[str, frozenset]) -> Design:
    """The design that uses these lanes of the plain network in each season."""
    return case.network.design(
        (in_season(a, season), in_season(b, season)) for season, pairs in lanes.items() for a, b in pairs
    )


def expected_cost(case: Case, one: Case, lanes: dict[str, frozenset]) -> float:
    """Sum over seasons of their share times the single-stage cost of the plain network with that season's demand."""
    total = 0.0
    for season in SEASONS:
        plain = replace(one, demand={name: case.demand[in_season(name, season.name)] for name in one.demand})
        costs = QuadratureSingleStage(plain.demand)
        components = one.network.design(lanes[season.name]).components
        running = sum(single_stage_plan(plain, costs, c).cost - plain.fixed_cost(c) for c in components)
        total += season.periods / 20 * running
        if case.staged:
            total += season.periods / 20 * sum(plain.fixed_cost(c) for c in components)
    if not case.staged:
        total += sum(one.fixed_cost(c) for c in one.network.design(lanes["low"]).components)
    return total


def seasonal_designs(one: Case, *, staged: bool) -> Iterator[dict[str, frozenset]]:
    """Lanes of the plain network in each season: the same, or with sites that stay open."""
    every = list(all_designs(one.network))
    if not staged:
        yield from ({"low": lanes, "high": lanes} for lanes in every)
        return
    sites = {lanes: {a for a, _ in lanes} for lanes in every}
    yield from ({"low": a, "high": b} for a, b in product(every, every) if sites[a] <= sites[b])


@pytest.mark.parametrize("staged", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_the_master_finds_the_cheapest_design_of_all_seasons(seed, staged):
    one, case = seasonal(seed, staged=staged)
    costs = QuadratureSingleStage(case.demand)
    best = min(expected_cost(case, one, lanes) for lanes in seasonal_designs(one, staged=staged))
    solution = ProjectedMaster(case, costs).solve()
    assert solution.objective == pytest.approx(best, rel=1e-5)
    assert not case.site_rules.violations(solution.design)
    used = {
        season: frozenset((a.split("@")[0], b.split("@")[0]) for a, b in solution.design.lanes if a.endswith(season))
        for season in ("low", "high")
    }
    assert used in list(seasonal_designs(one, staged=staged))
    echelon = ProjectedMaster(case, costs, MasterParams(bound=Bound.ECHELON)).solve()
    assert echelon.bound >= solution.bound * (1.0 - 1e-6)


def test_designs_that_differ_by_season_or_close_a_site_break_a_rule():
    one, case = seasonal(0)
    staged = replace(case, staged=True)
    allowed = list(seasonal_designs(one, staged=True))
    for low, high in pairwise(all_designs(one.network)):
        lanes = {"low": low, "high": high}
        design = in_seasons(case, lanes)
        assert bool(case.site_rules.violations(design)) == (low != high)
        assert bool(staged.site_rules.violations(design)) == (lanes not in allowed)


def test_a_capacity_holds_in_every_season_and_limits_count_sites_once():
    one, case = seasonal(0)
    high = sum(case.mean_demand[in_season(name, "high")] for name in one.demand)
    _, tight = seasonal(0, capacity=0.8 * high)
    solution = ProjectedMaster(tight, QuadratureSingleStage(tight.demand)).solve()
    assert len({pair[0] for pair in solution.design.lanes if pair[0].startswith("b") and "high" in pair[0]}) == 2
    _, limited = seasonal(0, capacity=0.8 * high, warehouse=SiteLimit(0, 1))
    with pytest.raises(InfeasibleError, match=r"capacity .* of b[01] in high.*at most 1 of kind warehouse"):
        ProjectedMaster(limited, QuadratureSingleStage(limited.demand)).solve()
    _, single = seasonal(0, warehouse=SiteLimit(0, 1))
    design = ProjectedMaster(single, QuadratureSingleStage(single.demand)).solve().design
    assert len({case.network.node(name).place for name in design.nodes if name.startswith("b")}) == 1
