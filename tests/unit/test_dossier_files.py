"""Dossiers and earlier days beside a city: there and back, damaged, bounded, made by the worker."""

import shutil
from dataclasses import fields, replace
from pathlib import Path

import pandas as pd
import pytest

from lifeline_kit.checkup.dossier import dossier
from lifeline_kit.checkup.dossier_files import (
    dossier_problem,
    dossier_stamp,
    open_dossier,
    save_dossier,
    save_problem,
)
from lifeline_kit.checkup.history import kept_days, past_before, past_periods, remember
from lifeline_kit.io.examinations import derived_folder, open_examination
from lifeline_kit.model.city import City
from lifeline_kit.model.examination import Examination
from lifeline_kit.pipeline import examine
from lifeline_kit.views.worker import gather, prepare


@pytest.fixture
def city(tiny_city: City, tmp_path: Path) -> City:
    return City.open(tiny_city.save(tmp_path / "city"))


@pytest.fixture(scope="module")
def kept() -> dict:
    """What the first test that asks for it makes, for all others."""
    return {}


@pytest.fixture
def examined(city: City, kept: dict) -> Examination:
    if "examined" not in kept:
        kept["examined"] = examine(city)
    return kept["examined"]


def days_later(examined: Examination, days: float) -> Examination:
    span = pd.Timedelta(days=days)
    scores = examined.scores.assign(until=examined.scores["until"] + span)
    return replace(examined, at=examined.at + span, scores=scores)


def test_a_dossier_there_and_back_with_and_without_a_past(
    city: City, examined: Examination
) -> None:
    assert open_dossier(city, examined.version) is None
    assert dossier_stamp(city) == ""
    later = days_later(examined, 7)
    for given in (dossier(city, examined), dossier(city, later, examined)):
        save_dossier(city, given)
        found = open_dossier(city, examined.version)
        assert found is not None
        for field in fields(given):
            one, other = getattr(found, field.name), getattr(given, field.name)
            if isinstance(other, pd.DataFrame):
                pd.testing.assert_frame_equal(
                    pd.DataFrame(one), pd.DataFrame(other), check_dtype=False,
                    check_index_type=False, check_column_type=False, obj=field.name,
                )  # fmt: skip
            else:
                assert one == other
    assert len(list(derived_folder(city).glob("dossier-*"))) == 1
    assert open_dossier(city, "another") is None


def test_a_damaged_dossier_is_none_and_the_worker_makes_it_again(
    city: City, examined: Examination
) -> None:
    told = dossier(city, examined)
    folder = save_dossier(city, told)
    (folder / "plans.parquet").write_bytes(b"not a table")
    assert open_dossier(city, examined.version) is None
    short = replace(examined, since=examined.at - pd.Timedelta("2D"))  # nothing a week ago
    gather(city, short, readings=lambda: pytest.fail("no readings are needed"))
    again = open_dossier(city, examined.version)
    assert again is not None
    assert again.before_at is None
    stamp = dossier_stamp(city)
    gather(city, short, readings=lambda: pytest.fail("no readings are needed"))
    assert dossier_stamp(city) == stamp  # made once
    shutil.rmtree(derived_folder(city) / stamp.split()[1])
    assert open_dossier(city, examined.version) is None
    save_dossier(city, told)
    file = derived_folder(city) / "dossier.json"
    file.write_text(file.read_text().replace('"format": ', '"format": 99'))
    assert open_dossier(city, examined.version) is None  # of another version of the code
    file.write_text("[half")
    assert open_dossier(city, examined.version) is None
    assert dossier_stamp(city) == ""


def test_a_reason_why_there_is_no_dossier_is_kept_for_the_page(city: City) -> None:
    save_problem(city, "v1", "no price")
    assert dossier_problem(city, "v1") == "no price"
    assert dossier_problem(city, "v2") == ""
    assert open_dossier(city, "v1") is None


def test_what_changed_is_told_from_about_a_week_ago(city: City, examined: Examination) -> None:
    at = examined.at
    assert past_before(city, at) is None
    for days in (-20, -8, -7, -3, 0):
        remember(city, days_later(examined, days))
    past = past_before(city, at)
    assert past is not None
    assert past.at == at - pd.Timedelta("7D")
    pd.testing.assert_frame_equal(past.risk, examined.risk, check_dtype=False)
    assert "asset" not in set(past.scores["scope"])
    newest = sorted((derived_folder(city) / "history").glob("*.zip"))
    newest[2].write_bytes(b"PK broken")
    again = past_before(city, at)
    assert again is not None
    assert again.at == at - pd.Timedelta("8D")
    newest[1].unlink()
    assert past_before(city, at) is None  # twenty days are not a week


def test_a_month_and_a_year_ago_are_found_on_file(city: City, examined: Examination) -> None:
    assert past_periods(city, examined.at) == {}
    for days in (-366, -31, -30, -7, 0):
        remember(city, days_later(examined, days), "w")
    found = past_periods(city, examined.at)
    assert found["month"].at == examined.at - pd.Timedelta("30D")
    assert found["month"].weighting == "w"
    assert found["year"].at == examined.at - pd.Timedelta("366D")
    told = dossier(city, examined, month_ago=found["month"], year_ago=found["year"])
    assert "periods" not in told.blanks
    for file in (derived_folder(city) / "history").glob("*.zip"):
        file.write_bytes(b"")
    assert past_periods(city, examined.at) == {}


def test_one_a_day_and_not_without_end(city: City, examined: Examination) -> None:
    first = remember(city, examined)
    assert remember(city, days_later(examined, -0.01)) == first
    days = pd.date_range("2024-01-01", "2026-10-10")
    chosen = kept_days(days)
    assert len(chosen) < 41 + 14
    assert max(chosen) == days[-1]
    assert kept_days(chosen) == chosen
    assert kept_days([]) == set()


def test_the_worker_looks_back_a_week_where_readings_reach_so_far(city: City) -> None:
    prepare(city.path)
    examination = open_examination(city)
    assert examination is not None
    told = open_dossier(city, examination.version)
    assert told is not None
    assert told.before_at == examination.at - pd.Timedelta("7D")
    assert set(told.score_changes["known"]) <= {"both", "now", "before", "neither"}
    assert len(told.score_changes)
    stamp = dossier_stamp(city)
    prepare(city.path)
    assert dossier_stamp(city) == stamp
