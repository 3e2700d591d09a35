"""Quality control beside ioos_qc and SaQC: readings per CPU second, and flags that differ.

Four tests that all three have (range, spike, rate of change, flat line) on the same array in the
same process: simulated AR(1) + daily series at 5 min with gaps, spikes and stuck runs. SaQC's
flat test marks whole plateaus where QARTOD marks a window's end; its flags are not compared.
"""

import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from lifeline_kit.bench.peers import beside_peers, cpu_seconds
from lifeline_kit.bench.run import Bench, Measured
from lifeline_kit.model.readings import FLAT_LINE, RANGE_FAIL, RATE, SPIKE, Flat
from lifeline_kit.text import Text

_SENSORS, _TICKS, _STEP_S = 24, 105_120, 300  # a year at 5 min
_WINDOW_S = 3600
_TOLERANCE = 1e-9
_BITS = (RANGE_FAIL, SPIKE, RATE, FLAT_LINE)


class Task(NamedTuple):
    """Values (sensor, tick), times (tick,), and limits (sensor,) of the four tests."""

    value: np.ndarray
    time: np.ndarray
    low: np.ndarray
    high: np.ndarray
    spike: np.ndarray
    rate: np.ndarray


def simulated(seed: int, *, sensors: int = _SENSORS, ticks: int = _TICKS) -> Task:
    """Simulate series at 0.01 resolution with their usual faults, and limits from their spread."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(0.0, 0.02, (sensors, ticks))
    for i in range(1, ticks):
        noise[:, i] += 0.98 * noise[:, i - 1]
    day = np.sin(np.arange(ticks) * (2 * np.pi * _STEP_S / 86_400))
    value = np.round(10.0 + day * rng.uniform(0.2, 1.0, (sensors, 1)) + noise, 2)
    for _ in range(ticks * sensors // 1500):
        s, i = rng.integers(sensors), int(rng.integers(ticks - 300))
        fault = rng.integers(3)
        if fault == 0:
            value[s, i : i + rng.integers(1, 40)] = np.nan
        elif fault == 1:
            value[s, i] += rng.choice([-1, 1]) * rng.uniform(0.3, 5.0)
        else:
            value[s, i : i + rng.integers(2, 60)] = value[s, i]
    time = np.datetime64("2025-01-01", "ms") + np.arange(ticks) * np.timedelta64(_STEP_S * 1000)
    spread = np.nanstd(np.diff(value[:, :20_000], axis=1), axis=1)
    low, high = np.nanquantile(value[:, ::50], [0.001, 0.999], axis=1)
    return Task(value, time, low - 0.5, high + 0.5, 6 * spread, 8 * spread / _STEP_S)


def ours(task: Task) -> np.ndarray:
    """Flag with the kernel: bool (test, sensor, tick)."""
    from lifeline_kit.quality import kernel

    sensors, ticks = task.value.shape
    limits = np.full((sensors, len(kernel.COLUMNS)), np.nan)
    limits[:, kernel.FAIL_LOW], limits[:, kernel.FAIL_HIGH] = task.low, task.high
    limits[:, kernel.MIDPOINT], limits[:, kernel.RATE_S] = task.spike, task.rate
    limits[:, kernel.FLAT_S], limits[:, kernel.FLAT_RANGE] = _WINDOW_S, _TOLERANCE
    flat = Flat(
        np.arange(sensors),
        np.arange(sensors + 1) * ticks,
        np.broadcast_to(task.time, task.value.shape).reshape(-1),
        task.value.reshape(-1),
        np.arange(task.value.size),
    )
    tests = kernel.screen(flat, limits).tests.reshape(task.value.shape)
    return np.stack([(tests & bit) > 0 for bit in _BITS])


def ioos(task: Task) -> np.ndarray:
    """Flag with ioos_qc, a call per sensor and test as its manual has it."""
    from ioos_qc import qartod

    found = []
    for s, value in enumerate(task.value):
        wide = qartod.gross_range_test(value, (task.low[s], task.high[s]))
        spike = qartod.spike_test(value, fail_threshold=task.spike[s])
        rate = qartod.rate_of_change_test(value, task.time, threshold=task.rate[s])
        flat = qartod.flat_line_test(value, task.time, _WINDOW_S, _WINDOW_S, tolerance=_TOLERANCE)
        found.append([wide.data == 4, spike.data == 4, rate.data == 3, np.asarray(flat) == 4])
    return np.array(found).swapaxes(0, 1)


def saqc(task: Task) -> object:
    """Flag with SaQC: its own range and constants tests, generic expressions for the other two."""
    import saqc as peer

    index = pd.DatetimeIndex(task.time.astype("datetime64[ns]"))
    names = [f"s{i}" for i in range(len(task.value))]
    work = peer.SaQC(pd.DataFrame(task.value.T, index=index, columns=names))
    for s, name in enumerate(names):
        work = work.flagRange(name, min=task.low[s], max=task.high[s])
        work = work.flagConstants(name, thresh=_TOLERANCE, window=f"{_WINDOW_S + 1}s")
        work = work.flagGeneric(name, func=_off_midpoint(task.spike[s]))
        work = work.flagGeneric(name, func=_fast(task.rate[s] * _STEP_S))
    return work.flags


# SaQC takes plain functions only, and writes names such as `min` into their module's globals:
# nothing else in this module may use those names after a call.
def _off_midpoint(limit: float) -> Callable[[pd.Series], pd.Series]:
    return lambda x: (x - (x.shift(1) + x.shift(-1)) / 2).abs() > limit


def _fast(limit: float) -> Callable[[pd.Series], pd.Series]:
    return lambda x: x.diff().abs() > limit


def _measured(seed: int) -> Measured:
    task = simulated(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mine, theirs = ours(task), ioos(task)  # also compiles and imports
        seconds = {
            "ours": cpu_seconds(partial(ours, task)),
            "ioos_qc": cpu_seconds(partial(ioos, task)),
            "saqc": cpu_seconds(partial(saqc, task)),
        }
    millions = task.value.size / 1e6
    return Measured(
        values={
            "vs_ioos_qc": seconds["ioos_qc"] / seconds["ours"],
            "vs_saqc": seconds["saqc"] / seconds["ours"],
            "differing_flags": float((mine != theirs).sum()),
            **{f"{name}_million_per_cpu_s": millions / spent for name, spent in seconds.items()},
        },
        note=f"{millions:.2f} million simulated readings, four tests, median of 5, one process; "
        f"flags set: range, spike, rate, flat = {mine.sum(axis=(1, 2)).tolist()}",
    )


def _measure(data: Path | None, seed: int) -> Measured:
    return beside_peers("qc-speed", ("ioos_qc", "saqc"), data, seed, partial(_measured, seed))


BENCH = Bench(
    name="qc-speed",
    title=Text("质控速度：与 ioos_qc、SaQC 同场比较", "quality control beside ioos_qc and SaQC"),
    measure=_measure,
)
