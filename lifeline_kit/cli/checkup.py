"""`lifeline checkup`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

from rich.markup import escape
from rich.table import Table

from lifeline_kit.cli.console import OK, bar, err, out
from lifeline_kit.cli.ingest import source
from lifeline_kit.errors import InputError
from lifeline_kit.io.live import recent_city
from lifeline_kit.io.report import KINDS, ImportReport
from lifeline_kit.model.city import City
from lifeline_kit.model.examination import Examination
from lifeline_kit.text import LANGS, Lang, Text

if TYPE_CHECKING:
    import pandas as pd

    from lifeline_kit.reports.period import Period


def add(commands: argparse._SubParsersAction) -> None:
    """Add the command."""
    checkup = commands.add_parser("checkup", help="examine a city, or files of your own; report")
    checkup.add_argument("--city", type=Path, help="city folder")
    checkup.add_argument("--readings", type=source, nargs="+", metavar="FILE", help="your readings")
    checkup.add_argument("--assets", type=Path, nargs="+", default=[], metavar="FILE")
    checkup.add_argument(
        "--areas", type=Path, metavar="FILE", help="districts or cells with their people"
    )
    checkup.add_argument("--mapping", type=Path, metavar="FILE.toml", help="columns and units")
    checkup.add_argument("--lifeline", metavar="NAME", help="needed where no asset file is given")
    checkup.add_argument(
        "--district",
        metavar="ID",
        help="one district or cell; ALL or CELLS for one report of each",
    )
    checkup.add_argument(
        "--period", metavar="YYYY-MM", help="month of the report (default: all the data)"
    )
    checkup.add_argument(
        "--ledger",
        metavar="PLACE",
        help="file or postgresql+pg8000://…, or none (default: the city's own where it has one)",
    )
    checkup.add_argument(
        "--jobs", type=int, default=0, metavar="N", help="processes for many reports"
    )
    checkup.add_argument("--out", type=Path, required=True, help="a file, or a folder for several")
    checkup.add_argument(
        "--format", default="", help="html,pdf,docx,json,xlsx (default: by --out, or html)"
    )
    checkup.add_argument("--lang", default="zh", help="zh, en or zh,en")
    checkup.add_argument("--profile", action="store_true", help="print the seconds of each stage")
    checkup.set_defaults(command=_checkup)


def _checkup(options: argparse.Namespace) -> int:
    langs = cast("list[Lang]", _chosen(options.lang, LANGS, "--lang"))
    formats = _formats(options)
    if options.jobs < 0:
        raise InputError(f"--jobs {options.jobs} is no number of processes; expected 1 or more.")
    from lifeline_kit.reports.batch import Batch, write_reports

    city, notes = _load(options)
    asked = _asked(city, options, langs, formats)
    period, at = _period(city, options.period)
    with bar() as advance:
        from lifeline_kit.pipeline import examine

        examination = examine(city, at, progress=advance)
    from lifeline_kit.services.books import answered, book_until

    book = book_until(city, examination.at.to_datetime64(), options.ledger)
    examination = answered(city, examination, book)
    batch = Batch(
        city=city,
        examination=examination,
        out=options.out,
        formats=tuple(formats),
        period=period,
        notes=tuple(notes),
        book=book,
    )
    with bar() as advance:
        written = write_reports(batch, asked, jobs=options.jobs, progress=advance)
    for note in notes:
        err.print(f"[dim]{escape(note(langs[0]))}[/]", highlight=False, soft_wrap=True)
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
        return recent_city(options.city), []
    from lifeline_kit.io.files import city_from_files

    loaded = city_from_files(
        options.readings,
        assets=options.assets,
        areas=options.areas,
        mapping=options.mapping,
        lifeline=options.lifeline,
    )
    return loaded.city, [*loaded.notes, _taken(loaded.report)]


def _taken(report: ImportReport) -> Text:
    """Say in one sentence what was read and what was dropped."""
    counts = report.counts
    dropped = {key: counts[key] for key in KINDS if key != "accepted" and counts[key]}
    zh = "，".join(f"{KINDS[key].zh} {n:,}" for key, n in dropped.items())
    en = ", ".join(f"{n:,} {KINDS[key].en}" for key, n in dropped.items())
    outside = counts["outside"]
    more = Text(
        f"（其中 {outside:,} 个超出物理量程）", f" ({outside:,} outside the physical range)"
    )
    if not outside:
        more = Text("", "")
    return Text(
        f"读入 {report.read:,} 个读数，接收 {counts['accepted']:,} 个{more.zh}；"
        f"{zh or '无一剔除'}。逐行报告见 lifeline ingest。",
        f"{report.read:,} readings found, {counts['accepted']:,} accepted{more.en}; "
        f"{en or 'none dropped'}. lifeline ingest reports on every row.",
    )


def _period(city: City, text: str | None) -> "tuple[Period | None, pd.Timestamp | None]":
    """Read the month, and find the last reading in it."""
    if not text:
        return None, None
    from lifeline_kit.reports.period import asked_moment, last_moment, month

    period = month(text, city.time_zone)
    return period, asked_moment(city, last_moment(city, period))


def _asked(
    city: City, options: argparse.Namespace, langs: list[Lang], formats: list[str]
) -> list[tuple[str | None, Lang]]:
    """List the reports to write; refuse before the long work what cannot be written."""
    from lifeline_kit.reports.batch import areas_asked

    asked = [(area, lang) for area in areas_asked(city, options.district) for lang in langs]
    if len(asked) * len(formats) > 1 and options.out.suffix:
        raise InputError(f"--out {options.out} is one file, but several reports were asked for.")
    return asked


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
