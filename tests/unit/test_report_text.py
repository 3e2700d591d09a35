"""Text from outside in a report: markup, endless names, marks that reorder or break."""

import io
import json
import zipfile
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from lifeline_kit.model.city import City
from lifeline_kit.pipeline import examine
from lifeline_kit.reports.legible import MOST, legible
from lifeline_kit.reports.read_back import parse_report
from lifeline_kit.reports.write import report_files
from lifeline_kit.text import Text

FORMS = ["html", "docx", "json", "pdf"]
W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"


def named(city: City, name: str) -> City:
    return city.with_(
        name=Text(name, name),
        assets=city.assets.assign(name_zh=name, name_en=name),
        sensors=city.sensors.assign(name_zh=name, name_en=name),
        areas=city.areas.assign(name_zh=name, name_en=name),
    )


def files_of(city: City, forms: list[str] = FORMS) -> dict[str, bytes]:
    return report_files(city, examine(city), formats=forms, lang="en")


def word_text(content: bytes) -> str:
    body = ET.fromstring(zipfile.ZipFile(io.BytesIO(content)).read("word/document.xml"))
    return "".join(each.text or "" for each in body.iter(f"{W}t"))


def test_markup_is_text_everywhere(tiny_city) -> None:
    evil = """<script>alert('&')</script><img src=x onerror="alert(1)">"""
    files = files_of(named(tiny_city, evil))
    page = files["html"].decode()
    assert "<script" not in page
    assert "<img" not in page
    assert evil in parse_report(files["html"]).shown["city"][0]
    assert evil in word_text(files["docx"])
    assert json.loads(files["json"])["city"] == evil
    assert files["pdf"].startswith(b"%PDF")


def test_a_name_of_10000_characters_is_cut_visibly_and_kept_whole(tiny_city) -> None:
    name = "管" * 4999 + "x" * 4999 + "尾巴"
    files = files_of(named(tiny_city, name))
    shown = parse_report(files["html"]).shown["city"][0]
    assert shown.startswith("管管")
    assert shown.endswith("(10,000 characters, whole text in the attachment)")
    assert len(shown) < MOST + 80
    assert name not in files["html"].decode()
    for form in ("html", "docx", "pdf"):
        attached = parse_report(files[form]).attached
        assert json.loads(attached["report.json"])["city"] == name
        assert name in attached["findings.csv"].decode("utf-8-sig")
    assert "10,000 characters" in word_text(files["docx"])


@pytest.mark.parametrize(
    ("mark", "seen"),
    [
        ("\u202e", "[U+202E]"),
        ("\u200f", "[U+200F]"),
        ("\u2066", "[U+2066]"),
        ("\x00", "[U+0000]"),
        ("\x1b", "[U+001B]"),
        ("\x0b", "[U+000B]"),
        ("\ufffe", "[U+FFFE]"),
    ],
)
def test_marks_that_nobody_sees_are_written_out(tiny_city, mark: str, seen: str) -> None:
    files = files_of(named(tiny_city, f"valve{mark}7"), ["html", "docx", "json"])
    assert parse_report(files["html"]).shown["city"] == [f"valve{seen}7"]
    assert mark.encode("utf-8", "surrogatepass") not in files["html"]
    assert f"valve{seen}7" in word_text(files["docx"])  # parsed: the XML is whole
    assert json.loads(files["json"])["city"] == f"valve{mark}7"  # nothing is lost


def test_pdf_of_names_with_marks_is_written(tiny_city) -> None:
    content = files_of(named(tiny_city, "a\u202eb\x00c"), ["pdf"])["pdf"]
    assert parse_report(content).about["lang"] == "en"


def test_half_a_character_breaks_no_file(tiny_city) -> None:
    # tables refuse it, a name in city.toml does not
    files = files_of(tiny_city.with_(name=Text("a\ud800b", "a\ud800b")))
    for form in ("html", "docx"):
        assert parse_report(files[form]).shown["city"] == ["a[U+D800]b"]
    assert json.loads(files["json"])["city"] == "a\ud800b"


def test_arabic_and_emoji_stay_as_they_are() -> None:
    for text in ("صمام ٧", "阀门🔥", "e\u0301"):
        assert legible(text, "zh") == text


def test_ids_with_markup_keep_their_marks(tiny_city) -> None:
    evil = '"><script>x</script>'
    sensors = tiny_city.sensors.rename(index={"p1": evil})
    tree = tiny_city.readings.copy(deep=True)
    tree["pressure/15min"]["sensor"] = np.array([evil, "p2"], dtype=object)
    files = files_of(tiny_city.with_(sensors=sensors, readings=tree), ["html", "docx"])
    page = files["html"].decode()
    assert "<script" not in page
    assert any(evil in q for q in parse_report(files["html"]).shown)
    assert evil in word_text(files["docx"])
