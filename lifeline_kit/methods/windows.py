"""What adds up within a sliding window, and how long a sensor has been silent; all exact.

A reading stands for the time just before it: as long as the sensor's expected interval, but never
further back than the reading before. Where readings are missing nothing is made up, so that sums
and minutes are never more than what was measured.
"""

from collections.abc import Mapping

import numpy as np

from lifeline_kit.methods.episodes import Episode

_HOUR_MS = 3_600_000.0
_RANKS = {4: 1.0, 3: 2.0, 2: 3.0, 1: 4.0}  # level to what grows with gravity


def window_sum(
    time: np.ndarray, value: np.ndarray, *, interval_s: float, window_h: float
) -> np.ndarray:
    """Integrate a rate over the window that ends at each reading.

    Parameters
    ----------
    time : datetime64 array, (obs,)
        Increasing.
    value : array, (obs,) [unit per hour]
        Without NaN.
    interval_s, window_h : float

    Returns
    -------
    array, (obs,) [unit]
    """
    if not time.size:
        return np.zeros(0)
    stamp = time.astype("datetime64[ms]").astype(np.int64)
    stamp = (stamp - stamp[0]).astype(float)
    stands = np.minimum(np.diff(stamp, prepend=-np.inf), interval_s * 1000.0)
    total = np.cumsum(value * stands) / _HOUR_MS
    knots = np.column_stack([stamp - stands, stamp]).ravel()
    sums = np.column_stack([np.concatenate([[0.0], total[:-1]]), total]).ravel()
    return total - np.interp(stamp - window_h * _HOUR_MS, knots, sums)


def lasting_rank(
    time: np.ndarray,
    value: np.ndarray,
    levels: Mapping[int, float],
    *,
    interval_s: float,
    window_h: float,
    for_min: float,
) -> tuple[np.ndarray, dict[int, np.ndarray]]:
    """Grade how long limits were crossed, in all, within the window that ends at each reading.

    Parameters
    ----------
    time : datetime64 array, (obs,)
    value : array, (obs,)
        Larger is worse; without NaN.
    levels : mapping of level (1-4) to limit, same unit as `value`
    interval_s, window_h : float
    for_min : float [min]
        A level counts once its limit was crossed for so long within the window.

    Returns
    -------
    array (obs,), dict of level to array (obs,) [min]
        Rank of the gravest level that counts (1 for IV to 4 for I; 0 for none), and the minutes
        for which each limit was crossed.
    """
    crossed = {
        level: 60.0
        * window_sum(time, (value >= limit).astype(float), interval_s=interval_s, window_h=window_h)
        for level, limit in levels.items()
    }
    rank = np.zeros(time.size)
    for level, minutes in crossed.items():  # a hair less: thirds of an hour do not add up exactly
        rank = np.maximum(rank, np.where(minutes >= for_min - 1e-6, _RANKS[level], 0.0))
    return rank, crossed


def counted_rank(
    value: np.ndarray, levels: Mapping[int, float], *, times: int, of: int
) -> tuple[np.ndarray, dict[int, np.ndarray]]:
    """Grade at how many of the last readings limits were crossed.

    Parameters
    ----------
    value : array, (obs,)
        Larger is worse; without NaN.
    levels : mapping of level (1-4) to limit, same unit as `value`
    times, of : int
        A level counts once its limit was crossed at so many of so many readings.

    Returns
    -------
    array (obs,), dict of level to array (obs,)
        Rank as in `lasting_rank`, and the number of readings that crossed each limit.
    """
    counts = {}
    for level, limit in levels.items():
        grown = np.concatenate([[0], np.cumsum(value >= limit)])
        counts[level] = (grown[1:] - grown[np.maximum(np.arange(value.size) + 1 - of, 0)]) * 1.0
    rank = np.zeros(value.size)
    for level, count in counts.items():
        rank = np.maximum(rank, np.where(count >= times, _RANKS[level], 0.0))
    return rank, counts


def rank_levels(levels: Mapping[int, float]) -> dict[int, float]:
    """Limits in ranks for the levels of a rule."""
    return {level: _RANKS[level] for level in levels}


def silences(
    time: np.ndarray,
    *,
    interval_s: float,
    limit: float,
    off_delay: np.timedelta64,
    at: np.datetime64,
) -> list[Episode]:
    """Find where a sensor was silent for longer than so many of its intervals.

    Parameters
    ----------
    time : datetime64 array, (obs,)
        Of all readings that came, good or bad; increasing, none after `at`.
    interval_s : float
        Expected.
    limit : float
        In intervals.
    off_delay : timedelta64
        Readings must keep coming for so long before the silence is over: only a reading at its end
        or later says that they did, else a silence could end and then have gone on all the time.
    at : datetime64
        Moment of the examination.

    Returns
    -------
    list of Episode
        `started` is the last reading, `since` when the limit was passed, `peak` the longest
        silence in intervals; level IV.
    """
    if not time.size:
        return []
    step = np.timedelta64(max(round(interval_s * 1000), 1), "ms")
    begin, end = time, np.append(time[1:], at)
    last = np.arange(time.size) == time.size - 1
    intervals = (end - begin) / step
    long = np.flatnonzero(intervals > limit)
    wait = np.timedelta64(round(limit * interval_s * 1000), "ms")
    found: list[list[int]] = []
    for row in long:
        if found and begin[row] - end[found[-1][-1]] < off_delay:
            found[-1].append(int(row))
        else:
            found.append([int(row)])
    episodes = []
    for rows in found:
        open_now = last[rows[-1]] or time[-1] - end[rows[-1]] < off_delay
        longest = max(rows, key=lambda row: intervals[row])
        episodes.append(
            Episode(
                started=begin[rows[0]],
                since=begin[rows[0]] + wait,
                until=np.datetime64("NaT") if open_now else end[rows[-1]] + off_delay,
                level=4,
                limit=limit,
                peak=float(intervals[longest]),
                peak_time=end[longest],
            )
        )
    return episodes
