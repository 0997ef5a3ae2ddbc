"""Storage that products share: case files, which trees are planned together, what the master charges for it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import linprog

from design.case import Case, CaseError
from design.case_files import load_case, read_case, save_case
from design.extensive import ExtensiveMaster
from design.master import MasterParams, ProjectedMaster
from design.master_types import Bound
from design.network import Component, Design, Network
from design.node import LanePair
from design.scenario import path_scenarios
from design.seasons import Season, with_seasons
from design.separate import independent_parts
from design.single_stage import QuadratureSingleStage, SampledSingleStage, SingleStageModel
from design.single_stage_plan import single_stage_plan
from design.storage import has_room
from tests.design.test_products import TABLES, written
from tests.product_cases import two_products
from tests.storage_cases import every_design, stored, with_storage

NODES = """\
node,product,kind,lead_time,holding_cost,backorder_cost,storage_capacity,overflow_cost
plant,,plant,2,0.1,,,
other,light,plant,3,0.1,,,
depot,,warehouse,,0.2,,90,1.5
depot,heavy,,,0.5,,,
north,,shop,,0.5,9,,
south,light,shop,,0.5,9,20,0.25
"""
LANES = TABLES["lanes.csv"].replace(",30", ",").replace("80,", ",")


def read(folder: Path, old: str = "", new: str = "") -> Case:
    assert old in NODES
    return read_case(written(folder, nodes=NODES.replace(old, new), lanes=LANES))


def test_a_capacity_for_every_product_is_the_sites(tmp_path: Path) -> None:
    network = read(tmp_path).network
    light, heavy, south = (network.node(name) for name in ("depot/light", "depot/heavy", "south/light"))
    assert (light.site_storage, light.site_overflow, light.storage_capacity) == (90.0, 1.5, np.inf)
    assert light.cost_rates == (0.2, 0.0, 90.0, 1.5, 0.0)
    assert heavy.cost_rates == (0.5, 0.0, 36.0, 3.75, 0.0)  # as if alone, 2.5 units of capacity each
    assert heavy.own_rates == (0.5, 0.0, np.inf, 0.0, 0.0)
    assert (south.storage_capacity, south.overflow_cost, south.site_storage) == (20.0, 0.25, np.inf)
    (storage,) = network.storages
    assert (storage.place, storage.nodes, storage.unit_sizes) == ("depot", ("depot/light", "depot/heavy"), (1.0, 2.5))
    assert storage.most_used({"depot/light": 10.0, "depot/heavy": 4.0, "north/light": 99.0}) == 20.0


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("", ""),
        ("depot,heavy,,,0.5,,,", "depot,heavy,,,0.5,,30,"),
        ("depot,heavy,,,0.5,,,", "depot,heavy,,,0.5,,30,0"),
        ("depot,heavy,,,0.5,,,", "depot,heavy,,,0.5,,30,2"),
        ("90,1.5", "90,"),
        ("north,,shop,,0.5,9,,", "north,,shop,,0.5,9,7,3"),
    ],
)
def test_what_is_written_is_read_again(tmp_path: Path, old: str, new: str) -> None:
    case = read(tmp_path, old, new)
    save_case(case, tmp_path / "again")
    assert load_case(tmp_path / "again") == case


def test_a_network_in_any_order_survives_writing_and_reading(tmp_path: Path) -> None:
    case = stored(0, 30.0, 2.0)
    save_case(case, tmp_path / "written")
    assert load_case(tmp_path / "written").network == case.network


def test_a_products_own_storage_is_not_the_sites(tmp_path: Path) -> None:
    network = read(tmp_path, "depot,heavy,,,0.5,,,", "depot,heavy,,,0.5,,30,").network
    assert network.node("depot/heavy").cost_rates == (0.5, 0.0, 30.0, 1.5, 0.0)
    assert network.node("depot/heavy").site_storage == np.inf
    assert [storage.nodes for storage in network.storages] == [("depot/light",)]


def test_an_overflow_cost_of_one_product_in_shared_storage_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CaseError) as raised:
        read(tmp_path, "depot,heavy,,,0.5,,,", "depot,heavy,,,0.5,,,2")
    (message,) = raised.value.messages
    assert "nodes.csv row 5 column overflow_cost: 2.0 for 'heavy' in storage that products share (row 4)" in message
    assert "expected a blank, or a storage_capacity of its own" in message


def test_trees_that_meet_in_a_storage_are_one_component() -> None:
    case = stored(0, 30.0, 2.0)
    lanes = {
        "together": ["a0/A b0/A", "b0/A c0/A", "b0/A c1/A", "a1/B b0/B", "b0/B c0/B", "b0/B c1/B"],
        "apart": ["a0/A b0/A", "b0/A c0/A", "b0/A c1/A", "a1/B b1/B", "b1/B c0/B", "b1/B c1/B"],
    }
    together, apart = (case.network.design(tuple(k.split()) for k in pairs) for pairs in lanes.values())
    (joined,) = together.components
    assert [tree.source for tree in joined.trees] == ["a0/A", "a1/B"]
    assert joined.nodes == ("a0/A", "b0/A", "c0/A", "c1/A", "a1/B", "b0/B", "c0/B", "c1/B")
    assert set(joined.lanes) == set(together.lanes)
    assert [component.trees for component in apart.components] == [(), ()]
    served = joined.customers_through(case.network.customers)
    assert served["a0/A"] == ("c0/A", "c1/A")
    assert served["b0/B"] == ("c0/B", "c1/B")


def test_three_trees_in_a_row_of_storages_are_one_component() -> None:
    case = stored(0, 30.0, 2.0)
    design = max(every_design(case), key=lambda d: max(len(c.trees) for c in d.components))
    component = max(design.components, key=lambda c: len(c.trees))
    assert len(component.trees) >= 3
    assert {name for storage in case.network.storages for name in storage.nodes} <= set(component.nodes)
    assert sorted(design.nodes) == sorted({name for c in design.components for tree in c.each for name in tree.nodes})


def test_products_that_share_storage_are_planned_together_unless_it_is_idle() -> None:
    assert len(independent_parts(stored(0, 30.0, 2.0))) == 1
    idle = stored(0, 1e6, 2.0)
    assert len(independent_parts(idle)) == 1
    assert len(independent_parts(idle.without_idle_storage)) == 2
    busy = stored(0, 30.0, 2.0)
    assert busy.without_idle_storage is busy


def test_storage_has_room_while_base_stock_levels_fit() -> None:
    storages = stored(0, 30.0, 2.0).network.storages
    assert has_room(storages, {"b0/A": 10.0, "b0/B": 10.0, "b1/A": 30.0})
    assert not has_room(storages, {"b0/A": 10.1, "b0/B": 10.0})


def test_every_season_has_its_storage_at_its_share_of_the_cost() -> None:
    one = stored(0, 30.0, 2.0)
    demand = {name: {"dry": d, "wet": d} for name, d in one.demand.items()}
    network = with_seasons(one.network, demand, [Season("dry", 5), Season("wet", 15)])
    case = replace(one, network=network, demand={name: one.demand[name.split("@")[0]] for name in network.customers})
    found = {(s.place, s.season): s for s in case.charged.storages}
    assert set(found) == {(place, season) for place in ("b0", "b1") for season in ("dry", "wet")}
    assert found["b0", "dry"].nodes == ("b0/A@dry", "b0/B@dry")
    assert found["b0", "dry"].overflow_cost == 0.5
    assert found["b0", "wet"].overflow_cost == 1.5


def master_cost(case: Case, design: Design, model: SingleStageModel) -> float:
    """What a master without prices charges a design."""
    return sum(single_stage_plan(case, model, c).cost for c in design.components) + case.shared_costs.of(design)


def extra_of(design: Design, prices: dict[Component, float]) -> float:
    """Least sum of a number for every tree, such that those of each priced component in the design add up to its price.

    Prices of components with trees in common do not add up: the dearer one holds the other.
    """
    trees = [tree for c in design.components for tree in c.each]
    paid = [(c, extra) for c, extra in prices.items() if set(trees).issuperset(c.each)]
    if not paid:
        return 0.0
    rows = [[-float(tree in component.each) for tree in trees] for component, _ in paid]
    return float(linprog(np.ones(len(trees)), rows, [-extra for _, extra in paid]).fun)


@pytest.mark.parametrize("form", ["projected", "extensive"])
@pytest.mark.parametrize("seed", range(3))
def test_the_price_of_trees_that_share_storage_is_paid_by_designs_with_all_of_them(seed: int, form: str) -> None:
    case = stored(seed, 30.0, 2.0, shared=bool(seed % 2))
    if form == "projected":
        model: SingleStageModel = QuadratureSingleStage(case.demand)
        master = ProjectedMaster(case, model)
    else:
        scenarios = path_scenarios(case.demand, 3, 5, seed)
        model, master = SampledSingleStage(scenarios), ExtensiveMaster(case, scenarios)
    costs = {design: master_cost(case, design, model) for design in every_design(case)}
    charged, prices = dict(costs), dict[Component, float]()
    for _ in range(5):
        best = min(costs, key=lambda design: costs[design])
        assert master.solve().bound == pytest.approx(costs[best], rel=2e-4)
        component = max(best.components, key=lambda c: len(c.nodes))
        prices[component] = 0.1 * costs[best]
        master.price(component, prices[component])
        costs = {d: cost + extra_of(d, prices) for d, cost in charged.items()}


def only(case: Case, lanes: tuple[LanePair, ...]) -> Case:
    """The case with these lanes and the nodes at their ends as its only candidates, other customers being sources."""
    names = {name for pair in lanes for name in pair} | set(case.demand)
    sources = names - {end for _, end in lanes}
    nodes = [replace(n, lead_time=2) if n.name in sources else n for n in case.network.nodes if n.name in names]
    network = Network(tuple(nodes), tuple(map(case.network.lane, lanes)), case.network.customers)
    return replace(case, network=network)


@pytest.mark.parametrize("alone", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_the_echelon_bound_is_what_trees_that_share_storage_cost_once_priced(seed: int, alone: bool) -> None:
    kind = "shop" if alone else "plant"
    case = with_storage(two_products(seed, shared=False), 20.0, 2.0, kind)
    every = [design for design in every_design(case) if any(c.trees for c in design.components)]
    lanes = every[seed].lanes
    if alone:  # product B comes from the outside, straight to the shops
        lanes = tuple(pair for pair in lanes if pair[0].endswith("A"))
    case = only(case, lanes)
    (design,) = every_design(case)
    assert any(c.trees for c in design.components)
    model = QuadratureSingleStage(case.demand)
    master = ProjectedMaster(case, model, MasterParams(bound=Bound.ECHELON))
    charged = {component: single_stage_plan(case, model, component).cost for component in design.components}
    before = master.solve()
    assert before.model is Bound.ECHELON
    for component, cost in charged.items():
        master.price(component, cost)
    assert before.bound < sum(charged.values()) * 1.9
    assert master.solve().bound == pytest.approx(2.0 * sum(charged.values()), rel=1e-6)
