"""Bulletins out of the demo city's shipped ledger, and the ledger itself."""

import re
import shutil
from pathlib import Path

import pandas as pd
import pytest

from lifeline_kit.cli import main
from lifeline_kit.demo.desk import verdict_of
from lifeline_kit.early_warning.duty import load_duty
from lifeline_kit.errors import InputError
from lifeline_kit.io.ledger import Draft, Ledger
from lifeline_kit.model.city import City
from lifeline_kit.reports.bulletin import KINDS, bulletin_html, compose_bulletin
from lifeline_kit.services.desk import ledger_place

DEMO = Path(__file__).parents[2] / "data" / "demo"
AT = pd.Timestamp("2026-10-31T16:00")
NASTY = "<script>alert(1)</script> & \u202e" + "长" * 10_000


@pytest.fixture(scope="module")
def city(tmp_path_factory):
    """The demo city in a folder of its own: its ledger is made there from the shipped copy."""
    folder = tmp_path_factory.mktemp("city") / "wuhan"
    shutil.copytree(DEMO / "wuhan", folder, ignore=shutil.ignore_patterns(".derived"))
    return City.open(folder, readings=False)


@pytest.fixture(scope="module")
def ledger(city):
    with Ledger.open(ledger_place(city)) as opened:
        yield opened


def test_the_shipped_ledger_is_whole_simulated_and_of_a_month(city, ledger):
    assert ledger.verify().problems == ()
    warnings = ledger.items(open_only=False, limit=None)
    assert len(warnings) >= 40
    assert {body["origin"] for body in warnings["body"]} == {"simulated"}
    assert warnings["opened"].max() - warnings["opened"].min() > pd.Timedelta(days=25)
    verdicts = ledger.items("verdict", open_only=False, limit=None)
    assert {"leak", "biogas", "device", "false"} <= {body["verdict"] for body in verdicts["body"]}
    assert {body["origin"] for body in verdicts["body"]} == {"simulated"}
    assert not (city.path / "ledger.sqlite").exists()  # what was shipped is not played with


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_each_kind_counts_its_own_period(city, ledger, kind, lang):
    bulletin = compose_bulletin(city, ledger, load_duty(), kind=kind, at=AT, lang=lang)
    every = ledger.items(open_only=False, limit=None)
    since = AT - KINDS[kind][1]
    assert bulletin.n_fresh == ((every["opened"] >= since) & (every["opened"] < AT)).sum()
    assert bulletin.n_closed == (every["closed"] >= since).sum()
    assert bulletin.n_open == every["closed"].isna().sum() == len(bulletin.open)
    text = bulletin_html(bulletin, lang)
    assert KINDS[kind][0](lang) in text
    assert ("模拟数据" if lang == "zh" else "Simulated data") in text
    assert "<script" not in text


def test_nothing_from_data_runs_or_breaks_the_page(city, tmp_path):
    with Ledger.open(tmp_path / "l.sqlite", create=True) as ledger:
        body = {"level": 1, "unit": NASTY, "title_zh": NASTY, "lifeline": "gas", "asset": NASTY}
        now = (AT - pd.Timedelta(hours=1)).to_datetime64()
        ledger.append(
            [Draft(entity="warning", item="W", act="issue", actor="t", body=body)], now=now
        )
        bulletin = compose_bulletin(city, ledger, load_duty(), kind="day", at=AT, lang="zh")
    text = bulletin_html(bulletin, "zh")
    assert "<script" not in text
    assert "&lt;script&gt;alert(1)" in text
    assert len(text) < 40_000
    assert re.search(r"<bdi>&lt;script", text)


def test_a_period_without_anything_is_said(city, ledger):
    with pytest.raises(InputError, match="no warning issued before 2020-01-01"):
        compose_bulletin(
            city, ledger, load_duty(), kind="day", at=pd.Timestamp("2020-01-01"), lang="zh"
        )
    with pytest.raises(InputError, match="'year' is not known"):
        compose_bulletin(city, ledger, load_duty(), kind="year", at=AT, lang="zh")


def test_the_command_writes_a_page(city, tmp_path):
    out = tmp_path / "b.html"
    command = ["bulletin", "--city", str(city.path), "--at", "2026-10-31T16:00", "--out"]
    assert main([*command, str(out), "--kind", "week", "--lang", "en"]) == 0
    assert "Weekly bulletin" in out.read_text("utf-8")
    assert main([*command, str(tmp_path / "none" / "b.html")]) == 2
    assert main(["bulletin", "--city", str(city.path), "--at", "soon", "--out", str(out)]) == 2
    assert main(["bulletin", "--out", str(out)]) == 2


def test_a_verdict_follows_what_was_injected_there_and_then():
    truth = pd.DataFrame(
        {
            "class": ["incident", "decoy", "sensor_fault"],
            "kind": ["burst", "biogas", "stuck"],
            "asset": ["W1", "G1", "G2"],
            "sensors": ["p1;p2", "m1", "m2"],
            "start": "2026-10-05T00:00:00Z",
            "end": "2026-10-06T00:00:00Z",
        }
    )

    def seen(asset, sensor, day):
        since = pd.Timestamp(f"2026-10-{day:02d}T12:00")
        row = {"asset": asset, "sensor": sensor, "since": since, "until": since}
        return verdict_of(pd.DataFrame([row]), truth)

    assert seen("W9", "p2", 5) == "burst"
    assert seen("G1", "x", 5) == "biogas"
    assert seen("G2", "m2", 5) == "device"
    assert seen("W1", "p1", 8) == "false"
    assert seen("W9", "p9", 5) == "false"
