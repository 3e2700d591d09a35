"""The console script `lifeline`: one module per command, listed here.

Exit codes: 0 ok, 1 a benchmark target was missed or a number of a report differs, 2 bad input,
3 an internal error.
"""

import argparse
import traceback
from collections.abc import Callable, Sequence
from importlib.metadata import version

from lifeline_kit.cli import (
    bench,
    bulletin,
    checkup,
    collect,
    demo,
    ingest,
    ledger,
    replay,
    rules,
    serve,
    share,
    store,
    verify,
    watch,
)
from lifeline_kit.cli.console import BAD_INPUT, INTERNAL, err
from lifeline_kit.errors import LifelineError

_COMMANDS = (
    serve,
    demo,
    checkup,
    verify,
    ingest,
    store,
    replay,
    collect,
    share,
    ledger,
    rules,
    watch,
    bulletin,
    bench,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    options = _parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], int] = options.command
    try:
        return command(options)
    except LifelineError as error:
        err.print(f"[bold red]lifeline:[/] {_plain(error)}", highlight=False, soft_wrap=True)
        return BAD_INPUT
    except KeyboardInterrupt:
        return 130
    except Exception:
        err.print("[bold red]lifeline:[/] internal error; please report it with these lines:")
        err.print(traceback.format_exc(), highlight=False, markup=False)
        return INTERNAL


def _plain(error: LifelineError) -> str:
    return str(error).replace("[", "\\[")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="lifeline", description="City lifelines: check-up, warning, dashboards, offline."
    )
    parser.add_argument(
        "--version", action="version", version=f"lifeline {version('lifeline_kit')}"
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in _COMMANDS:
        command.add(commands)
    return parser
