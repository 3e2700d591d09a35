"""What a series usually does, learnt only from its own past."""

import warnings
from itertools import pairwise

import numpy as np

_MAD_TO_SIGMA = 1.4826
_SIGMAS_OF_95 = 1.96
_NIGHT_H = (2, 5)  # hours of least use, local time
_DAY = np.timedelta64(1, "D")


def rise(starts: np.ndarray, time: np.ndarray, value: np.ndarray, window_h: float) -> np.ndarray:
    """Change against the last reading at least `window_h` ago, of the same sensor.

    Parameters
    ----------
    starts : int array, (sensor + 1,)
    time, value : arrays, (obs,)
    window_h : float [h]

    Returns
    -------
    array, (obs,)
        NaN where the past does not reach back that far, or more than twice as far.
    """
    result = np.full(value.size, np.nan)
    window = np.timedelta64(round(window_h * 3_600_000), "ms")
    for first, stop in pairwise(starts):
        own = time[first:stop]
        past = np.searchsorted(own, own - window, side="right") - 1
        has = past >= 0
        near = np.zeros_like(has)
        near[has] = own[has] - own[past[has]] <= 2 * window
        rows = np.flatnonzero(near)
        result[first + rows] = value[first + rows].astype(float) - value[first + past[rows]]
    return result


def usual_residual(
    time: np.ndarray, value: np.ndarray, *, days: int = 14, at_least: int = 3
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Deviation from the usual value of that time of day, its robust scale and the usual swing.

    The usual value is the median over the same time of day of the last `days` days of the same
    type (working day or weekend), or of any type while fewer than `at_least` of its own are
    known. The scale is the larger of 1.4826 times the median absolute deviation of those days and
    what the upper quartile of their 95th percentiles would mean for a normal law. Today never
    enters its own baseline.

    Parameters
    ----------
    time : datetime64 array, (time,)
        A regular clock in local time: midnights and weekends are taken from it.
    value : array, (sensor, time)
    days, at_least : int

    Returns
    -------
    residual, sigma, swing : arrays, (sensor, time)
        NaN while fewer than `at_least` days are known; `swing` is the standard deviation of the
        usual value over the day.
    """
    unknown = np.full(value.shape, np.nan)
    if time.size < 2:
        return unknown, unknown, unknown
    day0 = time[0].astype("datetime64[D]")
    step = int(np.median(np.diff(time).astype("timedelta64[ms]").astype(np.int64)))
    if step > _DAY / np.timedelta64(1, "ms"):  # slower than daily: no time of day to compare
        return unknown, unknown, unknown
    per_day = round(86_400_000 / step)
    slot = np.round((time - day0).astype("timedelta64[ms]").astype(np.int64) / step).astype(int)
    n_days = int(slot[-1] // per_day) + 1
    cube = np.full((value.shape[0], n_days * per_day), np.nan, dtype=np.float32)
    cube[:, slot] = value
    cube = cube.reshape(value.shape[0], n_days, per_day)
    weekend = ~np.is_busday(day0 + np.arange(n_days))
    residual = np.full(cube.shape, np.nan, dtype=np.float32)
    sigma = np.full(cube.shape[:2], np.nan, dtype=np.float32)
    swing = sigma.copy()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # all-NaN slices stay NaN on purpose
        for day in range(at_least, n_days):
            known = np.arange(max(0, day - days), day)
            alike = known[weekend[known] == weekend[day]]
            past = cube[:, alike if alike.size >= at_least else known]
            usual = quantile(np.moveaxis(past, 1, 2), 0.5)
            residual[:, day] = cube[:, day] - usual
            swing[:, day] = np.nanstd(usual, axis=1)
            spread = np.abs(past - usual[:, None, :])
            half = quantile(spread.reshape(value.shape[0], -1), 0.5)
            # of each day, then over days: a few bad days must not widen the scale
            most = quantile(quantile(spread, 0.95), 0.75)
            sigma[:, day] = np.maximum(_MAD_TO_SIGMA * half, most / _SIGMAS_OF_95)
    day_of = slot // per_day
    return residual.reshape(value.shape[0], -1)[:, slot], sigma[:, day_of], swing[:, day_of]


def quantile(values: np.ndarray, share: float) -> np.ndarray:
    """Quantile along the last axis, leaving NaN out; by sorting, ten times nanquantile's speed.

    Parameters
    ----------
    values : array, (..., n)
    share : float
        0-1; between two values the straight line counts, as in `numpy.nanquantile`.

    Returns
    -------
    array, (...)
        NaN where nothing but NaN is.
    """
    ranked = np.sort(values, axis=-1)  # NaN comes last
    rank = share * np.maximum((~np.isnan(ranked)).sum(axis=-1, keepdims=True) - 1, 0)
    low = np.floor(rank).astype(int)
    high = np.ceil(rank).astype(int)
    below = np.take_along_axis(ranked, low, axis=-1)
    above = np.take_along_axis(ranked, high, axis=-1)
    return (below + (rank - low) * (above - below))[..., 0]


def running_median(values: np.ndarray, width: int) -> np.ndarray:
    """Causal median of the last `width` columns, (sensor, time)."""
    if width <= 1 or not values.shape[1]:
        return values
    padded = np.concatenate(
        [np.full((values.shape[0], width - 1), np.nan, dtype=values.dtype), values],
        axis=1,
    )
    windows = np.lib.stride_tricks.sliding_window_view(padded, width, axis=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return np.nanmedian(windows, axis=2)


def daily_shift(
    time: np.ndarray, value: np.ndarray, *, reference_days: int = 5
) -> tuple[np.ndarray, np.ndarray]:
    """Daily medians less the median of the first days.

    Parameters
    ----------
    time : datetime64 array, (obs,)
    value : array, (obs,)
    reference_days : int

    Returns
    -------
    end_of_day : datetime64[ms] array, (day,)
        A day counts when it is over.
    shift : array, (day,) [unit of value]
        NaN within the reference.
    """
    day = time.astype("datetime64[D]")
    days, first = np.unique(day, return_index=True)
    medians = np.array([np.median(part) for part in np.split(value, first[1:])])
    shift = medians - np.median(medians[:reference_days])
    shift[:reference_days] = np.nan
    return (days + _DAY).astype("datetime64[ms]"), shift


def nightly_residual(
    time: np.ndarray, value: np.ndarray, *, nights: int = 14, at_least: int = 5
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Night medians (2-5 h local) less the median of the nights before: minimum night flow.

    Parameters
    ----------
    time : datetime64 array, (time,)
        Local time.
    value : array, (sensor, time)
    nights, at_least : int

    Returns
    -------
    end : datetime64[ms] array, (night,)
        Five in the morning, when a night is known.
    residual, sigma, usual : arrays, (sensor, night)
        NaN while fewer than `at_least` nights are known; sigma is at least 1 % of the usual.
    """
    hour = (time - time.astype("datetime64[D]")) / np.timedelta64(1, "h")
    at_night = (hour >= _NIGHT_H[0]) & (hour < _NIGHT_H[1])
    days, first = np.unique(time[at_night].astype("datetime64[D]"), return_index=True)
    parts = np.split(value[:, at_night], first[1:], axis=1)
    shape = (value.shape[0], days.size)
    residual, sigma, usual = (np.full(shape, np.nan, dtype=np.float32) for _ in range(3))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a night without readings stays NaN
        medians = np.stack([np.nanmedian(part, axis=1) for part in parts], axis=1)
        for night in range(at_least, days.size):
            past = medians[:, max(0, night - nights) : night]
            usual[:, night] = np.nanmedian(past, axis=1)
            residual[:, night] = medians[:, night] - usual[:, night]
            spread = np.nanmedian(np.abs(past - usual[:, night, None]), axis=1)
            sigma[:, night] = np.maximum(_MAD_TO_SIGMA * spread, 0.01 * np.abs(usual[:, night]))
    end = days.astype("datetime64[ms]") + np.timedelta64(_NIGHT_H[1], "h")
    return end, residual, sigma, usual
