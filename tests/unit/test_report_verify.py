"""Query ids and `lifeline verify`: every number traced, every changed number found."""

import io
import json
import re
import zipfile
import zlib
from dataclasses import replace
from pathlib import Path

import pytest

from lifeline_kit import cli
from lifeline_kit.errors import CityError, InputError
from lifeline_kit.model.city import City
from lifeline_kit.pipeline import examine
from lifeline_kit.reports.content import compose
from lifeline_kit.reports.figures import Figure, figures, plain
from lifeline_kit.reports.period import month
from lifeline_kit.reports.read_back import parse_report, pdf_streams, read_report
from lifeline_kit.reports.verify import verify_report
from lifeline_kit.reports.words import WORDS
from lifeline_kit.reports.write import FORMATS, report_files

REPORTS = [each for each in FORMATS if each != "xlsx"]  # tables alone say nothing of themselves


@pytest.fixture
def folder(tiny_city: City, tmp_path: Path) -> Path:
    return tiny_city.save(tmp_path / "tiny")


@pytest.fixture
def files(folder: Path) -> dict[str, bytes]:
    city = City.open(folder)
    return report_files(city, examine(city), lang="en", formats=REPORTS)


def run(capsys, *arguments) -> tuple[int, str, str]:
    code = cli.main([str(each) for each in arguments])
    seen = capsys.readouterr()
    return code, seen.out, seen.err


def in_word(content: bytes, change) -> bytes:
    """Change the text of a document as an editor would."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(stream, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            new.writestr(name, change(data.decode()) if name == "word/document.xml" else data)
    return stream.getvalue()


def test_ids_are_the_paths_of_the_report(tiny_city) -> None:
    examination = examine(tiny_city)
    values = plain(compose(tiny_city, examination, lang="zh"))
    flat = figures(values)
    whole = examination.scores[examination.scores["scope"] == "city"].iloc[0]
    health = examination.health
    gas = health[health["lifeline"] == "gas"]
    assert flat["score"] == whole["score"]
    assert flat["chapters[gas].monitoring.online"] == gas["online"].mean()
    assert flat["chapters[water].inventory.km"] == pytest.approx(4.0)
    assert flat["districts[Z1].population"] == 10000.0
    assert flat["chapters[gas].warned.2"] == int(
        ((examination.warnings["lifeline"] == "gas") & (examination.warnings["level"] == 2)).sum()
    )
    assert len(flat) > 200


def test_rows_without_a_key_of_their_own_are_numbered() -> None:
    assert figures({"rows": [{"id": "a", "n": 1}, {"id": "a", "n": 2}]}) == {
        "rows[0].id": "a",
        "rows[0].n": 1,
        "rows[1].id": "a",
        "rows[1].n": 2,
    }


def test_a_figure_knows_where_it_stands() -> None:
    report = Figure({"chapters": [{"lifeline": "gas", "n": None}]}, lang="en", marked=True)
    (chapter,) = report.chapters
    assert chapter.n.q == "chapters[gas].n"
    assert chapter.n.as_number() == chapter.n.as_share() == "–"
    assert chapter.lifeline.__html__() == (
        '<span data-q="chapters[gas].lifeline" title="chapters[gas].lifeline">gas</span>'
    )
    with pytest.raises(AttributeError):
        _ = report.nothing


def test_every_number_of_the_page_stands_under_an_id(files) -> None:
    reported = parse_report(files["html"])
    values = figures(json.loads(files["json"]))
    assert {q for q in reported.shown if not q.startswith("charts.")} <= set(values)
    # the only digits left are the cuts of the grades, in the words of the template
    assert list(reported.loose) == [WORDS["method_note"].en]
    assert sum(len(texts) for texts in reported.shown.values()) > 150


@pytest.mark.parametrize("form", REPORTS)
def test_an_untouched_report_is_verified(form, files, folder, tmp_path, capsys) -> None:
    file = tmp_path / f"r.{form}"
    file.write_bytes(files[form])
    code, out, err = run(capsys, "verify", file, "--city", folder)
    assert code == 0, out + err
    assert re.search(r"[\d,]+ values computed again, none differs", out)
    assert "stamp" not in err


def test_one_changed_number_of_a_page_is_found(files, folder, tmp_path, capsys) -> None:
    page = files["html"].decode()
    score = parse_report(files["html"]).shown["score"][0]
    forged = page.replace(f'title="score">{score}<', 'title="score">99.9<')
    assert forged != page
    file = tmp_path / "r.html"
    file.write_text(forged, encoding="utf-8")
    code, out, _ = run(capsys, "verify", file, "--city", folder)
    assert code == 1
    assert "99.9" in out
    assert score in out
    assert "1 of" in out


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (r"<h2>Warnings</h2>", "<h2>Warnings: 0 of 1990</h2>"),  # a number without an id
        (r">(\d+\.\d)  ([A-E])</text>", r">99.9  \2</text>"),  # in a chart
        (r'<span data-q="n_open"[^>]*>[^<]*</span>', ""),  # taken out
        (r'data-q="chapters\[water\]\.n"', 'data-q="chapters[gas].n"'),  # moved
    ],
)
def test_other_forgeries_of_a_page_are_found(old, new, files, folder) -> None:
    forged = re.sub(old, new, files["html"].decode())
    assert forged != files["html"].decode()
    verdict = verify_report(parse_report(forged.encode()), City.open(folder))
    assert verdict.differences


def test_one_changed_number_of_a_word_file_is_found(files, folder) -> None:
    score = parse_report(files["docx"]).shown["score"][0]
    forged = in_word(files["docx"], lambda text: text.replace(f">{score}</w:t>", ">99.9</w:t>"))
    verdict = verify_report(parse_report(forged), City.open(folder))
    assert "score" in {each.q for each in verdict.differences}
    assert {each.reported for each in verdict.differences if each.q == "score"} == {"99.9"}


def test_new_fonts_and_updated_fields_of_a_word_file_are_no_difference(files, folder) -> None:
    def edited(text: str) -> str:
        text = text.replace('<w:sz w:val="16"/>', '<w:sz w:val="20"/>')
        return re.sub(
            r'(PAGEREF.*?w:fldCharType="separate"/></w:r><w:r><w:t xml:space="preserve">)',
            r"\g<1>17",
            text,
        )

    again = in_word(files["docx"], edited)
    assert again != files["docx"]
    assert not verify_report(parse_report(again), City.open(folder)).differences


def test_a_changed_value_of_json_or_attachment_is_found(files, folder) -> None:
    city = City.open(folder)
    values = json.loads(files["json"])
    values["chapters"][0]["completeness"] -= 1e-6
    forged = json.dumps(values).encode()
    (found,) = verify_report(parse_report(forged), city).differences
    assert found.q.endswith("].completeness")
    values = json.loads(files["json"])
    values["n_open"] = True  # equals 1 in Python, and is none
    assert verify_report(parse_report(json.dumps(values).encode()), city).differences


def redrawn(content: bytes) -> bytes:
    """Draw something else on one page of a PDF."""
    streams = pdf_streams(content)
    number = next(
        number
        for number, (head, data) in streams.items()
        if b" Tf" in data and b"/Type" not in head and data.count(b"TJ") > 20
    )
    head, data = streams[number]
    end = data.rindex(b"TJ")
    forged = zlib.compress(data[: data.rindex(b"[", 0, end)] + b"[] " + data[end:])
    begin = content.index(head, content.index(b"\n%d 0 obj" % number)) + len(head)
    start = content.index(b"stream\n", begin) + len(b"stream\n")
    return content[:start] + forged + content[content.index(b"\nendstream", start) :]


def test_a_page_of_a_pdf_that_was_drawn_anew_is_found(files, folder) -> None:
    forged = redrawn(files["pdf"])
    (found,) = verify_report(parse_report(forged), City.open(folder)).differences
    assert re.fullmatch(r"pages\[\d+\]", found.q)


def test_pages_that_another_program_laid_out_are_not_compared(files, folder) -> None:
    reported = replace(parse_report(redrawn(files["pdf"])), producer="WeasyPrint 1.0")
    verdict = verify_report(reported, City.open(folder))
    assert not verdict.differences
    assert "pages of the PDF were not compared" in verdict.notes[0].en


def test_a_report_of_an_earlier_moment_is_verified(tiny_city, tmp_path, capsys) -> None:
    folder = tiny_city.with_(time_zone="America/New_York").save(tmp_path / "west")
    out = tmp_path / "r.html"
    common = ("--city", folder)
    code, _, err = run(capsys, "checkup", *common, "--period", "2026-09", "--out", out)
    assert code == 0, err
    assert read_report(out).about["at"] == "2026-10-01T03:45:00"
    code, said, err = run(capsys, "verify", out, *common)
    assert code == 0, said
    assert "stamp" not in err


def test_other_data_are_said_and_differ(files, folder, tiny_city, tmp_path, capsys) -> None:
    assets = tiny_city.assets.assign(length_m=tiny_city.assets["length_m"] * 2)
    other = tiny_city.with_(assets=assets).save(tmp_path / "other")
    file = tmp_path / "r.json"
    file.write_bytes(files["json"])
    code, out, err = run(capsys, "verify", file, "--city", other)
    assert code == 1
    assert "the version stamp differs" in err
    assert "inventory.km" in out


def test_reports_of_a_district_and_a_month_are_verified(folder) -> None:
    city = City.open(folder)
    period = month("2026-10", city.time_zone)
    made = report_files(
        city, examine(city), lang="zh", district="Z1", period=period, formats=["html"]
    )
    reported = parse_report(made["html"])
    assert (reported.about["district"], reported.about["period"]) == ("Z1", "2026-10")
    assert not verify_report(reported, city).differences


def test_a_report_of_another_city_is_refused(files, folder) -> None:
    reported = parse_report(files["json"])
    reported.about["district"] = "Z9"
    with pytest.raises(CityError, match="'Z9' is not in the city"):
        verify_report(reported, City.open(folder))


@pytest.mark.parametrize(
    "content",
    [b"", b"hello", b"{}", b"[1]", b"%PDF-1.7 nothing", b"PK\x03\x04 cut", b"<html></html>",
     b"\xff\xfe\x00", b'{"lang": 1}', b"{"],
)  # fmt: skip
def test_what_is_no_report_is_refused_in_one_line(content, folder, tmp_path, capsys) -> None:
    file = tmp_path / "x.html"
    file.write_bytes(content)
    with pytest.raises(InputError, match=r"x\.html is no report of lifeline_kit"):
        read_report(file)
    code, _, err = run(capsys, "verify", file, "--city", folder)
    assert code == 2
    assert "Traceback" not in err


def test_a_damaged_report_is_refused(files, tmp_path) -> None:
    for form in ("docx", "pdf"):
        file = tmp_path / f"r.{form}"
        file.write_bytes(files[form][: len(files[form]) // 3])
        with pytest.raises(InputError, match="is no report of lifeline_kit, or it is damaged"):
            read_report(file)


def test_a_missing_file_and_a_missing_city(files, tmp_path, capsys) -> None:
    code, _, err = run(capsys, "verify", tmp_path / "none.html", "--city", tmp_path)
    assert code == 2
    assert "cannot read" in err
    file = tmp_path / "r.json"
    file.write_bytes(files["json"])
    code, _, err = run(capsys, "verify", file)
    assert code == 2
    assert "--city DIR" in err


@pytest.mark.parametrize("form", ["html", "pdf", "docx"])
def test_attachments_come_out(form, files, tmp_path, capsys) -> None:
    file = tmp_path / f"r.{form}"
    file.write_bytes(files[form])
    code, _, _ = run(capsys, "verify", file, "--attachments", tmp_path / "out")
    assert code == 0
    assert (tmp_path / "out" / "report.json").read_bytes() == files["json"]
    assert len(list((tmp_path / "out").iterdir())) == 4


def test_other_rules_alone_are_a_note_not_a_difference(files, folder) -> None:
    reported = parse_report(files["html"])
    reported.about["version"] = "0" * 16
    reported.shown["version"] = ["0" * 16] * 2
    verdict = verify_report(reported, City.open(folder))
    assert not verdict.differences
    assert "the version stamp differs" in verdict.notes[0].en
