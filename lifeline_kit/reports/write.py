"""Write a report: one-file HTML, PDF of the same page, Word, and JSON of the same values."""

import gc
import re
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from lifeline_kit.errors import InputError
from lifeline_kit.io.ledger import Snapshot
from lifeline_kit.model.city import City
from lifeline_kit.model.examination import Examination
from lifeline_kit.reports.attach import JSON_NAME, as_csv, report_json, tables, zipped
from lifeline_kit.reports.content import extract, report_of
from lifeline_kit.reports.figures import plain
from lifeline_kit.reports.period import Period
from lifeline_kit.reports.workbook import workbook
from lifeline_kit.text import Lang, Text

if TYPE_CHECKING:
    from lifeline_kit.reports.drawings import Drawings

FORMATS = ("html", "pdf", "json", "docx", "xlsx")


def write_report(  # noqa: PLR0913 - all that a report can be asked for
    city: City,
    examination: Examination,
    out: Path,
    *,
    lang: Lang = "zh",
    district: str | None = None,
    period: Period | None = None,
    formats: Sequence[str] = ("html",),
    notes: Sequence[Text] = (),
    book: Snapshot | None = None,
) -> list[Path]:
    """Write the check-up report of a city, a district or a cell.

    Parameters
    ----------
    city : City
        Opened with or without readings; series come from its folder where it has one.
    examination : Examination
    out : Path
        A file for one format, a folder for several.
    lang : {'zh', 'en'}
    district : str, optional
        Id of an area of level `district` or `cell`.
    period : Period, optional
        The month that the report is about.
    formats : sequence of {'html', 'pdf', 'json', 'docx', 'xlsx'}
        `xlsx` is the attached tables alone, as one workbook.
    notes : sequence of Text
    book : Snapshot, optional
        The city's ledger up to the moment of the examination: chapters on how warnings were
        handled, on hazards, duties, and the audit trail.

    Returns
    -------
    list of Path
        The files written.

    Raises
    ------
    InputError
        Where a format is unknown or `out` cannot be written.
    CityError
        Where the district is unknown.
    MissingPartError
        Where PDF is asked for and its libraries or a Chinese font are missing.
    """
    unknown = [each for each in formats if each not in FORMATS]
    if unknown:
        raise InputError(f"format {unknown[0]!r} is not known; expected {', '.join(FORMATS)}.")
    encoded = report_files(
        city,
        examination,
        lang=lang,
        district=district,
        period=period,
        formats=formats,
        notes=notes,
        book=book,
    )
    when = period.name if period else f"{city.local(examination.at):%Y-%m-%d}"
    # an id may hold what a file name may not
    place = "-" + re.sub(r"[^\w.\-]", "_", district)[:80] if district else ""
    files = _targets(out, encoded, f"checkup{place}-{when}-{lang}")
    for file, content in files.items():
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            partial = file.with_name(file.name + ".partial")
            partial.write_bytes(content)
            partial.replace(file)
        except OSError as error:
            raise InputError(
                f"cannot write {file}: {error.strerror or error}; name another --out."
            ) from error
    return list(files)


def report_files(
    city: City,
    examination: Examination,
    *,
    lang: Lang = "zh",
    district: str | None = None,
    period: Period | None = None,
    formats: Sequence[str] = ("html",),
    notes: Sequence[Text] = (),
    book: Snapshot | None = None,
) -> dict[str, bytes]:
    """Lay a report out; one entry per format. See `write_report`."""
    with _no_collection():
        part = extract(city, examination, lang=lang, district=district, period=period, book=book)
        report = report_of(part, period=period, notes=notes)
        values = plain(report)
        attached = {JSON_NAME: report_json(values)}
        held = cache(lambda: tables(part))
        bare: dict[str, Callable[[], bytes]] = {
            "json": lambda: attached[JSON_NAME],
            "xlsx": lambda: workbook(held()),
        }
        if set(formats) <= set(bare):
            return {form: bare[form]() for form in formats}
        attached |= as_csv(held())
        # matplotlib takes a second to load: a report of numbers alone goes without
        from lifeline_kit.reports.drawings import draw

        drawings = draw(part, report)
        encode = bare | _encoders(values, drawings, attached, examination.at, lang)
        return {form: encode[form]() for form in formats}


def _encoders(
    values: dict,
    drawings: "Drawings",
    attached: dict[str, bytes],
    moment: pd.Timestamp,
    lang: Lang,
) -> dict[str, Callable[[], bytes]]:
    from lifeline_kit.reports.page import charts_of, page

    charts = cache(lambda: charts_of(drawings))

    def html() -> bytes:
        return page(
            values, charts(), lang=lang, attached=list(attached), attachment=zipped(attached)
        ).encode()

    def pdf() -> bytes:
        from lifeline_kit.reports.pdf import pdf_of

        at = datetime.fromisoformat(f"{moment:%Y-%m-%dT%H:%M:%S}+00:00")
        return pdf_of(page(values, charts(), lang=lang, attached=list(attached)), attached, at=at)

    def docx() -> bytes:
        from lifeline_kit.reports.word import docx_of

        return docx_of(values, drawings, attached, lang=lang)

    return {"html": html, "pdf": pdf, "docx": docx}


@contextmanager
def _no_collection() -> Generator[None]:
    """Keep the garbage collector away: a report is a million small objects, alive to the end.

    It took a fifth of the time and found nothing.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _targets(out: Path, encoded: dict[str, bytes], stem: str) -> dict[Path, bytes]:
    if len(encoded) == 1 and not out.is_dir() and out.suffix:
        return {out: next(iter(encoded.values()))}
    return {out / f"{stem}.{form}": content for form, content in encoded.items()}
