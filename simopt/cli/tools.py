"""Commands about cases and simulators: what is there, what is wrong, new ones."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from design.errors import expected_one_of
from simopt.cli.app import (
    EXIT_FAILED,
    SIMULATOR,
    CaseArgument,
    SeedOption,
    command,
    load,
)


@command
def validate(case: CaseArgument) -> None:
    """Check a case's files and list every error."""
    loaded = load(case)
    network = loaded.network
    print(
        f"{loaded.name}: {len(network.nodes)} nodes, {len(network.lanes)} candidate lanes, "
        f"{len(network.customers)} demand nodes, {loaded.horizon} periods after {loaded.warm_up} of warm-up: valid"
    )


@command
def check_simulator(
    simulator: Annotated[str, typer.Argument(help=f"{SIMULATOR}.")],
    case: Annotated[str, typer.Option(help="Name of a shipped case or path of a folder.")],
    replications: Annotated[int, typer.Option(help="Of every component, 4 to 64.")] = 32,
    seed: SeedOption = 0,
) -> None:
    """Check that a simulator of your own keeps what the search relies on."""
    from simopt.apps.check_simulator import check_simulator as run
    from simopt.apps.simulator_file import load_simulator
    from simopt.reporting.simulator_check import print_check

    found = run(load(case), load_simulator(simulator), replications, seed)
    print_check(found)
    raise typer.Exit(0 if found.passed else EXIT_FAILED)


@command
def schema(
    of: Annotated[str, typer.Argument(help="case (settings and tables) or result (result.json of solve).")],
) -> None:
    """Print what a case or a result.json may hold as JSON schema (draft 2020-12)."""
    import json

    from design.case_schema import case_schema
    from simopt.apps.options import OptionError
    from simopt.reporting.result_schema import result_schema

    schemas = {"case": case_schema, "result": result_schema}
    if of not in schemas:
        raise OptionError(f"schema of {of!r}: {expected_one_of(of, schemas)}")
    print(json.dumps(schemas[of](), indent=2, ensure_ascii=False))


@command
def cases() -> None:
    """List the shipped cases."""
    from design.case_files import case_names, load_case

    for name in case_names():
        print(f"{name:20} {load_case(name).title}")


@command
def new(
    name: Annotated[str, typer.Argument(help="Of the case and its folder or workbook.")],
    format: Annotated[str, typer.Option(help="csv: a folder of tables; xlsx: an Excel workbook.")] = "csv",  # noqa: A002
    folder: Annotated[Path, typer.Option(help="Where it goes.")] = Path(),
) -> None:
    """Write a small complete case to start your own from, every column explained."""
    from simopt.apps.case_formats import NOTES, new_case

    made = new_case(name, format, folder)
    where = f"columns are explained in {made / NOTES}" if made.is_dir() else "columns are explained in their notes"
    print(f"written: {made}; {where}\nnext: change its tables, then simopt validate '{made}', simopt solve '{made}'")


@command
def convert(
    case: Annotated[
        str, typer.Argument(help="Name of a shipped case, path of a folder or workbook, or a file to read.")
    ],
    to: Annotated[str, typer.Option(help="csv or xlsx.")],
    out: Annotated[Path, typer.Option(help="The new folder, or the new .xlsx file.")],
    format: Annotated[  # noqa: A002
        str,
        typer.Option(help="Of the file: case, or orlib-uncapacitated or holmberg, location problems without stock."),
    ] = "case",
) -> None:
    """Turn a case into an Excel workbook or a workbook into a folder of CSV files; read published location problems."""
    from simopt.apps.case_formats import CASE, convert_case, location_case

    loaded = load(case) if format == CASE else location_case(Path(case), format)
    print(f"written: {convert_case(loaded, to, out)}")


@command
def generate(
    plants: Annotated[int, typer.Option(help="Plants, P1, P2, ...")],
    warehouses: Annotated[int, typer.Option(help="Warehouses, W1, W2, ...")],
    dcs: Annotated[int, typer.Option(help="Distribution centers, C1, C2, ...; they face customers.")],
    out: Annotated[Path, typer.Option(help="Folder for the case's files.")],
    seed: Annotated[int, typer.Option(help="Equal seeds give equal files.")] = 0,
    free_inner: Annotated[bool, typer.Option("--free-inner", help="Only customers' backorders cost.")] = False,
    nearest: Annotated[int | None, typer.Option(help="Candidate lanes into a node, the shortest.")] = None,
    products: Annotated[int, typer.Option(help="Products over the same sites, which then have fixed costs.")] = 1,
    capacity: Annotated[
        float | None, typer.Option(help="Capacity of all plants, and of all warehouses, in terms of mean demand.")
    ] = None,
) -> None:
    """Make a random network of plants, warehouses and distribution centers."""
    from design.case_files import save_case
    from design.generate import GenerateParams, generate_case

    made = generate_case(GenerateParams(plants, warehouses, dcs, seed, free_inner, nearest, products, capacity))
    save_case(made, out)
    print(f"{made.name}: {len(made.network.nodes)} nodes, {len(made.network.lanes)} candidate lanes, written: {out}")


@command
def fit(
    history: Annotated[Path, typer.Argument(help="CSV with the columns period, node, demand and perhaps product.")],
    distribution: Annotated[
        str,
        typer.Option(
            help="auto: the best for each node; or one for all: normal, poisson, gamma, negative_binomial, lognormal, "
            "intermittent, empirical."
        ),
    ] = "auto",
    missing: Annotated[str, typer.Option(help="A period without a row: refuse, or zero, no demand.")] = "refuse",
    out: Annotated[Path, typer.Option(help="A .csv file, or a folder for demand.csv and fit.json.")] = Path(
        "demand.csv"
    ),
    plot: Annotated[Path | None, typer.Option(help="A .png, .svg or .pdf file: history and fit of every node.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace files that exist.")] = False,
    seed: SeedOption = 0,
) -> None:
    """Choose and fit the demand distribution of every node from a history."""
    from simopt.apps.fit import FitOptions, fit_history
    from simopt.reporting.fit import FitFiles, print_fit, write_fit

    options, files = FitOptions(distribution, missing, seed), FitFiles.of(out, plot, distribution)
    files.check(history, force=force)
    found = fit_history(history, options)
    for warning in found.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    write_fit(files, found)
    print_fit(found, files)


@command
def import_stockpyl(
    file: Annotated[Path, typer.Argument(help="JSON file written by stockpyl's save_instance.")],
    out: Annotated[Path, typer.Option(help="Folder for the case's files and solution.json.")],
    instance: Annotated[str | None, typer.Option(help="Name of the instance, if the file holds several.")] = None,
    horizon: Annotated[int, typer.Option(help="Periods whose cost counts.")] = 100,
    warm_up: Annotated[
        int | None, typer.Option(help="Periods before; without it the longest path's lead time.")
    ] = None,
) -> None:
    """Turn a base-stock network of stockpyl into a case with its levels."""
    from simopt.apps.import_stockpyl import SOLUTION
    from simopt.apps.import_stockpyl import import_stockpyl as run

    found = run(file, out, instance, horizon, warm_up)
    for note in found.notes:
        print(f"warning: {note}", file=sys.stderr)
    network = found.case.network
    print(
        f"{found.case.name}: {len(network.nodes)} nodes, {len(network.lanes)} lanes, {len(network.customers)} demand "
        f"nodes, written: {out}; simulate its levels with --solution {out / SOLUTION}"
    )
