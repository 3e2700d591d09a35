"""What a series usually does: answers obvious by hand."""

import numpy as np
from oracles.hand import BEGIN, minutes

from lifeline_kit.methods.baselines import (
    daily_shift,
    nightly_residual,
    quantile,
    rise,
    running_median,
    usual_residual,
)

NAN = np.nan
THURSDAY = np.datetime64("2026-10-01T00:00", "ms")


def hourly(days: int, begin: np.datetime64 = BEGIN) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Hourly clock of some days, the hour of the day and the number of the day."""
    time = minutes(24 * days, 60, begin)
    return time, np.arange(time.size) % 24, np.arange(time.size) // 24


def test_rise_looks_back_by_the_window() -> None:
    time, value = minutes(6, 30), np.array([0, 1, 3, 6, 10, 15.0])
    got = rise(np.array([0, 6]), time, value, 1.0)
    np.testing.assert_array_equal(got, [NAN, NAN, 3, 5, 7, 9])


def test_rise_stays_within_its_sensor_and_does_not_reach_over_long_gaps() -> None:
    time = np.concatenate([minutes(3, 60), minutes(10, 60)[[0, 1, 9]]])
    got = rise(np.array([0, 3, 6]), time, np.array([1, 2, 4, 100, 101, 200.0]), 1.0)
    np.testing.assert_array_equal(got, [NAN, 1, 2, NAN, 1, NAN])


def test_what_repeats_every_day_leaves_no_residual() -> None:
    time, hour, _ = hourly(5)
    residual, sigma, swing = usual_residual(time, hour[None, :].astype(float))
    assert np.isnan(residual[0, : 3 * 24]).all()
    assert np.isnan(sigma[0, : 3 * 24]).all()
    assert (residual[0, 3 * 24 :] == 0).all()
    assert (sigma[0, 3 * 24 :] == 0).all()
    np.testing.assert_allclose(swing[0, 3 * 24 :], np.std(np.arange(24)), rtol=1e-6)


def test_today_never_enters_its_own_baseline() -> None:
    time, hour, day = hourly(4)
    value = np.where((day == 3) & (hour == 12), 50.0, 0.0)
    residual, sigma, _ = usual_residual(time, value[None, :])
    assert residual[0, 3 * 24 + 12] == 50.0
    assert (sigma[0, 3 * 24 :] == 0).all()


def test_weekends_are_compared_with_weekends() -> None:
    time, _, day = hourly(21)  # begins on a Monday
    weekend = day % 7 >= 5
    value = np.where(weekend, 10.0, 0.0)
    residual, _, _ = usual_residual(time, value[None, :])
    assert (residual[0, day == 5] == 10.0).all()  # first Saturday: only working days known
    assert (residual[0, day == 12] == 10.0).all()  # two weekend days known, not yet three
    assert (residual[0, day == 19] == 0.0).all()  # four of the last fourteen days
    assert (residual[0, day == 14] == 0.0).all()


def test_only_the_last_days_count() -> None:
    time, _, day = hourly(12)
    value = np.where(day < 6, 0.0, 8.0)
    residual, _, _ = usual_residual(time, value[None, :], days=3)
    assert (residual[0, day == 6] == 8.0).all()
    assert (residual[0, day == 9] == 0.0).all()


def test_scale_of_known_noise() -> None:
    time, _, day = hourly(4)
    value = np.select([day == 0, day == 1], [-1.0, 0.0], 1.0)
    _, sigma, _ = usual_residual(time, value[None, :])
    # deviations from the median are 1, 0 and 1: MAD 1, 95th percentile 1
    np.testing.assert_allclose(sigma[0, day == 3], 1.4826, rtol=1e-6)


def test_gaps_in_the_clock_and_in_the_values_stay_gaps() -> None:
    time, hour, day = hourly(5)
    keep = ~((day == 2) & (hour == 7))
    value = np.where((day == 4) & (hour == 3), NAN, hour)[keep]
    residual, _, _ = usual_residual(time[keep], value[None, :])
    assert residual.shape == (1, keep.sum())
    assert np.isnan(residual[0, (day == 4)[keep] & (hour == 3)[keep]]).all()
    assert np.nanmax(np.abs(residual)) == 0


def test_series_too_short_or_too_slow_have_no_usual_day() -> None:
    for time in (minutes(0), minutes(1), minutes(60, 7 * 24 * 60)):
        value = np.ones((2, time.size))
        for each in usual_residual(time, value):
            assert each.shape == value.shape
            assert np.isnan(each).all()


def test_running_median_looks_back_only() -> None:
    row = np.array([[1.0, 9.0, 2.0, NAN, 3.0]])
    np.testing.assert_array_equal(running_median(row, 3), [[1, 5, 2, 5.5, 2.5]])
    assert running_median(row, 1) is row


def test_daily_shift_counts_a_day_once_it_is_over() -> None:
    time, hour, day = hourly(7)
    value = np.where(hour == 5, 1000.0, np.where(day == 6, 12.0, 2.0))
    end, shift = daily_shift(time, value)
    assert end[0] == BEGIN + np.timedelta64(1, "D")
    np.testing.assert_array_equal(shift, [NAN] * 5 + [0.0, 10.0])


def test_night_flow_rises_against_the_nights_before() -> None:
    time, hour, day = hourly(8)
    night = (hour >= 2) & (hour < 5)
    value = np.where(night, np.where(day >= 6, 30.0, 10.0), 100.0 + 7 * day)
    end, residual, sigma, usual = nightly_residual(time, value[None, :])
    assert end[0] == BEGIN + np.timedelta64(5, "h")
    assert np.isnan(residual[0, :5]).all()
    assert residual[0, 5:].tolist() == [0.0, 20.0, 20.0]
    assert usual[0, 5:].tolist() == [10.0, 10.0, 10.0]
    np.testing.assert_allclose(sigma[0, 5:], 0.1, rtol=1e-5)  # at least 1 % of the usual


def test_no_night_at_all() -> None:
    end, residual, _, _ = nightly_residual(minutes(4, 60) + np.timedelta64(8, "h"), np.ones((2, 4)))
    assert end.size == 0
    assert residual.shape == (2, 0)


def test_quantile_is_nanquantile() -> None:
    rng = np.random.default_rng(3)
    values = rng.normal(size=(4, 5, 17))
    values[rng.random(values.shape) < 0.3] = np.nan
    values[0, 0] = 1.0
    for share in (0.0, 0.5, 0.75, 0.95, 1.0):
        expected = np.nanquantile(values, share, axis=-1)
        np.testing.assert_allclose(quantile(values, share), expected)
    assert np.isnan(quantile(np.full((2, 3), np.nan), 0.5)).all()
