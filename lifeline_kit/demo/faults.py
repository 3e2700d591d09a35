"""Faults of sensors and links: gaps, spikes, stuck values, drift, wrong clocks."""

from collections.abc import Mapping, Set
from dataclasses import dataclass, field

import geopandas as gpd
import numpy as np

from lifeline_kit.demo.incidents.happening import END_H
from lifeline_kit.demo.sensors import ROLES
from lifeline_kit.demo.series_pipes import Series
from lifeline_kit.demo.truth import Event
from lifeline_kit.demo.weather import STEP_H
from lifeline_kit.text import Text

OFFSET_MIN = 7.0
AHEAD_MIN = 480.0  # a logger that reports local time as if it were UTC
_CLOCKS = {"clock_ahead": AHEAD_MIN, "clock_offset": OFFSET_MIN}
_NOTES = {
    "outage": Text("传感器长时间离线", "Sensor offline for long"),
    "spikes": Text("数据跳变", "Spikes"),
    "stuck": Text("读数卡死不变", "Reading stuck"),
    "drift": Text("零点漂移", "Drift"),
    "clock_ahead": Text("时钟快 8 小时", "Clock 8 h ahead"),
    "clock_offset": Text("时钟偏移 7 分钟", "Clock off the grid by 7 min"),
}
_SHARES = {"outage": 0.004, "spikes": 0.005, "stuck": 0.004, "drift": 0.004}
_DRIFTING = (
    "gas_pressure",
    "water_pressure",
    "water_turbidity",
    "water_chlorine",
    "heat_pressure",
    "bridge_strain",
    "drain_level",
)
_LIVELY = (  # roles in which a stuck value or a spike can be told from a quiet day
    *_DRIFTING,
    "gas_flow",
    "water_flow",
    "heat_supply",
    "heat_flow",
    "heat_room",
    "bridge_temperature",
    "bridge_deflection",
    "tunnel_convergence",
    "road_settlement",
)


@dataclass(frozen=True)
class Faults:
    """What was spoilt; `offsets_min` names sensors whose clock is wrong, and by how much."""

    events: list[Event]
    offsets_min: Mapping[str, float] = field(default_factory=dict)


def spoil(
    sensors: gpd.GeoDataFrame, values: Series, *, spare: Set[str], rng: np.random.Generator
) -> tuple[Series, Faults]:
    """Spoil recorded series.

    Parameters
    ----------
    sensors : GeoDataFrame, index `sensor`
    values : dict of role to array, (sensor, time)
        As the instrument recorded them.
    spare : set of str
        Sensors that show an incident get gaps, but no fault of their own.
    rng : Generator

    Returns
    -------
    values : dict of role to array
        NaN where nothing came.
    faults : Faults
    """
    values = {role: _with_gaps(role, cube, rng) for role, cube in values.items()}
    candidates = [name for name in sensors.index if name not in spare]
    rows = sensors.groupby("role").cumcount()
    roles = sensors["role"]
    by_kind = {
        "outage": [name for name in candidates if "raw" not in roles[name]],
        "spikes": [name for name in candidates if roles[name] in _LIVELY],
        "stuck": [name for name in candidates if roles[name] in _LIVELY],
        "drift": [name for name in candidates if roles[name] in _DRIFTING],
        "clock_ahead": [name for name in candidates if roles[name] == "water_flow"],
        "clock_offset": [name for name in candidates if roles[name] == "water_pressure"],
    }
    events, offsets, used = [], {}, set()
    for kind, names in by_kind.items():
        free = [name for name in names if name not in used]
        number = max(3, round(_SHARES[kind] * len(sensors))) if kind in _SHARES else 1
        for k, name in enumerate(rng.choice(free, min(number, len(free)), replace=False).tolist()):
            used.add(name)
            line = values[roles[name]][rows[name]]
            start_h, end_h, size, unit = _FAULTS[kind](line, roles[name], rng)
            if kind in _CLOCKS:
                offsets[name] = _CLOCKS[kind]
            events.append(
                Event(
                    key=f"fault-{kind.replace('_', '-')}-{k + 1}",
                    category="sensor_fault",
                    lifeline=str(sensors["lifeline"][name]),
                    kind=kind,
                    asset=str(sensors["asset"][name]),
                    sensors=(name,),
                    start_h=start_h,
                    end_h=end_h,
                    size=size,
                    unit=unit,
                    note=_NOTES[kind],
                )
            )
    return values, Faults(events, offsets)


def _with_gaps(role: str, cube: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Lose a few short runs of every sensor, and single telegrams."""
    cube = cube.copy()
    if "raw" in role or ROLES[role].clock == "1d":
        return cube
    step = STEP_H[ROLES[role].clock]
    for row in np.flatnonzero(rng.random(len(cube)) < 0.5):
        for _ in range(int(rng.integers(1, 4))):
            since = int(rng.integers(cube.shape[1]))
            cube[row, since : since + max(int(rng.exponential(2.5) / step), 1)] = np.nan
    lost = rng.integers(0, cube.size, int(0.002 * cube.size))
    cube.reshape(-1)[lost] = np.nan
    return cube


def _outage(line: np.ndarray, role: str, rng: np.random.Generator) -> tuple:
    step = STEP_H[ROLES[role].clock]
    length = float(rng.uniform(40.0, 110.0))
    start = float(rng.uniform(48.0, END_H - length - 24.0))
    line[int(start / step) : int((start + length) / step)] = np.nan
    return start, start + length, length, "h"


def _spikes(line: np.ndarray, role: str, rng: np.random.Generator) -> tuple:
    spec = ROLES[role]
    spread = max(float(np.nanstd(line)), 10 * spec.noise)
    at = np.sort(rng.choice(np.arange(20, line.size - 20), int(rng.integers(6, 14)), replace=False))
    height = rng.uniform(7.0, 15.0) * spread
    line[at] += (height * rng.choice([-1.0, 1.0], at.size)).astype(np.float32)
    steps = np.round(np.clip(line, *spec.span) / spec.resolution)
    line[:] = np.round(steps * spec.resolution, 6)
    hours = at[[0, -1]] * STEP_H[spec.clock]
    return float(hours[0]), float(hours[1]) + 0.25, height, "1"


def _stuck(line: np.ndarray, role: str, rng: np.random.Generator) -> tuple:
    step = STEP_H[ROLES[role].clock]
    length = float(rng.uniform(50.0, 150.0))
    start = float(rng.uniform(48.0, END_H - length - 24.0))
    since = int(start / step)
    run = line[since : int((start + length) / step)]
    run[~np.isnan(run)] = run[~np.isnan(run)][0]
    return start, start + length, length, "h"


def _drift(line: np.ndarray, role: str, rng: np.random.Generator) -> tuple:
    spec = ROLES[role]
    step = STEP_H[spec.clock]
    start = float(rng.uniform(100.0, 400.0))
    height = rng.uniform(3.0, 7.0) * max(float(np.nanstd(line)), 5 * spec.noise)
    hours = np.arange(line.size) * step
    line += (height * np.clip((hours - start) / (END_H - start), 0.0, 1.0)).astype(np.float32)
    steps = np.round(np.clip(line, *spec.span) / spec.resolution)
    line[:] = np.round(steps * spec.resolution, 6)
    return start, END_H, height, "1"


def _clock_ahead(_line: np.ndarray, _role: str, _rng: np.random.Generator) -> tuple:
    return 0.0, END_H, AHEAD_MIN / 60.0, "h"


def _clock_offset(_line: np.ndarray, _role: str, _rng: np.random.Generator) -> tuple:
    return 0.0, END_H, OFFSET_MIN / 60.0, "h"


_FAULTS = {
    "outage": _outage,
    "spikes": _spikes,
    "stuck": _stuck,
    "drift": _drift,
    "clock_ahead": _clock_ahead,
    "clock_offset": _clock_offset,
}
