"""The payload of a device: what is taken, and that nothing at all makes it raise."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifeline_kit.services.devices import DeviceLog, refused
from lifeline_kit.services.simulator import Habits, simulate_terminal
from lifeline_kit.services.terminals import (
    MAX_BYTES,
    MAX_READINGS,
    REASONS,
    Message,
    Reading,
    Reject,
    Status,
    parse,
)

GOOD = {
    "device": "T1",
    "quantity": "methane",
    "value": 0.5,
    "unit": "%VOL",
    "time": "2026-10-01T08:00:00+08:00",
}
MS = 1_790_812_800_000


def said(**changes: object) -> bytes:
    return json.dumps(GOOD | changes).encode()


def test_a_reading_with_its_status() -> None:
    found = parse(said(battery=91.5, signal=-97, tamper=True))
    assert found == Message(
        (Reading("T1", "methane", 0.5, MS),), (Status("T1", MS, 91.5, -97, True),), ()
    )


@pytest.mark.parametrize(
    ("changes", "value"),
    [
        ({"unit": "%LEL", "value": 20}, 1.0),
        ({"unit": "ppm", "value": 5_000}, 0.5),
        ({"quantity": "pressure", "unit": "兆帕", "value": 0.4}, 400.0),
        ({"quantity": "temperature", "unit": "K", "value": 273.15}, 0.0),
    ],
)
def test_units_are_turned_into_the_quantity_s_own(changes: dict, value: float) -> None:
    found = parse(said(**changes))
    assert isinstance(found, Message)
    assert found.readings[0].value == pytest.approx(value, abs=1e-9)


def test_epoch_milliseconds_equal_iso() -> None:
    assert parse(said(time=MS)) == parse(said())


def test_the_explosive_limit_is_an_argument() -> None:
    found = parse(said(unit="%LEL", value=100), lel_of_methane=4.4)
    assert isinstance(found, Message)
    assert found.readings[0].value == pytest.approx(4.4)


def test_one_bad_entry_of_a_list_leaves_the_others() -> None:
    found = parse(json.dumps([GOOD, GOOD | {"value": "high"}, GOOD | {"time": MS}]).encode())
    assert isinstance(found, Message)
    assert len(found.readings) == 2
    assert [(each.reason, each.detail[:8]) for each in found.rejects] == [("value", "entry 1:")]


def test_a_broken_status_does_not_cost_the_reading() -> None:
    found = parse(said(battery="full"))
    assert isinstance(found, Message)
    assert len(found.readings) == 1
    assert [each.reason for each in found.rejects] == ["status"]


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"x" * 10_000_000, "size"),
        (b"\xff\xfe" + said(), "encoding"),
        (b"[" * 100_000, "json"),
        (b'{"a":' * 20_000 + b"1" + b"}" * 20_000, "json"),
        (said(value=float("nan")), "json"),
        (said(value=float("inf")), "json"),
        (said()[:-1] + b',"value":' + b"9" * 5_000 + b"}", "json"),
        (said(value=10**400), "value"),
        (said(value=1e39), "value"),
        (said(value=None), "value"),
        (said(value=True), "value"),
        (said(value=[[[1]]]), "value"),
        (said(value="0.5"), "value"),
        (said(device="a\x00b"), "device"),
        (said(device=""), "device"),
        (said(device="x" * 129), "device"),
        (said(device={"id": 1}), "device"),
        (said(quantity="magic"), "quantity"),
        (said(quantity=7), "quantity"),
        (said(unit="kPa"), "unit"),
        (said(unit=None), "unit"),
        (said(quantity="hydrogen_sulfide", unit="%LEL"), "unit"),
        (said(time="2026-10-01T08:00:00"), "time"),
        (said(time="yesterday"), "time"),
        (said(time=1.5), "time"),
        (said(time=None), "time"),
        (said(time=0), "clock"),
        (said(time=1_790_812_800), "clock"),
        (said(time="1970-01-01T00:00:10Z"), "clock"),
        (said(time=10**30), "clock"),
        (b"[]", "shape"),
        (json.dumps([GOOD] * (MAX_READINGS + 1)).encode(), "shape"),
        (b"3", "shape"),
        (b"null", "shape"),
        (b"", "json"),
    ],
    ids=range(35),
)  # fmt: skip
def test_hostile_payloads_are_refused_with_a_reason(payload: bytes, reason: str) -> None:
    found = parse(payload)
    assert isinstance(found, Reject)
    assert found.reason == reason
    assert len(found.detail) < 400
    assert "\x00" not in found.detail


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=12,
)


@given(st.binary(max_size=300) | json_values.map(lambda value: json.dumps(value).encode()))
def test_nothing_makes_it_raise(payload: bytes) -> None:
    found = parse(payload)
    assert isinstance(found, Message) or found.reason in REASONS


@given(st.dictionaries(st.sampled_from([*GOOD, "battery", "signal", "tamper"]), json_values))
def test_no_field_of_another_kind_makes_it_raise(changes: dict) -> None:
    found = parse(json.dumps(GOOD | changes).encode())
    if isinstance(found, Message):
        assert all(np.isfinite(np.float32(each.value)) for each in found.readings)


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_single_precision_passes_to_the_bit(value: float) -> None:
    found = parse(said(value=value))
    assert isinstance(found, Message)
    kept = np.float32(found.readings[0].value)
    assert kept.tobytes() == np.float32(value).tobytes()


def test_size_is_a_limit_not_a_taste() -> None:
    assert isinstance(parse(said(note="x" * (MAX_BYTES - 200))), Message)


def test_terminal_does_what_terminals_do() -> None:
    start = np.datetime64("2026-10-01T00:00", "ms")
    rng = np.random.default_rng(3)
    sent = simulate_terminal("T1", start=start, hours=24, rng=rng, habits=Habits())
    at = np.array([each.at for each in sent])
    assert (np.diff(at) >= np.timedelta64(0, "ms")).all()
    found = [parse(each.payload) for each in sent]
    clocks = [each for each in found if isinstance(each, Reject)]
    assert clocks
    assert {each.reason for each in clocks} == {"clock"}
    readings = [each.readings[0] for each in found if isinstance(each, Message)]
    statuses = [each.statuses[0] for each in found if isinstance(each, Message)]
    assert len(sent) > len({each.payload for each in sent}), "no message was sent twice"
    assert any(each.tamper for each in statuses)
    assert statuses[0].battery > statuses[-1].battery
    assert max(np.unique(at, return_counts=True)[1]) >= 5, "no burst after a weak signal"
    times = np.unique([each.time for each in readings])
    high = np.array([each.time for each in readings if each.value > 0.5])
    steps = np.diff(times) // 60_000
    assert set(steps) >= {15, 5}
    assert ((times[1:] - times[:-1])[np.isin(times[:-1], high)] == 300_000).all()


def test_what_is_kept_of_devices_has_an_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lifeline_kit.services.devices.KEPT_DEVICES", 3)
    monkeypatch.setattr("lifeline_kit.services.devices.KEPT_TAMPERINGS", 4)
    monkeypatch.setattr("lifeline_kit.services.devices.KEPT_REJECTS", 2)
    with DeviceLog(tmp_path, writable=True) as log:
        log.write([Status("a", 1, 50.0, None, True)], [], 1)
        flood = [Status(f"x{number}", number, 1.0, None, True) for number in range(2, 9)]
        unfit = [refused("t", b"%d" % number, Reject("json", "")) for number in range(5)]
        log.write([*flood, Status("a", 10, 40.0, None, False)], unfit, 2)
        assert sorted(log.devices().index) == ["a", "x2", "x3"]
        assert log.devices().loc["a", "battery"] == 40.0, "known devices are always heard"
        assert list(log.tampering()["device"]) == ["x5", "x6", "x7", "x8"]
        assert (len(log.rejects()), log.dropped()) == (2, 3)
