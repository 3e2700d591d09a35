"""Readings for the store benchmark: made up, but as awkward to pack as real ones."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.signal import lfilter

from lifeline_kit.model.readings import FAIL, FLAT_LINE, MISSING, PASS, SPIKE, SUSPECT

BEGIN = np.datetime64("2025-01-01T00:00", "ms")
STEP = np.timedelta64(300_000, "ms")
YEAR = 105_120  # ticks of 5 min
DAY = 288
_BLOCK = 100


class Cube(NamedTuple):
    """Readings (sensor, tick): `value` float32 with NaN where none came, `flag`, `tests`."""

    names: np.ndarray
    time: np.ndarray
    value: np.ndarray
    flag: np.ndarray
    tests: np.ndarray


def simulated(sensors: int, ticks: int, seed: int) -> Cube:
    """Simulate pressures: a daily swing, AR(1) noise at 0.01 kPa, gaps, spikes and stuck runs."""
    cube = Cube(
        np.array([f"P{i:05d}" for i in range(sensors)], dtype=object),
        BEGIN + np.arange(ticks) * STEP,
        np.empty((sensors, ticks), dtype=np.float32),
        np.full((sensors, ticks), PASS, dtype=np.uint8),
        np.zeros((sensors, ticks), dtype=np.uint16),
    )
    for start in range(0, sensors, _BLOCK):
        rows = slice(start, min(start + _BLOCK, sensors))
        _fill(cube, rows, np.random.default_rng([seed, start]))
    return cube


def _fill(cube: Cube, rows: slice, rng: np.random.Generator) -> None:
    ticks = cube.time.size
    count = rows.stop - rows.start
    days = np.arange(ticks) / DAY
    swing = rng.uniform(2, 12, (count, 1)) * np.sin(
        2 * np.pi * (days[None, :] + rng.uniform(0, 1, (count, 1)))
    )
    noise = lfilter([1.0], [1.0, -0.95], rng.normal(0, 0.05, (count, ticks)), axis=1)
    value = np.round(rng.uniform(250, 350, (count, 1)) + swing + noise, 2).astype(np.float32)
    for i in range(count):
        row, flag, tests = value[i], cube.flag[rows][i], cube.tests[rows][i]
        spikes = rng.integers(0, ticks, max(1, ticks // 2000))
        row[spikes] += np.float32(80.0)
        flag[spikes], tests[spikes] = FAIL, SPIKE
        for begin in rng.integers(0, ticks, max(1, ticks // 20_000)):
            stuck = slice(int(begin), int(begin) + int(rng.integers(24, 200)))
            row[stuck] = row[begin]
            flag[stuck], tests[stuck] = SUSPECT, FLAT_LINE
        for begin in rng.integers(0, ticks, max(1, ticks // 3000)):
            hole = slice(int(begin), int(begin) + int(rng.integers(1, 60)))
            row[hole] = np.nan
            flag[hole], tests[hole] = MISSING, 0
    cube.value[rows] = value


def catalogue(names: np.ndarray) -> pd.DataFrame:
    """Sensors as a live store registers them."""
    return pd.DataFrame(
        {"quantity": "pressure", "unit": "kPa", "clock": "pressure/5min", "interval_s": 300.0},
        index=pd.Index(names, name="sensor"),
    )
