"""The state of every sensor, and findings where a sensor itself is in question."""

from collections.abc import Iterator, Sequence

import geopandas as gpd
import numpy as np
import pandas as pd
from pandas.api.typing import NaTType

from lifeline_kit.methods.rules import sensors_of
from lifeline_kit.model.city import City
from lifeline_kit.model.lifeline import Lifeline
from lifeline_kit.model.readings import (
    CLOCK,
    DRIFT,
    FLAT_LINE,
    FUTURE,
    PASS,
    RANGE_FAIL,
    SPIKE,
    TEST_NAMES,
    VARIANCE,
    Flat,
    flatten,
    nodes,
    stamp,
)
from lifeline_kit.model.tables import FINDING_COLUMNS, HEALTH_COLUMNS, table
from lifeline_kit.text import Text

_CONTINUOUS_S = 60.0  # slower clocks run on; faster ones come in windows that end
_SOURCE = Text("QARTOD；专项所申明的量测限值", "QARTOD; limits of the lifeline's measures")
_FAULTS = {
    RANGE_FAIL: (Text("超出仪表量程", "Outside the instrument's span"), 3),
    SPIKE: (Text("尖峰频繁", "Frequent spikes"), 5),
    FLAT_LINE: (Text("读数停滞", "Stuck value"), 1),
    FUTURE: (Text("时钟超前", "Clock ahead"), 1),
}
# Off its neighbours or its asset's other channels may as well be an event: no finding of its own.
_DOUBTS = {
    DRIFT: (
        Text("与邻近测点渐离（疑似漂移）", "Creeping away from its neighbours (drift?)"),
        Text(
            "日中位数累计偏离 {value:.0f} 倍日间离散", "daily medians went {value:.0f} sigma away"
        ),
    ),
    VARIANCE: (
        Text("噪声异常增大", "Noise has grown"),
        Text("日噪声为平日的 {value:.1f} 倍", "{value:.1f} times the usual day's noise"),
    ),
    CLOCK: (
        Text("时钟偏移", "Clock off the common grid"),
        Text(
            "时间戳偏离同类测点 {value:+.1f} 分钟", "stamps {value:+.1f} min off those of its peers"
        ),
    ),
}
_OFFLINE = Text("传感器离线", "Sensor offline")
_OUTAGE = Text("传感器曾中断", "Sensor was silent")
_OUTAGE_H, _OUTAGE_INTERVALS = 24.0, 20  # a silence counts from the longer of the two


def sensor_health(
    city: City, at: np.datetime64, doubts: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Tabulate completeness, share of good readings, last reading and online state.

    Parameters
    ----------
    city : City
        With flags.
    at : datetime64
    doubts : DataFrame, optional
        From `quality.comparison.doubts`.

    Returns
    -------
    DataFrame, index `sensor`
        Columns of `model.tables.HEALTH_COLUMNS`. `expected` counts the intervals between the
        node's first reading and `at` (for windows of fast sampling: the node's last reading).
    """
    rows = []
    sensors = city.sensors
    for _, node in nodes(city.readings):
        flat = flatten(node)
        rows += list(_node_health(flat, node["flag"].to_numpy(), sensors, at))
    seen = {row["sensor"] for row in rows}
    for sensor in sensors.index[~sensors.index.isin(seen)]:
        entry = sensors.loc[sensor]
        rows.append(_row(sensor, entry, n=0, expected=1, good=np.nan, last=pd.NaT, online=False))
    return _with_doubts(table(rows, HEALTH_COLUMNS, "sensor"), doubts)


def _with_doubts(health: pd.DataFrame, doubts: pd.DataFrame | None) -> pd.DataFrame:
    if doubts is None or doubts.empty:
        return health.assign(doubt="")
    drift = doubts[doubts["test"] == DRIFT].groupby("sensor")["value"].max()
    names = doubts["test"].map(TEST_NAMES).groupby(doubts["sensor"])
    joined = names.agg(lambda each: " ".join(dict.fromkeys(each)))
    return health.assign(
        drift=drift.reindex(health.index).astype(float),
        doubt=joined.reindex(health.index).fillna("").astype(str),
    )


def health_by(health: pd.DataFrame, of: pd.Series) -> pd.DataFrame:
    """Gather the state of sensors by asset, grid cell or district.

    Parameters
    ----------
    health : DataFrame, index `sensor`
        From `sensor_health`.
    of : Series, index `sensor`
        What each sensor belongs to: ``health["asset"]``, or a cell by `cell_of`.

    Returns
    -------
    DataFrame, index the values of `of`
        `sensors`, `online` (share), `completeness`, `good` (means), `drifting`, `in_doubt`.
    """
    own = of.reindex(health.index)
    grouped = health.assign(
        drifting=health["drift"].notna(), in_doubt=health["doubt"] != ""
    ).groupby(own)
    return grouped.agg(
        sensors=("n", "size"),
        online=("online", "mean"),
        completeness=("completeness", "mean"),
        good=("good", "mean"),
        drifting=("drifting", "sum"),
        in_doubt=("in_doubt", "sum"),
    )


def cell_of(sensors: gpd.GeoDataFrame, areas: gpd.GeoDataFrame, level: str = "cell") -> pd.Series:
    """Tell which grid cell (or other level of area) each sensor stands in: (sensor,)."""
    wanted = areas.loc[areas["level"] == level, ["geometry"]]
    inside = gpd.sjoin(sensors[["geometry"]], wanted, how="inner", predicate="intersects")
    column = "area" if "area" in inside.columns else "index_right"
    return inside[~inside.index.duplicated()][column]


def _node_health(
    flat: Flat, flags: np.ndarray, sensors: pd.DataFrame, at: np.datetime64
) -> Iterator[dict]:
    if not flat.time.size:
        return
    good = flags.reshape(-1)[flat.position] == PASS
    begin, end = flat.time.min(), flat.time.max()
    for i, sensor in enumerate(flat.sensors):
        entry = sensors.loc[sensor]
        rows = slice(flat.starts[i], flat.starts[i + 1])
        time = flat.time[rows]
        time_now = time[time <= at]
        interval = float(entry["interval_s"])
        stop = at if interval >= _CONTINUOUS_S else min(end, at)
        span = max((stop - begin) / np.timedelta64(1, "s"), 0.0)
        expected = max(int(span // interval) + 1, 1)
        # an event-driven sensor may report more often than its interval: count intervals covered
        step = np.timedelta64(max(round(interval * 1000), 1), "ms")
        n = int(np.unique((time_now - begin) // step).size)
        last = time_now[-1] if time_now.size else np.datetime64("NaT")
        online = bool(time_now.size and (stop - last) / np.timedelta64(1, "s") <= 3 * interval)
        share = float(good[rows].mean()) if time.size else np.nan
        yield _row(sensor, entry, n=n, expected=expected, good=share, last=last, online=online)


def _row(sensor: str, entry: pd.Series, *, n: int, expected: int, **rest: object) -> dict:
    return {
        "sensor": sensor,
        "asset": entry["asset"],
        "lifeline": entry["lifeline"],
        "quantity": entry["quantity"],
        "n": n,
        "expected": expected,
        "completeness": min(n / expected, 1.0),
        "drift": np.nan,
        "doubt": "",
        **rest,
    }


def sensor_health_findings(
    city: City,
    health: pd.DataFrame,
    flags: pd.DataFrame,
    doubts: pd.DataFrame | None = None,
    *,
    lifelines: Sequence[Lifeline] = (),
) -> pd.DataFrame:
    """Turn bad readings and silence into findings about sensors; they never warn of a process.

    Parameters
    ----------
    city : City
    health : DataFrame, index `sensor`
    flags : DataFrame
        From `sparse_flags`.
    doubts : DataFrame, optional
        From `quality.comparison.doubts`.
    lifelines : sequence of Lifeline, optional
        The silence of a sensor that has an `offline` rule is told by that rule, not here.
    """
    graded = {
        sensor
        for lifeline in lifelines
        for rule in lifeline.rules
        if rule.test == "offline"
        for sensor in sensors_of(city, lifeline.key, rule).index
    }
    silent = [*_offline_rows(city, health), *_outage_rows(city)]
    rows = [each for each in silent if each["sensor"] not in graded]
    rows += _fault_rows(city, flags)
    if doubts is not None:
        rows += _doubt_rows(city, doubts)
    return table(rows, FINDING_COLUMNS, "finding")


def _offline_rows(city: City, health: pd.DataFrame) -> Iterator[dict]:
    silent = health[~health["online"]]
    for sensor, state in silent.iterrows():
        interval = float(city.sensors.loc[sensor, "interval_s"])
        since = state["last"] + pd.Timedelta(3 * interval, "s")
        if pd.isna(since):
            continue
        last = city.local(state["last"])
        yield _finding(
            city,
            str(sensor),
            title=_OFFLINE,
            rule="offline",
            since=since,
            until=pd.NaT,
            value=np.nan,
            evidence=Text(
                f"自 {last:%Y-%m-%d %H:%M} 起无读数，已超过 3 个采样间隔",
                f"no reading since {last:%Y-%m-%d %H:%M}, more than 3 intervals",
            ),
        )


def _outage_rows(city: City) -> Iterator[dict]:
    """Silences that are over; who is silent now is offline."""
    for _, node in nodes(city.readings):
        flat = flatten(node)
        interval = city.sensors["interval_s"].reindex(flat.sensors).to_numpy(dtype=float)
        hours = np.diff(flat.time).astype(np.int64) / 3_600_000.0
        owner = np.repeat(np.arange(flat.sensors.size), np.diff(flat.starts))
        least = np.maximum(_OUTAGE_H, _OUTAGE_INTERVALS * interval / 3600.0)
        continuous = interval >= _CONTINUOUS_S
        same = owner[1:] == owner[:-1]
        for i in np.flatnonzero(same & (hours > least[owner[1:]]) & continuous[owner[1:]]):
            since, until = stamp(flat.time[i]), stamp(flat.time[i + 1])
            begin, end = city.local(since), city.local(until)
            row = _finding(
                city,
                str(flat.sensors[owner[i]]),
                title=_OUTAGE,
                rule="outage",
                since=since,
                until=until,
                value=float(hours[i]),
                evidence=Text(
                    f"{begin:%m-%d %H:%M} 至 {end:%m-%d %H:%M} 共 {hours[i]:.0f} 小时无读数",
                    f"no reading for {hours[i]:.0f} h, {begin:%m-%d %H:%M} to {end:%m-%d %H:%M}",
                ),
            )
            yield row | {"finding": f"{row['finding']}:{since:%Y%m%d%H%M}"}


def _fault_rows(city: City, flags: pd.DataFrame) -> Iterator[dict]:
    for bit, (title, at_least) in _FAULTS.items():
        hit = flags[(flags["tests"].to_numpy() & bit) > 0]
        for sensor, rows in hit.groupby("sensor"):
            if len(rows) < at_least:
                continue
            yield _finding(
                city,
                sensor,
                title=title,
                rule=TEST_NAMES[bit],
                since=rows["time"].iloc[at_least - 1],
                until=rows["time"].iloc[-1],
                value=float(rows["value"].iloc[-1]),
                evidence=Text(
                    f"{len(rows)} 个读数未通过检验，首个 {rows['value'].iloc[0]:.4g}",
                    f"{len(rows)} readings failed the test, the first {rows['value'].iloc[0]:.4g}",
                ),
            )


def _doubt_rows(city: City, doubts: pd.DataFrame) -> Iterator[dict]:
    told = doubts[doubts["test"].isin(list(_DOUBTS))]
    for (sensor, test), rows in told.groupby(["sensor", "test"], sort=False):
        title, evidence = _DOUBTS[test]
        value = float(rows["value"].iloc[-1])
        yield _finding(
            city,
            str(sensor),
            title=title,
            rule=TEST_NAMES[test],
            since=rows["since"].iloc[0],
            until=rows["until"].iloc[-1],
            value=value,
            evidence=Text(evidence.zh.format(value=value), evidence.en.format(value=value)),
        )


def _finding(
    city: City,
    sensor: str,
    *,
    title: Text,
    rule: str,
    since: pd.Timestamp,
    until: pd.Timestamp | NaTType,
    value: float,
    evidence: Text,
) -> dict:
    entry = city.sensors.loc[sensor]
    return {
        "finding": f"health:{rule}:{sensor}",
        "lifeline": entry["lifeline"],
        "asset": entry["asset"],
        "sensor": sensor,
        "method": "quality",
        "rule": rule,
        "title_zh": title.zh,
        "title_en": title.en,
        "severity": 0.2,
        "value": value,
        "unit": entry["unit"],
        "evidence_zh": evidence.zh,
        "evidence_en": evidence.en,
        "source": _SOURCE.en,
        "source_zh": _SOURCE.zh,
        "verified": True,
        "health": True,
        "since": since,
        "until": until,
        "real_or_simulated": entry["real_or_simulated"],
    }
