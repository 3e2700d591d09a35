"""Thin long series for drawing: the least and the greatest reading of each slot are kept."""

import itertools

import numpy as np

from lifeline_kit.model.readings import NOT_EVALUATED, Series


def thinned(series: Series, most: int = 3000) -> Series:
    """Keep at most about `most` readings, so that every peak and every flagged one stays visible.

    Parameters
    ----------
    series : Series
    most : int
        Readings that pass; those flagged come on top, at most `most` of them.
    """
    n = series.value.size
    if n <= most:
        return series
    borders = np.linspace(0, n, max(most // 2, 1) + 1).astype(int)
    slots = [np.arange(low, high) for low, high in itertools.pairwise(borders)]
    extremes = [
        (slot[np.argmin(series.value[slot])], slot[np.argmax(series.value[slot])]) for slot in slots
    ]
    flagged = np.flatnonzero(series.flag > NOT_EVALUATED)
    flagged = flagged[:: max(flagged.size // most, 1)]
    rows = np.unique(np.concatenate([np.ravel(extremes), [0, n - 1], flagged])).astype(int)
    return Series(series.time[rows], series.value[rows], series.flag[rows])


def broken_at_gaps(time: np.ndarray, value: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Put a NaN where readings are missing, so that a line does not bridge the gap.

    A gap is longer than five times the usual step.
    """
    if time.size < 3:
        return time, value
    steps = np.diff(time).astype("timedelta64[ms]").astype(np.int64)
    gaps = np.flatnonzero(steps > 5 * max(float(np.median(steps)), 1.0))
    if not gaps.size:
        return time, value
    return (
        np.insert(time, gaps + 1, time[gaps] + np.timedelta64(1, "ms")),
        np.insert(value.astype(float), gaps + 1, np.nan),
    )
