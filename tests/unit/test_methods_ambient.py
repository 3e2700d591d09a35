"""Methane in the open air: a leaky dose over a slow background."""

from itertools import pairwise

import numpy as np
import pytest

from lifeline_kit.errors import InputError
from lifeline_kit.methods.ambient import (
    ON,
    START,
    PlumeAlarm,
    methane_episodes,
    silent_state,
    watch,
)

BEGIN = np.datetime64("2026-10-01T00:00", "ms")


def minutes(n: int) -> np.ndarray:
    return BEGIN + np.arange(n) * np.timedelta64(60_000, "ms")


def test_an_episode_has_start_end_and_peak_above_the_background():
    value = np.full(3000, 2.0)
    value[1000:1040] = 3.6
    value[1020] = 9.0
    value[1040:1060] = 2.4  # still above off
    found = methane_episodes(minutes(3000), value)
    assert len(found) == 1
    row = found.iloc[0]
    assert row["start"] == minutes(3000)[1000]
    assert row["end"] == minutes(3000)[1059]
    assert row["peak_time"] == minutes(3000)[1020]
    assert (row["peak"], row["peak_value"]) == (pytest.approx(7.0), 9.0)


def test_a_weak_plume_that_stays_starts_when_its_dose_is_full_a_blip_never():
    value = np.zeros(3000)
    value[1000:1060] = 0.5  # 0.5 ppm min a minute, forgotten in 20 min: 1.5 in the fourth
    value[2000] = 1.4  # as much as two of three minutes of it, but alone
    found = methane_episodes(minutes(3000), value)
    assert found["start"].tolist() == [minutes(3000)[1003]]


def test_dose_does_not_depend_on_how_often_the_sensor_samples():
    starts = []
    for step_s in (20, 60):
        time = BEGIN + np.arange(0, 200 * 60, step_s) * np.timedelta64(1000, "ms")
        value = np.where(time >= BEGIN + np.timedelta64(100, "m"), 0.5, 0.0)
        starts.append(methane_episodes(time, value)["start"][0])
    assert abs(starts[1] - starts[0]) <= np.timedelta64(60, "s")


def test_lulls_shorter_than_the_hold_do_not_split_longer_ones_do():
    value = np.zeros(3000)
    value[[1000, 1050, 1200]] = 5.0
    found = methane_episodes(minutes(3000), value)
    assert found["start"].tolist() == [*minutes(3000)[[1000, 1200]]]


def test_after_silence_of_the_sensor_a_new_episode_starts():
    value = np.zeros(1000)
    value[[500, 501]] = 5.0
    kept = np.r_[0:501, 700:1000]
    time = minutes(1000)[kept]
    again = value[kept]
    again[501:503] = 5.0  # directly after the gap
    found = methane_episodes(time, again)
    assert found["start"].tolist() == [minutes(1000)[500], minutes(1000)[700]]


def test_an_episode_within_its_hold_at_the_end_is_open():
    value = np.zeros(2000)
    value[1990] = 5.0
    assert methane_episodes(minutes(2000), value)["end"].isna().all()


def test_slow_background_and_air_that_fills_at_night_give_nothing():
    drift = np.linspace(0, 6, 20_000)
    night = 0.3 * np.clip(np.sin(np.arange(20_000) / 1440 * 2 * np.pi), 0, None)
    assert methane_episodes(minutes(20_000), 2.0 + 0.1 * drift + night).empty
    assert methane_episodes(minutes(3), np.full(3, np.nan)).empty


def test_the_past_alone_decides_and_any_chunking_says_the_same():
    rng = np.random.default_rng(3)
    value = rng.gamma(0.05, 4.0, 5000) * (np.arange(5000) % 400 < 100)
    value[rng.random(5000) < 0.05] = np.nan
    time = minutes(5000)
    _, above, said = watch(silent_state(), time, value)
    assert (said == START).sum() > 5
    assert (said == ON).sum() > 100
    cuts = [0, *np.sort(rng.choice(5000, 40, replace=False)), 5000]
    state, parts = silent_state(), []
    for a, b in pairwise(cuts):
        state, *out = watch(state, time[a:b], value[a:b])
        parts.append(out)
    np.testing.assert_array_equal(np.concatenate([p[0] for p in parts]), above)
    np.testing.assert_array_equal(np.concatenate([p[1] for p in parts]), said)


def test_background_is_the_lower_quartile_of_the_lowest_reading_of_each_hour():
    rng = np.random.default_rng(4)
    value = rng.normal(2.0, 0.3, 60 * 60)
    time = minutes(value.size)
    _, above, _ = watch(silent_state(), time, value)
    for i in (0, 59, 60, 700, 1439, 1500, 3599):
        first = max(0, i // 60 - 23) * 60
        lows = [value[h : min(h + 60, i + 1)].min() for h in range(first, i + 1, 60)]
        expected = np.quantile(lows, 0.25, method="lower")
        assert above[i] == pytest.approx(value[i] - expected)


def test_settings_that_nothing_meets_are_refused():
    with pytest.raises(InputError, match="above 0; got hold_min"):
        PlumeAlarm(hold_min=0.0)
