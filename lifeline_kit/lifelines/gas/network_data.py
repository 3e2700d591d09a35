"""What is wrong with the data of a gas network: parts left out, units mistaken, terminals in doubt.

Nothing is corrected here; each finding asks whoever owns the data.
"""

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from lifeline_kit.errors import NetworkError
from lifeline_kit.lifelines.gas.alarms import (
    device_events,
    profile,
    terminal_alarms,
    told,
)
from lifeline_kit.lifelines.gas.supply import gas_network
from lifeline_kit.methods import terminal_faults as faults
from lifeline_kit.methods.hydraulics.assets import left_out_rows
from lifeline_kit.methods.rules import SEVERITY
from lifeline_kit.model.city import City
from lifeline_kit.model.readings import flatten, nodes, series
from lifeline_kit.model.tables import FINDING_COLUMNS, join_findings, table
from lifeline_kit.text import Text

RULE, DEVICE_RULE = "gas.data", "gas.terminal"
_NETWORK = ("from_node", "to_node", "length_m", "diameter_mm")
# what a terminal may say of itself beside methane, by the name `terminal_alarms` knows
_CHANNELS = {
    "humidity": "humidity",
    "flooded": "flood",
    "tampered": "tamper",
    "battery": "battery",
    "signal_strength": "signal",
}
# seen in methane alone: the quality of the readings says these already
_SAID = faults.OFFLINE | faults.STUCK | faults.OVER_RANGE | faults.SPIKE
_NO_SOURCE = Text("燃气管网没有气源", "No source feeds the gas network")
_UNIT = Text("压力单位存疑", "Unit of a pressure in doubt")
_READ_AS = Text(
    "近 {days:g} 天中位数 {seen:.4g} kPa，{beside}约 {usual:.4g} kPa：是否把 {true:.4g} {unit} "
    "当作 {seen:.4g} kPa？读数未作更正，请核实单位",
    "median of {days:g} days {seen:.4g} kPa, {beside} about {usual:.4g} kPa: {true:.4g} {unit} "
    "read as {seen:.4g} kPa? Nothing was corrected; ask for the unit",
)
_DESIGN, _BESIDE = Text("设计压力", "design pressure"), Text("邻近测点", "gauges near by")
_IN_DOUBT = Text("；终端或测点存疑，不作报警", "; the sensor is in doubt, so this is no alarm")
_PARTLY = Text(
    "；期间终端曾存疑，须现场核实", "; the sensor was in doubt meanwhile: verify on site"
)
_TIMES = Text("{n} 个读数如此", "so at {n} readings")


def data_findings(city: City, at: pd.Timestamp) -> pd.DataFrame:
    """Find what is wrong with network, units and terminals.

    Parameters
    ----------
    city : City
        Readings with flags.
    at : Timestamp
        Nothing later is read.

    Returns
    -------
    DataFrame
        Findings of level 0; those about a sensor say so in `health`.
    """
    parts = [network_rows(city, at), unit_rows(city, at), device_rows(city, at)]
    return join_findings([table(rows, FINDING_COLUMNS, "finding") for rows in parts])


def network_rows(city: City, at: pd.Timestamp) -> list[dict]:
    """Say what took no part in the hydraulics of the network, one row for each reason."""
    own = city.assets[city.assets["lifeline"] == "gas"]
    pipes = own.index[own["kind"] == "pipe"]
    if not len(pipes) or not set(_NETWORK) <= set(own.columns):
        return []
    try:
        left_out = gas_network(city, at).left_out
    except NetworkError as error:
        return [
            {
                "finding": f"{RULE}:no_network",
                "asset": pipes[0],
                "method": "network",
                "rule": RULE,
                "title_zh": _NO_SOURCE.zh,
                "title_en": _NO_SOURCE.en,
                "value": float(len(pipes)),
                "unit": "1",
                "evidence_zh": f"{len(pipes)} 根管道均未与调压站相连",
                "evidence_en": str(error),
                "source": "check of the asset table",
                "source_zh": "资产表检查",
                **_common(at, str(own["real_or_simulated"][pipes[0]])),
            }
        ]
    return left_out_rows(left_out, lifeline="gas", at=at, origin=own["real_or_simulated"])


def _common(at: pd.Timestamp, origin: str) -> dict:
    return {"lifeline": "gas", "severity": SEVERITY[0], "since": at, "real_or_simulated": origin}


def unit_rows(city: City, at: pd.Timestamp) -> list[dict]:
    """Find pressures a thousand times off what the asset, or the gauges around, stand for."""
    limits = told()["units"]
    sensors = city.sensors
    own = sensors[(sensors["lifeline"] == "gas") & (sensors["quantity"] == "pressure")]
    seen = _medians(city, own.index, at, days=limits["days"], least=int(limits["least"]))
    own = own.loc[seen.index]
    design = _design(city, own)
    rows = []
    for sensor, value in seen.items():
        usual, beside, wide = design[sensor], _DESIGN, limits["design"]
        if not usual > 0:
            usual, beside, wide = _around(own, seen, str(sensor)), _BESIDE, limits["beside"]
        if not (usual > 0 and value > 0):
            continue
        ratio = value / usual
        unit, true = ("MPa", ratio * 1e3) if ratio < 1 else ("Pa", ratio / 1e3)
        if wide[0] <= true <= wide[1]:
            said = {"days": limits["days"], "seen": value, "usual": usual, "unit": unit}
            rows.append(_unit_row(own.loc[sensor], beside, said, at))
    return rows


def _unit_row(entry: pd.Series, beside: Text, said: dict, at: pd.Timestamp) -> dict:
    limits = told()["units"]
    said = said | {"true": said["seen"]}
    return {
        "finding": f"{RULE}:unit:{entry.name}",
        "asset": entry["asset"],
        "sensor": entry.name,
        "method": "unit",
        "rule": RULE,
        "title_zh": _UNIT.zh,
        "title_en": _UNIT.en,
        "value": said["seen"],
        "limit": said["usual"],
        "unit": "kPa",
        "evidence_zh": _READ_AS.zh.format(beside=beside.zh, **said),
        "evidence_en": _READ_AS.en.format(beside=beside.en, **said),
        "source": limits["source"],
        "source_zh": limits["source_zh"],
        "health": True,
        **_common(at, entry["real_or_simulated"]),
    }


def _medians(
    city: City, wanted: pd.Index, at: pd.Timestamp, *, days: float, least: int
) -> pd.Series:
    """Median of the last days of each sensor, flagged or not: a wrong unit is out of range."""
    now = at.to_datetime64()
    found: dict[str, float] = {}
    for _, node in nodes(city.readings, "pressure"):
        flat = flatten(node)
        for i in np.flatnonzero(np.isin(flat.sensors, wanted)).tolist():
            rows = slice(flat.starts[i], flat.starts[i + 1])
            kept = flat.time[rows] <= now
            kept &= flat.time[rows] > now - np.timedelta64(round(days * 24), "h")
            if kept.sum() >= least:
                found[str(flat.sensors[i])] = float(np.median(flat.value[rows][kept]))
    return pd.Series(found, dtype=float)


def _design(city: City, own: pd.DataFrame) -> pd.Series:
    """Design pressure of each sensor's asset, or of the pipes at its node [kPa], else NaN."""
    if "design_pressure_kpa" not in city.assets:
        return pd.Series(np.nan, index=own.index)
    gas = city.assets[city.assets["lifeline"] == "gas"]
    stated = gas["design_pressure_kpa"].astype(float)
    if "from_node" in gas:
        pipes = gas[gas["kind"] == "pipe"]
        ends = pd.concat([pipes["from_node"], pipes["to_node"]])
        largest = stated.reindex(ends.index).groupby(ends.to_numpy()).max()
        stated = stated.fillna(gas["from_node"].map(largest))
    return pd.Series(stated.reindex(own["asset"]).to_numpy(), index=own.index)


def _around(own: gpd.GeoDataFrame, seen: pd.Series, sensor: str) -> float:
    """Median of the five gauges next to one [kPa], NaN where there are fewer than three."""
    here = own.geometry[sensor]
    if here is None or here.is_empty:
        return float("nan")
    others = own.drop(sensor)
    away = pd.Series(shapely.distance(others.geometry.to_numpy(), here), index=others.index)
    near = away.dropna().nsmallest(5).index
    return float(seen[near].median()) if len(near) >= 3 else float("nan")


def device_rows(city: City, at: pd.Timestamp) -> list[dict]:
    """Find flooded, wet, opened and weak terminals, from what they say of themselves."""
    rows = []
    for sensor, graded in _graded_terminals(city, at):
        entry = city.sensors.loc[sensor]
        events = device_events(graded)
        for event in events[(events["fault"] & _SAID) == 0].to_dict("records"):
            said = _TIMES.format(n=event["n"])
            rows.append(
                {
                    "finding": f"{DEVICE_RULE}:{sensor}:{event['fault']}",
                    "asset": entry["asset"],
                    "sensor": sensor,
                    "method": "terminal",
                    "rule": DEVICE_RULE,
                    "title_zh": event["title_zh"],
                    "title_en": event["title_en"],
                    "value": float(event["n"]),
                    "unit": "1",
                    "evidence_zh": said.zh,
                    "evidence_en": said.en,
                    "source": told()["faults"]["source"],
                    "source_zh": "激光终端数据手册，专家值",
                    "health": True,
                    **_common(event["since"], entry["real_or_simulated"]),
                    "until": event["until"],
                }
            )
    return rows


def _graded_terminals(city: City, at: pd.Timestamp) -> list[tuple[str, pd.DataFrame]]:
    """Grade the methane terminals that say more of themselves than methane."""
    sensors = city.sensors[city.sensors["lifeline"] == "gas"]
    more = sensors[sensors["quantity"].isin(_CHANNELS)]
    methane = sensors[(sensors["quantity"] == "methane") & sensors["asset"].isin(more["asset"])]
    graded = []
    for sensor, asset in methane["asset"].items():
        line = _line(city, str(sensor), "methane", at)
        if line.empty:
            continue
        frame = pd.DataFrame({"methane": line})
        for name, quantity in more.loc[more["asset"] == asset, "quantity"].items():
            own = _line(city, str(name), quantity, at)
            held = own.reindex(line.index, method="ffill", tolerance=pd.Timedelta("2h"))
            flag = quantity in {"flooded", "tampered"}
            frame[_CHANNELS[quantity]] = held.fillna(0.0) > 0.5 if flag else held
        graded.append((str(sensor), terminal_alarms(frame, unit="%VOL", profile=profile())))
    return graded


def _line(city: City, sensor: str, quantity: str, at: pd.Timestamp) -> pd.Series:
    for _, node in nodes(city.readings, quantity):
        if sensor in node["sensor"].to_numpy():
            own = series(node, sensor)
            line = pd.Series(own.value.astype(float), index=pd.DatetimeIndex(own.time))
            return line[line.index <= at]
    return pd.Series(dtype=float)


def marked(found: pd.DataFrame, city: City, at: pd.Timestamp) -> pd.DataFrame:
    """Take the level off alarms of sensors in doubt, and say so.

    Parameters
    ----------
    found : DataFrame
        Findings of limits, with those of `data_findings`.
    city : City
    at : Timestamp

    Returns
    -------
    DataFrame
        A methane or pressure finding of a sensor that was in doubt for half of its readings
        becomes one about the sensor, level 0; one in doubt for less keeps its level.
    """
    found = found.copy()
    odd = set(found.loc[(found["rule"] == RULE) & (found["method"] == "unit"), "sensor"])
    for finding in found.index[found["sensor"].isin(odd) & (found["rule"] != RULE)]:
        _silence(found, finding)
    alarms = found[(found["rule"] == "gas.methane") & (found["level"] > 0)]
    for sensor, graded in _graded_terminals(city, at) if len(alarms) else ():
        for finding, row in alarms[alarms["sensor"] == sensor].iterrows():
            until = row["until"] if pd.notna(row["until"]) else at
            here = (graded.index >= row["since"]) & (graded.index <= until)
            share = float(graded.loc[here, "doubt"].mean()) if here.any() else 0.0
            if share >= told()["faults"]["silent_share"]:
                _silence(found, str(finding))
            elif share > 0:
                _say(found, str(finding), _PARTLY)
    return found


def _silence(found: pd.DataFrame, finding: str) -> None:
    found.loc[finding, ["level", "health", "severity"]] = [0, True, SEVERITY[0]]
    _say(found, finding, _IN_DOUBT)


def _say(found: pd.DataFrame, finding: str, text: Text) -> None:
    found.loc[finding, "evidence_zh"] += text.zh
    found.loc[finding, "evidence_en"] += text.en
