"""A Word document under way."""

import base64
import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import docx
from docx.document import Document
from docx.enum.section import WD_SECTION
from docx.opc.constants import RELATIONSHIP_TYPE as RT
from docx.opc.packuri import PackURI
from docx.opc.part import Part
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls, qn
from docx.shared import Mm, Pt, RGBColor
from matplotlib.figure import Figure as Drawing

from lifeline_kit.charts.print import png_of
from lifeline_kit.reports.attach import zipped
from lifeline_kit.reports.figures import Figure
from lifeline_kit.reports.ooxml import (
    Cell,
    Column,
    Look,
    Paper,
    Piece,
    contents_xml,
    field_xml,
    heading_xml,
    paragraph_xml,
    runs,
    table_xml,
)
from lifeline_kit.reports.read_back import NAMESPACE
from lifeline_kit.reports.words import words
from lifeline_kit.text import Lang

PART = "/customXml/item9.xml"  # the template of python-docx has parts of lower numbers
_DPI = 110
_LATIN, _CHINESE = "Arial", "Microsoft YaHei"
_NOTE = Look(colour="5B6876", size=17)


class Writer:
    """A document under way: headings, paragraphs, tables and pictures, one after another.

    Parameters
    ----------
    lang : {'zh', 'en'}
    """

    def __init__(self, lang: Lang) -> None:
        self.lang: Lang = lang
        self.w = words(lang)
        self.paper = Paper()
        self.document: Document = docx.Document()
        self.headings: list[tuple[str, int]] = []
        self._body = self.document.element.body
        self._end = self._body.sectPr  # what comes is put before the properties of the section
        self._n = 0
        _style(self.document)

    def put(self, element: Any) -> None:
        """Append an element."""
        self._end.addprevious(element)

    def heading(self, text: str, level: int = 1) -> None:
        """Begin a chapter (level 1, listed in the contents) or a part of one."""
        self._n += 1
        if level == 1:
            self.headings.append((text, self._n))
        self.put(heading_xml(text, level, self._n))

    def say(self, *pieces: Piece, look: Look | None = None, style: str = "") -> None:
        """Write a paragraph."""
        self.put(paragraph_xml(list(pieces), look or Look(), style=style))

    def note(self, *pieces: Piece) -> None:
        """Write a paragraph in grey."""
        self.say(*pieces, look=_NOTE)

    def lines(self, figures: Iterable[Figure]) -> None:
        """Write a list, a value each."""
        for each in figures:
            self.say(each, style="ListBullet")

    def table(
        self, columns: Sequence[Column], rows: Iterable[Sequence[Cell]], more: Figure | None = None
    ) -> None:
        """Write a table, and how many rows are left out."""
        self.put(table_xml(columns, rows, self.paper))
        if more:
            before, after = self.w["more_rows"].split("{n}")
            self.note(before, more, f"{after} {self.w['whole_table']}")
        else:
            self.say("", look=Look(size=8))

    def picture(self, drawing: Drawing, *, most_mm: float = 0.0) -> None:
        """Put a chart in, at the width of the text or lower than `most_mm`."""
        width, height = drawing.get_size_inches() * 25.4
        scale = min(1.0, most_mm / height if most_mm else 1.0)
        paragraph = self.document.add_paragraph()
        stream = io.BytesIO(png_of(drawing, dpi=_DPI))
        paragraph.add_run().add_picture(stream, width=Mm(width * scale))
        self._end.addprevious(paragraph._p)

    def next_page(self) -> None:
        """Go on on a new page."""
        self.put(parse_xml(f'<w:p {nsdecls("w")}><w:r><w:br w:type="page"/></w:r></w:p>'))

    def contents(self, before: Any) -> None:
        """Put the contents before an element, once all headings are known."""
        for each in contents_xml(self.headings, self.paper):
            before.addprevious(each)

    def margins(self, running: Cell) -> None:
        """Set paper, header and page numbers; the cover has none."""
        section = self.document.sections[0]
        section.start_type = WD_SECTION.NEW_PAGE
        section.page_width, section.page_height = Mm(210), Mm(297)
        section.left_margin = section.right_margin = Mm(18)
        section.top_margin, section.bottom_margin = Mm(22), Mm(20)
        section.different_first_page_header_footer = True
        right = round(self.paper.width_mm * 56.6929)
        for part, inside in (
            (
                section.header,
                f'<w:pPr><w:pBdr><w:bottom w:val="single" w:sz="4" w:space="4" w:color="DDE3E9"/>'
                f'</w:pBdr><w:tabs><w:tab w:val="right" w:pos="{right}"/></w:tabs></w:pPr>'
                f"{runs(running, _NOTE)}<w:r><w:tab/></w:r>{field_xml('STYLEREF 1', '')}",
            ),
            (
                section.footer,
                '<w:pPr><w:jc w:val="center"/></w:pPr>'
                f"{field_xml('PAGE', '1')}<w:r><w:t xml:space='preserve'> / </w:t></w:r>"
                f"{field_xml('NUMPAGES', '1')}",
            ),
        ):
            old = part.paragraphs[0]._p
            old.addprevious(parse_xml(f"<w:p {nsdecls('w')}>{inside}</w:p>"))
            old.getparent().remove(old)

    def bytes(self, attached: Mapping[str, bytes], *, title: str, at: datetime) -> bytes:
        """Finish: properties, attachments as a part that Word keeps, and the file itself."""
        about = self.document.core_properties
        about.title, about.author, about.comments = title[:255], "lifeline_kit", ""
        about.created = about.modified = at
        held = base64.b64encode(zipped(dict(attached))).decode()
        part = Part(
            PackURI(PART),
            "application/xml",
            f'<report xmlns="{NAMESPACE}" type="application/zip" encoding="base64">{held}'
            "</report>".encode(),
            self.document.part.package,
        )
        self.document.part.relate_to(part, RT.CUSTOM_XML)
        stream = io.BytesIO()
        self.document.save(stream)
        return stream.getvalue()


def _style(document: Document) -> None:
    """Set fonts for both scripts: without an East-Asian one Word takes whatever it finds."""
    sizes = {"Normal": 10.5, "Heading 1": 16, "Heading 2": 12, "Title": 28, "List Bullet": 10}
    for name, size in sizes.items():
        style = document.styles[name]
        style.font.name, style.font.size = _LATIN, Pt(size)
        fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
        for attribute in ("w:asciiTheme", "w:hAnsiTheme", "w:eastAsiaTheme", "w:cstheme"):
            fonts.attrib.pop(qn(attribute), None)
        fonts.set(qn("w:eastAsia"), _CHINESE)
        fonts.set(qn("w:hAnsi"), _LATIN)
        if name != "Normal":
            style.font.color.rgb = RGBColor(0x1B, 0x27, 0x33)
    normal = document.styles["Normal"].element.get_or_add_rPr()
    normal.append(parse_xml(f'<w:lang {nsdecls("w")} w:val="en-US" w:eastAsia="zh-CN"/>'))
    document.styles["Normal"].paragraph_format.space_after = Pt(4)
    document.styles["Heading 1"].paragraph_format.keep_with_next = True
