"""`lifeline bench`."""

import argparse
import os
from pathlib import Path

from rich.table import Table

from lifeline_kit.cli.console import MISSED, OK, out
from lifeline_kit.errors import InputError


def add(commands: argparse._SubParsersAction) -> None:
    """Add the command."""
    bench = commands.add_parser("bench", help="run a benchmark against its published figures")
    bench.add_argument("name", nargs="?", help="name; without one the list is printed")
    bench.add_argument("--data", type=Path, help="default $LIFELINE_BENCH_DATA")
    bench.add_argument("--json", type=Path, metavar="FILE")
    bench.add_argument("--seed", type=int, default=2)
    bench.add_argument("--check", action="store_true", help="exit 1 where a target is missed")
    bench.set_defaults(command=_bench)


def _bench(options: argparse.Namespace) -> int:
    from lifeline_kit.bench import BENCHES, print_result, run_bench

    if options.name is None:
        table = Table("bench", "what it measures")
        for name, bench in BENCHES.items():
            table.add_row(name, bench.title("en"))
        out.print(table)
        return OK
    if options.name not in BENCHES:
        raise InputError(f"bench {options.name!r} is not known; expected {', '.join(BENCHES)}.")
    data = options.data or (
        Path(os.environ["LIFELINE_BENCH_DATA"]) if "LIFELINE_BENCH_DATA" in os.environ else None
    )
    result = run_bench(options.name, data=data, seed=options.seed, json_file=options.json)
    print_result(result, out)
    return MISSED if options.check and not result.met else OK
