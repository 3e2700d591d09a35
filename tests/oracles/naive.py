"""The quality tests again, as slow as they read: one sensor, one reading at a time."""

import math
import statistics

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
        if near(time, i, 3 * limits["interval_s"]) and stands_out(value, i, limits["spike"]):
            mask |= SPIKE
        if i > 0:
            hours = time[i] - time[i - 1]
            if abs(here - value[i - 1]) / hours > limits["rate"]:
                mask |= RATE
            if hours * 3600 > 3 * limits["interval_s"]:
                mask |= GAP
        masks.append(mask)
    stamps = np.array(time) * 3_600_000
    seconds, gap = 3600 * limits["flat_h"], 3 * limits["interval_s"]
    for i, still in enumerate(quiet(stamps, np.array(value), seconds, 0.0, gap)):
        masks[i] |= FLAT_LINE * still
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


def near(time: list[float], i: int, gap_s: float) -> bool:
    """Whether both neighbours of a reading are no further than a gap."""
    around = time[max(i - 1, 0) : i + 2]
    return all(3600 * step <= gap_s for step in np.diff(around))


def quiet(
    time: np.ndarray, value: np.ndarray, seconds: float, least: float, gap_s: float
) -> list[bool]:
    """Whether the window up to each reading spans less than `least` (or nothing at all).

    `time` [ms]. The window must be covered: a hole longer than the gap and than half the window
    starts the coverage again.
    """
    found = []
    since, last = time[0] if len(time) else 0, None
    for now, here in zip(time, value, strict=True):
        if math.isnan(here) or math.isnan(seconds) or math.isnan(least):
            found.append(False)
            continue
        if last is not None and now - last > 1000 * gap_s and 2 * (now - last) > 1000 * seconds:
            since = now
        last = now
        inside = value[(time >= now - 1000 * seconds) & (time <= now) & ~np.isnan(value)]
        span = inside.max() - inside.min()
        found.append(bool(now - since >= 1000 * seconds and (span < least or span == 0)))
    return found


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


def window_sum(at: list[int], rate: list[float], interval: int, window: int) -> list[float]:
    """Add up a rate per hour minute by minute; a reading stands for the minutes before it."""
    minutes: dict[int, float] = {}
    for i, (moment, value) in enumerate(zip(at, rate, strict=True)):
        first = moment - interval if i == 0 else max(moment - interval, at[i - 1])
        for minute in range(first + 1, moment + 1):
            minutes[minute] = value / 60.0
    return [
        sum(minutes.get(minute, 0.0) for minute in range(moment - window + 1, moment + 1))
        for moment in at
    ]


def counted(value: list[float], limit: float, of: int) -> list[int]:
    """How many of the last `of` values reach the limit."""
    return [
        sum(each >= limit for each in value[max(0, i - of + 1) : i + 1]) for i in range(len(value))
    ]


def silences(
    at: list[int], interval: int, limit: float, off: int, now: int
) -> list[tuple[float, float | None, float]]:
    """Since, until and longest silence in intervals; times in minutes."""
    found: list[list[tuple[int, int]]] = []
    for begin, end in zip(at, [*at[1:], now], strict=True):
        if (end - begin) / interval <= limit:
            continue
        if found and begin - found[-1][-1][1] < off:
            found[-1].append((begin, end))
        else:
            found.append([(begin, end)])
    return [
        (
            spells[0][0] + limit * interval,
            None
            if spells[-1][0] == at[-1] or at[-1] - spells[-1][1] < off
            else float(spells[-1][1] + off),
            max((end - begin) / interval for begin, end in spells),
        )
        for spells in found
    ]


def departure(
    own: int,
    rows: list,
    places: list,
    kinds: list[str],
    reach: float,
    fresh: float,
    floor: float,
) -> list[float]:
    """Distance of one sensor from its like neighbours, reading by reading."""
    near = [
        i
        for i in range(len(rows))
        if i != own and kinds[i] == kinds[own] and math.dist(places[i], places[own]) <= reach
    ]
    graded = []
    for moment, value in zip(*rows[own], strict=True):
        spoken = []
        for i in near:
            past = [(when, what) for when, what in zip(*rows[i], strict=True) if when <= moment]
            if past and moment - past[-1][0] <= fresh:
                spoken.append(past[-1][1])
        if len(spoken) < 3:
            graded.append(math.nan)
            continue
        centre = statistics.median(spoken)
        sigma = 1.4826 * statistics.median(abs(each - centre) for each in spoken)
        graded.append((value - centre) / max(sigma, floor))
    return graded
