"""Emission factors, price and cap: read and refused, in the masters, against all designs of small networks."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from design.case import Case
from design.case_files import read_case, save_case
from design.emissions import EmissionSettings
from design.extensive import ExtensiveMaster
from design.flow_model import InfeasibleError
from design.infeasibility import explain_infeasibility
from design.master import MasterParams, ProjectedMaster
from design.master_types import Bound
from design.network import Network
from design.scenario import path_scenarios
from design.single_stage import QuadratureSingleStage, SampledSingleStage
from design.single_stage_plan import single_stage_plan
from design.site_rules import SiteLimit
from design.transport import cheapest_transport_design
from tests.design.test_case_files import GOOD, altered, errors_in, written
from tests.emitting import emitting, every_design, known_emissions
from tests.small_cases import Features, echelon_case

TOML = GOOD["case.toml"]
LANES = GOOD["lanes.csv"]


def small(seed: int, **options: object) -> Case:
    return emitting(echelon_case(np.random.default_rng(seed), (2, 2, 2), Features(True, True)), seed, **options)


def test_factors_price_and_cap_are_read(tmp_path: Path) -> None:
    lanes = "from,to,lead_time,emission\nplant,depot,1,\ndepot,north,1,0.25\ndepot,south,2,0\n"
    toml = TOML + "[emissions]\nrate = 0.1\nprice = 2.5\ncap = 300\n[units]\nemission = 't CO2'\n"
    nodes = altered("nodes.csv", "backorder_cost\n", "backorder_cost,site_emission,holding_emission\n")
    nodes = nodes.replace("depot,3,4,,1.5,0.1,50,2,", "depot,3,4,,1.5,0.1,50,2,,40,0.5")
    case = read_case(written(tmp_path, lanes=lanes, case=toml, nodes=nodes))
    assert case.emissions == EmissionSettings(2.5, 300.0)
    assert case.emission_unit == "t CO2"
    assert [lane.emission for lane in case.network.lanes] == pytest.approx([0.5, 0.25, 0.0])
    depot = case.network.node("depot")
    assert (depot.site_emission, depot.holding_emission) == (40.0, 0.5)
    charged = case.charged.node("depot")
    assert (charged.fixed_cost, charged.holding_cost) == (100.0, 1.5 + 2.5 * 0.5)
    assert charged.holding_quadratic == depot.holding_quadratic
    assert case.charged.lane(("depot", "north")).unit_cost == pytest.approx(0.5 * 4.0 + 2.5 * 0.25)
    assert case.as_emissions.charged.lane(("depot", "north")).unit_cost == 0.25


@pytest.mark.parametrize("seed", range(3))
def test_a_round_trip_keeps_them(tmp_path: Path, seed: int) -> None:
    case = small(seed, held=seed > 0, price=0.1 if seed > 1 else None, cap=0.3)
    save_case(case, tmp_path / "saved")
    assert read_case(tmp_path / "saved") == case


def test_a_case_without_factors_is_saved_without_them(tmp_path: Path) -> None:
    save_case(echelon_case(np.random.default_rng(0)), tmp_path)
    assert not any("emission" in file.read_text() for file in tmp_path.iterdir())


EMITS = TOML + "[emissions]\nrate = 0.1\n"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"case": TOML + "[emissions]\nprice = 1\n"},
            "small/case.toml column emissions.price: 1, and nothing emits: expected emission in lanes.csv",
        ),
        ({"case": TOML + "[emissions]\ncap = 7\n"}, "small/case.toml column emissions.cap: 7, and nothing emits"),
        (
            {"case": EMITS + "cap = -1\n"},
            "small/case.toml column emissions.cap: -1: expected a number of units of emission, at least 0",
        ),
        (
            {"case": EMITS + "price = 'much'\n"},
            "small/case.toml column emissions.price: 'much': expected a number of money, at least 0",
        ),
        ({"case": EMITS + "limit = 3\n"}, "small/case.toml: unknown setting emissions.limit: expected one of"),
        (
            {"case": EMITS, "lanes": "from,to,lead_time,emission\nplant,depot,1,-2\ndepot,north,1,\ndepot,south,2,\n"},
            "small/lanes.csv row 2 column emission: '-2': expected a number of units of emission, at least 0",
        ),
        (
            {"case": TOML, "nodes": GOOD["nodes.csv"].replace("backorder_cost\n", "site_emission\n")},
            None,
        ),
        (
            {
                "case": EMITS.replace("[transport]\nrate = 0.5\n", ""),
                "nodes": "node,lead_time,holding_cost,backorder_cost\nplant,2,1,\ndepot,,1,\nnorth,,1,9\nsouth,,1,9\n",
                "lanes": LANES.replace("time\n", "time,distance\n").replace("1\ndepot,n", "1,3\ndepot,n"),
            },
            "small/lanes.csv row 3 column distance: blank, and no coordinates of both ends: expected a number",
        ),
    ],
)
def test_bad_settings_are_one_line(tmp_path: Path, changes: dict[str, str], said: str | None) -> None:
    folder = written(tmp_path, **changes)
    if said is None:
        assert read_case(folder).network.node("north").site_emission == 18.0
        return
    assert errors_in(folder)[0].startswith(said)


@pytest.mark.parametrize("seed", range(4))
def test_the_rule_s_sum_is_what_a_design_emits(seed: int) -> None:
    features = Features(source_customers=seed > 2, inner_customers=seed > 1)
    case = emitting(echelon_case(np.random.default_rng(seed), (2, 2, 2), features), seed, cap=1.0)
    (rule,) = case.site_rules.rules
    for design in every_design(case):
        assert case.site_rules.values(design)[rule] == pytest.approx(known_emissions(case, design))


@pytest.mark.parametrize("bound", [Bound.SINGLE_STAGE, Bound.ECHELON])
@pytest.mark.parametrize("seed", range(3))
def test_a_master_under_a_cap_finds_the_best_of_the_designs_that_keep_it(seed: int, bound: Bound) -> None:
    case = small(seed)
    designs, single_stage = every_design(case), QuadratureSingleStage(case.demand)
    emitted = {design: known_emissions(case, design) for design in designs}
    order = sorted(emitted.values())
    for share in (0.0, 0.3, 0.7):
        cap = order[int(share * (len(order) - 1))] * (1.0 + 1e-6)
        capped = replace(case, emissions=EmissionSettings(cap=cap))
        found = ProjectedMaster(capped, single_stage, MasterParams(bound=bound)).solve()
        assert found.design is not None
        assert emitted[found.design] <= cap
        if bound is Bound.SINGLE_STAGE:
            kept = [d for d in designs if emitted[d] <= cap]
            best = min(sum(single_stage_plan(case, single_stage, c).cost for c in d.components) for d in kept)
            assert found.bound == pytest.approx(best, rel=1e-5)


def test_both_masters_keep_the_same_cap() -> None:
    case = small(5)
    cap = sorted(known_emissions(case, design) for design in every_design(case))[3] * 1.000001
    capped = replace(case, emissions=EmissionSettings(cap=cap))
    scenarios = path_scenarios(case.demand, 10, 4, 0)
    extensive = ExtensiveMaster(capped, scenarios).solve()
    projected = ProjectedMaster(capped, SampledSingleStage(scenarios)).solve()
    assert extensive.bound == pytest.approx(projected.bound, rel=1e-4)
    assert known_emissions(case, cheapest_transport_design(capped)) <= cap


@pytest.mark.parametrize("bound", [Bound.SINGLE_STAGE, Bound.ECHELON])
def test_a_price_is_money_like_any_other(bound: Bound) -> None:
    case = small(1, held=True, price=0.07)
    nodes = [
        replace(
            node,
            holding_cost=node.holding_cost + 0.07 * node.holding_emission,
            fixed_cost=node.fixed_cost + 0.07 * node.site_emission,
        )
        for node in case.network.nodes
    ]
    lanes = [replace(lane, unit_cost=lane.unit_cost + 0.07 * lane.emission) for lane in case.network.lanes]
    by_hand = replace(
        case, network=Network(tuple(nodes), tuple(lanes), case.network.customers), emissions=EmissionSettings()
    )
    single_stage = QuadratureSingleStage(case.demand)
    found, expected = (ProjectedMaster(c, single_stage, MasterParams(bound=bound)).solve() for c in (case, by_hand))
    assert (found.design, found.bound) == (expected.design, expected.bound)
    scenarios = path_scenarios(case.demand, 6, 4, 0)
    assert ExtensiveMaster(case, scenarios).solve().bound == ExtensiveMaster(by_hand, scenarios).solve().bound


def test_a_cap_that_no_design_keeps_is_named_alone_or_with_what_it_clashes_with() -> None:
    case = small(2)
    nodes = tuple(replace(n, kind="depot" if n.name[0] == "b" else "") for n in case.network.nodes)
    case = replace(case, network=replace(case.network, nodes=nodes))
    least = min(known_emissions(case, design) for design in every_design(case))
    too_low = replace(case, emissions=EmissionSettings(cap=0.9 * least), site_limits={"depot": SiteLimit(0, 2)})
    with pytest.raises(InfeasibleError, match=r"^no design can satisfy together: emissions at most [\d.e+]+ kg CO2e$"):
        explain_infeasibility(too_low)
    of_two = min(known_emissions(case, d) for d in every_design(case) if {"b0", "b1"} <= set(d.nodes))
    assert of_two > least
    cap = EmissionSettings(cap=0.5 * (least + of_two))
    with pytest.raises(InfeasibleError, match=r"together: at least 2 of kind depot; emissions at most"):
        explain_infeasibility(replace(case, emissions=cap, site_limits={"depot": SiteLimit(2, 2)}))


def test_a_cap_of_zero_allows_what_does_not_emit() -> None:
    case = small(3)
    clean = every_design(case)[0]
    nodes = tuple(replace(n, site_emission=0.0) for n in case.network.nodes)
    lanes = tuple(replace(k, emission=0.0 if k.pair in clean.lanes else 1.0) for k in case.network.lanes)
    network = Network(nodes, lanes, case.network.customers)
    capped = replace(case, network=network, emissions=EmissionSettings(cap=0.0))
    assert ProjectedMaster(capped, QuadratureSingleStage(case.demand)).solve().design == clean
