"""When a graded limit was crossed, how badly, and when it was left again.

A level counts once its limit has been crossed for the on-delay without interruption; the episode
goes on over pauses not longer than the off-delay, and ends when the mildest limit, less the
deadband, has been left for so long. Everything is causal: the time of detection is the time at
which the delay had passed.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np


class Episode(NamedTuple):
    """One crossing of a graded limit by one series.

    `since` is the detection, `started` the first crossing, `until` NaT while it lasts;
    `level` 1-4 the worst confirmed, `peak` the extreme value with its time.
    """

    started: np.datetime64
    since: np.datetime64
    until: np.datetime64
    level: int
    limit: float
    peak: float
    peak_time: np.datetime64


def _runs(on: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return first and last index of each run of True."""
    edge = np.diff(np.concatenate([[0], on.astype(np.int8), [0]]))
    return np.flatnonzero(edge == 1), np.flatnonzero(edge == -1) - 1


def _merged(
    first: np.ndarray, last: np.ndarray, time: np.ndarray, gap: np.timedelta64
) -> tuple[np.ndarray, np.ndarray]:
    """Join runs whose pause is not longer than `gap`."""
    if first.size < 2:
        return first, last
    apart = (time[first[1:]] - time[last[:-1]]) > gap
    keep_first = np.concatenate([[True], apart])
    keep_last = np.concatenate([apart, [True]])
    return first[keep_first], last[keep_last]


def _confirmed(on: np.ndarray, time: np.ndarray, delay: np.timedelta64) -> int | None:
    """Return the index at which a run of True had lasted for `delay`, or None."""
    for first, last in zip(*_runs(on), strict=True):
        reached = np.searchsorted(time[first : last + 1], time[first] + delay)
        if first + reached <= last:
            return int(first + reached)
    return None


def limit_episodes(
    time: np.ndarray,
    value: np.ndarray,
    levels: Mapping[int, float],
    *,
    on_delay: np.timedelta64,
    off_delay: np.timedelta64,
    deadband: float = 0.0,
) -> list[Episode]:
    """Find the episodes in which a series stands at or above graded limits.

    Parameters
    ----------
    time : datetime64 array, (obs,)
    value : array, (obs,)
        Larger is worse: turn signs before for limits from below.
    levels : mapping of level (1-4) to limit, same unit as `value`
    on_delay, off_delay : timedelta64
    deadband : float
        Share of the mildest limit to be regained before an episode can end.

    Returns
    -------
    list of Episode
    """
    mildest = min(levels.values())
    if not value.size or not np.nanmax(value) >= mildest:
        return []
    # The band below the limit only prolongs an episode; it never starts one.
    band = mildest - deadband * abs(mildest)
    inside = value >= band
    first, last = _merged(*_runs(inside), time, off_delay)
    found = []
    for begin, end in zip(first, last, strict=True):
        rows = slice(begin, end + 1)
        graded = _grade(time[rows], value[rows], levels, on_delay)
        if graded is None:
            continue
        level, detected = graded
        peak = int(begin + np.nanargmax(value[rows]))
        over = end + 1 < value.size and time[-1] - time[end] >= off_delay  # else it may go on
        crossed = int(begin + np.argmax(value[rows] >= mildest))
        found.append(
            Episode(
                started=time[crossed],
                since=time[begin + detected],
                until=time[end] + off_delay if over else np.datetime64("NaT"),
                level=level,
                limit=levels[level],
                peak=float(value[peak]),
                peak_time=time[peak],
            )
        )
    return found


def _grade(
    time: np.ndarray,
    value: np.ndarray,
    levels: Mapping[int, float],
    delay: np.timedelta64,
) -> tuple[int, int] | None:
    """Return the worst confirmed level and the index at which the episode was detected."""
    worst, detected = 0, None
    for level in sorted(levels, reverse=True):
        index = _confirmed(value >= levels[level], time, delay)
        if index is None:
            continue
        worst = level
        detected = index if detected is None else min(detected, index)
    return None if detected is None else (worst, detected)
