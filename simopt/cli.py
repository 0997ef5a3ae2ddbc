"""The `simopt` command: a thin layer over the apps; heavy imports wait until a command needs them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from design.errors import BadInputError, NoSolutionError

if TYPE_CHECKING:
    from design.case import Case

EXIT_FAILED, EXIT_BAD_INPUT, EXIT_INTERRUPTED = 1, 2, 130

app = typer.Typer(
    name="simopt",
    help="Decide a supply chain's network and base-stock levels together.",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def command(function: Callable[..., None]) -> Callable[..., None]:
    """Make a function a command that answers Ctrl-C before a first solution with one line."""

    @app.command()
    @wraps(function)
    def run(*arguments: object, **options: object) -> None:
        try:
            function(*arguments, **options)
        except KeyboardInterrupt:
            print("interrupted before a first solution", file=sys.stderr)
            raise typer.Exit(EXIT_INTERRUPTED) from None

    return run


CaseArgument = Annotated[str, typer.Argument(help="Name of a shipped case (see `simopt cases`) or path of a folder.")]
SeedOption = Annotated[int, typer.Option(help="Seed of all random numbers.")]
JobsOption = Annotated[int, typer.Option(help="Threads; the numbers do not depend on it.")]
SIMULATOR = "FILE.py, FILE.py:NAME or module:NAME, whose code is run"
OutOption = Annotated[Path | None, typer.Option(help="Folder for result.json and tables.")]


@command
def solve(
    case: CaseArgument,
    method: Annotated[
        str,
        typer.Option(help="outer-approximation, paper, sequential, genetic, exhaustive; cobyqa, cma, pymoo, optuna."),
    ] = "outer-approximation",
    master: Annotated[str, typer.Option(help="projected or extensive.")] = "projected",
    subproblem: Annotated[
        str, typer.Option(help="pathwise, kriging, gradient-kriging, or auto: what the simulator has gradients for.")
    ] = "auto",
    surrogate: Annotated[str, typer.Option(help="Kriging by own, smt or sklearn.")] = "own",
    scenarios: Annotated[
        int | None, typer.Option(help="Sampled scenarios of the master; without it exact (extensive: 50).")
    ] = None,
    bound: Annotated[
        str, typer.Option(help="Stock costs in the master: single-stage, echelon, or auto: which is worth its time.")
    ] = "auto",
    seed: SeedOption = 0,
    jobs: JobsOption = 1,
    time_limit: Annotated[float, typer.Option(help="Seconds for the search.")] = float("inf"),
    tolerance: Annotated[float, typer.Option(help="Share of the cost within which designs count as equal.")] = 0.001,
    certify: Annotated[bool, typer.Option(help="Try to prove the design best.")] = True,
    baseline: Annotated[
        Path | None, typer.Option(help="Today's network: a result.json or a lanes.csv (from, to, used).")
    ] = None,
    moves: Annotated[
        int | None, typer.Option(help="Best changes of the baseline by up to so many moved lanes; 3 without it.")
    ] = None,
    simulator: Annotated[str | None, typer.Option(help=f"Your own: {SIMULATOR}.")] = None,
    budget: Annotated[int | None, typer.Option(help="Simulated replications that the search may use.")] = None,
    fresh_replications: Annotated[
        int | None, typer.Option(help="Replications for the final cost; without it until ± 0.1%, your simulator 0.5%.")
    ] = None,
    out: OutOption = None,
) -> None:
    """Find the network and the base-stock levels of least expected cost."""
    from simopt.apps.baseline import DEFAULT_MOVES, check_moves, solve_with_baseline
    from simopt.apps.baseline_file import read_baseline
    from simopt.apps.options import SolveOptions
    from simopt.apps.simulator_file import load_simulator
    from simopt.apps.solve import solve as run
    from simopt.reporting.live import LiveTable, print_result
    from simopt.reporting.run_folder import write_run

    options = SolveOptions(
        method,
        master,
        subproblem,
        surrogate,
        scenarios,
        seed,
        jobs,
        time_limit,
        tolerance,
        float("inf") if budget is None else budget,
        certify,
        bound,
        None if simulator is None else load_simulator(simulator),
        fresh_replications,
    )
    check_moves(moves, has_baseline=baseline is not None)
    loaded = _load(case, out)
    today = None if baseline is None else read_baseline(baseline, loaded.network)
    with LiveTable() as table:
        if today is None:
            result = run(loaded, options, lambda step, _: table.add(step))
        else:
            limit = DEFAULT_MOVES if moves is None else moves
            result = solve_with_baseline(loaded, options, today, limit, lambda step, _: table.add(step))
    if out is not None:
        write_run(out, loaded, result)
    print_result(result, loaded, out)
    raise typer.Exit({"interrupted": EXIT_INTERRUPTED, "failed": EXIT_FAILED}.get(result.status, 0))


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
        for loaded in _all_different([_load(case, out) for case in cases])
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
    loaded = _load(case, out)
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
    loaded = _load(str(case_of_run(run)), out)
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
    loaded = _load(case, out)
    found = find_frontier(loaded, options, lambda p: print(progress_line(p.limit, p.cost), file=sys.stderr))
    if out is not None:
        write_frontier(out, found, loaded.units)
    print_frontier(found, loaded.units, out)
    raise typer.Exit(EXIT_INTERRUPTED if found.is_interrupted else 0)


@command
def validate(case: CaseArgument) -> None:
    """Check a case's files and list every error."""
    loaded = _load(case)
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

    found = run(_load(case), load_simulator(simulator), replications, seed)
    print_check(found)
    raise typer.Exit(0 if found.passed else EXIT_FAILED)


@command
def cases() -> None:
    """List the shipped cases."""
    from design.case_files import case_names, load_case

    for name in case_names():
        print(f"{name:20} {load_case(name).title}")


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
) -> None:
    """Make a random network of plants, warehouses and distribution centers."""
    from design.case_files import save_case
    from design.generate import GenerateParams, generate_case

    made = generate_case(GenerateParams(plants, warehouses, dcs, seed, free_inner, nearest, products))
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


def _all_different(loaded: list[Case]) -> list[Case]:
    """The cases, refused where two have a name and so a folder in common."""
    names = [case.name for case in loaded]
    for name in names:
        if names.count(name) > 1:
            raise BadInputError(f"case {name!r} occurs twice: expected every case once")
    return loaded


def _load(case: str, out: Path | None = None) -> Case:
    """The case, its warnings on stderr, and the output folder made."""
    from design.case_files import load_case
    from simopt.reporting.run_folder import make_folder

    loaded = load_case(case)
    for warning in loaded.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    if out is not None:
        make_folder(out)
    return loaded


def main() -> None:
    """Run the command line; errors of the user are lines on stderr, never tracebacks."""
    try:
        app(standalone_mode=True)
    except (BadInputError, OSError) as error:
        _leave(error, EXIT_BAD_INPUT)
    except NoSolutionError as error:
        _leave(error, EXIT_FAILED)


def _leave(error: Exception, code: int) -> NoReturn:
    print("\n".join(f"error: {line}" for line in str(error).splitlines()), file=sys.stderr)
    sys.exit(code)
