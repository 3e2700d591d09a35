"""Tests that look back: each type told where it was put, and only there."""

import numpy as np
import pytest

from lifeline_kit.methods.departures import delayed, departures
from lifeline_kit.methods.residuals import joint_residual
from lifeline_kit.quality import kernel
from lifeline_kit.quality import retrospective as look

HOUR = np.timedelta64(3_600_000, "ms")
SIZE = 24 * 60
TIME = np.datetime64("2026-01-01", "ms") + np.arange(SIZE) * HOUR


@pytest.fixture
def calm() -> np.ndarray:
    rng = np.random.default_rng(2)
    return 50 + 5 * np.sin(np.arange(SIZE) / 24 * 2 * np.pi) + rng.normal(0, 0.2, SIZE)


@pytest.fixture
def other() -> np.ndarray:
    return 10 + np.random.default_rng(4).normal(0, 0.1, (1, SIZE))


def where(flags: np.ndarray) -> list[int]:
    return np.flatnonzero(flags).tolist()


def test_calm_sensors_raise_nothing(calm, other) -> None:
    assert not look.isolated_spikes(TIME, calm).any()
    assert not look.variance_changes(TIME, calm).any()
    assert not look.missing_before(TIME).any()
    assert not look.level_shifts(TIME, calm, other).any()
    assert not look.offsets(TIME, calm, other).any()
    assert not look.drifts(TIME, calm, other).any()


def test_noise_level_is_the_sigma_of_white_noise() -> None:
    value = np.random.default_rng(1).normal(0, 2.0, SIZE) + np.linspace(0, 500, SIZE)
    assert np.nanmedian(look.noise_level(TIME, value)) == pytest.approx(2.0, rel=0.1)


def test_a_spike_stands_alone_and_its_size_tells_small_from_large(calm) -> None:
    calm[500] += 60.0
    calm[906] += 6.0
    assert where(look.isolated_spikes(TIME, calm, share=(1.0, np.inf))) == [500]
    assert 906 in where(look.isolated_spikes(TIME, calm, sigmas=10, clear=2.0, share=(0, 0.8)))


def test_noise_that_lasts_is_a_change_of_variance_and_a_flood_is_none(calm) -> None:
    rng = np.random.default_rng(5)
    calm[600:800] += rng.normal(0, 4.0, 200)
    found = look.variance_changes(TIME, calm)
    assert found[620:740].all()
    assert not found[:540].any()
    flood = 50 + np.random.default_rng(6).normal(0, 0.2, SIZE)
    flood[300:500] += 80 * np.exp(-np.arange(200) / 40.0)
    assert not look.variance_changes(TIME, flood).any()


def test_a_gap_is_told_by_the_sensors_own_clock() -> None:
    time = np.delete(TIME, slice(100, 103))
    assert where(look.missing_before(time)) == [100]
    slower = np.concatenate([TIME[:50], TIME[50:200:2]])  # a new interval is no gap
    assert not look.missing_before(slower).any()


def test_a_shift_is_sudden_and_the_sensors_own(calm, other) -> None:
    shifted = calm.copy()
    shifted[700:] += 60.0
    assert where(look.level_shifts(TIME, shifted, other)) == [700]
    assert not look.level_shifts(TIME, shifted, other + 60.0 * (np.arange(SIZE) >= 700)).any()


def test_an_offset_goes_back(calm, other) -> None:
    calm[700:800] += 60.0
    found = look.offsets(TIME, calm, other)
    assert found[700:800].all()
    assert found.sum() == 100


def test_a_drift_is_a_ramp_that_a_calibration_took_back(calm, other) -> None:
    calm[500:900] += np.linspace(0, 60, 400)
    found = look.drifts(TIME, calm, other)
    assert found[600:900].mean() > 0.8
    assert not found[900:].any()
    assert found[:450].mean() < 0.1


def test_a_plateau_is_told_whole_once_it_has_lasted() -> None:
    value = np.arange(20.0)
    value[5:12] = 5.0
    limits = np.full((1, len(kernel.COLUMNS)), np.nan)
    limits[0, kernel.FLAT_S], limits[0, kernel.FLAT_RANGE] = 4 * 3600.0, 0.0
    assert where(kernel.plateaus(TIME[:20], value, limits)) == list(range(5, 12))
    limits[0, kernel.FLAT_S] = 8 * 3600.0
    assert not kernel.plateaus(TIME[:20], value, limits).any()


def test_departures_count_in_what_the_channel_did_before() -> None:
    rng = np.random.default_rng(7)
    wander = np.cumsum(rng.normal(0, 1.0, 800))
    still = rng.normal(0, 1.0, 800)
    still[600:] += 3.0
    away = departures(np.stack([wander, still]), reference=400, window=10)
    assert away[1, 620:].min() > 5
    assert np.median(away[1, 400:600]) < 2
    constant = np.ones((1, 500))
    assert (departures(constant, reference=400, window=10) == 0).all()


def test_delays_of_an_alarm() -> None:
    raised = np.array([0, 1, 0, 1, 1, 1, 0, 0, 0, 0], dtype=bool)
    assert where(delayed(raised, on=3, off=1)) == [5]
    assert where(delayed(raised, on=3, off=3)) == [5, 6, 7]


def test_several_channels_outweigh_one_restless_one() -> None:
    rng = np.random.default_rng(8)
    minute = np.timedelta64(60_000, "ms")
    time = np.datetime64("2026-01-01", "ms") + np.arange(4 * 1440) * minute
    value = rng.normal(0, 1.0, (4, time.size))
    value[:3, 4000:4030] += 15.0
    value[3, 5000:5030] += 60.0
    value[1, 3000] += 500.0  # a single reading is no event
    score = joint_residual(time, value)
    assert score[4010:4030].min() > score[5010:5030].max()
    assert score[3000:3005].max() < 2
    assert score[:60].max() == 0.0
