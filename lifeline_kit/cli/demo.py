"""`lifeline demo`."""

import argparse
from pathlib import Path

from lifeline_kit.cli.console import OK, bar, out


def add(commands: argparse._SubParsersAction) -> None:
    """Add the command."""
    demo = commands.add_parser("demo", help="the simulated demo city")
    build = demo.add_subparsers(required=True, metavar="ACTION").add_parser(
        "build", help="build it, the same for the same size and seed"
    )
    build.add_argument("--size", choices=("small", "full"), default="small")
    build.add_argument("--seed", type=int, default=1)
    build.add_argument("--out", type=Path, required=True, help="new folder")
    build.set_defaults(command=_demo_build)


def _demo_build(options: argparse.Namespace) -> int:
    from lifeline_kit.demo.build import write_demo

    with bar() as advance:
        folder = write_demo(options.size, options.seed, options.out, progress=advance)
    out.print(f"{folder}")
    return OK
