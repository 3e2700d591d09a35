"""`lifeline demo`."""

import argparse
from collections.abc import Callable
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
    build.add_argument(
        "--ledger", action="store_true", help="examine it, and add a simulated month at the desk"
    )
    build.set_defaults(command=_demo_build)


def _with_ledger(folder: Path, seed: int, advance: Callable[[str, int, int], None]) -> None:
    import pandas as pd

    from lifeline_kit.demo.desk import write_month
    from lifeline_kit.model.city import City
    from lifeline_kit.pipeline import examine

    city = City.open(folder)
    truth = pd.read_csv(folder.with_name(folder.name + "-truth.csv"), keep_default_na=False)
    write_month(city, examine(city, progress=advance), truth, seed=seed)


def _demo_build(options: argparse.Namespace) -> int:
    from lifeline_kit.demo.build import write_demo

    with bar() as advance:
        folder = write_demo(options.size, options.seed, options.out, progress=advance)
        if options.ledger:
            _with_ledger(folder, options.seed, advance)
    out.print(f"{folder}")
    return OK
