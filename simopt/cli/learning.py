"""Commands that learn from data or protect against what is not known: adapt, robust, learn, control."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from design.errors import BadInputError
from simopt.cli.app import EXIT_INTERRUPTED, CaseArgument, JobsOption, OutOption, SeedOption, app, command, load

if TYPE_CHECKING:
    from simopt.apps.control import Controller

SourceArgument = Annotated[
    str, typer.Argument(help="Folder with demand_history.csv, an SQLite file, or a database URL (extra sql).")
]
GapsOption = Annotated[str, typer.Option(help="Dates without a row: missing, or zero for no demand.")]
SpreadOption = Annotated[float, typer.Option(help="Robust deviations beyond which demand is an outlier; 0: none is.")]


@command
def adapt(
    case: CaseArgument,
    world: Annotated[str, typer.Option(help="stable, disruption (the sources stand still) or shock (of demand).")] = (
        "stable"
    ),
    num_seeds: Annotated[int, typer.Option(help="Replications of the whole horizon, the same for every policy.")] = 100,
    day: Annotated[int | None, typer.Option(help="First period of the disturbance: 180, or half-way.")] = None,
    length: Annotated[int, typer.Option(help="Periods of the disruption.")] = 10,
    size: Annotated[float, typer.Option(help="Share of demand that the shock adds.")] = 0.5,
    worth: Annotated[float, typer.Option(help="Observations that planners' first estimates count for.")] = 20.0,
    violation: Annotated[float, typer.Option(help="Robust: probability that demand leaves the set.")] = 0.05,
    run: Annotated[Path | None, typer.Option("--from", help="Run folder of a solve: its network and levels.")] = None,
    seed: SeedOption = 0,
    jobs: JobsOption = 1,
    out: OutOption = None,
) -> None:
    """Policies that learn demand, protect against it or know it, on the same seeds."""
    from simopt.apps.adapt import AdaptOptions
    from simopt.apps.adapt import adapt as run_adapt
    from simopt.reporting.adapt import print_adapted, write_adapted

    options = AdaptOptions(world, num_seeds, seed, jobs, day, length, size, worth, violation)
    loaded = load(case, out)
    found = run_adapt(loaded, options, run, lambda line: print(line, file=sys.stderr))
    if out is not None:
        write_adapted(out, found, loaded)
    print_adapted(found, loaded.units)


@command
def robust(
    case: CaseArgument,
    deviation: Annotated[float, typer.Option(help="Share by which any customer's mean demand may be higher.")] = 0.2,
    budgets: Annotated[
        str, typer.Option(help="Of how many customers, rising; the first is compared with.")
    ] = "0,1,2,5",
    time_limit: Annotated[float, typer.Option(help="Seconds of every search.")] = float("inf"),
    seed: SeedOption = 0,
    jobs: JobsOption = 1,
    out: OutOption = None,
) -> None:
    """Networks protected against demand that is higher than stated at some customers, and what that costs."""
    from simopt.apps.robust import RobustOptions, robust_designs
    from simopt.reporting.robust import print_robust, write_robust

    try:
        numbers = tuple(float(part) for part in budgets.split(","))
    except ValueError:
        raise BadInputError(f"budgets {budgets!r}: expected numbers, e.g. 0,1,2,5") from None
    options = RobustOptions(deviation, numbers, seed, jobs, time_limit)
    loaded = load(case, out)
    found = robust_designs(loaded, options)
    if out is not None:
        write_robust(out, found, loaded)
    print_robust(found, loaded.units)


@command
def learn(
    source: SourceArgument,
    lead_time: Annotated[int, typer.Option(help="Days that the printed level covers.")] = 7,
    service: Annotated[float, typer.Option(help="Probability that it suffices, as predicted.")] = 0.95,
    since: Annotated[str | None, typer.Option(help="First date, YYYY-MM-DD.")] = None,
    gaps: GapsOption = "missing",
    spread: SpreadOption = 6.0,
    out: OutOption = None,
) -> None:
    """Clean a demand history and learn from it: beliefs, changes, calibration."""
    from simopt.apps.learn import LearnOptions
    from simopt.apps.learn import learn as run_learn
    from simopt.reporting.learn import print_learnt, write_learnt

    found = run_learn(source, LearnOptions(lead_time, service, since, gaps, spread))
    if out is not None:
        from simopt.reporting.run_folder import make_folder

        make_folder(out)
        write_learnt(out, found)
    print_learnt(found)


@app.command()
def control(
    case: CaseArgument,
    feed: Annotated[str, typer.Option(help="Folder, SQLite file or URL of a database with data that grows.")],
    out: Annotated[Path | None, typer.Option(help="Folder of decisions.jsonl; a run there is gone on with.")] = None,
    run: Annotated[Path | None, typer.Option("--from", help="Run folder of a solve: its network and levels.")] = None,
    dry_run: Annotated[bool, typer.Option(help="Tell decisions, write nothing.")] = False,
    follow: Annotated[float | None, typer.Option(help="Look for new data every so many seconds, until Ctrl-C.")] = None,
    change_cost: Annotated[
        float | None, typer.Option(help="Money that another network would cost: propose one when it pays.")
    ] = None,
    worth: Annotated[float, typer.Option(help="Observations that the case's stated demand counts for.")] = 20.0,
    band: Annotated[float, typer.Option(help="Levels move only by more than this share of their deviation.")] = 0.1,
    gaps: GapsOption = "missing",
    spread: SpreadOption = 6.0,
    seed: SeedOption = 0,
    jobs: JobsOption = 1,
) -> None:
    """Adaptive control: learn from a feed, move levels, order; every decision is logged."""
    from simopt.apps.control import Controller, ControlOptions
    from simopt.apps.control_log import DecisionLog
    from simopt.learning.quality import Rules

    if out is None and not dry_run:
        raise BadInputError("control: expected --out DIR for the decision log, or --dry-run")
    if follow is not None and not follow > 0.0:
        raise BadInputError(f"follow {follow:g}: expected seconds above 0")
    options = ControlOptions(worth, band, change_cost, Rules(gaps, spread), seed, jobs)
    log = DecisionLog(None if dry_run else out)
    try:
        controller = Controller(load(case), options, log, run, lambda line: print(line, file=sys.stderr))
        _go_on(controller, feed, follow)
    except KeyboardInterrupt:
        print("stopped; the same command goes on", file=sys.stderr)
        raise typer.Exit(EXIT_INTERRUPTED) from None


def _go_on(controller: Controller, feed: str, follow: float | None) -> None:
    from simopt.reporting.control import print_decision

    if controller.log.entries:
        print(
            f"going on after {controller.last}: {len(controller.log.entries):,} decisions are logged", file=sys.stderr
        )
    is_silent = False
    while True:
        number = 0
        for entry in controller.decide(feed):
            number += 1
            print_decision(entry)
        if not number and not is_silent:
            print(f"no data after {controller.last or 'the beginning'}", file=sys.stderr)
        is_silent = not number
        if follow is None:
            break
        time.sleep(follow)
    for finding in controller.findings:
        print(f"feed: {finding}", file=sys.stderr)
