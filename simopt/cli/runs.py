"""Commands that search, simulate and compare."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from design.errors import BadInputError
from simopt.cli.app import (
    EXIT_INTERRUPTED,
    CaseArgument,
    JobsOption,
    OutOption,
    SeedOption,
    command,
    load,
)

if TYPE_CHECKING:
    from design.case import Case


@command
def compare(
    cases: Annotated[list[str], typer.Argument(help="Names of shipped cases or paths of folders.")],
    methods: Annotated[
        str, typer.Option(help="Comma-separated, of those of solve; the first sets the budget if none is given.")
    ] = "outer-approximation,sequential,genetic",
    budget: Annotated[int | None, typer.Option(help="Simulated replications each method may use.")] = None,
    time_limit: Annotated[float, typer.Option(help="Seconds for each run.")] = float("inf"),
    num_seeds: Annotated[int, typer.Option(help="Runs of each method.")] = 5,
    seed: SeedOption = 0,
    jobs: JobsOption = 1,
    out: OutOption = None,
) -> None:
    """Run several methods at the same number of simulated replications."""
    from simopt.apps.compare import CompareOptions
    from simopt.apps.compare import compare as run
    from simopt.comparison import Profile
    from simopt.reporting.comparison import print_comparison, print_profile, write_comparisons

    names = tuple(name.strip() for name in methods.split(","))
    options = CompareOptions(names, budget, num_seeds, seed, jobs, time_limit)
    comparisons = [
        run(loaded, options, lambda line: print(line, file=sys.stderr))
        for loaded in _all_different([load(case, out) for case in cases])
    ]
    for comparison in comparisons:
        print_comparison(comparison)
    print_profile(profile := Profile.of(comparisons))
    if out is not None:
        write_comparisons(out, comparisons, profile)
        print(f"written: {out / 'result.json'}, {out / 'profile.csv'}, {out / 'profile.png'}")


@command
def simulate(
    case: CaseArgument,
    solution: Annotated[Path, typer.Option(help="The result.json of a solve.")],
    replications: Annotated[int | None, typer.Option(help="Exactly so many; without it until ± 0.1%.")] = None,
    seed: SeedOption = 0,
    jobs: JobsOption = 1,
    trace: Annotated[int | None, typer.Option(help="Every period of this replication, from 1; with --out.")] = None,
    out: OutOption = None,
) -> None:
    """Simulate a given network with given base-stock levels."""
    from simopt.apps.simulate import simulate_solution
    from simopt.reporting.live import print_measures, print_performance
    from simopt.reporting.trace import write_simulation

    if trace is not None and out is None:
        raise BadInputError("trace without --out: expected a folder for trace.csv and its pictures")
    loaded = load(case, out)
    found = simulate_solution(loaded, solution, replications, seed, jobs, trace)
    for warning in found.content["warnings"][len(loaded.warnings) :]:
        print(f"warning: {warning}", file=sys.stderr)
    if out is not None:
        write_simulation(out, loaded, found.content, found.measures, found.trace)
    print_performance(found.performance)
    print_measures(found.measures)


@command
def alternatives(
    run: Annotated[Path, typer.Argument(help="Run folder of a solve: result.json and a copy of the case.")],
    count: Annotated[int, typer.Option(help="How many designs.")] = 5,
    seed: Annotated[int | None, typer.Option(help="Seed of all random numbers; without it the run's.")] = None,
    jobs: JobsOption = 1,
    time_limit: Annotated[float, typer.Option(help="Seconds for the search.")] = float("inf"),
    out: OutOption = None,
) -> None:
    """List the next-best designs after the one that a solve found."""
    from simopt.apps.alternatives import AlternativesOptions, case_of_run, find_alternatives, refuse_run_folder
    from simopt.reporting.alternatives import print_alternatives, progress_line, write_alternatives

    options = AlternativesOptions(count, seed, jobs, time_limit)
    refuse_run_folder(run, out)
    loaded = load(str(case_of_run(run)), out)
    found = find_alternatives(loaded, run, options, lambda step: print(progress_line(step), file=sys.stderr))
    if out is not None:
        write_alternatives(out, found, loaded)
    print_alternatives(found, loaded.units, out)
    raise typer.Exit(EXIT_INTERRUPTED if found.is_interrupted else 0)


@command
def frontier(
    case: CaseArgument,
    against: Annotated[str, typer.Option(help="What is limited: emissions, num-sites or service.")],
    points: Annotated[int, typer.Option(help="How many, the cheapest design among them.")] = 5,
    kind: Annotated[
        str | None, typer.Option(help="Of the sites that count; without it all nodes that are no customers.")
    ] = None,
    seed: SeedOption = 0,
    jobs: JobsOption = 1,
    time_limit: Annotated[float, typer.Option(help="Seconds for the searches.")] = float("inf"),
    out: OutOption = None,
) -> None:
    """Trade cost off against emissions, the number of sites or service."""
    from simopt.apps.frontier import FrontierOptions, find_frontier
    from simopt.reporting.frontier import print_frontier, progress_line, write_frontier

    options = FrontierOptions(against, points, kind, seed, jobs, time_limit)
    loaded = load(case, out)
    found = find_frontier(loaded, options, lambda p: print(progress_line(p.limit, p.cost), file=sys.stderr))
    if out is not None:
        write_frontier(out, found, loaded.units)
    print_frontier(found, loaded.units, out)
    raise typer.Exit(EXIT_INTERRUPTED if found.is_interrupted else 0)


@command
def sensitivity(
    case: CaseArgument,
    vary: Annotated[
        list[str] | None, typer.Option(help="table.column=LOW..HIGH[:POINTS], factors; may be repeated.")
    ] = None,
    patches: Annotated[
        Path | None, typer.Option(help="CSV of cells to replace: variant, table, node or from and to, column, value.")
    ] = None,
    seed: SeedOption = 0,
    jobs: JobsOption = 1,
    time_limit: Annotated[float, typer.Option(help="Seconds for each search.")] = float("inf"),
    out: OutOption = None,
) -> None:
    """Solve a case with changed numbers and set the plans side by side."""
    from simopt.apps.options import SolveOptions
    from simopt.apps.sensitivity import Range, find_sensitivity, read_patches
    from simopt.reporting.sensitivity import print_sensitivity, progress_line, write_sensitivity

    ranges = [Range.parse(text) for text in vary or []]
    cells = () if patches is None else read_patches(patches)
    options = SolveOptions(seed=seed, jobs=jobs, time_limit=time_limit, certify=False)
    loaded = load(case, out)
    found = find_sensitivity(loaded, ranges, cells, options, lambda v: print(progress_line(v), file=sys.stderr))
    if out is not None:
        write_sensitivity(out, found)
    print_sensitivity(found, out)


@command
def report(
    run: Annotated[Path, typer.Argument(help="Run folder of a solve or a compare.")],
    node: Annotated[list[str] | None, typer.Option(help="Whose stock over time is shown; may be repeated.")] = None,
    frontier: Annotated[Path | None, typer.Option(help="Folder of a frontier, shown too.")] = None,
) -> None:
    """Write report.html of a run: one file for people who did not make it."""
    from simopt.apps.report import write_report_of

    write_report_of(run, node or [], frontier)
    print(f"written: {run / 'report.html'}")


def _all_different(loaded: list[Case]) -> list[Case]:
    """The cases, refused where two have a name and so a folder in common."""
    names = [case.name for case in loaded]
    for name in names:
        if names.count(name) > 1:
            raise BadInputError(f"case {name!r} occurs twice: expected every case once")
    return loaded
