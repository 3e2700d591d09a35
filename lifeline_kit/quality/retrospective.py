"""Tests that look back over a stretch of readings: what no single window up to now can tell.

For check-ups and sensor health; alarms use the causal tests of `quality.kernel`. Every test takes
one sensor (or, where said, the other sensors of its place) and returns one boolean per reading.
Scales are the sensor's own, so nothing has to be known of the quantity.

References
----------
Fault types as in Leigh et al. 2019, Sci. Total Environ. 664, 885 (spike, variance, shift, drift,
missing). Settings were fixed on Sandy Creek of that study and, for drift, on drift injected
there and on the Logan River's corrected series (Jones et al. 2022, Environ. Model. Softw.).
"""

from datetime import timedelta
from itertools import pairwise
from typing import Literal, cast

import numpy as np
import pandas as pd
from pandas.api.typing import Rolling

_SIGMA = 1.4826
_DAY = np.timedelta64(86_400_000, "ms")


def noise_level(time: np.ndarray, value: np.ndarray, *, window_h: float = 96.0) -> np.ndarray:
    """Local noise: median distance of a reading from the line through its neighbours, as sigma.

    Parameters
    ----------
    time : datetime64 array, (time,)
        Increasing.
    value : array, (time,) [any unit]
    window_h : float, default 96 [h]
        Centred window; NaN where it holds fewer than twelve readings.

    Returns
    -------
    float array, (time,) [unit of the value]
    """
    value = np.asarray(value, dtype=np.float64)
    hours = _hours(time)
    away = np.full(value.size, np.nan)
    if value.size > 2:
        with np.errstate(divide="ignore", invalid="ignore"):  # three readings of one stamp
            share = (hours[1:-1] - hours[:-2]) / (hours[2:] - hours[:-2])
        line = value[:-2] * (1 - share) + value[2:] * share
        away[1:-1] = np.abs(value[1:-1] - line) / np.sqrt(1 + (1 - share) ** 2 + share**2)
    return _SIGMA * _rolling(away, time, window_h).median().to_numpy()


def isolated_spikes(
    time: np.ndarray,
    value: np.ndarray,
    *,
    sigmas: float = 15.0,
    clear: float = 3.0,
    share: tuple[float, float] = (0.1, np.inf),
) -> np.ndarray:
    """Readings that stand out over both neighbours while these agree with one another.

    Parameters
    ----------
    time, value : arrays, (time,)
    sigmas : float, default 15
        Height over the nearer neighbour, in local noise.
    clear : float, default 3
        The height is at least so many times the disagreement of the four readings around.
    share : (float, float), default (0.1, inf)
        Height as a share of the sensor's usual span (1st to 99th percentile).
    """
    value = np.asarray(value, dtype=np.float64)
    found = np.zeros(value.size, dtype=bool)
    if value.size < 12:
        return found
    noise = noise_level(time, value)
    noise = np.maximum(noise, 0.5 * np.nanmedian(noise))
    up, down = value[2:-2] - value[1:-3], value[2:-2] - value[3:-1]
    height = np.where(up * down > 0, np.minimum(np.abs(up), np.abs(down)), 0.0)
    around = np.stack([value[:-4], value[1:-3], value[3:-1], value[4:]])
    apart = around.max(axis=0) - around.min(axis=0)
    low, high = np.nanquantile(value, [0.01, 0.99])
    part = height / max(high - low, 1e-12)
    found[2:-2] = (
        (height > sigmas * noise[2:-2])
        & (height > clear * apart)
        & (part >= share[0])
        & (part < share[1])
    )
    return found


def variance_changes(
    time: np.ndarray,
    value: np.ndarray,
    *,
    window_h: float = 96.0,
    ratio: float = 5.0,
    alternating: float = 0.5,
    sustained_h: float = 72.0,
) -> np.ndarray:
    """Stretches in which the sensor is far noisier than it usually is.

    Noise alternates: successive steps turn back more often than not. A flood's fast but smooth
    course does not, and is no change of variance.

    Parameters
    ----------
    time, value : arrays, (time,)
    window_h : float, default 96 [h]
    ratio : float, default 5
        Local noise over its median over all readings.
    alternating : float, default 0.5
        Least share of steps in the window that turn back (white noise: 2/3).
    sustained_h : float, default 72 [h]
        Shorter stretches do not count.
    """
    value = np.asarray(value, dtype=np.float64)
    noise = noise_level(time, value, window_h=window_h)
    if not np.isfinite(noise).any():
        return np.zeros(value.size, dtype=bool)
    turns = np.full(value.size, np.nan)
    step = np.diff(value)
    moved = (step[:-1] != 0) | (step[1:] != 0)
    turns[1:-1] = np.where(moved, step[:-1] * step[1:] < 0, np.nan)
    back = _rolling(turns, time, window_h).mean().to_numpy()
    restless = (noise > ratio * np.nanmedian(noise)) & (back >= alternating)
    return _sustained(restless, time, sustained_h)


def missing_before(time: np.ndarray, *, ratio: float = 1.3) -> np.ndarray:
    """First readings after a gap, by the sensor's own clock on both sides of it."""
    step = np.diff(_hours(time))
    found = np.zeros(np.size(time), dtype=bool)
    if step.size < 7:
        return found
    before = pd.Series(step).rolling(8, min_periods=3).median().shift(1).to_numpy()
    after = pd.Series(step[::-1]).rolling(8, min_periods=3).median().shift(1).to_numpy()[::-1]
    found[1:] = step > ratio * np.fmax(before, after)
    return found


def level_shifts(
    time: np.ndarray,
    value: np.ndarray,
    others: np.ndarray,
    *,
    window_h: float = 24.0,
    sigmas: float = 6.0,
    sudden: float = 0.6,
    quiet: float = 2.0,
) -> np.ndarray:
    """First readings of a new level that came in one step while the other sensors stayed.

    Parameters
    ----------
    time, value : arrays, (time,)
    others : array, (sensor, time)
        The other sensors of the place; where they move as well, the water moved.
    window_h : float, default 24 [h]
        Median level before and after.
    sigmas : float, default 6
        Difference of the levels in the spread within the windows.
    sudden : float, default 0.6
        Least share of the difference that came in the one step.
    quiet : float, default 2 [sigma]
        The others' difference is at most so much.
    """
    rise, scale = _levels(time, value, window_h)
    step = np.diff(np.asarray(value, dtype=np.float64), prepend=np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = (np.abs(rise) > sigmas * scale) & (step / rise > sudden)
        for other in others:
            moved, spread = _levels(time, other, window_h)
            found &= np.abs(moved) <= quiet * spread
    return found


def offsets(
    time: np.ndarray,
    value: np.ndarray,
    others: np.ndarray,
    *,
    most_days: float = 10.0,
    alike: tuple[float, float] = (0.6, 1.6),
) -> np.ndarray:
    """Stretches between a sudden step and the step that undoes it.

    Parameters
    ----------
    time, value, others
        As in `level_shifts`.
    most_days : float, default 10 [d]
        Longest stretch.
    alike : (float, float), default (0.6, 1.6)
        Size of the second step over the first.
    """
    found = np.zeros(np.size(value), dtype=bool)
    steps = np.flatnonzero(level_shifts(time, value, others))
    rise, _ = _levels(time, value, 24.0)
    for i, j in pairwise(steps):
        back = -rise[j] / rise[i]
        if time[j] - time[i] <= _days(most_days) and alike[0] <= back <= alike[1]:
            found[i:j] = True
    return found


def drifts(
    time: np.ndarray,
    value: np.ndarray,
    others: np.ndarray,
    *,
    least_days: float = 5.0,
    most_days: float = 60.0,
    alike: tuple[float, float] = (0.5, 1.6),
) -> np.ndarray:
    """Ramps that a calibration took back: a slow creep, then one step the other way.

    Parameters
    ----------
    time, value : arrays, (time,)
    others : array, (sensor, time)
        The other sensors of the place, `level_shifts`.
    least_days, most_days : float [d]
        Length of the ramp looked for before a step.
    alike : (float, float), default (0.5, 1.6)
        What the ramp gained, as a share of the step that took it back.
    """
    value = np.asarray(value, dtype=np.float64)
    found = np.zeros(value.size, dtype=bool)
    steps = np.flatnonzero(level_shifts(time, value, others))
    rise, _ = _levels(time, value, 24.0)
    for i in steps:
        first = max(
            int(np.searchsorted(time, time[i] - _days(most_days))),
            int(steps[steps < i].max()) if (steps < i).any() else 0,
        )
        gained, begin = _ramp(time[first:i], value[first:i], -np.sign(rise[i]), least_days)
        if begin >= 0 and alike[0] <= gained / abs(rise[i]) <= alike[1]:
            found[first + begin : i] = True
    return found


def _ramp(time: np.ndarray, value: np.ndarray, sign: float, least_days: float) -> tuple[float, int]:
    """Gain of the steadiest ramp that ends here, and where it begins; -1: there is none."""
    if value.size < 24:
        return 0.0, -1
    day = ((time - time[-1]) / _DAY).astype(np.float64)
    daily = pd.Series(value).groupby(np.floor(day)).median()
    if -daily.index[0] < least_days:
        return 0.0, -1
    level = sign * daily.to_numpy()
    best, gained, begin = 0.0, 0.0, -1
    for start in range(level.size - int(least_days)):
        part = level[start:]
        gain = np.median(part[-3:]) - np.median(part[:3])
        climbed = np.abs(np.diff(part)).sum()
        steady = gain / climbed if climbed > 0 else 0.0
        if steady > 0.5 and gain * steady > best:  # a flat beginning is no part of the ramp
            best, gained, begin = gain * steady, gain, start
    if begin < 0:
        return 0.0, -1
    return float(gained), int(np.searchsorted(day, daily.index[begin]))


def _levels(time: np.ndarray, value: np.ndarray, window_h: float) -> tuple[np.ndarray, np.ndarray]:
    """Median after minus median before each reading, and the larger spread of the two."""
    series = pd.Series(np.asarray(value, dtype=np.float64))
    before, spread_before = _past(series, time, window_h, closed="left")
    mirrored = time[-1] - time[::-1] + np.datetime64("2000-01-01", "ms")
    after, spread_after = _past(series[::-1], mirrored, window_h, closed="right")
    noise = noise_level(time, value)
    floor = np.nanmedian(noise) if np.isfinite(noise).any() else 0.0
    scale = np.fmax(spread_before, spread_after[::-1]) + np.fmax(noise, floor)
    return after[::-1] - before, np.where(scale > 0, scale, np.nan)


def _past(
    series: pd.Series, time: np.ndarray, window_h: float, *, closed: Literal["left", "right"]
) -> tuple[np.ndarray, np.ndarray]:
    rolling = pd.Series(series.to_numpy(), index=pd.DatetimeIndex(time)).rolling(
        timedelta(hours=window_h), min_periods=6, closed=closed
    )
    spread = (rolling.quantile(0.75) - rolling.quantile(0.25)) / 1.349
    return rolling.median().to_numpy(), spread.to_numpy()


def _rolling(value: np.ndarray, time: np.ndarray, window_h: float) -> Rolling:
    series = pd.Series(value, index=pd.DatetimeIndex(np.asarray(time).astype("datetime64[ms]")))
    rolling = series.rolling(timedelta(hours=window_h), center=True, min_periods=12)
    return cast("Rolling", rolling)


def _sustained(
    here: np.ndarray, time: np.ndarray, hours: float, join_h: float = 12.0
) -> np.ndarray:
    """Keep runs that last; shorter breaks than `join_h` do not end a run."""
    out = np.zeros(here.size, dtype=bool)
    rows = np.flatnonzero(here)
    if not rows.size:
        return out
    at = _hours(time)
    for run in np.split(rows, np.flatnonzero(np.diff(at[rows]) > join_h) + 1):
        if at[run[-1]] - at[run[0]] >= hours:
            out[run[0] : run[-1] + 1] = True
    return out


def _days(count: float) -> np.timedelta64:
    return np.timedelta64(round(count * 86_400_000), "ms")


def _hours(time: np.ndarray) -> np.ndarray:
    return np.asarray(time).astype("datetime64[ms]").astype(np.int64) / 3_600_000.0
