"""The city folder: there and back, and every way it can be broken."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from oracles.hand import minutes

from lifeline_kit.errors import AssetsError, CityError, CrsError, LifelineError, ReadingsError
from lifeline_kit.io.store import open_city, read_series
from lifeline_kit.model.city import City
from lifeline_kit.model.readings import dense_node, nodes, ragged_node, series


@pytest.fixture
def rich_city(tiny_city: City) -> City:
    """The tiny city, with two ragged sensors across the end of a month, and daily roll-ups."""
    before_midnight = minutes(8, 30, np.datetime64("2026-10-31T22:00", "ms"))
    time = np.concatenate([before_midnight, before_midnight[2:7]])
    node = ragged_node("methane", np.array(["m1", "m2"]), np.array([8, 5]), time, np.arange(13.0))
    more = tiny_city.sensors.loc[["m1"]].rename(index={"m1": "m2"})
    tree = dict(nodes(tiny_city.readings)) | {"methane/event": node}
    days = {"date": pd.to_datetime(["2026-09-30"]).as_unit("ms"), "mean": [1.0], "min": [0.5]}
    return tiny_city.with_(
        sensors=pd.concat([tiny_city.sensors, more]).rename_axis("sensor"),
        readings=xr.DataTree.from_dict(tree),
        daily=pd.DataFrame({"sensor": ["p1"], **days, "max": [2.0], "n": [96]}),
    )


@pytest.fixture
def folder(rich_city: City, tmp_path: Path) -> Path:
    return rich_city.save(tmp_path / "city")


def _bytes(folder: Path) -> dict[str, bytes]:
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in files}


def test_there_and_back(rich_city: City, folder: Path) -> None:
    back = City.open(folder)
    for name in ("assets", "sensors", "areas", "daily"):
        pd.testing.assert_frame_equal(
            pd.DataFrame(getattr(back, name)), pd.DataFrame(getattr(rich_city, name))
        )
    assert back.assets.crs == rich_city.assets.crs
    for name in ("name", "crs", "time_zone", "origin", "sources"):
        assert getattr(back, name) == getattr(rich_city, name)
    found, given = dict(nodes(back.readings)), dict(nodes(rich_city.readings))
    assert set(found) == set(given)
    for path, node in found.items():
        assert node.identical(given[path]), path
    assert back.path == folder
    assert back.digest


def test_a_ragged_month_falls_into_two_files(folder: Path) -> None:
    files = sorted(file.name for file in (folder / "readings/methane/event").iterdir())
    assert files == ["2026-10.parquet", "2026-11.parquet"]


def test_the_same_city_gives_the_same_bytes(rich_city: City, folder: Path, tmp_path: Path) -> None:
    assert _bytes(rich_city.save(tmp_path / "again")) == _bytes(folder)


def test_opening_without_readings_leaves_them_on_disk(folder: Path) -> None:
    assert list(nodes(City.open(folder, readings=False).readings)) == []


def test_single_series_equal_the_loaded_ones(rich_city: City, folder: Path) -> None:
    whole = City.open(folder)
    found = read_series(folder, whole.sensors.loc[["p2", "m2"]])
    for sensor, path in (("p2", "pressure/15min"), ("m2", "methane/event")):
        for one, other in zip(
            found[sensor], series(dict(nodes(whole.readings))[path], sensor), strict=True
        ):
            np.testing.assert_array_equal(one, other)
    silent = whole.sensors.loc[["p2"]].rename(index={"p2": "p9"})
    assert read_series(folder, silent) == {}
    assert read_series(folder, silent.assign(clock="nothing/here")) == {}


def test_a_city_without_areas_and_with_an_empty_node(tiny_city: City, tmp_path: Path) -> None:
    nothing = dense_node("flow", np.array([], dtype=object), minutes(0), np.zeros((0, 0)))
    tree = dict(nodes(tiny_city.readings)) | {"flow/15min": nothing}
    city = tiny_city.with_(areas=tiny_city.areas[:0], readings=xr.DataTree.from_dict(tree))
    back = City.open(city.save(tmp_path / "city"))
    assert len(back.areas) == 0
    assert "flow/15min" not in dict(nodes(back.readings))


def test_a_changed_city_is_no_longer_that_of_the_folder(folder: Path) -> None:
    city = City.open(folder)
    changed = city.with_(assets=city.assets.assign(year=1900))
    assert changed.path is None
    assert changed.digest == ""
    assert city.with_(time_zone="UTC").path == folder
    assert (city.assets["year"] > 1900).all()


def _edit_manifest(change: Callable[[dict], object]) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        file = folder / "manifest.json"
        manifest = json.loads(file.read_text())
        file.write_text(json.dumps(change(manifest)))

    return edit


def _truncate(name: str) -> Callable[[Path], None]:
    return lambda folder: os.truncate(folder / name, (folder / name).stat().st_size // 2)


def _replace(name: str, content: bytes, *, listed: bool = False) -> Callable[[Path], None]:
    """Put other bytes into a file; `listed` makes the manifest agree with their size."""

    def replace(folder: Path) -> None:
        (folder / name).write_bytes(content)
        if listed:
            entry = {"size": len(content), "sha256": ""}
            _edit_manifest(lambda m: m | {"files": m["files"] | {name: entry}})(folder)

    return replace


BROKEN = {
    "half written": (lambda f: (f / "manifest.json").unlink(), "no manifest.json: it is half wr"),
    "newer": (_edit_manifest(lambda m: m | {"format": 99}), "format 99.*up to 1; upgrade"),
    "newer head": (
        _replace("city.toml", b"format = 99\n", listed=True),
        "format 99.*up to 1; upgrade",
    ),
    "garbage manifest": (_replace("manifest.json", b"\x00\xff{"), "manifest.json is not a mani"),
    "list manifest": (_edit_manifest(lambda m: [m]), "is not a manifest.*restore"),
    "thin manifest": (_edit_manifest(lambda _: {"format": 1}), "is not a manifest"),
    "odd entry": (_edit_manifest(lambda m: m | {"files": {"city.toml": 5}}), "not a manifest"),
    "truncated": (_truncate("assets.parquet"), "assets.parquet has .* bytes, the manifest says"),
    "truncated readings": (
        _truncate("readings/pressure/15min/2026-10.parquet"),
        "2026-10.parquet has .* bytes.*truncated or changed; restore",
    ),
    "no parquet": (
        _replace("assets.parquet", b"not a parquet file", listed=True),
        "cannot be read as a city.*restore it from a copy",
    ),
    "missing": (lambda f: (f / "sensors.parquet").unlink(), "sensors.parquet is named in the man"),
    "head": (_replace("city.toml", b"format = = 1", listed=True), "cannot be read as a city"),
    "empty head": (_replace("city.toml", b"format = 1", listed=True), "'time_zone'.*restore"),
    "odd head": (_replace("city.toml", b"format = 'x'", listed=True), "cannot be read as a city"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_folders_are_refused_and_left_alone(folder: Path, case: str) -> None:
    spoil, words = BROKEN[case]
    spoil(folder)
    before = _bytes(folder)
    with pytest.raises(CityError, match=words):
        City.open(folder)
    assert _bytes(folder) == before


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(CityError, match=r"nowhere is no folder.*lifeline demo build"):
        City.open(tmp_path / "nowhere")
    (tmp_path / "file").write_text("x")
    with pytest.raises(CityError, match="file is no folder"):
        City.open(tmp_path / "file")


def test_changed_bytes_of_the_same_size_are_found_on_request(folder: Path) -> None:
    file = folder / "city.toml"
    file.write_text(file.read_text().replace("Tiny", "Tony"))
    assert open_city(folder).name.en == "Tony"
    with pytest.raises(CityError, match=r"city.toml differs from its fingerprint; restore"):
        open_city(folder, verify=True)


def test_readings_of_a_sensor_that_is_not_in_the_table(tiny_city: City, tmp_path: Path) -> None:
    with pytest.raises(ReadingsError, match="'u1' is not in the sensors"):
        tiny_city.with_(sensors=tiny_city.sensors.drop("u1")).save(tmp_path / "city")


def test_a_folder_that_holds_something_is_not_touched(tiny_city: City, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    for path in (tmp_path, tmp_path / "mine.txt"):
        with pytest.raises(CityError, match="already holds something; name a new folder"):
            tiny_city.save(path)
    assert _bytes(tmp_path) == {"mine.txt": b"mine"}


def test_an_empty_folder_is_taken(tiny_city: City, tmp_path: Path) -> None:
    (tmp_path / "city").mkdir()
    assert tiny_city.save(tmp_path / "city").joinpath("manifest.json").exists()


FAULTY: dict[str, tuple[Callable[[City], City], type[LifelineError], str]] = {
    "origin": (
        lambda c: c.with_(assets=c.assets.assign(real_or_simulated="?")),
        AssetsError,
        "real_or_simulated is '\\?'",
    ),
    "mixed column": (
        lambda c: c.with_(assets=c.assets.assign(note=[1, "two", 3.0, None, b"5", []])),
        CityError,
        "cannot write the city",
    ),
}


@pytest.mark.parametrize("case", FAULTY)
def test_a_save_that_fails_leaves_nothing_behind(
    tiny_city: City, tmp_path: Path, case: str
) -> None:
    spoil, error, words = FAULTY[case]
    with pytest.raises(error, match=words):
        spoil(tiny_city).save(tmp_path / "city")
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_nothing_behind(
    tiny_city: City, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CityError, match="No space left on device; check space and permissions"):
        tiny_city.save(tmp_path / "city")
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_made(tiny_city: City, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(CityError, match=r"cannot write the city to .*city"):
        tiny_city.save(tmp_path / "file" / "city")


def test_tables_in_another_crs_than_the_city_are_refused(tiny_city: City, tmp_path: Path) -> None:
    shifted = tiny_city.with_(areas=tiny_city.areas.to_crs("EPSG:32651"))
    with pytest.raises(CrsError, match="areas are in EPSG:32651, the city in EPSG:32650"):
        shifted.save(tmp_path / "city")
    assert not (tmp_path / "city").exists()


def test_an_unknown_time_zone_is_a_damaged_city(tiny_city: City, tmp_path: Path) -> None:
    folder = tiny_city.save(tmp_path / "city")
    head = (folder / "city.toml").read_text("utf-8")
    (folder / "city.toml").write_text(head.replace("Asia/Shanghai", "Asia/Shanghaj"), "utf-8")
    with pytest.raises(CityError, match="Asia/Shanghaj"):
        City.open(folder)
