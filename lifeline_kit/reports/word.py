"""The report as a Word document, laid out as monitoring centres do; all of it stays editable."""

from collections.abc import Mapping
from datetime import datetime

from lifeline_kit.reports.drawings import Drawings
from lifeline_kit.reports.figures import Figure
from lifeline_kit.reports.legible import legible
from lifeline_kit.reports.word_chapters import write_chapters
from lifeline_kit.reports.word_writer import Writer
from lifeline_kit.text import Lang


def docx_of(
    values: dict, drawings: Drawings, attached: Mapping[str, bytes], *, lang: Lang
) -> bytes:
    """Lay a report out as DOCX.

    Parameters
    ----------
    values : dict
        The plain report, from `figures.plain`.
    drawings : Drawings
    attached : mapping of file name to bytes
        Kept in a custom XML part, as one zip.
    lang : {'zh', 'en'}
    """
    report = Figure(values, lang=lang)
    writer = Writer(lang)
    title = f"{writer.w['title']} · {legible(f'{report.city} · {report.scope}', lang, 80)}"
    write_chapters(writer, report, drawings)
    writer.margins([title, " · ", report.period] if report.period else title)
    return writer.bytes(attached, title=title, at=datetime.fromisoformat(values["at"]))
