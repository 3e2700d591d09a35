"""Check-up reports: what stands in them, in both languages, and what must not."""

import json
import re
import zlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from shapely import box

from lifeline_kit.errors import CityError, InputError
from lifeline_kit.model.city import City
from lifeline_kit.model.examination import Examination
from lifeline_kit.pipeline import examine
from lifeline_kit.reports import write_report
from lifeline_kit.text import LANGS, Lang, Text

MARKUP = "<script>alert(1)</script>"
EXTERNAL = re.compile(
    r"""(?:src|href)\s*=\s*["']?\s*(?:https?:)?//|url\(\s*["']?\s*(?:https?:)?//"""
)


@pytest.fixture
def examination(tiny_city: City) -> Examination:
    return examine(tiny_city)


def seen(text: str) -> str:
    """Return the page without the marks of query ids, which nobody sees."""
    return re.sub(r'<span data-q="[^"]*" title="[^"]*">([^<]*)</span>', r"\1", text)


def html_of(city: City, examination: Examination, folder: Path, **choice: object) -> str:
    (file,) = write_report(city, examination, folder / "report.html", **choice)
    return seen(file.read_text(encoding="utf-8"))


WORDS: dict[Lang, list[str]] = {
    "zh": [
        "小城",
        "资产W1",
        "资产G1",
        "模拟数据",
        "燃气",
        "供水",
        "无法判别，须现场检测",
        "依据待核",
        "一区",
    ],
    "en": [
        "Tiny",
        "asset W1",
        "asset G1",
        "Simulated",
        "Gas",
        "undecided, measure on site",
        "Zone 1",
    ],
}


@pytest.mark.parametrize("lang", LANGS)
def test_page_says_who_what_how_bad_and_why(
    tiny_city: City, examination: Examination, tmp_path: Path, lang: Lang
) -> None:
    text = html_of(tiny_city, examination, tmp_path, lang=lang)
    assert f'<html lang="{"zh-CN" if lang == "zh" else "en"}">' in text
    for word in WORDS[lang]:
        assert word in text, word
    assert re.search(r'<span class="pill l2">II</span>', text)
    for finding in examination.findings.to_dict("records"):
        evidence = finding[f"evidence_{lang}"].replace("'", "&#39;")
        assert evidence in text, evidence
    assert examination.version in text
    assert text.count("<svg") >= 4  # map, scores, two series
    whole = examination.scores[examination.scores["scope"] == "city"].iloc[0]
    assert f"<b>{whole['score']:.1f}</b>" in text
    assert f"<b>{whole['grade']}</b>" in text


@pytest.mark.parametrize("lang", LANGS)
def test_page_is_whole_in_itself(
    tiny_city: City, examination: Examination, tmp_path: Path, lang: Lang
) -> None:
    text = html_of(tiny_city, examination, tmp_path, lang=lang)
    assert not EXTERNAL.findall(text)
    assert "<script" not in text
    assert "<link" not in text
    assert "@import" not in text
    for anchor in re.findall(r'<a href="#([^"]+)"', text):
        assert f'id="{anchor}"' in text


def test_measured_cities_do_not_say_simulated(tiny_city: City, tmp_path: Path) -> None:
    city = tiny_city.with_(
        origin="real",
        assets=tiny_city.assets.assign(real_or_simulated="real"),
        sensors=tiny_city.sensors.assign(real_or_simulated="real"),
    )
    text = html_of(city, examine(city), tmp_path, lang="en")
    assert "Measured data" in text
    assert "Simulated data" not in text


def test_names_are_text_never_markup(tiny_city: City, tmp_path: Path) -> None:
    names = tiny_city.assets["name_zh"].where(tiny_city.assets.index != "W1", MARKUP)
    city = tiny_city.with_(
        name=Text(MARKUP, MARKUP),
        assets=tiny_city.assets.assign(name_zh=names),
        sensors=tiny_city.sensors.assign(name_zh=MARKUP),
        areas=tiny_city.areas.assign(name_zh=MARKUP),
    )
    text = html_of(city, examine(city), tmp_path, notes=[Text(MARKUP, MARKUP)])
    assert MARKUP not in text
    assert text.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 5


def test_dollars_in_names_are_no_formula(tiny_city: City, tmp_path: Path) -> None:
    city = tiny_city.with_(
        sensors=tiny_city.sensors.assign(name_zh=r"泵$\frac$"),
        areas=tiny_city.areas.assign(name_zh=r"区$^$"),
    )
    assert r"泵$\frac$" in html_of(city, examine(city), tmp_path)


def test_ids_from_outside_stay_in_their_attribute(tiny_city: City, tmp_path: Path) -> None:
    evil = 'p"><img src=x>'
    sensors = tiny_city.sensors.rename(index={"p1": evil})
    tree = tiny_city.readings.copy(deep=True)
    node = tree["pressure/15min"]
    node["sensor"] = np.array([evil, "p2"], dtype=object)
    city = tiny_city.with_(sensors=sensors, readings=tree)
    text = html_of(city, examine(city), tmp_path)
    assert "<img" not in text
    assert "img src=x" in text


def test_a_district(tiny_city: City, examination: Examination, tmp_path: Path) -> None:
    assets = tiny_city.assets.copy()
    assets.loc["G1", "district"] = "Z2"
    areas = tiny_city.areas
    more = areas.loc[["Z1"]].rename(index={"Z1": "Z2"}).assign(name_en="Zone 2")
    city = tiny_city.with_(assets=assets, areas=pd.concat([areas, more]).rename_axis("area"))
    text = html_of(city, examine(city), tmp_path, lang="en", district="Z1")
    assert "Tiny · Zone 1" in text
    assert "asset W1" in text
    assert 'id="water.pressure_residual:p1' in text
    assert 'id="gas.methane' not in text  # that is in the other zone, here only a cause
    assert "sensor m1" not in text


def test_a_district_by_place_shows_no_series_of_another(tiny_city: City, tmp_path: Path) -> None:
    areas = tiny_city.areas.copy()
    areas.loc["Z1", "geometry"] = box(90, 10, 110, 30)  # around G1 alone
    city = tiny_city.with_(assets=tiny_city.assets.drop(columns="district"), areas=areas)
    text = html_of(city, examine(city), tmp_path, lang="en", district="Z1")
    assert "sensor m1 (m1)" in text
    assert "sensor p1" not in text


def test_an_unknown_district(tiny_city: City, examination: Examination, tmp_path: Path) -> None:
    with pytest.raises(CityError, match="district 'Z9' is not in the city; expected one of Z1"):
        write_report(tiny_city, examination, tmp_path / "x.html", district="Z9")
    assert list(tmp_path.iterdir()) == []


def test_json_holds_the_examinations_numbers(
    tiny_city: City, examination: Examination, tmp_path: Path
) -> None:
    (file,) = write_report(tiny_city, examination, tmp_path, lang="en", formats=["json"])
    data = json.loads(file.read_text(encoding="utf-8"), parse_constant=pytest.fail)
    scores = examination.scores
    whole = scores[scores["scope"] == "city"].iloc[0]
    for key in ("score", "raw", "grade", "completeness"):
        assert data[key] == whole[key]
    for chapter in data["chapters"]:
        own = scores[
            (scores["scope"] == "lifeline") & (scores["subject"] == chapter["lifeline"])
        ].set_index("indicator")
        for indicator, score in chapter["scores"].items():
            # response is scored only where a ledger tells of tasks; it stands there as unknown
            expected = np.nan if indicator == "response" else own["score"][indicator]
            assert (score is None) if np.isnan(expected) else (score == expected)
        risk = examination.risk["level"][tiny_city.assets["lifeline"] == chapter["lifeline"]]
        assert {int(k): n for k, n in chapter["risk"].items() if n} == dict(risk.value_counts())
    assert [row["id"] for row in data["warnings"]] == ["20261010-0002", "20261010-0001"]
    assert data["n_open"] == int((examination.warnings["state"] == "open").sum())
    assert len(data["coupling"]) == 2


def test_pdf_is_a_document_of_several_pages(
    tiny_city: City, examination: Examination, tmp_path: Path
) -> None:
    (file,) = write_report(tiny_city, examination, tmp_path / "report.pdf", formats=["pdf"])
    content = file.read_bytes()
    assert content.startswith(b"%PDF")
    packed = re.findall(rb"/ObjStm.*?stream\r?\n(.*?)\r?\nendstream", content, flags=re.DOTALL)
    objects = content + b"".join(zlib.decompressobj().decompress(each) for each in packed)
    assert len(re.findall(rb"/Type ?/Page\b", objects)) > 1


def test_several_formats_go_to_a_folder(
    tiny_city: City, examination: Examination, tmp_path: Path
) -> None:
    files = write_report(tiny_city, examination, tmp_path / "out", formats=["html", "json"])
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == [
        "checkup-2026-10-11-zh.html",
        "checkup-2026-10-11-zh.json",
    ]
    assert len(files) == 2


def test_the_same_examination_gives_the_same_page(
    tiny_city: City, examination: Examination, tmp_path: Path
) -> None:
    one = html_of(tiny_city, examination, tmp_path)
    assert one == html_of(tiny_city, examination, tmp_path)


def test_a_saved_city_gives_the_page_of_the_loaded_one(tiny_city: City, tmp_path: Path) -> None:
    city = City.open(tiny_city.save(tmp_path / "city"))
    examined = examine(city)
    thin = City.open(tmp_path / "city", readings=False)
    assert html_of(thin, examined, tmp_path) == html_of(
        tiny_city.with_(readings=city.readings), examined, tmp_path
    )


def test_out_that_cannot_be_written(
    tiny_city: City, examination: Examination, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(InputError, match=r"cannot write .*report\.html: .*; name another --out"):
        write_report(tiny_city, examination, tmp_path / "file" / "report.html")
    assert (tmp_path / "file").read_text() == "mine"


def test_an_unknown_format(tiny_city: City, examination: Examination, tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match="format 'odt' is not known; expected html, pdf, json, docx"
    ):
        write_report(tiny_city, examination, tmp_path, formats=["odt"])
    assert list(tmp_path.iterdir()) == []
