"""Commands of tactical and weekly planning."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from design.errors import BadInputError
from simopt.cli.app import CaseArgument, JobsOption, OutOption, SeedOption, command, load

T = TypeVar("T", int, float)


@command
def tactical(
    case: CaseArgument,
    model: Annotated[
        str, typer.Option(help="por (one target), scr (a target for each level) or regular (orders up front).")
    ] = "por",
    scenarios: Annotated[str, typer.Option(help="tree, random or hybrid (both in turn).")] = "tree",
    num_scenarios: Annotated[int | None, typer.Option(help="Of random scenarios; 729 without it.")] = None,
    periods: Annotated[int, typer.Option(help="Of the horizon.")] = 6,
    sampling: Annotated[str, typer.Option(help="random, latin-hypercube or sobol.")] = "random",
    demand_range: Annotated[
        str | None, typer.Option(help="LOW..HIGH of random and fresh demand; without it what the case says.")
    ] = None,
    keep: Annotated[int | None, typer.Option(help="Reduce to so many scenarios.")] = None,
    reduction: Annotated[str, typer.Option(help="forward or backward (Heitsch & Römisch).")] = "forward",
    lead_times: Annotated[str | None, typer.Option(help="LOW..HIGH, whole periods, equally likely.")] = None,
    num_lead_times: Annotated[int | None, typer.Option(help="Lead-time scenarios, each with each of demand.")] = None,
    initial: Annotated[float | None, typer.Option(help="Units on hand at the start.")] = None,
    terminal_value: Annotated[float, typer.Option(help="Worth of a unit on hand in the end.")] = 0.0,
    batches: Annotated[
        int | None, typer.Option(help="Independent sets of random scenarios for the lower bound; 10 without it.")
    ] = None,
    out_of_sample: Annotated[int, typer.Option(help="Fresh paths.")] = 10_000,
    sweep: Annotated[
        str | None, typer.Option(help="Numbers of scenarios, e.g. 5,50,500: cost against them instead of one plan.")
    ] = None,
    sweep_over: Annotated[
        str, typer.Option(help="What is varied: scenarios, kept (with --num-scenarios) or lead-times.")
    ] = "scenarios",
    compare: Annotated[
        bool, typer.Option(help="Set targets beside base-stock levels and guaranteed service over a long horizon.")
    ] = False,
    seed: SeedOption = 0,
    out: Annotated[
        Path | None, typer.Option(help="Folder for result.json, sweep.json and its picture, or comparison.json.")
    ] = None,
) -> None:
    """Targets or orders of a serial chain by stochastic programming."""
    from simopt.apps.tactical import TacticalOptions, plan_tactically
    from simopt.apps.tactical_comparison import compare_targets
    from simopt.apps.tactical_sweep import sweep_sizes
    from simopt.reporting.tactical import (
        print_comparison,
        print_plan,
        print_sweep,
        write_comparison,
        write_plan,
        write_sweep,
    )

    options = TacticalOptions(
        model,
        scenarios,
        num_scenarios,
        periods,
        sampling,
        None if demand_range is None else _range("demand-range", demand_range, float),
        keep,
        reduction,
        None if lead_times is None else _range("lead-times", lead_times, int),
        1 if num_lead_times is None and sweep is not None and lead_times is not None else num_lead_times,
        initial,
        terminal_value,
        batches,
        out_of_sample,
        seed,
    )
    counts = None if sweep is None else _counts(sweep)
    if compare and counts is not None:
        raise BadInputError("compare and sweep: expected one of them")
    loaded = load(case, out)
    if compare:
        rows = compare_targets(loaded, options)
        if out is not None:
            write_comparison(out, rows)
        print_comparison(rows)
        return
    if counts is not None:
        points = sweep_sizes(loaded, options, counts, sweep_over)
        if out is not None:
            write_sweep(out, points, sweep_over, f"{loaded.name}: {model}, {periods} periods")
        print_sweep(points, sweep_over)
        return
    plan = plan_tactically(loaded, options)
    for warning in plan.warnings[len(loaded.warnings) :]:
        print(f"warning: {warning}", file=sys.stderr)
    if out is not None:
        write_plan(out, plan)
    print_plan(plan, loaded.units)


@command
def operate(
    case: CaseArgument,
    policies: Annotated[
        str,
        typer.Option(
            help="Comma-separated: dynamic, sS, RQ, RS, echelon, with :service=0.95, :review=4, :lots=2; levels (of "
            "simopt solve), bayesian and change-point (levels that learn), por, scr, tuned-NAME. The first is what the "
            "others are compared with."
        ),
    ] = "dynamic,sS,RQ,RS,echelon",
    replications: Annotated[int, typer.Option(help="Of every policy, on the same demand.")] = 200,
    run: Annotated[
        Path | None, typer.Option("--from", help="Run folder of a solve: its network, and its levels for `levels`.")
    ] = None,
    antithetic: Annotated[bool, typer.Option(help="Replications in pairs of opposite demand.")] = False,
    control: Annotated[bool, typer.Option(help="Correct estimates by how much demand there was.")] = False,
    tune_budget: Annotated[int, typer.Option(help="Replications for the parameters of a tuned policy.")] = 2000,
    trace: Annotated[int | None, typer.Option(help="Every week of this replication, from 1; with --out.")] = None,
    report: Annotated[bool, typer.Option(help="Write report.html too, with --out.")] = True,
    seed: SeedOption = 0,
    jobs: JobsOption = 1,
    out: OutOption = None,
) -> None:
    """Run replenishment policies side by side in the planning simulator."""
    from simopt.apps.operate import OperateOptions
    from simopt.apps.operate import operate as run_policies
    from simopt.reporting.operate import print_operated, write_operated
    from simopt.reporting.report.operate_report import write_operate_report

    if trace is not None and out is None:
        raise BadInputError("trace without --out: expected a folder for trace.csv")
    names = tuple(name.strip() for name in policies.split(",") if name.strip())
    options = OperateOptions(names, replications, seed, jobs, antithetic, control, tune_budget, trace)
    loaded = load(case, out)
    found = run_policies(loaded, options, run, lambda line: print(line, file=sys.stderr))
    if out is not None:
        write_operated(out, found, loaded)
        if report:
            write_operate_report(out, found, loaded.units)
    print_operated(found, loaded.units)


@command
def thresholds(
    case: CaseArgument,
    bound: Annotated[str, typer.Option(help="How lower bounds on stock are meant: hard, chance, soft or backlog.")] = (
        "hard"
    ),
    miss: Annotated[float, typer.Option(help="Probability a step of falling below a chance bound.")] = 0.05,
    penalty: Annotated[float, typer.Option(help="Money per unit below a soft bound.")] = 10.0,
    steps: Annotated[int | None, typer.Option(help="Of the horizon; without it the case's periods.")] = None,
    propagation: Annotated[str, typer.Option(help="Demand on suppliers by convolution or monte-carlo.")] = (
        "convolution"
    ),
    simulate: Annotated[int, typer.Option(help="Replications of each of the case's scenarios; 0: none.")] = 0,
    shock_probabilities: Annotated[
        str | None, typer.Option(help="E.g. 0,0.01,0.1: thresholds that expect shocks, and what it costs.")
    ] = None,
    seed: SeedOption = 0,
    jobs: JobsOption = 1,
    out: OutOption = None,
) -> None:
    """Ordering thresholds of every firm of a network by backward recursion."""
    from simopt.apps.thresholds import ThresholdOptions, plan_thresholds
    from simopt.reporting.thresholds import print_thresholds, write_thresholds

    shares = () if shock_probabilities is None else _shares(shock_probabilities)
    if shares and not simulate:
        raise BadInputError("shock-probabilities without --simulate: expected a number of replications")
    options = ThresholdOptions(bound, miss, penalty, steps, propagation, simulate, shares, seed, jobs)
    loaded = load(case, out)
    plan = plan_thresholds(loaded, options, lambda line: print(line, file=sys.stderr))
    if out is not None:
        write_thresholds(out, plan, loaded.units)
    print_thresholds(plan, loaded.units)


def _shares(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise BadInputError(f"shock-probabilities {text!r}: expected numbers, e.g. 0,0.01,0.1") from None


def _range(name: str, text: str, number: type[T]) -> tuple[T, T]:
    low, _, high = text.partition("..")
    try:
        return number(low), number(high)
    except ValueError:
        kind = "whole numbers" if number is int else "numbers"
        raise BadInputError(f"{name} {text!r}: expected LOW..HIGH, {kind}, e.g. 10..90") from None


def _counts(text: str) -> list[int]:
    try:
        counts = [int(part) for part in text.split(",")]
    except ValueError:
        counts = [0]
    if min(counts) < 1:
        raise BadInputError(f"sweep {text!r}: expected whole numbers of scenarios, at least 1, e.g. 5,50,500")
    return counts
