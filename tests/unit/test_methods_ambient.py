"""Methane in the open air: hysteresis over a slow background."""

import numpy as np
import pytest

from lifeline_kit.methods.ambient import background, methane_episodes

BEGIN = np.datetime64("2026-10-01T00:00", "ms")


def minutes(n: int) -> np.ndarray:
    return BEGIN + np.arange(n) * np.timedelta64(60_000, "ms")


def test_an_episode_has_start_end_and_peak_above_the_background():
    value = np.full(3000, 2.0)
    value[1000:1040] = 3.5
    value[1020] = 9.0
    value[1040:1060] = 2.4  # still above off
    found = methane_episodes(minutes(3000), value)
    assert len(found) == 1
    row = found.iloc[0]
    assert row["start"] == minutes(3000)[1000]
    assert row["end"] == minutes(3000)[1059]
    assert row["peak_time"] == minutes(3000)[1020]
    assert (row["peak"], row["peak_value"]) == (pytest.approx(7.0), 9.0)


def test_lulls_shorter_than_the_hold_do_not_split_longer_ones_do():
    value = np.zeros(3000)
    value[[1000, 1050, 1200]] = 5.0
    found = methane_episodes(minutes(3000), value)
    assert found["start"].tolist() == [*minutes(3000)[[1000, 1200]]]


def test_an_episode_within_its_hold_at_the_end_is_open():
    value = np.zeros(2000)
    value[1990] = 5.0
    assert methane_episodes(minutes(2000), value)["end"].isna().all()


def test_slow_background_and_weak_plumes_give_nothing():
    value = np.linspace(0, 6, 20_000) + 0.6 * (np.arange(20_000) % 500 < 20)
    assert methane_episodes(minutes(20_000), value).empty
    assert methane_episodes(minutes(3), np.full(3, np.nan)).empty


def test_the_past_alone_decides():
    rng = np.random.default_rng(3)
    value = rng.gamma(0.3, 1.0, 5000)
    whole = background(minutes(5000), value)
    np.testing.assert_array_equal(background(minutes(5000)[:2000], value[:2000]), whole[:2000])
    starts = methane_episodes(minutes(5000), value)["start"]
    cut = methane_episodes(minutes(5000)[:2000], value[:2000])["start"]
    assert cut.tolist() == starts[starts < minutes(5000)[2000]].tolist()
