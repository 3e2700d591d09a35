"""`lifeline ingest`."""

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from rich.markup import escape
from rich.table import Table

from lifeline_kit.cli.console import BAD_INPUT, OK, err, out
from lifeline_kit.errors import InputError
from lifeline_kit.io.report import KINDS, REMARKS, FileReport, ImportReport
from lifeline_kit.text import LANGS, Lang, Text

if TYPE_CHECKING:
    import numpy as np

    from lifeline_kit.io.arrivals import Arrivals
    from lifeline_kit.io.live import Tally

_BATCH = 250_000  # readings in one durable transaction
_READ = Text("读数总计", "readings found")
_ROWS = Text("行", "rows")
_TITLE = Text("导入报告", "import report")
_HOW = Text("判定依据", "how it was decided")
_BAD = Text("不合格的行（节选）", "bad lines (sample)")
_NOTHING = Text("没有任何读数可以导入。", "No reading could be loaded.")
_REJECTS = Text("未接收的行保存于", "rows that were not taken are kept in")
_HEADS = (Text("文件", "file"), Text("行号", "line"), Text("原因", "reason"), Text("原文", "raw"))


def add(commands: argparse._SubParsersAction) -> None:
    """Add the command."""
    ingest = commands.add_parser("ingest", help="read files of your own, report on every row")
    ingest.add_argument(
        "--readings",
        type=source,
        nargs="+",
        required=True,
        metavar="FILE",
        help="files, folders, sqlite:///… or postgresql://…; or one SensorThings address",
    )
    ingest.add_argument("--assets", type=Path, nargs="+", default=[], metavar="FILE")
    ingest.add_argument(
        "--areas", type=Path, metavar="FILE", help="districts or cells with their people"
    )
    ingest.add_argument("--mapping", type=Path, metavar="FILE.toml", help="columns and units")
    ingest.add_argument("--lifeline", metavar="NAME", help="needed where no asset file is given")
    ingest.add_argument("--out", type=Path, metavar="CITY", help="write a new city folder")
    ingest.add_argument("--into", type=Path, metavar="CITY", help="write into its live store")
    ingest.add_argument(
        "--append", action="store_true", help="with --into: take sensors CITY does not know as new"
    )
    ingest.add_argument(
        "--rejects", type=Path, metavar="FILE.parquet", help="keep what was not taken"
    )
    ingest.add_argument("--json", type=Path, metavar="FILE", help="the report as JSON")
    ingest.add_argument("--lang", default="zh", help="zh or en")
    ingest.set_defaults(command=_ingest)


def source(text: str) -> Path:
    """Return a path, or the address of a database or a service, which must keep its slashes."""
    from lifeline_kit.io.sources import Address, is_service, is_sql

    return cast("Path", Address(text)) if is_sql(text) or is_service(text) else Path(text)


def _ingest(options: argparse.Namespace) -> int:
    lang = _checked(options)
    report = _into(options) if options.into else _as_city(options, lang)
    print_report(report, lang)
    kept = _kept_in(options)
    if kept is not None and (len(report.rejects) or options.rejects):
        kept.parent.mkdir(parents=True, exist_ok=True)
        report.save_rejects(kept)
        out.print(f"{_REJECTS(lang)} {kept}", soft_wrap=True, highlight=False)
    if options.json:
        plain = json.dumps(report.to_dict(lang), ensure_ascii=False, indent=1)
        options.json.write_text(plain + "\n", encoding="utf-8")
    counts = report.counts
    if counts["accepted"] + counts["duplicate"] + counts["revised"]:
        return OK
    err.print(f"[bold red]lifeline:[/] {_NOTHING(lang)}")
    return BAD_INPUT


def _kept_in(options: argparse.Namespace) -> Path | None:
    """Where rejects go: the named file, else beside the new city, else into the live folder."""
    if options.rejects:
        return options.rejects
    if options.out:
        return options.out.with_name(options.out.name + ".rejects.parquet")
    if options.into:
        from lifeline_kit.io.tables import clock

        moment = str(clock()).replace(":", "").replace("-", "").replace(".", "")
        return options.into / "live" / "rejects" / f"{moment}.parquet"
    return None


def _checked(options: argparse.Namespace) -> Lang:
    if options.lang not in LANGS:
        raise InputError(f"--lang {options.lang!r} is not known; expected {', '.join(LANGS)}.")
    if options.out and options.into:
        raise InputError("--out makes a new city, --into writes to one that exists; give one.")
    if options.into and (options.assets or options.areas):
        raise InputError("--into takes readings only; assets and areas stand in the city already.")
    if options.out and options.out.exists() and any(options.out.iterdir()):
        raise InputError(f"--out {options.out}: already holds something; name a new folder.")
    for path in (options.rejects, options.json):
        if path is not None and not path.resolve().parent.is_dir():
            raise InputError(f"{path}: its folder does not exist; make it first.")
    return cast("Lang", options.lang)


def _as_city(options: argparse.Namespace, lang: Lang) -> ImportReport:
    from lifeline_kit.io.files import city_from_files
    from lifeline_kit.lifelines import ALL
    from lifeline_kit.model.lifeline import check_kinds

    loaded = city_from_files(
        options.readings,
        assets=options.assets,
        areas=options.areas,
        mapping=options.mapping,
        lifeline=options.lifeline,
    )
    check_kinds(loaded.city.assets, ALL)  # a city that no check-up would take is not written
    if options.out:
        loaded.city.save(options.out)
    for note in loaded.notes:
        err.print(f"[dim]{escape(note(lang))}[/]", highlight=False, soft_wrap=True)
    return loaded.report


def _into(options: argparse.Namespace) -> ImportReport:
    """Write readings into the live store of a city; the store's own count goes in the report."""
    from lifeline_kit.io.arrivals import arrivals
    from lifeline_kit.io.live import LiveStore
    from lifeline_kit.io.tables import clock
    from lifeline_kit.model.city import City

    city = City.open(options.into, readings=False)
    now = clock()
    found = arrivals(
        options.readings, city.sensors, mapping=options.mapping, append=options.append, now=now
    )
    with LiveStore.open(options.into, writable=True) as store:
        store.register(city.sensors)
        if len(found.fresh):
            store.register(found.fresh)
        tally = _written(store, found, now)
    return _told(found.report, tally, options.into.name)


def _written(store: object, found: "Arrivals", now: "np.datetime64") -> "Tally":
    from lifeline_kit.io.live import LiveStore, Tally

    assert isinstance(store, LiveStore)
    tally = Tally(0, 0, 0, 0, 0, 0)
    for start in range(0, found.sensor.size, _BATCH):
        rows = slice(start, start + _BATCH)
        tally += store.write(found.sensor[rows], found.time[rows], found.value[rows], arrived=now)
    return tally


def _told(report: ImportReport, tally: "Tally", name: str) -> ImportReport:
    """Put the store's view of the readings it was given beside the reader's of the rest."""
    counts = report.counts
    counts["accepted"] = tally.accepted + tally.revised
    counts["duplicate"] += tally.duplicate
    for kind in ("future", "unknown"):
        counts[kind] += getattr(tally, kind)
    counts["value"] += tally.invalid
    counts["late"], counts["revising"] = tally.late, tally.revised
    whole = FileReport(name=name, rows=report.rows, counts=counts, rejects=report.rejects)
    decided = tuple(
        replace(file, rows=0, counts={}, rejects=file.rejects[:0]) for file in report.files
    )
    return ImportReport(files=(whole,), assets=decided)


def print_report(report: ImportReport, lang: Lang) -> None:
    """Print an import report on the terminal."""
    counts = report.counts
    table = Table(title=_TITLE(lang), show_header=False)
    table.add_column()
    table.add_column(justify="right")
    table.add_row(_ROWS(lang), f"{report.rows:,}")
    table.add_row(_READ(lang), f"{report.read:,}", end_section=True)
    for key, words in KINDS.items():
        if counts[key] or key in ("accepted", "duplicate", "revised", "unknown"):
            table.add_row(words(lang), f"{counts[key]:,}")
        if key == "accepted":
            for remark, more in REMARKS.items():
                table.add_row(f"  {more(lang)}", f"{counts[remark]:,}")
    out.print(table)
    how = Table("", "", "", title=_HOW(lang), show_header=False)
    for row in report.decisions(lang).itertuples(index=False):
        how.add_row(*(escape(str(cell)) for cell in row))
    out.print(how)
    samples = report.samples
    if len(samples):
        bad = Table(*(head(lang) for head in _HEADS), title=_BAD(lang))
        for name, line, reason, raw in samples[["file", "line", "reason", "raw"]].to_numpy():
            bad.add_row(name, str(line), KINDS[reason](lang), escape(raw))
        out.print(bad)
