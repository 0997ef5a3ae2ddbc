"""The `simopt` command: a thin layer over the apps; heavy imports wait until a command needs them."""

from __future__ import annotations

import atexit
import signal
import sys
from typing import NoReturn

from design.errors import BadInputError, NoSolutionError
from simopt.cli import learning, programs, runs, solve, tools
from simopt.cli.app import EXIT_BAD_INPUT, EXIT_FAILED, app

__all__ = ["app", "learning", "main", "programs", "runs", "solve", "tools"]


def main() -> None:
    """Run the command line; errors of the user are lines on stderr, never tracebacks."""
    atexit.register(signal.signal, signal.SIGINT, signal.SIG_IGN)  # all is written when the process ends
    try:
        app(standalone_mode=True)
    except (BadInputError, OSError) as error:
        _leave(error, EXIT_BAD_INPUT)
    except NoSolutionError as error:
        _leave(error, EXIT_FAILED)


def _leave(error: Exception, code: int) -> NoReturn:
    print("\n".join(f"error: {line}" for line in str(error).splitlines()), file=sys.stderr)
    sys.exit(code)
