"""Stored examinations: there and back, and where they go."""

import dataclasses
import os
import shutil
from pathlib import Path

import pandas as pd
import pytest

from lifeline_kit.errors import CityError
from lifeline_kit.io.examinations import (
    derived_folder,
    examination_stamp,
    open_examination,
    save_examination,
)
from lifeline_kit.io.store import open_city
from lifeline_kit.model.city import City
from lifeline_kit.pipeline import examine


@pytest.fixture
def city(tiny_city: City, tmp_path: Path) -> City:
    return City.open(tiny_city.save(tmp_path / "city"))


def test_there_and_back(city: City) -> None:
    assert open_examination(city) is None
    assert examination_stamp(city) == ""
    given = examine(city)
    save_examination(city, given)
    found = open_examination(city)
    assert found is not None
    assert examination_stamp(city) == given.version
    for field in dataclasses.fields(given):
        one, other = getattr(found, field.name), getattr(given, field.name)
        if isinstance(other, pd.DataFrame):
            pd.testing.assert_frame_equal(one, other, check_dtype=False, check_index_type=False)
        else:
            assert one == other


def test_the_newer_one_replaces_the_older_and_the_city_stays_whole(city: City) -> None:
    save_examination(city, examine(city))
    newer = dataclasses.replace(examine(city), version="newer")
    folder = save_examination(city, newer)
    assert examination_stamp(city) == "newer"
    assert list(derived_folder(city).glob("examination-*")) == [folder]
    assert city.path is not None
    assert open_city(city.path, verify=True).digest == city.digest


def test_what_is_derived_may_be_deleted_or_broken_at_any_time(city: City) -> None:
    folder = save_examination(city, examine(city))
    shutil.rmtree(folder)
    assert open_examination(city) is None
    (derived_folder(city) / "stamp.json").write_text("{half")
    assert open_examination(city) is None
    assert examination_stamp(city) == ""


def test_a_city_that_was_never_saved(tiny_city: City) -> None:
    with pytest.raises(CityError, match=r"never saved; save it with City.save\(path\) first"):
        derived_folder(tiny_city)


def test_a_read_only_city_uses_the_cache(
    city: City, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert city.path is not None
    (city.path / ".derived").write_text("in the way")  # no folder can be made here
    folder = derived_folder(city)
    assert folder == tmp_path / "cache" / "lifeline_kit" / city.digest
    save_examination(city, examine(city))
    assert open_examination(city) is not None


def test_a_folder_that_may_not_be_written_uses_the_cache(
    city: City, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(os, "access", lambda path, _: Path(path).name != ".derived")
    assert derived_folder(city).is_relative_to(tmp_path / "cache")
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(CityError, match=r"neither .*\.derived nor .*cache can be written"):
        derived_folder(city)
