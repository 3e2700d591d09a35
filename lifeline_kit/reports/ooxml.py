"""The few pieces of Word's XML that a report needs, written as text: a thousand cells in no time.

Every value stands in a content control whose tag is its query id, so that `lifeline verify` finds
it again after a secretary has changed fonts and moved paragraphs.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls

from lifeline_kit.reports.figures import Figure

_TAG = 64  # Word keeps no longer one
_RIGHT = '<w:jc w:val="right"/>'
_LINE = '<w:{side} w:val="single" w:sz="4" w:space="0" w:color="B9C3CD"/>'


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A value of the report as it is written."""

    q: str
    text: str


Piece = str | Figure | Shown
Pieces = Sequence[Piece]
Cell = Piece | Pieces


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of a table: its heading and its share of the width."""

    title: str
    width: float
    right: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How a run of text looks; half-points and RGB as Word counts them."""

    bold: bool = False
    size: int = 0
    colour: str = ""

    def xml(self) -> str:
        """Properties of a run."""
        parts = [
            "<w:b/>" if self.bold else "",
            f'<w:color w:val="{self.colour}"/>' if self.colour else "",
            f'<w:sz w:val="{self.size}"/><w:szCs w:val="{self.size}"/>' if self.size else "",
        ]
        return f"<w:rPr>{''.join(parts)}</w:rPr>" if any(parts) else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """Width of the text and look of tables."""

    width_mm: float = 174.0
    cell: Look = field(default_factory=lambda: Look(size=16))
    head: Look = field(default_factory=lambda: Look(size=16, bold=True, colour="5B6876"))


def tag_of(q: str) -> str:
    """Return the tag of a query id: itself, or its beginning and a digest where Word would cut."""
    if len(q) <= _TAG and q.isprintable():
        return q
    digest = hashlib.sha256(q.encode("utf-8", "backslashreplace")).hexdigest()[:12]
    return "".join(each if each.isprintable() else "?" for each in q[: _TAG - 13]) + "~" + digest


def number(figure: Figure, digits: int = 0) -> Shown:
    """A number, or a dash."""
    return Shown(q=figure.q, text=figure.as_number(digits))


def share(figure: Figure, digits: int = 1) -> Shown:
    """A share as per cent, or a dash."""
    return Shown(q=figure.q, text=figure.as_share(digits))


def runs(cell: Cell, look: Look) -> str:
    """Runs of a paragraph; values stand in content controls."""
    pieces = [cell] if isinstance(cell, str | Figure | Shown) else cell
    return "".join(_piece(each, look) for each in pieces)


def _piece(piece: Piece, look: Look) -> str:
    if isinstance(piece, str):
        return _run(piece, look)
    text = str(piece) if isinstance(piece, Figure) else piece.text
    if not text:
        return ""
    tag = quoteattr(tag_of(piece.q))
    return (
        f"<w:sdt><w:sdtPr><w:tag w:val={tag}/></w:sdtPr>"
        f"<w:sdtContent>{_run(text, look)}</w:sdtContent></w:sdt>"
    )


def _run(text: str, look: Look) -> str:
    return f'<w:r>{look.xml()}<w:t xml:space="preserve">{escape(text)}</w:t></w:r>'


def table_xml(columns: Sequence[Column], rows: Iterable[Sequence[Cell]], paper: Paper) -> Any:
    """Build a table: fixed widths, the heading repeated on every page, no row cut in two."""
    whole = sum(each.width for each in columns)
    twips = [round(each.width / whole * paper.width_mm * 56.6929) for each in columns]
    grid = "".join(f'<w:gridCol w:w="{width}"/>' for width in twips)
    borders = "".join(_LINE.format(side=side) for side in ("top", "bottom", "insideH"))
    head = _row([each.title for each in columns], columns, twips, paper.head, heading=True)
    body = "".join(_row(row, columns, twips, paper.cell) for row in rows)
    return parse_xml(
        f"<w:tbl {nsdecls('w')}><w:tblPr>"
        f'<w:tblW w:w="{sum(twips)}" w:type="dxa"/><w:tblBorders>{borders}</w:tblBorders>'
        '<w:tblLayout w:type="fixed"/><w:tblCellMar><w:left w:w="40" w:type="dxa"/>'
        '<w:right w:w="80" w:type="dxa"/></w:tblCellMar></w:tblPr>'
        f"<w:tblGrid>{grid}</w:tblGrid>{head}{body}</w:tbl>"
    )


def _row(
    cells: Sequence[Cell],
    columns: Sequence[Column],
    twips: Sequence[int],
    look: Look,
    *,
    heading: bool = False,
) -> str:
    inside = "".join(
        f'<w:tc><w:tcPr><w:tcW w:w="{width}" w:type="dxa"/></w:tcPr><w:p><w:pPr>'
        f'<w:spacing w:before="30" w:after="30" w:line="240" w:lineRule="auto"/>'
        f"{_RIGHT if column.right else ''}</w:pPr>{runs(cell, look)}</w:p></w:tc>"
        for cell, column, width in zip(cells, columns, twips, strict=True)
    )
    repeat = "<w:tblHeader/>" if heading else ""
    return f"<w:tr><w:trPr><w:cantSplit/>{repeat}</w:trPr>{inside}</w:tr>"


def paragraph_xml(cell: Cell, look: Look, *, style: str = "", keep: bool = False) -> Any:
    """Build a paragraph."""
    named = f'<w:pStyle w:val="{style}"/>' if style else ""
    kept = "<w:keepNext/>" if keep else ""
    return parse_xml(f"<w:p {nsdecls('w')}><w:pPr>{named}{kept}</w:pPr>{runs(cell, look)}</w:p>")


def heading_xml(text: str, level: int, number_: int) -> Any:
    """Build a heading that the contents can point at."""
    name = f"_Toc{number_:08d}"
    return parse_xml(
        f'<w:p {nsdecls("w")}><w:pPr><w:pStyle w:val="Heading{level}"/></w:pPr>'
        f'<w:bookmarkStart w:id="{number_}" w:name="{name}"/>{_run(text, Look())}'
        f'<w:bookmarkEnd w:id="{number_}"/></w:p>'
    )


def field_xml(code: str, shown: str) -> str:
    """Runs of a field that Word fills; `shown` until it does."""
    return (
        '<w:r><w:fldChar w:fldCharType="begin" w:dirty="true"/></w:r>'
        f'<w:r><w:instrText xml:space="preserve"> {escape(code)} </w:instrText></w:r>'
        f'<w:r><w:fldChar w:fldCharType="separate"/></w:r>{_run(shown, Look())}'
        '<w:r><w:fldChar w:fldCharType="end"/></w:r>'
    )


def contents_xml(headings: Sequence[tuple[str, int]], paper: Paper) -> list:
    """Build the contents: entries now, page numbers as soon as Word lays the pages out."""
    right = round(paper.width_mm * 56.6929)
    begin = (
        '<w:r><w:fldChar w:fldCharType="begin" w:dirty="true"/></w:r><w:r><w:instrText '
        'xml:space="preserve"> TOC \\o "1-1" \\h \\z \\u </w:instrText></w:r>'
        '<w:r><w:fldChar w:fldCharType="separate"/></w:r>'
    )
    paragraphs = []
    for place, (text, number_) in enumerate(headings):
        name = f"_Toc{number_:08d}"
        page = field_xml(f"PAGEREF {name} \\h", "")
        entry = (
            f'<w:hyperlink w:anchor="{name}" w:history="1">{_run(text, Look())}'
            f"<w:r><w:tab/></w:r>{page}</w:hyperlink>"
        )
        last = '<w:r><w:fldChar w:fldCharType="end"/></w:r>'
        paragraphs.append(
            parse_xml(
                f'<w:p {nsdecls("w")}><w:pPr><w:tabs><w:tab w:val="right" w:leader="dot" '
                f'w:pos="{right}"/></w:tabs></w:pPr>{begin if place == 0 else ""}{entry}'
                f"{last if place == len(headings) - 1 else ''}</w:p>"
            )
        )
    return paragraphs
