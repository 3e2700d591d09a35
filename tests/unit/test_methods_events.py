"""Load passages, parked loads and persistent shifts on made-up 100 Hz channels."""

from time import process_time

import numpy as np
import pytest

from lifeline_kit.methods.events import load_events, load_passages, noise_sigma, short_medians
from lifeline_kit.methods.shifts import persistent_shifts

BEGIN = np.datetime64("2026-10-01T00:00", "ms")


def channel(minutes: float = 20, *, noise: float = 0.3, level: float = 35.0, seed: int = 1):
    """A quiet channel at 100 Hz: time, value, seconds."""
    seconds = np.arange(round(minutes * 6000)) / 100
    rng = np.random.default_rng(seed)
    value = level + rng.normal(0, noise, seconds.size)
    value += 0.3 * np.sin(2 * np.pi * seconds / 97)  # wind and warmth
    return BEGIN + (seconds * 1000).round().astype("timedelta64[ms]"), value, seconds


def passage(seconds, at, *, height=8.0, width=14.0):
    """One truck: a lobe, the peak, a lobe."""
    x = (seconds - at) / width
    return np.where(np.abs(x) < 0.5, height * np.cos(np.pi * x) * np.cos(3 * np.pi * x * 0.6), 0.0)


def parked(seconds, begin, end, height):
    """Drive on, stand, drive off, four seconds each way."""
    return height * np.clip((seconds - begin) / 4, 0, 1) * np.clip((end - seconds) / 4, 0, 1)


def ringing(seconds, at, height=18.0):
    """A shock: 5 Hz, dying within seconds."""
    after = np.clip(seconds - at, 0, None)
    return np.where(seconds >= at, height * np.exp(-after / 1.2) * np.sin(2 * np.pi * 5 * after), 0)


def since(times, seconds=0.0):
    return (np.asarray(times) - BEGIN) / np.timedelta64(1, "s") - seconds


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("level", [-145.0, 0.0, 260.0])
def test_passages_and_a_parked_truck_are_told_apart_whatever_sign_and_level(sign, level):
    time, value, s = channel(level=level)
    for at in (120, 180, 700):
        value = value + sign * passage(s, at)
    value = value + sign * parked(s, 250, 600, 7.0)
    found = load_passages(time, value, floor=2.0)
    assert found["kind"].tolist() == ["passage", "passage", "parked", "passage"]
    assert found["sign"].tolist() == [sign] * 4
    np.testing.assert_allclose(since(found["peak_time"])[[0, 1, 3]], [120, 180, 700], atol=1.5)
    np.testing.assert_allclose(found["peak"][[0, 1, 3]], 8.0 * sign, atol=1.0)
    assert since(found["start"])[2] == pytest.approx(251, abs=2)
    assert found["duration_s"][2] == pytest.approx(348, abs=4)
    assert persistent_shifts(time, value, floor=2.0).empty


def test_a_truck_that_still_stands_at_the_end_has_no_end_and_is_no_shift():
    time, value, s = channel(10)
    value = value + parked(s, 200, 9999, 9.5)
    found = load_passages(time, value, floor=2.0)
    assert found["kind"].tolist() == ["parked"]
    assert found["end"].isna().all()
    assert persistent_shifts(time, value, floor=2.0).empty


def test_a_lowering_in_stages_with_shocks_is_one_shift_and_no_passage():
    time, value, s = channel(20)
    value = value + 6 * (s >= 391) + 23 * np.clip((s - 600) / 290, 0, 1)
    for at in (391, 950, 990):
        value = value + ringing(s, at)
    found = persistent_shifts(time, value, floor=2.0)
    assert len(found) == 1
    assert since(found["time"])[0] == pytest.approx(391, abs=1)
    assert found["step"][0] == pytest.approx(29, abs=0.7)
    assert found["before"][0] == pytest.approx(35, abs=0.5)
    assert found["after"][0] == pytest.approx(64, abs=0.5)
    assert since(found["settled"])[0] == pytest.approx(940, abs=30)
    assert found["delay_s"][0] == pytest.approx(480, abs=6)
    assert load_passages(time, value, floor=2.0).empty


def test_passages_before_and_after_a_shift_are_still_seen():
    time, value, s = channel(25)
    value = value - 12 * (s >= 400)
    for at in (100, 1200, 1300):
        value = value + passage(s, at)
    assert len(load_passages(time, value, floor=2.0)) == 3
    shift = persistent_shifts(time, value, floor=2.0)
    assert shift["step"].tolist() == [pytest.approx(-12, abs=0.5)]


@pytest.mark.parametrize("seed", range(3))
def test_slow_warming_and_noise_alone_give_nothing(seed):
    time, value, s = channel(180, noise=0.5, seed=seed)
    value = value + 18 * s / s[-1]  # as on a spring morning
    assert load_events(time, value, floor=2.0).empty


def test_shocks_alone_are_no_loads():
    time, value, s = channel(10)
    for at in (100, 200.3, 420.7):
        value = value + ringing(s, at, 25)
    assert load_passages(time, value, floor=2.0).empty


def test_noise_raises_the_threshold_above_the_floor():
    time, value, s = channel(10, noise=8.0)
    value = value + passage(s, 300, height=6.0)
    assert load_passages(time, value, floor=0.5).empty


def test_bearings_that_do_not_return_exactly_do_not_keep_an_event_open():
    time, value, s = channel(15, noise=0.04, level=210)
    value = value + parked(s, 100, 480, 11.0) + 1.6 * (s > 480) + passage(s, 600, height=11)
    found = load_passages(time, value, floor=2.0)
    assert found["kind"].tolist() == ["parked", "passage"]
    assert persistent_shifts(time, value, floor=2.0).empty


def test_gaps_and_missing_values_join_nothing():
    time, value, s = channel(20)
    value = value + 30 * (s > 500)  # another level after a pause of four minutes
    keep = (s < 400) | (s > 640)
    value[::97] = np.nan
    assert load_events(time[keep], value[keep], floor=2.0).empty
    assert load_events(time[:0], value[:0], floor=2.0).empty
    assert load_events(time[:50], np.full(50, np.nan), floor=2.0).empty


def test_short_medians_and_noise():
    time, value, _ = channel(1, noise=0.5)
    times, medians = short_medians(time, value, step_s=0.5)
    assert times.size == 120
    assert medians[3] == np.median(value[150:200])
    assert noise_sigma(value) == pytest.approx(0.5, rel=0.05)
    assert noise_sigma(np.zeros(2)) == 0


def test_causal_every_load_that_ended_is_found_the_same_without_the_future():
    time, value, s = channel(20)
    for at in (120, 700):
        value = value + passage(s, at)
    whole = load_passages(time, value, floor=2.0)
    cut = load_passages(time[:60_000], value[:60_000], floor=2.0)
    assert cut.iloc[0]["start"] == whole.iloc[0]["start"]
    assert len(cut) == 1


def test_twenty_minutes_at_100_hz_take_well_under_two_seconds():
    time, value, s = channel(20)
    value = value + passage(s, 300)
    begin = process_time()
    load_passages(time, value, floor=2.0)
    persistent_shifts(time, value, floor=2.0)
    assert process_time() - begin < 1.0
