"""The console script `lifeline`.

Exit codes: 0 ok, 1 a benchmark target was missed, 2 bad input, 3 an internal error.
"""

import argparse
import os
import sys
import traceback
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import cast

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from lifeline_kit.errors import CityError, InputError, LifelineError
from lifeline_kit.model.city import City
from lifeline_kit.model.examination import Examination
from lifeline_kit.text import LANGS, Lang, Text

OK, MISSED, BAD_INPUT, INTERNAL = 0, 1, 2, 3
_DEMO = Path("data") / "demo" / "wuhan"

out = Console()
err = Console(stderr=True)


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
    _add_serve(commands)
    _add_demo(commands)
    _add_checkup(commands)
    _add_bench(commands)
    return parser


def _add_serve(commands: argparse._SubParsersAction) -> None:
    serve = commands.add_parser("serve", help="serve the dashboards of a city")
    serve.add_argument("--city", type=Path, help="city folder (default: the bundled demo city)")
    serve.add_argument("--port", type=int, default=5006, help="default 5006")
    serve.add_argument("--host", default="127.0.0.1", help="default 127.0.0.1: this machine only")
    serve.set_defaults(command=_serve)


def _add_demo(commands: argparse._SubParsersAction) -> None:
    demo = commands.add_parser("demo", help="the simulated demo city")
    build = demo.add_subparsers(required=True, metavar="ACTION").add_parser(
        "build", help="build it, the same for the same size and seed"
    )
    build.add_argument("--size", choices=("small", "full"), default="small")
    build.add_argument("--seed", type=int, default=1)
    build.add_argument("--out", type=Path, required=True, help="new folder")
    build.set_defaults(command=_demo_build)


def _add_checkup(commands: argparse._SubParsersAction) -> None:
    checkup = commands.add_parser("checkup", help="examine a city, or files of your own; report")
    checkup.add_argument("--city", type=Path, help="city folder")
    checkup.add_argument("--readings", type=Path, nargs="+", metavar="FILE", help="your readings")
    checkup.add_argument("--assets", type=Path, nargs="+", default=[], metavar="FILE")
    checkup.add_argument("--mapping", type=Path, metavar="FILE.toml", help="columns and units")
    checkup.add_argument("--lifeline", metavar="NAME", help="needed where no asset file is given")
    checkup.add_argument(
        "--district", metavar="ID", help="one district, or ALL for one report each"
    )
    checkup.add_argument("--out", type=Path, required=True, help="a file, or a folder for several")
    checkup.add_argument("--format", default="", help="html,pdf,json (default: by --out, or html)")
    checkup.add_argument("--lang", default="zh", help="zh, en or zh,en")
    checkup.add_argument("--profile", action="store_true", help="print the seconds of each stage")
    checkup.set_defaults(command=_checkup)


def _add_bench(commands: argparse._SubParsersAction) -> None:
    bench = commands.add_parser("bench", help="run a benchmark against its published figures")
    bench.add_argument("name", nargs="?", help="name; without one the list is printed")
    bench.add_argument("--data", type=Path, help="default $LIFELINE_BENCH_DATA")
    bench.add_argument("--json", type=Path, metavar="FILE")
    bench.add_argument("--seed", type=int, default=2)
    bench.add_argument("--check", action="store_true", help="exit 1 where a target is missed")
    bench.set_defaults(command=_bench)


def demo_city() -> Path:
    """Find the bundled demo city: below this folder, or beside the package's checkout.

    Raises
    ------
    CityError
    """
    for root in (Path.cwd(), Path(__file__).resolve().parents[1]):
        if (root / _DEMO / "manifest.json").exists():
            return root / _DEMO
    raise CityError(
        "no demo city here; build one with 'lifeline demo build --out wuhan' and name it "
        "with --city wuhan."
    )


def _serve(options: argparse.Namespace) -> int:
    from lifeline_kit.views.serve import serve

    serve(options.city or demo_city(), host=options.host, port=options.port)
    return OK


def _demo_build(options: argparse.Namespace) -> int:
    from lifeline_kit.demo.build import write_demo

    with _bar() as advance:
        folder = write_demo(options.size, options.seed, options.out, progress=advance)
    out.print(f"{folder}")
    return OK


def _checkup(options: argparse.Namespace) -> int:
    langs = cast("list[Lang]", _chosen(options.lang, LANGS, "--lang"))
    formats = _formats(options)
    city, notes = _load(options)
    with _bar() as advance:
        from lifeline_kit.pipeline import examine

        examination = examine(city, progress=advance)
    written = _write_reports(city, examination, notes, options, langs, formats)
    for note in notes:
        err.print(f"[dim]{note('en')}[/]", highlight=False, soft_wrap=True)
    if options.profile:
        _print_profile(examination)
    for file in written:
        out.print(str(file), soft_wrap=True, highlight=False)
    return OK


def _formats(options: argparse.Namespace) -> list[str]:
    from lifeline_kit.reports import FORMATS

    asked = options.format or options.out.suffix.lstrip(".") or "html"
    return _chosen(asked, FORMATS, "--format")


def _chosen(text: str, known: Sequence[str], option: str) -> list[str]:
    chosen = [each.strip() for each in text.split(",") if each.strip()]
    stray = [each for each in chosen if each not in known]
    if stray or not chosen:
        raise InputError(f"{option} {text!r} is not known; expected {', '.join(known)}.")
    return chosen


def _load(options: argparse.Namespace) -> tuple[City, list[Text]]:
    """Open the city folder, or make a city of the user's files."""
    if bool(options.city) == bool(options.readings):
        raise InputError(
            "expected either --city DIR or --readings FILE…, not both and not neither."
        )
    if options.city:
        return City.open(options.city), []
    from lifeline_kit.io.files import city_from_files

    loaded = city_from_files(
        options.readings,
        assets=options.assets,
        mapping=options.mapping,
        lifeline=options.lifeline,
    )
    return loaded.city, list(loaded.notes)


def _write_reports(
    city: City,
    examination: Examination,
    notes: list[Text],
    options: argparse.Namespace,
    langs: list[Lang],
    formats: list[str],
) -> list[Path]:
    from lifeline_kit.reports import write_report

    districts: list[str | None] = [options.district or None]
    if options.district == "ALL":
        districts = list(city.areas.index[city.areas["level"] == "district"])
    many = len(langs) * len(districts) * len(formats) > 1
    if many and options.out.suffix:
        raise InputError(f"--out {options.out} is one file, but several reports were asked for.")
    written: list[Path] = []
    for district in districts:
        for lang in langs:
            written += write_report(
                city,
                examination,
                options.out,
                lang=lang,
                district=district,
                formats=formats,
                notes=notes,
            )
    return written


def _print_profile(examination: Examination) -> None:
    import resource

    table = Table("stage", "CPU s", title="examine")
    for stage, seconds in examination.seconds.items():
        table.add_row(stage, f"{seconds:.2f}")
    table.add_row("all", f"{sum(examination.seconds.values()):.2f}")
    err.print(table)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (
        1 if sys.platform == "darwin" else 1024
    )
    err.print(f"peak memory {peak:.0f} MB")


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


@contextmanager
def _bar() -> Generator[Callable[[str, int, int], None]]:
    """A progress bar on the terminal; silent where there is none."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description:<14}"),
        BarColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=err, transient=True) as progress:
        task = progress.add_task("", total=None)

        def advance(stage: str, done: int, of: int) -> None:
            progress.update(task, description=stage, completed=done, total=of)

        yield advance
