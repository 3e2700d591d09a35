"""QARTOD tests on contiguous runs of readings, vectorised over all sensors of a node.

Each test takes the flat view of a node (`model.readings.Flat`) and limits per sensor, and returns
one boolean per reading. A limit of NaN switches a test off for that sensor.

References
----------
U.S. IOOS QARTOD manuals (gross range, spike, rate of change, flat line); flag values and the
one-sided (causal) flat-line test follow them. Spikes use the differential form: a reading must
stand out over both neighbours, so the edge of a lasting step is none.
"""

import numpy as np

from lifeline_kit.model.readings import Flat

_MS_PER_H = 3_600_000.0


def per_reading(limit: np.ndarray, flat: Flat) -> np.ndarray:
    """Spread one limit per sensor over its readings: (sensor,) to (obs,)."""
    return np.repeat(limit, np.diff(flat.starts))


def outside(flat: Flat, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Gross range: readings below `low` or above `high`, both (sensor,) [canonical unit]."""
    return (flat.value < per_reading(low, flat)) | (flat.value > per_reading(high, flat))


def _steps(flat: Flat) -> tuple[np.ndarray, np.ndarray]:
    """Steps of value and time [h] to the sensor's previous reading, NaN at its start."""
    value = np.full(flat.value.size, np.nan, dtype=np.float64)
    hours = np.full(flat.value.size, np.nan)
    if flat.value.size > 1:
        value[1:] = np.diff(flat.value.astype(np.float64))
        hours[1:] = np.diff(flat.time).astype(np.int64) / _MS_PER_H
    starts = flat.starts[:-1]
    first = starts[starts < flat.value.size]
    value[first] = np.nan
    hours[first] = np.nan
    return value, hours


def spikes(flat: Flat, height: np.ndarray) -> np.ndarray:
    """Readings that stand out over both neighbours by more than `height`, (sensor,)."""
    before, _ = _steps(flat)
    after = np.append(-before[1:], np.nan)
    smaller = np.minimum(np.abs(before), np.abs(after))
    return (smaller > per_reading(height, flat)) & (before * after > 0)


def rates(flat: Flat, per_hour: np.ndarray) -> np.ndarray:
    """Readings that changed faster than `per_hour`, (sensor,) [canonical unit / h]."""
    value, hours = _steps(flat)
    return np.abs(value) / hours > per_reading(per_hour, flat)


def flat_lines(flat: Flat, hours: np.ndarray) -> np.ndarray:
    """Readings that have not changed for at least `hours`, (sensor,) [h]; causal."""
    value, _ = _steps(flat)
    changed = ~(value == 0.0)
    run = np.maximum.accumulate(np.where(changed, np.arange(value.size), 0))
    lasted = (flat.time - flat.time[run]).astype(np.int64) / _MS_PER_H
    return lasted >= per_reading(hours, flat)


def ahead_of(flat: Flat, at: np.datetime64, *, tolerated: int = 3) -> np.ndarray:
    """Readings stamped after `at`; of a sensor with more than a few of them, all readings.

    When such a clock went wrong is unknown, so none of its stamps can be trusted.
    """
    late = flat.time > at
    counts = np.diff(np.concatenate([[0], np.cumsum(late)])[flat.starts])
    return late | per_reading(counts > tolerated, flat)


def gaps(flat: Flat, interval_s: np.ndarray) -> np.ndarray:
    """First readings after a gap of more than three intervals, (sensor,) [s]."""
    _, hours = _steps(flat)
    return hours * 3600.0 > 3.0 * per_reading(interval_s, flat)
