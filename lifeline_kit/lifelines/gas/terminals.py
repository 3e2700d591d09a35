"""Findings of gas terminals beyond their set points: fast rises, and terminals out of place."""

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from lifeline_kit.lifelines.gas.alarms import profile, told
from lifeline_kit.methods.concentration import RISE, SOON, Said, grade, quiet_state
from lifeline_kit.methods.rules import SEVERITY, usable
from lifeline_kit.model.city import City
from lifeline_kit.model.readings import nodes
from lifeline_kit.model.tables import FINDING_COLUMNS, table
from lifeline_kit.text import Text

_RISING = Text("地下空间甲烷快速上升", "Methane underground: rising fast")
_SOON = Text(
    "地下空间甲烷将达爆炸下限", "Methane underground: explosive limit within hours at this rise"
)


def rise_findings(city: City, at: pd.Timestamp, *, name: str = "cn_default") -> pd.DataFrame:
    """Find spaces where methane rises fast, or is to reach the explosive limit soon.

    In simulated cities it comes with every leak, 0.5 to 2 h before the set point; biogas rose so in
    3 of 6 episodes, days after its set point. Findings
    are of the rule `gas.methane`, so that they warn together with its set points.

    Parameters
    ----------
    city : City
        With flags; readings that failed, spiked or stuck are left out.
    at : Timestamp
        Later readings are not looked at.
    name : str
        Of the alarm profile.

    Returns
    -------
    DataFrame
        Findings; rises of one terminal less than twelve hours apart are one.
    """
    chosen = profile(name)
    sensors = city.sensors
    kind = sensors["asset"].map(city.assets["kind"])
    own = sensors.index[
        (sensors["lifeline"] == "gas") & (sensors["quantity"] == "methane") & (kind == "space")
    ]
    rows = []
    for _, node in nodes(city.readings, "methane"):
        flat, keep = usable(node, own, at.to_datetime64())
        for i in np.flatnonzero(keep):
            part = slice(flat.starts[i], flat.starts[i + 1])
            time, value = flat.time[part], flat.value[part].astype(float)
            if np.nanmax(value) >= chosen.alarm.rise_least:  # a quiet space needs no kernel
                _, said = grade(quiet_state(), time, value, alarm=chosen.alarm)
                rows += _rises(city, str(flat.sensors[i]), time, value, said)
    return table(rows, FINDING_COLUMNS, "finding")


def _rises(city: City, sensor: str, time: np.ndarray, value: np.ndarray, said: Said) -> list[dict]:
    on = np.flatnonzero(said.by & (1 << RISE | 1 << SOON))
    if not on.size:
        return []
    entry, rows = city.sensors.loc[sensor], []
    own = told()["rises"]
    apart = np.diff(time[on]) > np.timedelta64(round(own["merge_h"] * 3600), "s")
    for run in np.split(on, np.flatnonzero(apart) + 1):
        soon = bool((said.by[run] >> SOON & 1).any())
        steepest = run[np.argmax(np.nan_to_num(said.slope[run], nan=-np.inf))]
        slope, hours = float(said.slope[steepest]), float(said.hours[run, 2].min())
        over = run[-1] + 1 < time.size
        when = f"{city.local(time[steepest]):%m-%d %H:%M}"
        title = _SOON if soon else _RISING
        level = 3 if soon else 4
        rows.append(
            {
                "finding": f"gas.rise:{sensor}:{time[run[0]].astype('datetime64[s]')}",
                "lifeline": "gas",
                "asset": entry["asset"],
                "sensor": sensor,
                "method": "theil-sen",
                "rule": "gas.methane",
                "title_zh": title.zh,
                "title_en": title.en,
                "severity": SEVERITY[level],
                "level": level,
                "value": slope,
                "unit": "%VOL/h",
                "evidence_zh": f"{when} 浓度 {value[steepest]:.2f} %VOL，升速 {slope:.2f} %VOL/h；"
                + (f"{hours:.1f} h 可达爆炸下限" if hours else "已达爆炸下限"),
                "evidence_en": f"{when}: {value[steepest]:.2f} %VOL, rising {slope:.2f} %VOL/h; "
                + (f"{hours:.1f} h to the explosive limit" if hours else "explosive limit reached"),
                "source": own["source"],
                "source_zh": own["source_zh"],
                "since": time[run[0]],
                "until": time[run[-1] + 1] if over else np.datetime64("NaT", "ms"),
                "real_or_simulated": entry["real_or_simulated"],
            }
        )
    return rows


def misplaced_terminals(
    assets: gpd.GeoDataFrame, sensors: gpd.GeoDataFrame, at: pd.Timestamp
) -> pd.DataFrame:
    """Find gas terminals farther than 500 m from every gas pipe.

    Parameters
    ----------
    assets : GeoDataFrame, index `asset`
    sensors : GeoDataFrame, index `sensor`
    at : Timestamp

    Returns
    -------
    DataFrame
        Findings about the data, level 0: nothing to dispatch for.
    """
    limits = told()["near"]
    own = sensors[(sensors["lifeline"] == "gas") & (sensors["quantity"] == "methane")]
    gas = assets["lifeline"] == "gas"
    lines = assets.geometry[gas & (assets["kind"] == "pipe")].dropna()
    placed = own[own.geometry.notna() & ~own.geometry.is_empty]
    if placed.empty or lines.empty:
        return table([], FINDING_COLUMNS, "finding")
    tree = shapely.STRtree(lines.to_numpy())
    points = placed.geometry.to_numpy()
    near = tree.query(points, predicate="dwithin", distance=limits["pipe_m"])[0]
    stray = placed[~np.isin(np.arange(len(placed)), near)]
    limit = limits["pipe_m"]
    return table(
        [
            {
                "finding": f"gas.misplaced:{sensor}",
                "lifeline": "gas",
                "asset": row["asset"],
                "sensor": sensor,
                "method": "distance",
                "rule": "gas.data",
                "title_zh": "燃气终端附近没有燃气管道",
                "title_en": "No gas pipe near a gas terminal",
                "severity": SEVERITY[0],
                "limit": limit,
                "unit": "m",
                "evidence_zh": f"{limit:g} m 内没有燃气管道：位置有误或管网数据缺失",
                "evidence_en": f"no gas pipe within {limit:g} m: wrong place, or pipes missing",
                "source": limits["source"],
                "source_zh": "项目默认值",
                "health": False,
                "since": at,
                "real_or_simulated": row["real_or_simulated"],
            }
            for sensor, row in stray.iterrows()
        ],
        FINDING_COLUMNS,
        "finding",
    )
