"""Apply declared limit and rate rules to flagged readings, giving findings."""

import warnings
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
import xarray as xr

from lifeline_kit.methods.baselines import (
    daily_shift,
    nightly_residual,
    rise,
    running_median,
    usual_residual,
)
from lifeline_kit.methods.episodes import Episode, limit_episodes
from lifeline_kit.model.city import City
from lifeline_kit.model.lifeline import Lifeline, Rule
from lifeline_kit.model.readings import UNUSABLE, Flat, flatten, is_ragged, nodes
from lifeline_kit.model.tables import FINDING_COLUMNS, join_findings, table
from lifeline_kit.text import Text

SEVERITY = {0: 0.1, 4: 0.35, 3: 0.55, 2: 0.75, 1: 0.95}
LEVEL_NAMES = {1: "I", 2: "II", 3: "III", 4: "IV"}
_JOINT = ("residual", "night")  # graded over all sensors of a node at once
_ENOUGH_FOR_A_MEDIAN = 8
_STEADY = 3  # readings of the causal median before a trend is led on
_SMOOTH = 4  # samples of the residual's causal median: one hour of a 15-min clock
_MINUTE = np.timedelta64(60_000, "ms")


def apply_rules(city: City, lifeline: str, rules: Sequence[Rule], at: pd.Timestamp) -> pd.DataFrame:
    """Evaluate rules on the sensors of one lifeline.

    Parameters
    ----------
    city : City
        With flags; readings that failed, spiked or stuck never enter a rule.
    lifeline : str
    rules : sequence of Rule
    at : Timestamp
        Later readings are not looked at.

    Returns
    -------
    DataFrame
        Findings.
    """
    parts = [
        table(
            _rule_rows(city, lifeline, rule, at.to_datetime64()),
            FINDING_COLUMNS,
            "finding",
        )
        for rule in rules
    ]
    return join_findings(parts)


def _rule_rows(city: City, lifeline: str, rule: Rule, at: np.datetime64) -> Iterator[dict]:
    sensors = _sensors_of(city, lifeline, rule)
    if not len(sensors):
        return
    ahead = utc_offset(city.time_zone, at)
    for _, node in nodes(city.readings, rule.quantity):
        for sensor, time, value in _graded(node, rule, sensors.index, at, ahead):
            for episode in _episodes(time, value, rule, sensors.loc[sensor]):
                yield _row(city, lifeline, rule, sensor, episode)


def _graded(
    node: xr.Dataset, rule: Rule, sensors: pd.Index, at: np.datetime64, ahead: np.timedelta64
) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Yield per sensor what the rule grades: readings, a rise, sigma or a daily shift."""
    if rule.test in _JOINT and not is_ragged(node):
        yield from _graded_jointly(node, rule, sensors, at, ahead)
        return
    flat, keep = usable(node, sensors, at)
    for index in np.flatnonzero(keep):
        rows = slice(flat.starts[index], flat.starts[index + 1])
        time, value = flat.time[rows], flat.value[rows].astype(float)
        if rule.test == "rise":
            value = rise(np.array([0, value.size]), time, value, rule.window_h)
        elif rule.test == "forecast":
            value = _foreseen(time, value, rule)
        elif rule.test == "shift":
            time, value = daily_shift(time + ahead, value)
            over = time - ahead <= at
            time, value = time[over] - ahead, value[over]
        elif rule.test == "night":
            time, value = _nights(time, value[None, :], rule, at, ahead)
            value = value[0]
        elif rule.test == "residual":
            value = _in_sigma(*usual_residual(time + ahead, value[None, :]), rule)[0]
        yield str(flat.sensors[index]), time, value


def _foreseen(time: np.ndarray, value: np.ndarray, rule: Rule) -> np.ndarray:
    """Level reached within the horizon if the rise of the window goes on; falls are not led on."""
    calm = running_median(value[None, :], _STEADY)[0]  # one wild reading is no trend
    change = rise(np.array([0, value.size]), time, calm, rule.window_h)
    return calm + np.clip(change, 0.0, None) * rule.horizon_h / rule.window_h


def _graded_jointly(
    node: xr.Dataset, rule: Rule, sensors: pd.Index, at: np.datetime64, ahead: np.timedelta64
) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    wanted = np.isin(node["sensor"].to_numpy(), sensors.to_numpy())
    if not wanted.any():
        return
    own = node.isel(sensor=wanted).sel(time=node["time"] <= at)
    time = own["time"].to_numpy()
    value = np.where(
        (own["tests"].to_numpy() & UNUSABLE) == 0, own["value"].to_numpy(), np.float32(np.nan)
    )
    if rule.test == "night":
        time, graded = _nights(time, value, rule, at, ahead)
    else:
        graded = _in_sigma(*usual_residual(time + ahead, value), rule)
    for sensor, row in zip(own["sensor"].to_numpy(), graded, strict=True):
        yield str(sensor), time, row


def _nights(
    time: np.ndarray, value: np.ndarray, rule: Rule, at: np.datetime64, ahead: np.timedelta64
) -> tuple[np.ndarray, np.ndarray]:
    """Grade the nights that are over: end (night,) and sigma (sensor, night)."""
    end, residual, sigma, usual = nightly_residual(time + ahead, value)
    graded = _in_sigma(residual, sigma, np.abs(usual), rule, smooth=1)
    over = end - ahead <= at
    return end[over] - ahead, graded[:, over]


def _in_sigma(
    residual: np.ndarray,
    sigma: np.ndarray,
    swing: np.ndarray,
    rule: Rule,
    *,
    smooth: int = _SMOOTH,
) -> np.ndarray:
    """Smooth residuals, free them of what all sensors share, and grade them in sigma.

    What the whole network does at once (a holiday, a heat wave) is no fault of one place. It
    moves each sensor in proportion to its usual daily swing, so the median over the sensors of
    residual per swing goes out, where there are enough of them to have one.
    """
    own = running_median(residual, smooth)
    with np.errstate(divide="ignore", invalid="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # an instant without any reading
        if len(own) >= _ENOUGH_FOR_A_MEDIAN:
            own = own - np.nanmedian(own / np.where(swing > 0, swing, np.nan), axis=0) * swing
        graded = own / np.where(sigma > 0, sigma, np.nan)
    graded[np.abs(own) < rule.floor] = 0.0
    return graded


def _sensors_of(city: City, lifeline: str, rule: Rule) -> pd.DataFrame:
    sensors = city.sensors
    rows = (sensors["lifeline"] == lifeline) & (sensors["quantity"] == rule.quantity)
    if rule.kinds:
        kinds = city.assets["kind"].reindex(sensors["asset"]).to_numpy()
        rows &= np.isin(kinds, rule.kinds)
    if rule.only:
        rows &= sensors["asset"].isin(rule.only)
    if rule.but:
        rows &= ~sensors["asset"].isin(rule.but)
    return sensors[rows]


def usable(node: xr.Dataset, sensors: pd.Index, at: np.datetime64) -> tuple[Flat, np.ndarray]:
    """Keep the readings that may enter a rule.

    Parameters
    ----------
    node : Dataset
        With `tests`.
    sensors : Index
    at : datetime64

    Returns
    -------
    Flat, bool array (sensor,)
        The second says which sensors are wanted and have readings left.
    """
    wanted = np.isin(node["sensor"].to_numpy(), sensors.to_numpy())
    if not wanted.any():
        return flatten(node), wanted
    if not is_ragged(node):
        node = node.isel(sensor=wanted)
        wanted = np.ones(int(wanted.sum()), dtype=bool)
    flat = flatten(node)
    tests = node["tests"].to_numpy().reshape(-1)[flat.position]
    good = ((tests & UNUSABLE) == 0) & (flat.time <= at)
    kept = np.concatenate([[0], np.cumsum(good)])
    thin = Flat(
        flat.sensors,
        kept[flat.starts],
        flat.time[good],
        flat.value[good],
        flat.position[good],
    )
    return thin, wanted & (np.diff(thin.starts) > 0)


def utc_offset(time_zone: str, at: np.datetime64) -> np.timedelta64:
    """How far local time is ahead of UTC at a moment."""
    local = pd.Timestamp(at).tz_localize("UTC").tz_convert(time_zone)
    return local.tz_localize(None).to_datetime64().astype("datetime64[ms]") - at


def _episodes(time: np.ndarray, value: np.ndarray, rule: Rule, sensor: pd.Series) -> list[Episode]:
    levels = dict(rule.levels)
    if rule.relative_to:
        design = float(sensor.get(rule.relative_to, np.nan))
        if not np.isfinite(design):
            return []
        levels = {level: share * abs(design) for level, share in levels.items()}
    if rule.test == "below":
        value, levels = -value, {level: -limit for level, limit in levels.items()}
    elif rule.sign == "down":
        value = -value
    elif rule.sign == "both" and rule.test in {*_JOINT, "shift", "rise"}:
        value = np.abs(value)
    present = ~np.isnan(value)
    return limit_episodes(
        time[present],
        value[present],
        levels,
        on_delay=int(rule.on_delay_min) * _MINUTE,
        off_delay=int(rule.off_delay_min) * _MINUTE,
        deadband=rule.deadband,
    )


def _row(city: City, lifeline: str, rule: Rule, sensor: str, episode: Episode) -> dict:
    entry = city.sensors.loc[sensor]
    sign = -1.0 if rule.test == "below" else 1.0
    peak, limit = sign * episode.peak, sign * episode.limit
    unit = "sigma" if rule.test in _JOINT else entry["unit"]
    evidence = _evidence(rule, episode.level, peak, limit, unit, city.local(episode.peak_time))
    return {
        "finding": f"{rule.key}:{sensor}:{episode.started.astype('datetime64[s]')}",
        "lifeline": lifeline,
        "asset": entry["asset"],
        "sensor": sensor,
        "method": rule.test,
        "rule": rule.key,
        "title_zh": rule.title.zh,
        "title_en": rule.title.en,
        "severity": SEVERITY[episode.level],
        "level": episode.level,
        "value": peak,
        "limit": limit,
        "unit": unit,
        "evidence_zh": evidence.zh,
        "evidence_en": evidence.en,
        "source": rule.source,
        "source_zh": rule.source_zh,
        "verified": rule.verified,
        "since": episode.since,
        "until": episode.until,
        "real_or_simulated": entry["real_or_simulated"],
    }


def _evidence(
    rule: Rule, graded: int, peak: float, limit: float, unit: str, when: pd.Timestamp
) -> Text:
    level = LEVEL_NAMES[graded]
    shown = {"sigma": "σ"}.get(unit, unit)
    words = {
        "above": Text("达到", "reached"),
        "below": Text("降至", "fell to"),
        "rise": Text(f"{rule.window_h:g} 小时内变化", f"changed within {rule.window_h:g} h by"),
        "forecast": Text(
            f"按近 {rule.window_h:g} 小时趋势，{rule.horizon_h:g} 小时后将达",
            f"at the trend of the last {rule.window_h:g} h reaches in {rule.horizon_h:g} h",
        ),
        "residual": Text("偏离同一时刻常值", "left its usual value at that hour by"),
        "night": Text("夜间最小流量偏离常值", "left the usual minimum night flow by"),
        "shift": Text("日中值相对基准偏移", "moved its daily median by"),
    }[rule.test]
    return Text(
        f"{words.zh} {peak:.4g} {shown}（极值 {when:%m-%d %H:%M}），"
        f"{level} 级限值 {limit:.4g} {shown}",
        f"{words.en} {peak:.4g} {shown} (extreme {when:%m-%d %H:%M}); "
        f"limit of level {level} {limit:.4g} {shown}",
    )


def diagnose_by_rules(lifeline: Lifeline, city: City, at: pd.Timestamp) -> pd.DataFrame:
    """Diagnose a lifeline by its declared rules alone."""
    return apply_rules(city, lifeline.key, lifeline.rules, at)
