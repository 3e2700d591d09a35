"""What decides in heating: the worst substations, the plants' make-up, homes in an outage.

Made once for each examination and stored with it, so that a page only shows it. Rows are told apart
by `facts["kind"]`: `substation`, `plant`, `cold`, or `missing` where nothing could be judged.
`kinds` stays empty: names of faults are rules of thumb and have no probability.
"""

import json

import numpy as np
import pandas as pd

from lifeline_kit.errors import NetworkError
from lifeline_kit.lifelines.heating.case_words import (
    Said,
    cold_words,
    missing_words,
    plant_words,
    substation_words,
)
from lifeline_kit.lifelines.heating.excess import Metered, daily_excess, metered, usual_back
from lifeline_kit.lifelines.heating.hourly import hourly
from lifeline_kit.lifelines.heating.makeup import makeup_share, settings
from lifeline_kit.lifelines.heating.outage import Outage, outage
from lifeline_kit.lifelines.heating.plants import PlantMakeup, plant_makeup
from lifeline_kit.lifelines.heating.substations import FAULTS
from lifeline_kit.lifelines.heating.supply import (
    HeatSupply,
    heat_supply,
    isolation,
    locate,
    suspect_pipes,
    told,
)
from lifeline_kit.methods.rules import utc_offset
from lifeline_kit.model.city import City
from lifeline_kit.model.tables import CASE_COLUMNS, table
from lifeline_kit.text import Text

_METERED = ("supply_temperature", "return_temperature", "flow")
_SUSPECTS = 5


def heating_cases(city: City, findings: pd.DataFrame, at: pd.Timestamp) -> pd.DataFrame:
    """Gather the cases of a city's heating.

    Parameters
    ----------
    city : City
        Readings with flags.
    findings : DataFrame
        Ids of open ones are kept with the asset that they are about; substations and plants are
        shown whether or not they called for one.
    at : Timestamp
        Nothing later is read.

    Returns
    -------
    DataFrame, index `case`
        `model.tables.CASE_COLUMNS`.
    """
    own = city.assets[city.assets["lifeline"] == "heating"]
    if own.empty:
        return table([], CASE_COLUMNS, "case")
    moment = at.to_datetime64()
    open_now = findings[findings["until"].isna() & (findings["level"] > 0)]
    ids = {str(asset): list(rows.index) for asset, rows in open_now.groupby("asset")}
    rows = _substation_rows(city, moment, ids) + _plant_rows(city, moment, ids)
    told_cold = outage(city, moment)
    if told_cold is not None:
        rows.append(_cold_row(told_cold))
    origin = city.assets["real_or_simulated"]
    usual = str(own["real_or_simulated"].mode().iloc[0])
    whole = [
        row | {"lifeline": "heating", "at": at, "kinds": "{}"}
        | {"real_or_simulated": origin[row["asset"]] if row["asset"] else usual}
        for row in rows
    ]  # fmt: skip
    return table(whole, CASE_COLUMNS, "case")


def _row(case: str, asset: str, facts: dict, said: Said, **rest: object) -> dict:
    return {
        "case": case,
        "asset": asset,
        "reasons_zh": "\n".join(each.zh for each in said.reasons),
        "reasons_en": "\n".join(each.en for each in said.reasons),
        "advice_zh": "\n".join(each.zh for each in said.advice),
        "advice_en": "\n".join(each.en for each in said.advice),
        "facts": json.dumps(facts, ensure_ascii=False),
    } | rest


def _missing(case: str, asset: str, facts: dict, missing: list[Text]) -> dict:
    facts = facts | _both("missing", missing)
    return _row(case, asset, facts, missing_words(missing))


def _both(name: str, texts: list[Text] | tuple[Text, ...]) -> dict:
    return {f"{name}_zh": [each.zh for each in texts], f"{name}_en": [each.en for each in texts]}


def _number(value: float, digits: int = 1) -> float | None:
    return round(float(value), digits) if np.isfinite(value) else None


def _substation_rows(city: City, at: np.datetime64, ids: dict[str, list]) -> list[dict]:
    found = metered(city, at)
    if found is None:
        kinds = (city.assets["lifeline"] == "heating") & (city.assets["kind"] == "substation")
        lacking = _lacking(city) if kinds.any() else []
        facts = {"kind": "missing"}
        return [_missing("heating.substations", "", facts, lacking)] if lacking else []
    ahead = utc_offset(city.time_zone, at)
    sensors = city.sensors[city.sensors["quantity"].isin(_METERED)]
    by_asset = sensors.groupby("asset", observed=True)
    rows = []
    worst = found.table[(found.table["excess_m3"] > 0) | (found.table["fault"] != "")]
    for name, row in worst.head(told()["substations"]["most"]).iterrows():
        own = by_asset.get_group(name).drop_duplicates("quantity")
        places = dict(zip(own["quantity"], own.index, strict=True))
        facts = _substation_facts(found, str(name), row, ahead)
        facts |= {"sensors": places, "findings": ids.get(str(name), [])}
        since = row["since"] - ahead if row["fault"] else pd.NaT
        rows.append(
            _row(
                f"heating.substation:{name}",
                str(name),
                facts,
                substation_words(row, len(found.table), found.missing),
                sensor=str(places["return_temperature"]),
                since=since,
            )
        )
    return rows


def _lacking(city: City) -> list[Text]:
    """Say what is not measured that substations are judged by."""
    own = city.sensors[city.sensors["lifeline"] == "heating"]
    lacking = []
    if not set(_METERED) <= set(own["quantity"]):
        lacking.append(
            Text(
                "没有同时测供、回水温度和流量的换热站",
                "no substation measures supply, return and flow",
            )
        )
    if not (city.sensors["quantity"] == "air_temperature").any():
        lacking.append(Text("没有气温测点", "no air temperature is measured"))
    return lacking or [Text("换热站读数不足", "too few readings at the substations")]


def _substation_facts(found: Metered, name: str, row: pd.Series, ahead: np.timedelta64) -> dict:
    days = round(told()["substations"]["shown_days"])
    fault = str(row["fault"])
    facts: dict = {
        "kind": "substation",
        "rank": int(row["rank"]),
        "of": len(found.table),
        "days": round(float(row["hours"]) / 24.0, 1),
        "fault": fault,
        "open": bool(fault) and pd.isna(row["until"]),
        "daily_m3": daily_excess(found, name, days),
        "usual_back": [
            [str(np.datetime64(time) - ahead.astype("timedelta64[m]")), value]
            for time, value in usual_back(found, name, days)
        ],
    }
    for key in ("excess_m3", "excess_kwh", "excess_cny", "month_m3", "month_kwh", "month_cny"):
        facts[key] = _number(row[key], 0)
    for key in ("cooling_k", "peer_cooling_k", "deviation", "base_kw", "slope_kw_per_k"):
        facts[key] = _number(row[key], 2)
    facts["change_c"] = _number(row["change_c"])
    if fault:
        facts |= {"fault_zh": FAULTS[fault].zh, "fault_en": FAULTS[fault].en}
        facts["score"] = _number(row["score"])
    return facts | _both("missing", found.missing)


def _plant_rows(city: City, at: np.datetime64, ids: dict[str, list]) -> list[dict]:
    watched = {own.plant: own for own in plant_makeup(city, "heating", at)}
    circulating = hourly(city, "heating", "flow", at, kind="plant").tail(24).median()
    plants = city.assets[(city.assets["lifeline"] == "heating") & (city.assets["kind"] == "plant")]
    supply: HeatSupply | None = None
    rows = []
    for plant in [str(each) for each in plants.index]:
        own = watched.get(plant)
        if own is None or own.leak is None:
            short = Text("补水历史不足，未判别泄漏", "too short a history of make-up: not judged")
            none = Text("没有补水流量测点", "no make-up flow is measured")
            facts = {"kind": "plant"}
            rows.append(_missing(f"heating.plant:{plant}", plant, facts, [short if own else none]))
            continue
        facts, missing, since = _plant_facts(own, circulating.get(plant, np.nan))
        facts["findings"] = ids.get(plant, [])
        if since is not None:
            supply = supply or _supply(city, at)
            facts |= _where(city, own, supply, (since, at), missing)
        facts |= _both("missing", missing)
        sensors = city.sensors
        flow = sensors.index[(sensors["asset"] == plant) & (sensors["quantity"] == "makeup_flow")]
        rows.append(
            _row(
                f"heating.plant:{plant}", plant, facts, plant_words(facts, missing),
                sensor=str(flow[0]), since=pd.NaT if since is None else since,
            )
        )  # fmt: skip
    return rows


def _plant_facts(
    own: PlantMakeup, circulating: float
) -> tuple[dict, list[Text], np.datetime64 | None]:
    """Numbers of a plant, what is missing, and since when a leak is open."""
    assert own.watch is not None
    assert own.leak is not None
    normal, missing = settings()["normal"], []
    now = (
        float(np.nanmean(own.flow.to_numpy()[-24:])) if own.flow.tail(24).notna().any() else np.nan
    )
    share = makeup_share(now, float(circulating))
    if not np.isfinite(share):
        missing.append(
            Text("没有循环流量，未比较补水率", "no circulating flow: share of make-up not compared")
        )
    facts: dict = {
        "kind": "plant",
        "usual_m3_h": _number(own.watch.usual_m3_h, 2),
        "now_m3_h": _number(now, 2),
        "circulating_m3_h": _number(float(circulating)),
        "share": _number(share, 5),
        "norm": normal["primary_share"],
        "norm_source": normal["source"],
        "norm_source_zh": normal["source_zh"],
        "norm_verified": bool(normal["verified"]),
        "open": bool(own.named.size and own.named[-1]),
        "daily_m3_h": [_number(v, 2) for v in own.flow.resample("1D").mean().tail(14)],
    }
    if not facts["open"]:
        return facts, missing, None
    begin = int(own.named.size - np.argmin(own.named[::-1])) if not own.named.all() else 0
    last = (own.leak.leak_m3_h[-1], own.leak.low_m3_h[-1], own.leak.high_m3_h[-1])
    for key, value in zip(("leak_m3_h", "low_m3_h", "high_m3_h"), last, strict=True):
        facts[key] = _number(value, 2)
    return facts, missing, own.times[begin]


def _supply(city: City, at: np.datetime64) -> HeatSupply | None:
    try:
        return heat_supply(city, at)
    except NetworkError:  # said by a finding on the data
        return None


def _where(
    city: City,
    own: PlantMakeup,
    supply: HeatSupply | None,
    span: tuple[np.datetime64, np.datetime64],
    missing: list[Text],
) -> dict:
    """Suspected pipes of an open leak and how to isolate the likeliest."""
    if supply is None:
        missing.append(
            Text(
                "管网数据不足，未定位、未定关阀方案",
                "no usable network: neither located nor isolated",
            )
        )
        return {}
    assert own.leak is not None
    size = tuple(
        float(each[-1]) for each in (own.leak.leak_m3_h, own.leak.low_m3_h, own.leak.high_m3_h)
    )
    suspects, why = locate(city, supply, span[0], span[1], size)
    if suspects is None:
        missing.append(why or Text("", ""))
        return {}
    missing.append(
        Text(
            "回水侧没有压力测点：按供水侧泄漏定位",
            "no pressure in the return: placed as if on the supply side",
        )
    )
    limits = told()["leak"]
    searched = suspects.within(limits["share"]).size / suspects.nodes.size
    pipes = suspect_pipes(supply, suspects)
    facts: dict = {"searched_share": _number(searched, 3), "vague": searched > limits["vague"]}
    if facts["vague"]:
        missing.append(
            Text(
                f"压力变化不足以定位（候选占全网 {searched:.0%}）",
                f"pressures do not tell where: {searched:.0%} of the network is left",
            )
        )
        return facts
    facts["suspects"] = [[str(k), _number(v, 4)] for k, v in pipes.head(_SUSPECTS).items()]
    facts["isolation"] = isolation(supply, str(pipes.index[0]))
    return facts


def _cold_row(found: Outage) -> dict:
    columns = ("people", "vulnerable", "blankets_18", "blankets_12", "boiler_kw")
    groups = []
    for group, row in found.groups.iterrows():
        entry: dict = {"group": str(group), "age": row["age"]}
        if "hours_18" in found.groups:
            entry |= {key: _number(row[key], 0) for key in columns}
            entry |= {key: _number(row[key]) for key in ("room_c", "hours_18", "hours_12")}
            entry |= {key: _number(row[key]) for key in ("early", "late")}
            entry["rooms"] = int(row["rooms"])
        groups.append(entry)
    facts = {
        "kind": "cold",
        "told": "hours_18" in found.groups,
        "horizon_h": told()["outage"]["horizon_h"],
        "back_after_h": told()["outage"]["back_after_h"],
        "outdoor_c": _number(found.outdoor_c),
        "groups": groups,
    }
    facts |= _both("assumed", found.assumed) | _both("missing", found.missing)
    return _row("heating.cold", "", facts, cold_words(found))
