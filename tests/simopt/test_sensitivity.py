"""Variants are the case with changed tables; mistakes in what to vary are one line."""

from __future__ import annotations

import csv
from dataclasses import replace

import pytest

from design.case_files import load_case
from design.errors import BadInputError
from simopt.apps.options import SolveOptions
from simopt.apps.sensitivity import Range, find_sensitivity, read_patches
from simopt.apps.solve import solve
from tests.simopt.command import assert_refused, read_json

CASE = "two-two-three"
OPTIONS = SolveOptions(seed=2, certify=False, fresh_replications=256)
HEADER = "variant,table,node,from,to,column,value\n"


def test_a_range_has_equally_spaced_factors():
    assert Range.parse("demand.mean=0.8..1.2") == Range("demand", "mean", (0.8, 0.9, 1.0, 1.1, 1.2))
    assert Range.parse("nodes.holding_cost=1..2:2").factors == (1.0, 2.0)


def test_variants_cost_what_the_changed_case_costs(tmp_path):
    (tmp_path / "p.csv").write_text(HEADER + "closed,nodes,West,,,status,closed\ndear,nodes,North,,,fixed_cost,900\n")
    case = load_case(CASE)
    found = find_sensitivity(case, [Range("demand", "mean", (0.5, 1.0))], read_patches(tmp_path / "p.csv"), OPTIONS)
    less = replace(case, demand={n: replace(d, location=0.5 * d.location) for n, d in case.demand.items()})
    dear = tuple(replace(n, fixed_cost=900.0) if n.name == "North" else n for n in case.network.nodes)
    shut = tuple(replace(n, status="closed") if n.name == "West" else n for n in case.network.nodes)
    known = [
        less,
        case,
        replace(case, network=replace(case.network, nodes=shut)),
        replace(case, network=replace(case.network, nodes=dear)),
    ]
    assert [one.name for one in found.variants] == ["demand.mean x 0.5", "demand.mean x 1", "closed", "dear"]
    for one, expected in zip(found.variants, known, strict=True):
        result = solve(expected, OPTIONS)
        assert one.result.performance.cost.mean == pytest.approx(result.performance.cost.mean, rel=1e-12)
        assert one.result.lanes == result.lanes
    assert found.base.result.performance.cost == found.variants[1].result.performance.cost
    assert "West" in found.variants[2].change.closed


def test_the_command_writes_every_variant(simopt, tmp_path):
    (tmp_path / "p.csv").write_text(HEADER + "slow,lanes,,North,East,lead_time,5\n,,,,,,\n")
    arguments = ["--vary", "demand.mean=0.9..1.1:2", "--patches", tmp_path / "p.csv", "--out", tmp_path / "o"]
    done = simopt("sensitivity", CASE, *arguments)
    assert done.code == 0
    content = read_json(tmp_path / "o" / "result.json")
    assert [one["name"] for one in content["variants"]] == ["demand.mean x 0.9", "demand.mean x 1.1", "slow"]
    with (tmp_path / "o" / "sensitivity.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [float(row["cost"]) for row in rows[1:]] == [one["cost"]["mean"] for one in content["variants"]]
    assert float(rows[1]["cost"]) < float(rows[0]["cost"]) < float(rows[2]["cost"])
    assert (tmp_path / "o" / "sensitivity.png").read_bytes().startswith(b"\x89PNG")
    for row in rows:
        assert row["name"] in done.out


BAD = {
    "no range": ("demand.mean=1.2", "expected table.column=LOW..HIGH"),
    "an unknown table": ("demands.mean=1..2", "unknown table 'demands': did you mean 'demand'?"),
    "an unknown column": ("demand.meen=1..2", "vary demand.meen: unknown column: did you mean 'mean'?"),
    "words": ("nodes.kind=1..2", "'plant': expected numbers to multiply"),
    "upside down": ("demand.mean=2..1", "expected LOW below HIGH"),
    "too many": ("demand.mean=1..2:1000", "2 to 101 points"),
    "nonsense": ("lanes.lead_time=1..1.5:2", "variant 'lanes.lead_time x 1.5': lanes.csv row 3 column lead_time"),
}  # fmt: skip


@pytest.mark.parametrize(("vary", "said"), BAD.values(), ids=BAD)
def test_what_cannot_be_varied_is_refused(simopt, vary, said):
    assert_refused(simopt("sensitivity", CASE, "--vary", vary), said)


BAD_PATCHES = {
    "no such row": ("a,nodes,Nort,,,status,closed", "patches.csv row 2: 'Nort': expected a row of nodes.csv"),
    "no such table": ("a,node,North,,,status,closed", "row 2 column table: 'node': did you mean 'nodes'?"),
    "no such column": ("a,nodes,North,,,statu,closed", "nodes.csv row 1 column statu: unknown column 'statu'"),
    "no such value": ("a,nodes,North,,,status,shut", "variant 'a': nodes.csv row 2 column status: 'shut'"),
    "no name": (",nodes,North,,,status,closed", "row 2 column variant: blank: expected a name"),
    "no rows": ("", "no rows: expected at least one below the header"),
}  # fmt: skip


@pytest.mark.parametrize(("row", "said"), BAD_PATCHES.values(), ids=BAD_PATCHES)
def test_a_patch_that_fits_nothing_is_refused(simopt, tmp_path, row, said):
    (tmp_path / "patches.csv").write_text(HEADER + row + "\n")
    assert_refused(simopt("sensitivity", CASE, "--patches", tmp_path / "patches.csv"), said)


def test_nothing_to_vary_is_refused(simopt, tmp_path):
    assert_refused(simopt("sensitivity", CASE), "expected --vary or --patches")
    assert_refused(
        simopt("sensitivity", CASE, "--patches", tmp_path / "none.csv"), "expected a CSV file with the columns"
    )
    (tmp_path / "odd.csv").write_text("variant,tabel,column,value\na,b,c,d\n")
    with pytest.raises(BadInputError, match="unknown column 'tabel'"):
        read_patches(tmp_path / "odd.csv")
