"""Chapters of a report out of the ledger: handling, hazards, duties, audit trail."""

import io
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pandas as pd
import pytest

from lifeline_kit.io.ledger import Draft, Head, Ledger, Snapshot, read_snapshot
from lifeline_kit.model.city import City
from lifeline_kit.model.examination import Examination
from lifeline_kit.pipeline import examine
from lifeline_kit.reports.content import CheckupReport, compose
from lifeline_kit.reports.ledger_part import LedgerPart
from lifeline_kit.reports.legible import MOST
from lifeline_kit.reports.period import month
from lifeline_kit.reports.read_back import parse_report
from lifeline_kit.reports.write import report_files

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
HOUR = pd.Timedelta(hours=1)


@pytest.fixture
def examination(tiny_city: City) -> Examination:
    return examine(tiny_city)


def act(entity: str, item: str, what: str, **body: object) -> Draft:
    return Draft(entity=entity, item=item, act=what, actor="desk", body=body)


def told(ledger: Ledger, at: pd.Timestamp, *drafts: Draft) -> None:
    ledger.append(drafts, now=at.to_datetime64())


def issued(item: str, level: int, asset: str, lifeline: str = "gas", **more: object) -> Draft:
    said = {"unit": "燃气公司", "unit_en": "gas company", "title_zh": "超限", "title_en": "above"}
    said |= {"findings": [item], "rules": ["gas.methane"], "lifeline": lifeline, "asset": asset}
    return act("warning", item, "issue", level=level, **(said | more))


def story(ledger: Ledger, end: pd.Timestamp) -> None:
    """Fill two days before `end`: a false warning, a real one, an open one, alarms, hazards.

    The book never turns back: w2 is answered when w1 is closed, after three hours.
    """
    t = end - 48 * HOUR
    told(ledger, t - 10 * 24 * HOUR, act("hazard", "H0", "register", level=1, unit="燃气公司",
         due=(t - HOUR).isoformat(), title_zh="占压", asset="G1"))  # fmt: skip
    alarm = {"level": 4, "lifeline": "gas", "asset": "G1"}
    told(
        ledger, t,
        act("alarm", "w1", "raise", finding="w1", health=False, **alarm),
        act("alarm", "a2", "raise", finding="a2", health=False, **alarm),
        act("alarm", "a3", "raise", finding="a3", health=True, **alarm),
        issued("w1", 4, "G1"), issued("w2", 3, "W1", "water"), issued("w3", 2, "G1"),
        act("task", "t3", "order", unit="燃气公司", due=(end + HOUR).isoformat(), of="w3",
            title_zh="开挖", title_en="dig"),
        act("hazard", "H1", "register", level=3, unit="燃气公司", due=(end + HOUR).isoformat(),
            title_zh="老化", title_en="ageing", asset="G1"),
    )  # fmt: skip
    for item, verdict, hours in (("w1", "false", 3), ("w2", "leak", 30)):
        for step, minutes in (("receive", 5), ("dispose", 30), ("control", 60)):
            told(ledger, max(t + pd.Timedelta(minutes=minutes), t), act("warning", item, step))
        told(
            ledger, t + hours * HOUR,
            act("warning", item, "submit"), act("warning", item, "recheck", basis="quiet"),
            act("warning", item, "close", verdict=verdict),
            act("verdict", f"v:{item}", "give", of=item, verdict=verdict, rules=["gas.methane"]),
        )  # fmt: skip
    told(ledger, t + 31 * HOUR, act("hazard", "H0", "submit"), act("hazard", "H0", "accept"))


def book_of(
    folder: Path,
    end: pd.Timestamp,
    more: Sequence[Draft] = (),
    *,
    until: pd.Timestamp | None = None,
) -> Snapshot:
    folder.mkdir(exist_ok=True)
    with Ledger.open(folder / "ledger.sqlite", create=True) as ledger:
        story(ledger, end)
        if more:
            told(ledger, end, *more)
        return read_snapshot(ledger, until=(until or end).to_datetime64())


def report_of(
    city: City, examination: Examination, book: Snapshot | None, **asked
) -> CheckupReport:
    return compose(city, examination, lang="en", book=book, **asked)


def part_of(city: City, examination: Examination, book: Snapshot, **asked) -> LedgerPart:
    found = report_of(city, examination, book, **asked).ledger
    assert found is not None
    return found


def test_numbers_of_a_month_are_those_of_the_story(tiny_city, examination, tmp_path) -> None:
    part = part_of(tiny_city, examination, book_of(tmp_path, examination.at))
    gas = next(row for row in part.traffic if row["lifeline"] == "gas")
    assert (gas["alarms"], gas["devices"], gas["converted"]) == (3, 1, 1)
    assert gas["conversion"] == 0.5
    assert (gas["levels"], gas["closed"], gas["open"]) == ({1: 0, 2: 1, 3: 0, 4: 1}, 1, 1)
    rates = {row["key"]: row for row in part.rates}
    assert rates["response"]["value"] == (30.0 + 180.0) / 2
    assert rates["control"]["value"] == (60.0 + 180.0) / 2
    assert rates["true_share"]["value"] == 0.5
    assert (rates["overdue"]["value"], rates["overdue"]["n"]) == (1.0, 1)
    (rule,) = part.rules
    assert (rule["judged"], rule["real"], rule["precision"], rule["wasted_h"]) == (2, 1, 0.5, 3.0)
    assert rule["units"] == "gas company"
    (unit,) = part.units
    assert (unit["issued"], unit["closed"], unit["open"], unit["overdue"]) == (3, 2, 1, 1)


def test_hazards_are_counted_by_when_and_how_grave(tiny_city, examination, tmp_path) -> None:
    book = book_of(tmp_path, examination.at)
    hazards = part_of(tiny_city, examination, book).hazards
    assert (hazards.total, hazards.carried, hazards.fresh) == (2, 1, 1)
    assert (hazards.mended, hazards.open, hazards.late) == (1, 1, 0)
    assert [row["key"] for row in hazards.levels] == ["1", "3"]
    early = part_of(
        tiny_city,
        examination,
        book_of(tmp_path / "b", examination.at, until=examination.at - 40 * HOUR),
    )
    assert (early.hazards.mended, early.hazards.late) == (0, 1)


def test_the_gravest_open_things_come_first_with_unit_and_deadline(
    tiny_city, examination, tmp_path
) -> None:
    part = part_of(tiny_city, examination, book_of(tmp_path, examination.at))
    assert [row["id"] for row in part.duties] == ["w3", "t3", "H1"]
    assert [row["id"] for row in part.actions] == ["w3", "H1"]  # its task goes with the warning
    first = part.actions[0]
    assert first["unit"] == "gas company"
    assert first["late"]
    assert first["due"] != "–"


def test_what_came_after_the_head_does_not_count(tiny_city, examination, tmp_path) -> None:
    at, place = examination.at, tmp_path / "ledger.sqlite"
    before = book_of(tmp_path, at)
    with Ledger.open(place) as ledger:
        told(
            ledger, at + HOUR, act("hazard", "H9", "register", level=1, unit="x", due="2030-01-01")
        )
        assert read_snapshot(ledger, until=at.to_datetime64()).head == before.head
        again = read_snapshot(ledger, head=Head.of(str(before.head)))
        longer = read_snapshot(ledger, head=Head(seq=999, hash="0" * 64))
    assert again.problems == ()
    assert part_of(tiny_city, examination, again) == part_of(tiny_city, examination, before)
    assert "cut off" in longer.problems[0]
    report = report_of(tiny_city, examination, longer)
    assert any("not whole" in line for line in report.distrust)


def test_a_district_has_its_own_numbers(tiny_city, examination, tmp_path) -> None:
    book = book_of(tmp_path, examination.at)
    second = tiny_city.areas.loc[["Z1"]].rename(index={"Z1": "Z2"})
    where = pd.Series("Z1", index=tiny_city.assets.index).where(
        tiny_city.assets["lifeline"] == "gas", "Z2"
    )
    city = tiny_city.with_(
        areas=pd.concat([tiny_city.areas, second]), assets=tiny_city.assets.assign(district=where)
    )
    whole = part_of(city, examination, book)
    parts = [part_of(city, examination, book, district=each) for each in ("Z1", "Z2")]
    assert [part.n_warnings for part in parts] == [2, 1]
    assert sum(part.n_warnings for part in parts) == whole.n_warnings == 3
    assert all(part.seq == whole.seq for part in parts)
    assert sum(len(part.duties) for part in parts) == len(whole.duties)


def test_a_period_without_rows_and_a_city_without_ledger_say_so(
    tiny_city, examination, tmp_path
) -> None:
    with Ledger.open(tmp_path / "empty.sqlite", create=True) as ledger:
        empty = read_snapshot(ledger)
    page = report_files(tiny_city, examination, lang="en", book=empty)["html"].decode()
    assert "In the period the ledger has no alarm" in page
    assert "The ledger has no open warning, task or hazard." in page
    part = part_of(tiny_city, examination, empty)
    assert (part.seq, part.acts, part.rules) == (0, [], [])
    without = report_files(tiny_city, examination, lang="en", formats=["html", "docx"])
    assert "No ledger was given" in without["html"].decode()
    assert "No ledger was given" in word_text(without["docx"])
    assert parse_report(without["html"]).about["book"] == ""


def word_text(content: bytes) -> str:
    body = ET.fromstring(zipfile.ZipFile(io.BytesIO(content)).read("word/document.xml"))
    return "".join(each.text or "" for each in body.iter(f"{W}t"))


def test_every_format_says_the_same_with_ids(tiny_city, examination, tmp_path) -> None:
    book = book_of(tmp_path, examination.at)
    files = report_files(
        tiny_city, examination, lang="en", book=book, formats=["html", "docx", "json"]
    )
    page, word = parse_report(files["html"]), parse_report(files["docx"])
    values = json.loads(files["json"])
    assert values["book"] == str(book.head) == page.about["book"] == word.about["book"]
    for q in ("ledger.hazards.total", "ledger.traffic[gas].alarms", "ledger.rates[response].value"):
        assert page.shown[q] == word.shown[q]
    assert page.shown["ledger.hash"] == [book.head.hash]
    assert {name for name in page.attached if name.startswith("ledger_")} == {
        f"ledger_{name}.csv" for name in ("alarms", "hazards", "tasks", "verdicts", "warnings")
    }
    rows = pd.read_csv(io.BytesIO(page.attached["ledger_warnings.csv"]))
    assert list(rows["item"]) == ["w1", "w2", "w3"]


EVIL = "=1+1<script>alert('&')</script>\u202e" + "长" * 10_000


def test_texts_of_the_ledger_stay_harmless_everywhere(tiny_city, examination, tmp_path) -> None:
    evil = [
        issued("w9", 1, EVIL, unit=EVIL, unit_en=EVIL, title_zh=EVIL, title_en=EVIL, rules=[EVIL]),
        act("hazard", "H9", "register", level=1, unit=EVIL, due="2030-01-01", title_zh=EVIL),
        act("verdict", "v9", "give", of="w9", verdict="false", rules=[EVIL]),
    ]
    book = book_of(tmp_path, examination.at, evil)
    files = report_files(
        tiny_city, examination, lang="en", book=book, formats=["html", "docx", "pdf", "json"]
    )
    page = files["html"].decode()
    assert "<script" not in page
    assert "\u202e" not in page
    assert "\u202e" not in word_text(files["docx"])
    assert "长" * (MOST + 1) not in page
    assert files["pdf"].startswith(b"%PDF")
    assert EVIL in [row["title"] for row in json.loads(files["json"])["ledger"]["duties"]]
    attached = parse_report(files["docx"]).attached["ledger_hazards.csv"].decode("utf-8-sig")
    assert f"'{EVIL}" in attached


def test_a_month_counts_from_its_first_moment(tiny_city, examination, tmp_path) -> None:
    book = book_of(tmp_path, examination.at)
    now = np.datetime64(examination.at.to_datetime64(), "M")
    part = part_of(tiny_city, examination, book, period=month(str(now), tiny_city.time_zone))
    after = part_of(tiny_city, examination, book, period=month(str(now + 1), tiny_city.time_zone))
    assert part.n_warnings >= after.n_warnings == 0
    assert [row["id"] for row in after.duties] == [row["id"] for row in part.duties]
