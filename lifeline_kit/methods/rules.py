"""Apply declared limit and rate rules to flagged readings, giving findings."""

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain

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
from lifeline_kit.methods.beside import departures, within_reach
from lifeline_kit.methods.episodes import Episode, limit_episodes
from lifeline_kit.methods.rule_words import rule_evidence
from lifeline_kit.methods.windows import (
    counted_rank,
    lasting_rank,
    rank_levels,
    silences,
    window_sum,
)
from lifeline_kit.model.city import City
from lifeline_kit.model.lifeline import IN_SIGMA, Lifeline, Rule, falls
from lifeline_kit.model.readings import UNUSABLE, Flat, flatten, is_ragged, nodes
from lifeline_kit.model.tables import FINDING_COLUMNS, join_findings, table

LEVEL_NAMES = {1: "I", 2: "II", 3: "III", 4: "IV"}
SEVERITY = {0: 0.1, 4: 0.35, 3: 0.55, 2: 0.75, 1: 0.95}
_JOINT = frozenset({"residual", "night"})  # graded over all sensors of a node at once
_TWO_SIDED = _JOINT | {"shift", "rise", "neighbour"}
_UNITS = dict.fromkeys(IN_SIGMA, "sigma") | {"offline": "interval", "persistence": "min"}
_ENOUGH_FOR_A_MEDIAN = 8
_STEADY = 3  # readings of the causal median before a trend is led on
_SMOOTH = 4  # samples of the residual's causal median: one hour of a 15-min clock
_CONTINUOUS_S = 60.0  # faster clocks come in windows that end: no silence
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
    sensors = sensors_of(city, lifeline, rule)
    if not len(sensors):
        return
    for sensor, episode in _crossings(city, lifeline, rule, sensors, at):
        yield _row(city, lifeline, rule, sensor, episode)


def _crossings(
    city: City, lifeline: str, rule: Rule, sensors: pd.DataFrame, at: np.datetime64
) -> Iterator[tuple[str, Episode]]:
    if rule.test == "offline":
        yield from _silences(city, rule, sensors, at)
        return
    ahead = utc_offset(city.time_zone, at)
    graded = (
        _beside(city, lifeline, rule, sensors, at)
        if rule.test == "neighbour"
        else chain.from_iterable(
            _graded(node, rule, sensors, at, ahead)
            for _, node in nodes(city.readings, rule.quantity)
        )
    )
    for sensor, time, value in graded:
        own = sensors.loc[sensor]
        found = _lasting if rule.test == "persistence" else _episodes
        for episode in found(time, value, rule, own):
            yield sensor, episode


def _silences(
    city: City, rule: Rule, sensors: pd.DataFrame, at: np.datetime64
) -> Iterator[tuple[str, Episode]]:
    for _, node in nodes(city.readings, rule.quantity):
        flat = flatten(node)
        for index in np.flatnonzero(np.isin(flat.sensors, sensors.index.to_numpy())):
            sensor = str(flat.sensors[index])
            interval_s = float(sensors["interval_s"][sensor])
            if interval_s < _CONTINUOUS_S:
                continue
            time = flat.time[flat.starts[index] : flat.starts[index + 1]]
            for episode in silences(
                time[time <= at],
                interval_s=interval_s,
                limit=rule.levels[4],
                off_delay=int(rule.off_delay_min) * _MINUTE,
                at=at,
            ):
                yield sensor, episode


def _beside(
    city: City, lifeline: str, rule: Rule, wanted: pd.DataFrame, at: np.datetime64
) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Yield per sensor its departure from its like neighbours, also from those not graded."""
    every = replace(rule, only=frozenset(), but=frozenset())
    sensors = sensors_of(city, lifeline, every)
    position = {sensor: row for row, sensor in enumerate(sensors.index)}
    series = {}
    for _, node in nodes(city.readings, rule.quantity):
        flat, keep = usable(node, sensors.index, at)
        for index in np.flatnonzero(keep):
            rows = slice(flat.starts[index], flat.starts[index + 1])
            own = (flat.time[rows], flat.value[rows].astype(float))
            series[position[flat.sensors[index]]] = own
    points = city.sensors.geometry.reindex(sensors.index)
    places = np.column_stack([points.x.to_numpy(dtype=float), points.y.to_numpy(dtype=float)])
    kinds = city.assets["kind"].reindex(sensors["asset"]).astype(str).tolist()
    graded = departures(
        series,
        np.flatnonzero(sensors.index.isin(wanted.index)).tolist(),
        within_reach(places, kinds, rule.reach_m),
        sensors["interval_s"].to_numpy(dtype=float),
        floor=rule.floor,
    )
    for row, value in graded.items():
        yield str(sensors.index[row]), series[row][0], value


def _graded(
    node: xr.Dataset, rule: Rule, own: pd.DataFrame, at: np.datetime64, ahead: np.timedelta64
) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Yield per sensor what the rule grades: readings, a rise, sigma or a daily shift."""
    sensors = own.index
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
        elif rule.test == "sum":
            every = float(own["interval_s"][flat.sensors[index]])
            value = window_sum(time, value, interval_s=every, window_h=rule.window_h)
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


def sensors_of(city: City, lifeline: str, rule: Rule) -> pd.DataFrame:
    """Sensors of a lifeline that a rule looks after."""
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


def _limits(rule: Rule, sensor: pd.Series) -> dict[int, float]:
    """Limits of a rule at a sensor, larger is worse; empty where its design is not known."""
    levels = dict(rule.levels)
    if rule.relative_to:
        design = float(sensor.get(rule.relative_to, np.nan))
        if not np.isfinite(design):
            return {}
        levels = {level: share * abs(design) for level, share in levels.items()}
    return {level: -limit for level, limit in levels.items()} if falls(rule) else levels


def _episodes(time: np.ndarray, value: np.ndarray, rule: Rule, sensor: pd.Series) -> list[Episode]:
    levels = _limits(rule, sensor)
    if not levels:
        return []
    if falls(rule) or rule.sign == "down":
        value = -value
    elif rule.sign == "both" and rule.test in _TWO_SIDED:
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


def _lasting(time: np.ndarray, value: np.ndarray, rule: Rule, sensor: pd.Series) -> list[Episode]:
    """Episodes in which limits stayed crossed for long enough, or often enough."""
    levels = _limits(rule, sensor)
    if not levels:
        return []
    worse = -value if falls(rule) else value
    if rule.times:
        rank, much = counted_rank(worse, levels, times=rule.times, of=rule.of)
    else:
        rank, much = lasting_rank(
            time,
            worse,
            levels,
            interval_s=float(sensor["interval_s"]),
            window_h=rule.window_h,
            for_min=rule.for_min,
        )
    found = limit_episodes(
        time,
        rank,
        rank_levels(levels),
        on_delay=int(rule.on_delay_min) * _MINUTE,
        off_delay=int(rule.off_delay_min) * _MINUTE,
    )
    told = []
    for episode in found:
        during = (time >= episode.started) & ~(time >= episode.until)
        at = int(np.argmax(np.where(during, much[episode.level], -1.0)))
        told.append(
            episode._replace(
                limit=float(rule.times or rule.for_min),
                peak=float(much[episode.level][at]),
                peak_time=time[at],
            )
        )
    return told


def _row(city: City, lifeline: str, rule: Rule, sensor: str, episode: Episode) -> dict:
    entry = city.sensors.loc[sensor]
    sign = -1.0 if rule.test == "below" else 1.0
    peak, limit = sign * episode.peak, sign * episode.limit
    unit = _UNITS.get(rule.test) or (rule.unit if rule.test == "sum" else entry["unit"])
    if rule.times:
        unit = "1"
    crossed = _limits(rule, entry)[episode.level] * (-1.0 if falls(rule) else 1.0)
    evidence = rule_evidence(
        rule,
        LEVEL_NAMES[episode.level],
        peak=peak,
        limit=limit,
        unit=unit,
        when=city.local(episode.peak_time),
        crossed=f"{crossed:.4g} {entry['unit']}",
    )
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
        "health": rule.test == "offline",
        "since": episode.since,
        "until": episode.until,
        "real_or_simulated": entry["real_or_simulated"],
    }


def diagnose_by_rules(lifeline: Lifeline, city: City, at: pd.Timestamp) -> pd.DataFrame:
    """Diagnose a lifeline by its declared rules alone."""
    return apply_rules(city, lifeline.key, lifeline.rules, at)
