"""What pages say about a city, without any page."""

import json
import socket
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lifeline_kit.errors import MissingPartError, ReadingsError, ServiceError
from lifeline_kit.io.examinations import derived_folder, examination_stamp, save_examination
from lifeline_kit.model.city import City
from lifeline_kit.model.examination import Examination
from lifeline_kit.model.readings import NOT_EVALUATED, PASS, SUSPECT, Series
from lifeline_kit.pipeline import examine
from lifeline_kit.views import facts, riskmap, words
from lifeline_kit.views.page import PAGES
from lifeline_kit.views.report import make_report
from lifeline_kit.views.serve import check_port, page_sources
from lifeline_kit.views.state import state_of
from lifeline_kit.views.store import PROGRESS_FILE, Store, current_store, flagged
from lifeline_kit.views.tiles import tiles_file, write_tiles
from lifeline_kit.views.worker import main, prepare


@pytest.fixture
def saved(tiny_city: City, tmp_path: Path) -> City:
    return City.open(tiny_city.save(tmp_path / "city"), readings=False)


@pytest.fixture
def examination(tiny_city: City) -> Examination:
    return examine(tiny_city)


@pytest.fixture
def store(saved: City, examination: Examination) -> Store:
    save_examination(saved, examination)
    return Store(saved)


def test_tiles_follow_the_chosen_lifeline(examination: Examination) -> None:
    whole = {tile.key: tile for tile in facts.tiles(examination, "en")}
    gas = {tile.key: tile for tile in facts.tiles(examination, "en", "gas")}
    assert whole["risk"].note == "of 6 assets"
    assert gas["risk"].note == "of 2 assets"
    assert gas["online"].note == "1 of 1 sensors"
    counted = sum(mark[4] for mark in whole["warnings"].marks)
    assert counted == int(whole["warnings"].value)


def test_unknown_score_is_a_dash_and_grey(examination: Examination) -> None:
    none = replace(examination, scores=examination.scores.iloc[:0])
    score = next(tile for tile in facts.tiles(none, "zh") if tile.key == "score")
    assert score.value == "—"
    assert score.note == "资料不足，不评分"


def test_cleared_warnings_are_not_open(examination: Examination) -> None:
    rows = examination.warnings
    assert len(rows)
    cleared = replace(examination, warnings=rows.assign(cleared=examination.at, state="cleared"))
    assert not len(facts.open_warnings(cleared))


def test_asset_without_risk_is_unknown(tiny_city: City, examination: Examination) -> None:
    blind = replace(examination, risk=examination.risk.drop(index="W1"))
    levels = facts.risk_levels(tiny_city, blind)
    assert levels.dtype == np.uint8
    assert levels[tiny_city.assets.index.get_loc("W1")] == 0
    assert facts.asset_facts(tiny_city, blind, "W1", "zh").risk == 0


def test_asset_facts_word_attributes(tiny_city: City, examination: Examination) -> None:
    found = facts.asset_facts(tiny_city, examination, "W1", "en")
    attributes = dict(found.attributes)
    assert attributes["District"] == "Zone 1"
    assert attributes["Built"] == "1985"
    assert found.simulated
    assert list(found.sensors.index) == ["p1"]


def test_every_lifeline_kind_and_indicator_has_both_languages() -> None:
    texts = [*words.LIFELINES.values(), *words.KINDS.values(), *words.INDICATORS.values()]
    texts += [*words.ATTRIBUTES.values(), *words.VALUES.values()]
    assert all(text.zh and text.en for text in texts)


def test_flags_of_the_examination_reach_the_readings() -> None:
    time = np.datetime64("2026-10-01", "ms") + np.arange(4) * np.timedelta64(1, "h")
    series = Series(time, np.ones(4, "f4"), np.full(4, NOT_EVALUATED, "u1"))
    flags = pd.DataFrame(
        {"time": [time[1], np.datetime64("2027-01-01", "ms")], "flag": [SUSPECT, SUSPECT]}
    )
    found = flagged(series, flags, pd.Timestamp(time[2]))
    assert found.flag.tolist() == [PASS, SUSPECT, PASS, NOT_EVALUATED]


def test_store_follows_a_new_examination(store: Store, examination: Examination) -> None:
    before = store.stamp()
    first = store.examination()
    assert first is not None
    assert store.examination() is first
    save_examination(store.city, replace(examination, version="other"))
    assert store.stamp() != before
    assert store.examination().version == "other"


def test_store_finds_places_and_rows(store: Store) -> None:
    west, south, east, north = store.bounds()
    for x, y in store.places(["W1", "G1"]):
        assert west <= x <= east
        assert south <= y <= north
    assert store.row_of("gone") == -1
    assert [name["text"] for name in store.districts("zh")[1]] == ["一区"]


def test_tiles_are_written_once_per_city(saved: City) -> None:
    file = write_tiles(saved)
    written = file.stat().st_mtime_ns
    assert write_tiles(saved).stat().st_mtime_ns == written
    assert file == tiles_file(saved)
    assert [each.name for each in derived_folder(saved).iterdir()] == [file.name]


def test_worker_prepares_a_city_and_then_has_nothing_to_do(saved: City) -> None:
    prepare(saved.path)
    stamp = examination_stamp(saved)
    assert stamp
    folder = next(derived_folder(saved).glob("examination-*"))
    prepare(saved.path)
    assert next(derived_folder(saved).glob("examination-*")) == folder
    said = json.loads((derived_folder(saved) / PROGRESS_FILE).read_text(encoding="utf-8"))
    assert said["state"] == "done"


def test_worker_says_why_it_failed(tiny_city: City, tmp_path: Path) -> None:
    import xarray as xr

    empty = tiny_city.with_(readings=xr.DataTree(), sensors=tiny_city.sensors.iloc[:0])
    path = empty.save(tmp_path / "empty")
    with pytest.raises(ReadingsError, match="no reading"):
        prepare(path)
    assert main([str(path)]) == 2
    said = Store(City.open(path, readings=False)).progress()
    assert said["state"] == "failed"
    assert "no reading" in said["message"]


def test_report_is_a_file_with_maps_inside(store: Store) -> None:
    file = make_report(store, "en", "Z1")
    assert file.name.endswith("-Z1-en.html")
    assert "<svg" in file.read_text(encoding="utf-8")


def test_no_report_before_the_examination(saved: City) -> None:
    with pytest.raises(ServiceError, match="wait until"):
        make_report(Store(saved), "zh")


def test_port_in_use_is_named_with_another() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ServiceError, match=rf"127\.0\.0\.1:{port}.*--port {port + 1}"):
            check_port("127.0.0.1", port)


def test_no_city_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LIFELINE_CITY", str(tmp_path / "nowhere"))
    with pytest.raises(ServiceError, match=r"no city to show.*nowhere"):
        current_store()


def test_every_page_has_a_source() -> None:
    assert list(page_sources()) == list(PAGES)
    assert {"overview", "triage", "heating", "checkup"} <= set(PAGES)


def test_address_is_read_with_care() -> None:
    state = state_of({"lang": [b"fr"], "lifeline": [b"gas"], "asset": [b"\xff" * 500]})
    assert state.lang == "zh"
    assert state.lifeline == "gas"
    assert len(state.asset) <= 80


def test_map_library_comes_with_panel(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert riskmap.library_path().startswith("static/extensions/panel/bundled/")
    riskmap.library_path.cache_clear()
    monkeypatch.setattr(riskmap, "DIST_DIR", tmp_path)
    with pytest.raises(MissingPartError, match=r"maplibre-gl\.js"):
        riskmap.library_path()
    riskmap.library_path.cache_clear()
