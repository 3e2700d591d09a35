"""The live store: what it takes, what it says, what it refuses."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lifeline_kit.errors import StoreError
from lifeline_kit.io.live import LiveStore, open_live_city
from lifeline_kit.io.live.schema import HOT, SCHEMA
from lifeline_kit.io.live.sealed import ROWS_PER_GROUP, SEALED
from lifeline_kit.model.city import City
from lifeline_kit.model.readings import check_readings, is_ragged, series

T0 = np.datetime64("2026-01-15T00:00", "ms")
MIN = np.timedelta64(60_000, "ms")


def register(store: LiveStore, *names: str) -> None:
    store.register(
        pd.DataFrame(
            {
                "quantity": "pressure",
                "unit": "kPa",
                "clock": "pressure/5min",
                "interval_s": 300.0,
            },
            index=pd.Index(names, name="sensor"),
        )
    )


def put(store: LiveStore, name: str, minutes: list[int], values: list[float], came: int = 10_000):
    return store.write(
        np.array([name] * len(minutes), dtype=object),
        T0 + np.array(minutes) * MIN,
        np.array(values, dtype=np.float32),
        arrived=T0 + came * MIN,
    )


@pytest.fixture
def store(tmp_path: Path):
    with LiveStore.open(tmp_path / "live", writable=True) as live:
        register(live, "a", "b")
        yield live


def test_the_quarantine_keeps_the_newest_and_does_not_fill_the_disk(
    store: LiveStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lifeline_kit.io.live.writing.QUARANTINE_ROWS", 10)
    for k in range(5):
        put(store, f"nobody-{k}", list(range(4)), [1.0] * 4)
    kept = store.quarantine()
    assert len(kept) == 10
    assert kept["sensor"].iloc[-1] == "nobody-4"
    assert "nobody-0" not in set(kept["sensor"])


def test_tally_accounts_for_every_row(store: LiveStore) -> None:
    put(store, "a", [0, 5], [1.0, 2.0])
    tally = store.write(
        np.array(["a", "a", "a", "a", "who", "a", "a", "a"], dtype=object),
        np.append(T0 + np.array([5, 0, 3, 10, 0, 10_006, 11]) * MIN, np.datetime64("NaT")),
        np.array([2, 9, 3, 4, 5, 6, np.nan, 1], dtype=np.float32),
        arrived=T0 + 10_000 * MIN,
    )
    assert tally == (2, 1, 1, 2, 1, 1, 2)  # 3 is late and new, 0 late and revised
    quarantine = store.quarantine()
    assert sorted(quarantine["reason"]) == ["clock", "no_time", "not_a_number", "unknown_sensor"]
    assert quarantine.set_index("reason")["value"]["clock"] == 6
    assert quarantine.set_index("reason")["sensor"]["unknown_sensor"] == "who"
    mine = store.series(["a"])["a"]
    assert mine.value.tolist() == [9.0, 3.0, 2.0, 4.0]
    assert mine.value.dtype == np.float32
    revision = store.revisions("a").iloc[0]
    assert (revision["value"], revision["time"]) == (1.0, pd.Timestamp(T0))


def test_a_clock_that_jumps_back_does_no_harm(store: LiveStore) -> None:
    put(store, "a", [0, 5], [1.0, 2.0], came=100)
    tally = put(store, "a", [5, 7], [8.0, 3.0], came=50)  # the machine's clock went back
    assert (tally.accepted, tally.revised) == (1, 1)
    assert store.series(["a"])["a"].value.tolist() == [1.0, 2.0, 3.0]  # what came later stands
    kept = store.revisions("a").iloc[0]
    assert (kept["value"], kept["replaced"]) == (8.0, pd.Timestamp(T0 + 100 * MIN))
    assert store.series(["a"], as_of=T0 + 60 * MIN)["a"].value.tolist() == [8.0, 3.0]
    ahead = store.write(
        np.array(["a"], dtype=object),
        np.array([T0 + 60 * MIN]),
        np.array([1.0]),
        arrived=T0 + 100 * MIN,
        now=T0 + 50 * MIN,
    )
    assert ahead.future == 1


def test_a_million_duplicates_in_one_batch(store: LiveStore) -> None:
    size = 1_000_000
    tally = store.write(
        np.full(size, "a", dtype=object),
        np.full(size, T0),
        np.full(size, 1.5, dtype=np.float32),
        arrived=T0,
    )
    assert (tally.accepted, tally.duplicate) == (1, size - 1)
    assert store.counts()["hot_rows"] == 1
    assert len(store.revisions()) == 0


def test_dirty_ranges_are_united_and_settled_up_to_their_mark(store: LiveStore) -> None:
    put(store, "a", [0, 600], [1.0, 2.0])
    put(store, "a", [300, 310, 500], [1.0, 1.0, 1.0])
    dirty = store.dirty()
    assert dirty["since"].tolist() == [pd.Timestamp(T0 + 240 * MIN), pd.Timestamp(T0 + 440 * MIN)]
    assert dirty["until"].tolist() == [pd.Timestamp(T0 + 370 * MIN), pd.Timestamp(T0 + 560 * MIN)]
    put(store, "a", [305], [4.0])  # comes while the first marks are worked on
    store.settle(dirty)
    assert store.dirty()["since"].tolist() == [pd.Timestamp(T0 + 245 * MIN)]


def test_another_unit_for_a_known_sensor_is_refused(store: LiveStore) -> None:
    register(store, "a")
    with pytest.raises(StoreError, match="registered with unit 'kPa', now it comes with 'MPa'"):
        store.register(
            pd.DataFrame({"quantity": ["pressure"], "unit": ["MPa"]}, index=["a"]).rename_axis(
                "sensor"
            )
        )


def test_corrections_stand_beside_the_raw_values(store: LiveStore) -> None:
    put(store, "a", [0], [1.0])
    store.write_corrections(np.array(["a"]), np.array([T0]), np.array([1.5]), "drift")
    assert store.series(["a"])["a"].value.tolist() == [1.0]
    assert store.corrections(["a"]).iloc[0].tolist() == ["a", pd.Timestamp(T0), 1.5, "drift"]


def test_unknown_sensor_and_uneven_columns_are_refused(store: LiveStore) -> None:
    with pytest.raises(StoreError, match="'zz' is not registered"):
        store.series(["zz"])
    with pytest.raises(StoreError, match="2 sensors, 1 times and 1 values"):
        store.write(np.array(["a", "b"]), np.array([T0]), np.array([1.0]), arrived=T0)
    with pytest.raises(StoreError, match="'hour' or 'day'"):
        store.rollups("week")


def test_a_second_writer_is_told_who_writes(store: LiveStore) -> None:
    code = (
        "import sys; from lifeline_kit.io.live import LiveStore\n"
        "from lifeline_kit.errors import StoreError\n"
        "try: LiveStore.open(sys.argv[1], writable=True)\n"
        "except StoreError as error: print(error)\n"
    )
    said = subprocess.run(
        [sys.executable, "-c", code, str(store.folder)], capture_output=True, text=True, check=True
    ).stdout
    assert "being written by process" in said
    assert "one writer at a time" in said


def test_readers_see_what_a_writer_in_the_same_moment_writes(store: LiveStore) -> None:
    with LiveStore.open(store.folder) as reader:
        before = reader.version()
        put(store, "a", [0], [1.0])
        assert reader.version() > before
        register(store, "late_comer")
        put(store, "late_comer", [0], [2.0])
        assert set(reader.series(["a", "late_comer"])) == {"a", "late_comer"}
        with pytest.raises(StoreError, match="opened for reading"):
            reader.write(np.array(["a"]), np.array([T0]), np.array([1.0]), arrived=T0)
        store.seal(np.datetime64("2026-02-01"))
        put(store, "a", [2], [3.0])
        reader.series(["a"])
        store.seal(np.datetime64("2026-02-01"))  # the file the reader knew is gone
        assert reader.series(["a"])["a"].value.tolist() == [1.0, 3.0]


def test_absent_store_and_newer_schema_are_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"holds no hot\.sqlite"):
        LiveStore.open(tmp_path)
    LiveStore.open(tmp_path, writable=True).close()
    connection = sqlite3.connect(tmp_path / HOT)
    connection.execute(f"PRAGMA user_version = {SCHEMA + 1}")
    connection.commit()
    connection.close()
    for writable in (False, True):
        with pytest.raises(StoreError, match="upgrade lifeline_kit"):
            LiveStore.open(tmp_path, writable=writable)


def older_store(folder: Path) -> None:
    """A store as schema 1 had it: no `late`, no verdicts."""
    with LiveStore.open(folder, writable=True) as live:
        register(live, "a")
        put(live, "a", [0, 5], [1.0, 2.0])
    connection = sqlite3.connect(folder / HOT)
    connection.executescript(
        "ALTER TABLE reading DROP COLUMN late; DROP TABLE verdict; PRAGMA user_version = 1;"
    )
    connection.close()


def test_an_older_schema_is_migrated_by_a_writer(tmp_path: Path) -> None:
    older_store(tmp_path)
    with pytest.raises(StoreError, match="schema 1, expected 2"):
        LiveStore.open(tmp_path)
    with LiveStore.open(tmp_path, writable=True) as live:
        assert live.series(["a"])["a"].value.tolist() == [1.0, 2.0]
        put(live, "a", [2], [7.0])
        live.seal(np.datetime64("2026-02-01"))
    with LiveStore.open(tmp_path) as live:
        assert live.series(["a"])["a"].value.tolist() == [1.0, 7.0, 2.0]


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / HOT).write_bytes(b"nothing of the kind" * 100)
    with pytest.raises(StoreError, match="is damaged: put it aside"):
        LiveStore.open(tmp_path)


@pytest.mark.parametrize("harm", ["cut", "flip"])
def test_a_corrupt_month_is_put_aside_and_others_stay_readable(store: LiveStore, harm: str) -> None:
    rng = np.random.default_rng(1)
    minutes = np.arange(0, 40 * 1440, 5)
    put(store, "a", minutes.tolist(), rng.normal(size=minutes.size).tolist(), came=100_000)
    store.seal(np.datetime64("2026-03-01"))
    file = store.folder / SEALED / store.segments()["file"]["2026-01"]
    content = bytearray(file.read_bytes())
    if harm == "cut":
        del content[-2000:]
    else:
        content[len(content) // 3] ^= 0xFF
    file.write_bytes(content)
    with LiveStore.open(store.folder) as reader:
        with pytest.raises(StoreError, match=r"month 2026-01 .* is damaged"):
            reader.series(["a"])
        assert reader.series(["a"], start="2026-02-01")["a"].time.size == 23 * 288
        assert reader.verify()["state"].tolist() == ["damaged", "good"]
    store.verify(aside=True)
    assert store.series(["a"])["a"].time.size == 23 * 288
    assert (store.folder / "damaged" / file.name).exists()
    assert store.quarantine()["reason"].iloc[-1].startswith("damaged_month:2026-01")


def test_a_missing_month_is_named(store: LiveStore) -> None:
    put(store, "a", [0], [1.0])
    (file,) = store.seal(np.datetime64("2026-02-01"))
    file.unlink()
    with pytest.raises(StoreError, match="is named in the manifest and missing"):
        store.series(["a"])
    assert store.verify(aside=True)["state"].tolist() == ["missing"]
    assert store.series(["a"]) == {}


def test_a_sensor_larger_than_a_row_group_survives_sealing(store: LiveStore) -> None:
    size = ROWS_PER_GROUP * 2 + 17
    time = T0 + np.arange(size) * np.timedelta64(1000, "ms")
    value = np.sin(np.arange(size)).astype(np.float32)
    store.backfill(np.full(size, "b", dtype=object), time, value)
    put(store, "a", [0], [1.0])
    store.seal(np.datetime64("2026-02-01"))
    mine = store.series(["b"])["b"]
    np.testing.assert_array_equal(mine.value, value)
    np.testing.assert_array_equal(mine.time, time)
    part = store.between(time[ROWS_PER_GROUP - 3], time[ROWS_PER_GROUP + 4])
    np.testing.assert_array_equal(part["time"], time[ROWS_PER_GROUP - 3 : ROWS_PER_GROUP + 4])
    assert store.latest()["time"]["b"] == pd.Timestamp(time[-1])


def test_clocks_make_dense_nodes_where_stamps_are_shared(store: LiveStore) -> None:
    store.register(
        pd.DataFrame(
            {"quantity": ["methane"] * 2, "unit": ["%VOL"] * 2, "clock": ["methane/event"] * 2},
            index=pd.Index(["m1", "m2"], name="sensor"),
        )
    )
    put(store, "a", [0, 5, 10], [1.0, 2.0, 3.0])
    put(store, "b", [0, 5, 10], [1.0, 2.0, 3.0])
    put(store, "m1", [1, 2, 3, 8], [0.0, 0.1, 0.2, 0.3])
    put(store, "m2", [4, 5, 6, 7], [0.0, 0.1, 0.2, 0.3])
    tree = check_readings(store.readings())
    assert not is_ragged(tree["pressure/5min"].to_dataset())
    assert is_ragged(tree["methane/event"].to_dataset())
    np.testing.assert_allclose(
        series(tree["methane/event"].to_dataset(), "m2").value, [0, 0.1, 0.2, 0.3], rtol=1e-6
    )


def test_a_city_opens_with_its_live_readings(tiny_city: City, tmp_path: Path) -> None:
    folder = tiny_city.save(tmp_path / "city")
    assert open_live_city(folder).digest == City.open(folder).digest
    last = tiny_city.readings["pressure/15min"]["time"].to_numpy()[-1]
    with LiveStore.open(folder, writable=True) as live:
        live.register(tiny_city.sensors)
        first = open_live_city(folder).digest
        for name, value in (("p1", 251.0), ("m1", 0.7)):
            stamps = last + np.array([0, 15]) * MIN
            live.write(
                np.array([name] * 2, dtype=object),
                stamps,
                np.array([value, value + 1]),
                arrived=stamps[-1],
            )
    city = open_live_city(folder)
    check_readings(city.readings, city.sensors)
    assert city.digest != first
    assert city.path == folder
    p1 = series(city.readings["pressure/15min"].to_dataset(), "p1")
    assert p1.value[-2:].tolist() == [251.0, 252.0]
    assert p1.time.size == tiny_city.readings["pressure/15min"]["time"].size + 1
    m1 = series(city.readings["methane/event"].to_dataset(), "m1")
    np.testing.assert_allclose(m1.value[-2:], [0.7, 1.7], rtol=1e-6)


def test_a_live_city_opens_while_a_writer_never_rests(
    tiny_city: City, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tiny_city.save(tmp_path / "city")
    (name, *_) = tiny_city.sensors.index
    with LiveStore.open(folder, writable=True) as live:
        live.register(tiny_city.sensors)
        minutes = iter(range(0, 10_000, 5))
        whole = LiveStore.state

        def disturbed(self: LiveStore, *args, **options):
            put(live, name, [next(minutes)], [1.0], came=20_000)
            found = whole(self, *args, **options)
            put(live, name, [next(minutes)], [1.0], came=20_000)
            return found

        monkeypatch.setattr(LiveStore, "state", disturbed)
        before = open_live_city(folder)
        assert before.digest != open_live_city(folder).digest
        assert live.version() == 5  # the sensors, four readings
        assert series(before.readings[before.sensors.loc[name, "clock"]].ds, name).time[0] == T0
