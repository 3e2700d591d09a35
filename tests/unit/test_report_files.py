"""Files of a report: PDF/A-3b with attachments, Word as centres lay it out, CSV nobody runs."""

import io
import json
import re
import zipfile
from pathlib import Path
from xml.etree import ElementTree as ET

import docx
import numpy as np
import pandas as pd
import pytest

from lifeline_kit.bench import BENCHES
from lifeline_kit.bench.run import published
from lifeline_kit.charts import fonts
from lifeline_kit.errors import MissingPartError
from lifeline_kit.model.city import City
from lifeline_kit.model.examination import Examination
from lifeline_kit.model.tables import FINDING_COLUMNS, join_findings, table
from lifeline_kit.pipeline import examine
from lifeline_kit.reports import pdf
from lifeline_kit.reports.ooxml import tag_of
from lifeline_kit.reports.read_back import parse_report, pdf_streams
from lifeline_kit.reports.rows import ROWS_PER_TABLE
from lifeline_kit.reports.write import report_files
from lifeline_kit.text import Lang

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"


@pytest.fixture
def examination(tiny_city: City) -> Examination:
    return examine(tiny_city)


def many_findings(examination: Examination, n: int) -> Examination:
    rows = [
        {
            "finding": f"water.test:{number:04d}",
            "lifeline": "water",
            "asset": "W1",
            "method": "above",
            "rule": "water.test",
            "title_zh": "压力超限",
            "title_en": "pressure above",
            "level": 3,
            "severity": 0.5,
            "since": examination.since,
            "evidence_zh": f"第 {number} 次",
            "evidence_en": f"time {number}",
        }
        for number in range(n)
    ]
    added = table(rows, FINDING_COLUMNS, "finding")
    return Examination(
        **{
            name: getattr(examination, name)
            for name in Examination.__dataclass_fields__
            if name != "findings"
        },
        findings=join_findings([examination.findings, added]),
    )


def pdf_text(content: bytes) -> bytes:
    """All objects of a PDF, those in packed streams too."""
    return content + b"\n".join(data for _, data in pdf_streams(content).values())


def test_pdf_is_an_archive_file_of_part_3_conformance_b(tiny_city, examination) -> None:
    content = report_files(tiny_city, examination, formats=["pdf"])["pdf"]
    objects = pdf_text(content)
    (xmp,) = [data for _, data in pdf_streams(content).values() if b"<x:xmpmeta" in data]
    assert re.search(rb'pdfaid:part(=")?>?3', xmp)
    assert re.search(rb'pdfaid:conformance(=")?>?B', xmp)
    assert b"/OutputIntents" in objects
    assert b"/GTS_PDFA1" in objects
    assert b"/AF [" in objects
    assert b"/DestOutputProfile" in objects
    descriptors = re.findall(rb"/Type ?/FontDescriptor.*?>>", objects, flags=re.DOTALL)
    assert descriptors
    assert all(re.search(rb"/FontFile[23]? \d+ 0 R", each) for each in descriptors)
    assert b"/Encrypt" not in objects
    assert b"/JavaScript" not in objects
    assert any(b"NotoSansCJK" in each.replace(b"-", b"") for each in descriptors)


def test_pdf_carries_values_and_whole_tables(tiny_city, examination) -> None:
    content = report_files(tiny_city, examination, formats=["pdf", "json"], lang="en")
    objects = pdf_text(content["pdf"])
    assert len(re.findall(rb"/AFRelationship ?/(?:Data|Supplement)", objects)) == 4
    attached = parse_report(content["pdf"]).attached
    assert sorted(attached) == ["findings.csv", "report.json", "scores.csv", "warnings.csv"]
    assert attached["report.json"] == content["json"]
    findings = pd.read_csv(io.BytesIO(attached["findings.csv"]))
    assert set(findings["finding"]) == set(examination.findings.index)
    scores = pd.read_csv(io.BytesIO(attached["scores.csv"]))
    assert len(scores) == len(examination.scores)
    np.testing.assert_allclose(scores["score"], examination.scores["score"])


def test_pdf_has_contents_with_pages_and_page_numbers(tiny_city, examination) -> None:
    content = report_files(tiny_city, examination, formats=["pdf"])["pdf"]
    objects = pdf_text(content)
    links = re.findall(rb"/Subtype ?/Link", objects)
    assert len(links) >= 8  # the contents lead to the chapters
    assert len(re.findall(rb"/Type ?/Page\b", objects)) >= 4
    assert b"/Outlines" in objects


def test_a_chinese_pdf_without_a_chinese_font_is_refused(tiny_city, examination, monkeypatch):
    monkeypatch.setattr(pdf, "has_chinese", lambda: False)
    with pytest.raises(MissingPartError, match=r"no Chinese font is installed.*fonts-noto-cjk"):
        report_files(tiny_city, examination, formats=["pdf"])


def test_a_font_is_told_by_its_file(monkeypatch) -> None:
    for files, expected in ((["/f/NotoSansCJK-Regular.ttc"], True), (["/f/DejaVuSans.ttf"], False)):
        fonts.has_chinese.cache_clear()
        monkeypatch.setattr(fonts, "findSystemFonts", lambda files=files: files)
        assert fonts.has_chinese() is expected
    fonts.has_chinese.cache_clear()


def test_tables_end_at_300_rows_and_the_whole_is_attached(tiny_city, examination) -> None:
    found = many_findings(examination, ROWS_PER_TABLE + 25)
    files = report_files(tiny_city, found, formats=["html", "json", "docx"], lang="en")
    said = json.loads(files["json"])
    water = next(each for each in said["chapters"] if each["lifeline"] == "water")
    assert len(water["findings"]) == ROWS_PER_TABLE
    assert water["more"] >= 25
    for form in ("html", "docx"):
        reported = parse_report(files[form])
        rows = reported.attached["findings.csv"].decode("utf-8-sig").count("water.test:")
        assert rows == ROWS_PER_TABLE + 25
        shown = {q.partition("]")[0] for q in reported.shown if "].findings[" in q}
        assert shown
        listed = [q for q in reported.shown if re.search(r"findings\[water.test:\d+\].evid", q)]
        assert len(listed) == sum("water.test" in row["id"] for row in water["findings"])


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_word_is_laid_out_as_centres_do(tiny_city, examination, lang: Lang) -> None:
    content = report_files(tiny_city, examination, formats=["docx"], lang=lang)["docx"]
    document = docx.Document(io.BytesIO(content))
    body = ET.fromstring(zipfile.ZipFile(io.BytesIO(content)).read("word/document.xml"))
    text = "".join(each.text or "" for each in body.iter(f"{W}t"))
    expected = {
        "zh": ("城市生命线体检报告", "数据截止", "评分依据完整度", "版本指纹", "总体结论", "供水"),
        "en": ("check-up report", "Data up to", "Version stamp", "Overall result", "Water"),
    }[lang]
    assert all(words in text for words in expected)
    assert examination.version in text
    headings = [each.text for each in document.paragraphs if each.style.name == "Heading 1"]
    assert headings[0] == ("总体结论" if lang == "zh" else "Overall result")
    assert len(headings) >= 8
    for each in document.tables:
        first = each.rows[0]._tr
        assert first.find(f"{W}trPr/{W}tblHeader") is not None
        assert all(row._tr.find(f"{W}trPr/{W}cantSplit") is not None for row in each.rows)
    normal = document.styles["Normal"].element.rPr.rFonts
    assert normal.get(f"{W}eastAsia") == "Microsoft YaHei"
    codes = " ".join(each.text or "" for each in body.iter(f"{W}instrText"))
    assert "TOC" in codes
    assert codes.count("PAGEREF") == len(headings)
    footer = document.sections[0].footer._element.xml
    assert "PAGE" in footer
    assert "NUMPAGES" in footer
    assert document.sections[0].different_first_page_header_footer
    assert document.sections[0].page_width.mm == pytest.approx(210, abs=0.5)
    assert len(document.inline_shapes) >= 4  # map, scores, two series


def test_word_parts_of_gas_and_heating(tiny_city, examination) -> None:
    content = report_files(tiny_city, examination, formats=["docx", "html"], lang="en")
    shown = parse_report(content["docx"]).shown
    page = parse_report(content["html"]).shown
    missing = {q for q in page if not q.startswith("charts.")} - set(shown)
    tagged = {tag_of(q) for q in page if not q.startswith("charts.")}
    assert not {tag_of(q) for q in missing} - set(shown)  # what the page shows, Word shows
    assert len(tagged) == len({q for q in page if not q.startswith("charts.")})


def test_tags_fit_word_and_stay_apart() -> None:
    long = [f"chapters[water].findings[{'x' * 80}{n}].evidence" for n in range(3)]
    tags = {tag_of(q) for q in long}
    assert len(tags) == 3
    assert all(len(tag) <= 64 for tag in tags)
    assert tag_of("score") == "score"


def test_no_cell_of_the_csv_is_a_formula(tiny_city, tmp_path: Path) -> None:
    names = tiny_city.assets["name_zh"].where(tiny_city.assets.index != "W1", '=cmd|"/c calc"!A0')
    city = tiny_city.with_(assets=tiny_city.assets.assign(name_zh=names))
    content = report_files(city, examine(city), formats=["html"])["html"]
    text = parse_report(content).attached["findings.csv"].decode("utf-8-sig")
    assert "cmd|" in text
    assert not re.search(r'(^|[,"])=cmd', text, flags=re.MULTILINE)


def test_the_monthly_report_has_targets() -> None:
    targets = published()["report"]
    assert (targets["cpu_s"]["target"], targets["pdf_mb"]["target"]) == (10, 3)
    assert set(targets) <= {"cpu_s", "wall_s", "html_mb", "pdf_mb", "docx_mb"}
    assert BENCHES["report"].needs_data is False
