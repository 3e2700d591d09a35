"""A city plays itself: what is stored equals what it holds, to the bit."""

import math
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from lifeline_kit.bench.mosquitto import Mosquitto
from lifeline_kit.errors import InputError, ServiceError
from lifeline_kit.io.live import LiveStore
from lifeline_kit.model.city import City
from lifeline_kit.model.readings import nodes, series
from lifeline_kit.services.collect import Stats
from lifeline_kit.services.devices import DeviceLog
from lifeline_kit.services.link import link_to
from lifeline_kit.services.replay import Play, replay, terminal_ids

MAX = Play(speed=math.inf, terminals=0)


def assert_same(city: City, into: Path) -> int:
    count = 0
    with LiveStore.open(into / "live") as store:
        for _, node in nodes(city.readings):
            for sensor in node["sensor"].to_numpy():
                expected = series(node, sensor)
                found = store.series([sensor])[sensor]
                assert np.array_equal(found.time, expected.time), sensor
                assert found.value.tobytes() == expected.value.tobytes(), sensor
                count += expected.time.size
    return count


def test_stored_readings_equal_the_city_s(tiny_city: City, tmp_path: Path) -> None:
    played = replay(tiny_city, MAX, into=tmp_path / "into")
    count = assert_same(tiny_city, tmp_path / "into")
    assert played.readings == count
    assert played.collected is not None
    assert played.collected.tally.accepted == count
    opened = City.open(tmp_path / "into")
    assert list(opened.sensors.index) == list(tiny_city.sensors.index)


def test_terminals_play_along_with_all_their_faults(tiny_city: City, tmp_path: Path) -> None:
    into = tmp_path / "into"
    end = np.datetime64("2026-10-02T00:00", "ms")
    played = replay(tiny_city, Play(speed=math.inf, terminals=2, end=end), into=into)
    assert played.collected is not None
    assert played.collected.rejected > 0, "the clock at 1970 was taken"
    assert played.collected.tally.duplicate > 0
    assert played.collected.tampered == set(terminal_ids(2))
    with LiveStore.open(into / "live") as store:
        found = store.series(terminal_ids(2))
        assert len(store.quarantine()) == 0
    assert all(each.time.size > 90 and each.value.max() > 0.5 for each in found.values())
    with DeviceLog(into / "live") as log:
        assert set(log.devices().index) == set(terminal_ids(2))
        assert set(log.rejects()["reason"]) == {"clock"}
        assert len(log.tampering()) >= 2
    simulated = City.open(into).sensors.loc[terminal_ids(2), "real_or_simulated"]
    assert (simulated == "simulated").all()


def test_a_second_time_adds_nothing(tiny_city: City, tmp_path: Path) -> None:
    replay(tiny_city, MAX, into=tmp_path / "into")
    again = replay(tiny_city, MAX, into=tmp_path / "into")
    assert again.collected is not None
    assert again.collected.tally.accepted == 0
    assert again.collected.tally.duplicate == again.readings
    assert_same(tiny_city, tmp_path / "into")


def test_through_a_real_broker(
    tiny_city: City, tmp_path: Path, mosquitto: Callable[..., Mosquitto]
) -> None:
    with mosquitto() as broker:
        link = link_to(broker.address)
        replay(tiny_city, MAX, link=link, into=tmp_path / "into")
        alone = replay(tiny_city, MAX, link=link)
    assert alone.collected is None
    assert alone.readings == assert_same(tiny_city, tmp_path / "into")


def test_speed_is_kept(tiny_city: City, tmp_path: Path) -> None:
    start = np.datetime64("2026-10-01T00:00", "ms")
    end = start + np.timedelta64(2, "h")
    play = Play(speed=3_600, terminals=0, start=start, end=end)
    played = replay(tiny_city, play, into=tmp_path / "into")
    assert played.readings == 4 * 8
    assert 1.6 < played.seconds < 6


def test_it_can_be_stopped(tiny_city: City, tmp_path: Path) -> None:
    stop = threading.Event()
    seen: list[int] = []

    def report(_at: np.datetime64, readings: int, _stats: Stats | None) -> None:
        seen.append(readings)
        stop.set()

    begun = time.monotonic()
    play = Play(speed=60, terminals=0)
    played = replay(tiny_city, play, into=tmp_path / "into", report=report, stop=stop)
    assert time.monotonic() - begun < 20
    assert played.readings == seen[0] < 100
    assert played.collected is not None
    assert played.collected.tally.accepted == played.readings


def test_nothing_to_play(tiny_city: City, tmp_path: Path) -> None:
    late = Play(start=np.datetime64("2030-01-01", "ms"))
    with pytest.raises(InputError, match="no readings in that time"):
        replay(tiny_city, late, link=link_to("mqtt://127.0.0.1:1"))
    with pytest.raises(InputError, match="needs a folder"):
        replay(tiny_city, MAX)
    with pytest.raises(InputError, match="--speed"):
        Play(speed=0)


def test_no_broker_there(tiny_city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lifeline_kit.services.replay._PATIENCE_S", 0.5)
    with pytest.raises(ServiceError, match="does not take readings"):
        replay(tiny_city, MAX, link=link_to("mqtt://127.0.0.1:1"))
