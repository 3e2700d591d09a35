"""Read a written report back: what it is about, what it shows under each id, what it carries."""

import base64
import binascii
import hashlib
import io
import json
import re
import zipfile
import zlib
from collections import Counter
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

from lifeline_kit.errors import InputError
from lifeline_kit.reports.attach import JSON_NAME
from lifeline_kit.reports.figures import figures

META = "lifeline-report"  # name of the tag that tells what a page is about
NAMESPACE = "urn:lifeline-kit:report:1"  # of the part of a DOCX that holds the attachments
_HEAD = "book"  # how far the ledger counts; reports of before had none
_ABOUT = ("lang", "district", "period", "at", "version")
_WORD = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_DIGIT = re.compile(r"\d")
_HIDDEN = {"style", "script", "metadata", "title", "defs"}
_VOID = {"meta", "br", "img", "link", "hr", "input"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """A report as read from its file.

    Attributes
    ----------
    about : dict
        `lang`, `district`, `period`, `at`, `version`, `book`.
    shown : dict of query id to what stands there
        A list of texts for HTML and DOCX (a value may stand in several places), values for JSON.
    loose : Counter
        Texts with digits that stand under no id, such as headings: they belong to the template.
    attached : dict of file name to bytes
    producer : str
        What laid a PDF out, with its version: another one draws other pages.
    """

    form: str
    about: dict[str, str]
    shown: dict[str, object]
    loose: Counter[str] = field(default_factory=Counter)
    attached: dict[str, bytes] = field(default_factory=dict)
    producer: str = ""


def read_report(file: Path) -> Reported:
    """Read a report of any format.

    Raises
    ------
    InputError
        Where there is no such file, or it is no report of this program.
    """
    try:
        content = file.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {file}: {error.strerror or error}.") from error
    try:
        return parse_report(content)
    except (ValueError, KeyError, TypeError, zlib.error, zipfile.BadZipFile) as error:
        raise InputError(
            f"{file.name} is no report of lifeline_kit, or it is damaged; expected the html, json, "
            "pdf or docx that `lifeline checkup` wrote."
        ) from error


def parse_report(content: bytes) -> Reported:
    """Read a report from its bytes.

    Raises
    ------
    ValueError, KeyError, zlib.error, BadZipFile
        Where it is none.
    """
    if content.startswith(b"%PDF"):
        return _pdf(content)
    if content.startswith(b"PK"):
        return _docx(content)
    if content.lstrip()[:1] == b"{":
        values = json.loads(content)
        return Reported(form="json", about=_about(values), shown=figures(values))
    return _html(content.decode("utf-8"))


def _about(values: dict) -> dict[str, str]:
    about = {key: values[key] for key in _ABOUT} | {_HEAD: values.get(_HEAD, "")}
    if not all(isinstance(each, str) for each in about.values()):
        raise ValueError("what the report is about is not text")
    return about


def _unzipped(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


class _Page(HTMLParser):
    """Collects the text of marked elements, and texts with digits outside them."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.about = ""
        self.archive = ""
        self.shown: dict[str, list[str]] = {}
        self.loose: Counter[str] = Counter()
        self._open: list[tuple[str, str]] = []  # (tag, query id or "")
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "meta" and found.get("name") == META:
            self.about = found.get("content", "")
        if tag == "a" and found.get("href", "").startswith("data:application/zip;base64,"):
            self.archive = found["href"].partition(",")[2]
        if tag in _VOID:
            return
        q = found.get("data-q", "")
        if q:
            self.shown.setdefault(q, []).append("")
        self._open.append((tag, q))
        self._hidden += tag in _HIDDEN

    def handle_endtag(self, tag: str) -> None:
        while self._open:
            last, _ = self._open.pop()
            self._hidden -= last in _HIDDEN
            if last == tag:
                return

    def handle_data(self, data: str) -> None:
        if self._hidden or not data.strip():
            return
        q = next((q for _, q in reversed(self._open) if q), "")
        if q:
            self.shown[q][-1] += data if not q.startswith("charts.") else f"{data.strip()} "
        elif _DIGIT.search(data):
            self.loose[" ".join(data.split())] += 1


def _html(text: str) -> Reported:
    page = _Page()
    page.feed(text)
    page.close()
    about = _about(json.loads(page.about))
    attached = _unzipped(base64.b64decode(page.archive, validate=True)) if page.archive else {}
    return Reported(
        form="html", about=about, shown=dict(page.shown), loose=page.loose, attached=attached
    )


def _docx(content: bytes) -> Reported:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        body = ET.fromstring(archive.read("word/document.xml"))
        parts = [
            archive.read(name)
            for name in archive.namelist()
            if re.fullmatch(r"customXml/item\d+\.xml", name)
        ]
    held = next(part for part in [*parts, b""] if NAMESPACE.encode() in part or not part)
    if not held:
        raise ValueError("no part holds the report's values")
    try:
        packed = ET.fromstring(held).text or ""
        attached = _unzipped(base64.b64decode(packed, validate=True))
    except (ET.ParseError, binascii.Error) as error:
        raise ValueError("the report's values are damaged") from error
    shown: dict[str, list[str]] = {}
    loose: Counter[str] = Counter()
    for paragraph in body.iter(f"{_WORD}p"):
        _paragraph(paragraph, shown, loose)
    about = _about(json.loads(attached[JSON_NAME]))
    return Reported(form="docx", about=about, shown=dict(shown), loose=loose, attached=attached)


def _paragraph(paragraph: ET.Element, shown: dict[str, list[str]], loose: Counter[str]) -> None:
    """Take tagged values out of a paragraph; what a field shows (page numbers) is Word's own."""
    rest, depth = "", 0
    controls = {
        id(text): control
        for control in paragraph.iter(f"{_WORD}sdt")
        for text in control.iter(f"{_WORD}t")
    }
    for control in paragraph.iter(f"{_WORD}sdt"):
        tag = control.find(f"{_WORD}sdtPr/{_WORD}tag")
        q = tag.get(f"{_WORD}val", "") if tag is not None else ""
        text = "".join(each.text or "" for each in control.iter(f"{_WORD}t"))
        shown.setdefault(q, []).append(text)
    for element in paragraph.iter():
        if element.tag == f"{_WORD}fldChar":
            kind = element.get(f"{_WORD}fldCharType")
            depth += {"begin": 1, "end": -1}.get(kind or "", 0)
        elif element.tag == f"{_WORD}t" and depth <= 0 and id(element) not in controls:
            rest += element.text or ""
    if _DIGIT.search(rest):
        loose[" ".join(rest.split())] += 1


_STREAM = re.compile(rb"(\d+) 0 obj\s*(<<.*?>>)\s*stream\r?\n", re.DOTALL)
_PRODUCER = re.compile(rb"/Producer\s*\(([^)]*)\)")
_FILE = re.compile(rb"/F\s*\((?P<name>[^)]*)\).*?/EF\s*<<\s*/F (?P<object>\d+) 0 R", re.DOTALL)


def _pdf(content: bytes) -> Reported:
    """Read the attached values, and a digest of what each page draws."""
    streams = pdf_streams(content)
    objects = content + b"\n".join(data for head, data in streams.values() if b"/ObjStm" in head)
    attached = {
        found["name"].decode("latin-1"): streams[int(found["object"])][1]
        for found in _FILE.finditer(objects)
        if int(found["object"]) in streams
    }
    values = json.loads(attached[JSON_NAME])
    pages = [
        hashlib.sha256(data).hexdigest()
        for head, data in streams.values()
        if b"/Type" not in head and b"/Subtype" not in head and b" Tf" in data
    ]
    drawn = {f"pages[{number}]": [digest] for number, digest in enumerate(pages, start=1)}
    producer = _PRODUCER.search(objects)
    return Reported(
        form="pdf",
        about=_about(values),
        shown=figures(values) | drawn,
        attached=attached,
        producer=producer[1].decode("latin-1") if producer else "",
    )


def pdf_streams(content: bytes) -> dict[int, tuple[bytes, bytes]]:
    """Streams of a PDF by object number: what its dictionary says, and the unpacked data."""
    found: dict[int, tuple[bytes, bytes]] = {}
    for match in _STREAM.finditer(content):
        raw = content[match.end() :]
        head = match[2]
        if b"/FlateDecode" in head:
            data = zlib.decompressobj().decompress(raw)
        else:
            length = re.search(rb"/Length (\d+)", head)
            data = raw[: int(length[1])] if length else b""
        found[int(match[1])] = (head, data)
    return found
