"""The state of every sensor, and findings where a sensor itself is in question."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from pandas.api.typing import NaTType

from lifeline_kit.model.city import City
from lifeline_kit.model.readings import (
    FLAT_LINE,
    FUTURE,
    PASS,
    RANGE_FAIL,
    SPIKE,
    TEST_NAMES,
    Flat,
    flatten,
    nodes,
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
_OFFLINE = Text("传感器离线", "Sensor offline")


def sensor_health(city: City, at: np.datetime64) -> pd.DataFrame:
    """Tabulate completeness, share of good readings, last reading and online state.

    Parameters
    ----------
    city : City
        With flags.
    at : datetime64

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
    return table(rows, HEALTH_COLUMNS, "sensor")


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
        **rest,
    }


def sensor_health_findings(city: City, health: pd.DataFrame, flags: pd.DataFrame) -> pd.DataFrame:
    """Turn bad readings and silence into findings about sensors; they never warn of a process.

    Parameters
    ----------
    city : City
    health : DataFrame, index `sensor`
    flags : DataFrame
        From `sparse_flags`.
    """
    rows = [*_offline_rows(city, health), *_fault_rows(city, flags)]
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
