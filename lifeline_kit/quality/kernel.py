"""The streaming core of quality control: one pass, time-based, with carried state.

One compiled pass per sensor gives gross range, spike, rate of change, flat line, attenuated
signal and gap. Windows are measured in time, never in samples, so irregular clocks need no other
code. What the pass must remember between two calls is small (the last two readings and the
monotone queues of the two sliding windows), so a stream in pieces gives the same bits as one
batch: `screen` takes the state of the previous piece and returns the next one.

A spike can only be told when the reading after it is there. The last reading of a piece is
therefore returned unjudged for spikes, and the next call amends it.

References
----------
U.S. IOOS QARTOD manuals; bit-identical to `ioos_qc` 3.0 on gross range, spike (average), rate of
change and flat line over a common grid (`lifeline bench qc-speed`). Sliding extremes: monotone
queue (Lemire 2006, doi:10.48550/arXiv.cs/0610046).
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numba import njit

from lifeline_kit.model.readings import (
    ATTENUATED,
    FLAT_LINE,
    GAP,
    RANGE_FAIL,
    RANGE_SUSPECT,
    RATE,
    SPIKE,
    Flat,
)

# Columns of the limits; NaN switches a test off.
FAIL_LOW, FAIL_HIGH, LOW, HIGH, HEIGHT, MIDPOINT, RATE_S = range(7)
FLAT_S, FLAT_RANGE, QUIET_S, QUIET_RANGE, GAP_S = range(7, 12)
COLUMNS = (
    "fail_low",
    "fail_high",
    "low",
    "high",
    "spike",  # stands out over both neighbours by more than this
    "spike_midpoint",  # off the midpoint of its neighbours by more than this (QARTOD average)
    "rate_s",  # [unit / s]
    "flat_s",
    "flat_range",
    "attenuated_s",
    "attenuated_range",
    "gap_s",
)
_NEVER = np.iinfo(np.int64).min
_FOREVER = np.iinfo(np.int64).max
_LONG_AGO = -(1 << 60)  # earlier than any stamp, and no overflow when subtracted


class State(NamedTuple):
    """What a screen remembers of each sensor.

    Attributes
    ----------
    time : int64 (sensor,) [ms]
        Time of the last reading; the least int64 where there was none.
    value, before : float64 (sensor,)
        The last two values; NaN where a neighbour is missing.
    since, broke : int64 (sensor, 2) [ms]
        Per window (flat line, attenuation): begin of the stretch without a hole, and the last
        reading before the quiet run that lasts.
    sizes : int64 (sensor, 4)
        Entries of the queues: flat-line maxima and minima, attenuation maxima and minima.
    queue_time, queue_value : (entry,)
        The queues one after another.
    """

    time: np.ndarray
    value: np.ndarray
    before: np.ndarray
    since: np.ndarray
    broke: np.ndarray
    sizes: np.ndarray
    queue_time: np.ndarray
    queue_value: np.ndarray


class Screened(NamedTuple):
    """Bits of a piece, spikes found in the readings before it, and the state to carry on.

    `tests` is uint16 (obs,); `earlier` bool (sensor,): the last reading of the piece before was a
    spike.
    """

    tests: np.ndarray
    earlier: np.ndarray
    state: State


def fresh(sensors: int) -> State:
    """Build the state of sensors that have not been seen yet."""
    return State(
        np.full(sensors, _NEVER),
        np.full(sensors, np.nan),
        np.full(sensors, np.nan),
        np.full((sensors, 2), _NEVER),
        np.full((sensors, 2), _LONG_AGO),
        np.zeros((sensors, 4), dtype=np.int64),
        np.zeros(0, dtype=np.int64),
        np.zeros(0),
    )


def screen(flat: Flat, limits: np.ndarray, state: State | None = None) -> Screened:
    """Run the six tests over a piece of readings.

    Parameters
    ----------
    flat : Flat
        Contiguous runs, each in the order of time; NaN counts as a missing reading on the grid.
    limits : float array, (sensor, limit)
        In the order of `COLUMNS` [canonical unit, s]; NaN switches a test off.
    state : State, optional
        Of the piece before; its times must be earlier.

    Returns
    -------
    Screened
    """
    now = state if state is not None else fresh(flat.sensors.size)
    # the pass writes the fixed-size part of the state in place, the caller's stays as it was
    kept = [part.copy() for part in now[:-2]]
    tests, earlier, queue_time, queue_value = _pass(
        np.asarray(flat.starts, dtype=np.int64),
        np.ascontiguousarray(flat.time.astype("datetime64[ms]")).view(np.int64),
        flat.value,
        np.ascontiguousarray(limits, dtype=np.float64),
        (*kept, now.queue_time, now.queue_value),
    )
    return Screened(tests, earlier, State(*kept, queue_time, queue_value))


def plateaus(time: np.ndarray, value: np.ndarray, limits: np.ndarray) -> np.ndarray:
    """Flat lines of one sensor told backwards: the whole plateau, once it has lasted.

    The causal test marks the end of each flat window; looking back, all readings of such a window
    are part of the plateau. For health reports; alarms use the causal bit.

    Parameters
    ----------
    time : datetime64 array, (time,)
    value : array, (time,)
    limits : float array, (1, limit)
        As in `screen`.

    Returns
    -------
    bool array, (time,)
    """
    time = np.asarray(time).astype("datetime64[ms]")
    flat = Flat(np.zeros(1), np.array([0, time.size]), time, value, np.arange(time.size))
    ends = (screen(flat, limits).tests & FLAT_LINE) > 0
    found = np.zeros(time.size, dtype=bool)
    if not ends.any():
        return found
    begin = np.searchsorted(time, time[ends] - np.timedelta64(int(limits[0, FLAT_S] * 1000), "ms"))
    # +1 where a window opens, -1 after it closes: positive inside any window
    edges = np.zeros(time.size + 1, dtype=np.int64)
    np.add.at(edges, begin, 1)
    np.add.at(edges, np.flatnonzero(ends) + 1, -1)
    return (np.cumsum(edges[:-1]) > 0) & ~np.isnan(np.asarray(value, dtype=np.float64))


def _compiled(function: Callable) -> Callable:
    """Compile, keeping the machine code on disk where some folder can be written."""
    try:
        return njit(nogil=True, cache=True, error_model="numpy")(function)
    except RuntimeError:  # no folder for the cache: compile again in every process
        return njit(nogil=True, error_model="numpy")(function)


@_compiled
def _differs(before, value, after, height, midpoint):
    """Tell a spike by either form; a comparison with NaN is never true."""
    up = value - before
    down = after - value
    if up * down < 0.0 and min(abs(up), abs(down)) > height:
        return True
    return abs(value - (before + after) / 2.0) > midpoint


@_compiled
def _neighbours(time, values, tests, limits, last):
    """Range, spike, rate and gap of one sensor; returns (spike before the piece, new last)."""
    then, value, before = last
    earlier = False
    gap = limits[GAP_S] * 1000.0
    for i in range(time.size):
        now = np.float64(values[i])
        bits = 0
        step = np.float64(time[i] - then) if then != _NEVER else np.nan
        far = step > gap
        if now == now:
            if now < limits[FAIL_LOW] or now > limits[FAIL_HIGH]:
                bits |= RANGE_FAIL
            if now < limits[LOW] or now > limits[HIGH]:
                bits |= RANGE_SUSPECT
            if abs(now - value) / (step / 1000.0) > limits[RATE_S]:
                bits |= RATE
            if far:
                bits |= GAP
            elif _differs(before, value, now, limits[HEIGHT], limits[MIDPOINT]):
                if i:
                    tests[i - 1] |= SPIKE
                else:
                    earlier = True
        tests[i] = bits
        before = np.nan if far else value
        value = now
        then = time[i]
    return earlier, (then, value, before)


@_compiled
def _pushed(times, values, begin, end, now, value, sign):
    """Append to a monotone queue (sign 1: maxima, falling; -1: minima, rising); the new end."""
    while end > begin and sign * values[end - 1] <= sign * value:
        end -= 1
    times[end] = now
    values[end] = value
    return end + 1


@_compiled
def _unexpired(times, begin, oldest):
    while times[begin] < oldest:
        begin += 1
    return begin


@_compiled
def _window(time, values, tests, quiet, queue):
    """Mark readings whose sliding window spans less than a range.

    The queues hold the longest run of readings up to now that spans less than the range; `broke`
    is the last reading before it. The window lies inside the run when `broke` is older than it.
    """
    window, least, bit, gap, since, broke = quiet
    times, kept, bounds = queue
    high, high_end, low, low_end = bounds[0, 0], bounds[0, 1], bounds[1, 0], bounds[1, 1]
    for i in range(time.size):
        now, value = time[i], np.float64(values[i])
        if since == _NEVER:
            since = now
        if value != value:
            continue
        if high_end > high:
            then = times[0, high_end - 1]
            if now - then > gap and 2 * (now - then) > window:
                since = now  # a window that is mostly hole proves nothing
            step = abs(value - kept[0, high_end - 1])
            if step >= least and step != 0.0:
                broke = then
                high = high_end = low = low_end = 0
        high_end = _pushed(times[0], kept[0], high, high_end, now, value, 1.0)
        low_end = _pushed(times[1], kept[1], low, low_end, now, value, -1.0)
        high = _unexpired(times[0], high, now - window)
        low = _unexpired(times[1], low, now - window)
        span = kept[0, high] - kept[1, low]
        while span >= least and span != 0.0:
            broke = min(times[0, high], times[1, low])
            high = _unexpired(times[0], high, broke + 1)
            low = _unexpired(times[1], low, broke + 1)
            span = kept[0, high] - kept[1, low]
        if now - since >= window and now - broke > window:
            tests[i] |= bit
    bounds[0, 0], bounds[0, 1], bounds[1, 0], bounds[1, 1] = high, high_end, low, low_end
    return since, broke


@_compiled
def _pass(starts, time, value, limits, state):
    last_time, last, before, since, broke, sizes, queue_time, queue_value = state
    sensors = starts.size - 1
    tests = np.zeros(time.size, dtype=np.uint16)
    earlier = np.zeros(sensors, dtype=np.bool_)
    room = np.max(starts[1:] - starts[:-1]) + np.max(sizes) if sensors else 0
    times, kept = np.empty((2, room), dtype=np.int64), np.empty((2, room))
    bounds = np.zeros((2, 2), dtype=np.int64)
    out_time = np.empty(queue_time.size + 4 * time.size, dtype=np.int64)
    out_value = np.empty(queue_time.size + 4 * time.size)
    read = wrote = 0
    for s in range(sensors):
        begin, end = starts[s], starts[s + 1]
        piece, numbers, bits = time[begin:end], value[begin:end], tests[begin:end]
        earlier[s], (last_time[s], last[s], before[s]) = _neighbours(
            piece, numbers, bits, limits[s], (last_time[s], last[s], before[s])
        )
        for w in range(2):
            for row in range(2):
                count = sizes[s, 2 * w + row]
                times[row, :count] = queue_time[read : read + count]
                kept[row, :count] = queue_value[read : read + count]
                bounds[row, 0], bounds[row, 1] = 0, count
                read += count
            seconds, least = limits[s, FLAT_S + 2 * w], limits[s, FLAT_RANGE + 2 * w]
            if not (np.isnan(seconds) or np.isnan(least)):
                gap = limits[s, GAP_S]
                quiet = (
                    np.int64(seconds * 1000.0),
                    least,
                    FLAT_LINE if w == 0 else ATTENUATED,
                    np.int64(gap * 1000.0) if gap == gap else _FOREVER,
                    since[s, w],
                    broke[s, w],
                )
                since[s, w], broke[s, w] = _window(
                    piece, numbers, bits, quiet, (times, kept, bounds)
                )
            for row in range(2):
                first, stop = bounds[row]
                sizes[s, 2 * w + row] = stop - first
                out_time[wrote : wrote + stop - first] = times[row, first:stop]
                out_value[wrote : wrote + stop - first] = kept[row, first:stop]
                wrote += stop - first
    return tests, earlier, out_time[:wrote].copy(), out_value[:wrote].copy()
