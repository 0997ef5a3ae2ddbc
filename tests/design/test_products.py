"""Several products: tables spread out, sites and fixed costs shared, against all designs of small networks."""

from dataclasses import replace
from pathlib import Path

import pytest

from design.case import Case, CaseError
from design.case_files import load_case, read_case, save_case
from design.extensive import ExtensiveMaster
from design.flow_model import InfeasibleError
from design.infeasibility import explain_infeasibility
from design.master import MasterParams, ProjectedMaster
from design.master_types import Bound
from design.network import Design
from design.records import as_records, name_of, pair_of
from design.scenario import path_scenarios
from design.separate import SeparateMasters, independent_parts
from design.single_stage import QuadratureSingleStage, SampledSingleStage, SingleStageModel
from design.single_stage_plan import single_stage_plan
from design.site_rules import SiteLimit, Sourcing
from design.solver import SolveStatus
from design.transport import cheapest_transport_design
from tests.product_cases import two_products
from tests.small_cases import all_designs

TABLES = {
    "case.toml": """\
name = "two"
[simulation]
horizon = 30
warm_up = 6
[products.heavy]
unit_size = 2.5
""",
    "nodes.csv": """\
node,product,kind,lead_time,holding_cost,backorder_cost,fixed_cost,capacity
plant,,plant,2,0.1,,80,
other,light,plant,3,0.1,,,
depot,,warehouse,,0.2,,300,90
depot,heavy,,,0.5,,,
north,,shop,,0.5,9,,
south,light,shop,,0.5,9,,
""",
    "lanes.csv": """\
from,to,product,lead_time,unit_cost,fixed_cost
plant,depot,,1,0.2,
other,depot,,2,0.1,
depot,north,,1,0.2,30
depot,north,heavy,2,,
depot,south,,1,0.3,
""",
    "demand.csv": """\
node,product,distribution,mean,sd
north,light,normal,10,3
north,heavy,normal,5,2
south,,normal,7,2
""",
}


def written(folder: Path, **changes: str) -> Path:
    """A folder with the tables but those given by stem."""
    folder = folder / "two"
    folder.mkdir()
    for name, content in TABLES.items():
        (folder / name).write_text(changes.get(name.split(".", maxsplit=1)[0], content))
    return folder


def test_rows_hold_for_every_product_and_a_products_own_cells_go_before(tmp_path):
    network = read_case(written(tmp_path)).network
    assert [node.name for node in network.nodes] == [
        "plant/light", "plant/heavy", "other/light", "depot/light", "depot/heavy", "north/light", "north/heavy",
        "south/light",
    ]  # fmt: skip
    assert [lane.pair for lane in network.lanes if lane.pair[1].startswith("depot")] == [
        ("plant/light", "depot/light"),
        ("plant/heavy", "depot/heavy"),
        ("other/light", "depot/light"),
    ]
    light, heavy = network.node("depot/light"), network.node("depot/heavy")
    assert (light.holding_cost, heavy.holding_cost) == (0.2, 0.5)
    assert (light.unit_size, heavy.unit_size) == (1.0, 2.5)
    assert {light.capacity, heavy.capacity} == {90.0}
    lane = network.lane(("depot/heavy", "north/heavy"))
    assert (lane.lead_time, lane.unit_cost, lane.fixed_cost) == (2, 0.2, 30.0)
    assert network.products == ("light", "heavy")
    assert network.sites["depot"] == ("depot/light", "depot/heavy")


def test_a_case_with_products_survives_writing_and_reading(tmp_path):
    case = read_case(written(tmp_path, case=TABLES["case.toml"] + '[sourcing]\nper = "customer"\n'))
    assert case.sourcing is Sourcing.CUSTOMER
    save_case(case, tmp_path / "again")
    assert load_case(tmp_path / "again") == case


@pytest.mark.parametrize(
    ("table", "old", "new", "said"),
    [
        ("nodes", "south,light,", "w/est,light,,,,,,\nsouth,light,", "row 7 column node: 'w/est': expected a name"),
        ("nodes", "heavy,,,0.5,,,", "heavy,,,0.5,,7,", "nodes.csv row 5 column fixed_cost: 7.0, but 300.0"),
        ("nodes", "north,,", "depot,heavy,,,1,,,\nnorth,,", "row 6: duplicate 'depot' for product 'heavy'"),
        ("nodes", "south,light", "north,,shop,,1,1,,\nsouth,light", "row 7: duplicate 'north' for every product"),
        ("lanes", "1,0.3,", "1,0.3,\ndepot,south,heavy,1,0.3,", "row 7 column product: 'heavy': expected a product"),
        ("lanes", "heavy,2,,", "heavy,2,,40", "lanes.csv row 5 column fixed_cost: 40.0, but 30.0 for depot -> north"),
        ("demand", "south,,normal", "south,heavy,normal", "row 4 column product: 'heavy': expected a"),
        ("demand", "south,,normal", "west,,normal", "row 4 column node: unknown node 'west'"),
        ("demand", "7,2", "7,2\nsouth,,normal,1,1", "row 5: duplicate 'south' for every product"),
        ("case", "[products.heavy]", "[products.heavi]", "unknown product 'heavi': did you mean 'heavy'?"),
        ("case", "unit_size = 2.5", "unit_size = -1", "products.heavy.unit_size: -1: expected a size, at least 0"),
        ("case", "unit_size = 2.5", "size = 1", "unknown setting products.heavy.size: did you mean 'unit_size'?"),
        ("case", "[products.heavy]\nunit_size = 2.5", '[sourcing]\nper = "site"', "'site': expected one of product"),
    ],
)  # fmt: skip
def test_what_contradicts_itself_is_one_line_with_its_place(tmp_path, table, old, new, said):
    name = "case.toml" if table == "case" else f"{table}.csv"
    assert old in TABLES[name]
    with pytest.raises(CaseError) as raised:
        read_case(written(tmp_path, **{table: TABLES[name].replace(old, new)}))
    assert said in str(raised.value)
    assert len(raised.value.messages) == 1


def cost_of(case: Case, design: Design, costs: SingleStageModel) -> float:
    """Single-stage cost of a design, shared costs included."""
    return sum(single_stage_plan(case, costs, c).cost for c in design.components) + case.shared_costs.of(design)


def designs_of(case: Case) -> list[Design]:
    """Every design that breaks no rule."""
    designs = [case.network.design(lanes) for lanes in all_designs(case.network)]
    return [design for design in designs if not case.site_rules.violations(design)]


LIMITS = {"free": {}, "one warehouse": {"warehouse": SiteLimit(0, 1)}, "two plants": {"plant": SiteLimit(2, 2)}}


@pytest.mark.parametrize("sourcing", Sourcing)
@pytest.mark.parametrize("limits", LIMITS.values(), ids=LIMITS)
@pytest.mark.parametrize("seed", range(3))
def test_masters_find_the_cheapest_design_of_two_products(seed, limits, sourcing):
    case = two_products(seed, sourcing=sourcing, **limits)
    designs, costs = designs_of(case), QuadratureSingleStage(case.demand)
    if not designs:
        with pytest.raises(InfeasibleError, match="no design can satisfy together"):
            ProjectedMaster(case, costs).solve()
        return
    best = min(cost_of(case, design, costs) for design in designs)
    solution = ProjectedMaster(case, costs).solve()
    assert solution.objective == pytest.approx(best, rel=1e-6)
    assert cost_of(case, solution.design, costs) == pytest.approx(best, rel=1e-6)
    echelon = ProjectedMaster(case, costs, MasterParams(bound=Bound.ECHELON)).solve()
    assert echelon.bound >= solution.bound * (1.0 - 1e-6)
    transport = cheapest_transport_design(case)
    assert transport in designs


def test_both_masters_agree_on_shared_costs():
    case = two_products(1)
    scenarios = path_scenarios(case.demand, 8, 3, seed=0)
    projected = ProjectedMaster(case, SampledSingleStage(scenarios)).solve()
    assert ExtensiveMaster(case, scenarios).solve().bound == pytest.approx(projected.bound, rel=1e-6)


def test_a_site_counts_once_however_many_products_use_it():
    case = two_products(0, warehouse=SiteLimit(0, 1))
    for design in map(case.network.design, all_designs(case.network)):
        sites = {case.network.node(name).place for name in design.nodes}
        paid = sum(case.network.node(case.network.sites[s][0]).fixed_cost for s in sites)
        links = {case.network.places(pair) for pair in design.lanes}
        lane = case.network.lanes[0].fixed_cost
        assert case.design_fixed_cost(design) == pytest.approx(paid + lane * len(links))
        too_many = sum(site.startswith("b") for site in sites) > 1
        assert too_many == any("at most 1 of kind warehouse" in line for line in case.site_rules.violations(design))


def test_capacity_is_shared_by_size():
    case = two_products(0)
    design = case.network.design(min(all_designs(case.network), key=sorted))
    values = {rule.label: value for rule, value in case.site_rules.values(design).items() if rule.is_capacity}
    served = {pair[1]: pair[0] for pair in design.lanes}
    expected = dict.fromkeys(("b0", "b1"), 0.0)
    for name, mean in case.mean_demand.items():
        expected[served[name].split("/")[0]] += mean * (2.0 if name.endswith("B") else 1.0)
    assert list(values.values()) == pytest.approx(list(expected.values()))


def test_one_supplier_for_all_products_is_named_where_it_cannot_be():
    case = two_products(0, sourcing=Sourcing.CUSTOMER)
    lanes = tuple(
        replace(k, status="closed") if k.pair in (("b0/A", "c0/A"), ("b1/B", "c0/B")) else k for k in case.network.lanes
    )
    with pytest.raises(InfeasibleError, match="all products of c0 from"):
        explain_infeasibility(replace(case, network=replace(case.network, lanes=lanes)))


def test_products_that_share_nothing_are_parts_of_their_own():
    apart, joined = two_products(2, shared=False), two_products(2)
    parts = independent_parts(apart)
    assert [part.network.products for part in parts] == [("A",), ("B",)]
    assert independent_parts(joined) == (joined,)
    limited = replace(apart, site_limits={"warehouse": SiteLimit(0, 1)})
    assert independent_parts(limited) == (limited,)
    assert independent_parts(replace(apart, sourcing=Sourcing.CUSTOMER)) != parts
    costs = QuadratureSingleStage(apart.demand)
    whole = ProjectedMaster(apart, costs).solve()
    masters = SeparateMasters(apart, [(part, ProjectedMaster(part, costs)) for part in parts])
    found = masters.solve()
    assert found.status is SolveStatus.OPTIMAL
    assert found.bound == pytest.approx(whole.bound, rel=1e-6)
    assert cost_of(apart, found.design, costs) == pytest.approx(whole.objective, rel=1e-6)
    dear = found.design.components[0]
    masters.price(dear, 1e6)
    assert dear not in masters.solve().design.components
    assert masters.solve().bound > found.bound


def test_records_name_node_and_product():
    case = two_products(0)
    content = {
        "design": {"lanes": [{"from": "a0/A", "to": "b1/A"}], "open": ["a0/A", "a0/B", "b1/A"]},
        "base_stock_levels": [{"node": "a0/A", "level": 3.0}],
        "gap": None,
    }
    records = as_records(content, case.network)
    assert records == {
        "design": {"lanes": [{"from": "a0", "to": "b1", "product": "A"}], "open": ["a0", "b1"]},
        "base_stock_levels": [{"node": "a0", "product": "A", "level": 3.0}],
        "gap": None,
    }
    assert name_of(records["base_stock_levels"][0]) == "a0/A"
    assert pair_of(records["design"]["lanes"][0]) == ("a0/A", "b1/A")
