"""What all commands share: the application, options that recur, and how a case is loaded."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from simopt.apps.interrupts import remembered_interrupt

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
            with remembered_interrupt():
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


def load(case: str, out: Path | None = None) -> Case:
    """The case, its warnings on stderr, and the output folder made."""
    from design.case_files import load_case
    from simopt.reporting.run_folder import make_folder

    loaded = load_case(case)
    for warning in loaded.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    if out is not None:
        make_folder(out)
    return loaded
