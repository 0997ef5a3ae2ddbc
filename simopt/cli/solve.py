"""The command `solve`: begins a run or takes one up again, shows it while it works, and says what came of it."""

# ruff: noqa: ARG001 - settings are taken from the context, all at once

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from design.errors import BadInputError
from simopt.cli.app import (
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    SIMULATOR,
    JobsOption,
    OutOption,
    SeedOption,
    command,
    load,
)

if TYPE_CHECKING:
    from design.case import Case
    from simopt.apps.run import Run
    from simopt.apps.solve_request import SolveRequest
    from simopt.reporting.watch import Watch
    from simopt.result import Result

_NOT_SETTINGS = ("case", "out", "resume", "quiet", "log_json", "bound_only", "keep_lanes")


@command
def solve(
    context: typer.Context,
    case: Annotated[
        str | None, typer.Argument(help="Name of a shipped case or path of a folder; none with --resume.")
    ] = None,
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
    simulator: Annotated[str | None, typer.Option(help=f"planning, or your own: {SIMULATOR}.")] = None,
    budget: Annotated[int | None, typer.Option(help="Simulated replications that the search may use.")] = None,
    fresh_replications: Annotated[
        int | None, typer.Option(help="Replications for the final cost; without it until ± 0.1%, your simulator 0.5%.")
    ] = None,
    backend: Annotated[str, typer.Option(help="loky: this machine; dask: a cluster beside it.")] = "loky",
    scheduler: Annotated[str | None, typer.Option(help="Address of the Dask cluster, tcp://HOST:PORT.")] = None,
    keep_lanes: Annotated[
        int | None, typer.Option(help="Only the cheapest lanes into each site, so many; bounds hold for these alone.")
    ] = None,
    bound_only: Annotated[
        bool, typer.Option("--bound-only", help="Solve the master alone: design and bound without simulation.")
    ] = False,
    report: Annotated[bool, typer.Option(help="Write report.html too, with --out.")] = True,
    out: OutOption = None,
    resume: Annotated[
        Path | None, typer.Option(help="Folder of an interrupted run, which goes on as it was begun.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print the summary alone, no table.")] = False,
    log_json: Annotated[
        bool, typer.Option("--log-json", help="Print every event as a line of JSON, nothing else.")
    ] = False,
) -> None:
    """Find the network and the base-stock levels of least expected cost."""
    from simopt.reporting.live import print_result, print_summary
    from simopt.reporting.watch import Watch

    settings = {name: value for name, value in context.params.items() if name not in _NOT_SETTINGS}
    settings |= {"budget": float("inf") if budget is None else budget}
    settings |= {"baseline": None if baseline is None else str(baseline.resolve())}
    if bound_only:
        told = {name for name in (*settings, "resume") if _is_given(context, name)}
        _print_bound(lambda: _loaded(case, out, keep_lanes), settings, told, out)
        return
    watch = Watch(table=not (quiet or log_json), events=log_json)
    if resume is None:
        run, loaded, request = _begun(lambda: _loaded(case, out, keep_lanes), out, settings, watch)
    else:
        given = {n: context.params[n] for n in (*settings, "keep_lanes") if _is_given(context, n)}
        run = _resumed(resume, case, out, given, watch)
        if run is None:
            print(f"{resume}: finished before, nothing to resume", file=sys.stderr)
            return
        loaded, request = run.case, run.request
    try:
        result = _solved(run, loaded, request, watch)
    except KeyboardInterrupt:
        print("interrupted before a first solution" + _resumable(run), file=sys.stderr)
        raise typer.Exit(EXIT_INTERRUPTED) from None
    if not log_json:
        show = print_summary if quiet else print_result
        show(result, loaded, None if run is None else run.folder)
    if result.status == "interrupted":
        print(f"interrupted{_resumable(run)}", file=sys.stderr)
    raise typer.Exit({"interrupted": EXIT_INTERRUPTED, "failed": EXIT_FAILED}.get(result.status, 0))


def _is_given(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name != "DEFAULT"


def _loaded(case: str | None, out: Path | None, keep_lanes: int | None) -> Case:
    """The case, with fewer lanes where that is asked for."""
    if case is None:
        raise BadInputError("case missing: expected the name of a shipped case (see `simopt cases`) or a folder")
    loaded = load(case, out)
    if keep_lanes is None:
        return loaded
    from design.pruning import keep_cheapest_lanes

    pruned = keep_cheapest_lanes(loaded, keep_lanes)
    kept, lanes = len(pruned.network.lanes), len(loaded.network.lanes)
    if kept < lanes:
        print(
            f"warning: {kept} of {lanes} candidate lanes kept, the cheapest into each site: bounds and certificates "
            "say nothing about designs that use others",
            file=sys.stderr,
        )
    return pruned


def _print_bound(load_case: Callable[[], Case], settings: Mapping[str, Any], given: set[str], out: Path | None) -> None:
    """The master alone; settings of a search are refused."""
    from simopt.apps.bound import SETTINGS, bound_only
    from simopt.apps.solve_request import SolveRequest
    from simopt.reporting.bound import print_bound, write_bound

    if unused := sorted(given - set(SETTINGS)):
        option = unused[0].replace("_", "-")
        raise BadInputError(f"--{option} with --bound-only: expected none of a search, which is left out")
    options = SolveRequest.of(settings).options()
    loaded = load_case()
    found = bound_only(loaded, options)
    print_bound(found, loaded)
    if out is not None:
        write_bound(out, loaded, found)


def _resumable(run: Run | None) -> str:
    from simopt.reporting.watch import how_to_resume

    return "" if run is None else f"; it goes on by: {how_to_resume(run.folder)}"


def _begun(
    load_case: Callable[[], Case], out: Path | None, settings: Mapping[str, Any], watch: Watch
) -> tuple[Run | None, Case, SolveRequest]:
    """A new run, in a folder if there is one; all its settings are checked before anything is written."""
    from simopt.apps.baseline import check_moves
    from simopt.apps.baseline_file import read_baseline
    from simopt.apps.run import begin_run
    from simopt.apps.solve_request import SolveRequest

    request = SolveRequest.of(settings)
    request.options()
    check_moves(request.moves, has_baseline=request.baseline is not None)
    loaded = load_case()
    if request.baseline_path is not None:
        read_baseline(request.baseline_path, loaded.network)
    return (None if out is None else begin_run(out, loaded, request, watch.warn)), loaded, request


def _resumed(folder: Path, case: str | None, out: Path | None, given: Mapping[str, Any], watch: Watch) -> Run | None:
    """A run taken up again; None if it is finished."""
    from simopt.apps.run import resume_run

    if "keep_lanes" in given:
        raise BadInputError(
            f"--keep-lanes with --resume {folder}: expected none: its lanes are those it was begun with"
        )
    if out is not None and out.resolve() != folder.resolve():
        raise BadInputError(f"out {out} with --resume {folder}: expected the same folder, or none")
    return resume_run(folder, given, None if case is None else load(case), watch.warn)


def _solved(run: Run | None, case: Case, request: SolveRequest, watch: Watch) -> Result:
    """Run it and write its folder."""
    from design.recorder import UNRECORDED
    from simopt.apps.baseline import DEFAULT_MOVES, solve_with_baseline
    from simopt.apps.baseline_file import read_baseline
    from simopt.apps.report import report_data
    from simopt.apps.solve import solve as search
    from simopt.reporting.report.run_report import write_run_report
    from simopt.reporting.run_folder import write_results

    recorder = UNRECORDED if run is None else run.journal
    options = replace(request.options(recorder), progress=watch.progress)
    log = None if run is None else run.log
    is_finished = False
    with watch.open(log, resumed=run is not None and run.is_resumed, case=case.name, request=asdict(request)):
        try:
            with request.workers(options) as told:
                if request.baseline_path is None:
                    result = search(case, told, lambda step, _: watch.iteration(step))
                else:
                    today = read_baseline(request.baseline_path, case.network)
                    moves = DEFAULT_MOVES if request.moves is None else request.moves
                    result = solve_with_baseline(case, told, today, moves, lambda step, _: watch.iteration(step))
            if run is not None:
                content = result.as_dict()
                write_results(run.folder, case, content)
                if request.report and result.status != "interrupted":
                    write_run_report(run.folder, report_data(case, content))
            watch.end(result)
            is_finished = result.status == "solved"
        finally:
            if run is not None:
                run.end(is_finished=is_finished)
    return result
