"""Keeping a live store: flags of touched ranges equal those of a run over everything."""

import json
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from lifeline_kit.errors import CityError
from lifeline_kit.io.examinations import examination_stamp, open_examination
from lifeline_kit.io.live import (
    LiveStore,
    is_live,
    live_version,
    open_live_city,
    recent_city,
    recorded_and_live,
)
from lifeline_kit.lifelines import ALL
from lifeline_kit.model.city import City
from lifeline_kit.model.readings import FLAT_LINE, GAP, NOT_EVALUATED, SPIKE, flatten, nodes
from lifeline_kit.quality import flag_city
from lifeline_kit.services.keep import keep, keeping
from lifeline_kit.views.worker import _pause, prepare, watch

BEGIN = np.datetime64("2026-10-25T00:00", "ms")
STEP = np.timedelta64(15, "m")
SIZE = 10 * 96  # ten days over the border of a month


@pytest.fixture
def bare_city(tiny_city: City, tmp_path: Path) -> Path:
    return tiny_city.with_(readings=xr.DataTree()).save(tmp_path / "city")


def troubled(rng: np.random.Generator, sensors: list[str]) -> pd.DataFrame:
    """Readings with gaps, spikes, stuck runs and values out of range."""
    parts = []
    for sensor in sensors:
        value = 300 + 10 * np.sin(np.arange(SIZE) / 15) + rng.normal(0, 0.5, SIZE)
        if sensor == "m1":
            value = np.abs(rng.normal(0.2, 0.05, SIZE))
        for _ in range(5):
            at = int(rng.integers(SIZE - 160))
            value[at : at + int(rng.integers(30, 150))] = value[at]  # stuck
        value[rng.integers(0, SIZE, 15)] *= 4
        value[rng.integers(0, SIZE, 4)] = -50
        time = BEGIN + np.arange(SIZE) * STEP
        keep_it = rng.random(SIZE) > 0.03
        hole = int(rng.integers(SIZE - 200))
        keep_it[hole : hole + int(rng.integers(5, 150))] = False
        parts.append(pd.DataFrame({"sensor": sensor, "time": time, "value": value})[keep_it])
    return pd.concat(parts, ignore_index=True)


def send(folder: Path, table: pd.DataFrame, came: np.datetime64) -> None:
    with LiveStore.open(folder, writable=True) as store:
        store.write(
            table["sensor"].to_numpy(dtype=object),
            table["time"].to_numpy().astype("datetime64[ms]"),
            table["value"].to_numpy(dtype=np.float32),
            arrived=came,
        )


def assert_as_a_full_run(folder: Path, at: np.datetime64) -> np.ndarray:
    """Compare every stored flag and mask up to `at` with one run over all; the masks."""
    city = open_live_city(folder, end=at + np.timedelta64(1, "ms"))
    flagged = flag_city(city, ALL, at)
    with LiveStore.open(folder) as store:
        held = store.frame(None, end=at + np.timedelta64(1, "ms")).set_index(["sensor", "time"])
    seen = []
    for _, node in nodes(flagged.readings):
        flat = flatten(node)
        owner = np.repeat(flat.sensors, np.diff(flat.starts))
        mine = held.loc[pd.MultiIndex.from_arrays([owner, flat.time])]
        for name in ("flag", "tests"):
            full = node[name].to_numpy().reshape(-1)[flat.position]
            wrong = np.flatnonzero(mine[name].to_numpy() != full)
            assert not wrong.size, (name, mine.iloc[wrong[:5]], full[wrong[:5]])
        seen.append(mine["tests"].to_numpy())
    assert sum(part.size for part in seen) == len(held)
    return np.concatenate(seen)


@pytest.mark.parametrize("seed", range(4))
def test_flags_equal_those_of_a_full_run(bare_city: Path, tiny_city: City, seed: int) -> None:
    rng = np.random.default_rng(seed)
    with LiveStore.open(bare_city, writable=True) as store:
        store.register(tiny_city.sensors)
    table = troubled(rng, ["p1", "p2", "m1", "u1"])
    late = rng.random(len(table)) < 0.02
    seen = []
    for first in range(0, SIZE, 240):
        now = BEGIN + min(first + 240, SIZE) * STEP
        part = table[~late & (table["time"] >= BEGIN + first * STEP) & (table["time"] < now)]
        send(bare_city, part, now)
        kept = keep(bare_city, at=now - 8 * STEP, hot_days=1)  # some readings wait
        assert kept.flags
        seen.append(assert_as_a_full_run(bare_city, now - 8 * STEP))
    end = BEGIN + SIZE * STEP
    send(bare_city, table[late], end)  # late ones, many of them in the sealed month
    revised = table[~late].sample(40, random_state=seed).assign(value=lambda t: t["value"] + 37)
    send(bare_city, revised, end + STEP)
    kept = keep(bare_city, at=end, hot_days=1)
    assert kept.settled > 0
    seen.append(assert_as_a_full_run(bare_city, end))
    everything = np.bitwise_or.reduce(np.concatenate(seen))
    assert everything & SPIKE
    assert everything & FLAT_LINE
    assert everything & GAP
    with LiveStore.open(bare_city) as store:
        assert store.dirty().empty
        assert store.segments().index.tolist() == ["2026-10"]
    again = keep(bare_city, at=end, hot_days=1)
    assert (again.flags, again.sealed) == (0, ())


def test_late_flags_change_the_rollups_of_a_sealed_month(bare_city: Path, tiny_city: City) -> None:
    with LiveStore.open(bare_city, writable=True) as store:
        store.register(tiny_city.sensors)
        time = BEGIN + np.arange(96) * STEP
        value = np.full(96, 300.0) + np.arange(96) % 7
        value[10] = 5000.0  # beyond the instrument's span
        store.backfill(np.full(96, "p1", dtype=object), time, value)
        assert store.rollups("day")["max"].tolist() == [5000.0]
        assert store.write_flags(np.array(["p1"]), time[[10]], [4], [1]) == 1
        assert store.rollups("day")["max"].tolist() == [306.0]
        assert store.rollups("day")["n_good"].tolist() == [95]
        store.seal(np.datetime64("2026-12-01"))
        assert store.rollups("day")["max"].tolist() == [306.0]
        assert store.series(["p1"])["p1"].flag[10] == 4


def test_sensors_that_the_city_does_not_know_are_named(bare_city: Path) -> None:
    with LiveStore.open(bare_city, writable=True) as store:
        store.register(pd.DataFrame({"quantity": ["pressure"]}, index=["x9"]).rename_axis("sensor"))
        store.write(np.array(["x9"]), np.array([BEGIN]), np.array([1.0]), arrived=BEGIN)
    kept = keep(bare_city, at=BEGIN + STEP)
    assert kept.strangers == ("x9",)
    with pytest.raises(CityError, match="is no folder"):
        keep(bare_city / "nothing", at=BEGIN)


def test_the_examination_is_stored_beside_the_city(bare_city: Path, tiny_city: City) -> None:
    with LiveStore.open(bare_city, writable=True) as store:
        store.register(tiny_city.sensors)
        for _, node in nodes(tiny_city.readings):
            flat = flatten(node)
            owner = np.repeat(flat.sensors, np.diff(flat.starts))
            store.write(owner, flat.time, flat.value, arrived=flat.time.max())
    at = tiny_city.readings["pressure/15min"]["time"].to_numpy()[-1]
    kept = keep(bare_city, at=at, examine=True)
    assert kept.examination is not None
    assert len(kept.examination.findings)
    stored = open_examination(open_live_city(bare_city))
    assert stored is not None
    pd.testing.assert_frame_equal(stored.findings, kept.examination.findings, check_dtype=False)


def test_a_collector_keeps_its_own_store_meanwhile(bare_city: Path, tiny_city: City) -> None:
    sensors = list(tiny_city.sensors.index[:2])
    table = troubled(np.random.default_rng(7), sensors).sort_values("time", ignore_index=True)
    told: list[str] = []
    clock: list[np.datetime64 | None] = [None]
    city = City.open(bare_city, readings=False)
    with LiveStore.open(bare_city, writable=True) as store:
        store.register(city.sensors)
        with keeping(store, city, now=lambda: clock[0], every_s=0.02, say=told.append):
            for part in np.array_split(np.arange(len(table)), 12):
                rows = table.iloc[part]
                now = rows["time"].max().to_datetime64().astype("datetime64[ms]")
                store.write(
                    rows["sensor"].to_numpy(dtype=object),
                    rows["time"].to_numpy().astype("datetime64[ms]"),
                    rows["value"].to_numpy(dtype=np.float32),
                    arrived=now,
                )
                clock[0] = now
                time.sleep(0.05)
        flagged_meanwhile = int((store.frame(None)["flag"] != NOT_EVALUATED).sum())
    assert told == []
    assert flagged_meanwhile > 0.5 * len(table)
    at = table["time"].max().to_datetime64().astype("datetime64[ms]")
    keep(bare_city, at=at)
    assert_as_a_full_run(bare_city, at)


def test_live_readings_are_spliced_into_the_recorded_ones(tiny_city: City, tmp_path: Path) -> None:
    folder = tiny_city.save(tmp_path / "city")
    rows = tiny_city.sensors.iloc[:2]
    name = rows.index[0]
    before = recorded_and_live(folder, rows)
    assert not is_live(folder)
    assert live_version(folder) == -1
    assert recent_city(folder).digest == City.open(folder).digest
    last = before[name].time[-1]
    with LiveStore.open(folder, writable=True) as store:
        store.register(tiny_city.sensors)
        stamps = np.array([last, last + np.timedelta64(900_000, "ms")])
        store.write(
            np.array([name, name], dtype=object),
            stamps,
            np.array([7.0, 8.0], dtype=np.float32),
            arrived=stamps[-1],
        )
    after = recorded_and_live(folder, rows)
    assert after[name].time.size == before[name].time.size + 1
    assert after[name].value[-2:].tolist() == [7.0, 8.0]
    other = rows.index[1]
    assert np.array_equal(after[other].value, before[other].value)
    live = recent_city(folder)
    assert live.digest != City.open(folder).digest
    assert live_version(folder) > 0


def test_the_worker_examines_again_when_readings_have_come(
    tiny_city: City, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tiny_city.save(tmp_path / "city")
    city = City.open(folder, readings=False)
    name = city.sensors.index[0]
    with LiveStore.open(folder, writable=True) as store:
        store.register(city.sensors)
    rounds = iter([1, 1, 1, 1])
    stamps: list[str] = []

    def then(*_rest: float) -> None:
        stamps.append(examination_stamp(city))
        if len(stamps) == 1:
            moment = recorded_and_live(folder, city.sensors)[name].time[-1]
            with LiveStore.open(folder, writable=True) as store:
                store.write(
                    np.array([name], dtype=object),
                    np.array([moment + np.timedelta64(900_000, "ms")]),
                    np.array([1.0], dtype=np.float32),
                    arrived=moment + np.timedelta64(900_000, "ms"),
                )

    monkeypatch.setattr("lifeline_kit.views.worker._pause", then)
    monkeypatch.setattr("lifeline_kit.views.worker.os.getppid", lambda: next(rounds))
    with pytest.raises(StopIteration):
        watch(folder)
    assert len(stamps) == 3
    assert stamps[0] != stamps[1]  # examined again, once
    assert stamps[1] == stamps[2]


def test_the_worker_looks_again_soon_after_a_failure(
    tiny_city: City, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tiny_city.with_(readings=xr.DataTree()).save(tmp_path / "city")
    with LiveStore.open(folder, writable=True) as store:
        store.register(tiny_city.sensors)
    rests: list[float] = []
    monkeypatch.setattr("lifeline_kit.views.worker._pause", lambda rest, *_: rests.append(rest))
    parents = iter([7, 7, 1])
    monkeypatch.setattr("lifeline_kit.views.worker.os.getppid", lambda: next(parents))
    watch(folder, poll_s=0.0, least_s=600.0)
    assert len(rests) == 1
    assert rests[0] < 600.0


def test_the_worker_rests_no_longer_than_its_server_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    parents, rests = iter([7, 7, 1]), []
    monkeypatch.setattr("lifeline_kit.views.worker.time.sleep", rests.append)
    monkeypatch.setattr("lifeline_kit.views.worker.os.getppid", lambda: next(parents))
    _pause(600.0, 5.0, 7)
    assert rests == [5.0, 5.0]


def test_a_live_city_without_readings_waits_for_them(bare_city: Path) -> None:
    with LiveStore.open(bare_city, writable=True) as store:
        store.register(City.open(bare_city, readings=False).sensors)
    prepare(bare_city)
    said = json.loads((bare_city / ".derived" / "worker.json").read_text(encoding="utf-8"))
    assert said["state"] == "waiting"
    assert open_examination(City.open(bare_city, readings=False)) is None
