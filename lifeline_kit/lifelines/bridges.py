"""Bridges: declared in `bridges.toml`; loads and lasting shifts from fast and slow channels.

Fast channels (below a second) name each load passage and each lasting step of the unloaded
level. Slow strain is freed of temperature by a straight line on the bridge's own temperature,
fitted on the first days, and its daily median is compared with them.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from lifeline_kit.methods.baselines import daily_shift
from lifeline_kit.methods.episodes import limit_episodes
from lifeline_kit.methods.events import load_passages
from lifeline_kit.methods.rules import SEVERITY, apply_rules, usable
from lifeline_kit.methods.shifts import persistent_shifts
from lifeline_kit.model.city import City
from lifeline_kit.model.lifeline import Lifeline, load_lifeline
from lifeline_kit.model.readings import Flat, Series, nodes, series, stamp
from lifeline_kit.model.tables import FINDING_COLUMNS, join_findings, table
from lifeline_kit.text import Text

_FAST_S = 1.0
_EVENT_FLOORS = {"strain": 2.0, "force": 2.0}  # um/m, kN: smallest effect worth naming, expert
_SHIFT_LEVELS = {4: 12.0, 3: 25.0, 2: 60.0}  # um/m of the daily median, expert
_LASTING_LEVELS = {4: 2.0, 3: 20.0, 2: 60.0}  # um/m or kN of a step in a fast channel, expert
_TRAINING_DAYS = 7
_DAY = np.timedelta64(1, "D")
_SOURCE = Text(
    "项目方法，参数依慕尼黑试验桥参考记录设定；分级为专家值",
    "project method, settings fixed on the Munich reference recordings; levels expert",
)
_PASSAGE = Text("荷载通过", "Load passage")
_PARKED = Text("荷载停留", "Load standing")
_UNRETURNED = Text(
    "至记录结束仍未恢复（荷载停留或尚未确认的沉降）",
    "Not back by the end of the recording (load standing, or lowering not yet confirmed)",
)
_STEP = Text("支座沉降或持久位移", "Support lowering or lasting shift")
_SHIFT = Text("应变持久偏移（温度修正后）", "Lasting strain shift (temperature removed)")


def diagnose(lifeline: Lifeline, city: City, at: pd.Timestamp) -> pd.DataFrame:
    """Apply the rules; name passages and steps in fast channels, shifts in slow strain."""
    moment = at.to_datetime64()
    rows = [*_fast_rows(city, lifeline.key, moment), *_slow_rows(city, lifeline.key, moment)]
    return join_findings(
        [
            apply_rules(city, lifeline.key, lifeline.rules, at),
            table(rows, FINDING_COLUMNS, "finding"),
        ]
    )


def _channels(
    city: City, lifeline: str, quantities: tuple[str, ...], at: np.datetime64, *, fast: bool
) -> Iterator[tuple[str, pd.Series, Flat, slice]]:
    """Yield sensor id, its row, and its usable readings."""
    sensors = city.sensors
    wanted = (sensors["lifeline"] == lifeline) & sensors["quantity"].isin(quantities)
    wanted &= (sensors["interval_s"] < _FAST_S) == fast
    for quantity in quantities:
        for _, node in nodes(city.readings, quantity):
            flat, keep = usable(node, sensors.index[wanted], at)
            for i in np.flatnonzero(keep):
                sensor = str(flat.sensors[i])
                yield sensor, sensors.loc[sensor], flat, slice(flat.starts[i], flat.starts[i + 1])


def _fast_rows(city: City, lifeline: str, at: np.datetime64) -> Iterator[dict]:
    for sensor, entry, flat, own in _channels(city, lifeline, tuple(_EVENT_FLOORS), at, fast=True):
        time, value = flat.time[own], flat.value[own].astype(float)
        floor = _EVENT_FLOORS[entry["quantity"]]
        for load in load_passages(time, value, floor=floor).to_dict("records"):
            yield _load_row(city, lifeline, sensor, entry, load)
        for step in persistent_shifts(time, value, floor=floor).to_dict("records"):
            yield _step_row(city, lifeline, sensor, entry, step)


def _load_row(city: City, lifeline: str, sensor: str, entry: pd.Series, load: dict) -> dict:
    title = _PASSAGE if load["kind"] == "passage" else _PARKED
    title = _UNRETURNED if pd.isna(load["end"]) else title
    unit, peak, seconds = entry["unit"], load["peak"], load["duration_s"]
    when = f"{city.local(load['peak_time']):%H:%M:%S}"
    rule = f"bridges.{load['kind']}"
    return {
        **_frame(lifeline, sensor, entry, rule=rule, since=load["start"]),
        "title_zh": title.zh,
        "title_en": title.en,
        "method": "load_passages",
        "severity": 0.05,
        "value": load["peak"],
        "evidence_zh": f"峰值 {peak:+.1f} {unit}({when})，历时 {seconds:.0f} s",
        "evidence_en": f"peak {peak:+.1f} {unit} ({when}), lasting {seconds:.0f} s",
        "until": load["end"],
    }


def _step_row(city: City, lifeline: str, sensor: str, entry: pd.Series, step: dict) -> dict:
    size = abs(step["step"])
    delay, when = step["delay_s"], f"{city.local(step['time']):%Y-%m-%d %H:%M:%S}"
    level = min((lv for lv, limit in _LASTING_LEVELS.items() if size >= limit), default=4)
    unit = entry["unit"]
    return {
        **_frame(lifeline, sensor, entry, rule="bridges.step", since=step["settled"]),
        "title_zh": _STEP.zh,
        "title_en": _STEP.en,
        "method": "persistent_shifts",
        "severity": SEVERITY[level],
        "level": level,
        "value": step["step"],
        "limit": _LASTING_LEVELS[level],
        "evidence_zh": f"{when} 起阶跃 {step['step']:+.1f} {unit},{delay:.0f} s 后确认",
        "evidence_en": (
            f"step of {step['step']:+.1f} {unit} from {when}, confirmed after {delay:.0f} s"
        ),
        "until": pd.NaT,
    }


def _slow_rows(city: City, lifeline: str, at: np.datetime64) -> Iterator[dict]:
    for sensor, entry, flat, own in _channels(city, lifeline, ("strain",), at, fast=False):
        time, value = flat.time[own], flat.value[own].astype(float)
        free = without_temperature(time, value, _temperature(city, entry["asset"]))
        end_of_day, shift = daily_shift(time, free, reference_days=_TRAINING_DAYS)
        known = ~np.isnan(shift) & (end_of_day <= at)
        for episode in limit_episodes(
            end_of_day[known],
            np.abs(shift[known]),
            _SHIFT_LEVELS,
            on_delay=np.timedelta64(0, "ms"),
            off_delay=2 * _DAY.astype("timedelta64[ms]"),
        ):
            yield {
                **_frame(lifeline, sensor, entry, rule="bridges.shift", since=stamp(episode.since)),
                "title_zh": _SHIFT.zh,
                "title_en": _SHIFT.en,
                "method": "daily_shift",
                "severity": SEVERITY[episode.level],
                "level": episode.level,
                "value": episode.peak,
                "limit": episode.limit,
                "evidence_zh": f"日中值较前 {_TRAINING_DAYS} 天偏移 {episode.peak:.1f} um/m",
                "evidence_en": (
                    f"daily median {episode.peak:.1f} um/m away from the first "
                    f"{_TRAINING_DAYS} days"
                ),
                "until": episode.until,
            }


def _frame(lifeline: str, sensor: str, entry: pd.Series, *, rule: str, since: pd.Timestamp) -> dict:
    return {
        "finding": f"{rule}:{sensor}:{pd.Timestamp(since).isoformat(timespec='milliseconds')}",
        "lifeline": lifeline,
        "asset": entry["asset"],
        "sensor": sensor,
        "rule": rule,
        "unit": entry["unit"],
        "source": _SOURCE.en,
        "source_zh": _SOURCE.zh,
        "since": since,
        "real_or_simulated": entry["real_or_simulated"],
    }


def _temperature(city: City, asset: str) -> Series | None:
    """Find the readings of the asset's own temperature sensor."""
    sensors = city.sensors
    own = sensors.index[(sensors["asset"] == asset) & (sensors["quantity"] == "temperature")]
    for _, node in nodes(city.readings, "temperature"):
        for sensor in own:
            if sensor in node["sensor"].to_numpy():
                return series(node, sensor)
    return None


def without_temperature(
    time: np.ndarray, value: np.ndarray, temperature: Series | None
) -> np.ndarray:
    """Subtract a straight line on temperature, fitted on the first days.

    Parameters
    ----------
    time : datetime64 array, (obs,)
    value : array, (obs,) [um/m]
    temperature : Series or None
        Unchanged without one.

    Returns
    -------
    array, (obs,) [um/m]
    """
    if temperature is None or not len(temperature.time) or not len(time):
        return value
    at_reading = np.interp(
        time.astype(np.int64), temperature.time.astype(np.int64), temperature.value
    )
    training = time < time[0] + _TRAINING_DAYS * _DAY
    centred = at_reading - at_reading[training].mean()
    spread = float((centred[training] ** 2).sum())
    if spread < 1e-9:
        return value
    slope = float((centred[training] * value[training]).sum()) / spread
    return value - slope * centred


BRIDGES = load_lifeline(Path(__file__).with_suffix(".toml"), diagnose)
