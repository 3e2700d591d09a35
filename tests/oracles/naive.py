"""The quality tests again, as slow as they read: one sensor, one reading at a time."""

import math

import numpy as np

from lifeline_kit.model.readings import (
    FLAT_LINE,
    FUTURE,
    GAP,
    RANGE_FAIL,
    RANGE_SUSPECT,
    RATE,
    SPIKE,
)


def tests_of(time: list[float], value: list[float], limits: dict, now: float) -> list[int]:
    """Mask of every reading of one sensor.

    Parameters
    ----------
    time : list [h]
    value : list, without NaN
    limits : mapping
        `fail_low`, `fail_high`, `low`, `high`, `spike`, `rate`, `flat_h`, `interval_s`; NaN: off.
    now : float [h]
    """
    masks = []
    for i, here in enumerate(value):
        mask = 0
        if here < limits["fail_low"] or here > limits["fail_high"]:
            mask |= RANGE_FAIL
        if here < limits["low"] or here > limits["high"]:
            mask |= RANGE_SUSPECT
        if stands_out(value, i, limits["spike"]):
            mask |= SPIKE
        if i > 0:
            hours = time[i] - time[i - 1]
            if abs(here - value[i - 1]) / hours > limits["rate"]:
                mask |= RATE
            if hours * 3600 > 3 * limits["interval_s"]:
                mask |= GAP
        if unchanged_h(time, value, i) >= limits["flat_h"]:
            mask |= FLAT_LINE
        masks.append(mask)
    late = [i for i in range(len(time)) if time[i] > now]
    for i in range(len(time)) if len(late) > 3 else late:
        masks[i] |= FUTURE
    return masks


def stands_out(value: list[float], i: int, height: float) -> bool:
    """Whether a reading stands out over both its neighbours, to the same side."""
    if not 0 < i < len(value) - 1:
        return False
    before, after = value[i] - value[i - 1], value[i] - value[i + 1]
    return before * after > 0 and abs(before) > height and abs(after) > height


def unchanged_h(time: list[float], value: list[float], i: int) -> float:
    """How long the value has stood as it is [h]."""
    first = i
    while first > 0 and value[first - 1] == value[i]:
        first -= 1
    return time[i] - time[first]


def episodes(
    hours: list[float], value: list[float], levels: dict[int, float], on_h: float, off_h: float
) -> list[tuple[float, float, int]]:
    """Started, detected and worst level of each episode, reading by reading; no deadband."""
    mildest = min(levels.values())
    found: list[list[float]] = []
    last_over, below = -math.inf, True
    began: dict[int, float | None] = {}
    for now, here in zip(hours, value, strict=True):
        if here >= mildest:
            if below and now - last_over > off_h:
                found.append([now, math.nan, 0])
                began = {}
            last_over = now
        below = here < mildest
        for level, limit in levels.items():
            if here < limit:
                began[level] = None
                continue
            start = began.get(level)
            began[level] = now if start is None else start
            if now - began[level] >= on_h:
                episode = found[-1]
                episode[1] = now if math.isnan(episode[1]) else episode[1]
                episode[2] = level if not episode[2] else min(episode[2], level)
    return [(a, b, int(level)) for a, b, level in found if level]


def running_median(row: np.ndarray, width: int) -> list[float]:
    """Median of the last `width` values, those that are known."""
    result = []
    for i in range(row.size):
        window = [x for x in row[max(0, i - width + 1) : i + 1] if not math.isnan(x)]
        result.append(sorted(window)[len(window) // 2] if len(window) % 2 else _middle(window))
    return result


def _middle(window: list[float]) -> float:
    if not window:
        return math.nan
    ordered = sorted(window)
    half = len(ordered) // 2
    return (ordered[half - 1] + ordered[half]) / 2
